#include "db/migrate/lint/lint.h"
#include "db/migrate/autocommit.h"
#include "db/migrate/explain.h"
#include "db/migrate/lint/watch.h"
#include "db/migrate/memory.h"
#include "db/migrate/shadow/shadow.h"
#include "db/migrate/split.h"
#include "db/migrate/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct rule_info rules[RULE_COUNT] = {
#define RULE(constant, name, about) {name, about},
#include "db/migrate/lint/rules.def"
#undef RULE
};

/* One of a migration's two files. */
struct side {
	const char *sql;
	char file[MIGRATION_NAME_SIZE + 16];
	bool allowed[RULE_COUNT];
};

struct lint {
	const struct lint_settings *settings;
	const struct migration *migration;
	struct side up, down, *side; /* which of them is looked at */
	struct text before; /* "\ntable\ntable.column\n...": what was there before the up */
	struct shadow shadow;
	struct watch watch;
	struct split split;
	const struct statement_text *statement; /* that was run last */
	char *constraints;                      /* {oids} of those that were there */
	char *message;
};

__attribute__((format(printf, 4, 5))) static void report(const struct lint *lint, enum rule rule,
                                                         unsigned line, const char *format, ...)
{
	char text[512];
	va_list arguments;
	if (lint->side->allowed[rule])
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	const struct finding finding = {rule, lint->side->file, line, text};
	lint->settings->each(lint->settings->ctx, &finding);
}

/* --- what is allowed ----------------------------------------------------------------------------
 */

/* `-- prism: allow rewrite: why`, a line each. */
static void read_allowed(struct lint *lint)
{
	static const char directive[] = "-- prism: allow ";
	unsigned line = 1;
	for (const char *at = lint->side->sql; *at; line++) {
		size_t len = strcspn(at, "\n"), prefix = strlen(directive), known = 0;
		if (strncmp(at, directive, prefix) == 0) {
			size_t name = strcspn(at + prefix, " :\r\n");
			while (known < RULE_COUNT &&
			       (strlen(rules[known].name) != name ||
			        strncmp(rules[known].name, at + prefix, name) != 0))
				known++;
			if (known < RULE_COUNT)
				lint->side->allowed[known] = true;
			else
				report(lint, RULE_UNKNOWN_RULE, line, "there is no rule '%.*s'",
				       (int)name, at + prefix);
		}
		at += len + (at[len] != '\0');
	}
}

/* --- what a statement does ----------------------------------------------------------------------
 */

static bool contains(const struct statement_text *statement, const char *words)
{
	size_t len = strlen(words);
	for (size_t i = 0; i + len <= statement->length; i++)
		if (strncasecmp(statement->text + i, words, len) == 0)
			return true;
	return false;
}

static const char *advice(const struct statement_text *statement)
{
	if (contains(statement, "create index") || contains(statement, "create unique index"))
		return "; CREATE INDEX CONCURRENTLY does not lock it";
	if (contains(statement, "set not null"))
		return "; a validated CHECK (... IS NOT NULL) spares it";
	if (contains(statement, "foreign key") || contains(statement, "references") ||
	    contains(statement, "check"))
		return "; add it NOT VALID, and VALIDATE it in a transaction of its own";
	if (contains(statement, "unique") || contains(statement, "primary key"))
		return "; build its index CONCURRENTLY, and add it USING INDEX";
	return "; let it have a transaction of its own";
}

static const char *lock_words(enum lock_strength lock)
{
	return lock == LOCK_ACCESS_EXCLUSIVE ? "nobody can use" : "nobody can write to";
}

static void see_scan(const struct lint *lint, const struct sight *sight)
{
	const struct watched *locked = sight->table;
	for (size_t i = 0; i < lint->watch.count && locked->lock == LOCK_WEAK; i++)
		if (!lint->watch.at[i].gone)
			locked = &lint->watch.at[i];
	if (locked->lock == LOCK_WEAK)
		return;
	if (locked == sight->table)
		report(lint, RULE_LONG_LOCK, lint->statement->line,
		       "reads all of %s, which %s since line %u%s", locked->name,
		       lock_words(locked->lock), locked->lock_line, advice(lint->statement));
	else
		report(lint, RULE_LONG_LOCK, lint->statement->line,
		       "reads all of %s while %s is locked: %s it since line %u%s",
		       sight->table->name, locked->name, lock_words(locked->lock),
		       locked->lock_line, advice(lint->statement));
}

