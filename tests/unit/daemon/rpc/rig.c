#include "tests/unit/daemon/rpc/rig.h"

#include "daemon/rpc/deadline.h"

#include <stdio.h>
#include <stdlib.h>

/* --- the transport ---------------------------------------------------------- */

static bool told_writable(struct call *call)
{
	const struct told *told = call->stream;
	assert_null(fiber_current());
	return !told->full;
}

static void text_of(const ProtobufCMessage *message, char out[64])
{
	assert_ptr_equal(message->descriptor, &google__protobuf__string_value__descriptor);
	snprintf(out, 64, "%s", ((const Text *)message)->value);
}

static void text_copy(const struct call *call, const ProtobufCMessage *message, char out[64])
{
	const struct rig *rig = call->rpc->ctx;
	rig->text_of(message, out);
}

static void told_send(struct call *call, const ProtobufCMessage *message)
{
	struct told *told = call->stream;
	assert_null(fiber_current());
	assert_true(told->sent_count < RIG_SENT_MAX);
	text_copy(call, message, told->sent[told->sent_count++]);
	told->full = told->fills;
	call->sent_bytes += (uint32_t)protobuf_c_message_get_packed_size(message);
}

static void told_taken(struct call *call, size_t len)
{
	struct told *told = call->stream;
	assert_null(fiber_current());
	told->taken_count++;
	told->taken_bytes += len;
}

static void told_finish(struct call *call, const ProtobufCMessage *message)
{
	struct told *told = call->stream;
	assert_null(fiber_current());
	assert_false(told->finished);
	told->finished = true;
	told->status = call->status;
	told->outcome = call->outcome;
	told->retry = call->retry;
	snprintf(told->message, sizeof(told->message), "%s", call->message);
	if (message)
		text_copy(call, message, told->response);
	if (told->cancel_in_finish)
		call_cancel(call, STATUS_CANCELLED, true);
}

const struct call_ops rig_ops = {told_writable, told_send, told_taken, told_finish, false};

/* --- the service -------------------------------------------------------------- */

static enum status run(struct call *call, const void *handlers, const ProtobufCMessage *request,
                       ProtobufCMessage *response)
{
	struct rig *rig = call->rpc->ctx;
	assert_ptr_equal(handlers, rig->rpc.ctx);
	assert_non_null(fiber_current());
	enum status status = rig->handler(rig, call, (const Text *)request, (Text *)response);
	rig->unwound++;
	return status;
}

#define TEXT &google__protobuf__string_value__descriptor
#define METHOD(which, how)                                                                \
	{                                                                                 \
		.name = which, .path = "/test.Desk/" which, .kind = how, .request = TEXT, \
		.response = TEXT, .role = ROLE_NONE, .rules = NULL                        \
	}
static const struct method methods[] = {
	METHOD("Unary", CALL_UNARY),
	METHOD("Server", CALL_SERVER_STREAMING),
	METHOD("Client", CALL_CLIENT_STREAMING),
	METHOD("Both", CALL_BIDIRECTIONAL),
	{.name = "Small",
         .path = "/test.Desk/Small",
         .kind = CALL_UNARY,
         .request = TEXT,
         .response = TEXT,
         .max_request = 8,
         .deadline_ms = 5000},
};

static const struct service_methods desk = {"test.Desk", methods, 5, NULL, 0};
static method_run *const runs[] = {run, run, run, run, run};

/* --- the rig -------------------------------------------------------------------- */

static void turn(struct rig *rig)
{
	rpc_run(&rig->rpc);
	if (rig->until && rig->until(rig, rig->until_ctx))
		uv_stop(&rig->loop);
}

static void turn_prepare(uv_prepare_t *handle)
{
	turn(handle->data);
}

static void turn_check(uv_check_t *handle)
{
	turn(handle->data);
}

void rig_begin(struct rig *rig, const struct rig_settings *settings)
{
	static const struct rig_settings none;
	settings = settings ? settings : &none;
	*rig = (struct rig){.handler = rig_echo,
	                    .text_of = settings->text_of ? settings->text_of : text_of};
	char message[256];
	struct service services[2] = {{&desk, runs, rig}};
	if (settings->more)
		services[1] = *settings->more;
	assert_true(router_new(&rig->router, services, settings->more ? 2 : 1, message));
	assert_int_equal(uv_loop_init(&rig->loop), 0);
	struct rpc_settings rpc = {
		.router = rig->router,
		.interceptors = settings->interceptors,
		.pool = settings->pool,
		.running_limit = settings->running_limit,
		.ctx = rig,
	};
	assert_int_equal(rpc_init(&rig->rpc, &rig->loop, &rpc), STATUS_OK);
	uv_prepare_init(&rig->loop, &rig->prepare);
	uv_check_init(&rig->loop, &rig->check);
	rig->prepare.data = rig->check.data = rig;
	uv_prepare_start(&rig->prepare, turn_prepare);
	uv_check_start(&rig->check, turn_check);
}

