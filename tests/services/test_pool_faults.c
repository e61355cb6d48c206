/* The pool when PostgreSQL dies, is away, or refuses: what callers are told, and that the service
 * comes back by itself with nothing left behind. */
#include "pool_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ALL_SERVE = 4 };

struct scene {
	struct cluster *cluster;
	struct fixture fixture;
};

static int begin(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	assert_non_null(scene);
	scene->cluster = cluster_new(NULL);
	fixture_schema(scene->cluster);
	fixture_open(&scene->fixture, scene->cluster);
	*state = scene;
	return 0;
}

/* Whatever happened: all connections serve again, and nothing is left. */
static int end(void **state)
{
	struct scene *scene = *state;
	struct ask ask = {0};
	UNTIL(&scene->fixture, fixture_calm(&scene->fixture, ALL_SERVE));
	ASK(&scene->fixture, &ask, &SAY, SAY_PARAMS(.value = 5));
	assert_int_equal(ask.value, 5);
	ASK(&scene->fixture, &ask, &COUNTER_RAISE, COUNTER_RAISE_PARAMS(.id = 1, .ms = 0));
	assert_int_equal(ask.status, STATUS_OK);
	assert_true(fixture_state(&scene->fixture).available);
	fixture_close(&scene->fixture);
	cluster_free(scene->cluster);
	free(scene);
	return 0;
}

static void test_killed_backend(void **state)
{
	struct scene *scene = *state;
	struct ask read = {0}, write = {0};
	fixture_pool(&scene->fixture, NULL);
	UNTIL(&scene->fixture, fixture_calm(&scene->fixture, ALL_SERVE));
	ask_submit(&scene->fixture, &read, &NAP, NAP_PARAMS(.ms = 700), 0);
	ask_submit(&scene->fixture, &write, &THING_INSERT_SLOWLY,
	           THING_INSERT_SLOWLY_PARAMS(.id = 1, .ms = 50000), 0);
	cluster_kill_backend(scene->cluster,
	                     fixture_backend(&scene->fixture, "INSERT INTO things"));
	ask_await(&write);
	assert_int_equal(write.status, STATUS_UNAVAILABLE);
	assert_int_equal(write.outcome, OUTCOME_UNKNOWN);
	ask_await(&read);
	if (read.status != STATUS_OK)
		fail_msg("%s; notes:\n%s", read.message, scene->fixture.notes);
	assert_int_equal(read.value, 700);
	assert_non_null(strstr(scene->fixture.notes, "lost a connection to PostgreSQL"));
}

/* PostgreSQL said FATAL before the write was through: it never happened, so it is sent again. */
static void test_terminated_backend(void **state)
{
	struct scene *scene = *state;
	struct ask writes[2] = {0};
	char sql[128];
	struct pool_settings settings = fixture_settings(&scene->fixture);
	settings.write_connections = 1;
	settings.read_connections = 3;
	fixture_pool(&scene->fixture, &settings);
	for (int i = 0; i < 2; i++)
		ask_submit(&scene->fixture, &writes[i], &THING_INSERT_SLOWLY,
		           THING_INSERT_SLOWLY_PARAMS(.id = i + 1, .ms = 300), 0);
	snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d)",
	         fixture_backend(&scene->fixture, "INSERT INTO things"));
	cluster_sql(scene->cluster, sql);
	for (int i = 0; i < 2; i++) {
		ask_await(&writes[i]);
		assert_int_equal(writes[i].status, STATUS_OK);
	}
	assert_int_equal(cluster_number(scene->cluster, "SELECT count(*) FROM things"), 2);
	assert_non_null(strstr(scene->fixture.notes, "administrator command"));
}

