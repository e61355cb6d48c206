#include "daemon/rpc/rpc.h"

#include "daemon/rpc/deadline.h"
#include "daemon/rpc/dispatch.h"
#include "daemon/rpc/fiber.h"
#include "daemon/rpc/state.h"
#include "proto/limits.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

static const uint64_t TRIM_EVERY_NS = UINT64_C(1000000000);

enum { WARM_STACKS = 16 }; /* idle stacks that are not worth a timer */

static atomic_uint_fast64_t rpcs_made;

static const struct interceptor *const no_interceptors[] = {NULL};

static bool counters_new(struct rpc *rpc)
{
	if (rpc->router)
		router_routes(rpc->router, &rpc->route_count);
	rpc->counters = calloc(rpc->route_count + 1, sizeof(*rpc->counters));
	return rpc->counters != NULL;
}

enum status rpc_init(struct rpc *rpc, uv_loop_t *loop, const struct rpc_settings *settings)
{
	uint32_t limit = settings->running_limit;
	*rpc = (struct rpc){
		.loop = loop,
		.router = settings->router,
		.interceptors = settings->interceptors ? settings->interceptors : no_interceptors,
		.pool = settings->pool,
		.ctx = settings->ctx,
		.running_limit = limit > 0 && limit < LIMIT_FIBERS ? limit : LIMIT_FIBERS,
		.trim_ns = UINT64_MAX,
		.next_id = (atomic_fetch_add(&rpcs_made, 1) << RPC_ID_BITS) + 1,
	};
	if (!counters_new(rpc))
		return STATUS_INTERNAL;
	if (deadline_timer_init(rpc))
		return STATUS_OK;
	free(rpc->counters);
	return STATUS_INTERNAL;
}

uint64_t rpc_now(struct rpc *rpc)
{
	if (!rpc->clock_read) {
		rpc->now_ns = uv_hrtime();
		rpc->clock_read = true;
	}
	return rpc->now_ns;
}

/* Its deadline has passed, or its pause is over. */
static void due(struct call *call)
{
	if (call->deadline_ns > rpc_now(call->rpc)) {
		if (call->deadline_ns != UINT64_MAX)
			deadline_set(call, call->deadline_ns);
		call_notify(call, WANTS_TIME);
		return;
	}
	call_stop(call, STATUS_DEADLINE_EXCEEDED);
	if (call->state == CALL_PENDING)
		dispatch_tell_pending(call);
}

/* Stacks that a burst of waiting calls left behind are given back some time after it. */
static void stacks_trim(struct rpc *rpc)
{
	if (rpc->trim_ns <= rpc->now_ns) {
		fiber_trim();
		rpc->trim_ns = UINT64_MAX;
	}
	if (rpc->trim_ns == UINT64_MAX && fiber_cached_warm() > WARM_STACKS)
		rpc->trim_ns = rpc_now(rpc) + TRIM_EVERY_NS;
}

void rpc_run(struct rpc *rpc)
{
	if (rpc->ready_first || deadline_timer_fired(rpc)) {
		assert(!fiber_current());
		rpc->clock_read = false; /* the turn's callbacks may have taken long */
		for (struct call *call; (call = deadline_take(rpc, rpc_now(rpc)));)
			due(call);
		for (struct call *call; (call = call_take_ready(rpc));)
			dispatch(call);
		stacks_trim(rpc);
		deadline_timer_arm(rpc);
	}
	rpc->clock_read = false;
}

void rpc_proceed(struct call *call, enum status status)
{
	assert(call->state == CALL_PENDING);
	if (status == STATUS_OK)
		call->interceptor++;
	else if (call->refused == STATUS_OK && call->cancelled == STATUS_OK)
		call->refused = status;
	call_make_ready(call);
}

static void cancel(struct call *call, enum status why)
{
	call_stop(call, why);
	if (call->state == CALL_PENDING)
		dispatch_tell_pending(call);
}

void rpc_cancel_all(struct rpc *rpc, enum status why)
{
	for (struct call *call = rpc->calls; call; call = call->live_next)
		cancel(call, why);
}

void rpc_cancel_peer(struct rpc *rpc, const struct peer *peer, enum status why)
{
	for (struct call *call = rpc->calls; call; call = call->live_next)
		if (call->peer == peer)
			cancel(call, why);
}

void rpc_deinit(struct rpc *rpc)
{
	assert(rpc->live == 0 && rpc->running == 0 && rpc->heap_len == 0 && !rpc->ready_first);
	uv_close((uv_handle_t *)&rpc->timer, NULL);
	call_cache_drop(rpc);
	free(rpc->heap);
	free(rpc->counters);
	rpc->heap = NULL;
	rpc->counters = NULL;
}
