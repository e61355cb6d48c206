#include "client/ctl/schema.h"

#include "client/ctl/schema_types.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef Google__Protobuf__FileDescriptorProto File;
typedef Google__Protobuf__DescriptorProto Message;
typedef Google__Protobuf__EnumDescriptorProto Enum;
typedef Google__Protobuf__ServiceDescriptorProto Service;
typedef Google__Protobuf__MethodDescriptorProto Method;

bool schema_fail(struct schema *schema, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(schema->fault, SCHEMA_FAULT_SIZE, format, args);
	va_end(args);
	return false;
}

static bool no_memory(struct schema *schema)
{
	return schema_fail(schema, "no memory for the server's descriptors");
}

bool schema_name_valid(const char *name, bool dots)
{
	bool begins = true; /* a part of the name */
	if (!name || strlen(name) > SCHEMA_NAME_MOST)
		return false;
	for (; *name; name++) {
		bool letter = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
		              *name == '_';
		bool digit = *name >= '0' && *name <= '9';
		if (begins ? !letter : !letter && !digit && !(dots && *name == '.'))
			return false;
		begins = *name == '.';
	}
	return !begins;
}

struct schema *schema_new(struct arena *arena)
{
	struct schema *schema = arena_zalloc(arena, sizeof *schema);
	if (schema)
		schema->arena = arena;
	return schema;
}

/* --- files ------------------------------------------------------------------------------- */

static const char *package_of(const File *file)
{
	return file->package ? file->package : "";
}

static const File *find_file(const struct schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->file_count; i++)
		if (strcmp(schema->files[i]->name, name) == 0)
			return schema->files[i];
	return NULL;
}

static bool add_file(struct schema *schema, const File *file)
{
	if (find_file(schema, file->name))
		return true;
	if (schema->file_count == SCHEMA_FILES_MOST)
		return schema_fail(schema, "the server's services need more than %d files",
		                   SCHEMA_FILES_MOST);
	schema->files[schema->file_count++] = file;
	schema->sorted = false;
	return true;
}

bool schema_add(struct schema *schema, struct bytes wire, char fault[SCHEMA_FAULT_SIZE])
{
	const ProtobufCMessageDescriptor *type =
		&google__protobuf__file_descriptor_proto__descriptor;
	ProtobufCMessage *message;
	char reason[WIRE_REASON_SIZE];
	schema->fault = fault;
	if (message_unpack(type, wire, schema->arena, &message, reason) != STATUS_OK)
		return schema_fail(schema, "a descriptor of the server's is malformed: %s", reason);
	const File *file = (const File *)message;
	if (!file->name ||
	    (file->package && *file->package && !schema_name_valid(file->package, true)))
		return schema_fail(schema, "a descriptor of the server's has no name, or a package "
		                           "with a name that is none");
	return add_file(schema, file);
}

bool schema_give_up(struct schema *schema, const char *name, char fault[SCHEMA_FAULT_SIZE])
{
	schema->fault = fault;
	File *file = arena_alloc(schema->arena, sizeof *file);
	if (!file)
		return no_memory(schema);
	google__protobuf__file_descriptor_proto__init(file);
	file->name = (char *)name;
	return add_file(schema, file);
}

const char *schema_missing(const struct schema *schema)
{
	for (size_t i = 0; i < schema->file_count; i++) {
		const File *file = schema->files[i];
		for (size_t j = 0; j < file->n_dependency; j++)
			if (!find_file(schema, file->dependency[j]))
				return file->dependency[j];
	}
	return NULL;
}

/* --- types by name ----------------------------------------------------------------------- */

static size_t count_types(const Message *message)
{
	size_t count = 1 + message->n_enum_type;
	for (size_t i = 0; i < message->n_nested_type; i++)
		count += count_types(message->nested_type[i]);
	return count;
}

static size_t count_all(const struct schema *schema)
{
	size_t count = 0;
	for (size_t i = 0; i < schema->file_count; i++) {
		count += schema->files[i]->n_enum_type;
		for (size_t j = 0; j < schema->files[i]->n_message_type; j++)
			count += count_types(schema->files[i]->message_type[j]);
	}
	return count;
}

/* `scope` and `name` with a dot between them; NULL: a fault. */
static const char *full_name(struct schema *schema, const char *scope, const char *name)
{
	if (!schema_name_valid(name, false)) {
		schema_fail(schema, "%.200s of the server's has a type with a name that is none",
		            *scope ? scope : "a file");
		return NULL;
	}
	char *full = arena_printf(schema->arena, "%s%s%s", scope, *scope ? "." : "", name);
	if (!full)
		no_memory(schema);
	else if (strlen(full) > SCHEMA_NAME_MOST)
		schema_fail(schema, "a type's name is longer than %d characters", SCHEMA_NAME_MOST);
	else
		return full;
	return NULL;
}

static bool add_enums(struct schema *schema, const File *file, const char *scope,
                      Enum *const *enums, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *name = full_name(schema, scope, enums[i]->name);
		if (!name)
			return false;
		schema->types[schema->type_count++] =
			(struct schema_type){.name = name, .file = file, .enumeration = enums[i]};
	}
	return true;
}

