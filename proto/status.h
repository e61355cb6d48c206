/* status - how a call, or any step of one, ended.
 *
 * The numbers are gRPC's, so a status crosses every wire unchanged. A function that can fail
 * returns one and is MUST_CHECK; TRY() passes a failure on to the caller.
 *
 * Errors: translated at the edge once (status_from_uv here, sqlstate_status in db/). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))

/* Marks a function that may suspend the calling fiber; it takes `struct call *` first.
 * tests/lint checks that whoever calls one is marked too. */
#define SUSPENDS

enum status {
#define STATUS(name, number, text) STATUS_##name = number,
#include "proto/status.def"
#undef STATUS
};
enum { STATUS_COUNT = 17 };

/* "NOT_FOUND", as gRPC spells it; "STATUS_?" for a number that is none. Static. */
const char *status_name(enum status status);

/* "not found": for people. Static. */
const char *status_text(enum status status);

/* The status named `name` ("NOT_FOUND"); false if there is none. */
bool status_from_name(const char *name, enum status *out);

/* A number from the wire; what gRPC does not define becomes UNKNOWN. */
enum status status_from_number(uint32_t number);

/* Whether the work of a failed call may have been done (PROTOCOL.md, "Outcome"). */
enum outcome {
	OUTCOME_NOT_EXECUTED, /* nothing happened: safe to send again */
	OUTCOME_UNKNOWN,      /* the write was sent, its fate was not learned */
	OUTCOME_EXECUTED,     /* the application answered */
};

#define TRY(expression)                          \
	do {                                     \
		enum status try_ = (expression); \
		if (try_ != STATUS_OK)           \
			return try_;             \
	} while (0)
