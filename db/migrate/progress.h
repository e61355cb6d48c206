/* progress - how far a migration came that runs statement by statement:
 * prism_meta.migration_progress.
 *
 * A row is there from its first statement until the migration is recorded (or taken back) as a
 * whole. Private to migrate/. Errors: PostgreSQL's message. */
#pragma once
#include "db/migrate/migration.h"
#include "db/startup/connect.h"

struct progress {
	uint32_t revision; /* 0: no migration is under way */
	bool up;
	uint32_t done, total; /* statements */
	bool running;         /* the one after `done` was begun outside of a transaction */
	char sha256[MIGRATION_SHA_SIZE]; /* of the file up to the end of the last one begun */
};

/* The one that is under way, if there is one. */
MUST_CHECK
bool progress_read(PGconn *connection, struct progress *out, char *message, size_t message_size);

/* Makes or changes the row. */
MUST_CHECK
bool progress_write(PGconn *connection, const struct progress *progress, char *message,
                    size_t message_size);

MUST_CHECK
bool progress_end(PGconn *connection, uint32_t revision, char *message, size_t message_size);

/* "0019_topic is partly applied (2 of 5 statements): ..." and what completes it. */
void progress_explain(const struct progress *progress, const struct migration *migration, char *out,
                      size_t size);
