/* table - rows of text in aligned columns.
 *
 * Owns: copies of its cells. Errors: without memory the program ends. */
#pragma once
#include <stdio.h>

struct table {
	size_t columns;
	size_t cell_width; /* longer cells are cut; 0: none */
	char **cells;
	size_t count, capacity; /* of cells */
};

void table_init(struct table *table, size_t columns, size_t cell_width);

/* The next cell, row by row. Control characters become visible. */
void table_add(struct table *table, const char *cell);
void table_add_format(struct table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* `indent` spaces before each row. */
void table_print(const struct table *table, size_t indent, FILE *out);
void table_deinit(struct table *table);
