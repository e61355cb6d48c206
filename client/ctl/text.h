/* text - strings of a server on a terminal: no control characters, columns counted as shown. */
#pragma once
#include <stdio.h>

/* For the characters' widths: the user's locale, else UTF-8. */
void text_init(void);

/* Writes it; control characters become visible escapes, line feeds too. */
void text_print(const char *text, FILE *out);

/* A heap copy of it as text_print() writes it, at most `width` columns wide ("..." at its end when
 * it was cut); 0: as wide as it is. */
char *text_visible(const char *text, size_t width);

/* How many columns it takes. */
size_t text_width(const char *text);

/* Fills up to `width` columns. */
void text_pad(const char *text, size_t width, FILE *out);
