#include "client/ctl/schema_types.h"

#include "proto/json_hint.h"
#include "proto/layout.h"

#include <google/protobuf/any.pb-c.h>
#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/empty.pb-c.h>
#include <google/protobuf/field_mask.pb-c.h>
#include <google/protobuf/struct.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>
#include <stdlib.h>

typedef Google__Protobuf__DescriptorProto Message;
typedef Google__Protobuf__FieldDescriptorProto Field;
typedef Google__Protobuf__EnumDescriptorProto Enum;
typedef Google__Protobuf__EnumValueDescriptorProto EnumValue;

enum {
	FIELDS_MOST = 10000,
	VALUES_MOST = 10000,
	NUMBER_MOST = (1 << 29) - 1,
	UNION_SIZE = sizeof(ProtobufCBinaryData), /* the largest member of a oneof */
};

static void *take(struct schema *schema, size_t count, size_t size)
{
	void *room = arena_zalloc(schema->arena, (count + 1) * size);
	if (!room)
		schema_fail(schema, "no memory for the server's descriptors");
	return room;
}

static const char *short_name(const char *full)
{
	const char *dot = strrchr(full, '.');
	return dot ? dot + 1 : full;
}

/* --- enums ---------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	const ProtobufCEnumValue *x = a, *y = b;
	return (x->value > y->value) - (x->value < y->value);
}

static int by_index_name(const void *a, const void *b)
{
	return strcmp(((const ProtobufCEnumValueIndex *)a)->name,
	              ((const ProtobufCEnumValueIndex *)b)->name);
}

static unsigned value_index(const ProtobufCEnumValue *values, unsigned count, int number)
{
	ProtobufCEnumValue key = {.value = number};
	const ProtobufCEnumValue *found = bsearch(&key, values, count, sizeof key, by_value);
	return (unsigned)(found - values);
}

/* Where runs of numbers begin; the last entry is their end. */
static unsigned value_ranges(const ProtobufCEnumValue *values, unsigned count,
                             ProtobufCIntRange *ranges)
{
	unsigned n = 0;
	for (unsigned i = 0; i < count; i++)
		if (i == 0 || (int64_t)values[i].value != (int64_t)values[i - 1].value + 1)
			ranges[n++] = (ProtobufCIntRange){values[i].value, i};
	ranges[n] = (ProtobufCIntRange){0, count};
	return n;
}

/* By number, each number once: the first of its names. */
static unsigned sort_values(ProtobufCEnumValue *values, unsigned count)
{
	unsigned kept = 0;
	for (unsigned i = 1; i < count; i++) { /* stable, which qsort() need not be */
		ProtobufCEnumValue value = values[i];
		unsigned at = i;
		for (; at > 0 && values[at - 1].value > value.value; at--)
			values[at] = values[at - 1];
		values[at] = value;
	}
	for (unsigned i = 0; i < count; i++)
		if (i == 0 || values[i].value != values[kept - 1].value)
			values[kept++] = values[i];
	return kept;
}

static bool check_enum(struct schema *schema, const struct schema_type *type)
{
	const Enum *from = type->enumeration;
	if (from->n_value == 0 || from->n_value > VALUES_MOST)
		return schema_fail(schema, "%s must have 1 to %d values", type->name, VALUES_MOST);
	for (size_t i = 0; i < from->n_value; i++)
		if (!schema_name_valid(from->value[i]->name, false))
			return schema_fail(schema, "%s has a value with a name that is none",
			                   type->name);
	return true;
}

