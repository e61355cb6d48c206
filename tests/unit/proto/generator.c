#include "tests/unit/proto/generator.h"

#include "proto/writer.h"
#include "tests/unit/proto/support.h"

enum { VARINT = 0, FIXED64 = 1, DELIMITED = 2, FIXED32 = 5 };

static void put(struct buffer *out, const void *data, size_t len)
{
	assert_true(buffer_append(out, data, len));
}

static void put_varint(struct buffer *out, uint64_t value)
{
	uint8_t bytes[10];
	struct writer writer = writer_init(bytes, sizeof bytes);
	writer_varint(&writer, value);
	put(out, bytes, (size_t)(writer.at - bytes));
}

static void put_tag(struct buffer *out, uint32_t number, unsigned wire)
{
	put_varint(out, (uint64_t)number << 3 | wire);
}

static void put_delimited(struct buffer *out, const struct buffer *inner)
{
	put_varint(out, buffer_len(inner));
	put(out, inner->data, buffer_len(inner));
}

/* Small and large numbers, and those around every power of two. */
static uint64_t number(uint64_t *seed)
{
	uint64_t power = (uint64_t)1 << random_below(seed, 64);
	return power + random_below(seed, 3) - 1;
}

static void put_random(struct buffer *out, uint64_t *seed, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)random_next(seed);
		put(out, &byte, 1);
	}
}

static size_t some_len(uint64_t *seed)
{
	return random_below(seed, random_below(seed, 10) ? 20 : 300);
}

static void put_text(struct buffer *out, uint64_t *seed)
{
	static const char *const pieces[] = {
		"a", "Text ", "0", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "-"};
	for (size_t i = some_len(seed); i > 0; i--) {
		const char *piece = pieces[random_below(seed, sizeof pieces / sizeof *pieces)];
		put(out, piece, strlen(piece));
	}
}

static unsigned wire_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return FIXED32;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return FIXED64;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return DELIMITED;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_ENUM:
		break;
	}
	return VARINT;
}

/* A number without its tag. */
static void put_number(struct buffer *out, ProtobufCType type, uint64_t *seed)
{
	unsigned wire = wire_of(type);
	if (wire != VARINT)
		put_random(out, seed, wire == FIXED32 ? 4 : 8);
	else if (type == PROTOBUF_C_TYPE_BOOL)
		put_varint(out, random_below(seed, 2));
	else if (type == PROTOBUF_C_TYPE_ENUM)
		put_varint(out, random_below(seed, 4));
	else
		put_varint(out, number(seed));
}

static void put_packed(struct buffer *out, const ProtobufCFieldDescriptor *field, uint64_t *seed)
{
	struct buffer inner = {0};
	for (size_t i = some_len(seed); i > 0; i--)
		put_number(&inner, field->type, seed);
	put_tag(out, field->id, DELIMITED);
	put_delimited(out, &inner);
	buffer_deinit(&inner);
}

static void put_value(struct buffer *out, const ProtobufCFieldDescriptor *field, uint64_t *seed,
                      unsigned depth)
{
	put_tag(out, field->id, wire_of(field->type));
	if (wire_of(field->type) != DELIMITED) {
		put_number(out, field->type, seed);
		return;
	}
	struct buffer inner = {0};
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		generate_message(&inner, field->descriptor, seed, depth - 1);
	else if (field->type == PROTOBUF_C_TYPE_STRING)
		put_text(&inner, seed);
	else
		put_random(&inner, seed, some_len(seed));
	put_delimited(out, &inner);
	buffer_deinit(&inner);
}

static void put_unknown(struct buffer *out, uint64_t *seed)
{
	uint32_t number_ = 10000 + (uint32_t)random_below(seed, 1000);
	static const unsigned wires[] = {VARINT, FIXED64, DELIMITED, FIXED32};
	unsigned wire = wires[random_below(seed, 4)];
	put_tag(out, number_, wire);
	if (wire == VARINT)
		put_varint(out, number(seed));
	if (wire == DELIMITED) {
		size_t len = some_len(seed);
		put_varint(out, len);
		put_random(out, seed, len);
	}
	if (wire == FIXED32 || wire == FIXED64)
		put_random(out, seed, wire == FIXED32 ? 4 : 8);
}

static void put_field(struct buffer *out, const ProtobufCFieldDescriptor *field, uint64_t *seed,
                      unsigned depth)
{
	bool number_ = wire_of(field->type) != DELIMITED;
	bool list = field->label == PROTOBUF_C_LABEL_REPEATED;
	if (list && number_ && random_below(seed, 2)) {
		put_packed(out, field, seed);
		return;
	}
	size_t most = field->type == PROTOBUF_C_TYPE_MESSAGE ? 4 : 20;
	size_t times = list ? random_below(seed, most) : 1;
	for (size_t i = 0; i < times; i++)
		put_value(out, field, seed, depth);
}

void generate_message(struct buffer *out, const ProtobufCMessageDescriptor *descriptor,
                      uint64_t *seed, unsigned depth)
{
	bool given[1024] = {false};
	assert_true(descriptor->n_fields <= sizeof given);
	for (size_t i = random_below(seed, 12); i > 0; i--) {
		if (descriptor->n_fields == 0 || random_below(seed, 12) == 0) {
			put_unknown(out, seed);
			continue;
		}
		size_t index = random_below(seed, descriptor->n_fields);
		const ProtobufCFieldDescriptor *field = &descriptor->fields[index];
		bool message = field->type == PROTOBUF_C_TYPE_MESSAGE;
		bool once = message && field->label != PROTOBUF_C_LABEL_REPEATED;
		if ((message && depth == 0) || (once && given[index]))
			continue;
		given[index] = true;
		put_field(out, field, seed, depth);
	}
}

/* Some bytes of the message once more at its end. */
static void repeat_bytes(struct buffer *wire, uint64_t *seed)
{
	uint8_t again[64];
	size_t len = buffer_len(wire), from = random_below(seed, len);
	size_t most = len - from < sizeof again ? len - from : sizeof again;
	memcpy(again, wire->data + wire->start + from, most);
	put(wire, again, random_below(seed, most + 1));
}

void generate_damage(struct buffer *wire, uint64_t *seed)
{
	for (size_t i = 1 + random_below(seed, 3); i > 0 && buffer_len(wire) > 0; i--) {
		size_t len = buffer_len(wire), at = random_below(seed, len);
		uint8_t *byte = wire->data + wire->start + at;
		switch (random_below(seed, 5)) {
		case 0:
			*byte = (uint8_t)random_next(seed);
			break;
		case 1:
			*byte ^= (uint8_t)(1U << random_below(seed, 8));
			break;
		case 2:
			memmove(byte, byte + 1, len - at - 1);
			wire->end--;
			break;
		case 3:
			wire->end -= random_below(seed, len);
			break;
		default:
			repeat_bytes(wire, seed);
		}
	}
}
