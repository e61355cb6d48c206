/* backoff - how long to wait before connecting again: 1 s, growing by 1.6 to 120 s, each within a
 * fifth of itself by chance, so that many clients do not come back at the same moment. */
#pragma once
#include <stdint.h>

struct backoff {
	uint32_t next_ms; /* before chance; 0: the first */
	uint64_t random;  /* state; never zero */
};

void backoff_init(struct backoff *backoff, uint64_t seed);

/* The next wait in milliseconds. */
uint32_t backoff_next(struct backoff *backoff);

/* A connection has been of use: begin anew. */
void backoff_reset(struct backoff *backoff);
