/* (prism.field) options that contradict their field, or each other. */
#include "client/plugin/check.h"
#include "client/plugin/names.h"

#include <inttypes.h>
#include <string.h>

enum { PATHS_MAX = 31 }; /* a handler has them as bits of an int4 */

/* Kinds of values, as rules tell them apart. */
enum shape {
	SHAPE_STRING,
	SHAPE_BYTES,
	SHAPE_INTEGER,
	SHAPE_ENUM,
	SHAPE_BOOL,
	SHAPE_FLOAT,
	SHAPE_MESSAGE,
};

struct field_check {
	struct problems *problems;
	const char *file, *where;
	const proto_field *field;
	const Prism__FieldOptions *rules;
	enum shape shape;
	bool repeated;
};

#define FIELD_PROBLEM(check, ...) \
	problem((check)->problems, (check)->file, (check)->where, __VA_ARGS__)

#define TYPE(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name

/* What integers a type holds; the rules' own numbers are int64. */
struct range {
	int64_t min, max;
};

static enum shape shape_of(const proto_field *field)
{
	if (field->type == TYPE(STRING))
		return SHAPE_STRING;
	if (field->type == TYPE(BYTES))
		return SHAPE_BYTES;
	if (field->type == TYPE(BOOL))
		return SHAPE_BOOL;
	if (field->type == TYPE(ENUM))
		return SHAPE_ENUM;
	if (field->type == TYPE(FLOAT) || field->type == TYPE(DOUBLE))
		return SHAPE_FLOAT;
	if (field->type == TYPE(MESSAGE) || field->type == TYPE(GROUP))
		return SHAPE_MESSAGE;
	return SHAPE_INTEGER;
}

static struct range range_of(const proto_field *field)
{
	if (field->type == TYPE(UINT32) || field->type == TYPE(FIXED32))
		return (struct range){0, UINT32_MAX};
	if (field->type == TYPE(UINT64) || field->type == TYPE(FIXED64))
		return (struct range){0, INT64_MAX};
	if (field->type == TYPE(INT64) || field->type == TYPE(SINT64) ||
	    field->type == TYPE(SFIXED64))
		return (struct range){INT64_MIN, INT64_MAX};
	return (struct range){INT32_MIN, INT32_MAX};
}

static const char *type_text(const struct field_check *check)
{
	static const char *const TEXTS[] = {
		[SHAPE_STRING] = "a string",    [SHAPE_BYTES] = "bytes",
		[SHAPE_INTEGER] = "an integer", [SHAPE_ENUM] = "an enum",
		[SHAPE_BOOL] = "a bool",        [SHAPE_FLOAT] = "a floating-point number",
		[SHAPE_MESSAGE] = "a message",
	};
	return TEXTS[check->shape];
}

static void check_lengths(const struct field_check *check)
{
	const Prism__FieldOptions *rules = check->rules;
	bool has_min = rules->has_min_len_case == PRISM__FIELD_OPTIONS__HAS_MIN_LEN_MIN_LEN;
	bool has_max = rules->has_max_len_case == PRISM__FIELD_OPTIONS__HAS_MAX_LEN_MAX_LEN;
	bool has_length =
		check->repeated || check->shape == SHAPE_STRING || check->shape == SHAPE_BYTES;
	if ((has_min || has_max) && !has_length)
		FIELD_PROBLEM(check, "%s is for strings, bytes and repeated fields; this is %s",
		              has_min ? "min_len" : "max_len", type_text(check));
	if (has_max && rules->max_len == 0)
		FIELD_PROBLEM(check, "max_len 0 allows no value; at least 1 is allowed");
	if (has_min && has_max && rules->min_len > rules->max_len)
		FIELD_PROBLEM(check, "min_len %" PRIu64 " is more than max_len %" PRIu64,
		              rules->min_len, rules->max_len);
}

static void check_bound(const struct field_check *check, const char *name, int64_t bound)
{
	struct range range = range_of(check->field);
	if (check->shape != SHAPE_INTEGER && check->shape != SHAPE_ENUM)
		FIELD_PROBLEM(check, "%s is for integers and enums; this is %s", name,
		              type_text(check));
	else if (bound < range.min || bound > range.max)
		FIELD_PROBLEM(check,
		              "%s %" PRId64 " is out of the type's range; %" PRId64 " to %" PRId64
		              " is allowed",
		              name, bound, range.min, range.max);
}

