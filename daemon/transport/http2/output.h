/* output - what goes out on a stream of HTTP/2: header lists, messages, the end. Private to
 * daemon/transport/http2. */
#pragma once
#include "daemon/transport/http2/fields.h"
#include "daemon/transport/http2/stream.h"

/* The response's head; output follows. */
void http2_output_head(struct http2_stream *stream, const struct http2_fields *fields);

/* The whole response: a header list that ends the stream. */
void http2_output_only(struct http2_stream *stream, const struct http2_fields *fields);

/* One message, behind gRPC's prefix, at the end of the output; `len` is its packed size. */
void http2_output_message(struct http2_stream *stream, const ProtobufCMessage *message, size_t len);

/* The same of one that is packed already. */
void http2_output_packed(struct http2_stream *stream, struct bytes message);

/* The last message, with this flag in its prefix; nothing follows, no trailers either. */
void http2_output_last(struct http2_stream *stream, uint8_t flag, struct bytes message);

/* Any bytes at the end of the output, which will be all of the response: no trailers. */
void http2_output_body(struct http2_stream *stream, struct bytes body);

/* gRPC-Web has its trailers in the body, as the last message; nothing follows. */
void http2_output_web_trailers(struct http2_stream *stream, const struct http2_fields *fields);

/* Nothing follows; trailers are in stream->trailers. */
void http2_output_finish(struct http2_stream *stream);

/* The end, with no output before it. A closed window does not hold it up, as it would DATA without
 * bytes. */
void http2_output_end(struct http2_stream *stream, const struct http2_fields *fields);

/* The windows do not let all of the output through, and the end behind it. */
MUST_CHECK
bool http2_output_is_held_up(const struct http2_stream *stream);

/* What was not given to nghttp2 is dropped. False: the peer has a part of a message already. */
bool http2_output_drop(struct http2_stream *stream);

/* RST_STREAM; the call was told, or will be. */
void http2_output_reset(struct http2_stream *stream, uint32_t code);

/* Less than a 1/share of what may wait does. */
MUST_CHECK
bool http2_output_has_room(const struct http2_stream *stream, size_t share);
