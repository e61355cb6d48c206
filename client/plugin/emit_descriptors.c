/* The file and all that it imports as one packed google.protobuf.FileDescriptorSet: what
 * reflection and `describe` read. */
#include "client/plugin/emit.h"
#include "client/plugin/names.h"

struct gathering {
	struct model *model;
	proto_file **list;
	size_t count;
};

static void unmark(struct model *model)
{
	for (size_t i = 0; i < model->file_count; i++)
		model->files[i].packed = false;
}

static void gather(struct gathering *gathering, struct file *file)
{
	if (file->packed)
		return;
	file->packed = true;
	for (size_t i = 0; i < file->proto->n_dependency; i++)
		gather(gathering, model_file(gathering->model, file->proto->dependency[i]));
	proto_file *copy =
		must(arena_copy(gathering->model->arena, file->proto, sizeof *file->proto));
	gathering->list[gathering->count++] = copy;
}

/* Positions in the source are of no use at run time; comments are, those of the file itself. */
static Google__Protobuf__SourceCodeInfo *comments_only(struct arena *arena,
                                                       const Google__Protobuf__SourceCodeInfo *all)
{
	Google__Protobuf__SourceCodeInfo *kept = must(arena_copy(arena, all, sizeof *all));
	kept->location = must(arena_alloc(arena, (all->n_location + 1) * sizeof *all->location));
	kept->n_location = 0;
	for (size_t i = 0; i < all->n_location; i++)
		if (all->location[i]->leading_comments || all->location[i]->trailing_comments)
			kept->location[kept->n_location++] = all->location[i];
	return kept;
}

static struct bytes packed_set(struct emit *emit)
{
	struct arena *arena = emit->model->arena;
	struct gathering gathering = {.model = emit->model};
	gathering.list =
		must(arena_alloc(arena, (emit->model->file_count + 1) * sizeof *gathering.list));
	unmark(emit->model);
	gather(&gathering, model_file(emit->model, emit->file->name));
	for (size_t i = 0; i < gathering.count; i++) {
		proto_file *file = gathering.list[i];
		bool own = i + 1 == gathering.count;
		file->source_code_info = own && file->source_code_info
		                                 ? comments_only(arena, file->source_code_info)
		                                 : NULL;
	}
	Google__Protobuf__FileDescriptorSet set = GOOGLE__PROTOBUF__FILE_DESCRIPTOR_SET__INIT;
	set.n_file = gathering.count;
	set.file = gathering.list;
	size_t len = google__protobuf__file_descriptor_set__get_packed_size(&set);
	uint8_t *data = must(arena_alloc(arena, len));
	google__protobuf__file_descriptor_set__pack(&set, data);
	return bytes_of(data, len);
}

void emit_descriptor_set(struct emit *emit)
{
	struct bytes set = packed_set(emit);
	fprintf(emit->out,
	        "/* A packed google.protobuf.FileDescriptorSet: this file after all that it "
	        "imports. */\nstatic const uint8_t descriptor_set[%zu] = {",
	        set.len);
	for (size_t i = 0; i < set.len; i++)
		fprintf(emit->out, "%s%u,", i % 24 == 0 ? "\n\t" : " ", set.data[i]);
	fputs("\n};\n", emit->out);
}