static const ProtobufCEnumDescriptor *make_enum(struct schema *schema, struct schema_type *type)
{
	const Enum *from = type->enumeration;
	unsigned count = (unsigned)from->n_value;
	if (!check_enum(schema, type))
		return NULL;
	ProtobufCEnumDescriptor *made = take(schema, 1, sizeof *made);
	ProtobufCEnumValue *values = take(schema, count, sizeof *values);
	ProtobufCEnumValueIndex *names = take(schema, count, sizeof *names);
	ProtobufCIntRange *ranges = take(schema, count, sizeof *ranges);
	if (!made || !values || !names || !ranges)
		return NULL;
	for (unsigned i = 0; i < count; i++) {
		const EnumValue *value = from->value[i];
		values[i] = (ProtobufCEnumValue){value->name, value->name, value->number};
	}
	unsigned kept = sort_values(values, count);
	for (unsigned i = 0; i < count; i++)
		names[i] = (ProtobufCEnumValueIndex){
			from->value[i]->name, value_index(values, kept, from->value[i]->number)};
	qsort(names, count, sizeof *names, by_index_name);
	*made = (ProtobufCEnumDescriptor){
		.magic = PROTOBUF_C__ENUM_DESCRIPTOR_MAGIC,
		.name = type->name,
		.short_name = short_name(type->name),
		.c_name = type->name,
		.package_name = type->file->package ? type->file->package : "",
		.n_values = kept,
		.values = values,
		.n_value_names = count,
		.values_by_name = names,
		.value_ranges = ranges,
	};
	made->n_value_ranges = value_ranges(values, kept, ranges);
	return made;
}

/* --- which type a field has ----------------------------------------------------------------- */

/* Known to this program, whatever a server says of them: JSON has forms of their own for them. */
static const ProtobufCMessageDescriptor *well_known(const char *name)
{
	static const ProtobufCMessageDescriptor *const KNOWN[] = {
		&google__protobuf__any__descriptor,
		&google__protobuf__bool_value__descriptor,
		&google__protobuf__bytes_value__descriptor,
		&google__protobuf__double_value__descriptor,
		&google__protobuf__duration__descriptor,
		&google__protobuf__empty__descriptor,
		&google__protobuf__field_mask__descriptor,
		&google__protobuf__float_value__descriptor,
		&google__protobuf__int32_value__descriptor,
		&google__protobuf__int64_value__descriptor,
		&google__protobuf__list_value__descriptor,
		&google__protobuf__string_value__descriptor,
		&google__protobuf__struct__descriptor,
		&google__protobuf__timestamp__descriptor,
		&google__protobuf__uint32_value__descriptor,
		&google__protobuf__uint64_value__descriptor,
		&google__protobuf__value__descriptor,
	};
	for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
		if (strcmp(KNOWN[i]->name, name + (*name == '.')) == 0)
			return KNOWN[i];
	return NULL;
}

const ProtobufCMessageDescriptor *schema_message(struct schema *schema, const char *name)
{
	const ProtobufCMessageDescriptor *known = well_known(name);
	if (known)
		return known;
	struct schema_type *type = schema_find(schema, name);
	if (!type || !type->message) {
		schema_fail(schema, "the server's descriptors do not have the message %.200s",
		            schema_name_valid(name + (*name == '.'), true) ? name : "?");
		return NULL;
	}
	if (!type->descriptor && schema->message_count++ == SCHEMA_MESSAGES_MOST) {
		schema_fail(schema, "a service needs more than %d messages", SCHEMA_MESSAGES_MOST);
		return NULL;
	}
	if (!type->descriptor) {
		type->descriptor = take(schema, 1, sizeof(ProtobufCMessageDescriptor));
		type->next = schema->open;
		schema->open = type;
	}
	return type->descriptor;
}

static const ProtobufCEnumDescriptor *schema_enum(struct schema *schema, const char *name)
{
	struct schema_type *type = schema_find(schema, name);
	if (!type || !type->enumeration) {
		schema_fail(schema, "the server's descriptors do not have the enum %.200s",
		            schema_name_valid(name + (*name == '.'), true) ? name : "?");
		return NULL;
	}
	if (!type->descriptor)
		type->descriptor = (void *)make_enum(schema, type);
	return type->descriptor;
}

/* --- fields ------------------------------------------------------------------------------------
 */

struct layout {
	struct schema *schema;
	const struct schema_type *type;
	size_t size;                     /* of the struct, so far */
	unsigned *oneof_case, *oneof_at; /* offsets, by number of the oneof; 0: not laid out */
};

