/* prism-db: targets, two at once, kills, changed files, locks, and what prismd asks. */
#include "migrate_fixture.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

static void assert_says(const struct fixture *fixture, const char *words)
{
	if (!strstr(fixture->text, words))
		fail_msg("'%s' is not in: %s", words, fixture->text);
}

/* Three small migrations in `directory`. */
static void make_three(const char *directory)
{
	fixture_migration(directory, 1, "one", "CREATE TABLE one (id int);", "DROP TABLE one;");
	fixture_migration(directory, 2, "two", "CREATE TABLE two (id int);", "DROP TABLE two;");
	fixture_migration(directory, 3, "three", "CREATE TABLE three (id int);",
	                  "DROP TABLE three;");
}

static long tables(struct fixture *fixture)
{
	return fixture_number(fixture,
	                      "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
}

static void test_targets(void **state)
{
	struct fixture *fixture = *state;
	char directory[64];
	directory_make(directory);
	make_three(directory);
#define RUN(...) fixture_run(fixture, "--migrations", directory, __VA_ARGS__, NULL)
	assert_int_equal(RUN("current"), 0);
	assert_says(fixture, "base");
	assert_int_equal(RUN("upgrade", "+1"), 0);
	assert_int_equal(fixture_revision(fixture), 1);
	assert_int_equal(RUN("upgrade", "two"), 0);
	assert_int_equal(RUN("upgrade", "0003_three"), 0);
	assert_int_equal(tables(fixture), 3);
	assert_int_equal(RUN("upgrade", "1"), 0);
	assert_says(fixture, "nothing to do: the database is at 0003 already");
	assert_int_equal(RUN("upgrade", "0004"), 2);
	assert_says(fixture, "0001 to 0003");
	assert_int_equal(RUN("upgrade", "+1"), 2);
	assert_says(fixture, "too far");
	assert_int_equal(RUN("downgrade", "-4"), 2);
	assert_int_equal(RUN("downgrade", "head"), 2);
	assert_int_equal(RUN("downgrade", "-0"), 2);
	assert_int_equal(RUN("downgrade"), 2);
	assert_int_equal(tables(fixture), 3);
	assert_int_equal(RUN("downgrade", "-1"), 0);
	assert_int_equal(fixture_revision(fixture), 2);
	assert_int_equal(RUN("downgrade", "0003"), 2);
	assert_says(fixture, "is ahead");
	assert_int_equal(RUN("downgrade", "1"), 2); /* -1, or 0001? */
	assert_int_equal(RUN("downgrade", "0001"), 0);
	assert_int_equal(tables(fixture), 1);
	assert_int_equal(RUN("downgrade", "base"), 0);
	assert_int_equal(tables(fixture), 0);
	assert_int_equal(RUN("history", "--json"), 0);
	assert_says(fixture, "\"state\": \"pending\"");
	/* All that was ever done is in the log. */
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM prism_meta.migration_log"),
	                 6);
	directory_remove(directory);
}

static void test_bad_usage(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture_run(fixture, "upgrad", NULL), 2);
	assert_says(fixture, "did you mean 'upgrade'?");
	assert_int_equal(fixture_run(fixture, "--nonsense", "current", NULL), 2);
	assert_int_equal(fixture_run(fixture, "upgrade", "--wait", "soon", NULL), 2);
	assert_int_equal(fixture_run(fixture, "upgrade", "head", "head", NULL), 2);
	assert_int_equal(fixture_run(fixture, "--migrations", "/nowhere", "current", NULL), 2);
	assert_int_equal(fixture_run(fixture, "--help", NULL), 0);
	assert_says(fixture, "Exit codes");
	assert_int_equal(fixture_run(fixture, "stamp", "--help", NULL), 0);
	assert_int_equal(fixture_run(fixture, "--version", NULL), 0);
}

