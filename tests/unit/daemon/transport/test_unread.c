/* What waits for a peer that does not read is bounded, and holds up nobody. */
#include "daemon/admin/health.h"
#include "daemon/transport/native_session.h"
#include "tests/unit/daemon/transport/one_worker.h"

#include <unistd.h>

enum { STEP = 10000, SIZE = 64000 };

/* 2^28 messages of SIZE bytes. */
static const uint8_t endless[] = {0x08, 0x80, 0x80, 0x80, 0x80, 0x01, 0x10, 0x80, 0xf4, 0x03};

static struct session *session_of_last(void)
{
	return one_worker_connection()->session;
}

/* A handler that could send for ever waits: one message above the limit is kept, however the client
 * doles out its credit. */
static void test_memory_of_a_slow_reader(void **state)
{
	(void)state;
	int fd = one_worker_dial(0);
	one_worker_greet(fd, &(struct hello){0});
	one_worker_call(fd, 1, "Expand", bytes_of(endless, sizeof(endless)));
	struct session *session = session_of_last();
	size_t most = 0, heard = 0;
	for (int round = 0; round < 1000; round++) {
		one_worker_grant(fd, 1, STEP);
		one_worker_grant(fd, 0, STEP);
		one_worker_turns(1);
		heard += one_worker_hear(fd, SIZE);
		most = session->waiting > most ? session->waiting : most;
	}
	assert_true(heard > 999 * STEP);
	assert_in_range(most, LIMIT_STREAM_OUTPUT / 2, LIMIT_STREAM_OUTPUT + SIZE + 100);
	assert_int_equal(worker->rpc.live, 1);
	assert_true(buffer_len(&one_worker_connection()->output) < LIMIT_CONNECTION_OUTPUT);
	close(fd);
}

static void answer_to_echo(int fd, uint32_t stream)
{
	uint64_t before = worker->rpc.live;
	one_worker_call(fd, stream, "Echo", bytes_of("\x0a\x02ok", 4));
	while (one_worker_hear(fd, SIZE) == 0 || worker->rpc.live > before)
		one_worker_turns(1);
}

/* A watch of health that is not read any more: states that come and go are not kept, and other
 * calls of the connection do not notice. When it is read again, it learns the state that is. */
static void test_unread_watch(void **state)
{
	(void)state;
	enum { CHANGES = 100000 };
	int fd = one_worker_dial(0);
	one_worker_greet(fd, &(struct hello){.connection_credit = FRAME_STREAM_MAX});
	one_worker_call_path(fd, 1, "/grpc.health.v1.Health/Watch", bytes_of("", 0));
	struct session *session = session_of_last();
	uint32_t stream = 3;
	for (int i = 0; i < CHANGES; i++) {
		health_set(worker->rpc.health, NULL, i % 2 ? HEALTH_NOT_SERVING : HEALTH_SERVING);
		one_worker_turns(1);
		one_worker_hear(fd, SIZE);
		if (i % 5000 > 0)
			continue;
		answer_to_echo(fd, stream);
		stream += 2;
	}
	const struct stream *watch = stream_table_find(&session->streams, 1);
	assert_int_equal(watch->flow.send, 0);
	assert_in_range(session->waiting, 1, LIMIT_STREAM_OUTPUT + 100);
	one_worker_grant(fd, 1, FRAME_STREAM_MAX / 2);
	while (session->waiting > 0 || timeout_armed(&one_worker_connection()->stall)) {
		one_worker_turns(1);
		one_worker_hear(fd, SIZE);
	}
	answer_to_echo(fd, stream);
	assert_int_equal(worker->rpc.live, 1);
	close(fd);
}

#define UNREAD(test) cmocka_unit_test_setup_teardown(test, one_worker_setup, one_worker_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNREAD(test_memory_of_a_slow_reader),
		UNREAD(test_unread_watch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
