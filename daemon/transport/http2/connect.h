/* connect - unary calls as plain HTTP, for curl: the body of the request is the message, in JSON or
 * protobuf, the body of the response the answer or the error. Private to daemon/transport/http2.
 *
 * Source: https://connectrpc.com/docs/protocol (Unary RPCs). */
#pragma once
#include "daemon/transport/http2/stream.h"
#include "proto/wirecheck.h"

extern const struct call_ops http2_connect_ops;

static inline bool connect_is(const struct http2_request *request)
{
	return request->content == CONTENT_JSON || request->content == CONTENT_PROTO;
}

/* The request's message as protobuf, made in `arena`, from its body. Else why not, in `reason`. */
MUST_CHECK
enum status connect_message(const struct http2_stream *stream, struct bytes body,
                            struct arena *arena, struct bytes *message,
                            char reason[WIRE_REASON_SIZE]);

/* Refuses a request that is no call yet; one for its HEAD alone without a body. */
void connect_refuse(struct http2_stream *stream, const char *http_status, enum status status,
                    const char *message);

/* --- connect_error.c ------------------------------------------------------------------------- */

/* The HTTP status that goes with a call's. */
const char *connect_http_status(enum status status);

/* {"code":"not_found","message":"...","details":[{"type":"...","value":"..."}]} at the end of
 * `out`; details are packed Anys. False: no memory, and part of it may be there. */
MUST_CHECK
bool connect_error_write(enum status status, const char *message, const struct bytes *details,
                         size_t count, struct buffer *out);
