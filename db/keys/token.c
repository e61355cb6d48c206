#include "db/keys/token.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

enum { PREFIX = 4, RANDOM_DIGITS = 43, CHECK_DIGITS = 6, RANDOM_BYTES = 32, BASE = 62 };
_Static_assert(PREFIX + RANDOM_DIGITS + CHECK_DIGITS == TOKEN_LENGTH, "the parts of a token");

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static const char *token_prefix(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_SERVICE_KEY:
		return "prk_";
	case TOKEN_SESSION:
		return "prs_";
	case TOKEN_REFRESH:
		return "prr_";
	}
	assert(!"a kind of token");
	return "";
}

/* The CRC-32 of zlib and PNG. A token is short and rare: no table. */
static uint32_t crc32_of(const char *text, size_t length)
{
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < length; i++) {
		crc ^= (uint8_t)text[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (UINT32_C(0xEDB88320) & (0 - (crc & 1)));
	}
	return ~crc;
}

static void write_check(char *token)
{
	uint32_t crc = crc32_of(token, PREFIX + RANDOM_DIGITS);
	for (int i = CHECK_DIGITS - 1; i >= 0; i--, crc /= BASE)
		token[PREFIX + RANDOM_DIGITS + i] = alphabet[crc % BASE];
}

/* Divides the big-endian number by 62 and returns the remainder. */
static unsigned next_digit(uint8_t number[RANDOM_BYTES])
{
	unsigned remainder = 0;
	for (int i = 0; i < RANDOM_BYTES; i++) {
		unsigned value = remainder << 8 | number[i];
		number[i] = (uint8_t)(value / BASE);
		remainder = value % BASE;
	}
	return remainder;
}

void token_make(enum token_kind kind, char token[TOKEN_SIZE])
{
	int ready = sodium_init();
	assert(ready >= 0);
	(void)ready;
	uint8_t number[RANDOM_BYTES];
	randombytes_buf(number, sizeof(number));
	memcpy(token, token_prefix(kind), PREFIX);
	for (int i = RANDOM_DIGITS - 1; i >= 0; i--)
		token[PREFIX + i] = alphabet[next_digit(number)];
	sodium_memzero(number, sizeof(number));
	write_check(token);
	token[TOKEN_LENGTH] = '\0';
}

static bool in_alphabet(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool token_valid(enum token_kind kind, const char *text)
{
	if (strnlen(text, TOKEN_SIZE) != TOKEN_LENGTH)
		return false;
	if (memcmp(text, token_prefix(kind), PREFIX) != 0)
		return false;
	for (size_t i = PREFIX; i < TOKEN_LENGTH; i++)
		if (!in_alphabet(text[i]))
			return false;
	char expected[TOKEN_SIZE];
	memcpy(expected, text, TOKEN_SIZE);
	write_check(expected);
	bool equal = sodium_memcmp(expected, text, TOKEN_LENGTH) == 0;
	sodium_memzero(expected, sizeof(expected));
	return equal;
}
