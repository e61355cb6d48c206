/* frame_fields - what the fields of the meta blocks are: the tables that guide their decoding.
 * Private to frame_meta.c. */
#pragma once
#include "proto/frame.h"

enum meta_kind {
	META_NONE, /* not ours: skipped */
	META_U32,
	META_U64,
	META_TIMEOUT,   /* a uint64 that may be zero: `flag` says that it is there */
	META_STATUS,    /* enum status */
	META_RETRY,     /* enum retry */
	META_CODECS,    /* repeated uint32 into a bit set */
	META_TEXT,      /* UTF-8 */
	META_PRINTABLE, /* ASCII without control characters */
	META_RAW,       /* any bytes */
	META_HEAD,      /* an embedded HeadMeta */
	META_ENTRY,     /* repeated KV: metadata */
	META_DETAIL,    /* repeated bytes: google.protobuf.Any */
	META_REFUSED,   /* reserved by the protocol: must be zero in version 1 */
};

/* `twice`, `wrong` and `bad` are what a peer is told. */
struct meta_field {
	enum meta_kind kind;
	uint16_t offset, flag; /* in the struct */
	const char *twice, *wrong, *bad;
};

enum { META_FIELDS = 16 };

struct meta_shape {
	struct meta_field fields[META_FIELDS]; /* by number */
};

extern const struct meta_shape HELLO_SHAPE, CALL_SHAPE, HEAD_SHAPE, END_SHAPE, CANCEL_SHAPE,
	GOAWAY_SHAPE;

/* A field as it stands on the wire. */
struct wire_field {
	uint32_t number;
	uint8_t wire;
	uint64_t value;     /* of wire type 0 */
	struct bytes bytes; /* of wire type 2 */
};

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_DELIMITED = 2, WIRE_32 = 5 };

/* The next field; false at the end of the block, and, with reader->failed, if it is malformed. */
static inline bool field_read(struct reader *reader, struct wire_field *field)
{
	if (reader_left(reader) == 0)
		return false;
	uint64_t tag = reader_varint(reader);
	field->number = (uint32_t)(tag >> 3);
	field->wire = tag & 7;
	switch (field->wire) {
	case WIRE_VARINT:
		field->value = reader_varint(reader);
		break;
	case WIRE_DELIMITED:
		field->bytes = reader_delimited(reader);
		break;
	case WIRE_64:
		(void)reader_need(reader, 8);
		reader->at += reader->failed ? 0 : 8;
		break;
	case WIRE_32:
		(void)reader_need(reader, 4);
		reader->at += reader->failed ? 0 : 4;
		break;
	default:
		reader->failed = true;
	}
	if (field->number == 0 || tag > UINT32_MAX)
		reader->failed = true;
	return !reader->failed;
}
