/* options - the command line of prism-db, parsed. Strings point into argv or the environment. */
#pragma once
#include "proto/status.h"

#include <stddef.h>
#include <stdint.h>

enum { OPTIONS_OPERANDS_MAX = 4, OPTIONS_SCOPES_MAX = 16 };

struct options {
	const char *database_url; /* --database-url, else DATABASE_URL, else NULL */
	const char *state_dir;    /* NULL: the default */
	const char *migrations;   /* NULL: those compiled in */
	const char *schema;       /* the declared one's directory; NULL: the default */
	const char *name, *label, *expires, *organization, *wait;
	const char *format, *container, *into, *keep, *jobs; /* of backup and restore */
	const char *scopes[OPTIONS_SCOPES_MAX];
	size_t scope_count;
	const char *title; /* -m */
	bool autogenerate, sql, dry_run, verify, replace, json, verbose, help, version;
	const char *operands[OPTIONS_OPERANDS_MAX]; /* the verb is the first */
	size_t operand_count;
	uint64_t given; /* a bit for each option of the command line */
};

/* False: a message was printed. Options may stand anywhere; "-1" is an operand. */
MUST_CHECK
bool options_parse(struct options *out, int argc, char **argv);

/* The name of an option that was given, and that is neither among `words` (with blanks between) nor
 * for every verb; NULL: there is none. */
const char *options_stranger(const struct options *options, const char *words);

/* A whole number from `least` to `most`; says what is wrong on standard error. */
MUST_CHECK
bool options_number(const char *option, const char *text, int64_t least, int64_t most,
                    int64_t *number);
