/* A backup: a snapshot is measured and dumped, file and manifest get their names when they are
 * whole. */
#include "db/backup/archive.h"
#include "db/backup/backup.h"
#include "db/backup/dump.h"
#include "db/backup/manifest.h"
#include "db/backup/measure.h"
#include "db/backup/restore.h"

#include "db/startup/connect.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct making {
	const struct backup_settings *settings;
	const struct backup_request *request;
	enum backup_format format;
	char path[BACKUP_PATH_SIZE], partial[BACKUP_PATH_SIZE + 16];
	PGconn *connection;
	char snapshot[64];
	json_t *contents, *files, *manifest;
	char *message;
};

/* A transaction whose snapshot pg_dump takes too. */
static enum backup_status open_snapshot(struct making *making)
{
	making->connection = db_connect(making->settings->conninfo, making->settings->program,
	                                making->message, BACKUP_MESSAGE_SIZE);
	if (!making->connection)
		return BACKUP_UNREACHABLE;
	DB_RESULT begun = db_run(making->connection, "begin a transaction",
	                         "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0, NULL,
	                         making->message, BACKUP_MESSAGE_SIZE);
	DB_RESULT row = begun ? db_run(making->connection, "export a snapshot",
	                               "SELECT pg_export_snapshot()", 0, NULL, making->message,
	                               BACKUP_MESSAGE_SIZE)
	                      : NULL;
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
		making->files = archive_hash(making->partial, making->message);
	}
	if (!making->files)
		return BACKUP_FAILED;
	now_text(now);
	making->manifest =
		json_pack("{s:i, s:s, s:s, s:s, s:s, s:O, s:O}", "manifest", MANIFEST_VERSION,
	                  "made_by", "prism-db " PRISM_VERSION, "made_at", now, "database",
	                  PQdb(making->connection), "format", backup_format_name(making->format),
	                  "files", making->files, "contents", making->contents);
	return making->manifest ? BACKUP_OK : BACKUP_FAILED;
}

/* A directory cannot take the place of another in one step; then, and if the file is not to be
 * replaced, it has to be absent. */
static enum backup_status give_name(struct making *making)
{
	if (making->request->verify) {
		enum backup_status status = restore_compare(making->settings, making->partial,
		                                            making->contents, making->message);
		if (status != BACKUP_OK)
			return status;
	}
	if (!archive_sync(making->partial, making->message))
		return BACKUP_FAILED;
	if (making->format == BACKUP_DIRECTORY && making->settings->replace)
		archive_remove(making->path);
	if (rename(making->partial, making->path) != 0) {
		snprintf(making->message, BACKUP_MESSAGE_SIZE, "cannot give %s its name: %s",
		         making->path, strerror(errno));
		return BACKUP_FAILED;
	}
	if (!manifest_write(making->path, making->manifest, making->message))
		return BACKUP_FAILED;
	archive_sync_parent(making->path);
	return BACKUP_OK;
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
		.path = making->partial,
		.format = making->format,
		.files = making->files,
		.tables = (unsigned)json_object_size(json_object_get(making->contents, "tables")),
	};
	return dump_run(making->settings, making->connection, &request, making->message);
}

static enum backup_status refuse(const struct making *making)
{
	if (making->format == BACKUP_DIRECTORY && making->settings->container)
		snprintf(making->message, BACKUP_MESSAGE_SIZE,
		         "the directory format writes inside of the container: choose plain, gzip "
		         "or "
		         "custom");
	else if (!making->settings->replace && access(making->path, F_OK) == 0)
		snprintf(making->message, BACKUP_MESSAGE_SIZE,
		         "%s is there already: choose another name, or say --replace",
		         making->path);
	else
		return BACKUP_OK;
	return BACKUP_REFUSED;
}

static bool set_paths(struct making *making)
{
	size_t length = strlen(making->request->path);
	while (length > 1 && making->request->path[length - 1] == '/')
		length--;
	if (length == 0 || length + sizeof ".manifest.json.partial" > BACKUP_PATH_SIZE)
		return false;
	snprintf(making->path, sizeof making->path, "%.*s", (int)length, making->request->path);
	snprintf(making->partial, sizeof making->partial, "%s.partial", making->path);
	return true;
}

enum backup_status backup_make(const struct backup_settings *settings,
                               const struct backup_request *request,
                               char message[BACKUP_MESSAGE_SIZE])
{
	struct making making = {.settings = settings, .request = request, .message = message};
	enum backup_status (*const steps[])(struct making *) = {open_snapshot, measure, dump,
	                                                        describe, give_name};
	making.format = request->format ? request->format : backup_format_of(request->path);
	if (sodium_init() < 0 || !set_paths(&making)) {
		snprintf(message, BACKUP_MESSAGE_SIZE, "the path is empty or too long");
		return BACKUP_REFUSED;
	}
	enum backup_status status = refuse(&making);
	if (status != BACKUP_OK)
		return status;
	making.files = json_object();
	mode_t former = umask(077); /* everything is in it */
	archive_remove(making.partial);
	for (size_t i = 0; status == BACKUP_OK && i < sizeof steps / sizeof *steps; i++)
		status = steps[i](&making);
	if (status != BACKUP_OK)
		archive_remove(making.partial);
	umask(former);
	json_decref(making.contents);
	json_decref(making.files);
	json_decref(making.manifest);
	PQfinish(making.connection);
	return status;
}
