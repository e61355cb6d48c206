/* call - one RPC, whatever protocol it came by: from its first frame to its status.
 *
 * Owns: its arena, its queued request messages, its fiber while a handler runs.
 * Lifetime: call_begin() .. freed by rpc_run() once the handler returned and the transport was told
 * (or is gone). Thread: its worker's. Units: *_ns are CLOCK_MONOTONIC nanoseconds. Errors: a
 * handler returns a status; call_fail() says why. The text is for the caller; internals go to the
 * log. */
#pragma once
#include "daemon/rpc/peer.h"
#include "proto/arena.h"
#include "proto/frame.h"
#include "proto/method.h"
#include "proto/reason.h"

struct call;
struct rpc;
struct fiber;
struct uuid;
struct route;
struct service;

/* What the protocol of a call does for it; all four run on the loop's stack, in rpc_run(). After
 * finish(), and after call_cancel(), the transport has forgotten the call. */
struct call_ops {
	/* Room for another message? If not, the transport calls call_writable() when there is. */
	bool (*writable)(struct call *call);
	/* Packs and queues one message (head first, if it was not sent); adds its size to
	 * call->sent_bytes. */
	void (*send)(struct call *call, const ProtobufCMessage *message);
	/* A request message of `len` wire bytes was taken from the queue: the peer's credit may be
	 * returned. */
	void (*taken)(struct call *call, size_t len);
	/* Sends the status (call->status, ->message, ->retry, details), with `message` before it if
	 * not NULL; adds the message's size to call->sent_bytes. */
	void (*finish)(struct call *call, const ProtobufCMessage *message);
	/* Bytes that are no message are INVALID_ARGUMENT to this protocol, not INTERNAL. */
	bool blames_sender;
};

/* A fact that belongs to the reason of a failure. */
struct fact {
	const char *name, *value;
};

enum { CALL_FACTS_MAX = 4 };

/* Of answers, where the transport can compress and the client can read it. */
enum compression {
	COMPRESSION_AS_REQUESTED, /* large ones, if the request was */
	COMPRESSION_ON,
	COMPRESSION_OFF, /* never: their length would tell what is in them */
};

enum call_state {
	CALL_READY,     /* on the ready list: to be dispatched or resumed */
	CALL_RECEIVING, /* looked at, but its request is not complete yet */
	CALL_PENDING,   /* an interceptor will say proceed later */
	CALL_RUNNING,   /* its handler is on the CPU */
	CALL_WAITING,   /* its handler is suspended in call_wait() */
	CALL_FINISHED,  /* the transport was told, or is gone */
};

/* What a suspended handler waits for: only that, the deadline or cancellation makes it ready. */
enum call_wants {
	WANTS_WAKE,    /* call_wake() */
	WANTS_MESSAGE, /* a request message or the half-close */
	WANTS_ROOM,    /* call_writable() */
	WANTS_ANSWER,  /* the database's */
	WANTS_TIME,    /* the end of its pause */
};

struct call {
	/* who and what */
	struct rpc *rpc;
	const struct route *route; /* NULL: unknown path, ends UNIMPLEMENTED */
	const struct service *service;
	const struct method *method;
	struct peer *peer;        /* NULL once the connection is gone, or cannot tell that it is */
	struct identity identity; /* set by the identify interceptor; scopes 0: nobody */
	struct uuid *actor;       /* on whose behalf; NULL: nobody's */
	struct bytes metadata;    /* CallMeta block: metadata_find(.., METADATA_IN_CALL, ..) */
	struct bytes trace;       /* 25 bytes or empty */
	uint64_t id;              /* unique in the process, for logs */
	/* how it goes */
	enum call_state state;
	enum status cancelled;            /* OK, or why the call should stop */
	uint64_t started_ns, deadline_ns; /* UINT64_MAX: none */
	const char *waiting_for;          /* statement or step; for the live page; NULL: nothing */
	/* how it ended */
	enum status status;
	enum outcome outcome;
	enum retry retry; /* UNSET follows from status and outcome */
	uint32_t pushback_ms;
	const char *message; /* for the caller; in the arena or static */
	const char *cause;   /* for the log alone: what went wrong inside; NULL: nothing */
	enum reason reason;  /* for machines; REASON_NONE: the status says it all */
	const char *field;   /* whose fault it is; NULL: no single field's */
	struct fact facts[CALL_FACTS_MAX];
	uint32_t fact_count;
	struct bytes *details; /* packed google.protobuf.Any, of reason, field, facts, pushback */
	uint32_t detail_count;
	uint32_t head_count, trailer_count;
	struct metadata *head;        /* initial metadata: goes before the first message */
	struct metadata *trailers;    /* goes with the status */
	enum compression compression; /* set before the first message is sent; OFF after it leaves
	                                 out the messages that follow */
	bool compressed;              /* the request message taken last was, on the wire */
	uint32_t received_bytes;      /* of messages; counted by call_message(), up to UINT32_MAX */
	uint32_t sent_bytes;          /* of messages; counted by the transport */
	/* the transport's */
	const struct call_ops *ops; /* NULL once the transport forgot the call */
	void *stream;
	/* private to daemon/rpc */
	struct call *next; /* in the ready list, or in the cache */
	struct call *live_next, *live_prev;
	struct fiber *fiber; /* while the handler is alive */
	enum call_wants wants;
	void (*errand)(struct call *call, void *ctx); /* to run for the fiber on the loop's stack */
	void *errand_ctx;
	size_t heap_index;       /* in rpc's heap; SIZE_MAX: not there */
	struct bytes wire;       /* unary, server streaming: the one request, in the arena */
	struct buffer inbound;   /* streams: what call_receive() will take, each after its length */
	uint32_t empty_messages; /* how many of them have no byte */
	ProtobufCMessage *request;  /* for the handler; NULL when it streams */
	ProtobufCMessage *response; /* by the handler; NULL when it streams */
	enum status returned;       /* by the handler */
	enum status refused;        /* by transport or interceptor: overrules the handler; or OK */
	const char *refusal;        /* the transport's reason */
	uint8_t interceptor;        /* the next to be asked; all before it said proceed */
	bool admitted;              /* the limits let it in */
	bool has_request, half_closed, too_many;
	bool woken;   /* call_wake() was called and not yet noticed by call_wait() */
	bool started; /* its handler was called */
	bool wrote;   /* a write of its handler was committed, or may have been */
	bool sent;    /* a message was sent */
	struct arena arena;
	struct arena message_arena; /* streams: the message that call_receive() gave last */
	uint8_t storage[2048];      /* the arena's first chunk */
};

