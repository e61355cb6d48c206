/* Text and version 7 are ours; version 4, and the random bits of version 7, are libuuid's, whose
 * own uuid_parse() has another signature. */
#define uuid_parse libuuid_parse
#include <uuid/uuid.h>
#undef uuid_parse

#include "db/types.h"

enum {
	COUNTER_MAX = 0xfff, /* 12 bits: rand_a of RFC 9562 */
};

/* 8-4-4-4-12: the dashes stand before these bytes. */
static inline bool dash_before(size_t byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

/* 1..16 for a hexadecimal digit, 0 for anything else. */
static const uint8_t hex_plus_one[256] = {
	['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

bool uuid_parse(const char *text, struct uuid *out)
{
	struct uuid parsed;
	const unsigned char *at = (const unsigned char *)text;
	for (size_t i = 0; i < sizeof(parsed.byte); i++) {
		if (dash_before(i) && *at++ != '-')
			return false;
		unsigned high = hex_plus_one[at[0]];
		if (high == 0)
			return false;
		unsigned low = hex_plus_one[at[1]];
		if (low == 0)
			return false;
		parsed.byte[i] = (uint8_t)((high - 1) << 4 | (low - 1));
		at += 2;
	}
	if (*at != '\0')
		return false;
	*out = parsed;
	return true;
}

void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE])
{
	static const char digit[] = "0123456789abcdef";
	for (size_t i = 0; i < sizeof(uuid->byte); i++) {
		if (dash_before(i))
			*text++ = '-';
		*text++ = digit[uuid->byte[i] >> 4];
		*text++ = digit[uuid->byte[i] & 0xf];
	}
	*text = '\0';
}

struct uuid uuid_random(void)
{
	struct uuid result;
	uuid_generate_random(result.byte);
	return result;
}

/* Each thread's ids ascend, also within a millisecond and when the clock steps back: a counter
 * seeded with 11 random bits, which borrows from the next millisecond when it is used up. */
struct uuid uuid_ordered(uint64_t now_ms)
{
	static _Thread_local uint64_t last_ms;
	static _Thread_local uint32_t counter;

	struct uuid result = uuid_random();
	if (now_ms > last_ms) {
		last_ms = now_ms;
		counter = (uint32_t)(result.byte[0] << 8 | result.byte[1]) & (COUNTER_MAX >> 1);
	} else if (counter == COUNTER_MAX) {
		last_ms++;
		counter = 0;
	} else {
		counter++;
	}
	for (unsigned i = 0; i < 6; i++)
		result.byte[i] = (uint8_t)(last_ms >> (40 - 8 * i));
	result.byte[6] = (uint8_t)(0x70 | counter >> 8);
	result.byte[7] = (uint8_t)counter;
	return result;
}
