/* The frames of streams: from CALL, MSG, CANCEL and CREDIT to what the call is told. */
#include "daemon/transport/native_session.h"

#include <stdio.h>

static uint64_t now_ms(const struct session *session)
{
	return uv_now(session->connection->transport->loop);
}

/* --- streams that are no more -------------------------------------------------- */

/* `frame` names a stream that is not open. Frames that were on their way when a stream ended are
 * dropped; a peer that goes on sending them is stopped. */
static void on_closed_stream(struct session *session, const struct frame *frame)
{
	if (frame->stream > session->last_stream) {
		session_fail(session, STATUS_INTERNAL,
		             "a frame of type %u for stream %u, which no CALL has opened",
		             frame->type, frame->stream);
		return;
	}
	uint32_t cost =
		frame->type == FRAME_MSG && frame->body.len > 0 ? (uint32_t)frame->body.len : 1;
	if (cost <= session->late_allowance)
		session->late_allowance -= cost;
	else if (!budget_take(&session->unknown_frames, LIMIT_UNKNOWN_STREAM_FRAMES,
	                      LIMIT_UNKNOWN_STREAM_FRAMES, now_ms(session)))
		session_fail(session, STATUS_RESOURCE_EXHAUSTED,
		             "more than %d frames a second for streams that have ended",
		             LIMIT_UNKNOWN_STREAM_FRAMES);
}

/* --- message bytes ---------------------------------------------------------------- */

static bool connection_credit_kept(struct session *session, const struct frame *frame)
{
	if (flow_receive(&session->flow, frame->body.len))
		return true;
	session_fail(session, STATUS_RESOURCE_EXHAUSTED,
	             "stream %u: %zu message bytes are more than the connection's credit",
	             frame->stream, frame->body.len);
	return false;
}

static bool stream_credit_kept(struct stream *stream, const struct frame *frame)
{
	if (flow_receive(&stream->flow, frame->body.len))
		return true;
	session_fail(stream->session, STATUS_RESOURCE_EXHAUSTED,
	             "stream %u: %zu message bytes are more than the stream's credit", stream->id,
	             frame->body.len);
	return false;
}

static void return_credit(struct stream *stream, size_t len)
{
	uint32_t increment = flow_take(&stream->flow, len);
	if (increment > 0)
		native_send_credit(stream->session, stream->id, increment);
}

static void refuse_call(struct stream *stream, enum status status, const char *message)
{
	stream->input = STREAM_DISCARDING;
	session_hold(stream->session, stream, 0, buffer_len(&stream->partial));
	buffer_deinit(&stream->partial);
	call_refuse(stream->call, status, message);
}

static size_t message_limit(const struct stream *stream)
{
	const struct method *method = stream->call->method;
	return method && method->max_request ? method->max_request : LIMIT_MESSAGE;
}

static void refuse_size(struct stream *stream, size_t len)
{
	const char *message = arena_printf(
		&stream->call->arena, "the message has %s%zu bytes, at most %zu are allowed",
		stream->assembling ? "more than " : "", len, message_limit(stream));
	refuse_call(stream, STATUS_RESOURCE_EXHAUSTED,
	            message ? message : "the message is too large");
}

static bool size_kept(struct stream *stream, const struct frame *frame)
{
	size_t before = buffer_len(&stream->partial), limit = message_limit(stream);
	if (frame->body.len > limit - before) {
		refuse_size(stream, stream->assembling ? limit : frame->body.len);
		return false;
	}
	/* Whole messages are slowed down by credit alone; parts of messages could hold it all, and
	 * none of them would ever be complete. */
	if (frame->flags & FRAME_MORE && stream->session->held > LIMIT_CONNECTION_INPUT) {
		refuse_call(stream, STATUS_RESOURCE_EXHAUSTED,
		            "the connection has too many requests in memory");
		return false;
	}
	return true;
}

/* A fragment of a message: its credit is returned at once, as the size of a message has its own
 * limit; else one that is larger than the window would never be complete. */
static void on_fragment(struct stream *stream, const struct frame *frame, bool more)
{
	if (!buffer_append(&stream->partial, frame->body.data, frame->body.len)) {
		refuse_call(stream, STATUS_RESOURCE_EXHAUSTED, "no memory for the message");
		return;
	}
	session_hold(stream->session, stream, frame->body.len, 0);
	if (more) {
		stream->assembling = true;
		stream->advance_begun += (uint32_t)frame->body.len;
		return_credit(stream, frame->body.len);
		return;
	}
	stream->assembling = false;
	stream->advance += stream->advance_begun;
	stream->advance_begun = 0;
	call_message(stream->call, buffer_bytes(&stream->partial));
	buffer_deinit(&stream->partial);
}