/* A down is there to lose what its up has made; nothing is said of that. */
static bool is_worth_telling(const struct lint *lint, const struct sight *sight)
{
	struct text name = {0};
	text_add_all(&name, "\n", sight->table->name, sight->lost_column ? "." : "",
	             sight->lost_column ? sight->lost_column : "", "\n", NULL);
	bool was_there = strstr(text_string(&lint->before), text_string(&name));
	text_clear(&name);
	return lint->side == &lint->up || was_there || !(sight->lost_column || sight->dropped);
}

static void see(void *ctx, const struct sight *sight)
{
	const struct lint *lint = ctx;
	unsigned line = lint->statement->line;
	if (!is_worth_telling(lint, sight))
		return;
	if (sight->lost_column)
		report(lint, RULE_DATA_LOSS, line, "drops the column %s.%s with what it holds",
		       sight->table->name, sight->lost_column);
	else if (sight->dropped)
		report(lint, RULE_DATA_LOSS, line, "drops the table %s with what it holds",
		       sight->table->name);
	else if (sight->rewritten && strncasecmp(lint->statement->text, "truncate", 8) == 0)
		report(lint, RULE_DATA_LOSS, line, "empties %s", sight->table->name);
	else if (sight->rewritten)
		report(lint, RULE_REWRITE, line,
		       "writes all of %s anew, which nobody can use meanwhile", sight->table->name);
	else if (sight->scans)
		see_scan(lint, sight);
}

enum ran { RAN, RAN_ALONE, RAN_NOT };

