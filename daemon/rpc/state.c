#include "daemon/rpc/state.h"

#include "daemon/rpc/deadline.h"
#include "daemon/rpc/fiber.h"

#include <assert.h>

/* Which states may follow which. */
static const uint8_t successors[] = {
	[CALL_READY] =
		1 << CALL_RECEIVING | 1 << CALL_PENDING | 1 << CALL_RUNNING | 1 << CALL_FINISHED,
	[CALL_RECEIVING] = 1 << CALL_READY,
	[CALL_PENDING] = 1 << CALL_READY,
	[CALL_RUNNING] = 1 << CALL_WAITING | 1 << CALL_FINISHED,
	[CALL_WAITING] = 1 << CALL_READY,
	[CALL_FINISHED] = 1 << CALL_READY, /* begins */
};

void call_set_state(struct call *call, enum call_state state)
{
	assert(successors[call->state] & 1 << state);
	call->state = state;
}

void call_make_ready(struct call *call)
{
	struct rpc *rpc = call->rpc;
	call_set_state(call, CALL_READY);
	call->next = NULL;
	if (rpc->ready_first)
		rpc->ready_last->next = call;
	else
		rpc->ready_first = call;
	rpc->ready_last = call;
}

struct call *call_take_ready(struct rpc *rpc)
{
	struct call *call = rpc->ready_first;
	if (call)
		rpc->ready_first = call->next;
	return call;
}

void call_park(struct call *call, enum call_state state)
{
	call_set_state(call, state);
	if (call->heap_index == SIZE_MAX && call->deadline_ns != UINT64_MAX)
		deadline_set(call, call->deadline_ns);
}

void call_notify(struct call *call, enum call_wants wants)
{
	if (call->state == CALL_WAITING && call->wants == wants)
		call_make_ready(call);
}

void call_stop(struct call *call, enum status why)
{
	if (call->cancelled == STATUS_OK)
		call->cancelled = why;
	if (call->state == CALL_WAITING || call->state == CALL_RECEIVING)
		call_make_ready(call);
}

/* A deadline is told in milliseconds, the unit in which people set it. */
static enum status say_deadline(struct call *call)
{
	uint64_t ms = (call->deadline_ns - call->started_ns) / UINT64_C(1000000);
	return call_fail_outcome(call, STATUS_DEADLINE_EXCEEDED, OUTCOME_NOT_EXECUTED,
	                         "the deadline of %llu ms has passed", (unsigned long long)ms);
}

enum status call_stopped(struct call *call)
{
	if (call->cancelled == STATUS_DEADLINE_EXCEEDED && call->deadline_ns != UINT64_MAX)
		return say_deadline(call);
	const char *text = status_text(call->cancelled);
	if (call->cancelled == STATUS_CANCELLED)
		text = call->peer ? "the caller cancelled" : "the connection was lost";
	else if (call->cancelled == STATUS_UNAVAILABLE)
		text = "the server is going away";
	return call_fail_outcome(call, call->cancelled, OUTCOME_NOT_EXECUTED, "%s", text);
}

enum status call_suspend(struct call *call, enum call_wants wants, const char *what)
{
	assert(call->fiber && call->fiber == fiber_current());
	if (call->cancelled == STATUS_OK && call->deadline_ns <= rpc_now(call->rpc))
		call->cancelled = STATUS_DEADLINE_EXCEEDED;
	if (call->cancelled != STATUS_OK) {
		call->errand = NULL;
		return call_stopped(call);
	}
	call->wants = wants;
	call->waiting_for = what;
	call_park(call, CALL_WAITING);
	fiber_suspend();
	call->waiting_for = NULL;
	return call->cancelled == STATUS_OK ? STATUS_OK : call_stopped(call);
}

void call_on_loop_when_parked(struct call *call, void (*errand)(struct call *call, void *ctx),
                              void *ctx)
{
	call->errand = errand;
	call->errand_ctx = ctx;
}

void call_on_loop(struct call *call, void (*errand)(struct call *call, void *ctx), void *ctx)
{
	assert(call->fiber && call->fiber == fiber_current());
	call_on_loop_when_parked(call, errand, ctx);
	fiber_suspend(); /* still RUNNING: resumed as soon as the errand is run */
}
