/* Encoding of meta blocks, from the same tables as their decoding (frame_fields). */
#include "proto/frame_fields.h"

/* The repeated parts of a block, which stand beside its struct. */
struct lists {
	const struct metadata *entries;
	size_t entry_count;
	const struct bytes *details;
	size_t detail_count;
};

/* Tag, length, bytes. */
static size_t delimited_size(size_t len)
{
	return 1 + varint_size(len) + len;
}

static void delimited_write(struct writer *writer, uint32_t number, struct bytes bytes)
{
	writer_u8(writer, (uint8_t)(number << 3 | WIRE_DELIMITED));
	writer_varint(writer, bytes.len);
	writer_bytes(writer, bytes.data, bytes.len);
}

static size_t entry_len(const struct metadata *entry)
{
	size_t value = entry->value.len > 0 ? delimited_size(entry->value.len) : 0;
	return delimited_size(entry->key.len) + value;
}

static void entry_write(struct writer *writer, uint32_t number, const struct metadata *entry)
{
	writer_u8(writer, (uint8_t)(number << 3 | WIRE_DELIMITED));
	writer_varint(writer, entry_len(entry));
	delimited_write(writer, 1, entry->key);
	if (entry->value.len > 0)
		delimited_write(writer, 2, entry->value);
}

/* A bit set as packed numbers, each below 32 and thus one byte. */
static void codecs_write(struct writer *writer, uint32_t number, uint64_t set)
{
	writer_u8(writer, (uint8_t)(number << 3 | WIRE_DELIMITED));
	writer_varint(writer, (uint64_t)__builtin_popcountll(set));
	for (uint8_t codec = 0; codec < 32; codec++) {
		if (set >> codec & 1)
			writer_u8(writer, codec);
	}
}

/* What a number field holds, and whether it is written. */
static bool number_of(const struct meta_field *field, const uint8_t *from, uint64_t *value)
{
	if (field->kind == META_U64 || field->kind == META_TIMEOUT) {
		memcpy(value, from + field->offset, sizeof *value);
		return field->kind == META_TIMEOUT ? *(const bool *)(from + field->flag)
		                                   : *value != 0;
	}
	uint32_t narrow;
	memcpy(&narrow, from + field->offset, sizeof narrow);
	*value = narrow;
	return narrow != 0;
}

static struct bytes bytes_at(const struct meta_field *field, const uint8_t *from)
{
	struct bytes bytes;
	memcpy(&bytes, from + field->offset, sizeof bytes);
	return bytes;
}

static size_t entries_size(const struct lists *lists)
{
	size_t size = 0;
	for (size_t i = 0; i < lists->entry_count; i++)
		size += delimited_size(entry_len(&lists->entries[i]));
	return size;
}

static size_t details_size(const struct lists *lists)
{
	size_t size = 0;
	for (size_t i = 0; i < lists->detail_count; i++)
		size += delimited_size(lists->details[i].len);
	return size;
}

static size_t field_size(const struct meta_field *field, const uint8_t *from,
                         const struct lists *lists)
{
	uint64_t value;
	switch (field->kind) {
	case META_NONE:
	case META_REFUSED:
		return 0;
	case META_U32:
	case META_U64:
	case META_TIMEOUT:
	case META_STATUS:
	case META_RETRY:
		return number_of(field, from, &value) ? 1 + varint_size(value) : 0;
	case META_CODECS:
		return number_of(field, from, &value)
		               ? delimited_size((size_t)__builtin_popcountll(value))
		               : 0;
	case META_TEXT:
	case META_PRINTABLE:
	case META_RAW:
	case META_HEAD:
		value = bytes_at(field, from).len;
		return value > 0 ? delimited_size((size_t)value) : 0;
	case META_ENTRY:
		return entries_size(lists);
	case META_DETAIL:
		return details_size(lists);
	}
	return 0;
}

static void number_write(struct writer *writer, uint32_t number, const struct meta_field *field,
                         const uint8_t *from)
{
	uint64_t value;
	if (!number_of(field, from, &value))
		return;
	if (field->kind == META_CODECS) {
		codecs_write(writer, number, value);
		return;
	}
	writer_u8(writer, (uint8_t)(number << 3 | WIRE_VARINT));
	writer_varint(writer, value);
}

