/* prismd as an operator meets it: its command line, its start, its signals. Without PostgreSQL: the
 * database that it is given is not there. */
#include "tests/support/manager.h"
#include "tests/support/program.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], text[PROGRAM_TEXT];

static int setup(void **state)
{
	(void)state;
	directory_make(directory);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	directory_remove(directory);
	return 0;
}

static void write_file(const char *path, const char *content)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

static void expect_text(const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

static int run(const char *first, const char *second, const char *third)
{
	const char *const argv[] = {program_path("prismd"), first, second, third, NULL};
	return program_run(argv, NULL, text);
}

static void test_version(void **state)
{
	(void)state;
	assert_int_equal(run("--version", NULL, NULL), 0);
	assert_string_equal(text, "prismd " PRISM_VERSION "\n");
}

static void test_help(void **state)
{
	(void)state;
	assert_int_equal(run("--help", NULL, NULL), 0);
	static const char *const options[] = {"--config",        "--listen",  "--state-dir",
	                                      "--database-url",  "--workers", "--check-config",
	                                      "--print-defaults"};
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		expect_text(options[i]);
}

/* The file of defaults, with every comment sign before a setting removed, is a good file. */
static void test_defaults_are_good(void **state)
{
	(void)state;
	char path[128], good[PROGRAM_TEXT];
	size_t len = 0;
	assert_int_equal(run("--print-defaults", NULL, NULL), 0);
	for (const char *at = text; *at; at++) {
		bool setting = *at == '#' && (at == text || at[-1] == '\n') && at[1] != ' ';
		if (!setting)
			good[len++] = *at;
	}
	good[len] = '\0';
	snprintf(path, sizeof(path), "%s/prismd.conf", directory);
	write_file(path, good);
	assert_int_equal(run("--check-config", "--config", path), 0);
	expect_text("the configuration is good");
}

static void test_mistakes_are_named(void **state)
{
	(void)state;
	char path[128];
	snprintf(path, sizeof(path), "%s/prismd.conf", directory);
	write_file(path, "[server]\nlisten = 127.0.0.1:0\nworkesr = 2\n");
	assert_int_equal(run("--config", path, NULL), 78);
	expect_text("prismd.conf:3: [server] has no 'workesr'; did you mean 'workers'?");
	assert_int_equal(run("--wrokers", "2", NULL), 78);
	expect_text("--help lists the options");
	assert_int_equal(run("--workers", "many", NULL), 78);
	expect_text("--workers: 'many' is not a number from 0 to 256");
	assert_int_equal(run("--listen", "0.0.0.0:0", NULL), 78);
	expect_text("insecure_plaintext");
	assert_int_equal(run("--database-url", "mysql://u:secret@h/d", NULL), 78);
	expect_text("--database-url: '(hidden)' is not postgresql://");
	assert_null(strstr(text, "secret"));
}

static void test_state_directory_is_a_file(void **state)
{
	(void)state;
	char path[128];
	snprintf(path, sizeof(path), "%s/file", directory);
	write_file(path, "");
	assert_int_equal(run("--state-dir", path, NULL), 78);
	expect_text(path);
}

/* --- running -------------------------------------------------------------------- */

static void start(struct program *program, const char *config, const char *const env[])
{
	char path[128], state[128];
	snprintf(path, sizeof(path), "%s/prismd.conf", directory);
	snprintf(state, sizeof(state), "%s/state", directory);
	write_file(path, config);
	const char *const argv[] = {program_path("prismd"),
	                            "--config",
	                            path,
	                            "--state-dir",
	                            state,
	                            "--database-url",
	                            "postgresql://127.0.0.1:1/none?connect_timeout=1",
	                            NULL};
	program_start(program, argv, env);
}

/* Waits until the log says so. */
static void expect_log(const struct program *program, const char *part)
{
	for (int i = 0; i < 3000; i++) {
		program_log(program, text, sizeof(text));
		if (strstr(text, part))
			return;
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	fail_msg("'%s' is not in:\n%s", part, text);
}

static void test_ready_without_a_database(void **state)
{
	(void)state;
	struct program program;
	char config[256];
	snprintf(config, sizeof(config), "[server]\nlisten = 127.0.0.1:0 [::1]:0 unix:%s/s\n",
	         directory);
	start(&program, config, NULL);
	assert_non_null(strstr(program.ready, "prismd " PRISM_VERSION " ready: 127.0.0.1:"));
	assert_non_null(strstr(program.ready, " [::1]:"));
	assert_non_null(strstr(program.ready, "/s"));
	assert_null(strstr(program.ready, ":0 "));
	expect_log(&program, "event=database_awaited");
	assert_int_equal(program_stop(&program), 0);
}

static void test_port_in_use(void **state)
{
	(void)state;
	struct program first;
	char other[128];
	start(&first, "[server]\nlisten = 127.0.0.1:0\n", NULL);
	snprintf(other, sizeof(other), "%s/other", directory);
	const char *const argv[] = {program_path("prismd"),
	                            "--listen",
	                            first.address,
	                            "--state-dir",
	                            other,
	                            "--database-url",
	                            "postgresql://127.0.0.1:1/none",
	                            NULL};
	assert_int_equal(program_start_fails(argv, NULL, text), 1);
	expect_text("in use by another process");
	assert_int_equal(program_stop(&first), 0);
}

static void test_reload(void **state)
{
	(void)state;
	struct program program;
	char path[128];
	snprintf(path, sizeof(path), "%s/prismd.conf", directory);
	start(&program, "[server]\nlisten = 127.0.0.1:0\n", NULL);
	write_file(path, "[server]\nlisten = 127.0.0.1:0\nworkers = 7\n[log]\nlevel = debug\n");
	kill(program.pid, SIGHUP);
	expect_log(&program, "event=setting_changed section=log key=level effect=now");
	expect_log(&program, "key=workers effect=\"after a restart\"");
	write_file(path, "[server]\nworkers = seven\n");
	kill(program.pid, SIGHUP);
	expect_log(&program, "prismd.conf:2: [server] workers: 'seven' is not a number");
	expect_log(&program, "event=reload result=\"refused; nothing was changed\"");
	assert_int_equal(program_stop(&program), 0);
}

static void expect_mode(const char *path, mode_t mode)
{
	struct stat found;
	assert_int_equal(stat(path, &found), 0);
	assert_int_equal(found.st_mode & 0777, mode);
}

/* Whatever the umask is. */
static void test_mode_of_a_unix_socket(void **state)
{
	(void)state;
	struct program program;
	char config[256], path[128];
	mode_t before = umask(077);
	snprintf(path, sizeof(path), "%s/s", directory);
	snprintf(config, sizeof(config), "[server]\nlisten = unix:%s\n", path);
	start(&program, config, NULL);
	expect_mode(path, 0660);
	assert_int_equal(program_stop(&program), 0);
	snprintf(config, sizeof(config), "[server]\nlisten = unix:%s\nunix_mode = 0600\n", path);
	umask(0);
	start(&program, config, NULL);
	expect_mode(path, 0600);
	assert_int_equal(program_stop(&program), 0);
	umask(before);
}

/* --- the service manager ------------------------------------------------------------ */

/* The database never comes: still it is ready, and says what it waits for. */
static void test_service_manager_is_told(void **state)
{
	(void)state;
	struct program program;
	struct manager manager;
	manager_open(&manager, directory, 1000);
	start(&program, "[server]\nlisten = 127.0.0.1:0\ndrain_timeout = 7s\n", NULL);
	manager_hears(&manager, "READY=1");
	assert_string_equal(manager.text, "READY=1\nSTATUS=waiting for the database");
	manager_hears(&manager, "WATCHDOG=1");
	assert_int_equal(program_stop(&program), 0);
	manager_hears(&manager, "STOPPING=1");
	assert_string_equal(manager.text, "STOPPING=1\nSTATUS=draining\n"
	                                  "EXTEND_TIMEOUT_USEC=22000000");
	manager_close(&manager);
}

/* RELOADING says when, so that an older READY is not taken for its end. */
static void test_service_manager_is_told_of_a_reload(void **state)
{
	(void)state;
	struct program program;
	struct manager manager;
	long long said_us = 0;
	manager_open(&manager, directory, 0);
	start(&program, "[server]\nlisten = 127.0.0.1:0\n", NULL);
	manager_hears(&manager, "READY=1");
	struct timespec before;
	clock_gettime(CLOCK_MONOTONIC, &before);
	kill(program.pid, SIGHUP);
	manager_hears(&manager, "RELOADING=1");
	assert_int_equal(sscanf(manager.text, "RELOADING=1\nMONOTONIC_USEC=%lld", &said_us), 1);
	assert_true(said_us >= (long long)before.tv_sec * 1000000 + before.tv_nsec / 1000);
	manager_hears(&manager, "READY=1");
	assert_int_equal(program_stop(&program), 0);
	manager_close(&manager);
}

#define PRISMD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PRISMD(test_version),
		PRISMD(test_help),
		PRISMD(test_defaults_are_good),
		PRISMD(test_mistakes_are_named),
		PRISMD(test_state_directory_is_a_file),
		PRISMD(test_ready_without_a_database),
		PRISMD(test_port_in_use),
		PRISMD(test_reload),
		PRISMD(test_mode_of_a_unix_socket),
		PRISMD(test_service_manager_is_told),
		PRISMD(test_service_manager_is_told_of_a_reload),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