void rig_end(struct rig *rig)
{
	rig_turn(rig);
	assert_int_equal(rig->rpc.live, 0);
	assert_int_equal(rig->rpc.running, 0);
	assert_int_equal(rig->rpc.heap_len, 0);
	assert_null(rig->rpc.calls);
	assert_null(rig->rpc.ready_first);
	assert_int_equal(fiber_alive(), 0);
	rpc_deinit(&rig->rpc);
	uv_close((uv_handle_t *)&rig->prepare, NULL);
	uv_close((uv_handle_t *)&rig->check, NULL);
	uv_run(&rig->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&rig->loop), 0);
	router_free(rig->router);
	fiber_drop_cache();
}

struct call *rig_call_path(struct rig *rig, const char *path, uint32_t timeout_ms,
                           struct told *told)
{
	struct call_start start = {
		.path = bytes_of_string(path),
		.route = router_find(rig->router, bytes_of_string(path)),
		.timeout_us = timeout_ms > 0 ? timeout_ms * UINT64_C(1000) : UINT64_MAX,
		.ops = &rig_ops,
		.stream = told,
		.peer = &rig->peer,
	};
	*told = (struct told){0};
	struct call *call = call_begin(&rig->rpc, &start);
	assert_non_null(call);
	return call;
}

struct call *rig_call(struct rig *rig, const char *name, uint32_t timeout_ms, struct told *told)
{
	char path[128];
	snprintf(path, sizeof(path), "/test.Desk/%s", name);
	return rig_call_path(rig, path, timeout_ms, told);
}

void rig_message(struct call *call, const char *text)
{
	uint8_t wire[1024];
	Text message = GOOGLE__PROTOBUF__STRING_VALUE__INIT;
	message.value = (char *)text;
	assert_true(protobuf_c_message_get_packed_size(&message.base) <= sizeof(wire));
	size_t len = protobuf_c_message_pack(&message.base, wire);
	uint8_t *exact = malloc(len + 1); /* so that the sanitizer sees who keeps it */
	assert_non_null(exact);
	memcpy(exact, wire, len);
	call_message(call, bytes_of(exact, len));
	free(exact);
}

struct call *rig_unary(struct rig *rig, const char *text, uint32_t timeout_ms, struct told *told)
{
	struct call *call = rig_call(rig, "Unary", timeout_ms, told);
	rig_message(call, text);
	call_half_close(call);
	return call;
}

void rig_expire(struct call *call)
{
	assert_true(call->deadline_ns > uv_hrtime()); /* the default, or none */
	call->deadline_ns = uv_hrtime() + 1000000;
	call->started_ns = call->deadline_ns - 250000000;
	if (call->state == CALL_READY || call->state == CALL_RUNNING)
		return;
	deadline_set(call, call->deadline_ns);
	deadline_timer_arm(call->rpc);
}

void rig_turn(struct rig *rig)
{
	uv_run(&rig->loop, UV_RUN_NOWAIT);
}

void rig_until_done(struct rig *rig, bool (*done)(struct rig *rig, void *ctx), void *ctx)
{
	rig->until = done;
	rig->until_ctx = ctx;
	while (!done(rig, ctx))
		uv_run(&rig->loop, UV_RUN_DEFAULT);
	rig->until = NULL;
}

static bool is_set(struct rig *rig, void *flag)
{
	(void)rig;
	return *(bool *)flag;
}

void rig_until(struct rig *rig, bool *flag)
{
	rig_until_done(rig, is_set, flag);
}

void rig_note(struct rig *rig, const char *format, ...)
{
	size_t len = strlen(rig->trace);
	va_list args;
	va_start(args, format);
	vsnprintf(rig->trace + len, sizeof(rig->trace) - len, format, args);
	va_end(args);
}

enum status rig_echo(struct rig *rig, struct call *call, const Text *request, Text *response)
{
	(void)rig;
	response->value = arena_printf(&call->arena, "re: %s", request->value);
	return response->value ? STATUS_OK : call_no_memory(call);
}

void rig_assert_told(const struct told *told, enum status status, const char *message)
{
	assert_true(told->finished);
	assert_string_equal(status_name(told->status), status_name(status));
	assert_string_equal(told->message, message);
}
