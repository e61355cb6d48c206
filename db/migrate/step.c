#include "db/migrate/step.h"
#include "db/migrate/autocommit.h"
#include "db/migrate/explain.h"
#include "db/migrate/lock.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	ATTEMPTS = 10,
	FIRST_PAUSE_MS = 250,
	LONGEST_PAUSE_MS = 8000,
};

/* How the one transaction of an attempt ended. */
enum attempt { ATTEMPT_DONE, ATTEMPT_LOCKED_OUT, ATTEMPT_FAILED };

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void tell(const struct step *step, const char *line)
{
	if (step->note)
		step->note(step->ctx, line);
}

static bool transaction_id(PGconn *connection, char id[32], char *message, size_t message_size)
{
	DB_RESULT result = db_run(connection, "read the transaction's id",
	                          "SELECT pg_current_xact_id()", 0, NULL, message, message_size);
	if (!result)
		return false;
	snprintf(id, 32, "%s", PQgetvalue(result, 0, 0));
	return true;
}

/* The file itself; it must leave the transaction that it found. */
static enum attempt run_file(PGconn *connection, const char *file, const char *sql, char *message,
                             size_t message_size)
{
	char before[32], after[32];
	if (!transaction_id(connection, before, message, message_size))
		return ATTEMPT_FAILED;
	DB_RESULT result = PQexec(connection, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
	    status != PGRES_EMPTY_QUERY) {
		explain(result, file, sql, 0, message, message_size);
		return explain_is_locked_out(result) ? ATTEMPT_LOCKED_OUT : ATTEMPT_FAILED;
	}
	if (PQtransactionStatus(connection) == PQTRANS_INTRANS &&
	    transaction_id(connection, after, message, message_size) && strcmp(before, after) == 0)
		return ATTEMPT_DONE;
	snprintf(message, message_size,
	         "%s ended the transaction that prism-db runs it in: remove its BEGIN, COMMIT or "
	         "ROLLBACK",
	         file);
	return ATTEMPT_FAILED;
}

static enum attempt run_in_transaction(PGconn *connection, const struct step *step,
                                       const char *file, int64_t began_ms, char *message,
                                       size_t message_size)
{
	const struct migration *migration = step->migration;
	if (!lock_is_held(connection, message, message_size))
		return ATTEMPT_FAILED;
	enum attempt outcome =
		run_file(connection, file, step->up ? migration->up : migration->down, message,
	                 message_size);
	if (outcome != ATTEMPT_DONE)
		return outcome;
	enum ledger_verb verb = step->up ? LEDGER_UPGRADE : LEDGER_DOWNGRADE;
	if (!ledger_record(connection, verb, migration, now_ms() - began_ms, message, message_size))
		return ATTEMPT_FAILED;
	DB_RESULT commit = PQexec(connection, "COMMIT");
	if (PQresultStatus(commit) == PGRES_COMMAND_OK)
		return ATTEMPT_DONE;
	explain(commit, file, "", 0, message, message_size);
	return ATTEMPT_FAILED;
}

static enum attempt attempt(PGconn *connection, const struct step *step, const char *file,
                            char *message, size_t message_size)
{
	int64_t began_ms = now_ms();
	DB_RESULT begun = PQexec(connection, STEP_BEGIN);
	if (PQresultStatus(begun) != PGRES_COMMAND_OK) {
		explain(begun, file, "", 0, message, message_size);
		return ATTEMPT_FAILED;
	}
	enum attempt outcome =
		run_in_transaction(connection, step, file, began_ms, message, message_size);
	if (outcome != ATTEMPT_DONE)
		PQclear(PQexec(connection, "ROLLBACK"));
	return outcome;
}

static enum attempt attempt_autocommit(PGconn *connection, const struct step *step,
                                       const char *file, char *message, size_t message_size)
{
	bool locked_out;
	/* What runs outside of a transaction finds this; STEP_BEGIN says it for the others. */
	PQclear(PQexec(connection, "SET search_path = public; SET TimeZone = 'UTC'"));
	bool done = autocommit_run(connection, step, file, &locked_out, message, message_size);
	PQclear(PQexec(connection, "RESET search_path; RESET TimeZone; RESET lock_timeout"));
	return done ? ATTEMPT_DONE : locked_out ? ATTEMPT_LOCKED_OUT : ATTEMPT_FAILED;
}

