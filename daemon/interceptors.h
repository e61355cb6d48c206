/* interceptors - what every call of prismd passes. Sizes and the number of running calls are
 * checked, and calls are counted, in rpc/dispatch.c itself: they are part of every call's way.
 *
 * before() in this order: deadline, identify; after() in reverse: log sees every call. */
#pragma once
#include "daemon/rpc/rpc.h"

enum {
	DEADLINE_DEFAULT_MS = 30000, /* of a call that gives none, and whose method declares none */
	LOG_SLOW_MS = 500,           /* a call that took longer is logged */
};

/* Gives every call a deadline; streams of answers may run without one. */
extern const struct interceptor deadline_interceptor;

/* One line for each call that failed for our reasons or was slow; at level debug, for each call. */
extern const struct interceptor log_interceptor;

/* The table of prismd, NULL-terminated. */
extern const struct interceptor *const server_interceptors[];
