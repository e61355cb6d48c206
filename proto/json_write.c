#include "proto/base64.h"
#include "proto/json.h"
#include "proto/json_hint.h"
#include "proto/json_map.h"
#include "proto/json_number.h"
#include "proto/json_text.h"
#include "proto/json_time.h"
#include "proto/layout.h"
#include "proto/limits.h"
#include "proto/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_SIZE = 256 }; /* longer ones are rare */

struct writing {
	struct buffer out;
	bool indented, with_defaults;
	unsigned level;     /* of indentation */
	unsigned depth;     /* levels of messages still allowed */
	enum status status; /* the first trouble; then nothing more is written */
};

static void message_put(struct writing *writing, const ProtobufCMessage *message);

/* --- text ---------------------------------------------------------------------------- */

static void fail(struct writing *writing, enum status status)
{
	if (writing->status == STATUS_OK)
		writing->status = status;
}

static void put(struct writing *writing, const void *data, size_t len)
{
	if (writing->status == STATUS_OK && !buffer_append(&writing->out, data, len))
		writing->status = STATUS_RESOURCE_EXHAUSTED;
}

static void put_text(struct writing *writing, const char *text)
{
	put(writing, text, strlen(text));
}

/* Room for `len` bytes, which the caller fills; NULL after trouble. */
static char *put_room(struct writing *writing, size_t len)
{
	uint8_t *room = writing->status == STATUS_OK ? buffer_reserve(&writing->out, len) : NULL;
	if (!room) {
		fail(writing, STATUS_RESOURCE_EXHAUSTED);
		return NULL;
	}
	writing->out.end += len;
	return (char *)room;
}

static void put_line(struct writing *writing)
{
	if (!writing->indented)
		return;
	put(writing, "\n", 1);
	for (unsigned i = 0; i < writing->level; i++)
		put(writing, "  ", 2);
}

static void put_escape(struct writing *writing, uint8_t c)
{
	static const char SHORT[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	for (size_t i = 0; i + 1 < sizeof SHORT; i += 2) {
		if (c == (uint8_t)SHORT[i]) {
			put(writing, (char[]){'\\', SHORT[i + 1]}, 2);
			return;
		}
	}
	char text[8];
	put(writing, text, (size_t)snprintf(text, sizeof text, "\\u%04x", c));
}

static void put_string(struct writing *writing, struct bytes text)
{
	if (!utf8_valid(text)) {
		fail(writing, STATUS_INVALID_ARGUMENT);
		return;
	}
	put(writing, "\"", 1);
	size_t start = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		put(writing, text.data + start, i - start);
		put_escape(writing, c);
		start = i + 1;
	}
	put(writing, text.data + start, text.len - start);
	put(writing, "\"", 1);
}

static void put_base64(struct writing *writing, struct bytes data)
{
	size_t len = base64_text_len(data.len);
	put(writing, "\"", 1);
	char *room = len > 0 ? put_room(writing, len) : NULL;
	if (room)
		base64_write(data, room);
	put(writing, "\"", 1);
}

/* --- values ---------------------------------------------------------------------------- */

static void put_format(struct writing *writing, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void put_format(struct writing *writing, const char *format, ...)
{
	char text[64];
	va_list args;
	va_start(args, format);
	int len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	put(writing, text, (size_t)len);
}

static void put_enum(struct writing *writing, const ProtobufCEnumDescriptor *descriptor,
                     int32_t value)
{
	const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(descriptor, value);
	if (strcmp(descriptor->name, "google.protobuf.NullValue") == 0)
		put_text(writing, "null");
	else if (known)
		put_string(writing, bytes_of_string(known->name));
	else
		put_format(writing, "%" PRId32, value);
}

static void put_number(struct writing *writing, size_t (*write)(double, char *), double value)
{
	char text[JSON_NUMBER_SIZE];
	put(writing, text, write(value, text));
}

static size_t write_float(double value, char *out)
{
	return json_float_write((float)value, out);
}

static void put_value(struct writing *writing, const ProtobufCFieldDescriptor *field,
                      const void *value)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		put_format(writing, "%" PRId32, *(const int32_t *)value);
		return;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		put_format(writing, "%" PRIu32, *(const uint32_t *)value);
		return;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		put_format(writing, "\"%" PRId64 "\"", *(const int64_t *)value);
		return;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		put_format(writing, "\"%" PRIu64 "\"", *(const uint64_t *)value);
		return;
	case PROTOBUF_C_TYPE_FLOAT:
		put_number(writing, write_float, (double)*(const float *)value);
		return;
	case PROTOBUF_C_TYPE_DOUBLE:
		put_number(writing, json_double_write, *(const double *)value);
		return;
	case PROTOBUF_C_TYPE_BOOL:
		put_text(writing, *(const protobuf_c_boolean *)value ? "true" : "false");
		return;
	case PROTOBUF_C_TYPE_ENUM:
		put_enum(writing, field->descriptor, *(const int32_t *)value);
		return;
	case PROTOBUF_C_TYPE_STRING: {
		const char *text = *(const char *const *)value;
		put_string(writing, bytes_of_string(text ? text : ""));
		return;
	}
	case PROTOBUF_C_TYPE_BYTES: {
		const ProtobufCBinaryData *bytes = value;
		put_base64(writing, bytes_of(bytes->data, bytes->len));
		return;
	}
	case PROTOBUF_C_TYPE_MESSAGE:
		message_put(writing, *(const ProtobufCMessage *const *)value);
		return;
	}
}

