/* options - our options (prism/options.proto) of methods, fields and oneofs.
 *
 * descriptor.proto does not know them, so they arrive as unknown fields of the standard options;
 * their bytes are unpacked here. Lifetime: the arena's. Never NULL: an option that was not given is
 * the default one. */
#pragma once
#include "google/protobuf/descriptor.pb-c.h"
#include "prism/options.pb-c.h"
#include "proto/arena.h"

const Prism__MethodOptions *options_of_method(
	struct arena *arena, const Google__Protobuf__MethodDescriptorProto *method);
const Prism__FieldOptions *options_of_field(struct arena *arena,
                                            const Google__Protobuf__FieldDescriptorProto *field);
const Prism__OneofOptions *options_of_oneof(struct arena *arena,
                                            const Google__Protobuf__OneofDescriptorProto *oneof);

/* Whether protobuf-c's own option (pb_c_file, pb_c_msg, pb_c_field) is set. `options` may be NULL.
 */
bool options_of_protobuf_c(const ProtobufCMessage *options);
