/* JSON into messages. jansson reads the text into a tree, which is walked along the descriptors and
 * freed before json_to_message() returns. */
#include "proto/json.h"

#include "proto/json_hint.h"
#include "proto/json_scalar.h"
#include "proto/json_text.h"
#include "proto/json_time.h"
#include "proto/layout.h"
#include "proto/limits.h"

struct reading {
	struct arena *arena;
	uint32_t depth;    /* levels of messages still allowed */
	uint32_t elements; /* of lists, over the whole text, still allowed */
};

static enum status message_read(struct reading *reading, const struct json_place *place,
                                const ProtobufCMessageDescriptor *descriptor, const json_t *json,
                                ProtobufCMessage **out);

/* --- fields ---------------------------------------------------------------------------------- */

static enum status value_read(struct reading *reading, const struct json_place *place,
                              const ProtobufCFieldDescriptor *field, const json_t *json,
                              void *value)
{
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return message_read(reading, place, field->descriptor, json, value);
	return json_scalar_read(reading->arena, place, field, json, value);
}

static void *member(ProtobufCMessage *message, unsigned offset)
{
	return (uint8_t *)message + offset;
}

static enum status elements_take(struct reading *reading, const struct json_place *place,
                                 size_t count)
{
	if (count > reading->elements)
		return json_fail(place, STATUS_RESOURCE_EXHAUSTED,
		                 "lists have more than %d elements in all", LIMIT_MESSAGE_ELEMENTS);
	reading->elements -= (uint32_t)count;
	return STATUS_OK;
}

static enum status list_read(struct reading *reading, const struct json_place *place,
                             const ProtobufCFieldDescriptor *field, const json_t *json,
                             ProtobufCMessage *message)
{
	if (!json_is_array(json))
		return json_fail_kind(place, "a list", json);
	size_t count = json_array_size(json), size = layout_size(field->type);
	TRY(elements_take(reading, place, count));
	uint8_t *values = arena_zalloc(reading->arena, count * size);
	if (!values)
		return json_fail_memory(place, reading->arena);
	for (size_t i = 0; i < count; i++) {
		struct json_place element = {.parent = place, .index = i, .reason = place->reason};
		TRY(value_read(reading, &element, field, json_array_get(json, i),
		               values + i * size));
	}
	*(size_t *)member(message, field->quantifier_offset) = count;
	*(void **)member(message, field->offset) = values;
	return STATUS_OK;
}

/* Says that the field is set, where the message keeps that beside the value. */
static enum status field_claim(const struct json_place *place,
                               const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		uint32_t *now = member(message, field->quantifier_offset);
		if (*now != 0)
			return json_fail(
				place, STATUS_INVALID_ARGUMENT,
				"%s is set too, and only one of the two can be",
				protobuf_c_message_descriptor_get_field(message->descriptor, *now)
					->name);
		*now = field->id;
	} else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->quantifier_offset) {
		*(protobuf_c_boolean *)member(message, field->quantifier_offset) = 1;
	}
	return STATUS_OK;
}

/* A key is a string in JSON, whatever its type; integers are read of strings, too. */
static enum status key_read(struct reading *reading, const struct json_place *place,
                            const ProtobufCFieldDescriptor *field, const char *key, void *value)
{
	bool is_true = strcmp(key, "true") == 0;
	if (field->type == PROTOBUF_C_TYPE_BOOL) {
		*(protobuf_c_boolean *)value = is_true;
		return is_true || strcmp(key, "false") == 0
		               ? STATUS_OK
		               : json_fail_form(place, "true or false as its key");
	}
	json_t *text = json_string(key);
	if (!text)
		return json_fail(place, STATUS_RESOURCE_EXHAUSTED, "no memory");
	enum status status = json_scalar_read(reading->arena, place, field, text, value);
	json_decref(text);
	return status;
}

