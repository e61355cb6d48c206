/* table - rows of text in columns that line up, for people. Owns copies of its cells. Out of memory
 * ends the program: this is a tool. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table;

enum { TABLE_COLUMNS_MAX = 12 };

struct table *table_new(const char *const *header, size_t columns);
void table_free(struct table *table);
void table_add(struct table *table, const char *const *cells, size_t columns);
void table_print(const struct table *table, FILE *out);
