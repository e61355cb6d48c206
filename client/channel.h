/* channel - calls that wait, the connection that takes them, and the turn that does both.
 *
 * Owns: its calls, sessions, timers; a blocking one its loop. Lifetime: prism_channel_open() .. the
 * callbacks of prism_channel_close(). Thread: the loop's.
 *
 *   IDLE -> DIALING -> GREETING -> READY     a call waits; connected; HELLO came
 *   DIALING, GREETING -> BACKOFF -> IDLE     no connection, or none of ours: wait
 *   READY -> IDLE                            lost, drained, or unused for long
 *   any -> CLOSED
 * A session that drains lives on beside the channel's next one. */
#pragma once
#include "client/backoff.h"
#include "client/call.h"
#include "client/session.h"
#include "client/settings.h"
#include "client/turn.h"

enum channel_state {
	CHANNEL_IDLE,
	CHANNEL_DIALING,
	CHANNEL_GREETING, /* connected: calls are sent, the server's HELLO is awaited */
	CHANNEL_READY,
	CHANNEL_BACKOFF,
	CHANNEL_CLOSED,
};

enum { CHANNEL_FAILURE_SIZE = 1024, CHANNEL_ARENA_SIZE = 8192 };

struct dial;
struct gzip;

struct prism_channel {
	uv_loop_t *loop;
	uv_loop_t private_loop; /* of a blocking channel */
	bool blocking;
	bool running; /* a *_wait function is inside uv_run() */
	uint64_t ran_ns;
	struct settings settings;
	const struct protocol *protocol;
	enum channel_state state;
	struct turn turn;
	struct deadlines deadlines;
	uv_timer_t timer;      /* DIALING, GREETING: the time-out; BACKOFF: the wait */
	uv_timer_t idle_timer; /* runs from when the last call ended */
	uint64_t idle_since;   /* uv_now() */
	uv_timer_t keepalive_timer;
	struct deadlines rests; /* of calls that are sent again after a pause */
	struct retry_budget budget;
	struct backoff backoff;
	bool fruitless;           /* the last connection ended before it answered any call */
	struct call_list waiting; /* in the order in which they are to be sent */
	struct call_list held;    /* ended, and wait for their caller to take the last messages */
	struct call_list ready;   /* have something to tell at the end of the turn */
	size_t ready_count;       /* of `ready` */
	size_t calls;             /* all that are not freed */
	struct session *session;  /* takes new calls; NULL: none */
	struct session_list sessions;
	struct dial *dial; /* NULL: none that matters */
	size_t dials;      /* not gone yet */
	enum status failure_status;
	char failure[CHANNEL_FAILURE_SIZE]; /* why there is no connection; "": no attempt failed */
	struct arena arena;                 /* of the message that is lent */
	struct gzip *gzip;                  /* NULL: nothing was compressed yet */
	int open_handles;
	void (*closed)(void *ctx);
	void *closed_ctx;
	uint8_t storage[CHANNEL_ARENA_SIZE];
};

/* --- for calls ------------------------------------------------------------------- */

/* A new call, in no list: it is sent, or waits; with a fault it ends INVALID_ARGUMENT. */
void channel_submit(struct prism_channel *channel, struct prism_call *call, const char *fault);

/* A call that was rewound: sent next. */
void channel_requeue(struct prism_channel *channel, struct prism_call *call);

/* A waiting call leaves the queue. */
void channel_dequeue(struct prism_channel *channel, struct prism_call *call);

/* A call is held back by its caller, and no more. */
void channel_hold(struct prism_channel *channel, struct prism_call *call);
void channel_release(struct prism_channel *channel, struct prism_call *call);

/* call_turn() is to be called at the end of the turn. */
void channel_ready(struct prism_channel *channel, struct prism_call *call);

/* It is not to be called after all. */
void channel_unready(struct prism_channel *channel, struct prism_call *call);

/* For messages; made when first needed. NULL: no memory. */
struct gzip *channel_gzip(struct prism_channel *channel);

/* The call is freed now. */
void channel_forget(struct prism_channel *channel, struct prism_call *call);

/* Sends what waits, as far as there is a connection that takes it; connects if there is none. */
void channel_pump(struct prism_channel *channel);

/* There is no connection, and none before some time has passed: ends the waiting calls that do not
 * stay for it. `counts`: connecting has just failed. */
void channel_fail_fast(struct prism_channel *channel, bool counts);

/* --- for connecting (channel_connect.c) -------------------------------------------- */

void channel_connect(struct prism_channel *channel);
void channel_set_state(struct prism_channel *channel, enum channel_state state);

/* --- for sessions (channel_connect.c) ----------------------------------------------- */

void channel_session_ready(struct prism_channel *channel, struct session *session);

/* It has answered: connecting anew is worth while. */
void channel_session_answered(struct prism_channel *channel);

/* It takes no new calls. `code`, `retry_after_ms`: the server's reason and wish. */
void channel_session_draining(struct prism_channel *channel, struct session *session,
                              enum status code, uint32_t retry_after_ms);

/* It has ended; `greeted`: it was a connection to a PRISM server. */
void channel_session_lost(struct prism_channel *channel, struct session *session, bool greeted,
                          const char *reason);

/* A session or dial is freed: a closing channel may go on. */
void channel_session_gone(struct prism_channel *channel);

/* --- opening and closing (channel_open.c) --------------------------------------------- */

void channel_on_turn(void *ctx);
void channel_on_expired(void *ctx, struct deadline *deadline);
void channel_on_rested(void *ctx, struct deadline *rest);
struct prism_call *channel_resting(const struct prism_channel *channel); /* any; NULL: none */

/* Of a channel in CLOSED: when nothing is left but the handles, they go too. */
void channel_close_step(struct prism_channel *channel);

/* Runs a blocking channel that is in CLOSED to its end, and frees it. */
void channel_close_blocking(struct prism_channel *channel);

/* --- blocking (sync.c) ---------------------------------------------------------------- */

/* Starts a call of a method that is unary, or `streams` (a ping: `method` NULL), whose messages are
 * the handler's to free, after a look at what came in meanwhile. NULL: *result says why not. */
MUST_CHECK
struct prism_call *channel_start_blocking(struct prism_channel *channel, bool streams,
                                          const struct prism_method *method,
                                          const struct prism_call_options *options,
                                          const ProtobufCMessage *request,
                                          const struct prism_call_handler *handler,
                                          struct prism_result *result);

/* Runs a blocking channel's loop until *done. The channel may be gone then: closed by a callback.
 */
void channel_run(struct prism_channel *channel, const bool *done);

/* What can be done now, without waiting. The channel may be gone then, too. */
void channel_step(struct prism_channel *channel);