static void put_list(struct writing *writing, const ProtobufCMessage *message,
                     const ProtobufCFieldDescriptor *field)
{
	size_t count = layout_count(message, field), size = layout_size(field->type);
	const uint8_t *value = layout_value(message, field);
	put(writing, "[", 1);
	writing->level++;
	for (size_t i = 0; i < count && writing->status == STATUS_OK; i++) {
		if (i > 0)
			put(writing, ",", 1);
		put_line(writing);
		put_value(writing, field, value + i * size);
	}
	writing->level--;
	if (count > 0)
		put_line(writing);
	put(writing, "]", 1);
}

/* --- messages ---------------------------------------------------------------------------- */

static bool field_shown(const struct writing *writing, const ProtobufCMessage *message,
                        const ProtobufCFieldDescriptor *field)
{
	bool list = field->label == PROTOBUF_C_LABEL_REPEATED;
	if (field->label == PROTOBUF_C_LABEL_REQUIRED ||
	    (list ? layout_count(message, field) > 0 : layout_set(message, field)))
		return true;
	return writing->with_defaults && (list || field->type != PROTOBUF_C_TYPE_MESSAGE) &&
	       !(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF);
}

static void put_colon(struct writing *writing)
{
	put_text(writing, writing->indented ? ": " : ":");
}

static void put_name(struct writing *writing, const ProtobufCFieldDescriptor *field)
{
	char name[NAME_SIZE], *text = name;
	size_t len = json_field_name(field, name, sizeof name);
	if (len >= sizeof name) {
		text = malloc(len + 1);
		if (text)
			(void)json_field_name(field, text, len + 1);
		else
			fail(writing, STATUS_RESOURCE_EXHAUSTED);
	}
	if (text)
		put_string(writing, bytes_of(text, len));
	if (text != name)
		free(text);
	put_colon(writing);
}

/* A value that the wire left out is its type's default. */
static void put_map_value(struct writing *writing, const ProtobufCFieldDescriptor *field,
                          const ProtobufCMessage *entry)
{
	const void *value = layout_value(entry, field);
	const ProtobufCMessageDescriptor *type = field->descriptor;
	if (field->type != PROTOBUF_C_TYPE_MESSAGE || *(const void *const *)value) {
		put_value(writing, field, value);
		return;
	}
	ProtobufCMessage *empty = malloc(type->sizeof_message);
	if (!empty) {
		fail(writing, STATUS_RESOURCE_EXHAUSTED);
		return;
	}
	layout_init(type, empty);
	message_put(writing, empty);
	free(empty);
}

/* A string, whatever its type. */
static void put_key(struct writing *writing, const ProtobufCFieldDescriptor *field,
                    const void *value)
{
	bool quoted = field->type == PROTOBUF_C_TYPE_STRING || layout_size(field->type) == 8;
	if (!quoted)
		put(writing, "\"", 1);
	put_value(writing, field, value);
	if (!quoted)
		put(writing, "\"", 1);
	put_colon(writing);
}

static void put_entry(struct writing *writing, const ProtobufCFieldDescriptor *fields,
                      const ProtobufCMessage *entry)
{
	put_line(writing);
	put_key(writing, &fields[0], layout_value(entry, &fields[0]));
	put_map_value(writing, &fields[1], entry);
}

/* In the order of the wire. */
static void put_map(struct writing *writing, const ProtobufCMessage *message,
                    const ProtobufCFieldDescriptor *map)
{
	size_t count = layout_count(message, map);
	const ProtobufCMessage *const *entries = layout_value(message, map);
	const ProtobufCFieldDescriptor *fields = json_map_fields(map);
	bool *counts = calloc(count, sizeof(*counts));
	if (count > 0 && (!counts || !json_map_counts(&fields[0], entries, count, counts)))
		fail(writing, STATUS_RESOURCE_EXHAUSTED);
	put(writing, "{", 1);
	writing->level++;
	bool any = false;
	for (size_t i = 0; i < count && writing->status == STATUS_OK; i++) {
		if (!counts[i])
			continue;
		if (any)
			put(writing, ",", 1);
		any = true;
		put_entry(writing, fields, entries[i]);
	}
	free(counts);
	writing->level--;
	if (any)
		put_line(writing);
	put(writing, "}", 1);
}

static void put_object(struct writing *writing, const ProtobufCMessage *message)
{
	bool any = false;
	put(writing, "{", 1);
	writing->level++;
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		if (!field_shown(writing, message, field))
			continue;
		if (any)
			put(writing, ",", 1);
		any = true;
		put_line(writing);
		put_name(writing, field);
		if (json_is_map(field))
			put_map(writing, message, field);
		else if (field->label == PROTOBUF_C_LABEL_REPEATED)
			put_list(writing, message, field);
		else
			put_value(writing, field, layout_value(message, field));
	}
	writing->level--;
	if (any)
		put_line(writing);
	put(writing, "}", 1);
}

