/* database - the PostgreSQL of the process: the configured one, or a private one in the state
 * directory.
 *
 * The private one is started and brought to the newest schema before anything else. The configured
 * one belongs to others: it is looked at (is the schema ours? is the bootstrap key recorded?) by a
 * thread that waits for it as long as it takes; the daemon serves meanwhile, without a database.
 * Owns: the private cluster, the thread. Lifetime: database_open() .. database_close(). Thread: the
 * main thread's; found() is called on its loop. Errors: a message for the operator. */
#pragma once
#include "daemon/config.h"
#include "db/keys/keyring.h"

#include <uv.h>

struct database;

enum { DATABASE_MESSAGE_SIZE = 2048 };

enum database_state {
	DATABASE_USABLE,
	DATABASE_AWAITED, /* not reached so far */
	DATABASE_UNFIT,   /* its schema is not ours, or it cannot be started */
};

struct database_settings {
	const struct config *config;
	const char *state_dir;
	const struct keyring *keyring; /* outlives */
	uv_loop_t *loop;
	/* After AWAITED: it was reached, and is USABLE or UNFIT. */
	void (*found)(void *ctx, enum database_state state, const char *message);
	void *ctx;
};

/* Waits a little for the first look. *out is NULL when it is UNFIT; then `message` says why. */
MUST_CHECK
enum database_state database_open(struct database **out, const struct database_settings *settings,
                                  char message[DATABASE_MESSAGE_SIZE]);

/* For libpq; lives as long as the database. */
const char *database_conninfo(const struct database *database);

/* Stops what was started. The loop must run once more. */
void database_close(struct database *database);
