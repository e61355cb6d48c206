#include "db/startup/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool joined(char *out, size_t size, const char *dir, const char *rest)
{
	int length = snprintf(out, size, "%s%s", dir, rest);
	return length > 0 && (size_t)length < size;
}

bool state_dir_default(char *out, size_t size)
{
	const char *systemd = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME");
	if (systemd && *systemd) {
		int first = (int)strcspn(systemd, ":");
		int length = snprintf(out, size, "%.*s", first, systemd);
		return length > 0 && (size_t)length < size;
	}
	if (xdg && *xdg)
		return joined(out, size, xdg, "/prism");
	if (geteuid() == 0)
		return joined(out, size, "/var/lib/prism", "");
	const char *home = getenv("HOME");
	return home && *home && joined(out, size, home, "/.local/state/prism");
}

static bool make_one(const char *path, mode_t mode, char *message, size_t message_size)
{
	struct stat info;
	if (mkdir(path, mode) == 0)
		return true;
	int error = errno;
	if (error == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode))
		return true;
	snprintf(message, message_size, "cannot make the directory %s: %s", path,
	         error == EEXIST ? "there is something else of that name" : strerror(error));
	return false;
}

bool state_dir_make(const char *path, char *message, size_t message_size)
{
	char part[STATE_PATH_SIZE];
	size_t length = strlen(path);
	if (length == 0 || length >= sizeof(part)) {
		snprintf(message, message_size, "the state directory's path is %s",
		         length ? "too long" : "empty");
		return false;
	}
	memcpy(part, path, length + 1);
	for (size_t i = 1; i < length; i++) {
		if (part[i] != '/')
			continue;
		part[i] = '\0';
		if (!make_one(part, 0755, message, message_size))
			return false;
		part[i] = '/';
	}
	return make_one(part, 0700, message, message_size);
}

bool state_path(char path[STATE_PATH_SIZE], const char *dir, const char *name, char *message,
                size_t message_size)
{
	int length = snprintf(path, STATE_PATH_SIZE, "%s/%s", dir, name);
	if (length > 0 && length < STATE_PATH_SIZE)
		return true;
	snprintf(message, message_size, "the path %.100s.../%s is too long", dir, name);
	return false;
}

static bool write_all(int file, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t written = write(file, data, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		data += written;
		size -= (size_t)written;
	}
	return true;
}

/* A file that root makes for a daemon of another user has to be that user's. */
static bool give_to_owner(int file, const char *dir)
{
	struct stat info;
	if (geteuid() != 0)
		return true;
	return stat(dir, &info) == 0 && fchown(file, info.st_uid, info.st_gid) == 0;
}

static bool write_temporary(int file, const char *dir, const void *data, size_t size)
{
	bool done = write_all(file, data, size) && give_to_owner(file, dir) && fsync(file) == 0;
	int error = errno;
	bool closed = close(file) == 0;
	if (!done)
		errno = error;
	return done && closed;
}

static bool put_in_place(const char *temporary, const char *path, bool replace, bool *existed)
{
	*existed = false;
	if (replace)
		return rename(temporary, path) == 0;
	if (link(temporary, path) == 0)
		return unlink(temporary) == 0;
	*existed = errno == EEXIST;
	return *existed && unlink(temporary) == 0;
}

static void sync_directory(const char *dir)
{
	int handle = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (handle < 0)
		return;
	(void)fsync(handle);
	close(handle);
}

bool state_file_write(const char *dir, const char *name, const void *data, size_t size,
                      bool replace, bool *existed, char *message, size_t message_size)
{
	char path[STATE_PATH_SIZE], temporary[STATE_PATH_SIZE];
	if (!state_path(path, dir, name, message, message_size) ||
	    !state_path(temporary, dir, ".new-XXXXXX", message, message_size))
		return false;
	int file = mkostemp(temporary, O_CLOEXEC);
	bool made = file >= 0;
	if (made && write_temporary(file, dir, data, size) &&
	    put_in_place(temporary, path, replace, existed)) {
		sync_directory(dir);
		return true;
	}
	snprintf(message, message_size, "cannot write %.300s: %s", path, strerror(errno));
	if (made)
		unlink(temporary);
	return false;
}

static bool fit_for_secret(const struct stat *info, const char *path, char *message, size_t size)
{
	if (!S_ISREG(info->st_mode))
		snprintf(message, size, "%s is no regular file", path);
	else if (info->st_uid != geteuid() && geteuid() != 0)
		snprintf(message, size,
		         "%s belongs to user %u, this program runs as user %u: run it as that "
		         "user, or chown the file",
		         path, (unsigned)info->st_uid, (unsigned)geteuid());
	else if (info->st_mode & 077)
		snprintf(message, size,
		         "%s holds secrets, and its mode %03o lets others at them: chmod 600 %s",
		         path, (unsigned)info->st_mode & 0777, path);
	else
		return true;
	return false;
}

int state_secret_open(const char *path, char *message, size_t message_size)
{
	struct stat info;
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (file < 0 && errno == ENOENT)
		return -1;
	if (file >= 0 && fstat(file, &info) == 0) {
		if (fit_for_secret(&info, path, message, message_size))
			return file;
	} else {
		snprintf(message, message_size, "cannot read %s: %s", path, strerror(errno));
	}
	if (file >= 0)
		close(file);
	errno = EACCES;
	return -1;
}

int state_dir_lock(const char *dir, char *message, size_t message_size)
{
	int handle = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (handle >= 0 && flock(handle, LOCK_EX) == 0)
		return handle;
	snprintf(message, message_size, "cannot lock the directory %s: %s", dir, strerror(errno));
	if (handle >= 0)
		close(handle);
	return -1;
}
