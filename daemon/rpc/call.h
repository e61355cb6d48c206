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

struct call;
struct rpc;
struct fiber;
struct uuid;

/* What the protocol of a call does for it. After finish(), and after call_cancel(), the transport
 * has forgotten the call. */
struct call_ops {
	/* Room for another message? If not, the transport calls call_writable() when there is. */
	bool (*writable)(struct call *call);
	/* Packs and queues one message (head first, if it was not sent). */
	void (*send)(struct call *call, const ProtobufCMessage *message);
	/* The handler took a request message of `len` wire bytes: the peer's credit may be
	 * returned. */
	void (*taken)(struct call *call, size_t len);
	/* Sends the status (call->status, ->message, ->retry, details), with `message` before it if
	 * not NULL. */
	void (*finish)(struct call *call, const ProtobufCMessage *message);
};

enum call_state {
	CALL_RECEIVING, /* the request is not complete yet */
	CALL_READY,     /* on the ready list: to be dispatched or resumed */
	CALL_PENDING,   /* an interceptor will say proceed later */
	CALL_RUNNING,   /* its handler is on the CPU */
	CALL_WAITING,   /* its handler is suspended in call_wait() */
	CALL_FINISHED,  /* the transport was told, or is gone */
};

struct inbound; /* a queued request message of a stream */

struct call {
	/* who and what */
	struct rpc *rpc;
	const struct method *method; /* NULL: unknown path, ends UNIMPLEMENTED */
	const struct service *service;
	const struct route
		*route;    /* method and service as the router has them; NULL: unknown path */
	struct peer *peer; /* NULL once the connection is gone */
	struct identity identity; /* set by the identify interceptor; scopes 0: nobody */
	struct uuid *actor;       /* on whose behalf; NULL: nobody's */
	struct bytes
		metadata; /* CallMeta block; metadata_find(call->metadata, METADATA_IN_CALL, ...) */
	struct bytes trace; /* 25 bytes or empty */
	uint64_t id;        /* unique in the process, for logs */
	/* how it goes */
	enum call_state state;
	enum status cancelled;            /* OK, or why the call should stop */
	uint64_t started_ns, deadline_ns; /* UINT64_MAX: none */
	const char *waiting_for;          /* statement or step; for the live page */
	/* how it ended */
	enum status status;
	enum outcome outcome;
	enum retry retry;
	uint32_t pushback_ms;
	const char *message;   /* in the arena or static */
	struct bytes *details; /* packed google.protobuf.Any */
	uint32_t detail_count;
	struct metadata *trailers;
	uint32_t trailer_count;
	uint32_t received_bytes, sent_bytes;
	/* the transport's */
	const struct call_ops *ops; /* NULL once the transport forgot the call */
	void *stream;
	/* private to daemon/rpc */
	struct call *next;
	struct fiber *fiber;
	struct bytes request; /* unary, server streaming: the one message, in the arena */
	struct inbound *inbound_first, *inbound_last;
	struct arena message_arena; /* the message that call_receive() gave last */
	size_t heap_index;          /* in rpc's deadline heap; SIZE_MAX: not there */
	uint8_t interceptor;        /* the next to be asked */
	bool has_request, half_closed, too_many, woken, started, send_blocked;
	struct arena arena;
	uint8_t storage[2048]; /* the arena's first chunk */
};

/* --- for service code --------------------------------------------------- */

/* Says why and returns `status`: `return call_fail(call, STATUS_NOT_FOUND, "no such story");` */
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
 * for). */
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
 * the transport is concerned. */
MUST_CHECK
struct call *call_begin(struct rpc *rpc, const struct call_start *start);

/* One complete request message (copied). The first one of a unary or server-streaming call is its
 * request. */
void call_message(struct call *call, struct bytes message);

/* The peer sent its last message. */
void call_half_close(struct call *call);

/* Fails the call before or instead of its handler: oversized message, bad compression, ... */
void call_refuse(struct call *call, enum status status, const char *message);

/* The peer cancelled (CANCELLED, DEADLINE_EXCEEDED) or is gone (CANCELLED, gone). The transport has
 * forgotten the call on return. */
void call_cancel(struct call *call, enum status why, bool connection_gone);

/* There is room to send again. */
void call_writable(struct call *call);
