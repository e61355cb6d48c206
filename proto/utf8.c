#include "proto/utf8.h"

#define EACH_BYTE(value) (UINT64_MAX / 255 * (value))

static bool continuation(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

/* The length of the character of two bytes or more at `at`; 0 when it is none. The second byte's
 * range is what excludes overlong forms, surrogates and what is above U+10FFFF. */
static size_t sequence_len(const uint8_t *at, size_t left)
{
	uint8_t lead = at[0];
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	size_t len = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	if (len > left || !continuation(at[1]))
		return 0;
	if ((lead == 0xe0 && at[1] < 0xa0) || (lead == 0xed && at[1] > 0x9f) ||
	    (lead == 0xf0 && at[1] < 0x90) || (lead == 0xf4 && at[1] > 0x8f))
		return 0;
	for (size_t i = 2; i < len; i++) {
		if (!continuation(at[i]))
			return 0;
	}
	return len;
}

/* All eight bytes in 1..0x7f: the subtraction borrows into the high bit of the lowest zero byte. */
static bool plain_word(const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof word);
	return (((word - EACH_BYTE(1)) | word) & EACH_BYTE(0x80)) == 0;
}

enum utf8_fault utf8_string_fault(struct bytes text)
{
	const uint8_t *at = text.data;
	size_t left = text.len, len;
	for (; left > 0; at += len, left -= len) {
		if (left >= 8 && plain_word(at))
			len = 8;
		else if (*at == 0)
			return UTF8_NUL;
		else
			len = *at < 0x80 ? 1 : sequence_len(at, left);
		if (len == 0)
			return UTF8_INVALID;
	}
	return UTF8_GOOD;
}

bool utf8_valid(struct bytes text)
{
	enum utf8_fault fault;
	while ((fault = utf8_string_fault(text)) == UTF8_NUL) {
		const uint8_t *nul = memchr(text.data, 0, text.len);
		size_t skipped = (size_t)(nul + 1 - text.data);
		text = bytes_of(nul + 1, text.len - skipped);
	}
	return fault == UTF8_GOOD;
}

struct bytes utf8_cut(struct bytes text, size_t most)
{
	if (text.len <= most)
		return text;
	while (most > 0 && continuation(text.data[most]))
		most--;
	return bytes_of(text.data, most);
}

size_t utf8_mend(char *text, size_t len)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t kept = 0, step;
	for (size_t i = 0; i < len; i += step) {
		size_t good = at[i] < 0x80 ? 1 : sequence_len(at + i, len - i);
		memmove(text + kept, text + i, good);
		kept += good;
		step = good > 0 ? good : 1;
	}
	return kept;
}

size_t utf8_characters(struct bytes text)
{
	size_t count = 0;
	for (size_t i = 0; i < text.len; i++)
		count += !continuation(text.data[i]);
	return count;
}

size_t utf8_space(struct bytes text)
{
	const uint8_t *at = text.data;
	if (text.len >= 1 && (*at == ' ' || (*at >= '\t' && *at <= '\r')))
		return 1;
	if (text.len >= 2 && at[0] == 0xc2 && (at[1] == 0x85 || at[1] == 0xa0))
		return 2; /* U+0085, U+00A0 */
	if (text.len < 3)
		return 0;
	uint32_t three = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
	bool space = three == 0xe19a80 ||                        /* U+1680 */
	             (three >= 0xe28080 && three <= 0xe2808a) || /* U+2000..U+200A */
	             three == 0xe280a8 || three == 0xe280a9 ||   /* U+2028, U+2029 */
	             three == 0xe280af || three == 0xe2819f ||   /* U+202F, U+205F */
	             three == 0xe38080;                          /* U+3000 */
	return space ? 3 : 0;
}

bool utf8_edge_space(struct bytes text)
{
	if (text.len == 0 || utf8_space(text) > 0)
		return text.len > 0;
	size_t last = text.len;
	while (last > 0 && continuation(text.data[--last]))
		continue;
	return utf8_space(bytes_of(text.data + last, text.len - last)) > 0;
}
