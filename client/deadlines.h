/* deadlines - which of many points in time comes first: a binary heap, and one timer.
 *
 * Owns: the heap's array and the timer. Lifetime: deadlines_start() .. the callback of
 * deadlines_close(). Thread: the loop's. Units: nanoseconds of uv_hrtime(). */
#pragma once
#include "proto/status.h"

#include <stddef.h>
#include <uv.h>

/* Embedded in what has a deadline. */
struct deadline {
	uint64_t at_ns;
	size_t place; /* in the heap, from 1; 0: not in it */
};

struct deadlines {
	struct deadline **heap; /* [1..count] */
	size_t count, capacity;
	uv_timer_t timer;
	uint64_t armed_ns; /* what the timer waits for; UINT64_MAX: it is stopped */
	void (*expired)(void *ctx, struct deadline *deadline);
	void (*closed)(void *ctx);
	void *ctx;
};

/* expired(ctx, deadline) is called once for each that passes; it was removed then. */
void deadlines_start(struct deadlines *deadlines, uv_loop_t *loop,
                     void (*expired)(void *ctx, struct deadline *deadline), void *ctx);

/* False: no memory. */
MUST_CHECK
bool deadlines_add(struct deadlines *deadlines, struct deadline *deadline, uint64_t at_ns);

/* Does nothing when it is not in. */
void deadlines_remove(struct deadlines *deadlines, struct deadline *deadline);

/* Nothing may be in it. closed(ctx) once the timer is closed. */
void deadlines_close(struct deadlines *deadlines, void (*closed)(void *ctx));
