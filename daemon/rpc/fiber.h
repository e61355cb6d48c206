/* fiber - cooperative stacks, so that service code may wait without callbacks.
 *
 * A fiber runs on a guarded stack of its own and on one thread for its whole life. Only turn code
 * (rpc_run) starts and resumes fibers, never inside a libuv, libpq or nghttp2 callback; only a
 * running fiber suspends itself.
 *
 * Owns: its stack; ended stacks wait in a per-thread cache. Thread: fiber_* speak of the calling
 * thread's fibers; LIMIT_FIBERS bounds the stacks of the whole process, cached ones included.
 * Units: bytes. Errors: false when there is no memory, or LIMIT_FIBERS stacks are in use. */
#pragma once
#include "proto/status.h"

#include <stddef.h>

struct fiber;
typedef void fiber_main(void *arg);

/* Runs entry(arg) at once; returns when it first suspends or ends. */
MUST_CHECK
bool fiber_start(fiber_main *entry, void *arg);

/* The running fiber, or NULL on the loop's own stack. */
struct fiber *fiber_current(void);

/* Gives the thread back to whoever resumed us; returns on the next fiber_resume. */
void fiber_suspend(void);

/* Continues a suspended fiber until it suspends again or ends. Not from a fiber. */
void fiber_resume(struct fiber *fiber);

/* Fibers of this thread that were started and did not end. */
size_t fiber_alive(void);

/* Cached stacks of this thread whose memory was not given back since they were last used. */
size_t fiber_cached_warm(void);

/* Gives the memory of those cached stacks back that were not needed since the last fiber_trim(),
 * so that a burst of waiting calls does not stay in the resident size for ever. */
void fiber_trim(void);

/* Frees this thread's cached stacks (at shutdown). */
void fiber_drop_cache(void);
