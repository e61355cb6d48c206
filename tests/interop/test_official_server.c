/* gRPC's interoperability cases, our client against gRPC's own server; with
 * PRISM_INTEROP_SERVER=ours against ours, over the protocol of the test
 * (https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md). */
#include "client/channel.h"
#include "interop.prism-client.h"
#include "tests/support/program.h"
#include "tests/support/protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef Grpc__Testing__Empty Empty;
typedef Grpc__Testing__Payload Payload;
typedef Grpc__Testing__SimpleRequest SimpleRequest;
typedef Grpc__Testing__SimpleResponse SimpleResponse;
typedef Grpc__Testing__StreamingInputCallRequest InputRequest;
typedef Grpc__Testing__StreamingInputCallResponse InputResponse;
typedef Grpc__Testing__StreamingOutputCallRequest OutputRequest;
typedef Grpc__Testing__StreamingOutputCallResponse OutputResponse;
typedef Grpc__Testing__ResponseParameters Parameters;

enum { LARGE_ANSWER = 314159, LARGE_REQUEST = 271828 };

static struct program server;
static struct prism_channel *channel;

static bool server_is_ours(void)
{
	const char *which = getenv("PRISM_INTEROP_SERVER");
	return which && strcmp(which, "ours") == 0;
}

static int group_setup(void **state)
{
	(void)state;
	const char *const official[] = {"/usr/bin/ruby", OFFICIAL_SERVER, NULL};
	const char *const ours[] = {program_path("prismd-echo"), NULL};
	program_start(&server, server_is_ours() ? ours : official, NULL);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	assert_int_equal(program_stop(&server), 0);
	return 0;
}

static int channel_setup(void **state)
{
	(void)state;
	const struct prism_channel_options options = {.protocol = server_is_ours() ? test_protocol()
	                                                                           : PRISM_GRPC,
	                                              .address = server.address,
	                                              .agent = "interop"};
	char message[256];
	if (prism_channel_open(&channel, &options, NULL, message) != PRISM_OK)
		fail_msg("%s", message);
	return 0;
}

static int channel_teardown(void **state)
{
	(void)state;
	prism_channel_close(channel, NULL, NULL);
	return 0;
}

/* --- what the cases are made of ------------------------------------------------------------ */

static void expect_status(enum prism_status status, enum prism_status expected,
                          const struct prism_result *result)
{
	if (status != expected)
		fail_msg("%s instead of %s: %s", prism_status_name(status),
		         prism_status_name(expected), result->message);
}

static Payload payload_of(size_t size)
{
	static uint8_t zeros[LARGE_REQUEST];
	Payload payload = GRPC__TESTING__PAYLOAD__INIT;
	payload.body = (ProtobufCBinaryData){size, zeros};
	return payload;
}

/* A request for answers of these sizes, with a payload of its own. */
struct output {
	OutputRequest request;
	Payload payload;
	Parameters parameters[4], *list[4];
};

static void output_init(struct output *output, const int *sizes, size_t count, size_t payload)
{
	output->request = (OutputRequest)GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
	output->payload = payload_of(payload);
	if (payload > 0)
		output->request.payload = &output->payload;
	for (size_t i = 0; i < count; i++) {
		output->parameters[i] = (Parameters)GRPC__TESTING__RESPONSE_PARAMETERS__INIT;
		output->parameters[i].size = sizes[i];
		output->list[i] = &output->parameters[i];
	}
	output->request.n_response_parameters = count;
	output->request.response_parameters = output->list;
}

static const int SIZES[] = {31415, 9, 2653, 58979};
static const size_t PAYLOADS[] = {27182, 8, 1828, 45904};

static void expect_size(OutputResponse *response, int size)
{
	assert_non_null(response);
	assert_int_equal(response->payload->body.len, size);
	grpc__testing__streaming_output_call_response__free_unpacked(response, NULL);
}

/* --- the cases ------------------------------------------------------------------------------- */

static void empty_unary(void **state)
{
	(void)state;
	Empty request = GRPC__TESTING__EMPTY__INIT, *response;
	struct prism_result result;
	expect_status(grpc_testing_test_service_empty_call_wait(channel, NULL, &request, &response,
	                                                        &result),
	              PRISM_OK, &result);
	grpc__testing__empty__free_unpacked(response, NULL);
}

