/* Answers: fragments into messages, messages to the caller. */
#include "client/call.h"

#include "client/channel.h"
#include "client/messages.h"
#include "client/metadata.h"
#include "proto/gzip.h"

#include <stdio.h>

/* Empty messages cost no credit, and still take room: more than this in a queue is no honest
 * server's. */
enum { INBOX_MOST = 64 << 20 };

static uint32_t max_message(const struct prism_call *call)
{
	return call->channel->settings.max_message;
}

static enum answer too_large(const struct prism_call *call, char reason[WIRE_REASON_SIZE])
{
	snprintf(reason, WIRE_REASON_SIZE,
	         "the answer is larger than the %u bytes that this channel takes (max_message)",
	         max_message(call));
	return ANSWER_TOO_LARGE;
}

static enum answer no_memory(char reason[WIRE_REASON_SIZE])
{
	snprintf(reason, WIRE_REASON_SIZE, "no memory for the answer");
	return ANSWER_TOO_LARGE;
}

static enum answer inbox_full(char reason[WIRE_REASON_SIZE])
{
	snprintf(reason, WIRE_REASON_SIZE,
	         "the server sends messages without end to a paused call");
	return ANSWER_TOO_LARGE;
}

static enum answer malformed(char reason[WIRE_REASON_SIZE], const char *what)
{
	snprintf(reason, WIRE_REASON_SIZE, "%s", what);
	return ANSWER_MALFORMED;
}

/* Unpacking may take some times a message's own size. */
static struct wire_budget answer_budget(const struct prism_call *call)
{
	struct wire_budget budget = WIRE_BUDGET;
	if (budget.memory / 4 < max_message(call))
		budget.memory = (size_t)max_message(call) * 4;
	return budget;
}

/* Checks, unpacks and hands out one message. */
static enum answer answer_tell(struct prism_call *call, struct bytes wire,
                               char reason[WIRE_REASON_SIZE])
{
	const ProtobufCMessageDescriptor *type = call->method->response;
	enum status status = wire_check(type, wire, answer_budget(call), reason);
	if (status != STATUS_OK)
		return status == STATUS_RESOURCE_EXHAUSTED ? ANSWER_TOO_LARGE : ANSWER_MALFORMED;
	call_initial(call);
	if (call->state == CALL_ENDED)
		return ANSWER_OK; /* cancelled in initial() */
	call->given = true;
	if (!call->handler.message)
		return ANSWER_OK;
	struct arena *arena = &call->channel->arena;
	ProtobufCMessage *message = protobuf_c_message_unpack(
		type, call->owned ? NULL : &arena->allocator, wire.len, wire.data);
	if (!message) {
		arena_reset(arena);
		return no_memory(reason);
	}
	call->handler.message(call->handler.ctx, call, message);
	if (call_streams_answers(call))
		arena_reset(arena);
	return ANSWER_OK;
}

static uint32_t withheld_take(struct prism_call *call)
{
	uint32_t withheld = call->withheld;
	call->withheld = 0;
	return withheld;
}

/* A message larger than the window needs its fragments' credit back before it is whole; behind
 * messages that nobody takes it has to wait, or a paused call would hold back no server. */
static void fragment_keep(struct prism_call *call, size_t len, size_t *taken)
{
	if (buffer_len(&call->inbox) == 0)
		*taken += len;
	else
		call->withheld += (uint32_t)len;
}

enum answer call_give(struct prism_call *call, size_t *taken, char reason[WIRE_REASON_SIZE])
{
	struct message first;
	enum answer answer = ANSWER_OK;
	while (answer == ANSWER_OK && !call->paused && messages_first(&call->inbox, &first)) {
		answer = answer_tell(call, first.bytes, reason);
		*taken += first.tag;
		messages_pop(&call->inbox);
	}
	if (buffer_len(&call->inbox) == 0)
		*taken += withheld_take(call);
	return answer;
}

