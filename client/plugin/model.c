#include "client/plugin/model.h"

#include "client/plugin/names.h"

#include <stdio.h>
#include <stdlib.h>

/* Field numbers of descriptor.proto, of which the paths of comments are made. */
enum { FILE_SERVICE = 6, SERVICE_METHOD = 2 };

static void inconsistent(const char *what)
{
	fprintf(stderr, "protoc-gen-prism-c: the request of protoc lacks %s\n", what);
	exit(1);
}

/* --- types ---------------------------------------------------------------- */

static size_t message_count(const proto_message *message)
{
	size_t count = 1 + message->n_enum_type;
	for (size_t i = 0; i < message->n_nested_type; i++)
		count += message_count(message->nested_type[i]);
	return count;
}

static size_t type_count(const struct model *model)
{
	size_t count = 0;
	for (size_t f = 0; f < model->file_count; f++) {
		const proto_file *proto = model->files[f].proto;
		count += proto->n_enum_type;
		for (size_t i = 0; i < proto->n_message_type; i++)
			count += message_count(proto->message_type[i]);
	}
	return count;
}

static const char *package_of(const struct file *file)
{
	return file->proto->package ? file->proto->package : "";
}

static const char *joined(struct arena *arena, const char *scope, const char *name)
{
	return text_printf(arena, "%s%s%s", scope, *scope ? "." : "", name);
}

static struct type *type_add(struct model *model, const struct file *file, const char *scope,
                             const char *name)
{
	struct type *type = &model->types[model->type_count++];
	const char *full_name = joined(model->arena, scope, name);
	*type = (struct type){
		.name = full_name,
		.c_struct = name_struct(model->arena, full_name),
		.c_lower = name_lower(model->arena, full_name),
		.file = file,
	};
	return type;
}

static void enums_add(struct model *model, const struct file *file, const char *scope,
                      proto_enum *const *enums, size_t count)
{
	for (size_t i = 0; i < count; i++)
		type_add(model, file, scope, enums[i]->name)->enumeration = enums[i];
}

static void message_add(struct model *model, const struct file *file, const char *scope,
                        const proto_message *message)
{
	struct type *type = type_add(model, file, scope, message->name);
	type->message = message;
	enums_add(model, file, type->name, message->enum_type, message->n_enum_type);
	for (size_t i = 0; i < message->n_nested_type; i++)
		message_add(model, file, type->name, message->nested_type[i]);
}

static int type_compare(const void *a, const void *b)
{
	return strcmp(((const struct type *)a)->name, ((const struct type *)b)->name);
}

static void types_init(struct model *model)
{
	model->types =
		must(arena_zalloc(model->arena, (type_count(model) + 1) * sizeof(struct type)));
	for (size_t f = 0; f < model->file_count; f++) {
		const struct file *file = &model->files[f];
		const proto_file *proto = file->proto;
		enums_add(model, file, package_of(file), proto->enum_type, proto->n_enum_type);
		for (size_t i = 0; i < proto->n_message_type; i++)
			message_add(model, file, package_of(file), proto->message_type[i]);
	}
	qsort(model->types, model->type_count, sizeof *model->types, type_compare);
}

struct type *model_type(const struct model *model, const char *name)
{
	struct type key = {.name = name + (*name == '.')};
	struct type *found =
		bsearch(&key, model->types, model->type_count, sizeof key, type_compare);
	if (!found)
		inconsistent(name);
	return found;
}

struct type *model_field_type(const struct model *model, const proto_field *field)
{
	return field->type_name && *field->type_name ? model_type(model, field->type_name) : NULL;
}

void model_walk_begin(struct model *model)
{
	for (size_t i = 0; i < model->type_count; i++)
		model->types[i].entered = model->types[i].done = false;
}

/* --- comments ------------------------------------------------------------- */

