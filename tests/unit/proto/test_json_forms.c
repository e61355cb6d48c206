/* The texts that JSON has for names, bytes, numbers and times. */
#include "proto/base64.h"
#include "proto/json_number.h"
#include "proto/json_place.h"
#include "proto/json_text.h"
#include "proto/json_time.h"
#include "tests/unit/proto/support.h"

#include <float.h>
#include <limits.h>
#include <math.h>

/* --- names -------------------------------------------------------------------------- */

static void names_are_lower_camel_case(void **state)
{
	(void)state;
	static const char *const NAMES[][2] = {
		{"id", "id"},
		{"project_id", "projectId"},
		{"a_b_c", "aBC"},
		{"_odd__x", "OddX"},
		{"two_2b", "two2b"},
		{"URLPath", "URLPath"},
		{"trailing_", "trailing"},
	};
	for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
		char name[32];
		assert_int_equal(json_name(NAMES[i][0], name, sizeof name), strlen(NAMES[i][1]));
		assert_string_equal(name, NAMES[i][1]);
		assert_true(json_name_is(NAMES[i][0], NAMES[i][0]));
		assert_true(json_name_is(NAMES[i][0], NAMES[i][1]));
	}
	char cut[5];
	assert_int_equal(json_name("project_id", cut, sizeof cut), 9);
	assert_string_equal(cut, "proj");
	assert_false(json_name_is("project_id", "projectI"));
	assert_false(json_name_is("project_id", "projectIdx"));
	assert_false(json_name_is("project_id", "ProjectId"));
}

static void paths_of_masks_go_both_ways_or_not_at_all(void **state)
{
	(void)state;
	char out[64];
	assert_true(json_path_write("story.project_id.x", out));
	assert_string_equal(out, "story.projectId.x");
	assert_true(json_path_read(bytes_of_string(out), out + 32));
	assert_string_equal(out + 32, "story.project_id.x");
	static const char *const NO_PATHS[] = {"", "fooBar", "a__b", "a_", "a_1", "a-b", "a,b"};
	for (size_t i = 0; i < sizeof NO_PATHS / sizeof *NO_PATHS; i++)
		assert_false(json_path_write(NO_PATHS[i], out));
	assert_false(json_path_read(bytes_of_string("project_id"), out));
	assert_false(json_path_read(bytes_of_string("a b"), out));
	assert_false(json_path_read(bytes_of_string(""), out));
}

static void the_distance_of_names_counts_slips(void **state)
{
	(void)state;
	assert_int_equal(json_distance("projectId", "project_id"), 0);
	assert_int_equal(json_distance("titel", "title"), 1);
	assert_int_equal(json_distance("titl", "title"), 1);
	assert_int_equal(json_distance("tittle", "title"), 1);
	assert_int_equal(json_distance("kitten", "sitting"), 3);
	assert_int_equal(json_distance("", "abc"), 3);
	char longer[80] = {0};
	memset(longer, 'a', 65);
	assert_int_equal(json_distance(longer, "a"), UINT_MAX);
	longer[64] = '\0';
	assert_int_equal(json_distance(longer, "a"), 63);
	assert_int_equal(json_distance(longer, longer), 0);
}

/* --- bytes -------------------------------------------------------------------------- */

static void base64_is_rfc_4648_s(void **state)
{
	(void)state;
	static const char *const VECTORS[][2] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
		{"\xfb\xff\xbf", "+/+/"},
	};
	for (size_t i = 0; i < sizeof VECTORS / sizeof *VECTORS; i++) {
		struct bytes data = bytes_of_string(VECTORS[i][0]);
		char text[16] = {0};
		uint8_t back[16];
		size_t len;
		base64_write(data, text);
		assert_int_equal(base64_text_len(data.len), strlen(VECTORS[i][1]));
		assert_string_equal(text, VECTORS[i][1]);
		assert_true(base64_read(bytes_of_string(text), back, &len));
		assert_bytes(bytes_of(back, len), VECTORS[i][0]);
	}
}

static void base64_is_read_in_both_alphabets_with_and_without_padding(void **state)
{
	(void)state;
	uint8_t out[16];
	size_t len;
	assert_true(base64_read(bytes_of_string("-_-_"), out, &len));
	assert_bytes(bytes_of(out, len), "\xfb\xff\xbf");
	assert_true(base64_read(bytes_of_string("Zm8"), out, &len));
	assert_bytes(bytes_of(out, len), "fo");
	static const char *const NONE[] = {"Z",     "Zm9v=", "Zg=",      "Zg===",           "====",
	                                   "Zm 9v", "Zm9\n", "Zg==Zg==", "\xc3\xa4\xc3\xa4"};
	for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++)
		assert_false(base64_read(bytes_of_string(NONE[i]), out, &len));
}

/* --- numbers ------------------------------------------------------------------------ */

