/* session - the client's side of one connection, whatever protocol it speaks: which calls are open
 * on it, whether it takes more, how it ends.
 *
 * Owns: its connection, the stream table; not the calls, which are the channel's.
 * Lifetime: session_new() .. channel_session_gone(), after session_close() or the connection's end.
 * Thread: the channel's.
 * Errors: a connection that ends, or a server that does not keep to the protocol, ends the session
 * and fails or puts back its calls. */
#pragma once
#include "client/call.h"
#include "client/connection.h"
#include "client/keepalive.h"
#include "client/streams.h"
#include "proto/frame.h"

enum session_state {
	SESSION_GREETING, /* calls are sent; the server's first words are awaited */
	SESSION_READY,
	SESSION_DRAINING, /* takes no new calls; ends with its last one */
	SESSION_CLOSED,
};

struct session {
	const struct protocol *protocol;
	struct prism_channel *channel;
	TAILQ_ENTRY(session) link; /* in the channel's sessions */
	struct connection connection;
	enum session_state state;
	bool answered; /* a call: something came for it */
	bool strange;  /* what is there does not speak the protocol: it executed nothing */
	struct streams streams;
	uint32_t next_stream, last_stream; /* ids above last_stream were not processed */
	uint32_t max_message;              /* the largest that the server takes */
	struct call_list pings;
	uint32_t next_ping;
	struct alive alive;
	char goaway[WIRE_REASON_SIZE]; /* why the server says goodbye; "": it did not */
};

TAILQ_HEAD(session_list, session);

/* What a protocol does for a session, which is not CLOSED then. Without memory, or when the server
 * goes too far, it ends the session by session_lost() or session_fault(). */
struct protocol {
	const char *name;     /* for messages */
	const char *greeting; /* what a server says first */
	size_t size;          /* of its own struct, which begins with a struct session */
	uint32_t max_message; /* what any server takes, before it says more */
	bool strict;          /* a malformed answer ends the session, and not only its call */

	/* A new session: says what comes first. */
	void (*begin)(struct session *session);

	/* Returns how many bytes were used, *needed how many the rest must have before it is of use
	 * (0: any). */
	size_t (*receive)(struct session *session, struct bytes input, size_t *needed);

	/* Whether the server lets us open one more stream, with this call. */
	bool (*has_room)(const struct session *session, const struct prism_call *call);

	/* The call has its stream id and is in the table: opens the stream. */
	void (*open)(struct session *session, struct prism_call *call);

	/* The call has something to send. */
	void (*send)(struct session *session, struct prism_call *call);

	/* The call leaves; unless `status` is OK the server is told to stop. Also of a CLOSED
	 * session: then there is nobody to tell. */
	void (*drop)(struct session *session, struct prism_call *call, enum status status);

	/* The caller has taken so many bytes of answers. */
	void (*credit)(struct session *session, struct prism_call *call, size_t taken);

	void (*ping)(struct session *session, uint32_t number);

	/* Puts what can be sent now into the connection's output. True: there will be more, once
	 * that was written. */
	bool (*produce)(struct session *session);

	/* All output was written. */
	void (*written)(struct session *session);

	/* Tells the server what it did wrong. */
	void (*complain)(struct session *session, const char *reason);

	/* Frees what is its own; the stream table is empty. */
	void (*deinit)(struct session *session);
};

/* Takes `fd`. NULL: no memory. */
MUST_CHECK
struct session *session_new(struct prism_channel *channel, int fd);

enum session_room {
	SESSION_TAKES,
	SESSION_FULL,      /* not before a call has ended, or credit or the greeting came */
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

/* The server does not keep to the protocol: it is told so, and the session is lost. */
void session_fault(struct session *session, const char *reason);

/* Nothing will be heard of the call here: it waits for another connection if none of it was sent,
 * else it fails, as the policy has it. `text`: why. */
void session_orphan(struct session *session, struct prism_call *call, const char *text);

/* The session is at its end: its calls fail with `reason`, or are put back. */
void session_lost(struct session *session, const char *reason);

/* It has no calls. */
void session_close(struct session *session);

/* --- what the server said (session_events.c) ------------------------------------------ */

/* Its greeting came. */
void session_ready(struct session *session);

/* Something came for a call. */
void session_heard(struct session *session);

/* The answer to a ping. */
void session_pong(struct session *session, uint32_t number);

struct goodbye {
	uint32_t last_stream; /* ids above it were not processed */
	enum status code;     /* OK, UNAVAILABLE: calls may go to another connection */
	struct bytes reason;
	uint32_t retry_after_ms;
};

/* It takes no new calls: the session drains. */
void session_goaway(struct session *session, const struct goodbye *goodbye);

/* It has not processed the call, and says so without an END: the call is sent again at once, but
 * only once; then as the policy has it. `text`: why. */
void session_refused(struct session *session, struct prism_call *call, const char *text);

/* How the server ended a call with an error. */
struct ending {
	enum status status;
	enum retry retry;                /* its word about the outcome */
	uint32_t server_us, pushback_ms; /* 0: not told */
	bool final;                      /* it asks not to be sent it again */
	struct bytes message;
	struct bytes
		details; /* a google.rpc.Status, or an EndMeta, which has them in the same field */
};

/* Of a call that has left the session. */
void session_ended_failed(struct prism_call *call, const struct ending *ending);

/* The same with status OK. `message` (NULL: none): an answer that came with the end. */
void session_ended_ok(struct session *session, struct prism_call *call, const struct bytes *message,
                      uint32_t server_us);
