/* gRPC: a head before the first message, messages, and the status in the trailers; or, if there is
 * nothing before it, in the head ("Trailers-Only"), which clients may retry. gRPC-Web and Connect
 * have it in the body, as the last message. */
#include "daemon/transport/http2/answer.h"

#include "daemon/transport/http2/connect.h"
#include "daemon/transport/http2/output.h"
#include "daemon/transport/http2/session.h"

enum { COMPRESS_FROM = 1024 }; /* bytes: below, a packet is a packet */

static bool answer_writable(struct call *call)
{
	struct http2_stream *stream = call->stream;
	if (http2_output_has_room(stream, 1))
		return true;
	if (!stream->wants_room)
		stream->session->wanting++;
	stream->wants_room = true;
	return false;
}

void answer_count_sent(struct call *call, size_t len)
{
	uint32_t left = UINT32_MAX - call->sent_bytes;
	call->sent_bytes += len < left ? (uint32_t)len : left;
}

/* Answers are compressed as the request was, or as the handler wants, if the client reads it.
 * Sensitive ones never: their length would tell what is in them (BREACH). */
static void choose_compression(struct http2_stream *stream, const struct call *call)
{
	const struct http2_request *request = &stream->request;
	stream->compress_from = UINT32_MAX;
	if (!request->accepts_gzip || (call->method && call->method->sensitive))
		return;
	if (call->compression == COMPRESSION_ON)
		stream->compress_from = 0;
	else if (call->compression == COMPRESSION_AS_REQUESTED && request->encoding == CODEC_GZIP)
		stream->compress_from = COMPRESS_FROM;
}

static void begin_head(const struct http2_stream *stream, struct http2_fields *fields)
{
	fields_init(fields);
	fields_put(fields, ":status", "200");
	fields_put(fields, "content-type", stream->request.answer_type);
}

static void send_head(struct http2_stream *stream, struct call *call)
{
	bool is_connect = connect_is(&stream->request);
	struct http2_fields fields;
	choose_compression(stream, call);
	begin_head(stream, &fields);
	if (stream->request.accepts_gzip)
		fields_put(&fields, is_connect ? "connect-accept-encoding" : "grpc-accept-encoding",
		           "identity,gzip");
	if (stream->compress_from != UINT32_MAX)
		fields_put(&fields, is_connect ? "connect-content-encoding" : "grpc-encoding",
		           "gzip");
	trailers_add_metadata(call, call->head, call->head_count, &fields);
	http2_output_head(stream, &fields);
}

/* Else why not, in `why`. */
static enum status send_message(struct http2_stream *stream, struct call *call,
                                const ProtobufCMessage *message, const char **why)
{
	if (!stream->head_sent)
		send_head(stream, call);
	if (call->compression == COMPRESSION_OFF)
		stream->compress_from = UINT32_MAX;
	if (connect_is_json(&stream->request))
		return connect_stream_send(stream, call, message, why);
	size_t len = protobuf_c_message_get_packed_size(message);
	answer_count_sent(call, len);
	http2_output_message(stream, message, len);
	return STATUS_OK;
}

static void answer_send(struct call *call, const ProtobufCMessage *message)
{
	struct http2_stream *stream = call->stream;
	const char *why;
	enum status status = send_message(stream, call, message, &why);
	if (status == STATUS_OK)
		return;
	http2_stream_discard(stream);
	call_refuse(call, status, why);
}

static void answer_taken(struct call *call, size_t len)
{
	http2_stream_taken(call->stream, len);
}

/* --- the end ------------------------------------------------------------------------- */

static size_t trailers_most(const struct http2_stream *stream)
{
	uint32_t peers = nghttp2_session_get_remote_settings(stream->session->nghttp2,
	                                                     NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE);
	return peers < LIMIT_FRAME_META ? peers : LIMIT_FRAME_META;
}

static void send_trailers_only(struct http2_stream *stream, struct call *call)
{
	struct http2_fields fields;
	begin_head(stream, &fields);
	if (call->refused == STATUS_UNIMPLEMENTED)
		fields_put(&fields, "grpc-accept-encoding", "identity,gzip");
	trailers_of_call(call, trailers_most(stream), &fields);
	http2_output_only(stream, &fields);
}

/* They are needed when the output has gone, and the call is no more. */
static bool keep_trailers(struct http2_stream *stream, const struct http2_fields *fields)
{
	for (size_t i = 0; i < fields->count; i++) {
		const nghttp2_nv *nv = &fields->nv[i];
		const struct metadata entry = {bytes_of(nv->name, nv->namelen),
		                               bytes_of(nv->value, nv->valuelen)};
		size_t len = metadata_size(&entry, 1);
		uint8_t *room = buffer_reserve(&stream->trailers, len);
		if (!room)
			return false;
		struct writer writer = writer_init(room, len);
		metadata_write(&writer, TRAILERS_FIELD, &entry, 1);
		stream->trailers.end += len;
	}
	return true;
}

/* The end of a call that was stopped does not wait for the peer to take what was said before. */
static bool overtakes(const struct http2_stream *stream, const struct call *call)
{
	return call->status != STATUS_OK && call->cancelled != STATUS_OK && stream->head_sent &&
	       http2_output_is_held_up(stream);
}

static void end_output(struct http2_stream *stream, struct call *call)
{
	struct http2_fields fields;
	fields_init(&fields);
	trailers_of_call(call, trailers_most(stream), &fields);
	if (stream->request.content == CONTENT_GRPC_WEB) {
		http2_output_web_trailers(stream, &fields);
		return;
	}
	if (buffer_len(&stream->output) == 0) {
		http2_output_end(stream, &fields);
		return;
	}
	bool plain = fields.count == 1 && call->status == STATUS_OK;
	if (!plain && !keep_trailers(stream, &fields))
		http2_check(stream->session, NGHTTP2_ERR_NOMEM);
	http2_output_finish(stream);
}

/* False: the peer has half a message, so that the end could only be a reset. */
static bool make_way(struct http2_stream *stream, const struct call *call)
{
	if (!overtakes(stream, call) || http2_output_drop(stream))
		return true;
	http2_output_reset(stream, NGHTTP2_CANCEL);
	return false;
}

static void send_end(struct http2_stream *stream, struct call *call)
{
	bool is_connect = connect_is(&stream->request);
	if (!stream->head_sent && (is_connect || call->head_count > 0))
		send_head(stream, call);
	if (is_connect)
		connect_stream_end(stream, call);
	else if (stream->head_sent)
		end_output(stream, call);
	else
		send_trailers_only(stream, call);
}

static void answer_finish(struct call *call, const ProtobufCMessage *message)
{
	struct http2_stream *stream = call->stream;
	http2_stream_discard(stream);
	if (make_way(stream, call)) {
		if (call->status == STATUS_OK && message)
			call->status = send_message(stream, call, message, &call->message);
		send_end(stream, call);
	}
	stream->call = NULL;
}

const struct call_ops http2_grpc_ops = {
	.writable = answer_writable,
	.send = answer_send,
	.taken = answer_taken,
	.finish = answer_finish,
};

const struct call_ops http2_connect_stream_ops = {
	.writable = answer_writable,
	.send = answer_send,
	.taken = answer_taken,
	.finish = answer_finish,
	.blames_sender = true,
};
