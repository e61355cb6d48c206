/* json - protobuf messages <-> JSON by descriptor: the proto3 JSON mapping
 * (https://protobuf.dev/programming-guides/json/).
 *
 * 64-bit integers are strings, enums names, bytes base64; Timestamp, Duration, FieldMask, Struct,
 * Value, ListValue and wrappers have their JSON forms. Fields are read by both their names
 * (project_id, projectId) and written as lowerCamelCase, or as json_name; maps are objects. What
 * protobuf-c's descriptors cannot tell of both is a hint (json_hint.h). An Any is {"typeUrl": ...,
 * "value": base64}.
 *
 * Refused are unknown fields, a field or a oneof given twice, numbers out of range, fractions for
 * integers, invalid UTF-8, U+0000, and more than limits.def allows.
 * Owns: nothing; messages and texts live in the arena. Thread: any. Stack: not for fibers.
 * Errors: INVALID_ARGUMENT with a reason that names the field's path and what is allowed;
 * RESOURCE_EXHAUSTED: a limit, or no memory. `reason` is valid UTF-8, and written unless OK. */
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

/* NUL-terminated text in the arena. Unknown fields are left out. INVALID_ARGUMENT: the message
 * holds what JSON cannot say: invalid UTF-8, a time or a field mask that is none. */
MUST_CHECK
enum status json_from_message(const ProtobufCMessage *message, int style, struct arena *arena,
                              char **out);
