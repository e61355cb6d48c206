/* session - the connection's side of HTTP/2: nghttp2's session and its callbacks, credit, drain,
 * what a peer may not do. Private to daemon/transport/http2.
 *
 * nghttp2's callbacks only decode and queue, like every I/O callback; frames are pulled out of it
 * in produce(), once a turn. A fault is noted where it is found, and ends the connection when
 * nghttp2 has returned.
 * Owns: nghttp2's session, its streams. Lifetime: the connection's. Thread: its worker's. */
#pragma once
#include "daemon/transport/budget.h"
#include "daemon/transport/http2/http2.h"
#include "daemon/transport/http2/memory.h"
#include "daemon/transport/http2/stream.h"
#include "proto/gzip.h"

#include <nghttp2/nghttp2.h>

enum http2_state {
	HTTP2_OPEN,
	HTTP2_DRAINING, /* told so, with PING; until its ACK, requests may be on their way */
	HTTP2_SEEN,     /* the ACK came: what was written with it may follow; asked again */
	HTTP2_HEARD,    /* that came, too: the end of the turn says which stream is the last */
	HTTP2_LAST,     /* no request after `last` is taken: ends with the last stream */
	HTTP2_ENDED,    /* the connection is closing */
};

enum http2_fault {
	FAULT_NONE,
#define FAULT(name, code, reason) FAULT_##name,
#include "daemon/transport/http2/fault.def"
#undef FAULT
	FAULT_COUNT
};
_Static_assert((int)FAULT_COUNT <= (int)TRANSPORT_FAULTS_MAX, "a counter for each fault");

struct http2_session {
	struct connection *connection;
	nghttp2_session *nghttp2;
	struct memory_user memory;
	struct http2_stream *streams; /* newest first */
	struct http2_stream *opening; /* whose request's header block is being read */
	uint32_t stream_count, wanting;
	enum http2_state state;
	int32_t last; /* stream that is served; INT32_MAX: none is the last yet */
	enum http2_fault fault;
	bool greeted;          /* the peer's SETTINGS came */
	bool in_headers;       /* a header block has begun */
	uint32_t header_bytes; /* in it, decompressed */
	bool heard;            /* something came since that was looked at last */
	bool asked;            /* a PING of ours waits for its answer */
	uint8_t strikes;       /* PINGs that came too early */
	struct timeout alive;
	size_t waiting;   /* bytes in the streams' output */
	size_t held;      /* bytes of requests in memory */
	size_t owed;      /* connection credit that was not returned: too much is held */
	uint64_t ping_ms; /* when the last PING came; 0: none, or something was sent since */
	struct budget resets, errors, empty_frames, control_frames, large_headers;
};

/* Per worker. */
struct http2_shared {
	struct gzip *gzip;
	struct memory memory;  /* nghttp2's */
	struct buffer scratch; /* a message on its way between two forms */
	struct http2_stream *spare;
	size_t spare_count;
	size_t coded; /* bytes in this turn, and what earlier ones did too much */
	struct http2_stream *coding_first, *coding_last; /* that wait for a turn */
};

/* Of the session's worker; NULL: no memory. */
MUST_CHECK
struct http2_shared *http2_shared_of(struct http2_session *session);

/* A message larger than usual is not kept room for. */
void http2_scratch_done(struct http2_shared *shared);

/* The peer went too far: noted; the connection ends when nghttp2 has returned. */
void http2_fail(struct http2_session *session, enum http2_fault fault);

/* An nghttp2 function returned this: without memory the connection is closed at the end of the
 * turn. */
void http2_check(struct http2_session *session, int result);

/* Received bytes that streams hold changed by `more` and `less`. */
void http2_hold(struct http2_session *session, size_t more, size_t less);

/* Finish what there is, then end. */
void http2_drain(struct connection *connection);

/* --- abuse.c: what came, or had to be sent; too many are a fault --------------------------- */

void http2_count_ping(struct http2_session *session);

/* SETTINGS, PRIORITY or WINDOW_UPDATE. */
void http2_count_control(struct http2_session *session);
void http2_count_data(struct http2_session *session, const nghttp2_frame *frame);

/* A field of a header block, and its size. False: the connection ends now, in the block's middle.
 */
MUST_CHECK
bool http2_count_header(struct http2_session *session, size_t len);

/* RST_STREAM was sent with this code. */
void http2_count_error(struct http2_session *session, uint32_t code);

/* A call was cancelled while it ran. */
void http2_count_cancel(struct http2_session *session);

/* A frame of an answer was sent: what the peer says about it is expected. */
void http2_count_sent(struct http2_session *session);

/* --- coding.c ------------------------------------------------------------------------ */

/* Whether this turn has a share left for it; else http2_coding_wait(). */
MUST_CHECK
bool http2_coding_may(const struct http2_stream *stream);

/* http2_stream_go_on() is called in a later turn. */
void http2_coding_wait(struct http2_stream *stream);
void http2_coding_forget(struct http2_stream *stream);

/* So many bytes went through gzip, counted as they are without it, or were read or written as JSON.
 */
void http2_coding_count(struct http2_stream *stream, size_t len);

/* --- keepalive.c ------------------------------------------------------------------- */

void http2_alive_begin(struct http2_session *session);
void http2_alive_end(struct http2_session *session);

/* Bytes came. */
void http2_alive_heard(struct http2_session *session);

uint64_t http2_now_ms(const struct http2_session *session);

static inline struct transport *http2_transport(const struct http2_session *session)
{
	return session->connection->transport;
}
