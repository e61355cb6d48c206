/* libprism and generated stubs with a server of ours: every kind of call, every way to end. */
#include "echo.prism-client.h"
#include "tests/support/protocol.h"
#include "tests/talk/talk.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

typedef Prism__Test__V1__EchoMessage Message;

static struct prism_channel *channel_open(uv_loop_t *loop)
{
	struct prism_channel *channel;
	struct prism_channel_options options = {
		.protocol = test_protocol(), .address = server.address, .agent = "talk"};
	char message[256];
	if (prism_channel_open(&channel, &options, loop, message) != PRISM_OK)
		fail_msg("%s", message);
	return channel;
}

static Message message_of(const char *text)
{
	Message message = PRISM__TEST__V1__ECHO_MESSAGE__INIT;
	message.data = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
	return message;
}

/* --- blocking ------------------------------------------------------------------------------ */

static void test_unary(void **state)
{
	(void)state;
	struct prism_channel *channel = channel_open(NULL);
	struct prism_result result;
	for (int i = 0; i < 1000; i++) {
		char text[32];
		Message *answer = NULL;
		snprintf(text, sizeof text, "call %d", i);
		Message request = message_of(text);
		assert_int_equal(prism_test_v1_echo_service_echo_wait(channel, NULL, &request,
		                                                      &answer, &result),
		                 PRISM_OK);
		assert_int_equal(answer->data.len, strlen(text));
		assert_memory_equal(answer->data.data, text, strlen(text));
		prism__test__v1__echo_message__free_unpacked(answer, NULL);
	}
	prism_channel_close(channel, NULL, NULL);
}

static void test_large(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 65535, 65536, 262144, 1048576, 1048577, 4194000};
	struct prism_channel *channel = channel_open(NULL);
	uint8_t *data = malloc(LIMIT_MESSAGE);
	for (size_t i = 0; i < LIMIT_MESSAGE; i++)
		data[i] = (uint8_t)(i * 31 >> 3);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		Message request = PRISM__TEST__V1__ECHO_MESSAGE__INIT;
		Message *answer = NULL;
		request.data = (ProtobufCBinaryData){sizes[i], data};
		assert_int_equal(prism_test_v1_echo_service_echo_wait(channel, NULL, &request,
		                                                      &answer, NULL),
		                 PRISM_OK);
		assert_int_equal(answer->data.len, sizes[i]);
		assert_memory_equal(answer->data.data, data, sizes[i]);
		prism__test__v1__echo_message__free_unpacked(answer, NULL);
	}
	free(data);
	prism_channel_close(channel, NULL, NULL);
}

static void test_statuses(void **state)
{
	(void)state;
	struct prism_channel *channel = channel_open(NULL);
	for (uint32_t code = PRISM_CANCELLED; code <= PRISM_UNAUTHENTICATED; code++) {
		struct prism_result result;
		Prism__Test__V1__FailRequest request = PRISM__TEST__V1__FAIL_REQUEST__INIT;
		Message *answer = (Message *)&result;
		request.code = code;
		request.message = "w\xc3\xbcnscht";
		assert_int_equal(prism_test_v1_echo_service_fail_wait(channel, NULL, &request,
		                                                      &answer, &result),
		                 code);
		assert_null(answer);
		assert_string_equal(result.message, "w\xc3\xbcnscht");
	}
	prism_channel_close(channel, NULL, NULL);
}

static void test_refused(void **state)
{
	(void)state;
	struct prism_channel *channel = channel_open(NULL);
	struct prism_result result;
	Message request = message_of("x");
	struct prism_method unknown = prism_test_v1_echo_service_echo_method;
	unknown.path = "/prism.test.v1.EchoService/None";
	assert_int_equal(
		prism_test_v1_echo_service_missing_wait(channel, NULL, &request, NULL, &result),
		PRISM_UNIMPLEMENTED);
	assert_int_equal(prism_call_wait(channel, &unknown, NULL, &request.base, NULL, &result),
	                 PRISM_UNIMPLEMENTED);
	request.data = (ProtobufCBinaryData){2000, calloc(1, 2000)};
	assert_int_equal(
		prism_test_v1_echo_service_small_wait(channel, NULL, &request, NULL, &result),
		PRISM_RESOURCE_EXHAUSTED);
	free(request.data.data);
	prism_channel_close(channel, NULL, NULL);
}

static void test_deadline(void **state)
{
	(void)state;
	struct prism_channel *channel = channel_open(NULL);
	struct prism_result result;
	struct prism_call_options options = {.timeout_ms = 30};
	Prism__Test__V1__WaitRequest request = PRISM__TEST__V1__WAIT_REQUEST__INIT;
	request.ms = 60000;
	assert_int_equal(
		prism_test_v1_echo_service_wait_wait(channel, &options, &request, NULL, &result),
		PRISM_DEADLINE_EXCEEDED);
	assert_int_equal(result.outcome, PRISM_OUTCOME_UNKNOWN);
	server_settled_but(1); /* the server's side of the call has ended too */
	prism_channel_close(channel, NULL, NULL);
}