/* A statement that kills its backend each time is given up, and takes nobody along. */
static void test_poisonous_statement(void **state)
{
	struct scene *scene = *state;
	struct ask poison = {0}, reads[20] = {0};
	fixture_pool(&scene->fixture, NULL);
	ask_submit(&scene->fixture, &poison, &END_SESSION, END_SESSION_PARAMS(), 0);
	for (int i = 0; i < 20; i++)
		ask_submit(&scene->fixture, &reads[i], &SAY, SAY_PARAMS(.value = i), 0);
	ask_await(&poison);
	assert_int_equal(poison.status, STATUS_UNAVAILABLE);
	assert_int_equal(poison.outcome, OUTCOME_NOT_EXECUTED);
	for (int i = 0; i < 20; i++) {
		ask_await(&reads[i]);
		assert_int_equal(reads[i].status, STATUS_OK);
		assert_int_equal(reads[i].value, i);
	}
}

static void assert_refused(struct scene *scene, const char *why)
{
	struct ask ask = {0};
	ASK(&scene->fixture, &ask, &SAY, SAY_PARAMS(.value = 1));
	assert_int_equal(ask.status, STATUS_UNAVAILABLE);
	assert_int_equal(ask.outcome, OUTCOME_NOT_EXECUTED);
	if (!strstr(ask.message, why))
		fail_msg("\"%s\" does not say \"%s\"", ask.message, why);
}

static void await_down(struct scene *scene)
{
	UNTIL(&scene->fixture,
	      scene->fixture.available == 0 && *fixture_state(&scene->fixture).last_error);
}

static void test_killed_postmaster(void **state)
{
	struct scene *scene = *state;
	struct ask write = {0};
	fixture_pool(&scene->fixture, NULL);
	UNTIL(&scene->fixture, fixture_calm(&scene->fixture, ALL_SERVE));
	ask_submit(&scene->fixture, &write, &THING_INSERT_SLOWLY,
	           THING_INSERT_SLOWLY_PARAMS(.id = 1, .ms = 50000), 0);
	(void)fixture_backend(&scene->fixture, "INSERT INTO things");
	cluster_kill(scene->cluster);
	ask_await(&write);
	assert_int_equal(write.status, STATUS_UNAVAILABLE);
	assert_int_equal(write.outcome, OUTCOME_UNKNOWN);
	await_down(scene);
	assert_refused(scene, "no database connection: ");
	cluster_start(scene->cluster);
	UNTIL(&scene->fixture, scene->fixture.available == 1);
	assert_non_null(strstr(scene->fixture.notes, "connected to PostgreSQL again"));
}

static void test_stopped_and_started(void **state)
{
	struct scene *scene = *state;
	fixture_pool(&scene->fixture, NULL);
	for (int i = 0; i < 3; i++) {
		UNTIL(&scene->fixture, fixture_calm(&scene->fixture, ALL_SERVE));
		cluster_stop(scene->cluster);
		await_down(scene);
		assert_refused(scene, "no database connection: connection to server");
		cluster_start(scene->cluster);
		UNTIL(&scene->fixture, scene->fixture.available == 1);
	}
	assert_non_null(strstr(scene->fixture.notes, "terminating connection due to "
	                                             "administrator command"));
}

static void test_absent_at_start(void **state)
{
	struct scene *scene = *state;
	cluster_stop(scene->cluster);
	struct ask early = {0};
	fixture_pool(&scene->fixture, NULL);
	/* Nobody knows yet that it is absent: this one waits for the first attempt. */
	ASK(&scene->fixture, &early, &SAY, SAY_PARAMS(.value = 1));
	assert_int_equal(early.status, STATUS_UNAVAILABLE);
	assert_refused(scene, "No such file or directory");
	assert_int_equal(scene->fixture.changes, 0);
	cluster_start(scene->cluster);
	UNTIL(&scene->fixture, scene->fixture.available == 1);
	assert_int_equal(scene->fixture.changes, 1);
}

