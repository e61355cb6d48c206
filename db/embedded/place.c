#include "db/embedded/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOCKET_PATH_MAX = 107 }; /* sun_path without its NUL */

static const char elsewhere_parent[] = "/var/lib/prism/clusters";

static bool real(char out[STATE_PATH_SIZE], const char *path, char *message, size_t message_size)
{
	char *resolved = realpath(path, NULL);
	size_t length = resolved ? strlen(resolved) : 0;
	if (length > 0 && length < STATE_PATH_SIZE) {
		memcpy(out, resolved, length + 1);
		free(resolved);
		return true;
	}
	snprintf(message, message_size, "cannot find %.300s: %s", path,
	         resolved ? "its path is too long" : strerror(errno));
	free(resolved);
	return false;
}

static bool name_parts(struct place *place, char *message, size_t message_size)
{
	return state_path(place->data, place->base, "data", message, message_size) &&
	       state_path(place->log, place->base, "log", message, message_size);
}

static bool find_base(struct place *place, const char *state_dir, bool *found, char *message,
                      size_t message_size)
{
	struct stat info;
	char link[STATE_PATH_SIZE];
	*found = false;
	if (!state_path(link, place->state_dir, "postgresql", message, message_size))
		return false;
	if (lstat(link, &info) != 0) {
		if (errno == ENOENT)
			return true;
		snprintf(message, message_size, "cannot look into %.300s: %s", state_dir,
		         strerror(errno));
		return false;
	}
	*found = true;
	return real(place->base, link, message, message_size) &&
	       name_parts(place, message, message_size);
}

bool place_find(struct place *out, const char *state_dir, bool *found, char *message,
                size_t message_size)
{
	*found = false;
	if (!account_find(&out->account, message, message_size))
		return false;
	if (access(state_dir, F_OK) != 0 && errno == ENOENT)
		return true;
	return real(out->state_dir, state_dir, message, message_size) &&
	       find_base(out, state_dir, found, message, message_size);
}

/* Nothing in it but what PRISM puts there. */
static bool only_ours(const char *directory)
{
	static const char *const ours[] = {
		".", "..", "keyring", "bootstrap.key", "postgresql", "postgresql.lock"};
	DIR *handle = opendir(directory);
	if (!handle)
		return false;
	const struct dirent *entry;
	bool only = true;
	while (only && (entry = readdir(handle))) {
		only = false;
		for (size_t i = 0; !only && i < sizeof(ours) / sizeof(ours[0]); i++)
			only = strcmp(entry->d_name, ours[i]) == 0;
	}
	closedir(handle);
	return only;
}

/* Lets PostgreSQL's group pass through a closed directory of ours, and nobody else. */
static bool let_pass(const struct account *account, const char *directory)
{
	struct stat info;
	return stat(directory, &info) == 0 && info.st_uid == 0 && (info.st_mode & 077) == 0 &&
	       chown(directory, (uid_t)-1, account->gid) == 0 && chmod(directory, 0710) == 0;
}

static bool make_inside(struct place *place, char *message, size_t message_size)
{
	if (!state_path(place->base, place->state_dir, "postgresql", message, message_size))
		return false;
	if (mkdir(place->base, 0700) == 0)
		return account_give(&place->account, place->base, message, message_size);
	snprintf(message, message_size, "cannot make %.300s: %s", place->base, strerror(errno));
	return false;
}

/* PostgreSQL's files where its user can be, and a link to them. */
static bool make_elsewhere(struct place *place, const char *blocked, char *message,
                           size_t message_size)
{
	char still[STATE_PATH_SIZE], link[STATE_PATH_SIZE];
	if (!state_dir_make(elsewhere_parent, message, message_size) ||
	    chmod(elsewhere_parent, 0711) != 0)
		return false;
	if (!account_can_enter(&place->account, elsewhere_parent, still, sizeof(still)) &&
	    !let_pass(&place->account, still)) {
		snprintf(message, message_size,
		         "PostgreSQL's user can get neither into %.120s nor into %.120s: choose "
		         "another "
		         "state "
		         "directory, or open one of them to it (chmod o+x)",
		         blocked, still);
		return false;
	}
	snprintf(place->base, sizeof(place->base), "%s/XXXXXX", elsewhere_parent);
	if (!mkdtemp(place->base) ||
	    !account_give(&place->account, place->base, message, message_size) ||
	    !state_path(link, place->state_dir, "postgresql", message, message_size) ||
	    symlink(place->base, link) != 0) {
		snprintf(message, message_size, "cannot make %.300s for PostgreSQL: %s",
		         place->base, strerror(errno));
		return false;
	}
	return true;
}

static bool make_base(struct place *place, char *message, size_t message_size)
{
	char blocked[STATE_PATH_SIZE];
	const struct account *account = &place->account;
	if (!account->other ||
	    account_can_enter(account, place->state_dir, blocked, sizeof(blocked)))
		return make_inside(place, message, message_size);
	if (strcmp(blocked, place->state_dir) == 0 && only_ours(place->state_dir) &&
	    let_pass(account, place->state_dir) &&
	    account_can_enter(account, place->state_dir, blocked, sizeof(blocked)))
		return make_inside(place, message, message_size);
	return make_elsewhere(place, blocked, message, message_size);
}

