#include "db/migrate/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char ledger_sql[] = "CREATE SCHEMA IF NOT EXISTS prism_meta;"
			  "CREATE TABLE IF NOT EXISTS prism_meta.schema_migrations ("
			  "  revision integer PRIMARY KEY CHECK (revision > 0),"
			  "  name text NOT NULL,"
			  "  up_sha256 text NOT NULL,"
			  "  down_sha256 text NOT NULL,"
			  "  applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),"
			  "  applied_by text NOT NULL DEFAULT current_user,"
			  "  tool_version text NOT NULL,"
			  "  duration_ms bigint NOT NULL);"
			  "CREATE TABLE IF NOT EXISTS prism_meta.migration_log ("
			  "  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
			  "  at timestamptz NOT NULL DEFAULT clock_timestamp(),"
			  "  verb text NOT NULL,"
			  "  revision integer NOT NULL,"
			  "  name text NOT NULL,"
			  "  sha256 text NOT NULL,"
			  "  done_by text NOT NULL DEFAULT session_user,"
			  "  host inet DEFAULT inet_client_addr(),"
			  "  tool_version text NOT NULL,"
			  "  duration_ms bigint NOT NULL);"
			  "CREATE TABLE IF NOT EXISTS prism_meta.migration_progress ("
			  "  one boolean PRIMARY KEY DEFAULT true CHECK (one),"
			  "  revision integer NOT NULL,"
			  "  up boolean NOT NULL,"
			  "  done integer NOT NULL,"
			  "  total integer NOT NULL,"
			  "  running boolean NOT NULL,"
			  "  sha256 text NOT NULL,"
			  "  at timestamptz NOT NULL DEFAULT clock_timestamp())";

const char ledger_share_sql[] = "DO $$ BEGIN"
				"  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'prism_app')"
				"     AND NOT (has_table_privilege('prism_app', "
				"'prism_meta.schema_migrations', 'SELECT')"
				"     AND has_table_privilege('prism_app', "
				"'prism_meta.migration_progress', 'SELECT')) THEN"
				"    GRANT USAGE ON SCHEMA prism_meta TO prism_app;"
				"    GRANT SELECT ON prism_meta.schema_migrations,"
				"      prism_meta.migration_progress TO prism_app;"
				"  END IF;"
				"END $$";

static const char read_sql[] =
	"SELECT revision, name, up_sha256, down_sha256,"
	"  to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
	"  applied_by, tool_version, duration_ms"
	" FROM prism_meta.schema_migrations ORDER BY revision";

/* One transaction: two tools that start on an empty database at once do not meet half of it. */
bool ledger_create(PGconn *connection, char *message, size_t message_size)
{
	DB_RESULT result = PQexec(connection, ledger_sql);
	if (PQresultStatus(result) == PGRES_COMMAND_OK)
		return true;
	db_message(message, message_size, "create the schema prism_meta",
	           PQerrorMessage(connection));
	return false;
}

bool ledger_share(PGconn *connection, char *message, size_t message_size)
{
	DB_RESULT result = db_run(connection, "let prism_app read prism_meta", ledger_share_sql, 0,
	                          NULL, message, message_size);
	return result != NULL;
}

static bool ledger_exists(PGconn *connection, bool *exists, char *message, size_t message_size)
{
	DB_RESULT result = db_run(connection, "look for prism_meta",
	                          "SELECT to_regclass('prism_meta.schema_migrations') IS NOT NULL",
	                          0, NULL, message, message_size);
	if (!result)
		return false;
	*exists = PQgetvalue(result, 0, 0)[0] == 't';
	return true;
}

static void take_text(char *out, size_t size, const PGresult *result, int row, int column)
{
	snprintf(out, size, "%s", PQgetvalue(result, row, column));
}

