/* Windows, both ways: nobody waits for ever, nobody fills memory, nobody pays for others. */
#include "proto/grpc_prefix.h"
#include "proto/gzip.h"
#include "tests/talk/h2.h"

static struct h2 h2;
static struct buffer scratch;

static int setup(void **state)
{
	(void)state;
	h2_open(&h2, server.address);
	return 0;
}

static int teardown(void **state)
{
	h2_close(&h2);
	buffer_deinit(&scratch);
	return server_test_teardown(state);
}

/* --- what the server takes ----------------------------------------------------------- */

struct windows {
	int64_t connection, stream;
};

/* Reads what comes until `enough` can be sent on stream 1. */
static void wait_for_window(struct windows *windows, int64_t enough)
{
	while (windows->connection < enough || windows->stream < enough) {
		struct h2_frame frame = h2_wait_for(&h2, NGHTTP2_WINDOW_UPDATE);
		struct reader reader = reader_init(frame.payload);
		int64_t increment = reader_u32(&reader);
		if (frame.stream == 0)
			windows->connection += increment;
		else if (frame.stream == 1)
			windows->stream += increment;
	}
}

static void say_part(struct windows *windows, const void *data, size_t len, uint8_t flags)
{
	wait_for_window(windows, (int64_t)len);
	windows->connection -= (int64_t)len;
	windows->stream -= (int64_t)len;
	h2_say(&h2, NGHTTP2_DATA, flags, 1, bytes_of(data, len));
	h2_send(&h2);
}

/* A message of 4 MiB through a window of 1 MiB, to a handler that has not looked at anything. */
static void test_message_larger_than_the_window(void **state)
{
	(void)state;
	enum { PART = 16000 };
	struct windows windows = {65535, LIMIT_STREAM_CREDIT};
	uint8_t prefix[5];
	struct bytes message = echo_message(&scratch, LIMIT_MESSAGE - 5, 'x');
	struct writer writer = writer_init(prefix, sizeof(prefix));
	writer_u8(&writer, 0);
	writer_u32(&writer, (uint32_t)message.len);
	h2_say_request(&h2, 1, "Collect", NULL);
	say_part(&windows, prefix, sizeof(prefix), 0);
	for (size_t at = 0; at < message.len; at += PART) {
		size_t len = message.len - at < PART ? message.len - at : PART;
		say_part(&windows, message.data + at, len,
		         at + len == message.len ? H2_END_STREAM : 0);
	}
	h2_expect_status(&h2, 1, STATUS_OK, NULL);
}

/* Whole messages that nobody takes are not paid back: the window ends the flood. */
static void test_a_handler_that_does_not_take(void **state)
{
	(void)state;
	struct windows windows = {65535, LIMIT_STREAM_CREDIT};
	struct bytes message = echo_message(&scratch, 15000, (char)0xff);
	size_t sent = 0;
	h2_say_request(&h2, 1, "Dawdle", NULL); /* takes one, then sleeps a minute */
	for (; windows.stream > (int64_t)message.len + 5; sent++) {
		wait_for_window(&windows, 0);
		while (windows.connection < (int64_t)message.len + 5)
			wait_for_window(&windows, (int64_t)message.len + 5);
		h2_say_message(&h2, 0, 1, message);
		windows.connection -= (int64_t)message.len + 5;
		windows.stream -= (int64_t)message.len + 5;
		h2_send(&h2);
	}
	assert_true(sent >= LIMIT_STREAM_CREDIT / 15010 - 1 && sent < 150);
	/* the connection's window is free: others are served */
	h2_echo(&h2, 3);
	h2_say_number(&h2, NGHTTP2_RST_STREAM, 1, NGHTTP2_CANCEL);
	h2_send(&h2);
	h2_echo(&h2, 5);
}

/* What a cancelled call did not take is paid back to the connection: it does not die slowly. */
static void test_cancelled_bytes_are_paid_back(void **state)
{
	(void)state;
	int64_t window = 65535;
	struct bytes message = echo_message(&scratch, 16000, 'x');
	for (uint32_t stream = 1; stream < 2 * 2000; stream += 2) {
		while (window < (int64_t)message.len + 5) {
			struct h2_frame frame = h2_wait_for(&h2, NGHTTP2_WINDOW_UPDATE);
			struct reader reader = reader_init(frame.payload);
			window += frame.stream == 0 ? reader_u32(&reader) : 0;
		}
		window -= (int64_t)message.len + 5;
		h2_say_request(&h2, stream, "Dawdle", NULL);
		h2_say_message(&h2, 0, stream, message);
		h2_say_number(&h2, NGHTTP2_RST_STREAM, stream, NGHTTP2_CANCEL);
		h2_send(&h2);
	}
	h2_echo(&h2, 4001);
}

