#include "daemon/config.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char PREFIX[] = "PRISMD_";
enum { PREFIX_LEN = sizeof(PREFIX) - 1, NAME_SIZE = 128 };

/* PRISMD_SECTION_KEY of a setting. */
static void variable_name(const struct setting_info *info, char out[NAME_SIZE])
{
	snprintf(out, NAME_SIZE, "%s%s_%s", PREFIX, info->section, info->key);
	for (char *at = out; *at; at++)
		*at = (char)toupper((unsigned char)*at);
}

static bool is_variable(const struct setting_info *info, const char *name)
{
	char own[NAME_SIZE];
	variable_name(info, own);
	return strcmp(name, own) == 0 || (info->alias && strcmp(name, info->alias) == 0);
}

static void lower(const char *from, char out[NAME_SIZE])
{
	snprintf(out, NAME_SIZE, "%s", from);
	for (char *at = out; *at; at++)
		*at = (char)tolower((unsigned char)*at);
}

/* Names below PRISMD_ that are in none of our sections are left alone: Kubernetes makes such for a
 * service called prismd. */
static void check_unknown(struct config *config, const char *name)
{
	char rest[NAME_SIZE];
	if (strncmp(name, PREFIX, PREFIX_LEN) != 0)
		return;
	lower(name + PREFIX_LEN, rest);
	for (int i = 0; i < SETTING_COUNT; i++) {
		size_t len = strlen(setting_table[i].section);
		if (strncmp(rest, setting_table[i].section, len) != 0 || rest[len] != '_')
			continue;
		const char *nearest = config_nearest(setting_table[i].section, rest + len + 1);
		config_complain(config, "%s: [%s] has no '%s'%s%s%s", name,
		                setting_table[i].section, rest + len + 1,
		                nearest ? "; did you mean '" : "", nearest ? nearest : "",
		                nearest ? "'?" : "");
		return;
	}
}

static void read_one(struct config *config, const char *name, const char *value)
{
	for (int i = 0; i < SETTING_COUNT; i++) {
		if (!is_variable(&setting_table[i], name))
			continue;
		config_set(config, (enum setting)i, value, CONFIG_ENVIRONMENT, name);
		return;
	}
	check_unknown(config, name);
}

void config_read_environment(struct config *config, char *const *environment)
{
	for (; *environment; environment++) {
		char name[NAME_SIZE];
		const char *equals = strchr(*environment, '=');
		if (!equals || (size_t)(equals - *environment) >= sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(equals - *environment), *environment);
		read_one(config, name, equals + 1);
	}
}
