/* activation - sockets that the service manager made for us and passes on: LISTEN_PID, LISTEN_FDS
 * and LISTEN_FDNAMES (man 3 sd_listen_fds), read by hand. While we restart, clients wait in them.
 *
 * Thread: the main thread, before there are others. */
#pragma once
#include "daemon/server.h"

struct activation {
	int sockets[SERVER_ADDRESSES_MAX];
	size_t count; /* 0: none were passed, or they are another process's */
};

/* Takes them once: they are not passed on to programs that we start, nor are the variables. False:
 * too many, or one has a name that we have no use for. */
MUST_CHECK
bool activation_take(struct activation *activation, char message[SERVER_MESSAGE_SIZE]);

/* The first one that other machines can connect to; false: there is none. */
bool activation_find_open(const struct activation *activation, struct address *out);
