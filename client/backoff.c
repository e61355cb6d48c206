#include "client/backoff.h"

enum { FIRST_MS = 1000, MOST_MS = 120000 };

uint32_t backoff_grow(uint32_t wait_ms, uint32_t most_ms)
{
	uint64_t grown = wait_ms + (uint64_t)wait_ms * 6 / 10;
	return grown < most_ms ? (uint32_t)grown : most_ms;
}

uint32_t backoff_spread(uint32_t wait_ms, uint64_t random)
{
	uint64_t range = (uint64_t)wait_ms * 4 / 10;
	return wait_ms - wait_ms / 5 + (uint32_t)(random % (range + 1));
}

uint64_t backoff_random(uint64_t *state)
{
	uint64_t x = *state;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1d;
}

void backoff_init(struct backoff *backoff, uint64_t seed)
{
	*backoff = (struct backoff){.random = seed | 1};
}

uint32_t backoff_next(struct backoff *backoff)
{
	uint32_t base = backoff->next_ms ? backoff->next_ms : FIRST_MS;
	backoff->next_ms = backoff_grow(base, MOST_MS);
	return backoff_spread(base, backoff_random(&backoff->random));
}

void backoff_reset(struct backoff *backoff)
{
	backoff->next_ms = 0;
}
