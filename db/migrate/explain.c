#include "db/migrate/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The line of the file that a position, counted in characters, is in. */
static unsigned line_of(const char *sql, const char *position)
{
	unsigned line = 1;
	unsigned long characters = strtoul(position, NULL, 10);
	for (; *sql && characters > 1; sql++) {
		line += *sql == '\n';
		characters -= ((unsigned char)*sql & 0xC0) != 0x80;
	}
	return line;
}

static void append(char *message, size_t message_size, const char *label, const char *text)
{
	size_t at = strlen(message);
	if (text && at < message_size)
		snprintf(message + at, message_size - at, "%s%s", label, text);
}

void explain(const PGresult *result, const char *file, const char *sql, unsigned line,
             char *message, size_t message_size)
{
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	char where[32] = "";
	if (position)
		snprintf(where, sizeof(where), ":%u",
		         (line ? line - 1 : 0) + line_of(sql, position));
	else if (line)
		snprintf(where, sizeof(where), ":%u", line);
	snprintf(message, message_size, "%s%s: ", file, where);
	append(message, message_size, "",
	       primary ? primary : "the connection to PostgreSQL was lost");
	append(message, message_size, "; ", PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
	append(message, message_size, "; hint: ", PQresultErrorField(result, PG_DIAG_MESSAGE_HINT));
	append(message, message_size, " (SQLSTATE ", PQresultErrorField(result, PG_DIAG_SQLSTATE));
	append(message, message_size, primary ? ")" : "", "");
}

bool explain_is_locked_out(const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	return sqlstate && (strcmp(sqlstate, "55P03") == 0 || strcmp(sqlstate, "40P01") == 0);
}