static unsigned place(struct layout *layout, size_t size, size_t alignment)
{
	layout->size = (layout->size + alignment - 1) & ~(alignment - 1);
	size_t at = layout->size;
	layout->size += size;
	return (unsigned)at;
}

static size_t alignment_of(ProtobufCType type)
{
	size_t size = layout_size(type);
	return size > sizeof(void *) ? sizeof(void *) : size;
}

/* -1: of none that protobuf-c knows. */
static int type_of(const Field *field)
{
	static const int TYPES[] = {
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_DOUBLE] =
			PROTOBUF_C_TYPE_DOUBLE,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FLOAT] =
			PROTOBUF_C_TYPE_FLOAT,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT64] =
			PROTOBUF_C_TYPE_INT64,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_UINT64] =
			PROTOBUF_C_TYPE_UINT64,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT32] =
			PROTOBUF_C_TYPE_INT32,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FIXED64] =
			PROTOBUF_C_TYPE_FIXED64,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FIXED32] =
			PROTOBUF_C_TYPE_FIXED32,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BOOL] = PROTOBUF_C_TYPE_BOOL,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING] =
			PROTOBUF_C_TYPE_STRING,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP] = -1,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE] =
			PROTOBUF_C_TYPE_MESSAGE,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES] =
			PROTOBUF_C_TYPE_BYTES,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_UINT32] =
			PROTOBUF_C_TYPE_UINT32,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_ENUM] = PROTOBUF_C_TYPE_ENUM,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SFIXED32] =
			PROTOBUF_C_TYPE_SFIXED32,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SFIXED64] =
			PROTOBUF_C_TYPE_SFIXED64,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SINT32] =
			PROTOBUF_C_TYPE_SINT32,
		[GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SINT64] =
			PROTOBUF_C_TYPE_SINT64,
	};
	size_t type = (size_t)field->type;
	return type > 0 && type < sizeof TYPES / sizeof *TYPES ? TYPES[type] : -1;
}

static bool is_proto3(const struct layout *layout)
{
	const char *syntax = layout->type->file->syntax;
	return syntax && strcmp(syntax, "proto3") == 0;
}

static ProtobufCLabel label_of(const struct layout *layout, const Field *field)
{
	if (field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED)
		return PROTOBUF_C_LABEL_REPEATED;
	if (field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REQUIRED)
		return PROTOBUF_C_LABEL_REQUIRED;
	return is_proto3(layout) && !field->proto3_optional ? PROTOBUF_C_LABEL_NONE
	                                                    : PROTOBUF_C_LABEL_OPTIONAL;
}

static bool in_oneof(const Field *field)
{
	return field->has_oneof_index && !field->proto3_optional;
}

static bool has_a_length(ProtobufCType type)
{
	return type == PROTOBUF_C_TYPE_STRING || type == PROTOBUF_C_TYPE_BYTES ||
	       type == PROTOBUF_C_TYPE_MESSAGE;
}

/* proto3 packs what it can, unless told otherwise; proto2 only if told. */
static bool is_packed(const struct layout *layout, const Field *field, ProtobufCType type)
{
	if (has_a_length(type))
		return false;
	return field->options && field->options->has_packed ? field->options->packed
	                                                    : is_proto3(layout);
}

static void place_in_oneof(struct layout *layout, const Field *from, ProtobufCFieldDescriptor *made)
{
	unsigned *at = &layout->oneof_at[from->oneof_index];
	unsigned *which = &layout->oneof_case[from->oneof_index];
	if (!*at) {
		*which = place(layout, sizeof(uint32_t), sizeof(uint32_t));
		*at = place(layout, UNION_SIZE, sizeof(void *));
	}
	made->quantifier_offset = *which;
	made->offset = *at;
	made->flags |= PROTOBUF_C_FIELD_FLAG_ONEOF;
	if (made->label == PROTOBUF_C_LABEL_REQUIRED)
		made->label = PROTOBUF_C_LABEL_OPTIONAL;
}