/* --- for service code --------------------------------------------------- */

/* Says why and returns `status`: `return call_fail(call, STATUS_NOT_FOUND, "no such story");`
 * The text replaces what was said before, and is cut to LIMIT_STATUS_MESSAGE; bytes of it that are
 * no UTF-8 (half a character of "%.9s") are left out when the call ends. */
MUST_CHECK
enum status call_fail(struct call *call, enum status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for trouble of the machine: whether the work may have been done, and thus whether
 * sending it again is safe. */
MUST_CHECK
enum status call_fail_outcome(struct call *call, enum status status, enum outcome outcome,
                              const char *format, ...) __attribute__((format(printf, 4, 5)));

MUST_CHECK
enum status call_no_memory(struct call *call); /* RESOURCE_EXHAUSTED: the call's arena is full */

/* Time left, in ns; 0 when the deadline has passed; UINT64_MAX without one. */
uint64_t call_remaining_ns(const struct call *call);

/* Client and bidirectional streaming: the next request message, valid until the next
 * call_receive(); NULL after the last one. */
MUST_CHECK
SUSPENDS
enum status call_receive(struct call *call, const ProtobufCMessage **message);

/* Server and bidirectional streaming: sends one message; waits while the peer does not read. */
MUST_CHECK
SUSPENDS
enum status call_send(struct call *call, const ProtobufCMessage *message);

/* Waits until call_wake(), the deadline or cancellation. OK: woken (look again at what you wait
 * for). A call that was cancelled or whose deadline has passed never waits: it gets that status at
 * once, again and again. `what` outlives the wait. */
MUST_CHECK
SUSPENDS
enum status call_wait(struct call *call, const char *what);

/* Waits `ms`, or until the deadline or cancellation. */
MUST_CHECK
SUSPENDS
enum status call_pause(struct call *call, uint32_t ms);

/* Makes a waiting call ready. Any time, on its worker's thread; a wake without a wait is remembered
 * once. */
void call_wake(struct call *call);

/* --- for transports ------------------------------------------------------ */

struct call_start {
	const struct route *route; /* NULL: unknown path */
	struct bytes path;         /* for the message of UNIMPLEMENTED */
	uint64_t timeout_us;       /* UINT64_MAX: none */
	struct bytes metadata;     /* copied */
	struct bytes trace;        /* copied */
	const struct call_ops *ops;
	void *stream;
	struct peer *peer;
};

/* NULL: no memory. The call lives until finish() was called or call_cancel() returned, as far as
 * the transport is concerned. None of these functions runs a handler or calls ops: the next
 * rpc_run() does. */
MUST_CHECK
struct call *call_begin(struct rpc *rpc, const struct call_start *start);

/* One complete request message (copied). The first one of a unary or server-streaming call is its
 * request. */
void call_message(struct call *call, struct bytes message);

/* The same for one that may have been compressed on the wire; `message` is not any more. */
void call_message_coded(struct call *call, struct bytes message, bool compressed);

/* The peer sent its last message. */
void call_half_close(struct call *call);

/* Fails the call before or instead of its handler: oversized message, bad compression, ... The
 * message is copied. */
void call_refuse(struct call *call, enum status status, const char *message);

/* The peer cancelled (CANCELLED, DEADLINE_EXCEEDED) or is gone (CANCELLED, gone). The transport has
 * forgotten the call on return. */
void call_cancel(struct call *call, enum status why, bool connection_gone);

/* There is room to send again. */
void call_writable(struct call *call);
