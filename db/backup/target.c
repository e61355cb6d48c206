#include "db/backup/target.h"
#include "db/backup/properties.h"

#include "db/startup/connect.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In which databases are made; one of them is there, and takes connections. */
static const char *const maintenance[] = {"postgres", "template1"};

/* Nothing of a user's: no large object, and no relation, function, type or schema that no extension
 * brought. */
static const char empty_sql[] =
	"WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname "
	"<> 'information_schema'), thing AS ("
	"SELECT 'pg_class'::regclass AS class, oid FROM pg_class WHERE relnamespace IN (TABLE "
	"ours) "
	"UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace IN (TABLE ours) "
	"UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typnamespace IN (TABLE ours) "
	"UNION ALL SELECT 'pg_namespace'::regclass, oid FROM ours WHERE oid <> "
	"'public'::regnamespace)"
	"SELECT NOT EXISTS (SELECT FROM pg_largeobject_metadata) AND "
	"NOT EXISTS (SELECT FROM thing t WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE "
	"d.classid = t.class AND d.objid = t.oid AND d.deptype = 'e'))";

static const char drop_sql[] = "SELECT format('DROP DATABASE %I', $1::text)";

/* Names under which a restore puts what was there. */
static const char aside_sql[] =
	"SELECT datname FROM pg_database WHERE datname ~ '^prism_before_[0-9a-f]{8}$' AND "
	"pg_has_role(datdba, 'MEMBER')";

/* Who holds up a rename. */
static const char busy_sql[] =
	"SELECT count(*), string_agg(DISTINCT coalesce(nullif(application_name, ''), "
	"usename::text, "
	"'?'), ', ') FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()";

PGconn *target_connect(const struct backup_settings *settings, const char *database,
                       char message[BACKUP_MESSAGE_SIZE])
{
	char conninfo[SCRATCH_CONNINFO_SIZE];
	if (scratch_conninfo(conninfo, settings->conninfo, database))
		return db_connect(conninfo, settings->program, message, BACKUP_MESSAGE_SIZE);
	snprintf(message, BACKUP_MESSAGE_SIZE, "the connection string is too long");
	return NULL;
}

static PGconn *connect_server(const struct backup_settings *settings, char *message)
{
	PGconn *server = NULL;
	for (size_t i = 0; !server && i < sizeof maintenance / sizeof *maintenance; i++)
		server = target_connect(settings, maintenance[i], message);
	return server;
}

static PGresult *run(PGconn *server, const char *doing, const char *sql, const char *first,
                     const char *second, char *message)
{
	const char *values[] = {first, second};
	return db_run(server, doing, sql, first ? second ? 2 : 1 : 0, values, message,
	              BACKUP_MESSAGE_SIZE);
}

static bool run_each(PGconn *server, const char *doing, const char *sql, const char *first,
                     const char *second, char *message)
{
	return scratch_run_given(server, doing, sql, first, second, message, BACKUP_MESSAGE_SIZE);
}

enum backup_status target_look(const struct backup_settings *settings, struct target *target,
                               char message[BACKUP_MESSAGE_SIZE])
{
	DB_CONNECTION server = connect_server(settings, message);
	if (!server)
		return BACKUP_UNREACHABLE;
	DB_RESULT found =
		run(server, "look for the database", "SELECT 1 FROM pg_database WHERE datname = $1",
	            target->name, NULL, message);
	if (!found)
		return BACKUP_FAILED;
	target->exists = PQntuples(found) > 0;
	target->empty = true;
	if (!target->exists)
		return BACKUP_OK;
	DB_CONNECTION there = target_connect(settings, target->name, message);
	DB_RESULT empty =
		there ? run(there, "look into the database", empty_sql, NULL, NULL, message) : NULL;
	target->empty = empty && *PQgetvalue(empty, 0, 0) == 't';
	return !there ? BACKUP_UNREACHABLE : !empty ? BACKUP_FAILED : BACKUP_OK;
}

/* --- a new database ----------------------------------------------------------------------------
 */

static bool is_no_locale(const struct scratch *scratch)
{
	return strcmp(scratch->sqlstate, "42809") == 0 || /* it is not installed */
	       strcmp(scratch->sqlstate, "22023") == 0;   /* not for this encoding */
}

static enum backup_status make_like(struct scratch *out, const struct backup_settings *settings,
                                    const char *like, const char *locale, char *message)
{
	char conninfo[SCRATCH_CONNINFO_SIZE];
	PGconn *server = connect_server(settings, message);
	if (!server)
		return BACKUP_UNREACHABLE;
	if (!scratch_conninfo(conninfo, settings->conninfo, PQdb(server))) {
		snprintf(message, BACKUP_MESSAGE_SIZE, "the connection string is too long");
		PQfinish(server);
		return BACKUP_FAILED;
	}
	char user[64];
	snprintf(user, sizeof user, "%s", PQuser(server));
	const struct scratch_request request = {
		.conninfo = conninfo, .purpose = "restore", .like = like, .locale = locale};
	if (scratch_make(out, server, &request, message, BACKUP_MESSAGE_SIZE))
		return BACKUP_OK;
	if (strcmp(out->sqlstate, "42501") == 0)
		snprintf(message, BACKUP_MESSAGE_SIZE,
		         "a restore is made and checked in a new database, and %s may make "
		         "none: ALTER ROLE %s CREATEDB",
		         user, user);
	return BACKUP_FAILED;
}

