/* failure - why there is no connection: the cause in words, and how soon to try again. */
#pragma once
#include "proto/status.h"

enum failure_kind {
	FAILURE_NETWORK,  /* refused, reset, timed out: it may be back any moment */
	FAILURE_STARTING, /* PostgreSQL says that it is starting up or recovering, or hangs up as it
	                     does when a session has crashed: worth waiting a little */
	FAILURE_FULL,     /* max_connections reached */
	FAILURE_REFUSED,  /* password, permission, no such database: somebody has to act */
	FAILURE_SCHEMA,   /* connected, but our statements do not fit the schema */
};

struct failure {
	enum failure_kind kind;
	char message[256]; /* one line, for the operator */
};

/* Why a statement could not be prepared: only classes 42 and 0A speak of the schema; a lock, a
 * cancel or a lack of memory may be gone by the next attempt (NETWORK). */
enum failure_kind failure_of_prepare(const char *sqlstate);

/* From what PQerrorMessage() says after a failed connect with PQERRORS_VERBOSE (before libpq 18
 * there is no other way to the SQLSTATE): kind, and the words without SQLSTATE and source line.
 * `reached`: somebody had accepted the connection, so that hanging up without a word is what a
 * PostgreSQL does that ends its sessions to recover. */
void failure_from_libpq(struct failure *failure, bool reached, const char *text);
