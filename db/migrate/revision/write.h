/* write - a migration's pair of files: both, or none. Private to revision/. */
#pragma once
#include "proto/status.h"

#include <stddef.h>

/* DIRECTORY/NAME.up.sql and .down.sql, which must not be there. False with a message. */
MUST_CHECK
bool write_pair(const char *directory, const char *name, const char *up, const char *down,
                char *message, size_t message_size);
