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

/* What a client may still send. */
struct credit {
	int64_t stream, connection;
};

static void hear_credit(struct talk *one, struct credit *credit)
{
	struct frame frame = talk_next(one);
	assert_int_equal(frame.type, FRAME_CREDIT);
	struct reader reader = reader_init(frame.body);
	*(frame.stream == 0 ? &credit->connection : &credit->stream) += reader_u32(&reader);
}

/* The message of a stream that was opened without one, in parts, as credit allows. */
static void upload(struct talk *one, struct credit *credit, struct bytes message, uint8_t flags)
{
	for (size_t at = 0; at < message.len;) {
		size_t rest = message.len - at, len = rest < 60000 ? rest : 60000;
		talk_send(one);
		while (credit->stream < (int64_t)len || credit->connection < (int64_t)len)
			hear_credit(one, credit);
		say_message(&one->out, 1, rest > len ? FRAME_MORE : flags,
		            bytes_of(message.data + at, len));
		credit->stream -= (int64_t)len;
		credit->connection -= (int64_t)len;
		at += len;
	}
	talk_send(one);
}

static struct credit credit_at_first(void)
{
	return (struct credit){LIMIT_STREAM_CREDIT, LIMIT_CONNECTION_CREDIT};
}

/* The largest message there is, there and back. */
static void test_largest_message(void **state)
{
	(void)state;
	struct bytes message = echo_message(&scratch, LIMIT_MESSAGE - 5, 'x');
	assert_int_equal(message.len, LIMIT_MESSAGE);
	struct buffer answer = {0};
	struct credit credit = credit_at_first();
	say_call(&talk.out, 1, FRAME_MORE, "Echo", nothing());
	say_credit(&talk.out, 1, 2 * LIMIT_MESSAGE);
	say_credit(&talk.out, 0, 2 * LIMIT_MESSAGE);
	upload(&talk, &credit, message, FRAME_CLOSE);
	for (struct frame frame = {0}; frame.type != FRAME_END;) {
		frame = talk_next(&talk);
		if (frame.type != FRAME_CREDIT)
			assert_true(buffer_append(&answer, frame.body.data, frame.body.len));
	}
	assert_true(bytes_equal(buffer_bytes(&answer), message));
	buffer_deinit(&answer);
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

static void expect_some_answer(void)
{
	struct frame frame;
	while ((frame = talk_next(&talk)).type == FRAME_CREDIT)
		continue;
	assert_int_equal(frame.type, FRAME_END);
	assert_int_equal(frame.flags, 0);
}

/* A handler that takes its time: credit comes back as it takes, and everything arrives. */
static void test_slow_handler_slows_its_client(void **state)
{
	(void)state;
	struct bytes message = echo_message(&scratch, 50000, 2); /* 2 ms each */
	struct credit credit = credit_at_first();
	say_call(&talk.out, 1, FRAME_NOMSG, "Dawdle", nothing());
	for (int i = 0; i < 60; i++)
		upload(&talk, &credit, message, i == 59 ? FRAME_CLOSE : 0);
	expect_some_answer();
}

/* Small messages, some of them not taken, then a large one in parts: credit that was returned ahead
 * is not returned twice, and all that is owed is returned. */
static void test_credit_adds_up(void **state)
{
	(void)state;
	struct buffer small = {0};
	struct bytes little = echo_message(&small, 20000, 1);
	struct bytes large = echo_message(&scratch, 3000000, 1);
	struct credit credit = credit_at_first();
	say_call(&talk.out, 1, FRAME_NOMSG, "Dawdle", nothing());
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 10; i++)
			upload(&talk, &credit, little, 0);
		upload(&talk, &credit, large, 0);
	}
	/* when all is taken, less than half a window is kept back */
	while (credit.stream <= LIMIT_STREAM_CREDIT / 2)
		hear_credit(&talk, &credit);
	assert_true(credit.stream <= LIMIT_STREAM_CREDIT);
	assert_true(credit.connection <= LIMIT_CONNECTION_CREDIT);
	say_message(&talk.out, 1, FRAME_NOMSG | FRAME_CLOSE, nothing());
	talk_send(&talk);
	expect_some_answer();
	buffer_deinit(&small);
}

/* Messages that never become whole do not hold up the connection for ever: past the limit, the next
 * part of one ends its call. */
static void test_parts_of_messages_fill_memory(void **state)
{
	(void)state;
	struct bytes part = echo_message(&scratch, 60000, 'x');
	struct credit credit = credit_at_first();
	uint32_t refused = 0;
	for (uint32_t stream = 1; stream < 1000; stream += 2)
		say_call(&talk.out, stream, FRAME_MORE, "Echo", bytes_of("\x0a", 1));
	for (uint32_t round = 0; round < 2 && refused == 0; round++) {
		for (uint32_t stream = 1; stream < 1000 && refused == 0; stream += 2) {
			say_message(&talk.out, stream, FRAME_MORE, part);
			credit.connection -= (int64_t)part.len;
			talk_send(&talk);
			while (refused == 0 && credit.connection < (int64_t)part.len) {
				struct frame frame = talk_next(&talk);
				struct reader reader = reader_init(frame.body);
				refused = frame.type == FRAME_END ? frame.stream : 0;
				credit.connection += reader_u32(&reader);
			}
		}
	}
	assert_true(refused > 0);
	assert_true(talk_hears(&talk, TALK_PATIENCE_MS)); /* credit, as there is room again */
}

/* What a call had not taken when it ended does not count while its answer waits for credit. */
static void test_input_of_ended_calls(void **state)
{
	(void)state;
	enum { MOST = LIMIT_CONNECTION_INPUT + 2 * LIMIT_CONNECTION_CREDIT, PART = 60000 };
	struct bytes message = echo_message(&scratch, 70000, 100);
	int64_t credit = LIMIT_CONNECTION_CREDIT;
	uint32_t stream = 1, ended = 0; /* one that begins while much is held is refused */
	for (uint64_t sent = 0; sent < MOST; stream += 2) {
		/* what is answered is more than the credit of a stream */
		say_call(&talk.out, stream, FRAME_MORE, "Hasten", bytes_of(message.data, PART));
		say_message(&talk.out, stream, 0,
		            bytes_of(message.data + PART, message.len - PART));
		for (int i = 0; i < 15; i++)
			say_message(&talk.out, stream, 0, bytes_of(message.data, PART));
		sent += message.len + 15 * PART;
		credit -= (int64_t)(message.len + 15 * PART);
		talk_send(&talk);
		while (credit < 1000000) {
			struct frame frame = talk_next(&talk);
			struct reader reader = reader_init(frame.body);
			if (frame.type == FRAME_CREDIT && frame.stream == 0)
				credit += reader_u32(&reader);
			ended += frame.type == FRAME_END;
		}
	}
	say_credit(&talk.out, 0, 100000000);
	for (uint32_t one = 1; one < stream; one += 2)
		say_credit(&talk.out, one, 100000);
	talk_send(&talk);
	while (ended < stream / 2)
		ended += talk_next(&talk).type == FRAME_END;
}

#define TALK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TALK(test_stream_credit_is_kept),
		TALK(test_connection_credit_is_kept),
		TALK(test_largest_message),
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
		TALK(test_parts_of_messages_fill_memory),
		TALK(test_input_of_ended_calls),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
