/* connect - unary calls as plain HTTP, for curl: the body of the request is the message, in JSON or
 * protobuf, the body of the response the answer or the error. Streams are like gRPC's (answer.h),
 * but their messages may be JSON, and the last one says how they ended. Private to
 * daemon/transport/http2.
 *
 * Source: https://connectrpc.com/docs/protocol. */
#pragma once
#include "daemon/transport/http2/fields.h"
#include "daemon/transport/http2/stream.h"
#include "proto/wirecheck.h"

extern const struct call_ops http2_connect_ops;

static inline bool connect_is_unary(const struct http2_request *request)
{
	return request->content == CONTENT_JSON || request->content == CONTENT_PROTO;
}

static inline bool connect_is_stream(const struct http2_request *request)
{
	return request->content == CONTENT_CONNECT_JSON ||
	       request->content == CONTENT_CONNECT_PROTO;
}

static inline bool connect_is(const struct http2_request *request)
{
	return connect_is_unary(request) || connect_is_stream(request);
}

static inline bool connect_is_json(const struct http2_request *request)
{
	return request->content == CONTENT_JSON || request->content == CONTENT_CONNECT_JSON;
}

/* A request's message as protobuf, made in `arena`, from JSON. Else why not, in `reason`. */
MUST_CHECK
enum status connect_message(const struct http2_stream *stream, struct bytes json,
                            struct arena *arena, struct bytes *message,
                            char reason[WIRE_REASON_SIZE]);

/* An answer's message as JSON, made in `arena`. Else why not, in `why`, a static text. */
MUST_CHECK
enum status connect_json(const ProtobufCMessage *message, struct arena *arena, struct bytes *json,
                         const char **why);

/* Refuses a request that is no call yet; one for its HEAD alone without a body. */
void connect_refuse(struct http2_stream *stream, const char *http_status, enum status status,
                    const char *message);

/* --- connect_stream.c ------------------------------------------------------------------------ */

/* A message of the answer in JSON, into the output. Else why not, in `why`, a static text. */
MUST_CHECK
enum status connect_stream_send(struct http2_stream *stream, struct call *call,
                                const ProtobufCMessage *message, const char **why);

/* The last message: how the call ended. Its head was sent. */
void connect_stream_end(struct http2_stream *stream, struct call *call);

/* Refuses a request that is no call yet. */
void connect_stream_refuse(struct http2_stream *stream, enum status status, const char *message);

/* --- connect_error.c ------------------------------------------------------------------------- */

/* The HTTP status that goes with a call's. */
const char *connect_http_status(enum status status);

/* {"code":"not_found","message":"...","details":[{"type":"...","value":"..."}]} at the end of
 * `out`; details are packed Anys. False: no memory, and part of it may be there. */
MUST_CHECK
bool connect_error_write(enum status status, const char *message, const struct bytes *details,
                         size_t count, struct buffer *out);

/* {"error":{...},"metadata":{"name":["value",...]}}, the same; without an error if it is OK. */
MUST_CHECK
bool connect_end_write(enum status status, const char *message, const struct bytes *details,
                       size_t count, const struct http2_fields *metadata, struct buffer *out);
