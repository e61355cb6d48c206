/* The generated handlers of protos/good/kinds.proto, run by a real rpc for calls of each kind. */
#include "daemon/rpc/fiber.h"
#include "daemon/rpc/rpc.h"
#include "good/kinds.prism-server.h"
#include "tests/unit/client/plugin/support.h"

#include <stdio.h>

typedef Plugin__Kinds__V1__Thing Thing;

/* A call as its caller sees it: the names of the things that it got. */
struct told {
	bool finished;
	enum status status;
	char message[256], names[256];
};

struct fixture {
	uv_loop_t loop;
	struct rpc rpc;
	struct router *router;
	struct peer peer;
};

/* --- a transport that only listens ------------------------------------------------ */

static void note(struct told *told, const ProtobufCMessage *message)
{
	if (message->descriptor != &plugin__kinds__v1__thing__descriptor)
		return;
	size_t len = strlen(told->names);
	snprintf(told->names + len, sizeof told->names - len, "%s;",
	         ((const Thing *)message)->name);
}

static bool told_writable(struct call *call)
{
	(void)call;
	return true;
}

static void told_send(struct call *call, const ProtobufCMessage *message)
{
	note(call->stream, message);
}

static void told_taken(struct call *call, size_t len)
{
	(void)call, (void)len;
}

static void told_finish(struct call *call, const ProtobufCMessage *message)
{
	struct told *told = call->stream;
	told->finished = true;
	told->status = call->status;
	snprintf(told->message, sizeof told->message, "%s", call->message ? call->message : "");
	if (message)
		note(told, message);
}

static const struct call_ops told_ops = {told_writable, told_send, told_taken, told_finish, false};

/* --- handlers ----------------------------------------------------------------------- */

static enum status get_thing(struct call *call, const Plugin__Kinds__V1__GetThingRequest *request,
                             Thing *response)
{
	response->name = arena_printf(&call->arena, "thing %d", (int)request->id);
	return response->name ? STATUS_OK : call_no_memory(call);
}

static SUSPENDS enum status list_things(struct call *call,
                                        const Plugin__Kinds__V1__GetThingRequest *request)
{
	for (int64_t i = 0; i < request->id; i++) {
		char name[32];
		Thing thing = PLUGIN__KINDS__V1__THING__INIT;
		snprintf(name, sizeof name, "thing %d", (int)i);
		thing.name = name;
		TRY(plugin_kinds_v1_thing_service_list_things_send(call, &thing));
	}
	return STATUS_OK;
}

static SUSPENDS enum status add_things(struct call *call, Google__Protobuf__Empty *response)
{
	(void)response;
	char names[64] = "";
	const Thing *thing;
	do {
		TRY(plugin_kinds_v1_thing_service_add_things_receive(call, &thing));
		if (thing)
			strcat(names, thing->name);
	} while (thing);
	return call_fail(call, STATUS_ALREADY_EXISTS, "%s", names);
}

static SUSPENDS enum status talk_of_things(struct call *call)
{
	for (;;) {
		const Thing *thing;
		TRY(plugin_kinds_v1_thing_service_talk_of_things_receive(call, &thing));
		if (!thing)
			return STATUS_OK;
		TRY(plugin_kinds_v1_thing_service_talk_of_things_send(call, thing));
	}
}

static const struct plugin_kinds_v1_thing_service_handlers handlers = {
	.get_thing = get_thing,
	.list_things = list_things,
	.add_things = add_things,
	.talk_of_things = talk_of_things,
};

/* --- the fixture -------------------------------------------------------------------- */

static int fixture_begin(void **state)
{
	static struct fixture fixture;
	struct fixture *it = *state = &fixture;
	*it = (struct fixture){0};
	char message[256];
	struct service service = plugin_kinds_v1_thing_service(&handlers);
	assert_true(router_new(&it->router, &service, 1, message));
	assert_int_equal(uv_loop_init(&it->loop), 0);
	struct rpc_settings settings = {.router = it->router};
	assert_int_equal(rpc_init(&it->rpc, &it->loop, &settings), STATUS_OK);
	return 0;
}

static int fixture_end(void **state)
{
	struct fixture *it = *state;
	assert_int_equal(it->rpc.live, 0);
	assert_int_equal(fiber_alive(), 0);
	rpc_deinit(&it->rpc);
	uv_run(&it->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&it->loop), 0);
	router_free(it->router);
	fiber_drop_cache();
	return 0;
}

