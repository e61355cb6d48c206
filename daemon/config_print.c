#include "daemon/config.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 96 };

/* The help text as comment lines, broken between words. */
static void print_comment(const char *text)
{
	size_t column = 0;
	while (*text) {
		size_t word = strcspn(text, " ");
		if (column == 0 || column + 1 + word > COLUMNS) {
			printf("%s# %.*s", column ? "\n" : "", (int)word, text);
			column = 2 + word;
		} else {
			printf(" %.*s", (int)word, text);
			column += 1 + word;
		}
		text += word + (text[word] == ' ');
	}
	printf("\n");
}

static void print_allowed(const struct setting_info *info)
{
	char what[CONFIG_ALLOWED_SIZE];
	config_allowed(info, what);
	if (what[0] != '\0' && info->kind != SETTING_SECRET) /* its help says it */
		printf("# %c%s.\n", toupper((unsigned char)what[0]), what + 1);
}

void config_print_defaults(void)
{
	const char *section = "";
	printf("# prismd's settings with their defaults. `prismd --check-config --config FILE` "
	       "looks a file over.\n"
	       "# Each may be given in the environment too, as PRISMD_SECTION_KEY.\n");
	for (int i = 0; i < SETTING_COUNT; i++) {
		const struct setting_info *info = &setting_table[i];
		if (strcmp(section, info->section) != 0)
			printf("\n[%s]\n", info->section);
		section = info->section;
		printf("\n");
		print_comment(info->help);
		print_allowed(info);
		if (info->alias)
			printf("# Also: %s in the environment.\n", info->alias);
		if (info->reload)
			printf("# Taken anew on SIGHUP.\n");
		printf("#%s = %s\n", info->key, info->preset);
	}
}
