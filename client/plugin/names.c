#include "client/plugin/names.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* protoc-c appends '_' to fields of these names. */
static const char *const KEYWORDS[] = {
	"and",
	"and_eq",
	"asm",
	"auto",
	"bitand",
	"bitor",
	"bool",
	"break",
	"case",
	"catch",
	"char",
	"class",
	"compl",
	"const",
	"const_cast",
	"continue",
	"default",
	"delete",
	"do",
	"double",
	"dynamic_cast",
	"else",
	"enum",
	"explicit",
	"extern",
	"false",
	"float",
	"for",
	"friend",
	"goto",
	"if",
	"inline",
	"int",
	"long",
	"mutable",
	"namespace",
	"new",
	"not",
	"not_eq",
	"operator",
	"or",
	"or_eq",
	"private",
	"protected",
	"public",
	"register",
	"reinterpret_cast",
	"return",
	"short",
	"signed",
	"sizeof",
	"static",
	"static_cast",
	"struct",
	"switch",
	"template",
	"this",
	"throw",
	"true",
	"try",
	"typedef",
	"typeid",
	"typename",
	"union",
	"unsigned",
	"using",
	"virtual",
	"void",
	"volatile",
	"wchar_t",
	"while",
	"xor",
	"xor_eq",
};

/* Words of C, and macros of common compilers and headers, that protoc-c does not know. */
static const char *const MORE_KEYWORDS[] = {"restrict", "linux", "unix", "errno"};

void *must(void *allocated)
{
	if (!allocated) {
		fputs("protoc-gen-prism-c: out of memory\n", stderr);
		exit(1);
	}
	return allocated;
}

char *text_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text = must(arena_vprintf(arena, format, args));
	va_end(args);
	return text;
}

static bool listed(const char *word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(word, list[i]) == 0)
			return true;
	return false;
}

static bool is_keyword(const char *word)
{
	return listed(word, KEYWORDS, sizeof KEYWORDS / sizeof *KEYWORDS);
}

/* The letters of `from` up to a dot or the end, each word's first in upper case, no underscores. */
static size_t camel(char *to, const char *from, size_t len)
{
	size_t written = 0;
	bool upper = true;
	for (size_t i = 0; i < len; i++) {
		if (from[i] == '_') {
			upper = true;
			continue;
		}
		to[written++] = (char)(upper ? toupper((unsigned char)from[i]) : from[i]);
		upper = false;
	}
	return written;
}

/* An underscore where upper case begins, then lower case: HTTPServer -> httpserver, GetStory ->
 * get_story. */
static size_t snake(char *to, const char *from, size_t len)
{
	size_t written = 0;
	bool was_upper = true;
	for (size_t i = 0; i < len; i++) {
		bool is_upper = isupper((unsigned char)from[i]);
		if (is_upper && !was_upper)
			to[written++] = '_';
		to[written++] = (char)tolower((unsigned char)from[i]);
		was_upper = is_upper;
	}
	return written;
}

/* Each part of a dotted name through `convert`, joined by `between`. */
static char *join(struct arena *arena, const char *name,
                  size_t (*convert)(char *to, const char *from, size_t len), const char *between)
{
	char *result = must(arena_alloc(arena, 3 * strlen(name) + 1));
	char *to = result;
	while (*name) {
		size_t len = strcspn(name, ".");
		if (to != result)
			to = stpcpy(to, between);
		to += convert(to, name, len);
		name += len;
		name += *name == '.';
	}
	*to = '\0';
	return result;
}

char *name_struct(struct arena *arena, const char *full_name)
{
	return join(arena, full_name, camel, "__");
}

char *name_lower(struct arena *arena, const char *full_name)
{
	return join(arena, full_name, snake, "__");
}

char *name_camel(struct arena *arena, const char *name)
{
	return join(arena, name, camel, "");
}

char *name_snake(struct arena *arena, const char *name)
{
	return join(arena, name, snake, "");
}

char *name_field(struct arena *arena, const char *field)
{
	char *lower = must(arena_strdup(arena, field));
	for (char *at = lower; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return is_keyword(lower) ? text_printf(arena, "%s_", lower) : lower;
}

bool name_taken(const char *name)
{
	return is_keyword(name) ||
	       listed(name, MORE_KEYWORDS, sizeof MORE_KEYWORDS / sizeof *MORE_KEYWORDS);
}

char *name_service(struct arena *arena, const char *full_name)
{
	return join(arena, full_name, snake, "_");
}

char *name_stem(struct arena *arena, const char *file)
{
	static const char *const SUFFIXES[] = {".protodevel", ".proto"};
	size_t len = strlen(file);
	for (size_t i = 0; i < 2; i++) {
		size_t suffix = strlen(SUFFIXES[i]);
		if (len > suffix && strcmp(file + len - suffix, SUFFIXES[i]) == 0)
			return text_printf(arena, "%.*s", (int)(len - suffix), file);
	}
	return must(arena_strdup(arena, file));
}
