#include "db/migrate/autocommit.h"
#include "db/migrate/explain.h"
#include "db/migrate/lock.h"
#include "db/migrate/progress.h"
#include "db/migrate/split.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum run_end { RUN_DONE, RUN_ALONE, RUN_LOCKED_OUT, RUN_FAILED };

struct run {
	PGconn *connection;
	const struct step *step;
	const char *file, *sql;
	struct split split;
	struct progress progress;
	bool resumed; /* the next statement was begun before, outside of a transaction */
	int64_t began_ms;
	char *message;
	size_t message_size;
};

bool autocommit_wanted(const char *sql)
{
	static const char directive[] = "-- prism: transaction none";
	while (strncmp(sql, "--", 2) == 0) {
		size_t length = strcspn(sql, "\n");
		if (length == sizeof directive - 1 && strncmp(sql, directive, length) == 0)
			return true;
		sql += length + (sql[length] == '\n');
	}
	return false;
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Of the file up to the end of its n-th statement: what was done must not have been edited. */
static void hash_until(const struct run *run, uint32_t n, char sha256[MIGRATION_SHA_SIZE])
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	const struct statement_text *last = n ? &run->split.at[n - 1] : NULL;
	size_t length = last ? (size_t)(last->text - run->sql) + last->length : 0;
	crypto_hash_sha256(hash, (const uint8_t *)run->sql, length);
	sodium_bin2hex(sha256, MIGRATION_SHA_SIZE, hash, sizeof hash);
}

/* Where a run before this one stopped. */
static bool find_place(struct run *run)
{
	char sha256[MIGRATION_SHA_SIZE];
	struct progress *progress = &run->progress;
	if (!progress_read(run->connection, progress, run->message, run->message_size))
		return false;
	if (progress->revision == 0) {
		*progress = (struct progress){.revision = run->step->migration->revision,
		                              .up = run->step->up};
	} else {
		uint32_t begun = progress->done + progress->running;
		if (begun > run->split.count) {
			begun = 0;
			sha256[0] = '\0';
		} else {
			hash_until(run, begun, sha256);
		}
		if (strcmp(sha256, progress->sha256) != 0) {
			snprintf(
				run->message, run->message_size,
				"%s was changed in what was run of it before it stopped (its first "
				"%u statements): restore the file, or mend the schema by hand and "
				"delete the row of prism_meta.migration_progress",
				run->file, progress->done + progress->running);
			return false;
		}
	}
	run->resumed = progress->running;
	progress->total = (uint32_t)run->split.count;
	return true;
}

static bool write_progress(struct run *run, uint32_t done, bool running)
{
	run->progress.done = done;
	run->progress.running = running;
	hash_until(run, done + running, run->progress.sha256);
	return progress_write(run->connection, &run->progress, run->message, run->message_size);
}

static bool simple(struct run *run, const char *sql)
{
	DB_RESULT result = PQexec(run->connection, sql);
	if (PQresultStatus(result) == PGRES_COMMAND_OK)
		return true;
	explain(result, run->file, "", 0, run->message, run->message_size);
	return false;
}

static void rollback(struct run *run)
{
	PQclear(PQexec(run->connection, "ROLLBACK"));
}

/* --- one statement -----------------------------------------------------------------------------
 */

static char *copy_text(const struct statement_text *statement)
{
	return strndup(statement->text, statement->length);
}

static bool is_word(const struct statement_text *statement, const char *word)
{
	return strlen(word) == statement->length &&
	       strncasecmp(statement->text, word, statement->length) == 0;
}

/* The last statement of what is done whole or not at all: the COMMIT of a BEGIN, else itself. */
static uint32_t end_of(const struct run *run, uint32_t i)
{
	if (!is_word(&run->split.at[i], "begin"))
		return i;
	for (uint32_t j = i + 1; j < run->split.count; j++)
		if (is_word(&run->split.at[j], "commit"))
			return j;
	return i;
}