static void place_field(struct layout *layout, const Field *from, ProtobufCFieldDescriptor *made)
{
	bool points = made->type == PROTOBUF_C_TYPE_STRING || made->type == PROTOBUF_C_TYPE_MESSAGE;
	if (made->label == PROTOBUF_C_LABEL_REPEATED) {
		made->quantifier_offset = place(layout, sizeof(size_t), sizeof(size_t));
		made->offset = place(layout, sizeof(void *), sizeof(void *));
		if (is_packed(layout, from, made->type))
			made->flags |= PROTOBUF_C_FIELD_FLAG_PACKED;
		return;
	}
	if (in_oneof(from)) {
		place_in_oneof(layout, from, made);
		return;
	}
	if (made->label == PROTOBUF_C_LABEL_OPTIONAL && !points)
		made->quantifier_offset =
			place(layout, sizeof(protobuf_c_boolean), sizeof(protobuf_c_boolean));
	made->offset = place(layout, layout_size(made->type), alignment_of(made->type));
	if (made->label == PROTOBUF_C_LABEL_NONE && made->type == PROTOBUF_C_TYPE_STRING)
		made->default_value = &protobuf_c_empty_string;
}

static bool check_field(struct layout *layout, const Field *field)
{
	struct schema *schema = layout->schema;
	const char *message = layout->type->name;
	if (!schema_name_valid(field->name, false))
		return schema_fail(schema, "%s has a field with a name that is none", message);
	if (field->number < 1 || field->number > NUMBER_MOST)
		return schema_fail(schema, "%s.%s has a number that is none", message, field->name);
	if (field->has_oneof_index &&
	    (field->oneof_index < 0 ||
	     (size_t)field->oneof_index >= layout->type->message->n_oneof_decl))
		return schema_fail(schema, "%s.%s is in a oneof that is not there", message,
		                   field->name);
	if (field->json_name && (!*field->json_name || strlen(field->json_name) > SCHEMA_NAME_MOST))
		return schema_fail(schema, "%s.%s has a name in JSON that is none, or too long",
		                   message, field->name);
	if (type_of(field) < 0)
		return schema_fail(schema, "%s.%s is of a type that this program does not know",
		                   message, field->name);
	return true;
}

static bool make_field(struct layout *layout, const Field *from, ProtobufCFieldDescriptor *made)
{
	if (!check_field(layout, from))
		return false;
	*made = (ProtobufCFieldDescriptor){
		.name = from->name,
		.id = (uint32_t)from->number,
		.label = label_of(layout, from),
		.type = (ProtobufCType)type_of(from),
	};
	if (from->json_name)
		json_hint_name(made, from->json_name);
	const char *type_name = from->type_name ? from->type_name : "";
	if (made->type == PROTOBUF_C_TYPE_MESSAGE)
		made->descriptor = schema_message(layout->schema, type_name);
	else if (made->type == PROTOBUF_C_TYPE_ENUM)
		made->descriptor = schema_enum(layout->schema, type_name);
	bool named = made->type == PROTOBUF_C_TYPE_MESSAGE || made->type == PROTOBUF_C_TYPE_ENUM;
	if (named && !made->descriptor)
		return false;
	place_field(layout, from, made);
	return true;
}

/* --- messages ----------------------------------------------------------------------------------
 */

static int by_number(const void *a, const void *b)
{
	const ProtobufCFieldDescriptor *x = a, *y = b;
	return (x->id > y->id) - (x->id < y->id);
}

static int by_field_name(const void *a, const void *b, void *fields)
{
	const ProtobufCFieldDescriptor *all = fields;
	return strcmp(all[*(const unsigned *)a].name, all[*(const unsigned *)b].name);
}

static unsigned field_ranges(const ProtobufCFieldDescriptor *fields, unsigned count,
                             ProtobufCIntRange *ranges)
{
	unsigned n = 0;
	for (unsigned i = 0; i < count; i++)
		if (i == 0 || fields[i].id != fields[i - 1].id + 1)
			ranges[n++] = (ProtobufCIntRange){(int)fields[i].id, i};
	ranges[n] = (ProtobufCIntRange){0, count};
	return n;
}

