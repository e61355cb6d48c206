/* interceptors - what every call of prismd passes. Sizes, deadlines and the number of running calls
 * are seen to, and calls are counted, in rpc/ itself: they are part of every call's way.
 *
 * Identify asks before(); log sees every call after(). */
#pragma once
#include "daemon/rpc/rpc.h"

enum { LOG_SLOW_MS = 500 }; /* a call that took longer is logged */

/* One line for each call that failed for our reasons or was slow; at level debug, for each call. */
extern const struct interceptor log_interceptor;

/* The table of prismd, NULL-terminated. */
extern const struct interceptor *const server_interceptors[];
