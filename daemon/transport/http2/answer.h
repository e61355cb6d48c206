/* answer - what calls say over HTTP/2: struct call_ops. Private to daemon/transport/http2. */
#pragma once
#include "daemon/transport/http2/stream.h"
#include "daemon/transport/http2/trailers.h"

extern const struct call_ops http2_grpc_ops;
