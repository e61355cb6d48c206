/* shadow - a scratch database on the same server, in which schemas are built to be looked at.
 *
 * It is like the database of the connection string (encoding, locale), and dropped by
 * shadow_close(); if this process dies before that, a child of it drops it. Needs the right to make
 * databases. Owns: the database and connections to it. Thread: one. Blocking. Errors: a message
 * that says what was tried, and what would help. */
#pragma once
#include "db/migrate/catalog/catalog.h"
#include "db/migrate/migrate.h"

#include <sys/types.h>

enum { SHADOW_CONNINFO_SIZE = 2048 };

struct shadow {
	PGconn *server; /* to the database that was named: the other is made and dropped from there
	                 */
	PGconn *connection; /* to the shadow */
	char name[64];
	char conninfo[SHADOW_CONNINFO_SIZE]; /* of the shadow */
	pid_t guardian;
	int to_guardian;
};

MUST_CHECK
bool shadow_open(struct shadow *shadow, const char *conninfo, char *message, size_t message_size);
void shadow_close(struct shadow *shadow);

/* Runs the migrations up to `target` ("base", "0007", "head"), on from where it is. */
MUST_CHECK
bool shadow_upgrade(struct shadow *shadow, const struct migration_set *set, const char *target,
                    char message[MIGRATE_MESSAGE_SIZE]);
MUST_CHECK
bool shadow_downgrade(struct shadow *shadow, const struct migration_set *set, const char *target,
                      char message[MIGRATE_MESSAGE_SIZE]);
