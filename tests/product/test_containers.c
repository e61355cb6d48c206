/* prism-db backup and restore --container, with a real Podman and a PostgreSQL inside of it
 * (tests/product/containers). Skipped where that is not possible: it takes root, namespaces and the
 * packages podman and crun. */
#include "tests/support/program.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { SKIPPED = 77, TRIES = 600, TRY_MS = 100, WORDS_MAX = 32, PATH_SIZE = 192 };

#define CONTAINERS PRISM_SOURCE_DIR "/tests/product/containers"

static char directory[64], text[PROGRAM_TEXT];
static struct program machine;
static char inside[16]; /* the machine's first process, as we see it */
static char environment[2][256];
static char server[160], url[192]; /* of the databases postgres, prism */
static PGconn *connection;         /* to prism */

static void wait_a_little(void)
{
	nanosleep(&(struct timespec){.tv_nsec = TRY_MS * 1000000}, NULL);
}

static const char *in_directory(const char *name)
{
	static char paths[4][PATH_SIZE];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, PATH_SIZE, "%s/%s", directory, name);
	return path;
}

static void sql_on(PGconn *where, const char *sql)
{
	PGresult *result = PQexec(where, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(where));
	PQclear(result);
}

static long number(const char *sql)
{
	PGresult *result = PQexec(connection, sql);
	if (PQntuples(result) != 1)
		fail_msg("%s: %s", sql, PQerrorMessage(connection));
	long value = atol(PQgetvalue(result, 0, 0));
	PQclear(result);
	return value;
}

static void until(const char *sql, long wanted)
{
	for (int i = 0; number(sql) != wanted; i++) {
		if (i == TRIES) {
			const char *const argv[] = {"/bin/cat", in_directory("log"), NULL};
			program_run(argv, NULL, text);
			fail_msg("never: %s = %ld\n%s", sql, wanted, text);
		}
		wait_a_little();
	}
}

/* Words that run the rest, up to NULL, in the machine. */
static void enter(const char *argv[WORDS_MAX], va_list words)
{
	const char *const prefix[] = {"/usr/bin/nsenter", "--target",     inside,        "-m", "-p",
	                              "/usr/bin/env",     environment[0], environment[1]};
	size_t count = sizeof prefix / sizeof *prefix;
	memcpy(argv, prefix, sizeof prefix);
	do {
		assert_true(count < WORDS_MAX);
		argv[count] = va_arg(words, const char *);
	} while (argv[count++]);
}

/* A command line in the machine; its output is in `text`. The exit code. */
static int run(const char *first, ...) __attribute__((sentinel));
static int run(const char *first, ...)
{
	const char *argv[WORDS_MAX];
	va_list words;
	(void)first; /* "" */
	va_start(words, first);
	enter(argv, words);
	va_end(words);
	return program_run(argv, NULL, text);
}

#define DB(...) run("", program_path("prism-db"), "--database-url", url, __VA_ARGS__, NULL)

static void says(const char *words)
{
	if (!strstr(text, words))
		fail_msg("'%s' is not in: %s", words, text);
}

static void succeeds(int code)
{
	if (code != 0)
		fail_msg("exit code %d\n%s", code, text);
}

/* Neither a process of ours in the container, nor a database or a file of it. */
static void nothing_is_left(void)
{
	until("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'prism-db%'", 0);
	until("SELECT count(*) FROM pg_database WHERE datname LIKE 'prism\\_%'", 0);
	for (int i = 0;; i++) {
		succeeds(run("", "podman", "exec", "prism-postgres", "sh", "-c",
		             "cat /proc/[0-9]*/comm; true", NULL));
		if (!strstr(text, "pg_") && !strstr(text, "psql"))
			break;
		if (i == TRIES)
			fail_msg("still running in the container:\n%s", text);
		wait_a_little();
	}
	assert_int_not_equal(access(in_directory("a.dump"), F_OK), 0);
}

/* --- the machine ------------------------------------------------------------------------------ */

static void read_machine(void)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)machine.pid,
	         (int)machine.pid);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%15s", inside), 1);
	fclose(file);
	file = fopen(in_directory("environment"), "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%255s %255s", environment[0], environment[1]), 2);
	fclose(file);
}

