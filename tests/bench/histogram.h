/* histogram - latencies in log-linear buckets: 64 to each power of two, so a percentile is off by
 * at most 1.6 %.
 *
 * Owns: its counts. Lifetime: zero it and use it. Units: nanoseconds. */
#pragma once
#include <stdint.h>

enum {
	HISTOGRAM_EXPONENTS = 36, /* up to 2^42 ns: 73 minutes; what is longer counts there */
	HISTOGRAM_BUCKETS = (HISTOGRAM_EXPONENTS + 2) * 64,
};

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS];
	uint64_t total, sum_ns, max_ns;
};

static inline void histogram_record(struct histogram *histogram, uint64_t ns)
{
	uint32_t exponent = ns < 128 ? 0 : 57 - (uint32_t)__builtin_clzll(ns);
	uint64_t bucket = ((uint64_t)exponent << 6) + (ns >> exponent);
	histogram->counts[bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1]++;
	histogram->total++;
	histogram->sum_ns += ns;
	if (ns > histogram->max_ns)
		histogram->max_ns = ns;
}

/* The latency that `fraction` (0..1) of the records do not exceed; 0 when there are none. */
uint64_t histogram_percentile(const struct histogram *histogram, double fraction);
