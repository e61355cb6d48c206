/* state - how a call moves: from list to list, from fiber to loop. Private to daemon/rpc.
 *
 * A state is a place: READY is the ready list, RECEIVING, PENDING and WAITING are parked (in the
 * deadline heap, if there is a deadline), RUNNING is the fiber on the CPU. */
#pragma once
#include "daemon/rpc/rpc.h"

/* Appends a parked or new call to the ready list. */
void call_make_ready(struct call *call);

/* The next ready call, or NULL. */
struct call *call_take_ready(struct rpc *rpc);

/* To RECEIVING, PENDING or WAITING; watches the deadline from now on. */
void call_park(struct call *call, enum call_state state);

/* To RUNNING or FINISHED. */
void call_set_state(struct call *call, enum call_state state);

/* Makes the call ready if it waits for `wants`. */
void call_notify(struct call *call, enum call_wants wants);

/* From now on its waits end with `why`; the first reason stays. A parked call becomes ready, except
 * a pending one: its interceptor holds it. */
void call_stop(struct call *call, enum status why);

/* Says why it was stopped, and returns that. */
MUST_CHECK
enum status call_stopped(struct call *call);

/* Parks the running fiber until call_notify(call, wants) or call_stop(). */
MUST_CHECK
SUSPENDS
enum status call_suspend(struct call *call, enum call_wants wants, const char *what);

/* Runs errand(call, ctx) on the loop's stack, and returns when it is done. */
SUSPENDS
void call_on_loop(struct call *call, void (*errand)(struct call *call, void *ctx), void *ctx);

/* The same as part of the next call_suspend(): once the fiber is parked. */
void call_on_loop_when_parked(struct call *call, void (*errand)(struct call *call, void *ctx),
                              void *ctx);

/* The request side is a stream: the handler starts at once and asks for messages. */
static inline bool call_streams_in(const struct call *call)
{
	return call->method && (call->method->kind == CALL_CLIENT_STREAMING ||
	                        call->method->kind == CALL_BIDIRECTIONAL);
}

static inline struct method_counters *call_counters(const struct call *call)
{
	const struct rpc *rpc = call->rpc;
	return &rpc->counters[call->route ? call->route->index : rpc->route_count];
}
