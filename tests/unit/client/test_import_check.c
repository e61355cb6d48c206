/* prismctl import looks a whole file over before it sends anything: each fault is told with its
 * line, and what is allowed. */
#include "tests/support/program.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Lines 1 to 7: nothing is wrong with them. */
static const char good[] =
	"{\"kind\": \"organization\", \"name\": \"Harbor\", \"slug\": \"harbor\", \"settings\": "
	"{}}\n"
	"{\"kind\": \"user\", \"username\": \"ines\", \"email\": \"ines@harbor.example\"}\n"
	"{\"kind\": \"project\", \"key\": \"DEMO\", \"name\": \"Tickets\", \"owner\": \"ines\"}\n"
	"{\"kind\": \"epic\", \"name\": \"Selling\", \"status\": \"open\"}\n"
	"{\"kind\": \"sprint\", \"name\": \"First\", \"start_date\": \"2026-08-03\", \"velocity\": "
	"5}\n"
	"{\"kind\": \"story\", \"number\": 1, \"title\": \"Buy\", \"sprint\": \"First\", \"epic\": "
	"\"Selling\", \"assignee\": \"ines\", \"creator\": null, \"created_at\": "
	"\"2026-08-03T09:00:00+01:00\"}\n"
	"{\"kind\": \"document\", \"path\": \"prd/a.md\", \"title\": \"A\", \"metadata\": {}}\n";

static char directory[64], path[96], text[PROGRAM_TEXT];
static int listener; /* a server that nobody is to call */

static int setup(void **state)
{
	(void)state;
	static char address[64];
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof name;
	directory_make(directory);
	snprintf(path, sizeof path, "%s/backlog.ndjson", directory);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&name, len), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &len), 0);
	snprintf(address, sizeof address, "PRISM_ADDRESS=127.0.0.1:%d", ntohs(name.sin_port));
	putenv(address);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(accept(listener, NULL, NULL), -1);
	close(listener);
	directory_remove(directory);
	return 0;
}

static void write_file(const char *first, size_t len, const char *second)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fwrite(first, 1, len, file);
	fputs(second, file);
	assert_int_equal(fclose(file), 0);
}

static int run(const char *option)
{
	const char *const argv[] = {program_path("prismctl"), "import", path, option, NULL};
	return program_run(argv, NULL, text);
}

static void assert_output(const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

/* The file as it was written last has this fault, on this line, and no other. */
static void assert_fault(int line, const char *fault)
{
	char wanted[512];
	int code = run(NULL);
	snprintf(wanted, sizeof wanted, "%s:%d: %s", path, line, fault);
	assert_output(wanted);
	assert_output("1 faults; nothing was sent");
	assert_int_equal(code, 2);
}

struct fault {
	const char *line, *fault;
};

/* Each as line 8. */
static void assert_faults(const struct fault *faults, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		write_file(good, strlen(good), faults[i].line);
		assert_fault(8, faults[i].fault);
	}
}

#define ASSERT_FAULTS(faults) assert_faults(faults, sizeof faults / sizeof *faults)

static void test_nothing_wrong(void **state)
{
	(void)state;
	write_file(good, strlen(good), "\n   \r\n");
	assert_int_equal(run("--dry-run"), 0);
	assert_output("\"organization\": 1");
	assert_output("\"story\": 1");
	const char *const argv[] = {
		program_path("prismctl"), "--dry-run", "import", path, "-o", "table", NULL};
	assert_int_equal(program_run(argv, NULL, text), 0);
	assert_output("story               1\n");
}

/* Some programs begin a text in UTF-8 with it. */
static void test_byte_order_mark(void **state)
{
	(void)state;
	write_file("\xef\xbb\xbf", 3, good);
	assert_int_equal(run("--dry-run"), 0);
	assert_output("\"organization\": 1");
	write_file(good, strlen(good), "\xef\xbb\xbf{\"kind\": \"epic\", \"name\": \"E\"}\n");
	assert_fault(8, "no JSON: ");
}

