#include "client/ctl/names.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NAME_MOST = 300 };

const char *name_short(const char *full)
{
	const char *dot = strrchr(full, '.');
	return dot ? dot + 1 : full;
}

bool name_matches(const char *full, const char *given)
{
	return strcasecmp(full, given) == 0 || strcasecmp(name_short(full), given) == 0;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;
	return least < c ? least : c;
}

/* Levenshtein's distance, whatever the case, in one row. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MOST + 1];
	size_t len = strlen(b);
	if (strlen(a) > NAME_MOST || len > NAME_MOST)
		return SIZE_MAX;
	for (size_t i = 0; i <= len; i++)
		row[i] = i;
	for (size_t above = 1; *a; a++, above++) {
		size_t diagonal = row[0];
		row[0] = above;
		for (size_t i = 1; i <= len; i++) {
			bool same = tolower((unsigned char)*a) == tolower((unsigned char)b[i - 1]);
			size_t next = smallest(row[i] + 1, row[i - 1] + 1, diagonal + !same);
			diagonal = row[i];
			row[i] = next;
		}
	}
	return row[len];
}

void suggestion_init(struct suggestion *suggestion, const char *given)
{
	*suggestion = (struct suggestion){.given = given, .distance = SIZE_MAX};
}

void suggestion_consider(struct suggestion *suggestion, const char *candidate)
{
	size_t found = distance(suggestion->given, candidate);
	if (found >= suggestion->distance)
		return;
	suggestion->distance = found;
	snprintf(suggestion->best, sizeof suggestion->best, "%s", candidate);
}

void suggestion_choose(struct suggestion *suggestion, const char *candidate)
{
	suggestion->distance = 0;
	snprintf(suggestion->best, sizeof suggestion->best, "%s", candidate);
}

bool suggestion_near(const struct suggestion *suggestion)
{
	return suggestion->distance <= strlen(suggestion->best) / 3 + 1;
}
