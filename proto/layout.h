/* layout - where and how protobuf-c keeps the fields of an unpacked message.
 *
 * Owns: nothing; what it returns points into the message. Units: bytes. */
#pragma once
#include "proto/bytes.h"

#include <protobuf-c/protobuf-c.h>

/* What one value of a field of this type takes in its struct or array. */
size_t layout_size(ProtobufCType type);

/* An empty message of this type; also where the descriptor was made at run time, and has no
 * message_init. */
void layout_init(const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage *message);

/* A field's value; for a repeated one, the first of its array. */
const void *layout_value(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* How many elements a repeated field has. */
size_t layout_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* The number of the member that is set, 0: none. `field` is any member of the oneof. */
uint32_t layout_oneof_case(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* Is the value that of an unset field: zero, empty, no message? */
bool layout_empty(ProtobufCType type, const void *value);

/* Is a field that is not repeated set? By what the message says where it says so (members of
 * oneofs, messages, `optional`), else when it is not empty. */
bool layout_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
