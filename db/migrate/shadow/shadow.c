#include "db/migrate/shadow/shadow.h"
#include "db/migrate/shadow/guardian.h"
#include "db/startup/connect.h"

#include <stdio.h>
#include <string.h>

static const char program[] = "prism-db shadow";

/* Like the database that is asked, whose name says whose backend made it. */
static const char make_sql[] =
	"SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE "
	"%L%s',"
	" $1::text, pg_encoding_to_char(encoding), datcollate, datctype,"
	" CASE WHEN to_jsonb(d) ->> 'datlocprovider' = 'i' THEN format(' LOCALE_PROVIDER icu "
	"ICU_LOCALE %L',"
	" coalesce(to_jsonb(d) ->> 'daticulocale', to_jsonb(d) ->> 'datlocale')) ELSE '' END)"
	" FROM pg_database d WHERE datname = current_database()";

/* What is left where neither prism-db nor its guardian could drop it. */
static const char stale_sql[] =
	"SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', datname) FROM pg_database d"
	" WHERE datname ~ '^prism_shadow_[0-9]+$' AND pg_has_role(datdba, 'MEMBER')"
	" AND NOT EXISTS (SELECT FROM pg_stat_activity a"
	" WHERE a.pid::text = substr(d.datname, length('prism_shadow_') + 1))";

/* What is in it need not survive a crash of the server. */
static const char careless_sql[] =
	"SELECT format('ALTER DATABASE %I SET synchronous_commit = off', $1::text)";

static const char drop_sql[] = "SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', $1::text)";

/* The last word on a parameter counts. */
static bool name_database(char out[SHADOW_CONNINFO_SIZE], const char *conninfo, const char *name)
{
	bool url = strstr(conninfo, "://");
	int len = snprintf(out, SHADOW_CONNINFO_SIZE, "%s%sdbname=%s", conninfo,
	                   !url                    ? " "
	                   : strchr(conninfo, '?') ? "&"
	                                           : "?",
	                   name);
	return len > 0 && len < SHADOW_CONNINFO_SIZE;
}

/* Runs the statements that `sql` gives, a row each. */
static bool run_given(PGconn *server, const char *doing, const char *sql, const char *name,
                      char *message, size_t message_size)
{
	const char *values[] = {name};
	DB_RESULT given = db_run(server, doing, sql, name ? 1 : 0, values, message, message_size);
	for (int row = 0; given && row < PQntuples(given); row++) {
		DB_RESULT done = db_run(server, doing, PQgetvalue(given, row, 0), 0, NULL, message,
		                        message_size);
		if (!done)
			return false;
	}
	return given;
}

static bool may_make_databases(PGconn *server, char *message, size_t message_size)
{
	DB_RESULT row = db_run(server, "look at the role",
	                       "SELECT rolcreatedb OR rolsuper, quote_ident(rolname) FROM pg_roles"
	                       " WHERE rolname = current_user",
	                       0, NULL, message, message_size);
	if (!row)
		return false;
	bool may = PQgetvalue(row, 0, 0)[0] == 't';
	if (!may)
		snprintf(message, message_size,
		         "a schema is built in a scratch database, and %s may make none: have an "
		         "administrator run ALTER ROLE %s CREATEDB, or use another server with "
		         "--database-url",
		         PQgetvalue(row, 0, 1), PQgetvalue(row, 0, 1));
	return may;
}

static bool make(struct shadow *shadow, const char *conninfo, char *message, size_t message_size)
{
	char ignored[256];
	snprintf(shadow->name, sizeof(shadow->name), "prism_shadow_%d",
	         PQbackendPID(shadow->server));
	if (!name_database(shadow->conninfo, conninfo, shadow->name)) {
		snprintf(message, message_size, "the connection string is too long");
		return false;
	}
	if (!may_make_databases(shadow->server, message, message_size))
		return false;
	(void)!run_given(shadow->server, "drop what was left", stale_sql, NULL, ignored,
	                 sizeof(ignored));
	const struct guarded guarded = {conninfo, shadow->name, PQbackendPID(shadow->server)};
	if (!guardian_start(&shadow->guardian, &shadow->to_guardian, &guarded)) {
		snprintf(message, message_size, "no process is to be had");
		shadow->guardian = 0;
		return false;
	}
	return run_given(shadow->server, "make a scratch database", make_sql, shadow->name, message,
	                 message_size) &&
	       run_given(shadow->server, "set the scratch database up", careless_sql, shadow->name,
	                 message, message_size);
}

bool shadow_open(struct shadow *shadow, const char *conninfo, char *message, size_t message_size)
{
	*shadow = (struct shadow){.server = db_connect(conninfo, program, message, message_size)};
	if (!shadow->server)
		return false;
	if (make(shadow, conninfo, message, message_size))
		shadow->connection = db_connect(shadow->conninfo, program, message, message_size);
	if (shadow->connection)
		return true;
	shadow_close(shadow);
	return false;
}

void shadow_close(struct shadow *shadow)
{
	char ignored[256];
	PQfinish(shadow->connection);
	bool dropped =
		shadow->guardian > 0 && run_given(shadow->server, "drop the scratch database",
	                                          drop_sql, shadow->name, ignored, sizeof(ignored));
	PQfinish(shadow->server);
	if (dropped)
		guardian_dismiss(shadow->guardian, shadow->to_guardian);
	*shadow = (struct shadow){0};
}

static bool migrate_to(struct shadow *shadow, const struct migration_set *set, bool up,
                       const char *target, char message[MIGRATE_MESSAGE_SIZE])
{
	struct migrate *migrate;
	const struct migrate_settings settings = {
		.conninfo = shadow->conninfo, .program = program, .set = set};
	if (migrate_open(&migrate, &settings, message) != MIGRATE_OK)
		return false;
	enum migrate_status status = up ? migrate_upgrade(migrate, target, message)
	                                : migrate_downgrade(migrate, target, message);
	migrate_close(migrate);
	return status == MIGRATE_OK;
}

bool shadow_upgrade(struct shadow *shadow, const struct migration_set *set, const char *target,
                    char message[MIGRATE_MESSAGE_SIZE])
{
	return strcmp(target, "base") == 0 || migrate_to(shadow, set, true, target, message);
}

bool shadow_downgrade(struct shadow *shadow, const struct migration_set *set, const char *target,
                      char message[MIGRATE_MESSAGE_SIZE])
{
	return migrate_to(shadow, set, false, target, message);
}
