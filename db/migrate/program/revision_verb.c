/* revision. */
#include "db/migrate/program/source.h"
#include "db/migrate/revision/revision.h"

#include <stdio.h>
#include <sys/stat.h>

static const char migrations_default[] = "migrations";

static void print_note(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "%s\n", line);
}

static bool is_directory(const char *path)
{
	struct stat found;
	if (stat(path, &found) == 0 && S_ISDIR(found.st_mode))
		return true;
	say("%s is no directory: run this in a checkout, or name one with --migrations", path);
	return false;
}

static enum exit_code make(const struct revision_settings *settings)
{
	char name[REVISION_NAME_SIZE], message[MIGRATE_MESSAGE_SIZE];
	switch (revision_make(settings, name, message)) {
	case REVISION_MADE:
		printf("%s/%s.up.sql\n%s/%s.down.sql\n", settings->migrations, name,
		       settings->migrations, name);
		return EXIT_DONE;
	case REVISION_NOTHING:
		say("nothing to do: the migrations build what %s declares", settings->schema);
		return EXIT_DONE;
	case REVISION_BAD:
		say("%s", message);
		return EXIT_USAGE;
	case REVISION_FAILED:
		say("%s", message);
		return EXIT_FAILED;
	}
	return EXIT_FAILED;
}

enum exit_code verb_revision(const struct options *options)
{
	struct database database;
	struct revision_settings settings = {
		.migrations = options->migrations ? options->migrations : migrations_default,
		.schema = source_directory(options),
		.title = options->title,
		.note = print_note,
	};
	if (!options->title) {
		say("revision needs -m \"what it is about\"");
		return EXIT_USAGE;
	}
	if (!is_directory(settings.migrations))
		return EXIT_USAGE;
	if (!options->autogenerate)
		return make(&settings);
	if (!is_directory(settings.schema))
		return EXIT_USAGE;
	if (!database_open(&database, options, DATABASE_MADE))
		return EXIT_UNREACHABLE;
	settings.conninfo = database.conninfo;
	enum exit_code code = make(&settings);
	database_close(&database);
	return code;
}
