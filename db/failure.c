#include "db/failure.h"

#include <stdio.h>
#include <string.h>

static bool is_sqlstate(const char *text)
{
	for (unsigned i = 0; i < 5; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';
		bool letter = text[i] >= 'A' && text[i] <= 'Z';
		if (!digit && !letter)
			return false;
	}
	return text[5] == ':' && text[6] == ' ';
}

/* "... FATAL:  28P01: password ..." -> "28P01: password ..."; the severity's word depends on the
 * server's language. NULL: PostgreSQL did not answer. */
static const char *find_sqlstate(const char *text)
{
	for (const char *at = strstr(text, ":  "); at; at = strstr(at + 1, ":  "))
		if (strlen(at) >= 10 && is_sqlstate(at + 3))
			return at + 3;
	return NULL;
}

static enum failure_kind kind_of(const char *sqlstate)
{
	if (strncmp(sqlstate, "57P0", 4) == 0)
		return FAILURE_STARTING;
	if (strncmp(sqlstate, "53300", 5) == 0)
		return FAILURE_FULL;
	if (strncmp(sqlstate, "08", 2) == 0)
		return FAILURE_NETWORK;
	return FAILURE_REFUSED;
}

enum failure_kind failure_of_prepare(const char *sqlstate)
{
	bool schema = strncmp(sqlstate, "42", 2) == 0 || strncmp(sqlstate, "0A", 2) == 0;
	enum failure_kind kind = kind_of(sqlstate);
	if (schema)
		return FAILURE_SCHEMA;
	return kind == FAILURE_REFUSED ? FAILURE_NETWORK : kind;
}

void failure_from_libpq(struct failure *failure, bool reached, const char *text)
{
	const char *sqlstate = find_sqlstate(text);
	if (!sqlstate) {
		failure->kind = reached ? FAILURE_STARTING : FAILURE_NETWORK;
		snprintf(failure->message, sizeof(failure->message), "%.*s",
		         (int)strcspn(text, "\n"), text);
		return;
	}
	failure->kind = kind_of(sqlstate);
	const char *words = sqlstate + 7;
	snprintf(failure->message, sizeof(failure->message), "%.*s", (int)strcspn(words, "\n"),
	         words);
}