/* --- each kind ------------------------------------------------------------------------------- */

static void test_organization(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{"{\"kind\": \"organization\", \"name\": \"B\", \"slug\": \"b\"}",
	         "a second organization; one a file is allowed"},
	};
	ASSERT_FAULTS(faults);
	static const struct fault first[] = {
		{"{\"kind\": \"organization\", \"slug\": \"b\"}", "name is missing"},
		{"{\"kind\": \"organization\", \"name\": \"\", \"slug\": \"b\"}",
	         "name \"\": must not be empty"},
		{"{\"kind\": \"organization\", \"name\": 7, \"slug\": \"b\"}",
	         "name must be a string"},
		{"{\"kind\": \"organization\", \"name\": \"B\", \"slug\": \"B b\"}",
	         "slug: must be a slug: a-z and 0-9 with single hyphens in between"},
		{"{\"kind\": \"organization\", \"name\": \"B\", \"slug\": \"b\", \"settings\": []}",
	         "settings must be an object"},
		{"{\"kind\": \"organization\", \"name\": \"B\", \"slug\": \"b\", \"owner\": \"x\"}",
	         "owner \"x\": no line before this one has a user of this username"},
		{"{\"kind\": \"organization\", \"name\": \"B\", \"slug\": \"b\", \"site\": \"x\"}",
	         "\"site\" is no field of the kind organization; allowed are name, slug, settings, "
	         "owner"},
	};
	for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
		write_file(first[i].line, strlen(first[i].line), strchr(good, '\n'));
		assert_fault(1, first[i].fault);
	}
}

static void test_user(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{"{\"kind\": \"user\", \"email\": \"b@b.example\"}", "username is missing"},
		{"{\"kind\": \"user\", \"username\": \"bob\"}", "email is missing"},
		{"{\"kind\": \"user\", \"username\": \"b\", \"email\": \"b@b.example\"}",
	         "username: must be a user name"},
		{"{\"kind\": \"user\", \"username\": \"bob\", \"email\": \"nowhere\"}",
	         "email: must be an e-mail address"},
		{"{\"kind\": \"user\", \"username\": \"bob\", \"email\": \"b@b.example\", "
	         "\"full_name\": true}",
	         "full_name must be a string"},
		{"{\"kind\": \"user\", \"username\": \"bob\", \"email\": \"b@b.example\", "
	         "\"role\": \"owner\"}",
	         "role \"owner\": allowed are viewer member admin"},
		{"{\"kind\": \"user\", \"username\": \"bob\", \"email\": \"b@b.example\", "
	         "\"role\": 4}",
	         "role must be one of viewer member admin"},
		{"{\"kind\": \"user\", \"username\": \"INES\", \"email\": \"b@b.example\"}",
	         "the same username as line 2"},
		{"{\"kind\": \"user\", \"username\": \"bob\", \"email\": \"Ines@harbor.example\"}",
	         "the same email as line 2"},
		{"{\"kind\": \"user\", \"username\": \"bob\", \"email\": \"b@b.example\", "
	         "\"team\": 1}",
	         "\"team\" is no field of the kind user; allowed are username, email, full_name, "
	         "role"},
	};
	ASSERT_FAULTS(faults);
}

