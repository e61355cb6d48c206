/* What calls say: struct call_ops. An answer that fits the credit, and has nothing before it, is
 * packed straight into the connection's output; everything else goes to its stream's queue. */
#include "daemon/transport/native_session.h"
#include "proto/utf8.h"

#include <assert.h>

static bool native_writable(struct call *call)
{
	struct stream *stream = call->stream;
	if (native_output_has_room(stream, 1))
		return true;
	if (!stream->wants_room)
		stream->session->wanting++;
	stream->wants_room = true;
	return false;
}

static void count_sent(struct call *call, size_t len)
{
	uint32_t left = UINT32_MAX - call->sent_bytes;
	call->sent_bytes += len < left ? (uint32_t)len : left;
}

/* Initial metadata, once; what the peer does not take is left out. */
static void send_head(struct stream *stream, struct call *call)
{
	const struct head_meta meta = {0};
	size_t len = head_meta_size(&meta, call->head, call->head_count);
	uint8_t *room = NULL;
	if (len <= stream->session->peer_max_meta)
		room = native_frame(stream->session, FRAME_HEAD, 0, stream->id, len, 0);
	if (room) {
		struct writer writer = writer_init(room, len);
		head_meta_write(&writer, &meta, call->head, call->head_count);
	}
	call->head_count = 0;
}

static void native_send(struct call *call, const ProtobufCMessage *message)
{
	struct stream *stream = call->stream;
	if (call->head_count > 0)
		send_head(stream, call);
	size_t len = protobuf_c_message_get_packed_size(message);
	if (len > stream->session->peer_max_message)
		stream->too_large = len;
	if (stream->too_large > 0)
		return;
	count_sent(call, len);
	uint8_t *room;
	if (native_output_fits(stream, 0, len)) {
		room = native_frame(stream->session, FRAME_MSG, 0, stream->id, 0, len);
		native_output_spend(stream, len);
	} else {
		room = native_output_enqueue(
			stream, &(struct pending){.body = (uint32_t)len, .type = FRAME_MSG});
	}
	if (room)
		protobuf_c_message_pack(message, room);
}

static void native_taken(struct call *call, size_t len)
{
	struct stream *stream = call->stream;
	size_t early = len < stream->advance ? len : stream->advance;
	stream->advance -= (uint32_t)early;
	session_hold(stream->session, stream, 0, len);
	uint32_t increment = flow_take(&stream->flow, len - early);
	if (increment > 0 && stream->input == STREAM_RECEIVING)
		native_send_credit(stream->session, stream->id, increment);
}

/* --- END ------------------------------------------------------------------------------------ */

struct ending {
	struct end_meta meta;
	const struct bytes *details;
	size_t detail_count;
	const struct metadata *trailers;
	size_t trailer_count;
};

static size_t ending_size(const struct ending *ending)
{
	return end_meta_size(&ending->meta, ending->details, ending->detail_count, ending->trailers,
	                     ending->trailer_count);
}

static size_t ending_write(const struct ending *ending, uint8_t *room, size_t len)
{
	struct writer writer = writer_init(room, len);
	end_meta_write(&writer, &ending->meta, ending->details, ending->detail_count,
	               ending->trailers, ending->trailer_count);
	assert(!writer.failed && writer.at == writer.end);
	return len;
}

/* What the peer takes as metadata is limited: the text is cut in any case, then details go, then
 * trailers. */
static size_t fit(struct ending *ending, size_t most)
{
	ending->meta.message = utf8_cut(ending->meta.message, LIMIT_STATUS_MESSAGE);
	size_t len = ending_size(ending);
	if (len > most) {
		ending->detail_count = 0;
		len = ending_size(ending);
	}
	if (len > most) {
		ending->trailer_count = 0;
		ending->meta.head = (struct bytes){NULL, 0};
		len = ending_size(ending);
	}
	return len;
}

/* Initial metadata of a call that sent no message before its end. */
static struct bytes packed_head(struct call *call)
{
	const struct head_meta meta = {0};
	if (call->head_count == 0)
		return (struct bytes){NULL, 0};
	size_t len = head_meta_size(&meta, call->head, call->head_count);
	uint8_t *room = arena_alloc(&call->arena, len);
	if (!room)
		return (struct bytes){NULL, 0};
	struct writer writer = writer_init(room, len);
	head_meta_write(&writer, &meta, call->head, call->head_count);
	return bytes_of(room, len);
}