static int set_up(void **state)
{
	(void)state;
	program_start(&machine, (const char *const[]){CONTAINERS, directory, NULL}, NULL);
	read_machine();
	snprintf(server, sizeof server, "host=%s/socket user=postgres dbname=postgres", directory);
	snprintf(url, sizeof url, "%s dbname=prism", server);
	PGconn *maintenance = PQconnectdb(server);
	sql_on(maintenance, "CREATE DATABASE prism");
	PQfinish(maintenance);
	succeeds(DB("upgrade", "head"));
	connection = PQconnectdb(url);
	sql_on(connection, "SET client_min_messages = warning");
	sql_on(connection, "CREATE TABLE loaded AS SELECT i, E'tab\\t back\\\\slash \\u00e9\\n' || "
	                   "repeat(md5(i::text), 30) AS words FROM generate_series(1, 2000) i");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	PQfinish(connection);
	program_kill(&machine);
	return 0;
}

static void loaded_rows(PGconn *where, char digest[64])
{
	PGresult *result = PQexec(where, "SELECT count(*) || md5(string_agg(l::text, '/' ORDER BY "
	                                 "i)) FROM loaded l");
	if (PQntuples(result) != 1)
		fail_msg("%s", PQerrorMessage(where));
	snprintf(digest, 64, "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
}

static void same_rows(const char *database)
{
	char there[224], digests[2][64];
	snprintf(there, sizeof there, "%s dbname=%s", server, database);
	PGconn *copy = PQconnectdb(there);
	loaded_rows(connection, digests[0]);
	loaded_rows(copy, digests[1]);
	PQfinish(copy);
	assert_string_equal(digests[0], digests[1]);
}

/* --- there and back --------------------------------------------------------------------------- */

static void test_every_format_comes_back(void **state)
{
	(void)state;
	static const char *const names[] = {"b.sql", "b.sql.gz", "b.dump"};
	for (size_t i = 0; i < 3; i++) {
		char manifest[PATH_SIZE];
		const char *path = in_directory(names[i]);
		snprintf(manifest, sizeof manifest, "%s.manifest.json", path);
		succeeds(DB("backup", path, "--verify", "--container", "prism-postgres"));
		says("row by row");
		assert_int_equal(access(manifest, R_OK), 0);
		/* The manifest has a digest of each table, which is what it is compared with. */
		succeeds(DB("restore", path, "--into", "copy", "--container",
		            "podman:prism-postgres"));
		same_rows("copy");
		sql_on(connection, "DROP DATABASE copy");
	}
	nothing_is_left();
}

/* By programs of the container one way, by this machine's the other. */
static void test_the_formats_are_the_same_ones(void **state)
{
	(void)state;
	succeeds(DB("backup", in_directory("c.dump"), "--verify", "--container", "prism-postgres"));
	succeeds(DB("restore", in_directory("c.dump"), "--into", "copy"));
	sql_on(connection, "DROP DATABASE copy");
	succeeds(DB("backup", in_directory("d.sql.gz"), "--verify"));
	succeeds(DB("restore", in_directory("d.sql.gz"), "--into", "copy", "--container",
	            "prism-postgres"));
	sql_on(connection, "DROP DATABASE copy");
}

static void test_a_directory_is_refused_both_ways(void **state)
{
	(void)state;
	assert_int_equal(DB("backup", in_directory("e.dir"), "--container", "prism-postgres"), 2);
	says("choose plain, gzip or custom");
	succeeds(DB("backup", in_directory("e.dir")));
	assert_int_equal(DB("restore", in_directory("e.dir"), "--into", "copy", "--container",
	                    "prism-postgres"),
	                 2);
	says("without --container");
}

/* The container's server asks for a password, which the engine takes from its environment. */
static void test_a_password(void **state)
{
	(void)state;
	char guarded[256];
	sql_on(connection, "SET password_encryption = 'scram-sha-256'");
	sql_on(connection, "CREATE ROLE guarded SUPERUSER LOGIN PASSWORD 'it''s $1'");
	succeeds(run("", "podman", "exec", "prism-postgres", "sh", "-c",
	             "printf 'local all guarded scram-sha-256\\nlocal all all trust\\n' "
	             "> /tmp/data/pg_hba.conf",
	             NULL));
	sql_on(connection, "SELECT pg_reload_conf()");
	snprintf(guarded, sizeof guarded,
	         "host=%s/socket user=guarded dbname=prism password='it\\'s $1'", directory);
	succeeds(run("", program_path("prism-db"), "--database-url", guarded, "backup",
	             in_directory("f.dump"), "--verify", "--container", "prism-postgres", NULL));
	sql_on(connection, "DROP ROLE guarded");
	nothing_is_left();
}

/* --- what is wrong with it -------------------------------------------------------------------- */

static void refused(const char *container, int code, const char *words)
{
	assert_int_equal(DB("backup", in_directory("a.dump"), "--container", container), code);
	says(words);
	assert_int_equal(
		DB("restore", in_directory("b.dump"), "--into", "copy", "--container", container),
		code);
	assert_int_equal(number("SELECT count(*) FROM pg_database WHERE datname = 'copy'"), 0);
}

static void test_containers_that_will_not_do(void **state)
{
	(void)state;
	refused("nobody", 1, "there is no container nobody");
	refused("podman:nobody", 1, "no such container");
	refused("stopped", 1, "the container stopped does not run: podman start stopped");
	refused("no-programs", 1, "in the container no-programs (podman)");
	refused("other-postgres", 1, "is another server than the one of the connection");
	refused("lxc:prism-postgres", 2, "docker:NAME or podman:NAME");
	refused("--privileged", 2, "docker:NAME or podman:NAME");
	assert_int_equal(DB("backup", in_directory("a.dump"), "--container", "old-programs"), 1);
	says("the server is PostgreSQL 15, and pg_dump is older in the container old-programs");
	nothing_is_left();
}

/* A Docker whose daemon is away does not hide what Podman has; asked for by name, it says so. */
static void test_which_engine(void **state)
{
	(void)state;
	char path[PATH_SIZE + 64];
	FILE *docker = fopen(in_directory("docker"), "w");
	assert_non_null(docker);
	fputs("#!/bin/sh\n[ \"$1\" = --version ] && echo Docker version 24 && exit\n"
	      "echo 'Cannot connect to the Docker daemon' >&2\nexit 1\n",
	      docker);
	assert_int_equal(fchmod(fileno(docker), 0755), 0);
	fclose(docker);
	snprintf(path, sizeof path, "PATH=%s:/usr/bin:/bin", directory);
#define WITH_PATH(value, container)                                                               \
	run("", "/usr/bin/env", value, program_path("prism-db"), "--database-url", url, "backup", \
	    in_directory("g.dump"), "--replace", "--container", container, NULL)
	succeeds(WITH_PATH(path, "prism-postgres"));
	assert_int_equal(WITH_PATH(path, "docker:prism-postgres"), 1);
	says("docker says: Cannot connect to the Docker daemon");
	snprintf(path, sizeof path, "PATH=%s", in_directory("nowhere"));
	assert_int_equal(WITH_PATH(path, "prism-postgres"), 1);
	says("docker is not installed; podman is not installed");
}

/* --- killed ----------------------------------------------------------------------------------- */

/* prism-db itself: nsenter is its parent. */
static pid_t child_of(pid_t parent)
{
	char path[64];
	int child = 0;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &child), 1);
	fclose(file);
	return child;
}

