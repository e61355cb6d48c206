/* transport - what the connections of one worker share: the read buffer, spare output buffers, the
 * waits, the list of connections that have something to write.
 *
 * I/O callbacks decode and queue; transport_flush() writes, once per turn. Never logs: what the
 * operator should know goes to settings.note.
 * Owns: its connections. Lifetime: transport_init() .. transport_drain() .. connection_count is 0
 * .. transport_close(), one more run of the loop, transport_deinit(). Thread: its worker's. */
#pragma once
#include "daemon/rpc/rpc.h"
#include "daemon/transport/timeout.h"

struct connection;
struct stream;
struct http2_shared;

enum {
	TRANSPORT_READ_SIZE = 65536,
	TRANSPORT_SPARE_BUFFERS = 64,
	TRANSPORT_SPARE_BUFFER_MAX = 65536, /* larger ones go back to the heap */
	TRANSPORT_LINGER_MS = 1000,         /* a peer that was told why has this long to read it */
	TRANSPORT_ACK_MS = 5000,            /* for the ACK of a GOAWAY */
	TRANSPORT_IDLE_MS = 1000,
	TRANSPORT_FAULTS_MAX = 16,
};

/* Why connections end when the server does. */
#define TRANSPORT_STOPPING "the server is stopping"

struct transport_settings {
	struct rpc *rpc;
	const char *agent; /* told in HELLO: "prismd/0.1.0"; outlives */
	uint64_t boot_id;
	uint32_t seed;             /* of hash tables that are keyed by what clients choose */
	uint32_t connection_limit; /* 0: LIMIT_CONNECTIONS */
	uint32_t preface_ms;       /* 0: LIMIT_PREFACE */
	uint32_t write_stall_ms;   /* 0: LIMIT_WRITE_STALL */
	uint32_t unit_ms;          /* 0: LIMIT_FRAME_TIME */
	uint32_t idle_ms;          /* without a call a connection ends after so long; 0: never */
	uint32_t age_ms;           /* after so long, more or less, it ends anyway; 0: never */
	uint32_t grace_ms;         /* after which its calls are cancelled then; 0: they are not */
	uint32_t keepalive_ms; /* a silent HTTP/2 peer is asked (PING) after so long; 0: never */
	uint32_t pong_ms;      /* and has so long to answer */
	/* A peer broke the protocol, a limit was met; `peer` may be NULL. */
	void (*note)(void *ctx, const struct peer *peer, const char *message);
	void *ctx;
};

/* What a connection, or a stream of it, may wait for. */
enum transport_wait {
	WAIT_PREFACE,         /* preface and HELLO */
	WAIT_IDLE,            /* no call for a while: memory may be given back */
	WAIT_ACK,             /* the answer to GOAWAY */
	WAIT_LINGER,          /* the peer reads our last words */
	WAIT_UNIT,            /* the rest of a frame */
	WAIT_WATCH,           /* to look whether the connection is idle, or old */
	WAIT_WRITE,           /* the socket takes bytes */
	WAIT_STREAM,          /* the peer grants credit to a stream */
	WAIT_HTTP2_STREAM,    /* the same of an HTTP/2 stream */
	WAIT_HTTP2_KEEPALIVE, /* the peer says anything */
	WAIT_HTTP2_PONG,      /* it answers a PING */
	WAIT_ACCEPT,          /* memory for another connection */
	WAIT_COUNT,
};

struct transport_counters {
	uint64_t accepted, closed;
	uint64_t refused;         /* over the connection limit */
	uint64_t accept_failures; /* no descriptor, no memory */
	uint64_t native, tls, http1, http2, unknown;
	uint64_t preface_timeouts, write_stalls, stream_stalls, protocol_errors;
	uint64_t slow_units;
	uint64_t idle, old; /* asked to end for it */
	uint64_t calls, calls_refused;
	uint64_t bytes_in, bytes_out, writes;
	uint64_t http2_faults[TRANSPORT_FAULTS_MAX]; /* by enum http2_fault */
	uint64_t gzip_bombs, header_bombs; /* calls refused for what would come out of them */
	uint64_t keepalive_timeouts;
};

struct transport {
	uv_loop_t *loop;
	struct transport_settings settings;
	struct timeouts timeouts;
	struct timeout_list waits[WAIT_COUNT];
	struct connection *connections; /* newest first */
	size_t connection_count;
	size_t refused_count; /* of them: over the limit, and being told so */
	struct connection *dirty;
	struct buffer spare[TRANSPORT_SPARE_BUFFERS]; /* empty, with storage */
	size_t spare_count;
	struct stream *spare_streams; /* native_stream.c's */
	size_t spare_stream_count;
	struct http2_shared *http2; /* http2/stream.c's; NULL: not yet */
	struct transport_counters counters;
	bool draining;
	char read_buffer[TRANSPORT_READ_SIZE];
};

void transport_init(struct transport *transport, uv_loop_t *loop,
                    const struct transport_settings *settings);

/* End of a turn: one write per connection that has something to say. True: there is more to do, as
 * calls became ready meanwhile. */
bool transport_flush(struct transport *transport);

/* Asks every connection, those to come too, to finish what it has and close. */
void transport_drain(struct transport *transport);

/* Closes every connection now; their calls are cancelled. They are gone when the loop ran once
 * more.
 */
void transport_abort(struct transport *transport);

/* A connection could not be accepted. */
void transport_accept_failed(struct transport *transport, int error);

void transport_note(struct transport *transport, const struct peer *peer, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static inline void transport_wait(struct transport *transport, enum transport_wait wait,
                                  struct timeout *timeout)
{
	timeout_arm(&transport->timeouts, &transport->waits[wait], timeout);
}

/* An empty buffer that has storage, if one is spare; and its way back. */
struct buffer transport_buffer_get(struct transport *transport);
void transport_buffer_put(struct transport *transport, struct buffer *buffer);

/* No connection is left; the loop must run once more. */
void transport_close(struct transport *transport);
void transport_deinit(struct transport *transport);
