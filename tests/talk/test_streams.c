/* Streams in the middle of things: slow writers, cancels, deadlines, half-closes and lost
 * connections. After each test nothing is left: no call, no fiber, no connection. */
#include "tests/talk/talk.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PART = 50000 };

static struct talk talk;
static struct buffer scratch;

static int setup(void **state)
{
	(void)state;
	talk_open(&talk, server.address, NULL);
	return 0;
}

static int teardown(void **state)
{
	talk_close(&talk);
	buffer_deinit(&scratch);
	return server_test_teardown(state);
}

static void say_numbers(struct talk *one, uint32_t stream, const char *method,
                        const uint64_t numbers[2])
{
	struct buffer body = {0};
	say_call(&one->out, stream, FRAME_CLOSE, method, numbers_message(&body, numbers, 2));
	buffer_deinit(&body);
}

/* The next frame that is no CREDIT. */
static struct frame next(struct talk *one)
{
	struct frame frame;
	while ((frame = talk_next(one)).type == FRAME_CREDIT)
		continue;
	return frame;
}

static void expect_end(uint32_t stream, enum status code)
{
	struct end_meta meta;
	const char *reason;
	struct frame frame = next(&talk);
	assert_int_equal(frame.type, FRAME_END);
	assert_int_equal(frame.stream, stream);
	assert_true(end_meta_decode(frame.meta, &meta, &reason));
	assert_string_equal(status_name(meta.code), status_name(code));
}

/* The connection is as good as ever. */
static void assert_connected(uint32_t stream)
{
	say_call(&talk.out, stream, FRAME_CLOSE, "Echo", bytes_of("\x0a\x02ok", 4));
	talk_send(&talk);
	struct frame frame = next(&talk);
	assert_int_equal(frame.type, FRAME_END);
	assert_int_equal(frame.stream, stream);
	assert_true(bytes_equal(frame.body, bytes_of("\x0a\x02ok", 4)));
}

static uint64_t running(void)
{
	return server_count().running;
}

/* --- slow writers ------------------------------------------------------------ */

/* A message that arrives in pieces, with everything else in between, holds up nobody. */
static void test_slow_writer(void **state)
{
	(void)state;
	struct bytes message = echo_message(&scratch, 2000, 'x');
	uint32_t other = 5;
	say_call(&talk.out, 1, FRAME_NOMSG, "Collect", nothing());
	say_call(&talk.out, 3, FRAME_NOMSG, "Chat", nothing());
	for (size_t at = 0; at < message.len; at += 100, other += 2) {
		size_t rest = message.len - at, len = rest < 100 ? rest : 100;
		uint8_t flags = len < rest ? FRAME_MORE : 0;
		say_message(&talk.out, 1, flags, bytes_of(message.data + at, len));
		say_message(&talk.out, 3, 0, bytes_of("\x0a\x01x", 3));
		talk_send_slowly(&talk);
		struct frame frame = next(&talk);
		assert_int_equal(frame.type, FRAME_MSG);
		assert_int_equal(frame.stream, 3);
		assert_connected(other);
	}
	say_message(&talk.out, 1, FRAME_NOMSG | FRAME_CLOSE, nothing());
	talk_send(&talk);
	struct frame frame = next(&talk);
	assert_int_equal(frame.stream, 1);
	assert_true(bytes_equal(frame.body, bytes_of("\x08\x01\x10\xd0\x0f", 5)));
	say_cancel(&talk.out, 3, STATUS_CANCELLED);
	talk_send(&talk);
}

/* --- half-close ---------------------------------------------------------------- */

/* All is said at once, and the answers go on long after the client's last word. */
static void test_answers_after_the_half_close(void **state)
{
	(void)state;
	enum { MESSAGES = 15 };
	struct bytes message = echo_message(&scratch, PART, 'x');
	say_call(&talk.out, 1, FRAME_NOMSG, "Chat", nothing());
	for (int i = 0; i < MESSAGES; i++)
		say_message(&talk.out, 1, i == MESSAGES - 1 ? FRAME_CLOSE : 0, message);
	talk_send(&talk);
	uint64_t got = 0;
	for (;;) {
		struct frame frame = next(&talk);
		if (frame.type == FRAME_END)
			break;
		assert_int_equal(frame.type, FRAME_MSG);
		got += frame.body.len;
		if (frame.body.len > 0) {
			say_credit(&talk.out, 1, (uint32_t)frame.body.len);
			talk_send(&talk);
		}
	}
	assert_int_equal(got, MESSAGES * message.len);
}

/* The server has answered while the client still sends: what comes is dropped, and the connection's
 * credit for it returned, so that this may go on for ever. */
