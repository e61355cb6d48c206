/* schema_types - descriptors of protobuf-c's made of DescriptorProtos; private to schema.
 *
 * A message's struct has protobuf-c's own shape: a count before a list, a case before a oneof, a
 * has_ before what is optional. What JSON has to know beside that is a hint (proto/json_hint.h). */
#pragma once
#include "client/ctl/schema.h"

#include <google/protobuf/descriptor.pb-c.h>

/* A type by its full name. */
struct schema_type {
	const char *name;
	const Google__Protobuf__FileDescriptorProto *file;
	const Google__Protobuf__DescriptorProto *message; /* one of the two */
	const Google__Protobuf__EnumDescriptorProto *enumeration;
	void *descriptor;         /* once it was asked for; of a message: to be filled in */
	struct schema_type *next; /* of those that are to be filled in */
};

struct schema {
	struct arena *arena;
	const Google__Protobuf__FileDescriptorProto *files[SCHEMA_FILES_MOST];
	size_t file_count;
	struct schema_type *types; /* by name, once sorted */
	size_t type_count;
	bool sorted;
	size_t message_count;     /* that were asked for */
	struct schema_type *open; /* messages that are to be filled in */
	char *fault;              /* of the call that is at work */
};

/* What is wrong: always false. */
bool schema_fail(struct schema *schema, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Whether it is made of letters, digits and '_', and (`dots`) of '.' between such parts. */
bool schema_name_valid(const char *name, bool dots);

/* ".package.Message", as descriptors name types. */
struct schema_type *schema_find(struct schema *schema, const char *name);

/* The descriptor of a message, which may be still empty: schema_types_fill() fills all in. NULL: a
 * fault was noted. */
const ProtobufCMessageDescriptor *schema_message(struct schema *schema, const char *name);

MUST_CHECK
bool schema_types_fill(struct schema *schema);