static void check_bounds(const struct field_check *check)
{
	const Prism__FieldOptions *rules = check->rules;
	bool has_min = rules->has_min_case == PRISM__FIELD_OPTIONS__HAS_MIN_MIN;
	bool has_max = rules->has_max_case == PRISM__FIELD_OPTIONS__HAS_MAX_MAX;
	if (has_min)
		check_bound(check, "min", rules->min);
	if (has_max)
		check_bound(check, "max", rules->max);
	if (has_min && has_max && rules->min > rules->max)
		FIELD_PROBLEM(check, "min %" PRId64 " is more than max %" PRId64, rules->min,
		              rules->max);
	if (rules->required && !check->repeated && has_min && has_max && rules->min == 0 &&
	    rules->max == 0)
		FIELD_PROBLEM(check, "required, but min and max allow 0 alone, which is no value");
}

/* What is written beside the rules, for people: it has to agree with them. */
static void check_taken_as(const struct field_check *check)
{
	const Prism__FieldOptions *rules = check->rules;
	if (rules->zero_means)
		check_bound(check, "zero_means", rules->zero_means);
	if (rules->cap)
		check_bound(check, "cap", rules->cap);
	if (rules->zero_means && rules->cap && rules->zero_means > rules->cap)
		FIELD_PROBLEM(check, "zero_means %" PRId64 " is more than cap %" PRId64,
		              rules->zero_means, rules->cap);
}

/* Field names, joined by dots: they become C strings. */
static bool path_sound(const char *path)
{
	return *path && strspn(path, "abcdefghijklmnopqrstuvwxyz0123456789_.") == strlen(path);
}

static void check_paths(const struct field_check *check)
{
	const Prism__FieldOptions *rules = check->rules;
	if (rules->n_paths > 0 &&
	    (check->repeated || check->shape != SHAPE_MESSAGE ||
	     strcmp(check->field->type_name, ".google.protobuf.FieldMask") != 0))
		FIELD_PROBLEM(check, "paths is for google.protobuf.FieldMask; this is %s",
		              type_text(check));
	if (rules->n_paths > PATHS_MAX)
		FIELD_PROBLEM(check, "%zu paths; at most %d are allowed", rules->n_paths,
		              PATHS_MAX);
	for (size_t i = 0; i < rules->n_paths; i++)
		if (!path_sound(rules->paths[i]))
			FIELD_PROBLEM(check,
			              "path \"%s\" names no field; a-z, 0-9, _ and dots are "
			              "allowed",
			              rules->paths[i]);
}

static void check_text(const struct field_check *check)
{
	const Prism__FieldOptions *rules = check->rules;
	int format = (int)rules->format;
	if (!protobuf_c_enum_descriptor_get_value(&prism__format__descriptor, format))
		FIELD_PROBLEM(check,
		              "format %d is unknown; prism/options.proto lists those that "
		              "are allowed",
		              format);
	else if (format != PRISM__FORMAT__FORMAT_UNSPECIFIED && check->shape != SHAPE_STRING)
		FIELD_PROBLEM(
			check, "format %s is for strings; this is %s",
			protobuf_c_enum_descriptor_get_value(&prism__format__descriptor, format)
				->name,
			type_text(check));
	bool has_bytes = rules->has_max_bytes_case == PRISM__FIELD_OPTIONS__HAS_MAX_BYTES_MAX_BYTES;
	if (has_bytes && check->shape != SHAPE_STRING)
		FIELD_PROBLEM(check, "max_bytes is for strings; this is %s", type_text(check));
	if (has_bytes && rules->max_bytes == 0)
		FIELD_PROBLEM(check, "max_bytes 0 allows no value; at least 1 is allowed");
	if (rules->trimmed && check->shape != SHAPE_STRING)
		FIELD_PROBLEM(check, "trimmed is for strings; this is %s", type_text(check));
}

static void check_required(const struct field_check *check)
{
	if (!check->rules->required)
		return;
	if (check->field->has_oneof_index)
		FIELD_PROBLEM(check, "a member of a oneof cannot be required; require the oneof: "
		                     "option (prism.oneof) = {required: true}");
	else if (check->shape == SHAPE_BOOL && !check->repeated)
		FIELD_PROBLEM(check, "a required bool would allow only true; use an enum with an "
		                     "unspecified value");
}

void check_field_rules(struct check *check, const struct type *type, const proto_field *field)
{
	struct field_check it = {
		.problems = check->problems,
		.file = type->file->name,
		.where = check_where(check, type, field->name),
		.field = field,
		.rules = options_of_field(check->model->arena, field),
		.shape = shape_of(field),
		.repeated = field->label ==
	                    GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED,
	};
	check_required(&it);
	check_lengths(&it);
	check_bounds(&it);
	check_text(&it);
	check_taken_as(&it);
	check_paths(&it);
}