/* Small messages that become large wait until the handler has taken others. */
static void test_compressed_messages_that_nobody_takes(void **state)
{
	(void)state;
	enum { MESSAGES = 24 };
	struct gzip *gzip = gzip_new();
	struct buffer message = {0};
	static const uint8_t room_for_prefix[5];
	assert_non_null(gzip);
	h2_say_request(
		&h2, 1, "Dawdle",
		(const struct h2_field[]){{"grpc-encoding", "gzip"}, {"grpc-timeout", "2S"}, {0}});
	h2_say_message(&h2, 0, 1, echo_message(&scratch, 1, (char)0xff)); /* a minute's sleep */
	assert_true(buffer_append(&message, room_for_prefix, sizeof(room_for_prefix)));
	assert_true(gzip_deflate(gzip, echo_message(&scratch, LIMIT_MESSAGE / 2, 'x'), &message));
	grpc_prefix_write(message.data, GRPC_FLAG_COMPRESSED,
	                  buffer_len(&message) - sizeof(room_for_prefix));
	for (int i = 0; i < MESSAGES; i++)
		h2_say(&h2, NGHTTP2_DATA, 0, 1, buffer_bytes(&message));
	h2_send(&h2);
	h2_expect_status(&h2, 1, STATUS_DEADLINE_EXCEEDED, NULL); /* and not too much in memory */
	buffer_deinit(&message);
	gzip_free(gzip);
}

/* Who was answered early in JSON may finish, but not go on for ever. */
static void test_body_after_its_answer(void **state)
{
	(void)state;
	enum { PART = 16384 };
	static const uint8_t zeros[PART];
	const struct h2_field fields[] = {{":method", "POST"},
	                                  {":scheme", "http"},
	                                  {":path", "/prism.test.v1.EchoService/Nothing"},
	                                  {":authority", "test"},
	                                  {"content-type", "application/json"},
	                                  {0}};
	struct windows windows = {65535, LIMIT_STREAM_CREDIT};
	size_t sent = 0;
	h2_say_headers(&h2, 0, 1, fields);
	for (struct h2_frame frame = {0}; frame.type != NGHTTP2_RST_STREAM;) {
		for (; windows.connection >= PART && windows.stream >= PART; sent += PART) {
			h2_say(&h2, NGHTTP2_DATA, 0, 1, bytes_of(zeros, PART));
			windows.connection -= PART;
			windows.stream -= PART;
		}
		h2_send(&h2);
		frame = h2_next(&h2);
		struct reader reader = reader_init(frame.payload);
		if (frame.type == NGHTTP2_WINDOW_UPDATE)
			*(frame.stream == 0 ? &windows.connection : &windows.stream) +=
				reader_u32(&reader);
		assert_true(sent < 2 * LIMIT_MESSAGE);
	}
	assert_true(sent > LIMIT_MESSAGE);
	h2_echo(&h2, 3);
}

/* As much of a message of 4 MiB as is taken, in parts; the message does not end. False: refused. */
static bool say_endless(uint32_t stream, int64_t *connection, size_t *sent)
{
	enum { PART = 16384, MESSAGE = LIMIT_MESSAGE - PART };
	static const uint8_t zeros[PART];
	int64_t window = LIMIT_STREAM_CREDIT;
	h2_say_request(&h2, stream, "Echo", NULL);
	h2_say(&h2, NGHTTP2_DATA, 0, stream, bytes_of("\0\0\x3f\xff\xff", 5));
	window -= 5;
	*connection -= 5;
	for (size_t at = 0; at < MESSAGE; at += PART) {
		h2_send(&h2);
		while (*connection < PART || window < PART) {
			struct h2_frame frame = h2_next(&h2);
			struct reader reader = reader_init(frame.payload);
			if (frame.type == NGHTTP2_HEADERS)
				return false;
			bool ours = frame.stream == 0 || frame.stream == stream;
			if (frame.type == NGHTTP2_WINDOW_UPDATE && ours)
				*(frame.stream == 0 ? connection : &window) += reader_u32(&reader);
		}
		h2_say(&h2, NGHTTP2_DATA, 0, stream, bytes_of(zeros, PART));
		window -= PART;
		*connection -= PART;
		*sent += PART;
	}
	return true;
}

