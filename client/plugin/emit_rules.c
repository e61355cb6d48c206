#include "client/plugin/emit.h"
#include "client/plugin/names.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *const FORMATS[] = {
	[PRISM__FORMAT__FORMAT_UNSPECIFIED] = NULL,
	[PRISM__FORMAT__UUID] = "RULE_UUID",
	[PRISM__FORMAT__SLUG] = "RULE_SLUG",
	[PRISM__FORMAT__KEY] = "RULE_KEY",
	[PRISM__FORMAT__STORY_KEY] = "RULE_STORY_KEY",
	[PRISM__FORMAT__EMAIL] = "RULE_EMAIL",
	[PRISM__FORMAT__USERNAME] = "RULE_USERNAME",
	[PRISM__FORMAT__JSON_OBJECT] = "RULE_JSON_OBJECT",
	[PRISM__FORMAT__DECIMAL] = "RULE_DECIMAL",
	[PRISM__FORMAT__DATE] = "RULE_DATE",
	[PRISM__FORMAT__COLOR] = "RULE_COLOR",
};

static bool is_enum(const proto_field *field)
{
	return field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_ENUM;
}

/* The bits of enum rule_has, as C. */
static const char *has_text(struct arena *arena, const proto_field *field,
                            const Prism__FieldOptions *rules)
{
	const struct {
		bool is;
		const char *text;
	} BITS[] = {
		{rules->required, "RULE_REQUIRED"},
		{rules->has_min_len_case == PRISM__FIELD_OPTIONS__HAS_MIN_LEN_MIN_LEN,
	         "RULE_MIN_LEN"},
		{rules->has_max_len_case == PRISM__FIELD_OPTIONS__HAS_MAX_LEN_MAX_LEN,
	         "RULE_MAX_LEN"},
		{rules->has_min_case == PRISM__FIELD_OPTIONS__HAS_MIN_MIN, "RULE_MIN"},
		{rules->has_max_case == PRISM__FIELD_OPTIONS__HAS_MAX_MAX, "RULE_MAX"},
		{is_enum(field), "RULE_KNOWN_ENUM"},
		{rules->trimmed, "RULE_TRIMMED"},
		{rules->has_max_bytes_case == PRISM__FIELD_OPTIONS__HAS_MAX_BYTES_MAX_BYTES,
	         "RULE_MAX_BYTES"},
	};
	const char *text = "";
	for (size_t i = 0; i < sizeof BITS / sizeof *BITS; i++)
		if (BITS[i].is)
			text = text_printf(arena, "%s%s%s", text, *text ? " | " : "", BITS[i].text);
	return text;
}

/* INT64_MIN has no literal. */
static void put_bound(FILE *out, const char *name, int64_t value)
{
	if (value == INT64_MIN)
		fprintf(out, ", .%s = INT64_MIN", name);
	else if (value >= INT32_MIN && value <= INT32_MAX)
		fprintf(out, ", .%s = %" PRId64, name, value);
	else
		fprintf(out, ", .%s = INT64_C(%" PRId64 ")", name, value);
}

static void put_values(FILE *out, const Prism__FieldOptions *rules)
{
	if (FORMATS[rules->format])
		fprintf(out, ", .format = %s", FORMATS[rules->format]);
	if (rules->has_min_len_case == PRISM__FIELD_OPTIONS__HAS_MIN_LEN_MIN_LEN)
		fprintf(out, ", .min_len = UINT64_C(%" PRIu64 ")", rules->min_len);
	if (rules->has_max_len_case == PRISM__FIELD_OPTIONS__HAS_MAX_LEN_MAX_LEN)
		fprintf(out, ", .max_len = UINT64_C(%" PRIu64 ")", rules->max_len);
	if (rules->has_max_bytes_case == PRISM__FIELD_OPTIONS__HAS_MAX_BYTES_MAX_BYTES)
		fprintf(out, ", .max_bytes = UINT64_C(%" PRIu64 ")", rules->max_bytes);
	if (rules->has_min_case == PRISM__FIELD_OPTIONS__HAS_MIN_MIN)
		put_bound(out, "min", rules->min);
	if (rules->has_max_case == PRISM__FIELD_OPTIONS__HAS_MAX_MAX)
		put_bound(out, "max", rules->max);
	if (rules->zero_means)
		put_bound(out, "zero_means", rules->zero_means);
	if (rules->cap)
		put_bound(out, "cap", rules->cap);
}

/* Before the table that points at them. */
static void put_paths(struct emit *emit, const struct type *type, const proto_field *field)
{
	const Prism__FieldOptions *rules = options_of_field(emit->model->arena, field);
	if (rules->n_paths == 0)
		return;
	fprintf(emit->out, "static const char *const %s__%s__paths[] = {\n\t", type->c_lower,
	        field->name);
	for (size_t i = 0; i < rules->n_paths; i++)
		fprintf(emit->out, "\"%s\", ", rules->paths[i]);
	fputs("NULL,\n};\n", emit->out);
}

