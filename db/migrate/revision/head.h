/* head - what a CREATE statement makes, by its first words. Private to revision/. */
#pragma once
#include "db/migrate/catalog/object.h"
#include "db/migrate/memory.h"
#include "db/migrate/revision/lex.h"

/* A kind that has names of its own to be changed. */
struct maker {
	const char *word; /* CREATE what */
	enum kind kind;
	const char *alter; /* ALTER what */
	bool on_table;     /* its name belongs to the table that follows ON */
};

struct head {
	const struct maker *maker; /* NULL: it makes nothing that could be renamed */
	struct text name, table;   /* as the catalog has them */
};

/* `statement` begins with its first word. head_clear() ends it. */
void head_read(struct head *head, const char *statement);
void head_clear(struct head *head);

/* Adds an identifier as the catalog writes it: folded, and quoted only where it has to be. */
void head_add_name(struct text *out, const char *text, size_t len);

/* Behind the last dot that is not quoted. */
const char *head_last(const char *name);
