/* libinih tells a handler neither the line nor that a line is too long, so its reader counts and
 * looks. */
#include "daemon/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

enum { LINE_SIZE = 4096, WHERE_SIZE = 512 };

struct file {
	struct config *config;
	const char *path;
	FILE *stream;
	unsigned line;
	bool too_long;
};

static char *read_line(char *out, int size, void *stream)
{
	struct file *file = stream;
	if (!fgets(out, size, file->stream))
		return NULL;
	file->line++;
	if (!strchr(out, '\n') && !feof(file->stream)) {
		config_complain(file->config, "%s:%u: the line is longer than %d bytes", file->path,
		                file->line, size - 2);
		file->too_long = true;
		return NULL;
	}
	return out;
}

static bool known_section(const char *section)
{
	for (int i = 0; i < SETTING_COUNT; i++)
		if (strcmp(setting_table[i].section, section) == 0)
			return true;
	return false;
}

static void unknown(struct file *file, const char *section, const char *key)
{
	const char *nearest;
	if (section[0] == '\0') {
		config_complain(file->config, "%s:%u: '%s' stands before the first [section]",
		                file->path, file->line, key);
	} else if (!known_section(section)) {
		config_complain(file->config,
		                "%s:%u: there is no section [%s]; allowed are [server], [database] "
		                "and [log]",
		                file->path, file->line, section);
	} else if ((nearest = config_nearest(section, key)) != NULL) {
		config_complain(file->config, "%s:%u: [%s] has no '%s'; did you mean '%s'?",
		                file->path, file->line, section, key, nearest);
	} else {
		config_complain(file->config,
		                "%s:%u: [%s] has no '%s'; prismd --print-defaults lists all",
		                file->path, file->line, section, key);
	}
}

static int on_pair(void *ctx, const char *section, const char *key, const char *value)
{
	struct file *file = ctx;
	char where[WHERE_SIZE];
	enum setting setting = config_find(section, key);
	if (setting == SETTING_COUNT) {
		unknown(file, section, key);
		return 1;
	}
	snprintf(where, sizeof(where), "%s:%u: [%s] %s", file->path, file->line, section, key);
	config_set(file->config, setting, value, CONFIG_FILE, where);
	return 1;
}

void config_read_file(struct config *config, const char *path)
{
	struct file file = {.config = config, .path = path, .stream = fopen(path, "re")};
	if (!file.stream) {
		config_complain(config, "%s: cannot be read: %s", path, strerror(errno));
		return;
	}
	ini_use_stack = false;
	ini_max_line = ini_initial_alloc = LINE_SIZE;
	ini_allow_multiline = false;
	int faulty = ini_parse_stream(read_line, &file, on_pair, &file);
	if (faulty > 0 && !file.too_long)
		config_complain(config, "%s:%d: not a [section], a 'key = value' or a # comment",
		                path, faulty);
	else if (faulty < 0 || ferror(file.stream))
		config_complain(config, "%s: cannot be read: %s", path, strerror(errno));
	fclose(file.stream);
}
