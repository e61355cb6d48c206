#include "db/migrate/program/source.h"
#include "db/migrate/target.h"

#include <stdio.h>
#include <string.h>

static const char declared_default[] = "db/schema";

const char *source_directory(const struct options *options)
{
	return options->schema ? options->schema : declared_default;
}

static bool is_connection(const char *word)
{
	return strstr(word, "://") || strchr(word, '=');
}

static bool is_live(const char *word)
{
	return strcmp(word, "live") == 0 || is_connection(word);
}

static bool is_declared(const char *word)
{
	return strcmp(word, "declared") == 0;
}

static bool find_revision(const struct sources *sources, const char *word, uint32_t *revision)
{
	char message[MIGRATE_MESSAGE_SIZE];
	if (is_live(word) || is_declared(word))
		return false;
	if (target_of_stamp(sources->set, word, revision, message, sizeof(message)))
		return true;
	say("there is no schema '%s': give live, declared, base, head, a revision, or a connection "
	    "string",
	    word);
	return false;
}

static enum exit_code read_connection(struct sources *sources, size_t i)
{
	char message[MIGRATE_MESSAGE_SIZE];
	const char *conninfo =
		is_connection(sources->words[i]) ? sources->words[i] : sources->conninfo;
	PGconn *connection = db_connect(conninfo, "prism-db", message, sizeof(message));
	if (!connection) {
		say("%s", message);
		return EXIT_UNREACHABLE;
	}
	bool read = catalog_read(&sources->catalogs[i], connection, message, sizeof(message));
	PQfinish(connection);
	if (!read)
		say("%s", message);
	return read ? EXIT_DONE : EXIT_FAILED;
}

static bool need_shadow(struct sources *sources)
{
	char message[MIGRATE_MESSAGE_SIZE];
	if (shadow_is_open(&sources->shadow) ||
	    shadow_open(&sources->shadow, sources->conninfo, message, sizeof(message)))
		return true;
	say("%s", message);
	return false;
}

static enum exit_code read_declared(struct sources *sources, size_t i)
{
	char message[MIGRATE_MESSAGE_SIZE];
	struct declared declared;
	if (!declared_read(&declared, source_directory(sources->options), message,
	                   sizeof(message))) {
		say("%s", message);
		return EXIT_USAGE;
	}
	bool read = need_shadow(sources);
	if (read) {
		read = declared_catalog(&declared, sources->shadow.connection,
		                        &sources->catalogs[i], message, sizeof(message));
		if (!read)
			say("%s", message);
	}
	declared_clear(&declared);
	return read ? EXIT_DONE : EXIT_FAILED;
}

static enum exit_code read_revision(struct sources *sources, size_t i, uint32_t revision)
{
	char target[16], message[MIGRATE_MESSAGE_SIZE];
	snprintf(target, sizeof(target), revision ? "%04u" : "base", revision);
	if (!need_shadow(sources))
		return EXIT_FAILED;
	if (shadow_upgrade(&sources->shadow, sources->set, target, message) &&
	    catalog_read(&sources->catalogs[i], sources->shadow.connection, message,
	                 sizeof(message)))
		return EXIT_DONE;
	say("%s", message);
	return EXIT_FAILED;
}

/* Revisions in their order: the scratch database only goes up. */
static enum exit_code read_revisions(struct sources *sources)
{
	uint32_t revisions[SOURCES_MAX], read = 0;
	size_t found[SOURCES_MAX], count = 0;
	for (size_t i = 0; i < sources->count; i++)
		if (!is_live(sources->words[i]) && !is_declared(sources->words[i])) {
			if (!find_revision(sources, sources->words[i], &revisions[i]))
				return EXIT_USAGE;
			found[count++] = i;
		}
	if (count == 2 && revisions[0] > revisions[1]) {
		found[0] = 1;
		found[1] = 0;
	}
	for (; read < count; read++) {
		enum exit_code code = read_revision(sources, found[read], revisions[found[read]]);
		if (code != EXIT_DONE)
			return code;
	}
	return EXIT_DONE;
}

enum exit_code sources_read(struct sources *sources)
{
	enum exit_code code = EXIT_DONE;
	uint32_t ignored;
	/* A word that means nothing is told before anything is built. */
	for (size_t i = 0; i < sources->count; i++)
		if (!is_live(sources->words[i]) && !is_declared(sources->words[i]) &&
		    !find_revision(sources, sources->words[i], &ignored))
			return EXIT_USAGE;
	for (size_t i = 0; i < sources->count && code == EXIT_DONE; i++)
		if (is_live(sources->words[i]))
			code = read_connection(sources, i);
		else if (is_declared(sources->words[i]))
			code = read_declared(sources, i);
	return code == EXIT_DONE ? read_revisions(sources) : code;
}

void sources_clear(struct sources *sources)
{
	shadow_close(&sources->shadow);
	for (size_t i = 0; i < SOURCES_MAX; i++)
		catalog_free(sources->catalogs[i]);
}
