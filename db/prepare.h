/* prepare - a fresh connection learns its lane's statements, in one round trip.
 *
 * Owns: nothing but its place. Thread: the connection's loop. */
#pragma once
#include "db/connection.h"
#include "db/statement.h"

struct prepare {
	enum lane lane;
	size_t next;            /* in `statements`: whose answer comes next */
	bool failed;            /* a statement was refused; the Sync is still to come */
	struct failure failure; /* set when it failed */
};

enum prepare_result {
	PREPARE_WAITING,
	PREPARE_DONE,
	PREPARE_FAILED, /* prepare->failure says which statement and why */
	PREPARE_DEAD,   /* the link died */
};

/* False: the link is dead. */
MUST_CHECK
bool prepare_start(struct prepare *prepare, struct db_connection *connection, enum lane lane);

/* Call when the connection is readable, until it is no longer WAITING. */
MUST_CHECK
enum prepare_result prepare_pump(struct prepare *prepare, struct db_connection *connection);