static pid_t start(const char *first, ...) __attribute__((sentinel));
static pid_t start(const char *first, ...)
{
	const char *argv[WORDS_MAX];
	va_list words;
	(void)first; /* "" */
	va_start(words, first);
	enter(argv, words);
	va_end(words);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	int log = open(in_directory("log"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	execv(argv[0], (char *const *)argv);
	_exit(127);
}

#define WORKING(what)                                                                             \
	"SELECT (count(*) > 0)::int FROM pg_stat_activity WHERE application_name LIKE 'prism-db " \
	"inside%' AND " what

/* pg_dump reads this catalog; what measures the database before it does not, nor does a session
 * that begins. Waiting for a lock it sees no pipe that is closed. */
static void block_dumps(PGconn *blocker)
{
	sql_on(blocker, "BEGIN");
	sql_on(blocker, "LOCK TABLE pg_catalog.pg_seclabel IN ACCESS EXCLUSIVE MODE");
}

static void test_a_dump_is_killed(void **state)
{
	(void)state;
	static const int signals[] = {SIGKILL, SIGTERM, SIGINT};
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		PGconn *blocker = PQconnectdb(url);
		block_dumps(blocker);
		pid_t pid = start("", program_path("prism-db"), "--database-url", url, "backup",
		                  in_directory("a.dump"), "--container", "prism-postgres", NULL);
		until(WORKING("wait_event_type = 'Lock'"), 1);
		assert_int_equal(kill(child_of(pid), signals[i]), 0);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_not_equal(status, 0);
		nothing_is_left();
		PQfinish(blocker);
	}
	/* What the killed one left on disk does not stand in the way of the next, which removes it.
	 */
	succeeds(DB("backup", in_directory("a.dump"), "--container", "prism-postgres"));
	assert_int_not_equal(access(in_directory("a.dump.partial"), F_OK), 0);
	assert_int_equal(unlink(in_directory("a.dump")), 0);
}

static const char slow[] = "--\n-- PostgreSQL database dump\n--\nCREATE TABLE x (id int);\n"
			   "SELECT pg_sleep(600);\n"
			   "--\n-- PostgreSQL database dump complete\n--\n\n";

static void test_a_restore_is_killed(void **state)
{
	(void)state;
	static const int signals[] = {SIGKILL, SIGTERM};
	FILE *file = fopen(in_directory("slow.sql"), "w");
	assert_non_null(file);
	fputs(slow, file);
	fclose(file);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		pid_t pid = start("", program_path("prism-db"), "--database-url", url, "restore",
		                  in_directory("slow.sql"), "--into", "copy", "--container",
		                  "prism-postgres", NULL);
		until(WORKING("wait_event = 'PgSleep'"), 1);
		assert_int_equal(kill(child_of(pid), signals[i]), 0);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_not_equal(status, 0);
		nothing_is_left();
	}
}