enum backup_status target_make(struct scratch *out, const struct backup_settings *settings,
                               const char *like, const json_t *contents,
                               char message[BACKUP_MESSAGE_SIZE])
{
	char line[BACKUP_MESSAGE_SIZE + 128];
	json_t *encoding = json_pack("{s:O?}", "encoding", json_object_get(contents, "encoding"));
	char *const locales[] = {json_dumps(contents, JSON_COMPACT),
	                         json_dumps(encoding, JSON_COMPACT), NULL};
	enum { LOCALES = sizeof locales / sizeof *locales };
	enum backup_status status = make_like(out, settings, like, locales[0], message);
	if (status != BACKUP_OK && !like && is_no_locale(out)) {
		snprintf(line, sizeof line,
		         "the backup's locale is not to be had, this server's takes its place: %s",
		         message);
		if (settings->note)
			settings->note(settings->ctx, line);
	}
	for (size_t i = 1; i < LOCALES && status != BACKUP_OK && !like && is_no_locale(out); i++)
		status = make_like(out, settings, NULL, locales[i], message);
	for (size_t i = 0; i < LOCALES; i++)
		free(locales[i]);
	json_decref(encoding);
	return status;
}

/* --- taking the target's place ------------------------------------------------------------------
 */

static bool is_busy(PGconn *server, const char *name, char *message)
{
	DB_RESULT row = run(server, "look who uses the database", busy_sql, name, NULL, message);
	if (!row)
		return true;
	bool busy = strcmp(PQgetvalue(row, 0, 0), "0") != 0;
	if (busy)
		snprintf(message, BACKUP_MESSAGE_SIZE,
		         "%s sessions use the database %s (%s): end them (systemctl stop prismd) "
		         "and try again",
		         PQgetvalue(row, 0, 0), name, PQgetvalue(row, 0, 1));
	return busy;
}

static const char rename_sql[] =
	"SELECT format('ALTER DATABASE %I RENAME TO %I', $1::text, $2::text)";

static bool put_in_place(struct scratch *scratch, const struct backup_settings *settings,
                         const struct target *target, const json_t *dumped, char *message)
{
	PGconn *server = scratch->server;
	const char *doing = "put the restored database in place";
	json_t *former = target->exists ? properties_read(server, target->name, message) : NULL;
	json_t *properties = properties_merge(former, dumped);
	DB_RESULT begun =
		target->exists && !former ? NULL : run(server, doing, "BEGIN", NULL, NULL, message);
	bool good = begun != NULL;
	if (good && target->exists)
		good = run_each(server, doing, rename_sql, target->name, target->aside, message);
	good = good && run_each(server, doing, rename_sql, scratch->name, target->name, message) &&
	       properties_apply(server, settings, target->name, properties, message);
	DB_RESULT ended = good ? run(server, doing, "COMMIT", NULL, NULL, message) : NULL;
	if (!ended)
		PQclear(PQexec(server, "ROLLBACK"));
	json_decref(former);
	json_decref(properties);
	return ended != NULL;
}

/* Drops what was put aside, if it is empty: it was so before, or a restore was killed here. */
static bool drop_if_empty(const struct backup_settings *settings, PGconn *server, const char *aside)
{
	char ignored[BACKUP_MESSAGE_SIZE];
	struct target former = {.name = aside};
	return target_look(settings, &former, ignored) == BACKUP_OK && former.exists &&
	       former.empty &&
	       run_each(server, "drop the empty database", drop_sql, aside, NULL, ignored);
}

void target_sweep(const struct backup_settings *settings, PGconn *server)
{
	char ignored[BACKUP_MESSAGE_SIZE];
	DB_RESULT found = run(server, "look for what was left", aside_sql, NULL, NULL, ignored);
	for (int row = 0; found && row < PQntuples(found); row++)
		(void)!drop_if_empty(settings, server, PQgetvalue(found, row, 0));
}

enum backup_status target_take(struct scratch *scratch, const struct backup_settings *settings,
                               struct target *target, const json_t *dumped,
                               char message[BACKUP_MESSAGE_SIZE])
{
	char line[256];
	snprintf(target->aside, sizeof target->aside, "prism_before_%08x", randombytes_random());
	if (target->exists && is_busy(scratch->server, target->name, message))
		return BACKUP_BUSY;
	if (!put_in_place(scratch, settings, target, dumped, message))
		return BACKUP_FAILED;
	scratch_keep(scratch);
	/* Somebody may have filled it while the restore ran; by this name nobody finds it. */
	if (!target->exists || drop_if_empty(settings, scratch->server, target->aside))
		return BACKUP_OK;
	snprintf(line, sizeof line,
	         "what was in %s is kept in the database %s; drop it when it is not needed: "
	         "DROP DATABASE %s",
	         target->name, target->aside, target->aside);
	if (settings->note)
		settings->note(settings->ctx, line);
	return BACKUP_OK;
}
