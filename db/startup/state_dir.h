/* state_dir - the directory that a program keeps its own files in: keyring, bootstrap key, embedded
 * cluster.
 *
 * Thread: any. Errors: a message that names the path and what to do. */
#pragma once
#include "proto/status.h"

#include <stddef.h>
#include <sys/types.h>

enum { STATE_PATH_SIZE = 1024 };

/* $STATE_DIRECTORY (the first of them), else $XDG_STATE_HOME/prism, else /var/lib/prism for root,
 * else ~/.local/state/prism. False: nothing of that is set, or it does not fit. */
MUST_CHECK
bool state_dir_default(char *out, size_t size);

/* Makes the directory (0700) and what is missing above it (0755). One that is there is left as it
 * is. */
MUST_CHECK
bool state_dir_make(const char *path, char *message, size_t message_size);

/* path = dir/name. False, with a message: too long. */
MUST_CHECK
bool state_path(char path[STATE_PATH_SIZE], const char *dir, const char *name, char *message,
                size_t message_size);

/* Writes a file of the state directory whole or not at all: 0600, synced, then put in place. Made
 * by root, it belongs to whom the directory belongs to. With `replace` false an existing file wins
 * and *existed says so. */
MUST_CHECK
bool state_file_write(const char *dir, const char *name, const void *data, size_t size,
                      bool replace, bool *existed, char *message, size_t message_size);

/* Opens a secret of the state directory for reading: a regular file that belongs to the caller
 * (root may read anybody's) and that nobody else may touch. -1 with errno ENOENT: there is none; -1
 * with a message: it is not fit for a secret. */
MUST_CHECK
int state_secret_open(const char *path, char *message, size_t message_size);

/* Exclusive lock on the directory itself, against programs that change the same file; held until
 * the descriptor is closed. -1 with a message. */
MUST_CHECK
int state_dir_lock(const char *dir, char *message, size_t message_size);
