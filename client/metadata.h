/* metadata - what a server says beside its answers, kept for the caller: struct
 * prism_response_metadata, which the caller makes and a call fills.
 *
 * Owns: copies of keys and values. Lifetime: prism_response_metadata_new() until the caller has
 * freed it and the call that fills it has ended. Thread: the channel's. Units: bytes.
 * Errors: ANSWER_TOO_LARGE with a reason: over a limit, or no memory. */
#pragma once
#include "client/call.h"
#include "proto/frame.h"

enum metadata_part { METADATA_INITIAL, METADATA_TRAILING, METADATA_PARTS };

/* The call fills it: what was in it is gone. False: another call does. */
MUST_CHECK
bool metadata_hold(struct prism_response_metadata *metadata);

/* The call has ended: the caller sees all that came. */
void metadata_end(struct prism_response_metadata *metadata);

/* For the next attempt: as new. */
void metadata_clear(struct prism_response_metadata *metadata);

/* Keeps one entry; it is seen when its part is told. */
MUST_CHECK
enum answer metadata_add(struct prism_response_metadata *metadata, enum metadata_part part,
                         struct metadata entry, char reason[WIRE_REASON_SIZE]);

/* The same of a block of the native framing; `field` as in struct metadata_walk. */
MUST_CHECK
enum answer metadata_add_block(struct prism_response_metadata *metadata, enum metadata_part part,
                               struct bytes block, uint32_t field, char reason[WIRE_REASON_SIZE]);

/* From now on the caller sees what the part has. */
void metadata_tell(struct prism_response_metadata *metadata, enum metadata_part part);
