/* http2 - a session that speaks gRPC over HTTP/2
 * (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md), to a PRISM daemon or any other
 * server of gRPC.
 *
 * nghttp2 knows frames, header compression and windows. Its callbacks run inside receive() and
 * produce(); a callback of the caller's may run in them, and end the session, but nothing there
 * calls nghttp2_session_mem_recv() or nghttp2_session_mem_send(). Its parts: http2 (what a session
 * asks of it), request (what goes), answer (what comes), status (what it means). */
#pragma once
#include "client/session.h"
#include "proto/grpc_prefix.h"

#include <nghttp2/nghttp2.h>

struct http2_session {
	struct session session;
	nghttp2_session *nghttp2; /* NULL: no memory */
	uint32_t committed;       /* the stream of which a frame was sent on which the server may
	                             act; 0: none */
	char fault[WIRE_REASON_SIZE]; /* what the server did wrong; "": nothing */
};

/* A call's part: its answer's headers, and where its messages are. */
struct http2_stream {
	uint8_t prefix[GRPC_PREFIX_SIZE]; /* of the message that comes */
	uint8_t prefix_len;               /* of it, what came */
	uint8_t prefix_sent;              /* of the message that goes, what was sent */
	bool deferred;                    /* nghttp2 waits for more to send */
	bool headed;                      /* the answer's headers came */
	bool is_grpc;                     /* its content-type says so */
	bool is_gzip;                     /* what is compressed in it */
	bool reset;                       /* by the server */
	bool final;                       /* it asks that the call is not sent again */
	bool has_status;                  /* grpc-status came */
	enum answer told; /* of its metadata; unless OK `reason` says what is wrong with it */
	uint16_t http_status;
	enum status status;
	enum retry retry;
	uint32_t left; /* of the message that comes */
	uint32_t pushback_ms;
	struct buffer message, details; /* decoded */
	char *reason;                   /* heap; NULL: no memory */
};

extern const struct protocol http2_protocol;

static inline struct http2_session *http2_of(struct session *session)
{
	return (struct http2_session *)session;
}

/* nghttp2 returned this; without memory the session is lost. Not within nghttp2's callbacks. */
void http2_check(struct http2_session *http2, int result);

/* --- request.c -------------------------------------------------------------------------- */

/* Submits the header list of a call, and says where its messages come from. An nghttp2_error. */
MUST_CHECK
int http2_submit_call(struct http2_session *http2, const struct prism_call *call);

/* --- answer.c: what came for a call that is open ----------------------------------------- */

void http2_stream_free(struct http2_stream *stream);

/* One field of a header list; `ends`: which is the last. */
void http2_answer_field(struct prism_call *call, struct bytes name, struct bytes value, bool ends);

/* A header list is complete. */
void http2_answer_headers(struct http2_session *http2, struct prism_call *call, bool ends);

void http2_answer_data(struct http2_session *http2, struct prism_call *call, struct bytes data);

/* DATA that ends the stream: the trailers are missing. */
void http2_answer_cut(struct http2_session *http2, struct prism_call *call);

/* nghttp2 has closed the stream with this code. */
void http2_answer_closed(struct http2_session *http2, struct prism_call *call, uint32_t code);
