/* prism-db: migrations that run statement by statement, killed and gone on with. */
#include "migrate_fixture.h"

#include <signal.h>
#include <unistd.h>

static char directory[64];

static int setup(void **state)
{
	directory_make(directory);
	return fixture_setup(state);
}

static int teardown(void **state)
{
	directory_remove(directory);
	return fixture_teardown(state);
}

static void assert_says(const struct fixture *fixture, const char *words)
{
	if (!strstr(fixture->text, words))
		fail_msg("'%s' is not in: %s", words, fixture->text);
}

#define RUN(...) fixture_run(fixture, "--migrations", directory, __VA_ARGS__, NULL)

/* Revision 1 makes a table with rows in it; 2 is `up` and `down`, without a transaction. */
static void make(struct fixture *fixture, const char *up, const char *down)
{
	char text[2][1024];
	fixture_migration(directory, 1, "one",
	                  "CREATE TABLE one (id int); INSERT INTO one VALUES (1), (2), (3);",
	                  "DROP TABLE one;");
	snprintf(text[0], sizeof text[0], "-- prism: transaction none\n-- Why.\n%s", up);
	snprintf(text[1], sizeof text[1], "-- prism: transaction none\n%s", down);
	fixture_migration(directory, 2, "two", text[0], text[1]);
	assert_int_equal(RUN("upgrade", "1"), 0);
}

static long valid_indexes(struct fixture *fixture)
{
	return fixture_number(fixture, "SELECT count(*) FROM pg_index WHERE indrelid = "
	                               "'one'::regclass AND indisvalid");
}

static long under_way(struct fixture *fixture)
{
	return fixture_number(fixture, "SELECT count(*) FROM prism_meta.migration_progress");
}

static void builds_indexes_beside_writers(void **state)
{
	struct fixture *fixture = *state;
	make(fixture,
	     "CREATE INDEX CONCURRENTLY one_id_idx ON one (id);\n"
	     "ALTER TABLE one ADD CONSTRAINT one_id_check CHECK (id > 0) NOT VALID;\n"
	     "ALTER TABLE one VALIDATE CONSTRAINT one_id_check;",
	     "ALTER TABLE one DROP CONSTRAINT one_id_check;\n"
	     "DROP INDEX CONCURRENTLY one_id_idx;");
	assert_int_equal(RUN("upgrade"), 0);
	assert_int_equal(valid_indexes(fixture), 1);
	assert_int_equal(under_way(fixture), 0);
	assert_int_equal(fixture_revision(fixture), 2);
	assert_int_equal(RUN("verify"), 0);
	assert_int_equal(RUN("downgrade", "-1"), 0);
	assert_int_equal(valid_indexes(fixture), 0);
	assert_int_equal(RUN("upgrade"), 0);
}

