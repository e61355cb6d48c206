/* The private PostgreSQL: first start, restart, adoption after a kill, and what stands in its way.
 */
#include "db/embedded.h"
#include "db/startup/connect.h"
#include "tests/support/program.h"

#include <limits.h>
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

struct fixture {
	char directory[64]; /* removed at the end */
	char state_dir[512];
	struct embedded *embedded; /* stopped at the end */
	char message[EMBEDDED_MESSAGE_SIZE];
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	directory_make(fixture->directory);
	snprintf(fixture->state_dir, sizeof(fixture->state_dir), "%s/state", fixture->directory);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	embedded_stop(fixture->embedded);
	directory_remove(fixture->directory);
	free(fixture);
	return 0;
}

static void start(struct fixture *fixture)
{
	if (!embedded_start(&fixture->embedded, fixture->state_dir, fixture->message))
		fail_msg("%s", fixture->message);
}

static void stop(struct fixture *fixture)
{
	embedded_stop(fixture->embedded);
	fixture->embedded = NULL;
}

static void assert_says(const struct fixture *fixture, const char *words)
{
	if (!strstr(fixture->message, words))
		fail_msg("'%s' is not in: %s", words, fixture->message);
}

static void ask(struct fixture *fixture, const char *sql, char *answer, size_t size)
{
	char message[256];
	DB_CONNECTION connection =
		db_connect(embedded_conninfo(fixture->embedded), "test", message, sizeof(message));
	if (!connection)
		fail_msg("%s", message);
	DB_RESULT result = db_run(connection, "ask", sql, 0, NULL, message, sizeof(message));
	if (!result)
		fail_msg("%s", message);
	snprintf(answer, size, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
}

static void assert_answer(struct fixture *fixture, const char *sql, const char *wanted)
{
	char answer[256];
	ask(fixture, sql, answer, sizeof(answer));
	assert_string_equal(answer, wanted);
}

static mode_t mode_of(const char *directory, const char *name)
{
	char path[600];
	struct stat info;
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	assert_int_equal(stat(path, &info), 0);
	return info.st_mode & 0777;
}

static void test_first_start(void **state)
{
	struct fixture *fixture = *state;
	start(fixture);
	assert_answer(fixture, "SELECT current_database()", "prism_db");
	assert_answer(fixture, "SHOW listen_addresses", "");
	assert_answer(fixture, "SHOW data_checksums", "on");
	assert_answer(fixture, "SHOW fsync", "on");
	assert_answer(fixture, "SHOW unix_socket_permissions", "0700");
	assert_answer(fixture, "SELECT datcollate FROM pg_database WHERE datname = 'prism_db'",
	              "C.UTF-8");
	assert_answer(fixture, "SHOW server_encoding", "UTF8");
	assert_int_equal(mode_of(fixture->state_dir, "postgresql"), 0700);
	assert_int_equal(mode_of(fixture->state_dir, "postgresql/data"), 0700);
	assert_int_equal(mode_of(fixture->state_dir, "postgresql/socket"), 0700);
	assert_int_equal(mode_of(fixture->state_dir, ".") & 07, 0);
	/* A terminal's Ctrl-C goes to our process group. */
	assert_int_not_equal(getpgid(embedded_pid(fixture->embedded)), getpgrp());
	assert_int_not_equal(getsid(embedded_pid(fixture->embedded)), getsid(0));
}

static void test_restart(void **state)
{
	struct fixture *fixture = *state;
	start(fixture);
	int pid = embedded_pid(fixture->embedded);
	assert_answer(fixture, "CREATE TABLE kept (id int)", "");
	stop(fixture);
	assert_int_equal(kill(pid, 0), -1);
	start(fixture);
	assert_int_not_equal(embedded_pid(fixture->embedded), pid);
	assert_answer(fixture, "SELECT count(*) FROM kept", "0");
}

/* Starts the cluster in a process of its own and kills that process. */
static int leave_behind(struct fixture *fixture)
{
	int ends[2], server = 0;
	assert_int_equal(pipe(ends), 0);
	pid_t holder = fork();
	if (holder == 0) {
		close(ends[0]);
		if (!embedded_start(&fixture->embedded, fixture->state_dir, fixture->message))
			_exit(1);
		server = embedded_pid(fixture->embedded);
		if (write(ends[1], &server, sizeof(server)) == sizeof(server))
			pause();
		_exit(1);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &server, sizeof(server)), sizeof(server));
	close(ends[0]);
	kill(holder, SIGKILL);
	assert_int_equal(waitpid(holder, NULL, 0), holder);
	assert_int_equal(kill(server, 0), 0);
	return server;
}

