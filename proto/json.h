/* json - protobuf messages <-> JSON by descriptor: the proto3 JSON mapping
 * (https://protobuf.dev/programming-guides/json/).
 *
 * 64-bit integers are strings, enums names, bytes base64, Timestamp, Duration, FieldMask and
 * wrappers in their JSON forms; fields are read by both their names (project_id, projectId) and
 * written as lowerCamelCase; unknown fields are refused with their path. Errors: INVALID_ARGUMENT
 * with a reason that names the field's path and what is allowed; RESOURCE_EXHAUSTED without memory.
 */
#pragma once
#include "proto/wirecheck.h"

enum json_style {
	JSON_COMPACT,
	JSON_INDENTED,
	JSON_WITH_DEFAULTS = 4, /* a bit: also write fields that hold their default */
};

/* The message, allocated in the arena. */
MUST_CHECK
enum status json_to_message(const ProtobufCMessageDescriptor *descriptor, struct bytes text,
                            struct arena *arena, ProtobufCMessage **out,
                            char reason[WIRE_REASON_SIZE]);

/* NUL-terminated text in the arena. */
MUST_CHECK
enum status json_from_message(const ProtobufCMessage *message, int style, struct arena *arena,
                              char **out);
