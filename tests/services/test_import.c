/* prismctl import as people and programs see it, against a real prismd: a bar on a terminal, lines
 * elsewhere, what the services refuse by its line, and a prismd that goes away in the middle. */
#include "tests/support/stack.h"

#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SAMPLE PRISM_SOURCE_DIR "/examples/ferry-backlog.ndjson"

enum { WIDE = 120, NARROW = 40, WORDS_MOST = 16, TRIES = 6000 };

static struct stack stack;
static char text[PROGRAM_TEXT], socket_address[96], key_file[96];

static void serve(void)
{
	stack_serve(&stack,
	            (const char *const[]){"--workers", "1", "--listen", socket_address, NULL});
}

static int set_up(void **state)
{
	(void)state;
	stack_open(&stack);
	snprintf(socket_address, sizeof(socket_address), "unix:%s/s", stack.directory);
	snprintf(key_file, sizeof(key_file), "%s/bootstrap.key", stack.directory);
	serve();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stack_stop(&stack);
	return 0;
}

/* prismctl import with these words; the array is good until the next call. */
static const char *const *import(const char *first, const char *second, const char *third)
{
	static const char *argv[WORDS_MOST];
	const char *const all[] = {program_path("prismctl"),
	                           "--address",
	                           socket_address,
	                           "--key-file",
	                           key_file,
	                           "import",
	                           first,
	                           second,
	                           third};
	memcpy(argv, all, sizeof(all));
	argv[sizeof(all) / sizeof(*all)] = NULL;
	return argv;
}

