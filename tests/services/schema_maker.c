#include "schema_maker.h"
#include "db/migrate/memory.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TABLES = 4, COLUMNS = 6, CHANGED_PERCENT = 22, WORD = 160 };

const char schema_roles[] = "CREATE ROLE reader; CREATE ROLE \"odd role\"";

struct maker {
	uint64_t base, variation;
	struct text sql;
};

/* Column types: what may be their default, what a check may say, and whether a btree takes them. */
struct type {
	const char *name, *value, *check;
};
static const struct type types[] = {
	{"integer", "7", "%s > 0"},
	{"bigint", "70", "%s > 0"},
	{"text", "'a''b'", "%s <> ''"},
	{"character varying(50)", "'x'", "length(%s) > 1"},
	{"character varying(100)", "'x'", "%s IN ('x', 'y')"},
	{"text COLLATE \"C\"", "'z'", "%s ~ 'q'"},
	{"numeric(10,2)", "1.50", "%s >= 0"},
	{"boolean", "true", "%s"},
	{"timestamp without time zone", "now()", "%s > '2020-01-01'"},
	{"timestamp with time zone", "now()", "%s > '2020-01-01'"},
	{"uuid", "gen_random_uuid()", "%s IS NOT NULL"},
	{"date", "CURRENT_DATE", "%s > '2020-01-01'"},
	{"jsonb", "'{}'", "jsonb_typeof(%s) = 'object'"},
	{"integer[]", "'{1,2}'", "cardinality(%s) > 0"},
	{"mood", "'ok'", "%s <> 'sad'"},
	{"mood[]", "'{ok}'", "cardinality(%s) > 0"},
	{"mail", "'a@b'", "%s <> 'x@y'"},
	{"audit.pair", NULL, "%s IS NOT NULL"},
};
enum { TYPES = sizeof(types) / sizeof(types[0]) };

static uint64_t mix(uint64_t value)
{
	value += 0x9E3779B97F4A7C15;
	value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
	value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
	return value ^ (value >> 31);
}

static uint64_t hash(const char *what)
{
	uint64_t value = 0xCBF29CE484222325;
	for (; *what; what++)
		value = (value ^ (unsigned char)*what) * 0x100000001B3;
	return value;
}

__attribute__((format(printf, 3, 4))) static unsigned pick(const struct maker *maker,
                                                           unsigned count, const char *format, ...)
{
	char what[WORD];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	uint64_t named = hash(what), drawn = mix(maker->base ^ mix(named));
	if (maker->variation && mix(maker->variation ^ mix(named + 1)) % 100 < CHANGED_PERCENT)
		drawn = mix(drawn ^ mix(maker->variation));
	return (unsigned)(drawn % count);
}

__attribute__((format(printf, 2, 3))) static void say(struct maker *maker, const char *format, ...)
{
	char line[2048];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	text_add(&maker->sql, line);
	text_add(&maker->sql, "\n");
}

static void make_types(struct maker *maker)
{
	static const char *const labels[] = {"'sad', 'ok'", "'sad', 'ok', 'glad'",
	                                     "'sad', 'meh', 'ok'", "'ok', 'sad'",
	                                     "'it''s', 'sad', 'ok', 'glad\\'"};
	static const char *const bases[] = {"text", "varchar(200)", "text COLLATE \"C\""};
	say(maker, "CREATE TYPE mood AS ENUM (%s);", labels[pick(maker, 5, "mood")]);
	say(maker, "CREATE DOMAIN mail AS %s%s%s%s;", bases[pick(maker, 3, "mail")],
	    pick(maker, 2, "mail default") ? " DEFAULT 'n@n'" : "",
	    pick(maker, 2, "mail null") ? " NOT NULL" : "",
	    pick(maker, 2, "mail check") ? " CHECK (VALUE LIKE '%@%')"
	                                 : " CONSTRAINT at CHECK (VALUE ~ '@')");
	say(maker, "CREATE TYPE audit.pair AS (a integer, b %s%s);",
	    pick(maker, 2, "pair b") ? "text" : "varchar(9)",
	    pick(maker, 2, "pair c") ? ", c date" : "");
	if (pick(maker, 3, "range") == 0)
		say(maker, "CREATE TYPE span AS RANGE (subtype = %s);",
		    pick(maker, 2, "span") ? "float8" : "numeric");
	if (pick(maker, 3, "collation") == 0)
		say(maker, "CREATE COLLATION sorted (provider = icu, locale = '%s');",
		    pick(maker, 2, "locale") ? "de" : "en-u-kn-true");
	if (pick(maker, 2, "sequence"))
		say(maker, "CREATE SEQUENCE tickets%s%s%s;",
		    pick(maker, 2, "tickets as") ? " AS integer" : "",
		    pick(maker, 2, "tickets by") ? " INCREMENT 5 START 10" : "",
		    pick(maker, 2, "tickets cycle") ? " CYCLE CACHE 3" : "");
}