static void test_answered_early(void **state)
{
	(void)state;
	struct bytes message = echo_message(&scratch, PART, 'x');
	int64_t credit = LIMIT_CONNECTION_CREDIT;
	uint64_t sent = 0;
	for (uint32_t stream = 1; sent < 3 * LIMIT_CONNECTION_CREDIT; stream += 2) {
		say_call(&talk.out, stream, 0, "Hasten", bytes_of("\x0a\x01\x01", 3));
		talk_send(&talk);
		for (bool ended = false; !ended || credit < 20 * PART;) {
			struct frame frame = talk_next(&talk);
			struct reader reader = reader_init(frame.body);
			ended |= frame.type == FRAME_END;
			if (frame.type == FRAME_CREDIT && frame.stream == 0)
				credit += reader_u32(&reader);
		}
		for (int i = 0; i < 15; i++) /* within the credit of the stream */
			say_message(&talk.out, stream, i == 14 ? FRAME_CLOSE : 0, message);
		credit -= 15 * (int64_t)message.len + 3;
		sent += 15 * message.len + 3;
	}
	talk_send(&talk);
}

/* --- cancel in the middle ---------------------------------------------------------- */

/* By the client: while the handler waits for a message, for the rest of one, for room to send, and
 * for time. */
static void test_cancel(void **state)
{
	(void)state;
	say_call(&talk.out, 1, FRAME_NOMSG, "Collect", nothing());
	say_call(&talk.out, 3, FRAME_MORE, "Collect", bytes_of("\x0a\x05", 2));
	say_call(&talk.out, 5, FRAME_NOMSG, "Chat", nothing());
	say_message(&talk.out, 5, 0, bytes_of("\x0a\x01x", 3));
	say_numbers(&talk, 7, "Expand", (uint64_t[]){1000, PART});
	say_call(&talk.out, 9, FRAME_NOMSG, "Dawdle", nothing());
	say_message(&talk.out, 9, 0, bytes_of("\x0a\x01\xff", 3));
	say_message(&talk.out, 9, 0, bytes_of("\x0a\x01\xff", 3));
	talk_send(&talk);
	uint64_t got = 0; /* all that credit allows of 7 */
	while (got < LIMIT_STREAM_CREDIT_START) {
		struct frame frame = next(&talk);
		assert_int_equal(frame.type, FRAME_MSG);
		got += frame.stream == 7 ? frame.body.len : 0;
	}
	assert_int_equal(running(), 5);
	for (uint32_t stream = 1; stream < 10; stream += 2)
		say_cancel(&talk.out, stream, STATUS_CANCELLED);
	/* what was under way when it cancelled is dropped */
	say_message(&talk.out, 3, 0, bytes_of("abcde", 5));
	say_message(&talk.out, 9, FRAME_NOMSG | FRAME_CLOSE, nothing());
	say_credit(&talk.out, 7, 1000000);
	talk_send(&talk);
	assert_connected(11);
	assert_int_equal(running(), 0);
}

/* By the server: a handler that ends with an error in the midst of its messages, with more of them
 * waiting for credit: the END comes after all that was sent. */
static void test_server_ends_with_an_error(void **state)
{
	(void)state;
	struct buffer body = {0};
	say_call(&talk.out, 1, FRAME_CLOSE, "Expand",
	         numbers_message(&body, (uint64_t[]){3, PART, 0, STATUS_ABORTED}, 4));
	say_credit(&talk.out, 1, 1000000);
	talk_send(&talk);
	uint64_t got = 0;
	struct frame frame;
	while ((frame = next(&talk)).type == FRAME_MSG)
		got += frame.body.len;
	assert_int_equal(frame.type, FRAME_END);
	assert_int_equal(got, 3 * (PART + 4));
	buffer_deinit(&body);
}

/* Bytes that are no message end a stream whose handler waits for it. */
static void test_bad_message_in_the_middle(void **state)
{
	(void)state;
	say_call(&talk.out, 1, FRAME_NOMSG, "Chat", nothing());
	say_message(&talk.out, 1, 0, bytes_of("\x0a\x01x", 3));
	say_message(&talk.out, 1, 0, bytes_of("\x0a\x7f", 2));
	talk_send(&talk);
	talk_expect(&talk, FRAME_MSG, 0, 1, bytes_of("\x0a\x01x", 3));
	expect_end(1, STATUS_INTERNAL);
	say_message(&talk.out, 1, 0, bytes_of("\x0a\x01x", 3));
	talk_send(&talk);
	assert_connected(3);
}

/* --- deadlines in the middle ---------------------------------------------------------- */

static void say_with_deadline(uint32_t stream, const char *method, uint64_t timeout_us)
{
	say_call_meta(&talk.out, stream, FRAME_NOMSG,
	              &(struct call_meta){.path = echo_path(method),
	                                  .has_timeout = true,
	                                  .timeout_us = timeout_us},
	              nothing());
}

