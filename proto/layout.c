#include "proto/layout.h"

size_t layout_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_ENUM:
		return 4;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		break;
	}
	return sizeof(ProtobufCBinaryData);
}

static const void *member(const ProtobufCMessage *message, unsigned offset)
{
	return (const uint8_t *)message + offset;
}

void layout_init(const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage *message)
{
	if (descriptor->message_init) {
		descriptor->message_init(message);
		return;
	}
	memset(message, 0, descriptor->sizeof_message);
	message->descriptor = descriptor;
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		if (field->type == PROTOBUF_C_TYPE_STRING && field->default_value)
			memcpy((uint8_t *)message + field->offset, &field->default_value,
			       sizeof field->default_value);
	}
}

const void *layout_value(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const void *value = member(message, field->offset);
	return field->label == PROTOBUF_C_LABEL_REPEATED ? *(const void *const *)value : value;
}

size_t layout_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return *(const size_t *)member(message, field->quantifier_offset);
}

uint32_t layout_oneof_case(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return *(const uint32_t *)member(message, field->quantifier_offset);
}

bool layout_empty(ProtobufCType type, const void *value)
{
	static const uint64_t zero;
	if (type == PROTOBUF_C_TYPE_MESSAGE)
		return !*(const void *const *)value;
	if (type == PROTOBUF_C_TYPE_STRING)
		return !*(const char *const *)value || !**(const char *const *)value;
	if (type == PROTOBUF_C_TYPE_BYTES)
		return ((const ProtobufCBinaryData *)value)->len == 0;
	return memcmp(value, &zero, layout_size(type)) == 0;
}

bool layout_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return layout_oneof_case(message, field) == field->id;
	const void *value = layout_value(message, field);
	if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->quantifier_offset)
		return *(const protobuf_c_boolean *)member(message, field->quantifier_offset);
	if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type == PROTOBUF_C_TYPE_STRING)
		return *(const char *const *)value != NULL;
	return !layout_empty(field->type, value);
}
