#include "client/ctl/text.h"

#include "client/ctl/report.h"

#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

void text_init(void)
{
	if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
		setlocale(LC_CTYPE, "C.UTF-8");
}

/* Characters that turn the direction of what follows: a text could look like another. */
static bool reorders(wchar_t wide)
{
	return (wide >= 0x202a && wide <= 0x202e) || (wide >= 0x2066 && wide <= 0x2069);
}

/* One character of `text`: its bytes, and its columns; -1: it cannot be shown. */
static size_t character(const char *text, int *columns)
{
	wchar_t wide;
	mbstate_t state = {0};
	size_t len = mbrtowc(&wide, text, strlen(text), &state);
	if (len == 0 || len > MB_LEN_MAX) {
		*columns = -1;
		return 1;
	}
	*columns = reorders(wide) ? -1 : wcwidth(wide);
	return len;
}

static void escape_print(const char *text, size_t len, FILE *out)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			fputs("\\n", out);
		else if (text[i] == '\t')
			fputs("\\t", out);
		else
			fprintf(out, "\\x%02x", (unsigned char)text[i]);
	}
}

void text_print(const char *text, FILE *out)
{
	while (*text) {
		int columns;
		size_t len = character(text, &columns);
		if (columns < 0)
			escape_print(text, len, out);
		else
			fwrite(text, 1, len, out);
		text += len;
	}
}

size_t text_width(const char *text)
{
	size_t width = 0;
	while (*text) {
		int columns;
		text += character(text, &columns);
		width += columns > 0 ? (size_t)columns : 0;
	}
	return width;
}

/* How many bytes of `text` fit into `width` columns. */
static size_t bytes_within(const char *text, size_t width)
{
	size_t at = 0;
	while (text[at]) {
		int columns;
		size_t len = character(text + at, &columns);
		if ((size_t)columns > width)
			break;
		width -= (size_t)columns;
		at += len;
	}
	return at;
}

char *text_visible(const char *text, size_t width)
{
	char *result = NULL;
	size_t size;
	FILE *out = open_memstream(&result, &size);
	if (!out)
		report_no_memory();
	text_print(text, out);
	if (fclose(out) != 0 || !result)
		report_no_memory();
	if (width > 3 && text_width(result) > width)
		memcpy(result + bytes_within(result, width - 3), "...", 4);
	return result;
}

void text_pad(const char *text, size_t width, FILE *out)
{
	size_t own = text_width(text);
	fputs(text, out);
	for (; own < width; own++)
		fputc(' ', out);
}
