/* http2 - HTTP/2 on a connection: gRPC, and Connect's unary calls (PROTOCOL.md, "gRPC and JSON").
 *
 * nghttp2 knows frames, header compression and flow control; what is here makes calls of streams.
 * Its parts: session (the connection's side), stream (one call's side), request (headers), begin
 * (from a request to a call), message (what comes), output (what goes), answer and trailers (gRPC's
 * words), gzip, and coding (whose turn it is). Thread: the connection's worker's. */
#pragma once
#include "daemon/transport/connection.h"

extern const struct protocol http2;

/* The connection speaks it from here on (without memory it is closed at the end of the turn). */
void http2_begin(struct connection *connection);

/* What waits of HTTP/2 expire into. */
void http2_stream_stalled(struct timeout *stall);
void http2_keepalive_due(struct timeout *timeout);
void http2_pong_missed(struct timeout *timeout);

/* The end of a turn: goes on with compressed messages that wait for one. True: more wait. */
bool http2_coding_turn(struct transport *transport);

/* What the connections of a worker share. NULL: none spoke HTTP/2 yet. */
struct http2_shared;
void http2_shared_free(struct http2_shared *shared);
