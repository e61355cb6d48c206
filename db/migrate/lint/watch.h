/* watch - what a statement did to the tables that were there before its migration, by asking the
 * server. Private to lint/. */
#pragma once
#include "db/startup/connect.h"

#include <stdint.h>

/* Locks that make writers wait; from the weakest. */
enum lock_strength {
	LOCK_WEAK,
	LOCK_SHARE,
	LOCK_SHARE_ROW_EXCLUSIVE,
	LOCK_EXCLUSIVE,
	LOCK_ACCESS_EXCLUSIVE
};

struct watched_column {
	int number;
	char *name;
};

struct watched {
	uint32_t oid;
	char *name; /* as it was called when the watch began */
	bool gone;
	enum lock_strength lock; /* what this transaction has of it */
	unsigned lock_line;      /* since which line */
	uint64_t scans, node;    /* how often it was read through; its file on disk */
	struct watched_column *columns;
	size_t column_count;
};

struct watch {
	struct watched *at;
	size_t count;
};

/* Begins with all tables that are there. */
MUST_CHECK
bool watch_begin(struct watch *watch, PGconn *connection, char *message, size_t message_size);

/* What there is to be told of a table. */
struct sight {
	const struct watched *table;
	bool dropped, rewritten;
	size_t scans;
	const char *lost_column; /* NULL: none */
};

/* Looks again, and calls each(ctx, sight) for each table with which something has happened since;
 * locks taken meanwhile are noted with `line`. */
MUST_CHECK
bool watch_look(struct watch *watch, PGconn *connection, unsigned line,
                void (*each)(void *ctx, const struct sight *sight), void *ctx, char *message,
                size_t message_size);

/* The transaction has ended. */
void watch_release(struct watch *watch);
void watch_clear(struct watch *watch);
