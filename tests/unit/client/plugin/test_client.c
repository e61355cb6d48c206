/* The generated calls of protos/good/kinds.proto, to a scripted server and to one that is not
 * there.
 */
#include "good/kinds.prism-client.h"
#include "good/odd.name-of.prism-client.h"
#include "tests/unit/client/peer.h"
#include "tests/unit/client/plugin/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

typedef Plugin__Kinds__V1__Thing Thing;

static const char NOWHERE[] = "unix:/nonexistent/prism.socket";

static Plugin__Kinds__V1__GetThingRequest request = PLUGIN__KINDS__V1__GET_THING_REQUEST__INIT;

struct ended {
	size_t times;
	enum prism_status status;
	bool closed;
};

static struct prism_channel *channel_to(const char *address, uv_loop_t *loop)
{
	struct prism_channel *channel;
	struct prism_channel_options options = {.address = address};
	char message[256] = "";
	enum prism_status status = prism_channel_open(&channel, &options, loop, message);
	assert_string_equal(message, "");
	assert_int_equal(status, PRISM_OK);
	return channel;
}

static void unary_done(void *ctx, const struct prism_result *result, const Thing *response)
{
	struct ended *ended = ctx;
	ended->times++;
	ended->status = result->status;
	assert_null(response);
}

static void stream_message(void *ctx, struct prism_call *call, const Thing *response)
{
	(void)ctx, (void)call, (void)response;
	fail_msg("a message from nowhere");
}

static void stream_done(void *ctx, const struct prism_result *result)
{
	struct ended *ended = ctx;
	ended->times++;
	ended->status = result->status;
}

static void channel_closed(void *ctx)
{
	struct ended *ended = ctx;
	ended->closed = true;
}

static void channel_end(uv_loop_t *loop, struct prism_channel *channel, struct ended *ended)
{
	prism_channel_close(channel, channel_closed, ended);
	uv_run(loop, UV_RUN_DEFAULT);
	assert_true(ended->closed);
	assert_int_equal(uv_loop_close(loop), 0);
}

/* --- a server that answers -------------------------------------------------------- */

enum { THINGS = 3 };

static struct bytes thing_packed(uint8_t wire[64], size_t i)
{
	char name[16];
	Thing thing = PLUGIN__KINDS__V1__THING__INIT;
	snprintf(name, sizeof name, "thing %zu", i);
	thing.id = (int64_t)i;
	thing.name = name;
	return bytes_of(wire, protobuf_c_message_pack(&thing.base, wire));
}

static void answer_one(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	uint8_t wire[64];
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	if (!bytes_equal_string(meta.path, "/plugin.kinds.v1.ThingService/GetThing"))
		peer_fail(peer, "another path");
	peer_answer(peer, frame.stream, thing_packed(wire, 7));
	peer_expect_close(peer);
}

static void answer_several(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	uint8_t wire[64];
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	for (size_t i = 0; i < THINGS; i++)
		peer_send_frame(peer, FRAME_MSG, 0, frame.stream, bytes_of(NULL, 0),
		                thing_packed(wire, i));
	peer_end(peer, frame.stream, &(struct end_meta){.code = STATUS_OK});
	peer_expect_close(peer);
}

struct answers {
	size_t things, ends;
	enum prism_status status;
	enum prism_outcome outcome;
	char names[64];
};

static void answers_message(void *ctx, struct prism_call *call, const Thing *response)
{
	struct answers *answers = ctx;
	assert_non_null(call);
	answers->things++;
	strcat(strcat(answers->names, response->name), ";");
}

static void answers_done(void *ctx, const struct prism_result *result)
{
	struct answers *answers = ctx;
	answers->ends++;
	answers->status = result->status;
	answers->outcome = result->outcome;
}

static void answers_both(void *ctx, const struct prism_result *result, const Thing *response)
{
	assert_non_null(response);
	answers_message(ctx, (struct prism_call *)ctx, response);
	answers_done(ctx, result);
}