static void test_ping(void **state)
{
	(void)state;
	struct prism_channel *channel = channel_open(NULL);
	uint64_t round_trip_us = 0;
	assert_int_equal(prism_ping_wait(channel, 0, &round_trip_us, NULL), PRISM_OK);
	assert_true(round_trip_us > 0);
	prism_channel_close(channel, NULL, NULL);
}

/* --- streams --------------------------------------------------------------------------------- */

static struct prism_stream *expand(struct prism_channel *channel, uint32_t count, uint32_t size,
                                   uint32_t code)
{
	Prism__Test__V1__ExpandRequest request = PRISM__TEST__V1__EXPAND_REQUEST__INIT;
	request.count = count;
	request.size = size;
	request.code = code;
	struct prism_stream *stream = prism_stream_open(
		channel, &prism_test_v1_echo_service_expand_method, NULL, &request.base);
	assert_non_null(stream);
	return stream;
}

static uint32_t count_messages(struct prism_stream *stream, size_t size)
{
	Message *message;
	uint32_t count = 0;
	while ((message = (Message *)prism_stream_next(stream))) {
		assert_int_equal(message->data.len, size);
		assert_int_equal(message->data.data[0], (uint8_t)count);
		prism__test__v1__echo_message__free_unpacked(message, NULL);
		count++;
	}
	return count;
}

static void test_server_streaming(void **state)
{
	(void)state;
	struct prism_channel *channel = channel_open(NULL);
	struct prism_result result;
	struct prism_stream *stream = expand(channel, 3000, 1000, 0);
	assert_int_equal(count_messages(stream, 1000), 3000);
	assert_int_equal(prism_stream_close(stream, &result), PRISM_OK);
	stream = expand(channel, 3, 3000000, PRISM_DATA_LOSS);
	assert_int_equal(count_messages(stream, 3000000), 3);
	assert_int_equal(prism_stream_close(stream, &result), PRISM_DATA_LOSS);
	assert_string_equal(result.message, "as you asked");
	prism_channel_close(channel, NULL, NULL);
}

/* Nobody reads, and the server waits; another call goes by; closed before its end. */
static void test_stream_left(void **state)
{
	(void)state;
	struct prism_channel *channel = channel_open(NULL);
	Message request = message_of("beside it");
	struct prism_stream *stream = expand(channel, 100000, 10000, 0);
	Message *first = (Message *)prism_stream_next(stream);
	assert_non_null(first);
	prism__test__v1__echo_message__free_unpacked(first, NULL);
	for (int i = 0; i < 100; i++)
		assert_int_equal(
			prism_test_v1_echo_service_echo_wait(channel, NULL, &request, NULL, NULL),
			PRISM_OK);
	assert_int_equal(prism_stream_close(stream, NULL), PRISM_CANCELLED);
	server_settled_but(1);
	prism_channel_close(channel, NULL, NULL);
}

/* --- on a loop ---------------------------------------------------------------------------------
 */

struct seen {
	struct prism_call *call;
	unsigned messages, done, to_send;
	size_t bytes;
	enum prism_status status;
	uint64_t collected, collected_bytes;
};

static void on_message(void *ctx, struct prism_call *call, const ProtobufCMessage *message)
{
	struct seen *seen = ctx;
	(void)call;
	seen->messages++;
	if (message->descriptor == &prism__test__v1__collect_response__descriptor) {
		const Prism__Test__V1__CollectResponse *collected =
			(const Prism__Test__V1__CollectResponse *)message;
		seen->collected = collected->messages;
		seen->collected_bytes = collected->bytes;
	} else {
		seen->bytes += ((const Message *)message)->data.len;
	}
}

static void on_done(void *ctx, const struct prism_result *result)
{
	struct seen *seen = ctx;
	seen->done++;
	seen->status = result->status;
}

enum { SENT_SIZE = 5000 };

static void send_all(void *ctx, struct prism_call *call)
{
	static uint8_t data[SENT_SIZE];
	struct seen *seen = ctx;
	Message message = PRISM__TEST__V1__ECHO_MESSAGE__INIT;
	message.data = (ProtobufCBinaryData){SENT_SIZE, data};
	for (; seen->to_send > 0; seen->to_send--)
		if (!prism_call_send(call, &message.base))
			return;
	prism_call_close_send(call);
}

static void start(struct prism_channel *channel, const struct prism_method *method,
                  const ProtobufCMessage *request, struct seen *seen)
{
	struct prism_call_handler handler = {
		.message = on_message, .done = on_done, .ctx = seen, .writable = send_all};
	seen->call = prism_call_start(channel, method, NULL, request, &handler);
	assert_non_null(seen->call);
}