static void test_adopted_after_kill(void **state)
{
	struct fixture *fixture = *state;
	int server = leave_behind(fixture);
	start(fixture);
	assert_int_equal(embedded_pid(fixture->embedded), server);
	assert_answer(fixture, "SELECT current_database()", "prism_db");
}

/* Too few connections for what starts now. */
static void test_replaced_when_too_small(void **state)
{
	struct fixture *fixture = *state;
	int server = leave_behind(fixture);
	if (!embedded_start_for(&fixture->embedded, fixture->state_dir, 150, fixture->message))
		fail_msg("%s", fixture->message);
	assert_int_not_equal(embedded_pid(fixture->embedded), server);
	assert_answer(fixture, "SHOW max_connections", "150");
}

static void test_frozen_server_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	int server = leave_behind(fixture);
	kill(server, SIGSTOP);
	start(fixture);
	assert_int_not_equal(embedded_pid(fixture->embedded), server);
	assert_answer(fixture, "SELECT current_database()", "prism_db");
}

static void test_server_killed(void **state)
{
	struct fixture *fixture = *state;
	start(fixture);
	assert_answer(fixture, "CREATE TABLE kept (id int)", "");
	kill(embedded_pid(fixture->embedded), SIGKILL);
	stop(fixture);
	start(fixture);
	assert_answer(fixture, "SELECT count(*) FROM kept", "0");
}

static void test_revived(void **state)
{
	struct fixture *fixture = *state;
	bool restarted = true;
	char conninfo[512];
	start(fixture);
	snprintf(conninfo, sizeof(conninfo), "%s", embedded_conninfo(fixture->embedded));
	int server = embedded_pid(fixture->embedded);
	assert_true(embedded_revive(fixture->embedded, &restarted, fixture->message));
	assert_false(restarted);
	kill(server, SIGKILL);
	while (!restarted)
		assert_true(embedded_revive(fixture->embedded, &restarted, fixture->message));
	assert_int_not_equal(embedded_pid(fixture->embedded), server);
	assert_string_equal(embedded_conninfo(fixture->embedded), conninfo);
	assert_answer(fixture, "SELECT current_database()", "prism_db");
}

