/* Calls of every kind, and every way in which one may end. */
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

static void test_greeting_tells_limits(void **state)
{
	(void)state;
	assert_int_equal(talk.server.max_frame, LIMIT_FRAME_START);
	assert_int_equal(talk.server.max_message, LIMIT_MESSAGE);
	assert_int_equal(talk.server.max_streams, LIMIT_STREAMS);
	assert_int_equal(talk.server.stream_credit, LIMIT_STREAM_CREDIT);
	assert_int_equal(talk.server.connection_credit, LIMIT_CONNECTION_CREDIT);
	assert_int_equal(talk.server.max_interned, LIMIT_INTERNED_PATHS);
	assert_int_equal(talk.server.min_ping_ms, LIMIT_PING_INTERVAL);
	assert_true(bytes_equal_string(talk.server.agent, "prismd-echo/" PRISM_VERSION));
}

/* The worked example of PROTOCOL.md, byte for byte: a call by path and number, then by number. */
static void test_unary_bytes(void **state)
{
	(void)state;
	static const uint8_t calls[] =
		"\x00\x00\x00\x2e\x02\x04\x00\x27\x00\x00\x00\x01"
		"\x0a\x1f/prism.test.v1.EchoService/Echo\x10\x01\x18\x90\xa1\x0f"
		"\x0a\x05hello"
		"\x00\x00\x00\x0d\x02\x04\x00\x06\x00\x00\x00\x03"
		"\x10\x01\x18\x90\xa1\x0f"
		"\x0a\x05world";
	talk_send_bytes(&talk, calls, sizeof(calls) - 1);
	talk_expect_answer(&talk, 1, bytes_of("\x0a\x05hello", 7));
	talk_expect_answer(&talk, 3, bytes_of("\x0a\x05world", 7));
}

static void test_unary_empty(void **state)
{
	(void)state;
	assert_int_equal(talk_ask(&talk, 1, "Echo", nothing()).len, 0);
}

static void test_unary_many_at_once(void **state)
{
	(void)state;
	enum { CALLS = 500 };
	for (uint32_t i = 0; i < CALLS; i++) {
		struct buffer body = {0};
		say_call(&talk.out, 2 * i + 1, FRAME_CLOSE, "Echo",
		         echo_message(&body, i % 200 + 1, (uint8_t)i));
		buffer_deinit(&body);
	}
	talk_send(&talk);
	for (uint32_t i = 0; i < CALLS; i++) {
		struct buffer body = {0};
		talk_expect_answer(&talk, 2 * i + 1, echo_message(&body, i % 200 + 1, (uint8_t)i));
		buffer_deinit(&body);
	}
}

static void test_unary_request_in_parts(void **state)
{
	(void)state;
	struct bytes message = echo_message(&scratch, 100, 'x');
	say_call(&talk.out, 1, FRAME_MORE, "Echo", bytes_of(message.data, 10));
	say_message(&talk.out, 1, FRAME_MORE, nothing());
	say_message(&talk.out, 1, FRAME_MORE, bytes_of(message.data + 10, 1));
	say_message(&talk.out, 1, FRAME_CLOSE, bytes_of(message.data + 11, message.len - 11));
	talk_send(&talk);
	talk_expect_answer(&talk, 1, message);
}

/* CLOSE may stand on any frame of the message. */
static void test_unary_close_first(void **state)
{
	(void)state;
	struct bytes message = echo_message(&scratch, 100, 'x');
	say_call(&talk.out, 1, FRAME_MORE | FRAME_CLOSE, "Echo", bytes_of(message.data, 10));
	say_message(&talk.out, 1, 0, bytes_of(message.data + 10, message.len - 10));
	talk_send(&talk);
	talk_expect_answer(&talk, 1, message);
}

/* The half-close after the message, on a frame of its own. */
static void test_unary_close_alone(void **state)
{
	(void)state;
	struct bytes message = echo_message(&scratch, 5, 'x');
	say_call(&talk.out, 1, 0, "Echo", message);
	say_message(&talk.out, 1, FRAME_NOMSG | FRAME_CLOSE, nothing());
	talk_send(&talk);
	talk_expect_answer(&talk, 1, message);
}