/* The last test: the container goes while a dump runs in it. */
static void test_the_container_is_stopped(void **state)
{
	(void)state;
	char first[16] = "";
	PGconn *blocker = PQconnectdb(url);
	block_dumps(blocker);
	succeeds(run("", "podman", "container", "inspect", "--format", "{{.State.Pid}}",
	             "prism-postgres", NULL));
	assert_int_equal(sscanf(text, "%15s", first), 1);
	pid_t pid = start("", program_path("prism-db"), "--database-url", url, "backup",
	                  in_directory("a.dump"), "--container", "prism-postgres", NULL);
	until(WORKING("wait_event_type = 'Lock'"), 1);
	succeeds(run("", "/bin/kill", "-KILL", first, NULL));
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 1);
	PQfinish(blocker);
	assert_int_not_equal(access(in_directory("a.dump"), F_OK), 0);
	assert_int_equal(DB("backup", in_directory("a.dump"), "--container", "prism-postgres"), 3);
}

int main(void)
{
	directory_make(directory);
	const char *const possible[] = {CONTAINERS, "--possible", directory, NULL};
	if (geteuid() != 0 || program_run(possible, NULL, text) != 0) {
		printf("no containers to be had (root, namespaces, podman, crun): skipped\n%s",
		       text);
		directory_remove(directory);
		return SKIPPED;
	}
	directory_remove(directory);
	directory_make(directory);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_format_comes_back),
		cmocka_unit_test(test_the_formats_are_the_same_ones),
		cmocka_unit_test(test_a_directory_is_refused_both_ways),
		cmocka_unit_test(test_a_password),
		cmocka_unit_test(test_containers_that_will_not_do),
		cmocka_unit_test(test_which_engine),
		cmocka_unit_test(test_a_dump_is_killed),
		cmocka_unit_test(test_a_restore_is_killed),
		cmocka_unit_test(test_the_container_is_stopped),
	};
	int failed = cmocka_run_group_tests(tests, set_up, tear_down);
	directory_remove(directory);
	return failed;
}
