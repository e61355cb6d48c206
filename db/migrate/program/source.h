/* source - a schema as it is named on the command line: where it is read from.
 *
 *   live             the database of the command
 *   declared         the files of --schema (default: db/schema)
 *   base, 0007, head what the migrations build
 *   a URL or a libpq connection string: that database */
#pragma once
#include "db/migrate/program/verb.h"
#include "db/migrate/shadow/declared.h"
#include "db/migrate/shadow/shadow.h"

enum { SOURCES_MAX = 2 };

/* What sources are read with. */
struct sources {
	const struct options *options;
	const char *conninfo;            /* of the database of the command */
	const struct migration_set *set; /* of --migrations, else those compiled in */
	const char *words[SOURCES_MAX];
	struct catalog *catalogs[SOURCES_MAX]; /* as read */
	size_t count;
	struct shadow shadow; /* opened where one is needed */
};

/* Reads all of them, each once, in one scratch database where they are not in one. What it returns
 * is EXIT_DONE, or it said why not. */
MUST_CHECK
enum exit_code sources_read(struct sources *sources);
void sources_clear(struct sources *sources);

/* The directory of the declared schema. */
const char *source_directory(const struct options *options);
