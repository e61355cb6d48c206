/* What waits for the peer's window: messages behind gRPC's five bytes, and the trailers after them.
 * nghttp2 asks for as much as the windows allow. */
#include "daemon/transport/http2/output.h"
#include "daemon/transport/http2/fields.h"
#include "daemon/transport/http2/session.h"
#include "proto/grpc_prefix.h"

#include <assert.h>

enum { FAIR_FROM = 16384 };

static void fail(struct http2_stream *stream)
{
	http2_check(stream->session, NGHTTP2_ERR_NOMEM);
}

/* --- to nghttp2 ---------------------------------------------------------------------- */

static void progress(struct http2_stream *stream)
{
	if (buffer_len(&stream->output) > 0)
		transport_wait(http2_transport(stream->session), WAIT_HTTP2_STREAM, &stream->stall);
	else
		timeout_clear(&stream->stall);
}

/* The output begins with a message's prefix, whole, whenever no part of a message is left. */
static void follow_messages(struct http2_stream *stream, size_t len)
{
	size_t at = 0;
	while (at < len) {
		if (stream->part_left == 0) {
			const uint8_t *prefix = stream->output.data + stream->output.start + at;
			stream->part_left = GRPC_PREFIX_SIZE + (size_t)grpc_prefix_read(prefix).len;
		}
		size_t now = len - at < stream->part_left ? len - at : stream->part_left;
		stream->part_left -= now;
		at += now;
	}
}

static int submit_trailers(nghttp2_session *nghttp2, struct http2_stream *stream)
{
	struct http2_fields fields;
	fields_init(&fields);
	struct metadata_walk walk = {reader_init(buffer_bytes(&stream->trailers)), TRAILERS_FIELD};
	struct metadata entry;
	while (metadata_next(&walk, &entry))
		fields_add(&fields, entry.key, entry.value);
	if (fields.count == 0)
		fields_put(&fields, "grpc-status", "0");
	return nghttp2_submit_trailer(nghttp2, stream->id, fields.nv, fields.count);
}

static ssize_t read_output(nghttp2_session *nghttp2, int32_t id, uint8_t *room, size_t len,
                           uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
	(void)id;
	(void)ctx;
	struct http2_stream *stream = source->ptr;
	size_t have = buffer_len(&stream->output), now = have < len ? have : len;
	if (now > 0) {
		if (!stream->body_only)
			follow_messages(stream, now);
		memcpy(room, stream->output.data + stream->output.start, now);
		buffer_consume(&stream->output, now);
		stream->session->waiting -= now;
		progress(stream);
	}
	if (now == have && stream->finished) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (stream->body_only)
			return (ssize_t)now;
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		return submit_trailers(nghttp2, stream) == 0 ? (ssize_t)now
		                                             : NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	if (now > 0)
		return (ssize_t)now;
	stream->deferred = true;
	return NGHTTP2_ERR_DEFERRED;
}

void http2_output_head(struct http2_stream *stream, const struct http2_fields *fields)
{
	const nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = read_output};
	stream->head_sent = true;
	http2_check(stream->session, nghttp2_submit_response(stream->session->nghttp2, stream->id,
	                                                     fields->nv, fields->count, &provider));
	connection_touch(stream->session->connection);
}

void http2_output_only(struct http2_stream *stream, const struct http2_fields *fields)
{
	stream->head_sent = stream->finished = true;
	http2_check(stream->session, nghttp2_submit_response(stream->session->nghttp2, stream->id,
	                                                     fields->nv, fields->count, NULL));
	connection_touch(stream->session->connection);
}

/* --- into the queue ------------------------------------------------------------------ */

static void resume(struct http2_stream *stream)
{
	struct http2_session *session = stream->session;
	connection_touch(session->connection);
	if (!stream->deferred)
		return;
	stream->deferred = false;
	http2_check(session, nghttp2_session_resume_data(session->nghttp2, stream->id));
}

static void added(struct http2_stream *stream, size_t len)
{
	stream->session->waiting += len;
	if (!timeout_armed(&stream->stall))
		progress(stream);
	resume(stream);
}

/* Compressed behind room for the prefix. False: not worth it; nothing was added. */
static bool add_compressed(struct http2_stream *stream, struct bytes packed)
{
	struct http2_shared *shared = http2_transport(stream->session)->http2;
	struct buffer *output = &stream->output;
	if (!buffer_reserve(output, GRPC_PREFIX_SIZE))
		return false;
	size_t before = buffer_len(output);
	output->end += GRPC_PREFIX_SIZE;
	bool shorter = gzip_deflate(shared->gzip, packed, output);
	http2_coding_count(stream, packed.len);
	size_t added_len = buffer_len(output) - before;
	if (!shorter) {
		output->end = output->start + before;
		return false;
	}
	grpc_prefix_write(output->data + output->start + before, GRPC_FLAG_COMPRESSED,
	                  added_len - GRPC_PREFIX_SIZE);
	added(stream, added_len);
	return true;
}

/* Packed aside first. */
static bool pack_compressed(struct http2_stream *stream, const ProtobufCMessage *message,
                            size_t len)
{
	struct http2_shared *shared = http2_transport(stream->session)->http2;
	uint8_t *packed = buffer_reserve(&shared->scratch, len);
	if (packed)
		protobuf_c_message_pack(message, packed);
	bool added = packed && add_compressed(stream, bytes_of(packed, len));
	http2_scratch_done(shared);
	return added;
}