/* BEGIN inside of a transaction does nothing, COMMIT ends ours. */
static bool controls_transaction(const PGresult *result)
{
	static const char *const tags[] = {
		"BEGIN",   "START TRANSACTION",  "COMMIT", "ROLLBACK", "SAVEPOINT",
		"RELEASE", "PREPARE TRANSACTION"};
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
		if (strcmp(PQcmdStatus((PGresult *)result), tags[i]) == 0)
			return true;
	return false;
}

static enum run_end execute(struct run *run, const char *sql, unsigned line)
{
	DB_RESULT result = PQexec(run->connection, sql);
	ExecStatusType status = PQresultStatus(result);
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	if (controls_transaction(result)) {
		snprintf(run->message, run->message_size,
		         "%s:%u: this BEGIN, COMMIT or ROLLBACK is out of place: each statement is "
		         "a "
		         "transaction, or several between a BEGIN and its COMMIT",
		         run->file, line);
		return RUN_FAILED;
	}
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return RUN_DONE;
	explain(result, run->file, sql, line, run->message, run->message_size);
	if (sqlstate && strcmp(sqlstate, "25001") == 0)
		return RUN_ALONE;
	return explain_is_locked_out(result) ? RUN_LOCKED_OUT : RUN_FAILED;
}

static enum run_end execute_copy(struct run *run, uint32_t i)
{
	char *sql = copy_text(&run->split.at[i]);
	if (!sql) {
		snprintf(run->message, run->message_size, "out of memory");
		return RUN_FAILED;
	}
	enum run_end outcome = execute(run, sql, run->split.at[i].line);
	free(sql);
	return outcome;
}

/* The statements from `first` to `last`, without the BEGIN and COMMIT around several. */
static enum run_end in_transaction(struct run *run, uint32_t first, uint32_t last)
{
	if (!simple(run, STEP_BEGIN))
		return RUN_FAILED;
	uint32_t begin = first + (last > first), end = last > first ? last : last + 1;
	enum run_end outcome = RUN_FAILED;
	if (lock_is_held(run->connection, run->message, run->message_size))
		outcome = RUN_DONE;
	for (uint32_t i = begin; outcome == RUN_DONE && i < end; i++)
		outcome = execute_copy(run, i);
	if (outcome == RUN_DONE && !write_progress(run, last + 1, false))
		outcome = RUN_FAILED;
	if (outcome == RUN_DONE && simple(run, "COMMIT"))
		return RUN_DONE;
	rollback(run);
	return outcome == RUN_DONE ? RUN_FAILED : outcome;
}

/* "CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] name": the name as it is written. */
static bool index_name(const char *sql, bool *creates, char name[160])
{
	static const char *const skipped[] = {"create",       "drop", "unique", "index",
	                                      "concurrently", "if",   "not",    "exists"};
	for (;;) {
		sql += strspn(sql, " \t\r\n");
		if (strncmp(sql, "--", 2) == 0) {
			sql += strcspn(sql, "\n");
			continue;
		}
		size_t length = *sql == '"' ? 0 : strcspn(sql, " \t\r\n;(");
		bool known = false;
		for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++)
			known = known || (strlen(skipped[i]) == length &&
			                  strncasecmp(sql, skipped[i], length) == 0);
		if (!known)
			break;
		if (length == 6 && strncasecmp(sql, "create", 6) == 0)
			*creates = true;
		sql += length;
	}
	size_t length = *sql == '"' ? strcspn(sql + 1, "\"") + 2 : strcspn(sql, " \t\r\n;(,");
	if (length == 0 || length >= 160)
		return false;
	memcpy(name, sql, length);
	name[length] = '\0';
	return true;
}

static bool drop_invalid(struct run *run, const char *name)
{
	const char *values[] = {name};
	DB_RESULT drop = db_run(run->connection, "look for the index",
	                        "SELECT format('DROP INDEX CONCURRENTLY %s', $1::regclass)", 1,
	                        values, run->message, run->message_size);
	return drop && simple(run, PQgetvalue(drop, 0, 0));
}

