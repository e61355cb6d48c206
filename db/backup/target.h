/* target - the database whose place a restored one takes: what is there, and the change, which is
 * one transaction. Private to backup/. */
#pragma once
#include "db/backup/backup.h"
#include "db/scratch/scratch.h"

#include <jansson.h>

struct target {
	const char *name;
	bool exists, empty;
	char aside[SCRATCH_NAME_SIZE]; /* what was there is called so afterwards */
};

/* A connection to a database of the conninfo's server. NULL with a message. */
MUST_CHECK
PGconn *target_connect(const struct backup_settings *settings, const char *database,
                       char message[BACKUP_MESSAGE_SIZE]);

/* Whether there is such a database, and whether anything is in it. */
MUST_CHECK
enum backup_status target_look(const struct backup_settings *settings, struct target *target,
                               char message[BACKUP_MESSAGE_SIZE]);

/* A new database with the locale of the database `like`, else the one that the contents of a
 * manifest tell of; NULL: the server's. A locale that is not on this server is noted. */
MUST_CHECK
enum backup_status target_make(struct scratch *out, const struct backup_settings *settings,
                               const char *like, const json_t *contents,
                               char message[BACKUP_MESSAGE_SIZE]);

/* Gives it the target's name and properties, those of the manifest (`dumped`, or NULL) where there
 * were none. What was there is dropped if it was empty, else kept under the name that is noted. */
MUST_CHECK
enum backup_status target_take(struct scratch *scratch, const struct backup_settings *settings,
                               struct target *target, const json_t *dumped,
                               char message[BACKUP_MESSAGE_SIZE]);

/* Drops the empty databases that killed restores had put aside. */
void target_sweep(const struct backup_settings *settings, PGconn *server);