/* From a revision, and parts of the history. */
static void test_relative_to_a_revision(void **state)
{
	struct fixture *fixture = *state;
	char directory[64];
	directory_make(directory);
	make_three(directory);
	assert_int_equal(RUN("upgrade", "0001+1"), 0);
	assert_int_equal(fixture_revision(fixture), 2);
	assert_int_equal(RUN("history", "1:current"), 0);
	assert_says(fixture, "two");
	assert_null(strstr(fixture->text, "three"));
	assert_int_equal(RUN("history", "-1:"), 0);
	assert_says(fixture, "0001 ");
	assert_says(fixture, "0003 ");
	assert_int_equal(RUN("history", "3", "--json"), 0);
	assert_null(strstr(fixture->text, "0002"));
	assert_int_equal(RUN("history", "-3:"), 2);
	assert_int_equal(RUN("history", "four:"), 2);
	assert_int_equal(RUN("current", "--verbose"), 0);
	assert_says(fixture, "0002_two (head is 0003)");
	assert_says(fixture, "SHA-256");
	assert_int_equal(RUN("upgrade", "two+2"), 2);
	assert_int_equal(RUN("downgrade", "0002-2"), 0);
	assert_int_equal(fixture_revision(fixture), 0);
	assert_int_equal(RUN("downgrade", "0001-2"), 2);
	directory_remove(directory);
}

static void test_json(void **state)
{
	struct fixture *fixture = *state;
	char directory[64];
	directory_make(directory);
	make_three(directory);
	assert_int_equal(RUN("upgrade", "0002", "--json"), 0);
	assert_says(fixture, "\"revision\": \"0002\"");
	assert_says(fixture, "\"at_head\": false");
	assert_int_equal(RUN("verify", "--json"), 0);
	assert_says(fixture, "\"verified\": true");
	assert_int_equal(RUN("stamp", "head", "--json"), 0);
	assert_says(fixture, "\"at_head\": true");
	fixture_migration(directory, 2, "two", "SELECT 2;", "SELECT 2;");
	assert_int_equal(RUN("verify", "--json"), 5);
	assert_says(fixture, "\"verified\": false");
	directory_remove(directory);
}

/* An option that a verb does not know is not passed over: it may be what keeps it from working. */
static void test_options_of_other_verbs(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture_run(fixture, "stamp", "head", "--dry-run", NULL), 2);
	assert_says(fixture, "stamp takes no --dry-run");
	assert_int_equal(fixture_run(fixture, "restore", "x.dump", "--verify", NULL), 2);
	assert_int_equal(fixture_run(fixture, "upgrade", "-v", NULL), 2);
	assert_int_equal(fixture_run(fixture, "upgrade", "-m", "x", NULL), 2);
	assert_int_equal(fixture_run(fixture, "upgrade", "--sql", "--dry-run", NULL), 2);
	assert_int_equal(fixture_run(fixture, "upgrade", "--sql", "--json", NULL), 2);
	assert_int_equal(fixture_number(fixture,
	                                "SELECT count(*) FROM pg_namespace WHERE nspname = "
	                                "'prism_meta'"),
	                 0);
}

static void test_no_database(void **state)
{
	struct fixture *fixture = *state;
	const char *words[] = {program_path("prism-db"), "--database-url",
	                       "postgresql+asyncpg://prism@127.0.0.1:1/prism_db", "current", NULL};
	assert_int_equal(program_run(words, NULL, fixture->text), 3);
	assert_says(fixture, "Connection refused");
	const char *malformed[] = {words[0], "--database-url", "postgresql://[", "current", NULL};
	assert_int_equal(program_run(malformed, NULL, fixture->text), 3);
}

static void test_two_at_once(void **state)
{
	struct fixture *fixture = *state;
	char directory[64], log[96];
	pid_t migrators[4];
	directory_make(directory);
	snprintf(log, sizeof(log), "%s/log", directory);
	for (size_t i = 0; i < 4; i++)
		migrators[i] = fixture_spawn(fixture, log, "upgrade", "head", NULL);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(fixture_wait(migrators[i]), 0);
	assert_int_equal(fixture_revision(fixture), (long)migration_builtin.count);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM prism_meta.migration_log"),
	                 (long)migration_builtin.count);
	directory_remove(directory);
}