static bool check_unique(struct schema *schema, const char *message,
                         const ProtobufCFieldDescriptor *fields, const unsigned *names,
                         unsigned count)
{
	for (unsigned i = 1; i < count; i++)
		if (fields[i].id == fields[i - 1].id ||
		    strcmp(fields[names[i]].name, fields[names[i - 1]].name) == 0)
			return schema_fail(schema, "%s has a field twice", message);
	return true;
}

static bool make_fields(struct layout *layout, ProtobufCFieldDescriptor *fields)
{
	const Message *from = layout->type->message;
	layout->oneof_case = take(layout->schema, from->n_oneof_decl, sizeof(unsigned));
	layout->oneof_at = take(layout->schema, from->n_oneof_decl, sizeof(unsigned));
	if (!layout->oneof_case || !layout->oneof_at)
		return false;
	for (size_t i = 0; i < from->n_field; i++)
		if (!make_field(layout, from->field[i], &fields[i]))
			return false;
	return true;
}

static bool is_key(const ProtobufCFieldDescriptor *field)
{
	return field->type != PROTOBUF_C_TYPE_FLOAT && field->type != PROTOBUF_C_TYPE_DOUBLE &&
	       field->type != PROTOBUF_C_TYPE_ENUM && field->type != PROTOBUF_C_TYPE_BYTES &&
	       field->type != PROTOBUF_C_TYPE_MESSAGE;
}

static bool is_alone(const ProtobufCFieldDescriptor *field, uint32_t number)
{
	return field->id == number && field->label != PROTOBUF_C_LABEL_REPEATED &&
	       !(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF);
}

/* A message that is declared to be one, because a map is a list of it. */
static bool mark_map_entry(struct schema *schema, const struct schema_type *type)
{
	const Google__Protobuf__MessageOptions *options = type->message->options;
	ProtobufCMessageDescriptor *made = type->descriptor;
	if (!options || !options->map_entry)
		return true;
	if (made->n_fields != 2 || !is_alone(&made->fields[0], 1) ||
	    !is_alone(&made->fields[1], 2) || !is_key(&made->fields[0]))
		return schema_fail(schema, "%s is no entry of a map", type->name);
	json_hint_map_entry(made);
	return true;
}

static bool fill_message(struct schema *schema, const struct schema_type *type)
{
	const Message *from = type->message;
	unsigned count = (unsigned)from->n_field;
	struct layout layout = {schema, type, sizeof(ProtobufCMessage), NULL, NULL};
	if (from->n_field > FIELDS_MOST)
		return schema_fail(schema, "%s has %zu fields, at most %d are allowed", type->name,
		                   from->n_field, FIELDS_MOST);
	ProtobufCFieldDescriptor *fields = take(schema, count, sizeof *fields);
	unsigned *names = take(schema, count, sizeof *names);
	ProtobufCIntRange *ranges = take(schema, count, sizeof *ranges);
	if (!fields || !names || !ranges || !make_fields(&layout, fields))
		return false;
	qsort(fields, count, sizeof *fields, by_number);
	for (unsigned i = 0; i < count; i++)
		names[i] = i;
	qsort_r(names, count, sizeof *names, by_field_name, fields);
	if (!check_unique(schema, type->name, fields, names, count))
		return false;
	*(ProtobufCMessageDescriptor *)type->descriptor = (ProtobufCMessageDescriptor){
		.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
		.name = type->name,
		.short_name = short_name(type->name),
		.c_name = type->name,
		.package_name = type->file->package ? type->file->package : "",
		.sizeof_message = place(&layout, 0, sizeof(void *)),
		.n_fields = count,
		.fields = fields,
		.fields_sorted_by_name = names,
		.n_field_ranges = field_ranges(fields, count, ranges),
		.field_ranges = ranges,
	};
	return mark_map_entry(schema, type);
}

bool schema_types_fill(struct schema *schema)
{
	while (schema->open) {
		struct schema_type *type = schema->open;
		schema->open = type->next;
		if (!fill_message(schema, type))
			return false;
	}
	return true;
}