/* After a reboot the number in postmaster.pid may be anybody's: here it is ours. */
static void test_stale_pid_of_a_stranger(void **state)
{
	struct fixture *fixture = *state;
	char path[600], rest[1024] = "";
	start(fixture);
	kill(embedded_pid(fixture->embedded), SIGKILL);
	stop(fixture);
	snprintf(path, sizeof(path), "%s/postgresql/data/postmaster.pid", fixture->state_dir);
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	assert_non_null(fgets(rest, sizeof(rest), file));
	size_t length = fread(rest, 1, sizeof(rest), file);
	rewind(file);
	assert_true(fprintf(file, "%d\n", (int)getpid()) > 0);
	assert_int_equal(fwrite(rest, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
	start(fixture);
	assert_answer(fixture, "SELECT current_database()", "prism_db");
}

static void test_two_programs(void **state)
{
	struct fixture *fixture = *state;
	struct embedded *second;
	char pid[32];
	start(fixture);
	assert_false(embedded_start(&second, fixture->state_dir, fixture->message));
	assert_null(second);
	snprintf(pid, sizeof(pid), "process %d (", (int)getpid());
	assert_says(fixture, pid);
	assert_answer(fixture, "SELECT current_database()", "prism_db");
}

static void test_attach(void **state)
{
	struct fixture *fixture = *state;
	struct embedded *other;
	assert_int_equal(embedded_attach(&other, fixture->state_dir, fixture->message),
	                 EMBEDDED_ABSENT);
	assert_int_equal(access(fixture->state_dir, F_OK), -1);
	start(fixture);
	assert_int_equal(embedded_attach(&other, fixture->state_dir, fixture->message),
	                 EMBEDDED_RUNNING);
	assert_string_equal(embedded_conninfo(other), embedded_conninfo(fixture->embedded));
	embedded_release(other);
	assert_answer(fixture, "SELECT current_database()", "prism_db");
	stop(fixture);
	assert_int_equal(embedded_attach(&other, fixture->state_dir, fixture->message),
	                 EMBEDDED_STOPPED);
	assert_null(other);
}

/* A socket's path has 107 bytes; the state directory's may be longer, and have blanks in it. */
static void test_long_path(void **state)
{
	struct fixture *fixture = *state;
	char socket[256];
	struct stat info;
	size_t length = strlen(fixture->state_dir);
	snprintf(fixture->state_dir + length, sizeof(fixture->state_dir) - length,
	         "/%0*d/it's here, too", 120, 0);
	start(fixture);
	ask(fixture, "SHOW unix_socket_directories", socket, sizeof(socket));
	assert_true(strlen(socket) < 90);
	assert_null(strstr(socket, fixture->directory));
	assert_int_equal(stat(socket, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
	int server = embedded_pid(fixture->embedded);
	embedded_release(fixture->embedded);
	start(fixture);
	assert_int_equal(embedded_pid(fixture->embedded), server);
	stop(fixture);
	assert_int_equal(stat(socket, &info), -1);
	start(fixture);
}

/* A kill in the middle of initdb. */
static void test_half_made(void **state)
{
	struct fixture *fixture = *state;
	char path[600];
	start(fixture);
	stop(fixture);
	const char *words[] = {"/bin/mv", NULL, NULL, NULL};
	char from[600];
	snprintf(from, sizeof(from), "%s/postgresql/data", fixture->state_dir);
	snprintf(path, sizeof(path), "%s/postgresql/half-made.Ab1234", fixture->state_dir);
	words[1] = from;
	words[2] = path;
	char *text = malloc(PROGRAM_TEXT);
	assert_non_null(text);
	assert_int_equal(program_run(words, NULL, text), 0);
	free(text);
	assert_int_equal(embedded_attach(&fixture->embedded, fixture->state_dir, fixture->message),
	                 EMBEDDED_ABSENT);
	start(fixture);
	assert_int_equal(access(path, F_OK), -1);
}

/* A kill between making PostgreSQL's directory and giving it away. */
static void test_not_given_yet(void **state)
{
	struct fixture *fixture = *state;
	char path[600];
	assert_int_equal(mkdir(fixture->state_dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/postgresql", fixture->state_dir);
	assert_int_equal(mkdir(path, 0700), 0);
	start(fixture);
	assert_answer(fixture, "SELECT current_database()", "prism_db");
}

static void test_other_version(void **state)
{
	struct fixture *fixture = *state;
	char path[600];
	start(fixture);
	stop(fixture);
	snprintf(path, sizeof(path), "%s/postgresql/data/PG_VERSION", fixture->state_dir);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs("9\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_false(embedded_start(&fixture->embedded, fixture->state_dir, fixture->message));
	assert_says(fixture, "PostgreSQL 9");
	assert_says(fixture, "apt-get install postgresql-9");
}

static void test_no_directory(void **state)
{
	struct fixture *fixture = *state;
	snprintf(fixture->state_dir, sizeof(fixture->state_dir), "/proc/nothing/here");
	assert_false(embedded_start(&fixture->embedded, fixture->state_dir, fixture->message));
	assert_says(fixture, "/proc/nothing");
	assert_false(embedded_start(&fixture->embedded, "", fixture->message));
	assert_says(fixture, "empty");
}

/* What PostgreSQL says when it cannot start reaches the message. */
static void test_log_in_message(void **state)
{
	struct fixture *fixture = *state;
	char path[600];
	start(fixture);
	stop(fixture);
	snprintf(path, sizeof(path), "%s/postgresql/data/postgresql.auto.conf", fixture->state_dir);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs("no_such_setting = 1\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_false(embedded_start(&fixture->embedded, fixture->state_dir, fixture->message));
	assert_says(fixture, "no_such_setting");
}

/* As root, PostgreSQL runs as postgres, who may be unable to get to where the state is. */
static void test_closed_parent(void **state)
{
	struct fixture *fixture = *state;
	char link[600], target[PATH_MAX], socket[256];
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(fixture->directory, 0700), 0);
	assert_int_equal(chown(fixture->directory, 0, 0), 0);
	start(fixture);
	assert_answer(fixture, "SELECT current_database()", "prism_db");
	ask(fixture, "SHOW unix_socket_directories", socket, sizeof(socket));
	stop(fixture);
	snprintf(link, sizeof(link), "%s/postgresql", fixture->state_dir);
	assert_non_null(realpath(link, target));
	assert_memory_equal(target, "/var/lib/prism/clusters/", 24);
	/* The parent stays closed. */
	assert_int_equal(mode_of(fixture->directory, "."), 0700);
	start(fixture);
	stop(fixture);
	directory_remove(target);
}

/* A state directory of its own that was made 0700, as mktemp -d does. */
static void test_closed_state_dir(void **state)
{
	struct fixture *fixture = *state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(fixture->state_dir, 0700), 0);
	start(fixture);
	assert_int_equal(mode_of(fixture->state_dir, "."), 0710);
	stop(fixture);
	assert_int_equal(chmod(fixture->state_dir, 0700), 0);
	assert_false(embedded_start(&fixture->embedded, fixture->state_dir, fixture->message));
	assert_says(fixture, "chmod o+x");
	assert_int_equal(chmod(fixture->state_dir, 0710), 0);
	start(fixture);
}

static void test_default_directory(void **state)
{
	char path[256], tiny[4];
	(void)state;
	setenv("STATE_DIRECTORY", "/var/lib/a:/var/lib/b", 1);
	assert_true(embedded_default_state_dir(path, sizeof(path)));
	assert_string_equal(path, "/var/lib/a");
	assert_false(embedded_default_state_dir(tiny, sizeof(tiny)));
	unsetenv("STATE_DIRECTORY");
	setenv("XDG_STATE_HOME", "/srv/x/state", 1);
	assert_true(embedded_default_state_dir(path, sizeof(path)));
	assert_string_equal(path, "/srv/x/state/prism");
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", "/srv/x", 1);
	assert_true(embedded_default_state_dir(path, sizeof(path)));
	assert_string_equal(path, geteuid() == 0 ? "/var/lib/prism" : "/srv/x/.local/state/prism");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_first_start),
		TEST(test_restart),
		TEST(test_adopted_after_kill),
		TEST(test_replaced_when_too_small),
		TEST(test_frozen_server_is_replaced),
		TEST(test_server_killed),
		TEST(test_revived),
		TEST(test_stale_pid_of_a_stranger),
		TEST(test_two_programs),
		TEST(test_attach),
		TEST(test_long_path),
		TEST(test_half_made),
		TEST(test_not_given_yet),
		TEST(test_other_version),
		TEST(test_no_directory),
		TEST(test_log_in_message),
		TEST(test_closed_parent),
		TEST(test_closed_state_dir),
		cmocka_unit_test(test_default_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
