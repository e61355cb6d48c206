#include "db/backup/measure.h"
#include "db/backup/ask.h"
#include "db/backup/properties.h"

#include "db/migrate/catalog/catalog.h"
#include "db/scratch/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything of a user's, without what extensions brought: name, and the statement that measures
 * it. A row's hash is one of 64 bits of its text; their sum knows no order. */
#define RELATIONS(kinds, measure)                                                          \
	"SELECT n.nspname || '.' || c.relname, format(" measure ", n.nspname, c.relname) " \
	"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "                   \
	"WHERE c.relkind IN (" kinds ") AND c.relispopulated AND c.relpersistence <> 't' " \
	"AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' "           \
	"AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass "  \
	"AND d.objid = c.oid AND d.deptype = 'e') ORDER BY 1"

static const char tables_sql[] = RELATIONS("'r', 'm'", "'SELECT count(*) AS rows FROM ONLY %I.%I'");
static const char digests_sql[] = RELATIONS(
	"'r', 'm'", "'SELECT count(*) AS rows, coalesce(sum(hashtextextended((t.*)::text, "
		    "0)), 0) AS digest FROM ONLY %I.%I t'");
static const char sequences_sql[] = RELATIONS("'S'", "'SELECT last_value FROM %I.%I'");

static const char about_sql[] =
	"SELECT jsonb_build_object('server_version', current_setting('server_version')) "
	"|| " SCRATCH_LOCALE " FROM pg_database d WHERE d.datname = current_database()";

/* Owners, and who has grants or settings; pg_shdepend leaves the first superuser out. */
static const char roles_sql[] =
	"WITH here AS (SELECT oid, datdba FROM pg_database WHERE datname = current_database()) "
	"SELECT rolname FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%' AND oid IN ("
	"SELECT datdba FROM here UNION ALL SELECT relowner FROM pg_class WHERE oid >= 16384 "
	"UNION ALL SELECT nspowner FROM pg_namespace WHERE oid >= 16384 "
	"UNION ALL SELECT proowner FROM pg_proc WHERE oid >= 16384 "
	"UNION ALL SELECT refobjid FROM pg_shdepend, here WHERE refclassid = 'pg_authid'::regclass "
	"AND dbid = here.oid UNION ALL SELECT setrole FROM pg_db_role_setting, here "
	"WHERE setdatabase = here.oid) ORDER BY 1";

static const char revision_sql[] =
	"SELECT CASE WHEN to_regclass('prism_meta.schema_migrations') IS NULL THEN 'SELECT 0' "
	"ELSE 'SELECT coalesce(max(revision), 0) FROM prism_meta.schema_migrations' END";

/* Texts of values depend on these. */
static const char canonical_sql[] =
	"SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; "
	"SET extra_float_digits = 1; SET bytea_output = 'hex'; SET row_security = off; "
	"SET statement_timeout = 0; SET search_path = pg_catalog";

static PGresult *run(PGconn *connection, const char *sql, char *message)
{
	return ask(connection, "read what the database holds", sql, 0, NULL, message);
}

bool measure_revision(PGconn *connection, int *revision, char message[BACKUP_MESSAGE_SIZE])
{
	DB_RESULT how = run(connection, revision_sql, message);
	DB_RESULT row = how ? run(connection, PQgetvalue(how, 0, 0), message) : NULL;
	if (row)
		*revision = (int)strtol(PQgetvalue(row, 0, 0), NULL, 10);
	return row != NULL;
}

static bool add_about(PGconn *connection, json_t *out, char *message)
{
	DB_RESULT row = run(connection, about_sql, message);
	json_t *about = row ? json_loads(PQgetvalue(row, 0, 0), 0, NULL) : NULL;
	json_t *properties = about ? properties_read(connection, PQdb(connection), message) : NULL;
	json_object_update(out, about);
	json_decref(about);
	if (properties)
		json_object_set_new(out, "properties", properties);
	return properties;
}

/* Of all that a schema has, as `prism-db check` compares it. */
static bool add_fingerprint(PGconn *connection, json_t *out, char *message)
{
	struct catalog *catalog;
	char fingerprint[CATALOG_FINGERPRINT_SIZE];
	if (!catalog_read(&catalog, connection, message, BACKUP_MESSAGE_SIZE))
		return false;
	catalog_fingerprint(catalog, fingerprint);
	catalog_free(catalog);
	json_object_set_new(out, "fingerprint", json_string(fingerprint));
	return true;
}

static bool add_roles(PGconn *connection, json_t *out, char *message)
{
	json_t *roles = json_array();
	json_object_set_new(out, "roles", roles);
	DB_RESULT rows = run(connection, roles_sql, message);
	for (int i = 0; rows && i < PQntuples(rows); i++)
		json_array_append_new(roles, json_string(PQgetvalue(rows, i, 0)));
	return rows != NULL;
}

static json_t *value_of(PGresult *row, int column)
{
	const char *text = PQgetvalue(row, 0, column);
	bool digest = strcmp(PQfname(row, column), "digest") == 0;
	return digest ? json_string(text) : json_integer(strtoll(text, NULL, 10));
}

