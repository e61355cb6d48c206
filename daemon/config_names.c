/* Settings by name, and what somebody may have meant. */
#include "daemon/config.h"

#include <string.h>

enum { NAME_MAX_LEN = 48, DISTANCE_MAX = 3 };

enum setting config_find(const char *section, const char *key)
{
	for (int i = 0; i < SETTING_COUNT; i++)
		if (strcmp(setting_table[i].section, section) == 0 &&
		    strcmp(setting_table[i].key, key) == 0)
			return (enum setting)i;
	return SETTING_COUNT;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters to change, add or leave out (Levenshtein), of short names. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LEN + 1], a_len = strlen(a), b_len = strlen(b);
	if (a_len > NAME_MAX_LEN || b_len > NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t above = row[j];
			row[j] = least(least(row[j] + 1, row[j - 1] + 1),
			               diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[b_len];
}

const char *config_nearest(const char *section, const char *key)
{
	const char *nearest = NULL;
	size_t best = DISTANCE_MAX + 1;
	for (int i = 0; i < SETTING_COUNT; i++) {
		if (section && strcmp(setting_table[i].section, section) != 0)
			continue;
		size_t far = distance(setting_table[i].key, key);
		if (far < best) {
			best = far;
			nearest = setting_table[i].key;
		}
	}
	return nearest;
}
