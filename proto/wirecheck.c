#include "proto/wirecheck.h"

#include "proto/layout.h"
#include "proto/limits.h"
#include "proto/reader.h"

#include <stdio.h>
#include <stdlib.h>

const struct wire_budget WIRE_BUDGET = {
	.depth = LIMIT_MESSAGE_DEPTH,
	.elements = LIMIT_MESSAGE_ELEMENTS,
	.memory = LIMIT_MESSAGE_AMPLIFICATION,
};

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_DELIMITED = 2, WIRE_32 = 5 };

enum {
	VARINT32_MOST = 5, /* bytes that protobuf-c reads of a tag or a length */
	/* protobuf-c notes each field that it finds: 16 on its stack, then in slabs from the
	 * allocator, each twice as large as the one before. */
	MEMBERS_ON_STACK = 16,
	MEMBER_SIZE = 32,
	/* It also keeps a bit per field, on its stack for up to this many. */
	FIELD_BITS_ON_STACK = 128,
	ALIGNMENT = 16,
};

/* One message being walked; its parents are on the stack above it. */
struct level {
	const struct level *parent;
	const ProtobufCMessageDescriptor *descriptor;
	struct bytes wire;
	const ProtobufCFieldDescriptor *field; /* being read; NULL: none, or an unknown one */
	const uint8_t *field_start;
	uint32_t number;                /* of the field being read */
	uint32_t members, members_room; /* that protobuf-c notes */
	uint64_t few[WIRE_FIELDS / 64]; /* message fields that were met, by index, */
	uint64_t *many;                 /* if there are more than that: on the heap */
};

struct check {
	struct wire_budget budget, left;
	char *reason;
};

static enum status message_check(struct check *check, struct level *level);

/* --- what a peer is told -------------------------------------------------- */

static bool field_skip(struct reader *reader, uint32_t *number)
{
	uint64_t tag = reader_varint(reader);
	*number = (uint32_t)(tag >> 3);
	if ((tag & 7) == WIRE_VARINT)
		(void)reader_varint(reader);
	else if ((tag & 7) == WIRE_DELIMITED)
		(void)reader_delimited(reader);
	else
		(void)reader_bytes(reader, (tag & 7) == WIRE_64 ? 8 : 4);
	return !reader->failed;
}

/* How many times the field was met before: its index when it is repeated. Only a fault pays for
 * it. */
static size_t field_index(const struct level *level)
{
	struct reader reader = reader_init(level->wire);
	uint32_t number;
	size_t count = 0;
	while (reader.at < level->field_start && field_skip(&reader, &number))
		count += number == level->number;
	return count;
}

static size_t path_write(const struct level *level, char *out, size_t room)
{
	size_t at = level->parent ? path_write(level->parent, out, room) : 0;
	const char *dot = at > 0 ? "." : "";
	if (at >= room)
		return at;
	int len;
	if (!level->field)
		len = level->number
		              ? snprintf(out + at, room - at, "%sfield %u", dot, level->number)
		              : 0;
	else if (level->field->label == PROTOBUF_C_LABEL_REPEATED)
		len = snprintf(out + at, room - at, "%s%s[%zu]", dot, level->field->name,
		               field_index(level));
	else
		len = snprintf(out + at, room - at, "%s%s", dot, level->field->name);
	return at + (size_t)len;
}

__attribute__((format(printf, 4, 5))) static enum status fail(struct check *check,
                                                              const struct level *level,
                                                              enum status status,
                                                              const char *format, ...)
{
	char what[120];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	char path[128];
	path[0] = '\0';
	(void)path_write(level, path, sizeof path);
	snprintf(check->reason, WIRE_REASON_SIZE, "%s: %s", path[0] ? path : "the message", what);
	return status;
}

/* No message: whoever wrote it has another idea of the type, or of protobuf. */
static enum status malformed(struct check *check, const struct level *level, const char *what)
{
	return fail(check, level, STATUS_INTERNAL, "%s", what);
}

/* A message, with something in it that is not taken. */
static enum status unacceptable(struct check *check, const struct level *level, const char *what)
{
	return fail(check, level, STATUS_INVALID_ARGUMENT, "%s", what);
}

/* --- the budget ----------------------------------------------------------- */

