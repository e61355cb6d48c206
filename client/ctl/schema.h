/* schema - messages, enums and services that were not known when this program was built: what
 * protobuf-c needs of them, made of a server's FileDescriptorProtos.
 *
 * What a server says is not trusted: names must be names, types must be there, numbers be in range;
 * and a type is made when a method needs it, so what nobody asks for does no harm. Well-known types
 * ("google.protobuf.Timestamp") are those that this program was built with. Left out are
 * extensions, defaults and groups. Owns: nothing; all lives in the arena. Errors: false, and a text
 * that says what is wrong. */
#pragma once
#include "proto/method.h"

enum {
	SCHEMA_FAULT_SIZE = 512,
	SCHEMA_FILES_MOST = 1000,
	SCHEMA_MESSAGES_MOST = 2000, /* that a service's methods need */
	SCHEMA_NAME_MOST = 256,      /* characters of a full name */
};

struct schema;

/* NULL: no memory. */
MUST_CHECK
struct schema *schema_new(struct arena *arena);

/* A packed google.protobuf.FileDescriptorProto; a file that was added before is passed over. */
MUST_CHECK
bool schema_add(struct schema *schema, struct bytes file, char fault[SCHEMA_FAULT_SIZE]);

/* A file that another one imports, and that was not added; NULL: there is none. */
const char *schema_missing(const struct schema *schema);

/* The server does not tell this file: what is in it is not there. */
MUST_CHECK
bool schema_give_up(struct schema *schema, const char *file, char fault[SCHEMA_FAULT_SIZE]);

/* No file is missing. The service of this full name, with all that its methods need. Its
 * descriptor_set is NULL, its methods' rules and roles are not known. After false the schema is of
 * no more use. */
MUST_CHECK
bool schema_service(struct schema *schema, const char *name, const struct service_methods **out,
                    char fault[SCHEMA_FAULT_SIZE]);
