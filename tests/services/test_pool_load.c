/* Thousands of mixed reads and writes, with statements that fail, callers who leave, and sessions
 * that are killed: each answer is right, and what was acknowledged is there. */
#include "pool_fixture.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CALLERS = 64, ALL_SERVE = 6 };

enum what { WHAT_SAY, WHAT_DIVIDE, WHAT_FAIL, WHAT_INSERT, WHAT_DOUBLE, WHAT_RAISE, WHAT_COUNT };

/* One caller: asks, and asks the next when it was answered. */
struct caller {
	struct ask ask;
	struct load *load;
	enum what what;
	int64_t value;
};

struct load {
	struct fixture fixture;
	struct caller callers[CALLERS];
	uint64_t random; /* the same in each run */
	uint32_t to_ask, busy;
	int64_t next_id;
	uint8_t *inserted; /* by id: 'y' acknowledged, '?' unknown, 'a' abandoned, else 0 */
	int64_t raises, raises_unknown;
	uint32_t unavailable, wrong;
};

static uint32_t roll(struct load *load, uint32_t sides)
{
	load->random ^= load->random << 13;
	load->random ^= load->random >> 7;
	load->random ^= load->random << 17;
	return (uint32_t)(load->random >> 32) % sides;
}

static void submit(struct caller *caller)
{
	struct load *load = caller->load;
	struct fixture *fixture = &load->fixture;
	struct ask *ask = &caller->ask;
	caller->what = (enum what)roll(load, WHAT_COUNT);
	caller->value = 1 + roll(load, 40);
	if (caller->what == WHAT_SAY)
		ask_submit(fixture, ask, &SAY, SAY_PARAMS(.value = caller->value), 0);
	else if (caller->what == WHAT_DIVIDE)
		ask_submit(fixture, ask, &DIVIDE, DIVIDE_PARAMS(.divisor = (int32_t)caller->value),
		           0);
	else if (caller->what == WHAT_FAIL)
		ask_submit(fixture, ask, &DIVIDE, DIVIDE_PARAMS(.divisor = 0), 0);
	else if (caller->what == WHAT_RAISE)
		ask_submit(fixture, ask, &COUNTER_RAISE,
		           COUNTER_RAISE_PARAMS(.id = caller->value, .ms = 0),
		           (uint64_t)caller->value);
	else if (caller->what == WHAT_DOUBLE)
		ask_submit(fixture, ask, &THING_INSERT, THING_INSERT_PARAMS(.id = 0), 0);
	else
		ask_submit(fixture, ask, &THING_INSERT,
		           THING_INSERT_PARAMS(.id = caller->value = load->next_id++), 0);
}

static bool right(const struct caller *caller)
{
	const struct ask *ask = &caller->ask;
	switch (caller->what) {
	case WHAT_SAY:
	case WHAT_INSERT:
		return ask->status == STATUS_OK && ask->value == caller->value;
	case WHAT_DIVIDE:
		return ask->status == STATUS_OK && ask->value == 100 / caller->value;
	case WHAT_FAIL:
		return ask->status == STATUS_INVALID_ARGUMENT;
	case WHAT_DOUBLE:
		return ask->status == STATUS_ALREADY_EXISTS &&
		       strcmp(ask->constraint, "things_pkey") == 0;
	case WHAT_RAISE:
		return ask->status == STATUS_OK && ask->value > 0;
	case WHAT_COUNT:
		break;
	}
	return false;
}

/* Writes may be lost without a word only if the pool says so. */
static void record(struct caller *caller)
{
	struct load *load = caller->load;
	const struct ask *ask = &caller->ask;
	bool unknown = ask->outcome == OUTCOME_UNKNOWN;
	bool write = caller->what == WHAT_INSERT || caller->what == WHAT_DOUBLE ||
	             caller->what == WHAT_RAISE;
	if (ask->status == STATUS_UNAVAILABLE)
		load->unavailable++;
	else if (!right(caller))
		load->wrong++;
	if (unknown && (!write || ask->status != STATUS_UNAVAILABLE))
		load->wrong++;
	if (caller->what == WHAT_INSERT && (unknown || ask->status == STATUS_OK))
		load->inserted[caller->value] = unknown ? '?' : 'y';
	if (caller->what == WHAT_RAISE) {
		load->raises += ask->status == STATUS_OK;
		load->raises_unknown += unknown;
	}
}

static void next(struct caller *caller)
{
	if (caller->load->to_ask == 0) {
		caller->load->busy--;
		return;
	}
	caller->load->to_ask--;
	submit(caller);
}

static void on_answered(struct ask *ask)
{
	record((struct caller *)ask);
	next((struct caller *)ask);
}