/* Killed while its second step is at work; the step waits for an advisory lock that we hold. */
static void test_kill_and_resume(void **state)
{
	struct fixture *fixture = *state;
	char directory[64], log[96];
	directory_make(directory);
	snprintf(log, sizeof(log), "%s/log", directory);
	make_three(directory);
	fixture_migration(directory, 2, "two",
	                  "CREATE TABLE two (id int); SELECT pg_advisory_xact_lock(7);"
	                  " CREATE TABLE more (id int);",
	                  "DROP TABLE two, more;");
	fixture_sql(fixture, "SELECT pg_advisory_lock(7)");
	pid_t pid = fixture_spawn(fixture, log, "--migrations", directory, "upgrade", NULL);
	fixture_until(fixture,
	              "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
	              1);
	kill(pid, SIGKILL);
	assert_int_equal(fixture_wait(pid), 128 + SIGKILL);
	assert_int_equal(fixture_revision(fixture), 1);
	assert_int_equal(tables(fixture), 1);
	/* Its session is still at it, until PostgreSQL sees that nobody is there. */
	fixture_sql(fixture, "SELECT pg_advisory_unlock(7)");
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "upgrade", NULL), 0);
	assert_int_equal(fixture_revision(fixture), 3);
	assert_int_equal(tables(fixture), 4);
	directory_remove(directory);
}

/* Ended from PostgreSQL's side in the middle of a step. */
static void test_lost_connection(void **state)
{
	struct fixture *fixture = *state;
	char directory[64], log[96];
	directory_make(directory);
	snprintf(log, sizeof(log), "%s/log", directory);
	make_three(directory);
	fixture_migration(directory, 3, "three",
	                  "CREATE TABLE three (id int); SELECT pg_advisory_xact_lock(7);",
	                  "DROP TABLE three;");
	fixture_sql(fixture, "SELECT pg_advisory_lock(7)");
	pid_t pid = fixture_spawn(fixture, log, "--migrations", directory, "upgrade", NULL);
	fixture_until(fixture,
	              "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
	              1);
	fixture_sql(fixture, "SELECT pg_terminate_backend(pid) FROM pg_locks"
	                     " WHERE locktype = 'advisory' AND NOT granted");
	assert_int_equal(fixture_wait(pid), 1);
	fixture_sql(fixture, "SELECT pg_advisory_unlock(7)");
	assert_int_equal(fixture_revision(fixture), 2);
	assert_int_equal(tables(fixture), 2);
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "upgrade", NULL), 0);
	assert_int_equal(tables(fixture), 3);
	directory_remove(directory);
}

static void test_changed_file(void **state)
{
	struct fixture *fixture = *state;
	char directory[64];
	directory_make(directory);
	make_three(directory);
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "upgrade", "2", NULL), 0);
	fixture_file(directory, "0002_two.up.sql", "CREATE TABLE two (id bigint);");
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "upgrade", NULL), 5);
	assert_says(fixture, "0002_two.up.sql was changed after it was applied at ");
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "downgrade", "-1", NULL),
	                 5);
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "history", NULL), 0);
	assert_says(fixture, "applied, changed since");
	assert_int_equal(tables(fixture), 2);
	assert_int_equal(fixture_revision(fixture), 2);
	make_three(directory);
	fixture_file(directory, "0001_one.down.sql", "SELECT 1;");
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "upgrade", NULL), 5);
	assert_says(fixture, "0001_one.down.sql was changed");
	directory_remove(directory);
}

static void test_unknown_revision(void **state)
{
	struct fixture *fixture = *state;
	char directory[64], path[128];
	directory_make(directory);
	make_three(directory);
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "upgrade", NULL), 0);
	snprintf(path, sizeof(path), "%s/0003_three.up.sql", directory);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/0003_three.down.sql", directory);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "upgrade", NULL), 5);
	assert_says(fixture, "the database is at revision 0003");
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "current", NULL), 0);
	assert_says(fixture, "knows 0002 at most");
	assert_int_equal(fixture_run(fixture, "upgrade", NULL), 5);
	assert_says(fixture, "belongs to another schema");
	directory_remove(directory);
}

static void test_bad_sql(void **state)
{
	struct fixture *fixture = *state;
	char directory[64];
	directory_make(directory);
	make_three(directory);
	fixture_migration(directory, 2, "two",
	                  "CREATE TABLE two (id int);\n-- é\nCREATE TABEL x ();",
	                  "DROP TABLE two;");
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "upgrade", NULL), 1);
	assert_says(fixture, "0002_two.up.sql:3: syntax error at or near \"TABEL\"");
	assert_int_equal(fixture_revision(fixture), 1);
	assert_int_equal(tables(fixture), 1);
	fixture_migration(directory, 2, "two", "CREATE TABLE two (id int); COMMIT;",
	                  "DROP TABLE two;");
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "upgrade", NULL), 1);
	assert_says(fixture, "remove its BEGIN, COMMIT or ROLLBACK");
	directory_remove(directory);
}