/* What a run left of the statement that it was killed in. *done: all of it. */
static bool clear_remains(struct run *run, const char *sql, bool *done)
{
	char name[160];
	bool creates = false;
	const char *values[] = {name};
	*done = false;
	if (!strcasestr(sql, "concurrently") || !index_name(sql, &creates, name))
		return true;
	DB_RESULT state = db_run(run->connection, "look for the index",
	                         "SELECT i.indisvalid FROM pg_index i "
	                         "WHERE i.indexrelid = to_regclass($1)",
	                         1, values, run->message, run->message_size);
	if (!state)
		return false;
	bool there = PQntuples(state) > 0, valid = there && *PQgetvalue(state, 0, 0) == 't';
	*done = creates ? valid : !there;
	return *done || !creates || !there || drop_invalid(run, name);
}

/* Outside of a transaction: no limit on how long it waits for others, who do not wait for it. */
static enum run_end alone(struct run *run, uint32_t i, const char *sql, unsigned line)
{
	bool done = false;
	enum run_end outcome = RUN_DONE;
	if (run->resumed && !clear_remains(run, sql, &done))
		return RUN_FAILED;
	if (!done) {
		if (!lock_is_held(run->connection, run->message, run->message_size) ||
		    !write_progress(run, i, true) || !simple(run, "SET lock_timeout = 0"))
			return RUN_FAILED;
		outcome = execute(run, sql, line);
	}
	if (outcome == RUN_DONE)
		return write_progress(run, i + 1, false) ? RUN_DONE : RUN_FAILED;
	run->resumed = true; /* an index may be left invalid */
	return outcome == RUN_LOCKED_OUT ? RUN_LOCKED_OUT : RUN_FAILED;
}

static enum run_end run_alone(struct run *run, uint32_t i)
{
	char *sql = copy_text(&run->split.at[i]);
	if (!sql) {
		snprintf(run->message, run->message_size, "out of memory");
		return RUN_FAILED;
	}
	enum run_end outcome = alone(run, i, sql, run->split.at[i].line);
	free(sql);
	return outcome;
}

/* A statement, or a block; *i becomes its last one. */
static enum run_end run_unit(struct run *run, uint32_t *i)
{
	uint32_t first = *i, last = end_of(run, first);
	enum run_end outcome = RUN_ALONE;
	*i = last;
	if (!run->resumed)
		outcome = in_transaction(run, first, last);
	if (outcome == RUN_ALONE && first == last)
		outcome = run_alone(run, first);
	if (outcome == RUN_DONE)
		run->resumed = false;
	return outcome == RUN_ALONE ? RUN_FAILED : outcome;
}

/* --- all of them -------------------------------------------------------------------------------
 */

static bool record(struct run *run)
{
	const struct step *step = run->step;
	enum ledger_verb verb = step->up ? LEDGER_UPGRADE : LEDGER_DOWNGRADE;
	if (!simple(run, STEP_BEGIN))
		return false;
	if (ledger_record(run->connection, verb, step->migration, now_ms() - run->began_ms,
	                  run->message, run->message_size) &&
	    progress_end(run->connection, step->migration->revision, run->message,
	                 run->message_size) &&
	    simple(run, "COMMIT"))
		return true;
	rollback(run);
	return false;
}

static enum run_end run_all(struct run *run)
{
	enum run_end outcome = RUN_DONE;
	if (!find_place(run))
		return RUN_FAILED;
	for (uint32_t i = run->progress.done; outcome == RUN_DONE && i < run->split.count; i++)
		outcome = run_unit(run, &i);
	if (outcome == RUN_DONE && !record(run))
		outcome = RUN_FAILED;
	return outcome;
}

bool autocommit_run(PGconn *connection, const struct step *step, const char *file, bool *locked_out,
                    char *message, size_t message_size)
{
	struct run run = {
		.connection = connection,
		.step = step,
		.file = file,
		.sql = step->up ? step->migration->up : step->migration->down,
		.began_ms = now_ms(),
		.message = message,
		.message_size = message_size,
	};
	char why[256];
	enum run_end outcome = RUN_FAILED;
	if (split_sql(&run.split, run.sql, why, sizeof why))
		outcome = run_all(&run);
	else
		snprintf(message, message_size, "%s: %s", file, why);
	split_free(&run.split);
	*locked_out = outcome == RUN_LOCKED_OUT;
	return outcome == RUN_DONE;
}
