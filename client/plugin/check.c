#include "client/plugin/check.h"

#include "client/plugin/names.h"

const char *check_where(const struct check *check, const struct type *type, const char *member)
{
	const char *package = type->file->proto->package;
	size_t skip = package && *package ? strlen(package) + 1 : 0;
	return text_printf(check->model->arena, "%s%s%s", type->name + skip, member ? "." : "",
	                   member ? member : "");
}

/* Without `syntax`, protoc reads a file as proto2 and says nothing in the descriptor. */
static bool is_proto3(const struct file *file)
{
	return file->proto->syntax && strcmp(file->proto->syntax, "proto3") == 0;
}

static void check_file(struct check *check, const struct file *file)
{
	if (!is_proto3(file)) {
		problem(check->problems, file->name, NULL,
		        "proto2 is not supported; begin the file with syntax = \"proto3\";");
		return;
	}
	if (file->count > 0 && !(file->proto->package && *file->proto->package))
		problem(check->problems, file->name, NULL,
		        "services need a package, which begins their names in C; add one: package "
		        "example.v1;");
	for (size_t i = 0; i < file->count; i++)
		if (file->services[i].count == 0)
			problem(check->problems, file->name, file->services[i].proto->name,
			        "has no methods, of which protoc-c makes invalid C; add one");
	check_file_messages(check, file);
	check_methods(check, file);
}

void check_all(struct model *model, struct problems *problems)
{
	struct check check = {model, problems};
	model_walk_begin(model);
	for (size_t i = 0; i < model->file_count; i++)
		if (model->files[i].generate)
			check_file(&check, &model->files[i]);
	check_names(&check);
}
