/* deadline - the calls of one worker that wait, by when they are to be looked at: a heap and one
 * timer. Private to daemon/rpc.
 *
 * A call enters when it first waits, so that one which never waits costs nothing, and leaves when
 * it ends. Its entry is its deadline, or the end of its pause. Units: CLOCK_MONOTONIC ns. */
#pragma once
#include "daemon/rpc/rpc.h"

/* Room for an entry of every live call and one more, so that a wait cannot fail. */
MUST_CHECK
bool deadline_reserve(struct rpc *rpc);

/* Enters the call, or moves its entry. */
void deadline_set(struct call *call, uint64_t at_ns);

/* Does nothing if the call has no entry. */
void deadline_forget(struct call *call);

/* Takes an entry that is due; NULL: none is. */
struct call *deadline_take(struct rpc *rpc, uint64_t now_ns);

MUST_CHECK
bool deadline_timer_init(struct rpc *rpc);

/* Sees to it that rpc_run() looks at what is due, in time. */
void deadline_timer_arm(struct rpc *rpc);

/* The timer fired since it was last armed. */
static inline bool deadline_timer_fired(const struct rpc *rpc)
{
	return rpc->timer_ns == 0;
}
