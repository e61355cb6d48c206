#include "client/call.h"

#include "client/channel.h"
#include "client/metadata.h"
#include "client/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void call_free(struct prism_call *call)
{
	channel_forget(call->channel, call);
	buffer_deinit(&call->compressed);
	buffer_deinit(&call->outbox);
	buffer_deinit(&call->inbox);
	buffer_deinit(&call->partial);
	free(call->end.text);
	free(call);
}

/* Field by field: the text's kilobyte is not worth clearing. */
static void result_fill(struct prism_result *result, const struct prism_call *call)
{
	const struct call_end *end = &call->end;
	bool unsure = call->unsure && end->status != STATUS_OK;
	result->status = (enum prism_status)end->status;
	result->outcome = unsure ? PRISM_OUTCOME_UNKNOWN : (enum prism_outcome)end->outcome;
	result->server_us = end->server_us;
	result->attempts = call->attempts;
	result->pushback_ms = end->pushback_ms;
	if (call->request_id.len > 0)
		memcpy(result->request_id, call->request_id.data, call->request_id.len);
	result->request_id[call->request_id.len] = '\0';
	memcpy(result->reason, end->reason, sizeof result->reason);
	memcpy(result->field, end->field, sizeof result->field);
	result->message[0] = '\0';
	if (end->status != STATUS_OK)
		snprintf(result->message, sizeof result->message, "%s",
		         end->text ? end->text : status_text(end->status));
}

/* Tells done() and frees it; it is in no list. */
static void call_finish(struct prism_call *call)
{
	struct prism_result result;
	result_fill(&result, call);
	if (call->response_metadata)
		metadata_end(call->response_metadata); /* done() may give it to another call */
	if (call->handler.done)
		call->handler.done(call->handler.ctx, &result);
	if (!call_streams_answers(call))
		arena_reset(&call->channel->arena); /* the answer was lent until here */
	call_free(call);
}

void call_conclude(struct prism_call *call)
{
	channel_unready(call->channel, call);
	call_finish(call);
}

bool call_left(const struct prism_call *call, uint64_t written)
{
	return call->state > CALL_RESTING && written >= call->stream.committed_at;
}

enum outcome call_outcome(const struct prism_call *call)
{
	if (call->idempotency == PRISM_READ || !call->method || call->state <= CALL_RESTING)
		return OUTCOME_NOT_EXECUTED;
	const struct session *session = call->stream.session;
	if (session && !call_left(call, session_reached(session)))
		return OUTCOME_NOT_EXECUTED;
	return OUTCOME_UNKNOWN;
}

/* Out of every list but the channel's, and without a deadline. */
static void call_detach(struct prism_call *call, enum status status)
{
	deadlines_remove(&call->channel->deadlines, &call->deadline);
	deadlines_remove(&call->channel->rests, &call->rest);
	if (call->state == CALL_WAITING)
		channel_dequeue(call->channel, call);
	else if (call->state == CALL_HELD)
		channel_release(call->channel, call);
	else if (call->stream.session)
		session_drop(call->stream.session, call, status);
}

void call_abort_end(struct prism_call *call, const struct call_end *end)
{
	call_detach(call, end->status);
	call_drop_answers(call);
	free(call->end.text);
	call->end = *end;
	call->state = CALL_ENDED;
	channel_ready(call->channel, call);
}

static char *text_format(const char *format, va_list args)
{
	char *text;
	return vasprintf(&text, format, args) < 0 ? NULL : text;
}

void call_abort(struct prism_call *call, enum status status, const char *format, ...)
{
	if (call->state == CALL_ENDED)
		return;
	va_list args;
	va_start(args, format);
	char *text = text_format(format, args);
	va_end(args);
	call_abort_end(
		call,
		&(struct call_end){.status = status, .outcome = call_outcome(call), .text = text});
}

void call_abort_as(struct prism_call *call, enum status status, enum outcome outcome,
                   const char *format, ...)
{
	if (call->state == CALL_ENDED)
		return;
	va_list args;
	va_start(args, format);
	char *text = text_format(format, args);
	va_end(args);
	call_abort_end(call,
	               &(struct call_end){.status = status, .outcome = outcome, .text = text});
}

void call_fail_answer(struct prism_call *call, enum answer answer, const char *reason)
{
	if (answer == ANSWER_TOO_LARGE)
		call_abort_as(call, STATUS_RESOURCE_EXHAUSTED, OUTCOME_EXECUTED, "%s", reason);
	else
		call_abort_as(call, STATUS_INTERNAL, OUTCOME_EXECUTED, "malformed answer: %s",
		              reason);
}

void call_ended(struct prism_call *call, const struct call_end *end)
{
	deadlines_remove(&call->channel->deadlines, &call->deadline);
	if (end->status == STATUS_OK && call->method)
		retry_budget_earn(&call->channel->budget);
	free(call->end.text);
	call->end = *end;
	if (buffer_len(&call->inbox) > 0) {
		call->state = CALL_HELD;
		channel_hold(call->channel, call);
		if (call->want_writable)
			channel_ready(call->channel, call);
		return;
	}
	call->state = CALL_ENDED;
	call_conclude(call);
}

/* What was held back by prism_call_pause(), as far as it is not paused again. */
static void call_resume(struct prism_call *call)
{
	char reason[WIRE_REASON_SIZE];
	size_t taken = 0;
	enum answer answer = call_give(call, &taken, reason);
	if (call->stream.session)
		session_answered(call->stream.session, call, answer, taken, reason);
	else if (answer != ANSWER_OK)
		call_fail_answer(call, answer, reason);
	if (call->state == CALL_HELD && buffer_len(&call->inbox) == 0) {
		channel_release(call->channel, call);
		call->state = CALL_ENDED;
	}
}

/* Also of a call that is held: who waits for room learns there that no more is taken. */
static void call_tell_room(struct prism_call *call)
{
	bool full = call->state <= CALL_OPEN && buffer_len(&call->outbox) > CALL_OUTBOX_ROOM;
	if (!call->want_writable || full)
		return;
	call->want_writable = false;
	if (call->handler.writable)
		call->handler.writable(call->handler.ctx, call);
}

void call_turn(struct prism_call *call)
{
	if (call->state <= CALL_HELD)
		call_tell_room(call);
	if (!call->paused && buffer_len(&call->inbox) > 0)
		call_resume(call);
	if (call->state == CALL_ENDED)
		call_conclude(call);
}
