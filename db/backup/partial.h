/* partial - a backup that is being made: PATH.partial, locked by who makes it, and how it gets its
 * name. Private to backup/.
 *
 * At every instant PATH and its manifest are a pair: the manifest that is put there first tells of
 * both, the new PATH and the one that it replaces (manifest.h). The lock is flock()'s, and children
 * have it too: a file that nobody has locked was left by a run that is dead. */
#pragma once
#include "db/backup/backup.h"

#include <jansson.h>

struct partial {
	char path[BACKUP_PATH_SIZE];    /* its name in the end */
	char partial[BACKUP_PATH_SIZE]; /* its name till then */
	int fd;                         /* of the file, open for writing, or the directory; -1 */
	bool directory, replace;
	bool exchanged; /* what has the name `partial` is what was replaced */
};

/* Makes PATH.partial, in place of one that was left. `path` may end with "/". REFUSED: PATH is
 * there and not to be replaced; BUSY: another run makes the same. */
MUST_CHECK
enum backup_status partial_open(struct partial *partial, const char *path, bool directory,
                                bool replace, char message[BACKUP_MESSAGE_SIZE]);

/* Everything on disk, then the names: the manifest's and the file's. */
MUST_CHECK
enum backup_status partial_finish(struct partial *partial, json_t *manifest,
                                  char message[BACKUP_MESSAGE_SIZE]);

/* Removes what has not got its name. */
void partial_close(struct partial *partial);

/* Removes what dead runs left of backups with generated names of this database, in the directory
 * where `path` is. */
void partial_sweep(const char *path, const char *database);

/* Removes a backup and its manifest; killed in between, partial_sweep() does the rest. */
void partial_remove_backup(const char *path);

/* Whether a file's name is "DATABASE-0018-20260229T120000Z.dump" with `end` behind it. */
bool partial_is_generated(const char *name, const char *database, const char *end);
