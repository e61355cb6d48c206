#include "client/plugin/problems.h"

#include "client/plugin/names.h"

#include <stdarg.h>
#include <stdlib.h>

void problems_init(struct problems *problems)
{
	*problems = (struct problems){0};
	problems->stream = must(open_memstream(&problems->text, &problems->len));
}

void problems_deinit(struct problems *problems)
{
	fclose(problems->stream);
	free(problems->text);
}

void problem(struct problems *problems, const char *file, const char *where, const char *format,
             ...)
{
	if (ftell(problems->stream) > 0)
		fputc('\n', problems->stream);
	fprintf(problems->stream, where ? "%s: %s: " : "%s: ", file, where);
	va_list args;
	va_start(args, format);
	vfprintf(problems->stream, format, args);
	va_end(args);
}

const char *problems_text(struct problems *problems)
{
	fflush(problems->stream);
	return problems->len > 0 ? problems->text : NULL;
}
