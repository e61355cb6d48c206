/* backoff - how long to wait before doing something again: longer each time, and within a fifth of
 * that by chance, so that many clients do not come back at the same moment.
 *
 * Units: milliseconds. */
#pragma once
#include <stdint.h>

/* The wait after the next failure: by 1.6 longer, `most_ms` at most. */
uint32_t backoff_grow(uint32_t wait_ms, uint32_t most_ms);

/* A fifth more or less, of a day at most; `random` is any number. */
uint32_t backoff_spread(uint32_t wait_ms, uint64_t random);

/* xorshift64* (Marsaglia 2003; Vigna 2016): spread, not secrecy. `*state` is never zero. */
uint64_t backoff_random(uint64_t *state);

/* Of connecting: 1 s, growing to 120 s. */
struct backoff {
	uint32_t next_ms; /* before chance; 0: the first */
	uint64_t random;  /* state of backoff_random() */
};

void backoff_init(struct backoff *backoff, uint64_t seed);

/* The next wait in milliseconds. */
uint32_t backoff_next(struct backoff *backoff);

/* A connection has been of use: begin anew. */
void backoff_reset(struct backoff *backoff);
