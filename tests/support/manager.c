#include "tests/support/manager.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 60000 };

void manager_open(struct manager *manager, const char *directory, unsigned watchdog_ms)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	char period[24];
	snprintf(manager->path, sizeof(manager->path), "%s/notify", directory);
	memcpy(name.sun_path, manager->path, sizeof(manager->path));
	manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(manager->fd, (struct sockaddr *)&name, sizeof(name)), 0);
	setenv("NOTIFY_SOCKET", manager->path, 1);
	snprintf(period, sizeof(period), "%u", watchdog_ms * 1000);
	if (watchdog_ms > 0)
		setenv("WATCHDOG_USEC", period, 1);
}

void manager_close(struct manager *manager)
{
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	close(manager->fd);
	unlink(manager->path);
}

bool manager_hears_anything(struct manager *manager, int ms)
{
	struct pollfd wait = {.fd = manager->fd, .events = POLLIN};
	if (poll(&wait, 1, ms) != 1)
		return false;
	ssize_t len = recv(manager->fd, manager->text, sizeof(manager->text) - 1, 0);
	assert_true(len > 0);
	manager->text[len] = '\0';
	return true;
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);
	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, line, len) == 0 && (at[len] == '\n' || at[len] == '\0'))
			return true;
	}
	return false;
}

void manager_hears(struct manager *manager, const char *line)
{
	do {
		if (!manager_hears_anything(manager, PATIENCE_MS))
			fail_msg("%s was not said; last was: %s", line, manager->text);
	} while (!has_line(manager->text, line));
}
