#include "proto/reader.h"
#include "tests/bench/histogram.h"
#include "tests/bench/process.h"
#include "tests/bench/workload.h"
#include "tests/support/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void test_percentiles_are_within_a_bucket(void **state)
{
	(void)state;
	static struct histogram histogram;
	for (uint64_t i = 1; i <= 100000; i++)
		histogram_record(&histogram, i);
	for (int percent = 1; percent <= 100; percent++) {
		uint64_t exact = (uint64_t)percent * 1000;
		uint64_t got = histogram_percentile(&histogram, percent / 100.0);
		assert_in_range(got, exact, exact + exact / 64 + 1);
	}
	assert_int_equal(histogram.max_ns, 100000);
}

static void test_small_values_are_exact(void **state)
{
	(void)state;
	static struct histogram histogram;
	for (uint64_t i = 0; i < 128; i++)
		histogram_record(&histogram, i);
	assert_int_equal(histogram_percentile(&histogram, 0.5), 63);
	assert_int_equal(histogram_percentile(&histogram, 1), 127);
}

static void test_an_empty_histogram_says_zero(void **state)
{
	(void)state;
	static struct histogram histogram;
	assert_int_equal(histogram_percentile(&histogram, 0.99), 0);
}

static void test_the_longest_times_have_a_bucket(void **state)
{
	(void)state;
	static struct histogram histogram;
	histogram_record(&histogram, UINT64_MAX);
	histogram_record(&histogram, 1);
	assert_int_equal(histogram.counts[HISTOGRAM_BUCKETS - 1], 1);
	assert_int_equal(histogram_percentile(&histogram, 0.5), 1);
}

static void test_echo_wants_its_own_bytes_back(void **state)
{
	(void)state;
	struct workload workload;
	uint8_t request[128];
	assert_true(workload_echo_init(&workload, 64));
	assert_int_equal(workload.body_max, 66);
	struct writer writer = writer_init(request, sizeof request);
	uint64_t asked = workload_write(&workload, &writer);
	assert_int_equal(writer.at - request, 66);
	assert_true(workload_right(&workload, asked, bytes_of(request, 66)));
	assert_false(workload_right(&workload, asked, bytes_of(request, 65)));
	request[40] ^= 1;
	assert_false(workload_right(&workload, asked, bytes_of(request, 66)));
	workload_deinit(&workload);
}

static void test_stories_are_asked_for_by_organization_and_id(void **state)
{
	(void)state;
	struct workload workload;
	uint8_t request[32];
	assert_true(workload_range_init(&workload, &(struct story_range){300, 1000, 1009, 0}));
	for (int i = 0; i < 100; i++) {
		struct writer writer = writer_init(request, workload.body_max);
		uint64_t asked = workload_write(&workload, &writer);
		struct reader reader =
			reader_init(bytes_of(request, (size_t)(writer.at - request)));
		assert_false(writer.failed);
		assert_int_equal(reader_u8(&reader), 0x08);
		assert_int_equal(reader_varint(&reader), 300);
		assert_int_equal(reader_u8(&reader), 0x10);
		assert_int_equal(reader_varint(&reader), asked);
		assert_in_range(asked, 1000, 1009);
		assert_int_equal(reader_left(&reader), 0);
	}
	workload_deinit(&workload);
}

static void test_each_create_has_its_own_request_id(void **state)
{
	(void)state;
	struct workload workload;
	uint8_t requests[2][160];
	assert_true(workload_create_init(&workload, &(struct story_range){1, 7, 7, 0}));
	assert_true(workload.body_max <= sizeof requests[0]);
	size_t length = 0;
	for (int i = 0; i < 2; i++) {
		struct writer writer = writer_init(requests[i], workload.body_max);
		(void)workload_write(&workload, &writer);
		assert_false(writer.failed);
		length = (size_t)(writer.at - requests[i]);
	}
	assert_memory_equal(requests[0], requests[1], length - 36);
	assert_memory_not_equal(requests[0] + length - 36, requests[1] + length - 36, 36);
	workload_deinit(&workload);
}

