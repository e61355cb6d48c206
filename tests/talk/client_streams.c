/* Generated stubs of methods that take a stream of requests, on a loop and blocking. */
#include "echo.prism-client.h"
#include "tests/support/protocol.h"
#include "tests/talk/talk.h"

#include <uv.h>

typedef Prism__Test__V1__EchoMessage Message;
typedef Prism__Test__V1__CollectResponse Collected;

enum { MANY = 2000, SIZE = 5000 };

static struct prism_channel *channel_open(uv_loop_t *loop)
{
	struct prism_channel *channel;
	struct prism_channel_options options = {.protocol = test_protocol(),
	                                        .address = server.address};
	char message[256];
	if (prism_channel_open(&channel, &options, loop, message) != PRISM_OK)
		fail_msg("%s", message);
	return channel;
}

static const Message *some_message(void)
{
	static uint8_t data[SIZE];
	static Message message = PRISM__TEST__V1__ECHO_MESSAGE__INIT;
	message.data = (ProtobufCBinaryData){SIZE, data};
	return &message;
}

/* --- on a loop ---------------------------------------------------------------------------- */

struct seen {
	unsigned to_send, messages, done, writable;
	uint64_t collected;
	enum prism_status status;
};

static void collect_send(struct seen *seen, struct prism_call *call)
{
	for (; seen->to_send > 0; seen->to_send--)
		if (!prism_test_v1_echo_service_collect_call_send(call, some_message()))
			return;
	prism_call_close_send(call);
}

static void collect_writable(void *ctx, struct prism_call *call)
{
	struct seen *seen = ctx;
	seen->writable++;
	collect_send(seen, call);
}

static void collect_done(void *ctx, const struct prism_result *result, const Collected *response)
{
	struct seen *seen = ctx;
	seen->done++;
	seen->status = result->status;
	seen->collected = response ? response->messages : 0;
}

static void finish(struct prism_channel *channel, uv_loop_t *loop)
{
	prism_channel_close(channel, NULL, NULL);
	uv_run(loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(loop), 0);
}

