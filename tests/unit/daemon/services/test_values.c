/* Columns as fields, and fields as parameters: the edges. */
#include "daemon/services/values.h"
#include "db/types.h"
#include "tests/unit/daemon/rpc/bare_call.h"
#include "tests/unit/daemon/rpc/script.h"

#include <endian.h>

static int set_up(void **state)
{
	*state = bare_call(LIMIT_CALL_ARENA);
	return 0;
}

static int tear_down(void **state)
{
	bare_call_free(*state);
	return 0;
}

#define UUID_1 "00000000-0000-4000-8000-0000000000ab"
#define UUID_2 "00000000-0000-4000-8000-0000000000cd"

/* --- from rows ------------------------------------------------------------------------------ */

static const struct column_spec columns[] = {
	{"uuid", DB_UUID, true}, {"at", DB_TIMESTAMPTZ, true}, {"day", DB_DATE, true}};
static const struct statement statement = {.name = "values", .column_count = 3, .columns = columns};

enum { UUID, AT, DAY };

enum { EPOCH_DAYS = 10957 }; /* from 1970 to PostgreSQL's 2000 */

static struct rows one_row(const char *uuid_text, int64_t unix_us, int32_t unix_days)
{
	static struct uuid uuid;
	static uint64_t at;
	static uint32_t day;
	assert_true(uuid_parse(uuid_text, &uuid));
	at = htobe64((uint64_t)(unix_us - EPOCH_DAYS * INT64_C(86400000000)));
	day = htobe32((uint32_t)(unix_days - EPOCH_DAYS));
	const struct cell cells[] = {{&uuid, sizeof(uuid)}, {&at, sizeof(at)}, {&day, sizeof(day)}};
	return script_rows(&statement, cells, 1);
}

static void null_leaves_a_field_as_it_was(void **state)
{
	struct call *call = *state;
	const struct cell nulls[3] = {{NULL, 0}};
	struct rows rows = script_rows(&statement, nulls, 1);
	char *text = "kept";
	Google__Protobuf__Timestamp *time = NULL;
	assert_int_equal(value_uuid(call, &rows, 0, UUID, &text), STATUS_OK);
	assert_int_equal(value_date(call, &rows, 0, DAY, &text), STATUS_OK);
	assert_string_equal(text, "kept");
	assert_int_equal(value_timestamp(call, &rows, 0, AT, &time), STATUS_OK);
	assert_null(time);
	rows_clear(&rows);
}

static void times_round_towards_the_past(void **state)
{
	struct call *call = *state;
	static const struct {
		int64_t us, seconds;
		int32_t nanos;
	} cases[] = {
		{0, 0, 0},           {1, 0, 1000},      {1700000000123456, 1700000000, 123456000},
		{-1, -1, 999999000}, {-1000000, -1, 0}, {-1000001, -2, 999999000},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rows rows = one_row(UUID_1, cases[i].us, 0);
		Google__Protobuf__Timestamp *time = NULL;
		assert_int_equal(value_timestamp(call, &rows, 0, AT, &time), STATUS_OK);
		assert_int_equal(time->seconds, cases[i].seconds);
		assert_int_equal(time->nanos, cases[i].nanos);
		rows_clear(&rows);
	}
}

