/* manager - the service manager's end of sd_notify(3): a datagram socket in $NOTIFY_SOCKET of
 * whatever is started from here on.
 *
 * Blocking. Errors: what is not heard within a minute fails the test. */
#pragma once
#include <stdbool.h>

enum { MANAGER_TEXT = 1024 };

struct manager {
	int fd;
	char path[108];
	char text[MANAGER_TEXT]; /* heard last */
};

/* The socket is in `directory`. `watchdog_ms` 0: no watchdog. */
void manager_open(struct manager *manager, const char *directory, unsigned watchdog_ms);
void manager_close(struct manager *manager);

/* Waits for a message with this line; the others before it are passed over. */
void manager_hears(struct manager *manager, const char *line);

/* Whether any message comes within `ms`. */
bool manager_hears_anything(struct manager *manager, int ms);
