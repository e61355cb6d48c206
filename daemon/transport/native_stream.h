/* native_stream - one call's side of a native connection: its credit, the message that is being
 * put together, the answers that wait; and the table that finds streams by number.
 *
 * A stream is in its session's table from CALL until END was put into the output (or CANCEL came);
 * the call may be gone before that (its answer waits for credit), never after.
 * Owns: its buffers. Lifetime: native_stream_open() .. native_stream_close(); memory comes from the
 * transport's spare streams, so that a call costs no malloc. Thread: the connection's worker's. */
#pragma once
#include "daemon/rpc/call.h"
#include "daemon/transport/timeout.h"
#include "proto/flow.h"

struct session;

enum stream_input {
	STREAM_RECEIVING,   /* messages may come */
	STREAM_HALF_CLOSED, /* the peer said CLOSE */
	STREAM_DISCARDING,  /* the call was refused: what comes is dropped */
};

/* A message, or the END, that waits in stream->output: this head, then `body` bytes, then `meta`
 * bytes. */
struct pending {
	uint32_t body;
	uint16_t meta;
	uint8_t type, flags; /* enum frame_type; of its last frame */
};

struct stream {
	uint32_t id;
	enum stream_input input;
	bool assembling;        /* a message of several frames has begun */
	bool close_after;       /* ... and the peer half-closes after it */
	bool active;            /* in the session's round of those that may send */
	bool wants_room;        /* writable() said no */
	bool has_current;       /* `current` was taken from the output and is not finished */
	uint32_t held;          /* received bytes in memory: partial, and not taken */
	uint32_t advance;       /* credit returned for messages that the handler has not taken */
	uint32_t advance_begun; /* the same, for the message that is being put together */
	size_t too_large;       /* an answer of so many bytes could not be sent; 0: all could */
	struct session *session;
	struct call *call; /* NULL: finished, only output is left */
	struct flow flow;
	/* from here on empty again when the stream is closed, and so in a spare one */
	struct buffer partial;      /* the message that is being put together */
	struct buffer output;       /* a queue of struct pending */
	struct pending current;     /* what is being sent of it */
	struct stream *next, *prev; /* in that round; `next` also links the spare ones */
	struct timeout stall;       /* while output waits */
};

struct stream_table {
	struct stream **slots;
	uint32_t capacity, count; /* capacity is a power of two, or 0 */
	uint32_t seed;            /* nobody else's to know */
};

/* NULL: there is none. */
struct stream *stream_table_find(const struct stream_table *table, uint32_t id);

/* `stream` is not in it. False: no memory. */
MUST_CHECK
bool stream_table_add(struct stream_table *table, struct stream *stream);
void stream_table_remove(struct stream_table *table, const struct stream *stream);

/* Any one of the streams; NULL when it is empty. */
struct stream *stream_table_any(const struct stream_table *table);

/* An empty table that grew large gives its memory back. */
void stream_table_shrink(struct stream_table *table);
void stream_table_deinit(struct stream_table *table);

/* A new stream in the session's table. NULL: no memory. */
MUST_CHECK
struct stream *native_stream_open(struct session *session, uint32_t id);

/* Out of the table and away; its call has been told or has told us. */
void native_stream_close(struct stream *stream);
