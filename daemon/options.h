/* options - the command line of prismd.
 *
 * Options that set something are settings (settings.def); the others say what to do. */
#pragma once
#include "daemon/config.h"

enum action {
	ACTION_SERVE,
	ACTION_CHECK_CONFIG,
	ACTION_PRINT_DEFAULTS,
	ACTION_HELP,
	ACTION_VERSION,
	ACTION_REFUSE, /* the command line is wrong: said on standard error */
};

struct options {
	enum action action;
	const char *config_path; /* NULL: none */
	int argc;
	char **argv;
};

/* What to do, and where the configuration is; settings are left for options_apply(), since they win
 * over the file that is read first. */
void options_parse(struct options *options, int argc, char **argv);
void options_apply(const struct options *options, struct config *config);
void options_print_help(void);