static void test_a_page_is_asked_for_by_its_token(void **state)
{
	(void)state;
	struct workload workload;
	uint8_t request[64];
	static const char wanted[] = "\x08\x01\x10\x07\x20\x04\x38\x32\x42\x03tok\x48\x01";
	const struct story_page page = {.size = 50, .order = 4, .total = true, .token = "tok"};
	assert_true(workload_list_init(&workload, &(struct story_range){1, 7, 7, 0}, &page));
	assert_int_equal(workload.body_max, sizeof wanted - 1);
	struct writer writer = writer_init(request, sizeof request);
	(void)workload_write(&workload, &writer);
	assert_memory_equal(request, wanted, sizeof wanted - 1);
	workload_deinit(&workload);
}

static void test_a_range_goes_over_organizations(void **state)
{
	(void)state;
	struct workload workload;
	struct story_range range = {.organization = 7, .per_organization = 3};
	assert_true(story_range_parse("10-15", &range));
	assert_true(workload_range_init(&workload, &range));
	assert_int_equal(workload.key_count, 6);
	assert_int_equal(workload.keys[2].organization, 7);
	assert_int_equal(workload.keys[3].organization, 8);
	assert_int_equal(workload.keys[3].id, 13);
	workload_deinit(&workload);
	assert_true(story_range_parse("5", &range));
	assert_int_equal(range.last, 5);
	assert_false(story_range_parse("5-", &range));
	assert_false(story_range_parse("6-5", &range));
	assert_false(story_range_parse("0-5", &range));
	assert_false(story_range_parse("1-5x", &range));
}

static void test_a_story_is_known_by_its_id(void **state)
{
	(void)state;
	struct workload workload;
	uint8_t answer[64] = {0x08, 0x85, 0x08};
	assert_true(workload_range_init(&workload, &(struct story_range){1, 1, 1, 0}));
	assert_true(workload_right(&workload, 0x405, bytes_of(answer, sizeof answer)));
	assert_false(workload_right(&workload, 0x406, bytes_of(answer, sizeof answer)));
	assert_false(workload_right(&workload, 0x405, bytes_of(answer, 3)));
	workload_deinit(&workload);
}

static void test_a_file_of_stories(void **state)
{
	(void)state;
	struct workload workload;
	char path[64], message[WORKLOAD_MESSAGE_SIZE] = "";
	file_make(path, "1 10\n2 20\n");
	assert_true(workload_file_init(&workload, path, message));
	assert_int_equal(workload.key_count, 2);
	assert_int_equal(workload.keys[1].organization, 2);
	assert_int_equal(workload.keys[1].id, 20);
	workload_deinit(&workload);
	unlink(path);
	assert_false(workload_file_init(&workload, path, message));
	assert_non_null(strstr(message, "cannot read"));
}

static void test_a_broken_file_of_stories_is_named_with_its_line(void **state)
{
	(void)state;
	struct workload workload;
	char path[64], message[WORKLOAD_MESSAGE_SIZE] = "";
	file_make(path, "1 10\n2 x\n");
	assert_false(workload_file_init(&workload, path, message));
	assert_non_null(strstr(message, "line 2"));
	unlink(path);
}

static void test_what_processes_use(void **state)
{
	(void)state;
	uint64_t own = 0, family = 0, kib = 0;
	assert_true(process_cpu_us(getpid(), &own));
	assert_true(process_family_cpu_us(getpid(), &family));
	assert_true(process_anonymous_kib(getpid(), &kib));
	assert_true(family >= own);
	assert_true(kib > 0);
	assert_false(process_cpu_us(INT32_MAX, &own));
	assert_false(process_family_cpu_us(INT32_MAX, &own));
	assert_false(process_anonymous_kib(INT32_MAX, &own));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles_are_within_a_bucket),
		cmocka_unit_test(test_small_values_are_exact),
		cmocka_unit_test(test_an_empty_histogram_says_zero),
		cmocka_unit_test(test_the_longest_times_have_a_bucket),
		cmocka_unit_test(test_echo_wants_its_own_bytes_back),
		cmocka_unit_test(test_stories_are_asked_for_by_organization_and_id),
		cmocka_unit_test(test_each_create_has_its_own_request_id),
		cmocka_unit_test(test_a_page_is_asked_for_by_its_token),
		cmocka_unit_test(test_a_range_goes_over_organizations),
		cmocka_unit_test(test_a_story_is_known_by_its_id),
		cmocka_unit_test(test_a_file_of_stories),
		cmocka_unit_test(test_a_broken_file_of_stories_is_named_with_its_line),
		cmocka_unit_test(test_what_processes_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