static void make_functions(struct maker *maker)
{
	static const char *const results[] = {"integer", "bigint"};
	unsigned result = pick(maker, 2, "twice result");
	say(maker,
	    "CREATE FUNCTION twice(n %s) RETURNS %s LANGUAGE sql IMMUTABLE %s AS 'SELECT n * %u';",
	    results[result], results[result],
	    pick(maker, 2, "twice strict") ? "STRICT" : "PARALLEL SAFE",
	    pick(maker, 3, "twice body") + 2);
	say(maker,
	    "CREATE FUNCTION audit.touch() RETURNS trigger LANGUAGE plpgsql AS $f$"
	    " BEGIN /* %u */ RETURN NEW; END $f$;",
	    pick(maker, 3, "touch"));
	if (pick(maker, 2, "once"))
		say(maker, "CREATE FUNCTION once(a integer%s) RETURNS integer %s;",
		    pick(maker, 2, "once b") ? ", b integer DEFAULT 2" : "",
		    pick(maker, 2, "once body") ? "RETURN a" : "IMMUTABLE RETURN a + 1");
	if (pick(maker, 2, "procedure"))
		say(maker, "CREATE PROCEDURE tidy(%s) LANGUAGE plpgsql AS 'BEGIN END';",
		    pick(maker, 2, "tidy") ? "a text" : "");
}

static bool has_table(const struct maker *maker, unsigned table)
{
	return pick(maker, 5, "t%u", table) > 0;
}

static bool is_unlogged(const struct maker *maker, unsigned table)
{
	return pick(maker, 6, "t%u unlogged", table) == 0;
}

static bool has_column(const struct maker *maker, unsigned table, unsigned column)
{
	return pick(maker, 4, "t%u.c%u", table, column) > 0;
}

static const struct type *type_of(const struct maker *maker, unsigned table, unsigned column)
{
	return &types[pick(maker, TYPES, "t%u.c%u type", table, column)];
}

static const char *table_name(unsigned table)
{
	static const char *const names[TABLES] = {"t0", "t1", "audit.t2", "\"T 3\""};
	return names[table];
}

static void make_column(struct maker *maker, unsigned table, unsigned column)
{
	const struct type *type = type_of(maker, table, column);
	char line[512];
	int len = snprintf(line, sizeof(line), ", c%u %s", column, type->name);
	if (type->value && pick(maker, 3, "t%u.c%u default", table, column) == 0)
		len += snprintf(line + len, sizeof(line) - (size_t)len, " DEFAULT %s", type->value);
	if (pick(maker, 3, "t%u.c%u null", table, column) == 0)
		len += snprintf(line + len, sizeof(line) - (size_t)len, " NOT NULL");
	if (pick(maker, 4, "t%u.c%u check", table, column) == 0) {
		char name[8], check[64];
		snprintf(name, sizeof(name), "c%u", column);
		snprintf(check, sizeof(check), type->check, name);
		len += snprintf(line + len, sizeof(line) - (size_t)len, " CHECK (%s)", check);
	}
	if (pick(maker, 6, "t%u.c%u unique", table, column) == 0)
		snprintf(line + len, sizeof(line) - (size_t)len, " UNIQUE");
	say(maker, "%s", line);
}

