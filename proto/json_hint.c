#include "proto/json_hint.h"

#include "proto/json_text.h"

#include <stdio.h>

static char upper(char c)
{
	return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

/* "StatusesEntry" for `statuses`, as protoc makes it. */
static bool is_entry_of(const char *entry, const char *field)
{
	bool capital = true;
	for (; *field; field++) {
		if (*field != '_' && *entry++ != (capital ? upper(*field) : *field))
			return false;
		capital = *field == '_';
	}
	return strcmp(entry, "Entry") == 0;
}

static bool is_named(const ProtobufCFieldDescriptor *field, uint32_t id, const char *name)
{
	return field->id == id && strcmp(field->name, name) == 0;
}

bool json_is_map(const ProtobufCFieldDescriptor *field)
{
	if (field->type != PROTOBUF_C_TYPE_MESSAGE || field->label != PROTOBUF_C_LABEL_REPEATED)
		return false;
	const ProtobufCMessageDescriptor *type = field->descriptor;
	return type->reserved1 || (type->n_fields == 2 && is_named(&type->fields[0], 1, "key") &&
	                           is_named(&type->fields[1], 2, "value") && type->short_name &&
	                           is_entry_of(type->short_name, field->name));
}

size_t json_field_name(const ProtobufCFieldDescriptor *field, char *out, size_t size)
{
	const char *name = field->reserved2;
	return name ? (size_t)snprintf(out, size, "%s", name) : json_name(field->name, out, size);
}

bool json_field_is(const ProtobufCFieldDescriptor *field, const char *key)
{
	const char *name = field->reserved2;
	if (!name)
		return json_name_is(field->name, key);
	return strcmp(name, key) == 0 || strcmp(field->name, key) == 0;
}
