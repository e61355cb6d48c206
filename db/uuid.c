/* Text and version 7 are ours; version 4, and the random bits of version 7, are libuuid's, whose
 * own uuid_parse() has another signature. */
#define uuid_parse libuuid_parse
#include <uuid/uuid.h>
#undef uuid_parse

#include "db/types.h"

enum {
	TEXT_LEN = UUID_TEXT_SIZE - 1,
	COUNTER_MAX = 0xfff, /* 12 bits: rand_a of RFC 9562 */
};

static bool is_dash(size_t at)
{
	return at == 8 || at == 13 || at == 18 || at == 23;
}

/* 0..15, or -1. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool uuid_parse(const char *text, struct uuid *out)
{
	struct uuid parsed = {{0}};
	size_t digits = 0;
	for (size_t i = 0; i < TEXT_LEN; i++) {
		if (is_dash(i)) {
			if (text[i] != '-')
				return false;
			continue;
		}
		int value = hex_value(text[i]);
		if (value < 0)
			return false;
		parsed.byte[digits / 2] = (uint8_t)(parsed.byte[digits / 2] << 4 | value);
		digits++;
	}
	if (text[TEXT_LEN] != '\0')
		return false;
	*out = parsed;
	return true;
}

void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE])
{
	static const char digit[] = "0123456789abcdef";
	size_t digits = 0;
	for (size_t i = 0; i < TEXT_LEN; i++) {
		if (is_dash(i)) {
			text[i] = '-';
			continue;
		}
		uint8_t byte = uuid->byte[digits / 2];
		text[i] = digit[digits % 2 ? byte & 0xf : byte >> 4];
		digits++;
	}
	text[TEXT_LEN] = '\0';
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
