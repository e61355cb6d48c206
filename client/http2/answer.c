/* What comes from the server for a call: headers, messages, trailers; and how it ends. */
#include "client/http2/http2.h"
#include "client/http2/status.h"

#include "client/channel.h"
#include "client/metadata.h"
#include "proto/base64.h"
#include "proto/grpc_text.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	MESSAGE_MOST = LIMIT_STATUS_MESSAGE * 3, /* each byte may be escaped */
	DETAILS_MOST = LIMIT_FRAME_META,
	HTTP_OK = 200,
	KEY_SHOWN = 64,
};

void http2_stream_free(struct http2_stream *stream)
{
	if (!stream)
		return;
	buffer_deinit(&stream->message);
	buffer_deinit(&stream->details);
	free(stream->reason);
	free(stream);
}

/* --- headers ------------------------------------------------------------------------------ */

/* UINT32_MAX: it is no number of at most nine digits. */
static uint32_t number_of(struct bytes text)
{
	uint32_t number = 0;
	if (text.len == 0 || text.len > 9)
		return UINT32_MAX;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return UINT32_MAX;
		number = number * 10 + (text.data[i] - '0');
	}
	return number;
}

static bool is_grpc(struct bytes content_type)
{
	static const char GRPC[] = "application/grpc";
	size_t len = sizeof GRPC - 1;
	if (content_type.len < len || memcmp(content_type.data, GRPC, len) != 0)
		return false;
	return content_type.len == len || content_type.data[len] == '+' ||
	       content_type.data[len] == ';';
}

/* Without memory for it, it is left out: the status says the most. */
static void keep_message(struct http2_stream *stream, struct bytes value)
{
	if (value.len > MESSAGE_MOST)
		value.len = MESSAGE_MOST;
	buffer_deinit(&stream->message);
	uint8_t *room = buffer_reserve(&stream->message, value.len);
	if (room)
		stream->message.end += grpc_message_read(value, room);
}

static void keep_details(struct http2_stream *stream, struct bytes value)
{
	size_t len;
	buffer_deinit(&stream->details);
	if (value.len > DETAILS_MOST)
		return;
	uint8_t *room = buffer_reserve(&stream->details, base64_data_len(value.len));
	if (room && grpc_binary_next(&value, room, &len))
		stream->details.end += len;
}

/* A wish that is no number is that it is not sent again (gRFC A6). */
static void keep_pushback(struct http2_stream *stream, struct bytes value)
{
	uint32_t ms = number_of(value);
	stream->final = ms == UINT32_MAX;
	stream->pushback_ms = stream->final ? 0 : ms;
}

static void keep_outcome(struct http2_stream *stream, struct bytes value)
{
	if (bytes_equal_string(value, "not-executed"))
		stream->retry = RETRY_SAFE;
	else if (bytes_equal_string(value, "unknown"))
		stream->retry = RETRY_NEVER;
}

/* False: it is none of those that say how the call goes. */
static bool keep_known(struct http2_stream *stream, struct bytes name, struct bytes value)
{
	if (bytes_equal_string(name, ":status")) {
		stream->http_status = (uint16_t)number_of(value);
	} else if (bytes_equal_string(name, "content-type")) {
		stream->is_grpc = is_grpc(value);
	} else if (bytes_equal_string(name, "grpc-encoding")) {
		stream->is_gzip = bytes_equal_string(value, "gzip");
	} else if (bytes_equal_string(name, "grpc-status")) {
		stream->has_status = true;
		stream->status = status_from_number(number_of(value));
	} else if (bytes_equal_string(name, "grpc-message")) {
		keep_message(stream, value);
	} else if (bytes_equal_string(name, "grpc-status-details-bin")) {
		keep_details(stream, value);
	} else if (bytes_equal_string(name, "grpc-retry-pushback-ms")) {
		keep_pushback(stream, value);
	} else if (bytes_equal_string(name, "prism-outcome")) {
		keep_outcome(stream, value);
	} else {
		return false;
	}
	return true;
}

/* The values of a -bin key may have come as one, joined by commas. */
static enum answer keep_binary(struct prism_response_metadata *metadata, enum metadata_part part,
                               struct bytes name, struct bytes value, char *reason)
{
	struct buffer decoded = {0};
	enum answer answer = ANSWER_OK;
	do {
		size_t len;
		uint8_t *room = buffer_reserve(&decoded, base64_data_len(value.len) + 1);
		if (!room) {
			snprintf(reason, WIRE_REASON_SIZE, "no memory for the answer's metadata");
			answer = ANSWER_TOO_LARGE;
		} else if (!grpc_binary_next(&value, room, &len)) {
			snprintf(reason, WIRE_REASON_SIZE, "metadata %.*s is no base64",
			         (int)(name.len < KEY_SHOWN ? name.len : KEY_SHOWN), name.data);
			answer = ANSWER_MALFORMED;
		} else {
			struct metadata entry = {name, bytes_of(room, len)};
			answer = metadata_add(metadata, part, entry, reason);
		}
	} while (answer == ANSWER_OK && value.len > 0);
	buffer_deinit(&decoded);
	return answer;
}

