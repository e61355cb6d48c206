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
	settings.read_timeout_ms = 300;
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
	struct ask ask = {0}, pid = {0};
	char sql[128];
	(void)state;
	fixture_open(&fixture, cluster);
	struct pool_settings settings = fixture_settings(&fixture);
	settings.read_connections = 1;
	fixture_pool(&fixture, &settings);
	ASK(&fixture, &pid, &OWN_PID, OWN_PID_PARAMS());
	ask_submit(&fixture, &ask, &NAP, NAP_PARAMS(.ms = 50000), 0);
	fixture_pause(&fixture, 50);
	snprintf(sql, sizeof(sql), "SELECT pg_cancel_backend(%d)", (int)pid.value);
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
	};
	return cmocka_run_group_tests(tests, start, stop);
}
