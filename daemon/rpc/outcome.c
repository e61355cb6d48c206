/* Saying why, and settling what was said. The last word counts: a handler may try one thing, fail,
 * and end well; or return a status without a word. */
#include "daemon/rpc/outcome.h"

#include "daemon/rpc/detail.h"
#include "proto/limits.h"
#include "proto/utf8.h"

#include <stdio.h>

static const char *text_of(struct call *call, const char *format, va_list args)
{
	char text[LIMIT_STATUS_MESSAGE + 1];
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		return NULL;
	return arena_strdup(&call->arena, text);
}

static void say(struct call *call, enum status status, enum outcome outcome, const char *format,
                va_list args)
{
	const char *text = text_of(call, format, args);
	call->message = text ? text : status_text(status);
	call->status = status;
	call->outcome = outcome;
	call->reason = REASON_NONE;
	call->field = NULL;
	call->fact_count = 0;
}

enum status call_fail(struct call *call, enum status status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(call, status, call->started ? OUTCOME_EXECUTED : OUTCOME_NOT_EXECUTED, format, args);
	va_end(args);
	return status;
}

enum status call_fail_outcome(struct call *call, enum status status, enum outcome outcome,
                              const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(call, status, outcome, format, args);
	va_end(args);
	return status;
}

enum status call_fail_for(struct call *call, enum reason reason, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(call, reason_status(reason), call->started ? OUTCOME_EXECUTED : OUTCOME_NOT_EXECUTED,
	    format, args);
	va_end(args);
	call->reason = reason;
	return call->status;
}

enum status call_fail_field(struct call *call, const char *field, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const char *fault = text_of(call, format, args);
	va_end(args);
	enum status status = call_fail_for(call, REASON_FIELD_INVALID, "%s: %s", field,
	                                   fault ? fault : reason_text(REASON_FIELD_INVALID));
	call->field = arena_strdup(&call->arena, field);
	return status;
}

enum status call_no_memory(struct call *call)
{
	call->message = "the request needs more memory than one call may use";
	call->reason = REASON_NONE;
	call->field = NULL;
	call->status = STATUS_RESOURCE_EXHAUSTED;
	call->outcome = call->started ? OUTCOME_EXECUTED : OUTCOME_NOT_EXECUTED;
	return call->status;
}

static void settle_ok(struct call *call)
{
	call->status = STATUS_OK;
	call->message = "";
	call->outcome = OUTCOME_EXECUTED;
	call->retry = RETRY_UNSET;
}

static void settle_unsaid(struct call *call, enum status status, const char *message)
{
	if (status != call->status) {
		call->reason = REASON_NONE;
		call->field = NULL;
	}
	call->status = status;
	call->message = message;
	call->outcome = call->started ? OUTCOME_EXECUTED : OUTCOME_NOT_EXECUTED;
}

/* Nobody saw it, or it may have happened: the caller's client acts on that by itself. */
static enum retry retry_of(const struct call *call)
{
	if (call->outcome == OUTCOME_UNKNOWN)
		return RETRY_NEVER;
	bool passing = call->status == STATUS_UNAVAILABLE || call->status == STATUS_ABORTED;
	bool safe = passing && call->outcome == OUTCOME_NOT_EXECUTED;
	return safe && !call->sent ? RETRY_SAFE : RETRY_UNSET;
}

/* A text without its bytes that are no UTF-8: what was cut at a byte ends in half a character. */
static const char *mended(struct call *call, const char *text)
{
	struct bytes bytes = bytes_of_string(text);
	if (utf8_valid(bytes))
		return text;
	char *copy = arena_string(&call->arena, bytes);
	if (!copy)
		return "";
	copy[utf8_mend(copy, bytes.len)] = '\0';
	return copy;
}

/* Whoever formatted them, and whatever they repeat: a peer refuses frames with texts that are no
 * UTF-8, and with them the whole connection. */
static void mend(struct call *call)
{
	call->message = mended(call, call->message);
	if (call->field)
		call->field = mended(call, call->field);
	for (uint32_t i = 0; i < call->fact_count; i++)
		call->facts[i].value = mended(call, call->facts[i].value);
}

void outcome_settle(struct call *call, enum status status)
{
	status = call->refused != STATUS_OK ? call->refused : status_from_number((uint32_t)status);
	if (status == STATUS_OK) {
		settle_ok(call);
		return;
	}
	const char *message = call->refusal;
	if (!message && (status != call->status || !call->message))
		message = status_text(status);
	if (message)
		settle_unsaid(call, status, message);
	if (call->outcome == OUTCOME_NOT_EXECUTED && call->wrote)
		call->outcome = OUTCOME_UNKNOWN;
	if (call->retry == RETRY_UNSET)
		call->retry = retry_of(call);
	mend(call);
	detail_pack(call);
}
