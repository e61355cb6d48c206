#include "db/migrate/catalog/canonical.h"
#include "db/migrate/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char array_begin[] = "(ARRAY[", array_cast[] = ")::";

/* Behind a quoted string or name that begins here; `at` itself when none does. */
static const char *skip_quoted(const char *at, bool escapes)
{
	char quote = *at;
	if (quote != '\'' && quote != '"')
		return at;
	for (at++; *at; at++) {
		if (*at == '\\' && escapes && at[1])
			at++;
		else if (*at == quote && at[1] == quote)
			at++;
		else if (*at == quote)
			return at + 1;
	}
	return at;
}

/* The next character that is not within quotes. */
static const char *next(const char *start, const char *at)
{
	const char *behind = skip_quoted(at, at > start && at[-1] == 'E');
	return behind == at ? at + 1 : behind;
}

/* The bracket or comma that ends what begins at `at`, at its own depth. */
static const char *find_end(const char *at, bool comma)
{
	int depth = 0;
	for (const char *start = at; *at; at = next(start, at)) {
		if (depth == 0 && (*at == ']' || (comma && *at == ',')))
			return at;
		if (*at == '[' || *at == '(')
			depth++;
		else if (*at == ']' || *at == ')')
			depth--;
	}
	return NULL;
}

static bool is_type_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("_. (),", c));
}

/* "text[]" -> the length of "text"; 0: it is no array's name. */
static size_t element_type(const char *type)
{
	const char *at = type;
	while (*at == '"' || is_type_character(*at))
		at = *at == '"' ? skip_quoted(at, false) : at + 1;
	return strncmp(at, "[]", 2) == 0 ? (size_t)(at - type) : 0;
}

static void add_canonical(struct text *out, const char *text, size_t len)
{
	char *piece = must(strndup(text, len)), *changed = canonical_text(piece);
	text_add(out, changed ? changed : piece);
	free(changed);
	free(piece);
}

/* Where `(ARRAY[...])::type[]` ends, written into `out` as it should be; NULL: it is something
 * else. */
static const char *rewrite(struct text *out, const char *at)
{
	const char *item = at + strlen(array_begin), *end = find_end(item, false);
	if (!end || strncmp(end + 1, array_cast, strlen(array_cast)) != 0)
		return NULL;
	const char *type = end + 1 + strlen(array_cast);
	size_t type_len = element_type(type);
	if (type_len == 0 || item == end)
		return NULL;
	text_add(out, "ARRAY[");
	for (;;) {
		const char *item_end = find_end(item, true);
		text_add(out, "(");
		add_canonical(out, item, (size_t)(item_end - item));
		text_add_len(out, array_cast, strlen(array_cast));
		text_add_len(out, type, type_len);
		if (item_end == end)
			break;
		text_add(out, ", ");
		item = item_end + 1 + (item_end[1] == ' ');
	}
	text_add(out, "]");
	return type + type_len + strlen("[]");
}

char *canonical_text(const char *text)
{
	struct text out = {0};
	bool changed = false;
	if (!strstr(text, array_begin))
		return NULL;
	for (const char *at = text; *at;) {
		const char *behind = NULL;
		if (strncmp(at, array_begin, strlen(array_begin)) == 0)
			behind = rewrite(&out, at);
		changed = changed || behind;
		if (!behind) {
			behind = next(text, at);
			text_add_len(&out, at, (size_t)(behind - at));
		}
		at = behind;
	}
	if (changed)
		return text_take(&out);
	text_clear(&out);
	return NULL;
}
