/* Callers who no longer want their answer, in each state of a request; cancels and their fence;
 * writes that share an affinity. */
#include "pool_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct cluster *cluster;
static struct fixture fixture;

/* One read and one write connection, so that everybody stands in one line. */
static int begin(void **state)
{
	(void)state;
	cluster_sql(cluster, "TRUNCATE things CASCADE; UPDATE counters SET value = 0; "
	                     "ALTER SEQUENCE tries RESTART");
	fixture_open(&fixture, cluster);
	fixture_control(&fixture);
	struct pool_settings settings = fixture_settings(&fixture);
	settings.read_connections = settings.write_connections = 1;
	settings.read_timeout_ms = settings.write_timeout_ms = 0;
	settings.queue_limit = 100;
	fixture_pool(&fixture, &settings);
	UNTIL(&fixture, fixture_calm(&fixture, 2));
	return 0;
}

static int end(void **state)
{
	(void)state;
	UNTIL(&fixture, fixture_calm(&fixture, 2));
	fixture_close(&fixture);
	return 0;
}

static void submit_nap(struct ask *ask, int32_t ms)
{
	ask_submit(&fixture, ask, &NAP, NAP_PARAMS(.ms = ms), 0);
}

static void submit_raise(struct ask *ask, int64_t id, int32_t ms, uint64_t affinity)
{
	ask_submit(&fixture, ask, &COUNTER_RAISE, COUNTER_RAISE_PARAMS(.id = id, .ms = ms),
	           affinity);
}

static bool abandon(struct ask *ask)
{
	return pool_abandon(fixture.pool, &ask->request);
}

static long counter(int id)
{
	char sql[64];
	snprintf(sql, sizeof(sql), "SELECT value FROM counters WHERE id = %d", id);
	return cluster_number(cluster, sql);
}

static void test_unsent(void **state)
{
	struct ask ask = {0}, write = {0};
	(void)state;
	ask_submit(&fixture, &ask, &SAY, SAY_PARAMS(.value = 1), 0);
	submit_raise(&write, 1, 0, 7);
	assert_int_equal(fixture_state(&fixture).queued, 2);
	assert_false(abandon(&ask));
	assert_false(abandon(&write));
	assert_int_equal(fixture_state(&fixture).queued, 0);
	fixture_pause(&fixture, 50);
	assert_int_equal(ask.answers + write.answers, 0);
	assert_int_equal(counter(1), 0);
}

static void test_sent_read(void **state)
{
	struct ask nap = {0}, after = {0};
	(void)state;
	submit_nap(&nap, 150);
	pool_flush(fixture.pool);
	assert_true(abandon(&nap));
	ASK(&fixture, &after, &SAY, SAY_PARAMS(.value = 2));
	assert_int_equal(after.value, 2);
	assert_int_equal(nap.answers, 0);
}

static void test_sent_write(void **state)
{
	struct ask write = {0}, after = {0};
	(void)state;
	submit_raise(&write, 1, 100, 7);
	submit_raise(&after, 1, 0, 7);
	pool_flush(fixture.pool);
	assert_true(abandon(&write));
	ask_await(&after);
	assert_int_equal(after.value, 2); /* the abandoned one took place */
	assert_int_equal(write.answers, 0);
}

/* Executed as one: it is cancelled when nobody waits for it any more. */
static void test_group(void **state)
{
	struct ask first = {0}, shares[5] = {0}, after = {0};
	(void)state;
	submit_raise(&first, 1, 50, 7);
	for (size_t i = 0; i < 5; i++)
		ask_submit(&fixture, &shares[i], &COUNTER_SHARE,
		           COUNTER_SHARE_PARAMS(.id = 1, .parts = 12, .ms = 50000), 7);
	ask_await(&first);
	(void)fixture_backend(&fixture, "12 / ");
	for (size_t i = 0; i < 5; i++)
		assert_true(abandon(&shares[i]));
	submit_raise(&after, 1, 0, 7);
	ask_await(&after);
	assert_int_equal(after.value, 2);
	assert_int_equal(fixture_state(&fixture).cancels, 1);
}

static void test_refused(void **state)
{
	struct ask asks[101] = {0};
	(void)state;
	for (int i = 0; i < 101; i++)
		ask_submit(&fixture, &asks[i], &SAY, SAY_PARAMS(.value = i), 0);
	assert_false(abandon(&asks[100]));
	for (int i = 0; i < 100; i++)
		ask_await(&asks[i]);
	fixture_pause(&fixture, 20);
	assert_int_equal(asks[100].answers, 0);
}