static void field_write(struct writer *writer, uint32_t number, const struct meta_field *field,
                        const uint8_t *from, const struct lists *lists)
{
	switch (field->kind) {
	case META_NONE:
	case META_REFUSED:
		break;
	case META_U32:
	case META_U64:
	case META_TIMEOUT:
	case META_STATUS:
	case META_RETRY:
	case META_CODECS:
		number_write(writer, number, field, from);
		break;
	case META_TEXT:
	case META_PRINTABLE:
	case META_RAW:
	case META_HEAD:
		if (bytes_at(field, from).len > 0)
			delimited_write(writer, number, bytes_at(field, from));
		break;
	case META_ENTRY:
		for (size_t i = 0; i < lists->entry_count; i++)
			entry_write(writer, number, &lists->entries[i]);
		break;
	case META_DETAIL:
		for (size_t i = 0; i < lists->detail_count; i++)
			delimited_write(writer, number, lists->details[i]);
		break;
	}
}

static size_t block_size(const struct meta_shape *shape, const void *from,
                         const struct lists *lists)
{
	size_t size = 0;
	for (uint32_t number = 1; number < META_FIELDS; number++)
		size += field_size(&shape->fields[number], from, lists);
	return size;
}

static void block_write(struct writer *writer, const struct meta_shape *shape, const void *from,
                        const struct lists *lists)
{
	for (uint32_t number = 1; number < META_FIELDS; number++)
		field_write(writer, number, &shape->fields[number], from, lists);
}

static const struct lists NO_LISTS;

size_t hello_size(const struct hello *hello)
{
	return block_size(&HELLO_SHAPE, hello, &NO_LISTS);
}

void hello_write(struct writer *writer, const struct hello *hello)
{
	block_write(writer, &HELLO_SHAPE, hello, &NO_LISTS);
}

size_t call_meta_size(const struct call_meta *meta, const struct metadata *metadata, size_t count)
{
	return block_size(&CALL_SHAPE, meta, &(struct lists){metadata, count, NULL, 0});
}

void call_meta_write(struct writer *writer, const struct call_meta *meta,
                     const struct metadata *metadata, size_t count)
{
	block_write(writer, &CALL_SHAPE, meta, &(struct lists){metadata, count, NULL, 0});
}

size_t head_meta_size(const struct head_meta *meta, const struct metadata *metadata, size_t count)
{
	return block_size(&HEAD_SHAPE, meta, &(struct lists){metadata, count, NULL, 0});
}

void head_meta_write(struct writer *writer, const struct head_meta *meta,
                     const struct metadata *metadata, size_t count)
{
	block_write(writer, &HEAD_SHAPE, meta, &(struct lists){metadata, count, NULL, 0});
}

size_t end_meta_size(const struct end_meta *meta, const struct bytes *details, size_t detail_count,
                     const struct metadata *metadata, size_t count)
{
	struct lists lists = {metadata, count, details, detail_count};
	return block_size(&END_SHAPE, meta, &lists);
}

void end_meta_write(struct writer *writer, const struct end_meta *meta, const struct bytes *details,
                    size_t detail_count, const struct metadata *metadata, size_t count)
{
	struct lists lists = {metadata, count, details, detail_count};
	block_write(writer, &END_SHAPE, meta, &lists);
}

size_t cancel_meta_size(const struct cancel_meta *meta)
{
	return block_size(&CANCEL_SHAPE, meta, &NO_LISTS);
}

void cancel_meta_write(struct writer *writer, const struct cancel_meta *meta)
{
	block_write(writer, &CANCEL_SHAPE, meta, &NO_LISTS);
}

size_t goaway_meta_size(const struct goaway_meta *meta)
{
	return block_size(&GOAWAY_SHAPE, meta, &NO_LISTS);
}

void goaway_meta_write(struct writer *writer, const struct goaway_meta *meta)
{
	block_write(writer, &GOAWAY_SHAPE, meta, &NO_LISTS);
}
