/* call - one call, from prism_call_start() to done().
 *
 * Owns: its request (packed), what it has queued to send, what it received and has not given out.
 * Lifetime: call_new() .. call_finish(), which tells done() and frees it. Everything that ends a
 * call from this side is told in the channel's turn, so that no call vanishes under a caller's
 * feet; an END from the server is told at once.
 * Thread: the channel's. */
#pragma once
#include "client/deadlines.h"
#include "client/retry.h"
#include "proto/bytes.h"
#include "proto/flow.h"
#include "proto/grpc_text.h"
#include "proto/wirecheck.h"

#include <prism/client.h>
#include <sys/queue.h>

struct session;

enum call_state {
	CALL_WAITING, /* in the channel's queue: nothing of it is in a session */
	CALL_RESTING, /* an attempt failed, the next comes after a pause */
	CALL_OPEN,    /* in a session */
	CALL_HELD,    /* the server ended it; the caller, which paused it, has not seen all */
	CALL_ENDED,   /* its end is known, and told in the channel's turn */
};

/* How a call ended. */
struct call_end {
	enum status status;
	enum outcome outcome;
	uint32_t server_us, pushback_ms;
	char *text; /* heap; NULL: status_text() says it */
	char reason[PRISM_REASON_SIZE], field[PRISM_FIELD_SIZE]; /* "": not told */
};

/* A call's part in a session; as new whenever it is to be sent (again). */
struct call_stream {
	struct session *session;
	uint32_t id;
	struct flow flow;      /* native */
	size_t sent;           /* bytes of the message that is being sent */
	uint64_t committed_at; /* from this many bytes of its connection's output on, the server may
	                          have executed it; UINT64_MAX: not before more is sent */
	bool consumed;         /* messages were sent that are not kept: cannot be sent again */
	bool closed;           /* CLOSE was sent */
	bool headed;           /* native: initial metadata came, or a message */
	bool queued;           /* native: in `sending` */
	struct http2_stream *http2; /* of an open call over HTTP/2 */
};

enum answer {
	ANSWER_OK,
	ANSWER_TOO_LARGE, /* over max_message, too many, or no memory: this call fails */
	ANSWER_MALFORMED, /* the server does not keep to the protocol */
};

TAILQ_HEAD(call_list, prism_call);

enum {
	CALL_OUTBOX_MOST = 1 << 20, /* prism_call_send() refuses above this, */
	CALL_OUTBOX_ROOM = 1 << 19, /* and at this there is room again */
	CALL_STRANDED_MOST = 4,     /* did not leave, and goes to the next connection; with
	                               wait_for_ready without end */
};

struct prism_call {
	struct prism_channel *channel;
	const struct prism_method *method; /* NULL: a ping */
	struct prism_call_handler handler;
	enum call_state state;
	TAILQ_ENTRY(prism_call) link; /* in the channel's queue, or a list of the session */
	TAILQ_ENTRY(prism_call) ready_link;
	struct deadline deadline;
	uint32_t timeout_ms; /* PRISM_NO_TIMEOUT: none */

	enum prism_idempotency idempotency; /* KEYED: with a key in its request */
	struct retry_policy retry;
	struct deadline rest; /* of CALL_RESTING */
	uint32_t attempts;    /* given to a session */
	uint32_t failures;    /* of them, as retry.h counts */
	uint32_t stranded;    /* of them, those that did not leave */
	bool moved;   /* to another connection, at once, because the server had not processed it */
	bool reached; /* a server has seen it, or may have: it waits for the next connection */
	bool unsure;  /* an attempt may have been executed */

	struct call_stream stream;
	struct bytes metadata, request; /* packed, behind this struct; metadata: KV fields of a
	                                   CallMeta */
	struct buffer compressed;       /* what `request` is in, if it was compressed */
	struct bytes request_id;        /* that was added to the request; empty: none */
	uint8_t trace[TRACE_SIZE];
	bool traced;
	struct buffer outbox; /* messages to send */

	struct prism_response_metadata *response_metadata; /* held; NULL: no interest */

	struct buffer inbox;   /* whole messages that were not given out; tag: bytes of credit to
	                          return then */
	struct buffer partial; /* the message that is being assembled */
	uint32_t withheld;     /* bytes of its credit to return when it or the inbox is given out */
	struct call_end end;   /* once HELD or ENDED; before that, how the last attempt ended */

	bool wait_for_ready;
	bool gzip;          /* the server is told that messages may be compressed */
	bool compress;      /* the next ones, where that makes them shorter */
	bool close_send;    /* the caller sends no more */
	bool want_writable; /* the caller waits for room */
	bool paused;
	bool assembling; /* a MORE fragment came, its message goes on */
	bool told;       /* that initial metadata has come */
	bool given;      /* the caller has seen that, or a message: not to be sent again */
	bool owned;      /* handler.message gets messages that it is to free */
	bool ready;      /* in the channel's ready list */
};

static inline bool call_streams_requests(const struct prism_call *call)
{
	return call->method && call->method->kind >= PRISM_CLIENT_STREAMING;
}

