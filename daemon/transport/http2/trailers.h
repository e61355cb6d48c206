/* trailers - how a call ended, as gRPC's header fields; and its metadata. */
#pragma once
#include "daemon/rpc/call.h"
#include "daemon/transport/http2/fields.h"

/* grpc-status and what belongs to it, then the call's trailing metadata; made in the call's arena.
 * The list stays below `most` bytes: details are left out first, then metadata, then the text. */
void trailers_of_call(struct call *call, size_t most, struct http2_fields *fields);

/* `count` entries of metadata, binary ones in base64, made in the call's arena. */
void trailers_add_metadata(struct call *call, const struct metadata *metadata, size_t count,
                           struct http2_fields *fields);

/* Whether it was executed, and when to send it again. Nothing for a call that is OK. */
void trailers_add_outcome(struct call *call, struct http2_fields *fields);

/* "0" to "16". */
const char *trailers_status(enum status status);
