/* Formats by name; names of backups, and which of them are too old to be kept. */
#include "db/backup/backup.h"
#include "db/backup/measure.h"
#include "db/backup/partial.h"

#include "db/startup/connect.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const words[] = {"", "plain", "gzip", "custom", "directory"};

enum backup_format backup_format_named(const char *word)
{
	for (size_t i = 1; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i], word) == 0)
			return (enum backup_format)i;
	return BACKUP_FORMAT_NONE;
}

const char *backup_format_name(enum backup_format format)
{
	return words[format];
}

static bool ends(const char *path, const char *end)
{
	size_t length = strlen(path), size = strlen(end);
	return length > size && strcmp(path + length - size, end) == 0;
}

enum backup_format backup_format_of(const char *path)
{
	if (ends(path, ".sql"))
		return BACKUP_PLAIN;
	if (ends(path, ".sql.gz"))
		return BACKUP_PLAIN_GZIP;
	return ends(path, "/") || ends(path, ".dir") ? BACKUP_DIRECTORY : BACKUP_CUSTOM;
}

static bool name_by_time(const char *directory, const char *database, int revision,
                         char path[BACKUP_PATH_SIZE])
{
	char now[32];
	struct tm tm;
	time_t seconds = time(NULL);
	strftime(now, sizeof now, "%Y%m%dT%H%M%SZ", gmtime_r(&seconds, &tm));
	int n = snprintf(path, BACKUP_PATH_SIZE, "%s/%s-%04d-%s.dump", directory, database,
	                 revision, now);
	return n > 0 && n < BACKUP_PATH_SIZE;
}

enum backup_status backup_name(const struct backup_settings *settings, const char *directory,
                               char path[BACKUP_PATH_SIZE], char message[BACKUP_MESSAGE_SIZE])
{
	const struct timespec pause = {0, 50000000};
	int revision;
	DB_CONNECTION connection =
		db_connect(settings->conninfo, settings->program, message, BACKUP_MESSAGE_SIZE);
	if (!connection)
		return BACKUP_UNREACHABLE;
	if (!measure_revision(connection, &revision, message))
		return BACKUP_FAILED;
	while (name_by_time(directory, PQdb(connection), revision, path)) {
		if (access(path, F_OK) != 0)
			return BACKUP_OK;
		nanosleep(&pause, NULL); /* there was one this very second */
	}
	snprintf(message, BACKUP_MESSAGE_SIZE, "the directory's name is too long");
	return BACKUP_REFUSED;
}

/* --- which are too old -------------------------------------------------------------------------
 */

static const char *database_name;

/* By their time, which stands behind the last "-". */
static int by_age(const struct dirent **a, const struct dirent **b)
{
	return strcmp(strrchr((*a)->d_name, '-'), strrchr((*b)->d_name, '-'));
}

static int is_backup(const struct dirent *entry)
{
	return partial_is_generated(entry->d_name, database_name, "");
}

static void remove_backup(const struct backup_settings *settings, const char *path)
{
	char line[BACKUP_PATH_SIZE + 32];
	partial_remove_backup(path);
	snprintf(line, sizeof line, "removed %s", path);
	if (settings->note)
		settings->note(settings->ctx, line);
}

enum backup_status backup_prune(const struct backup_settings *settings, const char *directory,
                                unsigned keep, char message[BACKUP_MESSAGE_SIZE])
{
	struct dirent **entries;
	DB_CONNECTION connection =
		db_connect(settings->conninfo, settings->program, message, BACKUP_MESSAGE_SIZE);
	if (!connection)
		return BACKUP_UNREACHABLE;
	database_name = PQdb(connection);
	int count = scandir(directory, &entries, is_backup, by_age);
	if (count < 0) {
		snprintf(message, BACKUP_MESSAGE_SIZE, "cannot read %s: %s", directory,
		         strerror(errno));
		return BACKUP_FAILED;
	}
	for (int i = 0; i < count; i++) {
		char path[BACKUP_PATH_SIZE];
		snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
		if (count - i > (int)keep)
			remove_backup(settings, path);
		free(entries[i]);
	}
	free(entries);
	return BACKUP_OK;
}
