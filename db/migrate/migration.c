#include "db/migrate/migration.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_SIZE_MAX = 16 << 20, PATH_SIZE = 4096 };

struct loaded {
	struct migration_set set; /* first: migration_set_free() gets its address */
	struct migration *migrations;
};

struct loader {
	const char *directory;
	char *message;
	size_t message_size;
	struct loaded *loaded;
};

const struct migration *migration_at(const struct migration_set *set, uint32_t revision)
{
	return revision >= 1 && revision <= set->count ? &set->at[revision - 1] : NULL;
}

static bool refuse(const struct loader *loader, const char *file, const char *why)
{
	snprintf(loader->message, loader->message_size, "%s/%s: %s", loader->directory, file, why);
	return false;
}

/* "0007_topic.up.sql" -> 7, "topic", true */
static bool parse_name(const char *file, uint32_t *revision, char name[MIGRATION_NAME_SIZE],
                       bool *up)
{
	char direction[5];
	unsigned number;
	int end = 0;
	if (strspn(file, "0123456789") != 4 ||
	    sscanf(file, "%4u_%99[a-z0-9_].%4[a-z].sql%n", &number, name, direction, &end) != 3 ||
	    end == 0 || file[end] != '\0' || number == 0)
		return false;
	*up = strcmp(direction, "up") == 0;
	*revision = number;
	return *up || strcmp(direction, "down") == 0;
}

static char *read_file(const struct loader *loader, const char *file)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof(path), "%s/%s", loader->directory, file);
	FILE *stream = fopen(path, "re");
	char *text = stream ? malloc(FILE_SIZE_MAX + 1) : NULL;
	if (!text) {
		(void)refuse(loader, file, strerror(errno));
		if (stream)
			fclose(stream);
		return NULL;
	}
	size_t length = fread(text, 1, FILE_SIZE_MAX + 1, stream);
	bool fit = !ferror(stream) && length <= FILE_SIZE_MAX && !memchr(text, '\0', length);
	fclose(stream);
	if (!fit) {
		(void)refuse(loader, file, "cannot be read, is over 16 MiB, or contains a NUL");
		free(text);
		return NULL;
	}
	text[length] = '\0';
	char *shorter = realloc(text, length + 1);
	return shorter ? shorter : text;
}

static void checksum(const char *text, char sha256[MIGRATION_SHA_SIZE])
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256(hash, (const uint8_t *)text, strlen(text));
	sodium_bin2hex(sha256, MIGRATION_SHA_SIZE, hash, sizeof(hash));
}

static struct migration *slot(struct loaded *loaded, uint32_t revision)
{
	if (revision > loaded->set.count) {
		struct migration *grown =
			realloc(loaded->migrations, revision * sizeof(struct migration));
		if (!grown)
			return NULL;
		memset(grown + loaded->set.count, 0,
		       (revision - loaded->set.count) * sizeof(struct migration));
		loaded->migrations = grown;
		loaded->set.at = grown;
		loaded->set.count = revision;
	}
	return &loaded->migrations[revision - 1];
}

static bool take_file(struct loader *loader, const char *file)
{
	uint32_t revision;
	char name[MIGRATION_NAME_SIZE];
	bool up;
	if (!parse_name(file, &revision, name, &up))
		return refuse(loader, file,
		              "the name has to be NNNN_topic.up.sql or NNNN_topic.down.sql");
	struct migration *migration = slot(loader->loaded, revision);
	if (!migration)
		return refuse(loader, file, "out of memory");
	if (!migration->name)
		migration->name = strdup(name);
	if (!migration->name || strcmp(migration->name, name) != 0 ||
	    (up ? migration->up : migration->down))
		return refuse(loader, file, "this revision is there twice");
	char *text = read_file(loader, file);
	if (!text)
		return false;
	migration->revision = revision;
	checksum(text, up ? migration->up_sha256 : migration->down_sha256);
	*(up ? &migration->up : &migration->down) = text;
	return true;
}

static bool take_all(struct loader *loader)
{
	DIR *directory = opendir(loader->directory);
	if (!directory)
		return refuse(loader, "", strerror(errno));
	const struct dirent *entry;
	bool taken = true;
	while (taken && (entry = readdir(directory))) {
		size_t length = strlen(entry->d_name);
		if (length > 4 && strcmp(entry->d_name + length - 4, ".sql") == 0)
			taken = take_file(loader, entry->d_name);
	}
	closedir(directory);
	return taken;
}

static bool complete(const struct loader *loader)
{
	char missing[MIGRATION_NAME_SIZE + 16];
	for (uint32_t i = 0; i < loader->loaded->set.count; i++) {
		const struct migration *migration = &loader->loaded->migrations[i];
		if (migration->up && migration->down)
			continue;
		snprintf(missing, sizeof(missing), "%04u_%s.%s.sql", i + 1,
		         migration->name ? migration->name : "*", migration->up ? "down" : "up");
		return refuse(loader, missing, "is missing");
	}
	return loader->loaded->set.count > 0 || refuse(loader, "", "there are no migrations in it");
}

bool migration_set_load(struct migration_set **out, const char *directory, char *message,
                        size_t message_size)
{
	struct loader loader = {directory, message, message_size, calloc(1, sizeof(struct loaded))};
	if (!loader.loaded || sodium_init() < 0)
		return refuse(&loader, "", "out of memory");
	if (!take_all(&loader) || !complete(&loader)) {
		migration_set_free(&loader.loaded->set);
		return false;
	}
	*out = &loader.loaded->set;
	return true;
}

void migration_set_free(struct migration_set *set)
{
	if (!set)
		return;
	struct loaded *loaded = (struct loaded *)set;
	for (size_t i = 0; i < loaded->set.count; i++) {
		free((char *)loaded->migrations[i].name);
		free((char *)loaded->migrations[i].up);
		free((char *)loaded->migrations[i].down);
	}
	free(loaded->migrations);
	free(loaded);
}
