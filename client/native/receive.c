/* Frames that arrive. A handler returns what is wrong with its frame, or NULL. Each may end the
 * session, or run callbacks that do. */
#include "client/native/native.h"

#include "client/channel.h"
#include "client/metadata.h"

typedef const char *frame_handler(struct native_session *native, const struct frame *frame);

/* --- the connection's frames --------------------------------------------------- */

/* A higher limit holds at once, for open streams too. */
static const char *widen(struct native_session *native, const struct hello *told)
{
	struct hello before = native->limits;
	hello_raise(&native->limits, told);
	uint32_t more = native->limits.stream_credit - before.stream_credit;
	native->session.max_message = native->limits.max_message;
	if (!flow_grant(&native->flow, native->limits.connection_credit - before.connection_credit))
		return "HELLO: the connection's credit is more than 2^31-1 bytes";
	for (size_t slot = 0; slot < native->session.streams.capacity && more > 0; slot++) {
		struct prism_call *call = native->session.streams.slots[slot];
		if (call && !flow_grant(&call->stream.flow, more))
			return "HELLO: a stream's credit is more than 2^31-1 bytes";
		if (call)
			session_send(&native->session, call);
	}
	turn_mark(&native->session.channel->turn);
	return NULL;
}

static const char *on_hello(struct native_session *native, const struct frame *frame)
{
	struct hello told;
	const char *fault = NULL;
	if (native->session.state != SESSION_GREETING)
		return "HELLO came twice";
	if (!hello_decode(frame->meta, &told, &fault) || (fault = widen(native, &told)))
		return fault;
	session_ready(&native->session);
	return NULL;
}

static const char *on_ping(struct native_session *native, const struct frame *frame)
{
	if (!(frame->flags & FRAME_PING_ACK)) {
		if (++native->acks > LIMIT_OUTSTANDING_ACKS)
			return "PING: over 1,000 came while their answers were not read";
		native_write_ping(native, FRAME_PING_ACK, frame->body.data);
		return NULL;
	}
	uint64_t number;
	memcpy(&number, frame->body.data, sizeof number);
	session_pong(&native->session, (uint32_t)number);
	return NULL;
}

static const char *on_goaway(struct native_session *native, const struct frame *frame)
{
	struct goaway_meta goaway;
	const char *fault = NULL;
	if (frame->flags & FRAME_GOAWAY_ACK)
		return NULL;
	if (!goaway_meta_decode(frame->meta, &goaway, &fault))
		return fault;
	session_goaway(&native->session,
	               &(struct goodbye){.last_stream = goaway.last_stream,
	                                 .code = goaway.code,
	                                 .reason = goaway.reason,
	                                 .retry_after_ms = goaway.retry_after_ms});
	if (!(frame->flags & FRAME_GOAWAY_FINAL))
		native_write_goaway(native, FRAME_GOAWAY_ACK, STATUS_OK, "");
	return NULL;
}

/* --- frames of streams ----------------------------------------------------------- */

/* The open call of a frame. NULL: none; *fault NULL if it was one that has ended. */
static struct prism_call *frame_call(struct native_session *native, const struct frame *frame,
                                     const char **fault)
{
	struct prism_call *call = streams_find(&native->session.streams, frame->stream);
	bool known = frame->stream % 2 == 1 && frame->stream < native->session.next_stream;
	*fault = call || known ? NULL : "a frame is for a stream that was never opened";
	return call;
}

/* Message bytes: the connection's credit is returned on receipt, so that a call that does not take
 * its messages holds up no other. */
static const char *body_receive(struct native_session *native, struct prism_call *call,
                                const struct frame *frame)
{
	size_t len = frame->body.len;
	if (frame->flags & FRAME_COMPRESSED)
		return "a compressed message came, and none was asked for";
	if (!flow_receive(&native->flow, len))
		return "more message bytes came than the connection's credit allows";
	native_write_credit(native, 0, flow_take(&native->flow, len));
	if (call)
		session_heard(&native->session);
	if (call && !flow_receive(&call->stream.flow, len))
		return "more message bytes came than the stream's credit allows";
	return NULL;
}

static const char *on_msg(struct native_session *native, const struct frame *frame)
{
	const char *fault;
	struct prism_call *call = frame_call(native, frame, &fault);
	if (fault || (fault = body_receive(native, call, frame)))
		return fault;
	if (frame->flags & FRAME_CLOSE)
		return "MSG: a server ends a stream with END, not with CLOSE";
	if (!call || frame->flags & FRAME_NOMSG || native->session.state == SESSION_CLOSED)
		return NULL;
	call->stream.headed = true;
	char reason[WIRE_REASON_SIZE];
	size_t taken = 0;
	enum answer answer = call_assemble(
		call, (struct answer_part){.bytes = frame->body, .more = frame->flags & FRAME_MORE},
		&taken, reason);
	session_answered(&native->session, call, answer, taken, reason);
	return NULL;
}

static const char *on_head(struct native_session *native, const struct frame *frame)
{
	const char *fault;
	struct head_meta head;
	struct prism_call *call = frame_call(native, frame, &fault);
	if (fault || !head_meta_decode(frame->meta, &head, &fault))
		return fault;
	if (head.codec != 0)
		return "HEAD: a codec that was not offered";
	if (!call)
		return NULL;
	if (call->stream.headed)
		return "HEAD: came twice, or after a message";
	call->stream.headed = true;
	session_heard(&native->session);
	char reason[WIRE_REASON_SIZE];
	enum answer answer = ANSWER_OK;
	if (call->response_metadata)
		answer = metadata_add_block(call->response_metadata, METADATA_INITIAL, head.block,
		                            METADATA_IN_HEAD, reason);
	if (answer == ANSWER_OK)
		call_initial(call);
	session_answered(&native->session, call, answer, 0, reason);
	return NULL;
}

