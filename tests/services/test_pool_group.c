/* Writes that are executed as one, of one project or of several: fewer statements and commits, the
 * same answers; what befalls one of them is no other's. */
#include "pool_fixture.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
	PROJECT = 7,
	COUNTER = 1,
	READERS = 1,
	WRITERS = 4,
	SERVING = READERS + WRITERS,
	SHARES = 20
};

static struct cluster *cluster;
static struct fixture fixture;
static struct ask first, shares[SHARES];

static int begin(void **state)
{
	(void)state;
	cluster_sql(cluster, "UPDATE counters SET value = 0");
	fixture_open(&fixture, cluster);
	struct pool_settings settings = fixture_settings(&fixture);
	settings.read_connections = READERS;
	settings.write_connections = WRITERS;
	fixture_pool(&fixture, &settings);
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

/* --- of several projects ----------------------------------------------------------------- */

static void share_of(size_t i, uint64_t project, int64_t counter, int64_t parts)
{
	ask_submit(&fixture, &shares[i], &COUNTER_SHARE,
	           COUNTER_SHARE_PARAMS(.id = counter, .parts = parts, .ms = 0), project);
}

/* Those that were asked for in one turn; each has its own answer. */
static void strangers_are_committed_together(void **state)
{
	(void)state;
	uint64_t syncs = fixture_state(&fixture).syncs;
	const uint64_t projects[] = {9, 7, 8, 7, 6};
	for (size_t i = 0; i < 5; i++)
		share_of(i, projects[i], COUNTER, 12);
	for (size_t i = 0; i < 5; i++) {
		ask_await(&shares[i]);
		assert_int_equal(shares[i].status, STATUS_OK);
		assert_int_equal(shares[i].value, (int64_t)i + 1);
	}
	assert_int_equal(fixture_state(&fixture).syncs - syncs, 1);
	for (size_t i = 0; i < SHARES; i++)
		share_of(i, i + 1, (int64_t)i + 1, 12);
	for (size_t i = 0; i < SHARES; i++) {
		ask_await(&shares[i]);
		assert_int_equal(shares[i].status, STATUS_OK);
	}
	assert_int_equal(fixture_state(&fixture).syncs - syncs, 1 + 2);
}

static int groups_seen(void)
{
	return (int)cluster_number(cluster, "SELECT count(*) FROM pg_stat_activity WHERE state = "
	                                    "'active' AND query LIKE '%12 / %' AND pid <> "
	                                    "pg_backend_pid()");
}

/* One by one: who comes waits until there are as many as those at work. */
static void more_callers_make_larger_groups(void **state)
{
	(void)state;
	uint64_t syncs = fixture_state(&fixture).syncs;
	static const uint32_t at_work[] = {1, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8, 8};
	for (size_t i = 0; i < 12; i++) {
		ask_submit(&fixture, &shares[i], &COUNTER_SHARE,
		           COUNTER_SHARE_PARAMS(.id = (int64_t)i + 1, .parts = 12, .ms = 300),
		           i + 1);
		pool_flush(fixture.pool);
		assert_int_equal(fixture_state(&fixture).in_flight, at_work[i]);
	}
	for (size_t i = 0; i < 12; i++) {
		ask_await(&shares[i]);
		assert_int_equal(shares[i].status, STATUS_OK);
	}
	assert_int_equal(fixture_state(&fixture).syncs - syncs, 5);
}

/* Two wait for what somebody else has locked: that takes nobody's place. */
static void who_waits_for_a_lock_takes_no_place(void **state)
{
	(void)state;
	PGconn *other = PQconnectdb(cluster_conninfo(cluster));
	PQclear(PQexec(other, "BEGIN"));
	PQclear(PQexec(other, "UPDATE counters SET value = 0 WHERE id IN (1, 2)"));
	for (size_t i = 0; i < 2; i++) {
		share_of(i, i + 1, (int64_t)i + 1, 12);
		pool_flush(fixture.pool);
	}
	UNTIL(&fixture, groups_seen() == 2);
	share_of(2, 3, 3, 12);
	ask_await(&shares[2]);
	assert_int_equal(shares[2].status, STATUS_OK);
	assert_int_equal(shares[0].answers + shares[1].answers, 0);
	PQclear(PQexec(other, "COMMIT"));
	PQfinish(other);
	for (size_t i = 0; i < 2; i++) {
		ask_await(&shares[i]);
		assert_int_equal(shares[i].status, STATUS_OK);
	}
}

static void a_strangers_failure_is_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < 6; i++)
		share_of(i, i + 1, (int64_t)i + 1, i == 2 ? 0 : 12);
	for (size_t i = 0; i < 6; i++) {
		ask_await(&shares[i]);
		assert_int_equal(shares[i].status, i == 2 ? STATUS_INVALID_ARGUMENT : STATUS_OK);
	}
	assert_int_equal(cluster_number(cluster, "SELECT sum(value) FROM counters"), 5);
}

/* Somebody else, such as another worker, is at a project for long. */
static void a_strangers_lock_holds_nobody_up(void **state)
{
	(void)state;
	PGconn *other = PQconnectdb(cluster_conninfo(cluster));
	PQclear(PQexec(other, "BEGIN"));
	PGresult *locked = PQexec(other, "UPDATE counters SET value = 0 WHERE id = 2");
	assert_int_equal(PQresultStatus(locked), PGRES_COMMAND_OK);
	PQclear(locked);
	for (size_t i = 0; i < 4; i++)
		share_of(i, i + 1, (int64_t)i + 1, 12);
	const size_t free_ones[] = {0, 2, 3};
	for (size_t i = 0; i < 3; i++) {
		ask_await(&shares[free_ones[i]]);
		assert_int_equal(shares[free_ones[i]].status, STATUS_OK);
	}
	assert_int_equal(shares[1].answers, 0);
	PQclear(PQexec(other, "COMMIT"));
	PQfinish(other);
	ask_await(&shares[1]);
	assert_int_equal(shares[1].status, STATUS_OK);
	assert_int_equal(cluster_number(cluster, "SELECT sum(value) FROM counters"), 4);
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

/* Those of a group that failed go one by one, and ahead of those that came after it. */
static void a_failed_group_keeps_its_place(void **state)
{
	(void)state;
	take_the_turn();
	for (size_t i = 0; i < 10; i++)
		share(i, i == 4 ? 0 : 12, 300);
	ask_await(&first);
	(void)fixture_backend(&fixture, "12 / ");
	for (size_t i = 10; i < SHARES; i++)
		share(i, 12, 0);
	for (size_t i = 0; i < SHARES; i++) {
		ask_await(&shares[i]);
		assert_int_equal(shares[i].status, i == 4 ? STATUS_INVALID_ARGUMENT : STATUS_OK);
		if (i != 4)
			assert_int_equal(shares[i].value, i + (i < 4 ? 2 : 1));
	}
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
		share(i, 12, 300);
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
		TEST(abandoned_ones_hold_nobody_up),   TEST(strangers_are_committed_together),
		TEST(more_callers_make_larger_groups), TEST(who_waits_for_a_lock_takes_no_place),
		TEST(a_strangers_failure_is_its_own),  TEST(a_strangers_lock_holds_nobody_up),
		TEST(a_failed_group_keeps_its_place),
	};
	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
