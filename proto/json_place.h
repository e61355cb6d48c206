/* json_place - where in a JSON text a value stands, and what is said when it is wrong there.
 *
 * Owns: nothing; places are links on the reader's stack. Errors: the reasons are valid UTF-8
 * without control characters, whatever the text holds. */
#pragma once
#include "proto/wirecheck.h"

struct json_place {
	const struct json_place *parent; /* NULL: the whole text */
	const char *name;                /* of the field; NULL: an element of the parent */
	size_t index;
	char *reason; /* WIRE_REASON_SIZE bytes */
};

/* Writes "story.labels[2].name: TEXT" into the reason. Returns `status`. */
MUST_CHECK
enum status json_fail(const struct json_place *place, enum status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* INVALID_ARGUMENT: the message has no such field; with the nearest name, or all of them. */
MUST_CHECK
enum status json_fail_field(const struct json_place *place,
                            const ProtobufCMessageDescriptor *descriptor, const char *key);

/* INVALID_ARGUMENT: the enum has no value of this name. */
MUST_CHECK
enum status json_fail_enum(const struct json_place *place,
                           const ProtobufCEnumDescriptor *descriptor, const char *name);

/* How many letters are to be added, left out, changed or swapped with their neighbour; case and
 * underscores do not count. UINT_MAX for names that are too long to compare. */
unsigned json_distance(const char *one, const char *other);
