/* session - the client's side of the native framing on one connection (PROTOCOL.md): HELLO,
 * streams, credit both ways, GOAWAY.
 *
 * Owns: its connection, the stream table; not the calls, which are the channel's.
 * Lifetime: session_new() .. channel_session_gone(), after session_close() or the connection's end.
 * Thread: the channel's.
 * Errors: a connection that ends, or a server that does not keep to the protocol, ends the session
 * and fails or puts back its calls. */
#pragma once
#include "client/call.h"
#include "client/connection.h"
#include "client/paths.h"
#include "client/streams.h"
#include "proto/frame.h"

enum session_state {
	SESSION_GREETING, /* calls are sent; the server's preface and HELLO are awaited */
	SESSION_READY,
	SESSION_DRAINING, /* takes no new calls; ends with its last one */
	SESSION_CLOSED,
};

struct session {
	struct prism_channel *channel;
	TAILQ_ENTRY(session) link; /* in the channel's sessions */
	struct connection connection;
	enum session_state state;
	bool answered;       /* a call: something came for it */
	bool versioned;      /* the server's preface came */
	bool strange;        /* what is there does not speak our protocol: it executed nothing */
	struct hello limits; /* the server's */
	struct flow flow;    /* the connection's */
	struct streams streams;
	struct paths paths;
	uint32_t next_stream, last_stream; /* ids above last_stream were not processed */
	struct call_list sending;          /* open calls that have something to send, and credit */
	struct call_list pings;
	uint64_t next_ping;
	uint32_t acks;                 /* answers to pings since the output was last empty */
	char goaway[WIRE_REASON_SIZE]; /* why the server says goodbye; "": it did not */
};

TAILQ_HEAD(session_list, session);

/* Takes `fd`. NULL: no memory. Says preface and HELLO. */
MUST_CHECK
struct session *session_new(struct prism_channel *channel, int fd);

enum session_room {
	SESSION_TAKES,
	SESSION_FULL,      /* not before a call has ended, or credit or HELLO came */
	SESSION_TOO_SMALL, /* the request is larger than the server takes */
};

/* Whether session_call() is possible now. */
enum session_room session_room(const struct session *session, const struct prism_call *call);

/* Opens a stream for the call, or sends its PING. */
void session_call(struct session *session, struct prism_call *call);

/* The call has more to send. */
void session_send(struct session *session, struct prism_call *call);

/* The call leaves; unless `status` is OK the server is told to stop. */
void session_drop(struct session *session, struct prism_call *call, enum status status);

/* How much of the output the server may see: what was written, once nothing more will be. */
uint64_t session_reached(const struct session *session);

/* The outcome of call_assemble() or call_give(): credit is returned, a fault ends call or session.
 */
void session_answered(struct session *session, struct prism_call *call, enum answer answer,
                      size_t taken, const char *reason);

/* The end of the turn: sends what can be sent, in one write. */
void session_turn(struct session *session);

/* The server does not keep to the protocol: GOAWAY, and the session is lost. */
void session_fault(struct session *session, const char *reason);

/* The session is at its end: its calls fail with `reason`, or are put back. */
void session_lost(struct session *session, const char *reason);

/* It has no calls. */
void session_close(struct session *session);

/* What our HELLO announces. */
enum { FRAME_MOST = 262144 };

/* --- frames in (session_receive.c) and out (session_send.c) -------------------- */

/* Returns how many bytes were used. */
size_t session_receive(struct session *session, struct bytes input, size_t *needed);

void session_write_preface(struct session *session);
void session_write_credit(struct session *session, uint32_t stream, uint32_t increment);
void session_write_cancel(struct session *session, uint32_t stream, enum status code);
void session_write_ping(struct session *session, uint8_t flags, const uint8_t opaque[8]);
void session_write_goaway(struct session *session, uint8_t flags, enum status code,
                          const char *reason);
void session_write_call(struct session *session, struct prism_call *call);

/* Sends from the calls in `sending`, as far as credit and the output's room reach. */
void session_pump(struct session *session);
