#include "db/migrate/program/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_key {
	OPTION_DATABASE_URL = 256,
	OPTION_STATE_DIR,
	OPTION_MIGRATIONS,
	OPTION_SCHEMA,
	OPTION_TITLE,
	OPTION_AUTOGENERATE,
	OPTION_NAME,
	OPTION_LABEL,
	OPTION_SCOPE,
	OPTION_ORGANIZATION,
	OPTION_EXPIRES,
	OPTION_WAIT,
	OPTION_FORMAT,
	OPTION_CONTAINER,
	OPTION_INTO,
	OPTION_KEEP,
	OPTION_JOBS,
	OPTION_VERIFY,
	OPTION_SQL,
	OPTION_DRY_RUN,
	OPTION_REPLACE,
	OPTION_JSON,
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option table[] = {
	{"database-url", required_argument, NULL, OPTION_DATABASE_URL},
	{"state-dir", required_argument, NULL, OPTION_STATE_DIR},
	{"migrations", required_argument, NULL, OPTION_MIGRATIONS},
	{"schema", required_argument, NULL, OPTION_SCHEMA},
	{"message", required_argument, NULL, OPTION_TITLE},
	{"autogenerate", no_argument, NULL, OPTION_AUTOGENERATE},
	{"name", required_argument, NULL, OPTION_NAME},
	{"label", required_argument, NULL, OPTION_LABEL},
	{"scope", required_argument, NULL, OPTION_SCOPE},
	{"organization", required_argument, NULL, OPTION_ORGANIZATION},
	{"expires", required_argument, NULL, OPTION_EXPIRES},
	{"wait", required_argument, NULL, OPTION_WAIT},
	{"format", required_argument, NULL, OPTION_FORMAT},
	{"container", required_argument, NULL, OPTION_CONTAINER},
	{"into", required_argument, NULL, OPTION_INTO},
	{"keep", required_argument, NULL, OPTION_KEEP},
	{"jobs", required_argument, NULL, OPTION_JOBS},
	{"verify", no_argument, NULL, OPTION_VERIFY},
	{"sql", no_argument, NULL, OPTION_SQL},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"replace", no_argument, NULL, OPTION_REPLACE},
	{"json", no_argument, NULL, OPTION_JSON},
	{"verbose", no_argument, NULL, OPTION_VERBOSE},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static bool complain(const char *what, const char *about)
{
	fprintf(stderr, "prism-db: %s%s%s; `prism-db --help` lists what there is\n", what,
	        *about ? ": " : "", about);
	return false;
}

static bool add_scope(struct options *options, const char *scope)
{
	if (options->scope_count == OPTIONS_SCOPES_MAX)
		return complain("too many scopes", "");
	options->scopes[options->scope_count++] = scope;
	return true;
}

static bool add_operand(struct options *options, const char *operand)
{
	if (options->operand_count == OPTIONS_OPERANDS_MAX)
		return complain("too many words", operand);
	options->operands[options->operand_count++] = operand;
	return true;
}

static const char **text_option(struct options *options, int key)
{
	switch (key) {
	case OPTION_DATABASE_URL:
		return &options->database_url;
	case OPTION_STATE_DIR:
		return &options->state_dir;
	case OPTION_MIGRATIONS:
		return &options->migrations;
	case OPTION_SCHEMA:
		return &options->schema;
	case OPTION_TITLE:
	case 'm':
		return &options->title;
	case OPTION_NAME:
		return &options->name;
	case OPTION_LABEL:
		return &options->label;
	case OPTION_ORGANIZATION:
		return &options->organization;
	case OPTION_EXPIRES:
		return &options->expires;
	case OPTION_WAIT:
		return &options->wait;
	case OPTION_FORMAT:
		return &options->format;
	case OPTION_CONTAINER:
		return &options->container;
	case OPTION_INTO:
		return &options->into;
	case OPTION_KEEP:
		return &options->keep;
	case OPTION_JOBS:
		return &options->jobs;
	default:
		return NULL;
	}
}

