#include "db/migrate/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool progress_read(PGconn *connection, struct progress *out, char *message, size_t message_size)
{
	*out = (struct progress){.revision = 0};
	DB_RESULT exists = db_run(connection, "look for prism_meta",
	                          "SELECT to_regclass('prism_meta.migration_progress')", 0, NULL,
	                          message, message_size);
	if (!exists)
		return false;
	if (PQgetisnull(exists, 0, 0))
		return true;
	DB_RESULT row = db_run(connection, "read prism_meta.migration_progress",
	                       "SELECT revision, up, done, total, running, sha256"
	                       " FROM prism_meta.migration_progress",
	                       0, NULL, message, message_size);
	if (!row || PQntuples(row) == 0)
		return row != NULL;
	out->revision = (uint32_t)strtoul(PQgetvalue(row, 0, 0), NULL, 10);
	out->up = *PQgetvalue(row, 0, 1) == 't';
	out->done = (uint32_t)strtoul(PQgetvalue(row, 0, 2), NULL, 10);
	out->total = (uint32_t)strtoul(PQgetvalue(row, 0, 3), NULL, 10);
	out->running = *PQgetvalue(row, 0, 4) == 't';
	snprintf(out->sha256, sizeof out->sha256, "%s", PQgetvalue(row, 0, 5));
	return true;
}

bool progress_write(PGconn *connection, const struct progress *progress, char *message,
                    size_t message_size)
{
	char revision[16], done[16], total[16];
	const char *values[] = {revision, progress->up ? "true" : "false",      done,
	                        total,    progress->running ? "true" : "false", progress->sha256};
	snprintf(revision, sizeof revision, "%" PRIu32, progress->revision);
	snprintf(done, sizeof done, "%" PRIu32, progress->done);
	snprintf(total, sizeof total, "%" PRIu32, progress->total);
	DB_RESULT result = db_run(
		connection, "record the progress",
		"INSERT INTO prism_meta.migration_progress"
		" (revision, up, done, total, running, sha256) VALUES ($1, $2, $3, $4, $5, $6)"
		" ON CONFLICT (one) DO UPDATE SET revision = excluded.revision, up = excluded.up,"
		" done = excluded.done, total = excluded.total, running = excluded.running,"
		" sha256 = excluded.sha256, at = clock_timestamp()",
		6, values, message, message_size);
	return result != NULL;
}

bool progress_end(PGconn *connection, uint32_t revision, char *message, size_t message_size)
{
	char text[16];
	const char *values[] = {text};
	snprintf(text, sizeof text, "%" PRIu32, revision);
	DB_RESULT result = db_run(connection, "end the progress",
	                          "DELETE FROM prism_meta.migration_progress WHERE revision = $1",
	                          1, values, message, message_size);
	return result != NULL;
}

void progress_explain(const struct progress *progress, const struct migration *migration, char *out,
                      size_t size)
{
	char back[32];
	snprintf(back, sizeof back, "downgrade %04" PRIu32, progress->revision - 1);
	snprintf(out, size,
	         "%04" PRIu32 "_%s is partly %s (%" PRIu32 " of %" PRIu32
	         " statements): `prism-db %s` completes that",
	         progress->revision, migration ? migration->name : "?",
	         progress->up ? "applied" : "taken back", progress->done, progress->total,
	         progress->up             ? "upgrade head"
	         : progress->revision > 1 ? back
	                                  : "downgrade base");
}
