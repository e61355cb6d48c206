#include "db/migrate/migrate.h"
#include "db/migrate/ledger.h"
#include "db/migrate/lock.h"
#include "db/migrate/progress.h"
#include "db/migrate/step.h"
#include "db/migrate/target.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct migrate {
	PGconn *connection;
	const struct migration_set *set;
	struct migrate_settings settings;
};

/* A backend that runs a long statement notices that its client was killed, rolls back and lets the
 * migration lock go. */
static const char session_settings[] =
	"SET client_connection_check_interval = '1s'; SET statement_timeout = 0; "
	"SET idle_in_transaction_session_timeout = 0";

enum migrate_status migrate_open(struct migrate **out, const struct migrate_settings *settings,
                                 char message[MIGRATE_MESSAGE_SIZE])
{
	struct migrate *migrate = sodium_init() < 0 ? NULL : calloc(1, sizeof(*migrate));
	if (!migrate) {
		snprintf(message, MIGRATE_MESSAGE_SIZE, "out of memory");
		return MIGRATE_FAILED;
	}
	migrate->settings = *settings;
	migrate->set = settings->set ? settings->set : &migration_builtin;
	migrate->connection =
		db_connect(settings->conninfo, settings->program, message, MIGRATE_MESSAGE_SIZE);
	if (!migrate->connection) {
		migrate_close(migrate);
		return MIGRATE_UNREACHABLE;
	}
	PQclear(PQexec(migrate->connection, session_settings));
	*out = migrate;
	return MIGRATE_OK;
}

void migrate_close(struct migrate *migrate)
{
	if (!migrate)
		return;
	PQfinish(migrate->connection);
	free(migrate);
}

static void tell(const struct migrate *migrate, const char *line)
{
	if (migrate->settings.note)
		migrate->settings.note(migrate->settings.ctx, line);
}

static bool differs(const struct migration *known, const struct migration_applied *applied)
{
	return strcmp(known->name, applied->name) != 0 ||
	       strcmp(known->up_sha256, applied->up_sha256) != 0 ||
	       strcmp(known->down_sha256, applied->down_sha256) != 0;
}

static void explain_difference(const struct migration *known,
                               const struct migration_applied *applied,
                               char message[MIGRATE_MESSAGE_SIZE])
{
	bool up = strcmp(known->up_sha256, applied->up_sha256) != 0;
	if (strcmp(known->name, applied->name) != 0)
		snprintf(message, MIGRATE_MESSAGE_SIZE,
		         "revision %04u of the database is %s, here it is %s: this program belongs "
		         "to another schema",
		         applied->revision, applied->name, known->name);
	else
		snprintf(message, MIGRATE_MESSAGE_SIZE,
		         "%04u_%s.%s.sql was changed after it was applied at %s (SHA-256 %.12s "
		         "then, "
		         "%.12s now): restore the file and make a new migration of the change",
		         known->revision, known->name, up ? "up" : "down", applied->applied_at,
		         up ? applied->up_sha256 : applied->down_sha256,
		         up ? known->up_sha256 : known->down_sha256);
}

/* What is applied has to be the first part of what is known, byte for byte. */
static enum migrate_fit compare(const struct migration_set *set, const struct ledger *ledger,
                                char message[MIGRATE_MESSAGE_SIZE])
{
	for (size_t i = 0; i < ledger->count; i++) {
		const struct migration_applied *applied = &ledger->rows[i];
		const struct migration *known = migration_at(set, applied->revision);
		if (applied->revision != i + 1) {
			snprintf(message, MIGRATE_MESSAGE_SIZE,
			         "prism_meta.schema_migrations has no row for %04zu, but one for "
			         "%04u",
			         i + 1, applied->revision);
			return MIGRATE_CHANGED;
		}
		if (!known) {
			snprintf(
				message, MIGRATE_MESSAGE_SIZE,
				"the database is at revision %04u, this program (version %s) knows "
				"%04zu at most: use the newer program",
				ledger->rows[ledger->count - 1].revision, PRISM_VERSION,
				set->count);
			return MIGRATE_NEWER;
		}
		if (differs(known, applied)) {
			explain_difference(known, applied, message);
			return MIGRATE_CHANGED;
		}
	}
	if (ledger->count == set->count)
		return MIGRATE_FITS;
	snprintf(message, MIGRATE_MESSAGE_SIZE,
	         "the database is at revision %04zu%s, this program (version %s) needs %04zu: run "
	         "`prism-db upgrade head`",
	         ledger->count, ledger->count ? "" : " (no migration is applied)", PRISM_VERSION,
	         set->count);
	return ledger->count ? MIGRATE_OLDER : MIGRATE_EMPTY;
}

