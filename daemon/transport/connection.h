/* connection - one client's socket: bytes in, bytes out, and its end.
 *
 * Which protocol it speaks is found out from its first bytes; then `protocol` takes what arrives,
 * in whole units; the rest of a unit that is not complete is kept in `input`. What the protocol
 * appends to `output` during a turn is written once, at its end; while a write is under way, more
 * gathers for the next one. Reading goes on while writing waits, except above
 * LIMIT_CONNECTION_OUTPUT, and is interrupted now and then so that others have their turn. An idle
 * connection holds no buffer. Owns: its handle, its buffers, the protocol's session. Lifetime:
 * connection_accept() .. libuv's close callback, where it is freed, and nowhere else. Thread: its
 * worker's. Errors: without memory the connection is closed at the end of the turn. */
#pragma once
#include "daemon/transport/transport.h"

enum connection_state {
	CONNECTION_OPEN,      /* the protocol gets what arrives */
	CONNECTION_FINISHING, /* the protocol said its last: it is written, then shut down */
	CONNECTION_LINGERING, /* shut down; input is dropped until the peer closes, or has taken
	                         everything and the time is up */
	CONNECTION_CLOSING,   /* uv_close() was called */
};

struct protocol {
	const char *name; /* for peer.transport */
	/* Takes whole units from the front of `in` and returns their bytes. If some are left,
	 * *needed is how many the next unit has in all. May change connection->protocol. */
	size_t (*receive)(struct connection *connection, struct bytes in, size_t *needed);
	/* Appends what waited for room; before each write. NULL: nothing ever waits. */
	void (*produce)(struct connection *connection);
	/* Finish what there is, then connection_finish(); the peer is told connection->leaving. */
	void (*drain)(struct connection *connection);
	/* connection->phase expired. */
	void (*expired)(struct connection *connection);
	/* A unit that began does not end. NULL: the connection is closed. */
	void (*stuck)(struct connection *connection);
	/* The connection is closing: frees the session, cancels its calls. NULL: no session. */
	void (*gone)(struct connection *connection);
};

struct outgoing; /* a write under way */

struct connection {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	};
	struct transport *transport;
	struct connection *next, *prev, *next_dirty;
	const struct protocol *protocol;
	void *session;
	struct buffer input; /* the beginning of a unit */
	size_t needed;       /* the size of that unit, as far as it is known */
	struct timeout unit; /* while `input` has such a beginning */
	struct buffer output;
	struct outgoing *outgoing;
	struct timeout phase;   /* preface, ACK or linger */
	struct timeout watch;   /* now and then: is it idle, is it old? */
	uint64_t idle_since_ms; /* no call is open since; 0: there is one */
	uint64_t old_ms;        /* when it has lived long enough; UINT64_MAX: never */
	uint64_t grace_ms;      /* when its calls had time enough after that; UINT64_MAX: never */
	const char *leaving;    /* why it was asked to end; NULL: it was not */
	struct timeout stall;   /* while a write is under way, or its end */
	size_t stall_left;      /* what the peer had not taken when it was looked at last */
	size_t read;            /* bytes since reading was last interrupted */
	enum connection_state state;
	bool dirty, broken, paused;
	/* Over the limit: its protocol says so in its own way as soon as it is known, and takes
	 * nothing. */
	bool refused;
	struct peer peer;
};

/* Takes the connection that waits at `listener`. False: no memory; it still waits. */
MUST_CHECK
bool connection_accept(struct transport *transport, uv_stream_t *listener);

/* The same for a connected socket of that type, taken in any case. */
void connection_take(struct transport *transport, uv_handle_type type, int fd);

/* The end of the turn will write, or look at the connection otherwise. */
void connection_touch(struct connection *connection);

/* Room for `len` bytes at the end of the output; connection_wrote() says how many were used.
 * NULL: no memory; the connection is closed at the end of the turn. */
MUST_CHECK
uint8_t *connection_reserve(struct connection *connection, size_t len);

static inline void connection_wrote(struct connection *connection, size_t len)
{
	connection->output.end += len;
}

/* Bytes that the socket has not taken yet. */
size_t connection_unsent(const struct connection *connection);

/* The protocol says whether calls are open: without any, the connection ends after a while. */
static inline void connection_busy(struct connection *connection)
{
	connection->idle_since_ms = 0;
}

static inline void connection_idle(struct connection *connection)
{
	connection->idle_since_ms = uv_now(connection->transport->loop);
}

/* Asks it to finish what it has and close. `why` outlives the connection. */
void connection_drain(struct connection *connection, const char *why);

/* What is in the output is written, then the connection ends; nothing more is received. */
void connection_finish(struct connection *connection);

/* Closes now. Not from `receive`. */
void connection_abort(struct connection *connection);

/* Writes what the turn gathered. */
void connection_flush(struct connection *connection);

void connection_phase_expired(struct timeout *phase);
void connection_write_stalled(struct timeout *stall);
void connection_unit_expired(struct timeout *unit);
void connection_watched(struct timeout *watch);

/* Why a refused connection is. */
#define CONNECTION_REFUSAL "the server has as many connections as it may have"

/* The protocol of a connection that said nothing yet (sniffing.c). */
extern const struct protocol sniffing;