/* For a caller who wants it. The first fault is what is told, once the list is complete. */
static void keep_metadata(struct prism_call *call, struct bytes name, struct bytes value, bool ends)
{
	static const char RESERVED[] = "grpc-";
	struct http2_stream *stream = call->stream.http2;
	enum metadata_part part = stream->headed || ends ? METADATA_TRAILING : METADATA_INITIAL;
	bool reserved = name.len >= sizeof RESERVED - 1 &&
	                memcmp(name.data, RESERVED, sizeof RESERVED - 1) == 0;
	bool informational = !stream->headed && stream->http_status < HTTP_OK;
	char reason[WIRE_REASON_SIZE];
	if (!call->response_metadata || reserved || informational || stream->told != ANSWER_OK)
		return;
	if (grpc_key_is_binary(name))
		stream->told = keep_binary(call->response_metadata, part, name, value, reason);
	else
		stream->told = metadata_add(call->response_metadata, part,
		                            (struct metadata){name, value}, reason);
	if (stream->told != ANSWER_OK)
		stream->reason = strdup(reason);
}

void http2_answer_field(struct prism_call *call, struct bytes name, struct bytes value, bool ends)
{
	if (!keep_known(call->stream.http2, name, value))
		keep_metadata(call, name, value, ends);
}

/* --- the end -------------------------------------------------------------------------------- */

static struct http2_stream *leave(struct http2_session *http2, struct prism_call *call)
{
	struct http2_stream *stream = call->stream.http2;
	call->stream.http2 = NULL;
	session_drop(&http2->session, call, STATUS_OK);
	return stream;
}

/* What the server says is in the trailers. */
static struct ending ending_of(const struct http2_stream *stream)
{
	struct ending ending = {
		.status = stream->status,
		.retry = stream->retry,
		.final = stream->final,
		.pushback_ms = stream->pushback_ms,
		.message = buffer_bytes(&stream->message),
		.details = buffer_bytes(&stream->details),
	};
	bool passing = stream->status == STATUS_UNAVAILABLE || stream->status == STATUS_ABORTED;
	if (ending.retry == RETRY_SAFE && !passing)
		ending.retry = RETRY_UNSET; /* an answer: it would be the same again */
	return ending;
}

/* The server has said its last word; if we have not, it is told that none will come. */
static void end(struct http2_session *http2, struct prism_call *call)
{
	struct session *session = &http2->session;
	int result = 0;
	if (!call->stream.closed)
		result = nghttp2_submit_rst_stream(http2->nghttp2, NGHTTP2_FLAG_NONE,
		                                   (int32_t)call->stream.id, NGHTTP2_NO_ERROR);
	struct http2_stream *stream = leave(http2, call);
	if (stream->status == STATUS_OK && stream->prefix_len > 0) {
		session_answered(session, call, ANSWER_MALFORMED, 0,
		                 "it ended in the middle of a message");
	} else if (stream->status == STATUS_OK) {
		session_ended_ok(session, call, NULL, 0);
	} else {
		struct ending ending = ending_of(stream);
		session_ended_failed(call, &ending);
	}
	http2_stream_free(stream);
	http2_check(http2, result);
}

/* A failure that HTTP tells, and not gRPC. `retry`: whether it may have been executed. */
static void fail(struct http2_session *http2, struct prism_call *call, enum status status,
                 enum retry retry, const char *text)
{
	http2_stream_free(leave(http2, call));
	session_ended_failed(call, &(struct ending){.status = status,
	                                            .retry = retry,
	                                            .message = bytes_of_string(text)});
}

static void stop(struct http2_session *http2, const struct prism_call *call)
{
	http2_check(http2, nghttp2_submit_rst_stream(http2->nghttp2, NGHTTP2_FLAG_NONE,
	                                             (int32_t)call->stream.id, NGHTTP2_CANCEL));
}

/* Not gRPC's words: a proxy's, or another server's. */
static void fail_http(struct http2_session *http2, struct prism_call *call, bool ended)
{
	const struct http2_stream *stream = call->stream.http2;
	enum status status = status_of_http(stream->http_status);
	char text[96];
	if (stream->http_status == HTTP_OK)
		snprintf(text, sizeof text, "the server's answer is not gRPC's");
	else
		snprintf(text, sizeof text, "the server answered with HTTP status %u",
		         stream->http_status);
	if (!ended)
		stop(http2, call);
	if (http2->session.state != SESSION_CLOSED)
		fail(http2, call, status, RETRY_UNSET, text);
}

/* Its answer's metadata is more than is taken, or makes no sense. */
static void fail_metadata(struct http2_session *http2, struct prism_call *call, bool ended)
{
	enum answer told = call->stream.http2->told;
	char *reason = call->stream.http2->reason;
	call->stream.http2->reason = NULL;
	if (ended && call->stream.closed)
		http2_stream_free(leave(http2, call));
	session_answered(&http2->session, call, told, 0, reason ? reason : "no memory");
	free(reason);
}

