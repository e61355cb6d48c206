#include "proto/json_hint.h"

#include "proto/json_text.h"

#include <stdio.h>

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
