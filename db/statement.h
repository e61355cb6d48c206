/* statement - every SQL text that the daemon runs, by name, with the types of its parameters and
 * columns.
 *
 * db/queries/NAME.sql holds them (one file a topic, many statements a file); the build generates
 * `extern const struct statement NAME`, typed parameters and typed row accessors into
 * "db/queries.h". The registry is checked against the live schema by the first
 * connection, and again by the first after all were lost or the schema changed. */
#pragma once
#include "db/params.h"

enum lane {
	LANE_READ,  /* one read-only statement; several share a Sync, an aborted neighbour is sent
	               again */
	LANE_WRITE, /* one writing statement, or one for several callers; a Sync of its own */
	LANE_COUNT,
};

enum { STATEMENT_NO_COLUMN = -1 };

struct param_spec {
	const char *name;
	enum db_type type;
	bool nullable;
};

struct column_spec {
	const char *name;
	enum db_type type;
	bool nullable; /* false: the handler relies on the column behind it being NOT NULL */
};

struct statement {
	const char *name; /* also its prepared name */
	const char *sql;
	enum lane lane;
	uint16_t index; /* in `statements` */
	uint8_t param_count, column_count;
	int16_t found;   /* the column that is not NULL in a row that was found or written */
	int16_t wrote;   /* the bool that tells the two apart; or STATEMENT_NO_COLUMN */
	bool unprepared; /* parsed and planned for the values of each execution */
	/* Does this one for several callers at once: takes arrays of its parameters; the last
	 * column of a row, an int8, says whose it is, from 1, in order. Fails as a whole. NULL:
	 * there is none. */
	const struct statement *many;
	const struct param_spec *params;
	const struct column_spec *columns;
};

extern const struct statement *const statements[];
extern const size_t statement_count;