static struct ending ending_of(struct call *call)
{
	uint64_t now_ns = call->rpc->now_ns;
	uint64_t spent_us = now_ns > call->started_ns ? (now_ns - call->started_ns) / 1000 : 0;
	return (struct ending){
		.meta = {.code = call->status,
	                 .message = bytes_of_string(call->message),
	                 .retry = call->retry,
	                 .pushback_ms = call->pushback_ms,
	                 .head = packed_head(call),
	                 .server_us = spent_us < UINT32_MAX ? (uint32_t)spent_us : UINT32_MAX},
		.details = call->details,
		.detail_count = call->detail_count,
		.trailers = call->trailers,
		.trailer_count = call->trailer_count,
	};
}

/* The end of a call that was stopped overtakes what it had to say before. */
static bool overtakes(const struct stream *stream, const struct call *call)
{
	return stream->too_large > 0 || (call->status != STATUS_OK && call->cancelled != STATUS_OK);
}

/* An answer that the peer does not take, or that would make too many wait for a peer that does not
 * read, ends the call, whatever the handler said. */
static void check_size(struct stream *stream, struct call *call, size_t len)
{
	const struct session *session = stream->session;
	if (len > session->peer_max_message)
		stream->too_large = len;
	if (stream->too_large > 0)
		call->status = call_fail(call, STATUS_RESOURCE_EXHAUSTED,
		                         "the answer has %zu bytes, the caller takes at most %u",
		                         stream->too_large, session->peer_max_message);
	else if (len > 0 && session->waiting + len > LIMIT_CONNECTION_ANSWERS)
		call->status = call_fail(call, STATUS_RESOURCE_EXHAUSTED,
		                         "%zu bytes of answers wait for this connection to read "
		                         "them, at most %d may",
		                         session->waiting, LIMIT_CONNECTION_ANSWERS);
	else
		return;
	call->detail_count = 0;
}

/* Nobody will take what came, or still comes: it does not count as held any more. */
static void close_input(struct stream *stream)
{
	if (stream->input == STREAM_RECEIVING)
		stream->input = STREAM_DISCARDING;
	buffer_deinit(&stream->partial);
	session_hold(stream->session, stream, 0, stream->held);
}

static void finish_now(struct stream *stream, const struct ending *ending, size_t meta,
                       const ProtobufCMessage *message, size_t body)
{
	uint8_t *room = native_frame(stream->session, FRAME_END, message ? 0 : FRAME_NOMSG,
	                             stream->id, meta, body);
	if (room) {
		if (meta > 0)
			ending_write(ending, room, meta);
		if (message)
			protobuf_c_message_pack(message, room + meta);
	}
	native_output_spend(stream, body);
	native_stream_close(stream);
}

static void finish_later(struct stream *stream, const struct ending *ending, size_t meta,
                         const ProtobufCMessage *message, size_t body)
{
	uint8_t *room = native_output_enqueue(
		stream, &(struct pending){.body = (uint32_t)body,
	                                  .meta = (uint16_t)meta,
	                                  .type = FRAME_END,
	                                  .flags = message ? 0 : FRAME_NOMSG});
	if (!room)
		return;
	if (message)
		protobuf_c_message_pack(message, room);
	ending_write(ending, room + body, meta);
	close_input(stream);
}

static void native_finish(struct call *call, const ProtobufCMessage *message)
{
	struct stream *stream = call->stream;
	size_t body = message ? protobuf_c_message_get_packed_size(message) : 0;
	check_size(stream, call, body);
	if (call->status != STATUS_OK) {
		message = NULL;
		body = 0;
	}
	if (overtakes(stream, call))
		native_output_drop(stream);
	count_sent(call, body);
	struct ending ending = ending_of(call);
	size_t meta = fit(&ending, stream->session->peer_max_meta);
	stream->call = NULL;
	if (native_output_fits(stream, meta, body))
		finish_now(stream, &ending, meta, message, body);
	else
		finish_later(stream, &ending, meta, message, body);
}

const struct call_ops native_call_ops = {
	.writable = native_writable,
	.send = native_send,
	.taken = native_taken,
	.finish = native_finish,
};