static void make_table(struct maker *maker, unsigned table)
{
	static const char *const ids[] = {
		"bigint GENERATED BY DEFAULT AS IDENTITY",
		"bigint GENERATED ALWAYS AS IDENTITY (START WITH 9 INCREMENT BY 2)", "bigserial",
		"bigint", "integer GENERATED BY DEFAULT AS IDENTITY"};
	static const char *const sums[] = {"", ", s bigint GENERATED ALWAYS AS (n * 2) STORED",
	                                   ", s bigint GENERATED ALWAYS AS (n + twice(n)) STORED",
	                                   ", s bigint"};
	say(maker, "CREATE %sTABLE %s (id %s%s, n integer%s",
	    is_unlogged(maker, table) ? "UNLOGGED " : "", table_name(table),
	    ids[pick(maker, 5, "t%u id", table)],
	    pick(maker, 4, "t%u key", table) ? " PRIMARY KEY" : " UNIQUE",
	    sums[pick(maker, 4, "t%u sum", table)]);
	for (unsigned column = 0; column < COLUMNS; column++)
		if (has_column(maker, table, column))
			make_column(maker, table, column);
	if (pick(maker, 4, "t%u exclusion", table) == 0)
		say(maker, ", EXCLUDE USING gist (int4range(n, n + 1) WITH &&)");
	say(maker, ")%s;", pick(maker, 5, "t%u fill", table) ? "" : " WITH (fillfactor = 80)");
}

static bool indexable(const struct type *type)
{
	return strcmp(type->name, "audit.pair") != 0;
}

static void make_indexes(struct maker *maker, unsigned table)
{
	const char *name = table_name(table);
	for (unsigned column = 0; column < COLUMNS; column++) {
		const struct type *type = type_of(maker, table, column);
		if (!has_column(maker, table, column) || !indexable(type))
			continue;
		if (strcmp(type->name, "jsonb") == 0 &&
		    pick(maker, 2, "t%u.c%u gin", table, column))
			say(maker, "CREATE INDEX i%u_%u_gin ON %s USING gin (c%u jsonb_path_ops);",
			    table, column, name, column);
		else if (pick(maker, 3, "t%u.c%u index", table, column) == 0)
			say(maker, "CREATE %sINDEX i%u_%u ON %s (c%u%s, id)%s%s;",
			    pick(maker, 3, "i%u_%u unique", table, column) ? "" : "UNIQUE ", table,
			    column, name, column,
			    pick(maker, 3, "i%u_%u desc", table, column) ? "" : " DESC NULLS LAST",
			    pick(maker, 3, "i%u_%u include", table, column) ? "" : " INCLUDE (n)",
			    pick(maker, 2, "i%u_%u where", table, column) ? "" : " WHERE n > 3");
		if (strcmp(type->name, "mood") == 0)
			say(maker, "CREATE INDEX i%u_%u_ok ON %s (id) WHERE c%u = 'ok';", table,
			    column, name, column);
	}
	if (pick(maker, 3, "t%u twice", table) == 0)
		say(maker, "CREATE INDEX i%u_twice ON %s (twice(n));", table, name);
	if (pick(maker, 4, "t%u statistics", table) == 0)
		say(maker, "CREATE STATISTICS st%u ON n, id FROM %s;", table, name);
}

