/* prismctl import, before a real prismd: what it makes, that again it makes nothing, and what
 * becomes of lines that cannot be imported. */
#include "tests/services/request.h"
#include "tests/services/session.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEAD                                                                            \
	"{\"kind\":\"organization\",\"slug\":\"harbor\",\"name\":\"Harbor\"}\n"         \
	"{\"kind\":\"user\",\"username\":\"ines\",\"email\":\"ines@harbor.example\"}\n" \
	"{\"kind\":\"user\",\"username\":\"tomas\",\"email\":\"tomas@harbor.example\"," \
	"\"role\":\"member\"}\n"

static char output[PROGRAM_TEXT], path[128], key_file[128];

static void write_file(const char *name, const char *content)
{
	FILE *file = fopen(name, "w");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

static int set_up(void **state)
{
	tenant_set_up(state);
	snprintf(path, sizeof(path), "%s/backlog.ndjson", tenant.stack.directory);
	snprintf(key_file, sizeof(key_file), "%s/test.key", tenant.stack.directory);
	return 0;
}

/* The exit code; what it said is in `output`. */
static int import(const char *lines, const char *key)
{
	write_file(path, lines);
	write_file(key_file, key);
	const char *const argv[] = {program_path("prismctl"),
	                            "--address",
	                            tenant.stack.prismd.address,
	                            "--key-file",
	                            key_file,
	                            "--output",
	                            "table",
	                            "import",
	                            path,
	                            NULL};
	/* Nobody in the file's organization; must not matter. */
	static const char *const env[] = {"PRISM_ACTOR=00000000-0000-4000-8000-000000000007", NULL};
	return program_run(argv, env, output);
}

static void expect_text(const char *part)
{
	if (!strstr(output, part))
		fail_msg("'%s' is not in:\n%s", part, output);
}

/* "story 3: 2 created, 0 updated, 0 unchanged, 1 failed" */
static void expect_counts(const char *kind, unsigned total, unsigned created, unsigned unchanged,
                          unsigned failed)
{
	char line[128], more[32] = "";
	if (failed)
		snprintf(more, sizeof(more), ", %u failed", failed);
	snprintf(line, sizeof(line), "%-13s %7u: %u created, 0 updated, %u unchanged%s\n", kind,
	         total, created, unchanged, more);
	expect_text(line);
}

static void expect_fault(unsigned line, const char *fault)
{
	char text[512];
	snprintf(text, sizeof(text), "%s:%u: %s", path, line, fault);
	expect_text(text);
}

static const char WHOLE[] =
	HEAD "{\"kind\":\"project\",\"key\":\"WHO\",\"name\":\"Whole\",\"owner\":\"tomas\"}\n"
	     "{\"kind\":\"epic\",\"name\":\"Epic\"}\n"
	     "{\"kind\":\"sprint\",\"name\":\"First\",\"status\":\"completed\",\"velocity\":3}\n"
	     "{\"kind\":\"sprint\",\"name\":\"Second\",\"status\":\"active\"}\n"
	     "{\"kind\":\"story\",\"number\":3,\"title\":\"Done\",\"status\":\"done\","
	     "\"sprint\":\"First\",\"epic\":\"Epic\",\"assignee\":\"tomas\","
	     "\"completed_at\":\"2024-02-29T12:00:00Z\"}\n"
	     "{\"kind\":\"story\",\"number\":1,\"title\":\"Open\",\"creator\":\"ines\"}\n"
	     "{\"kind\":\"document\",\"path\":\"a.md\",\"title\":\"Notes\",\"content\":\"Text\","
	     "\"status\":\"published\",\"metadata\":{\"pages\":2}}\n";

static void a_second_import_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(import(WHOLE, tenant.system_key), 0);
	expect_counts("sprint", 2, 2, 0, 0);
	expect_counts("story", 2, 2, 0, 0);
	expect_counts("document", 1, 1, 0, 0);
	assert_int_equal(count("SELECT count(*) FROM stories s JOIN projects p ON p.id = "
	                       "s.project_id JOIN users u ON u.id = s.assignee_id WHERE p.key = "
	                       "'WHO' AND s.number = 3 AND u.username = 'tomas' AND s.sprint_id IS "
	                       "NOT NULL AND s.epic_id IS NOT NULL AND s.completed_at = "
	                       "'2024-02-29T12:00:00Z'"),
	                 1);
	long log = count("SELECT count(*) FROM activity_log");
	assert_int_equal(import(WHOLE, tenant.system_key), 0);
	expect_counts("organization", 1, 0, 1, 0);
	expect_counts("user", 2, 0, 2, 0);
	expect_counts("project", 1, 0, 1, 0);
	expect_counts("epic", 1, 0, 1, 0);
	expect_counts("sprint", 2, 0, 2, 0);
	expect_counts("story", 2, 0, 2, 0);
	expect_counts("document", 1, 0, 1, 0);
	assert_int_equal(count("SELECT count(*) FROM activity_log"), log);
}