static enum ran run(struct lint *lint, const struct statement_text *statement)
{
	char *sql = must(strndup(statement->text, statement->length));
	DB_RESULT result = PQexec(lint->shadow.connection, sql);
	ExecStatusType status = PQresultStatus(result);
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	bool fine = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
	lint->statement = statement;
	if (sqlstate && strcmp(sqlstate, "55P04") == 0)
		report(lint, RULE_ENUM_VALUE, statement->line,
		       "%s; add it in a migration of its own",
		       PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
	if (!fine)
		explain(result, lint->side->file, sql, statement->line, lint->message,
		        MIGRATE_MESSAGE_SIZE);
	free(sql);
	if (!fine)
		return sqlstate && strcmp(sqlstate, "25001") == 0 ? RAN_ALONE : RAN_NOT;
	return watch_look(&lint->watch, lint->shadow.connection, statement->line, see, lint,
	                  lint->message, MIGRATE_MESSAGE_SIZE)
	               ? RAN
	               : RAN_NOT;
}

static bool command(struct lint *lint, const char *sql)
{
	DB_RESULT result = PQexec(lint->shadow.connection, sql);
	if (PQresultStatus(result) == PGRES_COMMAND_OK)
		return true;
	db_message(lint->message, MIGRATE_MESSAGE_SIZE, "run the migration",
	           PQerrorMessage(lint->shadow.connection));
	return false;
}

static bool is_word(const struct statement_text *statement, const char *word)
{
	return statement->length == strlen(word) &&
	       strncasecmp(statement->text, word, statement->length) == 0;
}

/* As prism-db runs a file without a transaction: each statement in one of its own, blocks in one,
 * what cannot be in one alone. */
static bool run_units(struct lint *lint)
{
	bool block = false, fine = true;
	for (size_t i = 0; fine && i < lint->split.count; i++) {
		const struct statement_text *statement = &lint->split.at[i];
		bool begins = is_word(statement, "begin"), commits = is_word(statement, "commit");
		enum ran ran = RAN;
		if (!block)
			fine = command(lint, STEP_BEGIN);
		if (fine && !begins && !commits)
			ran = run(lint, statement);
		block = begins || (block && !commits);
		fine = fine && ran != RAN_NOT && !(ran == RAN_ALONE && block);
		if (ran == RAN_ALONE && fine)
			fine = command(lint, "ROLLBACK") && run(lint, statement) == RAN;
		else if (fine && !block)
			fine = command(lint, "COMMIT");
		if (!block)
			watch_release(&lint->watch);
	}
	return fine;
}

static bool run_whole(struct lint *lint)
{
	bool fine = command(lint, STEP_BEGIN);
	for (size_t i = 0; fine && i < lint->split.count; i++)
		fine = run(lint, &lint->split.at[i]) == RAN;
	return fine;
}

/* --- what is there afterwards -------------------------------------------------------------------
 */

static const char constraints_sql[] = "SELECT coalesce(array_agg(oid), '{}') FROM pg_constraint";

/* An index serves a foreign key if what it begins with are columns of it, the last one among them:
 * the one that tells rows apart. */
static const char unindexed_sql[] =
	"SELECT k.conrelid::regclass, k.conname, (SELECT string_agg(quote_ident(a.attname), ', '"
	"  ORDER BY c.at) FROM unnest(k.conkey) WITH ORDINALITY c (number, at)"
	"  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.number)"
	" FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid"
	" WHERE k.contype = 'f' AND k.conparentid = 0 AND k.oid <> ALL ($1::oid[])"
	" AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indisvalid"
	"  AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) ~ '^\\([^()]+ IS NOT "
	"NULL\\)$')"
	"  AND EXISTS (SELECT FROM generate_series(0, i.indnkeyatts - 1) n"
	"   WHERE i.indkey[n] = k.conkey[cardinality(k.conkey)]"
	"   AND (SELECT bool_and(i.indkey[m] = ANY (k.conkey)) FROM generate_series(0, n) m)))"
	" ORDER BY 1, 2";

static const char tenant_sql[] =
	"SELECT c.oid::regclass, NULL, NULL FROM pg_class c JOIN pg_namespace n ON n.oid = "
	"c.relnamespace"
	" WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.oid <> ALL ($2::oid[])"
	" AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'prism_meta')"
	" AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid"
	"  AND a.attname = 'organization_id' AND NOT a.attisdropped)"
	" UNION ALL SELECT k.conrelid::regclass, k.conname, k.confrelid::regclass FROM "
	"pg_constraint k"
	" JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attname = 'organization_id'"
	" JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attname = 'organization_id'"
	" WHERE k.contype = 'f' AND k.conparentid = 0 AND k.oid <> ALL ($1::oid[])"
	" AND NOT a.attisdropped AND NOT b.attisdropped AND a.attnum <> ALL (k.conkey) ORDER BY 1, "
	"2";

static PGresult *ask(struct lint *lint, const char *sql, int count, const char *tables)
{
	const char *values[] = {lint->constraints, tables};
	return db_run(lint->shadow.connection, "look at the schema", sql, count, values,
	              lint->message, MIGRATE_MESSAGE_SIZE);
}

static bool look_at_keys(struct lint *lint)
{
	DB_RESULT keys = ask(lint, unindexed_sql, 1, NULL);
	for (int row = 0; keys && row < PQntuples(keys); row++)
		report(lint, RULE_FOREIGN_KEY_INDEX, 0,
		       "%s of %s has no index that begins with its columns (%s)",
		       PQgetvalue(keys, row, 1), PQgetvalue(keys, row, 0),
		       PQgetvalue(keys, row, 2));
	return keys;
}

static bool look_at_tenants(struct lint *lint)
{
	struct text tables = {0};
	char oid[16];
	text_add(&tables, "{");
	for (size_t i = 0; i < lint->watch.count; i++) {
		snprintf(oid, sizeof(oid), "%s%u", i ? "," : "", lint->watch.at[i].oid);
		text_add(&tables, oid);
	}
	text_add(&tables, "}");
	DB_RESULT found = ask(lint, tenant_sql, 2, text_string(&tables));
	text_clear(&tables);
	for (int row = 0; found && row < PQntuples(found); row++)
		if (PQgetisnull(found, row, 1))
			report(lint, RULE_ORGANIZATION_ID, 0, "the table %s has no organization_id",
			       PQgetvalue(found, row, 0));
		else
			report(lint, RULE_ORGANIZATION_ID, 0,
			       "%s of %s does not include organization_id: it may point into "
			       "another organization's %s",
			       PQgetvalue(found, row, 1), PQgetvalue(found, row, 0),
			       PQgetvalue(found, row, 2));
	return found;
}

/* --- all of it ----------------------------------------------------------------------------------
 */

static bool open_at(struct lint *lint, uint32_t revision)
{
	char target[16];
	snprintf(target, sizeof(target), revision ? "%04u" : "base", revision);
	return shadow_open(&lint->shadow, lint->settings->conninfo, lint->message,
	                   MIGRATE_MESSAGE_SIZE) &&
	       shadow_upgrade(&lint->shadow, lint->settings->set, target, lint->message);
}

/* The names that the watch has begun with. */
static void remember(struct lint *lint)
{
	text_add(&lint->before, "\n");
	for (size_t i = 0; i < lint->watch.count; i++) {
		const struct watched *table = &lint->watch.at[i];
		text_add_all(&lint->before, table->name, "\n", NULL);
		for (size_t column = 0; column < table->column_count; column++)
			text_add_all(&lint->before, table->name, ".", table->columns[column].name,
			             "\n", NULL);
	}
}

static bool begin(struct lint *lint, struct side *side)
{
	char why[256];
	lint->side = side;
	split_free(&lint->split);
	watch_clear(&lint->watch);
	if (!split_sql(&lint->split, side->sql, why, sizeof(why))) {
		snprintf(lint->message, MIGRATE_MESSAGE_SIZE, "%s: %s", side->file, why);
		return false;
	}
	read_allowed(lint);
	return watch_begin(&lint->watch, lint->shadow.connection, lint->message,
	                   MIGRATE_MESSAGE_SIZE);
}

/* What one transaction did is taken back. */
static void end(struct lint *lint)
{
	if (PQtransactionStatus(lint->shadow.connection) != PQTRANS_IDLE)
		PQclear(PQexec(lint->shadow.connection, "ROLLBACK"));
}

static bool run_side(struct lint *lint)
{
	return autocommit_wanted(lint->side->sql) ? run_units(lint) : run_whole(lint);
}

static bool watch_up(struct lint *lint)
{
	DB_RESULT constraints =
		db_run(lint->shadow.connection, "list the constraints", constraints_sql, 0, NULL,
	               lint->message, MIGRATE_MESSAGE_SIZE);
	if (!constraints || !begin(lint, &lint->up))
		return false;
	remember(lint);
	lint->constraints = must(strdup(PQgetvalue(constraints, 0, 0)));
	bool fine = run_side(lint) && look_at_keys(lint) && look_at_tenants(lint);
	end(lint);
	return fine;
}

static bool watch_down(struct lint *lint)
{
	/* What is meant in the up is, on the way back. */
	memcpy(lint->down.allowed, lint->up.allowed, sizeof(lint->up.allowed));
	bool fine = begin(lint, &lint->down) && run_side(lint);
	end(lint);
	return fine;
}

/* At the revision that a file was run from: what ran in one transaction was rolled back. */
static bool return_to(struct lint *lint, uint32_t revision)
{
	if (!autocommit_wanted(lint->side->sql))
		return true;
	shadow_close(&lint->shadow);
	return open_at(lint, revision);
}

/* Up and down again, as upgrade and downgrade do it. */
static bool go_and_return(struct lint *lint)
{
	char target[16], before[CATALOG_FINGERPRINT_SIZE], after[CATALOG_FINGERPRINT_SIZE];
	struct catalog *first = NULL, *last = NULL;
	struct shadow *shadow = &lint->shadow;
	snprintf(target, sizeof(target), "%04u", lint->migration->revision);
	bool fine = catalog_read(&first, shadow->connection, lint->message, MIGRATE_MESSAGE_SIZE) &&
	            shadow_upgrade(shadow, lint->settings->set, target, lint->message) &&
	            watch_down(lint) && return_to(lint, lint->migration->revision) &&
	            shadow_downgrade(shadow, lint->settings->set, "-1", lint->message) &&
	            catalog_read(&last, shadow->connection, lint->message, MIGRATE_MESSAGE_SIZE);
	lint->side = &lint->up;
	if (fine) {
		catalog_fingerprint(first, before);
		catalog_fingerprint(last, after);
		if (strcmp(before, after) != 0)
			report(lint, RULE_WAY_BACK, 0,
			       "its down leaves another schema than there was before");
	}
	catalog_free(first);
	catalog_free(last);
	return fine;
}

static void name_files(struct lint *lint)
{
	const struct migration *migration = lint->migration;
	lint->up.sql = migration->up;
	lint->down.sql = migration->down;
	snprintf(lint->up.file, sizeof(lint->up.file), "%04u_%s.up.sql", migration->revision,
	         migration->name);
	snprintf(lint->down.file, sizeof(lint->down.file), "%04u_%s.down.sql", migration->revision,
	         migration->name);
}

bool lint_revision(const struct lint_settings *settings, uint32_t revision,
                   char message[MIGRATE_MESSAGE_SIZE])
{
	struct lint lint = {.settings = settings,
	                    .migration = migration_at(settings->set, revision),
	                    .message = message};
	name_files(&lint);
	bool fine = open_at(&lint, revision - 1) && watch_up(&lint) &&
	            return_to(&lint, revision - 1) && go_and_return(&lint);
	shadow_close(&lint.shadow);
	watch_clear(&lint.watch);
	split_free(&lint.split);
	text_clear(&lint.before);
	free(lint.constraints);
	return fine;
}