static struct call *begin(struct fixture *it, const char *path, struct told *told)
{
	*told = (struct told){0};
	struct call_start start = {
		.path = bytes_of_string(path),
		.route = router_find(it->router, bytes_of_string(path)),
		.timeout_us = UINT64_MAX,
		.ops = &told_ops,
		.stream = told,
		.peer = &it->peer,
	};
	struct call *call = call_begin(&it->rpc, &start);
	assert_non_null(call);
	return call;
}

static void send_packed(struct call *call, const ProtobufCMessage *message)
{
	uint8_t wire[256];
	assert_true(protobuf_c_message_get_packed_size(message) <= sizeof wire);
	call_message(call, bytes_of(wire, protobuf_c_message_pack(message, wire)));
}

static void send_request(struct call *call, int64_t id)
{
	Plugin__Kinds__V1__GetThingRequest request = PLUGIN__KINDS__V1__GET_THING_REQUEST__INIT;
	request.id = id;
	send_packed(call, &request.base);
	call_half_close(call);
}

static void send_thing(struct call *call, char *name)
{
	Thing thing = PLUGIN__KINDS__V1__THING__INIT;
	thing.name = name;
	send_packed(call, &thing.base);
}

/* --- tests -------------------------------------------------------------------------- */

static void a_unary_handler_gets_its_request_and_fills_its_response(void **state)
{
	struct fixture *it = *state;
	struct told told;
	send_request(begin(it, "/plugin.kinds.v1.ThingService/GetThing", &told), 7);
	rpc_run(&it->rpc);
	assert_true(told.finished);
	assert_int_equal(told.status, STATUS_OK);
	assert_string_equal(told.names, "thing 7;");
}

static void the_rules_of_a_request_guard_its_handler(void **state)
{
	struct fixture *it = *state;
	struct told told;
	send_request(begin(it, "/plugin.kinds.v1.ThingService/GetThing", &told), -1);
	rpc_run(&it->rpc);
	assert_int_equal(told.status, STATUS_INVALID_ARGUMENT);
	assert_string_equal(told.message, "id: -1, must be at least 1");
}

static void a_server_streaming_handler_sends(void **state)
{
	struct fixture *it = *state;
	struct told told;
	send_request(begin(it, "/plugin.kinds.v1.ThingService/ListThings", &told), 3);
	rpc_run(&it->rpc);
	assert_int_equal(told.status, STATUS_OK);
	assert_string_equal(told.names, "thing 0;thing 1;thing 2;");
}

static void a_client_streaming_handler_receives(void **state)
{
	struct fixture *it = *state;
	struct told told;
	struct call *call = begin(it, "/plugin.kinds.v1.ThingService/AddThings", &told);
	send_thing(call, "a");
	rpc_run(&it->rpc);
	send_thing(call, "b");
	call_half_close(call);
	rpc_run(&it->rpc);
	assert_int_equal(told.status, STATUS_ALREADY_EXISTS);
	assert_string_equal(told.message, "ab");
}

static void a_bidirectional_handler_does_both(void **state)
{
	struct fixture *it = *state;
	struct told told;
	struct call *call = begin(it, "/plugin.kinds.v1.ThingService/TalkOfThings", &told);
	send_thing(call, "a");
	rpc_run(&it->rpc);
	assert_string_equal(told.names, "a;");
	send_thing(call, "b");
	call_half_close(call);
	rpc_run(&it->rpc);
	assert_int_equal(told.status, STATUS_OK);
	assert_string_equal(told.names, "a;b;");
}

static void a_handler_that_is_not_set_is_unimplemented(void **state)
{
	struct fixture *it = *state;
	struct told told;
	struct call *call = begin(it, "/plugin.kinds.v1.ThingService/Ping", &told);
	call_message(call, bytes_of(NULL, 0));
	call_half_close(call);
	rpc_run(&it->rpc);
	assert_int_equal(told.status, STATUS_UNIMPLEMENTED);
	assert_string_equal(told.message, "/plugin.kinds.v1.ThingService/Ping is not implemented");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)
	const struct CMUnitTest tests[] = {
		TEST(a_unary_handler_gets_its_request_and_fills_its_response),
		TEST(the_rules_of_a_request_guard_its_handler),
		TEST(a_server_streaming_handler_sends),
		TEST(a_client_streaming_handler_receives),
		TEST(a_bidirectional_handler_does_both),
		TEST(a_handler_that_is_not_set_is_unimplemented),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
