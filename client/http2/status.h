/* status - what HTTP says where gRPC says nothing.
 *
 * Sources: https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md,
 * PROTOCOL-HTTP2.md beside it ("Errors"). */
#pragma once
#include "proto/status.h"

/* Of an answer without grpc-status. */
enum status status_of_http(unsigned http_status);

/* Of a stream that was reset. `late`: the call's deadline has passed. */
enum status status_of_reset(uint32_t code, bool late);

/* Of a GOAWAY: whether other connections may be made at once (OK, UNAVAILABLE), or not before
 * *wait_ms. */
enum status status_of_goaway(uint32_t code, uint32_t *wait_ms);
