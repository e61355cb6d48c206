/* guardian - a child process that drops a database when its parent has died without doing so.
 * Private to shadow/. */
#pragma once
#include "proto/status.h"

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