static void large_unary(void **state)
{
	(void)state;
	SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
	SimpleResponse *response;
	Payload payload = payload_of(LARGE_REQUEST);
	struct prism_result result;
	request.response_size = LARGE_ANSWER;
	request.payload = &payload;
	expect_status(grpc_testing_test_service_unary_call_wait(channel, NULL, &request, &response,
	                                                        &result),
	              PRISM_OK, &result);
	assert_int_equal(response->payload->body.len, LARGE_ANSWER);
	grpc__testing__simple_response__free_unpacked(response, NULL);
}

static void client_streaming(void **state)
{
	(void)state;
	struct grpc_testing_test_service_streaming_input_call_stream *stream =
		grpc_testing_test_service_streaming_input_call_open(channel, NULL);
	InputResponse *response;
	struct prism_result result;
	for (int i = 0; i < 4; i++) {
		Payload payload = payload_of(PAYLOADS[i]);
		InputRequest request = GRPC__TESTING__STREAMING_INPUT_CALL_REQUEST__INIT;
		request.payload = &payload;
		assert_true(grpc_testing_test_service_streaming_input_call_stream_send(stream,
		                                                                       &request));
	}
	expect_status(
		grpc_testing_test_service_streaming_input_call_finish(stream, &response, &result),
		PRISM_OK, &result);
	assert_int_equal(response->aggregated_payload_size, 74922);
	grpc__testing__streaming_input_call_response__free_unpacked(response, NULL);
}

static void server_streaming(void **state)
{
	(void)state;
	struct output output;
	struct prism_result result;
	output_init(&output, SIZES, 4, 0);
	struct prism_stream *stream =
		prism_stream_open(channel, &grpc_testing_test_service_streaming_output_call_method,
	                          NULL, &output.request.base);
	for (int i = 0; i < 4; i++)
		expect_size((OutputResponse *)prism_stream_next(stream), SIZES[i]);
	assert_null(prism_stream_next(stream));
	expect_status(prism_stream_close(stream, &result), PRISM_OK, &result);
}

static struct grpc_testing_test_service_full_duplex_call_stream *duplex_open(
	const struct prism_call_options *options)
{
	return grpc_testing_test_service_full_duplex_call_open(channel, options);
}

static void ping_pong(void **state)
{
	(void)state;
	struct grpc_testing_test_service_full_duplex_call_stream *stream = duplex_open(NULL);
	struct output output;
	struct prism_result result;
	for (int i = 0; i < 4; i++) {
		output_init(&output, &SIZES[i], 1, PAYLOADS[i]);
		assert_true(grpc_testing_test_service_full_duplex_call_stream_send(
			stream, &output.request));
		expect_size(grpc_testing_test_service_full_duplex_call_next(stream), SIZES[i]);
	}
	grpc_testing_test_service_full_duplex_call_close_send(stream);
	assert_null(grpc_testing_test_service_full_duplex_call_next(stream));
	expect_status(grpc_testing_test_service_full_duplex_call_close(stream, &result), PRISM_OK,
	              &result);
}

static void empty_stream(void **state)
{
	(void)state;
	struct grpc_testing_test_service_full_duplex_call_stream *stream = duplex_open(NULL);
	struct prism_result result;
	grpc_testing_test_service_full_duplex_call_close_send(stream);
	assert_null(grpc_testing_test_service_full_duplex_call_next(stream));
	expect_status(grpc_testing_test_service_full_duplex_call_close(stream, &result), PRISM_OK,
	              &result);
}

static void cancel_after_begin(void **state)
{
	(void)state;
	struct prism_result result;
	struct prism_stream *stream = prism_stream_open(
		channel, &grpc_testing_test_service_streaming_input_call_method, NULL, NULL);
	expect_status(prism_stream_close(stream, &result), PRISM_CANCELLED, &result);
	empty_unary(state);
}

