#include "client/backoff.h"

enum { FIRST_MS = 1000, MOST_MS = 120000 };

void backoff_init(struct backoff *backoff, uint64_t seed)
{
	*backoff = (struct backoff){.random = seed | 1};
}

/* xorshift64* (Marsaglia 2003; Vigna 2016): spread, not secrecy. */
static uint64_t backoff_random(struct backoff *backoff)
{
	uint64_t x = backoff->random;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	backoff->random = x;
	return x * 0x2545f4914f6cdd1d;
}

uint32_t backoff_next(struct backoff *backoff)
{
	uint32_t base = backoff->next_ms ? backoff->next_ms : FIRST_MS;
	uint32_t grown = base + base * 6 / 10;
	backoff->next_ms = grown < MOST_MS ? grown : MOST_MS;
	uint32_t spread = base * 4 / 10;
	return base - base / 5 + (uint32_t)(backoff_random(backoff) % (spread + 1));
}

void backoff_reset(struct backoff *backoff)
{
	backoff->next_ms = 0;
}
