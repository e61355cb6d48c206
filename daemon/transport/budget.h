/* budget - a token bucket: how often a peer may do what costs us more than it.
 *
 * Zeroed: full at the first budget_take(). Units: milliseconds of uv_now(). */
#pragma once
#include "proto/status.h"

struct budget {
	uint32_t used;      /* of the capacity */
	uint64_t filled_ms; /* when `used` was last made smaller */
};

/* One more, at most `capacity` at once and `per_second` in the long run. */
MUST_CHECK
bool budget_take(struct budget *budget, uint32_t capacity, uint32_t per_second, uint64_t now_ms);
