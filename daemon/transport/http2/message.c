/* From DATA to messages. A message that came whole goes to the call as it lies in the read buffer;
 * parts of one are put together. Its credit is returned
 *  - for parts of a message at once, as the size of a message has its own limit: else one that is
 *    larger than the window would never be complete;
 *  - for whole messages when the handler takes them. */
#include "daemon/transport/http2/connect.h"
#include "daemon/transport/http2/session.h"
#include "proto/grpc_prefix.h"

#include <assert.h>
#include <stdio.h>

enum {
	HELD_MOST = LIMIT_STREAM_CREDIT, /* bytes of messages that a call is given ahead of need */
	REASON_SIZE = 160,
};

static void give_credit(struct http2_stream *stream, size_t len)
{
	if (len > 0 && stream->input_state == INPUT_RECEIVING && !stream->ended)
		http2_check(stream->session, nghttp2_session_consume_stream(
						     stream->session->nghttp2, stream->id, len));
}

void http2_stream_discard(struct http2_stream *stream)
{
	http2_coding_forget(stream);
	http2_hold(stream->session, 0, stream->held + buffer_len(&stream->input));
	buffer_consume(&stream->input, buffer_len(&stream->input));
	stream->early = stream->held = stream->owed = 0;
	stream->input_state = INPUT_DISCARDING;
}

/* The status for bytes that are no message. */
static enum status malformed(const struct http2_stream *stream)
{
	return connect_is(&stream->request) ? STATUS_INVALID_ARGUMENT : STATUS_INTERNAL;
}

static void refuse(struct http2_stream *stream, enum status status, const char *message)
{
	http2_stream_discard(stream);
	call_refuse(stream->call, status, message);
}

static size_t message_limit(const struct http2_stream *stream)
{
	const struct method *method = stream->call->method;
	return method && method->max_request ? method->max_request : LIMIT_MESSAGE;
}

static void refuse_size(struct http2_stream *stream, const char *more, size_t len)
{
	char reason[REASON_SIZE];
	snprintf(reason, sizeof(reason), "the message has %s%zu bytes, at most %zu are allowed",
	         more, len, message_limit(stream));
	refuse(stream, STATUS_RESOURCE_EXHAUSTED, reason);
}

/* --- one message --------------------------------------------------------------------- */

/* What can be said against a message before it is there. */
static bool check_prefix(struct http2_stream *stream, struct grpc_prefix prefix)
{
	if (prefix.flag > 1)
		refuse(stream, malformed(stream), "a message's first byte must be 0 or 1");
	else if (prefix.flag == 1 && stream->request.encoding != CODEC_GZIP)
		refuse(stream, malformed(stream),
		       connect_is(&stream->request)
		               ? "a compressed message, but no connect-content-encoding that says "
		                 "how"
		               : "a compressed message, but no grpc-encoding that says how");
	else if (prefix.len > message_limit(stream))
		refuse_size(stream, "", prefix.len);
	else
		return true;
	return false;
}

static void hand_over(struct http2_stream *stream, struct bytes message, bool compressed)
{
	stream->held += message.len;
	http2_hold(stream->session, message.len, 0);
	call_message_coded(stream->call, message, compressed);
}

/* JSON becomes what the call takes. */
static void take_json(struct http2_stream *stream, struct bytes json, bool compressed)
{
	struct arena arena;
	struct bytes message;
	char reason[WIRE_REASON_SIZE];
	arena_init(&arena, NULL, 0, LIMIT_CALL_ARENA);
	http2_coding_count(stream, json.len);
	enum status status = connect_message(stream, json, &arena, &message, reason);
	if (status == STATUS_OK)
		hand_over(stream, message, compressed);
	else
		refuse(stream, status, reason);
	arena_deinit(&arena);
}

static void take_plain(struct http2_stream *stream, struct bytes data, bool compressed)
{
	if (connect_is_json(&stream->request))
		take_json(stream, data, compressed);
	else
		hand_over(stream, data, compressed);
}

/* Into the shared scratch buffer, which http2_scratch_done() gives back in every case. False: the
 * stream was refused; `what` is the thing that is no gzip. */