void http2_answer_cut(struct http2_session *http2, struct prism_call *call)
{
	fail(http2, call, STATUS_INTERNAL, RETRY_NEVER,
	     "the server ended the stream without a grpc-status");
}

void http2_answer_headers(struct http2_session *http2, struct prism_call *call, bool ends)
{
	struct http2_stream *stream = call->stream.http2;
	session_heard(&http2->session);
	if (!stream->headed && stream->http_status < HTTP_OK)
		return; /* informational: the headers are still to come */
	bool first = !stream->headed;
	stream->headed = true;
	if (stream->told != ANSWER_OK)
		fail_metadata(http2, call, ends);
	else if (ends && stream->has_status)
		end(http2, call);
	else if (first && (stream->http_status != HTTP_OK || !stream->is_grpc))
		fail_http(http2, call, ends);
	else if (ends)
		http2_answer_cut(http2, call);
	else if (first)
		call_initial(call);
}

void http2_answer_closed(struct http2_session *http2, struct prism_call *call, uint32_t code)
{
	static const char BROKEN[] = "its headers or its length break the rules of HTTP/2";
	struct http2_stream *stream = call->stream.http2;
	bool late = call->deadline.place && uv_hrtime() >= call->deadline.at_ns;
	char text[96];
	if (code == NGHTTP2_REFUSED_STREAM && !stream->reset) {
		/* Nobody refused it: nghttp2 sends no request after a GOAWAY. */
		session_orphan(&http2->session, call, http2->session.goaway);
	} else if (code == NGHTTP2_REFUSED_STREAM) {
		session_refused(&http2->session, call, "the server refused the stream");
	} else if (stream->reset) {
		snprintf(text, sizeof text, "the server reset the stream: %s",
		         nghttp2_http2_strerror(code));
		fail(http2, call, status_of_reset(code, late), RETRY_NEVER, text);
	} else {
		http2_stream_free(leave(http2, call));
		session_answered(&http2->session, call, ANSWER_MALFORMED, 0, BROKEN);
	}
}

/* --- messages ------------------------------------------------------------------------------- */

static bool is_open(const struct prism_call *call)
{
	return call->stream.session != NULL;
}

/* Takes what is there of a prefix; a whole one is looked at. */
static enum answer take_prefix(struct prism_call *call, struct bytes *data, char *reason)
{
	struct http2_stream *stream = call->stream.http2;
	size_t need = GRPC_PREFIX_SIZE - stream->prefix_len;
	size_t now = data->len < need ? data->len : need;
	memcpy(stream->prefix + stream->prefix_len, data->data, now);
	stream->prefix_len = (uint8_t)(stream->prefix_len + now);
	*data = bytes_of(data->data + now, data->len - now);
	if (stream->prefix_len < GRPC_PREFIX_SIZE)
		return ANSWER_OK;
	struct grpc_prefix prefix = grpc_prefix_read(stream->prefix);
	stream->left = prefix.len;
	if (prefix.flag == 0 || (prefix.flag == GRPC_FLAG_COMPRESSED && stream->is_gzip))
		return call_announce(call, prefix.len, reason);
	snprintf(reason, WIRE_REASON_SIZE, "%s",
	         prefix.flag == GRPC_FLAG_COMPRESSED
	                 ? "a message is compressed, and grpc-encoding does not say by gzip"
	                 : "a message's first byte must be 0 or 1");
	return ANSWER_MALFORMED;
}

/* Takes what is there of a message whose prefix came; of an empty one that is nothing. May end the
 * call. */
static enum answer take_message(struct prism_call *call, struct bytes *data, size_t *taken,
                                char *reason)
{
	struct http2_stream *stream = call->stream.http2;
	size_t now = data->len < stream->left ? data->len : stream->left;
	struct answer_part part = {
		.bytes = bytes_of(data->data, now),
		.more = stream->left > now,
		.compressed = stream->prefix[0] == GRPC_FLAG_COMPRESSED,
	};
	stream->left -= (uint32_t)now;
	*data = bytes_of(data->data + now, data->len - now);
	if (!part.more)
		stream->prefix_len = 0;
	return call_assemble(call, part, taken, reason);
}

/* The next part of the input: a prefix, or what is there of a message. */
static enum answer take(struct prism_call *call, struct bytes *data, size_t *taken, char *reason)
{
	struct http2_stream *stream = call->stream.http2;
	if (stream->prefix_len < GRPC_PREFIX_SIZE) {
		size_t before = data->len;
		enum answer answer = take_prefix(call, data, reason);
		*taken = before - data->len;
		if (answer != ANSWER_OK || stream->prefix_len < GRPC_PREFIX_SIZE ||
		    stream->left > 0)
			return answer;
	}
	return take_message(call, data, taken, reason);
}

void http2_answer_data(struct http2_session *http2, struct prism_call *call, struct bytes data)
{
	char reason[WIRE_REASON_SIZE];
	session_heard(&http2->session);
	while (is_open(call) && data.len > 0) {
		size_t taken = 0;
		enum answer answer = take(call, &data, &taken, reason);
		session_answered(&http2->session, call, answer, taken, reason);
	}
}
