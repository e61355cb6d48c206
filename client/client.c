/* The public functions of calls. */
#include "client/channel.h"
#include "client/messages.h"

const char *prism_status_name(enum prism_status status)
{
	return status_name((enum status)status);
}

const char *prism_version(void)
{
	return PRISM_VERSION;
}

struct prism_call *prism_call_start(struct prism_channel *channel,
                                    const struct prism_method *method,
                                    const struct prism_call_options *options,
                                    const ProtobufCMessage *request,
                                    const struct prism_call_handler *handler)
{
	if (channel->state == CHANNEL_CLOSED)
		return NULL;
	const char *fault;
	struct prism_call *call = call_new(channel, method, options, request, handler, &fault);
	if (call)
		channel_submit(channel, call, method ? fault : "method: is missing");
	return call;
}

/* False: it is not worth it, or there is no memory for it; nothing was queued. */
static bool send_compressed(struct prism_call *call, const ProtobufCMessage *message, size_t len)
{
	struct buffer packed = {0}, compressed = {0};
	bool queued = false;
	if (buffer_reserve(&packed, len)) {
		packed.end += protobuf_c_message_pack(message, packed.data + packed.end);
		queued =
			call_compress(call, buffer_bytes(&packed), &compressed) &&
			messages_push(&call->outbox, buffer_bytes(&compressed), MESSAGE_COMPRESSED);
	}
	buffer_deinit(&packed);
	buffer_deinit(&compressed);
	return queued;
}

static bool send_queue(struct prism_call *call, const ProtobufCMessage *message)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	uint32_t most = call->stream.session ? call->stream.session->max_message
	                                     : call->channel->protocol->max_message;
	if (len > most) {
		call_abort(call, STATUS_RESOURCE_EXHAUSTED,
		           "a message is %zu bytes large, the server takes at most %u", len, most);
		return false;
	}
	if (call->compress && send_compressed(call, message, len))
		return true;
	uint8_t *room = messages_reserve(&call->outbox, len, MESSAGE_PLAIN);
	if (!room) {
		call_abort(call, STATUS_RESOURCE_EXHAUSTED, "no memory for a message");
		return false;
	}
	protobuf_c_message_pack(message, room);
	return true;
}

bool prism_call_send(struct prism_call *call, const ProtobufCMessage *message)
{
	if (call->state >= CALL_HELD || call->close_send)
		return false;
	if (buffer_len(&call->outbox) > CALL_OUTBOX_MOST) {
		call->want_writable = true;
		return false;
	}
	const char *fault =
		message ? request_fault(call->method->request, message) : "request: is missing";
	if (fault) {
		call_abort(call, STATUS_INVALID_ARGUMENT, "%s", fault);
		return false;
	}
	if (!send_queue(call, message))
		return false;
	if (call->state == CALL_OPEN)
		session_send(call->stream.session, call);
	return true;
}

void prism_call_compress(struct prism_call *call, bool compress)
{
	call->compress = compress && call->gzip;
}

void prism_call_close_send(struct prism_call *call)
{
	if (call->state >= CALL_HELD || call->close_send)
		return;
	call->close_send = true;
	if (call->state == CALL_OPEN)
		session_send(call->stream.session, call);
}

void prism_call_pause(struct prism_call *call, bool paused)
{
	call->paused = paused;
	if (!paused && buffer_len(&call->inbox) > 0)
		channel_ready(call->channel, call);
}

void prism_call_cancel(struct prism_call *call)
{
	call_abort(call, STATUS_CANCELLED, "cancelled by the caller");
}
