/* revision - the next migration, written: from the declared schema, and proven before it is.
 *
 * A scratch database is brought to the head of the migrations, what differs from the declared
 * schema becomes the up file, the way back the down file, and both are run there as `prism-db
 * upgrade` and `downgrade` would: up has to give the declared schema's fingerprint, down the former
 * one's. Blocking. Errors: a message. Out of memory ends the program. */
#pragma once
#include "db/migrate/migrate.h"

enum { REVISION_NAME_SIZE = MIGRATION_NAME_SIZE + 8 };

enum revision_status {
	REVISION_MADE,
	REVISION_NOTHING, /* the migrations build the declared schema already */
	REVISION_BAD,     /* wrong input */
	REVISION_FAILED,
};

struct revision_settings {
	const char *conninfo;   /* of a database on the server to use; NULL: a pair of files to be
	                           filled by hand */
	const char *migrations; /* directories */
	const char *schema;
	const char *title;
	void (*note)(void *ctx, const char *line);
	void *ctx;
};

/* Writes NAME.up.sql and NAME.down.sql, where `name` becomes "0019_story_labels". */
MUST_CHECK
enum revision_status revision_make(const struct revision_settings *settings,
                                   char name[REVISION_NAME_SIZE],
                                   char message[MIGRATE_MESSAGE_SIZE]);
