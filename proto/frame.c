#include "proto/frame.h"

#include <endian.h>

static const uint8_t preface_magic[4] = {0x8e, 'R', 'P', 'C'};

void preface_write(uint8_t out[PREFACE_SIZE], uint8_t version_min, uint8_t version_max)
{
	memcpy(out, preface_magic, sizeof preface_magic);
	out[4] = version_min;
	out[5] = version_max;
	out[6] = out[7] = 0;
}

/* What byte `at` of a preface must not be. */
static const char *preface_fault(const uint8_t *in, size_t at)
{
	if (at < sizeof preface_magic)
		return in[at] == preface_magic[at] ? NULL : "the preface must start with 8E 'RPC'";
	if (at == 4)
		return in[at] > 0 ? NULL : "the preface's lowest version must be 1 or more";
	if (at == 5)
		return in[5] >= in[4] ? NULL : "the preface's highest version is below its lowest";
	return in[at] == 0 ? NULL : "the preface's last two bytes must be zero";
}

enum decode preface_decode(struct bytes in, uint8_t *version_min, uint8_t *version_max,
                           const char **reason)
{
	for (size_t at = 0; at < in.len && at < PREFACE_SIZE; at++) {
		const char *fault = preface_fault(in.data, at);
		if (fault) {
			*reason = fault;
			return DECODE_MALFORMED;
		}
	}
	if (in.len < PREFACE_SIZE)
		return DECODE_INCOMPLETE;
	*version_min = in.data[4];
	*version_max = in.data[5];
	return DECODE_OK;
}

enum { ON_CONNECTION = 1, ON_STREAM = 2, ON_EITHER = ON_CONNECTION | ON_STREAM };

enum { MESSAGE_FLAGS = FRAME_MORE | FRAME_COMPRESSED | FRAME_NOMSG };

/* What a frame of each type may look like; a type without `where` is none of version 1. */
struct shape {
	uint8_t where, flags;
	bool meta, body;
	uint8_t body_len; /* exactly; 0: any */
};

static const struct shape shapes[] = {
	[FRAME_HELLO] = {ON_CONNECTION, 0, true, false, 0},
	[FRAME_CALL] = {ON_STREAM, MESSAGE_FLAGS | FRAME_CLOSE, true, true, 0},
	[FRAME_MSG] = {ON_STREAM, MESSAGE_FLAGS | FRAME_CLOSE, false, true, 0},
	[FRAME_HEAD] = {ON_STREAM, 0, true, false, 0},
	[FRAME_END] = {ON_STREAM, FRAME_COMPRESSED | FRAME_NOMSG, true, true, 0},
	[FRAME_CANCEL] = {ON_STREAM, 0, true, false, 0},
	[FRAME_CREDIT] = {ON_EITHER, 0, false, true, 4},
	[FRAME_PING] = {ON_CONNECTION, FRAME_PING_ACK, false, true, 8},
	[FRAME_GOAWAY] = {ON_CONNECTION, FRAME_GOAWAY_FINAL | FRAME_GOAWAY_ACK, true, false, 0},
};

struct header {
	uint32_t length;
	uint8_t type, flags;
	uint16_t meta_len;
	uint32_t stream;
};

static const char *message_fault(const struct header *header, const struct shape *shape)
{
	if (!(shape->flags & FRAME_NOMSG) || !(header->flags & FRAME_NOMSG))
		return NULL;
	if (header->length != header->meta_len)
		return "a frame with the flag NOMSG must have no body";
	if (header->flags & (FRAME_MORE | FRAME_COMPRESSED))
		return "the flag NOMSG excludes MORE and COMPRESSED";
	return NULL;
}

/* What is wrong with a frame of a known type, by what needs no state. */
static const char *known_fault(const struct header *header)
{
	const struct shape *shape = &shapes[header->type];
	if (header->flags & ~shape->flags)
		return "the frame has a flag that its type does not know";
	if (!(shape->where & (header->stream == 0 ? ON_CONNECTION : ON_STREAM)))
		return header->stream == 0 ? "this frame type needs a stream, not stream 0"
		                           : "this frame type belongs on stream 0";
	if (header->meta_len > 0 && !shape->meta)
		return "this frame type has no metadata: meta_len must be 0";
	uint32_t body_len = header->length - header->meta_len;
	if (body_len > 0 && !shape->body)
		return "this frame type has no body: length must equal meta_len";
	if (shape->body_len > 0 && body_len != shape->body_len)
		return shape->body_len == 4 ? "the body of CREDIT must have 4 bytes"
		                            : "the body of PING must have 8 bytes";
	return message_fault(header, shape);
}

static bool type_known(uint8_t type)
{
	return type < sizeof shapes / sizeof *shapes && shapes[type].where;
}

static const char *header_fault(const struct header *header, uint32_t max_frame)
{
	if (header->length > max_frame || header->length > LIMIT_FRAME_MAX)
		return "the frame is longer than the receiver's max_frame";
	if (header->meta_len > header->length)
		return "meta_len is larger than the frame's length";
	if (header->meta_len > LIMIT_FRAME_META)
		return "the frame's metadata is longer than 8192 bytes";
	if (header->stream > FRAME_STREAM_MAX)
		return "bit 31 of the stream must be zero";
	if (type_known(header->type))
		return known_fault(header);
	return header->type >= FRAME_IGNORABLE ? NULL : "the frame type is unknown";
}

_Static_assert(LIMIT_FRAME_META == 8192, "header_fault names the limit");

static struct header header_read(const uint8_t *in)
{
	uint32_t length, stream;
	uint16_t meta_len;
	memcpy(&length, in, sizeof length);
	memcpy(&meta_len, in + 6, sizeof meta_len);
	memcpy(&stream, in + 8, sizeof stream);
	return (struct header){be32toh(length), in[4], in[5], be16toh(meta_len), be32toh(stream)};
}

enum decode frame_decode(struct bytes in, uint32_t max_frame, struct frame *out, size_t *consumed,
                         size_t *needed, const char **reason)
{
	if (in.len < FRAME_HEADER_SIZE) {
		*needed = FRAME_HEADER_SIZE;
		return DECODE_INCOMPLETE;
	}
	struct header header = header_read(in.data);
	const char *fault = header_fault(&header, max_frame);
	if (fault) {
		*reason = fault;
		return DECODE_MALFORMED;
	}
	if (header.length > in.len - FRAME_HEADER_SIZE) {
		*needed = FRAME_HEADER_SIZE + (size_t)header.length;
		return DECODE_INCOMPLETE;
	}
	const uint8_t *meta = in.data + FRAME_HEADER_SIZE;
	*out = (struct frame){
		.type = header.type,
		.flags = header.flags,
		.stream = header.stream,
		.meta = bytes_of(meta, header.meta_len),
		.body = bytes_of(meta + header.meta_len, header.length - header.meta_len),
	};
	*consumed = FRAME_HEADER_SIZE + (size_t)header.length;
	return DECODE_OK;
}
