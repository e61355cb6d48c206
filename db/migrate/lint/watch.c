#include "db/migrate/lint/watch.h"
#include "db/migrate/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char tables_sql[] =
	"SELECT c.oid, c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = "
	"c.relnamespace"
	" WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_'"
	" AND n.nspname NOT IN ('information_schema', 'prism_meta') ORDER BY 2";

static const char look_sql[] =
	"SELECT c.oid, coalesce(pg_relation_filenode(c.oid), 0), coalesce(s.seq_scan, 0),"
	" coalesce((SELECT max(CASE l.mode WHEN 'ShareLock' THEN 1 WHEN 'ShareRowExclusiveLock' "
	"THEN 2"
	"   WHEN 'ExclusiveLock' THEN 3 WHEN 'AccessExclusiveLock' THEN 4 ELSE 0 END)"
	"  FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted"
	"  AND l.relation = c.oid AND l.database = (SELECT oid FROM pg_database"
	"   WHERE datname = current_database())), 0)"
	" FROM unnest($1::oid[]) o JOIN pg_class c ON c.oid = o"
	" LEFT JOIN pg_stat_xact_all_tables s ON s.relid = c.oid";

static const char columns_sql[] =
	"SELECT a.attrelid, a.attnum, a.attname FROM pg_attribute a"
	" WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped";

struct looking {
	struct watch *watch;
	PGconn *connection;
	char *oids; /* {1,2,...} */
	char *message;
	size_t message_size;
};

static PGresult *ask(const struct looking *looking, const char *sql)
{
	const char *values[] = {looking->oids};
	return db_run(looking->connection, "look at the tables", sql, 1, values, looking->message,
	              looking->message_size);
}

static uint64_t number(const PGresult *result, int row, int column)
{
	return strtoull(PQgetvalue(result, row, column), NULL, 10);
}

static struct watched *find(struct watch *watch, uint64_t oid)
{
	for (size_t i = 0; i < watch->count; i++)
		if (watch->at[i].oid == oid)
			return &watch->at[i];
	return NULL;
}

static char *list_oids(const struct watch *watch)
{
	struct text text = {0};
	char oid[16];
	text_add(&text, "{");
	for (size_t i = 0; i < watch->count; i++) {
		snprintf(oid, sizeof(oid), "%s%u", i ? "," : "", watch->at[i].oid);
		text_add(&text, oid);
	}
	text_add(&text, "}");
	return text_take(&text);
}

static void clear_columns(struct watched *table)
{
	for (size_t i = 0; i < table->column_count; i++)
		free(table->columns[i].name);
	free(table->columns);
	table->columns = NULL;
	table->column_count = 0;
}

static void take_columns(struct watch *watch, const PGresult *result)
{
	for (size_t i = 0; i < watch->count; i++)
		clear_columns(&watch->at[i]);
	for (int row = 0; row < PQntuples(result); row++) {
		struct watched *table = find(watch, number(result, row, 0));
		size_t count = table->column_count++;
		table->columns = must(realloc(table->columns,
		                              table->column_count * sizeof(struct watched_column)));
		table->columns[count] = (struct watched_column){
			(int)number(result, row, 1), must(strdup(PQgetvalue(result, row, 2)))};
	}
}

static bool has_column(const PGresult *columns, uint32_t oid, int column)
{
	for (int row = 0; row < PQntuples(columns); row++)
		if (number(columns, row, 0) == oid && (int)number(columns, row, 1) == column)
			return true;
	return false;
}

bool watch_begin(struct watch *watch, PGconn *connection, char *message, size_t message_size)
{
	*watch = (struct watch){0};
	DB_RESULT tables =
		db_run(connection, "list the tables", tables_sql, 0, NULL, message, message_size);
	if (!tables)
		return false;
	watch->count = (size_t)PQntuples(tables);
	watch->at = must_zero(watch->count, sizeof(struct watched));
	for (size_t i = 0; i < watch->count; i++) {
		watch->at[i].oid = (uint32_t)number(tables, (int)i, 0);
		watch->at[i].name = must(strdup(PQgetvalue(tables, (int)i, 1)));
	}
	/* The first look takes what there is; nothing has happened yet. */
	return watch_look(watch, connection, 0, NULL, NULL, message, message_size);
}

static void see_table(struct watched *table, const PGresult *result, int row, unsigned line,
                      struct sight *sight)
{
	uint64_t node = number(result, row, 1), scans = number(result, row, 2);
	enum lock_strength lock = (enum lock_strength)number(result, row, 3);
	sight->rewritten = node != table->node;
	sight->scans = scans > table->scans ? scans - table->scans : 0;
	if (lock > table->lock)
		table->lock_line = line;
	table->lock = lock;
	table->node = node;
	table->scans = scans;
}

static void see_columns(const struct watched *table, const PGresult *columns,
                        void (*each)(void *ctx, const struct sight *sight), void *ctx)
{
	for (size_t i = 0; i < table->column_count; i++) {
		struct sight sight = {.table = table, .lost_column = table->columns[i].name};
		if (!has_column(columns, table->oid, table->columns[i].number))
			each(ctx, &sight);
	}
}

static void see_all(struct watch *watch, const PGresult *tables, const PGresult *columns,
                    unsigned line, void (*each)(void *ctx, const struct sight *sight), void *ctx)
{
	bool *there = must_zero(watch->count, sizeof(bool));
	struct sight *sights = must_zero(watch->count, sizeof(struct sight));
	/* All locks are known before anything is told. */
	for (int row = 0; row < PQntuples(tables); row++) {
		struct watched *table = find(watch, number(tables, row, 0));
		size_t i = (size_t)(table - watch->at);
		there[i] = true;
		see_table(table, tables, row, line, &sights[i]);
	}
	for (size_t i = 0; i < watch->count && each; i++) {
		struct watched *table = &watch->at[i];
		sights[i].table = table;
		sights[i].dropped = !there[i] && !table->gone;
		table->gone = !there[i];
		if (sights[i].dropped || sights[i].rewritten || sights[i].scans)
			each(ctx, &sights[i]);
		if (!table->gone)
			see_columns(table, columns, each, ctx);
	}
	free(sights);
	free(there);
}

bool watch_look(struct watch *watch, PGconn *connection, unsigned line,
                void (*each)(void *ctx, const struct sight *sight), void *ctx, char *message,
                size_t message_size)
{
	struct looking looking = {watch, connection, list_oids(watch), message, message_size};
	DB_RESULT tables = ask(&looking, look_sql);
	DB_RESULT columns = tables ? ask(&looking, columns_sql) : NULL;
	free(looking.oids);
	if (!columns)
		return false;
	see_all(watch, tables, columns, line, each, ctx);
	take_columns(watch, columns);
	return true;
}

void watch_release(struct watch *watch)
{
	for (size_t i = 0; i < watch->count; i++)
		watch->at[i].lock = LOCK_WEAK;
}

void watch_clear(struct watch *watch)
{
	for (size_t i = 0; i < watch->count; i++) {
		clear_columns(&watch->at[i]);
		free(watch->at[i].name);
	}
	free(watch->at);
	*watch = (struct watch){0};
}
