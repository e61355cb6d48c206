/* prism-db backup and restore when something is wrong: damaged, foreign and forged files, kills,
 * writes at the same time, no rights, no programs, a full disk. */
#include "backup_fixture.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static off_t size_of(const char *path)
{
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	return status.st_size;
}

static void copy(const char *from, const char *to)
{
	char command[512];
	snprintf(command, sizeof command, "cp -r '%s' '%s'", from, to);
	assert_int_equal(system(command), 0);
}

/* A restore that must fail with `code`, say `words`, and leave nothing behind. */
static void assert_refused(struct fixture *fixture, const char *path, int code, const char *words)
{
	char *before = contents(fixture, fixture->name);
	int got = fixture_run(fixture, "restore", path, "--into", "copy", NULL);
	if (got != code)
		fail_msg("%s: exit code %d: %s", path, got, fixture->text);
	assert_says(fixture, words);
	char *after = contents(fixture, fixture->name);
	assert_string_equal(before, after);
	free(before);
	free(after);
	assert_nothing_left(fixture);
	assert_int_equal(
		fixture_number(fixture, "SELECT count(*) FROM pg_database WHERE datname = 'copy'"),
		0);
}

static void flip(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	unsigned char byte;
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x40;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void damaged_files(void **state)
{
	struct fixture *fixture = *state;
	static const char *const names[] = {"a.sql", "a.sql.gz", "a.dump"};
	static const char *const words[] = {"is cut short", "is damaged",
	                                    "is cut short or damaged"};
	load(fixture, 300);
	for (size_t i = 0; i < 3; i++) {
		char path[192], bare[192];
		snprintf(path, sizeof path, "%s", in_directory(names[i]));
		assert_int_equal(fixture_run(fixture, "backup", path, NULL), 0);
		off_t size = size_of(path);
		/* The same bytes without their manifest. */
		snprintf(bare, sizeof bare, "%s", in_directory("bare"));
		copy(path, bare);
		flip(path, size / 2);
		assert_refused(fixture, path, 5, "differs from its manifest");
		flip(path, size / 2);
		assert_int_equal(truncate(path, size / 2), 0);
		assert_refused(fixture, path, 5, "differs from its manifest");
		assert_int_equal(truncate(bare, size / 2), 0);
		assert_refused(fixture, bare, 5, words[i]);
	}
}

static void damaged_directory(void **state)
{
	struct fixture *fixture = *state;
	char path[192], command[512];
	load(fixture, 300);
	snprintf(path, sizeof path, "%s", in_directory("a.dir"));
	assert_int_equal(fixture_run(fixture, "backup", path, NULL), 0);
	snprintf(command, sizeof command, "rm $(ls -S %s/*.gz | head -1)", path);
	assert_int_equal(system(command), 0);
	assert_refused(fixture, path, 5, "differs from its manifest");
}

static void foreign_files(void **state)
{
	struct fixture *fixture = *state;
	load(fixture, 3);
	assert_refused(fixture, in_directory("absent.dump"), 5, "No such file");
	fixture_file(in_directory(""), "empty.dump", "");
	assert_refused(fixture, in_directory("empty.dump"), 5, "it is empty");
	fixture_file(in_directory(""), "letter.sql", "Dear database,\nplease come back.\n");
	assert_refused(fixture, in_directory("letter.sql"), 5, "is no backup");
	fixture_file(in_directory(""), "half.dump", "PGDMP\1\2");
	assert_refused(fixture, in_directory("half.dump"), 5, "is cut short or damaged");
	assert_refused(fixture, in_directory(""), 5, "no toc.dat");
	fixture_file(in_directory(""), "bad.sql",
	             "--\n-- PostgreSQL database dump\n--\nCREATE TABLE x (id int);\n"
	             "INSERT INTO x VALUES ('no number');\n"
	             "--\n-- PostgreSQL database dump complete\n--\n\n");
	assert_refused(fixture, in_directory("bad.sql"), 1, "invalid input syntax");
}

/* Rows that are said to be there and are not. */
static void forged_manifest(void **state)
{
	struct fixture *fixture = *state;
	char path[192];
	load(fixture, 3);
	assert_int_equal(fixture_run(fixture, "backup", in_directory("a.dump"), NULL), 0);
	snprintf(path, sizeof path, "%s", in_directory("a.dump.manifest.json"));
	json_t *manifest = json_load_file(path, 0, NULL);
	json_t *tables = json_object_get(json_object_get(manifest, "contents"), "tables");
	json_object_set_new(json_object_get(tables, "public.stories"), "rows", json_integer(7));
	assert_int_equal(json_dump_file(manifest, path, 0), 0);
	json_decref(manifest);
	assert_refused(fixture, in_directory("a.dump"), 5,
	               "table public.stories: 7 rows when it was dumped, 6 rows when restored");
	fixture_file(in_directory(""), "a.dump.manifest.json", "{\"manifest\": 1,");
	assert_refused(fixture, in_directory("a.dump"), 5, "line 1");
	fixture_file(in_directory(""), "a.dump.manifest.json", "{\"manifest\": 2}");
	assert_refused(fixture, in_directory("a.dump"), 5, "no manifest of version 1");
}

/* What a dump holds is of one moment, however much is written meanwhile. */
static void while_rows_are_written(void **state)
{
	struct fixture *fixture = *state;
	load(fixture, 2000);
	pid_t pid = fixture_spawn(fixture, in_directory("log"), "backup", in_directory("a.dump"),
	                          "--verify", NULL);
	int status = 0, rounds = 0;
	for (; waitpid(pid, &status, WNOHANG) == 0; rounds++)
		fixture_sql(fixture, "INSERT INTO epics (project_id, organization_id, name) SELECT "
		                     "1, 1, 'E' FROM generate_series(1, 20)");
	assert_true(rounds > 0);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_nothing_left(fixture);
}

/* Ended in the middle by `signal_number`, while a lock holds pg_dump up. */
static void end_in_the_middle(struct fixture *fixture, int signal_number)
{
	PGconn *blocker = PQconnectdb(fixture->conninfo);
	PQclear(PQexec(blocker, "BEGIN"));
	PQclear(PQexec(blocker, "LOCK TABLE stories IN ACCESS EXCLUSIVE MODE"));
	/* Its own count waits for the lock too: whichever it is at, it must end. */
	pid_t pid =
		fixture_spawn(fixture, in_directory("log"), "backup", in_directory("a.dump"), NULL);
	fixture_until(fixture,
	              "SELECT (count(*) > 0)::int FROM pg_stat_activity WHERE wait_event_type = "
	              "'Lock' AND datname = current_database()",
	              1);
	kill(pid, signal_number);
	PQfinish(blocker);
	int code = fixture_wait(pid);
	assert_int_not_equal(code, 0);
	assert_int_equal(access(in_directory("a.dump"), F_OK), -1);
}

static void killed_backups(void **state)
{
	struct fixture *fixture = *state;
	load(fixture, 50);
	end_in_the_middle(fixture, SIGKILL);
	assert_int_equal(fixture_run(fixture, "backup", in_directory("a.dump"), "--verify", NULL),
	                 0);
	assert_nothing_left(fixture);
}

static void interrupted_restore(void **state)
{
	struct fixture *fixture = *state;
	load(fixture, 50);
	/* A dump whose last statement takes its time. */
	fixture_file(in_directory(""), "slow.sql",
	             "--\n-- PostgreSQL database dump\n--\nCREATE TABLE x (id int);\n"
	             "SELECT pg_sleep(600);\n--\n-- PostgreSQL database dump complete\n--\n\n");
	pid_t pid = fixture_spawn(fixture, in_directory("log"), "restore", in_directory("slow.sql"),
	                          "--into", "copy", NULL);
	fixture_until(fixture, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
	              1);
	kill(pid, SIGTERM);
	assert_int_equal(fixture_wait(pid), 1);
	assert_nothing_left(fixture);
}

static void without_rights(void **state)
{
	struct fixture *fixture = *state;
	char url[CLUSTER_CONNINFO_SIZE + 32];
	load(fixture, 3);
	assert_int_equal(fixture_run(fixture, "backup", in_directory("a.dump"), NULL), 0);
	fixture_sql(fixture, "CREATE ROLE small LOGIN");
	snprintf(url, sizeof url, "%s user=small", fixture->conninfo);
	const char *const restore[] = {
		program_path("prism-db"), "--database-url", url,    "restore",
		in_directory("a.dump"),   "--into",         "copy", NULL};
	assert_int_equal(program_run(restore, NULL, fixture->text), 1);
	assert_says(fixture, "ALTER ROLE small CREATEDB");
	const char *const backup[] = {restore[0], "--database-url",       url,
	                              "backup",   in_directory("b.dump"), NULL};
	assert_int_equal(program_run(backup, NULL, fixture->text), 1);
	assert_says(fixture, "permission denied");
	assert_nothing_left(fixture);
	fixture_sql(fixture, "DROP ROLE small");
}

static void disk_is_full(void **state)
{
	struct fixture *fixture = *state;
	char command[1024];
	load(fixture, 500);
	/* A limit on the size of files is told of as a full disk is: by write(). */
	snprintf(command, sizeof command,
	         "ulimit -f 8; trap '' XFSZ; '%s' --database-url '%s' backup '%s' >'%s' 2>&1",
	         program_path("prism-db"), fixture->conninfo, in_directory("a.sql"),
	         in_directory("log"));
	assert_int_equal(WEXITSTATUS(system(command)), 1);
	FILE *log = fopen(in_directory("log"), "r");
	fixture->text[fread(fixture->text, 1, sizeof fixture->text - 1, log)] = '\0';
	fclose(log);
	assert_says(fixture, "cannot write");
	assert_nothing_left(fixture);
	assert_int_equal(access(in_directory("a.sql"), F_OK), -1);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, backup_setup, backup_teardown)
	const struct CMUnitTest tests[] = {
		CASE(damaged_files),       CASE(damaged_directory),      CASE(foreign_files),
		CASE(forged_manifest),     CASE(while_rows_are_written), CASE(killed_backups),
		CASE(interrupted_restore), CASE(without_rights),         CASE(disk_is_full),
	};
	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