static void test_unary_without_request(void **state)
{
	(void)state;
	say_call(&talk.out, 1, FRAME_NOMSG | FRAME_CLOSE, "Echo", nothing());
	talk_send(&talk);
	talk_expect_end(&talk, 1, STATUS_UNIMPLEMENTED, "exactly one request");
}

static void test_unary_two_requests(void **state)
{
	(void)state;
	say_call(&talk.out, 1, 0, "Echo", echo_message(&scratch, 5, 'x'));
	say_message(&talk.out, 1, FRAME_CLOSE, nothing());
	talk_send(&talk);
	talk_expect_end(&talk, 1, STATUS_UNIMPLEMENTED, "exactly one request");
}

static void test_server_streaming(void **state)
{
	(void)state;
	struct bytes request = numbers_message(&scratch, (uint64_t[]){3, 4}, 2);
	say_call(&talk.out, 1, FRAME_CLOSE, "Expand", request);
	talk_send(&talk);
	talk_expect(&talk, FRAME_MSG, 0, 1, bytes_of("\x0a\x04\0\0\0\0", 6));
	talk_expect(&talk, FRAME_MSG, 0, 1, bytes_of("\x0a\x04\1\0\0\0", 6));
	talk_expect(&talk, FRAME_MSG, 0, 1, bytes_of("\x0a\x04\2\0\0\0", 6));
	talk_expect(&talk, FRAME_END, FRAME_NOMSG, 1, nothing());
}

static void test_server_streaming_empty_messages(void **state)
{
	(void)state;
	struct bytes request = numbers_message(&scratch, (uint64_t[]){2}, 1);
	say_call(&talk.out, 1, FRAME_CLOSE, "Expand", request);
	talk_send(&talk);
	talk_expect(&talk, FRAME_MSG, 0, 1, nothing());
	talk_expect(&talk, FRAME_MSG, 0, 1, nothing());
	talk_expect_end(&talk, 1, STATUS_OK, "");
}

static void test_server_streaming_fails_after_messages(void **state)
{
	(void)state;
	struct bytes request =
		numbers_message(&scratch, (uint64_t[]){1, 0, 0, STATUS_NOT_FOUND}, 4);
	say_call(&talk.out, 1, FRAME_CLOSE, "Expand", request);
	talk_send(&talk);
	talk_expect(&talk, FRAME_MSG, 0, 1, nothing());
	talk_expect_end(&talk, 1, STATUS_NOT_FOUND, "as you asked");
}

static void test_client_streaming(void **state)
{
	(void)state;
	say_call(&talk.out, 1, FRAME_NOMSG, "Collect", nothing());
	for (int i = 0; i < 10; i++)
		say_message(&talk.out, 1, 0, echo_message(&scratch, 7, 'x'));
	say_message(&talk.out, 1, FRAME_NOMSG | FRAME_CLOSE, nothing());
	talk_send(&talk);
	talk_expect_answer(&talk, 1, bytes_of("\x08\x0a\x10\x46", 4));
}

static void test_client_streaming_first_message_in_call(void **state)
{
	(void)state;
	say_call(&talk.out, 1, 0, "Collect", echo_message(&scratch, 7, 'x'));
	say_message(&talk.out, 1, FRAME_CLOSE, nothing());
	talk_send(&talk);
	talk_expect_answer(&talk, 1, bytes_of("\x08\x02\x10\x07", 4));
}

static void test_client_streaming_without_messages(void **state)
{
	(void)state;
	say_call(&talk.out, 1, FRAME_NOMSG | FRAME_CLOSE, "Collect", nothing());
	talk_send(&talk);
	talk_expect_answer(&talk, 1, nothing());
}

static void test_bidirectional(void **state)
{
	(void)state;
	say_call(&talk.out, 1, FRAME_NOMSG, "Chat", nothing());
	for (uint8_t i = 1; i < 20; i++) {
		struct buffer body = {0};
		struct bytes message = echo_message(&body, i, i);
		say_message(&talk.out, 1, 0, message);
		talk_send(&talk);
		talk_expect(&talk, FRAME_MSG, 0, 1, message);
		buffer_deinit(&body);
	}
	say_message(&talk.out, 1, FRAME_NOMSG | FRAME_CLOSE, nothing());
	talk_send(&talk);
	talk_expect_end(&talk, 1, STATUS_OK, "");
}

