#include "daemon/transport/http2/connect.h"

#include "daemon/transport/http2/output.h"
#include "daemon/transport/http2/session.h"
#include "daemon/transport/http2/trailers.h"
#include "proto/json.h"

#include <assert.h>
#include <stdio.h>

enum { COMPRESS_FROM = 1024 };

static const char JSON_TYPE[] = "application/json", PROTO_TYPE[] = "application/proto";

/* --- the request ------------------------------------------------------------------------------ */

enum status connect_message(const struct http2_stream *stream, struct bytes json,
                            struct arena *arena, struct bytes *message,
                            char reason[WIRE_REASON_SIZE])
{
	const struct method *method = stream->call->method;
	ProtobufCMessage *parsed;
	*message = json;
	if (!method)
		return STATUS_OK;
	TRY(json_to_message(method->request, json, arena, &parsed, reason));
	size_t len = protobuf_c_message_get_packed_size(parsed);
	uint8_t *packed = arena_alloc(arena, len);
	if (!packed) {
		snprintf(reason, WIRE_REASON_SIZE, "no memory for the request");
		return STATUS_RESOURCE_EXHAUSTED;
	}
	protobuf_c_message_pack(parsed, packed);
	*message = bytes_of(packed, len);
	return STATUS_OK;
}

/* --- the answer ---------------------------------------------------------------------- */

struct answer {
	const char *http_status, *type;
	struct buffer body;
};

static bool connect_writable(struct call *call)
{
	(void)call;
	return true;
}

/* Only unary methods are called so: their answer comes with finish(). */
static void connect_send(struct call *call, const ProtobufCMessage *message)
{
	(void)call;
	(void)message;
	assert(false);
}

static void connect_taken(struct call *call, size_t len)
{
	http2_stream_taken(call->stream, len);
}

enum status connect_json(const ProtobufCMessage *message, struct arena *arena, struct bytes *json,
                         const char **why)
{
	char *text;
	enum status status = json_from_message(message, JSON_COMPACT, arena, &text);
	if (status == STATUS_OK) {
		*json = bytes_of_string(text);
		return STATUS_OK;
	}
	bool full = status == STATUS_RESOURCE_EXHAUSTED;
	*why = full ? "the answer is too large for JSON: ask for less, or in protobuf"
	            : "the answer cannot be said in JSON: ask in protobuf";
	return full ? STATUS_RESOURCE_EXHAUSTED : STATUS_INTERNAL;
}

static bool end_line(struct answer *answer)
{
	return buffer_append(&answer->body, "\n", 1);
}

static bool write_json(struct call *call, const ProtobufCMessage *message, struct answer *answer)
{
	struct bytes json;
	call->status = connect_json(message, &call->arena, &json, &call->message);
	return call->status != STATUS_OK ||
	       (buffer_append(&answer->body, json.data, json.len) && end_line(answer));
}

static bool write_proto(const ProtobufCMessage *message, struct answer *answer)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	uint8_t *room = buffer_reserve(&answer->body, len);
	if (!room)
		return len == 0;
	answer->body.end += protobuf_c_message_pack(message, room);
	return true;
}

/* False: no memory. An answer that cannot be written is a failure of the call. */
static bool write_answer(struct http2_stream *stream, struct call *call,
                         const ProtobufCMessage *message, struct answer *answer)
{
	bool is_json = connect_is_json(&stream->request);
	bool good = true;
	if (call->status == STATUS_OK && message)
		good = is_json ? write_json(call, message, answer) : write_proto(message, answer);
	if (is_json)
		http2_coding_count(stream, buffer_len(&answer->body));
	answer->http_status = connect_http_status(call->status);
	answer->type = is_json || call->status != STATUS_OK ? JSON_TYPE : PROTO_TYPE;
	if (good && call->status != STATUS_OK)
		good = connect_error_write(call->status, call->message, call->details,
		                           call->detail_count, &answer->body) &&
		       end_line(answer);
	return good;
}

