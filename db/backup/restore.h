/* restore - an archive into a database. Private to backup/. */
#pragma once
#include "db/backup/backup.h"

#include <jansson.h>

/* Restores the archive into a scratch database like `database`, compares that with what was
 * measured, and drops it. */
MUST_CHECK
enum backup_status restore_compare(const struct backup_settings *settings, const char *path,
                                   const char *database, const json_t *contents,
                                   char message[BACKUP_MESSAGE_SIZE]);