static void take_row(struct migration_applied *out, const PGresult *result, int row)
{
	out->revision = (uint32_t)strtoul(PQgetvalue(result, row, 0), NULL, 10);
	take_text(out->name, sizeof(out->name), result, row, 1);
	take_text(out->up_sha256, sizeof(out->up_sha256), result, row, 2);
	take_text(out->down_sha256, sizeof(out->down_sha256), result, row, 3);
	take_text(out->applied_at, sizeof(out->applied_at), result, row, 4);
	take_text(out->applied_by, sizeof(out->applied_by), result, row, 5);
	take_text(out->tool_version, sizeof(out->tool_version), result, row, 6);
	out->duration_ms = strtoll(PQgetvalue(result, row, 7), NULL, 10);
}

bool ledger_read(PGconn *connection, struct ledger *ledger, char *message, size_t message_size)
{
	bool exists;
	*ledger = (struct ledger){0};
	if (!ledger_exists(connection, &exists, message, message_size))
		return false;
	if (!exists)
		return true;
	DB_RESULT result = db_run(connection, "read prism_meta.schema_migrations", read_sql, 0,
	                          NULL, message, message_size);
	if (!result)
		return false;
	int count = PQntuples(result);
	ledger->rows = calloc((size_t)count + 1, sizeof(*ledger->rows));
	if (!ledger->rows) {
		snprintf(message, message_size, "out of memory");
		return false;
	}
	ledger->count = (size_t)count;
	for (int row = 0; row < count; row++)
		take_row(&ledger->rows[row], result, row);
	return true;
}

void ledger_clear(struct ledger *ledger)
{
	free(ledger->rows);
	*ledger = (struct ledger){0};
}

static const char *verb_name(enum ledger_verb verb)
{
	switch (verb) {
	case LEDGER_UPGRADE:
		return "upgrade";
	case LEDGER_DOWNGRADE:
		return "downgrade";
	case LEDGER_STAMP:
		return "stamp";
	case LEDGER_UNSTAMP:
		return "unstamp";
	}
	return "?";
}

static bool write_row(PGconn *connection, bool add, const struct migration *migration,
                      const char *revision, const char *duration, char *message,
                      size_t message_size)
{
	const char *values[] = {
		revision,      migration->name, migration->up_sha256, migration->down_sha256,
		PRISM_VERSION, duration};
	static const char add_sql[] =
		"INSERT INTO prism_meta.schema_migrations"
		" (revision, name, up_sha256, down_sha256, tool_version, duration_ms)"
		" VALUES ($1, $2, $3, $4, $5, $6)";
	static const char remove_sql[] =
		"DELETE FROM prism_meta.schema_migrations WHERE revision = $1";
	DB_RESULT result = db_run(connection, "record the migration", add ? add_sql : remove_sql,
	                          add ? 6 : 1, values, message, message_size);
	return result && strcmp(PQcmdTuples(result), "1") == 0;
}

bool ledger_record(PGconn *connection, enum ledger_verb verb, const struct migration *migration,
                   int64_t duration_ms, char *message, size_t message_size)
{
	char revision[16], duration[24];
	snprintf(revision, sizeof(revision), "%" PRIu32, migration->revision);
	snprintf(duration, sizeof(duration), "%" PRId64, duration_ms);
	bool add = verb == LEDGER_UPGRADE || verb == LEDGER_STAMP;
	snprintf(message, message_size, "the row of revision %s is not there", revision);
	if (!write_row(connection, add, migration, revision, duration, message, message_size))
		return false;
	const char *values[] = {
		verb_name(verb), revision,
		migration->name, add ? migration->up_sha256 : migration->down_sha256,
		PRISM_VERSION,   duration};
	DB_RESULT result = db_run(connection, "write the migration log",
	                          "INSERT INTO prism_meta.migration_log"
	                          " (verb, revision, name, sha256, tool_version, duration_ms)"
	                          " VALUES ($1, $2, $3, $4, $5, $6)",
	                          6, values, message, message_size);
	return result != NULL;
}