/* A kill may have come between making the directory and giving it away. */
static bool is_given(const struct place *place, char *message, size_t message_size)
{
	struct stat info;
	if (!place->account.other || stat(place->base, &info) != 0 || info.st_uid != 0)
		return true;
	return account_give(&place->account, place->base, message, message_size);
}

/* A base that was made in better times: the way to it may have been closed since. */
static bool check_way(const struct place *place, char *message, size_t message_size)
{
	char blocked[STATE_PATH_SIZE];
	if (!is_given(place, message, message_size))
		return false;
	if (!place->account.other ||
	    account_can_enter(&place->account, place->base, blocked, sizeof(blocked)))
		return true;
	snprintf(message, message_size,
	         "PostgreSQL's user cannot get into %.120s, on the way to its files in %.120s: "
	         "chmod o+x "
	         "%.120s, "
	         "or move the state directory",
	         blocked, place->base, blocked);
	return false;
}

bool place_make(struct place *out, const char *state_dir, char *message, size_t message_size)
{
	bool found;
	if (!account_find(&out->account, message, message_size) ||
	    !state_dir_make(state_dir, message, message_size) ||
	    !real(out->state_dir, state_dir, message, message_size) ||
	    !find_base(out, state_dir, &found, message, message_size))
		return false;
	if (found)
		return check_way(out, message, message_size);
	return make_base(out, message, message_size) && name_parts(out, message, message_size);
}

/* Fit for `unix_socket_directories`, for `host=` (both take lists) and for sun_path. */
static bool fit_for_socket(const char *directory)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
	char name[32];
	int name_length = snprintf(name, sizeof(name), "/.s.PGSQL.%d", PLACE_PORT);
	return directory[0] == '/' && directory[strspn(directory, plain)] == '\0' &&
	       strlen(directory) + (size_t)name_length <= SOCKET_PATH_MAX;
}

/* A directory that was remembered is in a place where others write too. */
static bool still_ours(const struct place *place, const char *directory)
{
	struct stat info;
	uid_t owner = place->account.other ? place->account.uid : geteuid();
	return fit_for_socket(directory) && lstat(directory, &info) == 0 && S_ISDIR(info.st_mode) &&
	       info.st_uid == owner && (info.st_mode & 0777) == 0700;
}

static bool remembered(const struct place *place, const char *memory, char *out, size_t size)
{
	int file = open(memory, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t length = file >= 0 ? read(file, out, size - 1) : -1;
	if (file >= 0)
		close(file);
	if (length <= 0)
		return false;
	out[length] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return still_ours(place, out);
}

static bool make_short(const struct place *place, char *out, size_t size)
{
	const char *runtime = getenv("RUNTIME_DIRECTORY");
	char blocked[STATE_PATH_SIZE];
	if (runtime && runtime[0] == '/' && !strchr(runtime, ':') &&
	    (!place->account.other ||
	     account_can_enter(&place->account, runtime, blocked, sizeof(blocked)))) {
		int length = snprintf(out, size, "%s/prism-XXXXXX", runtime);
		if (length > 0 && (size_t)length < size && fit_for_socket(out) && mkdtemp(out))
			return true;
	}
	snprintf(out, size, "/tmp/prism-XXXXXX");
	return mkdtemp(out) != NULL;
}

static bool remember(const struct place *place, const char *directory, char *message,
                     size_t message_size)
{
	bool existed;
	return state_file_write(place->base, "socket_directory", directory, strlen(directory), true,
	                        &existed, message, message_size);
}

static bool make_own(const struct place *place, const char *directory, char *message,
                     size_t message_size)
{
	if (mkdir(directory, 0700) == 0 || errno == EEXIST)
		return account_give(&place->account, directory, message, message_size);
	snprintf(message, message_size, "cannot make %s: %s", directory, strerror(errno));
	return false;
}

bool place_socket(const struct place *place, char *out, size_t size, char *message,
                  size_t message_size)
{
	char own[STATE_PATH_SIZE], memory[STATE_PATH_SIZE];
	if (!state_path(own, place->base, "socket", message, message_size) ||
	    !state_path(memory, place->base, "socket_directory", message, message_size))
		return false;
	if (fit_for_socket(own)) {
		snprintf(out, size, "%s", own);
		return make_own(place, own, message, message_size);
	}
	if (remembered(place, memory, out, size))
		return true;
	if (!make_short(place, out, size)) {
		snprintf(message, message_size, "cannot make %s for PostgreSQL's socket: %s", out,
		         strerror(errno));
		return false;
	}
	return account_give(&place->account, out, message, message_size) &&
	       remember(place, out, message, message_size);
}

void place_forget_socket(const struct place *place)
{
	char memory[STATE_PATH_SIZE], directory[STATE_PATH_SIZE], ignored[64];
	if (!state_path(memory, place->base, "socket_directory", ignored, sizeof(ignored)) ||
	    !remembered(place, memory, directory, sizeof(directory)))
		return;
	if (rmdir(directory) == 0)
		unlink(memory);
}
