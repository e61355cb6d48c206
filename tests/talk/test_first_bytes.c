/* What else may arrive at the port. */
#include "tests/talk/talk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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

#define TALK(test) cmocka_unit_test_teardown(test, server_test_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TALK(test_http1),
		TALK(test_others_are_closed),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
