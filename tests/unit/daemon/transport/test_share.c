/* What one connection may take of a turn, and of patience. */
#include "daemon/transport/native_session.h"
#include "tests/unit/daemon/transport/one_worker.h"

#include <sys/socket.h>
#include <unistd.h>

enum { MEBIBYTE = 1048576, SHARE = 200000, STEP = 65536 };

static const uint8_t endless[] = {0x08, 0x80, 0x80, 0x80, 0x80, 0x01, 0x10, 0x80, 0xf4, 0x03};

/* As for a connection that has been read fast for a while. */
static void kernel_holds_much(const struct connection *connection)
{
	uv_os_fd_t fd;
	int size = MEBIBYTE; /* cut to net.core.rmem_max */
	assert_int_equal(uv_fileno(&connection->handle, &fd), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
}

/* Whatever the kernel holds for a connection, one turn reads a share of it only. */
static void test_input(void **state)
{
	(void)state;
	static uint8_t ignored[MEBIBYTE]; /* frames of a type that is skipped, without a body */
	struct writer writer = writer_init(ignored, sizeof(ignored));
	while (writer.end - writer.at >= FRAME_HEADER_SIZE)
		frame_header_write(&writer, (enum frame_type)FRAME_IGNORABLE, 0, 0, 0, 0);
	size_t len = (size_t)(writer.at - ignored), queued = 0;
	int fd = one_worker_dial(0);
	one_worker_greet(fd, &(struct hello){0});
	kernel_holds_much(one_worker_connection());
	for (ssize_t now; (now = send(fd, ignored, len, MSG_NOSIGNAL | MSG_DONTWAIT)) > 0;
	     queued += (size_t)now)
		if ((size_t)now < len) /* a frame was cut */
			len = 0;
	assert_true(queued > 2 * SHARE);
	uint64_t before = worker->transport.counters.bytes_in;
	one_worker_turns(1);
	assert_in_range(worker->transport.counters.bytes_in - before, 1, SHARE);
	/* the rest comes in later turns */
	while (worker->transport.counters.bytes_in < before + queued)
		one_worker_turns(1);
	close(fd);
}

/* A client that granted everything, and reads nothing yet: something waits to be written. */
static int dial_slow_reader(void)
{
	int fd = one_worker_dial(STEP);
	one_worker_greet(fd, &(struct hello){.stream_credit = FRAME_STREAM_MAX,
	                                     .connection_credit = FRAME_STREAM_MAX});
	one_worker_call(fd, 1, "Expand", bytes_of(endless, sizeof(endless)));
	while (!timeout_armed(&one_worker_connection()->stall))
		one_worker_turns(1);
	return fd;
}

/* Whoever took something since the last look is slow, and stays. */
static void test_slow_reader(void **state)
{
	(void)state;
	int fd = dial_slow_reader();
	struct connection *connection = one_worker_connection();
	for (int looks = 0; looks < 20; looks++) {
		size_t heard = 0;
		while (heard < 4 * STEP)
			heard += one_worker_hear(fd, STEP);
		timeout_clear(&connection->stall);
		connection_write_stalled(&connection->stall);
		assert_int_equal(connection->state, CONNECTION_OPEN);
		assert_true(timeout_armed(&connection->stall));
		one_worker_turns(1);
		while (!timeout_armed(&connection->stall)) /* written; the next one begins */
			one_worker_turns(1);
	}
	close(fd);
}

/* Whoever took nothing is not there. */
static void test_no_reader(void **state)
{
	(void)state;
	int fd = dial_slow_reader();
	struct connection *connection = one_worker_connection();
	timeout_clear(&connection->stall);
	connection_write_stalled(&connection->stall); /* what filled the kernel meanwhile */
	if (connection->state == CONNECTION_OPEN) {
		timeout_clear(&connection->stall);
		connection_write_stalled(&connection->stall);
	}
	assert_int_equal(connection->state, CONNECTION_CLOSING);
	assert_int_equal(worker->transport.counters.write_stalls, 1);
	close(fd);
}

/* A client whose connection waits when the worker stops is served: a closed socket would reset it.
 */
static void test_accept_at_the_end(void **state)
{
	(void)state;
	int fd = one_worker_connect();
	assert_int_equal(worker->transport.connection_count, 0);
	worker_order(worker, WORKER_DRAIN, 60000);
	listener_close(&worker->listeners[0]);
	assert_int_equal(worker->transport.connection_count, 1);
	one_worker_greet(fd, &(struct hello){0});
	one_worker_call(fd, 1, "Echo", bytes_of("\x0a\x02ok", 4));
	assert_int_equal(worker->transport.counters.calls, 1);
	close(fd);
}

/* What the watch finds for a connection that had its last call so long ago. */
static const char *watched_after(struct connection *connection, uint64_t idle_ms)
{
	connection->idle_since_ms = idle_ms ? uv_now(&worker->loop) - idle_ms : 0;
	timeout_clear(&connection->watch);
	connection_watched(&connection->watch);
	assert_true(timeout_armed(&connection->watch) == !connection->leaving);
	return connection->leaving;
}

static void test_idle(void **state)
{
	(void)state;
	int fd = one_worker_dial(0);
	one_worker_greet(fd, &(struct hello){0});
	struct connection *connection = one_worker_connection();
	worker->transport.settings.idle_ms = 1000;
	worker->transport.waits[WAIT_WATCH].after_ms = 100;
	assert_null(watched_after(connection, 0)); /* it has a call */
	assert_null(watched_after(connection, 999));
	assert_string_equal(watched_after(connection, 1000), "no call for long");
	close(fd);
}

/* Connections that were made together do not end together. */
static void test_age(void **state)
{
	(void)state;
	enum { COUNT = 20, AGE_MS = 1000000 };
	int fds[COUNT];
	uint64_t least_ms = UINT64_MAX, most_ms = 0;
	worker->transport.settings.age_ms = AGE_MS;
	for (int i = 0; i < COUNT; i++) {
		uint64_t before_ms = uv_now(&worker->loop);
		fds[i] = one_worker_dial(0);
		uint64_t old_ms = one_worker_connection()->old_ms;
		assert_in_range(old_ms, before_ms + AGE_MS * 9 / 10,
		                uv_now(&worker->loop) + AGE_MS * 11 / 10);
		least_ms = old_ms < least_ms ? old_ms : least_ms;
		most_ms = old_ms > most_ms ? old_ms : most_ms;
	}
	assert_true(most_ms - least_ms > AGE_MS / 10);
	worker->transport.waits[WAIT_WATCH].after_ms = 100;
	assert_null(watched_after(one_worker_connection(), 0));
	one_worker_connection()->old_ms = uv_now(&worker->loop);
	assert_string_equal(watched_after(one_worker_connection(), 0), "connected for long");
	for (int i = 0; i < COUNT; i++)
		close(fds[i]);
}

static void stall(struct stream *stream)
{
	timeout_clear(&stream->stall);
	native_stream_stalled(&stream->stall);
}

/* A stream that has credit waits for its share of the connection's as long as that moves. */
static void test_streams_share_credit(void **state)
{
	(void)state;
	int fd = one_worker_dial(0);
	one_worker_greet(fd, &(struct hello){.stream_credit = FRAME_STREAM_MAX});
	for (uint32_t id = 1; id < 10; id += 2)
		one_worker_call(fd, id, "Expand", bytes_of(endless, sizeof(endless)));
	struct session *session = one_worker_connection()->session;
	while (session->flow.send > 0) {
		one_worker_turns(1);
		one_worker_hear(fd, MEBIBYTE);
	}
	stall(stream_table_find(&session->streams, 1));
	assert_int_equal(worker->transport.counters.stream_stalls, 0);
	assert_int_equal(session->streams.count, 5);
	/* the connection has not moved for long either */
	session->sent_ms -= 2 * worker->transport.waits[WAIT_STREAM].after_ms;
	stall(stream_table_find(&session->streams, 1));
	assert_int_equal(worker->transport.counters.stream_stalls, 1);
	assert_null(stream_table_find(&session->streams, 1));
	close(fd);
}

/* One without credit of its own is not read, however much the others are. */
static void test_stream_without_credit(void **state)
{
	(void)state;
	int fd = one_worker_dial(0);
	one_worker_greet(fd, &(struct hello){.connection_credit = FRAME_STREAM_MAX});
	one_worker_call(fd, 1, "Expand", bytes_of(endless, sizeof(endless)));
	struct session *session = one_worker_connection()->session;
	while (stream_table_find(&session->streams, 1)->flow.send > 0)
		one_worker_turns(1);
	stall(stream_table_find(&session->streams, 1));
	assert_int_equal(worker->transport.counters.stream_stalls, 1);
	assert_int_equal(session->streams.count, 0);
	close(fd);
}

#define SHARED(test) cmocka_unit_test_setup_teardown(test, one_worker_setup, one_worker_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHARED(test_input),
		SHARED(test_slow_reader),
		SHARED(test_no_reader),
		SHARED(test_accept_at_the_end),
		SHARED(test_idle),
		SHARED(test_age),
		SHARED(test_streams_share_credit),
		SHARED(test_stream_without_credit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