static enum status entry_read(struct reading *reading, const struct json_place *place,
                              const ProtobufCFieldDescriptor *map, const char *key,
                              const json_t *json, ProtobufCMessage **out)
{
	const ProtobufCMessageDescriptor *type = map->descriptor;
	const ProtobufCFieldDescriptor *fields = json_map_fields(map);
	ProtobufCMessage *entry = arena_alloc(reading->arena, type->sizeof_message);
	if (!entry)
		return json_fail_memory(place, reading->arena);
	layout_init(type, entry);
	for (int i = 0; i < 2; i++)
		TRY(field_claim(place, &fields[i], entry));
	TRY(key_read(reading, place, &fields[0], key, member(entry, fields[0].offset)));
	TRY(value_read(reading, place, &fields[1], json, member(entry, fields[1].offset)));
	*out = entry;
	return STATUS_OK;
}

static enum status map_read(struct reading *reading, const struct json_place *place,
                            const ProtobufCFieldDescriptor *map, const json_t *json,
                            ProtobufCMessage *message)
{
	if (!json_is_object(json))
		return json_fail_kind(place, "an object (a map)", json);
	size_t count = 0, most = json_object_size(json);
	TRY(elements_take(reading, place, most));
	ProtobufCMessage **entries = arena_zalloc(reading->arena, most * sizeof *entries);
	if (!entries)
		return json_fail_memory(place, reading->arena);
	json_t *tree = (json_t *)json; /* the iterator's type; nothing is changed */
	const char *key;
	json_t *value;
	json_object_foreach(tree, key, value)
	{
		struct json_place at = {.parent = place, .name = key, .reason = place->reason};
		TRY(entry_read(reading, &at, map, key, value, &entries[count]));
		count++;
	}
	*(size_t *)member(message, map->quantifier_offset) = count;
	*(void **)member(message, map->offset) = entries;
	return STATUS_OK;
}

static enum status field_read(struct reading *reading, const struct json_place *place,
                              const ProtobufCFieldDescriptor *field, const json_t *json,
                              ProtobufCMessage *message)
{
	if (json_is_map(field))
		return map_read(reading, place, field, json, message);
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return list_read(reading, place, field, json, message);
	TRY(field_claim(place, field, message));
	return value_read(reading, place, field, json, member(message, field->offset));
}

/* --- messages -------------------------------------------------------------------------------- */

static const ProtobufCFieldDescriptor *field_find(const ProtobufCMessageDescriptor *descriptor,
                                                  const char *key)
{
	for (unsigned i = 0; i < descriptor->n_fields; i++)
		if (json_field_is(&descriptor->fields[i], key))
			return &descriptor->fields[i];
	return NULL;
}

/* protobuf-c refuses to unpack a proto2 message without them, so they must be there. */
static enum status required_check(const struct json_place *place,
                                  const ProtobufCMessageDescriptor *descriptor, const bool *given)
{
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		if (descriptor->fields[i].label != PROTOBUF_C_LABEL_REQUIRED || given[i])
			continue;
		struct json_place missing = {.parent = place,
		                             .name = descriptor->fields[i].name,
		                             .reason = place->reason};
		return json_fail(&missing, STATUS_INVALID_ARGUMENT, "a value is required");
	}
	return STATUS_OK;
}

/* Elsewhere null is as good as nothing. */
static bool takes_null(const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessageDescriptor *type = field->descriptor;
	return field->type == PROTOBUF_C_TYPE_MESSAGE &&
	       field->label != PROTOBUF_C_LABEL_REPEATED &&
	       strcmp(type->name, "google.protobuf.Value") == 0;
}

static enum status object_read(struct reading *reading, const struct json_place *place,
                               const json_t *json, ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *descriptor = message->descriptor;
	if (!json_is_object(json))
		return json_fail_kind(place, "an object", json);
	bool *given = arena_zalloc(reading->arena, descriptor->n_fields * sizeof *given);
	if (!given)
		return json_fail_memory(place, reading->arena);
	json_t *tree = (json_t *)json; /* the iterator's type; nothing is changed */
	const char *key;
	json_t *value;
	json_object_foreach(tree, key, value)
	{
		const ProtobufCFieldDescriptor *field = field_find(descriptor, key);
		if (!field)
			return json_fail_field(place, descriptor, key);
		struct json_place at = {
			.parent = place, .name = field->name, .reason = place->reason};
		if (given[field - descriptor->fields])
			return json_fail(&at, STATUS_INVALID_ARGUMENT, "is given twice");
		given[field - descriptor->fields] = true;
		if (!json_is_null(value) || takes_null(field))
			TRY(field_read(reading, &at, field, value, message));
	}
	return required_check(place, descriptor, given);
}