static size_t rounded_up(size_t len)
{
	return (len + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static enum status memory_fail(struct check *check, const struct level *level)
{
	return fail(check, level, STATUS_RESOURCE_EXHAUSTED,
	            "the message takes more than %zu bytes of memory", check->budget.memory);
}

static inline enum status memory_take(struct check *check, const struct level *level, size_t len)
{
	if (len > check->left.memory)
		return memory_fail(check, level);
	check->left.memory -= len;
	return STATUS_OK;
}

static enum status elements_take(struct check *check, const struct level *level, size_t count)
{
	if (count > check->left.elements)
		return fail(check, level, STATUS_RESOURCE_EXHAUSTED,
		            "the message has more than %u repeated elements",
		            check->budget.elements);
	check->left.elements -= (uint32_t)count;
	return STATUS_OK;
}

static inline enum status member_take(struct check *check, struct level *level)
{
	if (++level->members <= level->members_room)
		return STATUS_OK;
	uint32_t slab = level->members_room + MEMBERS_ON_STACK;
	level->members_room += slab;
	return memory_take(check, level, (size_t)slab * MEMBER_SIZE);
}

/* --- values ---------------------------------------------------------------- */

static uint8_t wire_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return WIRE_32;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return WIRE_64;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return WIRE_DELIMITED;
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
	return WIRE_VARINT;
}

static enum status string_check(struct check *check, const struct level *level, struct bytes text)
{
	enum utf8_fault fault = utf8_string_fault(text);
	if (fault == UTF8_NUL)
		return unacceptable(check, level, "text must not hold a NUL character (U+0000)");
	if (fault == UTF8_INVALID)
		return unacceptable(check, level, "text must be valid UTF-8");
	return memory_take(check, level, rounded_up(text.len + 1));
}

static enum status packed_varints(struct check *check, const struct level *level,
                                  struct bytes packed, size_t *count)
{
	bool booleans = level->field->type == PROTOBUF_C_TYPE_BOOL;
	struct reader reader = reader_init(packed);
	for (*count = 0; reader_left(&reader) > 0; ++*count) {
		const uint8_t *start = reader.at;
		(void)reader_varint(&reader);
		if (booleans && *start > 1)
			return malformed(check, level, "a packed bool must be one byte, 0 or 1");
	}
	return reader.failed ? malformed(check, level, "a packed number is malformed") : STATUS_OK;
}

static enum status packed_check(struct check *check, const struct level *level, struct bytes packed)
{
	uint8_t wire = wire_of(level->field->type);
	size_t count, size = layout_size(level->field->type);
	if (wire == WIRE_VARINT)
		TRY(packed_varints(check, level, packed, &count));
	else if (packed.len % size != 0)
		return fail(check, level, STATUS_INTERNAL,
		            "packed numbers of %zu bytes take %zu bytes", size, packed.len);
	else
		count = packed.len / size;
	TRY(elements_take(check, level, count));
	return memory_take(check, level, count * size);
}

static enum status nested_check(struct check *check, struct level *level, struct bytes wire)
{
	const ProtobufCFieldDescriptor *field = level->field;
	if (field->label != PROTOBUF_C_LABEL_REPEATED) {
		size_t index = (size_t)(field - level->descriptor->fields);
		uint64_t bit = (uint64_t)1 << index % 64;
		uint64_t *given = level->many ? level->many : level->few;
		if (given[index / 64] & bit)
			return unacceptable(check, level,
			                    "the field is given twice, once is allowed");
		given[index / 64] |= bit;
	}
	if (check->left.depth == 0)
		return fail(check, level, STATUS_RESOURCE_EXHAUSTED,
		            "messages are nested deeper than %u levels", check->budget.depth);
	check->left.depth--;
	struct level nested = {.parent = level, .descriptor = field->descriptor, .wire = wire};
	TRY(message_check(check, &nested));
	check->left.depth++;
	return STATUS_OK;
}

static enum status delimited_check(struct check *check, struct level *level, struct bytes value)
{
	switch ((int)level->field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return string_check(check, level, value);
	case PROTOBUF_C_TYPE_BYTES:
		return memory_take(check, level, rounded_up(value.len));
	default:
		return nested_check(check, level, value);
	}
}

/* --- fields ---------------------------------------------------------------- */

/* What a field has on the wire. */
struct value {
	uint8_t wire;
	size_t size;        /* without the tag */
	struct bytes bytes; /* of WIRE_DELIMITED */
};

static const char *value_read(struct reader *reader, struct value *value)
{
	const uint8_t *start = reader->at;
	switch (value->wire) {
	case WIRE_VARINT:
		(void)reader_varint(reader);
		break;
	case WIRE_64:
		(void)reader_bytes(reader, 8);
		break;
	case WIRE_32:
		(void)reader_bytes(reader, 4);
		break;
	case WIRE_DELIMITED:
		value->bytes = reader_delimited(reader);
		break;
	default:
		return value->wire < WIRE_32 ? "groups are not supported"
		                             : "the wire type is none of protobuf's";
	}
	if (reader->failed)
		return value->wire == WIRE_VARINT ? "a varint is malformed"
		                                  : "the value is longer than what is left";
	value->size = (size_t)(reader->at - start);
	if (value->wire == WIRE_DELIMITED && value->size - value->bytes.len > VARINT32_MOST)
		return "the length is malformed";
	return NULL;
}

/* protobuf-c keeps what it does not know. */
static enum status unknown_check(struct check *check, const struct level *level, size_t size)
{
	return memory_take(check, level,
	                   rounded_up(sizeof(ProtobufCMessageUnknownField)) + rounded_up(size));
}

static enum status wire_type_fail(struct check *check, const struct level *level, uint8_t wire)
{
	return fail(check, level, STATUS_INTERNAL, "wire type %u, must be %u", wire,
	            wire_of(level->field->type));
}

static inline enum status known_check(struct check *check, struct level *level,
                                      const struct value *value, bool run)
{
	ProtobufCType type = level->field->type;
	uint8_t wire = wire_of(type);
	if (level->field->label == PROTOBUF_C_LABEL_REPEATED) {
		if (!run)
			TRY(memory_take(check, level, ALIGNMENT)); /* the array, rounded up */
		if (value->wire == WIRE_DELIMITED && wire != WIRE_DELIMITED)
			return packed_check(check, level, value->bytes);
		TRY(elements_take(check, level, 1));
		TRY(memory_take(check, level, layout_size(type)));
	}
	if (value->wire != wire)
		return wire_type_fail(check, level, value->wire);
	return wire == WIRE_DELIMITED ? delimited_check(check, level, value->bytes) : STATUS_OK;
}

/* Fields come mostly in their order, each once or in runs: the one that was read last and its
 * successor are tried first. */
static inline const ProtobufCFieldDescriptor *field_find(
	const ProtobufCMessageDescriptor *descriptor, const ProtobufCFieldDescriptor *last,
	uint32_t number)
{
	if (descriptor->n_fields == 0)
		return NULL;
	const ProtobufCFieldDescriptor *end = descriptor->fields + descriptor->n_fields;
	const ProtobufCFieldDescriptor *next = last ? last : descriptor->fields;
	for (unsigned tries = 0; tries < 2 && next < end; tries++, next++) {
		if (next->id == number)
			return next;
	}
	return protobuf_c_message_descriptor_get_field(descriptor, number);
}

static const char *tag_read(struct reader *reader, struct level *level, struct value *value)
{
	uint64_t tag = reader_varint(reader);
	level->number = (uint32_t)(tag >> 3);
	value->wire = tag & 7;
	if (reader->failed || tag > UINT32_MAX || reader->at - level->field_start > VARINT32_MOST) {
		level->number = 0;
		return "a field's tag is malformed";
	}
	return level->number == 0 ? "field number 0 is not allowed" : NULL;
}

static enum status field_check(struct check *check, struct level *level, struct reader *reader,
                               const ProtobufCFieldDescriptor **last)
{
	struct value value = {0};
	level->field = NULL;
	level->field_start = reader->at;
	const char *fault = tag_read(reader, level, &value);
	if (fault)
		return malformed(check, level, fault);
	level->field = field_find(level->descriptor, *last, level->number);
	fault = value_read(reader, &value);
	if (fault)
		return malformed(check, level, fault);
	TRY(member_take(check, level));
	if (!level->field)
		return unknown_check(check, level, value.size);
	bool run = level->field == *last;
	*last = level->field;
	return known_check(check, level, &value, run);
}

static enum status fields_check(struct check *check, struct level *level)
{
	struct reader reader = reader_init(level->wire);
	const ProtobufCFieldDescriptor *last = NULL;
	while (reader_left(&reader) > 0)
		TRY(field_check(check, level, &reader, &last));
	return STATUS_OK;
}

static enum status wide_check(struct check *check, struct level *level)
{
	level->many = calloc(level->descriptor->n_fields / 64 + 1, sizeof *level->many);
	if (!level->many)
		return fail(check, level, STATUS_RESOURCE_EXHAUSTED, "no memory to check it");
	enum status status = fields_check(check, level);
	free(level->many);
	return status;
}

static enum status message_check(struct check *check, struct level *level)
{
	const ProtobufCMessageDescriptor *descriptor = level->descriptor;
	size_t taken = rounded_up(descriptor->sizeof_message);
	if (descriptor->n_fields > FIELD_BITS_ON_STACK)
		taken += rounded_up((descriptor->n_fields + 7) / 8);
	TRY(memory_take(check, level, taken));
	level->members_room = MEMBERS_ON_STACK;
	return descriptor->n_fields > WIRE_FIELDS ? wide_check(check, level)
	                                          : fields_check(check, level);
}

enum status wire_check(const ProtobufCMessageDescriptor *descriptor, struct bytes wire,
                       struct wire_budget budget, char reason[WIRE_REASON_SIZE])
{
	struct check check = {.budget = budget, .left = budget, .reason = reason};
	struct level level = {.descriptor = descriptor, .wire = wire};
	return message_check(&check, &level);
}