static void test_streams_interleave(void **state)
{
	(void)state;
	struct bytes message = echo_message(&scratch, 20, 'x');
	say_call(&talk.out, 1, FRAME_MORE, "Echo", bytes_of(message.data, 5));
	say_call(&talk.out, 3, FRAME_MORE, "Echo", bytes_of(message.data, 6));
	say_message(&talk.out, 1, FRAME_MORE, bytes_of(message.data + 5, 5));
	say_message(&talk.out, 3, FRAME_CLOSE, bytes_of(message.data + 6, message.len - 6));
	talk_send(&talk);
	talk_expect_answer(&talk, 3, message);
	say_message(&talk.out, 1, FRAME_CLOSE, bytes_of(message.data + 10, message.len - 10));
	talk_send(&talk);
	talk_expect_answer(&talk, 1, message);
}

static void test_every_status(void **state)
{
	(void)state;
	uint32_t stream = 1;
	for (uint64_t code = 1; code < STATUS_COUNT; code++, stream += 2) {
		struct buffer body = {0};
		say_call(&talk.out, stream, FRAME_CLOSE, "Fail", numbers_message(&body, &code, 1));
		talk_send(&talk);
		talk_expect_end(&talk, stream, (enum status)code, NULL);
		buffer_deinit(&body);
	}
}

/* Details are dropped first, then the text is cut: an END always fits the peer's max_meta. */
static void test_large_details_are_dropped(void **state)
{
	(void)state;
	struct bytes request =
		numbers_message(&scratch, (uint64_t[]){STATUS_INTERNAL, 0, 5000, 9}, 4);
	say_call(&talk.out, 1, FRAME_CLOSE, "Fail", request);
	talk_send(&talk);
	struct end_meta meta = talk_expect_end(&talk, 1, STATUS_INTERNAL, "xxxx");
	assert_int_equal(meta.details, 0);
	assert_int_equal(meta.message.len, LIMIT_STATUS_MESSAGE);
}

static void test_details_are_kept(void **state)
{
	(void)state;
	struct bytes request = numbers_message(&scratch, (uint64_t[]){STATUS_INTERNAL, 0, 5, 3}, 4);
	say_call(&talk.out, 1, FRAME_CLOSE, "Fail", request);
	talk_send(&talk);
	struct end_meta meta = talk_expect_end(&talk, 1, STATUS_INTERNAL, "xxxxx");
	assert_int_equal(meta.details, 3);
}

static void test_unknown_method(void **state)
{
	(void)state;
	say_call(&talk.out, 1, FRAME_CLOSE, "Nothing", nothing());
	say_call_meta(&talk.out, 3, FRAME_CLOSE,
	              &(struct call_meta){.path = bytes_of_string("nonsense"), .path_id = 1},
	              nothing());
	say_call_meta(&talk.out, 5, FRAME_CLOSE, &(struct call_meta){.path_id = 1}, nothing());
	talk_send(&talk);
	talk_expect_end(&talk, 1, STATUS_UNIMPLEMENTED, "EchoService/Nothing");
	talk_expect_end(&talk, 3, STATUS_UNIMPLEMENTED, "nonsense");
	talk_expect_end(&talk, 5, STATUS_UNIMPLEMENTED, "path_id 1");
}

static void test_missing_handler(void **state)
{
	(void)state;
	say_call(&talk.out, 1, FRAME_CLOSE, "Missing", nothing());
	talk_send(&talk);
	talk_expect_end(&talk, 1, STATUS_UNIMPLEMENTED, NULL);
}

static void test_malformed_message(void **state)
{
	(void)state;
	say_call(&talk.out, 1, FRAME_CLOSE, "Echo", bytes_of("\x0a\x7f", 2));
	talk_send(&talk);
	talk_expect_end(&talk, 1, STATUS_INTERNAL, NULL);
	assert_int_equal(talk_ask(&talk, 3, "Echo", nothing()).len, 0);
}

static void test_deadline(void **state)
{
	(void)state;
	struct bytes request = numbers_message(&scratch, (uint64_t[]){60000}, 1);
	struct call_meta meta = {
		.path = echo_path("Wait"), .has_timeout = true, .timeout_us = 20000};
	say_call_meta(&talk.out, 1, FRAME_CLOSE, &meta, request);
	talk_send(&talk);
	struct end_meta end = talk_expect_end(&talk, 1, STATUS_DEADLINE_EXCEEDED, "20 ms");
	assert_true(end.server_us >= 20000);
}

