/* writer - a bounds-checked cursor that writes, with a sticky error.
 *
 * Write everything, then look at `failed` once. Nothing is written past `end`. */
#pragma once
#include "proto/bytes.h"

struct writer {
	uint8_t *at, *end;
	bool failed;
};

static inline struct writer writer_init(void *data, size_t len)
{
	return (struct writer){data, len ? (uint8_t *)data + len : data, false};
}

static inline bool writer_need(struct writer *writer, size_t len)
{
	if (writer->failed || len > (size_t)(writer->end - writer->at)) {
		writer->failed = true;
		return false;
	}
	return true;
}

static inline void writer_u8(struct writer *writer, uint8_t value)
{
	if (writer_need(writer, 1))
		*writer->at++ = value;
}

/* Big-endian. */
static inline void writer_u16(struct writer *writer, uint16_t value)
{
	if (!writer_need(writer, 2))
		return;
	*writer->at++ = (uint8_t)(value >> 8);
	*writer->at++ = (uint8_t)value;
}

/* Big-endian. */
static inline void writer_u32(struct writer *writer, uint32_t value)
{
	if (!writer_need(writer, 4))
		return;
	*writer->at++ = (uint8_t)(value >> 24);
	*writer->at++ = (uint8_t)(value >> 16);
	*writer->at++ = (uint8_t)(value >> 8);
	*writer->at++ = (uint8_t)value;
}

static inline void writer_bytes(struct writer *writer, const void *data, size_t len)
{
	if (len == 0 || !writer_need(writer, len))
		return;
	memcpy(writer->at, data, len);
	writer->at += len;
}

static inline void writer_varint(struct writer *writer, uint64_t value)
{
	while (value >= 0x80) {
		writer_u8(writer, (uint8_t)(value | 0x80));
		value >>= 7;
	}
	writer_u8(writer, (uint8_t)value);
}

/* The encoded size of a varint, 1 to 10 bytes. */
static inline size_t varint_size(uint64_t value)
{
	return (size_t)(63 - __builtin_clzll(value | 1)) / 7 + 1;
}
