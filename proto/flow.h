/* flow - credit for message bytes, per stream and per connection, in both directions (PROTOCOL.md,
 * "Credit").
 *
 * Credit counts the body bytes of CALL, MSG and END. Metadata and control frames always pass.
 * Units: bytes. */
#pragma once
#include "proto/bytes.h"

struct flow {
	int64_t send;      /* what we may still send */
	uint32_t window;   /* what the peer may send before we return credit */
	uint32_t received; /* what arrived and was not returned yet (<= window) */
	uint32_t taken;    /* what of `received` was taken, and is to be returned */
};

static inline void flow_init(struct flow *flow, uint32_t send, uint32_t window)
{
	*flow = (struct flow){.send = send, .window = window};
}

/* The peer granted more; false on overflow beyond 2^31-1: a flow-control error. */
MUST_CHECK
bool flow_grant(struct flow *flow, uint32_t increment);

/* `len` bytes arrived; false if the peer had no credit for them: a flow-control error. */
MUST_CHECK
bool flow_receive(struct flow *flow, size_t len);

/* `len` received bytes were taken. Returns the increment to send as CREDIT now, or 0 while it is
 * less than half a window. */
uint32_t flow_take(struct flow *flow, size_t len);

/* Our window grew (our HELLO raised it after it was announced as less). */
static inline void flow_widen(struct flow *flow, uint32_t window)
{
	if (window > flow->window)
		flow->window = window;
}