static void test_client_streaming(void **state)
{
	(void)state;
	uv_loop_t loop;
	uv_loop_init(&loop);
	struct prism_channel *channel = channel_open(&loop);
	struct seen seen[3] = {{.to_send = 0}, {.to_send = 1}, {.to_send = 4000}};
	for (int i = 0; i < 3; i++) {
		start(channel, &prism_test_v1_echo_service_collect_method, NULL, &seen[i]);
		send_all(&seen[i], seen[i].call);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	static const unsigned expected[] = {0, 1, 4000};
	for (int i = 0; i < 3; i++) {
		assert_int_equal(seen[i].done, 1);
		assert_int_equal(seen[i].status, PRISM_OK);
		assert_int_equal(seen[i].messages, 1);
		assert_int_equal(seen[i].collected, expected[i]);
		assert_int_equal(seen[i].collected_bytes, (size_t)expected[i] * SENT_SIZE);
	}
	prism_channel_close(channel, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_bidirectional(void **state)
{
	(void)state;
	uv_loop_t loop;
	uv_loop_init(&loop);
	struct prism_channel *channel = channel_open(&loop);
	struct seen seen[4] = {0};
	for (int i = 0; i < 4; i++) {
		seen[i].to_send = 1000;
		start(channel, &prism_test_v1_echo_service_chat_method, NULL, &seen[i]);
		send_all(&seen[i], seen[i].call);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(seen[i].status, PRISM_OK);
		assert_int_equal(seen[i].messages, 1000);
		assert_int_equal(seen[i].bytes, 1000 * SENT_SIZE);
	}
	prism_channel_close(channel, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_cancel(void **state)
{
	(void)state;
	uv_loop_t loop;
	uv_loop_init(&loop);
	struct prism_channel *channel = channel_open(&loop);
	struct seen seen[50] = {0};
	Prism__Test__V1__WaitRequest request = PRISM__TEST__V1__WAIT_REQUEST__INIT;
	request.ms = 60000;
	for (int i = 0; i < 50; i++)
		start(channel, &prism_test_v1_echo_service_wait_method, &request.base, &seen[i]);
	for (int i = 0; i < 5; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		for (int j = 0; j < 10; j++)
			prism_call_cancel(seen[i * 10 + j].call);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	for (int i = 0; i < 50; i++)
		assert_int_equal(seen[i].status, PRISM_CANCELLED);
	server_settled_but(1);
	prism_channel_close(channel, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

struct many {
	unsigned done, ok;
};

static void on_echo(void *ctx, const struct prism_result *result, const Message *response)
{
	struct many *many = ctx;
	many->done++;
	many->ok += result->status == PRISM_OK && response && response->data.len == 4;
}

static void test_many(void **state)
{
	(void)state;
	uv_loop_t loop;
	uv_loop_init(&loop);
	struct prism_channel *channels[4];
	struct many many = {0};
	Message request = message_of("echo");
	for (int i = 0; i < 4; i++)
		channels[i] = channel_open(&loop);
	for (int i = 0; i < 10000; i++)
		assert_non_null(prism_test_v1_echo_service_echo(channels[i % 4], NULL, &request,
		                                                on_echo, &many));
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(many.done, 10000);
	assert_int_equal(many.ok, 10000);
	for (int i = 0; i < 4; i++)
		prism_channel_close(channels[i], NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* A channel per thread. */
static void *echo_in_thread(void *address)
{
	struct prism_channel *channel;
	struct prism_channel_options options = {.protocol = test_protocol(), .address = address};
	Message request = message_of("thread");
	intptr_t ok = 0;
	if (prism_channel_open(&channel, &options, NULL, NULL) != PRISM_OK)
		return NULL;
	for (int i = 0; i < 500; i++)
		ok += prism_test_v1_echo_service_echo_wait(channel, NULL, &request, NULL, NULL) ==
		      PRISM_OK;
	prism_channel_close(channel, NULL, NULL);
	return (void *)ok;
}

static void test_threads(void **state)
{
	(void)state;
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, echo_in_thread, server.address),
		                 0);
	for (int i = 0; i < 4; i++) {
		void *ok;
		pthread_join(threads[i], &ok);
		assert_int_equal((intptr_t)ok, 500);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_unary, server_test_teardown),
		cmocka_unit_test_teardown(test_large, server_test_teardown),
		cmocka_unit_test_teardown(test_statuses, server_test_teardown),
		cmocka_unit_test_teardown(test_refused, server_test_teardown),
		cmocka_unit_test_teardown(test_deadline, server_test_teardown),
		cmocka_unit_test_teardown(test_ping, server_test_teardown),
		cmocka_unit_test_teardown(test_server_streaming, server_test_teardown),
		cmocka_unit_test_teardown(test_stream_left, server_test_teardown),
		cmocka_unit_test_teardown(test_client_streaming, server_test_teardown),
		cmocka_unit_test_teardown(test_bidirectional, server_test_teardown),
		cmocka_unit_test_teardown(test_cancel, server_test_teardown),
		cmocka_unit_test_teardown(test_many, server_test_teardown),
		cmocka_unit_test_teardown(test_threads, server_test_teardown),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
