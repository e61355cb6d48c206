#include "db/migrate/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_number(const char *text, uint32_t *number)
{
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 4 || text[digits] != '\0')
		return false;
	*number = (uint32_t)strtoul(text, NULL, 10);
	return true;
}

/* "7", "0007", "0007_story_number" or "story_number" */
static bool find(const struct migration_set *set, const char *word, uint32_t *revision)
{
	uint32_t number;
	char full[MIGRATION_NAME_SIZE + 8];
	if (parse_number(word, &number)) {
		*revision = number;
		return migration_at(set, number) != NULL;
	}
	for (size_t i = 0; i < set->count; i++) {
		snprintf(full, sizeof(full), "%04u_%s", set->at[i].revision, set->at[i].name);
		if (strcmp(word, full) != 0 && strcmp(word, set->at[i].name) != 0)
			continue;
		*revision = set->at[i].revision;
		return true;
	}
	return false;
}

/* "0007+2", "story_number-1": so many from another one. */
static bool find_from(const struct migration_set *set, const char *word, char sign,
                      uint32_t *revision)
{
	char start[MIGRATION_NAME_SIZE + 8];
	uint32_t steps;
	const char *at = strrchr(word, sign);
	if (!at)
		return find(set, word, revision);
	snprintf(start, sizeof(start), "%.*s", (int)(at - word), word);
	if (!parse_number(at + 1, &steps) || !find(set, start, revision))
		return false;
	if (sign == '-' ? steps > *revision : steps > set->count - *revision)
		return false;
	*revision = sign == '-' ? *revision - steps : *revision + steps;
	return true;
}

static bool unknown(const struct migration_set *set, const char *word, const char *words,
                    char *message, size_t message_size)
{
	snprintf(message, message_size,
	         "there is no revision '%.100s': give %s, or one of 0001 to %04zu (%s)", word,
	         words, set->count, "prism-db history lists them");
	return false;
}

bool target_of_upgrade(const struct migration_set *set, uint32_t live, const char *word,
                       uint32_t *revision, char *message, size_t message_size)
{
	uint32_t steps;
	if (strcmp(word, "head") == 0) {
		*revision = (uint32_t)set->count;
		return true;
	}
	if (word[0] != '+')
		return find_from(set, word, '+', revision) ||
		       unknown(set, word, "head, +N", message, message_size);
	if (!parse_number(word + 1, &steps) || steps == 0)
		return unknown(set, word, "head, +N", message, message_size);
	if (steps > set->count - live) {
		snprintf(message, message_size,
		         "%s goes too far: the database is at %04u and the last revision is %04zu",
		         word, live, set->count);
		return false;
	}
	*revision = live + steps;
	return true;
}

/* "1" where "-1" was meant would take everything back but the first: a revision is said in full. */
static bool is_bare_number(const char *word)
{
	size_t len = strlen(word);
	return len < 4 && strspn(word, "0123456789") == len;
}

bool target_of_downgrade(const struct migration_set *set, uint32_t live, const char *word,
                         uint32_t *revision, char *message, size_t message_size)
{
	uint32_t steps;
	if (strcmp(word, "base") == 0) {
		*revision = 0;
		return true;
	}
	if (word[0] != '-') {
		if (is_bare_number(word)) {
			snprintf(message, message_size,
			         "'%s' could mean -%s, or revision %04lu: give one of these", word,
			         word, strtoul(word, NULL, 10));
			return false;
		}
		if (!find_from(set, word, '-', revision))
			return unknown(set, word, "base, -N", message, message_size);
		if (*revision <= live)
			return true;
		snprintf(message, message_size,
		         "%04u is ahead: the database is at %04u; `prism-db upgrade %s` goes there",
		         *revision, live, word);
		return false;
	}
	if (!parse_number(word + 1, &steps) || steps == 0)
		return unknown(set, word, "base, -N", message, message_size);
	if (steps > live) {
		snprintf(message, message_size, "%s goes too far: the database is at %04u", word,
		         live);
		return false;
	}
	*revision = live - steps;
	return true;
}

bool target_of_stamp(const struct migration_set *set, const char *word, uint32_t *revision,
                     char *message, size_t message_size)
{
	if (strcmp(word, "head") == 0 || strcmp(word, "base") == 0) {
		*revision = word[0] == 'h' ? (uint32_t)set->count : 0;
		return true;
	}
	return find(set, word, revision) || unknown(set, word, "head, base", message, message_size);
}
