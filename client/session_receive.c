/* Frames that arrive. A handler returns what is wrong with its frame, or NULL. Each may end the
 * session, or run callbacks that do. */
#include "client/session.h"

#include "client/channel.h"

#include <stdio.h>

typedef const char *frame_handler(struct session *session, const struct frame *frame);

/* --- the connection's frames --------------------------------------------------- */

/* A higher limit holds at once, for open streams too. */
static const char *widen(struct session *session, const struct hello *told)
{
	struct hello before = session->limits;
	hello_raise(&session->limits, told);
	uint32_t more = session->limits.stream_credit - before.stream_credit;
	if (!flow_grant(&session->flow,
	                session->limits.connection_credit - before.connection_credit))
		return "HELLO: the connection's credit is more than 2^31-1 bytes";
	for (size_t slot = 0; slot < session->streams.capacity && more > 0; slot++) {
		struct prism_call *call = session->streams.slots[slot];
		if (call && !flow_grant(&call->stream.flow, more))
			return "HELLO: a stream's credit is more than 2^31-1 bytes";
		if (call)
			session_send(session, call);
	}
	turn_mark(&session->channel->turn);
	return NULL;
}

static const char *on_hello(struct session *session, const struct frame *frame)
{
	struct hello told;
	const char *fault = NULL;
	if (session->state != SESSION_GREETING)
		return "HELLO came twice";
	if (!hello_decode(frame->meta, &told, &fault) || (fault = widen(session, &told)))
		return fault;
	session->state = SESSION_READY;
	channel_session_ready(session->channel, session);
	return NULL;
}

static void call_heard(struct session *session, const struct prism_call *call)
{
	if (!call || session->answered)
		return;
	session->answered = true;
	channel_session_answered(session->channel);
}

static const char *on_ping(struct session *session, const struct frame *frame)
{
	if (!(frame->flags & FRAME_PING_ACK)) {
		if (++session->acks > LIMIT_OUTSTANDING_ACKS)
			return "PING: over 1,000 came while their answers were not read";
		session_write_ping(session, FRAME_PING_ACK, frame->body.data);
		return NULL;
	}
	uint64_t number;
	memcpy(&number, frame->body.data, sizeof number);
	struct prism_call *call;
	TAILQ_FOREACH(call, &session->pings, link)
	{
		if (call->stream.id != (uint32_t)number)
			continue;
		call_heard(session, call);
		session_drop(session, call, STATUS_OK);
		call_ended(call, &(struct call_end){.outcome = OUTCOME_EXECUTED});
		break;
	}
	return NULL;
}

/* Whether a call that the server did not process should go to another connection. */
static bool goaway_moves(const struct goaway_meta *goaway)
{
	return goaway->code == STATUS_OK || goaway->code == STATUS_UNAVAILABLE;
}

static void refuse(struct session *session, struct prism_call *call,
                   const struct goaway_meta *goaway)
{
	struct call_end end = {.status = STATUS_UNAVAILABLE, .outcome = OUTCOME_NOT_EXECUTED};
	session_drop(session, call, STATUS_OK);
	if (!goaway_moves(goaway)) {
		call_abort_as(call, goaway->code, end.outcome, "%s", session->goaway);
		return;
	}
	if (call_move(call)) {
		channel_requeue(session->channel, call);
		return;
	}
	end.text = strdup(session->goaway);
	call_retry_or_abort(call, &end, true);
}

static void refuse_above(struct session *session, const struct goaway_meta *goaway)
{
	for (size_t slot = 0; slot < session->streams.capacity;) {
		struct prism_call *call = session->streams.slots[slot];
		if (call && call->stream.id > session->last_stream)
			refuse(session, call, goaway); /* another may have moved into this slot */
		else
			slot++;
	}
}

/* What does not fit is left out, by whole characters. */
static void goaway_note(struct session *session, struct bytes reason)
{
	snprintf(session->goaway, sizeof session->goaway, "the server said goodbye%s%.*s",
	         reason.len ? ": " : "", (int)reason.len, reason.data);
	size_t len = strlen(session->goaway);
	while (!utf8_valid(bytes_of(session->goaway, len)))
		session->goaway[--len] = '\0';
}

static const char *on_goaway(struct session *session, const struct frame *frame)
{
	struct goaway_meta goaway;
	const char *fault = NULL;
	if (frame->flags & FRAME_GOAWAY_ACK)
		return NULL;
	if (!goaway_meta_decode(frame->meta, &goaway, &fault))
		return fault;
	if (goaway.last_stream < session->last_stream)
		session->last_stream = goaway.last_stream;
	goaway_note(session, goaway.reason);
	if (session->state < SESSION_DRAINING) {
		session->state = SESSION_DRAINING;
		channel_session_draining(session->channel, session, goaway.code,
		                         goaway.retry_after_ms);
	}
	refuse_above(session, &goaway);
	if (!(frame->flags & FRAME_GOAWAY_FINAL))
		session_write_goaway(session, FRAME_GOAWAY_ACK, STATUS_OK, "");
	turn_mark(&session->channel->turn);
	return NULL;
}