static void test_bad_directory(void **state)
{
	struct fixture *fixture = *state;
	char directory[64], path[128];
	directory_make(directory);
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "upgrade", NULL), 2);
	assert_says(fixture, "no migrations");
	make_three(directory);
	snprintf(path, sizeof(path), "%s/0002_two.down.sql", directory);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "upgrade", NULL), 2);
	assert_says(fixture, "0002_two.down.sql: is missing");
	make_three(directory);
	fixture_file(directory, "0002_zwei.up.sql", "SELECT 1;");
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "upgrade", NULL), 2);
	assert_says(fixture, "there twice");
	directory_remove(directory);
	directory_make(directory);
	fixture_file(directory, "first.sql", "SELECT 1;");
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "upgrade", NULL), 2);
	assert_says(fixture, "first.sql: the name has to be");
	directory_remove(directory);
}

static void test_stamp(void **state)
{
	struct fixture *fixture = *state;
	/* A database that was built from the document by other means. */
	fixture_sql(fixture, migration_builtin.at[0].up);
	fixture_sql(fixture, fixture_seed_rows);
	assert_int_equal(fixture_run(fixture, "upgrade", NULL), 1);
	assert_says(fixture, "0001_seed_schema.up.sql");
	assert_int_equal(fixture_run(fixture, "stamp", "0001", NULL), 0);
	assert_int_equal(fixture_run(fixture, "upgrade", NULL), 0);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM stories WHERE number > 0"),
	                 3);
	assert_int_equal(fixture_run(fixture, "stamp", "base", NULL), 0);
	assert_int_equal(fixture_revision(fixture), 0);
	assert_int_equal(fixture_run(fixture, "stamp", "head", NULL), 0);
	assert_int_equal(fixture_run(fixture, "current", NULL), 0);
	assert_says(fixture, "(head)");
}

/* As production does it: the roles were made by an administrator, the tool is no superuser. */
static void test_plain_owner(void **state)
{
	struct fixture *fixture = *state;
	char sql[256], plain[CLUSTER_CONNINFO_SIZE];
	cluster_sql(fixture_cluster(), "DROP ROLE IF EXISTS deployer; CREATE ROLE deployer LOGIN");
	snprintf(sql, sizeof(sql), "ALTER DATABASE %s OWNER TO deployer", fixture->name);
	fixture_sql(fixture, sql);
	snprintf(plain, sizeof(plain), "%s", fixture->conninfo);
	/* The last word wins. */
	snprintf(fixture->conninfo, sizeof(fixture->conninfo), "%.200s user=deployer", plain);
	assert_int_equal(fixture_run(fixture, "upgrade", NULL), 0);
	assert_int_equal(fixture_run(fixture, "downgrade", "base", NULL), 0);
	assert_int_equal(fixture_run(fixture, "upgrade", NULL), 0);
	assert_int_equal(fixture_number(fixture,
	                                "SELECT count(*) FROM pg_tables"
	                                " WHERE tablename = 'stories' AND tableowner = 'deployer'"),
	                 1);
	snprintf(fixture->conninfo, sizeof(fixture->conninfo), "%s", plain);
	snprintf(sql, sizeof(sql),
	         "ALTER DATABASE %s OWNER TO CURRENT_USER; DROP OWNED BY deployer; DROP ROLE "
	         "deployer",
	         fixture->name);
	fixture_sql(fixture, sql);
}

/* Somebody else has the migration lock and keeps it. */
static void test_busy(void **state)
{
	struct fixture *fixture = *state;
	char directory[64], log[96];
	directory_make(directory);
	snprintf(log, sizeof(log), "%s/log", directory);
	make_three(directory);
	fixture_migration(directory, 1, "one", "SELECT pg_advisory_xact_lock(7);", "SELECT 1;");
	fixture_sql(fixture, "SELECT pg_advisory_lock(7)");
	pid_t pid = fixture_spawn(fixture, log, "--migrations", directory, "upgrade", NULL);
	fixture_until(fixture,
	              "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
	              1);
	assert_int_equal(
		fixture_run(fixture, "--migrations", directory, "upgrade", "--wait", "0", NULL), 4);
	assert_says(fixture, "the migration lock is held by prism-db (process ");
	fixture_sql(fixture, "SELECT pg_advisory_unlock(7)");
	assert_int_equal(fixture_wait(pid), 0);
	directory_remove(directory);
}

