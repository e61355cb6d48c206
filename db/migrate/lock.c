#include "db/migrate/lock.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* PostgreSQL shows the key of a bigint lock in two halves. */
#define LOCK_ROW                                                                             \
	" l.locktype = 'advisory' AND l.objsubid = 1"                                        \
	" AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())" \
	" AND (l.classid::bigint << 32 | l.objid::bigint) = " LOCK_KEY

enum { POLL_LEAST_MS = 100, POLL_SPREAD_MS = 400, HOLDER_SIZE = 256 };

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_ms(uint32_t duration_ms)
{
	struct timespec time = {duration_ms / 1000, (long)(duration_ms % 1000) * 1000000};
	nanosleep(&time, NULL);
}

static bool answer_is_true(PGconn *connection, const char *doing, const char *sql, bool *yes,
                           char *message, size_t message_size)
{
	DB_RESULT result = db_run(connection, doing, sql, 0, NULL, message, message_size);
	if (!result)
		return false;
	*yes = PQntuples(result) == 1 && PQgetvalue(result, 0, 0)[0] == 't';
	return true;
}

static void name_holder(PGconn *connection, char holder[HOLDER_SIZE])
{
	char ignored[64];
	DB_RESULT result = db_run(
		connection, "find the holder",
		"SELECT format('%s (process %s of PostgreSQL, user %s%s, connected since %s UTC)',"
		" coalesce(nullif(a.application_name, ''), 'somebody'), l.pid, a.usename,"
		" coalesce(', from ' || host(a.client_addr), ''),"
		" to_char(a.backend_start AT TIME ZONE 'UTC', 'HH24:MI:SS'))"
		" FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
		" WHERE l.granted AND " LOCK_ROW,
		0, NULL, ignored, sizeof(ignored));
	bool found = result && PQntuples(result) > 0;
	snprintf(holder, HOLDER_SIZE, "%s", found ? PQgetvalue(result, 0, 0) : "another migrator");
}

enum lock_outcome lock_take(PGconn *connection, uint32_t wait_ms,
                            void (*note)(void *ctx, const char *line), void *ctx, char *message,
                            size_t message_size)
{
	char told[HOLDER_SIZE] = "", holder[HOLDER_SIZE], line[HOLDER_SIZE + 64];
	int64_t until = now_ms() + wait_ms;
	for (;;) {
		bool held;
		if (!answer_is_true(connection, "take the migration lock",
		                    "SELECT pg_try_advisory_lock(" LOCK_KEY ")", &held, message,
		                    message_size))
			return LOCK_ERROR;
		if (held)
			return LOCK_HELD;
		name_holder(connection, holder);
		if (now_ms() >= until)
			break;
		snprintf(line, sizeof(line), "waiting for the migration lock: held by %s", holder);
		if (note && strcmp(told, holder) != 0)
			note(ctx, line);
		memcpy(told, holder, sizeof(told));
		pause_ms(POLL_LEAST_MS + randombytes_uniform(POLL_SPREAD_MS));
	}
	snprintf(message, message_size,
	         "the migration lock is held by %s: try again when it has ended", holder);
	return LOCK_BUSY;
}

bool lock_is_held(PGconn *connection, char *message, size_t message_size)
{
	bool held;
	if (!answer_is_true(connection, "look at the migration lock",
	                    "SELECT EXISTS (SELECT FROM pg_locks l WHERE l.granted"
	                    " AND l.pid = pg_backend_pid() AND " LOCK_ROW ")",
	                    &held, message, message_size))
		return false;
	if (!held)
		snprintf(message, message_size,
		         "the migration lock was lost: the connection goes through a pooler that "
		         "changes sessions; connect to PostgreSQL itself");
	return held;
}

void lock_release(PGconn *connection)
{
	PQclear(PQexec(connection, "SELECT pg_advisory_unlock(" LOCK_KEY ")"));
}