/* Waiting for a retry after a conflict. */
static void test_delayed(void **state)
{
	struct ask ask = {0};
	(void)state;
	ask_submit(&fixture, &ask, &CONFLICT, CONFLICT_PARAMS(.failures = 100), 9);
	UNTIL(&fixture, fixture_state(&fixture).retries == 1);
	assert_int_equal(fixture_state(&fixture).queued, 1);
	assert_false(abandon(&ask));
	fixture_pause(&fixture, 100);
	assert_int_equal(ask.answers, 0);
	assert_int_equal(cluster_number(cluster, "SELECT last_value FROM tries"), 1);
}

static void test_aborted_neighbours(void **state)
{
	struct ask asks[30] = {0};
	(void)state;
	ask_submit(&fixture, &asks[0], &DIVIDE, DIVIDE_PARAMS(.divisor = 0), 0);
	for (int i = 1; i < 30; i++)
		ask_submit(&fixture, &asks[i], &SAY, SAY_PARAMS(.value = i), 0);
	pool_flush(fixture.pool);
	for (int i = 1; i < 30; i += 2)
		assert_true(abandon(&asks[i]));
	for (int i = 0; i < 30; i += 2)
		ask_await(&asks[i]);
	UNTIL(&fixture, fixture_calm(&fixture, 2));
	for (int i = 1; i < 30; i += 2)
		assert_int_equal(asks[i].answers, 0);
}

/* A statement that would hold up the others for a minute is cancelled. */
static void test_cancel(void **state)
{
	struct ask nap = {0}, neighbours[10] = {0}, later[10] = {0};
	(void)state;
	for (int i = 0; i < 5; i++)
		ask_submit(&fixture, &neighbours[i], &SAY, SAY_PARAMS(.value = i), 0);
	submit_nap(&nap, 3600000);
	for (int i = 5; i < 10; i++)
		ask_submit(&fixture, &neighbours[i], &SAY, SAY_PARAMS(.value = i), 0);
	fixture_pause(&fixture, 30);
	assert_true(abandon(&nap));
	for (int i = 0; i < 10; i++)
		ask_submit(&fixture, &later[i], &SAY, SAY_PARAMS(.value = i), 0);
	for (int i = 0; i < 10; i++) {
		ask_await(&neighbours[i]);
		ask_await(&later[i]);
		assert_int_equal(neighbours[i].status, STATUS_OK);
		assert_int_equal(later[i].value, i);
	}
	assert_int_equal(fixture_state(&fixture).cancels, 1);
	assert_int_equal(nap.answers, 0);
}

/* A cancel that had no effect is repeated. */
static void test_cancelled_again(void **state)
{
	struct ask stubborn = {0}, next = {0};
	(void)state;
	ask_submit(&fixture, &stubborn, &STUBBORN, STUBBORN_PARAMS(), 0);
	(void)fixture_backend(&fixture, "stubborn");
	assert_true(abandon(&stubborn));
	ASK(&fixture, &next, &SAY, SAY_PARAMS(.value = 4));
	assert_int_equal(next.value, 4);
	assert_true(fixture_state(&fixture).cancels >= 2);
	assert_int_equal(stubborn.answers, 0);
}

static void test_cancelled_write(void **state)
{
	struct ask write = {0}, next = {0};
	(void)state;
	submit_raise(&write, 1, 3600000, 7);
	submit_raise(&next, 1, 0, 7);
	fixture_pause(&fixture, 30);
	assert_true(abandon(&write));
	ask_await(&next);
	assert_int_equal(next.value, 1); /* rolled back */
	assert_int_equal(fixture_state(&fixture).cancels, 1);
}

/* A cancel that comes too late hits the next statement: nobody notices. */
static void test_stray_cancel(void **state)
{
	struct ask nap = {0}, victim = {0};
	char sql[96];
	(void)state;
	submit_nap(&nap, 3600000);
	fixture_pause(&fixture, 30);
	assert_true(abandon(&nap));
	UNTIL(&fixture, fixture_calm(&fixture, 2));
	assert_int_equal(fixture_state(&fixture).cancels, 1);
	submit_nap(&victim, 1500);
	snprintf(sql, sizeof(sql), "SELECT pg_cancel_backend(%d)",
	         fixture_backend(&fixture, "pg_sleep"));
	cluster_sql(cluster, sql);
	ask_await(&victim);
	assert_int_equal(victim.status, STATUS_OK);
	assert_int_equal(victim.value, 1500);
	assert_int_equal(fixture_state(&fixture).retries, 1);
}

/* Writes of one affinity go one after the other, in order; the line is abandoned in the middle. */
static void test_affinity(void **state)
{
	struct ask asks[20] = {0};
	(void)state;
	for (int i = 0; i < 20; i++)
		submit_raise(&asks[i], 3, i == 0 ? 100 : 0, 77);
	pool_flush(fixture.pool);
	assert_int_equal(fixture_state(&fixture).in_flight, 1);
	assert_int_equal(fixture_state(&fixture).queued, 19);
	assert_false(abandon(&asks[1]));
	assert_false(abandon(&asks[19]));
	assert_false(abandon(&asks[10]));
	int64_t value = 0;
	for (int i = 0; i < 20; i++) {
		if (i == 1 || i == 10 || i == 19)
			continue;
		ask_await(&asks[i]);
		assert_int_equal(asks[i].value, ++value);
	}
	assert_int_equal(counter(3), 17);
}

