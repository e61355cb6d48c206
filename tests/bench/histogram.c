#include "tests/bench/histogram.h"

/* The largest value that falls into the bucket. */
static uint64_t bucket_top(uint32_t bucket)
{
	uint32_t exponent = bucket < 128 ? 0 : (bucket >> 6) - 1;
	uint64_t mantissa = bucket - ((uint64_t)exponent << 6);
	return ((mantissa + 1) << exponent) - 1;
}

uint64_t histogram_percentile(const struct histogram *histogram, double fraction)
{
	double wanted = fraction * (double)histogram->total;
	uint64_t seen = 0;
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->counts[i];
		if (seen > 0 && (double)seen >= wanted) {
			uint64_t top = bucket_top(i);
			return top < histogram->max_ns ? top : histogram->max_ns;
		}
	}
	return histogram->max_ns;
}