static enum migrate_status read_live(struct migrate *migrate, uint32_t *live,
                                     char message[MIGRATE_MESSAGE_SIZE])
{
	struct ledger ledger;
	if (!ledger_read(migrate->connection, &ledger, message, MIGRATE_MESSAGE_SIZE))
		return MIGRATE_FAILED;
	enum migrate_fit fit = compare(migrate->set, &ledger, message);
	uint32_t count = (uint32_t)ledger.count;
	ledger_clear(&ledger);
	if (fit == MIGRATE_NEWER || fit == MIGRATE_CHANGED)
		return MIGRATE_MISMATCH;
	*live = count;
	return MIGRATE_OK;
}

static enum migrate_status run_step(struct migrate *migrate, uint32_t revision, bool up,
                                    char message[MIGRATE_MESSAGE_SIZE])
{
	struct step step = {migration_at(migrate->set, revision), up, migrate->settings.note,
	                    migrate->settings.ctx};
	switch (step_run(migrate->connection, &step, message, MIGRATE_MESSAGE_SIZE)) {
	case STEP_DONE:
		return MIGRATE_OK;
	case STEP_BLOCKED:
		return MIGRATE_BUSY;
	case STEP_FAILED:
		return MIGRATE_FAILED;
	}
	return MIGRATE_FAILED;
}

static void tell_nothing(struct migrate *migrate, uint32_t live, const char *already)
{
	char line[64];
	snprintf(line, sizeof(line), "nothing to do: the database is at %04u%s", live, already);
	tell(migrate, line);
}

static enum migrate_status go_up(struct migrate *migrate, uint32_t live, const char *target,
                                 char message[MIGRATE_MESSAGE_SIZE])
{
	uint32_t goal;
	if (!target_of_upgrade(migrate->set, live, target, &goal, message, MIGRATE_MESSAGE_SIZE))
		return MIGRATE_BAD_TARGET;
	for (uint32_t next = live + 1; next <= goal; next++) {
		enum migrate_status status = run_step(migrate, next, true, message);
		if (status != MIGRATE_OK)
			return status;
	}
	if (goal <= live)
		tell_nothing(migrate, live, " already");
	return ledger_share(migrate->connection, message, MIGRATE_MESSAGE_SIZE) ? MIGRATE_OK
	                                                                        : MIGRATE_FAILED;
}

static enum migrate_status go_down(struct migrate *migrate, uint32_t live, const char *target,
                                   char message[MIGRATE_MESSAGE_SIZE])
{
	uint32_t goal;
	if (!target_of_downgrade(migrate->set, live, target, &goal, message, MIGRATE_MESSAGE_SIZE))
		return MIGRATE_BAD_TARGET;
	for (uint32_t next = live; next > goal; next--) {
		enum migrate_status status = run_step(migrate, next, false, message);
		if (status != MIGRATE_OK)
			return status;
	}
	if (goal == live)
		tell_nothing(migrate, live, "");
	return MIGRATE_OK;
}

static bool stamp_one(struct migrate *migrate, uint32_t revision, enum ledger_verb verb,
                      char message[MIGRATE_MESSAGE_SIZE])
{
	char line[MIGRATION_NAME_SIZE + 64];
	const struct migration *migration = migration_at(migrate->set, revision);
	if (!ledger_record(migrate->connection, verb, migration, 0, message, MIGRATE_MESSAGE_SIZE))
		return false;
	snprintf(line, sizeof(line), "%04u_%s  %s, nothing was run", revision, migration->name,
	         verb == LEDGER_STAMP ? "recorded" : "no longer recorded");
	tell(migrate, line);
	return true;
}