static bool *flag_option(struct options *options, int key)
{
	switch (key) {
	case OPTION_JSON:
		return &options->json;
	case OPTION_VERBOSE:
	case 'v':
		return &options->verbose;
	case OPTION_VERIFY:
		return &options->verify;
	case OPTION_AUTOGENERATE:
		return &options->autogenerate;
	case OPTION_SQL:
		return &options->sql;
	case OPTION_DRY_RUN:
		return &options->dry_run;
	case OPTION_REPLACE:
		return &options->replace;
	case OPTION_HELP:
	case 'h':
		return &options->help;
	case OPTION_VERSION:
		return &options->version;
	default:
		return NULL;
	}
}

static int long_key(int key)
{
	return key == 'm'   ? OPTION_TITLE
	       : key == 'v' ? OPTION_VERBOSE
	       : key == 'h' ? OPTION_HELP
	                    : key;
}

static bool take(struct options *options, int key, const char *argument)
{
	options->given |= UINT64_C(1) << (long_key(key) - OPTION_DATABASE_URL);
	const char **text = text_option(options, key);
	bool *flag = flag_option(options, key);
	if (text)
		*text = argument;
	if (flag)
		*flag = true;
	return text || flag || (key == OPTION_SCOPE && add_scope(options, argument));
}

/* "-1" and "-12" are how far to go back; "-3:head" is a range that begins so. */
static bool is_step(const char *word)
{
	size_t digits = word[0] == '-' ? strspn(word + 1, "0123456789") : 0;
	return digits > 0 && (word[1 + digits] == '\0' || word[1 + digits] == ':');
}

/* Takes the words like "-1" out of argv, before getopt() reads them as options. */
static const char *take_step(int *argc, char **argv)
{
	const char *step = NULL;
	int kept = 1;
	for (int i = 1; i < *argc; i++) {
		bool value = i > 1 && strncmp(argv[i - 1], "--", 2) == 0 && argv[i - 1][2] &&
		             !strchr(argv[i - 1], '=');
		if (!step && !value && is_step(argv[i]))
			step = argv[i];
		else
			argv[kept++] = argv[i];
	}
	*argc = kept;
	argv[kept] = NULL;
	return step;
}

bool options_parse(struct options *out, int argc, char **argv)
{
	const char *url = getenv("DATABASE_URL"), *step = take_step(&argc, argv);
	int key;
	*out = (struct options){0};
	opterr = 0;
	/* "-": operands come in their order, between the options. */
	while ((key = getopt_long(argc, argv, "-:hvm:", table, NULL)) != -1) {
		if (key == ':')
			return complain("this option needs a value", argv[optind - 1]);
		if (key == '?')
			return complain("no such option", argv[optind - 1]);
		if (key == 1 ? !add_operand(out, optarg) : !take(out, key, optarg))
			return false;
	}
	for (; optind < argc; optind++)
		if (!add_operand(out, argv[optind]))
			return false;
	if (step && !add_operand(out, step))
		return false;
	if (!out->database_url && url && *url)
		out->database_url = url;
	return true;
}

static bool is_among(const char *name, const char *words)
{
	size_t length = strlen(name);
	for (const char *at = words; (at = strstr(at, name)); at += length)
		if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return true;
	return false;
}

const char *options_stranger(const struct options *options, const char *words)
{
	static const char common[] = "database-url state-dir migrations schema help version";
	for (const struct option *one = table; one->name; one++)
		if (options->given >> (one->val - OPTION_DATABASE_URL) & 1 &&
		    !is_among(one->name, words) && !is_among(one->name, common))
			return one->name;
	return NULL;
}

bool options_number(const char *option, const char *text, int64_t least, int64_t most,
                    int64_t *number)
{
	char *end;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && value >= least && value <= most) {
		*number = value;
		return true;
	}
	fprintf(stderr,
	        "prism-db: %s is a whole number from %" PRId64 " to %" PRId64 ", not '%s'\n",
	        option, least, most, text);
	return false;
}
