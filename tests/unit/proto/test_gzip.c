/* Messages compressed and decompressed. */
#include "proto/gzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_gzip_there_and_back(void **state)
{
	(void)state;
	struct gzip *gzip = gzip_new();
	struct buffer packed = {0}, back = {0};
	static uint8_t data[300000];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i / 100);
	for (int round = 0; round < 3; round++) {
		packed.start = packed.end = back.start = back.end = 0;
		assert_true(gzip_deflate(gzip, bytes_of(data, sizeof(data)), &packed));
		assert_true(buffer_len(&packed) < sizeof(data) / 10);
		assert_int_equal(gzip_inflate(gzip, buffer_bytes(&packed), sizeof(data), &back),
		                 GZIP_OK);
		assert_int_equal(buffer_len(&back), sizeof(data));
		assert_memory_equal(back.data, data, sizeof(data));
		assert_int_equal(gzip_inflate(gzip, buffer_bytes(&packed), sizeof(data) - 1, &back),
		                 GZIP_TOO_LARGE);
		assert_int_equal(buffer_len(&back), sizeof(data));
	}
	buffer_deinit(&packed);
	buffer_deinit(&back);
	gzip_free(gzip);
}

static void test_what_does_not_get_shorter_is_left(void **state)
{
	(void)state;
	struct gzip *gzip = gzip_new();
	struct buffer packed = {0};
	assert_false(gzip_deflate(gzip, bytes_of("abc", 3), &packed));
	assert_false(gzip_deflate(gzip, bytes_of("", 0), &packed));
	assert_int_equal(buffer_len(&packed), 0);
	buffer_deinit(&packed);
	gzip_free(gzip);
}

/* Every byte of a gzip file matters: cut anywhere, changed anywhere, or longer, it is none. */
static void test_what_is_no_gzip(void **state)
{
	(void)state;
	struct gzip *gzip = gzip_new();
	struct buffer packed = {0}, out = {0};
	static const uint8_t zeros[2000];
	assert_true(gzip_deflate(gzip, bytes_of(zeros, sizeof(zeros)), &packed));
	size_t len = buffer_len(&packed);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(gzip_inflate(gzip, bytes_of(packed.data, i), 4000, &out),
		                 GZIP_MALFORMED);
	for (size_t i = 1; i <= 8; i++) { /* the checksum and the length at its end */
		packed.data[len - i] ^= 1;
		assert_int_equal(gzip_inflate(gzip, bytes_of(packed.data, len), 4000, &out),
		                 GZIP_MALFORMED);
		packed.data[len - i] ^= 1;
	}
	assert_true(buffer_append(&packed, "x", 1));
	assert_int_equal(gzip_inflate(gzip, buffer_bytes(&packed), 4000, &out), GZIP_MALFORMED);
	assert_int_equal(buffer_len(&out), 0);
	buffer_deinit(&packed);
	buffer_deinit(&out);
	gzip_free(gzip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gzip_there_and_back),
		cmocka_unit_test(test_what_does_not_get_shorter_is_left),
		cmocka_unit_test(test_what_is_no_gzip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
