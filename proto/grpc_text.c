#include "proto/grpc_text.h"

#include "proto/base64.h"
#include "proto/utf8.h"

#include <stdio.h>

enum { TIMEOUT_DIGITS_MAX = 8, TIMEOUT_MOST = 99999999 };

/* --- time-outs ------------------------------------------------------------------------- */

/* Nanoseconds of a unit; 0: no unit. */
static uint64_t unit_ns(uint8_t unit)
{
	switch (unit) {
	case 'H':
		return UINT64_C(3600000000000);
	case 'M':
		return UINT64_C(60000000000);
	case 'S':
		return UINT64_C(1000000000);
	case 'm':
		return UINT64_C(1000000);
	case 'u':
		return UINT64_C(1000);
	case 'n':
		return 1;
	default:
		return 0;
	}
}

bool grpc_timeout_read(struct bytes text, uint64_t *us)
{
	if (text.len < 2 || text.len > TIMEOUT_DIGITS_MAX + 1)
		return false;
	uint64_t value = 0, unit = unit_ns(text.data[text.len - 1]);
	for (size_t i = 0; i < text.len - 1; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		value = value * 10 + (text.data[i] - '0');
	}
	if (unit == 0)
		return false;
	if (unit >= 1000)
		*us = value > (UINT64_MAX - 1) / (unit / 1000) ? UINT64_MAX - 1
		                                               : value * (unit / 1000);
	else
		*us = (value + 999) / 1000;
	return true;
}

size_t grpc_timeout_write(uint64_t us, char out[GRPC_TIMEOUT_SIZE])
{
	static const char UNITS[] = "umSMH";
	static const uint32_t STEPS[] = {1000, 1000, 60, 60};
	size_t unit = 0;
	while (us > TIMEOUT_MOST && unit < sizeof STEPS / sizeof *STEPS) {
		uint32_t step = STEPS[unit++];
		us = us / step + (us % step > 0);
	}
	if (us > TIMEOUT_MOST)
		us = TIMEOUT_MOST;
	char text[GRPC_TIMEOUT_SIZE + 1];
	int len = snprintf(text, sizeof text, "%u%c", (unsigned)us, UNITS[unit]);
	memcpy(out, text, (size_t)len);
	return (size_t)len;
}

/* --- messages ---------------------------------------------------------------------------- */

static const char REPLACEMENT[] = "\xef\xbf\xbd";

/* How many bytes the character at the front has; 0: it is none. */
static size_t character_len(struct bytes text)
{
	for (size_t len = 1; len <= 4 && len <= text.len; len++)
		if (utf8_valid(bytes_of(text.data, len)))
			return len;
	return 0;
}

static bool stays(struct bytes text, size_t at)
{
	uint8_t c = text.data[at];
	bool edge = at == 0 || at == text.len - 1;
	return c >= ' ' && c <= '~' && c != '%' && !(c == ' ' && edge);
}

static size_t escape(struct bytes raw, char *out)
{
	static const char DIGITS[] = "0123456789ABCDEF";
	for (size_t i = 0; out && i < raw.len; i++) {
		*out++ = '%';
		*out++ = DIGITS[raw.data[i] >> 4];
		*out++ = DIGITS[raw.data[i] & 15];
	}
	return 3 * raw.len;
}

/* Writes unless `out` is NULL; the length either way. */
static size_t encode(struct bytes text, char *out)
{
	size_t len = 0;
	for (size_t at = 0; at < text.len;) {
		if (stays(text, at)) {
			if (out)
				out[len] = (char)text.data[at];
			len++;
			at++;
			continue;
		}
		size_t one = character_len(bytes_of(text.data + at, text.len - at));
		struct bytes raw = one ? bytes_of(text.data + at, one)
		                       : bytes_of(REPLACEMENT, sizeof(REPLACEMENT) - 1);
		len += escape(raw, out ? out + len : NULL);
		at += one ? one : 1;
	}
	return len;
}

