#include "tests/bench/process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The fields of /proc/PID/stat that are used here (proc(5)). */
struct stat_line {
	int parent;
	unsigned long user, system;
	long waited_user, waited_system; /* of children that have ended */
};

static bool read_stat(const char *pid, struct stat_line *out)
{
	char path[64], line[1024];
	snprintf(path, sizeof path, "/proc/%s/stat", pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	bool read = fgets(line, sizeof line, file) != NULL;
	fclose(file);
	/* The name may contain anything, so what follows starts after the last parenthesis. */
	char *rest = read ? strrchr(line, ')') : NULL;
	return rest && sscanf(rest, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
	                      &out->parent, &out->user, &out->system, &out->waited_user,
	                      &out->waited_system) == 5;
}

static uint64_t ticks_to_us(unsigned long ticks)
{
	return (uint64_t)ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

bool process_cpu_us(pid_t pid, uint64_t *out)
{
	char name[16];
	struct stat_line stat;
	snprintf(name, sizeof name, "%d", pid);
	if (!read_stat(name, &stat))
		return false;
	*out = ticks_to_us(stat.user + stat.system);
	return true;
}

static unsigned long children_ticks(DIR *processes, pid_t parent)
{
	unsigned long ticks = 0;
	for (struct dirent *entry; (entry = readdir(processes));) {
		struct stat_line stat;
		bool number = entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
		if (number && read_stat(entry->d_name, &stat) && stat.parent == parent)
			ticks += stat.user + stat.system;
	}
	return ticks;
}

bool process_family_cpu_us(pid_t parent, uint64_t *out)
{
	char name[16];
	struct stat_line stat;
	snprintf(name, sizeof name, "%d", parent);
	DIR *processes = opendir("/proc");
	if (!processes)
		return false;
	unsigned long ticks = children_ticks(processes, parent);
	closedir(processes);
	if (!read_stat(name, &stat))
		return false;
	ticks += stat.user + stat.system;
	*out = ticks_to_us(ticks + (unsigned long)(stat.waited_user + stat.waited_system));
	return true;
}

bool process_anonymous_kib(pid_t pid, uint64_t *out)
{
	char path[64], line[256];
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	bool found = false;
	while (!found && fgets(line, sizeof line, file)) {
		unsigned long kib;
		if (sscanf(line, "RssAnon: %lu kB", &kib) == 1) {
			*out = kib;
			found = true;
		}
	}
	fclose(file);
	return found;
}

static uint64_t own_cpu_us(void)
{
	struct timespec used;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * 1000000 + (uint64_t)used.tv_nsec / 1000;
}

/* The first call keeps what had been used before, the second what was used since. */
void usage_take(struct usage *usage)
{
	uint64_t server = 0, postgres = 0;
	if (usage->server > 0 && !process_cpu_us(usage->server, &server))
		usage->server = 0;
	if (usage->postmaster > 0 && !process_family_cpu_us(usage->postmaster, &postgres))
		usage->postmaster = 0;
	usage->server_us = server - usage->server_us;
	usage->postgres_us = postgres - usage->postgres_us;
	usage->own_us = own_cpu_us() - usage->own_us;
}
