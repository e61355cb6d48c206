/* descriptors - looks things up in a packed google.protobuf.FileDescriptorSet without unpacking it:
 * files by name, by what they declare, by the extensions in them.
 *
 * A set is as protoc writes it: every file after those that it imports. Names are full ones,
 * without a dot before them. Owns: nothing; what is found lies in the set. Thread: any. Source:
 * https://github.com/protocolbuffers/protobuf/blob/main/src/google/protobuf/descriptor.proto */
#pragma once
#include "proto/bytes.h"

enum { DESCRIPTOR_FILES_MAX = 64 }; /* of a set that are looked at */

/* Packed FileDescriptorProtos; data NULL: none. */
struct bytes descriptors_file(struct bytes set, struct bytes name);

/* `symbol`: a message, enum, enum value, field, oneof, extension, service or method. */
struct bytes descriptors_declaring(struct bytes set, struct bytes symbol);
struct bytes descriptors_extending(struct bytes set, struct bytes type, int32_t number);

/* The file, then all that it imports, directly or not. Returns how many. */
size_t descriptors_with_imports(struct bytes set, struct bytes file,
                                struct bytes out[DESCRIPTOR_FILES_MAX]);

/* The numbers of extensions of `type`, the first `most` of them; returns how many. */
size_t descriptors_extensions(struct bytes set, struct bytes type, int32_t *numbers, size_t most);
