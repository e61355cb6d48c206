#include "db/backup/scratch.h"

#include "db/startup/connect.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* A database's name, each byte as %XX. */
enum { VALUE_SIZE = 3 * 63 + 4 };

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

static const char make_sql[] =
	"SELECT format('CREATE DATABASE %I TEMPLATE template0', $1::text) || coalesce((SELECT "
	"format(' OWNER %I ENCODING %L LC_COLLATE %L LC_CTYPE %L', pg_get_userbyid(datdba), "
	"pg_encoding_to_char(encoding), datcollate, datctype) FROM pg_database WHERE datname = $2 "
	"AND datlocprovider = 'c'), '')";

static const char drop_sql[] = "SELECT format('DROP DATABASE %I WITH (FORCE)', $1::text)";

/* Who holds up a rename. */
static const char busy_sql[] =
	"SELECT count(*), string_agg(DISTINCT coalesce(nullif(application_name, ''), "
	"usename::text, "
	"'?'), ', ') FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()";

/* What belongs to a database, and no dump of it has. */
static const char carry_sql[] =
	"SELECT format('ALTER DATABASE %I SET %s TO %s', $1::text, split_part(s, '=', 1), "
	"CASE WHEN split_part(s, '=', 1) IN ('search_path', 'DateStyle', "
	"'session_preload_libraries', "
	"'local_preload_libraries', 'temp_tablespaces') THEN substr(s, strpos(s, '=') + 1) ELSE "
	"quote_literal(substr(s, strpos(s, '=') + 1)) END) "
	"FROM pg_db_role_setting, unnest(setconfig) s WHERE setrole = 0 AND setdatabase = "
	"(SELECT oid FROM pg_database WHERE datname = $2) "
	"UNION ALL SELECT format('GRANT %s ON DATABASE %I TO %s', a.privilege_type, $1::text, "
	"CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END) "
	"|| CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END "
	"FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = $2 AND a.grantee <> d.datdba "
	"UNION ALL SELECT format('REVOKE %s ON DATABASE %I FROM PUBLIC', p, $1::text) "
	"FROM pg_database d, unnest(ARRAY['CONNECT', 'TEMPORARY']) p WHERE d.datname = $2 AND "
	"d.datacl IS NOT NULL AND NOT EXISTS (SELECT FROM aclexplode(d.datacl) a WHERE a.grantee = "
	"0 "
	"AND a.privilege_type = p)";

static bool is_url(const char *conninfo)
{
	return strncmp(conninfo, "postgresql://", 13) == 0 ||
	       strncmp(conninfo, "postgres://", 11) == 0;
}

/* A name as a value of a URL (each byte as %XX) or of a list of keywords (between quotes). */
static void write_value(const char *name, bool url, char out[VALUE_SIZE])
{
	size_t at = 0;
	for (; *name && at + 4 < VALUE_SIZE; name++) {
		if (url) {
			at += (size_t)snprintf(out + at, VALUE_SIZE - at, "%%%02X",
			                       (unsigned char)*name);
			continue;
		}
		if (*name == '\'' || *name == '\\')
			out[at++] = '\\';
		out[at++] = *name;
	}
	out[at] = '\0';
}

PGconn *scratch_connect(const struct backup_settings *settings, const char *database,
                        char message[BACKUP_MESSAGE_SIZE])
{
	char conninfo[BACKUP_MESSAGE_SIZE], value[VALUE_SIZE];
	bool url = is_url(settings->conninfo);
	const char *joint = strchr(settings->conninfo, '?') ? "&" : "?";
	write_value(database, url, value);
	/* The last word on a parameter counts. */
	int n = url ? snprintf(conninfo, sizeof conninfo, "%s%sdbname=%s", settings->conninfo,
	                       joint, value)
	            : snprintf(conninfo, sizeof conninfo, "%s dbname='%s'", settings->conninfo,
	                       value);
	if (n < 0 || (size_t)n >= sizeof conninfo) {
		snprintf(message, BACKUP_MESSAGE_SIZE, "the connection string is too long");
		return NULL;
	}
	return db_connect(conninfo, settings->program, message, BACKUP_MESSAGE_SIZE);
}

static PGconn *connect_server(const struct backup_settings *settings, char *message)
{
	PGconn *server = NULL;
	for (size_t i = 0; !server && i < sizeof maintenance / sizeof *maintenance; i++)
		server = scratch_connect(settings, maintenance[i], message);
	return server;
}

