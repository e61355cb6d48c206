/* rpc - what the calls of one worker share: ready list, deadlines, interceptors, the pool; and the
 * step that runs them.
 *
 * I/O callbacks only decode and queue (call_begin, call_message, call_wake); rpc_run(), called once
 * per turn of the loop, dispatches and resumes everything that is ready, on the loop's stack and
 * then on fibers. Owns: its calls (the live list and a cache), its timer. Lifetime: rpc_init() ..
 * the loop has run once after rpc_deinit(). Thread: one. */
#pragma once
#include "daemon/rpc/service.h"

#include <uv.h>

struct pool;
struct auth;
struct health;

enum { RPC_ID_BITS = 48 }; /* of a call's id; the rest says which rpc of the process */

enum verdict {
	VERDICT_PROCEED,
	VERDICT_PENDING, /* somebody will call rpc_proceed(); until then the call is not freed */
	VERDICT_REFUSE,  /* call_fail() was called; the handler does not run */
};

/* before() is asked in order, on the loop's stack, when the request is complete and before it is
 * unpacked. after() runs once for each call that ended, in reverse order, if its own before() said
 * proceed or there is none: so what before() took, after() gives back, and an interceptor without
 * before() (log, count) sees every call, the refused ones and those without a method too. */
struct interceptor {
	const char *name;
	enum verdict (*before)(struct call *call); /* NULL: nothing to ask */
	void (*after)(struct call *call); /* NULL; status, outcome, sizes and times are known */
};

struct method_counters {
	uint64_t started, handled[STATUS_COUNT];
	uint64_t latency_ns; /* sum over the handled ones, by the clock of the turns */
};

struct rpc_settings {
	const struct router *router;
	const struct interceptor *const *interceptors; /* NULL-terminated, outlives; NULL: none */
	struct pool *pool;                             /* NULL: no database */
	uint32_t running_limit;                        /* calls with a fiber; 0: LIMIT_FIBERS */
	void *ctx; /* the worker, for interceptors and handlers */
};

/* A call that waits, and when it is to be looked at: its deadline, or the end of its pause. */
struct due {
	uint64_t at_ns;
	struct call *call;
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
	uint32_t reflections; /* calls of admin/reflection.c */
	struct call *ready_first, *ready_last;
	struct call *calls; /* every live call, newest first, by live_next */
	struct call *cache;
	size_t cached, live, running;
	struct due *heap; /* the earliest first */
	size_t heap_len, heap_capacity;
	uv_timer_t timer;
	uint64_t timer_ns; /* when it fires; UINT64_MAX: it is stopped */
	uint64_t trim_ns;  /* when idle stacks are given back; UINT64_MAX: nothing to give */
	uint64_t now_ns;   /* of this turn, or of the one before: rpc_now() knows */
	uint64_t next_id;
	struct method_counters
		*counters; /* by route index; the one after the last: unknown paths */
	size_t route_count;
	bool clock_read; /* now_ns is of this turn */
	bool draining;   /* new calls are refused UNAVAILABLE, safe to send elsewhere */
};

/* INTERNAL: no memory, or the timer could not be made. */
MUST_CHECK
enum status rpc_init(struct rpc *rpc, uv_loop_t *loop, const struct rpc_settings *settings);

/* Dispatches and resumes until nothing is ready. At the end of each turn, after poll and after
 * timers (uv_check, uv_prepare); cheap when there is nothing. */
void rpc_run(struct rpc *rpc);

/* The interceptor that said PENDING lets the call go on (OK) or fails it (after call_fail()). */
void rpc_proceed(struct call *call, enum status status);

/* The time of this turn: the clock is read once for its callbacks, and once for rpc_run(). */
uint64_t rpc_now(struct rpc *rpc);

/* Cancels every live call (a drain that took too long): handlers unwind with `why`, callers are
 * told it, at the next rpc_run(). */
void rpc_cancel_all(struct rpc *rpc, enum status why);

/* The same for the calls of one peer. */
void rpc_cancel_peer(struct rpc *rpc, const struct peer *peer, enum status why);

/* Asserts that no call is left, closes the timer (the loop must run once more before `rpc` goes
 * away), frees the cache. */
void rpc_deinit(struct rpc *rpc);
