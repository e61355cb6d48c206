/* object - one thing in a schema: what it is, how it is made, changed and dropped, and what it
 * needs.
 *
 * Whatever can be said by a statement of its own is an object: a table, each of its columns, a
 * column's default, a comment, one privilege. The texts come from the server (the .sql files here):
 * the C code knows nothing of how a kind is written. A statement is "head\x1fitem\x1ftail", where
 * items of the same head and tail may go into one statement, or just text; several are separated by
 * \x1e; "@alone " before one means that it wants a transaction to itself, "@outside " that it
 * cannot be in one. */
#pragma once
#include "proto/status.h"

#include <stddef.h>

enum kind {
#define KIND(constant, name, make_rank, drop_rank) KIND_##constant,
#include "db/migrate/catalog/kinds.def"
#undef KIND
	KIND_COUNT
};

struct kind_info {
	const char *name;
	int make_rank, drop_rank;
};
extern const struct kind_info kinds[KIND_COUNT];

#define STATEMENT_PART    '\x1f'
#define STATEMENT_END     '\x1e'
#define STATEMENT_NAME    '\x1d' /* in `change` and `rename`: the former old_name goes here */
#define STATEMENT_ALONE   "@alone "
#define STATEMENT_OUTSIDE "@outside "

/* pg_depend's way to name something. */
struct address {
	uint32_t class_oid, oid;
	int32_t sub;
};

struct object {
	enum kind kind;
	bool builtin;             /* in every new database */
	bool implied;             /* comes about when its parent is made */
	bool only_new;            /* needed only when its parent is made, and not compared */
	bool bracketed, appended; /* `part` of its children goes into its own `make`: between
	                             brackets, or behind */
	struct address address, parent_address;
	struct object *parent;  /* NULL: none */
	const char *name;       /* unique in its kind, as SQL with search_path = public writes it */
	const char *definition; /* the server's canonical text, compared */
	const char *shape;      /* the part of it that `change` cannot change */
	const char *make, *make_online;
	const char *change, *change_online; /* to this definition, from any other of the same shape;
	                                       "": only anew */
	const char *replace_online;         /* to this shape, from any other */
	const char *drop, *drop_online;
	const char *rename, *old_name; /* the statement that renames to this, "": none; its own
	                                  name, for that of another */
	const char *aside,
		*drop_aside; /* of a type: puts it under another name, and drops it there */
	const char *base, *using_cast,
		*using_text; /* of a column: its type without modifiers; ways to it from another */
	const char *part;    /* what stands for it in its parent's `make`, "": it cannot be there */
	const char *label;   /* COMMENT ON this */
	const char *claim;   /* the name that nothing else of the same schema may have */
	struct object **needs; /* what it depends on, its parent among it */
	size_t need_count;
	size_t index; /* its place in the catalog */
	bool lost;    /* while it is read: it belongs to nothing of ours */
};
