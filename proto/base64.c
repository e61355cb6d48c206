#include "proto/base64.h"

#include <stdint.h>

size_t base64_text_len(size_t len)
{
	return (len + 2) / 3 * 4;
}

size_t base64_data_len(size_t len)
{
	return len / 4 * 3 + 3;
}

void base64_write(struct bytes data, char *out)
{
	static const char ALPHABET[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < data.len; i += 3) {
		size_t left = data.len - i;
		uint32_t group = (uint32_t)data.data[i] << 16;
		group |= left > 1 ? (uint32_t)data.data[i + 1] << 8 : 0;
		group |= left > 2 ? data.data[i + 2] : 0;
		*out++ = ALPHABET[group >> 18];
		*out++ = ALPHABET[group >> 12 & 63];
		*out++ = left > 1 ? ALPHABET[group >> 6 & 63] : '=';
		*out++ = left > 2 ? ALPHABET[group & 63] : '=';
	}
}

static int base64_digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

/* Padding fills the last group of four, or is left out. */
static bool base64_trim(struct bytes *text)
{
	size_t whole = text->len;
	while (text->len > 0 && text->data[text->len - 1] == '=')
		text->len--;
	size_t padding = whole - text->len;
	return padding == 0 || (padding <= 2 && whole % 4 == 0);
}

bool base64_read(struct bytes text, uint8_t *out, size_t *len)
{
	if (!base64_trim(&text) || text.len % 4 == 1)
		return false;
	uint32_t bits = 0;
	size_t written = 0;
	unsigned have = 0;
	for (size_t i = 0; i < text.len; i++) {
		int digit = base64_digit(text.data[i]);
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[written++] = (uint8_t)(bits >> have);
		}
	}
	*len = written;
	return true;
}