static bool measure_each(PGconn *connection, const char *sql, json_t *all, char *message)
{
	DB_RESULT relations = run(connection, sql, message);
	for (int i = 0; relations && i < PQntuples(relations); i++) {
		DB_RESULT row = run(connection, PQgetvalue(relations, i, 1), message);
		json_t *one = json_object();
		json_object_set_new(all, PQgetvalue(relations, i, 0), one);
		for (int column = 0; row && column < PQnfields(row); column++)
			json_object_set_new(one, PQfname(row, column), value_of(row, column));
		if (!row)
			return false;
	}
	return relations != NULL;
}

static bool add_relations(PGconn *connection, json_t *out, bool digests, char *message)
{
	json_t *tables = json_object(), *sequences = json_object();
	json_object_set_new(out, "tables", tables);
	json_object_set_new(out, "sequences", sequences);
	return measure_each(connection, digests ? digests_sql : tables_sql, tables, message) &&
	       measure_each(connection, sequences_sql, sequences, message);
}

json_t *measure_take(PGconn *connection, bool digests, char message[BACKUP_MESSAGE_SIZE])
{
	json_t *out = json_object();
	int revision = 0;
	PQclear(PQexec(connection, canonical_sql));
	bool good = measure_revision(connection, &revision, message);
	json_object_set_new(out, "revision", json_integer(revision));
	if (good && add_about(connection, out, message) && add_roles(connection, out, message) &&
	    add_relations(connection, out, digests, message) &&
	    add_fingerprint(connection, out, message))
		return out;
	json_decref(out);
	return NULL;
}

/* --- comparing -----------------------------------------------------------------------------------
 */

static bool differs(char *message, const char *what, const char *name, const char *dumped,
                    const char *restored)
{
	snprintf(message, BACKUP_MESSAGE_SIZE, "%s%s: %s when it was dumped, %s when restored",
	         what, name, dumped, restored);
	return false;
}

static bool table_equal(const char *name, const json_t *dumped, const json_t *restored,
                        char *message)
{
	char before[32], after[32];
	json_int_t rows = json_integer_value(json_object_get(dumped, "rows"));
	json_int_t found = json_integer_value(json_object_get(restored, "rows"));
	const char *digest = json_string_value(json_object_get(dumped, "digest"));
	const char *now = json_string_value(json_object_get(restored, "digest"));
	snprintf(before, sizeof before, "%lld rows", (long long)rows);
	snprintf(after, sizeof after, "%lld rows", (long long)found);
	if (!restored)
		return differs(message, "table ", name, before, "not there");
	if (rows != found)
		return differs(message, "table ", name, before, after);
	if (digest && now && strcmp(digest, now) != 0)
		return differs(message, "contents of ", name, digest, now);
	return true;
}

/* A sequence goes on while the dump runs. */
static bool sequence_equal(const char *name, const json_t *dumped, const json_t *restored,
                           char *message)
{
	char before[32], after[32];
	json_int_t was = json_integer_value(json_object_get(dumped, "last_value"));
	json_int_t is = json_integer_value(json_object_get(restored, "last_value"));
	snprintf(before, sizeof before, "%lld", (long long)was);
	snprintf(after, sizeof after, "%lld", (long long)is);
	if (!restored || is < was)
		return differs(message, "sequence ", name, before, restored ? after : "not there");
	return true;
}

static bool all_equal(const json_t *dumped, const json_t *restored, const char *kind,
                      bool (*equal)(const char *, const json_t *, const json_t *, char *),
                      char *message)
{
	json_t *before = json_object_get(dumped, kind), *after = json_object_get(restored, kind);
	json_t *value;
	const char *name;
	json_object_foreach(
		before, name,
		value) if (!equal(name, value, json_object_get(after, name), message)) return false;
	json_object_foreach(after, name, value) if (!json_object_get(before, name)) return differs(
		message, "", name, "not there", "there");
	return true;
}

static long major_of(const json_t *contents)
{
	const char *version = json_string_value(json_object_get(contents, "server_version"));
	return version ? strtol(version, NULL, 10) : 0;
}

/* Of one major version of PostgreSQL: another one words things otherwise. */
static bool schema_equal(const json_t *dumped, const json_t *restored, char *message)
{
	const char *was = json_string_value(json_object_get(dumped, "fingerprint"));
	const char *is = json_string_value(json_object_get(restored, "fingerprint"));
	if (!was || !is || strcmp(was, is) == 0 || major_of(dumped) != major_of(restored))
		return true;
	snprintf(message, BACKUP_MESSAGE_SIZE,
	         "the schema's fingerprint: %.16s... when it was dumped, %.16s... when restored (a "
	         "copy of the file without its manifest is restored and not compared)",
	         was, is);
	return false;
}

bool measure_equal(const json_t *dumped, const json_t *restored, char message[BACKUP_MESSAGE_SIZE])
{
	char before[16], after[16];
	json_int_t was = json_integer_value(json_object_get(dumped, "revision"));
	json_int_t is = json_integer_value(json_object_get(restored, "revision"));
	snprintf(before, sizeof before, "%04d", (int)was);
	snprintf(after, sizeof after, "%04d", (int)is);
	if (was != is)
		return differs(message, "revision", "", before, after);
	return all_equal(dumped, restored, "tables", table_equal, message) &&
	       all_equal(dumped, restored, "sequences", sequence_equal, message) &&
	       schema_equal(dumped, restored, message);
}