static enum migrate_status go_stamp(struct migrate *migrate, uint32_t live, const char *target,
                                    char message[MIGRATE_MESSAGE_SIZE])
{
	uint32_t goal;
	if (!target_of_stamp(migrate->set, target, &goal, message, MIGRATE_MESSAGE_SIZE))
		return MIGRATE_BAD_TARGET;
	PQclear(PQexec(migrate->connection, "BEGIN"));
	bool recorded = true;
	for (uint32_t next = live + 1; recorded && next <= goal; next++)
		recorded = stamp_one(migrate, next, LEDGER_STAMP, message);
	for (uint32_t next = live; recorded && next > goal; next--)
		recorded = stamp_one(migrate, next, LEDGER_UNSTAMP, message);
	DB_RESULT ended = PQexec(migrate->connection, recorded ? "COMMIT" : "ROLLBACK");
	if (recorded && PQresultStatus(ended) == PGRES_COMMAND_OK)
		return MIGRATE_OK;
	if (recorded)
		db_message(message, MIGRATE_MESSAGE_SIZE, "record the stamp",
		           PQerrorMessage(migrate->connection));
	return MIGRATE_FAILED;
}

/* Rolled back, whatever happens. */
static enum migrate_status try_steps(struct migrate *migrate, uint32_t live, uint32_t goal, bool up,
                                     char message[MIGRATE_MESSAGE_SIZE])
{
	enum step_outcome outcome = STEP_DONE;
	DB_RESULT begun = PQexec(migrate->connection, STEP_BEGIN);
	if (PQresultStatus(begun) != PGRES_COMMAND_OK) {
		db_message(message, MIGRATE_MESSAGE_SIZE, "begin a transaction",
		           PQerrorMessage(migrate->connection));
		return MIGRATE_FAILED;
	}
	for (uint32_t at = live; outcome == STEP_DONE && at != goal; at += up ? 1 : -1) {
		struct step step = {migration_at(migrate->set, up ? at + 1 : at), up,
		                    migrate->settings.note, migrate->settings.ctx};
		outcome = step_try(migrate->connection, &step, message, MIGRATE_MESSAGE_SIZE);
	}
	PQclear(PQexec(migrate->connection, "ROLLBACK"));
	return outcome == STEP_DONE      ? MIGRATE_OK
	       : outcome == STEP_BLOCKED ? MIGRATE_BUSY
	                                 : MIGRATE_FAILED;
}

static enum migrate_status try_up(struct migrate *migrate, uint32_t live, const char *target,
                                  char message[MIGRATE_MESSAGE_SIZE])
{
	uint32_t goal;
	if (!target_of_upgrade(migrate->set, live, target, &goal, message, MIGRATE_MESSAGE_SIZE))
		return MIGRATE_BAD_TARGET;
	if (goal <= live) {
		tell_nothing(migrate, live, " already");
		return MIGRATE_OK;
	}
	return try_steps(migrate, live, goal, true, message);
}

static enum migrate_status try_down(struct migrate *migrate, uint32_t live, const char *target,
                                    char message[MIGRATE_MESSAGE_SIZE])
{
	uint32_t goal;
	if (!target_of_downgrade(migrate->set, live, target, &goal, message, MIGRATE_MESSAGE_SIZE))
		return MIGRATE_BAD_TARGET;
	if (goal == live) {
		tell_nothing(migrate, live, "");
		return MIGRATE_OK;
	}
	return try_steps(migrate, live, goal, false, message);
}

/* A migration that stopped between two of its statements has to be completed first, the way it
 * went. */
static enum migrate_status check_progress(struct migrate *migrate, uint32_t live, bool up,
                                          bool down, char message[MIGRATE_MESSAGE_SIZE])
{
	struct progress progress;
	if (!progress_read(migrate->connection, &progress, message, MIGRATE_MESSAGE_SIZE))
		return MIGRATE_FAILED;
	if (progress.revision == 0 || (progress.up && up && progress.revision == live + 1) ||
	    (!progress.up && down && progress.revision == live))
		return MIGRATE_OK;
	progress_explain(&progress, migration_at(migrate->set, progress.revision), message,
	                 MIGRATE_MESSAGE_SIZE);
	return MIGRATE_MISMATCH;
}