/* What a migrator in the background has printed so far, in fixture->text, until `words` are in it;
 * the test's own time limit ends it. */
static void until_it_says(struct fixture *fixture, const char *log, const char *words)
{
	const struct timespec pause = {0, 20000000};
	do {
		nanosleep(&pause, NULL);
		FILE *file = fopen(log, "r");
		assert_non_null(file);
		size_t length = fread(fixture->text, 1, PROGRAM_TEXT - 1, file);
		fixture->text[length] = '\0';
		fclose(file);
	} while (!strstr(fixture->text, words));
}

/* A reader keeps a table that a step needs: the step lets go, says who, and tries again. */
static void test_locked_out(void **state)
{
	struct fixture *fixture = *state;
	char directory[64], log[96];
	directory_make(directory);
	snprintf(log, sizeof(log), "%s/log", directory);
	fixture_migration(directory, 1, "one", "CREATE TABLE one (id int);", "DROP TABLE one;");
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "upgrade", NULL), 0);
	fixture_migration(directory, 2, "two", "ALTER TABLE one ADD COLUMN b int;",
	                  "ALTER TABLE one DROP COLUMN b;");
	fixture_sql(fixture, "BEGIN; SELECT count(*) FROM one");
	pid_t pid = fixture_spawn(fixture, log, "--migrations", directory, "upgrade", NULL);
	/* It has asked for the lock, let go again, and looked who is in the way. */
	until_it_says(fixture, log, "  open: process ");
	assert_says(fixture, "0002_two.up.sql: cannot get a lock that it needs; trying again");
	fixture_sql(fixture, "COMMIT");
	assert_int_equal(fixture_wait(pid), 0);
	assert_int_equal(fixture_revision(fixture), 2);
	directory_remove(directory);
}

static enum migrate_fit fit_of(struct fixture *fixture, const struct migration_set *set)
{
	char message[MIGRATE_MESSAGE_SIZE] = "";
	enum migrate_fit fit = MIGRATE_CHANGED;
	const struct migrate_settings settings = {
		.conninfo = fixture->conninfo, .program = "test", .set = set};
	assert_int_equal(migrate_check(&settings, &fit, message), MIGRATE_OK);
	if (fit != MIGRATE_FITS)
		assert_true(strlen(message) > 0);
	snprintf(fixture->text, sizeof(fixture->text), "%s", message);
	return fit;
}

/* What prismd asks at its start. */
static void test_check(void **state)
{
	struct fixture *fixture = *state;
	struct migration_set fewer = {migration_builtin.at, migration_builtin.count - 1};
	struct migration other = migration_builtin.at[0];
	struct migration_set changed = {&other, 1};
	other.up_sha256[0] ^= 1;
	assert_int_equal(fit_of(fixture, NULL), MIGRATE_EMPTY);
	assert_says(fixture, "prism-db upgrade head");
	assert_int_equal(fixture_run(fixture, "upgrade", "0001", NULL), 0);
	assert_int_equal(fit_of(fixture, NULL), MIGRATE_OLDER);
	assert_int_equal(fit_of(fixture, &changed), MIGRATE_CHANGED);
	assert_int_equal(fixture_run(fixture, "upgrade", NULL), 0);
	assert_int_equal(fit_of(fixture, NULL), MIGRATE_FITS);
	assert_int_equal(fit_of(fixture, &fewer), MIGRATE_NEWER);
	char message[MIGRATE_MESSAGE_SIZE];
	enum migrate_fit fit;
	const struct migrate_settings nowhere = {.conninfo = "host=/nowhere", .program = "test"};
	assert_int_equal(migrate_check(&nowhere, &fit, message), MIGRATE_UNREACHABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_targets),
		TEST(test_bad_usage),
		TEST(test_relative_to_a_revision),
		TEST(test_json),
		TEST(test_options_of_other_verbs),
		TEST(test_no_database),
		TEST(test_two_at_once),
		TEST(test_kill_and_resume),
		TEST(test_lost_connection),
		TEST(test_changed_file),
		TEST(test_unknown_revision),
		TEST(test_bad_sql),
		TEST(test_bad_directory),
		TEST(test_stamp),
		TEST(test_plain_owner),
		TEST(test_busy),
		TEST(test_locked_out),
		TEST(test_check),
	};
	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