static void begin(struct load *load, struct cluster *cluster, uint32_t to_ask)
{
	cluster_sql(cluster, "TRUNCATE things CASCADE; INSERT INTO things VALUES (0);"
	                     "UPDATE counters SET value = 0");
	fixture_open(&load->fixture, cluster);
	struct pool_settings settings = fixture_settings(&load->fixture);
	settings.write_connections = 4;
	fixture_control(&load->fixture);
	settings.control = load->fixture.control;
	fixture_pool(&load->fixture, &settings);
	UNTIL(&load->fixture, fixture_calm(&load->fixture, ALL_SERVE));
	load->random = 88172645463325252u;
	load->inserted = calloc(to_ask + CALLERS + 1, 1);
	load->next_id = 1;
	load->to_ask = to_ask;
	load->busy = CALLERS;
	for (int i = 0; i < CALLERS; i++) {
		load->callers[i].load = load;
		load->callers[i].ask.then = on_answered;
		submit(&load->callers[i]);
	}
}

/* What the database has is what was acknowledged, and maybe what is unknown. */
static void end(struct load *load, struct cluster *cluster)
{
	long count = 0, least = 1, most = 1; /* row 0 */
	for (int64_t id = 1; id < load->next_id; id++) {
		least += load->inserted[id] == 'y';
		most += load->inserted[id] != 0;
	}
	UNTIL(&load->fixture, fixture_calm(&load->fixture, ALL_SERVE));
	count = cluster_number(cluster, "SELECT count(*) FROM things");
	assert_in_range(count, least, most);
	for (int64_t id = 1; id < load->next_id; id++) {
		char sql[64];
		snprintf(sql, sizeof(sql), "SELECT 1 FROM things WHERE id = %lld", (long long)id);
		if (load->inserted[id] == 'y' && id % 50 == 0)
			assert_int_equal(cluster_number(cluster, sql), 1);
	}
	long raised = cluster_number(cluster, "SELECT sum(value) FROM counters");
	assert_in_range(raised, load->raises, load->raises + load->raises_unknown);
	assert_int_equal(load->wrong, 0);
	fixture_close(&load->fixture);
	free(load->inserted);
	free(load);
}

static struct cluster *cluster;

static void test_mixed_load(void **state)
{
	struct load *load = calloc(1, sizeof(*load));
	(void)state;
	begin(load, cluster, 20000);
	UNTIL(&load->fixture, load->busy == 0);
	assert_int_equal(load->unavailable, 0);
	assert_int_equal(load->raises_unknown, 0);
	assert_int_equal(fixture_state(&load->fixture).reconnects, 0);
	end(load, cluster);
}

/* Callers leave in the middle, and others take their place. */
static void test_leaving_callers(void **state)
{
	struct load *load = calloc(1, sizeof(*load));
	(void)state;
	begin(load, cluster, 8000);
	while (load->busy) {
		fixture_turn(&load->fixture);
		struct caller *caller = &load->callers[roll(load, CALLERS)];
		if (caller->ask.answers || load->busy < CALLERS || !load->to_ask)
			continue;
		bool sent = pool_abandon(load->fixture.pool, &caller->ask.request);
		if (caller->what == WHAT_INSERT && sent)
			load->inserted[caller->value] = 'a';
		load->raises_unknown += caller->what == WHAT_RAISE && sent;
		next(caller);
	}
	assert_int_equal(load->unavailable, 0);
	end(load, cluster);
}

static void kill_someone(struct load *load, bool hard)
{
	char sql[160];
	const char *find =
		"SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'prismd:%' "
		"ORDER BY random() LIMIT 1";
	long pid = cluster_number(cluster, find);
	if (pid == 0)
		return;
	snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%ld)", pid);
	if (hard)
		cluster_kill_backend(load->fixture.cluster, (int)pid);
	else
		cluster_sql(cluster, sql);
}

/* The pool may not have noticed yet that all its sessions have ended: the server is asked, too. */
static void pause_until_up(struct load *load)
{
	while (PQping(cluster_conninfo(cluster)) != PQPING_OK ||
	       !fixture_state(&load->fixture).available)
		fixture_pause(&load->fixture, 20);
}

static void test_terminated_sessions(void **state)
{
	struct load *load = calloc(1, sizeof(*load));
	(void)state;
	begin(load, cluster, 12000);
	for (int i = 0; i < 25 && load->busy; i++) {
		kill_someone(load, false);
		fixture_pause(&load->fixture, 30);
	}
	UNTIL(&load->fixture, load->busy == 0);
	assert_true(fixture_state(&load->fixture).reconnects > 0);
	end(load, cluster);
}

/* Each kill makes PostgreSQL end all sessions and recover. */
static void test_crashed_sessions(void **state)
{
	struct load *load = calloc(1, sizeof(*load));
	(void)state;
	begin(load, cluster, 12000);
	for (int i = 0; i < 4 && load->busy; i++) {
		kill_someone(load, true);
		fixture_pause(&load->fixture, 100);
		pause_until_up(load);
	}
	UNTIL(&load->fixture, load->busy == 0);
	assert_true(fixture_state(&load->fixture).reconnects > 0);
	end(load, cluster);
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
		cmocka_unit_test(test_mixed_load),
		cmocka_unit_test(test_leaving_callers),
		cmocka_unit_test(test_terminated_sessions),
		cmocka_unit_test(test_crashed_sessions),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
