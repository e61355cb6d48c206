#include "daemon/config.h"

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
		if (info->words)
			printf("# One of: %s.\n", info->words);
		if (info->alias)
			printf("# Also: %s in the environment.\n", info->alias);
		if (info->reload)
			printf("# Taken anew on SIGHUP.\n");
		printf("#%s = %s\n", info->key, info->preset);
	}
}
