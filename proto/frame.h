/* frame - the native framing, version 1: frames <-> bytes, without any I/O (PROTOCOL.md).
 *
 * Decoders point into the bytes they were given and allocate nothing. Encoders write at a writer.
 * Owns: nothing. Units: lengths in bytes, integers big-endian on the wire, timeouts in
 * microseconds. Errors: DECODE_MALFORMED with a reason, static text; such a connection ends with
 * GOAWAY. */
#pragma once
#include "proto/limits.h"
#include "proto/reader.h"
#include "proto/writer.h"

enum {
	PREFACE_SIZE = 8,
	FRAME_HEADER_SIZE = 12,
	FRAME_VERSION = 1,
	FRAME_STREAM_MAX = 0x7fffffff,
};

enum frame_type {
	FRAME_HELLO = 1,
	FRAME_CALL = 2,
	FRAME_MSG = 3,
	FRAME_HEAD = 4,
	FRAME_END = 5,
	FRAME_CANCEL = 6,
	FRAME_CREDIT = 7,
	FRAME_PING = 8,
	FRAME_GOAWAY = 9,
	FRAME_LIMIT = 10,
	FRAME_IGNORABLE =
		0x80, /* unknown types from here on are skipped, below they end the connection */
};

enum frame_flag {
	FRAME_MORE = 0x01,       /* CALL MSG: the message goes on in the stream's next frame */
	FRAME_COMPRESSED = 0x02, /* CALL MSG END: first fragment of a compressed message */
	FRAME_CLOSE = 0x04,      /* CALL MSG: the sender half-closes after this message */
	FRAME_NOMSG = 0x08,      /* CALL MSG END: no message (an empty one is a message) */
	FRAME_PING_ACK = 0x01,
	FRAME_GOAWAY_FINAL = 0x01,
	FRAME_GOAWAY_ACK = 0x02,
};

enum decode {
	DECODE_OK,
	DECODE_INCOMPLETE,
	DECODE_MALFORMED,
};

/* --- the preface ------------------------------------------------------- */

/* 8E 'R' 'P' 'C', vmin, vmax, 0, 0. */
void preface_write(uint8_t out[PREFACE_SIZE], uint8_t version_min, uint8_t version_max);

/* OK with both versions; MALFORMED as soon as a byte cannot belong to a preface. */
enum decode preface_decode(struct bytes in, uint8_t *version_min, uint8_t *version_max,
                           const char **reason);

/* --- frames ------------------------------------------------------------ */

struct frame {
	uint8_t type, flags;
	uint32_t stream;
	struct bytes meta, body; /* into the input */
};

/* The first frame of `in`. OK: *consumed is its whole size. INCOMPLETE: *needed is the size of the
 * whole frame when its header is there, else FRAME_HEADER_SIZE. Checks what needs no state: length
 * <= max_frame (and never above LIMIT_FRAME_MAX), meta_len <= length and <= LIMIT_FRAME_META, the
 * stream's reserved bit, stream zero exactly for connection frames, flags known for the type, meta
 * and body only where the type has them, none with NOMSG, bodies of fixed size (CREDIT 4, PING 8).
 */
enum decode frame_decode(struct bytes in, uint32_t max_frame, struct frame *out, size_t *consumed,
                         size_t *needed, const char **reason);

/* A frame header; meta and body follow it. length = meta_len + body_len. */
static inline void frame_header_write(struct writer *writer, enum frame_type type, uint8_t flags,
                                      uint32_t stream, size_t meta_len, size_t body_len)
{
	writer_u32(writer, (uint32_t)(meta_len + body_len));
	writer_u8(writer, (uint8_t)type);
	writer_u8(writer, flags);
	writer_u16(writer, (uint16_t)meta_len);
	writer_u32(writer, stream);
}

/* --- metadata ---------------------------------------------------------- */

/* One key and value of call metadata, and the walk over the KV fields of a meta block. Keys are
 * lower case, [0-9a-z_.-]+; values are any bytes (keys that end in "-bin" say so to people and
 * gRPC). */
struct metadata {
	struct bytes key, value;
};

struct metadata_walk {
	struct reader reader;
	uint32_t field; /* the KV field's number in this block: 6 in CallMeta, 1 in HeadMeta, 4 in
	                   EndMeta */
};

/* false at the end. The block was checked when it was decoded, so a walk cannot fail. */
bool metadata_next(struct metadata_walk *walk, struct metadata *out);

/* The first value of `key`; {NULL, 0} if there is none. */
struct bytes metadata_find(struct bytes block, uint32_t field, const char *key);

/* `count` KV fields of that number, as a walk finds them. */
size_t metadata_size(const struct metadata *metadata, size_t count);
void metadata_write(struct writer *writer, uint8_t field, const struct metadata *metadata,
                    size_t count);

