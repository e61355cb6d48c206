#include "db/migrate/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_LEAST = 128 };

void *must(void *memory)
{
	if (memory)
		return memory;
	fputs("prism-db: out of memory\n", stderr);
	exit(1);
}

void *must_zero(size_t count, size_t size)
{
	return must(calloc(count ? count : 1, size));
}

void text_add_len(struct text *text, const char *data, size_t len)
{
	if (text->len + len + 1 > text->capacity) {
		text->capacity = text->capacity * 2 + len + TEXT_LEAST;
		text->data = must(realloc(text->data, text->capacity));
	}
	memcpy(text->data + text->len, data, len);
	text->len += len;
	text->data[text->len] = '\0';
}

void text_add(struct text *text, const char *string)
{
	text_add_len(text, string, strlen(string));
}

void text_add_all(struct text *text, ...)
{
	va_list strings;
	const char *string;
	va_start(strings, text);
	while ((string = va_arg(strings, const char *)))
		text_add(text, string);
	va_end(strings);
}

const char *text_string(const struct text *text)
{
	return text->data ? text->data : "";
}

char *text_take(struct text *text)
{
	char *data = text->data ? text->data : must(strdup(""));
	*text = (struct text){0};
	return data;
}

void text_clear(struct text *text)
{
	free(text->data);
	*text = (struct text){0};
}
