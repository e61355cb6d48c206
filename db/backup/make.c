/* A backup: a snapshot is measured and dumped, file and manifest get their names when they are
 * whole. */
#include "db/backup/archive.h"
#include "db/backup/ask.h"
#include "db/backup/backup.h"
#include "db/backup/container.h"
#include "db/backup/dump.h"
#include "db/backup/interrupt.h"
#include "db/backup/manifest.h"
#include "db/backup/measure.h"
#include "db/backup/partial.h"
#include "db/backup/restore.h"
#include "db/backup/tool.h"

#include "db/scratch/scratch.h"
#include "db/startup/connect.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct making {
	const struct backup_settings *settings;
	const struct backup_request *request;
	enum backup_format format;
	struct partial partial;
	PGconn *connection;
	char snapshot[64];
	json_t *contents, *files, *manifest;
	char *message;
};

static PGresult *run(struct making *making, const char *doing, const char *sql)
{
	return ask(making->connection, doing, sql, 0, NULL, making->message);
}

/* From here on there is something to clean up when a signal comes. */
static enum backup_status begin(struct making *making)
{
	making->connection = db_connect(making->settings->conninfo, making->settings->program,
	                                making->message, BACKUP_MESSAGE_SIZE);
	if (!making->connection)
		return BACKUP_UNREACHABLE;
	if (making->settings->interruptible)
		interrupt_arm();
	scratch_sweep(making->connection);
	partial_sweep(making->request->path, PQdb(making->connection));
	return partial_open(&making->partial, making->request->path,
	                    making->format == BACKUP_DIRECTORY, making->settings->replace,
	                    making->message);
}

/* Before anything is measured, which takes a while. */
static enum backup_status look_for_tools(struct making *making)
{
	const char *back = making->format == BACKUP_CUSTOM || making->format == BACKUP_DIRECTORY
	                           ? "pg_restore"
	                           : "psql";
	bool found = tool_check(making->settings, making->connection, "pg_dump", making->message) &&
	             (!making->request->verify ||
	              tool_check(making->settings, making->connection, back, making->message));
	return found ? BACKUP_OK : BACKUP_FAILED;
}

/* A transaction whose snapshot pg_dump takes too. It is idle while that runs. */
static enum backup_status open_snapshot(struct making *making)
{
	DB_RESULT patient =
		run(making, "begin a transaction", "SET idle_in_transaction_session_timeout = 0");
	DB_RESULT begun = patient ? run(making, "begin a transaction",
	                                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	                          : NULL;
	DB_RESULT row =
		begun ? run(making, "export a snapshot", "SELECT pg_export_snapshot()") : NULL;
	if (!row)
		return BACKUP_FAILED;
	snprintf(making->snapshot, sizeof making->snapshot, "%s", PQgetvalue(row, 0, 0));
	return BACKUP_OK;
}

static void now_text(char out[32])
{
	struct tm tm;
	time_t now = time(NULL);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
}

static enum backup_status describe(struct making *making)
{
	char now[32];
	if (making->format == BACKUP_DIRECTORY) {
		json_decref(making->files);
		making->files = archive_hash(making->partial.partial, making->message);
	}
	if (!making->files)
		return BACKUP_FAILED;
	if (json_object_size(making->files) == 0) {
		snprintf(making->message, BACKUP_MESSAGE_SIZE, "out of memory");
		return BACKUP_FAILED;
	}
	now_text(now);
	making->manifest =
		json_pack("{s:i, s:s, s:s, s:s, s:s, s:O, s:O}", "manifest", MANIFEST_VERSION,
	                  "made_by", "prism-db " PRISM_VERSION, "made_at", now, "database",
	                  PQdb(making->connection), "format", backup_format_name(making->format),
	                  "files", making->files, "contents", making->contents);
	return making->manifest ? BACKUP_OK : BACKUP_FAILED;
}

static enum backup_status verify(struct making *making)
{
	if (!making->request->verify)
		return BACKUP_OK;
	return restore_compare(making->settings, making->partial.partial, PQdb(making->connection),
	                       making->contents, making->message);
}

static enum backup_status finish(struct making *making)
{
	if (!interrupt_came())
		return partial_finish(&making->partial, making->manifest, making->message);
	snprintf(making->message, BACKUP_MESSAGE_SIZE, "interrupted");
	return BACKUP_FAILED;
}

static enum backup_status measure(struct making *making)
{
	making->contents =
		measure_take(making->connection, making->request->verify, making->message);
	return making->contents ? BACKUP_OK : BACKUP_FAILED;
}

static enum backup_status dump(struct making *making)
{
	const struct dump_request request = {
		.snapshot = making->snapshot,
		.path = making->partial.partial,
		.file = making->partial.fd,
		.format = making->format,
		.files = making->files,
		.tables = (unsigned)json_object_size(json_object_get(making->contents, "tables")),
	};
	return dump_run(making->settings, making->connection, &request, making->message);
}

/* What needs no database to be refused. */
static enum backup_status refuse(struct making *making)
{
	if (!container_named(making->settings, making->message))
		return BACKUP_REFUSED;
	if (making->format != BACKUP_DIRECTORY || !making->settings->container)
		return BACKUP_OK;
	snprintf(making->message, BACKUP_MESSAGE_SIZE,
	         "the directory format writes inside of the container: choose plain, gzip or "
	         "custom");
	return BACKUP_REFUSED;
}

enum backup_status backup_make(const struct backup_settings *settings,
                               const struct backup_request *request,
                               char message[BACKUP_MESSAGE_SIZE])
{
	struct making making = {.settings = settings,
	                        .request = request,
	                        .partial = {.fd = -1},
	                        .message = message};
	enum backup_status (*const steps[])(struct making *) = {
		refuse, begin,    look_for_tools, open_snapshot, measure,
		dump,   describe, verify,         finish};
	enum backup_status status = BACKUP_OK;
	making.format = request->format ? request->format : backup_format_of(request->path);
	if (sodium_init() < 0) {
		snprintf(message, BACKUP_MESSAGE_SIZE, "the system gives no random numbers");
		return BACKUP_FAILED;
	}
	making.files = json_object();
	mode_t former = umask(077); /* everything is in it */
	for (size_t i = 0; status == BACKUP_OK && i < sizeof steps / sizeof *steps; i++)
		status = steps[i](&making);
	partial_close(&making.partial);
	umask(former);
	json_decref(making.contents);
	json_decref(making.files);
	json_decref(making.manifest);
	PQfinish(making.connection);
	return status;
}
