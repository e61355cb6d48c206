/* reader - a bounds-checked cursor over bytes with a sticky error.
 *
 * Read everything, then look at `failed` once: after the first short or malformed read every later
 * one yields zero. Reads never pass the end. Varints are protobuf's
 * (https://protobuf.dev/programming-guides/encoding/#varints). */
#pragma once
#include "proto/bytes.h"

struct reader {
	const uint8_t *at, *end;
	bool failed;
};

static inline struct reader reader_init(struct bytes bytes)
{
	return (struct reader){bytes.data, bytes_end(bytes), false};
}

static inline size_t reader_left(const struct reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

static inline bool reader_need(struct reader *reader, size_t len)
{
	if (reader->failed || len > reader_left(reader)) {
		reader->failed = true;
		reader->at = reader->end;
		return false;
	}
	return true;
}

static inline uint8_t reader_u8(struct reader *reader)
{
	return reader_need(reader, 1) ? *reader->at++ : 0;
}

/* Big-endian. */
static inline uint16_t reader_u16(struct reader *reader)
{
	if (!reader_need(reader, 2))
		return 0;
	const uint8_t *p = reader->at;
	reader->at += 2;
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Big-endian. */
static inline uint32_t reader_u32(struct reader *reader)
{
	if (!reader_need(reader, 4))
		return 0;
	const uint8_t *p = reader->at;
	reader->at += 4;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline struct bytes reader_bytes(struct reader *reader, size_t len)
{
	if (!reader_need(reader, len))
		return (struct bytes){reader->end, 0};
	struct bytes bytes = {reader->at, len};
	reader->at += len;
	return bytes;
}

/* A varint of up to 10 bytes; fails on a longer one and on one above 64 bits. */
uint64_t reader_varint_slow(struct reader *reader);

static inline uint64_t reader_varint(struct reader *reader)
{
	if (!reader->failed && reader->at < reader->end && *reader->at < 0x80)
		return *reader->at++;
	return reader_varint_slow(reader);
}

/* A length as a varint, then that many bytes. */
static inline struct bytes reader_delimited(struct reader *reader)
{
	uint64_t len = reader_varint(reader);
	if (len > reader_left(reader)) {
		reader->failed = true;
		reader->at = reader->end;
		len = 0;
	}
	return reader_bytes(reader, (size_t)len);
}