static void on_body(struct stream *stream, const struct frame *frame)
{
	bool more = frame->flags & FRAME_MORE;
	if (!size_kept(stream, frame))
		return;
	if (stream->assembling || more) {
		on_fragment(stream, frame, more);
		return;
	}
	session_hold(stream->session, stream, frame->body.len, 0);
	call_message(stream->call, frame->body);
}

/* The message part of CALL and MSG. */
static void on_message_part(struct stream *stream, const struct frame *frame)
{
	bool closes = frame->flags & FRAME_CLOSE;
	if (frame->flags & FRAME_COMPRESSED) {
		refuse_call(stream, STATUS_UNIMPLEMENTED,
		            "compressed messages are not supported; codecs: identity");
		return;
	}
	if (frame->flags & FRAME_NOMSG) {
		if (stream->assembling) {
			session_fail(stream->session, STATUS_INTERNAL,
			             "stream %u: NOMSG within a message", stream->id);
			return;
		}
	} else {
		on_body(stream, frame);
		if (stream->input == STREAM_DISCARDING)
			return;
	}
	stream->close_after |= closes;
	if (stream->close_after && !stream->assembling) {
		stream->input = STREAM_HALF_CLOSED;
		call_half_close(stream->call);
	}
}

/* A frame costs its sender credit, or says something: an empty message, the end. */
static bool says_something(struct session *session, const struct frame *frame)
{
	bool partial = frame->flags & (FRAME_MORE | FRAME_NOMSG);
	if (frame->body.len > 0 || !partial || frame->flags & FRAME_CLOSE ||
	    budget_take(&session->empty_parts, LIMIT_EMPTY_PARTS, LIMIT_EMPTY_PARTS,
	                now_ms(session)))
		return true;
	session_fail(session, STATUS_RESOURCE_EXHAUSTED,
	             "more than %d frames a second that carry nothing", LIMIT_EMPTY_PARTS);
	return false;
}

void native_on_message(struct session *session, const struct frame *frame)
{
	if (!connection_credit_kept(session, frame) || !says_something(session, frame))
		return;
	session_received(session, frame->body.len);
	struct stream *stream = stream_table_find(&session->streams, frame->stream);
	if (!stream) {
		on_closed_stream(session, frame);
		return;
	}
	if (stream->input == STREAM_HALF_CLOSED) {
		session_fail(session, STATUS_INTERNAL, "MSG on stream %u after its CLOSE",
		             frame->stream);
		return;
	}
	if (!stream_credit_kept(stream, frame))
		return;
	if (stream->call && stream->input == STREAM_RECEIVING)
		on_message_part(stream, frame);
}

/* --- CALL ------------------------------------------------------------------------- */

static bool define_path(struct session *session, const struct call_meta *meta,
                        const struct route *route)
{
	uint32_t next = session->paths.count + 1;
	if (meta->path_id > LIMIT_INTERNED_PATHS) {
		session_fail(session, STATUS_RESOURCE_EXHAUSTED,
		             "path_id %u: at most %d paths can be defined", meta->path_id,
		             LIMIT_INTERNED_PATHS);
		return false;
	}
	if (meta->path_id != next) {
		session_fail(session, STATUS_INTERNAL,
		             meta->path_id < next ? "path_id %u is defined already; the next is %u"
		                                  : "path_id %u is out of order; the next is %u",
		             meta->path_id, next);
		return false;
	}
	if (!native_paths_define(&session->paths, route)) {
		session->connection->broken = true;
		return false;
	}
	return true;
}

static bool find_route(struct session *session, const struct call_meta *meta,
                       const struct route **route)
{
	const struct native_paths *paths = &session->paths;
	if (meta->path.len > 0) {
		*route = router_find(session->connection->transport->settings.rpc->router,
		                     meta->path);
		return meta->path_id == 0 || define_path(session, meta, *route);
	}
	if (meta->path_id == 0) {
		session_fail(session, STATUS_INTERNAL, "CALL without path and without path_id");
		return false;
	}
	if (meta->path_id > paths->count) {
		session_fail(session, STATUS_INTERNAL,
		             "path_id %u is not defined; %u are, from 1 on", meta->path_id,
		             paths->count);
		return false;
	}
	*route = paths->routes[meta->path_id - 1];
	return true;
}

/* Why no new call is taken now; NULL: it is. */
static const char *busy(const struct session *session)
{
	if (session->state == SESSION_LAST)
		return "the connection is closing";
	if (session->streams.count >= LIMIT_STREAMS)
		return "the connection has as many calls as it may have";
	if (session->waiting + connection_unsent(session->connection) > LIMIT_CONNECTION_OUTPUT)
		return "too many answers wait for this connection to read them";
	return NULL;
}