static const char *on_credit(struct native_session *native, const struct frame *frame)
{
	struct reader reader = reader_init(frame->body);
	uint32_t increment = reader_u32(&reader);
	if (increment == 0)
		return "CREDIT: the increment must be at least 1";
	if (frame->stream == 0) {
		turn_mark(&native->session.channel->turn);
		return flow_grant(&native->flow, increment)
		               ? NULL
		               : "CREDIT: the connection has more than 2^31-1 bytes";
	}
	const char *fault;
	struct prism_call *call = frame_call(native, frame, &fault);
	if (!call)
		return fault;
	if (!flow_grant(&call->stream.flow, increment))
		return "CREDIT: the stream has more than 2^31-1 bytes";
	session_send(&native->session, call);
	return NULL;
}

/* Initial metadata may come here, if it did not before the first message. */
static enum answer end_metadata(struct prism_call *call, const struct end_meta *meta,
                                char reason[WIRE_REASON_SIZE])
{
	struct prism_response_metadata *metadata = call->response_metadata;
	enum answer answer = ANSWER_OK;
	if (metadata && !call->told)
		answer = metadata_add_block(metadata, METADATA_INITIAL, meta->head,
		                            METADATA_IN_HEAD, reason);
	if (metadata && answer == ANSWER_OK)
		answer = metadata_add_block(metadata, METADATA_TRAILING, meta->block,
		                            METADATA_IN_END, reason);
	return answer;
}

static const char *on_end(struct native_session *native, const struct frame *frame)
{
	const char *fault;
	struct end_meta meta;
	struct prism_call *call = frame_call(native, frame, &fault);
	if (fault || (fault = body_receive(native, call, frame)) ||
	    !end_meta_decode(frame->meta, &meta, &fault))
		return fault;
	if (!call || native->session.state == SESSION_CLOSED)
		return NULL;
	char reason[WIRE_REASON_SIZE];
	enum answer answer = end_metadata(call, &meta, reason);
	session_drop(&native->session, call, STATUS_OK);
	if (answer != ANSWER_OK)
		call_fail_answer(call, answer, reason);
	else if (meta.code != STATUS_OK)
		session_ended_failed(call, &(struct ending){.status = meta.code,
		                                            .retry = meta.retry,
		                                            .server_us = meta.server_us,
		                                            .pushback_ms = meta.pushback_ms,
		                                            .message = meta.message,
		                                            .details = frame->meta});
	else
		session_ended_ok(&native->session, call,
		                 frame->flags & FRAME_NOMSG ? NULL : &frame->body, meta.server_us);
	return NULL;
}

static const char *on_misplaced(struct native_session *native, const struct frame *frame)
{
	(void)native;
	return frame->type == FRAME_CALL ? "CALL: a server does not open streams"
	                                 : "CANCEL: a server ends a stream with END";
}

/* --- the input ------------------------------------------------------------------- */

static frame_handler *const HANDLERS[] = {
	[FRAME_HELLO] = on_hello,   [FRAME_CALL] = on_misplaced, [FRAME_MSG] = on_msg,
	[FRAME_HEAD] = on_head,     [FRAME_END] = on_end,        [FRAME_CANCEL] = on_misplaced,
	[FRAME_CREDIT] = on_credit, [FRAME_PING] = on_ping,      [FRAME_GOAWAY] = on_goaway,
};

static const char *frame_handle(struct native_session *native, const struct frame *frame)
{
	if (native->session.state == SESSION_GREETING && frame->type != FRAME_HELLO &&
	    frame->type != FRAME_GOAWAY)
		return "the first frame must be HELLO";
	if (frame->type >= FRAME_IGNORABLE)
		return NULL;
	if (frame->type >= sizeof HANDLERS / sizeof *HANDLERS || !HANDLERS[frame->type])
		return "the frame type is unknown";
	return HANDLERS[frame->type](native, frame);
}

/* True: the preface is complete and of our version. */
static bool preface_receive(struct native_session *native, struct bytes input, size_t *needed)
{
	uint8_t low, high;
	const char *reason = NULL;
	enum decode decode = preface_decode(input, &low, &high, &reason);
	*needed = PREFACE_SIZE;
	if (decode == DECODE_INCOMPLETE)
		return false;
	if (decode == DECODE_OK && (low > FRAME_VERSION || high < FRAME_VERSION)) {
		decode = DECODE_MALFORMED;
		reason = "its versions of the framing do not include 1";
	}
	native->session.strange = decode == DECODE_MALFORMED;
	native->versioned = decode == DECODE_OK;
	if (native->session.strange)
		session_lost(&native->session, reason);
	return native->versioned;
}

size_t native_receive(struct session *session, struct bytes input, size_t *needed)
{
	struct native_session *native = native_of(session);
	size_t used = 0, size = 0;
	if (!native->versioned && session->state != SESSION_CLOSED) {
		if (!preface_receive(native, input, needed))
			return 0;
		used = PREFACE_SIZE;
	}
	while (session->state != SESSION_CLOSED) {
		struct frame frame;
		const char *fault = NULL;
		struct bytes rest = bytes_of(input.data + used, input.len - used);
		enum decode decode = frame_decode(rest, FRAME_MOST, &frame, &size, needed, &fault);
		if (decode == DECODE_INCOMPLETE)
			break;
		if (decode == DECODE_OK) {
			used += size;
			fault = frame_handle(native, &frame);
		}
		if (fault)
			session_fault(session, fault);
	}
	return used;
}