/* --- messages with forms of their own ------------------------------------------------------ */

/* Timestamp and Duration: seconds is field 1, nanos field 2. */
static void put_time(struct writing *writing, const ProtobufCMessage *message,
                     size_t (*write)(int64_t seconds, int32_t nanos, char out[JSON_TIME_SIZE]))
{
	const ProtobufCFieldDescriptor *fields = message->descriptor->fields;
	char text[JSON_TIME_SIZE];
	size_t len = write(*(const int64_t *)layout_value(message, &fields[0]),
	                   *(const int32_t *)layout_value(message, &fields[1]), text);
	if (len == 0)
		fail(writing, STATUS_INVALID_ARGUMENT);
	else
		put_string(writing, bytes_of(text, len));
}

static void put_timestamp(struct writing *writing, const ProtobufCMessage *message)
{
	put_time(writing, message, timestamp_write);
}

static void put_duration(struct writing *writing, const ProtobufCMessage *message)
{
	put_time(writing, message, duration_write);
}

static void put_path(struct writing *writing, const char *path)
{
	size_t len = strlen(path) + 1;
	char *room = put_room(writing, len);
	if (!room)
		return;
	if (json_path_write(path, room))
		writing->out.end -= len - strlen(room); /* underscores are gone, and its NUL */
	else
		fail(writing, STATUS_INVALID_ARGUMENT);
}

static void put_mask(struct writing *writing, const ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *paths = &message->descriptor->fields[0];
	const char *const *path = layout_value(message, paths);
	put(writing, "\"", 1);
	for (size_t i = 0; i < layout_count(message, paths) && writing->status == STATUS_OK; i++) {
		if (i > 0)
			put(writing, ",", 1);
		put_path(writing, path[i]);
	}
	put(writing, "\"", 1);
}

static void put_wrapped(struct writing *writing, const ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *value = &message->descriptor->fields[0];
	put_value(writing, value, layout_value(message, value));
}

/* The members of the oneof by their numbers. */
static void put_any_json(struct writing *writing, const ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *fields = message->descriptor->fields;
	uint32_t which = layout_oneof_case(message, &fields[0]);
	if (which == 0)
		put_text(writing, "null");
	else
		put_value(writing, &fields[which - 1], layout_value(message, &fields[which - 1]));
}

static void put_struct(struct writing *writing, const ProtobufCMessage *message)
{
	put_map(writing, message, &message->descriptor->fields[0]);
}

static void put_list_value(struct writing *writing, const ProtobufCMessage *message)
{
	put_list(writing, message, &message->descriptor->fields[0]);
}

static const struct {
	const char *name;
	void (*put)(struct writing *writing, const ProtobufCMessage *message);
} FORMS[] = {
	{"google.protobuf.Timestamp", put_timestamp},  {"google.protobuf.Duration", put_duration},
	{"google.protobuf.Value", put_any_json},       {"google.protobuf.Struct", put_struct},
	{"google.protobuf.ListValue", put_list_value}, {"google.protobuf.FieldMask", put_mask},
	{"google.protobuf.DoubleValue", put_wrapped},  {"google.protobuf.FloatValue", put_wrapped},
	{"google.protobuf.Int64Value", put_wrapped},   {"google.protobuf.UInt64Value", put_wrapped},
	{"google.protobuf.Int32Value", put_wrapped},   {"google.protobuf.UInt32Value", put_wrapped},
	{"google.protobuf.BoolValue", put_wrapped},    {"google.protobuf.StringValue", put_wrapped},
	{"google.protobuf.BytesValue", put_wrapped},
};

static void message_put(struct writing *writing, const ProtobufCMessage *message)
{
	if (writing->depth == 0) {
		fail(writing, STATUS_RESOURCE_EXHAUSTED);
		return;
	}
	writing->depth--;
	size_t form = 0;
	while (form < sizeof FORMS / sizeof *FORMS &&
	       strcmp(message->descriptor->name, FORMS[form].name) != 0)
		form++;
	if (form < sizeof FORMS / sizeof *FORMS)
		FORMS[form].put(writing, message);
	else
		put_object(writing, message);
	writing->depth++;
}

enum status json_from_message(const ProtobufCMessage *message, int style, struct arena *arena,
                              char **out)
{
	struct writing writing = {
		.indented = style & JSON_INDENTED,
		.with_defaults = style & JSON_WITH_DEFAULTS,
		.depth = LIMIT_MESSAGE_DEPTH,
	};
	message_put(&writing, message);
	put(&writing, "", 1);
	if (writing.status == STATUS_OK) {
		char *text = arena_copy(arena, writing.out.data, buffer_len(&writing.out));
		if (text)
			*out = text;
		else
			writing.status = STATUS_RESOURCE_EXHAUSTED;
	}
	buffer_deinit(&writing.out);
	return writing.status;
}
