/* split - a text of SQL, cut into its statements as psql cuts it.
 *
 * Knows strings ('...', E'...', U&'...'), quoted names, $tag$...$tag$, nested comments,
 * parentheses, and the bodies of SQL-standard functions (BEGIN ATOMIC ... END). Private to
 * migrate/. Source: https://www.postgresql.org/docs/15/sql-syntax-lexical.html, psqlscan.l */
#pragma once
#include "proto/status.h"

#include <stddef.h>

/* A statement without the semicolon, and without comments before its first word. */
struct statement_text {
	const char *text;
	size_t length;
	unsigned line; /* of its first word, from 1 */
};

struct split {
	struct statement_text *at;
	size_t count;
};

/* Parts of `sql` that only comment are left out. False with a message: something is not closed, or
 * out of memory. split_free() in every case. */
MUST_CHECK
bool split_sql(struct split *out, const char *sql, char *message, size_t message_size);
void split_free(struct split *split);