static enum answer answer_queue(struct prism_call *call, struct bytes wire, size_t credit,
                                char reason[WIRE_REASON_SIZE])
{
	if (buffer_len(&call->inbox) + wire.len > INBOX_MOST + (size_t)max_message(call))
		return inbox_full(reason);
	if (!messages_push(&call->inbox, wire, (uint32_t)credit))
		return no_memory(reason);
	return ANSWER_OK;
}

/* One whole message. `credit`: what of it still counts against the stream's. */
static enum answer answer_whole(struct prism_call *call, struct bytes wire, size_t credit,
                                bool final, size_t *taken, char reason[WIRE_REASON_SIZE])
{
	bool streams = call_streams_answers(call);
	if (!streams && buffer_len(&call->inbox) > 0)
		return malformed(reason, "the server sent two answers to a call that has one");
	if (call->paused || buffer_len(&call->inbox) > 0 || (!streams && !final))
		return answer_queue(call, wire, credit, reason);
	*taken += credit;
	return answer_tell(call, wire, reason);
}

void call_initial(struct prism_call *call)
{
	if (call->told || !call->method)
		return;
	call->told = true;
	if (call->response_metadata)
		metadata_tell(call->response_metadata, METADATA_INITIAL);
	if (!call->handler.initial)
		return;
	call->given = true;
	call->handler.initial(call->handler.ctx, call);
}

enum answer call_announce(const struct prism_call *call, size_t len, char reason[WIRE_REASON_SIZE])
{
	return len > max_message(call) ? too_large(call, reason) : ANSWER_OK;
}

/* A whole message as it came; its credit is that of the bytes that came. */
static enum answer answer_inflate(struct prism_call *call, struct bytes wire, size_t credit,
                                  bool final, size_t *taken, char reason[WIRE_REASON_SIZE])
{
	struct gzip *gzip = channel_gzip(call->channel);
	struct buffer plain = {0};
	enum answer answer = ANSWER_OK;
	if (!gzip)
		return no_memory(reason);
	switch (gzip_inflate(gzip, wire, max_message(call), &plain)) {
	case GZIP_OK:
		answer = answer_whole(call, buffer_bytes(&plain), credit, final, taken, reason);
		break;
	case GZIP_TOO_LARGE:
		answer = too_large(call, reason);
		break;
	case GZIP_MALFORMED:
		answer = malformed(reason, "a compressed message is not gzip");
		break;
	case GZIP_NO_MEMORY:
		answer = no_memory(reason);
		break;
	}
	buffer_deinit(&plain);
	return answer;
}

enum answer call_assemble(struct prism_call *call, struct answer_part part, size_t *taken,
                          char reason[WIRE_REASON_SIZE])
{
	struct bytes wire = part.bytes;
	size_t credit = wire.len;
	if (call_streams_answers(call))
		call_initial(call); /* else it may still come, with the end */
	if (call->state == CALL_ENDED)
		return ANSWER_OK;
	if (wire.len > max_message(call) ||
	    buffer_len(&call->partial) > max_message(call) - wire.len)
		return too_large(call, reason);
	if (part.more || call->assembling) {
		if (!buffer_append(&call->partial, wire.data, wire.len))
			return no_memory(reason);
		call->assembling = part.more;
		if (part.more) {
			fragment_keep(call, wire.len, taken);
			return ANSWER_OK;
		}
		wire = buffer_bytes(&call->partial);
		credit += withheld_take(call);
	}
	enum answer answer = part.compressed
	                             ? answer_inflate(call, wire, credit, part.final, taken, reason)
	                             : answer_whole(call, wire, credit, part.final, taken, reason);
	buffer_deinit(&call->partial);
	return answer;
}

void call_drop_answers(struct prism_call *call)
{
	call->assembling = false;
	call->withheld = 0;
	buffer_deinit(&call->inbox);
	buffer_deinit(&call->partial);
}
