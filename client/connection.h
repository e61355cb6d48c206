/* connection - one connected socket on a loop: bytes in, bytes out, one write per turn.
 *
 * It is watched with uv_poll rather than as uv_tcp or uv_pipe: a library must not raise SIGPIPE in
 * its program, and "how many bytes left" decides whether a call may be sent again; both need send()
 * itself.
 *
 * Owns: the descriptor and both buffers. Lifetime: connection_open() .. events->closed.
 * Thread: the loop's. Errors: lost() once, with a text; input that came before is given first. */
#pragma once
#include "proto/bytes.h"

#include <uv.h>

struct connection_events {
	/* Returns how many bytes of the input were used, *needed how many the rest must have before
	 * it is of use (0: any). May close the connection. */
	size_t (*received)(void *ctx, struct bytes input, size_t *needed);
	void (*writable)(void *ctx); /* output that did not leave at once can go on */
	void (*lost)(void *ctx, const char *reason);
	void (*closed)(void *ctx); /* after connection_close() */
};

struct connection {
	uv_poll_t poll;
	int fd;
	int watched; /* UV_READABLE, UV_WRITABLE */
	struct buffer in;
	struct buffer out; /* append here, then connection_write() at the end of the turn */
	size_t needed;
	uint64_t written; /* bytes that the kernel took, ever */
	const struct connection_events *events;
	void *ctx;
	bool broken; /* a write failed: what can still be read is, then it is lost */
	bool closing;
};

/* Takes `fd`, also when it fails. */
MUST_CHECK
enum status connection_open(struct connection *connection, uv_loop_t *loop, int fd,
                            const struct connection_events *events, void *ctx);

/* How many bytes were ever appended to `out`. */
static inline uint64_t connection_appended(const struct connection *connection)
{
	return connection->written + buffer_len(&connection->out);
}

/* Writes what the socket takes. */
void connection_write(struct connection *connection);

/* Ends it: lost() will not be called any more, closed() will. May be called twice. */
void connection_close(struct connection *connection);
