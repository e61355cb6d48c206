/* connect - one blocking connection to PostgreSQL, for start-up and for tools. The daemon's calls
 * go through db/pool.
 *
 * Owns: nothing; the caller ends with PQfinish() and PQclear() (or the cleanup attributes here).
 * Errors: PostgreSQL's own message on one line, with what was being done. */
#pragma once
#include "proto/status.h"

#include <libpq-fe.h>
#include <stddef.h>

/* `conninfo` is a libpq connection string or URL; postgresql+DRIVER:// is accepted. `program` shows
 * in pg_stat_activity. The session speaks UTC, UTF-8 and names only what is in `public`. NULL with
 * a message. */
MUST_CHECK
PGconn *db_connect(const char *conninfo, const char *program, char *message, size_t message_size);

/* One statement with text parameters, text results. NULL with a message when it failed; `doing`
 * completes "cannot ...". */
MUST_CHECK
PGresult *db_run(PGconn *connection, const char *doing, const char *sql, int count,
                 const char *const *values, char *message, size_t message_size);

/* The server's or libpq's message on one line, cut to fit. */
void db_message(char *out, size_t size, const char *doing, const char *text);

static inline void db_result_cleanup(PGresult **result)
{
	PQclear(*result);
}
static inline void db_connection_cleanup(PGconn **connection)
{
	PQfinish(*connection);
}
#define DB_RESULT     __attribute__((cleanup(db_result_cleanup))) PGresult *
#define DB_CONNECTION __attribute__((cleanup(db_connection_cleanup))) PGconn *