/* --- messages with forms of their own ----------------------------------------------------------
 */

/* Timestamp and Duration: seconds is field 1, nanos field 2. */
static enum status time_read(const struct json_place *place, const char *needed, const json_t *json,
                             bool (*read)(struct bytes text, int64_t *seconds, int32_t *nanos),
                             ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *fields = message->descriptor->fields;
	struct bytes text;
	TRY(json_string_text(place, needed, json, &text));
	bool good =
		read(text, member(message, fields[0].offset), member(message, fields[1].offset));
	return good ? STATUS_OK : json_fail_form(place, needed);
}

static enum status timestamp_form(struct reading *reading, const struct json_place *place,
                                  const json_t *json, ProtobufCMessage *message)
{
	(void)reading;
	return time_read(place, "a time of the years 1 to 9999 such as \"2024-02-29T12:30:00.5Z\"",
	                 json, timestamp_read, message);
}

static enum status duration_form(struct reading *reading, const struct json_place *place,
                                 const json_t *json, ProtobufCMessage *message)
{
	(void)reading;
	return time_read(place, "a duration of at most 10,000 years such as \"1.5s\"", json,
	                 duration_read, message);
}

/* "a,bC" as the paths a and b_c. */
static enum status mask_form(struct reading *reading, const struct json_place *place,
                             const json_t *json, ProtobufCMessage *message)
{
	static const char NEEDED[] = "a list of lowerCamelCase paths with commas between them";
	const ProtobufCFieldDescriptor *paths = &message->descriptor->fields[0];
	struct bytes text;
	TRY(json_string_text(place, NEEDED, json, &text));
	size_t most = 1, count = 0;
	for (size_t i = 0; i < text.len; i++)
		most += text.data[i] == ',';
	TRY(elements_take(reading, place, most));
	char **list = arena_alloc(reading->arena, most * sizeof *list);
	char *names = arena_alloc(reading->arena, 2 * text.len + most);
	if (!list || !names)
		return json_fail_memory(place, reading->arena);
	while (text.len > 0) {
		const uint8_t *comma = memchr(text.data, ',', text.len);
		size_t len = comma ? (size_t)(comma - text.data) : text.len;
		if (!json_path_read(bytes_of(text.data, len), names) || len + 1 == text.len)
			return json_fail_form(place, NEEDED);
		list[count++] = names;
		names += strlen(names) + 1;
		len += comma != NULL;
		text = bytes_of(text.data + len, text.len - len);
	}
	*(size_t *)member(message, paths->quantifier_offset) = count;
	*(char ***)member(message, paths->offset) = list;
	return STATUS_OK;
}

static enum status wrapper_form(struct reading *reading, const struct json_place *place,
                                const json_t *json, ProtobufCMessage *message)
{
	return field_read(reading, place, &message->descriptor->fields[0], json, message);
}

/* Any JSON: the members of Value's oneof by their numbers, less one. */
static enum status value_form(struct reading *reading, const struct json_place *place,
                              const json_t *json, ProtobufCMessage *message)
{
	static const unsigned MEMBERS[] = {
		[JSON_NULL] = 0, [JSON_REAL] = 1,  [JSON_INTEGER] = 1, [JSON_STRING] = 2,
		[JSON_TRUE] = 3, [JSON_FALSE] = 3, [JSON_OBJECT] = 4,  [JSON_ARRAY] = 5,
	};
	const ProtobufCFieldDescriptor *field =
		&message->descriptor->fields[MEMBERS[json_typeof(json)]];
	if (json_is_null(json))
		return field_claim(place, field, message);
	return field_read(reading, place, field, json, message);
}

static enum status struct_form(struct reading *reading, const struct json_place *place,
                               const json_t *json, ProtobufCMessage *message)
{
	return map_read(reading, place, &message->descriptor->fields[0], json, message);
}

static enum status list_form(struct reading *reading, const struct json_place *place,
                             const json_t *json, ProtobufCMessage *message)
{
	return list_read(reading, place, &message->descriptor->fields[0], json, message);
}

