/* guardian - a child process that, when its parent has died, ends on the server what that left
 * there: a database, sessions of programs that run elsewhere. */
#pragma once
#include "proto/status.h"

#include <libpq-fe.h>
#include <sys/types.h>

struct guarded {
	const char *conninfo; /* of another database of the server */
	const char *database; /* to drop; NULL: none */
	const char *session;  /* the application_name of sessions to end; NULL: none */
	int backend;          /* the parent's server process, whose end is waited for */
};

/* False: no process is to be had. */
MUST_CHECK
bool guardian_start(pid_t *pid, int *to_guardian, const struct guarded *guarded);

/* There is nothing left to guard. */
void guardian_dismiss(pid_t pid, int to_guardian);

/* What it guards could not be ended: it has a try, for which nobody waits. */
void guardian_leave(int to_guardian);

/* Drops it, whoever is connected to it; true also if it is not there. */
MUST_CHECK
bool guarded_drop(PGconn *server, const char *database);

/* Ends the sessions of this application_name. False: they may be there still. */
MUST_CHECK
bool guarded_end(PGconn *server, const char *session);