/* --- frames of streams ----------------------------------------------------------- */

/* The open call of a frame. NULL: none; *fault NULL if it was one that has ended. */
static struct prism_call *frame_call(struct session *session, const struct frame *frame,
                                     const char **fault)
{
	struct prism_call *call = streams_find(&session->streams, frame->stream);
	bool known = frame->stream % 2 == 1 && frame->stream < session->next_stream;
	*fault = call || known ? NULL : "a frame is for a stream that was never opened";
	return call;
}

/* Message bytes: the connection's credit is returned on receipt, so that a call that does not take
 * its messages holds up no other. */
static const char *body_receive(struct session *session, struct prism_call *call,
                                const struct frame *frame)
{
	size_t len = frame->body.len;
	if (frame->flags & FRAME_COMPRESSED)
		return "a compressed message came, and none was asked for";
	if (!flow_receive(&session->flow, len))
		return "more message bytes came than the connection's credit allows";
	session_write_credit(session, 0, flow_take(&session->flow, len));
	call_heard(session, call);
	if (call && !flow_receive(&call->stream.flow, len))
		return "more message bytes came than the stream's credit allows";
	return NULL;
}

static const char *on_msg(struct session *session, const struct frame *frame)
{
	const char *fault;
	struct prism_call *call = frame_call(session, frame, &fault);
	if (fault || (fault = body_receive(session, call, frame)))
		return fault;
	if (frame->flags & FRAME_CLOSE)
		return "MSG: a server ends a stream with END, not with CLOSE";
	if (!call || frame->flags & FRAME_NOMSG || session->state == SESSION_CLOSED)
		return NULL;
	char reason[WIRE_REASON_SIZE];
	size_t taken = 0;
	enum answer answer =
		call_assemble(call, frame->body, frame->flags & FRAME_MORE, false, &taken, reason);
	session_answered(session, call, answer, taken, reason);
	return NULL;
}

static const char *on_head(struct session *session, const struct frame *frame)
{
	const char *fault;
	struct head_meta head;
	frame_call(session, frame, &fault);
	if (fault || !head_meta_decode(frame->meta, &head, &fault))
		return fault;
	return head.codec == 0 ? NULL : "HEAD: a codec that was not offered";
}

static const char *on_credit(struct session *session, const struct frame *frame)
{
	struct reader reader = reader_init(frame->body);
	uint32_t increment = reader_u32(&reader);
	if (increment == 0)
		return "CREDIT: the increment must be at least 1";
	if (frame->stream == 0) {
		turn_mark(&session->channel->turn);
		return flow_grant(&session->flow, increment)
		               ? NULL
		               : "CREDIT: the connection has more than 2^31-1 bytes";
	}
	const char *fault;
	struct prism_call *call = frame_call(session, frame, &fault);
	if (!call)
		return fault;
	if (!flow_grant(&call->stream.flow, increment))
		return "CREDIT: the stream has more than 2^31-1 bytes";
	session_send(session, call);
	return NULL;
}

/* Text of the server's, valid UTF-8 and of bounded length. */
static char *end_text(struct bytes message)
{
	if (message.len > LIMIT_STATUS_MESSAGE)
		message.len = LIMIT_STATUS_MESSAGE;
	while (message.len > 0 && !utf8_valid(message))
		message.len--;
	return message.len > 0 ? strndup((const char *)message.data, message.len) : NULL;
}

/* Of a failed call: whether it may have been executed nevertheless (PROTOCOL.md, "Outcome"). */
static enum outcome end_outcome(const struct prism_call *call, const struct end_meta *meta)
{
	bool unsure = meta->code == STATUS_UNAVAILABLE || meta->code == STATUS_CANCELLED ||
	              meta->code == STATUS_DEADLINE_EXCEEDED;
	if (meta->retry == RETRY_SAFE)
		return OUTCOME_NOT_EXECUTED;
	if (!unsure)
		return OUTCOME_EXECUTED;
	return call->idempotency == PRISM_READ ? OUTCOME_NOT_EXECUTED : OUTCOME_UNKNOWN;
}