static bool inflate(struct http2_stream *stream, struct bytes data, const char *what)
{
	struct transport *transport = http2_transport(stream->session);
	struct http2_shared *shared = transport->http2;
	char text[64];
	enum gzip_result result =
		gzip_inflate(shared->gzip, data, message_limit(stream), &shared->scratch);
	http2_coding_count(stream, result == GZIP_TOO_LARGE ? message_limit(stream)
	                                                    : buffer_len(&shared->scratch));
	switch (result) {
	case GZIP_OK:
		return true;
	case GZIP_TOO_LARGE:
		transport->counters.gzip_bombs++;
		refuse_size(stream, "more than ", message_limit(stream));
		break;
	case GZIP_MALFORMED:
		snprintf(text, sizeof(text), "the %s is not gzip", what);
		refuse(stream, malformed(stream), text);
		break;
	case GZIP_NO_MEMORY:
		snprintf(text, sizeof(text), "no memory to decompress the %s", what);
		refuse(stream, STATUS_RESOURCE_EXHAUSTED, text);
		break;
	}
	return false;
}

static void take_compressed(struct http2_stream *stream, struct bytes data, const char *what)
{
	struct http2_shared *shared = http2_transport(stream->session)->http2;
	if (inflate(stream, data, what))
		take_plain(stream, buffer_bytes(&shared->scratch), true);
	http2_scratch_done(shared);
}

/* To Connect, nothing is never compressed, whatever is said of it. */
static bool is_compressed(const struct http2_stream *stream, struct grpc_prefix prefix)
{
	return prefix.flag == 1 && (prefix.len > 0 || !connect_is(&stream->request));
}

/* Hands over the message at the front of `in`, which is whole. */
static void take_message(struct http2_stream *stream, struct grpc_prefix prefix, struct bytes in)
{
	size_t size = GRPC_PREFIX_SIZE + (size_t)prefix.len;
	size_t early = size < stream->early ? size : stream->early;
	struct bytes message = bytes_of(in.data + GRPC_PREFIX_SIZE, prefix.len);
	stream->early -= early;
	stream->owed += size - early;
	if (is_compressed(stream, prefix))
		take_compressed(stream, message, "message");
	else
		take_plain(stream, message, false);
}

/* False: the connection holds too much, and the stream was refused. */
static bool check_held(struct http2_stream *stream)
{
	if (stream->session->held <= LIMIT_CONNECTION_INPUT)
		return true;
	refuse(stream, STATUS_RESOURCE_EXHAUSTED, "the connection has too many requests in memory");
	return false;
}

/* --- one after the other ------------------------------------------------------------- */

static bool holds_enough(const struct http2_stream *stream)
{
	return stream->held >= HELD_MOST;
}

/* Not more than a turn's share of decompressing and JSON is done in it, and none while the
 * connection holds too much: a message may be much larger than it came. */
static bool may_decode(struct http2_stream *stream)
{
	if (http2_coding_may(stream))
		return check_held(stream);
	http2_coding_wait(stream);
	return false;
}

/* Hands over whole messages from the front of `in`; returns their bytes. */
static size_t cut(struct http2_stream *stream, struct bytes in)
{
	size_t taken = 0;
	while (stream->input_state == INPUT_RECEIVING && !holds_enough(stream) &&
	       !stream->coding_waits && in.len - taken >= GRPC_PREFIX_SIZE) {
		struct bytes rest = bytes_of(in.data + taken, in.len - taken);
		struct grpc_prefix prefix = grpc_prefix_read(rest.data);
		if (!check_prefix(stream, prefix) || prefix.len > rest.len - GRPC_PREFIX_SIZE)
			break;
		bool is_work = is_compressed(stream, prefix) || connect_is_json(&stream->request);
		if (is_work && !may_decode(stream))
			break;
		taken += GRPC_PREFIX_SIZE + (size_t)prefix.len;
		take_message(stream, prefix, rest);
	}
	return taken;
}

/* The same from what was kept. */
static void cut_input(struct http2_stream *stream)
{
	size_t taken = cut(stream, buffer_bytes(&stream->input));
	if (stream->input_state != INPUT_RECEIVING)
		return;
	buffer_consume(&stream->input, taken);
	http2_hold(stream->session, 0, taken);
}

