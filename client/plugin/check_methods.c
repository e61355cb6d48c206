#include "client/plugin/check.h"
#include "client/plugin/names.h"
#include "proto/limits.h"

struct method_check {
	struct check *check;
	const struct file *file;
	const struct rpc *rpc;
};

#define METHOD_PROBLEM(method, ...) \
	problem((method)->check->problems, (method)->file->name, (method)->rpc->where, __VA_ARGS__)

static void check_role(const struct method_check *method)
{
	int role = (int)method->rpc->options->role;
	if (role == PRISM__ROLE__ROLE_UNSPECIFIED)
		METHOD_PROBLEM(method, "has no role; add option (prism.method) = {role: VIEWER} "
		                       "(PUBLIC, VIEWER, MEMBER, ADMIN, OWNER, CALLER or SYSTEM)");
	else if (!protobuf_c_enum_descriptor_get_value(&prism__role__descriptor, role))
		METHOD_PROBLEM(method,
		               "role %d is unknown; PUBLIC, VIEWER, MEMBER, ADMIN, OWNER, CALLER "
		               "or SYSTEM are allowed",
		               role);
}

static const proto_field *field_named(const struct type *type, const char *name)
{
	for (size_t i = 0; i < type->message->n_field; i++)
		if (strcmp(type->message->field[i]->name, name) == 0)
			return type->message->field[i];
	return NULL;
}

static void check_keyed(const struct method_check *method)
{
	const proto_field *field = field_named(method->rpc->request, "request_id");
	if (!field || field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING ||
	    field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED)
		METHOD_PROBLEM(method,
		               "idempotency KEYED needs a key in the request; add `string "
		               "request_id` to %s",
		               method->rpc->request->name);
}

static void check_idempotency(const struct method_check *method)
{
	int idempotency = (int)method->rpc->options->idempotency;
	if (!protobuf_c_enum_descriptor_get_value(&prism__idempotency__descriptor, idempotency))
		METHOD_PROBLEM(method,
		               "idempotency %d is unknown; READ, IDEMPOTENT or KEYED are allowed",
		               idempotency);
	if (idempotency == PRISM__IDEMPOTENCY__KEYED)
		check_keyed(method);
}

static void check_limits(const struct method_check *method)
{
	const Prism__MethodOptions *options = method->rpc->options;
	if (options->deadline_ms > LIMIT_TIMEOUT)
		METHOD_PROBLEM(method, "deadline_ms is %u; at most %d (a day) is allowed",
		               options->deadline_ms, LIMIT_TIMEOUT);
	if (options->max_request_bytes > LIMIT_MESSAGE)
		METHOD_PROBLEM(method, "max_request_bytes is %u; at most %d is allowed",
		               options->max_request_bytes, LIMIT_MESSAGE);
	if (strlen(method->rpc->path) > LIMIT_PATH)
		METHOD_PROBLEM(method, "its path %s has %zu characters; at most %d are allowed",
		               method->rpc->path, strlen(method->rpc->path), LIMIT_PATH);
}

/* "a.A -> a.B -> a.A" when `type` can contain a type that is being walked through; NULL if not. */
static const char *cycle(const struct method_check *method, struct type *type)
{
	struct model *model = method->check->model;
	if (type->entered)
		return type->name;
	if (type->done || !type->message)
		return NULL;
	type->entered = true;
	const char *found = NULL;
	for (size_t i = 0; i < type->message->n_field && !found; i++) {
		struct type *contained = model_field_type(model, type->message->field[i]);
		if (contained)
			found = cycle(method, contained);
	}
	type->entered = false;
	type->done = true;
	return found ? text_printf(model->arena, "%s -> %s", type->name, found) : NULL;
}

static void check_request_depth(const struct method_check *method)
{
	model_walk_begin(method->check->model);
	const char *path = cycle(method, method->rpc->request);
	if (path)
		METHOD_PROBLEM(method,
		               "its request can contain itself without end (%s); a request must "
		               "not be recursive: use a flat list, or ids",
		               path);
}

static const struct type *proto2_within(const struct method_check *method, struct type *type)
{
	if (type->done || !type->message)
		return NULL;
	type->done = true;
	const char *syntax = type->file->proto->syntax;
	if (!syntax || strcmp(syntax, "proto3") != 0)
		return type;
	for (size_t i = 0; i < type->message->n_field; i++) {
		struct type *contained =
			model_field_type(method->check->model, type->message->field[i]);
		const struct type *found = contained ? proto2_within(method, contained) : NULL;
		if (found)
			return found;
	}
	return NULL;
}

static void check_request_syntax(const struct method_check *method)
{
	model_walk_begin(method->check->model);
	const struct type *type = proto2_within(method, method->rpc->request);
	if (type)
		METHOD_PROBLEM(method,
		               "its request contains %s, which is proto2 (%s); only proto3 types "
		               "are allowed",
		               type->name, type->file->name);
}

static void check_method(const struct method_check *method)
{
	check_role(method);
	check_idempotency(method);
	check_limits(method);
	check_request_depth(method);
	check_request_syntax(method);
}

void check_methods(struct check *check, const struct file *file)
{
	for (size_t s = 0; s < file->count; s++)
		for (size_t m = 0; m < file->services[s].count; m++)
			check_method(
				&(struct method_check){check, file, &file->services[s].rpcs[m]});
}
