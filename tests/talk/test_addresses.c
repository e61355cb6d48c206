/* The addresses that may be listened at, and how workers share them. */
#include "tests/talk/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	struct program before = server;
	char directory[64], path[128], log[PROGRAM_TEXT];
	directory_make(directory);
	snprintf(path, sizeof(path), "unix:%s/socket", directory);
	const char *const arguments[] = {"--listen", path, NULL};
	server_up(arguments);
	program_kill(&server);
	assert_int_equal(access(path + 5, F_OK), 0);
	server_up(arguments);
	const char *const argv[] = {program_path("prismd-echo"), "--listen", path, NULL};
	assert_int_equal(program_start_fails(argv, NULL, log), 1);
	assert_non_null(strstr(log, "in use by another process"));
	ask_at(path);
	server_down();
	server = before;
	directory_remove(directory);
}

static void test_file_that_is_no_socket(void **state)
{
	(void)state;
	char directory[64], path[128], log[PROGRAM_TEXT];
	directory_make(directory);
	snprintf(path, sizeof(path), "unix:%s/file", directory);
	FILE *file = fopen(path + 5, "w");
	fclose(file);
	const char *const argv[] = {program_path("prismd-echo"), "--listen", path, NULL};
	assert_int_equal(program_start_fails(argv, NULL, log), 1);
	assert_non_null(strstr(log, "is not a socket"));
	assert_int_equal(access(path + 5, F_OK), 0);
	directory_remove(directory);
}

/* SO_REUSEPORT would let two daemons share a port without a word. */
static void test_port_in_use(void **state)
{
	(void)state;
	char log[PROGRAM_TEXT];
	const char *const argv[] = {program_path("prismd-echo"), "--listen", server.address, NULL};
	assert_int_equal(program_start_fails(argv, NULL, log), 1);
	assert_non_null(strstr(log, "in use by another process"));
}

/* --- IPv4 and IPv6 ---------------------------------------------------------- */

/* The port of "[::]:7400". */
static const char *port_of(const char *address)
{
	return strrchr(address, ':') + 1;
}

static void expect_log(const char *part)
{
	char log[PROGRAM_TEXT];
	program_log(&server, log, sizeof(log));
	if (!strstr(log, part))
		fail_msg("'%s' is not in: %s", part, log);
}

/* [::] takes both kinds, and calls an IPv4 client by its IPv4 address. */
static void test_dual_stack(void **state)
{
	(void)state;
	struct program before = server;
	struct talk other;
	char four[64], six[64];
	server_up((const char *const[]){"--listen", "[::]:0", NULL});
	snprintf(four, sizeof(four), "127.0.0.1:%s", port_of(server.address));
	snprintf(six, sizeof(six), "[::1]:%s", port_of(server.address));
	ask_at(four);
	ask_at(six);
	talk_dial(&other, four);
	talk_send_bytes(&other, "?", 1);
	talk_expect_closed(&other);
	talk_close(&other);
	expect_log("127.0.0.1:");
	server_down();
	server = before;
}

/* An IPv4 address of the same port has its own socket: both are as they were asked for. */
static void test_both_listed(void **state)
{
	(void)state;
	struct program before = server;
	char four[64], six[64];
	server_up((const char *const[]){"--listen", "[::]:0", NULL});
	snprintf(four, sizeof(four), "127.0.0.1:%s", port_of(server.address));
	snprintf(six, sizeof(six), "[::]:%s", port_of(server.address));
	server_down();
	server_up((const char *const[]){"--listen", four, "--listen", six, "--workers", "2", NULL});
	ask_at(four);
	snprintf(six, sizeof(six), "[::1]:%s", port_of(four));
	ask_at(six);
	server_down();
	server = before;
}

/* --- unix sockets ------------------------------------------------------------- */

/* A daemon whose file was removed, and made anew by another, leaves that one alone. */
static void test_file_of_another(void **state)
{
	(void)state;
	struct program before = server, first;
	char directory[64], path[128];
	directory_make(directory);
	snprintf(path, sizeof(path), "unix:%s/socket", directory);
	const char *const arguments[] = {"--listen", path, NULL};
	server_up(arguments);
	first = server;
	assert_int_equal(unlink(path + 5), 0);
	server_up(arguments);
	assert_int_equal(program_stop(&first), 0);
	ask_at(path);
	server_down();
	assert_int_not_equal(access(path + 5, F_OK), 0);
	server = before;
	directory_remove(directory);
}

/* --- workers -------------------------------------------------------------------- */

enum { WORKERS = 4, CLIENTS = 64 };

/* How many of CLIENTS connections each worker has. */
static void spread(const char *address, unsigned of_worker[WORKERS])
{
	static struct talk many[CLIENTS];
	uint64_t first = UINT64_MAX;
	uint64_t workers[CLIENTS];
	for (int i = 0; i < CLIENTS; i++) {
		talk_open(&many[i], address, NULL);
		workers[i] = server_count_field(talk_ask(&many[i], 1, "Count", nothing()), 8);
		first = workers[i] < first ? workers[i] : first;
	}
	memset(of_worker, 0, WORKERS * sizeof(*of_worker));
	for (int i = 0; i < CLIENTS; i++) {
		assert_in_range(workers[i] - first, 0, WORKERS - 1);
		of_worker[workers[i] - first]++;
		talk_close(&many[i]);
	}
}

/* The kernel deals out TCP connections: by chance 64 of them miss one of 4 workers once in 25
 * million times. */
static void test_workers_share_a_port(void **state)
{
	(void)state;
	struct program before = server;
	unsigned of_worker[WORKERS];
	server_up((const char *const[]){"--workers", "4", NULL});
	spread(server.address, of_worker);
	for (int i = 0; i < WORKERS; i++)
		assert_true(of_worker[i] > 0);
	server_down();
	server = before;
}

/* Of a unix socket, whoever is free first takes the next one: every one is taken once. */
static void test_workers_share_a_unix_socket(void **state)
{
	(void)state;
	struct program before = server;
	char directory[64], path[128];
	unsigned of_worker[WORKERS];
	directory_make(directory);
	snprintf(path, sizeof(path), "unix:%s/socket", directory);
	server_up((const char *const[]){"--workers", "4", "--listen", path, NULL});
	spread(path, of_worker);
	assert_int_equal(of_worker[0] + of_worker[1] + of_worker[2] + of_worker[3], CLIENTS);
	server_down();
	server = before;
	directory_remove(directory);
}

#define TALK(test) cmocka_unit_test_teardown(test, server_test_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TALK(test_every_kind_of_address),
		TALK(test_stale_unix_socket),
		TALK(test_file_that_is_no_socket),
		TALK(test_port_in_use),
		TALK(test_dual_stack),
		TALK(test_both_listed),
		TALK(test_file_of_another),
		TALK(test_workers_share_a_port),
		TALK(test_workers_share_a_unix_socket),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