/* Everything that changes goes through here: lock, then look, then work. */
static enum migrate_status run_locked(struct migrate *migrate,
                                      enum migrate_status (*go)(struct migrate *, uint32_t live,
                                                                const char *target,
                                                                char message[MIGRATE_MESSAGE_SIZE]),
                                      const char *target, char message[MIGRATE_MESSAGE_SIZE])
{
	uint32_t live;
	switch (lock_take(migrate->connection, migrate->settings.lock_wait_ms,
	                  migrate->settings.note, migrate->settings.ctx, message,
	                  MIGRATE_MESSAGE_SIZE)) {
	case LOCK_BUSY:
		return MIGRATE_BUSY;
	case LOCK_ERROR:
		return MIGRATE_FAILED;
	case LOCK_HELD:
		break;
	}
	enum migrate_status status = read_live(migrate, &live, message);
	if (status == MIGRATE_OK &&
	    !ledger_create(migrate->connection, message, MIGRATE_MESSAGE_SIZE))
		status = MIGRATE_FAILED;
	if (status == MIGRATE_OK)
		status = check_progress(migrate, live, go == go_up, go == go_down, message);
	if (status == MIGRATE_OK)
		status = go(migrate, live, target, message);
	lock_release(migrate->connection);
	return status;
}

enum migrate_status migrate_upgrade(struct migrate *migrate, const char *target,
                                    char message[MIGRATE_MESSAGE_SIZE])
{
	return run_locked(migrate, go_up, target, message);
}

enum migrate_status migrate_downgrade(struct migrate *migrate, const char *target,
                                      char message[MIGRATE_MESSAGE_SIZE])
{
	return run_locked(migrate, go_down, target, message);
}

enum migrate_status migrate_stamp(struct migrate *migrate, const char *target,
                                  char message[MIGRATE_MESSAGE_SIZE])
{
	return run_locked(migrate, go_stamp, target, message);
}

enum migrate_status migrate_try(struct migrate *migrate, bool up, const char *target,
                                char message[MIGRATE_MESSAGE_SIZE])
{
	return run_locked(migrate, up ? try_up : try_down, target, message);
}

enum migrate_status migrate_verify(struct migrate *migrate, char message[MIGRATE_MESSAGE_SIZE])
{
	uint32_t live;
	enum migrate_status status = read_live(migrate, &live, message);
	return status == MIGRATE_OK ? check_progress(migrate, live, false, false, message) : status;
}

enum migrate_status migrate_history(struct migrate *migrate,
                                    void (*each)(void *ctx, const struct migration *known,
                                                 const struct migration_applied *applied),
                                    void *ctx, char message[MIGRATE_MESSAGE_SIZE])
{
	struct ledger ledger;
	if (!ledger_read(migrate->connection, &ledger, message, MIGRATE_MESSAGE_SIZE))
		return MIGRATE_FAILED;
	size_t row = 0;
	uint32_t last = ledger.count ? ledger.rows[ledger.count - 1].revision : 0;
	for (uint32_t revision = 1; revision <= migrate->set->count || revision <= last;
	     revision++) {
		const struct migration_applied *applied = NULL;
		if (row < ledger.count && ledger.rows[row].revision == revision)
			applied = &ledger.rows[row++];
		each(ctx, migration_at(migrate->set, revision), applied);
	}
	ledger_clear(&ledger);
	return MIGRATE_OK;
}

enum migrate_status migrate_check(const struct migrate_settings *settings, enum migrate_fit *fit,
                                  char message[MIGRATE_MESSAGE_SIZE])
{
	struct migrate *migrate;
	struct ledger ledger;
	enum migrate_status status = migrate_open(&migrate, settings, message);
	if (status != MIGRATE_OK)
		return status;
	bool read = ledger_read(migrate->connection, &ledger, message, MIGRATE_MESSAGE_SIZE);
	if (read) {
		*fit = compare(migrate->set, &ledger, message);
		if (*fit == MIGRATE_FITS && check_progress(migrate, (uint32_t)ledger.count, false,
		                                           false, message) != MIGRATE_OK)
			*fit = MIGRATE_CHANGED;
		ledger_clear(&ledger);
	}
	migrate_close(migrate);
	return read ? MIGRATE_OK : MIGRATE_FAILED;
}
