/* Writes of two statements, and statements that are not prepared. */
#include "pool_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { WRITERS = 24 };

static struct cluster *cluster;

/* A write with its lock. */
struct locked {
	struct db_request request;
	struct param params[1], lock_params[2];
	struct db_answer answer;
	int64_t value;
	uint32_t answers;
};

static void on_answer(void *ctx, struct db_answer *answer)
{
	struct locked *locked = ctx;
	locked->answers++;
	locked->answer = *answer;
	if (answer->status == STATUS_OK && answer->rows.count > 0)
		locked->value = thing_append_id(&answer->rows, 0);
	rows_clear(&answer->rows);
}

/* Locks counter 1, then appends a thing from `from_id` on. */
static void submit(struct fixture *fixture, struct locked *locked, int64_t from_id, int32_t divisor)
{
	*locked = (struct locked){.answers = 0};
	struct params lock = COUNTER_LOCK_PARAMS(.id = 1, .divisor = divisor);
	struct params params = THING_APPEND_PARAMS(.from_id = from_id);
	memcpy(locked->lock_params, lock.at, sizeof(locked->lock_params));
	memcpy(locked->params, params.at, sizeof(locked->params));
	locked->request = (struct db_request){
		.statement = &THING_APPEND,
		.params = {locked->params, 1},
		.lock = &COUNTER_LOCK,
		.lock_params = {locked->lock_params, 2},
		.done = on_answer,
		.ctx = locked,
	};
	pool_submit(fixture->pool, &locked->request);
}

/* Without the lock, or in one statement with it, some would take the same id. */
static void who_waits_for_a_lock_sees_what_was_committed(void **state)
{
	(void)state;
	struct fixture fixture;
	struct locked writers[WRITERS];
	fixture_open(&fixture, cluster);
	struct pool_settings settings = fixture_settings(&fixture);
	settings.write_connections = 8;
	fixture_pool(&fixture, &settings);
	for (size_t i = 0; i < WRITERS; i++)
		submit(&fixture, &writers[i], 1000, 1);
	bool taken[WRITERS + 1] = {false};
	for (size_t i = 0; i < WRITERS; i++) {
		UNTIL(&fixture, writers[i].answers > 0);
		assert_int_equal(writers[i].answer.status, STATUS_OK);
		assert_in_range(writers[i].value, 1001, 1000 + WRITERS);
		assert_false(taken[writers[i].value - 1000]);
		taken[writers[i].value - 1000] = true;
	}
	fixture_close(&fixture);
}

static void a_lock_that_fails_is_the_writes_failure(void **state)
{
	(void)state;
	struct fixture fixture;
	struct locked bad, good;
	fixture_open(&fixture, cluster);
	fixture_pool(&fixture, NULL);
	submit(&fixture, &bad, 2000, 0);
	submit(&fixture, &good, 3000, 1);
	UNTIL(&fixture, bad.answers && good.answers);
	assert_int_equal(bad.answer.status, STATUS_INVALID_ARGUMENT);
	assert_string_equal(bad.answer.error.sqlstate, "22012");
	assert_int_equal(good.answer.status, STATUS_OK);
	assert_int_equal(cluster_number(cluster, "SELECT count(*) FROM things WHERE id BETWEEN 2000"
	                                         " AND 2999"),
	                 0);
	assert_int_equal(good.value, 3001);
	fixture_close(&fixture);
}

/* The lock waits; its caller goes; whoever comes next finds everything as it was. */
static void an_abandoned_lock_leaves_nothing(void **state)
{
	(void)state;
	struct fixture fixture;
	struct locked holder, gone, next;
	struct ask slow;
	fixture_open(&fixture, cluster);
	fixture_control(&fixture);
	fixture_pool(&fixture, NULL);
	UNTIL(&fixture, fixture_calm(&fixture, 4));
	slow.then = NULL;
	ask_submit(&fixture, &slow, &COUNTER_HOLD, COUNTER_HOLD_PARAMS(.id = 1, .ms = 300), 0);
	(void)fixture_backend(&fixture, "%pg_sleep%");
	submit(&fixture, &gone, 4000, 1);
	pool_flush(fixture.pool);
	fixture_pause(&fixture, 50);
	(void)pool_abandon(fixture.pool, &gone.request);
	submit(&fixture, &next, 5000, 1);
	UNTIL(&fixture, next.answers && slow.answers);
	assert_int_equal(gone.answers, 0);
	assert_int_equal(next.answer.status, STATUS_OK);
	submit(&fixture, &holder, 5000, 1);
	UNTIL(&fixture, holder.answers);
	assert_int_equal(holder.value, 5002);
	fixture_close(&fixture);
}

static void a_killed_backend_leaves_the_outcome_unknown_or_nothing(void **state)
{
	(void)state;
	struct fixture fixture;
	struct locked write;
	struct ask slow;
	fixture_open(&fixture, cluster);
	fixture_pool(&fixture, NULL);
	UNTIL(&fixture, fixture_calm(&fixture, 4));
	slow.then = NULL;
	ask_submit(&fixture, &slow, &COUNTER_HOLD, COUNTER_HOLD_PARAMS(.id = 1, .ms = 500), 0);
	int pid = fixture_backend(&fixture, "%pg_sleep%");
	submit(&fixture, &write, 6000, 1);
	pool_flush(fixture.pool);
	cluster_kill_backend(cluster, pid);
	UNTIL(&fixture, write.answers && slow.answers && fixture_calm(&fixture, 4));
	long made = cluster_number(cluster, "SELECT count(*) FROM things WHERE id BETWEEN 6000 AND"
	                                    " 6999");
	if (write.answer.status == STATUS_OK)
		assert_int_equal(made, 1);
	else if (write.answer.outcome == OUTCOME_NOT_EXECUTED)
		assert_int_equal(made, 0);
	else
		assert_int_equal(write.answer.status, STATUS_UNAVAILABLE);
	fixture_close(&fixture);
}

static void what_is_not_prepared_is_planned_each_time(void **state)
{
	(void)state;
	struct fixture fixture;
	struct ask ask = {.then = NULL};
	const int64_t ids[] = {7001, 7002};
	fixture_open(&fixture, cluster);
	fixture_pool(&fixture, NULL);
	cluster_sql(cluster, "INSERT INTO things VALUES (7001, 'one'), (7002, 'two')");
	ASK(&fixture, &ask, &PLANNED_ANEW, PLANNED_ANEW_PARAMS(.ids = {ids, 2}));
	assert_int_equal(ask.value, 2);
	ASK(&fixture, &ask, &PLANNED_ANEW, PLANNED_ANEW_PARAMS(.ids = {ids, 2}, .name = "two"));
	assert_int_equal(ask.value, 1);
	fixture_close(&fixture);
}

static int set_up(void **state)
{
	(void)state;
	cluster = cluster_new(NULL);
	fixture_schema(cluster);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cluster_free(cluster);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_waits_for_a_lock_sees_what_was_committed),
		cmocka_unit_test(a_lock_that_fails_is_the_writes_failure),
		cmocka_unit_test(an_abandoned_lock_leaves_nothing),
		cmocka_unit_test(a_killed_backend_leaves_the_outcome_unknown_or_nothing),
		cmocka_unit_test(what_is_not_prepared_is_planned_each_time),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
