/* manifest - FILE.manifest.json beside a backup: what was dumped, when, from where, and what its
 * bytes hash to. Private to backup/. */
#pragma once
#include "db/backup/backup.h"

#include <jansson.h>

enum { MANIFEST_VERSION = 1 };

/* The manifest, or the files alone, of what the backup takes the place of: until the backup has
 * got its name, that is what has it. */
#define MANIFEST_REPLACES "replaces"

/* PATH.manifest.json; a "/" at the end of PATH does not count. */
void manifest_path(const char *path, char out[BACKUP_PATH_SIZE]);

/* Writes it whole or not at all. */
MUST_CHECK
bool manifest_write(const char *path, const json_t *manifest, char message[BACKUP_MESSAGE_SIZE]);

/* *out is NULL if there is none. False: there is one that cannot be read. */
MUST_CHECK
bool manifest_read(const char *path, json_t **out, char message[BACKUP_MESSAGE_SIZE]);

/* What tells of these files (archive.h): the manifest, or what it replaces; borrowed. NULL with a
 * message: neither does. `manifest` may be NULL. */
MUST_CHECK
const json_t *manifest_match(const json_t *manifest, const json_t *files,
                             char message[BACKUP_MESSAGE_SIZE]);
