/* flow - writes that share an affinity (a project): one in flight at a time, or one group, the rest
 * wait behind it without standing in the way of strangers. Of a group the first has the turn.
 *
 * A flow exists from when its first owner is sent until nobody follows. Owns: its table.
 * Thread: the pool's. */
#pragma once
#include "db/queue.h"

struct flow {
	uint64_t affinity;              /* 0: free */
	const struct db_request *owner; /* whose turn it is; NULL: sent and abandoned */
	struct queue followers;
};

struct flows {
	struct flow *at;
	uint32_t count;
};

/* False: no memory. */
MUST_CHECK
bool flows_init(struct flows *flows, uint32_t count);
void flows_deinit(struct flows *flows);

/* NULL: there is none (always for affinity 0). */
struct flow *flow_find(const struct flows *flows, uint64_t affinity);

/* `request` was sent: the turn is its own, unless another of its group has it. With a full table it
 * goes without a flow. */
void flow_begin(struct flows *flows, const struct db_request *request);

/* `request` waits for its turn: at the end, or, if it was sent before and never ran, ahead of those
 * that came after it. */
void flow_follow(struct flow *flow, struct db_request *request);

/* The owner (NULL: an abandoned one) is done: the next one's turn, who is taken from the followers.
 * NULL: the flow ended, or it was not this one's turn. */
struct db_request *flow_next(struct flows *flows, uint64_t affinity,
                             const struct db_request *owner);