/* A message and what is declared in it: as deep as messages nest in a FileDescriptorProto. */
static bool add_messages(struct schema *schema, const File *file, const char *scope,
                         Message *const *messages, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const Message *message = messages[i];
		const char *name = full_name(schema, scope, message->name);
		if (!name)
			return false;
		schema->types[schema->type_count++] =
			(struct schema_type){.name = name, .file = file, .message = message};
		if (!add_enums(schema, file, name, message->enum_type, message->n_enum_type) ||
		    !add_messages(schema, file, name, message->nested_type, message->n_nested_type))
			return false;
	}
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct schema_type *)a)->name, ((const struct schema_type *)b)->name);
}

static bool sort_types(struct schema *schema)
{
	if (schema->sorted)
		return true;
	schema->type_count = 0;
	schema->types =
		arena_zalloc(schema->arena, (count_all(schema) + 1) * sizeof *schema->types);
	if (!schema->types)
		return no_memory(schema);
	for (size_t i = 0; i < schema->file_count; i++) {
		const File *file = schema->files[i];
		if (!add_enums(schema, file, package_of(file), file->enum_type,
		               file->n_enum_type) ||
		    !add_messages(schema, file, package_of(file), file->message_type,
		                  file->n_message_type))
			return false;
	}
	qsort(schema->types, schema->type_count, sizeof *schema->types, by_name);
	for (size_t i = 1; i < schema->type_count; i++)
		if (by_name(&schema->types[i - 1], &schema->types[i]) == 0)
			return schema_fail(schema, "the server declares %s twice",
			                   schema->types[i].name);
	schema->sorted = true;
	return true;
}

struct schema_type *schema_find(struct schema *schema, const char *name)
{
	struct schema_type key = {.name = name + (*name == '.')};
	return bsearch(&key, schema->types, schema->type_count, sizeof key, by_name);
}

/* --- services ---------------------------------------------------------------------------- */

static enum call_kind kind_of(const Method *method)
{
	if (method->client_streaming)
		return method->server_streaming ? CALL_BIDIRECTIONAL : CALL_CLIENT_STREAMING;
	return method->server_streaming ? CALL_SERVER_STREAMING : CALL_UNARY;
}

static enum idempotency idempotency_of(const Method *method)
{
	if (!method->options)
		return IDEMPOTENCY_UNKNOWN;
	if (method->options->idempotency_level ==
	    GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__NO_SIDE_EFFECTS)
		return NO_SIDE_EFFECTS;
	return method->options->idempotency_level ==
	                       GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__IDEMPOTENT
	               ? IDEMPOTENT
	               : IDEMPOTENCY_UNKNOWN;
}

static bool make_method(struct schema *schema, const char *service, const Method *from,
                        struct method *method)
{
	if (!schema_name_valid(from->name, false) || !from->input_type || !from->output_type)
		return schema_fail(schema, "%s has a method without a name or types", service);
	*method = (struct method){
		.name = from->name,
		.path = arena_printf(schema->arena, "/%s/%s", service, from->name),
		.kind = kind_of(from),
		.request = schema_message(schema, from->input_type),
		.response = schema_message(schema, from->output_type),
		.idempotency = idempotency_of(from),
	};
	if (!method->path)
		return no_memory(schema);
	return method->request && method->response;
}

static bool make_service(struct schema *schema, const char *name, const Service *from,
                         const struct service_methods **out)
{
	struct service_methods *service = arena_zalloc(schema->arena, sizeof *service);
	struct method *methods =
		arena_zalloc(schema->arena, (from->n_method + 1) * sizeof *methods);
	if (!service || !methods)
		return no_memory(schema);
	for (size_t i = 0; i < from->n_method; i++)
		if (!make_method(schema, name, from->method[i], &methods[i]))
			return false;
	*service = (struct service_methods){name, methods, from->n_method, NULL, 0};
	*out = service;
	return schema_types_fill(schema);
}

/* Whether `full` is the service `name` of the package. */
static bool is_named(const char *full, const char *package, const char *name)
{
	size_t len = strlen(package);
	if (len == 0)
		return strcmp(full, name) == 0;
	return strncmp(full, package, len) == 0 && full[len] == '.' &&
	       strcmp(full + len + 1, name) == 0;
}

bool schema_service(struct schema *schema, const char *name, const struct service_methods **out,
                    char fault[SCHEMA_FAULT_SIZE])
{
	schema->fault = fault;
	const char *copy = arena_strdup(schema->arena, name);
	if (!copy)
		return no_memory(schema);
	if (!schema_name_valid(name, true))
		return schema_fail(schema, "the server has a service with a name that is none");
	if (!sort_types(schema))
		return false;
	for (size_t i = 0; i < schema->file_count; i++) {
		const File *file = schema->files[i];
		for (size_t j = 0; j < file->n_service; j++) {
			const Service *service = file->service[j];
			if (service->name && is_named(name, package_of(file), service->name))
				return make_service(schema, copy, service, out);
		}
	}
	return schema_fail(schema, "the server's descriptors do not have the service %s", name);
}