static void add_plain(struct http2_stream *stream, uint8_t flag, struct bytes packed)
{
	size_t len = GRPC_PREFIX_SIZE + packed.len;
	uint8_t *room = buffer_reserve(&stream->output, len);
	if (!room) {
		fail(stream);
		return;
	}
	grpc_prefix_write(room, flag, packed.len);
	memcpy(room + GRPC_PREFIX_SIZE, packed.data, packed.len);
	stream->output.end += len;
	added(stream, len);
}

/* A long answer takes turns with others of its connection; nghttp2 would send it to its end. */
static void be_fair(struct http2_stream *stream, size_t len)
{
	if (stream->fair || (len < FAIR_FROM && buffer_len(&stream->output) == 0))
		return;
	const nghttp2_extpri turns = {.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
	stream->fair = true;
	(void)nghttp2_session_change_extpri_stream_priority(stream->session->nghttp2, stream->id,
	                                                    &turns, 1);
}

void http2_output_message(struct http2_stream *stream, const ProtobufCMessage *message, size_t len)
{
	be_fair(stream, len);
	if (len >= stream->compress_from && pack_compressed(stream, message, len))
		return;
	uint8_t *room = buffer_reserve(&stream->output, GRPC_PREFIX_SIZE + len);
	if (!room) {
		fail(stream);
		return;
	}
	grpc_prefix_write(room, 0, len);
	protobuf_c_message_pack(message, room + GRPC_PREFIX_SIZE);
	stream->output.end += GRPC_PREFIX_SIZE + len;
	added(stream, GRPC_PREFIX_SIZE + len);
}

void http2_output_packed(struct http2_stream *stream, struct bytes message)
{
	be_fair(stream, message.len);
	if (message.len < stream->compress_from || !add_compressed(stream, message))
		add_plain(stream, 0, message);
}

void http2_output_last(struct http2_stream *stream, uint8_t flag, struct bytes message)
{
	add_plain(stream, flag, message);
	stream->body_only = true;
	http2_output_finish(stream);
}

void http2_output_body(struct http2_stream *stream, struct bytes body)
{
	stream->body_only = true;
	if (!buffer_append(&stream->output, body.data, body.len))
		fail(stream);
	else
		added(stream, body.len);
}

static size_t line_len(const nghttp2_nv *nv)
{
	return nv->namelen + sizeof(": ") - 1 + nv->valuelen + sizeof("\r\n") - 1;
}

void http2_output_web_trailers(struct http2_stream *stream, const struct http2_fields *fields)
{
	struct http2_shared *shared = http2_transport(stream->session)->http2;
	size_t len = 0;
	for (size_t i = 0; i < fields->count; i++)
		len += line_len(&fields->nv[i]);
	uint8_t *room = buffer_reserve(&shared->scratch, len);
	if (!room) {
		fail(stream);
		return;
	}
	struct writer writer = writer_init(room, len);
	for (size_t i = 0; i < fields->count; i++) {
		writer_bytes(&writer, fields->nv[i].name, fields->nv[i].namelen);
		writer_bytes(&writer, ": ", 2);
		writer_bytes(&writer, fields->nv[i].value, fields->nv[i].valuelen);
		writer_bytes(&writer, "\r\n", 2);
	}
	http2_output_last(stream, GRPC_FLAG_TRAILERS, bytes_of(room, len));
	http2_scratch_done(shared);
}

void http2_output_finish(struct http2_stream *stream)
{
	stream->finished = true;
	resume(stream);
}

/* nghttp2 sends header lists before any DATA, and no DATA after the end. */
void http2_output_end(struct http2_stream *stream, const struct http2_fields *fields)
{
	struct http2_session *session = stream->session;
	stream->finished = true;
	http2_check(session, nghttp2_submit_trailer(session->nghttp2, stream->id, fields->nv,
	                                            fields->count));
	connection_touch(session->connection);
}

bool http2_output_is_held_up(const struct http2_stream *stream)
{
	const struct http2_session *session = stream->session;
	size_t window =
		(size_t)nghttp2_session_get_stream_remote_window_size(session->nghttp2, stream->id);
	size_t shared = (size_t)nghttp2_session_get_remote_window_size(session->nghttp2);
	return buffer_len(&stream->output) >= window || session->waiting >= shared;
}

bool http2_output_drop(struct http2_stream *stream)
{
	stream->session->waiting -= buffer_len(&stream->output);
	buffer_deinit(&stream->output);
	timeout_clear(&stream->stall);
	return stream->part_left == 0;
}

/* --- room
 * -------------------------------------------------------------------------------------------------
 */

bool http2_output_has_room(const struct http2_stream *stream, size_t share)
{
	const struct http2_session *session = stream->session;
	return buffer_len(&stream->output) < LIMIT_STREAM_OUTPUT / share &&
	       session->waiting + connection_unsent(session->connection) <
	               LIMIT_CONNECTION_OUTPUT / share;
}

/* --- a stream that nobody reads ------------------------------------------------------ */

void http2_stream_stalled(struct timeout *stall)
{
	struct http2_stream *stream =
		(struct http2_stream *)((char *)stall - offsetof(struct http2_stream, stall));
	struct call *call = stream->call;
	http2_transport(stream->session)->counters.stream_stalls++;
	http2_output_reset(stream, NGHTTP2_ENHANCE_YOUR_CALM);
	if (call)
		call_cancel(call, STATUS_CANCELLED, false);
}

void http2_output_reset(struct http2_stream *stream, uint32_t code)
{
	struct http2_session *session = stream->session;
	http2_output_drop(stream);
	http2_stream_discard(stream);
	stream->call = NULL;
	stream->finished = true;
	http2_check(session, nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE,
	                                               stream->id, code));
	connection_touch(session->connection);
}