/* Messages that do not end, on many streams: what they hold together is bounded. */
static void test_parts_of_messages(void **state)
{
	(void)state;
	struct h2 good;
	size_t sent = 0;
	int64_t connection = 65535;
	uint32_t stream = 1;
	h2_open(&good, server.address);
	while (say_endless(stream, &connection, &sent))
		stream += 2;
	/* refused for it, and not stopped by the connection's window until its deadline */
	assert_in_range(sent, LIMIT_CONNECTION_INPUT,
	                LIMIT_CONNECTION_INPUT + 2 * LIMIT_STREAM_CREDIT);
	h2_echo(&good, 1);
	h2_close(&good);
}

/* --- what the client takes ----------------------------------------------------------- */

static const nghttp2_settings_entry no_window[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}};

static void open_without_window(struct h2 *closed)
{
	h2_open_with(closed, server.address, no_window, 1);
}

/* Statuses need no window. */
static void test_status_through_a_closed_window(void **state)
{
	(void)state;
	struct h2 closed;
	open_without_window(&closed);
	h2_say_request(&closed, 1, "Missing", NULL);
	h2_say_message(&closed, H2_END_STREAM, 1, nothing());
	h2_send(&closed);
	h2_expect_status(&closed, 1, STATUS_UNIMPLEMENTED, NULL);
	h2_close(&closed);
}

/* The deadline of a call overtakes its answers, which wait for a window. */
static void test_deadline_through_a_closed_window(void **state)
{
	(void)state;
	struct h2 closed;
	const uint64_t many[] = {1000, 10000};
	struct bytes request = numbers_message(&scratch, many, 2);
	open_without_window(&closed);
	h2_say_request(&closed, 1, "Expand",
	               (const struct h2_field[]){{"grpc-timeout", "100m"}, {0}});
	h2_say_message(&closed, H2_END_STREAM, 1, request);
	h2_send(&closed);
	h2_expect_status(&closed, 1, STATUS_DEADLINE_EXCEEDED, "100 ms");
	/* half a message was sent: only a reset is left */
	h2_say_request(&closed, 3, "Expand",
	               (const struct h2_field[]){{"grpc-timeout", "300m"}, {0}});
	h2_say_message(&closed, H2_END_STREAM, 3, request);
	h2_say_number(&closed, NGHTTP2_WINDOW_UPDATE, 3, 100);
	h2_send(&closed);
	h2_expect_reset(&closed, 3, NGHTTP2_CANCEL);
	h2_close(&closed);
}

/* What the windows let through is not dropped, though it waits for the socket. */
static void test_deadline_through_a_full_socket(void **state)
{
	(void)state;
	static const nghttp2_settings_entry wide[] = {
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 30}};
	struct h2 slow;
	const uint64_t many[] = {1000, 100000};
	h2_open_with(&slow, server.address, wide, 1);
	h2_say_number(&slow, NGHTTP2_WINDOW_UPDATE, 0, 1 << 30);
	h2_say_request(&slow, 1, "Expand",
	               (const struct h2_field[]){{"grpc-timeout", "100m"}, {0}});
	h2_say_message(&slow, H2_END_STREAM, 1, numbers_message(&scratch, many, 2));
	h2_send(&slow);
	(void)h2_wait_for(&slow, NGHTTP2_HEADERS);
	while (server_count().running > 0)
		;
	struct h2_answer answer;
	h2_answer(&slow, 1, &answer);
	assert_false(answer.reset);
	assert_string_equal(h2_answer_field(&answer, "grpc-status"), "4");
	assert_int_equal(buffer_len(&answer.body) % 100009, 0); /* whole messages */
	h2_answer_free(&answer);
	h2_close(&slow);
}