static void tell_blockers(PGconn *connection, const struct step *step, const char *file)
{
	char ignored[64], line[512];
	DB_RESULT result = db_run(
		connection, "find who blocks",
		"SELECT format('process %s (%s, user %s), in a transaction for %s s: %s', pid,"
		" coalesce(nullif(application_name, ''), 'unnamed'), usename,"
		" extract(epoch FROM now() - xact_start)::int,"
		" left(regexp_replace(query, '\\s+', ' ', 'g'), 80))"
		" FROM pg_stat_activity WHERE datname = current_database()"
		" AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
		" AND backend_type = 'client backend' ORDER BY xact_start LIMIT 3",
		0, NULL, ignored, sizeof(ignored));
	snprintf(line, sizeof(line), "%s: cannot get a lock that it needs; trying again", file);
	tell(step, line);
	for (int row = 0; row < PQntuples(result); row++) {
		snprintf(line, sizeof(line), "  open: %s", PQgetvalue(result, row, 0));
		tell(step, line);
	}
}

/* Doubling, with jitter, so that two migrators of two databases do not keep step. */
static void pause_before(unsigned attempt_number)
{
	uint32_t pause = FIRST_PAUSE_MS;
	for (unsigned i = 1; i < attempt_number && pause < LONGEST_PAUSE_MS; i++)
		pause *= 2;
	pause += randombytes_uniform(pause / 4 + 1);
	struct timespec time = {pause / 1000, (long)(pause % 1000) * 1000000};
	nanosleep(&time, NULL);
}

static void name_file(const struct step *step, char *file, size_t size)
{
	snprintf(file, size, "%04" PRIu32 "_%s.%s.sql", step->migration->revision,
	         step->migration->name, step->up ? "up" : "down");
}

enum step_outcome step_try(PGconn *connection, const struct step *step, char *message,
                           size_t message_size)
{
	char file[MIGRATION_NAME_SIZE + 32], line[MIGRATION_NAME_SIZE + 80];
	const char *sql = step->up ? step->migration->up : step->migration->down;
	bool skipped = autocommit_wanted(sql);
	int64_t began_ms = now_ms();
	name_file(step, file, sizeof(file));
	enum attempt outcome =
		skipped ? ATTEMPT_DONE : run_file(connection, file, sql, message, message_size);
	if (outcome != ATTEMPT_DONE)
		return outcome == ATTEMPT_LOCKED_OUT ? STEP_BLOCKED : STEP_FAILED;
	if (skipped)
		snprintf(line, sizeof(line), "%s  not tried: it runs outside of a transaction",
		         file);
	else
		snprintf(line, sizeof(line), "%s  %" PRId64 " ms, to be rolled back", file,
		         now_ms() - began_ms);
	tell(step, line);
	return STEP_DONE;
}

enum step_outcome step_run(PGconn *connection, const struct step *step, char *message,
                           size_t message_size)
{
	char file[MIGRATION_NAME_SIZE + 32], line[MIGRATION_NAME_SIZE + 80];
	name_file(step, file, sizeof(file));
	bool whole = !autocommit_wanted(step->up ? step->migration->up : step->migration->down);
	int64_t began_ms = now_ms();
	for (unsigned number = 1; number <= ATTEMPTS; number++) {
		switch ((whole ? attempt : attempt_autocommit)(connection, step, file, message,
		                                               message_size)) {
		case ATTEMPT_DONE:
			snprintf(line, sizeof(line), "%s  %" PRId64 " ms", file,
			         now_ms() - began_ms);
			tell(step, line);
			return STEP_DONE;
		case ATTEMPT_FAILED:
			return STEP_FAILED;
		case ATTEMPT_LOCKED_OUT:
			tell_blockers(connection, step, file);
			pause_before(number);
		}
	}
	return STEP_BLOCKED;
}