/* Answers that come one by one, and not with the end. */
static inline bool call_streams_answers(const struct prism_call *call)
{
	return call->method && (call->method->kind == PRISM_SERVER_STREAMING ||
	                        call->method->kind == PRISM_BIDIRECTIONAL);
}

/* A call in CALL_WAITING, in no list. `method` NULL: a ping. *fault NULL, or what is wrong with the
 * arguments: the call is to be failed with it (INVALID_ARGUMENT). NULL: no memory. */
MUST_CHECK
struct prism_call *call_new(struct prism_channel *channel, const struct prism_method *method,
                            const struct prism_call_options *options,
                            const ProtobufCMessage *request,
                            const struct prism_call_handler *handler, const char **fault);

/* Ends a call that is waiting or open from this side: leaves its lists, tells the server if it must
 * know, drops what was received. done() is told in the channel's turn. Does nothing when the call
 * has ended. call_abort() finds the outcome itself. */
void call_abort(struct prism_call *call, enum status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void call_abort_as(struct prism_call *call, enum status status, enum outcome outcome,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

void call_abort_end(struct prism_call *call, const struct call_end *end); /* takes end->text */

/* Of a call that fails now, without a word of the server's. */
enum outcome call_outcome(const struct prism_call *call);

/* Ends a call whose answer is not ANSWER_OK. */
void call_fail_answer(struct prism_call *call, enum answer answer, const char *reason);

/* Whether the server can have executed it when it has seen `written` bytes of the session's output.
 */
bool call_left(const struct prism_call *call, uint64_t written);

/* --- sent again (call_retry.c): of an open call that has left its session -------------- */

/* Its connection was lost before it had left: waits for the next one. False: too often. */
MUST_CHECK
bool call_strand(struct prism_call *call);

/* The server, which goes away, has not processed it: waits for the next connection. False: that was
 * so before, or it is not to be sent again. */
MUST_CHECK
bool call_move(struct prism_call *call);

/* Its attempt ended like that; `refused`: the server said that it may be sent again. True: it rests
 * until then, and *end was taken. */
MUST_CHECK
bool call_retry(struct prism_call *call, const struct call_end *end, bool refused);

/* The same, or it ends so. */
void call_retry_or_abort(struct prism_call *call, const struct call_end *end, bool refused);

/* The pause is over: it waits for a connection. */
void call_rested(struct prism_call *call);

/* The channel could not connect, and tries again at `next_ns`. Whether a waiting call that has no
 * wait_for_ready stays for that; `counts`: the failure is one of its attempts. */
MUST_CHECK
bool call_stays(struct prism_call *call, uint64_t next_ns, bool counts);

/* The server ended it, and it has left its session: tells done() when nothing is to be given out
 * before. Takes end->text. */
void call_ended(struct prism_call *call, const struct call_end *end);

/* Tells done() of a call in CALL_ENDED and frees it, now and not in the turn: where no function of
 * the caller's that knows the call is at work. A lent answer stays as it is until then. */
void call_conclude(struct prism_call *call);

/* Its part of the channel's turn: what was put off until now. May free it. */
void call_turn(struct prism_call *call);

/* --- answers (call_answer.c) -------------------------------------------------- */

/* Initial metadata is complete, also if there is none: tells initial(). Does nothing after the
 * first time. */
void call_initial(struct prism_call *call);

/* An answer of `len` bytes follows: whether it may. `reason` is written unless OK. */
MUST_CHECK
enum answer call_announce(const struct prism_call *call, size_t len, char reason[WIRE_REASON_SIZE]);

/* What came of an answer. */
struct answer_part {
	struct bytes bytes;
	bool more;       /* its message goes on */
	bool final;      /* it came with an END of status OK */
	bool compressed; /* its message is gzip */
};

/* Gives out what can be. *taken: how many bytes of the stream's credit can be returned. `reason` is
 * written unless OK. */
MUST_CHECK
enum answer call_assemble(struct prism_call *call, struct answer_part part, size_t *taken,
                          char reason[WIRE_REASON_SIZE]);

/* Gives out what was received, unless paused. *taken as above. */
MUST_CHECK
enum answer call_give(struct prism_call *call, size_t *taken, char reason[WIRE_REASON_SIZE]);

/* Drops what was received. */
void call_drop_answers(struct prism_call *call);

/* --- requests (call_request.c) ------------------------------------------------ */

/* Puts `packed` compressed into `out`, if that is asked for and makes it shorter. */
MUST_CHECK
bool call_compress(const struct prism_call *call, struct bytes packed, struct buffer *out);

/* Whether the message to send next is compressed. */
bool call_unsent_is_compressed(const struct prism_call *call);

/* The message to send next, as far as it was not sent; false: there is none. */
bool call_unsent(const struct prism_call *call, struct bytes *rest);

/* `len` more bytes of it were sent; `last`: that was its end. */
void call_sent(struct prism_call *call, size_t len, bool last);

/* Nothing is queued behind that message. */
bool call_sends_alone(const struct prism_call *call);

/* What has to be said by a frame: a message, or that there will be none. */
bool call_has_to_send(const struct prism_call *call);

/* Whether `type` is what `message` is, and if not, which fault that is. */
const char *request_fault(const ProtobufCMessageDescriptor *type, const ProtobufCMessage *message);
