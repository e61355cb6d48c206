/* wirecheck - one walk over the wire bytes of a message, by its descriptor, before it is unpacked.
 *
 * protobuf-c 1.4 recurses without limit, cuts strings at an embedded NUL and accepts invalid UTF-8;
 * after unpacking the evidence is gone. So the bytes are checked first: well-formed fields and wire
 * types, UTF-8 (RFC 3629) and no NUL in strings, nesting depth, number of elements, and the memory
 * that unpacking will take. A message field that is not repeated may be given once only: protobuf-c
 * loses values when it merges two. Of message types with more than WIRE_FIELDS fields it needs a
 * bit a field from the heap meanwhile, else nothing. Errors: INTERNAL (malformed: gRPC's status for
 * what cannot be parsed), INVALID_ARGUMENT (a bad string, a field given twice), RESOURCE_EXHAUSTED
 * (a limit); `reason` says which and where
 * ("story.title: ..."). */
#pragma once
#include "proto/arena.h"
#include "proto/utf8.h"

struct wire_budget {
	uint32_t depth;    /* levels of nested messages still allowed */
	uint32_t elements; /* repeated elements still allowed, over the whole message */
	size_t memory; /* bytes of unpacked structs, strings and arrays still allowed, each rounded
	                  up to 16 as an arena does; what unpacking needs meanwhile included */
};

extern const struct wire_budget WIRE_BUDGET; /* from limits.def */

enum { WIRE_REASON_SIZE = 256, WIRE_FIELDS = 256 };

MUST_CHECK
enum status wire_check(const ProtobufCMessageDescriptor *descriptor, struct bytes wire,
                       struct wire_budget budget, char reason[WIRE_REASON_SIZE]);

/* Checks, then unpacks into the arena. *out is freed with the arena. */
MUST_CHECK
enum status message_unpack(const ProtobufCMessageDescriptor *descriptor, struct bytes wire,
                           struct arena *arena, ProtobufCMessage **out,
                           char reason[WIRE_REASON_SIZE]);

/* The name of a message type that can contain itself, reachable from `descriptor`; NULL if there is
 * none. Such a type must not be a request: it could be nested without end. */
const char *descriptor_recursive(const ProtobufCMessageDescriptor *descriptor);
