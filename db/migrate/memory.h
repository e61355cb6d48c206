/* memory - for a tool: out of memory ends the program with a message, so that nothing else has to
 * look.
 *
 * Private to migrate/ and programs; prismd has no part in it. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/* `memory`, or the end. */
void *must(void *memory) __attribute__((returns_nonnull));

/* `count` zeroed ones of `size` bytes; not NULL for none. */
void *must_zero(size_t count, size_t size) __attribute__((returns_nonnull));

/* Text that grows. Owns `data`, which is NUL-terminated (NULL while empty: text_string()). */
struct text {
	char *data;
	size_t len, capacity;
};

void text_add(struct text *text, const char *string);
void text_add_len(struct text *text, const char *data, size_t len);
void text_add_all(struct text *text, ...) __attribute__((sentinel)); /* strings, then NULL */
const char *text_string(const struct text *text);
char *text_take(struct text *text); /* the caller frees it; the text is empty then */
void text_clear(struct text *text);
