/* prismd and the schema of its private database: an older one is backed up and upgraded, a newer
 * one refused. */
#include "tests/support/program.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char directory[64], text[PROGRAM_TEXT];
static struct program prismd;

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

static void start(void)
{
	const char *const argv[] = {program_path("prismd"), "--state-dir", directory, "--listen",
	                            "127.0.0.1:0",          NULL};
	program_start(&prismd, argv, NULL);
}

static void stop(void)
{
	assert_int_equal(program_stop(&prismd), 0);
}

static int run(const char *verb, const char *first, const char *second, const char *third)
{
	const char *const argv[] = {program_path("prism-db"),
	                            "--state-dir",
	                            directory,
	                            verb,
	                            first,
	                            second,
	                            third,
	                            NULL};
	int code = program_run(argv, NULL, text);
	if (code)
		print_message("%s\n", text);
	return code;
}

static size_t backups(char newest[256])
{
	char pattern[128];
	glob_t found;
	snprintf(pattern, sizeof pattern, "%s/backups/prism_db-*.dump", directory);
	size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	if (count)
		snprintf(newest, 256, "%s", found.gl_pathv[count - 1]);
	globfree(&found);
	return count;
}

static void sql(const char *statement)
{
	char command[512];
	snprintf(command, sizeof command,
	         "psql -q \"$('%s' --state-dir '%s' conninfo 2>/dev/null)\" -c \"%s\"",
	         program_path("prism-db"), directory, statement);
	assert_int_equal(system(command), 0);
}

static void backs_up_before_it_upgrades(void **state)
{
	(void)state;
	char path[256];
	start(); /* An empty one has nothing to be kept. */
	sql("INSERT INTO users (id, email, username, status) VALUES (gen_random_uuid(), 'a@b.org', "
	    "'kept', 'active')");
	stop();
	assert_int_equal(backups(path), 0);
	assert_int_equal(run("downgrade", "-2", NULL, NULL), 0);
	start();
	program_log(&prismd, text, sizeof text);
	assert_non_null(strstr(text, "event=schema serves="));
	assert_non_null(strstr(text, "event=backup made="));
	assert_int_equal(backups(path), 1);
	assert_int_equal(run("current", NULL, NULL, NULL), 0);
	assert_non_null(strstr(text, "(head)"));
	assert_int_equal(run("restore", path, "--into", "before"), 0);
	stop();
	start(); /* Nothing to upgrade: no backup. */
	stop();
	assert_int_equal(backups(path), 1);
}

static void refuses_a_newer_schema(void **state)
{
	(void)state;
	char path[256];
	start();
	sql("INSERT INTO prism_meta.schema_migrations (revision, name, up_sha256, down_sha256, "
	    "tool_version, duration_ms) SELECT max(revision) + 1, 'later', 'x', 'x', '9', 0 FROM "
	    "prism_meta.schema_migrations");
	stop();
	const char *const argv[] = {program_path("prismd"), "--state-dir", directory, "--listen",
	                            "127.0.0.1:0",          NULL};
	assert_int_not_equal(program_start_fails(argv, NULL, text), 0);
	assert_non_null(strstr(text, "use the newer program"));
	assert_int_equal(backups(path), 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(backs_up_before_it_upgrades),
		CASE(refuses_a_newer_schema),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