static void make_references(struct maker *maker, unsigned table)
{
	static const char *const deletes[] = {"", " ON DELETE CASCADE",
	                                      " DEFERRABLE INITIALLY DEFERRED"};
	for (unsigned other = 0; other < TABLES; other++)
		/* What is lost in a crash cannot be referred to. */
		if (has_table(maker, other) && !is_unlogged(maker, other) &&
		    pick(maker, 4, "t%u to t%u", table, other) == 0)
			say(maker,
			    "ALTER TABLE %s ADD COLUMN t%u_id bigint,"
			    " ADD FOREIGN KEY (t%u_id) REFERENCES %s (id)%s%s;",
			    table_name(table), other, other, table_name(other),
			    deletes[pick(maker, 3, "t%u to t%u delete", table, other)],
			    pick(maker, 6, "t%u to t%u valid", table, other) ? "" : " NOT VALID");
}

static void make_rules(struct maker *maker, unsigned table)
{
	const char *name = table_name(table);
	if (pick(maker, 3, "t%u trigger", table) == 0) {
		say(maker,
		    "CREATE TRIGGER touch BEFORE %s ON %s FOR EACH ROW %s EXECUTE FUNCTION "
		    "audit.touch();",
		    pick(maker, 2, "t%u trigger when", table) ? "UPDATE OF n" : "INSERT OR UPDATE",
		    name, pick(maker, 2, "t%u trigger if", table) ? "WHEN (NEW.n > 0)" : "");
		if (pick(maker, 3, "t%u trigger off", table) == 0)
			say(maker, "ALTER TABLE %s DISABLE TRIGGER touch;", name);
	}
	if (pick(maker, 3, "t%u security", table) == 0)
		say(maker, "ALTER TABLE %s ENABLE ROW LEVEL SECURITY%s;", name,
		    pick(maker, 2, "t%u forced", table) ? ", FORCE ROW LEVEL SECURITY" : "");
	if (pick(maker, 3, "t%u policy", table) == 0)
		say(maker, "CREATE POLICY mine ON %s%s FOR %s TO %s USING (n > %u);", name,
		    pick(maker, 2, "t%u restrictive", table) ? "" : " AS RESTRICTIVE",
		    pick(maker, 2, "t%u for", table) ? "ALL" : "SELECT",
		    pick(maker, 2, "t%u role", table) ? "PUBLIC" : "reader, \"odd role\"",
		    pick(maker, 2, "t%u over", table));
	if (pick(maker, 4, "t%u identity", table) == 0)
		say(maker, "ALTER TABLE %s REPLICA IDENTITY FULL;", name);
	if (pick(maker, 4, "t%u storage", table) == 0)
		say(maker, "ALTER TABLE %s ALTER COLUMN n SET STATISTICS %u;", name,
		    pick(maker, 2, "t%u statistic", table) + 10);
}

static void make_partitions(struct maker *maker)
{
	if (pick(maker, 3, "parts") == 0)
		return;
	say(maker, "CREATE TABLE parts (k integer NOT NULL, v text%s%s) PARTITION BY RANGE (k);",
	    pick(maker, 2, "parts key") ? ", PRIMARY KEY (k)" : "",
	    pick(maker, 2, "parts check") ? ", CHECK (v <> '')" : "");
	for (unsigned part = 0; part < 3; part++)
		if (pick(maker, 3, "part%u", part))
			say(maker,
			    "CREATE TABLE part%u PARTITION OF parts FOR VALUES FROM (%u) TO (%u);",
			    part, part * 100,
			    part * 100 + 50 + 10 * pick(maker, 2, "part%u to", part));
	if (pick(maker, 2, "parts index"))
		say(maker, "CREATE INDEX parts_v ON parts (v%s);",
		    pick(maker, 2, "parts v") ? "" : " DESC");
}