static void test_project(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{"{\"kind\": \"project\", \"name\": \"P\"}", "key is missing"},
		{"{\"kind\": \"project\", \"key\": \"P2\"}", "name is missing"},
		{"{\"kind\": \"project\", \"key\": \"9\", \"name\": \"P\"}",
	         "key: must be a key: a letter, then 1 to 19 letters or digits"},
		{"{\"kind\": \"project\", \"key\": \"demo\", \"name\": \"P\"}",
	         "the same key as line 3"},
		{"{\"kind\": \"project\", \"key\": \"P2\", \"name\": \"P\", \"status\": \"open\"}",
	         "status \"open\": allowed are planning active on_hold completed"},
		{"{\"kind\": \"project\", \"key\": \"P2\", \"name\": \"P\", \"owner\": \"bob\"}",
	         "owner \"bob\": no line before this one has a user of this username"},
		{"{\"kind\": \"project\", \"key\": \"P2\", \"name\": \"P\", \"start_date\": "
	         "\"2026-02-30\"}",
	         "start_date \"2026-02-30\": must be a date"},
		{"{\"kind\": \"project\", \"key\": \"P2\", \"name\": \"P\", \"end_date\": 2026}",
	         "end_date must be a date"},
	};
	ASSERT_FAULTS(faults);
}

static void test_epic_and_sprint(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{"{\"kind\": \"epic\"}", "name is missing"},
		{"{\"kind\": \"epic\", \"name\": \"Selling\"}",
	         "the same name as line 4 in the same project"},
		{"{\"kind\": \"epic\", \"name\": \"E\", \"status\": \"done\"}",
	         "status \"done\": allowed are open closed"},
		{"{\"kind\": \"epic\", \"name\": \"E\", \"created_at\": \"2026-08-03\"}",
	         "created_at \"2026-08-03\": must be a time as 2024-02-29T12:00:00Z"},
		{"{\"kind\": \"sprint\"}", "name is missing"},
		{"{\"kind\": \"sprint\", \"name\": \"First\"}",
	         "the same name as line 5 in the same project"},
		{"{\"kind\": \"sprint\", \"name\": \"S\", \"end_date\": \"03.08.2026\"}",
	         "end_date \"03.08.2026\": must be a date"},
		{"{\"kind\": \"sprint\", \"name\": \"S\", \"velocity\": 2.5}",
	         "velocity must be an integer"},
		{"{\"kind\": \"sprint\", \"name\": \"S\", \"velocity\": -1}",
	         "velocity: -1, must be at least 0"},
		{"{\"kind\": \"sprint\", \"name\": \"S\", \"velocity\": 4294967297}",
	         "velocity: 4294967297, must be from -2147483648 to 2147483647"},
		{"{\"kind\": \"sprint\", \"name\": \"S\", \"status\": \"over\"}",
	         "status \"over\": allowed are planning active completed"},
	};
	ASSERT_FAULTS(faults);
}

static void test_story(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{"{\"kind\": \"story\", \"title\": \"T\"}", "number is missing"},
		{"{\"kind\": \"story\", \"number\": \"2\", \"title\": \"T\"}",
	         "number must be an integer"},
		{"{\"kind\": \"story\", \"number\": 0, \"title\": \"T\"}",
	         "number: 0, must be at least 1"},
		{"{\"kind\": \"story\", \"number\": -2, \"title\": \"T\"}",
	         "number: -2, must be from 1 to 1000000000"},
		{"{\"kind\": \"story\", \"number\": 1, \"title\": \"T\"}",
	         "the same number as line 6 in the same project"},
		{"{\"kind\": \"story\", \"number\": 2}", "title is missing"},
		{"{\"kind\": \"story\", \"number\": 2, \"title\": null}", "title is missing"},
		{"{\"kind\": \"story\", \"number\": 2, \"title\": \"T\", \"sprint\": \"Second\"}",
	         "sprint \"Second\": no line before this one has a sprint of this name in the "
	         "project"},
		{"{\"kind\": \"story\", \"number\": 2, \"title\": \"T\", \"epic\": \"First\"}",
	         "epic \"First\": no line before this one has an epic of this name in the project"},
		{"{\"kind\": \"story\", \"number\": 2, \"title\": \"T\", \"assignee\": \"bob\"}",
	         "assignee \"bob\": no line before this one has a user of this username"},
		{"{\"kind\": \"story\", \"number\": 2, \"title\": \"T\", \"creator\": [\"ines\"]}",
	         "creator must be a username"},
		{"{\"kind\": \"story\", \"number\": 2, \"title\": \"T\", \"priority\": \"urgent\"}",
	         "priority \"urgent\": allowed are low medium high"},
		{"{\"kind\": \"story\", \"number\": 2, \"title\": \"T\", \"status\": \"high\"}",
	         "status \"high\": allowed are todo in_progress done"},
		{"{\"kind\": \"story\", \"number\": 2, \"title\": \"T\", \"story_points\": 1001}",
	         "story_points: 1001, must be from 0 to 1000"},
		{"{\"kind\": \"story\", \"number\": 2, \"title\": \"T\", \"completed_at\": "
	         "\"2026-13-03T09:00:00Z\"}",
	         "completed_at \"2026-13-03T09:00:00Z\": must be a time"},
		{"{\"kind\": \"story\", \"number\": 2, \"title\": \"T\", \"points\": 3}",
	         "\"points\" is no field of the kind story; allowed are number, title, "},
	};
	ASSERT_FAULTS(faults);
}

