/* account - who runs PostgreSQL: oneself, or the user `postgres` when one is root, as which it
 * refuses to run. Private to embedded/. */
#pragma once
#include "proto/status.h"

#include <stddef.h>
#include <sys/types.h>

enum { ACCOUNT_GROUPS_MAX = 64 };

struct account {
	bool other; /* false: oneself, and the rest means nothing */
	uid_t uid;
	gid_t gid;
	gid_t groups[ACCOUNT_GROUPS_MAX];
	int group_count;
};

MUST_CHECK
bool account_find(struct account *out, char *message, size_t message_size);

/* Runs a program as the account, in a session of its own (a terminal's Ctrl-C does not reach it),
 * from `/`, with output appended to `log` and an environment of its own. -1: fork failed. */
MUST_CHECK
pid_t account_spawn(const struct account *account, const char *const argv[], const char *log);

/* The same, and waits; it dies with us. True: it ended with 0. */
MUST_CHECK
bool account_run(const struct account *account, const char *const argv[], const char *log);

/* Whether the account can get into a directory. If not, `blocked` is the first one on the way that
 * keeps it out. */
MUST_CHECK
bool account_can_enter(const struct account *account, const char *directory, char *blocked,
                       size_t blocked_size);

/* Gives a path to the account. */
MUST_CHECK
bool account_give(const struct account *account, const char *path, char *message,
                  size_t message_size);