static void test_wrong_password(void **state)
{
	struct scene *scene = *state;
	char conninfo[CLUSTER_CONNINFO_SIZE + 64];
	cluster_sql(scene->cluster, "CREATE ROLE app LOGIN PASSWORD 'right'; "
	                            "GRANT ALL ON things, counters TO app");
	cluster_hba(scene->cluster, "local all app scram-sha-256\nlocal all all trust\n");
	snprintf(conninfo, sizeof(conninfo), "%s user=app password=wrong",
	         cluster_conninfo(scene->cluster));
	struct pool_settings settings = fixture_settings(&scene->fixture);
	settings.conninfo = conninfo;
	fixture_pool(&scene->fixture, &settings);
	UNTIL(&scene->fixture, *fixture_state(&scene->fixture).last_error);
	assert_refused(scene, "password authentication failed for user \"app\"");
	assert_non_null(strstr(scene->fixture.notes, "cannot connect to PostgreSQL: password "
	                                             "authentication failed"));
	cluster_sql(scene->cluster, "ALTER ROLE app PASSWORD 'wrong'");
	UNTIL(&scene->fixture, scene->fixture.available == 1);
}

static void test_absent_database(void **state)
{
	struct scene *scene = *state;
	char conninfo[CLUSTER_CONNINFO_SIZE + 64];
	snprintf(conninfo, sizeof(conninfo), "%s dbname=later", cluster_conninfo(scene->cluster));
	struct pool_settings settings = fixture_settings(&scene->fixture);
	settings.conninfo = conninfo;
	fixture_pool(&scene->fixture, &settings);
	UNTIL(&scene->fixture, *fixture_state(&scene->fixture).last_error);
	assert_refused(scene, "database \"later\" does not exist");
	cluster_sql(scene->cluster, "CREATE DATABASE later TEMPLATE postgres");
	UNTIL(&scene->fixture, scene->fixture.available == 1);
}

/* With fewer connections than wanted the service goes on; each lane gets one first. */
static void test_too_many_connections(void **state)
{
	struct scene *scene = *state;
	struct ask ask = {0};
	cluster_sql(scene->cluster, "CREATE ROLE few LOGIN CONNECTION LIMIT 2; "
	                            "GRANT ALL ON things, counters TO few");
	char conninfo[CLUSTER_CONNINFO_SIZE + 64];
	snprintf(conninfo, sizeof(conninfo), "%s user=few", cluster_conninfo(scene->cluster));
	struct pool_settings settings = fixture_settings(&scene->fixture);
	settings.conninfo = conninfo;
	fixture_pool(&scene->fixture, &settings);
	UNTIL(&scene->fixture, *fixture_state(&scene->fixture).last_error);
	assert_non_null(strstr(fixture_state(&scene->fixture).last_error, "too many connections"));
	assert_int_equal(fixture_state(&scene->fixture).connected, 2);
	ASK(&scene->fixture, &ask, &SAY, SAY_PARAMS(.value = 1));
	assert_int_equal(ask.status, STATUS_OK);
	ASK(&scene->fixture, &ask, &COUNTER_RAISE, COUNTER_RAISE_PARAMS(.id = 2, .ms = 0));
	assert_int_equal(ask.status, STATUS_OK);
	cluster_sql(scene->cluster, "ALTER ROLE few CONNECTION LIMIT 20");
}

/* A server that hangs answers nobody; when it goes on, so do we. */
static void test_frozen_server(void **state)
{
	struct scene *scene = *state;
	struct ask ask = {0};
	fixture_pool(&scene->fixture, NULL);
	UNTIL(&scene->fixture, fixture_calm(&scene->fixture, ALL_SERVE));
	cluster_freeze(scene->cluster);
	ask_submit(&scene->fixture, &ask, &SAY, SAY_PARAMS(.value = 9), 0);
	fixture_pause(&scene->fixture, 300);
	assert_int_equal(ask.answers, 0);
	assert_true(pool_abandon(scene->fixture.pool, &ask.request));
	cluster_thaw(scene->cluster);
	UNTIL(&scene->fixture, fixture_calm(&scene->fixture, ALL_SERVE));
	assert_int_equal(ask.answers, 0);
}

