#include "db/embedded/install.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char debian[] = "/usr/lib/postgresql";

enum { OLDEST_VERSION = 15 }; /* ON DELETE SET NULL (column) */

static bool has_programs(const char *directory)
{
	static const char *const names[] = {"postgres", "initdb"};
	char path[INSTALL_PATH_SIZE + 16];
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		if (access(path, X_OK) != 0)
			return false;
	}
	return true;
}

static bool debian_has(unsigned version, char directory[INSTALL_PATH_SIZE])
{
	snprintf(directory, INSTALL_PATH_SIZE, "%s/%u/bin", debian, version);
	return has_programs(directory);
}

static bool newest_of_debian(char directory[INSTALL_PATH_SIZE])
{
	unsigned newest = 0;
	char candidate[INSTALL_PATH_SIZE];
	DIR *handle = opendir(debian);
	const struct dirent *entry;
	while (handle && (entry = readdir(handle))) {
		unsigned version = (unsigned)strtoul(entry->d_name, NULL, 10);
		if (version > newest && version >= OLDEST_VERSION && debian_has(version, candidate))
			newest = version;
	}
	if (handle)
		closedir(handle);
	return newest && debian_has(newest, directory);
}

/* `postgres --version` of what is in PATH. */
static unsigned version_in(const char *directory)
{
	char command[INSTALL_PATH_SIZE + 32], line[128] = "";
	snprintf(command, sizeof(command), "'%s/postgres' --version", directory);
	FILE *output = strchr(directory, '\'') ? NULL : popen(command, "re");
	if (!output)
		return 0;
	const char *number = fgets(line, sizeof(line), output) ? strpbrk(line, "0123456789") : NULL;
	pclose(output);
	return number ? (unsigned)strtoul(number, NULL, 10) : 0;
}

static bool find_in_path(unsigned version, char directory[INSTALL_PATH_SIZE])
{
	const char *path = getenv("PATH");
	while (path && *path) {
		size_t length = strcspn(path, ":");
		if (length > 0 && length < INSTALL_PATH_SIZE && path[0] == '/') {
			memcpy(directory, path, length);
			directory[length] = '\0';
			unsigned found = has_programs(directory) ? version_in(directory) : 0;
			if (found >= OLDEST_VERSION && (version == 0 || found == version))
				return true;
		}
		path += length + (path[length] == ':');
	}
	return false;
}

bool install_find(unsigned version, char directory[INSTALL_PATH_SIZE], char *message,
                  size_t message_size)
{
	if (debian_has(version ? version : INSTALL_VERSION, directory) ||
	    (version == 0 && newest_of_debian(directory)) || find_in_path(version, directory))
		return true;
	unsigned wanted = version ? version : INSTALL_VERSION;
	snprintf(message, message_size,
	         "there is no PostgreSQL %u%s on this machine (looked into %s/*/bin and PATH): "
	         "apt-get install postgresql-%u, or give a database with --database-url",
	         wanted, version ? ", which made the data directory," : " or newer", debian,
	         wanted);
	return false;
}
