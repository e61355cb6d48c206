#include "tests/talk/talk.h"

#include <stdio.h>
#include <time.h>

enum { ARGUMENTS_MAX = 16, SETTLE_TRIES = 6000 };

struct program server;

void server_up(const char *const arguments[])
{
	const char *argv[ARGUMENTS_MAX] = {program_path("prismd-echo")};
	size_t count = 1;
	for (; *arguments; arguments++)
		argv[count++] = *arguments;
	argv[count] = NULL;
	program_start(&server, argv, NULL);
}

void server_down(void)
{
	assert_int_equal(program_stop(&server), 0);
}

uint64_t server_count_field(struct bytes message, uint32_t number)
{
	struct reader reader = reader_init(message);
	while (reader_left(&reader) > 0) {
		uint64_t key = reader_varint(&reader), value = reader_varint(&reader);
		if (key >> 3 == number)
			return value;
	}
	return 0;
}

struct server_count server_count(void)
{
	return server_count_of(0);
}

struct server_count server_count_of(uint32_t fault)
{
	struct talk talk;
	const uint8_t request[] = {1 << 3, (uint8_t)fault};
	talk_open(&talk, server.address, NULL);
	struct bytes answer = talk_ask(&talk, 1, "Count", bytes_of(request, sizeof(request)));
	struct server_count count = {
		.calls = server_count_field(answer, 1) - 1,
		.running = server_count_field(answer, 2) - 1,
		.connections = server_count_field(answer, 3) - 1,
		.fibers = server_count_field(answer, 4) - 1,
		.faults = server_count_field(answer, 5),
		.gzip_bombs = server_count_field(answer, 6),
		.stream_stalls = server_count_field(answer, 7),
		.header_bombs = server_count_field(answer, 9),
		.write_stalls = server_count_field(answer, 10),
		.preface_timeouts = server_count_field(answer, 11),
		.failed = server_count_field(answer, 13),
	};
	talk_close(&talk);
	return count;
}

/* A connection that was closed is gone a moment later: we ask until it is. */
void server_settled_but(uint64_t connections)
{
	struct server_count count = {0};
	for (int i = 0; i < SETTLE_TRIES; i++) {
		count = server_count();
		if (count.calls + count.running + count.fibers == 0 &&
		    count.connections == connections)
			return;
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	fail_msg("left: %lu calls, %lu running, %lu connections, %lu fibers", count.calls,
	         count.running, count.connections, count.fibers);
}

void server_settled(void)
{
	server_settled_but(0);
}

int server_group_setup(void **state)
{
	(void)state;
	const char *const none[] = {NULL};
	server_up(none);
	return 0;
}

int server_group_teardown(void **state)
{
	(void)state;
	server_down();
	return 0;
}

int server_test_teardown(void **state)
{
	(void)state;
	server_settled();
	return 0;
}
