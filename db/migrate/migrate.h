/* migrate - brings a database from one revision of the schema to another.
 *
 * A step and the row that records it are one transaction: killed at any moment, a database is at
 * one revision or at the next, and the next run goes on from there. Two at once: one works, the
 * other waits and finds nothing left to do. Checksums of what is applied are compared before
 * anything runs. Owns: its connection. Lifetime: migrate_open() .. migrate_close(). Thread: one at
 * a time. Blocking: for prism-db, and for prismd before its loops run. Errors: enum migrate_status
 * and a message for people. */
#pragma once
#include "db/migrate/migration.h"

struct migrate;

enum { MIGRATE_MESSAGE_SIZE = 2048, MIGRATE_LOCK_WAIT_MS = 300000 };

enum migrate_status {
	MIGRATE_OK,
	MIGRATE_BAD_TARGET,  /* no such revision, or on the wrong side */
	MIGRATE_UNREACHABLE, /* no connection */
	MIGRATE_BUSY,        /* another migrator, or sessions that hold locks */
	MIGRATE_MISMATCH,    /* applied files were changed, or are not known to this program */
	MIGRATE_FAILED,      /* a step failed; the database is at the revision before it */
};

struct migrate_settings {
	const char *conninfo;
	const char *program;             /* for pg_stat_activity */
	const struct migration_set *set; /* NULL: migration_builtin */
	uint32_t lock_wait_ms;           /* how long to wait for another migrator */
	/* Progress, a line each; may be NULL. */
	void (*note)(void *ctx, const char *line);
	void *ctx;
};

MUST_CHECK
enum migrate_status migrate_open(struct migrate **out, const struct migrate_settings *settings,
                                 char message[MIGRATE_MESSAGE_SIZE]);
void migrate_close(struct migrate *migrate);

/* `target`: "head", "+2", or a revision: "0007", "7", "0007_story_number". At or past it: OK,
 * nothing is done. */
MUST_CHECK
enum migrate_status migrate_upgrade(struct migrate *migrate, const char *target,
                                    char message[MIGRATE_MESSAGE_SIZE]);

/* `target`: "-1", a revision (which stays applied), or "base". */
MUST_CHECK
enum migrate_status migrate_downgrade(struct migrate *migrate, const char *target,
                                      char message[MIGRATE_MESSAGE_SIZE]);

/* The same as migrate_upgrade() or migrate_downgrade(), in one transaction that is rolled back. It
 * takes the locks that the real one takes. */
MUST_CHECK
enum migrate_status migrate_try(struct migrate *migrate, bool up, const char *target,
                                char message[MIGRATE_MESSAGE_SIZE]);

/* Whether all that is applied is what this program has, byte for byte, and nothing is half done.
 * MISMATCH with a message that says what is not. */
MUST_CHECK
enum migrate_status migrate_verify(struct migrate *migrate, char message[MIGRATE_MESSAGE_SIZE]);

/* Records that the database is at `target` without running anything: for a schema that came about
 * without prism-db. */
MUST_CHECK
enum migrate_status migrate_stamp(struct migrate *migrate, const char *target,
                                  char message[MIGRATE_MESSAGE_SIZE]);

/* Each revision in order, known or applied: `known` is NULL for one that this program does not
 * know, `applied` for one that the database does not have. Compares nothing. */
MUST_CHECK
enum migrate_status migrate_history(struct migrate *migrate,
                                    void (*each)(void *ctx, const struct migration *known,
                                                 const struct migration_applied *applied),
                                    void *ctx, char message[MIGRATE_MESSAGE_SIZE]);

/* How the live schema relates to the one that this program was built for. */
enum migrate_fit {
	MIGRATE_FITS,
	MIGRATE_EMPTY, /* no migration is applied */
	MIGRATE_OLDER,
	MIGRATE_NEWER,
	MIGRATE_CHANGED, /* the same numbers, other files */
};

/* For prismd at start. Unless it fits, the message says what was found and the command that mends
 * it. */
MUST_CHECK
enum migrate_status migrate_check(const struct migrate_settings *settings, enum migrate_fit *fit,
                                  char message[MIGRATE_MESSAGE_SIZE]);
