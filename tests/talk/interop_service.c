/* grpc.testing.TestService, as gRPC's interoperability tests describe it. */
#include "daemon/rpc/metadata.h"
#include "interop.prism-server.h"
#include "proto/limits.h"
#include "tests/talk/echo_service.h"

typedef Grpc__Testing__Empty Empty;
typedef Grpc__Testing__Payload Payload;
typedef Grpc__Testing__SimpleRequest SimpleRequest;
typedef Grpc__Testing__SimpleResponse SimpleResponse;
typedef Grpc__Testing__StreamingInputCallResponse Collected;
typedef Grpc__Testing__StreamingOutputCallRequest OutputRequest;
typedef Grpc__Testing__StreamingOutputCallResponse OutputResponse;

enum { PAYLOAD_MAX = 4000000 };

static enum status echo_metadata(struct call *call)
{
	static const char HEAD[] = "x-grpc-test-echo-initial";
	static const char TRAILER[] = "x-grpc-test-echo-trailing-bin";
	struct bytes head = call_metadata(call, HEAD), trailer = call_metadata(call, TRAILER);
	if (head.data)
		TRY(call_add_head(call, HEAD, head));
	if (trailer.data)
		TRY(call_add_trailer(call, TRAILER, trailer));
	return STATUS_OK;
}

static enum status check_compressed(struct call *call, const Grpc__Testing__BoolValue *expected)
{
	if (!expected || expected->value == call->compressed)
		return STATUS_OK;
	return call_fail(call, STATUS_INVALID_ARGUMENT, "the message was %scompressed",
	                 call->compressed ? "" : "not ");
}

static enum status asked_for(struct call *call, const Grpc__Testing__EchoStatus *status)
{
	if (!status || status->code == 0)
		return STATUS_OK;
	return call_fail(call, status_from_number((uint32_t)status->code), "%s", status->message);
}

static enum status make_payload(struct call *call, int32_t size, struct arena *arena,
                                Payload **payload)
{
	if (size < 0 || size > PAYLOAD_MAX)
		return call_fail(call, STATUS_INVALID_ARGUMENT, "a payload has 0 to %d bytes",
		                 PAYLOAD_MAX);
	*payload = arena_alloc(arena, sizeof(**payload));
	uint8_t *body = arena_zalloc(arena, (size_t)size + 1);
	if (!*payload || !body)
		return call_no_memory(call);
	grpc__testing__payload__init(*payload);
	(*payload)->body.data = body;
	(*payload)->body.len = (size_t)size;
	return STATUS_OK;
}

static enum status empty_call(struct call *call, const Empty *request, Empty *response)
{
	(void)request;
	(void)response;
	return echo_metadata(call);
}

static enum status unary_call(struct call *call, const SimpleRequest *request,
                              SimpleResponse *response)
{
	TRY(check_compressed(call, request->expect_compressed));
	TRY(echo_metadata(call));
	TRY(asked_for(call, request->response_status));
	if (request->response_compressed && request->response_compressed->value)
		call->compression = COMPRESSION_ON;
	else
		call->compression = COMPRESSION_OFF;
	return make_payload(call, request->response_size, &call->arena, &response->payload);
}

/* The responses that one request asks for. */
static SUSPENDS enum status answer(struct call *call, const OutputRequest *request,
                                   struct arena *arena)
{
	TRY(asked_for(call, request->response_status));
	for (size_t i = 0; i < request->n_response_parameters; i++) {
		const Grpc__Testing__ResponseParameters *wanted = request->response_parameters[i];
		OutputResponse response = GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
		call->compression = wanted->compressed && wanted->compressed->value
		                            ? COMPRESSION_ON
		                            : COMPRESSION_OFF;
		if (wanted->interval_us > 0)
			TRY(call_pause(call, (uint32_t)wanted->interval_us / 1000 + 1));
		TRY(make_payload(call, wanted->size, arena, &response.payload));
		TRY(call_send(call, &response.base));
		arena_reset(arena);
	}
	return STATUS_OK;
}

static SUSPENDS enum status answer_in_turn(struct call *call, const OutputRequest *request)
{
	struct arena arena;
	arena_init(&arena, NULL, 0, LIMIT_CALL_ARENA);
	enum status status = answer(call, request, &arena);
	arena_deinit(&arena);
	return status;
}

static SUSPENDS enum status streaming_output_call(struct call *call, const OutputRequest *request)
{
	TRY(echo_metadata(call));
	return answer_in_turn(call, request);
}

static SUSPENDS enum status streaming_input_call(struct call *call, Collected *response)
{
	const Grpc__Testing__StreamingInputCallRequest *request;
	TRY(echo_metadata(call));
	for (;;) {
		TRY(grpc_testing_test_service_streaming_input_call_receive(call, &request));
		if (!request)
			return STATUS_OK;
		TRY(check_compressed(call, request->expect_compressed));
		if (request->payload)
			response->aggregated_payload_size += (int32_t)request->payload->body.len;
	}
}

static SUSPENDS enum status full_duplex_call(struct call *call)
{
	const OutputRequest *request;
	TRY(echo_metadata(call));
	for (;;) {
		TRY(grpc_testing_test_service_full_duplex_call_receive(call, &request));
		if (!request)
			return STATUS_OK;
		TRY(answer_in_turn(call, request));
	}
}

struct service interop_service(void)
{
	static const struct grpc_testing_test_service_handlers handlers = {
		.empty_call = empty_call,
		.unary_call = unary_call,
		.streaming_output_call = streaming_output_call,
		.streaming_input_call = streaming_input_call,
		.full_duplex_call = full_duplex_call,
	};
	return grpc_testing_test_service(&handlers);
}
