/* Settings from every source, and what is said about wrong ones. */
#include "daemon/config.h"
#include "daemon/options.h"
#include "tests/support/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct config *config;
static char complaints[8192];

static void complain(void *ctx, const char *message)
{
	(void)ctx;
	size_t len = strlen(complaints);
	snprintf(complaints + len, sizeof(complaints) - len, "%s\n", message);
}

static int setup(void **state)
{
	(void)state;
	complaints[0] = '\0';
	config = config_new(complain, NULL);
	assert_non_null(config);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	config_free(config);
	return 0;
}

static void read_text(const char *text)
{
	char path[64];
	file_make(path, text);
	config_read_file(config, path);
	unlink(path);
}

static void expect_complaint(const char *part)
{
	if (!strstr(complaints, part))
		fail_msg("'%s' does not say '%s'", complaints, part);
	complaints[0] = '\0';
}

static void expect_none(void)
{
	assert_string_equal(complaints, "");
	assert_int_equal(config->complaints, 0);
}

static void read_options(const char *const arguments[])
{
	struct options options;
	int count = 0;
	while (arguments[count])
		count++;
	options_parse(&options, count, (char **)arguments);
	options_apply(&options, config);
}

static void test_defaults(void **state)
{
	(void)state;
	struct address addresses[4];
	config_check(config);
	expect_none();
	assert_string_equal(config_text(config, SETTING_LISTEN), "127.0.0.1:7400");
	assert_int_equal(config_addresses(config, addresses, 4), 1);
	assert_int_equal(config_number(config, SETTING_DRAIN_TIMEOUT), 30000);
	assert_true(config_workers(config) >= 1);
	assert_int_equal(config_pool_size(config), 6 * config_workers(config) + 2);
}

static void test_file(void **state)
{
	(void)state;
	struct address addresses[8];
	read_text("# a comment\n"
	          "[server]\n"
	          "listen = 127.0.0.1:1, [::1]:2   ; another\n"
	          "listen=unix:/run/x\n"
	          "  workers = 3\n"
	          "drain_timeout = 250ms\n"
	          "[log]\n"
	          "level: debug\n"
	          "[database]\n"
	          "url = postgresql://u:p@h/d?sslmode=require\n");
	expect_none();
	assert_int_equal(config_addresses(config, addresses, 8), 3);
	assert_int_equal(config_workers(config), 3);
	assert_int_equal(config_number(config, SETTING_DRAIN_TIMEOUT), 250);
	assert_int_equal(config_number(config, SETTING_LOG_LEVEL), 3);
	assert_string_equal(config_text(config, SETTING_DATABASE_URL),
	                    "postgresql://u:p@h/d?sslmode=require");
}

static void test_file_mistakes(void **state)
{
	(void)state;
	read_text("workers = 2\n"
	          "[server]\n"
	          "wokers = 2\n"
	          "workers = two\n"
	          "something_else_altogether = 1\n"
	          "listen = 7400\n"
	          "drain_timeout = 3 weeks\n"
	          "[databse]\n"
	          "url = x\n"
	          "[log]\n"
	          "level = loud\n"
	          "no equals sign\n");
	const char *const parts[] = {
		":1: 'workers' stands before the first [section]",
		":3: [server] has no 'wokers'; did you mean 'workers'?",
		":4: [server] workers: 'two' is not a number from 0 to 256",
		":5: [server] has no 'something_else_altogether'; prismd --print-defaults",
		":6: [server] listen: '7400': the port is missing; allowed are 127.0.0.1:7400",
		":7: [server] drain_timeout: '3 weeks' is not a time from 0s to 60min",
		":9: there is no section [databse]; allowed are [server], [database] and [log]",
		":11: [log] level: 'loud' is not one of: error warn info debug",
		":12: not a [section], a 'key = value' or a # comment",
	};
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (!strstr(complaints, parts[i]))
			fail_msg("'%s' is not in:\n%s", parts[i], complaints);
	assert_int_equal(config->complaints, 9);
}

static void test_long_lines(void **state)
{
	(void)state;
	char text[6000] = "[database]\nurl = host=";
	size_t len = strlen(text);
	memset(text + len, 'x', 3000);
	read_text(text); /* a password may be long */
	expect_none();
	memset(text + len, 'x', 5000);
	read_text(text);
	expect_complaint(":2: the line is longer than 4094 bytes");
}

static void test_missing_file(void **state)
{
	(void)state;
	config_read_file(config, "/nowhere/prismd.conf");
	expect_complaint("/nowhere/prismd.conf: cannot be read: No such file");
}

static void test_environment(void **state)
{
	(void)state;
	char *environment[] = {"PRISMD_SERVER_WORKERS=2",
	                       "DATABASE_POOL_SIZE=40",
	                       "DATABASE_POOL_TIMEOUT=5",
	                       "PRISMD_LOG_LEVEL=warn",
	                       "PRISMD_PORT_7400_TCP=tcp://10.0.0.1:7400",
	                       "PATH=/bin",
	                       "PRISMD_SERVICE_HOST=10.0.0.1",
	                       NULL};
	config_read_environment(config, environment);
	expect_none();
	assert_int_equal(config_workers(config), 2);
	assert_int_equal(config_pool_size(config), 40);
	assert_int_equal(config_number(config, SETTING_POOL_TIMEOUT), 5000);
	assert_int_equal(config_number(config, SETTING_LOG_LEVEL), 1);
}

