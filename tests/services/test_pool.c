/* The pool against a real PostgreSQL: what it answers. */
#include "pool_fixture.h"
#include "proto/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ALL_SERVE = 4, WRITE_DEPTH = 4 };

static struct cluster *cluster;

static struct ask *asks_new(size_t count)
{
	struct ask *asks = calloc(count, sizeof(struct ask));
	assert_non_null(asks);
	return asks;
}

static size_t answered(const struct ask *asks, size_t count)
{
	size_t answers = 0;
	for (size_t i = 0; i < count; i++)
		answers += asks[i].answers;
	return answers;
}

static void await_all(struct fixture *fixture, struct ask *asks, size_t count)
{
	UNTIL(fixture, answered(asks, count) >= count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(asks[i].answers, 1);
}

static void test_reads_and_writes(void **state)
{
	struct fixture fixture;
	struct ask ask = {0};
	(void)state;
	fixture_open(&fixture, cluster);
	fixture_pool(&fixture, NULL);
	ASK(&fixture, &ask, &SAY, SAY_PARAMS(.value = -7));
	assert_int_equal(ask.status, STATUS_OK);
	assert_int_equal(ask.outcome, OUTCOME_EXECUTED);
	assert_int_equal(ask.value, -7);
	ASK(&fixture, &ask, &THING_INSERT, THING_INSERT_PARAMS(.id = 1, .name = "one"));
	assert_int_equal(ask.status, STATUS_OK);
	assert_int_equal(ask.value, 1);
	ASK(&fixture, &ask, &THING_INSERT_SILENT, THING_INSERT_SILENT_PARAMS(.id = 2));
	assert_int_equal(ask.status, STATUS_OK);
	assert_int_equal(ask.rows, 0);
	ASK(&fixture, &ask, &THING_COUNT, THING_COUNT_PARAMS());
	assert_int_equal(ask.value, 2);
	UNTIL(&fixture, fixture_calm(&fixture, ALL_SERVE));
	assert_int_equal(fixture.available, 1);
	assert_int_equal(fixture.mismatches, 0);
	assert_string_equal(fixture.notes, "");
	fixture_close(&fixture);
}

/* Only those that divide by zero fail, though they share Syncs with the others. */
static void test_one_failure_of_many(void **state)
{
	enum { COUNT = 200 };
	struct fixture fixture;
	struct ask *asks = asks_new(COUNT);
	(void)state;
	fixture_open(&fixture, cluster);
	struct pool_settings settings = fixture_settings(&fixture);
	settings.read_connections = 1;
	fixture_pool(&fixture, &settings);
	for (int i = 0; i < COUNT; i++)
		ask_submit(&fixture, &asks[i], &DIVIDE, DIVIDE_PARAMS(.divisor = i % 7), 0);
	await_all(&fixture, asks, COUNT);
	for (int i = 0; i < COUNT; i++) {
		if (i % 7 == 0) {
			assert_int_equal(asks[i].status, STATUS_INVALID_ARGUMENT);
			assert_int_equal(asks[i].outcome, OUTCOME_EXECUTED);
			assert_string_equal(asks[i].sqlstate, "22012");
		} else {
			assert_int_equal(asks[i].status, STATUS_OK);
			assert_int_equal(asks[i].value, 100 / (i % 7));
		}
	}
	fixture_close(&fixture);
	free(asks);
}

/* Reads of a turn share Syncs; each write has its own. */
static void test_syncs(void **state)
{
	struct fixture fixture;
	struct ask asks[40] = {0};
	(void)state;
	fixture_open(&fixture, cluster);
	struct pool_settings settings = fixture_settings(&fixture);
	settings.read_connections = settings.write_connections = 1;
	fixture_pool(&fixture, &settings);
	for (int i = 0; i < 40; i++)
		ask_submit(&fixture, &asks[i], &SAY, SAY_PARAMS(.value = i), 0);
	await_all(&fixture, asks, 40);
	assert_int_equal(fixture_state(&fixture).syncs, 2); /* 32 and 8 */
	for (int i = 0; i < 10; i++)
		ask_submit(&fixture, &asks[i], &COUNTER_RAISE,
		           COUNTER_RAISE_PARAMS(.id = i + 1, .ms = 0), 0);
	await_all(&fixture, asks, 10);
	assert_int_equal(fixture_state(&fixture).syncs, 12);
	assert_int_equal(fixture_state(&fixture).sent, 50);
	fixture_close(&fixture);
}

static void test_violations(void **state)
{
	struct fixture fixture;
	struct ask ask = {0};
	(void)state;
	fixture_open(&fixture, cluster);
	fixture_pool(&fixture, NULL);
	ASK(&fixture, &ask, &THING_INSERT, THING_INSERT_PARAMS(.id = 100));
	assert_int_equal(ask.status, STATUS_OK);
	ASK(&fixture, &ask, &THING_INSERT, THING_INSERT_PARAMS(.id = 100));
	assert_int_equal(ask.status, STATUS_ALREADY_EXISTS);
	assert_string_equal(ask.sqlstate, "23505");
	assert_string_equal(ask.constraint, "things_pkey");
	assert_non_null(strstr(ask.message, "duplicate key"));
	ASK(&fixture, &ask, &THING_INSERT, THING_INSERT_PARAMS(.id = 101, .name = "bad"));
	assert_int_equal(ask.status, STATUS_INVALID_ARGUMENT);
	assert_string_equal(ask.constraint, "things_name_check");
	fixture_close(&fixture);
}

/* PostgreSQL reports the row, and only then, at the commit, that it was in vain. */
static void test_failing_commit(void **state)
{
	struct fixture fixture;
	struct ask asks[3] = {0};
	(void)state;
	fixture_open(&fixture, cluster);
	struct pool_settings settings = fixture_settings(&fixture);
	settings.write_connections = 1;
	fixture_pool(&fixture, &settings);
	ASK(&fixture, &asks[0], &THING_INSERT, THING_INSERT_PARAMS(.id = 200));
	ask_submit(&fixture, &asks[0], &CHILD_INSERT, CHILD_INSERT_PARAMS(.thing_id = 200), 0);
	ask_submit(&fixture, &asks[1], &CHILD_INSERT, CHILD_INSERT_PARAMS(.thing_id = 999), 0);
	ask_submit(&fixture, &asks[2], &CHILD_INSERT, CHILD_INSERT_PARAMS(.thing_id = 200), 0);
	await_all(&fixture, asks, 3);
	assert_int_equal(asks[0].status, STATUS_OK);
	assert_int_equal(asks[1].status, STATUS_FAILED_PRECONDITION);
	assert_string_equal(asks[1].sqlstate, "23503");
	assert_string_equal(asks[1].constraint, "children_thing_fkey");
	assert_int_equal(asks[2].status, STATUS_OK);
	assert_int_equal(cluster_number(cluster, "SELECT count(*) FROM children"), 2);
	fixture_close(&fixture);
}

static void test_conflicts_are_retried(void **state)
{
	struct fixture fixture;
	struct ask ask = {0};
	(void)state;
	fixture_open(&fixture, cluster);
	fixture_pool(&fixture, NULL);
	cluster_sql(cluster, "ALTER SEQUENCE tries RESTART");
	ASK(&fixture, &ask, &CONFLICT, CONFLICT_PARAMS(.failures = LIMIT_QUERY_RETRIES));
	assert_int_equal(ask.status, STATUS_OK);
	assert_int_equal(ask.value, LIMIT_QUERY_RETRIES + 1);
	cluster_sql(cluster, "ALTER SEQUENCE tries RESTART");
	ASK(&fixture, &ask, &CONFLICT, CONFLICT_PARAMS(.failures = 100));
	assert_int_equal(ask.status, STATUS_ABORTED);
	assert_int_equal(ask.outcome, OUTCOME_NOT_EXECUTED);
	assert_string_equal(ask.sqlstate, "40001");
	assert_int_equal(cluster_number(cluster, "SELECT last_value FROM tries"),
	                 LIMIT_QUERY_RETRIES + 1);
	assert_int_equal(fixture_state(&fixture).retries, 2 * LIMIT_QUERY_RETRIES);
	fixture_close(&fixture);
}

static void test_statement_timeout(void **state)
{
	struct fixture fixture;
	struct ask asks[3] = {0};
	(void)state;
	fixture_open(&fixture, cluster);
	struct pool_settings settings = fixture_settings(&fixture);
	settings.read_connections = 1;
	settings.read_timeout_ms = 700;
	fixture_pool(&fixture, &settings);
	ask_submit(&fixture, &asks[0], &SAY, SAY_PARAMS(.value = 1), 0);
	ask_submit(&fixture, &asks[1], &NAP, NAP_PARAMS(.ms = 50000), 0);
	ask_submit(&fixture, &asks[2], &SAY, SAY_PARAMS(.value = 3), 0);
	await_all(&fixture, asks, 3);
	assert_int_equal(asks[0].status, STATUS_OK);
	assert_int_equal(asks[1].status, STATUS_DEADLINE_EXCEEDED);
	assert_string_equal(asks[1].sqlstate, "57014");
	assert_int_equal(asks[2].status, STATUS_OK);
	assert_int_equal(asks[2].value, 3);
	fixture_close(&fixture);
}

/* Somebody at psql cancelled it: not a time-out. */
static void test_cancelled_by_an_operator(void **state)
{
	struct fixture fixture;
	struct ask ask = {0};
	char sql[128];
	(void)state;
	fixture_open(&fixture, cluster);
	struct pool_settings settings = fixture_settings(&fixture);
	settings.read_connections = 1;
	fixture_pool(&fixture, &settings);
	ask_submit(&fixture, &ask, &NAP, NAP_PARAMS(.ms = 50000), 0);
	snprintf(sql, sizeof(sql), "SELECT pg_cancel_backend(%d)",
	         fixture_backend(&fixture, "pg_sleep"));
	cluster_sql(cluster, sql);
	ask_await(&ask);
	assert_int_equal(ask.status, STATUS_CANCELLED);
	assert_int_equal(ask.outcome, OUTCOME_NOT_EXECUTED);
	fixture_close(&fixture);
}

static void test_queue_limit(void **state)
{
	struct fixture fixture;
	struct ask asks[12] = {0};
	(void)state;
	fixture_open(&fixture, cluster);
	struct pool_settings settings = fixture_settings(&fixture);
	settings.queue_limit = 10;
	fixture_pool(&fixture, &settings);
	for (int i = 0; i < 12; i++)
		ask_submit(&fixture, &asks[i], &SAY, SAY_PARAMS(.value = i), 0);
	await_all(&fixture, asks, 12);
	for (int i = 0; i < 10; i++)
		assert_int_equal(asks[i].value, i);
	for (int i = 10; i < 12; i++) {
		assert_int_equal(asks[i].status, STATUS_UNAVAILABLE);
		assert_int_equal(asks[i].outcome, OUTCOME_NOT_EXECUTED);
		assert_string_equal(asks[i].message, "the queue for the database is full");
	}
	fixture_close(&fixture);
}

static void test_queue_timeout(void **state)
{
	struct fixture fixture;
	struct ask naps[WRITE_DEPTH] = {0}, late = {0};
	(void)state;
	fixture_open(&fixture, cluster);
	struct pool_settings settings = fixture_settings(&fixture);
	settings.write_connections = 1;
	settings.queue_timeout_ms = 100;
	fixture_pool(&fixture, &settings);
	ASK(&fixture, &late, &COUNTER_RAISE, COUNTER_RAISE_PARAMS(.id = 60, .ms = 0));
	for (int i = 0; i < WRITE_DEPTH; i++)
		ask_submit(&fixture, &naps[i], &COUNTER_RAISE,
		           COUNTER_RAISE_PARAMS(.id = 50 + i, .ms = 400), 0);
	ask_submit(&fixture, &late, &COUNTER_RAISE, COUNTER_RAISE_PARAMS(.id = 60, .ms = 0), 0);
	ask_await(&late);
	assert_int_equal(late.status, STATUS_UNAVAILABLE);
	assert_int_equal(late.outcome, OUTCOME_NOT_EXECUTED);
	assert_string_equal(late.message, "no database connection was free in time");
	await_all(&fixture, naps, WRITE_DEPTH);
	for (int i = 0; i < WRITE_DEPTH; i++)
		assert_int_equal(naps[i].status, STATUS_OK);
	assert_int_equal(cluster_number(cluster, "SELECT value FROM counters WHERE id = 60"), 1);
	fixture_close(&fixture);
}

static void test_ten_thousand_queued(void **state)
{
	enum { COUNT = 10000 };
	struct fixture fixture;
	struct ask *asks = asks_new(COUNT);
	(void)state;
	fixture_open(&fixture, cluster);
	fixture_pool(&fixture, NULL);
	for (int i = 0; i < COUNT; i++)
		ask_submit(&fixture, &asks[i], &SAY, SAY_PARAMS(.value = i), 0);
	await_all(&fixture, asks, COUNT);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(asks[i].value, i);
	UNTIL(&fixture, fixture_calm(&fixture, ALL_SERVE));
	fixture_close(&fixture);
	free(asks);
}

/* Output and input are larger than what sockets hold. */
static void test_large_values(void **state)
{
	enum { COUNT = 60, LENGTH = 300000 };
	struct fixture fixture;
	struct ask *asks = asks_new(COUNT);
	char *name = calloc(1, LENGTH + 1);
	(void)state;
	memset(name, 'n', LENGTH);
	fixture_open(&fixture, cluster);
	fixture_pool(&fixture, NULL);
	for (int i = 0; i < COUNT; i++) {
		if (i % 2)
			ask_submit(&fixture, &asks[i], &LARGE, LARGE_PARAMS(.length = LENGTH), 0);
		else
			ask_submit(&fixture, &asks[i], &THING_INSERT,
			           THING_INSERT_PARAMS(.id = 300 + i, .name = name), 0);
	}
	await_all(&fixture, asks, COUNT);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(asks[i].status, STATUS_OK);
	assert_int_equal(cluster_number(cluster, "SELECT count(*) FROM things "
	                                         "WHERE length(name) = 300000"),
	                 COUNT / 2);
	fixture_close(&fixture);
	free(asks);
	free(name);
}

/* libpq keeps the memory of the largest result for ever, so the connection is replaced. */
static void test_huge_result(void **state)
{
	struct fixture fixture;
	struct ask asks[10] = {0};
	(void)state;
	fixture_open(&fixture, cluster);
	fixture_pool(&fixture, NULL);
	UNTIL(&fixture, fixture_calm(&fixture, ALL_SERVE));
	for (int i = 0; i < 10; i++)
		ask_submit(&fixture, &asks[i], &LARGE,
		           LARGE_PARAMS(.length = i == 4 ? 6000000 : 10), 0);
	await_all(&fixture, asks, 10);
	for (int i = 0; i < 10; i++)
		assert_int_equal(asks[i].status, STATUS_OK);
	UNTIL(&fixture, fixture_calm(&fixture, ALL_SERVE));
	assert_int_equal(fixture_state(&fixture).reconnects, 1);
	assert_string_equal(fixture.notes, "");
	fixture_close(&fixture);
}

/* The pools of a process look at the schema once. */
static void test_one_check(void **state)
{
	struct fixture first, second;
	atomic_bool checked = false;
	(void)state;
	fixture_open(&first, cluster);
	struct pool_settings settings = fixture_settings(&first);
	settings.checked = &checked;
	fixture_pool(&first, &settings);
	UNTIL(&first, fixture_calm(&first, ALL_SERVE));
	assert_true(checked);
	/* A drift that only the check would see. */
	cluster_sql(cluster, "ALTER TABLE things ALTER COLUMN id TYPE integer");
	fixture_open(&second, cluster);
	settings = fixture_settings(&second);
	settings.checked = &checked;
	fixture_pool(&second, &settings);
	UNTIL(&second, fixture_calm(&second, ALL_SERVE));
	assert_int_equal(second.mismatches, 0);
	cluster_sql(cluster, "ALTER TABLE things ALTER COLUMN id TYPE bigint");
	fixture_close(&second);
	fixture_close(&first);
}

/* Gives its rows to a test. */
struct keep {
	struct rows rows;
	uint32_t answers;
};

static void keep_rows(void *ctx, struct db_answer *answer)
{
	struct keep *keep = ctx;
	assert_int_equal(answer->status, STATUS_OK);
	keep->rows = answer->rows;
	keep->answers++;
}

static struct rows ask_rows(struct fixture *fixture, const struct statement *statement,
                            struct params params)
{
	struct keep keep = {.answers = 0};
	struct db_request request = {
		.statement = statement, .params = params, .done = keep_rows, .ctx = &keep};
	pool_submit(fixture->pool, &request);
	UNTIL(fixture, keep.answers > 0);
	assert_int_equal(keep.rows.count, 1);
	return keep.rows;
}

static void assert_scalars(struct fixture *fixture, int64_t integer, int64_t time_us, int32_t day)
{
	const struct uuid uuid = {{0, 1, 2, 255, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 254}};
	const uint8_t raw[] = {0, 255, 0, 7};
	const struct bytes bytes = {raw, sizeof(raw)};
	const bool yes = true;
	const int16_t i2 = (int16_t)integer;
	const int32_t i4 = (int32_t)integer;
	struct rows rows =
		ask_rows(fixture, &SCALARS,
	                 SCALARS_PARAMS(.b = &yes, .i2 = &i2, .i4 = &i4, .i8 = &integer, .u = &uuid,
	                                .t = "a\xc3\xa4'\\", .y = &bytes, .j = "{\"k\": [1, null]}",
	                                .ts = &time_us, .d = &day, .n = "-123456.7890"));
	assert_true(scalars_b(&rows, 0));
	assert_int_equal(scalars_i2(&rows, 0), i2);
	assert_int_equal(scalars_i4(&rows, 0), i4);
	assert_int_equal(scalars_i8(&rows, 0), integer);
	struct uuid back = scalars_u(&rows, 0);
	assert_memory_equal(back.byte, uuid.byte, sizeof(uuid));
	assert_string_equal(scalars_t(&rows, 0), "a\xc3\xa4'\\");
	assert_true(bytes_equal(scalars_y(&rows, 0), bytes));
	assert_string_equal(scalars_j(&rows, 0), "{\"k\": [1, null]}");
	assert_int_equal(scalars_ts(&rows, 0), time_us);
	assert_int_equal(scalars_d(&rows, 0), day);
	assert_string_equal(scalars_n(&rows, 0), "-123456.7890");
	rows_clear(&rows);
}

static void test_types(void **state)
{
	struct fixture fixture;
	(void)state;
	fixture_open(&fixture, cluster);
	fixture_pool(&fixture, NULL);
	assert_scalars(&fixture, 0, 0, 0);
	assert_scalars(&fixture, -1, -1, -1);
	assert_scalars(&fixture, INT64_MAX, 1700000000123456, 19000);
	assert_scalars(&fixture, INT64_MIN, INT64_MIN, INT32_MIN); /* -infinity */
	assert_scalars(&fixture, 32767, INT64_MAX, INT32_MAX);     /* infinity */
	struct rows rows = ask_rows(&fixture, &SCALARS, SCALARS_PARAMS(.b = NULL));
	for (size_t column = 0; column < SCALARS.column_count; column++)
		assert_true(rows_null(&rows, 0, column));
	assert_string_equal(scalars_t(&rows, 0), "");
	assert_int_equal(scalars_i8(&rows, 0), 0);
	assert_int_equal(scalars_ts(&rows, 0), 0);
	rows_clear(&rows);
	fixture_close(&fixture);
}

static void test_enum(void **state)
{
	struct fixture fixture;
	(void)state;
	fixture_open(&fixture, cluster);
	fixture_pool(&fixture, NULL);
	struct rows rows = ask_rows(&fixture, &MOODS, MOODS_PARAMS(.mood = "glad"));
	assert_string_equal(moods_mood(&rows, 0), "glad");
	rows_clear(&rows);
	fixture_close(&fixture);
}

static void assert_texts(struct rows_array array, const char *const *expected, size_t count)
{
	struct bytes element;
	assert_int_equal(array.count, count);
	for (size_t i = 0; i < count; i++) {
		assert_true(rows_array_next(&array, &element));
		if (expected[i])
			assert_true(bytes_equal_string(element, expected[i]));
		else
			assert_null(element.data);
	}
	assert_false(rows_array_next(&array, &element));
}

static void test_arrays(void **state)
{
	struct fixture fixture;
	const int64_t i8[] = {1, -2, INT64_MAX};
	const int32_t i4[] = {-5, 6};
	const struct uuid u[] = {{{1}}, {{2}}};
	const char *const t[] = {"a,b", "", NULL, "\"q\""};
	const bool b[] = {true, false};
	const int64_t ts[] = {1500000, TIMESTAMP_NULL};
	(void)state;
	fixture_open(&fixture, cluster);
	fixture_pool(&fixture, NULL);
	struct rows rows = ask_rows(&fixture, &ARRAYS,
	                            ARRAYS_PARAMS(.i8 = {i8, 3}, .i4 = {i4, 2}, .u = {u, 2},
	                                          .t = {t, 4}, .b = {b, 2}, .ts = {ts, 2}));
	assert_string_equal(arrays_texts(&rows, 0),
	                    "{1,-2,9223372036854775807};{-5,6};{\"a,b\",\"\",NULL,\"\\\"q\\\"\"};"
	                    "{t,f};{1.500000,NULL}");
	assert_texts(arrays_t(&rows, 0), t, 4);
	struct rows_array uuids = arrays_u(&rows, 0);
	struct bytes element;
	assert_true(rows_array_next(&uuids, &element));
	assert_memory_equal(element.data, u[0].byte, sizeof(u[0]));
	rows_clear(&rows);
	rows = ask_rows(&fixture, &ARRAYS, ARRAYS_PARAMS(.i8 = {NULL, 0}));
	assert_texts(arrays_t(&rows, 0), NULL, 0);
	assert_string_equal(arrays_texts(&rows, 0), "{};{};{};{}");
	rows_clear(&rows);
	fixture_close(&fixture);
}

static int start(void **state)
{
	(void)state;
	cluster = cluster_new(NULL);
	fixture_schema(cluster);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	cluster_free(cluster);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_and_writes),
		cmocka_unit_test(test_one_failure_of_many),
		cmocka_unit_test(test_syncs),
		cmocka_unit_test(test_violations),
		cmocka_unit_test(test_failing_commit),
		cmocka_unit_test(test_conflicts_are_retried),
		cmocka_unit_test(test_statement_timeout),
		cmocka_unit_test(test_cancelled_by_an_operator),
		cmocka_unit_test(test_queue_limit),
		cmocka_unit_test(test_queue_timeout),
		cmocka_unit_test(test_ten_thousand_queued),
		cmocka_unit_test(test_large_values),
		cmocka_unit_test(test_huge_result),
		cmocka_unit_test(test_one_check),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_enum),
		cmocka_unit_test(test_arrays),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
