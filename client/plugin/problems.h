/* problems - what keeps us from generating code, collected, so that one run tells all of it.
 *
 * Each is a line "FILE: Service.Method: what is wrong; what is allowed". Owns: the text. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct problems {
	FILE *stream;
	char *text;
	size_t len;
};

void problems_init(struct problems *problems);
void problems_deinit(struct problems *problems);

/* `where` may be NULL: the whole file. */
void problem(struct problems *problems, const char *file, const char *where, const char *format,
             ...) __attribute__((format(printf, 4, 5)));

/* All lines without the last end of line; NULL if there are none. Lives until problems_deinit(). */
const char *problems_text(struct problems *problems);