/* Nothing is left to be sent: the end needs no window. */
static void test_good_end_through_a_closed_window(void **state)
{
	(void)state;
	struct h2 closed;
	open_without_window(&closed);
	h2_say_request(&closed, 1, "Chat", NULL);
	h2_say_message(&closed, 0, 1, bytes_of("\x0a\x02hi", 4));
	h2_say_number(&closed, NGHTTP2_WINDOW_UPDATE, 1, 9);
	h2_send(&closed);
	(void)h2_wait_for(&closed, NGHTTP2_DATA);
	h2_say(&closed, NGHTTP2_DATA, H2_END_STREAM, 1, nothing());
	h2_send(&closed);
	h2_expect_status(&closed, 1, STATUS_OK, NULL);
	h2_close(&closed);
}

/* Handlers of a peer that does not read wait; it holds a bounded number of bytes. */
static void test_streams_without_window(void **state)
{
	(void)state;
	enum { STREAMS = 100 };
	struct h2 closed;
	const uint64_t many[] = {100000, 100000};
	struct bytes request = numbers_message(&scratch, many, 2);
	open_without_window(&closed);
	for (uint32_t i = 0; i < STREAMS; i++) {
		h2_say_request(&closed, 2 * i + 1, "Expand", NULL);
		h2_say_message(&closed, H2_END_STREAM, 2 * i + 1, request);
	}
	h2_send(&closed);
	h2_echo(&h2, 1);
	assert_int_equal(server_count().running, STREAMS);
	h2_close(&closed);
}

/* A stream that takes nothing for too long is ended; its neighbours are not. */
static void test_stall(void **state)
{
	(void)state;
	struct program before = server;
	struct h2 closed;
	const uint64_t many[] = {1000, 10000};
	server_up((const char *const[]){"--stall-ms", "200", NULL});
	open_without_window(&closed);
	h2_say_request(&closed, 1, "Expand", NULL);
	h2_say_message(&closed, H2_END_STREAM, 1, numbers_message(&scratch, many, 2));
	h2_say_request(&closed, 3, "Wait", NULL);
	h2_send(&closed);
	h2_expect_reset(&closed, 1, NGHTTP2_ENHANCE_YOUR_CALM);
	assert_int_equal(server_count().stream_stalls, 1);
	assert_int_equal(server_count().calls, 1);
	/* nor may a body go on for ever after its answer */
	h2_say_headers(&closed, 0, 5,
	               (const struct h2_field[]){{":method", "POST"},
	                                         {":scheme", "http"},
	                                         {":path", "/"},
	                                         {":authority", "test"},
	                                         {"content-type", "application/grpc-web"},
	                                         {0}});
	h2_send(&closed);
	struct h2_answer answer;
	h2_answer(&closed, 5, &answer);
	assert_string_equal(h2_answer_field(&answer, "grpc-status"), "12");
	h2_answer_free(&answer);
	h2_expect_reset(&closed, 5, NGHTTP2_ENHANCE_YOUR_CALM);
	h2_close(&closed);
	server_down();
	server = before;
}

/* A long answer does not hold up a short one of the same connection. */
static void test_long_answers_take_turns(void **state)
{
	(void)state;
	static const nghttp2_settings_entry wide[] = {
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 30}};
	struct h2 reader;
	const uint64_t many[] = {64, 1000000};
	h2_open_with(&reader, server.address, wide, 1);
	h2_say_number(&reader, NGHTTP2_WINDOW_UPDATE, 0, 1 << 30);
	h2_say_request(&reader, 1, "Expand", NULL);
	h2_say_message(&reader, H2_END_STREAM, 1, numbers_message(&scratch, many, 2));
	h2_send(&reader);
	struct h2_frame frame = h2_wait_for(&reader, NGHTTP2_DATA);
	assert_int_equal(frame.stream, 1);
	h2_echo(&reader, 3);
	h2_close(&reader);
}

#define H2_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		H2_TEST(test_message_larger_than_the_window),
		H2_TEST(test_a_handler_that_does_not_take),
		H2_TEST(test_cancelled_bytes_are_paid_back),
		H2_TEST(test_compressed_messages_that_nobody_takes),
		H2_TEST(test_body_after_its_answer),
		H2_TEST(test_parts_of_messages),
		H2_TEST(test_status_through_a_closed_window),
		H2_TEST(test_deadline_through_a_closed_window),
		H2_TEST(test_deadline_through_a_full_socket),
		H2_TEST(test_good_end_through_a_closed_window),
		H2_TEST(test_streams_without_window),
		H2_TEST(test_stall),
		H2_TEST(test_long_answers_take_turns),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
