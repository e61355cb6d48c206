/* postmaster - the server process of a cluster: found, watched, stopped. Private to embedded/. */
#pragma once
#include "db/embedded/place.h"

struct postmaster {
	pid_t pid;
	char socket[256]; /* the directory of its socket; "" when it has not said yet */
	bool ready;       /* as it says itself in postmaster.pid */
};

/* Reads data/postmaster.pid. False: nothing of this cluster runs. */
MUST_CHECK
bool postmaster_find(const struct place *place, struct postmaster *out);

/* Lock files whose number belongs to a stranger or to a zombie by now would keep PostgreSQL from
 * starting. Waits for what is left of a killed server, then removes them. */
void postmaster_clear_stale(const struct place *place, const char *socket);

/* Whether the process is there, and no zombie. Reaps it when it is our child. */
bool postmaster_runs(pid_t pid);

/* SIGINT, after `patience_ms` SIGQUIT, in the end SIGKILL. Returns when it is gone. */
void postmaster_stop(pid_t pid, uint32_t patience_ms);

void postmaster_pause(void); /* between two looks */
