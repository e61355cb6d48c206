#include "db/embedded/postmaster.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PAUSE_MS = 20,
	QUIT_PATIENCE_MS = 5000,
	ORPHAN_PATIENCE_MS = 10000,
	PID_LINES = 8,
};

void postmaster_pause(void)
{
	struct timespec time = {0, PAUSE_MS * 1000000L};
	nanosleep(&time, NULL);
}

/* PostgreSQL's processes work in their data directory. */
static bool works_in(const char *pid, const char *directory)
{
	char link[64], target[STATE_PATH_SIZE];
	snprintf(link, sizeof(link), "/proc/%.20s/cwd", pid);
	ssize_t length = readlink(link, target, sizeof(target));
	return length > 0 && (size_t)length == strlen(directory) &&
	       memcmp(target, directory, (size_t)length) == 0;
}

static bool pid_works_in(pid_t pid, const char *directory)
{
	char text[24];
	snprintf(text, sizeof(text), "%d", (int)pid);
	return works_in(text, directory);
}

/* The file's lines, in order: process, data directory, start, port, socket directory, address,
 * shared memory, state. */
static bool read_pid_file(const struct place *place, struct postmaster *out)
{
	char path[STATE_PATH_SIZE], ignored[64], line[512];
	*out = (struct postmaster){0};
	if (!state_path(path, place->data, "postmaster.pid", ignored, sizeof(ignored)))
		return false;
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	for (int number = 1; number <= PID_LINES && fgets(line, sizeof(line), file); number++) {
		line[strcspn(line, "\n")] = '\0';
		if (number == 1)
			out->pid = (pid_t)strtol(line, NULL, 10);
		else if (number == 5 && strlen(line) < sizeof(out->socket))
			memcpy(out->socket, line, strlen(line) + 1);
		else if (number == 8)
			out->ready = strncmp(line, "ready", 5) == 0;
	}
	fclose(file);
	return out->pid > 1;
}

bool postmaster_find(const struct place *place, struct postmaster *out)
{
	return read_pid_file(place, out) && pid_works_in(out->pid, place->data);
}

static bool anybody_works_in(const char *directory)
{
	DIR *processes = opendir("/proc");
	const struct dirent *entry;
	bool found = false;
	while (processes && !found && (entry = readdir(processes)))
		found = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		        works_in(entry->d_name, directory);
	if (processes)
		closedir(processes);
	return found;
}

void postmaster_clear_stale(const struct place *place, const char *socket)
{
	char path[STATE_PATH_SIZE], name[48], ignored[64];
	for (int waited = 0; waited < ORPHAN_PATIENCE_MS && anybody_works_in(place->data);
	     waited += PAUSE_MS)
		postmaster_pause();
	if (anybody_works_in(place->data))
		return;
	if (state_path(path, place->data, "postmaster.pid", ignored, sizeof(ignored)))
		unlink(path);
	snprintf(name, sizeof(name), ".s.PGSQL.%d.lock", PLACE_PORT);
	if (state_path(path, socket, name, ignored, sizeof(ignored)))
		unlink(path);
}

bool postmaster_runs(pid_t pid)
{
	char path[64], line[512];
	if (waitpid(pid, NULL, WNOHANG) == pid || (kill(pid, 0) != 0 && errno == ESRCH))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	/* "123 (name) S ...": the name may hold anything, brackets too. */
	const char *bracket = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	bool dead = bracket && bracket[1] == ' ' && (bracket[2] == 'Z' || bracket[2] == 'X');
	fclose(file);
	return !dead;
}

static bool gone_within(pid_t pid, uint32_t patience_ms)
{
	for (uint32_t waited = 0; waited < patience_ms; waited += PAUSE_MS) {
		if (!postmaster_runs(pid))
			return true;
		postmaster_pause();
	}
	return !postmaster_runs(pid);
}

void postmaster_stop(pid_t pid, uint32_t patience_ms)
{
	kill(pid, SIGINT);
	if (gone_within(pid, patience_ms))
		return;
	kill(pid, SIGQUIT);
	if (gone_within(pid, QUIT_PATIENCE_MS))
		return;
	kill(pid, SIGKILL);
	(void)gone_within(pid, QUIT_PATIENCE_MS);
}
