/* The transport's side of a call: beginning, receiving, refusing, cancelling; and its memory. */
#include "daemon/rpc/deadline.h"
#include "daemon/rpc/dispatch.h"
#include "daemon/rpc/state.h"
#include "proto/limits.h"

#include <assert.h>
#include <stdlib.h>

enum { CACHE_MAX = 1024 }; /* calls */

static const char NO_MEMORY[] = "the server has no memory for this request";

static struct call *cache_take(struct rpc *rpc)
{
	struct call *call = rpc->cache;
	if (!call)
		return NULL;
	arena_unpoison(call, offsetof(struct call, storage));
	rpc->cache = call->next;
	rpc->cached--;
	return call;
}

static struct call *call_new(struct rpc *rpc)
{
	struct call *call = cache_take(rpc);
	if (!call && !(call = malloc(sizeof(*call))))
		return NULL;
	memset(call, 0, offsetof(struct call, storage));
	arena_init(&call->arena, call->storage, sizeof(call->storage), LIMIT_CALL_ARENA);
	call->rpc = rpc;
	call->state = CALL_FINISHED;
	call->heap_index = SIZE_MAX;
	return call;
}

/* A cached call is poisoned, so that the address sanitizer sees who still uses it. */
static void call_free(struct call *call)
{
	struct rpc *rpc = call->rpc;
	arena_deinit(&call->arena);
	if (rpc->cached == CACHE_MAX) {
		free(call);
		return;
	}
	call->next = rpc->cache;
	rpc->cache = call;
	rpc->cached++;
	arena_poison(call, offsetof(struct call, storage));
}

void call_cache_drop(struct rpc *rpc)
{
	for (struct call *call; (call = cache_take(rpc));)
		free(call);
}

static void live_enter(struct call *call)
{
	struct rpc *rpc = call->rpc;
	call->live_next = rpc->calls;
	if (rpc->calls)
		rpc->calls->live_prev = call;
	rpc->calls = call;
	rpc->live++;
}

static void live_leave(struct call *call)
{
	struct rpc *rpc = call->rpc;
	if (call->live_next)
		call->live_next->live_prev = call->live_prev;
	if (call->live_prev)
		call->live_prev->live_next = call->live_next;
	else
		rpc->calls = call->live_next;
	rpc->live--;
}

void call_release(struct call *call)
{
	assert(call->state == CALL_FINISHED && !call->fiber && !call->ops);
	deadline_forget(call);
	live_leave(call);
	buffer_deinit(&call->inbound);
	if (call_streams_in(call))
		arena_deinit(&call->message_arena);
	call_free(call);
}

static bool answers_with_stream(const struct method *method)
{
	return method->kind == CALL_SERVER_STREAMING || method->kind == CALL_BIDIRECTIONAL;
}

static uint64_t deadline_of(const struct call *call, uint64_t timeout_us)
{
	if (timeout_us == UINT64_MAX && call->method && call->method->deadline_ms > 0)
		timeout_us = call->method->deadline_ms * UINT64_C(1000);
	if (timeout_us == UINT64_MAX && call->method && answers_with_stream(call->method))
		return UINT64_MAX;
	if (timeout_us == UINT64_MAX)
		timeout_us = LIMIT_CALL_DEADLINE * UINT64_C(1000);
	if (timeout_us > LIMIT_TIMEOUT * UINT64_C(1000))
		timeout_us = LIMIT_TIMEOUT * UINT64_C(1000);
	return call->started_ns + timeout_us * 1000;
}

static bool copy(struct call *call, struct bytes in, struct bytes *out)
{
	if (in.len == 0)
		return true;
	*out = bytes_of(arena_copy(&call->arena, in.data, in.len), in.len);
	return out->data != NULL;
}

