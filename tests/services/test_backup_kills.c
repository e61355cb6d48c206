/* prism-db backup and restore, killed with and without their guardians, beside runs that live, and
 * interrupted at a statement. */
#include "backup_fixture.h"

#include <signal.h>
#include <unistd.h>

/* --- scratch databases --------------------------------------------------------------------------
 */

/* A dump that waits for a role before it ends. */
static const char slow[] =
	"--\n-- PostgreSQL database dump\n--\nCREATE TABLE x (id int);\n"
	"DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'go_on') "
	"LOOP PERFORM pg_sleep(0.05); END LOOP; END $$;\n"
	"--\n-- PostgreSQL database dump complete\n--\n\n";

static const char scratch_sql[] =
	"SELECT count(*) FROM pg_database WHERE datname ~ '^prism_(restore|shadow)_'";

static pid_t start_slow_restore(struct fixture *fixture, const char *into)
{
	fixture_file(in_directory(""), "slow.sql", slow);
	pid_t pid = fixture_spawn(fixture, in_directory("log"), "restore", in_directory("slow.sql"),
	                          "--into", into, NULL);
	fixture_until(fixture,
	              "SELECT (count(*) > 0)::int FROM pg_stat_activity WHERE datname LIKE "
	              "'prism\\_restore\\_%' AND query LIKE '%go_on%'",
	              1);
	return pid;
}

/* SIGKILL to a process and all of its children, none of which can do anything about it. */
static void kill_family(pid_t pid)
{
	char path[64];
	int child;
	kill(pid, SIGSTOP);
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
	FILE *children = fopen(path, "r");
	assert_non_null(children);
	while (fscanf(children, "%d", &child) == 1)
		kill(child, SIGKILL);
	fclose(children);
	kill(pid, SIGKILL);
	assert_int_equal(fixture_wait(pid), 128 + SIGKILL);
}

static void guardian_drops(void **state)
{
	struct fixture *fixture = *state;
	pid_t pid = start_slow_restore(fixture, "copy");
	kill(pid, SIGKILL);
	assert_int_equal(fixture_wait(pid), 128 + SIGKILL);
	fixture_until(fixture, scratch_sql, 0);
}

static void next_run_sweeps(void **state)
{
	struct fixture *fixture = *state;
	pid_t pid = start_slow_restore(fixture, "copy");
	kill_family(pid);
	/* The dead run's session goes on till its statement ends. */
	fixture_sql(fixture, "CREATE ROLE go_on");
	fixture_until(fixture,
	              "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'prism\\_restore%'",
	              0);
	fixture_sql(fixture, "DROP ROLE go_on");
	assert_int_equal(fixture_number(fixture, scratch_sql), 1);
	assert_int_equal(fixture_run(fixture, "backup", in_directory("a.dump"), NULL), 0);
	assert_int_equal(fixture_number(fixture, scratch_sql), 0);
}

/* A live run's database is left alone, also by those that make one of their own. */
static void live_run_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	pid_t pid = start_slow_restore(fixture, "copy");
	assert_int_equal(fixture_run(fixture, "backup", in_directory("a.dump"), "--verify", NULL),
	                 0);
	assert_int_equal(fixture_run(fixture, "diff", "base", "live", NULL), 0);
	assert_int_equal(fixture_number(fixture, scratch_sql), 1);
	fixture_sql(fixture, "CREATE ROLE go_on");
	assert_int_equal(fixture_wait(pid), 0);
	fixture_sql(fixture, "DROP ROLE go_on");
	fixture_sql(fixture, "DROP DATABASE copy");
	assert_nothing_left(fixture);
}

/* Killed between taking an empty database's place and dropping that. */
static void empty_one_put_aside(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture_run(fixture, "backup", in_directory("a.dump"), NULL), 0);
	fixture_sql(fixture, "CREATE DATABASE prism_before_0123abcd");
	assert_int_equal(
		fixture_run(fixture, "restore", in_directory("a.dump"), "--into", "copy", NULL), 0);
	fixture_sql(fixture, "DROP DATABASE copy");
	assert_nothing_left(fixture);
}

/* --- at a statement -----------------------------------------------------------------------------
 */

static PGconn *block(struct fixture *fixture)
{
	PGconn *blocker = PQconnectdb(fixture->conninfo);
	PQclear(PQexec(blocker, "BEGIN; LOCK TABLE what IN ACCESS EXCLUSIVE MODE"));
	return blocker;
}

/* A statement that waits for what never comes is cancelled. */
static void interrupted_at_a_statement(void **state)
{
	struct fixture *fixture = *state;
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	static const char waiting[] = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type "
				      "= 'Lock' AND datname = "
				      "current_database()";
	fixture_sql(fixture, "CREATE TABLE what (value bigint)");
	PGconn *blocker = block(fixture);
	for (size_t i = 0; i < 3; i++) {
		pid_t pid = fixture_spawn(fixture, in_directory("log"), "backup",
		                          in_directory("a.dump"), NULL);
		fixture_until(fixture, waiting, 1);
		kill(pid, signals[i]);
		assert_int_equal(fixture_wait(pid), 1);
		fixture_until(fixture, waiting, 0);
		assert_nothing_left(fixture);
	}
	PQfinish(blocker);
}

static void two_of_the_same_name(void **state)
{
	struct fixture *fixture = *state;
	static const char *const names[] = {"a.dump", "a.dir"};
	fixture_sql(fixture, "CREATE TABLE what (value bigint)");
	for (size_t i = 0; i < 2; i++) {
		char path[192];
		snprintf(path, sizeof path, "%s", in_directory(names[i]));
		PGconn *blocker = block(fixture);
		pid_t pid = fixture_spawn(fixture, in_directory("log"), "backup", path, NULL);
		fixture_until(fixture,
		              "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = "
		              "'Lock' AND datname = current_database()",
		              1);
		assert_int_equal(fixture_run(fixture, "backup", path, NULL), 4);
		assert_says(fixture, "another prism-db writes");
		PQfinish(blocker);
		assert_int_equal(fixture_wait(pid), 0);
		assert_nothing_left(fixture);
	}
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, backup_setup, backup_teardown)
	const struct CMUnitTest tests[] = {
		CASE(guardian_drops),
		CASE(next_run_sweeps),
		CASE(live_run_is_left_alone),
		CASE(empty_one_put_aside),
		CASE(interrupted_at_a_statement),
		CASE(two_of_the_same_name),
	};
	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
