/* json_hint - what JSON has to know of types, and protobuf-c's descriptors have no place for: maps,
 * and names that are not a field's own.
 *
 * It is kept where protobuf-c reserves room: a field's `reserved2`, a message's `reserved1`. What
 * protoc-c generates has NULL there: no hint. Types that are made at run time
 * (client/ctl/schema_types.c) have them. A map that was generated is known by the name that protoc
 * gives to what it is a list of. Owns: nothing; names outlive the descriptor. */
#pragma once
#include "proto/bytes.h"

#include <protobuf-c/protobuf-c.h>

/* The field's name in JSON is this one, and not its lowerCamelCase. */
static inline void json_hint_name(ProtobufCFieldDescriptor *field, const char *name)
{
	field->reserved2 = (void *)name;
}

/* The message is what a map is a list of: field 1 is the key, 2 the value, and there are no
 * others. */
static inline void json_hint_map_entry(ProtobufCMessageDescriptor *message)
{
	message->reserved1 = message;
}

/* A list of what has the hint, or of `key` and `value` in a message that is named after the field:
 * StatusesEntry of `statuses` (descriptor.proto, MessageOptions.map_entry). */
bool json_is_map(const ProtobufCFieldDescriptor *field);

/* Of a map: its key's field, which is followed by its value's. */
static inline const ProtobufCFieldDescriptor *json_map_fields(const ProtobufCFieldDescriptor *map)
{
	return ((const ProtobufCMessageDescriptor *)map->descriptor)->fields;
}

/* A field's name in JSON, as far as `size` goes. Returns its whole length. */
size_t json_field_name(const ProtobufCFieldDescriptor *field, char *out, size_t size);

/* Whether `key` is one of the field's two names. */
bool json_field_is(const ProtobufCFieldDescriptor *field, const char *key);
