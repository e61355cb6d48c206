/* sqlstate - what PostgreSQL's error codes mean to us: one table, sqlstate.def.
 *
 * Owns: nothing; all is static. Thread: any. */
#pragma once
#include "proto/status.h"

enum sqlstate_remedy {
	SQLSTATE_NONE,
	SQLSTATE_AGAIN,   /* rolled back; the same statement may succeed now */
	SQLSTATE_RECYCLE, /* nothing ran; the connection is no longer of use */
	SQLSTATE_RECHECK, /* the same, and the schema may have changed */
	SQLSTATE_CANCEL,  /* cancelled: by statement_timeout, by us or by an operator */
};

struct sqlstate {
	const char *prefix;
	enum status status;
	enum sqlstate_remedy remedy;
	const char *text; /* for callers: says nothing about the inside */
};

/* `code` may be NULL or "": no code, INTERNAL. */
const struct sqlstate *sqlstate_find(const char *code);

static inline enum status sqlstate_status(const char *code)
{
	return sqlstate_find(code)->status;
}
