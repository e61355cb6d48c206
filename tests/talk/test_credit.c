/* Credit, both ways: what is larger than the windows arrives all the same, nobody sends more than
 * was granted, and a peer that does not read holds up nobody else. */
#include "tests/talk/talk.h"

#include <stdlib.h>

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

static void expand(uint32_t stream, uint64_t count, uint64_t size)
{
	struct buffer body = {0};
	say_call(&talk.out, stream, FRAME_CLOSE, "Expand",
	         numbers_message(&body, (uint64_t[]){count, size}, 2));
	talk_send(&talk);
	buffer_deinit(&body);
}

/* Message bytes of `stream` until `enough` came; frames of other streams are a failure. */
static uint64_t receive(uint32_t stream, uint64_t enough)
{
	uint64_t received = 0;
	while (received < enough) {
		struct frame frame = talk_next(&talk);
		assert_int_equal(frame.stream, stream);
		assert_true(frame.type == FRAME_MSG || frame.type == FRAME_END);
		received += frame.body.len;
	}
	return received;
}

static void grant(uint32_t stream, uint32_t increment)
{
	say_credit(&talk.out, stream, increment);
	talk_send(&talk);
}

/* --- from the server -------------------------------------------------------- */

/* Nobody granted anything: what HELLO's defaults allow comes, and not a byte more. */
static void test_stream_credit_is_kept(void **state)
{
	(void)state;
	expand(1, 1, 100000);
	assert_int_equal(receive(1, LIMIT_STREAM_CREDIT_START), LIMIT_STREAM_CREDIT_START);
	/* everything else passes meanwhile */
	assert_int_equal(talk_ask(&talk, 3, "Echo", nothing()).len, 0);
	grant(1, 1);
	assert_int_equal(receive(1, 1), 1);
	grant(1, 1000000);
	uint64_t rest = 100000 + 4 - LIMIT_STREAM_CREDIT_START - 1;
	assert_int_equal(receive(1, rest), rest);
	talk_expect_end(&talk, 1, STATUS_OK, "");
}

static void test_connection_credit_is_kept(void **state)
{
	(void)state;
	uint64_t received = 0;
	for (uint32_t stream = 1; stream < 40; stream += 2)
		expand(stream, 1, 60000);
	while (received < LIMIT_CONNECTION_CREDIT_START) {
		struct frame frame = talk_next(&talk);
		received += frame.body.len;
	}
	assert_int_equal(received, LIMIT_CONNECTION_CREDIT_START);
	say_ping(&talk.out, 0, "still up");
	talk_send(&talk);
	struct frame frame;
	while ((frame = talk_next(&talk)).type != FRAME_PING)
		assert_true(frame.type == FRAME_END && frame.body.len == 0);
	grant(0, 1000000);
	while (received < 20 * 60004)
		received += talk_next(&talk).body.len;
	assert_int_equal(received, 20 * 60004);
}

/* An answer of 4 MiB to a client that reads as it comes. */
static void test_largest_answer(void **state)
{
	(void)state;
	enum { LEN = LIMIT_MESSAGE - 5 };
	struct talk one;
	struct hello hello = {.stream_credit = 100000};
	talk_open(&one, server.address, &hello);
	struct bytes message = echo_message(&scratch, LEN, 'x');
	assert_int_equal(message.len, LIMIT_MESSAGE);
	struct buffer answer = {0};
	uint32_t granted = 65536;
	say_call(&one.out, 1, FRAME_MORE, "Echo", bytes_of(message.data, 65536));
	for (size_t at = 65536; at < message.len;) {
		size_t rest = message.len - at, len = rest < 65536 ? rest : 65536;
		if (granted < at + len) {
			talk_send(&one);
			struct frame frame = talk_next(&one);
			assert_int_equal(frame.type, FRAME_CREDIT);
			struct reader reader = reader_init(frame.body);
			granted += frame.stream == 1 ? reader_u32(&reader) : 0;
			if (granted == 65536)
				granted = LIMIT_STREAM_CREDIT; /* HELLO raised it */
			continue;
		}
		say_message(&one.out, 1, rest <= 65536 ? FRAME_CLOSE : FRAME_MORE,
		            bytes_of(message.data + at, len));
		at += len;
	}
	say_credit(&one.out, 1, 2 * LIMIT_MESSAGE);
	say_credit(&one.out, 0, 2 * LIMIT_MESSAGE);
	talk_send(&one);
	for (;;) {
		struct frame frame = talk_next(&one);
		if (frame.type == FRAME_CREDIT)
			continue;
		assert_true(buffer_append(&answer, frame.body.data, frame.body.len));
		if (frame.type == FRAME_END)
			break;
		assert_int_equal(frame.flags, FRAME_MORE);
	}
	assert_true(bytes_equal(buffer_bytes(&answer), message));
	buffer_deinit(&answer);
	talk_close(&one);
}

