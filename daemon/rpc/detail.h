/* detail - what a failed call tells machines, in google.rpc's messages (proto/google/rpc): why
 * (ErrorInfo), which field (BadRequest), when to try again (RetryInfo).
 *
 * Said by the handler, packed when the call ends. Lifetime: the call's. Source:
 * https://google.aip.dev/193. */
#pragma once
#include "daemon/rpc/call.h"
#include "proto/reason.h"

/* As call_fail(), with the reason's status. `return call_fail_for(call, REASON_KEY_TAKEN, "...");`
 */
MUST_CHECK
enum status call_fail_for(struct call *call, enum reason reason, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* INVALID_ARGUMENT for a field ("story.title"), whose fault the text says ("must not be empty"). */
MUST_CHECK
enum status call_fail_field(struct call *call, const char *field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The fault of a field, besides what was said already; `field` is the part of call->message before
 * its first ": ". For texts of the field rules. */
void call_blame_field(struct call *call);

/* Adds a fact to the reason ("current_version", "3"), up to CALL_FACTS_MAX. Both are copied. */
void call_fact(struct call *call, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Packs what was said into call->details. */
void detail_pack(struct call *call);
