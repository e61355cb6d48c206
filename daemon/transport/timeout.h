/* timeout - waits of fixed length, thousands of them on one timer.
 *
 * Every kind of wait has one length, so a list in order of arming is in order of expiry: to arm and
 * to clear are a few pointer writes, and a connection pays 24 bytes instead of a uv_timer_t.
 * Owns: its uv_timer_t. Lifetime: timeouts_init() .. timeouts_close(). Thread: the loop's.
 * Units: milliseconds of uv_now(). */
#pragma once
#include "proto/status.h"

#include <stddef.h>
#include <uv.h>

/* Embedded in what waits; zeroed: not armed. */
struct timeout {
	struct timeout *next, *prev;
	uint64_t until_ms;
};

typedef void timeout_expired(struct timeout *timeout);

struct timeout_list {
	struct timeout head;
	uint32_t after_ms;
	timeout_expired *expired; /* the timeout is cleared when this is called */
};

struct timeouts {
	uv_timer_t timer;
	uint64_t due_ms; /* when the timer fires; 0: it is stopped */
	struct timeout_list *lists;
	size_t count;
};

/* `lists` outlive it; their after_ms and expired are set. */
void timeouts_init(struct timeouts *timeouts, uv_loop_t *loop, struct timeout_list *lists,
                   size_t count);

static inline bool timeout_armed(const struct timeout *timeout)
{
	return timeout->next != NULL;
}

/* Armed or not before: expires after_ms from now. */
void timeout_arm(struct timeouts *timeouts, struct timeout_list *list, struct timeout *timeout);
void timeout_clear(struct timeout *timeout);

/* Everything is cleared before; the loop must run once more. */
void timeouts_close(struct timeouts *timeouts);
