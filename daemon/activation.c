#include "daemon/activation.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_DESCRIPTOR = 3 };

/* "rpc" is ours. A socket without FileDescriptorName= has its unit's name; "unknown" is what some
 * managers call it. */
static bool is_ours(const char *name, size_t len)
{
	static const char unit[] = ".socket";
	size_t unit_len = sizeof(unit) - 1;
	return len == 0 || (len == 3 && memcmp(name, "rpc", 3) == 0) ||
	       (len == 7 && memcmp(name, "unknown", 7) == 0) ||
	       (len > unit_len && memcmp(name + len - unit_len, unit, unit_len) == 0);
}

static bool check_names(const char *names, char message[SERVER_MESSAGE_SIZE])
{
	for (const char *at = names ? names : ""; *at;) {
		size_t len = strcspn(at, ":");
		if (!is_ours(at, len)) {
			snprintf(message, SERVER_MESSAGE_SIZE,
			         "LISTEN_FDNAMES: a socket named '%.*s' was passed, prismd takes "
			         "those named 'rpc'",
			         (int)len, at);
			return false;
		}
		at += len + (at[len] == ':');
	}
	return true;
}

/* A number from 0 on; -1: not one. */
static long number_of(const char *name)
{
	const char *text = getenv(name);
	if (!text || text[0] < '0' || text[0] > '9')
		return -1;
	char *end;
	long number = strtol(text, &end, 10);
	return *end == '\0' ? number : -1;
}

static void forget(void)
{
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

bool activation_take(struct activation *activation, char message[SERVER_MESSAGE_SIZE])
{
	*activation = (struct activation){0};
	long count = number_of("LISTEN_PID") == getpid() ? number_of("LISTEN_FDS") : 0;
	bool fit = count <= 0 || check_names(getenv("LISTEN_FDNAMES"), message);
	if (count > SERVER_ADDRESSES_MAX) {
		snprintf(message, SERVER_MESSAGE_SIZE,
		         "LISTEN_FDS: %ld sockets were passed, at most %d are taken", count,
		         SERVER_ADDRESSES_MAX);
		fit = false;
	}
	forget();
	for (int i = 0; fit && i < count; i++) {
		int fd = FIRST_DESCRIPTOR + i;
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		activation->sockets[activation->count++] = fd;
	}
	return fit;
}

bool activation_find_open(const struct activation *activation, struct address *out)
{
	for (size_t i = 0; i < activation->count; i++) {
		*out = (struct address){0};
		out->len = sizeof(out->un);
		if (getsockname(activation->sockets[i], &out->any, &out->len) == 0 &&
		    (out->any.sa_family == AF_INET || out->any.sa_family == AF_INET6) &&
		    !address_is_local(out))
			return true;
	}
	return false;
}
