/* stream - one call's side of an HTTP/2 connection: its request's headers, the messages that are
 * being cut out of DATA, the answer that waits for the peer's window.
 *
 * nghttp2 owns the stream's number and state; this is its user data from the first header until
 * on_stream_close. The call may be gone before that (its answer is on its way), never after.
 * Owns: its buffers. Lifetime: http2_stream_open() .. http2_stream_close(); memory comes from the
 * worker's spare streams. Thread: the connection's worker's. */
#pragma once
#include "daemon/rpc/call.h"
#include "daemon/transport/http2/request.h"
#include "daemon/transport/timeout.h"

struct http2_session;

enum http2_input {
	INPUT_HEADERS,    /* its header block is not complete */
	INPUT_RECEIVING,  /* messages may come */
	INPUT_CLOSED,     /* END_STREAM came */
	INPUT_DISCARDING, /* the call was refused or has ended: what comes is dropped */
};

struct http2_stream {
	int32_t id;
	enum http2_input input_state;
	bool ended;        /* END_STREAM came, whatever became of what was before it */
	bool head_sent;    /* response headers were submitted */
	bool deferred;     /* nghttp2 waits for output */
	bool finished;     /* nothing follows what is in `output` */
	bool body_only;    /* and the end of the output is the end of the stream: no trailers */
	bool wants_room;   /* writable() said no */
	bool fair;         /* its DATA takes turns with others' */
	bool coding_waits; /* a compressed message waits for a turn */
	bool coding_now;   /* it is its turn */
	uint32_t compress_from; /* answers of so many bytes are compressed; UINT32_MAX: none */
	size_t part_left;       /* bytes of the message that is being sent */
	size_t drained;         /* bytes that came after the answer */
	size_t early;           /* bytes at the front of `input` whose credit was returned */
	size_t owed;            /* credit that is returned when messages are taken */
	size_t held;            /* bytes of messages that the call has and did not take */
	struct http2_session *session;
	struct call *call; /* NULL: none yet, or finished */
	struct http2_stream *next, *prev;
	struct http2_stream *coding_next, *coding_prev; /* that wait, too */
	struct timeout stall;                           /* while output waits */
	struct buffer input; /* DATA that is no whole message yet, or too much to hand over yet */
	struct buffer output;
	struct buffer trailers; /* KV entries of field TRAILERS_FIELD; empty: grpc-status 0 alone */
	struct http2_request request;
};

/* A new stream of the session. NULL: no memory. */
MUST_CHECK
struct http2_stream *http2_stream_open(struct http2_session *session, int32_t id);

/* Its call has been told, or has told us. */
void http2_stream_close(struct http2_stream *stream);

/* --- by begin.c ------------------------------------------------------------------- */

/* The header block is complete: makes a call of it, or refuses it. */
void http2_stream_begin(struct http2_stream *stream);

/* --- by message.c ------------------------------------------------------------------ */

/* DATA came; its connection credit is dealt with. */
void http2_stream_data(struct http2_stream *stream, struct bytes data);

/* END_STREAM came. */
void http2_stream_ended(struct http2_stream *stream);

/* Its turn to decompress has come. */
void http2_stream_go_on(struct http2_stream *stream);

/* The handler took a message of `len` bytes. */
void http2_stream_taken(struct http2_stream *stream, size_t len);

/* It was answered before it had ended. What still comes is dropped, up to a message's size and for
 * as long as a stream may stall. */
void http2_stream_drain(struct http2_stream *stream);

/* What comes from now on is dropped. */
void http2_stream_discard(struct http2_stream *stream);
