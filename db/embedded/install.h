/* install - the PostgreSQL programs of this machine. Private to embedded/. */
#pragma once
#include "proto/status.h"

#include <stddef.h>

enum { INSTALL_PATH_SIZE = 512, INSTALL_VERSION = 15 };

/* The directory with `postgres` and `initdb` of a major version; 0: the best there is (15, else the
 * newest from 14 on, else those in PATH). False: a message with the command that installs it. */
MUST_CHECK
bool install_find(unsigned version, char directory[INSTALL_PATH_SIZE], char *message,
                  size_t message_size);