static void test_document(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{"{\"kind\": \"document\", \"title\": \"T\"}", "path is missing"},
		{"{\"kind\": \"document\", \"path\": \"b.md\"}", "title is missing"},
		{"{\"kind\": \"document\", \"path\": \"prd/a.md\", \"title\": \"T\"}",
	         "the same path as line 7 in the same project"},
		{"{\"kind\": \"document\", \"path\": \"b.md\", \"title\": \"T\", \"metadata\": "
	         "\"{}\"}",
	         "metadata must be an object"},
		{"{\"kind\": \"document\", \"path\": \"b.md\", \"title\": \"T\", "
	         "\"document_type\": "
	         "\"memo\"}",
	         "document_type \"memo\": allowed are prd spec design other"},
		{"{\"kind\": \"document\", \"path\": \"b.md\", \"title\": \"T\", \"creator\": "
	         "\"bob\"}",
	         "creator \"bob\": no line before this one has a user of this username"},
		{"{\"kind\": \"document\", \"path\": \"b.md\", \"title\": \"T\", \"published_at\": "
	         "\"yesterday\"}",
	         "published_at \"yesterday\": must be a time"},
	};
	ASSERT_FAULTS(faults);
}

static void test_too_long_for_the_service(void **state)
{
	(void)state;
	char line[400];
	snprintf(line, sizeof line, "{\"kind\": \"story\", \"number\": 2, \"title\": \"%0300d\"}",
	         0);
	write_file(good, strlen(good), line);
	assert_fault(8, "title: 300 characters, at most 255 are allowed");
}

/* --- the file --------------------------------------------------------------------------------- */

static void test_no_line(void **state)
{
	(void)state;
	static const struct fault faults[] = {
		{"{\"kind\": \"team\"}",
	         "kind \"team\": allowed are organization, user, project, "},
		{"{\"name\": \"T\"}", "kind \"\": allowed are organization, user, project, "},
		{"{\"kind\": 3}", "kind \"\": allowed are organization, user, project, "},
		{"[1, 2]", "a line must be a JSON object with a \"kind\""},
		{"{\"kind\": \"epic\", \"name\": \"E\"", "no JSON: "},
		{"{\"kind\": \"epic\", \"name\": \"E\", \"name\": \"F\"}", "no JSON: duplicate"},
		{"{\"kind\": \"epic\", \"name\": \"E\\u0000\"}",
	         "no JSON: \\u0000 is not allowed, column"},
		{"{\"kind\": \"epic\", \"name\": \"\xff\"}", "no JSON: unable to decode byte 0xff"},
		{"{\"kind\": \"epic\", \"name\": \"\xed\xa0\x80\"}", "no JSON: "},
	};
	ASSERT_FAULTS(faults);
}

