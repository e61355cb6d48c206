/* epoch - PostgreSQL counts times and dates from 2000-01-01, we from 1970-01-01.
 *
 * Units: microseconds, days. Infinity (the largest and smallest value) stays infinity; what does
 * not fit becomes infinity. */
#pragma once
#include <stdint.h>

#define EPOCH_DAYS         INT64_C(10957)
#define EPOCH_MICROSECONDS (EPOCH_DAYS * 86400 * 1000000)

static inline int64_t epoch_time_to_postgres(int64_t unix_us)
{
	if (unix_us == INT64_MAX)
		return INT64_MAX;
	return unix_us < INT64_MIN + EPOCH_MICROSECONDS ? INT64_MIN : unix_us - EPOCH_MICROSECONDS;
}

static inline int64_t epoch_time_from_postgres(int64_t postgres_us)
{
	if (postgres_us == INT64_MIN)
		return INT64_MIN;
	return postgres_us > INT64_MAX - EPOCH_MICROSECONDS ? INT64_MAX
	                                                    : postgres_us + EPOCH_MICROSECONDS;
}

static inline int32_t epoch_date_to_postgres(int64_t unix_days)
{
	if (unix_days >= INT32_MAX)
		return INT32_MAX;
	return unix_days <= INT32_MIN + EPOCH_DAYS ? INT32_MIN : (int32_t)(unix_days - EPOCH_DAYS);
}

static inline int32_t epoch_date_from_postgres(int32_t postgres_days)
{
	if (postgres_days == INT32_MIN)
		return INT32_MIN;
	return postgres_days > INT32_MAX - EPOCH_DAYS ? INT32_MAX
	                                              : (int32_t)(postgres_days + EPOCH_DAYS);
}