static void floating_point_numbers_read_back_as_they_were(void **state)
{
	(void)state;
	uint64_t seed = 1;
	for (int i = 0; i < 20000; i++) {
		char text[JSON_NUMBER_SIZE];
		uint64_t bits = random_next(&seed);
		double big;
		float small;
		memcpy(&big, &bits, sizeof big);
		memcpy(&small, &bits, sizeof small);
		if (isfinite(big)) {
			size_t len = json_double_write(big, text);
			assert_int_equal(len, strlen(text));
			assert_true(strtod(text, NULL) == big);
		}
		if (isfinite(small)) {
			size_t len = json_float_write(small, text);
			assert_int_equal(len, strlen(text));
			assert_true(strtof(text, NULL) == small);
		}
	}
}

static void assert_double(double value, const char *expected)
{
	char text[JSON_NUMBER_SIZE];
	(void)json_double_write(value, text);
	assert_string_equal(text, expected);
}

static void floating_point_numbers_are_short(void **state)
{
	(void)state;
	char text[JSON_NUMBER_SIZE];
	assert_double(0.1, "0.1");
	assert_double(1, "1");
	assert_double(0, "0");
	assert_double(-0.0, "-0.0");
	assert_double(1e300, "1e+300");
	assert_double((double)NAN, "\"NaN\"");
	assert_double((double)INFINITY, "\"Infinity\"");
	assert_double(-(double)INFINITY, "\"-Infinity\"");
	(void)json_float_write(0.1F, text);
	assert_string_equal(text, "0.1");
	(void)json_float_write(FLT_MAX, text);
	assert_string_equal(text, "3.4028235e+38");
}

static void integers_keep_all_their_bits(void **state)
{
	(void)state;
	struct json_integer integer;
	assert_int_equal(json_integer_of_digits(bytes_of_string("18446744073709551615"), &integer),
	                 JSON_INTEGER_GOOD);
	assert_true(json_integer_bits(integer) == UINT64_MAX);
	assert_int_equal(json_integer_of_digits(bytes_of_string("-9223372036854775808"), &integer),
	                 JSON_INTEGER_GOOD);
	assert_true((int64_t)json_integer_bits(integer) == INT64_MIN);
	static const char *const NONE[] = {"", "-", "+1", " 1", "1 ", "0x1", "1.0"};
	for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++)
		assert_int_equal(json_integer_of_digits(bytes_of_string(NONE[i]), &integer),
		                 JSON_INTEGER_OTHER);
	assert_int_equal(json_integer_of_digits(bytes_of_string("18446744073709551616"), &integer),
	                 JSON_INTEGER_HUGE);
	assert_int_equal(json_integer_of_double(1e18, &integer), JSON_INTEGER_GOOD);
	assert_true(integer.magnitude == UINT64_C(1000000000000000000));
	assert_int_equal(json_integer_of_double(0.5, &integer), JSON_INTEGER_FRACTION);
	assert_int_equal(json_integer_of_double(-1e20, &integer), JSON_INTEGER_HUGE);
}

/* --- times -------------------------------------------------------------------------- */

static void timestamps_are_rfc_3339_s(void **state)
{
	(void)state;
	static const struct {
		int64_t seconds;
		int32_t nanos;
		const char *text;
	} TIMES[] = {
		{0, 0, "1970-01-01T00:00:00Z"},
		{-1, 0, "1969-12-31T23:59:59Z"},
		{1709251199, 250000000, "2024-02-29T23:59:59.250Z"},
		{951782400, 1000, "2000-02-29T00:00:00.000001Z"},
		{951868800, 1, "2000-03-01T00:00:00.000000001Z"},
		{INT64_C(-62135596800), 0, "0001-01-01T00:00:00Z"},
		{INT64_C(253402300799), 999999999, "9999-12-31T23:59:59.999999999Z"},
	};
	for (size_t i = 0; i < sizeof TIMES / sizeof *TIMES; i++) {
		char text[JSON_TIME_SIZE];
		int64_t seconds = 0;
		int32_t nanos = 0;
		assert_int_equal(timestamp_write(TIMES[i].seconds, TIMES[i].nanos, text),
		                 strlen(TIMES[i].text));
		assert_string_equal(text, TIMES[i].text);
		assert_true(timestamp_read(bytes_of_string(text), &seconds, &nanos));
		assert_true(seconds == TIMES[i].seconds);
		assert_int_equal(nanos, TIMES[i].nanos);
	}
}

static void timestamps_go_both_ways_at_any_time(void **state)
{
	(void)state;
	uint64_t seed = 2;
	for (int i = 0; i < 20000; i++) {
		char text[JSON_TIME_SIZE];
		int64_t seconds = INT64_C(-62135596800) +
		                  (int64_t)(random_next(&seed) % UINT64_C(315537897600));
		int32_t nanos = (int32_t)random_below(&seed, 1000000000), nanos_back;
		int64_t seconds_back;
		assert_true(timestamp_write(seconds, nanos, text) > 0);
		assert_true(timestamp_read(bytes_of_string(text), &seconds_back, &nanos_back));
		assert_true(seconds_back == seconds && nanos_back == nanos);
	}
}

