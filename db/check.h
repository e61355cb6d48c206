/* check - the registry against the live schema: parameter types, and each column's name, type and
 * whether it may be NULL.
 *
 * Two round trips: every statement is prepared (unnamed) and described, then pg_attribute and
 * pg_type are asked about the columns and types that were seen.
 * Owns: what it learned. Lifetime: check_start() .. check_free(). Thread: the connection's loop.
 * Errors: the message names the statement, what differs, and the command that mends it. */
#pragma once
#include "db/connection.h"
#include "db/statement.h"

struct check;

enum { CHECK_MESSAGE_SIZE = 512 };

enum check_result {
	CHECK_WAITING,
	CHECK_FITS,
	CHECK_DIFFERS, /* `message` says what */
	CHECK_DEAD,    /* the link died, or there is no memory */
};

/* On a connection in pipeline mode with nothing in flight. NULL: no memory, or the link is dead. */
struct check *check_start(PGconn *pg);
void check_free(struct check *check);

/* Takes what has arrived; flush the connection after WAITING. */
MUST_CHECK
enum check_result check_pump(struct check *check, PGconn *pg, char message[CHECK_MESSAGE_SIZE]);

/* All of it on a blocking connection of one's own (not in pipeline mode, and left so). */
MUST_CHECK
enum check_result check_run(PGconn *pg, char message[CHECK_MESSAGE_SIZE]);
