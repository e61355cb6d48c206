#include "db/backup/partial.h"
#include "db/backup/archive.h"
#include "db/backup/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARTIAL ".partial"

static enum backup_status fail(char *message, const char *what, const char *path)
{
	snprintf(message, BACKUP_MESSAGE_SIZE, "cannot %s %s: %s", what, path, strerror(errno));
	return BACKUP_FAILED;
}

static bool is_directory(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* --- one maker at a time ------------------------------------------------------------------------
 */

/* Whether the lock is ours, of the file that has the name. Where files cannot be locked, it is. */
static bool own(int fd, const char *path)
{
	struct stat open_one, named;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return false;
	return fstat(fd, &open_one) == 0 && stat(path, &named) == 0 &&
	       open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

static void remove_half_manifest(const char *path)
{
	char manifest[BACKUP_PATH_SIZE], half[BACKUP_PATH_SIZE + 16];
	manifest_path(path, manifest);
	snprintf(half, sizeof half, "%s" PARTIAL, manifest);
	unlink(half);
}

/* Removes what a dead run left; the manifest first, if it told of a file that never got its name.
 * False: a live one makes it. */
static bool remove_left(const char *path, const char *partial)
{
	char manifest[BACKUP_PATH_SIZE];
	manifest_path(path, manifest);
	int fd = open(partial, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	bool dead = own(fd, partial);
	if (dead) {
		remove_half_manifest(path);
		if (access(path, F_OK) != 0)
			unlink(manifest);
		archive_remove(partial);
	}
	close(fd);
	return dead;
}

/* Inherited by children on purpose: what they write is theirs as long as they live. */
static int make(const struct partial *partial)
{
	if (!partial->directory)
		return open(partial->partial, O_WRONLY | O_CREAT | O_EXCL, 0600);
	return mkdir(partial->partial, 0700) == 0 ? open(partial->partial, O_RDONLY | O_DIRECTORY)
	                                          : -1;
}

/* A directory takes the place of another in one step where the file system can do that. */
static bool can_exchange(const struct partial *partial)
{
	bool can = mkdirat(partial->fd, "a", 0700) == 0 && mkdirat(partial->fd, "b", 0700) == 0 &&
	           renameat2(partial->fd, "a", partial->fd, "b", RENAME_EXCHANGE) == 0;
	unlinkat(partial->fd, "a", AT_REMOVEDIR);
	unlinkat(partial->fd, "b", AT_REMOVEDIR);
	return can;
}

static enum backup_status set_paths(struct partial *partial, const char *path, char *message)
{
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	snprintf(partial->path, sizeof partial->path, "%.*s", (int)length, path);
	int n = snprintf(partial->partial, sizeof partial->partial, "%s" PARTIAL, partial->path);
	if (length > 0 && n + sizeof ".manifest.json" < BACKUP_PATH_SIZE)
		return BACKUP_OK;
	snprintf(message, BACKUP_MESSAGE_SIZE, "the path is empty or too long");
	return BACKUP_REFUSED;
}

static enum backup_status refuse_existing(const struct partial *partial, char *message)
{
	if (partial->replace || access(partial->path, F_OK) != 0)
		return BACKUP_OK;
	snprintf(message, BACKUP_MESSAGE_SIZE,
	         "%s is there already: choose another name, or say --replace", partial->path);
	return BACKUP_REFUSED;
}

/* Whether another run is about to end: it has given the file its name, and writes the manifest. */
static bool is_being_named(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool named = fd >= 0 && !own(fd, path);
	if (fd >= 0)
		close(fd);
	return named;
}

static enum backup_status claim(struct partial *partial, char *message)
{
	bool left = !is_being_named(partial->path) && remove_left(partial->path, partial->partial);
	if (left)
		partial->fd = make(partial);
	if (left && partial->fd < 0 && errno != EEXIST)
		return fail(message, "write", partial->partial);
	if (partial->fd >= 0 && own(partial->fd, partial->partial)) {
		remove_half_manifest(partial->path);
		return BACKUP_OK;
	}
	if (partial->fd >= 0)
		close(partial->fd);
	partial->fd = -1;
	snprintf(message, BACKUP_MESSAGE_SIZE,
	         "another prism-db writes %s: wait for it, or choose another name",
	         partial->partial);
	return BACKUP_BUSY;
}

enum backup_status partial_open(struct partial *partial, const char *path, bool directory,
                                bool replace, char message[BACKUP_MESSAGE_SIZE])
{
	*partial = (struct partial){.fd = -1, .directory = directory, .replace = replace};
	enum backup_status status = set_paths(partial, path, message);
	if (status == BACKUP_OK)
		status = refuse_existing(partial, message);
	if (status == BACKUP_OK)
		status = claim(partial, message);
	if (status != BACKUP_OK || !directory || access(partial->path, F_OK) != 0 ||
	    can_exchange(partial))
		return status;
	snprintf(message, BACKUP_MESSAGE_SIZE,
	         "on this file system a directory cannot take the place of %s in one step: choose "
	         "another name",
	         partial->path);
	partial_close(partial);
	return BACKUP_REFUSED;
}

/* --- its name -----------------------------------------------------------------------------------
 */

/* What tells of PATH as it is now. */
static json_t *describe_old(const char *path, char *message)
{
	char ignored[BACKUP_MESSAGE_SIZE];
	json_t *manifest = NULL;
	(void)!manifest_read(path, &manifest, ignored);
	if (manifest && !json_object_get(manifest, MANIFEST_REPLACES))
		return manifest;
	/* There is none; or a run was killed when it had two to tell of. */
	json_t *files = archive_hash(path, message);
	const json_t *match = files ? manifest_match(manifest, files, ignored) : NULL;
	json_t *old = match   ? json_copy((json_t *)match)
	              : files ? json_pack("{s:O}", "files", files)
	                      : NULL;
	json_object_del(old, MANIFEST_REPLACES);
	json_decref(files);
	json_decref(manifest);
	return old;
}

/* Names change in one step: a file by rename(), a directory by an exchange. */
static bool change_names(struct partial *partial)
{
	bool there = access(partial->path, F_OK) == 0;
	if (there && (partial->directory || is_directory(partial->path))) {
		partial->exchanged = renameat2(AT_FDCWD, partial->partial, AT_FDCWD, partial->path,
		                               RENAME_EXCHANGE) == 0;
		return partial->exchanged;
	}
	if (partial->replace)
		return rename(partial->partial, partial->path) == 0;
	/* Nothing that came meanwhile is overwritten; not every file system can promise that. */
	return renameat2(AT_FDCWD, partial->partial, AT_FDCWD, partial->path, RENAME_NOREPLACE) ==
	               0 ||
	       (errno == EINVAL && rename(partial->partial, partial->path) == 0);
}

enum backup_status partial_finish(struct partial *partial, json_t *manifest,
                                  char message[BACKUP_MESSAGE_SIZE])
{
	char ignored[BACKUP_MESSAGE_SIZE];
	bool replaces = access(partial->path, F_OK) == 0;
	enum backup_status status = refuse_existing(partial, message);
	if (status != BACKUP_OK)
		return status;
	json_t *old = replaces ? describe_old(partial->path, message) : NULL;
	if (old)
		json_object_set_new(manifest, MANIFEST_REPLACES, old);
	if ((replaces && !old) || !archive_sync(partial->partial, message) ||
	    !manifest_write(partial->path, manifest, message))
		return BACKUP_FAILED;
	archive_sync_parent(partial->path);
	if (!change_names(partial))
		return fail(message, "give its name to", partial->path);
	archive_sync_parent(partial->path);
	/* It tells of one too many, which does no harm. */
	json_object_del(manifest, MANIFEST_REPLACES);
	if (replaces)
		(void)!manifest_write(partial->path, manifest, ignored);
	return BACKUP_OK;
}

void partial_close(struct partial *partial)
{
	if (partial->fd < 0)
		return;
	if (own(partial->fd, partial->partial))
		archive_remove(partial->partial);
	else if (partial->exchanged)
		(void)!remove_left(partial->path, partial->partial);
	close(partial->fd);
	partial->fd = -1;
}

/* --- what was left ------------------------------------------------------------------------------
 */

bool partial_is_generated(const char *name, const char *database, const char *end)
{
	char pattern[128];
	size_t length = strlen(database); /* which may hold a "*": it is no pattern */
	snprintf(pattern, sizeof pattern, "-[0-9][0-9][0-9][0-9]-[0-9]*T[0-9]*Z.dump%s", end);
	return strncmp(name, database, length) == 0 && fnmatch(pattern, name + length, 0) == 0;
}

void partial_sweep(const char *path, const char *database)
{
	char parent[BACKUP_PATH_SIZE], partial[2 * BACKUP_PATH_SIZE], whole[2 * BACKUP_PATH_SIZE];
	const char *slash = strrchr(path, '/');
	snprintf(parent, sizeof parent, "%.*s", slash ? (int)(slash - path) + 1 : 2,
	         slash ? path : "./");
	DIR *directory = opendir(parent);
	const struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		if (!partial_is_generated(entry->d_name, database, PARTIAL))
			continue;
		int length = snprintf(partial, sizeof partial, "%s%s", parent, entry->d_name);
		snprintf(whole, sizeof whole, "%.*s", length - (int)strlen(PARTIAL), partial);
		(void)!remove_left(whole, partial);
	}
	if (directory)
		closedir(directory);
}

void partial_remove_backup(const char *path)
{
	char partial[BACKUP_PATH_SIZE + 16];
	snprintf(partial, sizeof partial, "%s" PARTIAL, path);
	if (rename(path, partial) == 0)
		(void)!remove_left(path, partial);
}