static void test_environment_mistakes(void **state)
{
	(void)state;
	char *environment[] = {"PRISMD_SERVER_WORKER=2", "DATABASE_POOL_SIZE=lots",
	                       "DATABASE_URL=mysql://user:secret@host/x", NULL};
	config_read_environment(config, environment);
	assert_null(strstr(complaints, "secret"));
	assert_non_null(strstr(complaints, "DATABASE_POOL_SIZE: 'lots' is not a number"));
	assert_non_null(strstr(complaints, "DATABASE_URL: '(hidden)' is not postgresql://"));
	expect_complaint("PRISMD_SERVER_WORKER: [server] has no 'worker'; did you mean 'workers'?");
}

/* Later sources win, and replace lists as a whole. */
static void test_precedence(void **state)
{
	(void)state;
	char *environment[] = {"PRISMD_SERVER_LISTEN=127.0.0.1:2 127.0.0.1:3",
	                       "PRISMD_SERVER_WORKERS=2", NULL};
	read_text("[server]\nlisten = 127.0.0.1:1\nworkers = 1\nwrite_stall = 7s\n");
	config_read_environment(config, environment);
	assert_string_equal(config_text(config, SETTING_LISTEN), "127.0.0.1:2 127.0.0.1:3");
	read_options((const char *const[]){"prismd", "--listen", "127.0.0.1:4", "--workers=3",
	                                   "--listen", "[::1]:5", NULL});
	expect_none();
	assert_string_equal(config_text(config, SETTING_LISTEN), "127.0.0.1:4 [::1]:5");
	assert_int_equal(config_workers(config), 3);
	assert_int_equal(config_number(config, SETTING_WRITE_STALL), 7000);
}

static void test_option_mistakes(void **state)
{
	(void)state;
	read_options((const char *const[]){"prismd", "--workers", "-1", "--listen", "*:1", NULL});
	assert_non_null(strstr(complaints, "--workers: '-1' is not a number from 0 to 256"));
	expect_complaint("--listen: '*:1': not a numeric address");
}

static void test_actions(void **state)
{
	(void)state;
	static const struct {
		const char *option;
		enum action action;
	} actions[] = {
		{"--help", ACTION_HELP},
		{"--version", ACTION_VERSION},
		{"--check-config", ACTION_CHECK_CONFIG},
		{"--print-defaults", ACTION_PRINT_DEFAULTS},
		{"--wrong", ACTION_REFUSE},
		{"wrong", ACTION_REFUSE},
		{"--workers=2", ACTION_SERVE},
	};
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		struct options options;
		const char *const arguments[] = {"prismd", actions[i].option, NULL};
		options_parse(&options, 2, (char **)arguments);
		assert_int_equal(options.action, actions[i].action);
	}
}

static void test_durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {{"0", 0},     {"7", 7000},      {"15ms", 15},
	            {"9s", 9000}, {"2min", 120000}, {"1h", 3600000}};
	static const char *const bad[] = {"",    "s",  "-1s", "1.5s",
	                                  "1 s", "2h", "1d",  "9999999999999999999s"};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		config_set(config, SETTING_DRAIN_TIMEOUT, good[i].text, CONFIG_OPTION, "here");
		expect_none();
		assert_int_equal(config_number(config, SETTING_DRAIN_TIMEOUT), good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		config_set(config, SETTING_DRAIN_TIMEOUT, bad[i], CONFIG_OPTION, "here");
		expect_complaint("here: '");
	}
	assert_int_equal(config_number(config, SETTING_DRAIN_TIMEOUT), 3600000);
}

static void test_plaintext_on_the_network(void **state)
{
	(void)state;
	config_set(config, SETTING_LISTEN, "127.0.0.1:1 0.0.0.0:7400", CONFIG_OPTION, "here");
	config_check(config);
	expect_complaint("server.listen 0.0.0.0:7400: other machines can connect there");
	config->complaints = 0;
	config_set(config, SETTING_INSECURE_PLAINTEXT, "i-know", CONFIG_OPTION, "here");
	config_check(config);
	expect_none();
}

static void test_pool_too_small(void **state)
{
	(void)state;
	config_set(config, SETTING_WORKERS, "4", CONFIG_OPTION, "here");
	config_set(config, SETTING_POOL_SIZE, "9", CONFIG_OPTION, "here");
	config_check(config);
	expect_complaint("4 workers need at least 2 x 4 + 2 = 10 connections");
	config->complaints = 0;
	config_set(config, SETTING_POOL_SIZE, "10", CONFIG_OPTION, "here");
	config_check(config);
	expect_none();
}

static void test_too_many_addresses(void **state)
{
	(void)state;
	for (int i = 1; i <= 17; i++) {
		char text[32];
		snprintf(text, sizeof(text), "127.0.0.1:%d", i);
		config_set(config, SETTING_LISTEN, text, CONFIG_OPTION, "here");
	}
	config_check(config);
	expect_complaint("17 addresses, at most 16 are allowed");
}

#define CONFIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIG(test_defaults),
		CONFIG(test_file),
		CONFIG(test_file_mistakes),
		CONFIG(test_long_lines),
		CONFIG(test_missing_file),
		CONFIG(test_environment),
		CONFIG(test_environment_mistakes),
		CONFIG(test_precedence),
		CONFIG(test_option_mistakes),
		CONFIG(test_actions),
		CONFIG(test_durations),
		CONFIG(test_plaintext_on_the_network),
		CONFIG(test_pool_too_small),
		CONFIG(test_too_many_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
