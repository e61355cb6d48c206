#include "db/backup/manifest.h"
#include "db/backup/archive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void manifest_path(const char *path, char out[BACKUP_PATH_SIZE])
{
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	snprintf(out, BACKUP_PATH_SIZE, "%.*s.manifest.json", (int)length, path);
}

bool manifest_write(const char *path, const json_t *manifest, char message[BACKUP_MESSAGE_SIZE])
{
	char name[BACKUP_PATH_SIZE], partial[BACKUP_PATH_SIZE + 16];
	manifest_path(path, name);
	snprintf(partial, sizeof partial, "%s.partial", name);
	if (json_dump_file(manifest, partial, JSON_INDENT(2) | JSON_PRESERVE_ORDER) != 0) {
		snprintf(message, BACKUP_MESSAGE_SIZE, "cannot write %s: %s", partial,
		         strerror(errno));
		return false;
	}
	if (!archive_sync(partial, message))
		return false;
	if (rename(partial, name) == 0)
		return true;
	snprintf(message, BACKUP_MESSAGE_SIZE, "cannot write %s: %s", name, strerror(errno));
	return false;
}

static bool is_whole(const json_t *manifest)
{
	return json_integer_value(json_object_get(manifest, "manifest")) == MANIFEST_VERSION &&
	       json_is_object(json_object_get(manifest, "files")) &&
	       json_is_object(json_object_get(manifest, "contents"));
}

bool manifest_read(const char *path, json_t **out, char message[BACKUP_MESSAGE_SIZE])
{
	char name[BACKUP_PATH_SIZE];
	json_error_t error;
	manifest_path(path, name);
	*out = NULL;
	if (access(name, F_OK) != 0)
		return true;
	*out = json_load_file(name, JSON_REJECT_DUPLICATES, &error);
	if (*out && is_whole(*out))
		return true;
	if (*out)
		snprintf(message, BACKUP_MESSAGE_SIZE,
		         "%s is no manifest of version %d that this program reads", name,
		         MANIFEST_VERSION);
	else
		snprintf(message, BACKUP_MESSAGE_SIZE, "%s: line %d: %s", name, error.line,
		         error.text);
	json_decref(*out);
	*out = NULL;
	return false;
}

const json_t *manifest_match(const json_t *manifest, const json_t *files,
                             char message[BACKUP_MESSAGE_SIZE])
{
	char ignored[BACKUP_MESSAGE_SIZE];
	const json_t *replaces = json_object_get(manifest, MANIFEST_REPLACES);
	if (archive_equal(json_object_get(manifest, "files"), files, message))
		return manifest;
	return replaces && archive_equal(json_object_get(replaces, "files"), files, ignored)
	               ? replaces
	               : NULL;
}
