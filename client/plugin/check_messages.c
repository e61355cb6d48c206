/* What protobuf-c 1.4 cannot express, or expresses so that JSON could not be made of it. */
#include "client/plugin/check.h"
#include "client/plugin/names.h"
#include "proto/json_text.h"

static const char *json_name_of(struct arena *arena, const char *field)
{
	size_t size = json_name(field, NULL, 0) + 1;
	char *name = must(arena_alloc(arena, size));
	(void)json_name(field, name, size);
	return name;
}

static void check_field_kind(struct check *check, const struct type *type, const proto_field *field)
{
	struct problems *problems = check->problems;
	const char *file = type->file->name;
	const char *where = check_where(check, type, field->name);
	if (field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP)
		problem(problems, file, where, "groups are not supported; use a message");
	if (field->has_proto3_optional && field->proto3_optional)
		problem(problems, file, where,
		        "`optional` is not supported (protobuf-c 1.4 has none); use a oneof with "
		        "one member: oneof has_%s { ... %s = %d; }",
		        field->name, field->name, field->number);
	if (options_of_protobuf_c(field->options ? &field->options->base : NULL))
		problem(problems, file, where,
		        "the option pb_c_field is not supported; leave it out");
	if (field->json_name &&
	    strcmp(field->json_name, json_name_of(check->model->arena, field->name)) != 0)
		problem(problems, file, where,
		        "json_name \"%s\" is not supported; JSON names are made of the field's "
		        "name: \"%s\"",
		        field->json_name, json_name_of(check->model->arena, field->name));
}

static bool is_map(const struct type *contained)
{
	const Google__Protobuf__MessageOptions *options =
		contained->message ? contained->message->options : NULL;
	return options && options->has_map_entry && options->map_entry;
}

static void check_field(struct check *check, const struct type *type, const proto_field *field)
{
	check_field_kind(check, type, field);
	struct type *contained = model_field_type(check->model, field);
	if (contained && is_map(contained)) {
		problem(check->problems, type->file->name, check_where(check, type, field->name),
		        "maps are not supported (protobuf-c has none); use a repeated message "
		        "with a key and a value");
		return;
	}
	check_field_rules(check, type, field);
	if (contained && contained->message)
		check_message(check, contained);
}

void check_message(struct check *check, struct type *type)
{
	if (type->done)
		return;
	type->done = true;
	const proto_message *message = type->message;
	if (options_of_protobuf_c(message->options ? &message->options->base : NULL))
		problem(check->problems, type->file->name, check_where(check, type, NULL),
		        "the option pb_c_msg is not supported; leave it out");
	for (size_t i = 0; i < message->n_field; i++)
		check_field(check, type, message->field[i]);
}

void check_file_messages(struct check *check, const struct file *file)
{
	if (options_of_protobuf_c(file->proto->options ? &file->proto->options->base : NULL))
		problem(check->problems, file->name, NULL,
		        "the option pb_c_file is not supported; leave it out");
	for (size_t i = 0; i < check->model->type_count; i++) {
		struct type *type = &check->model->types[i];
		if (type->file == file && type->message && !is_map(type))
			check_message(check, type);
	}
}
