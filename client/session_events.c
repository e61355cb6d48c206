/* What a server said, as every protocol has it: about the connection, and how calls end. Each may
 * run callbacks that end the session. */
#include "client/session.h"

#include "client/channel.h"

#include <stdio.h>

void session_ready(struct session *session)
{
	if (session->state != SESSION_GREETING)
		return;
	session->state = SESSION_READY;
	channel_session_ready(session->channel, session);
}

void session_heard(struct session *session)
{
	if (session->answered)
		return;
	session->answered = true;
	channel_session_answered(session->channel);
}

void session_pong(struct session *session, uint32_t number)
{
	struct prism_call *call;
	TAILQ_FOREACH(call, &session->pings, link)
	{
		if (call->stream.id != number)
			continue;
		session_heard(session);
		session_drop(session, call, STATUS_OK);
		call_ended(call, &(struct call_end){.outcome = OUTCOME_EXECUTED});
		break;
	}
}

/* --- it goes away ---------------------------------------------------------------------- */

void session_refused(struct session *session, struct prism_call *call, const char *text)
{
	struct call_end end = {.status = STATUS_UNAVAILABLE, .outcome = OUTCOME_NOT_EXECUTED};
	session_drop(session, call, STATUS_OK);
	if (call_move(call)) {
		channel_requeue(session->channel, call);
		return;
	}
	end.text = strdup(text);
	call_retry_or_abort(call, &end, true);
}

/* Whether a call that the server did not process should go to another connection. */
static bool goodbye_moves(const struct goodbye *goodbye)
{
	return goodbye->code == STATUS_OK || goodbye->code == STATUS_UNAVAILABLE;
}

static void refuse(struct session *session, struct prism_call *call, const struct goodbye *goodbye)
{
	if (goodbye_moves(goodbye)) {
		session_refused(session, call, session->goaway);
		return;
	}
	session_drop(session, call, STATUS_OK);
	call_abort_as(call, goodbye->code, OUTCOME_NOT_EXECUTED, "%s", session->goaway);
}

static void refuse_above(struct session *session, const struct goodbye *goodbye)
{
	for (size_t slot = 0; slot < session->streams.capacity;) {
		struct prism_call *call = session->streams.slots[slot];
		if (call && call->stream.id > session->last_stream)
			refuse(session, call, goodbye); /* another may have moved into this slot */
		else
			slot++;
	}
}

/* What does not fit is left out, by whole characters. */
static void goodbye_note(struct session *session, struct bytes reason)
{
	snprintf(session->goaway, sizeof session->goaway, "the server said goodbye%s%.*s",
	         reason.len ? ": " : "", (int)reason.len, reason.data);
	size_t len = strlen(session->goaway);
	while (!utf8_valid(bytes_of(session->goaway, len)))
		session->goaway[--len] = '\0';
}

void session_goaway(struct session *session, const struct goodbye *goodbye)
{
	if (goodbye->last_stream < session->last_stream)
		session->last_stream = goodbye->last_stream;
	goodbye_note(session, goodbye->reason);
	if (session->state < SESSION_DRAINING) {
		session->state = SESSION_DRAINING;
		channel_session_draining(session->channel, session, goodbye->code,
		                         goodbye->retry_after_ms);
	}
	refuse_above(session, goodbye);
	turn_mark(&session->channel->turn);
}

/* --- it ends a call ---------------------------------------------------------------------- */

/* Text of the server's, valid UTF-8 and of bounded length. */
static char *ending_text(struct bytes message)
{
	if (message.len > LIMIT_STATUS_MESSAGE)
		message.len = LIMIT_STATUS_MESSAGE;
	while (message.len > 0 && !utf8_valid(message))
		message.len--;
	return message.len > 0 ? strndup((const char *)message.data, message.len) : NULL;
}

/* Of a failed call: whether it may have been executed nevertheless (PROTOCOL.md, "Outcome"). */
static enum outcome ending_outcome(const struct prism_call *call, const struct ending *ending)
{
	bool unsure = ending->status == STATUS_UNAVAILABLE || ending->status == STATUS_CANCELLED ||
	              ending->status == STATUS_DEADLINE_EXCEEDED || ending->retry == RETRY_NEVER;
	if (ending->retry == RETRY_SAFE)
		return OUTCOME_NOT_EXECUTED;
	if (!unsure)
		return OUTCOME_EXECUTED;
	return call->idempotency == PRISM_READ ? OUTCOME_NOT_EXECUTED : OUTCOME_UNKNOWN;
}

/* What is longer than anything a server of ours says is cut. */
static void ending_cause(struct bytes details, struct call_end *end)
{
	struct bytes reason, field;
	end_meta_cause(details, &reason, &field);
	snprintf(end->reason, sizeof end->reason, "%.*s", (int)reason.len,
	         reason.len ? (const char *)reason.data : "");
	snprintf(end->field, sizeof end->field, "%.*s", (int)field.len,
	         field.len ? (const char *)field.data : "");
}

void session_ended_failed(struct prism_call *call, const struct ending *ending)
{
	struct call_end end = {.status = ending->status,
	                       .outcome = ending_outcome(call, ending),
	                       .server_us = ending->server_us,
	                       .pushback_ms = ending->pushback_ms,
	                       .text = ending_text(ending->message)};
	ending_cause(ending->details, &end);
	if (!ending->final && call_retry(call, &end, ending->retry == RETRY_SAFE))
		return;
	if (!call_streams_answers(call))
		call_drop_answers(call);
	call_ended(call, &end);
}

/* What is wrong with an end that has status OK; NULL: nothing. */
static const char *ending_fault(const struct prism_call *call, const struct bytes *message)
{
	if (message)
		return NULL;
	if (call->assembling)
		return "it ended in the middle of a message";
	if (!call_streams_answers(call) && buffer_len(&call->inbox) == 0)
		return "it ended with status OK and without an answer";
	return NULL;
}

void session_ended_ok(struct session *session, struct prism_call *call, const struct bytes *message,
                      uint32_t server_us)
{
	char reason[WIRE_REASON_SIZE];
	size_t taken = 0;
	enum answer answer = ANSWER_OK;
	const char *fault = ending_fault(call, message);
	if (fault) {
		session_answered(session, call, ANSWER_MALFORMED, 0, fault);
		return;
	}
	if (message)
		answer = call_assemble(call, (struct answer_part){.bytes = *message, .final = true},
		                       &taken, reason);
	else
		answer = call_give(call, &taken, reason);
	session_answered(session, call, answer, taken, reason);
	if (call->state == CALL_ENDED)
		call_conclude(call); /* cancelled in message(): what it was lent may not wait */
	else
		call_ended(call,
		           &(struct call_end){.outcome = OUTCOME_EXECUTED, .server_us = server_us});
}
