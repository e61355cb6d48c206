/* dial - makes a connected socket of an address: resolves a name, tries its addresses in order.
 *
 * Owns: itself. Lifetime: dial_start() .. events->gone. Thread: the loop's.
 * Errors: failed() with a text; the first step may fail at once. */
#pragma once
#include "client/address.h"

#include <uv.h>

struct dial_events {
	/* One of the two, once, unless cancelled. */
	void (*connected)(void *ctx, int fd); /* the callee owns fd */
	void (*failed)(void *ctx, const char *reason);
	void (*gone)(void *ctx); /* always, last: nothing of it is on the loop any more */
};

struct dial;

/* Of `timeout_ms` each address of a name has its share, so that one that does not answer leaves
 * time for the next; the caller keeps the time of the whole. NULL: it failed at once, `reason` says
 * why; no event will come then. */
MUST_CHECK
struct dial *dial_start(uv_loop_t *loop, const struct address *address, uint32_t timeout_ms,
                        const struct dial_events *events, void *ctx, char reason[256]);

/* Only gone() will come. */
void dial_cancel(struct dial *dial);
