#include "db/startup/connect.h"
#include "db/conninfo.h"

#include <stdio.h>
#include <string.h>

enum { KEYWORDS_MAX = 72 };

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

static bool has_keyword(const char *const *keywords, const char *wanted)
{
	while (*keywords && strcmp(*keywords, wanted) != 0)
		keywords++;
	return *keywords != NULL;
}

/* The pool watches its own clock; here libpq has to. */
static PGconn *open_connection(const struct conninfo *conninfo)
{
	const char *keywords[KEYWORDS_MAX] = {"connect_timeout"}, *values[KEYWORDS_MAX] = {"10"};
	const char *const *given = conninfo_keywords(conninfo);
	size_t count = has_keyword(given, "connect_timeout") ? 0 : 1;
	for (size_t i = 0; given[i] && count + 1 < KEYWORDS_MAX; i++, count++) {
		keywords[count] = given[i];
		values[count] = conninfo_values(conninfo)[i];
	}
	keywords[count] = values[count] = NULL;
	return PQconnectdbParams(keywords, values, 0);
}

PGconn *db_connect(const char *conninfo, const char *program, char *message, size_t message_size)
{
	struct conninfo *parsed;
	char why[CONNINFO_MESSAGE_SIZE];
	const struct conninfo_session session = {.application_name = program};
	if (conninfo_new(&parsed, conninfo, &session, why) != STATUS_OK) {
		snprintf(message, message_size, "%s", why);
		return NULL;
	}
	PGconn *connection = open_connection(parsed);
	conninfo_free(parsed);
	DB_RESULT set = NULL;
	if (PQstatus(connection) == CONNECTION_OK)
		set = PQexec(connection, "SET client_min_messages = warning");
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
