/* upgrade - the private database, brought to the schema that this program serves. A database with
 * rows in it is backed up before, into STATE_DIR/backups: what goes wrong can be taken back.
 *
 * Blocking: before the loops run. Errors: a message for people. */
#pragma once
#include "proto/status.h"

#include <stddef.h>

enum { UPGRADE_BACKUPS_KEPT = 5 };

MUST_CHECK
bool upgrade_private(const char *conninfo, const char *state_dir, char *message,
                     size_t message_size);

/* Says in the log which revision of the schema this program serves. */
void upgrade_log_served(void);