static void cancel_after_first_response(void **state)
{
	(void)state;
	struct grpc_testing_test_service_full_duplex_call_stream *stream = duplex_open(NULL);
	struct output output;
	struct prism_result result;
	output_init(&output, &SIZES[0], 1, PAYLOADS[0]);
	assert_true(
		grpc_testing_test_service_full_duplex_call_stream_send(stream, &output.request));
	expect_size(grpc_testing_test_service_full_duplex_call_next(stream), SIZES[0]);
	expect_status(grpc_testing_test_service_full_duplex_call_close(stream, &result),
	              PRISM_CANCELLED, &result);
	empty_unary(state);
}

static void timeout_on_sleeping_server(void **state)
{
	(void)state;
	const struct prism_call_options brief = {.timeout_ms = 1};
	struct grpc_testing_test_service_full_duplex_call_stream *stream = duplex_open(&brief);
	struct output output;
	struct prism_result result;
	output_init(&output, NULL, 0, PAYLOADS[0]);
	bool sent = grpc_testing_test_service_full_duplex_call_stream_send(stream, &output.request);
	(void)sent; /* its time may be over already */
	assert_null(grpc_testing_test_service_full_duplex_call_next(stream));
	expect_status(grpc_testing_test_service_full_duplex_call_close(stream, &result),
	              PRISM_DEADLINE_EXCEEDED, &result);
}

static void ends_with(const char *message)
{
	Grpc__Testing__EchoStatus wanted = GRPC__TESTING__ECHO_STATUS__INIT;
	SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
	struct prism_result result;
	struct output output;
	wanted.code = PRISM_UNKNOWN;
	wanted.message = (char *)message;
	request.response_status = &wanted;
	expect_status(
		grpc_testing_test_service_unary_call_wait(channel, NULL, &request, NULL, &result),
		PRISM_UNKNOWN, &result);
	assert_string_equal(result.message, message);
	struct grpc_testing_test_service_full_duplex_call_stream *stream = duplex_open(NULL);
	output_init(&output, NULL, 0, 0);
	output.request.response_status = &wanted;
	assert_true(
		grpc_testing_test_service_full_duplex_call_stream_send(stream, &output.request));
	grpc_testing_test_service_full_duplex_call_close_send(stream);
	assert_null(grpc_testing_test_service_full_duplex_call_next(stream));
	expect_status(grpc_testing_test_service_full_duplex_call_close(stream, &result),
	              PRISM_UNKNOWN, &result);
	assert_string_equal(result.message, message);
}

static void status_code_and_message(void **state)
{
	(void)state;
	ends_with("test status message");
}

static void special_status_message(void **state)
{
	(void)state;
	ends_with("\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba and non-BMP "
	          "\xf0\x9f\x98\x88\t\n");
}

static void unimplemented_method(void **state)
{
	(void)state;
	Empty request = GRPC__TESTING__EMPTY__INIT;
	struct prism_result result;
	expect_status(grpc_testing_test_service_unimplemented_call_wait(channel, NULL, &request,
	                                                                NULL, &result),
	              PRISM_UNIMPLEMENTED, &result);
}

static void unimplemented_service(void **state)
{
	(void)state;
	struct prism_method method = grpc_testing_test_service_unimplemented_call_method;
	Empty request = GRPC__TESTING__EMPTY__INIT;
	struct prism_result result;
	method.path = "/grpc.testing.UnimplementedService/UnimplementedCall";
	expect_status(prism_call_wait(channel, &method, NULL, &request.base, NULL, &result),
	              PRISM_UNIMPLEMENTED, &result);
}

/* --- metadata: sent, and sent back -------------------------------------------------------------
 */

static const char INITIAL_KEY[] = "x-grpc-test-echo-initial";
static const char TRAILING_KEY[] = "x-grpc-test-echo-trailing-bin";
static const char INITIAL_VALUE[] = "test_initial_metadata_value";
static const uint8_t TRAILING_VALUE[] = {0xab, 0xab, 0xab};

static const struct prism_metadata ECHOED[] = {
	{INITIAL_KEY, INITIAL_VALUE, sizeof INITIAL_VALUE - 1},
	{TRAILING_KEY, TRAILING_VALUE, sizeof TRAILING_VALUE},
};

static void expect_entry(const struct prism_metadata *list, size_t count,
                         const struct prism_metadata *expected)
{
	const struct prism_metadata *entry = prism_metadata_find(list, count, expected->key);
	assert_non_null(entry);
	assert_int_equal(entry->value_len, expected->value_len);
	assert_memory_equal(entry->value, expected->value, expected->value_len);
}

