/* metadata - what a handler sends besides its messages, and what came with the request.
 *
 * Keys are lower case, [0-9a-z_.-]+; values whose key ends in "-bin" are any bytes, others
 * printable ASCII. Lifetime: the call's; everything is copied. */
#pragma once
#include "daemon/rpc/call.h"

enum { CALL_METADATA_MAX = 16 }; /* entries of each kind */

/* The first value of `key` in the request's metadata; {NULL, 0}: there is none. */
struct bytes call_metadata(const struct call *call, const char *key);

/* Goes before the first message; later it has no effect. RESOURCE_EXHAUSTED: too many entries, or
 * the call's arena is full. */
MUST_CHECK
enum status call_add_head(struct call *call, const char *key, struct bytes value);

/* Goes with the status. */
MUST_CHECK
enum status call_add_trailer(struct call *call, const char *key, struct bytes value);
