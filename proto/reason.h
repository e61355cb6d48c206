/* reason - why a call was refused, for machines: the constants of google.rpc.ErrorInfo.reason.
 *
 * Source: https://google.aip.dev/193. Names are stable; the domain of all of them is
 * REASON_DOMAIN. */
#pragma once
#include "proto/status.h"

#define REASON_DOMAIN "prism"

enum reason {
	REASON_NONE,
#define REASON(name, status, text) REASON_##name,
#include "proto/reason.def"
#undef REASON
	REASON_COUNT
};

/* "VERSION_STALE"; "" for REASON_NONE. Static. */
const char *reason_name(enum reason reason);

/* The status that goes with it; UNKNOWN for REASON_NONE. */
enum status reason_status(enum reason reason);

/* "expected_version is not the version ...": for people. Static. */
const char *reason_text(enum reason reason);