static void expect_initial(const struct prism_response_metadata *metadata)
{
	size_t count;
	const struct prism_metadata *list = prism_response_metadata_initial(metadata, &count);
	expect_entry(list, count, &ECHOED[0]);
	assert_null(prism_metadata_find(list, count, TRAILING_KEY));
}

static void expect_echoed(const struct prism_response_metadata *metadata)
{
	size_t count;
	const struct prism_metadata *list = prism_response_metadata_trailing(metadata, &count);
	expect_entry(list, count, &ECHOED[1]);
	assert_null(prism_metadata_find(list, count, INITIAL_KEY));
	expect_initial(metadata);
}

static void custom_metadata_unary(const struct prism_call_options *options)
{
	SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
	SimpleResponse *response;
	Payload payload = payload_of(LARGE_REQUEST);
	struct prism_result result;
	request.response_size = LARGE_ANSWER;
	request.payload = &payload;
	expect_status(grpc_testing_test_service_unary_call_wait(channel, options, &request,
	                                                        &response, &result),
	              PRISM_OK, &result);
	assert_int_equal(response->payload->body.len, LARGE_ANSWER);
	grpc__testing__simple_response__free_unpacked(response, NULL);
	expect_echoed(options->response_metadata);
}

static void custom_metadata_duplex(const struct prism_call_options *options)
{
	static const int size = LARGE_ANSWER;
	struct grpc_testing_test_service_full_duplex_call_stream *stream = duplex_open(options);
	struct output output;
	struct prism_result result;
	output_init(&output, &size, 1, LARGE_REQUEST);
	assert_true(
		grpc_testing_test_service_full_duplex_call_stream_send(stream, &output.request));
	assert_true(prism_stream_wait_initial((struct prism_stream *)stream));
	expect_initial(options->response_metadata);
	grpc_testing_test_service_full_duplex_call_close_send(stream);
	expect_size(grpc_testing_test_service_full_duplex_call_next(stream), size);
	assert_null(grpc_testing_test_service_full_duplex_call_next(stream));
	expect_status(grpc_testing_test_service_full_duplex_call_close(stream, &result), PRISM_OK,
	              &result);
	expect_echoed(options->response_metadata);
}

static void custom_metadata(void **state)
{
	(void)state;
	struct prism_response_metadata *metadata = prism_response_metadata_new();
	const struct prism_call_options options = {
		.metadata = ECHOED, .metadata_count = 2, .response_metadata = metadata};
	custom_metadata_unary(&options);
	custom_metadata_duplex(&options);
	prism_response_metadata_free(metadata);
}

/* --- compression: who asked for it is told whether it was ------------------------------------ */

static void unary_compressed(bool expected, bool compressed, enum prism_status status)
{
	const struct prism_call_options options = {.compress = compressed};
	Grpc__Testing__BoolValue expect = GRPC__TESTING__BOOL_VALUE__INIT;
	SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
	Payload payload = payload_of(LARGE_REQUEST);
	struct prism_result result;
	expect.value = expected;
	request.expect_compressed = &expect;
	request.response_size = LARGE_ANSWER;
	request.payload = &payload;
	expect_status(grpc_testing_test_service_unary_call_wait(channel, &options, &request, NULL,
	                                                        &result),
	              status, &result);
}

static void client_compressed_unary(void **state)
{
	(void)state;
	if (!server_is_ours() || test_protocol() != PRISM_GRPC)
		skip(); /* it does not look whether a message was */
	unary_compressed(true, false, PRISM_INVALID_ARGUMENT);
	unary_compressed(true, true, PRISM_OK);
	unary_compressed(false, false, PRISM_OK);
}