size_t grpc_message_len(struct bytes text)
{
	return encode(text, NULL);
}

void grpc_message_write(struct bytes text, char *out)
{
	(void)encode(text, out);
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'F' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* The byte that "%XX" at the front stands for, in either case; -1: it is none. */
static int escaped(struct bytes text)
{
	if (text.len < 3 || text.data[0] != '%')
		return -1;
	int high = hex_digit(lower(text.data[1])), low = hex_digit(lower(text.data[2]));
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

size_t grpc_message_read(struct bytes text, uint8_t *out)
{
	size_t len = 0;
	for (size_t at = 0; at < text.len;) {
		int byte = escaped(bytes_of(text.data + at, text.len - at));
		out[len++] = byte >= 0 ? (uint8_t)byte : text.data[at];
		at += byte >= 0 ? 3 : 1;
	}
	return len;
}

/* --- metadata -------------------------------------------------------------------------------- */

bool grpc_key_is_binary(struct bytes key)
{
	return key.len > 4 && memcmp(key.data + key.len - 4, "-bin", 4) == 0;
}

bool grpc_value_is_plain(struct bytes value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] < ' ' || value.data[i] > '~')
			return false;
	return value.len == 0 || (value.data[0] != ' ' && value.data[value.len - 1] != ' ');
}

/* --- binary values ------------------------------------------------------------------------ */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct bytes trim(struct bytes text)
{
	while (text.len > 0 && is_blank(text.data[0]))
		text = bytes_of(text.data + 1, text.len - 1);
	while (text.len > 0 && is_blank(text.data[text.len - 1]))
		text.len--;
	return text;
}

bool grpc_binary_next(struct bytes *text, uint8_t *out, size_t *len)
{
	const uint8_t *comma = text->len ? memchr(text->data, ',', text->len) : NULL;
	size_t one = comma ? (size_t)(comma - text->data) : text->len;
	struct bytes value = trim(bytes_of(text->data, one));
	size_t taken = comma ? one + 1 : one;
	*text = bytes_of(text->data + taken, text->len - taken);
	return base64_read(value, out, len);
}

size_t grpc_binary_write(struct bytes data, char *out)
{
	base64_write(data, out);
	return base64_text_len(data.len) - (3 - data.len % 3) % 3;
}

/* --- traces ---------------------------------------------------------------------------------- */

static bool hex_read(struct bytes text, uint8_t *out)
{
	for (size_t i = 0; i < text.len; i += 2) {
		int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);
		if (high < 0 || low < 0)
			return false;
		*out++ = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* 00-<32 digits>-<16 digits>-<2 digits>; a later version may have more after them. */
bool traceparent_read(struct bytes text, uint8_t out[TRACE_SIZE])
{
	enum { VERSION = 0, TRACE = 3, PARENT = 36, FLAGS = 53, LEN = TRACEPARENT_SIZE };
	uint8_t version;
	if (text.len < LEN || text.data[TRACE - 1] != '-' || text.data[PARENT - 1] != '-' ||
	    text.data[FLAGS - 1] != '-')
		return false;
	if (!hex_read(bytes_of(text.data + VERSION, 2), &version) || version == 0xff ||
	    (version == 0 && text.len != LEN))
		return false;
	return hex_read(bytes_of(text.data + TRACE, 32), out) &&
	       hex_read(bytes_of(text.data + PARENT, 16), out + 16) &&
	       hex_read(bytes_of(text.data + FLAGS, 2), out + 24);
}

void traceparent_write(const uint8_t trace[TRACE_SIZE], char out[TRACEPARENT_SIZE])
{
	static const char DIGITS[] = "0123456789abcdef";
	memcpy(out, "00-", 3);
	out += 3;
	for (size_t i = 0; i < TRACE_SIZE; i++) {
		if (i == 16 || i == 24)
			*out++ = '-';
		*out++ = DIGITS[trace[i] >> 4];
		*out++ = DIGITS[trace[i] & 15];
	}
}