/* As a gRPC answer: large ones, if the client reads it and they are not sensitive. */
static bool compress(struct http2_stream *stream, const struct call *call, struct answer *answer)
{
	struct buffer compressed = {0};
	bool wanted =
		stream->request.body_accepts_gzip && !(call->method && call->method->sensitive) &&
		call->compression != COMPRESSION_OFF && buffer_len(&answer->body) >= COMPRESS_FROM;
	if (wanted)
		http2_coding_count(stream, buffer_len(&answer->body));
	if (!wanted || !gzip_deflate(http2_transport(stream->session)->http2->gzip,
	                             buffer_bytes(&answer->body), &compressed)) {
		buffer_deinit(&compressed);
		return false;
	}
	buffer_deinit(&answer->body);
	answer->body = compressed;
	return true;
}

/* Trailing metadata are header fields too, with "trailer-" before their names. */
static void add_trailers(struct call *call, struct http2_fields *fields)
{
	for (uint32_t i = 0; i < call->trailer_count; i++) {
		struct metadata entry = call->trailers[i];
		const char *key = arena_printf(&call->arena, "trailer-%.*s", (int)entry.key.len,
		                               (const char *)entry.key.data);
		if (!key)
			return;
		entry.key = bytes_of_string(key);
		trailers_add_metadata(call, &entry, 1, fields);
	}
}

static void begin_answer(const struct answer *answer, struct http2_fields *fields)
{
	fields_init(fields);
	fields_put(fields, ":status", answer->http_status);
	fields_put(fields, "content-type", answer->type);
}

static void send_answer(struct http2_stream *stream, const struct http2_fields *fields,
                        struct answer *answer)
{
	stream->body_only = true;
	http2_output_head(stream, fields);
	http2_output_body(stream, buffer_bytes(&answer->body));
	http2_output_finish(stream);
	buffer_deinit(&answer->body);
}

static void connect_finish(struct call *call, const ProtobufCMessage *message)
{
	struct http2_stream *stream = call->stream;
	struct answer answer = {0};
	struct http2_fields fields;
	http2_stream_discard(stream);
	if (!write_answer(stream, call, message, &answer))
		http2_check(stream->session, NGHTTP2_ERR_NOMEM);
	bool compressed = compress(stream, call, &answer);
	call->sent_bytes += (uint32_t)buffer_len(&answer.body);
	begin_answer(&answer, &fields);
	fields_put(&fields, "accept-encoding", "identity,gzip");
	if (compressed)
		fields_put(&fields, "content-encoding", "gzip");
	trailers_add_outcome(call, &fields);
	trailers_add_metadata(call, call->head, call->head_count, &fields);
	add_trailers(call, &fields);
	send_answer(stream, &fields, &answer);
	stream->call = NULL;
}

const struct call_ops http2_connect_ops = {
	.writable = connect_writable,
	.send = connect_send,
	.taken = connect_taken,
	.finish = connect_finish,
	.blames_sender = true,
};

void connect_refuse(struct http2_stream *stream, const char *http_status, enum status status,
                    const char *message)
{
	struct http2_fields fields;
	struct answer answer = {.http_status = http_status, .type = JSON_TYPE};
	if (connect_is_stream(&stream->request) && stream->request.is_post) {
		connect_stream_refuse(stream, status, message);
		return;
	}
	if (!connect_error_write(status, message, NULL, 0, &answer.body) || !end_line(&answer))
		http2_check(stream->session, NGHTTP2_ERR_NOMEM);
	begin_answer(&answer, &fields);
	fields_put_allowed(&fields, http_status);
	if (!connect_is(&stream->request)) {
		fields_put(&fields, "grpc-status", trailers_status(status));
		fields_put(&fields, "grpc-message", message);
	}
	fields_put(&fields, "prism-outcome", "not-executed");
	if (!stream->request.is_head) {
		send_answer(stream, &fields, &answer);
		return;
	}
	http2_output_only(stream, &fields);
	buffer_deinit(&answer.body);
}