static pid_t import_start(void)
{
	const char *const argv[] = {program_path("prismctl"),
	                            "--address",
	                            tenant.stack.prismd.address,
	                            "--key-file",
	                            key_file,
	                            "import",
	                            "--quiet",
	                            path,
	                            NULL};
	posix_spawn_file_actions_t silent;
	pid_t pid;
	posix_spawn_file_actions_init(&silent);
	posix_spawn_file_actions_addopen(&silent, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	assert_int_equal(posix_spawn(&pid, argv[0], &silent, NULL, (char *const *)argv, environ),
	                 0);
	posix_spawn_file_actions_destroy(&silent);
	return pid;
}

/* All have found nothing, and are about to make it. */
static void import_together(const char *table)
{
	enum { TOGETHER = 3 };
	char sql[128];
	pid_t pids[TOGETHER];
	snprintf(sql, sizeof(sql), "LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", table);
	assert_true(session("BEGIN"));
	assert_true(session(sql));
	for (size_t i = 0; i < TOGETHER; i++)
		pids[i] = import_start();
	while (count("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") <
	       TOGETHER)
		continue;
	assert_true(session("COMMIT"));
	for (size_t i = 0; i < TOGETHER; i++) {
		int code;
		assert_int_equal(waitpid(pids[i], &code, 0), pids[i]);
		assert_int_equal(code, 0);
	}
}

static void many_imports_at_once_are_one(void **state)
{
	(void)state;
	write_file(key_file, tenant.system_key);
	write_file(path, "{\"kind\":\"organization\",\"slug\":\"at-once\",\"name\":\"O\"}\n"
	                 "{\"kind\":\"user\",\"username\":\"olga\",\"email\":\"o@x.example\"}\n");
	import_together("organizations");
	write_file(path, "{\"kind\":\"organization\",\"slug\":\"at-once\",\"name\":\"O\"}\n"
	                 "{\"kind\":\"user\",\"username\":\"olga\",\"email\":\"o@x.example\"}\n"
	                 "{\"kind\":\"project\",\"key\":\"ONCE\",\"name\":\"Once\"}\n"
	                 "{\"kind\":\"story\",\"number\":1,\"title\":\"A\"}\n");
	import_together("projects");
	session_end();
	assert_int_equal(count("SELECT count(*) FROM stories s JOIN projects p ON p.id = "
	                       "s.project_id WHERE p.key = 'ONCE'"),
	                 1);
}

/* What somebody has deleted since is neither restored nor counted with what is as it should be. */
static void what_was_deleted_stays_so(void **state)
{
	(void)state;
	static const char lines[] =
		HEAD "{\"kind\":\"project\",\"key\":\"DEL\",\"name\":\"Deleted\"}\n"
		     "{\"kind\":\"story\",\"number\":1,\"title\":\"Stays\"}\n"
		     "{\"kind\":\"story\",\"number\":2,\"title\":\"Goes\"}\n";
	assert_int_equal(import(lines, tenant.system_key), 0);
	count("UPDATE stories SET deleted_at = now() WHERE title = 'Goes' RETURNING 1");
	assert_int_equal(import(lines, tenant.system_key), 0);
	expect_text("story               2: 0 created, 0 updated, 1 unchanged, 1 deleted there\n");
	assert_int_equal(
		count("SELECT count(*) FROM stories WHERE title = 'Goes' AND deleted_at IS NULL"),
		0);
}

/* Two sprints cannot be active: the second one, and what is in it, stays behind. */
static void stories_of_a_sprint_that_failed_stay_behind(void **state)
{
	(void)state;
	static const char lines[] =
		HEAD "{\"kind\":\"project\",\"key\":\"SPR\",\"name\":\"Sprints\"}\n"
		     "{\"kind\":\"sprint\",\"name\":\"One\",\"status\":\"active\"}\n"
		     "{\"kind\":\"sprint\",\"name\":\"Two\",\"status\":\"active\"}\n"
		     "{\"kind\":\"sprint\",\"name\":\"Three\"}\n"
		     "{\"kind\":\"story\",\"number\":1,\"title\":\"A\",\"sprint\":\"One\"}\n"
		     "{\"kind\":\"story\",\"number\":2,\"title\":\"B\",\"sprint\":\"Two\"}\n"
		     "{\"kind\":\"story\",\"number\":3,\"title\":\"C\",\"sprint\":\"Three\"}\n"
		     "{\"kind\":\"story\",\"number\":4,\"title\":\"D\"}\n";
	assert_int_equal(import(lines, tenant.system_key), 1);
	expect_fault(6, "FAILED_PRECONDITION: status: a sprint of the project is active already");
	expect_fault(9, "not sent: the sprint \"");
	expect_text("2 faults");
	expect_counts("sprint", 3, 2, 0, 1);
	expect_counts("story", 4, 3, 0, 1);
	assert_int_equal(count("SELECT count(*) FROM stories s JOIN projects p ON p.id = "
	                       "s.project_id WHERE p.key = 'SPR' AND number IN (1, 3, 4)"),
	                 3);
	char mended[sizeof(lines)];
	snprintf(mended, sizeof(mended), "%s", lines);
	char *second = strstr(mended, "\"Two\",\"status\":\"active\"");
	memcpy(second, "\"Two\"                   ", 23);
	assert_int_equal(import(mended, tenant.system_key), 0);
	expect_counts("sprint", 3, 1, 2, 0);
	expect_counts("story", 4, 1, 3, 0);
}

static void one_bad_line_keeps_nobody_else_out(void **state)
{
	(void)state;
	/* What only the server can know: a username and a slug that are taken, dates, the one
	 * active sprint. */
	static const char lines[] = HEAD
		"{\"kind\":\"user\",\"username\":\"user-7\",\"email\":\"n@harbor.example\"}\n"
		"{\"kind\":\"project\",\"key\":\"BAD\",\"name\":\"Bad lines\"}\n"
		"{\"kind\":\"sprint\",\"name\":\"Back\",\"start_date\":\"2026-02-02\","
		"\"end_date\":\"2026-01-01\"}\n"
		"{\"kind\":\"sprint\",\"name\":\"Good\"}\n"
		"{\"kind\":\"story\",\"number\":1,\"title\":\"A\",\"sprint\":\"Good\"}\n"
		"{\"kind\":\"story\",\"number\":2,\"title\":\"B\",\"sprint\":\"Back\"}\n"
		"{\"kind\":\"story\",\"number\":3,\"title\":\"C\",\"assignee\":\"user-7\"}\n"
		"{\"kind\":\"story\",\"number\":4,\"title\":\"D\"}\n"
		"{\"kind\":\"document\",\"path\":\"a\",\"title\":\"A\",\"slug\":\"same\"}\n"
		"{\"kind\":\"document\",\"path\":\"b\",\"title\":\"B\",\"slug\":\"same\"}\n"
		"{\"kind\":\"document\",\"path\":\"c\",\"title\":\"C\",\"creator\":\"user-7\"}\n"
		"{\"kind\":\"project\",\"key\":\"LOST\",\"name\":\"L\",\"owner\":\"user-7\"}\n"
		"{\"kind\":\"story\",\"number\":1,\"title\":\"A\"}\n";
	assert_int_equal(import(lines, tenant.system_key), 1);
	expect_fault(4, "ALREADY_EXISTS: ");
	expect_fault(6, "INVALID_ARGUMENT: end_date: ");
	expect_fault(9, "not sent: the sprint \"");
	expect_fault(10, "not sent: the assignee \"");
	expect_fault(13, "ALREADY_EXISTS: slug: ");
	expect_fault(14, "not sent: the creator \"");
	expect_fault(15, "not sent: the owner \"");
	expect_fault(16, "not sent: its project was not imported");
	expect_counts("user", 3, 0, 2, 1);
	expect_counts("project", 2, 1, 0, 1);
	expect_counts("sprint", 2, 1, 0, 1);
	expect_counts("story", 5, 2, 0, 3);
	expect_counts("document", 3, 1, 0, 2);
}

static void a_key_that_may_not_is_told_so_once(void **state)
{
	(void)state;
	assert_int_equal(import(WHOLE, tenant.key), 1);
	expect_text("PERMISSION_DENIED");
	expect_text("hint: an import needs a key with the scope system");
	expect_text("prismctl: 1 faults;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_import_changes_nothing),
		cmocka_unit_test(many_imports_at_once_are_one),
		cmocka_unit_test(what_was_deleted_stays_so),
		cmocka_unit_test(stories_of_a_sprint_that_failed_stay_behind),
		cmocka_unit_test(one_bad_line_keeps_nobody_else_out),
		cmocka_unit_test(a_key_that_may_not_is_told_so_once),
	};
	return cmocka_run_group_tests(tests, set_up, tenant_tear_down);
}
