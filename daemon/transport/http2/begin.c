/* From a request's headers to a call, or to a refusal: in the order in which gRPC's servers look at
 * them, so that a client gets the same answer from us. */
#include "daemon/transport/http2/answer.h"
#include "daemon/transport/http2/connect.h"
#include "daemon/transport/http2/output.h"
#include "daemon/transport/http2/session.h"

/* Of the connection: nothing of the request is looked at. A client may send it elsewhere at once.
 */
static void refuse_stream(struct http2_stream *stream)
{
	http2_transport(stream->session)->counters.calls_refused++;
	http2_output_reset(stream, NGHTTP2_REFUSED_STREAM);
}

/* An answer of HTTP's, with gRPC's status for those who look for it; and a text for those who may
 * look at nothing else. */
static void refuse(struct http2_stream *stream, const char *http_status, enum status status,
                   const char *message)
{
	struct http2_fields fields;
	http2_transport(stream->session)->counters.calls_refused++;
	http2_stream_discard(stream);
	if (connect_is(&stream->request) || stream->request.content == CONTENT_OTHER) {
		connect_refuse(stream, http_status, status, message);
		return;
	}
	fields_init(&fields);
	fields_put(&fields, ":status", http_status);
	fields_put(&fields, "content-type", stream->request.answer_type);
	fields_put_allowed(&fields, http_status);
	fields_put(&fields, "grpc-status", trailers_status(status));
	fields_put(&fields, "grpc-message", message);
	fields_put(&fields, "prism-outcome", "not-executed");
	http2_output_only(stream, &fields);
}

static bool is_busy(const struct http2_session *session)
{
	return session->waiting + connection_unsent(session->connection) > LIMIT_CONNECTION_OUTPUT;
}

/* False: it was refused. */
static bool check_request(struct http2_stream *stream)
{
	const struct http2_request *request = &stream->request;
	bool is_connect = connect_is(request);
	if (request->too_large) {
		http2_transport(stream->session)->counters.header_bombs++;
		refuse(stream, "431", STATUS_RESOURCE_EXHAUSTED,
		       "the header list has more than 8192 bytes or 100 metadata entries");
	} else if (request->content == CONTENT_OTHER)
		refuse(stream, "415", STATUS_UNKNOWN,
		       "content-type must be application/grpc, application/grpc-web, "
		       "application/json, application/proto, application/connect+json or "
		       "application/connect+proto");
	else if (is_connect && request->bad_version)
		refuse(stream, "400", STATUS_INVALID_ARGUMENT,
		       "connect-protocol-version must be 1");
	else if (request->bad_timeout)
		refuse(stream, "400", is_connect ? STATUS_INVALID_ARGUMENT : STATUS_INTERNAL,
		       is_connect ? "connect-timeout-ms must be 1 to 10 digits"
		                  : "grpc-timeout must be 1 to 8 digits and one of H M S m u n");
	else if (request->bad_binary)
		refuse(stream, "400", is_connect ? STATUS_INVALID_ARGUMENT : STATUS_INTERNAL,
		       "metadata named -bin must be base64");
	else if (is_busy(stream->session))
		refuse_stream(stream);
	else if (!request->is_post)
		refuse(stream, "405", is_connect ? STATUS_UNIMPLEMENTED : STATUS_INTERNAL,
		       "the method must be POST");
	else if (request->timeout_us == 0)
		refuse(stream, is_connect ? "504" : "200", STATUS_DEADLINE_EXCEEDED,
		       "the deadline had passed when the call came");
	else
		return true;
	return false;
}

static void check_codecs(struct http2_stream *stream)
{
	const struct http2_request *request = &stream->request;
	const struct method *method = stream->call->method;
	const char *fault = NULL;
	bool is_unary = connect_is_unary(request);
	if (is_unary && method && method->kind != CALL_UNARY)
		fault = "a method that streams needs the content-type application/connect+json or "
			"application/connect+proto, or gRPC";
	else if (is_unary && request->content_encoding == CODEC_UNKNOWN)
		fault = "content-encoding must be identity or gzip";
	else if (request->content == CONTENT_GRPC_CODEC)
		fault = "the messages must be protobuf: application/grpc+proto";
	else if (request->encoding == CODEC_UNKNOWN)
		fault = connect_is(request) ? "connect-content-encoding must be identity or gzip"
		                            : "grpc-encoding must be identity or gzip";
	if (!fault)
		return;
	http2_stream_discard(stream);
	call_refuse(stream->call, STATUS_UNIMPLEMENTED, fault);
}

static const struct call_ops *ops_of(const struct http2_request *request)
{
	if (connect_is_unary(request))
		return &http2_connect_ops;
	return connect_is_stream(request) ? &http2_connect_stream_ops : &http2_grpc_ops;
}

void http2_stream_begin(struct http2_stream *stream)
{
	struct connection *connection = stream->session->connection;
	struct http2_request *request = &stream->request;
	if (stream->id > stream->session->last) {
		refuse_stream(stream);
		return;
	}
	if (!check_request(stream))
		return;
	stream->input_state = INPUT_RECEIVING;
	stream->call = call_begin(
		connection->transport->settings.rpc,
		&(struct call_start){
			.route = request->route,
			.path = bytes_of(request->path, request->path_len),
			.timeout_us = request->timeout_us,
			.metadata = buffer_bytes(&request->metadata),
			.trace = bytes_of(request->trace, request->has_trace ? TRACE_SIZE : 0),
			.ops = ops_of(request),
			.stream = stream,
			.peer = &connection->peer,
		});
	buffer_consume(&request->metadata, buffer_len(&request->metadata));
	if (!stream->call) {
		refuse_stream(stream);
		return;
	}
	connection->transport->counters.calls++;
	check_codecs(stream);
}
