/* listener - a worker's end of a listen_address: takes the connections that come.
 *
 * Owns: its handle. Lifetime: listener_open() .. listener_close(), one more run of the loop.
 * Thread: its worker's. */
#pragma once
#include "daemon/transport/transport.h"

struct listener {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	};
	struct transport *transport;
	bool inherited;       /* others accept from it when we are gone */
	struct timeout retry; /* while there is no memory for the connection that waits */
};

/* Takes the descriptor; connections go to `transport`. After a failure, too, listener_close() is to
 * be called. */
MUST_CHECK
enum status listener_open(struct listener *listener, struct transport *transport, int fd,
                          bool is_unix, bool inherited);

void listener_retry(struct timeout *retry);

/* No new connections, but for those that wait already: they would be reset, and what their clients
 * sent along would be lost. Of an inherited socket they wait for whoever comes after us. The loop
 * must run once more. */
void listener_close(struct listener *listener);