static void client_compressed_streaming(void **state)
{
	(void)state;
	if (!server_is_ours() || test_protocol() != PRISM_GRPC)
		skip();
	static const size_t sizes[] = {27182, 45904};
	const struct prism_call_options options = {.compress = true};
	struct prism_stream *stream = prism_stream_open(
		channel, &grpc_testing_test_service_streaming_input_call_method, &options, NULL);
	InputResponse *response;
	struct prism_result result;
	for (int i = 0; i < 2; i++) {
		Grpc__Testing__BoolValue expect = GRPC__TESTING__BOOL_VALUE__INIT;
		InputRequest request = GRPC__TESTING__STREAMING_INPUT_CALL_REQUEST__INIT;
		Payload payload = payload_of(sizes[i]);
		expect.value = i == 0;
		request.expect_compressed = &expect;
		request.payload = &payload;
		prism_stream_compress(stream, i == 0);
		assert_true(prism_stream_send(stream, &request.base));
	}
	expect_status(prism_stream_finish(stream, (ProtobufCMessage **)&response, &result),
	              PRISM_OK, &result);
	assert_int_equal(response->aggregated_payload_size, 73086);
	grpc__testing__streaming_input_call_response__free_unpacked(response, NULL);
}

/* Whatever it looks at, it reads what is compressed. */
static void compressed_requests(void **state)
{
	(void)state;
	const struct prism_call_options options = {.compress = true};
	SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
	Payload payload = payload_of(LARGE_REQUEST);
	struct prism_result result;
	request.payload = &payload;
	for (int i = 0; i < 2; i++)
		expect_status(grpc_testing_test_service_unary_call_wait(channel, &options, &request,
		                                                        NULL, &result),
		              PRISM_OK, &result);
}

/* The first message that has to be decompressed makes the channel's state for it. */
static bool decompressed(void)
{
	return channel->gzip != NULL;
}

static void server_compressed_unary(void **state)
{
	(void)state;
	bool over_grpc = test_protocol() == PRISM_GRPC;
	if (!server_is_ours())
		skip(); /* it does not compress */
	for (int compressed = 0; compressed < 2; compressed++) {
		Grpc__Testing__BoolValue wanted = GRPC__TESTING__BOOL_VALUE__INIT;
		SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
		SimpleResponse *response;
		struct prism_result result;
		wanted.value = compressed;
		request.response_compressed = &wanted;
		request.response_size = LARGE_ANSWER;
		expect_status(grpc_testing_test_service_unary_call_wait(channel, NULL, &request,
		                                                        &response, &result),
		              PRISM_OK, &result);
		assert_int_equal(response->payload->body.len, LARGE_ANSWER);
		assert_int_equal(decompressed(), compressed && over_grpc);
		grpc__testing__simple_response__free_unpacked(response, NULL);
	}
}

static void server_compressed_streaming(void **state)
{
	(void)state;
	static const int sizes[] = {31415, 92653};
	bool over_grpc = test_protocol() == PRISM_GRPC;
	if (!server_is_ours())
		skip();
	Grpc__Testing__BoolValue wanted[2] = {GRPC__TESTING__BOOL_VALUE__INIT,
	                                      GRPC__TESTING__BOOL_VALUE__INIT};
	struct output output;
	struct prism_result result;
	output_init(&output, sizes, 2, 0);
	for (int i = 0; i < 2; i++) {
		wanted[i].value = i == 0;
		output.parameters[i].compressed = &wanted[i];
	}
	struct prism_stream *stream =
		prism_stream_open(channel, &grpc_testing_test_service_streaming_output_call_method,
	                          NULL, &output.request.base);
	for (int i = 0; i < 2; i++)
		expect_size((OutputResponse *)prism_stream_next(stream), sizes[i]);
	assert_null(prism_stream_next(stream));
	expect_status(prism_stream_close(stream, &result), PRISM_OK, &result);
	assert_int_equal(decompressed(), over_grpc);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, channel_setup, channel_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(empty_unary),
		CASE(large_unary),
		CASE(client_streaming),
		CASE(server_streaming),
		CASE(ping_pong),
		CASE(empty_stream),
		CASE(cancel_after_begin),
		CASE(cancel_after_first_response),
		CASE(timeout_on_sleeping_server),
		CASE(status_code_and_message),
		CASE(special_status_message),
		CASE(unimplemented_method),
		CASE(unimplemented_service),
		CASE(custom_metadata),
		CASE(client_compressed_unary),
		CASE(client_compressed_streaming),
		CASE(compressed_requests),
		CASE(server_compressed_unary),
		CASE(server_compressed_streaming),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
