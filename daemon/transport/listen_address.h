/* listen_address - a socket that clients connect to, as the process sees it: made once, before the
 * workers start, or inherited from the service manager.
 *
 * A TCP address has a socket per worker (SO_REUSEPORT: the kernel spreads the connections); a unix
 * address, and whatever was inherited, has one socket, of which each worker has a duplicate.
 * Owns: its descriptor; the unix socket's file, unless it was inherited. Lifetime:
 * listen_address_bind() or _adopt() .. _release(). Thread: the main thread's. Errors: a message. */
#pragma once
#include "daemon/transport/address.h"

#include <sys/stat.h>

enum { LISTEN_BACKLOG = 4096 };

struct listen_options {
	/* TCP: after so much silence the kernel asks whether the client is there, then every
	 * quarter of it; it is given up after four questions. 0: it is not asked. */
	uint32_t keepalive_ms;
	/* TCP: for so long, bytes that were sent may stay unacknowledged, the client's window shut,
	 * and questions unanswered. 0: the kernel's choice. */
	uint32_t user_timeout_ms;
	bool dual_stack;  /* [::] takes IPv4 too */
	mode_t unix_mode; /* of a unix socket's file: who may write may connect; 0: by the umask */
};

struct listen_address {
	struct address address; /* with the actual port once bound */
	struct listen_options options;
	int fd; /* duplicated for each worker; bound TCP: the first worker's, then -1 */
	bool inherited;
	dev_t device; /* of a unix socket's file, to know it by */
	ino_t inode;
};

/* Makes sure that the address is free (SO_REUSEPORT would share it silently with another daemon)
 * and picks the port if it is 0. A stale socket file that nobody answers at is replaced; clients
 * may connect to the new one at once, and wait for a worker. */
MUST_CHECK
bool listen_address_bind(struct listen_address *listen, const struct address *address,
                         const struct listen_options *options, char message[ADDRESS_MESSAGE_SIZE]);

/* Takes a stream socket that listens already, in any case. What waits there when the process ends
 * waits for the next one. */
MUST_CHECK
bool listen_address_adopt(struct listen_address *listen, int fd,
                          const struct listen_options *options, char message[ADDRESS_MESSAGE_SIZE]);

/* A descriptor for one worker; -1 with a message. */
MUST_CHECK
int listen_address_socket(struct listen_address *listen, char message[ADDRESS_MESSAGE_SIZE]);

/* Removes the socket file, unless it is another's by now; closes the descriptor. Not bound:
 * nothing. */
void listen_address_release(struct listen_address *listen);