static void an_async_answer_comes_with_its_result(void **state)
{
	(void)state;
	struct peer peer;
	uv_loop_t loop;
	struct answers answers = {0};
	struct ended ended = {0};
	peer_start(&peer, answer_one, NULL);
	assert_int_equal(uv_loop_init(&loop), 0);
	struct prism_channel *channel = channel_to(peer.address, &loop);
	assert_non_null(plugin_kinds_v1_thing_service_get_thing(channel, NULL, &request,
	                                                        answers_both, &answers));
	while (answers.ends == 0)
		uv_run(&loop, UV_RUN_ONCE);
	channel_end(&loop, channel, &ended);
	peer_stop(&peer);
	assert_int_equal(answers.ends, 1);
	assert_int_equal(answers.status, PRISM_OK);
	assert_int_equal(answers.outcome, PRISM_EXECUTED);
	assert_string_equal(answers.names, "thing 7;");
}

static void an_async_stream_tells_each_answer_and_its_end(void **state)
{
	(void)state;
	struct peer peer;
	uv_loop_t loop;
	struct answers answers = {0};
	struct ended ended = {0};
	peer_start(&peer, answer_several, NULL);
	assert_int_equal(uv_loop_init(&loop), 0);
	struct prism_channel *channel = channel_to(peer.address, &loop);
	assert_non_null(plugin_kinds_v1_thing_service_list_things(
		channel, NULL, &request, answers_message, answers_done, &answers));
	while (answers.ends == 0)
		uv_run(&loop, UV_RUN_ONCE);
	channel_end(&loop, channel, &ended);
	peer_stop(&peer);
	assert_int_equal(answers.ends, 1);
	assert_int_equal(answers.status, PRISM_OK);
	assert_string_equal(answers.names, "thing 0;thing 1;thing 2;");
}

