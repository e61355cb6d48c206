#include "db/migrate/program/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct table {
	size_t columns, cells, capacity;
	char **at;
	size_t widths[TABLE_COLUMNS_MAX];
};

static void *must(void *memory)
{
	if (memory)
		return memory;
	fputs("prism-db: out of memory\n", stderr);
	exit(1);
}

/* Characters, not bytes; wide ones count as one. */
static size_t width_of(const char *text)
{
	size_t width = 0;
	for (; *text; text++)
		width += ((unsigned char)*text & 0xC0) != 0x80;
	return width;
}

struct table *table_new(const char *const *header, size_t columns)
{
	assert(columns <= TABLE_COLUMNS_MAX);
	struct table *table = must(calloc(1, sizeof(*table)));
	table->columns = columns;
	table_add(table, header, columns);
	return table;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->cells; i++)
		free(table->at[i]);
	free(table->at);
	free(table);
}

void table_add(struct table *table, const char *const *cells, size_t columns)
{
	assert(columns == table->columns);
	if (table->cells + columns > table->capacity) {
		table->capacity = table->capacity * 2 + columns * 16;
		table->at = must(realloc(table->at, table->capacity * sizeof(*table->at)));
	}
	for (size_t i = 0; i < columns; i++) {
		size_t width = width_of(cells[i]);
		if (width > table->widths[i])
			table->widths[i] = width;
		table->at[table->cells++] = must(strdup(cells[i]));
	}
}

void table_print(const struct table *table, FILE *out)
{
	for (size_t i = 0; i < table->cells; i++) {
		size_t column = i % table->columns;
		bool last = column + 1 == table->columns;
		size_t padding = table->widths[column] - width_of(table->at[i]) + 2;
		fprintf(out, "%s%*s", table->at[i], last ? 0 : (int)padding, "");
		if (last)
			fputc('\n', out);
	}
}