/* While another session's transaction keeps the index from being completed. */
static void goes_on_after_a_kill(void **state)
{
	struct fixture *fixture = *state;
	char log[96];
	snprintf(log, sizeof log, "%s/log", directory);
	make(fixture,
	     "CREATE TABLE before (id int);\n"
	     "CREATE UNIQUE INDEX CONCURRENTLY one_id_key ON one (id);\n"
	     "CREATE TABLE after (id int);",
	     "DROP TABLE after; DROP INDEX CONCURRENTLY one_id_key; DROP TABLE before;");
	PGconn *writer = PQconnectdb(fixture->conninfo);
	PQclear(PQexec(writer, "BEGIN; INSERT INTO one VALUES (4)"));
	pid_t pid = fixture_spawn(fixture, log, "--migrations", directory, "upgrade", NULL);
	fixture_until(fixture,
	              "SELECT count(*) FROM pg_stat_activity WHERE query LIKE "
	              "'%INDEX CONCURRENTLY%' AND wait_event_type = 'Lock' AND pid <> "
	              "pg_backend_pid()",
	              1);
	kill(pid, SIGKILL);
	assert_int_equal(fixture_wait(pid), 128 + SIGKILL);
	PQclear(PQexec(writer, "COMMIT"));
	PQfinish(writer);
	fixture_until(fixture, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", 0);
	assert_int_equal(under_way(fixture), 1);
	assert_int_equal(fixture_revision(fixture), 1);
	assert_int_equal(RUN("verify"), 5);
	assert_says(fixture,
	            "0002_two is partly applied (1 of 3 statements): `prism-db upgrade head`");
	assert_int_equal(RUN("downgrade", "base"), 5);
	assert_int_equal(RUN("stamp", "head"), 5);
	assert_int_equal(RUN("upgrade"), 0);
	assert_int_equal(valid_indexes(fixture), 1);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM pg_class WHERE relname IN "
	                                         "('before', 'after')"),
	                 2);
	assert_int_equal(under_way(fixture), 0);
	assert_int_equal(
		fixture_number(fixture, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"), 0);
}

/* Killed behind each statement in turn: a file that stops there is what a kill leaves. */
static void goes_on_from_every_statement(void **state)
{
	struct fixture *fixture = *state;
	static const char *const statements[] = {
		"CREATE TABLE a (id int);", "CREATE INDEX CONCURRENTLY one_a ON one (id);",
		"CREATE TABLE b (id int);", "CREATE INDEX CONCURRENTLY one_b ON one (id);",
		"CREATE TABLE c (id int);"};
	for (size_t stop = 0; stop < 5; stop++) {
		char broken[512] = "", whole[512] = "";
		for (size_t i = 0; i < 5; i++) {
			strcat(whole, statements[i]);
			strcat(broken, i == stop ? "SELECT 1/0;" : i < stop ? statements[i] : "");
		}
		make(fixture, broken,
		     "DROP TABLE a, b, c; DROP INDEX CONCURRENTLY one_a; "
		     "DROP INDEX CONCURRENTLY one_b;");
		assert_int_equal(RUN("upgrade"), 1);
		assert_says(fixture, "0002_two.up.sql:3: division by zero");
		make(fixture, whole,
		     "DROP TABLE a, b, c; DROP INDEX CONCURRENTLY one_a; "
		     "DROP INDEX CONCURRENTLY one_b;");
		if (RUN("upgrade") != 0)
			fail_msg("stopped at %zu: %s", stop, fixture->text);
		assert_int_equal(valid_indexes(fixture), 2);
		assert_int_equal(RUN("downgrade", "base"), 0);
	}
}

static void says_where_it_failed(void **state)
{
	struct fixture *fixture = *state;
	make(fixture,
	     "CREATE TABLE a (id int);\n\n-- Wrong.\nALTER TABLE a\n  ADD COLUMN b nonsense;",
	     "DROP TABLE a;");
	assert_int_equal(RUN("upgrade"), 1);
	assert_says(fixture, "0002_two.up.sql:7: type \"nonsense\" does not exist");
	make(fixture, "CREATE TABLE a (id int);\nBEGIN;", "DROP TABLE a;");
	assert_int_equal(RUN("upgrade"), 1);
	make(fixture, "CREATE TABLE a (id int);\nCOMMIT;", "DROP TABLE a;");
	assert_int_equal(RUN("upgrade"), 1);
	assert_says(fixture, "0002_two.up.sql:4: this BEGIN, COMMIT or ROLLBACK is out of place");
	make(fixture, "CREATE TABLE a (id int);\nSELECT 'x", "DROP TABLE a;");
	assert_int_equal(RUN("upgrade"), 1);
	assert_says(fixture, "line 4: a string is not closed");
}

/* BEGIN to COMMIT is done whole or not at all, between statements that are on their own. */
static void blocks_are_whole(void **state)
{
	struct fixture *fixture = *state;
	static const char up[] =
		"CREATE TABLE a (id int);\n"
		"begin;\nCREATE TABLE b (id int);\nSELECT 1 / count(*) FROM one;\nCOMMIT;\n"
		"CREATE INDEX CONCURRENTLY a_idx ON a (id);";
	make(fixture, up, "BEGIN; DROP TABLE a; DROP TABLE b; COMMIT;");
	fixture_sql(fixture, "CREATE TABLE kept AS TABLE one; DELETE FROM one");
	assert_int_equal(RUN("upgrade"), 1);
	assert_says(fixture, "0002_two.up.sql:6: division by zero");
	assert_int_equal(fixture_number(fixture, "SELECT done FROM prism_meta.migration_progress"),
	                 1);
	assert_int_equal(fixture_number(fixture, "SELECT count(to_regclass('b'))"), 0);
	fixture_sql(fixture, "INSERT INTO one TABLE kept");
	assert_int_equal(RUN("upgrade"), 0);
	assert_int_equal(
		fixture_number(fixture,
	                       "SELECT count(*) FROM pg_index WHERE indrelid = 'a'::regclass"),
		1);
	assert_int_equal(RUN("downgrade", "-1"), 0);
	assert_int_equal(fixture_number(fixture, "SELECT count(to_regclass('b'))"), 0);
	make(fixture,
	     "CREATE TABLE a (id int);\nBEGIN;\nCREATE INDEX CONCURRENTLY a_idx ON a "
	     "(id);\nCOMMIT;",
	     "");
	assert_int_equal(RUN("upgrade"), 1);
	assert_says(fixture, "0002_two.up.sql:5: CREATE INDEX CONCURRENTLY cannot run inside a "
	                     "transaction block");
}

static void refuses_a_changed_beginning(void **state)
{
	struct fixture *fixture = *state;
	make(fixture, "CREATE TABLE a (id int);\nSELECT 1/0;", "DROP TABLE a;");
	assert_int_equal(RUN("upgrade"), 1);
	make(fixture, "CREATE TABLE a (id bigint);\nSELECT 1;", "DROP TABLE a;");
	assert_int_equal(RUN("upgrade"), 1);
	assert_says(fixture, "was changed in what was run of it before it stopped (its first 1");
	make(fixture, "CREATE TABLE a (id int);\nSELECT 1;", "DROP TABLE a;");
	assert_int_equal(RUN("upgrade"), 0);
}

/* A unique index that rows contradict: left invalid, built again when they are mended. */
static void builds_a_failed_index_again(void **state)
{
	struct fixture *fixture = *state;
	make(fixture, "CREATE UNIQUE INDEX CONCURRENTLY one_id_key ON one (id);",
	     "DROP INDEX CONCURRENTLY one_id_key;");
	fixture_sql(fixture, "INSERT INTO one VALUES (3)");
	assert_int_equal(RUN("upgrade"), 1);
	assert_says(fixture, "could not create unique index");
	fixture_sql(fixture, "DELETE FROM one WHERE id = 3");
	assert_int_equal(RUN("upgrade"), 0);
	assert_int_equal(valid_indexes(fixture), 1);
}

/* A down that stopped half-way is completed by a downgrade, and by nothing else. */
static void half_way_down(void **state)
{
	struct fixture *fixture = *state;
	make(fixture, "CREATE TABLE a (id int); CREATE TABLE b (id int);",
	     "DROP TABLE b; DROP TABLE a;");
	assert_int_equal(RUN("upgrade"), 0);
	fixture_sql(fixture, "CREATE VIEW v AS SELECT * FROM a");
	assert_int_equal(RUN("downgrade", "-1"), 1);
	assert_int_equal(RUN("upgrade"), 5);
	assert_says(fixture, "partly taken back (1 of 2 statements): `prism-db downgrade 0001`");
	fixture_sql(fixture, "DROP VIEW v");
	assert_int_equal(RUN("downgrade", "0001"), 0);
	assert_int_equal(fixture_revision(fixture), 1);
	assert_int_equal(under_way(fixture), 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(builds_indexes_beside_writers),
		CASE(goes_on_after_a_kill),
		CASE(goes_on_from_every_statement),
		CASE(says_where_it_failed),
		CASE(blocks_are_whole),
		CASE(refuses_a_changed_beginning),
		CASE(builds_a_failed_index_again),
		CASE(half_way_down),
	};
	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
