/* What else may arrive at the port; and the addresses that may be listened at. */
#include "tests/talk/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Sends `bytes` and returns all that comes until the server closes. */
static size_t answer_to(const char *bytes, size_t len, char *answer, size_t size)
{
	struct talk talk;
	size_t got = 0;
	talk_dial(&talk, server.address);
	talk_send_bytes(&talk, bytes, len);
	for (ssize_t now;
	     got < size - 1 && (now = recv(talk.fd, answer + got, size - 1 - got, 0)) > 0;)
		got += (size_t)now;
	answer[got] = '\0';
	talk_close(&talk);
	return got;
}

static void test_http1(void **state)
{
	(void)state;
	static const char *const requests[] = {
		"GET / HTTP/1.1\r\n\r\n",       "HEAD / HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\n\r\n",      "PUT / HTTP/1.1\r\n\r\n",
		"PATCH / HTTP/1.1\r\n\r\n",     "DELETE / HTTP/1.1\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\n\r\n",   "TRACE / HTTP/1.1\r\n\r\n",
		"CONNECT a:1 HTTP/1.1\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		char text[1024];
		answer_to(requests[i], strlen(requests[i]), text, sizeof(text));
		assert_non_null(strstr(text, "HTTP/1.1 400 Bad Request\r\n"));
		assert_non_null(strstr(text, "prismctl"));
	}
}

static void test_others_are_closed(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
	} others[] = {
		{"\x16\x03\x01\x02\x00\x01", 6},
		{"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n", 32},
		{"\r\n\r\n\0\r\nQUIT\n", 12},
		{"\0\0\0\x08\x04\xd2\x16\x2f", 8},
		{"SSH-2.0-x\r\n", 11},
		{"\x8eRPD", 4},
		{"\xff", 1},
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		char text[64];
		assert_int_equal(answer_to(others[i].bytes, others[i].len, text, sizeof(text)), 0);
	}
}

static void ask_at(const char *address)
{
	struct talk talk;
	talk_open(&talk, address, NULL);
	assert_int_equal(talk_ask(&talk, 1, "Echo", nothing()).len, 0);
	talk_close(&talk);
}

/* A server of its own, on these addresses; `each` of its ready line is asked. */
static void serve_at(const char *const arguments[])
{
	struct program before = server;
	server_up(arguments);
	char line[sizeof(server.ready)], *rest = NULL;
	strcpy(line, server.ready);
	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		if (strchr(word, ':'))
			ask_at(word);
	server_down();
	server = before;
}

static void test_every_kind_of_address(void **state)
{
	(void)state;
	char directory[64], path[128];
	directory_make(directory);
	snprintf(path, sizeof(path), "unix:%s/socket", directory);
	serve_at((const char *const[]){"--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--listen",
	                               path, "--workers", "3", NULL});
	assert_int_not_equal(access(path + 5, F_OK), 0); /* removed at the end */
	directory_remove(directory);
}

/* A socket that a killed daemon left behind is taken over; one that somebody serves is not. */
static void test_stale_unix_socket(void **state)
{
	(void)state;
	struct program before = server, second;
	char directory[64], path[128], log[PROGRAM_TEXT];
	directory_make(directory);
	snprintf(path, sizeof(path), "unix:%s/socket", directory);
	const char *const arguments[] = {"--listen", path, NULL};
	server_up(arguments);
	program_kill(&server);
	assert_int_equal(access(path + 5, F_OK), 0);
	server_up(arguments);
	const char *const argv[] = {program_path("prismd-echo"), "--listen", path, NULL};
	assert_int_equal(program_start_fails(&second, argv, NULL), 1);
	program_log(&second, log, sizeof(log));
	assert_non_null(strstr(log, "in use by another process"));
	ask_at(path);
	server_down();
	server = before;
	directory_remove(directory);
}

static void test_file_that_is_no_socket(void **state)
{
	(void)state;
	struct program program;
	char directory[64], path[128], log[PROGRAM_TEXT];
	directory_make(directory);
	snprintf(path, sizeof(path), "unix:%s/file", directory);
	FILE *file = fopen(path + 5, "w");
	fclose(file);
	const char *const argv[] = {program_path("prismd-echo"), "--listen", path, NULL};
	assert_int_equal(program_start_fails(&program, argv, NULL), 1);
	program_log(&program, log, sizeof(log));
	assert_non_null(strstr(log, "is not a socket"));
	assert_int_equal(access(path + 5, F_OK), 0);
	directory_remove(directory);
}

/* SO_REUSEPORT would let two daemons share a port without a word. */
static void test_port_in_use(void **state)
{
	(void)state;
	struct program program;
	char log[PROGRAM_TEXT];
	const char *const argv[] = {program_path("prismd-echo"), "--listen", server.address, NULL};
	assert_int_equal(program_start_fails(&program, argv, NULL), 1);
	program_log(&program, log, sizeof(log));
	assert_non_null(strstr(log, "in use by another process"));
}

#define TALK(test) cmocka_unit_test_teardown(test, server_test_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TALK(test_http1),
		TALK(test_others_are_closed),
		TALK(test_every_kind_of_address),
		TALK(test_stale_unix_socket),
		TALK(test_file_that_is_no_socket),
		TALK(test_port_in_use),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
