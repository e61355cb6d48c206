/* shadow - a scratch database on the same server, in which schemas are built to be looked at.
 *
 * It is like the database of the connection string (encoding, locale), and dropped by
 * shadow_close(); if this process dies before that, a child of it drops it. Needs the right to make
 * databases. Owns: the database and connections to it. Thread: one. Blocking. Errors: a message
 * that says what was tried, and what would help. */
#pragma once
#include "db/migrate/catalog/catalog.h"
#include "db/migrate/migrate.h"
#include "db/scratch/scratch.h"

struct shadow {
	struct scratch scratch; /* made and dropped from the database that was named */
	PGconn *connection;     /* to the shadow; NULL: it is not open */
	char conninfo[SCRATCH_CONNINFO_SIZE]; /* of the shadow */
};

MUST_CHECK
bool shadow_open(struct shadow *shadow, const char *conninfo, char *message, size_t message_size);
bool shadow_is_open(const struct shadow *shadow);
void shadow_close(struct shadow *shadow); /* also one that is not open, or all zero */

/* Runs the migrations up to `target` ("base", "0007", "head"), on from where it is. */
MUST_CHECK
bool shadow_upgrade(struct shadow *shadow, const struct migration_set *set, const char *target,
                    char message[MIGRATE_MESSAGE_SIZE]);
MUST_CHECK
bool shadow_downgrade(struct shadow *shadow, const struct migration_set *set, const char *target,
                      char message[MIGRATE_MESSAGE_SIZE]);