static void make_views(struct maker *maker)
{
	for (unsigned table = 0; table < TABLES; table++) {
		if (!has_table(maker, table) || pick(maker, 2, "v%u", table))
			continue;
		unsigned column = pick(maker, COLUMNS, "v%u column", table);
		bool extra = has_column(maker, table, column);
		say(maker, "CREATE VIEW v%u%s AS SELECT id, n%s%u AS c FROM %s WHERE n > %u;",
		    table, pick(maker, 3, "v%u barrier", table) ? "" : " WITH (security_barrier)",
		    extra ? ", c" : ", 1", extra ? column : 0, table_name(table),
		    pick(maker, 2, "v%u over", table));
		if (pick(maker, 2, "w%u", table))
			say(maker,
			    "CREATE VIEW w%u AS SELECT count(*) AS many, min(n) AS least FROM v%u;",
			    table, table);
		if (pick(maker, 3, "m%u", table) == 0)
			say(maker,
			    "CREATE MATERIALIZED VIEW m%u AS SELECT n FROM v%u; CREATE INDEX m%u_n "
			    "ON m%u (n);",
			    table, table, table, table);
		if (pick(maker, 4, "r%u", table) == 0)
			say(maker, "CREATE RULE quiet AS ON DELETE TO v%u DO INSTEAD NOTHING;",
			    table);
	}
}

static void make_grants(struct maker *maker)
{
	if (pick(maker, 2, "usage"))
		say(maker, "GRANT USAGE ON SCHEMA audit TO reader%s;",
		    pick(maker, 2, "usage option") ? " WITH GRANT OPTION" : "");
	if (pick(maker, 3, "mood usage") == 0)
		say(maker,
		    "REVOKE USAGE ON TYPE mood FROM PUBLIC; GRANT USAGE ON TYPE mood TO reader;");
	if (pick(maker, 3, "touch usage") == 0)
		say(maker, "REVOKE EXECUTE ON FUNCTION audit.touch() FROM PUBLIC;");
	for (unsigned table = 0; table < TABLES; table++) {
		if (!has_table(maker, table))
			continue;
		if (pick(maker, 2, "t%u select", table))
			say(maker, "GRANT SELECT%s ON %s TO reader;",
			    pick(maker, 2, "t%u more", table) ? ", DELETE" : "", table_name(table));
		if (pick(maker, 4, "t%u columns", table) == 0)
			say(maker, "GRANT UPDATE (n) ON %s TO \"odd role\";", table_name(table));
		if (pick(maker, 4, "t%u revoke", table) == 0)
			say(maker, "REVOKE INSERT ON %s FROM reader;", table_name(table));
	}
}

static void make_comments(struct maker *maker)
{
	for (unsigned table = 0; table < TABLES; table++) {
		if (!has_table(maker, table))
			continue;
		if (pick(maker, 2, "t%u comment", table))
			say(maker, "COMMENT ON TABLE %s IS 'it''s %u\\';", table_name(table),
			    pick(maker, 2, "t%u text", table));
		if (pick(maker, 3, "t%u.n comment", table) == 0)
			say(maker, "COMMENT ON COLUMN %s.n IS 'how many';", table_name(table));
	}
	if (pick(maker, 2, "mood comment"))
		say(maker, "COMMENT ON TYPE mood IS 'how it goes'; COMMENT ON FUNCTION "
		           "audit.touch() IS 'touches';");
	if (pick(maker, 2, "schema comment"))
		say(maker, "COMMENT ON SCHEMA audit IS 'who did what';");
}

char *schema_make(uint64_t base, uint64_t variation)
{
	struct maker maker = {.base = base, .variation = variation};
	say(&maker, "CREATE SCHEMA audit;");
	if (pick(&maker, 2, "defaults"))
		say(&maker,
		    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT%s ON TABLES TO reader;",
		    pick(&maker, 2, "defaults more") ? ", INSERT" : "");
	if (pick(&maker, 4, "public defaults") == 0)
		say(&maker, "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;");
	make_types(&maker);
	make_functions(&maker);
	for (unsigned table = 0; table < TABLES; table++)
		if (has_table(&maker, table))
			make_table(&maker, table);
	for (unsigned table = 0; table < TABLES; table++) {
		if (!has_table(&maker, table))
			continue;
		make_references(&maker, table);
		make_indexes(&maker, table);
		make_rules(&maker, table);
	}
	make_partitions(&maker);
	make_views(&maker);
	make_grants(&maker);
	make_comments(&maker);
	return text_take(&maker.sql);
}