/* HELLO raises what the server may send: frames and credit. */
static void test_hello_raises(void **state)
{
	(void)state;
	struct talk one;
	struct buffer body = {0};
	struct hello hello = {
		.max_frame = 1000000, .stream_credit = 1000000, .connection_credit = 2000000};
	talk_open(&one, server.address, &hello);
	say_call(&one.out, 1, FRAME_CLOSE, "Expand",
	         numbers_message(&body, (uint64_t[]){1, 900000}, 2));
	talk_send(&one);
	struct frame frame = talk_next(&one);
	assert_int_equal(frame.body.len, 900004);
	talk_expect_end(&one, 1, STATUS_OK, "");
	talk_close(&one);
	buffer_deinit(&body);
}

/* A client that takes small messages only gets a status, not a part of a message. */
static void test_answer_larger_than_the_client_takes(void **state)
{
	(void)state;
	expand(1, 1, LIMIT_MESSAGE);
	struct end_meta meta =
		talk_expect_end(&talk, 1, STATUS_RESOURCE_EXHAUSTED, "at most 4194304");
	assert_int_equal(meta.retry, RETRY_UNSET);
}

/* Long answers take turns: the second one is not behind all of the first. */
static void test_streams_take_turns(void **state)
{
	(void)state;
	struct talk one;
	struct buffer body = {0};
	struct hello hello = {.stream_credit = 3000000};
	talk_open(&one, server.address, &hello); /* connection: 1 MiB */
	struct bytes request = numbers_message(&body, (uint64_t[]){1, 2000000}, 2);
	say_call(&one.out, 1, FRAME_CLOSE, "Expand", request);
	say_call(&one.out, 3, FRAME_CLOSE, "Expand", request);
	talk_send(&one);
	uint64_t got[4] = {0};
	while (got[1] + got[3] < LIMIT_CONNECTION_CREDIT_START) {
		struct frame frame = talk_next(&one);
		got[frame.stream] += frame.body.len;
	}
	assert_true(got[1] >= 300000 && got[3] >= 300000);
	talk_close(&one);
	buffer_deinit(&body);
}

/* The handler of a stream that nobody reads waits; it does not fill memory. */
static void test_slow_reader_holds_its_handler(void **state)
{
	(void)state;
	expand(1, 1000, 50000);
	assert_int_equal(receive(1, LIMIT_STREAM_CREDIT_START), LIMIT_STREAM_CREDIT_START);
	struct server_count count = server_count();
	assert_int_equal(count.running, 1);
	/* it goes on as it is read, to the end */
	uint64_t left = 1000 * (50000 + 4) - LIMIT_STREAM_CREDIT_START;
	while (left > 0) {
		uint32_t step = left < 60000 ? (uint32_t)left : 60000;
		say_credit(&talk.out, 0, step);
		grant(1, step);
		assert_int_equal(receive(1, step), step);
		left -= step;
	}
	talk_expect_end(&talk, 1, STATUS_OK, "");
}

static void test_cancel_while_blocked(void **state)
{
	(void)state;
	expand(1, 100, 50000);
	receive(1, LIMIT_STREAM_CREDIT_START);
	say_cancel(&talk.out, 1, STATUS_CANCELLED);
	talk_send(&talk);
	assert_int_equal(talk_ask(&talk, 3, "Echo", nothing()).len, 0);
}

/* The deadline's END overtakes the messages that wait for credit, in the middle of one. */
static void test_deadline_while_blocked(void **state)
{
	(void)state;
	struct call_meta meta = {
		.path = echo_path("Expand"), .has_timeout = true, .timeout_us = 200000};
	say_call_meta(&talk.out, 1, FRAME_CLOSE, &meta,
	              numbers_message(&scratch, (uint64_t[]){1000, 50000}, 2));
	talk_send(&talk);
	receive(1, LIMIT_STREAM_CREDIT_START);
	talk_expect_end(&talk, 1, STATUS_DEADLINE_EXCEEDED, NULL);
}

/* --- to the server --------------------------------------------------------------- */

static void test_connection_credit_is_returned(void **state)
{
	(void)state;
	struct bytes message = echo_message(&scratch, 60000, 'x');
	uint64_t sent = 0;
	uint32_t stream = 1;
	for (; sent < LIMIT_CONNECTION_CREDIT; sent += message.len, stream += 2) {
		say_call(&talk.out, stream, FRAME_CLOSE, "Collect", message);
		talk_send(&talk);
		struct frame frame = talk_next(&talk);
		if (frame.type == FRAME_CREDIT) {
			assert_int_equal(frame.stream, 0);
			assert_true(sent >= LIMIT_CONNECTION_CREDIT / 2 - message.len);
			return;
		}
	}
	fail_msg("no credit came back");
}

static void test_more_than_the_stream_credit(void **state)
{
	(void)state;
	struct bytes message = echo_message(&scratch, 60000, 'x');
	say_call(&talk.out, 1, FRAME_NOMSG, "Dawdle", nothing());
	say_message(&talk.out, 1, 0, bytes_of("\x0a\x01\xff", 3)); /* takes it, then waits */
	for (uint64_t sent = 0; sent <= LIMIT_STREAM_CREDIT; sent += message.len)
		say_message(&talk.out, 1, 0, message);
	talk_send(&talk);
	talk_expect_fault(&talk, STATUS_RESOURCE_EXHAUSTED, "stream's credit");
}

