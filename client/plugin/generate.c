#include "client/plugin/generate.h"

#include "client/plugin/check.h"
#include "client/plugin/emit.h"
#include "client/plugin/names.h"

#include <stdlib.h>

struct mode {
	const char *name;
	struct {
		const char *suffix;
		void (*emit)(struct emit *emit);
	} files[2];
};

static const struct mode MODES[] = {
	{"methods",
         {{".prism-methods.h", emit_methods_header}, {".prism-methods.c", emit_methods_source}}},
	{"server",
         {{".prism-server.h", emit_server_header}, {".prism-server.c", emit_server_source}}},
	{"client",
         {{".prism-client.h", emit_client_header}, {".prism-client.c", emit_client_source}}},
};

enum { MODE_COUNT = sizeof MODES / sizeof *MODES };

struct generation {
	struct arena *arena;
	struct model model;
	struct problems problems;
	bool modes[MODE_COUNT];
	Google__Protobuf__Compiler__CodeGeneratorResponse response;
};

/* --- the parameter ------------------------------------------------------------ */

static bool mode_set(struct generation *generation, const char *word, size_t len)
{
	for (size_t i = 0; i < MODE_COUNT; i++) {
		if (strlen(MODES[i].name) == len && memcmp(MODES[i].name, word, len) == 0) {
			generation->modes[i] = true;
			return true;
		}
	}
	return false;
}

/* protoc joins several --prism-c_opt by commas; "methods+server" is for --prism-c_out. */
static void modes_read(struct generation *generation, const char *parameter)
{
	bool any = false;
	while (*parameter) {
		size_t len = strcspn(parameter, "+,");
		if (len > 0 && !mode_set(generation, parameter, len))
			problem(&generation->problems, "parameter",
			        text_printf(generation->arena, "%.*s", (int)len, parameter),
			        "is unknown; " GENERATE_MODES " are allowed, joined by '+'");
		any |= len > 0;
		parameter += len;
		parameter += *parameter != '\0';
	}
	if (!any)
		problem(&generation->problems, "parameter", NULL,
		        "what to generate is missing; --prism-c_out=methods+server:DIR is an "
		        "example (" GENERATE_MODES " are allowed)");
}

/* --- files -------------------------------------------------------------------- */

static char *text_of(struct generation *generation, const struct file *file,
                     void (*emit)(struct emit *emit))
{
	char *text = NULL;
	size_t len = 0;
	struct emit run = {&generation->model, file, must(open_memstream(&text, &len))};
	emit(&run);
	bool failed = ferror(run.out) || fclose(run.out) != 0;
	must(failed ? NULL : text);
	if (!arena_defer(generation->arena, free, text))
		must(NULL);
	return text;
}

static void file_add(struct generation *generation, const struct file *file, const char *suffix,
                     void (*emit)(struct emit *emit))
{
	Google__Protobuf__Compiler__CodeGeneratorResponse__File *out =
		must(arena_alloc(generation->arena, sizeof *out));
	google__protobuf__compiler__code_generator_response__file__init(out);
	out->name = text_printf(generation->arena, "%s%s", file->stem, suffix);
	out->content = text_of(generation, file, emit);
	generation->response.file[generation->response.n_file++] = out;
}

static void files_add(struct generation *generation)
{
	size_t most = 2 * MODE_COUNT * generation->model.file_count;
	generation->response.file =
		must(arena_alloc(generation->arena, most * sizeof *generation->response.file));
	for (size_t f = 0; f < generation->model.file_count; f++) {
		const struct file *file = &generation->model.files[f];
		for (size_t m = 0; file->generate && m < MODE_COUNT; m++)
			for (size_t i = 0; generation->modes[m] && i < 2; i++)
				file_add(generation, file, MODES[m].files[i].suffix,
				         MODES[m].files[i].emit);
	}
}

/* --- the response --------------------------------------------------------------- */

/* That `optional` is understood is said so that it is us who refuse it, with a better text. */
static struct bytes packed(struct generation *generation)
{
	Google__Protobuf__Compiler__CodeGeneratorResponse *response = &generation->response;
	response->has_supported_features = true;
	response->supported_features =
		GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__FEATURE__FEATURE_PROTO3_OPTIONAL;
	size_t len = google__protobuf__compiler__code_generator_response__get_packed_size(response);
	uint8_t *data = must(arena_alloc(generation->arena, len));
	google__protobuf__compiler__code_generator_response__pack(response, data);
	return bytes_of(data, len);
}

struct bytes generate(struct arena *arena,
                      const Google__Protobuf__Compiler__CodeGeneratorRequest *request)
{
	struct generation generation = {.arena = arena};
	google__protobuf__compiler__code_generator_response__init(&generation.response);
	problems_init(&generation.problems);
	modes_read(&generation, request->parameter ? request->parameter : "");
	model_init(&generation.model, arena, request);
	check_all(&generation.model, &generation.problems);
	const char *error = problems_text(&generation.problems);
	if (error)
		generation.response.error = must(arena_strdup(arena, error));
	else
		files_add(&generation);
	problems_deinit(&generation.problems);
	return packed(&generation);
}
