#include "daemon/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum {
	CODE_CONFIG = 1,
	CODE_CHECK_CONFIG,
	CODE_PRINT_DEFAULTS,
	CODE_HELP,
	CODE_VERSION,
	CODE_SETTING, /* the first setting's; CODE_SETTING + its number */
	OPTIONS_MAX = CODE_SETTING + SETTING_COUNT,
};

static const struct option verbs[] = {
	{"config", required_argument, NULL, CODE_CONFIG},
	{"check-config", no_argument, NULL, CODE_CHECK_CONFIG},
	{"print-defaults", no_argument, NULL, CODE_PRINT_DEFAULTS},
	{"help", no_argument, NULL, CODE_HELP},
	{"version", no_argument, NULL, CODE_VERSION},
};

enum { VERB_COUNT = sizeof(verbs) / sizeof(*verbs) };

static void make_table(struct option table[OPTIONS_MAX + 1])
{
	size_t count = VERB_COUNT;
	memcpy(table, verbs, sizeof(verbs));
	for (int i = 0; i < SETTING_COUNT; i++)
		if (setting_table[i].flag)
			table[count++] = (struct option){setting_table[i].flag, required_argument,
			                                 NULL, CODE_SETTING + i};
	table[count] = (struct option){0};
}

static enum action action_of(int code, enum action before)
{
	switch (code) {
	case CODE_CHECK_CONFIG:
		return ACTION_CHECK_CONFIG;
	case CODE_PRINT_DEFAULTS:
		return ACTION_PRINT_DEFAULTS;
	case CODE_HELP:
		return ACTION_HELP;
	case CODE_VERSION:
		return ACTION_VERSION;
	case '?':
		return ACTION_REFUSE;
	default:
		return before;
	}
}

void options_parse(struct options *options, int argc, char **argv)
{
	struct option table[OPTIONS_MAX + 1];
	*options = (struct options){.argc = argc, .argv = argv};
	make_table(table);
	optind = 1;
	for (int code; (code = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		if (options->action != ACTION_REFUSE)
			options->action = action_of(code, options->action);
		if (code == CODE_CONFIG)
			options->config_path = optarg;
	}
	if (optind < argc && options->action != ACTION_REFUSE) {
		fprintf(stderr, "%s: '%s' is not an option\n", argv[0], argv[optind]);
		options->action = ACTION_REFUSE;
	}
	if (options->action == ACTION_REFUSE)
		fprintf(stderr, "%s --help lists the options\n", argv[0]);
}

void options_apply(const struct options *options, struct config *config)
{
	struct option table[OPTIONS_MAX + 1];
	char where[64];
	make_table(table);
	optind = 1;
	for (int code; (code = getopt_long(options->argc, options->argv, "", table, NULL)) != -1;) {
		if (code < CODE_SETTING || code >= OPTIONS_MAX)
			continue;
		enum setting setting = (enum setting)(code - CODE_SETTING);
		snprintf(where, sizeof(where), "--%s", setting_table[setting].flag);
		config_set(config, setting, optarg, CONFIG_OPTION, where);
	}
}

void options_print_help(void)
{
	printf("prismd - the RPC daemon of PRISM: services over PostgreSQL\n\n"
	       "  prismd                    with a private PostgreSQL, on 127.0.0.1:7400\n"
	       "  prismd --config FILE      with the settings of FILE\n\n"
	       "  --config FILE         settings; the environment and options win over them\n"
	       "  --check-config        look the settings over and end: 0, or 78 if one is wrong\n"
	       "  --print-defaults      a configuration file of all settings, with comments\n"
	       "  --version             print it and end\n"
	       "  --help                this\n\n");
	for (int i = 0; i < SETTING_COUNT; i++)
		if (setting_table[i].flag)
			printf("  --%-14s VALUE  [%s] %s\n      %s\n", setting_table[i].flag,
			       setting_table[i].section, setting_table[i].key,
			       setting_table[i].help);
	printf("\nSIGTERM or SIGINT stops: calls that have begun may end. A second one stops at "
	       "once.\nSIGHUP reads the settings again.\n");
}
