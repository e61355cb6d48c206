/* prism-db upgrade and downgrade, ended at each of their statements: by SIGKILL, by SIGINT, and by
 * a connection that is lost. What is left is a whole revision, or one that the next run completes.
 */
#include "migrate_fixture.h"
#include "tests/support/stepper.h"

#include <signal.h>

static char directory[64];

static int setup(void **state)
{
	directory_make(directory);
	fixture_migration(directory, 1, "one",
	                  "CREATE TABLE one (id int); INSERT INTO one VALUES (1);",
	                  "DROP TABLE one;");
	fixture_migration(
		directory, 2, "two",
		"-- prism: transaction none\n"
		"ALTER TABLE one ADD n int; CREATE INDEX CONCURRENTLY one_n ON one (n);"
		"BEGIN; UPDATE one SET n = 2; ALTER TABLE one ALTER n SET NOT NULL; COMMIT;",
		"-- prism: transaction none\n"
		"DROP INDEX CONCURRENTLY one_n; ALTER TABLE one DROP n;");
	return fixture_setup(state);
}

static int teardown(void **state)
{
	directory_remove(directory);
	return fixture_teardown(state);
}

static bool stopped_at(struct fixture *fixture, unsigned step, const char *verb, const char *target,
                       void (*then)(void *ctx, pid_t pid), int *code)
{
	char log[96];
	snprintf(log, sizeof log, "%s/log", directory);
	const char *const argv[] = {program_path("prism-db"),
	                            "--database-url",
	                            fixture->conninfo,
	                            "--migrations",
	                            directory,
	                            verb,
	                            target,
	                            NULL};
	const struct stepper stepper = {
		.argv = argv, .log = log, .calls = STEPPER_SENDS, .then = then, .ctx = fixture};
	return stepper_run(&stepper, step, code);
}

/* All of it, or none; in between only where the file says so. */
static void assert_whole(struct fixture *fixture, long revision)
{
	static const char state_sql[] =
		"SELECT (to_regclass('one') IS NOT NULL)::int + CASE WHEN (SELECT count(*) FROM "
		"pg_attribute a JOIN pg_index i ON i.indrelid = a.attrelid WHERE a.attrelid = "
		"to_regclass('one') AND attname = 'n' AND attnotnull AND indisvalid) = 1 THEN 1 "
		"ELSE "
		"0 END";
	assert_int_equal(fixture_revision(fixture), revision);
	assert_int_equal(fixture_number(fixture, state_sql), revision);
}

/* There and back, and each time once more after it was stopped. */
static void at_each_statement(struct fixture *fixture, const char *verb, const char *target,
                              long revision, void (*then)(void *ctx, pid_t pid), int expected)
{
	const char *back = strcmp(verb, "upgrade") == 0 ? "downgrade" : "upgrade";
	const char *start = strcmp(verb, "upgrade") == 0 ? "base" : "head";
	unsigned step = 0;
	for (bool stopped = true; stopped; step++) {
		int code;
		assert_int_equal(fixture_run(fixture, "--migrations", directory, back, start, NULL),
		                 0);
		stopped = stopped_at(fixture, step, verb, target, then, &code);
		if (code != (stopped ? expected : 0) && !(stopped && !expected && code))
			fail_msg("step %u: exit code %d", step, code);
		if (fixture_run(fixture, "--migrations", directory, verb, target, NULL) != 0)
			fail_msg("step %u: %s", step, fixture->text);
		assert_whole(fixture, revision);
	}
	assert_true(step > 10);
}

static void interrupt(void *ctx, pid_t pid)
{
	(void)ctx;
	kill(pid, SIGINT);
}

/* All sessions of prism-db, as when the server or the network goes away. */
static void lose_connection(void *ctx, pid_t pid)
{
	struct fixture *fixture = ctx;
	(void)pid;
	fixture_sql(fixture, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE "
	                     "application_name = 'prism-db'");
}

static void killed_upgrade(void **state)
{
	at_each_statement(*state, "upgrade", "head", 2, NULL, 128 + SIGKILL);
}

static void interrupted_downgrade(void **state)
{
	at_each_statement(*state, "downgrade", "base", 0, interrupt, 128 + SIGINT);
}

static void disconnected_upgrade(void **state)
{
	at_each_statement(*state, "upgrade", "head", 2, lose_connection, 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(killed_upgrade),
		CASE(interrupted_downgrade),
		CASE(disconnected_upgrade),
	};
	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
