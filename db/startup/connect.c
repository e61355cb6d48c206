#include "db/startup/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void db_message(char *out, size_t size, const char *doing, const char *text)
{
	int length = snprintf(out, size, "cannot %s: ", doing);
	size_t at = length > 0 && (size_t)length < size ? (size_t)length : size - 1;
	bool space = true;
	for (; *text && at + 1 < size; text++) {
		bool blank = *text == '\n' || *text == '\t' || *text == ' ';
		if (blank && space)
			continue;
		out[at++] = blank ? ' ' : *text;
		space = blank;
	}
	while (at > 0 && out[at - 1] == ' ')
		at--;
	out[at] = '\0';
}

/* postgresql+asyncpg://... is how SQLAlchemy names a driver; libpq wants the scheme alone. */
static char *without_driver(const char *conninfo)
{
	const char *plus = strchr(conninfo, '+'), *rest = strstr(conninfo, "://");
	size_t scheme = plus ? (size_t)(plus - conninfo) : 0;
	bool known = (scheme == 10 && strncmp(conninfo, "postgresql", scheme) == 0) ||
	             (scheme == 8 && strncmp(conninfo, "postgres", scheme) == 0);
	if (!known || !rest || rest < plus)
		return strdup(conninfo);
	char *plain = NULL;
	return asprintf(&plain, "%.*s%s", (int)scheme, conninfo, rest) < 0 ? NULL : plain;
}

static PGconn *open_connection(const char *conninfo, const char *program)
{
	char *plain = without_driver(conninfo);
	/* What comes after dbname would win over the string's own words; these are defaults. */
	const char *keywords[] = {"connect_timeout", "fallback_application_name", "dbname",
	                          "client_encoding", NULL};
	const char *values[] = {"10", program, plain, "UTF8", NULL};
	PGconn *connection = plain ? PQconnectdbParams(keywords, values, 1) : NULL;
	free(plain);
	return connection;
}

PGconn *db_connect(const char *conninfo, const char *program, char *message, size_t message_size)
{
	static const char settings[] = "SET search_path = public; SET TimeZone = 'UTC'; "
				       "SET client_min_messages = warning";
	PGconn *connection = open_connection(conninfo, program);
	DB_RESULT set = NULL;
	if (PQstatus(connection) == CONNECTION_OK)
		set = PQexec(connection, settings);
	if (PQresultStatus(set) == PGRES_COMMAND_OK)
		return connection;
	db_message(message, message_size, "connect to PostgreSQL",
	           connection ? PQerrorMessage(connection) : "out of memory");
	PQfinish(connection);
	return NULL;
}

PGresult *db_run(PGconn *connection, const char *doing, const char *sql, int count,
                 const char *const *values, char *message, size_t message_size)
{
	PGresult *result = PQexecParams(connection, sql, count, NULL, values, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(result);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return result;
	db_message(message, message_size, doing, PQerrorMessage(connection));
	PQclear(result);
	return NULL;
}