/* Whether a value of the field can break a rule. */
static bool field_ruled(const struct model *model, const proto_field *field)
{
	const Prism__FieldOptions *rules = options_of_field(model->arena, field);
	const struct type *contained = model_field_type(model, field);
	return *has_text(model->arena, field, rules) || rules->zero_means || rules->cap ||
	       rules->n_paths > 0 || rules->format != PRISM__FORMAT__FORMAT_UNSPECIFIED ||
	       (contained && contained->ruled);
}

static size_t required_oneofs(const struct model *model, const proto_message *message)
{
	size_t count = 0;
	for (size_t i = 0; i < message->n_oneof_decl; i++)
		count += options_of_oneof(model->arena, message->oneof_decl[i])->required;
	return count;
}

static void put_field(struct emit *emit, const struct type *type, const proto_field *field)
{
	struct arena *arena = emit->model->arena;
	const Prism__FieldOptions *rules = options_of_field(arena, field);
	const char *has = has_text(arena, field, rules);
	const struct type *contained = model_field_type(emit->model, field);
	fprintf(emit->out, "\t/* %s */\n\t{.number = %d", field->name, field->number);
	if (*has)
		fprintf(emit->out, ", .has = %s", has);
	put_values(emit->out, rules);
	if (contained && contained->ruled)
		fprintf(emit->out, ", .nested = &%s__rules", contained->c_lower);
	if (rules->n_paths > 0)
		fprintf(emit->out, ", .paths = %s__%s__paths", type->c_lower, field->name);
	fputs("},\n", emit->out);
}

static int field_compare(const void *a, const void *b)
{
	const proto_field *const *one = a, *const *other = b;
	return ((*one)->number > (*other)->number) - ((*one)->number < (*other)->number);
}

static size_t put_fields(struct emit *emit, const struct type *type)
{
	const proto_message *message = type->message;
	proto_field **fields =
		must(arena_alloc(emit->model->arena, (message->n_field + 1) * sizeof *fields));
	size_t count = 0;
	for (size_t i = 0; i < message->n_field; i++)
		if (field_ruled(emit->model, message->field[i]))
			fields[count++] = message->field[i];
	if (count == 0)
		return 0;
	qsort(fields, count, sizeof *fields, field_compare);
	for (size_t i = 0; i < count; i++)
		put_paths(emit, type, fields[i]);
	fprintf(emit->out, "static const struct field_rule %s__fields[] = {\n", type->c_lower);
	for (size_t i = 0; i < count; i++)
		put_field(emit, type, fields[i]);
	fputs("};\n", emit->out);
	return count;
}

/* Any member finds its oneof. */
static int32_t member_of(const proto_message *message, size_t oneof)
{
	for (size_t i = 0; i < message->n_field; i++)
		if (message->field[i]->has_oneof_index &&
		    (size_t)message->field[i]->oneof_index == oneof)
			return message->field[i]->number;
	return 0;
}

static void put_oneofs(struct emit *emit, const struct type *type)
{
	const proto_message *message = type->message;
	fprintf(emit->out, "static const struct oneof_rule %s__required_oneofs[] = {\n",
	        type->c_lower);
	for (size_t i = 0; i < message->n_oneof_decl; i++)
		if (options_of_oneof(emit->model->arena, message->oneof_decl[i])->required)
			fprintf(emit->out, "\t{\"%s\", %d},\n", message->oneof_decl[i]->name,
			        member_of(message, i));
	fputs("};\n", emit->out);
}

static void put_message(struct emit *emit, const struct type *type)
{
	size_t fields = put_fields(emit, type);
	size_t oneofs = required_oneofs(emit->model, type->message);
	if (oneofs > 0)
		put_oneofs(emit, type);
	fprintf(emit->out,
	        "static const struct message_rules %s__rules = {\n\t.message = &%s__descriptor,\n",
	        type->c_lower, type->c_lower);
	if (fields > 0)
		fprintf(emit->out, "\t.fields = %s__fields,\n\t.count = %zu,\n", type->c_lower,
		        fields);
	if (oneofs > 0)
		fprintf(emit->out,
		        "\t.required_oneofs = %s__required_oneofs,\n"
		        "\t.required_oneof_count = %zu,\n",
		        type->c_lower, oneofs);
	fputs("};\n\n", emit->out);
}

/* What a type contains comes before it. Requests are not recursive (checked), so this ends. */
static void put_type(struct emit *emit, struct type *type)
{
	if (type->done || !type->message)
		return;
	type->done = true;
	const proto_message *message = type->message;
	type->ruled = required_oneofs(emit->model, message) > 0;
	for (size_t i = 0; i < message->n_field; i++) {
		struct type *contained = model_field_type(emit->model, message->field[i]);
		if (contained)
			put_type(emit, contained);
		type->ruled |= field_ruled(emit->model, message->field[i]);
	}
	if (type->ruled)
		put_message(emit, type);
}

void emit_rules(struct emit *emit)
{
	model_walk_begin(emit->model);
	for (size_t s = 0; s < emit->file->count; s++)
		for (size_t m = 0; m < emit->file->services[s].count; m++)
			put_type(emit, emit->file->services[s].rpcs[m].request);
}