static void test_deadline_of_nothing(void **state)
{
	(void)state;
	struct call_meta meta = {.path = echo_path("Echo"), .has_timeout = true, .timeout_us = 1};
	say_call_meta(&talk.out, 1, FRAME_MORE, &meta, bytes_of("\x0a", 1));
	talk_send(&talk);
	talk_expect_end(&talk, 1, STATUS_DEADLINE_EXCEEDED, NULL);
}

static void test_memory_of_a_call_is_limited(void **state)
{
	(void)state;
	struct bytes request = numbers_message(&scratch, (uint64_t[]){2 * LIMIT_CALL_ARENA}, 1);
	say_call(&talk.out, 1, FRAME_CLOSE, "Allocate", request);
	talk_send(&talk);
	talk_expect_end(&talk, 1, STATUS_RESOURCE_EXHAUSTED, NULL);
}

static void test_compressed_is_refused(void **state)
{
	(void)state;
	struct call_meta meta = {.path = echo_path("Echo"), .codec = 1};
	say_call_meta(&talk.out, 1, FRAME_CLOSE | FRAME_COMPRESSED, &meta, bytes_of("zip", 3));
	talk_send(&talk);
	talk_expect_end(&talk, 1, STATUS_UNIMPLEMENTED, "identity");
}

static void test_cancel(void **state)
{
	(void)state;
	struct bytes request = numbers_message(&scratch, (uint64_t[]){60000}, 1);
	say_call(&talk.out, 1, FRAME_CLOSE, "Wait", request);
	talk_send(&talk);
	say_cancel(&talk.out, 1, STATUS_CANCELLED);
	/* while it is received, before it is dispatched, by its deadline's name, and twice */
	say_call(&talk.out, 3, FRAME_MORE, "Echo", bytes_of("\x0a", 1));
	say_cancel(&talk.out, 3, STATUS_CANCELLED);
	say_call(&talk.out, 5, FRAME_CLOSE, "Echo", nothing());
	say_cancel(&talk.out, 5, STATUS_DEADLINE_EXCEEDED);
	say_cancel(&talk.out, 5, STATUS_CANCELLED);
	say_call(&talk.out, 7, FRAME_NOMSG, "Chat", nothing());
	talk_send(&talk);
	say_cancel(&talk.out, 7, STATUS_CANCELLED);
	say_message(&talk.out, 7, 0, nothing());
	talk_send(&talk);
	assert_int_equal(talk_ask(&talk, 9, "Echo", nothing()).len, 0);
}

static void test_token_is_taken(void **state)
{
	(void)state;
	struct talk with;
	struct hello hello = {.token = bytes_of_string("prk_0123456789")};
	talk_open(&with, server.address, &hello);
	assert_int_equal(talk_ask(&with, 1, "Echo", nothing()).len, 0);
	talk_close(&with);
}

#define TALK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TALK(test_greeting_tells_limits),
		TALK(test_unary_bytes),
		TALK(test_unary_empty),
		TALK(test_unary_many_at_once),
		TALK(test_unary_request_in_parts),
		TALK(test_unary_close_first),
		TALK(test_unary_close_alone),
		TALK(test_unary_without_request),
		TALK(test_unary_two_requests),
		TALK(test_server_streaming),
		TALK(test_server_streaming_empty_messages),
		TALK(test_server_streaming_fails_after_messages),
		TALK(test_client_streaming),
		TALK(test_client_streaming_first_message_in_call),
		TALK(test_client_streaming_without_messages),
		TALK(test_bidirectional),
		TALK(test_streams_interleave),
		TALK(test_every_status),
		TALK(test_large_details_are_dropped),
		TALK(test_details_are_kept),
		TALK(test_unknown_method),
		TALK(test_missing_handler),
		TALK(test_malformed_message),
		TALK(test_deadline),
		TALK(test_deadline_of_nothing),
		TALK(test_memory_of_a_call_is_limited),
		TALK(test_compressed_is_refused),
		TALK(test_cancel),
		TALK(test_token_is_taken),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
