/* What is Connect's own in its streams: messages in JSON, and the end as the last message, so that
 * the HTTP status is 200 whatever it says. */
#include "daemon/transport/http2/answer.h"
#include "daemon/transport/http2/connect.h"
#include "daemon/transport/http2/output.h"
#include "daemon/transport/http2/session.h"
#include "proto/grpc_prefix.h"

/* One message's arena, as a stream has any number of them. */
enum status connect_stream_send(struct http2_stream *stream, struct call *call,
                                const ProtobufCMessage *message, const char **why)
{
	struct arena arena;
	struct bytes json;
	arena_init(&arena, NULL, 0, LIMIT_CALL_ARENA);
	enum status status = connect_json(message, &arena, &json, why);
	if (status == STATUS_OK) {
		answer_count_sent(call, json.len);
		http2_coding_count(stream, json.len);
		http2_output_packed(stream, json);
	}
	arena_deinit(&arena);
	return status;
}

static void send_end(struct http2_stream *stream, const struct buffer *end, bool good)
{
	if (good)
		http2_output_last(stream, CONNECT_FLAG_END, buffer_bytes(end));
	else
		http2_check(stream->session, NGHTTP2_ERR_NOMEM);
}

void connect_stream_end(struct http2_stream *stream, struct call *call)
{
	struct http2_fields metadata;
	struct buffer end = {0};
	fields_init(&metadata);
	trailers_add_outcome(call, &metadata);
	trailers_add_metadata(call, call->trailers, call->trailer_count, &metadata);
	send_end(stream, &end,
	         connect_end_write(call->status, call->message, call->details, call->detail_count,
	                           &metadata, &end));
	buffer_deinit(&end);
}

void connect_stream_refuse(struct http2_stream *stream, enum status status, const char *message)
{
	struct http2_fields fields;
	struct buffer end = {0};
	fields_init(&fields);
	fields_put(&fields, ":status", "200");
	fields_put(&fields, "content-type", stream->request.answer_type);
	http2_output_head(stream, &fields);
	fields_init(&fields);
	fields_put(&fields, "prism-outcome", "not-executed");
	send_end(stream, &end, connect_end_write(status, message, NULL, 0, &fields, &end));
	buffer_deinit(&end);
}
