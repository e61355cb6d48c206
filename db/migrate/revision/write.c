#include "db/migrate/revision/write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

static bool write_file(const char *path, const char *text, char *message, size_t message_size)
{
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	bool written = fd >= 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
	if (!written)
		snprintf(message, message_size, "%s: %s", path, strerror(errno));
	if (fd >= 0) {
		close(fd);
		if (!written)
			unlink(path);
	}
	return written;
}

bool write_pair(const char *directory, const char *name, const char *up, const char *down,
                char *message, size_t message_size)
{
	char up_path[PATH_SIZE], down_path[PATH_SIZE];
	snprintf(up_path, sizeof(up_path), "%s/%s.up.sql", directory, name);
	snprintf(down_path, sizeof(down_path), "%s/%s.down.sql", directory, name);
	if (!write_file(up_path, up, message, message_size))
		return false;
	if (write_file(down_path, down, message, message_size))
		return true;
	unlink(up_path);
	return false;
}
