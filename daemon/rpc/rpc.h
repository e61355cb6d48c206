/* rpc - what the calls of one worker share: ready list, deadlines, interceptors, the pool; and the
 * step that runs them.
 *
 * I/O callbacks only decode and queue (call_begin, call_message, call_wake); rpc_run(), called once
 * per turn of the loop, dispatches and resumes everything that is ready, on the loop's stack and
 * then on fibers. Owns: its calls (the live list and a cache), its timer. Thread: one. */
#pragma once
#include "daemon/rpc/service.h"

#include <uv.h>

struct pool;
struct auth;
struct health;

enum verdict {
	VERDICT_PROCEED,
	VERDICT_PENDING, /* somebody will call rpc_proceed(); until then the call is not freed */
	VERDICT_REFUSE,  /* call_fail() was called; the handler does not run */
};

/* Asked in order, on the loop's stack, when the request is complete and before it is unpacked; and
 * in reverse when the call ended. */
struct interceptor {
	const char *name;
	enum verdict (*before)(struct call *call); /* NULL: nothing to ask */
	void (*after)(struct call *call); /* NULL; status, outcome, sizes and times are known */
};

struct method_counters {
	uint64_t started, handled[STATUS_COUNT];
	uint64_t latency_ns;
};

struct rpc_settings {
	const struct router *router;
	const struct interceptor *const *interceptors; /* NULL-terminated, outlives */
	struct pool *pool;                             /* NULL: no database */
	uint32_t running_limit;                        /* calls with a fiber; 0: LIMIT_FIBERS */
	void *ctx; /* the worker, for interceptors and handlers */
};

struct rpc {
	uv_loop_t *loop;
	const struct router *router;
	const struct interceptor *const *interceptors;
	struct pool *pool;
	struct auth *auth;     /* auth/ knows what it is; NULL: nobody is identified */
	struct health *health; /* admin/ knows what it is */
	void *ctx;
	uint32_t running_limit;
	struct call *ready_first, *ready_last;
	struct call *cache;
	size_t cached, live, running;
	struct call **heap; /* by deadline: calls that wait */
	size_t heap_len, heap_capacity;
	uv_timer_t timer;
	uint64_t timer_ns; /* when it fires; 0: stopped */
	uint64_t now_ns;   /* of this turn */
	uint64_t next_id;
	struct method_counters *counters; /* by route index */
	bool draining;
};

MUST_CHECK
enum status rpc_init(struct rpc *rpc, uv_loop_t *loop, const struct rpc_settings *settings);

/* Dispatches and resumes until nothing is ready. At the end of each turn; cheap when there is
 * nothing. */
void rpc_run(struct rpc *rpc);

/* The interceptor that said PENDING lets the call go on (OK) or fails it (after call_fail()). */
void rpc_proceed(struct call *call, enum status status);

/* Refreshes rpc->now_ns; at the start of a turn's callbacks and before deadlines are looked at. */
uint64_t rpc_now(struct rpc *rpc);

/* Cancels every live call (a drain that took too long). */
void rpc_cancel_all(struct rpc *rpc, enum status why);

/* Asserts that no call is left, closes the timer (the loop must run once more), frees the cache. */
void rpc_deinit(struct rpc *rpc);