static void uuids_and_dates_become_text(void **state)
{
	struct call *call = *state;
	static const struct {
		int32_t days;
		const char *text;
	} cases[] = {
		{0, "1970-01-01"},      {-1, "1969-12-31"},     {19782, "2024-02-29"},
		{-25509, "1900-02-28"}, {-25508, "1900-03-01"}, {2932896, "9999-12-31"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rows rows = one_row(UUID_1, 0, cases[i].days);
		char *uuid = NULL, *date = NULL;
		assert_int_equal(value_uuid(call, &rows, 0, UUID, &uuid), STATUS_OK);
		assert_string_equal(uuid, UUID_1);
		assert_int_equal(value_date(call, &rows, 0, DAY, &date), STATUS_OK);
		assert_string_equal(date, cases[i].text);
		int32_t days;
		assert_true(value_date_read(date, &days));
		assert_int_equal(days, cases[i].days);
		rows_clear(&rows);
	}
	int32_t days = 1;
	assert_false(value_date_read("", &days));
	assert_int_equal(days, 0);
}

static void keys_have_every_digit(void **state)
{
	struct call *call = *state;
	static const struct {
		int64_t number;
		const char *key;
	} cases[] = {
		{1, "PRJ-1"}, {10, "PRJ-10"}, {0, "PRJ-0"}, {INT64_MAX, "PRJ-9223372036854775807"}};
	for (size_t i = 0; i < 4; i++) {
		char *key = NULL;
		assert_int_equal(value_story_key(call, "PRJ", cases[i].number, &key), STATUS_OK);
		assert_string_equal(key, cases[i].key);
	}
}

static void enums_are_found_by_their_text(void **state)
{
	(void)state;
	static const char *const texts[] = {NULL, "low", "high"};
	assert_int_equal(VALUE_ENUM("low", texts), 1);
	assert_int_equal(VALUE_ENUM("high", texts), 2);
	assert_int_equal(VALUE_ENUM("", texts), 0);
	assert_int_equal(VALUE_ENUM("LOW", texts), 0);
}

static void without_memory_that_is_said(void **state)
{
	(void)state;
	struct call *call = bare_call(0);
	struct rows rows = one_row(UUID_1, 0, 0);
	char *text;
	Google__Protobuf__Timestamp *time;
	assert_int_equal(value_uuid(call, &rows, 0, UUID, &text), STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(value_date(call, &rows, 0, DAY, &text), STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(value_timestamp(call, &rows, 0, AT, &time), STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(value_story_key(call, "A", 1, &text), STATUS_RESOURCE_EXHAUSTED);
	rows_clear(&rows);
	bare_call_free(call);
}

/* --- from messages -------------------------------------------------------------------------- */

static void what_proto3_leaves_out_is_null(void **state)
{
	(void)state;
	assert_null(value_text(""));
	assert_string_equal(value_text("x"), "x");
	static const struct uuid nil;
	struct uuid uuid = {{7}};
	value_uuid_read("", &uuid);
	assert_memory_equal(&uuid, &nil, sizeof(nil));
	value_uuid_read(UUID_1, &uuid);
	assert_int_equal(uuid.byte[15], 0xab);
}

static void lists_of_ids_are_read(void **state)
{
	struct call *call = *state;
	char *const texts[] = {UUID_2, "00000000-0000-4000-8000-0000000000AB"};
	const struct uuid *uuids = NULL;
	assert_int_equal(value_uuids_read(call, texts, 2, &uuids), STATUS_OK);
	assert_int_equal(uuids[0].byte[15], 0xcd);
	assert_int_equal(uuids[1].byte[15], 0xab);
	uuids = NULL;
	assert_int_equal(value_uuids_read(call, texts, 0, &uuids), STATUS_OK);
	assert_non_null(uuids);
}

static void times_are_of_years_that_have_four_digits(void **state)
{
	struct call *call = *state;
	static const struct {
		int64_t seconds;
		int32_t nanos;
		bool good;
	} cases[] = {
		{0, 0, true},
		{-62135596800, 0, true},
		{-62135596801, 0, false},
		{253402300799, 999999999, true},
		{253402300800, 0, false},
		{INT64_MIN, 0, false},
		{INT64_MAX, 0, false},
		{1, -1, false},
		{1, 1000000000, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
		time.seconds = cases[i].seconds;
		time.nanos = cases[i].nanos;
		int64_t us;
		enum status status = value_time_read(call, "at", &time, &us);
		if (cases[i].good) {
			assert_int_equal(status, STATUS_OK);
			assert_int_equal(us, time.seconds * 1000000 + time.nanos / 1000);
			continue;
		}
		assert_int_equal(status, STATUS_INVALID_ARGUMENT);
		assert_failed(call, REASON_FIELD_INVALID, "at",
		              "at: not a time between the years 1 and 9999");
		assert_int_equal(us, TIMESTAMP_NULL);
	}
	int64_t us = 0;
	assert_int_equal(value_time_read(call, "at", NULL, &us), STATUS_OK);
	assert_int_equal(us, TIMESTAMP_NULL);
}

static void filters_name_values(void **state)
{
	struct call *call = *state;
	static const char *const texts[] = {NULL, "low", "high"};
	const int good[] = {2, 1}, bad[] = {1, 0};
	const char *const *found = NULL;
	assert_int_equal(value_enums_read(call, "levels", good, 2, texts, &found), STATUS_OK);
	assert_string_equal(found[0], "high");
	assert_string_equal(found[1], "low");
	assert_int_equal(value_enums_read(call, "levels", good, 0, texts, &found), STATUS_OK);
	assert_int_equal(value_enums_read(call, "levels", bad, 2, texts, &found),
	                 STATUS_INVALID_ARGUMENT);
	assert_failed(call, REASON_FIELD_INVALID, "levels",
	              "levels: must not be UNSPECIFIED; an empty list is for any");
}

/* --- refusals ------------------------------------------------------------------------------- */

static void what_must_be_there_is(void **state)
{
	struct call *call = *state;
	assert_int_equal(value_required(call, "a.b", "x"), STATUS_OK);
	assert_int_equal(value_required(call, "a.b", ""), STATUS_INVALID_ARGUMENT);
	assert_failed(call, REASON_FIELD_INVALID, "a.b", "a.b: must not be empty");
	assert_int_equal(value_external(call, "a", "jira", "1"), STATUS_OK);
	assert_int_equal(value_external(call, "a", "", ""), STATUS_OK);
	assert_int_equal(value_external(call, "a", "", "1"), STATUS_INVALID_ARGUMENT);
	assert_int_equal(value_external(call, "a", "jira", ""), STATUS_INVALID_ARGUMENT);
}

static void an_end_is_not_before_its_start(void **state)
{
	struct call *call = *state;
	assert_int_equal(value_dates_ordered(call, "end", "2025-01-02", "2025-01-02"), STATUS_OK);
	assert_int_equal(value_dates_ordered(call, "end", "2025-01-02", ""), STATUS_OK);
	assert_int_equal(value_dates_ordered(call, "end", "", "2025-01-02"), STATUS_OK);
	assert_int_equal(value_dates_ordered(call, "end", "2025-01-02", "2025-01-01"),
	                 STATUS_INVALID_ARGUMENT);
	assert_failed(call, REASON_FIELD_INVALID, "end",
	              "end: 2025-01-01 is before start_date (2025-01-02); the same day or a later "
	              "one is allowed");
}

static void a_stale_version_tells_the_current_one(void **state)
{
	struct call *call = *state;
	assert_int_equal(value_stale(call, "story", 3, 5), STATUS_ABORTED);
	assert_failed(call, REASON_VERSION_STALE, "expected_version",
	              "expected_version: 3 was expected, the story is at version 5");
	assert_int_equal(call->fact_count, 1);
	assert_string_equal(call->facts[0].name, "current_version");
	assert_string_equal(call->facts[0].value, "5");
}

static void a_refusal_has_its_field(void **state)
{
	struct call *call = *state;
	assert_int_equal(value_refused(call, REASON_USER_NOT_ACTIVE, "user_id", "is away"),
	                 STATUS_FAILED_PRECONDITION);
	assert_failed(call, REASON_USER_NOT_ACTIVE, "user_id", "user_id: is away");
}

static void what_is_there_twice_is_named(void **state)
{
	struct call *call = *state;
	const char *const texts[] = {"b", "a", "c"}, *const twice[] = {"b", "a", "b"};
	const int64_t ids[] = {3, -1, 2}, ids_twice[] = {3, -1, 3};
	struct uuid uuids[3] = {{{3}}, {{1}}, {{2}}};
	assert_int_equal(value_texts_differ(call, "list", "name", texts, 3), STATUS_OK);
	assert_int_equal(value_texts_differ(call, "list", "name", texts, 0), STATUS_OK);
	assert_int_equal(value_texts_differ(call, "list", "name", twice, 3),
	                 STATUS_INVALID_ARGUMENT);
	assert_failed(call, REASON_FIELD_INVALID, "list", "list: two have the name \"b\"");
	assert_string_equal(twice[1], "a"); /* in the order that it had */
	assert_int_equal(value_ids_differ(call, "ids", ids, 3), STATUS_OK);
	assert_int_equal(value_ids_differ(call, "ids", ids_twice, 3), STATUS_INVALID_ARGUMENT);
	assert_failed(call, REASON_FIELD_INVALID, "ids", "ids: 3 is there twice");
	assert_int_equal(value_uuids_differ(call, "ids", uuids, 3), STATUS_OK);
	assert_true(uuid_parse(UUID_1, &uuids[0]) && uuid_parse(UUID_1, &uuids[2]));
	assert_int_equal(value_uuids_differ(call, "ids", uuids, 3), STATUS_INVALID_ARGUMENT);
	assert_failed(call, REASON_FIELD_INVALID, "ids", "ids: " UUID_1 " is there twice");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_leaves_a_field_as_it_was),
		cmocka_unit_test(times_round_towards_the_past),
		cmocka_unit_test(uuids_and_dates_become_text),
		cmocka_unit_test(keys_have_every_digit),
		cmocka_unit_test(enums_are_found_by_their_text),
		cmocka_unit_test(without_memory_that_is_said),
		cmocka_unit_test(what_proto3_leaves_out_is_null),
		cmocka_unit_test(lists_of_ids_are_read),
		cmocka_unit_test(times_are_of_years_that_have_four_digits),
		cmocka_unit_test(filters_name_values),
		cmocka_unit_test(what_must_be_there_is),
		cmocka_unit_test(an_end_is_not_before_its_start),
		cmocka_unit_test(a_stale_version_tells_the_current_one),
		cmocka_unit_test(a_refusal_has_its_field),
		cmocka_unit_test(what_is_there_twice_is_named),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
