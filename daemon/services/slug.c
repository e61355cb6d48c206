#include "daemon/services/slug.h"

#include "db/types.h"

#include <string.h>
#include <utf8proc.h>

enum {
	FOLD = UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STRIPMARK | UTF8PROC_CASEFOLD |
	       UTF8PROC_IGNORE
};

/* Letters of Latin alphabets that do not decompose, in the lower case that folding leaves. Source:
 * https://www.unicode.org/Public/UCD/latest/ucd/UnicodeData.txt, and how passports write them
 * (ICAO Doc 9303-3, section 6). */
static const struct {
	utf8proc_int32_t letter;
	const char *plain;
} letters[] = {
	{0x00e6, "ae"}, /* æ */
	{0x00f0, "d"},  /* ð */
	{0x00f8, "o"},  /* ø */
	{0x00fe, "th"}, /* þ */
	{0x0111, "d"},  /* đ */
	{0x0127, "h"},  /* ħ */
	{0x0131, "i"},  /* ı */
	{0x0142, "l"},  /* ł */
	{0x014b, "n"},  /* ŋ */
	{0x0153, "oe"}, /* œ */
	{0x0167, "t"},  /* ŧ */
	{0x0259, "e"},  /* ə */
};

struct slug {
	char *out;
	size_t len, max;
	bool gap; /* something was left out since the last character */
	bool full;
};

static bool is_kept(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

/* Runs of what is left out become one hyphen; none at either end. */
static void put(struct slug *slug, char byte)
{
	bool hyphen = slug->gap && slug->len > 0;
	slug->full |= slug->len + hyphen + 1 > slug->max;
	if (slug->full)
		return;
	if (hyphen)
		slug->out[slug->len++] = '-';
	slug->out[slug->len++] = byte;
	slug->gap = false;
}

static const char *plain_of(utf8proc_int32_t letter)
{
	for (size_t i = 0; i < sizeof(letters) / sizeof(*letters); i++)
		if (letters[i].letter == letter)
			return letters[i].plain;
	return "";
}

static void take(struct slug *slug, utf8proc_int32_t letter)
{
	char byte[] = {letter < 0x80 ? (char)letter : '\0', '\0'};
	const char *plain = is_kept(*byte) ? byte : plain_of(letter);
	slug->gap |= *plain == '\0';
	for (; *plain; plain++)
		put(slug, *plain);
}

static utf8proc_ssize_t fold(const char *text, utf8proc_int32_t *out, utf8proc_ssize_t room)
{
	return utf8proc_decompose((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)strlen(text),
	                          out, room, (utf8proc_option_t)FOLD);
}

/* Its length; 0 also for what is no UTF-8. */
static enum status reduce(struct call *call, const char *text, struct slug *slug)
{
	utf8proc_ssize_t count = fold(text, NULL, 0);
	if (count <= 0)
		return STATUS_OK;
	utf8proc_int32_t *folded = arena_alloc(&call->arena, (size_t)count * sizeof(*folded));
	if (!folded)
		return call_no_memory(call);
	count = fold(text, folded, count);
	for (utf8proc_ssize_t i = 0; i < count && !slug->full; i++)
		take(slug, folded[i]);
	return STATUS_OK;
}

/* "FALLBACK-" and eight random digits, from the digits backwards if there is less room. */
static void fall_back(struct slug *slug, const char *fallback)
{
	enum { DIGITS = 4 };
	struct uuid random = uuid_random();
	size_t digits = 2 * DIGITS < slug->max ? 2 * DIGITS : slug->max;
	for (; slug->len + 1 + digits < slug->max && *fallback; fallback++)
		slug->out[slug->len++] = *fallback;
	for (size_t i = 0; i < digits; i++) {
		slug->gap = i == 0;
		put(slug, "0123456789abcdef"[random.byte[i / 2] >> 4 * (i % 2) & 0xf]);
	}
}

enum status slug_make(struct call *call, const char *text, size_t max, const char *fallback,
                      char **out)
{
	struct slug slug = {.out = arena_alloc(&call->arena, max + 1), .max = max};
	if (!slug.out)
		return call_no_memory(call);
	TRY(reduce(call, text, &slug));
	if (slug.len == 0)
		fall_back(&slug, fallback);
	slug.out[slug.len] = '\0';
	*out = slug.out;
	return STATUS_OK;
}

bool slug_reserved(const char *slug)
{
	static const char *const words[] = {
#define RESERVED(word) word,
#include "daemon/services/reserved.def"
#undef RESERVED
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(slug, words[i]) == 0)
			return true;
	return false;
}
