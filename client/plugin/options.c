#include "client/plugin/options.h"

#include "client/plugin/names.h"
#include "proto/reader.h"

enum {
	PRISM_OPTION = 50717,     /* prism/options.proto: method, field and oneof alike */
	PROTOBUF_C_OPTION = 1019, /* protobuf-c/protobuf-c.proto */
};

/* The message in an unknown field, without its length. */
static struct bytes content(const ProtobufCMessageUnknownField *field)
{
	struct reader reader = reader_init(bytes_of(field->data, field->len));
	uint64_t len = reader_varint(&reader);
	return len <= reader_left(&reader) ? reader_bytes(&reader, (size_t)len) : bytes_of(NULL, 0);
}

/* `option (x).a = 1; option (x).b = 2;` is two fields; one after the other they are one message. */
static struct bytes gathered(struct arena *arena, const ProtobufCMessage *options)
{
	size_t len = 0;
	for (unsigned i = 0; i < options->n_unknown_fields; i++)
		len += options->unknown_fields[i].len;
	uint8_t *data = must(arena_alloc(arena, len + 1));
	size_t end = 0;
	for (unsigned i = 0; i < options->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *field = &options->unknown_fields[i];
		if (field->tag != PRISM_OPTION ||
		    field->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
			continue;
		struct bytes part = content(field);
		if (part.len > 0)
			memcpy(data + end, part.data, part.len);
		end += part.len;
	}
	return bytes_of(data, end);
}

static const void *unpacked(struct arena *arena, const ProtobufCMessageDescriptor *descriptor,
                            const ProtobufCMessage *options)
{
	struct bytes bytes = options ? gathered(arena, options) : bytes_of(NULL, 0);
	return must(
		protobuf_c_message_unpack(descriptor, &arena->allocator, bytes.len, bytes.data));
}

const Prism__MethodOptions *options_of_method(struct arena *arena,
                                              const Google__Protobuf__MethodDescriptorProto *method)
{
	return unpacked(arena, &prism__method_options__descriptor,
	                method->options ? &method->options->base : NULL);
}

const Prism__FieldOptions *options_of_field(struct arena *arena,
                                            const Google__Protobuf__FieldDescriptorProto *field)
{
	return unpacked(arena, &prism__field_options__descriptor,
	                field->options ? &field->options->base : NULL);
}

const Prism__OneofOptions *options_of_oneof(struct arena *arena,
                                            const Google__Protobuf__OneofDescriptorProto *oneof)
{
	return unpacked(arena, &prism__oneof_options__descriptor,
	                oneof->options ? &oneof->options->base : NULL);
}

bool options_of_protobuf_c(const ProtobufCMessage *options)
{
	if (!options)
		return false;
	for (unsigned i = 0; i < options->n_unknown_fields; i++)
		if (options->unknown_fields[i].tag == PROTOBUF_C_OPTION)
			return true;
	return false;
}