/* What is longer than anything a server of ours says is cut. */
static void end_cause(struct bytes meta, struct call_end *end)
{
	struct bytes reason, field;
	end_meta_cause(meta, &reason, &field);
	snprintf(end->reason, sizeof end->reason, "%.*s", (int)reason.len,
	         reason.len ? (const char *)reason.data : "");
	snprintf(end->field, sizeof end->field, "%.*s", (int)field.len,
	         field.len ? (const char *)field.data : "");
}

static void end_failed(struct prism_call *call, struct bytes block, const struct end_meta *meta)
{
	struct call_end end = {.status = meta->code,
	                       .outcome = end_outcome(call, meta),
	                       .server_us = meta->server_us,
	                       .pushback_ms = meta->pushback_ms,
	                       .text = end_text(meta->message)};
	end_cause(block, &end);
	if (call_retry(call, &end, meta->retry == RETRY_SAFE))
		return;
	if (!call_streams_answers(call))
		call_drop_answers(call);
	call_ended(call, &end);
}

static void end_malformed(struct session *session, struct prism_call *call, const char *reason)
{
	session_answered(session, call, ANSWER_MALFORMED, 0, reason);
}

static void end_ok(struct session *session, struct prism_call *call, const struct frame *frame,
                   const struct end_meta *meta)
{
	char reason[WIRE_REASON_SIZE];
	size_t taken = 0;
	enum answer answer = ANSWER_OK;
	bool message = !(frame->flags & FRAME_NOMSG);
	if (!message && call->assembling) {
		end_malformed(session, call, "END came in the middle of a message");
		return;
	}
	if (!message && !call_streams_answers(call) && buffer_len(&call->inbox) == 0) {
		end_malformed(session, call, "END with status OK came without an answer");
		return;
	}
	if (message)
		answer = call_assemble(call, frame->body, false, true, &taken, reason);
	else
		answer = call_give(call, &taken, reason);
	session_answered(session, call, answer, taken, reason);
	if (call->state == CALL_ENDED)
		call_conclude(call); /* cancelled in message(): what it was lent may not wait */
	else
		call_ended(call, &(struct call_end){.outcome = OUTCOME_EXECUTED,
		                                    .server_us = meta->server_us});
}

static const char *on_end(struct session *session, const struct frame *frame)
{
	const char *fault;
	struct end_meta meta;
	struct prism_call *call = frame_call(session, frame, &fault);
	if (fault || (fault = body_receive(session, call, frame)) ||
	    !end_meta_decode(frame->meta, &meta, &fault))
		return fault;
	if (!call || session->state == SESSION_CLOSED)
		return NULL;
	session_drop(session, call, STATUS_OK);
	if (meta.code == STATUS_OK)
		end_ok(session, call, frame, &meta);
	else
		end_failed(call, frame->meta, &meta);
	return NULL;
}

static const char *on_misplaced(struct session *session, const struct frame *frame)
{
	(void)session;
	return frame->type == FRAME_CALL ? "CALL: a server does not open streams"
	                                 : "CANCEL: a server ends a stream with END";
}

/* --- the input ------------------------------------------------------------------- */

static frame_handler *const HANDLERS[] = {
	[FRAME_HELLO] = on_hello,   [FRAME_CALL] = on_misplaced, [FRAME_MSG] = on_msg,
	[FRAME_HEAD] = on_head,     [FRAME_END] = on_end,        [FRAME_CANCEL] = on_misplaced,
	[FRAME_CREDIT] = on_credit, [FRAME_PING] = on_ping,      [FRAME_GOAWAY] = on_goaway,
};

static const char *frame_handle(struct session *session, const struct frame *frame)
{
	if (session->state == SESSION_GREETING && frame->type != FRAME_HELLO &&
	    frame->type != FRAME_GOAWAY)
		return "the first frame must be HELLO";
	if (frame->type >= FRAME_IGNORABLE)
		return NULL;
	if (frame->type >= sizeof HANDLERS / sizeof *HANDLERS || !HANDLERS[frame->type])
		return "the frame type is unknown";
	return HANDLERS[frame->type](session, frame);
}

/* True: the preface is complete and of our version. */
static bool preface_receive(struct session *session, struct bytes input, size_t *needed)
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
	session->strange = decode == DECODE_MALFORMED;
	session->versioned = decode == DECODE_OK;
	if (session->strange)
		session_lost(session, reason);
	return session->versioned;
}

size_t session_receive(struct session *session, struct bytes input, size_t *needed)
{
	size_t used = 0, size = 0;
	if (!session->versioned && session->state != SESSION_CLOSED) {
		if (!preface_receive(session, input, needed))
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
			fault = frame_handle(session, &frame);
		}
		if (fault)
			session_fault(session, fault);
	}
	return used;
}
