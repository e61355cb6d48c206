/* grpc_text - the text forms of gRPC over HTTP/2: time-outs, status messages, binary metadata, and
 * the trace context.
 *
 * Owns: nothing. Sources: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md,
 * https://www.w3.org/TR/trace-context/. */
#pragma once
#include "proto/bytes.h"

enum { TRACE_SIZE = 25, TRACEPARENT_SIZE = 55, GRPC_TIMEOUT_SIZE = 9 };

/* "250m" and the like: 1 to 8 digits and one of H M S m u n. In microseconds, rounded up; what does
 * not fit is UINT64_MAX - 1. False: malformed. */
MUST_CHECK
bool grpc_timeout_read(struct bytes text, uint64_t *us);

/* The same of `us`, rounded up where 8 digits do not hold it; its length. */
size_t grpc_timeout_write(uint64_t us, char out[GRPC_TIMEOUT_SIZE]);

/* What the percent-encoding of `text` takes, and the encoding: printable ASCII but '%' stays, and
 * so does not a space at either end. Invalid UTF-8 becomes U+FFFD. */
size_t grpc_message_len(struct bytes text);
void grpc_message_write(struct bytes text, char *out);

/* The other way round, into `out`, which has room for text.len bytes and may be text.data. What is
 * no escape stays as it is; so the result may be no UTF-8. Its length. */
size_t grpc_message_read(struct bytes text, uint8_t *out);

/* Whether a key says that its values are binary: it ends in "-bin". */
bool grpc_key_is_binary(struct bytes key);

/* Whether a field of HTTP/2 takes it as it is: printable ASCII, no space at either end. */
bool grpc_value_is_plain(struct bytes value);

/* The next of a -bin header's values, which are joined by commas; takes it from `text`. `out` has
 * room for base64_data_len(text->len). False: no base64. */
MUST_CHECK
bool grpc_binary_next(struct bytes *text, uint8_t *out, size_t *len);

/* Base64 without padding into `out`, which has room for base64_text_len(data.len). Its length. */
size_t grpc_binary_write(struct bytes data, char *out);

/* A traceparent header in binary: trace-id, parent-id, flags. False: it is none. */
MUST_CHECK
bool traceparent_read(struct bytes text, uint8_t out[TRACE_SIZE]);
void traceparent_write(const uint8_t trace[TRACE_SIZE], char out[TRACEPARENT_SIZE]);
