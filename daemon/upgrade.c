#include "daemon/upgrade.h"
#include "daemon/log.h"
#include "db/backup/backup.h"
#include "db/migrate/migrate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char PROGRAM[] = "prismd";

static void on_migration(void *ctx, const char *line)
{
	(void)ctx;
	log_line(LOG_INFO, "migration", LOG_TEXT("note", line));
}

static void on_backup(void *ctx, const char *line)
{
	(void)ctx;
	log_line(LOG_INFO, "backup", LOG_TEXT("note", line));
}

void upgrade_log_served(void)
{
	char serves[MIGRATION_NAME_SIZE + 16];
	const struct migration *head =
		migration_at(&migration_builtin, (uint32_t)migration_builtin.count);
	snprintf(serves, sizeof serves, "%04" PRIu32 "_%s", head->revision, head->name);
	log_line(LOG_INFO, "schema", LOG_TEXT("serves", serves));
}

static bool make_backup(const char *conninfo, const char *state_dir, char *message)
{
	char directory[BACKUP_PATH_SIZE], path[BACKUP_PATH_SIZE];
	struct backup_settings settings = {
		.conninfo = conninfo, .program = PROGRAM, .note = on_backup};
	struct backup_request request = {.path = path};
	snprintf(directory, sizeof directory, "%s/backups", state_dir);
	if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
		snprintf(message, BACKUP_MESSAGE_SIZE, "cannot make %s: %s", directory,
		         strerror(errno));
		return false;
	}
	enum backup_status status = backup_name(&settings, directory, path, message);
	if (status == BACKUP_OK)
		status = backup_make(&settings, &request, message);
	if (status != BACKUP_OK)
		return false;
	log_line(LOG_INFO, "backup", LOG_TEXT("made", path));
	return backup_prune(&settings, directory, UPGRADE_BACKUPS_KEPT, message) == BACKUP_OK;
}

static bool migrate(const struct migrate_settings *settings, char *message)
{
	struct migrate *migrate;
	enum migrate_status status = migrate_open(&migrate, settings, message);
	if (status != MIGRATE_OK)
		return false;
	status = migrate_upgrade(migrate, "head", message);
	migrate_close(migrate);
	return status == MIGRATE_OK;
}

bool upgrade_private(const char *conninfo, const char *state_dir, char *message,
                     size_t message_size)
{
	struct migrate_settings settings = {.conninfo = conninfo,
	                                    .program = PROGRAM,
	                                    .lock_wait_ms = MIGRATE_LOCK_WAIT_MS,
	                                    .note = on_migration};
	char fault[MIGRATE_MESSAGE_SIZE], why[BACKUP_MESSAGE_SIZE];
	enum migrate_fit fit;
	bool good = migrate_check(&settings, &fit, fault) == MIGRATE_OK;
	if (good && fit == MIGRATE_FITS)
		return true;
	if (good && fit == MIGRATE_OLDER && !make_backup(conninfo, state_dir, why)) {
		snprintf(message, message_size,
		         "the schema is to be upgraded, and the backup before that failed: %s",
		         why);
		return false;
	}
	/* Of a newer or changed schema this says what is wrong. */
	good = good && migrate(&settings, fault);
	if (!good)
		snprintf(message, message_size, "%s", fault);
	return good;
}