const char *model_comment(struct arena *arena, const proto_file *file, const int32_t *path,
                          size_t path_len)
{
	if (!file->source_code_info)
		return "";
	for (size_t i = 0; i < file->source_code_info->n_location; i++) {
		const Google__Protobuf__SourceCodeInfo__Location *location =
			file->source_code_info->location[i];
		if (location->n_path != path_len ||
		    memcmp(location->path, path, path_len * sizeof *path) != 0)
			continue;
		const char *comment = location->leading_comments;
		return comment ? must(arena_strdup(arena, comment)) : "";
	}
	return "";
}

/* --- services ------------------------------------------------------------- */

static enum call_kind kind_of(const proto_method *method)
{
	bool client = method->has_client_streaming && method->client_streaming;
	bool server = method->has_server_streaming && method->server_streaming;
	if (client)
		return server ? CALL_BIDIRECTIONAL : CALL_CLIENT_STREAMING;
	return server ? CALL_SERVER_STREAMING : CALL_UNARY;
}

static void rpc_init(struct model *model, const struct service_model *service, struct rpc *rpc,
                     const proto_method *proto)
{
	struct arena *arena = model->arena;
	*rpc = (struct rpc){
		.proto = proto,
		.where = text_printf(arena, "%s.%s", service->proto->name, proto->name),
		.path = text_printf(arena, "/%s/%s", service->name, proto->name),
		.member = name_snake(arena, proto->name),
		.kind = kind_of(proto),
		.request = model_type(model, proto->input_type),
		.response = model_type(model, proto->output_type),
		.options = options_of_method(arena, proto),
	};
	rpc->c_name = text_printf(arena, "%s_%s", service->c_name, rpc->member);
}

static void service_init(struct model *model, const struct file *file, size_t index)
{
	struct service_model *service = &file->services[index];
	const proto_service *proto = file->proto->service[index];
	int32_t path[] = {FILE_SERVICE, (int32_t)index, SERVICE_METHOD, 0};
	const char *name = joined(model->arena, package_of(file), proto->name);
	*service = (struct service_model){
		.proto = proto,
		.name = name,
		.c_name = name_service(model->arena, name),
		.comment = model_comment(model->arena, file->proto, path, 2),
		.rpcs = must(
			arena_zalloc(model->arena, (proto->n_method + 1) * sizeof(struct rpc))),
		.count = proto->n_method,
	};
	for (size_t i = 0; i < service->count; i++) {
		path[3] = (int32_t)i;
		rpc_init(model, service, &service->rpcs[i], proto->method[i]);
		service->rpcs[i].comment = model_comment(model->arena, file->proto, path, 4);
	}
}

static void services_init(struct model *model, struct file *file)
{
	file->count = file->proto->n_service;
	file->services =
		must(arena_zalloc(model->arena, (file->count + 1) * sizeof(struct service_model)));
	for (size_t i = 0; i < file->count; i++)
		service_init(model, file, i);
}

/* --- files ---------------------------------------------------------------- */

struct file *model_file(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->file_count; i++)
		if (strcmp(model->files[i].name, name) == 0)
			return &model->files[i];
	inconsistent(name);
	return NULL;
}

static void files_init(struct model *model, const proto_request *request)
{
	model->file_count = request->n_proto_file;
	model->files =
		must(arena_zalloc(model->arena, (model->file_count + 1) * sizeof(struct file)));
	for (size_t i = 0; i < model->file_count; i++) {
		struct file *file = &model->files[i];
		file->proto = request->proto_file[i];
		file->name = file->proto->name;
		file->stem = name_stem(model->arena, file->name);
	}
	for (size_t i = 0; i < request->n_file_to_generate; i++)
		model_file(model, request->file_to_generate[i])->generate = true;
}

void model_init(struct model *model, struct arena *arena, const proto_request *request)
{
	*model = (struct model){.arena = arena};
	files_init(model, request);
	types_init(model);
	for (size_t i = 0; i < model->file_count; i++)
		services_init(model, &model->files[i]);
}
