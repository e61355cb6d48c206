/* json_time - the texts of google.protobuf.Timestamp (RFC 3339) and Duration ("1.5s").
 *
 * Fractions are written with 0, 3, 6 or 9 digits and read with up to 9. Owns: nothing. */
#pragma once
#include "proto/bytes.h"

enum { JSON_TIME_SIZE = 40 };

/* "2024-02-29T23:59:59.250Z". The length; 0: not within the years 1 to 9999, or nanos are none. */
size_t timestamp_write(int64_t seconds, int32_t nanos, char out[JSON_TIME_SIZE]);

/* Any offset from UTC is accepted. */
MUST_CHECK
bool timestamp_read(struct bytes text, int64_t *seconds, int32_t *nanos);

/* "-1.500s". The length; 0: over 10,000 years, or nanos are none or of the other sign. */
size_t duration_write(int64_t seconds, int32_t nanos, char out[JSON_TIME_SIZE]);
MUST_CHECK
bool duration_read(struct bytes text, int64_t *seconds, int32_t *nanos);
