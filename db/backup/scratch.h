/* scratch - a new database in which a backup is restored, and how it takes another one's place.
 * Private to backup/. */
#pragma once
#include "db/backup/backup.h"

#include <libpq-fe.h>

struct scratch {
	PGconn *server; /* to the database in which the others are made and renamed */
	char name[64];  /* of the new database; "": none, or it has become the target */
};

/* The target's place: */
struct scratch_target {
	const char *name;
	bool exists, empty;
};

/* Makes it, like the target if that exists. `conninfo` is of any database of the server. */
MUST_CHECK
enum backup_status scratch_make(struct scratch *out, const struct backup_settings *settings,
                                const struct scratch_target *target,
                                char message[BACKUP_MESSAGE_SIZE]);

/* Drops it, unless it has become the target. */
void scratch_drop(struct scratch *scratch);

/* A connection to a database of the conninfo's server. NULL with a message. */
MUST_CHECK
PGconn *scratch_connect(const struct backup_settings *settings, const char *database,
                        char message[BACKUP_MESSAGE_SIZE]);

/* Whether there is such a database, and whether anything is in it. */
MUST_CHECK
enum backup_status scratch_look(const struct backup_settings *settings,
                                struct scratch_target *target, char message[BACKUP_MESSAGE_SIZE]);

/* Gives it the target's name, settings and grants, in one transaction. What was there is dropped if
 * it was empty, else kept under the name that is noted. */
MUST_CHECK
enum backup_status scratch_become(struct scratch *scratch, const struct backup_settings *settings,
                                  const struct scratch_target *target,
                                  char message[BACKUP_MESSAGE_SIZE]);
