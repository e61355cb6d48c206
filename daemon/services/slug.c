#include "daemon/services/slug.h"

#include "db/types.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static bool is_kept(utf8proc_uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

/* Runs of anything else become one hyphen; none at either end. */
static size_t squeeze(const utf8proc_uint8_t *text, char *out, size_t max)
{
	size_t len = 0;
	bool gap = false;
	for (; *text && len + gap < max; text++) {
		utf8proc_uint8_t byte = *text >= 'A' && *text <= 'Z' ? *text + 32 : *text;
		if (!is_kept(byte)) {
			gap = len > 0;
			continue;
		}
		if (gap)
			out[len++] = '-';
		gap = false;
		out[len++] = (char)byte;
	}
	out[len] = '\0';
	return len;
}

static size_t reduce(const char *text, char *out, size_t max)
{
	utf8proc_uint8_t *plain = NULL;
	utf8proc_ssize_t len =
		utf8proc_map((const utf8proc_uint8_t *)text, 0, &plain,
	                     UTF8PROC_NULLTERM | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT |
	                             UTF8PROC_STRIPMARK | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
	size_t made = len > 0 ? squeeze(plain, out, max) : 0;
	free(plain);
	return made;
}

enum status slug_make(struct call *call, const char *text, size_t max, const char *fallback,
                      char **slug)
{
	char *made = arena_alloc(&call->arena, max + 1);
	if (!made)
		return call_no_memory(call);
	if (reduce(text, made, max) == 0) {
		struct uuid random = uuid_random();
		made = arena_printf(&call->arena, "%s-%02x%02x%02x%02x", fallback, random.byte[0],
		                    random.byte[1], random.byte[2], random.byte[3]);
	}
	*slug = made;
	return made ? STATUS_OK : call_no_memory(call);
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
