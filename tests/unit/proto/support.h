/* What several tests of proto/ need: bytes from hexadecimal, copies that end where the heap ends,
 * and random numbers from a seed. */
#pragma once
#include "proto/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* After what it needs. */
#include <cmocka.h>

enum { HEX_MOST = 256 };

struct hex {
	uint8_t data[HEX_MOST];
	size_t len;
};

/* Of pairs of digits; everything else sets them apart. */
static inline struct hex hex(const char *text)
{
	struct hex hex = {.len = 0};
	unsigned value;
	for (; *text; text++) {
		if (sscanf(text, "%2x", &value) != 1 || *text == ' ')
			continue;
		assert_true(hex.len < HEX_MOST);
		hex.data[hex.len++] = (uint8_t)value;
		text++;
	}
	return hex;
}

static inline struct bytes hex_bytes(const struct hex *hex)
{
	return bytes_of(hex->data, hex->len);
}

/* A heap copy of exactly this length: AddressSanitizer sees a read behind it. Free with free(). */
static inline uint8_t *exact_copy(struct bytes bytes)
{
	uint8_t *copy = malloc(bytes.len ? bytes.len : 1);
	assert_non_null(copy);
	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	return copy;
}

static inline void assert_bytes(struct bytes got, const char *expected)
{
	assert_int_equal(got.len, strlen(expected));
	assert_memory_equal(got.data, expected, got.len);
}

/* splitmix64. */
static inline uint64_t random_next(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static inline size_t random_below(uint64_t *seed, size_t bound)
{
	return (size_t)(random_next(seed) % bound);
}
