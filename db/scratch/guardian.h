/* guardian - a child process that drops a database when its parent has died without doing so.
 * Private to scratch/. */
#pragma once
#include "proto/status.h"

#include <libpq-fe.h>
#include <sys/types.h>

struct guarded {
	const char *conninfo; /* of another database of the server */
	const char *database;
	int backend; /* the server process that makes it */
};

/* False: no process is to be had. */
MUST_CHECK
bool guardian_start(pid_t *pid, int *to_guardian, const struct guarded *guarded);

/* The database is gone: there is nothing left to guard. */
void guardian_dismiss(pid_t pid, int to_guardian);

/* The database could not be dropped: it has a try, for which nobody waits. */
void guardian_leave(int to_guardian);

/* Drops it, whoever is connected to it; true also if it is not there. */
MUST_CHECK
bool guarded_drop(PGconn *server, const char *database);