static void timestamps_may_have_an_offset(void **state)
{
	(void)state;
	int64_t seconds;
	int32_t nanos;
	assert_true(timestamp_read(bytes_of_string("1970-01-01T01:30:00+01:30"), &seconds, &nanos));
	assert_int_equal(seconds, 0);
	assert_true(
		timestamp_read(bytes_of_string("1969-12-31T23:00:00.5-01:00"), &seconds, &nanos));
	assert_int_equal(seconds, 0);
	assert_int_equal(nanos, 500000000);
}

static void what_is_no_time_is_refused(void **state)
{
	(void)state;
	static const char *const NONE[] = {
		"",
		"2024-02-29",
		"2024-02-29T00:00:00",
		"2023-02-29T00:00:00Z",
		"2024-13-01T00:00:00Z",
		"2024-00-01T00:00:00Z",
		"2024-01-32T00:00:00Z",
		"2024-01-01T24:00:00Z",
		"2024-01-01T00:60:00Z",
		"2024-01-01T00:00:60Z",
		"2024-01-01 00:00:00Z",
		"2024-01-01T00:00:00.Z",
		"2024-01-01T00:00:00.1234567890Z",
		"2024-01-01T00:00:00Z ",
		"2024-01-01T00:00:00+24:00",
		"2024-01-01T00:00:00+1:00",
		"0000-01-01T00:00:00Z",
		"0001-01-01T00:00:00+00:01",
		"9999-12-31T23:59:59-00:01",
		"24-01-01T00:00:00Z",
	};
	int64_t seconds;
	int32_t nanos;
	for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++)
		assert_false(timestamp_read(bytes_of_string(NONE[i]), &seconds, &nanos));
	char text[JSON_TIME_SIZE];
	assert_int_equal(timestamp_write(INT64_C(253402300800), 0, text), 0);
	assert_int_equal(timestamp_write(INT64_C(-62135596801), 0, text), 0);
	assert_int_equal(timestamp_write(0, -1, text), 0);
	assert_int_equal(timestamp_write(0, 1000000000, text), 0);
}

static void durations_go_both_ways(void **state)
{
	(void)state;
	static const struct {
		int64_t seconds;
		int32_t nanos;
		const char *text;
	} DURATIONS[] = {
		{0, 0, "0s"},
		{1, 500000000, "1.500s"},
		{-1, -500000000, "-1.500s"},
		{0, -1, "-0.000000001s"},
		{0, 1000, "0.000001s"},
		{INT64_C(315576000000), 0, "315576000000s"},
		{INT64_C(-315576000000), 0, "-315576000000s"},
	};
	for (size_t i = 0; i < sizeof DURATIONS / sizeof *DURATIONS; i++) {
		char text[JSON_TIME_SIZE];
		int64_t seconds;
		int32_t nanos;
		assert_true(duration_write(DURATIONS[i].seconds, DURATIONS[i].nanos, text) > 0);
		assert_string_equal(text, DURATIONS[i].text);
		assert_true(duration_read(bytes_of_string(text), &seconds, &nanos));
		assert_true(seconds == DURATIONS[i].seconds && nanos == DURATIONS[i].nanos);
	}
}

static void what_is_no_duration_is_refused(void **state)
{
	(void)state;
	static const char *const NONE[] = {"",
	                                   "s",
	                                   "1",
	                                   "-s",
	                                   "1.s",
	                                   ".5s",
	                                   "1.5",
	                                   "1 s",
	                                   "+1s",
	                                   "1.0000000001s",
	                                   "315576000001s",
	                                   "315576000000.1s",
	                                   "99999999999999999999999999s",
	                                   "1ss"};
	int64_t seconds;
	int32_t nanos;
	for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++)
		assert_false(duration_read(bytes_of_string(NONE[i]), &seconds, &nanos));
	char text[JSON_TIME_SIZE];
	assert_int_equal(duration_write(INT64_C(315576000001), 0, text), 0);
	assert_int_equal(duration_write(1, -1, text), 0);
	assert_int_equal(duration_write(-1, 1, text), 0);
	assert_int_equal(duration_write(0, 1000000000, text), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_lower_camel_case),
		cmocka_unit_test(paths_of_masks_go_both_ways_or_not_at_all),
		cmocka_unit_test(the_distance_of_names_counts_slips),
		cmocka_unit_test(base64_is_rfc_4648_s),
		cmocka_unit_test(base64_is_read_in_both_alphabets_with_and_without_padding),
		cmocka_unit_test(floating_point_numbers_read_back_as_they_were),
		cmocka_unit_test(floating_point_numbers_are_short),
		cmocka_unit_test(integers_keep_all_their_bits),
		cmocka_unit_test(timestamps_are_rfc_3339_s),
		cmocka_unit_test(timestamps_go_both_ways_at_any_time),
		cmocka_unit_test(timestamps_may_have_an_offset),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(durations_go_both_ways),
		cmocka_unit_test(what_is_no_duration_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
