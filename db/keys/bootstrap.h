/* bootstrap - the first key of an installation: STATE_DIR/bootstrap.key, scope `system`,
 * principal 1.
 *
 * Made by prismd at its first start, so that somebody can make everything else. Removing the file
 * revokes it: the next start makes another. Blocking; before the loops run. */
#pragma once
#include "db/keys/keyring.h"

/* File and row there: nothing to do. File gone: a new key, and what this directory had before is
 * revoked. Row gone (a new database): the file's key is recorded again. False with a message. */
MUST_CHECK
bool bootstrap_key(const char *conninfo, const struct keyring *keyring, const char *state_dir,
                   char message[KEYRING_MESSAGE_SIZE]);