/* A project whose row is locked stalls nobody else, though there is one connection more only. */
static void test_stranger_passes(void **state)
{
	struct ask hot[8] = {0}, stranger = {0};
	(void)state;
	fixture_drop(&fixture);
	struct pool_settings settings = fixture_settings(&fixture);
	settings.read_connections = 1;
	settings.write_connections = 2;
	fixture_pool(&fixture, &settings);
	UNTIL(&fixture, fixture_calm(&fixture, 3));
	for (int i = 0; i < 8; i++)
		submit_raise(&hot[i], 4, 3600000, 5);
	fixture_pause(&fixture, 50);
	for (int i = 0; i < 20; i++) {
		submit_raise(&stranger, 10 + i, 0, (uint64_t)(100 + i));
		ask_await(&stranger);
		assert_int_equal(stranger.status, STATUS_OK);
	}
	assert_int_equal(hot[0].answers, 0);
	for (int i = 7; i >= 0; i--)
		(void)abandon(&hot[i]);
	UNTIL(&fixture, fixture_calm(&fixture, 3));
	fixture_drop(&fixture);
	settings.write_connections = 1;
	fixture_pool(&fixture, &settings);
}

/* The owner of a turn that is abandoned before it is sent again hands the turn on. */
static void test_owner_waits_for_retry(void **state)
{
	struct ask owner = {0}, follower = {0};
	(void)state;
	ask_submit(&fixture, &owner, &CONFLICT, CONFLICT_PARAMS(.failures = 1), 9);
	submit_raise(&follower, 5, 0, 9);
	UNTIL(&fixture, fixture_state(&fixture).retries == 1);
	assert_int_equal(follower.answers, 0);
	assert_false(abandon(&owner));
	ask_await(&follower);
	assert_int_equal(follower.status, STATUS_OK);
}

/* Answers that bring the next request, from within the callback. */
static void submit_again(struct ask *ask)
{
	if (ask->value < 500)
		ask_submit(&fixture, ask, &SAY, SAY_PARAMS(.value = ask->value + 1), 0);
}

static void test_submitting_from_answers(void **state)
{
	struct ask asks[10] = {0};
	(void)state;
	for (int i = 0; i < 10; i++) {
		asks[i].then = submit_again;
		ask_submit(&fixture, &asks[i], &SAY, SAY_PARAMS(.value = i), 0);
	}
	for (int i = 0; i < 10; i++)
		UNTIL(&fixture, asks[i].value == 500);
	UNTIL(&fixture, fixture_calm(&fixture, 2));
}

/* An answer that makes its receiver give up on the others. */
static struct ask *group;

static void abandon_the_rest(struct ask *ask)
{
	(void)ask;
	for (int i = 1; i < 40; i++)
		if (!group[i].answers)
			(void)abandon(&group[i]);
}

static void test_abandoning_from_answers(void **state)
{
	struct ask asks[40] = {0};
	(void)state;
	group = asks;
	asks[0].then = abandon_the_rest;
	for (int i = 0; i < 40; i++)
		ask_submit(&fixture, &asks[i], &SAY, SAY_PARAMS(.value = i), 0);
	ask_await(&asks[0]);
	UNTIL(&fixture, fixture_calm(&fixture, 2));
	for (int i = 1; i < 40; i++)
		assert_int_equal(asks[i].answers, 0);
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
		cmocka_unit_test_setup_teardown(test_unsent, begin, end),
		cmocka_unit_test_setup_teardown(test_sent_read, begin, end),
		cmocka_unit_test_setup_teardown(test_sent_write, begin, end),
		cmocka_unit_test_setup_teardown(test_group, begin, end),
		cmocka_unit_test_setup_teardown(test_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_delayed, begin, end),
		cmocka_unit_test_setup_teardown(test_aborted_neighbours, begin, end),
		cmocka_unit_test_setup_teardown(test_cancel, begin, end),
		cmocka_unit_test_setup_teardown(test_cancelled_again, begin, end),
		cmocka_unit_test_setup_teardown(test_cancelled_write, begin, end),
		cmocka_unit_test_setup_teardown(test_stray_cancel, begin, end),
		cmocka_unit_test_setup_teardown(test_affinity, begin, end),
		cmocka_unit_test_setup_teardown(test_stranger_passes, begin, end),
		cmocka_unit_test_setup_teardown(test_owner_waits_for_retry, begin, end),
		cmocka_unit_test_setup_teardown(test_submitting_from_answers, begin, end),
		cmocka_unit_test_setup_teardown(test_abandoning_from_answers, begin, end),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
