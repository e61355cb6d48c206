/* json_scalar - one value of JSON into a field's, whatever its type but a message.
 *
 * Owns: nothing; what is not a number is copied into the arena. Errors: as json_place.h. Private to
 * json. */
#pragma once
#include "proto/json_place.h"

#include <jansson.h>

/* Not of a message. `value` has the size of the field's type. */
MUST_CHECK
enum status json_scalar_read(struct arena *arena, const struct json_place *place,
                             const ProtobufCFieldDescriptor *field, const json_t *json,
                             void *value);

/* A string without U+0000, as it lies in `json`. */
MUST_CHECK
enum status json_string_text(const struct json_place *place, const char *needed, const json_t *json,
                             struct bytes *out);

/* "NEEDED is needed, not a list"; the same without what it is. */
MUST_CHECK
enum status json_fail_kind(const struct json_place *place, const char *needed, const json_t *json);
MUST_CHECK
enum status json_fail_form(const struct json_place *place, const char *needed);

/* The arena is full. */
MUST_CHECK
enum status json_fail_memory(const struct json_place *place, const struct arena *arena);
