/* listener - the sockets that clients connect to.
 *
 * A TCP address has a socket per worker (SO_REUSEPORT: the kernel spreads the connections); a unix
 * address has one socket, of which each worker has a duplicate. `struct listen_address` is the
 * process's: bound once, before the workers start. `struct listener` is a worker's.
 * Owns: listen_address the unix socket's file and its first descriptor; listener its handle.
 * Thread: listen_address_* the main thread, listener_* the worker's. Errors: a message. */
#pragma once
#include "daemon/transport/address.h"
#include "daemon/transport/transport.h"

/* What the kernel does about a client that is gone without a word; TCP only. */
struct listen_options {
	/* After so much silence it is asked whether it is there, then every quarter of it; given up
	 * after four questions. 0: it is not asked. */
	uint32_t keepalive_ms;
	/* For so long, bytes that were sent may stay unacknowledged or the client's window shut,
	 * and its silence goes on after a first question. 0: the kernel's choice. */
	uint32_t peer_timeout_ms;
};

struct listen_address {
	struct address address; /* with the actual port once bound */
	struct listen_options options;
	int fd; /* unix: duplicated for each worker; TCP: the first worker's, then -1 */
};

/* Makes sure that the address is free (SO_REUSEPORT would share it silently with another daemon)
 * and picks the port if it is 0. A stale socket file that nobody answers at is replaced. */
MUST_CHECK
bool listen_address_bind(struct listen_address *listen, const struct address *address,
                         const struct listen_options *options, char message[ADDRESS_MESSAGE_SIZE]);

/* A descriptor for one worker, not listening yet; -1 with a message. */
MUST_CHECK
int listen_address_socket(struct listen_address *listen, char message[ADDRESS_MESSAGE_SIZE]);

/* Removes the socket file; closes the descriptor. Not bound: nothing. */
void listen_address_release(struct listen_address *listen);

struct listener {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	};
	struct transport *transport;
	struct timeout retry; /* while there is no memory for the connection that waits */
};

/* Takes the descriptor; connections go to `transport`. After a failure, too, listener_close() is to
 * be called. */
MUST_CHECK
enum status listener_open(struct listener *listener, struct transport *transport, int fd,
                          bool is_unix);

void listener_retry(struct timeout *retry);

/* No new connections; the loop must run once more. */
void listener_close(struct listener *listener);