/* Far more than fits at once: writable() is what goes on. */
static void test_client_streaming(void **state)
{
	(void)state;
	uv_loop_t loop;
	uv_loop_init(&loop);
	struct prism_channel *channel = channel_open(&loop);
	struct seen seen = {.to_send = MANY};
	struct prism_call *call = prism_test_v1_echo_service_collect(channel, NULL, collect_done,
	                                                             collect_writable, &seen);
	assert_non_null(call);
	collect_send(&seen, call);
	assert_true(seen.to_send > 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	finish(channel, &loop);
	assert_true(seen.writable > 0);
	assert_int_equal(seen.done, 1);
	assert_int_equal(seen.status, PRISM_OK);
	assert_int_equal(seen.collected, MANY);
}

/* One that its caller ends, and one without any callback that the channel's end ends. */
static void test_cancelled(void **state)
{
	(void)state;
	uv_loop_t loop;
	uv_loop_init(&loop);
	struct prism_channel *channel = channel_open(&loop);
	struct seen seen = {0};
	assert_non_null(prism_test_v1_echo_service_collect(channel, NULL, NULL, NULL, NULL));
	assert_non_null(prism_test_v1_echo_service_chat(channel, NULL, NULL, NULL, NULL, NULL));
	struct prism_call *call =
		prism_test_v1_echo_service_collect(channel, NULL, collect_done, NULL, &seen);
	assert_true(prism_test_v1_echo_service_collect_call_send(call, some_message()));
	prism_call_cancel(call);
	while (seen.done == 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(seen.status, PRISM_CANCELLED);
	finish(channel, &loop);
	assert_int_equal(seen.done, 1);
}

static void chat_message(void *ctx, struct prism_call *call, const Message *response)
{
	struct seen *seen = ctx;
	assert_int_equal(response->data.len, SIZE);
	if (++seen->messages == MANY)
		prism_call_close_send(call);
	else
		assert_true(prism_test_v1_echo_service_chat_call_send(call, some_message()));
}

static void chat_done(void *ctx, const struct prism_result *result)
{
	struct seen *seen = ctx;
	seen->done++;
	seen->status = result->status;
}

static void test_bidirectional(void **state)
{
	(void)state;
	uv_loop_t loop;
	uv_loop_init(&loop);
	struct prism_channel *channel = channel_open(&loop);
	struct seen seen = {0};
	struct prism_call *call = prism_test_v1_echo_service_chat(channel, NULL, chat_message,
	                                                          chat_done, NULL, &seen);
	assert_true(prism_test_v1_echo_service_chat_call_send(call, some_message()));
	uv_run(&loop, UV_RUN_DEFAULT);
	finish(channel, &loop);
	assert_int_equal(seen.messages, MANY);
	assert_int_equal(seen.done, 1);
	assert_int_equal(seen.status, PRISM_OK);
}

/* --- blocking ------------------------------------------------------------------------------ */

static void test_finish(void **state)
{
	(void)state;
	struct prism_channel *channel = channel_open(NULL);
	for (unsigned count = 0; count <= MANY; count += MANY / 2) {
		struct prism_test_v1_echo_service_collect_stream *stream =
			prism_test_v1_echo_service_collect_open(channel, NULL);
		Collected *response;
		for (unsigned i = 0; i < count; i++)
			assert_true(prism_test_v1_echo_service_collect_stream_send(stream,
			                                                           some_message()));
		assert_int_equal(prism_test_v1_echo_service_collect_finish(stream, &response, NULL),
		                 PRISM_OK);
		assert_int_equal(response->messages, count);
		assert_int_equal(response->bytes, (uint64_t)count * SIZE);
		prism__test__v1__collect_response__free_unpacked(response, NULL);
	}
	prism_channel_close(channel, NULL, NULL);
}

static void test_deadline(void **state)
{
	(void)state;
	struct prism_channel *channel = channel_open(NULL);
	struct prism_call_options brief = {.timeout_ms = 20};
	struct prism_test_v1_echo_service_collect_stream *stream =
		prism_test_v1_echo_service_collect_open(channel, &brief);
	Collected *response = (Collected *)&brief;
	while (prism_test_v1_echo_service_collect_stream_send(stream, some_message()))
		;
	assert_int_equal(prism_test_v1_echo_service_collect_finish(stream, &response, NULL),
	                 PRISM_DEADLINE_EXCEEDED);
	assert_null(response);
	assert_int_equal(prism_test_v1_echo_service_collect_finish(NULL, &response, NULL),
	                 PRISM_RESOURCE_EXHAUSTED);
	prism_channel_close(channel, NULL, NULL);
}

static void test_ping_pong(void **state)
{
	(void)state;
	struct prism_channel *channel = channel_open(NULL);
	struct prism_test_v1_echo_service_chat_stream *stream =
		prism_test_v1_echo_service_chat_open(channel, NULL);
	for (int i = 0; i < 100; i++) {
		assert_true(prism_test_v1_echo_service_chat_stream_send(stream, some_message()));
		Message *answer = prism_test_v1_echo_service_chat_next(stream);
		assert_non_null(answer);
		assert_int_equal(answer->data.len, SIZE);
		prism__test__v1__echo_message__free_unpacked(answer, NULL);
	}
	prism_test_v1_echo_service_chat_close_send(stream);
	assert_false(prism_test_v1_echo_service_chat_stream_send(stream, some_message()));
	assert_null(prism_test_v1_echo_service_chat_next(stream));
	assert_int_equal(prism_test_v1_echo_service_chat_close(stream, NULL), PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
}

/* The server answers the first message, late enough that by then its sender waits for room: the
 * sender is told, although the answer has not been taken. */
static void test_answered_while_sending(void **state)
{
	(void)state;
	static uint8_t late[SIZE] = {200};
	struct prism_channel *channel = channel_open(NULL);
	struct prism_test_v1_echo_service_hasten_stream *stream =
		prism_test_v1_echo_service_hasten_open(channel, NULL);
	Message first = PRISM__TEST__V1__ECHO_MESSAGE__INIT, *answer;
	first.data = (ProtobufCBinaryData){SIZE, late};
	assert_true(prism_test_v1_echo_service_hasten_stream_send(stream, &first));
	while (prism_test_v1_echo_service_hasten_stream_send(stream, some_message()))
		;
	assert_int_equal(prism_test_v1_echo_service_hasten_finish(stream, &answer, NULL), PRISM_OK);
	assert_int_equal(answer->data.len, SIZE);
	prism__test__v1__echo_message__free_unpacked(answer, NULL);
	prism_channel_close(channel, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_client_streaming, server_test_teardown),
		cmocka_unit_test_teardown(test_cancelled, server_test_teardown),
		cmocka_unit_test_teardown(test_bidirectional, server_test_teardown),
		cmocka_unit_test_teardown(test_finish, server_test_teardown),
		cmocka_unit_test_teardown(test_deadline, server_test_teardown),
		cmocka_unit_test_teardown(test_ping_pong, server_test_teardown),
		cmocka_unit_test_teardown(test_answered_while_sending, server_test_teardown),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