/* The schema does not fit: whoever started us is told once, and a repaired one is taken up.
 * (`children` is what a single statement knows: no other one can be the first to complain.) */
static void test_schema_drift(void **state)
{
	struct scene *scene = *state;
	struct fixture *fixture = &scene->fixture;
	cluster_sql(scene->cluster, "ALTER TABLE children RENAME COLUMN thing_id TO parent_id");
	fixture_pool(fixture, NULL);
	UNTIL(fixture, fixture->mismatches == 1);
	assert_non_null(strstr(fixture->mismatch, "statement child_insert"));
	assert_non_null(strstr(fixture->mismatch, "\"thing_id\""));
	assert_non_null(strstr(fixture->mismatch, "prism-db upgrade head"));
	assert_refused(scene, "statement child_insert");
	cluster_sql(scene->cluster, "ALTER TABLE children RENAME COLUMN parent_id TO thing_id");
	UNTIL(fixture, fixture->available == 1);
	assert_int_equal(fixture->mismatches, 1);
}

/* PostgreSQL that comes back may have another schema: it is looked at again. */
static void test_checked_again(void **state)
{
	struct scene *scene = *state;
	struct fixture *fixture = &scene->fixture;
	atomic_bool checked = false;
	struct pool_settings settings = fixture_settings(fixture);
	settings.checked = &checked;
	fixture_pool(fixture, &settings);
	UNTIL(fixture, fixture_calm(fixture, ALL_SERVE));
	assert_true(checked);
	cluster_stop(scene->cluster);
	await_down(scene);
	assert_false(checked);
	cluster_start(scene->cluster);
	UNTIL(fixture, fixture_calm(fixture, ALL_SERVE));
	assert_true(checked);
	fixture_drop(fixture);
	fixture_pool(fixture, NULL);
}

/* A pool that does not check learns of it when it prepares. */
static void test_unchecked_drift(void **state)
{
	struct scene *scene = *state;
	cluster_sql(scene->cluster, "ALTER TABLE children RENAME TO heirs");
	struct pool_settings settings = fixture_settings(&scene->fixture);
	settings.mismatch = NULL;
	fixture_pool(&scene->fixture, &settings);
	UNTIL(&scene->fixture, *fixture_state(&scene->fixture).last_error);
	assert_non_null(strstr(fixture_state(&scene->fixture).last_error,
	                       "statement child_insert cannot be prepared: relation \"children\" "
	                       "does not exist"));
	cluster_sql(scene->cluster, "ALTER TABLE heirs RENAME TO children");
}

/* A migration under way changes what prepared statements return: they are prepared anew. */
static void test_changed_result_type(void **state)
{
	struct scene *scene = *state;
	struct ask asks[40] = {0};
	fixture_pool(&scene->fixture, NULL);
	cluster_sql(scene->cluster, "INSERT INTO things VALUES (7, 'seven')");
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 40; i++)
			ask_submit(&scene->fixture, &asks[i], &THING_NAME,
			           THING_NAME_PARAMS(.id = 7), 0);
		for (int i = 0; i < 40; i++) {
			ask_await(&asks[i]);
			assert_int_equal(asks[i].status, STATUS_OK);
			assert_int_equal(asks[i].value, 7);
		}
		UNTIL(&scene->fixture, fixture_calm(&scene->fixture, ALL_SERVE));
		cluster_sql(scene->cluster,
		            "ALTER TABLE things ALTER COLUMN name TYPE varchar(100)");
	}
	assert_in_range(fixture_state(&scene->fixture).reconnects, 1, 2);
}

/* The name server is asked off the loop. */
static void test_host_name(void **state)
{
	struct scene *scene = *state;
	char conninfo[128];
	snprintf(conninfo, sizeof(conninfo), "postgresql+asyncpg://postgres@localhost:%d/postgres",
	         cluster_port(scene->cluster));
	struct pool_settings settings = fixture_settings(&scene->fixture);
	settings.conninfo = conninfo;
	fixture_pool(&scene->fixture, &settings);
	UNTIL(&scene->fixture, scene->fixture.available == 1);
}