static void test_deadline_while_it_receives(void **state)
{
	(void)state;
	say_with_deadline(1, "Collect", 100000);
	say_message(&talk.out, 1, 0, bytes_of("\x0a\x01x", 3));
	say_message(&talk.out, 1, FRAME_MORE, bytes_of("\x0a", 1));
	talk_send(&talk);
	expect_end(1, STATUS_DEADLINE_EXCEEDED);
	say_message(&talk.out, 1, FRAME_CLOSE, bytes_of("\x01x", 2));
	talk_send(&talk);
	assert_connected(3);
}

static void test_deadline_between_both(void **state)
{
	(void)state;
	say_with_deadline(1, "Chat", 1500000);
	say_message(&talk.out, 1, 0, bytes_of("\x0a\x01x", 3));
	talk_send(&talk);
	talk_expect(&talk, FRAME_MSG, 0, 1, bytes_of("\x0a\x01x", 3));
	expect_end(1, STATUS_DEADLINE_EXCEEDED);
	assert_connected(3);
}

/* --- a reader that stops ------------------------------------------------------------------ */

/* One stream is not read any more; the others of its connection go on, thousands of calls long. */
static void test_unread_stream_beside_others(void **state)
{
	(void)state;
	struct talk one;
	const struct hello hello = {.connection_credit = 100000000};
	talk_open(&one, server.address, &hello);
	say_numbers(&one, 1, "Expand", (uint64_t[]){UINT32_MAX, PART});
	talk_send(&one);
	for (uint64_t got = 0; got < LIMIT_STREAM_CREDIT_START;)
		got += talk_next(&one).body.len;
	struct bytes message = echo_message(&scratch, 10000, 'x');
	for (uint32_t stream = 3; stream < 4000; stream += 2) {
		say_call(&one.out, stream, FRAME_CLOSE, "Echo", message);
		talk_send(&one);
		struct frame frame = next(&one);
		assert_int_equal(frame.type, FRAME_END);
		assert_int_equal(frame.stream, stream);
		assert_true(bytes_equal(frame.body, message));
	}
	assert_int_equal(running(), 1);
	talk_close(&one);
}

/* --- lost connections ----------------------------------------------------------------------- */

/* So that the server gets a reset, not an end. */
static void reset(struct talk *one)
{
	const struct linger hard = {.l_onoff = 1};
	setsockopt(one->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	talk_close(one);
}

static void begin_everything(struct talk *one)
{
	talk_open(one, server.address, NULL);
	say_numbers(one, 1, "Wait", (uint64_t[]){60000, 0});
	say_numbers(one, 3, "Expand", (uint64_t[]){UINT32_MAX, PART});
	say_call(&one->out, 5, FRAME_NOMSG, "Collect", nothing());
	say_message(&one->out, 5, FRAME_MORE, bytes_of("\x0a\x05", 2));
	say_call(&one->out, 7, FRAME_NOMSG, "Chat", nothing());
	say_message(&one->out, 7, 0, echo_message(&scratch, PART, 'x'));
	say_call(&one->out, 9, FRAME_MORE, "Echo", bytes_of("\x0a", 1));
	say_call(&one->out, 11, FRAME_NOMSG, "Dawdle", nothing());
	say_message(&one->out, 11, 0, bytes_of("\x0a\x01\xff", 3));
	talk_send(one);
}

static void test_reset(void **state)
{
	(void)state;
	enum { COUNT = 20 };
	struct talk many[COUNT];
	for (int i = 0; i < COUNT; i++)
		begin_everything(&many[i]);
	while (running() < 5 * COUNT)
		continue;
	for (int i = 0; i < COUNT; i++)
		reset(&many[i]);
	assert_connected(1);
}

/* The same while frames are on their way both ways, in the middle of one. */
static void test_reset_within_a_frame(void **state)
{
	(void)state;
	enum { COUNT = 100 };
	struct bytes message = echo_message(&scratch, PART, 'x');
	for (int i = 0; i < COUNT; i++) {
		struct talk one;
		talk_open(&one, server.address, &(struct hello){.stream_credit = 10000000});
		say_numbers(&one, 1, "Expand", (uint64_t[]){1000, PART});
		say_call(&one.out, 3, FRAME_NOMSG, "Chat", nothing());
		for (int sent = 0; sent < 4; sent++)
			say_message(&one.out, 3, 0, message);
		struct bytes all = buffer_bytes(&one.out);
		size_t cut = all.len - message.len * (size_t)i / COUNT;
		ssize_t sent = send(one.fd, all.data, cut, MSG_NOSIGNAL);
		assert_true(sent > 0);
		reset(&one);
	}
	assert_connected(1);
}

#define TALK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TALK(test_slow_writer),
		TALK(test_answers_after_the_half_close),
		TALK(test_answered_early),
		TALK(test_cancel),
		TALK(test_server_ends_with_an_error),
		TALK(test_bad_message_in_the_middle),
		TALK(test_deadline_while_it_receives),
		TALK(test_deadline_between_both),
		TALK(test_unread_stream_beside_others),
		TALK(test_reset),
		TALK(test_reset_within_a_frame),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
