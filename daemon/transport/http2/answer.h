/* answer - what calls say over HTTP/2, by gRPC, gRPC-Web and Connect's streams: a head, messages
 * behind prefixes, the end. Private to daemon/transport/http2. */
#pragma once
#include "daemon/transport/http2/stream.h"
#include "daemon/transport/http2/trailers.h"

extern const struct call_ops http2_grpc_ops;
extern const struct call_ops http2_connect_stream_ops;

/* So many bytes of a message are on their way. */
void answer_count_sent(struct call *call, size_t len);
