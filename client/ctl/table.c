#include "client/ctl/table.h"

#include "client/ctl/report.h"
#include "client/ctl/text.h"

#include <stdarg.h>
#include <stdlib.h>

enum { BETWEEN = 2 }; /* spaces between columns */

void table_init(struct table *table, size_t columns, size_t cell_width)
{
	*table = (struct table){.columns = columns, .cell_width = cell_width};
}

void table_add(struct table *table, const char *cell)
{
	if (table->count == table->capacity) {
		table->capacity = table->capacity ? table->capacity * 2 : 64;
		table->cells = realloc(table->cells, table->capacity * sizeof *table->cells);
		if (!table->cells)
			report_no_memory();
	}
	table->cells[table->count++] = text_visible(cell, table->cell_width);
}

void table_add_format(struct table *table, const char *format, ...)
{
	char cell[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(cell, sizeof cell, format, args);
	va_end(args);
	table_add(table, cell);
}

static size_t column_width(const struct table *table, size_t column)
{
	size_t widest = 0;
	for (size_t i = column; i < table->count; i += table->columns) {
		size_t width = text_width(table->cells[i]);
		widest = width > widest ? width : widest;
	}
	return widest;
}

/* Without spaces at the end of a line. */
static void row_print(const struct table *table, size_t row, const size_t *widths, FILE *out)
{
	char *const *cells = table->cells + row * table->columns;
	size_t last = table->columns;
	while (last > 0 && !*cells[last - 1])
		last--;
	for (size_t i = 0; i < last; i++)
		text_pad(cells[i], i + 1 < last ? widths[i] + BETWEEN : 0, out);
	fputc('\n', out);
}

void table_print(const struct table *table, size_t indent, FILE *out)
{
	size_t *widths = calloc(table->columns, sizeof *widths);
	if (!widths)
		report_no_memory();
	for (size_t i = 0; i < table->columns; i++)
		widths[i] = column_width(table, i);
	for (size_t row = 0; row < table->count / table->columns; row++) {
		fprintf(out, "%*s", (int)indent, "");
		row_print(table, row, widths, out);
	}
	free(widths);
}

void table_deinit(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){0};
}