static const struct {
	const char *name;
	enum status (*read)(struct reading *reading, const struct json_place *place,
	                    const json_t *json, ProtobufCMessage *message);
} FORMS[] = {
	{"google.protobuf.Timestamp", timestamp_form},
	{"google.protobuf.Duration", duration_form},
	{"google.protobuf.FieldMask", mask_form},
	{"google.protobuf.Value", value_form},
	{"google.protobuf.Struct", struct_form},
	{"google.protobuf.ListValue", list_form},
	{"google.protobuf.DoubleValue", wrapper_form},
	{"google.protobuf.FloatValue", wrapper_form},
	{"google.protobuf.Int64Value", wrapper_form},
	{"google.protobuf.UInt64Value", wrapper_form},
	{"google.protobuf.Int32Value", wrapper_form},
	{"google.protobuf.UInt32Value", wrapper_form},
	{"google.protobuf.BoolValue", wrapper_form},
	{"google.protobuf.StringValue", wrapper_form},
	{"google.protobuf.BytesValue", wrapper_form},
};

static enum status form_read(struct reading *reading, const struct json_place *place,
                             const json_t *json, ProtobufCMessage *message)
{
	for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++)
		if (strcmp(message->descriptor->name, FORMS[i].name) == 0)
			return FORMS[i].read(reading, place, json, message);
	return object_read(reading, place, json, message);
}

static enum status message_read(struct reading *reading, const struct json_place *place,
                                const ProtobufCMessageDescriptor *descriptor, const json_t *json,
                                ProtobufCMessage **out)
{
	if (reading->depth == 0)
		return json_fail(place, STATUS_RESOURCE_EXHAUSTED,
		                 "messages are nested deeper than %d levels", LIMIT_MESSAGE_DEPTH);
	ProtobufCMessage *message = arena_alloc(reading->arena, descriptor->sizeof_message);
	if (!message)
		return json_fail_memory(place, reading->arena);
	layout_init(descriptor, message);
	reading->depth--;
	TRY(form_read(reading, place, json, message));
	reading->depth++;
	*out = message;
	return STATUS_OK;
}

/* --- the text ----------------------------------------------------------------------------------
 */

/* jansson recurses; so the text's brackets are counted first. */
static bool nested_too_deep(struct bytes text)
{
	unsigned depth = 0;
	bool string = false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (string && c == '\\')
			i++;
		else if (c == '"')
			string = !string;
		else if (!string && (c == '{' || c == '['))
			depth++;
		else if (!string && (c == '}' || c == ']') && depth > 0)
			depth--;
		if (depth > LIMIT_JSON_DEPTH)
			return true;
	}
	return false;
}

static enum status text_fail(const struct json_place *place, json_error_t *error)
{
	if (json_error_code(error) == json_error_out_of_memory)
		return json_fail(place, STATUS_RESOURCE_EXHAUSTED, "no memory");
	const char *hint = json_error_code(error) == json_error_numeric_overflow
	                           ? " (64-bit integers may be strings)"
	                           : "";
	return json_fail(place, STATUS_INVALID_ARGUMENT, "no JSON: line %d, column %d: %s%s",
	                 error->line, error->column, error->text, hint);
}

static void tree_free(json_t **tree)
{
	json_decref(*tree);
}

enum status json_to_message(const ProtobufCMessageDescriptor *descriptor, struct bytes text,
                            struct arena *arena, ProtobufCMessage **out,
                            char reason[WIRE_REASON_SIZE])
{
	struct json_place place = {.reason = reason};
	struct reading reading = {arena, LIMIT_MESSAGE_DEPTH, LIMIT_MESSAGE_ELEMENTS};
	if (nested_too_deep(text))
		return json_fail(&place, STATUS_RESOURCE_EXHAUSTED,
		                 "lists and objects are nested deeper than %d levels",
		                 LIMIT_JSON_DEPTH);
	json_error_t error;
	json_t *tree __attribute__((cleanup(tree_free))) =
		json_loadb((const char *)text.data, text.len,
	                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	if (!tree)
		return text_fail(&place, &error);
	return message_read(&reading, &place, descriptor, tree, out);
}