static void test_more_than_the_connection_credit(void **state)
{
	(void)state;
	struct bytes message = echo_message(&scratch, 65000, 'x');
	/* what no call has taken is kept, up to a limit; then no credit comes back */
	uint64_t sent = 0, most = (uint64_t)LIMIT_CONNECTION_INPUT + 2 * LIMIT_CONNECTION_CREDIT;
	uint32_t stream = 1;
	while (sent < most) {
		say_call(&talk.out, stream, FRAME_NOMSG, "Dawdle", nothing());
		say_message(&talk.out, stream, 0, bytes_of("\x0a\x01\xff", 3));
		for (int i = 0; i < 15; i++, sent += message.len)
			say_message(&talk.out, stream, 0, message);
		stream += 2;
	}
	talk_send(&talk);
	struct frame frame;
	do
		frame = talk_next(&talk);
	while (frame.type == FRAME_CREDIT || frame.type == FRAME_END);
	assert_int_equal(frame.type, FRAME_GOAWAY);
}

/* A handler that takes nothing for a while: credit comes back as it does, and everything arrives.
 */
static void test_slow_handler_slows_its_client(void **state)
{
	(void)state;
	enum { MESSAGES = 60 };
	struct bytes message = echo_message(&scratch, 60000, 2); /* 2 ms each */
	int64_t credit = LIMIT_STREAM_CREDIT;
	say_call(&talk.out, 1, FRAME_NOMSG, "Dawdle", nothing());
	for (int i = 0; i < MESSAGES; i++) {
		while (credit < (int64_t)message.len) {
			struct frame frame = talk_next(&talk);
			assert_int_equal(frame.type, FRAME_CREDIT);
			struct reader reader = reader_init(frame.body);
			credit += frame.stream == 1 ? reader_u32(&reader) : 0;
		}
		say_message(&talk.out, 1, i == MESSAGES - 1 ? FRAME_CLOSE : 0, message);
		talk_send(&talk);
		credit -= (int64_t)message.len;
	}
	struct frame frame;
	while ((frame = talk_next(&talk)).type == FRAME_CREDIT)
		continue;
	assert_int_equal(frame.type, FRAME_END);
	assert_int_equal(frame.flags, 0);
}

/* Small messages, some taken, then a large one in parts: credit that was returned ahead is not
 * returned twice, and what is owed is. */
static void test_credit_adds_up(void **state)
{
	(void)state;
	enum { LARGE = 3000000 };
	struct buffer small = {0};
	struct bytes little = echo_message(&small, 20000, 0),
		     large = echo_message(&scratch, LARGE, 0);
	int64_t credit = LIMIT_STREAM_CREDIT;
	uint64_t sent = 0;
	say_call(&talk.out, 1, FRAME_NOMSG, "Dawdle", nothing());
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 10; i++) {
			say_message(&talk.out, 1, 0, little);
			credit -= (int64_t)little.len;
			sent += little.len;
		}
		for (size_t at = 0; at < large.len;) {
			size_t rest = large.len - at, len = rest < 60000 ? rest : 60000;
			talk_send(&talk);
			while (credit < (int64_t)len) {
				struct frame frame = talk_next(&talk);
				assert_int_equal(frame.type, FRAME_CREDIT);
				struct reader reader = reader_init(frame.body);
				credit += frame.stream == 1 ? reader_u32(&reader) : 0;
			}
			say_message(&talk.out, 1, rest > len ? FRAME_MORE : 0,
			            bytes_of(large.data + at, len));
			credit -= (int64_t)len;
			sent += len;
			at += len;
		}
	}
	talk_send(&talk);
	/* all is taken in the end: at most half a window may be kept back */
	while (credit < LIMIT_STREAM_CREDIT / 2) {
		struct frame frame = talk_next(&talk);
		assert_int_equal(frame.type, FRAME_CREDIT);
		struct reader reader = reader_init(frame.body);
		credit += frame.stream == 1 ? reader_u32(&reader) : 0;
	}
	assert_true(credit <= LIMIT_STREAM_CREDIT && sent > 3 * LARGE);
	say_message(&talk.out, 1, FRAME_NOMSG | FRAME_CLOSE, nothing());
	talk_send(&talk);
	struct frame frame;
	while ((frame = talk_next(&talk)).type == FRAME_CREDIT)
		continue;
	assert_int_equal(frame.type, FRAME_END);
	assert_int_equal(frame.flags, 0);
	buffer_deinit(&small);
}

#define TALK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TALK(test_stream_credit_is_kept),
		TALK(test_connection_credit_is_kept),
		TALK(test_largest_answer),
		TALK(test_hello_raises),
		TALK(test_answer_larger_than_the_client_takes),
		TALK(test_streams_take_turns),
		TALK(test_slow_reader_holds_its_handler),
		TALK(test_cancel_while_blocked),
		TALK(test_deadline_while_blocked),
		TALK(test_connection_credit_is_returned),
		TALK(test_more_than_the_stream_credit),
		TALK(test_more_than_the_connection_credit),
		TALK(test_slow_handler_slows_its_client),
		TALK(test_credit_adds_up),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