static PGresult *run(PGconn *server, const char *doing, const char *sql, const char *first,
                     const char *second, char *message)
{
	const char *values[] = {first, second};
	return db_run(server, doing, sql, first ? second ? 2 : 1 : 0, values, message,
	              BACKUP_MESSAGE_SIZE);
}

/* Runs what a statement made as text, row by row. */
static bool run_each(PGconn *server, const char *doing, const char *sql, const char *first,
                     const char *second, char *message)
{
	DB_RESULT texts = run(server, doing, sql, first, second, message);
	bool good = texts != NULL;
	for (int i = 0; good && i < PQntuples(texts); i++) {
		DB_RESULT done = run(server, doing, PQgetvalue(texts, i, 0), NULL, NULL, message);
		good = done != NULL;
	}
	return good;
}

enum backup_status scratch_look(const struct backup_settings *settings,
                                struct scratch_target *target, char message[BACKUP_MESSAGE_SIZE])
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
	DB_CONNECTION there = scratch_connect(settings, target->name, message);
	DB_RESULT empty =
		there ? run(there, "look into the database", empty_sql, NULL, NULL, message) : NULL;
	target->empty = empty && *PQgetvalue(empty, 0, 0) == 't';
	return !there ? BACKUP_UNREACHABLE : !empty ? BACKUP_FAILED : BACKUP_OK;
}

enum backup_status scratch_make(struct scratch *out, const struct backup_settings *settings,
                                const struct scratch_target *target,
                                char message[BACKUP_MESSAGE_SIZE])
{
	char name[sizeof out->name];
	*out = (struct scratch){.server = connect_server(settings, message)};
	if (!out->server)
		return BACKUP_UNREACHABLE;
	snprintf(name, sizeof name, "prism_restore_%08x", randombytes_random());
	if (!run_each(out->server, "make a new database", make_sql, name, target->name, message)) {
		if (strstr(message, "permission denied"))
			snprintf(message, BACKUP_MESSAGE_SIZE,
			         "a restore is made and checked in a new database, and %s may make "
			         "none: ALTER ROLE %s CREATEDB",
			         PQuser(out->server), PQuser(out->server));
		scratch_drop(out);
		return BACKUP_FAILED;
	}
	memcpy(out->name, name, sizeof name);
	return BACKUP_OK;
}

void scratch_drop(struct scratch *scratch)
{
	char message[BACKUP_MESSAGE_SIZE];
	if (*scratch->name)
		(void)!run_each(scratch->server, "drop the scratch database", drop_sql,
		                scratch->name, NULL, message);
	PQfinish(scratch->server);
	*scratch = (struct scratch){.server = NULL};
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

static bool put_in_place(struct scratch *scratch, const struct scratch_target *target,
                         const char *aside, char *message)
{
	PGconn *server = scratch->server;
	const char *doing = "put the restored database in place";
	DB_RESULT begun = run(server, doing, "BEGIN", NULL, NULL, message);
	bool good = begun != NULL;
	if (good && target->exists)
		good = run_each(server, doing, rename_sql, target->name, aside, message);
	good = good && run_each(server, doing, rename_sql, scratch->name, target->name, message) &&
	       (!target->exists ||
	        run_each(server, doing, carry_sql, target->name, aside, message));
	DB_RESULT ended = good ? run(server, doing, "COMMIT", NULL, NULL, message) : NULL;
	if (!ended)
		PQclear(PQexec(server, "ROLLBACK"));
	return ended != NULL;
}

enum backup_status scratch_become(struct scratch *scratch, const struct backup_settings *settings,
                                  const struct scratch_target *target,
                                  char message[BACKUP_MESSAGE_SIZE])
{
	char aside[64], line[256];
	struct scratch_target former = {.name = aside};
	snprintf(aside, sizeof aside, "prism_before_%08x", randombytes_random());
	if (target->exists && is_busy(scratch->server, target->name, message))
		return BACKUP_BUSY;
	if (!put_in_place(scratch, target, aside, message))
		return BACKUP_FAILED;
	scratch->name[0] = '\0';
	if (!target->exists)
		return BACKUP_OK;
	/* Somebody may have filled it while the restore ran; by this name nobody finds it. */
	if (scratch_look(settings, &former, message) == BACKUP_OK && former.empty) {
		(void)!run_each(scratch->server, "drop the empty database", drop_sql, aside, NULL,
		                message);
	} else if (settings->note) {
		snprintf(
			line, sizeof line,
			"what was in %s is kept in the database %s; drop it when it is not needed: "
			"DROP DATABASE %s",
			target->name, aside, aside);
		settings->note(settings->ctx, line);
	}
	return BACKUP_OK;
}