/* A path is anything that a peer sends: only printable ASCII of it is repeated. */
static const char *unknown_path(struct call *call, struct bytes path)
{
	char *message = arena_printf(&call->arena, "no such method: %.*s",
	                             path.len < LIMIT_PATH ? (int)path.len : LIMIT_PATH,
	                             path.len > 0 ? (const char *)path.data : "");
	for (char *at = message; at && *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return message ? message : "no such method";
}

static void route_set(struct call *call, const struct call_start *start)
{
	const struct route *route = start->route;
	if (!route) {
		call->refused = STATUS_UNIMPLEMENTED;
		call->refusal = unknown_path(call, start->path);
		return;
	}
	call->route = route;
	call->service = route->service;
	call->method = route->method;
	if (call_streams_in(call))
		arena_init(&call->message_arena, NULL, 0, LIMIT_CALL_ARENA);
}

struct call *call_begin(struct rpc *rpc, const struct call_start *start)
{
	struct call *call = deadline_reserve(rpc) ? call_new(rpc) : NULL;
	if (!call)
		return NULL;
	if (!copy(call, start->metadata, &call->metadata) ||
	    !copy(call, start->trace, &call->trace)) {
		call_free(call);
		return NULL;
	}
	route_set(call, start);
	call->id = rpc->next_id++;
	call->peer = start->peer;
	call->ops = start->ops;
	call->stream = start->stream;
	call->started_ns = rpc_now(rpc);
	call->deadline_ns = deadline_of(call, start->timeout_us);
	live_enter(call);
	call_counters(call)->started++;
	call_make_ready(call);
	return call;
}

static void refuse(struct call *call, enum status status, const char *reason)
{
	if (call->refused == STATUS_OK) {
		call->refused = status;
		call->refusal = reason;
	}
	call_stop(call, status);
}

void call_refuse(struct call *call, enum status status, const char *message)
{
	const char *reason = arena_strdup(&call->arena, message);
	refuse(call, status, reason ? reason : status_text(status));
}

static bool size_allowed(struct call *call, size_t len)
{
	size_t most = call->method->max_request ? call->method->max_request : LIMIT_MESSAGE;
	if (len <= most)
		return true;
	const char *reason = arena_printf(
		&call->arena, "a request message of %zu bytes; at most %zu are allowed", len, most);
	refuse(call, STATUS_RESOURCE_EXHAUSTED, reason ? reason : NO_MEMORY);
	return false;
}

/* Room that is asked for twofold when there is none, so that moving what is queued stays cheap
 * however slowly it is taken. */
static uint8_t *inbound_room(struct buffer *inbound, size_t len)
{
	if (inbound->data && len <= inbound->capacity - inbound->end)
		return inbound->data + inbound->end;
	return buffer_reserve(inbound, len + buffer_len(inbound));
}

/* Each behind a varint: its length, and whether it was compressed. */
static void inbound_append(struct call *call, struct bytes message, bool compressed)
{
	struct buffer *inbound = &call->inbound;
	uint64_t head = (uint64_t)message.len << 1 | compressed;
	size_t len = varint_size(head) + message.len;
	if (len > LIMIT_CALL_ARENA - buffer_len(inbound)) {
		refuse(call, STATUS_RESOURCE_EXHAUSTED,
		       "too many request messages are waiting to be taken");
		return;
	}
	if (message.len == 0 && ++call->empty_messages > LIMIT_EMPTY_MESSAGES) {
		refuse(call, STATUS_RESOURCE_EXHAUSTED,
		       "too many empty request messages are waiting to be taken");
		return;
	}
	uint8_t *room = inbound_room(inbound, len);
	if (!room) {
		refuse(call, STATUS_RESOURCE_EXHAUSTED, NO_MEMORY);
		return;
	}
	struct writer writer = writer_init(room, len);
	writer_varint(&writer, head);
	writer_bytes(&writer, message.data, message.len);
	inbound->end += len;
	call_notify(call, WANTS_MESSAGE);
}

static void request_changed(struct call *call)
{
	if (call->state == CALL_RECEIVING)
		call_make_ready(call);
	else
		call_notify(call, WANTS_MESSAGE);
}

/* A second request is not kept: the dispatcher refuses the call for it. */
static void request_set(struct call *call, struct bytes message)
{
	if (call->has_request) {
		call->too_many = true;
		request_changed(call);
		return;
	}
	call->has_request = true;
	if (!copy(call, message, &call->wire))
		refuse(call, STATUS_RESOURCE_EXHAUSTED, NO_MEMORY);
}

static void count_received(struct call *call, size_t len)
{
	uint32_t left = UINT32_MAX - call->received_bytes;
	call->received_bytes += len < left ? (uint32_t)len : left;
}

void call_message(struct call *call, struct bytes message)
{
	call_message_coded(call, message, false);
}

void call_message_coded(struct call *call, struct bytes message, bool compressed)
{
	count_received(call, message.len);
	if (!call->method || call->refused != STATUS_OK || !size_allowed(call, message.len))
		return;
	if (call_streams_in(call)) {
		inbound_append(call, message, compressed);
		return;
	}
	call->compressed = compressed;
	request_set(call, message);
}

void call_half_close(struct call *call)
{
	call->half_closed = true;
	request_changed(call);
}

void call_cancel(struct call *call, enum status why, bool connection_gone)
{
	call->ops = NULL;
	call->stream = NULL;
	if (connection_gone || call->state == CALL_PENDING)
		call->peer = NULL;
	call_stop(call, why);
}

void call_writable(struct call *call)
{
	call_notify(call, WANTS_ROOM);
}
