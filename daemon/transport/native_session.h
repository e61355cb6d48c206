/* native_session - the connection's side of the native protocol: what both ends agreed on, the
 * streams, the budgets, the end. Private to native_*.c.
 *
 * Whatever the peer does wrong ends the connection: GOAWAY FINAL with a reason that says what was
 * wrong and what is allowed. Whatever a caller may run into ends one call.
 * Owns: its streams and paths. Lifetime: the connection's. Thread: the connection's worker's. */
#pragma once
#include "daemon/transport/budget.h"
#include "daemon/transport/native.h"
#include "daemon/transport/native_paths.h"
#include "daemon/transport/native_stream.h"
#include "proto/frame.h"

enum session_state {
	SESSION_PREFACE, /* the client's preface is not complete */
	SESSION_HELLO,   /* its HELLO has not come */
	SESSION_OPEN,
	SESSION_DRAINING, /* GOAWAY was sent; until the ACK, CALLs may be on their way */
	SESSION_LAST,     /* no CALL comes any more, or is taken: ends with its last stream */
	SESSION_ENDED,    /* GOAWAY FINAL was sent, the connection is closing */
};

struct session {
	struct connection *connection;
	enum session_state state;
	uint32_t last_stream; /* the highest that CALL named */
	bool final_sent, goaway_acked;
	uint8_t ping_strikes;
	uint16_t acks_unsent; /* PING ACKs in the output */
	/* what the peer told, or the defaults */
	uint32_t peer_max_frame, peer_max_message, peer_max_meta, peer_stream_credit;
	struct flow flow;
	size_t owed;    /* connection credit that was not returned: too much is held */
	size_t held;    /* received bytes that calls hold */
	size_t waiting; /* bytes in the streams' output */
	struct stream_table streams;
	struct native_paths paths;
	struct stream *active; /* the next one to send; a ring */
	uint32_t active_count, wanting;
	uint32_t late_allowance; /* bytes and frames that may still come for streams we ended */
	struct budget cancels, unknown_frames, empty_parts;
	uint64_t last_ping_ms;
	uint64_t sent_ms; /* when message bytes were sent last */
};

/* The peer broke the protocol: every call is cancelled, GOAWAY FINAL says why. */
void session_fail(struct session *session, enum status code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* `len` received bytes are dealt with (or dropped): the peer's connection credit. */
void session_received(struct session *session, size_t len);

/* What calls hold changed by `more` and `less` bytes. */
void session_hold(struct session *session, struct stream *stream, size_t more, size_t less);

/* A stream ended, or was never opened, of which the peer has not heard: it may send a few frames
 * and use up the credit that it has for it. */
void session_expect_late(struct session *session, uint32_t bytes);

/* Called by native_stream_close(). */
void session_stream_ended(struct session *session, struct stream *stream);

/* native_frames.c: frames of streams. */
void native_on_call(struct session *session, const struct frame *frame);
void native_on_message(struct session *session, const struct frame *frame);
void native_on_cancel(struct session *session, const struct frame *frame);
void native_on_credit(struct session *session, const struct frame *frame);

/* native_answer.c: what calls say. */
extern const struct call_ops native_call_ops;

/* native_output.c: what goes out. A frame's header is written; its meta and body go where this
 * points. NULL: no memory, the connection will be closed. */
MUST_CHECK
uint8_t *native_frame(struct session *session, enum frame_type type, uint8_t flags, uint32_t stream,
                      size_t meta_len, size_t body_len);
void native_send_credit(struct session *session, uint32_t stream, uint32_t increment);
void native_send_end(struct session *session, uint32_t stream, enum status code, enum retry retry,
                     const char *message);

/* Nothing is before it, and it fits: `meta` and `body` bytes can go into the output now. */
bool native_output_fits(const struct stream *stream, size_t meta, size_t body);

/* `body` message bytes were sent. */
void native_output_spend(struct stream *stream, size_t body);

/* Room at the end of the stream's queue for `body`, then `meta` bytes. NULL as above. */
MUST_CHECK
uint8_t *native_output_enqueue(struct stream *stream, const struct pending *pending);

/* Less than a 1/share of what may wait does. */
bool native_output_has_room(const struct stream *stream, size_t share);

/* The peer granted credit. */
void native_output_granted(struct stream *stream);

/* The queue is emptied, nothing is told. */
void native_output_drop(struct stream *stream);

/* Before the stream is closed. */
void native_output_forget(struct stream *stream);

/* Streams take turns while the connection has room. */
void native_produce(struct connection *connection);
