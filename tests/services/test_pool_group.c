/* Writes of one project that are committed together: fewer commits, the same answers; what befalls
 * one of them is no other's. */
#include "pool_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { PROJECT = 7, COUNTER = 1, SERVING = 4, SHARES = 20 };

static struct cluster *cluster;
static struct fixture fixture;
static struct ask first, shares[SHARES];

static int begin(void **state)
{
	(void)state;
	cluster_sql(cluster, "UPDATE counters SET value = 0");
	fixture_open(&fixture, cluster);
	fixture_pool(&fixture, NULL);
	UNTIL(&fixture, fixture_calm(&fixture, SERVING));
	return 0;
}

static int end(void **state)
{
	(void)state;
	UNTIL(&fixture, fixture_calm(&fixture, SERVING));
	fixture_close(&fixture);
	return 0;
}

static void share(size_t i, int64_t parts, int32_t ms)
{
	ask_submit(&fixture, &shares[i], &COUNTER_SHARE,
	           COUNTER_SHARE_PARAMS(.id = COUNTER, .parts = parts, .ms = ms), PROJECT);
}

/* While the first one is at work, those behind it gather. */
static void take_the_turn(void)
{
	ask_submit(&fixture, &first, &COUNTER_RAISE, COUNTER_RAISE_PARAMS(.id = COUNTER, .ms = 50),
	           PROJECT);
}

static long value(void)
{
	return cluster_number(cluster, "SELECT value FROM counters WHERE id = 1");
}

static void who_waits_is_committed_together(void **state)
{
	(void)state;
	uint64_t syncs = fixture_state(&fixture).syncs;
	take_the_turn();
	for (size_t i = 0; i < SHARES; i++)
		share(i, 12, 0);
	for (size_t i = 0; i < SHARES; i++) {
		ask_await(&shares[i]);
		assert_int_equal(shares[i].status, STATUS_OK);
		assert_int_equal(shares[i].value, (int64_t)i + 2);
	}
	/* The first, sixteen, and the rest. */
	assert_int_equal(fixture_state(&fixture).syncs - syncs, 3);
	assert_int_equal(value(), SHARES + 1);
}

static void a_failure_is_its_own(void **state)
{
	(void)state;
	take_the_turn();
	for (size_t i = 0; i < 10; i++)
		share(i, i == 4 ? 0 : 12, 0);
	for (size_t i = 0; i < 10; i++) {
		ask_await(&shares[i]);
		assert_int_equal(shares[i].status, i == 4 ? STATUS_INVALID_ARGUMENT : STATUS_OK);
	}
	assert_string_equal(shares[4].sqlstate, "22012");
	assert_int_equal(value(), 10);
}

static void a_lost_group_is_unknown(void **state)
{
	(void)state;
	take_the_turn();
	for (size_t i = 0; i < 5; i++)
		share(i, 12, i == 2 ? 50000 : 0);
	ask_await(&first);
	cluster_kill_backend(cluster, fixture_backend(&fixture, "12 / "));
	for (size_t i = 0; i < 5; i++) {
		ask_await(&shares[i]);
		assert_int_equal(shares[i].status, STATUS_UNAVAILABLE);
		assert_int_equal(shares[i].outcome, OUTCOME_UNKNOWN);
	}
	UNTIL(&fixture, fixture_calm(&fixture, SERVING));
	assert_int_equal(value(), 1);
}

/* PostgreSQL said FATAL before the commit: nothing of the group happened, so it is sent again. */
static void a_terminated_group_is_sent_again(void **state)
{
	(void)state;
	char sql[96];
	take_the_turn();
	for (size_t i = 0; i < 5; i++)
		share(i, 12, i == 2 ? 300 : 0);
	ask_await(&first);
	snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d)",
	         fixture_backend(&fixture, "12 / "));
	cluster_sql(cluster, sql);
	for (size_t i = 0; i < 5; i++) {
		ask_await(&shares[i]);
		assert_int_equal(shares[i].status, STATUS_OK);
	}
	assert_int_equal(value(), 6);
}

static void abandoned_ones_hold_nobody_up(void **state)
{
	(void)state;
	take_the_turn();
	for (size_t i = 0; i < 5; i++)
		share(i, 12, 20);
	ask_await(&first);
	(void)fixture_backend(&fixture, "12 / ");
	assert_true(pool_abandon(fixture.pool, &shares[1].request));
	assert_true(pool_abandon(fixture.pool, &shares[4].request));
	share(5, 12, 0);
	const size_t others[] = {0, 2, 3, 5};
	for (size_t i = 0; i < 4; i++) {
		ask_await(&shares[others[i]]);
		assert_int_equal(shares[others[i]].status, STATUS_OK);
	}
	assert_int_equal(shares[1].answers + shares[4].answers, 0);
	assert_int_equal(shares[5].value, 7);
}

static int group_set_up(void **state)
{
	(void)state;
	cluster = cluster_new(NULL);
	fixture_schema(cluster);
	return 0;
}

static int group_tear_down(void **state)
{
	(void)state;
	cluster_free(cluster);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_waits_is_committed_together), TEST(a_failure_is_its_own),
		TEST(a_lost_group_is_unknown),         TEST(a_terminated_group_is_sent_again),
		TEST(abandoned_ones_hold_nobody_up),
	};
	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