static void refuse_stream(struct session *session, uint32_t stream, const char *why)
{
	session->connection->transport->counters.calls_refused++;
	native_send_end(session, stream, STATUS_UNAVAILABLE, RETRY_SAFE, why);
}

static void begin_call(struct session *session, const struct frame *frame,
                       const struct call_meta *meta, const struct route *route)
{
	struct connection *connection = session->connection;
	struct stream *stream = native_stream_open(session, frame->stream);
	if (!stream) {
		refuse_stream(session, frame->stream, "no memory for another call");
		return;
	}
	char number[32];
	struct bytes path = meta->path;
	if (!route && path.len == 0)
		path = bytes_of(number, (size_t)snprintf(number, sizeof(number), "path_id %u",
		                                         meta->path_id));
	stream->call =
		call_begin(connection->transport->settings.rpc,
	                   &(struct call_start){
				   .route = route,
				   .path = path,
				   .timeout_us = meta->has_timeout ? meta->timeout_us : UINT64_MAX,
				   .metadata = meta->block,
				   .trace = meta->trace,
				   .ops = &native_call_ops,
				   .stream = stream,
				   .peer = &connection->peer,
			   });
	if (!stream->call) {
		native_stream_close(stream);
		refuse_stream(session, frame->stream, "no memory for another call");
		return;
	}
	connection_busy(connection);
	connection->transport->counters.calls++;
	if (stream_credit_kept(stream, frame))
		on_message_part(stream, frame);
}

static bool number_kept(struct session *session, uint32_t stream)
{
	if (stream % 2 == 1 && stream > session->last_stream)
		return true;
	session_fail(session, STATUS_INTERNAL,
	             "CALL on stream %u: numbers are odd and ascend; the last was %u", stream,
	             session->last_stream);
	return false;
}

void native_on_call(struct session *session, const struct frame *frame)
{
	struct call_meta meta;
	const struct route *route;
	const char *reason;
	if (!number_kept(session, frame->stream))
		return;
	if (!call_meta_decode(frame->meta, &meta, &reason)) {
		session_fail(session, STATUS_INTERNAL, "CALL on stream %u: %s", frame->stream,
		             reason);
		return;
	}
	if (!find_route(session, &meta, &route) || !connection_credit_kept(session, frame))
		return;
	session_received(session, frame->body.len);
	session->last_stream = frame->stream;
	const char *why = session->final_sent ? NULL : busy(session);
	if (session->final_sent || why)
		session_expect_late(session, frame->flags & FRAME_CLOSE ? 0 : LIMIT_STREAM_CREDIT);
	if (why)
		refuse_stream(session, frame->stream, why);
	else if (!session->final_sent)
		begin_call(session, frame, &meta, route);
}

/* --- CANCEL and CREDIT --------------------------------------------------------------- */

void native_on_cancel(struct session *session, const struct frame *frame)
{
	struct cancel_meta meta;
	const char *reason;
	if (!cancel_meta_decode(frame->meta, &meta, &reason)) {
		session_fail(session, STATUS_INTERNAL, "CANCEL on stream %u: %s", frame->stream,
		             reason);
		return;
	}
	struct stream *stream = stream_table_find(&session->streams, frame->stream);
	if (!stream) {
		on_closed_stream(session, frame);
		return;
	}
	struct call *call = stream->call;
	native_stream_close(stream);
	if (!call)
		return;
	call_cancel(call, meta.code, false);
	if (!budget_take(&session->cancels, LIMIT_CANCELS_WHILE_RUNNING, LIMIT_CANCEL_RATE,
	                 now_ms(session)))
		session_fail(session, STATUS_RESOURCE_EXHAUSTED,
		             "more than %d calls a second were cancelled", LIMIT_CANCEL_RATE);
}

void native_on_credit(struct session *session, const struct frame *frame)
{
	struct reader reader = reader_init(frame->body);
	uint32_t increment = reader_u32(&reader);
	struct stream *stream = NULL;
	if (frame->stream > 0) {
		stream = stream_table_find(&session->streams, frame->stream);
		if (!stream) {
			on_closed_stream(session, frame);
			return;
		}
	}
	struct flow *flow = stream ? &stream->flow : &session->flow;
	if (increment == 0 || !flow_grant(flow, increment)) {
		session_fail(session, STATUS_RESOURCE_EXHAUSTED,
		             "CREDIT of %u on stream %u: credit is more than 0, in sum at most %d",
		             increment, frame->stream, FRAME_STREAM_MAX);
		return;
	}
	if (stream)
		native_output_granted(stream);
	else
		connection_touch(session->connection);
}
