/* script - migrations as one text that psql runs to the same result, for who may not let a tool
 * connect. */
#pragma once
#include "db/migrate/migrate.h"

#include <stdio.h>

/* From revision `from` ("base", "0007") to `to` ("head", "+1", ...; in a downgrade "-1", "base",
 * ...). The script checks that the database is at `from`, takes the migration lock, and stops at
 * the first error. BAD_TARGET with a message. */
MUST_CHECK
enum migrate_status script_write(FILE *out, const struct migration_set *set, const char *from,
                                 const char *to, bool up, char message[MIGRATE_MESSAGE_SIZE]);