static void a_blocking_answer_is_the_caller_s(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	Thing *thing = NULL;
	peer_start(&peer, answer_one, NULL);
	struct prism_channel *channel = channel_to(peer.address, NULL);
	assert_int_equal(plugin_kinds_v1_thing_service_get_thing_wait(channel, NULL, &request,
	                                                              &thing, &result),
	                 PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
	assert_string_equal(thing->name, "thing 7");
	assert_int_equal(result.status, PRISM_OK);
	plugin__kinds__v1__thing__free_unpacked(thing, NULL);
}

static void a_blocking_stream_gives_each_answer(void **state)
{
	(void)state;
	struct peer peer;
	size_t things = 0;
	peer_start(&peer, answer_several, NULL);
	struct prism_channel *channel = channel_to(peer.address, NULL);
	struct plugin_kinds_v1_thing_service_list_things_stream *stream =
		plugin_kinds_v1_thing_service_list_things_open(channel, NULL, &request);
	for (Thing *thing; (thing = plugin_kinds_v1_thing_service_list_things_next(stream));) {
		assert_int_equal(thing->id, things++);
		plugin__kinds__v1__thing__free_unpacked(thing, NULL);
	}
	assert_int_equal(plugin_kinds_v1_thing_service_list_things_close(stream, NULL), PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
	assert_int_equal(things, THINGS);
}

/* --- no server ---------------------------------------------------------------------- */

static void an_async_call_ends_once(void **state)
{
	(void)state;
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	struct prism_channel *channel = channel_to(NOWHERE, &loop);
	struct ended ended = {0};
	assert_non_null(plugin_kinds_v1_thing_service_get_thing(channel, NULL, &request, unary_done,
	                                                        &ended));
	assert_int_equal(ended.times, 0);
	while (ended.times == 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(ended.status, PRISM_UNAVAILABLE);
	channel_end(&loop, channel, &ended);
	assert_int_equal(ended.times, 1);
}

static void a_cancelled_call_ends_once(void **state)
{
	(void)state;
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	struct prism_channel *channel = channel_to(NOWHERE, &loop);
	struct ended ended = {0};
	const struct prism_call_options options = {.wait_for_ready = true};
	struct prism_call *call = plugin_kinds_v1_thing_service_list_things(
		channel, &options, &request, stream_message, stream_done, &ended);
	assert_non_null(call);
	prism_call_cancel(call);
	while (ended.times == 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(ended.status, PRISM_CANCELLED);
	channel_end(&loop, channel, &ended);
	assert_int_equal(ended.times, 1);
}

static void calls_without_interest_are_freed_with_their_channel(void **state)
{
	(void)state;
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	struct prism_channel *channel = channel_to(NOWHERE, &loop);
	struct ended ended = {0};
	assert_non_null(
		plugin_kinds_v1_thing_service_get_thing(channel, NULL, &request, NULL, NULL));
	assert_non_null(plugin_kinds_v1_thing_service_list_things(channel, NULL, &request, NULL,
	                                                          NULL, NULL));
	assert_non_null(plugin_kinds_v1_thing_service_list_things(channel, NULL, &request,
	                                                          stream_message, NULL, NULL));
	channel_end(&loop, channel, &ended);
}

static void blocking_calls_tell_why_they_failed(void **state)
{
	(void)state;
	struct prism_channel *channel = channel_to(NOWHERE, NULL);
	struct prism_result result;
	Thing *thing = (Thing *)&result;
	assert_int_equal(plugin_kinds_v1_thing_service_get_thing_wait(channel, NULL, &request,
	                                                              &thing, &result),
	                 PRISM_UNAVAILABLE);
	assert_null(thing);
	assert_int_equal(result.status, PRISM_UNAVAILABLE);
	assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
	assert_int_equal(
		plugin_kinds_v1_thing_service_get_thing_wait(channel, NULL, &request, NULL, NULL),
		PRISM_UNAVAILABLE);
	prism_channel_close(channel, NULL, NULL);
}

static void blocking_streams_tell_why_they_failed(void **state)
{
	(void)state;
	struct prism_channel *channel = channel_to(NOWHERE, NULL);
	struct plugin_kinds_v1_thing_service_list_things_stream *stream =
		plugin_kinds_v1_thing_service_list_things_open(channel, NULL, &request);
	assert_non_null(stream);
	assert_null(plugin_kinds_v1_thing_service_list_things_next(stream));
	assert_int_equal(plugin_kinds_v1_thing_service_list_things_close(stream, NULL),
	                 PRISM_UNAVAILABLE);
	prism_channel_close(channel, NULL, NULL);
}

static void every_kind_has_its_method(void **state)
{
	(void)state;
	const struct prism_method *get = &plugin_kinds_v1_thing_service_get_thing_method;
	assert_string_equal(get->path, "/plugin.kinds.v1.ThingService/GetThing");
	assert_int_equal(get->kind, PRISM_UNARY);
	assert_int_equal(get->timeout_ms, 1500);
	assert_int_equal(get->idempotency, PRISM_READ);
	assert_ptr_equal(get->response, &plugin__kinds__v1__thing__descriptor);
	assert_int_equal(plugin_kinds_v1_thing_service_list_things_method.kind,
	                 PRISM_SERVER_STREAMING);
	assert_int_equal(plugin_kinds_v1_thing_service_add_things_method.kind,
	                 PRISM_CLIENT_STREAMING);
	assert_int_equal(plugin_kinds_v1_thing_service_talk_of_things_method.kind,
	                 PRISM_BIDIRECTIONAL);
	assert_int_equal(plugin_kinds_v1_thing_service_talk_of_things_method.idempotency,
	                 PRISM_IDEMPOTENCY_UNSPECIFIED);
	assert_string_equal(odd_pkg_v1beta2_httpstuff_httpserver2_x_delete_it_method.path,
	                    "/Odd_pkg.v1beta2.HTTPStuff.HTTPServer2X/DeleteIt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_async_answer_comes_with_its_result),
		cmocka_unit_test(an_async_stream_tells_each_answer_and_its_end),
		cmocka_unit_test(a_blocking_answer_is_the_caller_s),
		cmocka_unit_test(a_blocking_stream_gives_each_answer),
		cmocka_unit_test(an_async_call_ends_once),
		cmocka_unit_test(a_cancelled_call_ends_once),
		cmocka_unit_test(calls_without_interest_are_freed_with_their_channel),
		cmocka_unit_test(blocking_calls_tell_why_they_failed),
		cmocka_unit_test(blocking_streams_tell_why_they_failed),
		cmocka_unit_test(every_kind_has_its_method),
	};
	unsetenv("PRISM_KEY_FILE");
	unsetenv("PRISM_ACTOR");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
