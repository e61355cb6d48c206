/* Messages of streams. Packing, unpacking and the transport's code run on the loop's stack. */
#include "daemon/rpc/dispatch.h"
#include "daemon/rpc/state.h"

#include <assert.h>

struct taking {
	ProtobufCMessage *message;
	enum status status;
};

static void take(struct call *call, void *ctx)
{
	struct taking *taking = ctx;
	struct reader reader = reader_init(buffer_bytes(&call->inbound));
	uint64_t head = reader_varint(&reader);
	size_t len = (size_t)(head >> 1);
	call->compressed = head & 1;
	struct bytes wire = reader_bytes(&reader, len);
	call->empty_messages -= len == 0;
	arena_reset(&call->message_arena);
	taking->status = dispatch_unpack(call, wire, &call->message_arena, &taking->message);
	buffer_consume(&call->inbound, buffer_len(&call->inbound) - reader_left(&reader));
	if (call->ops)
		call->ops->taken(call, len);
}

enum status call_receive(struct call *call, const ProtobufCMessage **message)
{
	assert(call_streams_in(call));
	while (buffer_len(&call->inbound) == 0 && !call->half_closed)
		TRY(call_suspend(call, WANTS_MESSAGE, "a request message"));
	if (call->cancelled != STATUS_OK)
		return call_stopped(call);
	if (buffer_len(&call->inbound) == 0) {
		*message = NULL;
		return STATUS_OK;
	}
	struct taking taking = {0};
	call_on_loop(call, take, &taking);
	TRY(taking.status);
	*message = taking.message;
	return STATUS_OK;
}

struct sending {
	const ProtobufCMessage *message;
	bool sent;
};

static void send_if_room(struct call *call, void *ctx)
{
	struct sending *sending = ctx;
	if (!call->ops || !call->ops->writable(call))
		return;
	call->ops->send(call, sending->message);
	sending->sent = true;
	call->sent = true;
}

enum status call_send(struct call *call, const ProtobufCMessage *message)
{
	assert(call->method->kind == CALL_SERVER_STREAMING ||
	       call->method->kind == CALL_BIDIRECTIONAL);
	struct sending sending = {.message = message};
	for (;;) {
		if (call->cancelled != STATUS_OK)
			return call_stopped(call);
		call_on_loop(call, send_if_room, &sending);
		if (sending.sent)
			return STATUS_OK;
		TRY(call_suspend(call, WANTS_ROOM, "room to send"));
	}
}