static void test_too_long_a_line(void **state)
{
	(void)state;
	enum { LINE = (2 << 20) + 1 };
	char *line = malloc(LINE + 1);
	assert_non_null(line);
	memset(line, ' ', LINE);
	static const char start[] = "{\"kind\": \"epic\", \"name\": \"E\"";
	memcpy(line, start, sizeof start - 1);
	line[LINE - 1] = '}';
	line[LINE] = '\0';
	write_file(good, strlen(good), line);
	free(line);
	assert_fault(8, "the line has 2097153 bytes; at most 2097152 are allowed");
}

static void test_no_file_to_speak_of(void **state)
{
	(void)state;
	char wanted[160];
	write_file("", 0, "");
	assert_int_equal(run(NULL), 2);
	assert_output(":1: the file has no line of the kind organization");
	assert_output(":1: the file has no line of the kind user; the first user owns");
	snprintf(path, sizeof path, "%s/none", directory);
	assert_int_equal(run(NULL), 2);
	snprintf(wanted, sizeof wanted, "%s: No such file or directory", path);
	assert_output(wanted);
	snprintf(path, sizeof path, "%s", directory);
	assert_int_equal(run(NULL), 2);
	assert_output("Is a directory");
}

static void test_before_the_first_project(void **state)
{
	(void)state;
	const char *rest = strstr(good, "{\"kind\": \"epic\"");
	rest = strchr(rest, '\n') + 1; /* a sprint, a story that names an epic, a document */
	write_file(good, (size_t)(strstr(good, "{\"kind\": \"project\"") - good), rest);
	assert_int_equal(run(NULL), 2);
	assert_output(":3: a line of the kind sprint before the first project");
	assert_output(":4: a line of the kind story before the first project");
	assert_output(":4: epic \"Selling\": no line before this one has an epic");
	assert_output(":5: a line of the kind document before the first project");
	assert_output("4 faults; nothing was sent");
}

/* What names a line that is wrong is not wrong for that. */
static void test_one_fault_is_told_once(void **state)
{
	(void)state;
	write_file(good, strlen(good),
	           "{\"kind\": \"user\", \"username\": \"grace\", \"email\": 3}\n"
	           "{\"kind\": \"story\", \"number\": 2, \"title\": \"T\", \"assignee\": "
	           "\"grace\"}\n");
	assert_fault(8, "email must be a string");
}

static void test_many_faults(void **state)
{
	(void)state;
	char lines[8000] = "";
	for (size_t i = 0, len = 0; i < 60; i++)
		len += (size_t)snprintf(lines + len, sizeof lines - len,
		                        "{\"kind\": \"epic\", \"nam\": \"%zu\"}\n", i);
	write_file(good, strlen(good), lines);
	assert_int_equal(run(NULL), 2);
	assert_output(":32: ");
	assert_null(strstr(text, ":33: "));
	assert_output("what else is wrong is not told");
	assert_output("120 faults; nothing was sent");
}

static void test_standard_input(void **state)
{
	(void)state;
	char command[512];
	write_file(good, strlen(good), "{\"kind\": \"story\", \"number\": 2}\n");
	snprintf(command, sizeof command, "%s import - < %s", program_path("prismctl"), path);
	const char *const argv[] = {"/bin/sh", "-c", command, NULL};
	assert_int_equal(program_run(argv, NULL, text), 2);
	assert_output("-:8: title is missing");
}

#define CHECKED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHECKED(test_nothing_wrong),
		CHECKED(test_byte_order_mark),
		CHECKED(test_organization),
		CHECKED(test_user),
		CHECKED(test_project),
		CHECKED(test_epic_and_sprint),
		CHECKED(test_story),
		CHECKED(test_document),
		CHECKED(test_too_long_for_the_service),
		CHECKED(test_no_line),
		CHECKED(test_too_long_a_line),
		CHECKED(test_no_file_to_speak_of),
		CHECKED(test_before_the_first_project),
		CHECKED(test_one_fault_is_told_once),
		CHECKED(test_many_faults),
		CHECKED(test_standard_input),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
