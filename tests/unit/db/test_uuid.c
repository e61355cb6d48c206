#include "db/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_text(void **state)
{
	struct uuid uuid;
	char text[UUID_TEXT_SIZE];
	(void)state;
	assert_true(uuid_parse("00FF1234-abcd-ABCD-8000-0123456789aB", &uuid));
	assert_int_equal(uuid.byte[0], 0);
	assert_int_equal(uuid.byte[1], 0xff);
	assert_int_equal(uuid.byte[15], 0xab);
	uuid_format(&uuid, text);
	assert_string_equal(text, "00ff1234-abcd-abcd-8000-0123456789ab");
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {
		"",
		"00ff1234-abcd-abcd-8000-0123456789a",
		"00ff1234-abcd-abcd-8000-0123456789abc",
		"00ff1234-abcd-abcd-8000-0123456789ag",
		"00ff1234abcdabcd80000123456789ab",
		"00ff1234-abcd-abcd-80000-123456789ab",
		"{0ff1234-abcd-abcd-8000-0123456789ab}",
		" 0ff1234-abcd-abcd-8000-0123456789ab",
		"00ff1234-abcd-abcd-8000-0123456789ab ",
		"00ff1234-abcd\0abcd-8000-0123456789ab",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct uuid uuid = {{42}};
		assert_false(uuid_parse(bad[i], &uuid));
		assert_int_equal(uuid.byte[0], 42);
	}
}

static void test_random(void **state)
{
	(void)state;
	struct uuid a = uuid_random(), b = uuid_random();
	assert_int_equal(a.byte[6] >> 4, 4);
	assert_int_equal(a.byte[8] >> 6, 2);
	assert_memory_not_equal(a.byte, b.byte, sizeof(a.byte));
}

static void test_ordered(void **state)
{
	struct uuid last = uuid_ordered(1700000000000);
	(void)state;
	assert_int_equal(last.byte[0], 0x01);
	assert_int_equal(last.byte[1], 0x8b);
	assert_int_equal(last.byte[5], 1700000000000 & 0xff);
	for (int i = 0; i < 20000; i++) {
		/* Many in a millisecond, and a clock that steps back now and then. */
		uint64_t now_ms = (uint64_t)(1700000000000 + i / 9000 - (i % 100 == 0 ? 5000 : 0));
		struct uuid next = uuid_ordered(now_ms);
		assert_true(memcmp(last.byte, next.byte, sizeof(next.byte)) < 0);
		assert_int_equal(next.byte[6] >> 4, 7);
		assert_int_equal(next.byte[8] >> 6, 2);
		last = next;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_ordered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