/* A name that leads nowhere does not stand in the way of one that does. */
static void test_one_host_of_two(void **state)
{
	struct scene *scene = *state;
	char conninfo[128];
	snprintf(conninfo, sizeof(conninfo),
	         "host=no-such-host.invalid,localhost port=%d user=postgres dbname=postgres",
	         cluster_port(scene->cluster));
	struct pool_settings settings = fixture_settings(&scene->fixture);
	settings.conninfo = conninfo;
	fixture_pool(&scene->fixture, &settings);
	UNTIL(&scene->fixture, scene->fixture.available == 1);
}

/* Closed in the middle of everything: each request has its one answer. */
static void test_closed_under_load(void **state)
{
	struct scene *scene = *state;
	struct ask reads[300] = {0}, writes[30] = {0};
	fixture_pool(&scene->fixture, NULL);
	UNTIL(&scene->fixture, fixture_calm(&scene->fixture, ALL_SERVE));
	for (int i = 0; i < 300; i++)
		ask_submit(&scene->fixture, &reads[i], &NAP, NAP_PARAMS(.ms = 20), 0);
	for (int i = 0; i < 30; i++)
		ask_submit(&scene->fixture, &writes[i], &COUNTER_RAISE,
		           COUNTER_RAISE_PARAMS(.id = i + 1, .ms = 20), (uint64_t)i % 5);
	fixture_pause(&scene->fixture, 60);
	fixture_drop(&scene->fixture);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(reads[i].answers, 1);
		assert_true(reads[i].status == STATUS_OK || reads[i].status == STATUS_UNAVAILABLE);
		assert_int_not_equal(reads[i].outcome, OUTCOME_UNKNOWN);
	}
	for (int i = 0; i < 30; i++)
		assert_int_equal(writes[i].answers, 1);
	fixture_pool(&scene->fixture, NULL);
}

/* What an address that leads nowhere says. */
static void test_unknown_host(void **state)
{
	struct scene *scene = *state;
	struct pool_settings settings = fixture_settings(&scene->fixture);
	settings.conninfo = "postgresql://postgres@no-such-host.invalid/postgres";
	fixture_pool(&scene->fixture, &settings);
	UNTIL(&scene->fixture, *fixture_state(&scene->fixture).last_error);
	assert_refused(scene, "no-such-host.invalid");
	fixture_drop(&scene->fixture);
	fixture_pool(&scene->fixture, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_killed_backend, begin, end),
		cmocka_unit_test_setup_teardown(test_terminated_backend, begin, end),
		cmocka_unit_test_setup_teardown(test_poisonous_statement, begin, end),
		cmocka_unit_test_setup_teardown(test_killed_postmaster, begin, end),
		cmocka_unit_test_setup_teardown(test_stopped_and_started, begin, end),
		cmocka_unit_test_setup_teardown(test_absent_at_start, begin, end),
		cmocka_unit_test_setup_teardown(test_wrong_password, begin, end),
		cmocka_unit_test_setup_teardown(test_absent_database, begin, end),
		cmocka_unit_test_setup_teardown(test_too_many_connections, begin, end),
		cmocka_unit_test_setup_teardown(test_frozen_server, begin, end),
		cmocka_unit_test_setup_teardown(test_schema_drift, begin, end),
		cmocka_unit_test_setup_teardown(test_checked_again, begin, end),
		cmocka_unit_test_setup_teardown(test_unchecked_drift, begin, end),
		cmocka_unit_test_setup_teardown(test_changed_result_type, begin, end),
		cmocka_unit_test_setup_teardown(test_host_name, begin, end),
		cmocka_unit_test_setup_teardown(test_one_host_of_two, begin, end),
		cmocka_unit_test_setup_teardown(test_unknown_host, begin, end),
		cmocka_unit_test_setup_teardown(test_closed_under_load, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