/* --- meta blocks: protobuf wire format, scanned without allocation
 * (proto/prism/wire/v1/frame.proto has the schemas) ------------ */

struct hello {
	uint32_t max_frame, max_message, max_meta, max_streams;
	uint32_t stream_credit, connection_credit, max_interned, min_ping_ms;
	uint32_t codecs; /* bit set; bit 0 identity */
	struct bytes agent, token, node;
	uint64_t features, boot_id;
};

struct call_meta {
	struct bytes path; /* empty when only path_id was sent */
	uint32_t path_id;  /* 0: none */
	bool has_timeout;
	uint64_t timeout_us;
	struct bytes trace; /* 25 bytes: W3C trace-id, parent-id, flags; or empty */
	struct bytes tracestate, authority;
	uint32_t codec, accept, attempt;
	uint32_t entries;   /* of metadata */
	struct bytes block; /* walk with METADATA_IN_CALL */
};

struct head_meta {
	uint32_t codec;
	struct bytes block; /* walk with METADATA_IN_HEAD */
};

enum retry {
	RETRY_UNSET = 0,
	RETRY_SAFE = 1, /* the application never saw the call */
	RETRY_NEVER = 2,
};

struct end_meta {
	enum status code;
	struct bytes message;
	enum retry retry;
	uint32_t pushback_ms;
	uint32_t server_us; /* from the arrival of CALL to END; 0: not told */
	uint32_t details;   /* how many google.protobuf.Any; walk them with end_meta_next_detail */
	struct bytes head;  /* an embedded HeadMeta, when no HEAD frame was sent */
	struct bytes block; /* trailing metadata: walk with METADATA_IN_END */
};

struct cancel_meta {
	enum status code; /* CANCELLED or DEADLINE_EXCEEDED */
	struct bytes reason;
};

struct goaway_meta {
	uint32_t last_stream;
	enum status code;
	struct bytes reason;
	uint32_t retry_after_ms;
};

enum { METADATA_IN_CALL = 6, METADATA_IN_HEAD = 1, METADATA_IN_END = 4 };

/* Unknown fields are skipped; a known one twice, a wrong wire type, a bad key, or too many entries
 * is malformed. */
MUST_CHECK
bool hello_decode(struct bytes meta, struct hello *out, const char **reason);
MUST_CHECK
bool call_meta_decode(struct bytes meta, struct call_meta *out, const char **reason);
MUST_CHECK
bool head_meta_decode(struct bytes meta, struct head_meta *out, const char **reason);
MUST_CHECK
bool end_meta_decode(struct bytes meta, struct end_meta *out, const char **reason);
MUST_CHECK
bool cancel_meta_decode(struct bytes meta, struct cancel_meta *out, const char **reason);
MUST_CHECK
bool goaway_meta_decode(struct bytes meta, struct goaway_meta *out, const char **reason);
bool end_meta_next_detail(struct reader *walk, struct bytes *any); /* start: reader_init(meta) */
/* What the details say for machines: the reason of google.rpc.ErrorInfo, and the field that
 * google.rpc.BadRequest names first. Empty: not said. They point into `meta`. */
void end_meta_cause(struct bytes meta, struct bytes *reason, struct bytes *violated);

/* Encoders. Sizes first, so that header, meta and body are one append. Zero and empty fields are
 * left out. `metadata` is `count` pairs. */
size_t hello_size(const struct hello *hello);
void hello_write(struct writer *writer, const struct hello *hello);
size_t call_meta_size(const struct call_meta *meta, const struct metadata *metadata, size_t count);
void call_meta_write(struct writer *writer, const struct call_meta *meta,
                     const struct metadata *metadata, size_t count);
size_t head_meta_size(const struct head_meta *meta, const struct metadata *metadata, size_t count);
void head_meta_write(struct writer *writer, const struct head_meta *meta,
                     const struct metadata *metadata, size_t count);
/* details: `detail_count` packed google.protobuf.Any. meta->head is written as it is. */
size_t end_meta_size(const struct end_meta *meta, const struct bytes *details, size_t detail_count,
                     const struct metadata *metadata, size_t count);
void end_meta_write(struct writer *writer, const struct end_meta *meta, const struct bytes *details,
                    size_t detail_count, const struct metadata *metadata, size_t count);
size_t cancel_meta_size(const struct cancel_meta *meta);
void cancel_meta_write(struct writer *writer, const struct cancel_meta *meta);
size_t goaway_meta_size(const struct goaway_meta *meta);
void goaway_meta_write(struct writer *writer, const struct goaway_meta *meta);

/* The defaults that hold before a peer's HELLO, and what a HELLO of ours says. */
extern const struct hello HELLO_START;

/* Raises `limits` to what `told` says; a value below what holds is ignored (HELLO may only raise).
 */
void hello_raise(struct hello *limits, const struct hello *told);