static void assert_output(const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

static void assert_no_output(const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in:\n%s", part, text);
}

/* --- a terminal, and none --------------------------------------------------------------------- */

static int run_on_terminal(const char *const *argv, unsigned short columns)
{
	struct winsize size = {.ws_row = 24, .ws_col = columns};
	int terminal, code = 0;
	size_t len = 0;
	pid_t pid = forkpty(&terminal, NULL, NULL, &size);
	assert_true(pid >= 0);
	if (pid == 0) {
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	for (ssize_t got; len < sizeof(text) - 1 &&
	                  (got = read(terminal, text + len, sizeof(text) - 1 - len)) > 0;)
		len += (size_t)got;
	text[len] = '\0';
	close(terminal);
	assert_int_equal(waitpid(pid, &code, 0), pid);
	return WEXITSTATUS(code);
}

static void a_bar_on_a_terminal(void **state)
{
	(void)state;
	assert_int_equal(run_on_terminal(import(SAMPLE, NULL, NULL), WIDE), 0);
	assert_output("\r\033[Kstories         0/12 [........");
	assert_output("\r\033[Kstories        12/12 [########");
	assert_output("/s, 0 s left\r\033[K"); /* taken away when the part is over */
	assert_output("story              12: ");
	assert_output("imported 24 lines in ");
	assert_no_output("{");
	assert_no_output("epics"); /* of which there are none */
}

static void no_bar_where_there_is_no_room(void **state)
{
	(void)state;
	assert_int_equal(run_on_terminal(import(SAMPLE, NULL, NULL), NARROW), 0);
	assert_output("\r\033[Kstories        12/12\r\033[K");
	assert_no_output("[#");
}

static void lines_elsewhere(void **state)
{
	(void)state;
	assert_int_equal(program_run(import(SAMPLE, "-o", "table"), NULL, text), 0);
	assert_output("users: 5 of 5 in ");
	assert_output("stories: 12 of 12 in ");
	assert_output("document            2: ");
	assert_no_output("epics: "); /* there are none */
	assert_no_output("\r");
	assert_no_output("\033");
}

static void quiet(void **state)
{
	(void)state;
	assert_int_equal(program_run(import("--quiet", SAMPLE, NULL), NULL, text), 0);
	assert_int_equal(text[0], '{');
	assert_output("\"organizationId\": ");
	assert_output("\"DEMO\": ");
	assert_no_output("imported");
}

/* --- what the services refuse ------------------------------------------------------------------
 */

static void write_file(const char *name, const char *lines, char path[128])
{
	snprintf(path, 128, "%s/%s", stack.directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(lines, file);
	assert_int_equal(fclose(file), 0);
}

/* Nothing is wrong with it to look at; the rest is imported. */
static void refused_lines_are_named(void **state)
{
	(void)state;
	char path[128], wanted[256];
	write_file("refused.ndjson",
	           "{\"kind\": \"organization\", \"name\": \"R\", \"slug\": \"refused\"}\n"
	           "{\"kind\": \"user\", \"username\": \"rita\", \"email\": \"r@r.example\"}\n"
	           "{\"kind\": \"project\", \"key\": \"RP\", \"name\": \"R\"}\n"
	           "{\"kind\": \"sprint\", \"name\": \"one\"}\n"
	           "{\"kind\": \"sprint\", \"name\": \"two\", \"start_date\": \"2026-08-03\", "
	           "\"end_date\": \"2026-08-01\"}\n"
	           "{\"kind\": \"story\", \"number\": 1, \"title\": \"T\"}\n",
	           path);
	assert_int_equal(program_run(import(path, "-o", "table"), NULL, text), 1);
	snprintf(wanted, sizeof(wanted), "%s:5: INVALID_ARGUMENT: ", path);
	assert_output(wanted);
	assert_output("sprint              2: 1 created, 0 updated, 0 unchanged, 1 failed");
	assert_output("story               1: 1 created, 0 updated, 0 unchanged");
	assert_output("prismctl: 1 faults; what was imported stays, run it again to complete it");
}

/* What belongs to a line that was refused is not sent, and does not land elsewhere. */
static void what_belongs_to_a_refused_line(void **state)
{
	(void)state;
	char path[128], wanted[256];
	write_file(
		"orphans.ndjson",
		"{\"kind\": \"organization\", \"name\": \"O\", \"slug\": \"orphans\"}\n"
		"{\"kind\": \"user\", \"username\": \"olga\", \"email\": \"o@o.example\"}\n"
		"{\"kind\": \"project\", \"key\": \"OP\", \"name\": \"O\"}\n"
		"{\"kind\": \"sprint\", \"name\": \"one\", \"start_date\": \"2026-08-03\", "
		"\"end_date\": \"2026-08-01\"}\n"
		"{\"kind\": \"story\", \"number\": 1, \"title\": \"with\", \"sprint\": \"one\"}\n"
		"{\"kind\": \"story\", \"number\": 2, \"title\": \"without\"}\n",
		path);
	assert_int_equal(program_run(import(path, "-o", "table"), NULL, text), 1);
	snprintf(wanted, sizeof(wanted), "%s:4: INVALID_ARGUMENT: ", path);
	assert_output(wanted);
	assert_output(":5: not sent: the sprint \"one\" was not imported");
	assert_output("story               2: 1 created, 0 updated, 0 unchanged, 1 failed");
	assert_int_equal(cluster_number(stack.cluster, "SELECT count(*) FROM stories WHERE title "
	                                               "IN ('with', 'without')"),
	                 1);
}

static void the_wrong_key(void **state)
{
	(void)state;
	char key[STACK_KEY_SIZE], path[128];
	stack_key(&stack, "act-as-user", 0, key);
	write_file("wrong.key", key, path);
	const char *argv[WORDS_MOST];
	memcpy(argv, import(SAMPLE, NULL, NULL), sizeof(*argv) * 10);
	argv[4] = path;
	assert_int_equal(program_run(argv, NULL, text), 1);
	assert_output("ferry-backlog.ndjson:2: ");
	assert_output("\"failed\": 5");
	assert_output("hint: ");
	assert_output("\"created\": 0");
}

/* --- prismd goes away ----------------------------------------------------------------------------
 */

/* Whoever writes a story with the title "held" waits until prismd is killed. */
static void hold_stories(void)
{
	cluster_sql(stack.cluster, "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS "
	                           "'BEGIN PERFORM pg_sleep(600); RETURN NEW; END';"
	                           "CREATE TRIGGER hold BEFORE INSERT ON stories FOR EACH ROW "
	                           "WHEN (NEW.title = 'held') EXECUTE FUNCTION hold()");
}

/* Kills prismd under an import that is under way. */
static void kill_prismd(void)
{
	for (int i = 0; cluster_number(stack.cluster, "SELECT count(*) FROM pg_stat_activity WHERE "
	                                              "wait_event = 'PgSleep'") == 0;
	     i++) {
		assert_true(i < TRIES);
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	program_kill(&stack.prismd);
	cluster_sql(stack.cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
	                           "wait_event = 'PgSleep';"
	                           "DROP FUNCTION hold() CASCADE");
}

/* A backlog of two stories, one of which is held. */
static pid_t start_import(const char *slug, const char *const *(*words)(const char *path))
{
	char path[128], lines[1024];
	pid_t pid;
	snprintf(lines, sizeof(lines),
	         "{\"kind\": \"organization\", \"name\": \"A\", \"slug\": \"%s\"}\n"
	         "{\"kind\": \"user\", \"username\": \"anna\", \"email\": \"a@a.example\"}\n"
	         "{\"kind\": \"project\", \"key\": \"AP\", \"name\": \"A\"}\n"
	         "{\"kind\": \"story\", \"number\": 1, \"title\": \"held\"}\n"
	         "{\"kind\": \"story\", \"number\": 2, \"title\": \"held too\"}\n",
	         slug);
	write_file("held.ndjson", lines, path);
	const char *const *argv = words(path);
	posix_spawn_file_actions_t silent;
	posix_spawn_file_actions_init(&silent);
	posix_spawn_file_actions_addopen(&silent, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	assert_int_equal(posix_spawn(&pid, argv[0], &silent, NULL, (char *const *)argv, environ),
	                 0);
	posix_spawn_file_actions_destroy(&silent);
	return pid;
}

static int exit_code_of(pid_t pid)
{
	int code;
	assert_int_equal(waitpid(pid, &code, 0), pid);
	assert_true(WIFEXITED(code));
	return WEXITSTATUS(code);
}

static const char *const *quietly(const char *path)
{
	return import("--quiet", path, NULL);
}

static void prismd_is_killed_and_started_again(void **state)
{
	(void)state;
	hold_stories();
	pid_t pid = start_import("again", quietly);
	kill_prismd();
	serve();
	assert_int_equal(exit_code_of(pid), 0);
	assert_int_equal(cluster_number(stack.cluster, "SELECT count(*) FROM stories WHERE title "
	                                               "LIKE 'held%'"),
	                 2);
}

/* A call may take five seconds here. */
static const char *const *impatiently(const char *path)
{
	return import("--timeout=5", "--quiet", path);
}

static void prismd_stays_away(void **state)
{
	(void)state;
	hold_stories();
	pid_t pid = start_import("away", impatiently);
	kill_prismd();
	assert_int_equal(exit_code_of(pid), 3);
	serve();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bar_on_a_terminal),
		cmocka_unit_test(no_bar_where_there_is_no_room),
		cmocka_unit_test(lines_elsewhere),
		cmocka_unit_test(quiet),
		cmocka_unit_test(refused_lines_are_named),
		cmocka_unit_test(what_belongs_to_a_refused_line),
		cmocka_unit_test(the_wrong_key),
		cmocka_unit_test(prismd_is_killed_and_started_again),
		cmocka_unit_test(prismd_stays_away),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