static void keep(struct http2_stream *stream, struct bytes data)
{
	if (data.len == 0)
		return;
	if (!check_held(stream))
		return;
	if (!buffer_append(&stream->input, data.data, data.len))
		refuse(stream, STATUS_RESOURCE_EXHAUSTED, "no memory for the message");
	else
		http2_hold(stream->session, data.len, 0);
}

/* --- a body that is one message, without a prefix -------------------------------------------- */

/* Its own limit bounds it, so its credit is returned as it comes. */
static void settle_body(struct http2_stream *stream)
{
	size_t len = buffer_len(&stream->input);
	if (stream->input_state != INPUT_RECEIVING)
		return;
	if (len > message_limit(stream)) {
		refuse_size(stream, "more than ", message_limit(stream));
		return;
	}
	give_credit(stream, len - stream->early);
	stream->early = len;
	bool compressed = len > 0 && stream->request.content_encoding == CODEC_GZIP;
	bool is_work = compressed || connect_is_json(&stream->request);
	if (!stream->ended || stream->coding_waits || (is_work && !may_decode(stream)))
		return;
	struct bytes body = buffer_bytes(&stream->input);
	if (compressed)
		take_compressed(stream, body, "body");
	else
		take_plain(stream, body, false);
	if (stream->input_state != INPUT_RECEIVING)
		return;
	buffer_consume(&stream->input, len);
	http2_hold(stream->session, 0, len);
	stream->early = 0;
	stream->input_state = INPUT_CLOSED;
	call_half_close(stream->call);
}

/* What is left begins a message that is not whole, and nothing is before it. */
static void settle(struct http2_stream *stream)
{
	if (connect_is_unary(&stream->request)) {
		settle_body(stream);
		return;
	}
	size_t len = buffer_len(&stream->input);
	if (stream->input_state != INPUT_RECEIVING || stream->coding_waits ||
	    (len > 0 && holds_enough(stream)))
		return;
	give_credit(stream, len - stream->early);
	stream->early = len;
	if (!stream->ended)
		return;
	if (len > 0) {
		refuse(stream, malformed(stream), "the request ended within a message");
		return;
	}
	stream->input_state = INPUT_CLOSED;
	call_half_close(stream->call);
}

void http2_stream_drain(struct http2_stream *stream)
{
	transport_wait(http2_transport(stream->session), WAIT_HTTP2_STREAM, &stream->stall);
}

static void drain(struct http2_stream *stream, size_t len)
{
	struct http2_session *session = stream->session;
	stream->drained += len;
	if (stream->drained > LIMIT_MESSAGE)
		http2_check(session, nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE,
		                                               stream->id, NGHTTP2_NO_ERROR));
	else if (!stream->ended)
		http2_check(session,
		            nghttp2_session_consume_stream(session->nghttp2, stream->id, len));
}

void http2_stream_data(struct http2_stream *stream, struct bytes data)
{
	if (stream->input_state == INPUT_DISCARDING && !request_is_grpc(&stream->request))
		drain(stream, data.len);
	if (stream->input_state != INPUT_RECEIVING || !stream->call)
		return;
	if (connect_is_unary(&stream->request)) {
		keep(stream, data);
	} else if (buffer_len(&stream->input) > 0) {
		keep(stream, data);
		if (stream->input_state == INPUT_RECEIVING)
			cut_input(stream);
	} else {
		size_t taken = cut(stream, data);
		if (stream->input_state == INPUT_RECEIVING)
			keep(stream, bytes_of(data.data + taken, data.len - taken));
	}
	settle(stream);
}

void http2_stream_ended(struct http2_stream *stream)
{
	stream->ended = true;
	if (stream->call)
		settle(stream);
}

void http2_stream_go_on(struct http2_stream *stream)
{
	if (!connect_is_unary(&stream->request))
		cut_input(stream);
	settle(stream);
	connection_touch(stream->session->connection);
}

/* The credit of what was taken: in proportion, as messages may have been compressed. */
void http2_stream_taken(struct http2_stream *stream, size_t len)
{
	if (stream->input_state == INPUT_DISCARDING)
		return;
	assert(len <= stream->held);
	size_t owed = stream->held == len ? stream->owed
	                                  : (size_t)((uint64_t)stream->owed * len / stream->held);
	stream->owed -= owed;
	stream->held -= len;
	http2_hold(stream->session, 0, len);
	give_credit(stream, owed);
	http2_stream_go_on(stream);
}
