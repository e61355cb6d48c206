#include "db/backup/properties.h"

#include "db/startup/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char read_sql[] =
	"SELECT jsonb_build_object('owner', pg_get_userbyid(d.datdba), "
	"'comment', shobj_description(d.oid, 'pg_database'), "
	"'grants', CASE WHEN d.datacl IS NULL THEN NULL ELSE (SELECT "
	"coalesce(jsonb_agg(jsonb_build_object('to', CASE a.grantee WHEN 0 THEN NULL ELSE "
	"pg_get_userbyid(a.grantee) END, 'privilege', a.privilege_type, 'grantable', "
	"a.is_grantable) ORDER BY a.grantee, a.privilege_type), '[]') FROM aclexplode(d.datacl) a "
	"WHERE a.grantee <> d.datdba) END, "
	"'settings', (SELECT coalesce(jsonb_agg(jsonb_build_object('role', CASE r.setrole WHEN 0 "
	"THEN NULL ELSE pg_get_userbyid(r.setrole) END, 'name', split_part(s, '=', 1), 'value', "
	"substr(s, strpos(s, '=') + 1)) ORDER BY r.setrole, n), '[]') FROM pg_db_role_setting r, "
	"unnest(r.setconfig) WITH ORDINALITY u (s, n) WHERE r.setdatabase = d.oid)) "
	"FROM pg_database d WHERE d.datname = $1";

/* Statements, in an order in which the owner, who may be another one then, comes last. A list of
 * quoted names is stored as it is read; each of them is a value of its own here. */
static const char apply_sql[] =
	"WITH given AS (SELECT $1::text AS base, $2::jsonb AS p), list AS (SELECT unnest(ARRAY["
	"'search_path', 'session_preload_libraries', 'local_preload_libraries', "
	"'temp_tablespaces']) AS setting) "
	"SELECT statement FROM given, LATERAL ("
	"SELECT 1 AS step, format('COMMENT ON DATABASE %I IS %L', base, p ->> 'comment') AS "
	"statement WHERE p ->> 'comment' IS NOT NULL "
	"UNION ALL SELECT 2, format('%s SET %I TO %s', CASE WHEN s.role IS NULL THEN format('ALTER "
	"DATABASE %I', base) ELSE format('ALTER ROLE %I IN DATABASE %I', s.role, base) END, "
	"s.name, "
	"CASE WHEN s.name IN (TABLE list) THEN (SELECT string_agg(quote_literal(coalesce("
	"replace(m[1], '\"\"', '\"'), m[2])), ', ') FROM regexp_matches(s.value, "
	"'\"((?:[^\"]|\"\")*)\"|([^,\"\\s]+)', 'g') m) ELSE quote_literal(s.value) END) "
	"FROM jsonb_to_recordset(CASE jsonb_typeof(p -> 'settings') WHEN 'array' THEN p -> "
	"'settings' ELSE '[]' END) AS s(role text, name text, value text) "
	"UNION ALL SELECT 3, format('REVOKE ALL ON DATABASE %I FROM PUBLIC', base) "
	"WHERE jsonb_typeof(p -> 'grants') = 'array' "
	"UNION ALL SELECT 4, format('GRANT %s ON DATABASE %I TO %s', g.privilege, base, "
	"coalesce(quote_ident(g.\"to\"), 'PUBLIC')) || CASE WHEN g.grantable THEN ' WITH GRANT "
	"OPTION' ELSE '' END FROM jsonb_to_recordset(CASE jsonb_typeof(p -> 'grants') WHEN 'array' "
	"THEN p -> 'grants' ELSE '[]' END) AS g(\"to\" text, privilege text, grantable boolean) "
	"WHERE g.privilege IN ('CONNECT', 'CREATE', 'TEMPORARY') "
	"UNION ALL SELECT 5, format('ALTER DATABASE %I OWNER TO %I', base, p ->> 'owner') "
	"WHERE EXISTS (SELECT FROM pg_database d WHERE d.datname = base AND "
	"pg_get_userbyid(d.datdba) <> p ->> 'owner')) AS steps ORDER BY step";

json_t *properties_read(PGconn *connection, const char *database, char message[BACKUP_MESSAGE_SIZE])
{
	const char *values[] = {database};
	DB_RESULT row = db_run(connection, "read the database's properties", read_sql, 1, values,
	                       message, BACKUP_MESSAGE_SIZE);
	if (!row)
		return NULL;
	json_t *properties =
		PQntuples(row) == 1 ? json_loads(PQgetvalue(row, 0, 0), 0, NULL) : NULL;
	if (!properties)
		snprintf(message, BACKUP_MESSAGE_SIZE, "the database %s is gone", database);
	return properties;
}

static bool says_something(const json_t *value)
{
	return value && !json_is_null(value) &&
	       !(json_is_array(value) && json_array_size(value) == 0);
}

json_t *properties_merge(const json_t *former, const json_t *dumped)
{
	static const char *const keys[] = {"owner", "comment", "grants", "settings"};
	json_t *merged = json_object();
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		json_t *own = json_object_get(former, keys[i]);
		/* Grants that leave nobody anything say something, too. */
		bool kept = says_something(own) || (i == 2 && json_is_array(own));
		json_object_set(merged, keys[i], kept ? own : json_object_get(dumped, keys[i]));
	}
	return merged;
}

static bool command(PGconn *connection, const char *sql, char *message)
{
	DB_RESULT result = db_run(connection, "set the database's properties", sql, 0, NULL,
	                          message, BACKUP_MESSAGE_SIZE);
	return result;
}

static bool try_one(PGconn *connection, const struct backup_settings *settings, const char *sql,
                    char *message)
{
	char line[BACKUP_MESSAGE_SIZE];
	if (!command(connection, "SAVEPOINT property", message))
		return false;
	DB_RESULT result = PQexec(connection, sql);
	if (PQresultStatus(result) == PGRES_COMMAND_OK)
		return command(connection, "RELEASE property", message);
	db_message(line, sizeof line, "carry over a property of the database",
	           PQerrorMessage(connection));
	if (settings->note) {
		settings->note(settings->ctx, line);
		snprintf(line, sizeof line, "have an administrator run: %s", sql);
		settings->note(settings->ctx, line);
	}
	return command(connection, "ROLLBACK TO property", message);
}

bool properties_apply(PGconn *connection, const struct backup_settings *settings,
                      const char *database, const json_t *properties,
                      char message[BACKUP_MESSAGE_SIZE])
{
	char *text = json_dumps(properties, JSON_COMPACT);
	const char *values[] = {database, text};
	DB_RESULT given = text ? db_run(connection, "set the database's properties", apply_sql, 2,
	                                values, message, BACKUP_MESSAGE_SIZE)
	                       : NULL;
	bool good = given;
	for (int row = 0; good && row < PQntuples(given); row++)
		good = try_one(connection, settings, PQgetvalue(given, row, 0), message);
	free(text);
	return good;
}
