#include "proto/frame_fields.h"

/* One field: number, kind, the struct's member, its name for people, what it must be. */
#define FIELD(number, kind_, type, member, name, must)       \
	[number] = {.kind = kind_,                           \
	            .offset = offsetof(struct type, member), \
	            .twice = name " is given twice",         \
	            .wrong = name " has a wrong wire type",  \
	            .bad = name " must be " must}
#define U32(number, type, member, name)  FIELD(number, META_U32, type, member, name, "below 2^32")
#define U64(number, type, member, name)  FIELD(number, META_U64, type, member, name, "below 2^64")
#define TEXT(number, type, member, name) FIELD(number, META_TEXT, type, member, name, "UTF-8")
#define PRINTABLE(number, type, member, name) \
	FIELD(number, META_PRINTABLE, type, member, name, "printable ASCII")
#define RAW(number, type, member, name) FIELD(number, META_RAW, type, member, name, "bytes")
#define ENTRY(number, type, name) \
	FIELD(number, META_ENTRY, type, block, name, "a key of [0-9a-z_.-]+ and a value")
#define CODE(number, type, name) FIELD(number, META_STATUS, type, code, name, "below 2^32")
#define REFUSED(number, type, name)                         \
	[number] = {.kind = META_REFUSED,                   \
	            .twice = name " is given twice",        \
	            .wrong = name " has a wrong wire type", \
	            .bad = name " must be 0: version 1 has no attachments"}

const struct meta_shape HELLO_SHAPE = {{
	U32(1, hello, max_frame, "Hello.max_frame"),
	U32(2, hello, max_message, "Hello.max_message"),
	U32(3, hello, max_meta, "Hello.max_meta"),
	U32(4, hello, max_streams, "Hello.max_streams"),
	U32(5, hello, stream_credit, "Hello.stream_credit"),
	U32(6, hello, connection_credit, "Hello.conn_credit"),
	U32(7, hello, max_interned, "Hello.max_interned"),
	FIELD(8, META_CODECS, hello, codecs, "Hello.codecs", "numbers"),
	U32(9, hello, min_ping_ms, "Hello.min_ping_ms"),
	TEXT(10, hello, agent, "Hello.agent"),
	RAW(11, hello, token, "Hello.token"),
	U64(12, hello, features, "Hello.features"),
	TEXT(13, hello, node, "Hello.node"),
	U64(14, hello, boot_id, "Hello.boot_id"),
}};

const struct meta_shape CALL_SHAPE = {{
	PRINTABLE(1, call_meta, path, "CallMeta.path"),
	U32(2, call_meta, path_id, "CallMeta.path_id"),
	[3] = {.kind = META_TIMEOUT,
               .offset = offsetof(struct call_meta, timeout_us),
               .flag = offsetof(struct call_meta, has_timeout),
               .twice = "CallMeta.timeout_us is given twice",
               .wrong = "CallMeta.timeout_us has a wrong wire type"},
	RAW(4, call_meta, trace, "CallMeta.trace"),
	PRINTABLE(5, call_meta, tracestate, "CallMeta.tracestate"),
	ENTRY(6, call_meta, "CallMeta.md"),
	U32(7, call_meta, codec, "CallMeta.codec"),
	PRINTABLE(8, call_meta, authority, "CallMeta.authority"),
	U32(9, call_meta, attempt, "CallMeta.attempt"),
	REFUSED(11, call_meta, "CallMeta.attachment_len"),
	U32(12, call_meta, accept, "CallMeta.accept"),
}};

const struct meta_shape HEAD_SHAPE = {{
	ENTRY(1, head_meta, "HeadMeta.md"),
	U32(2, head_meta, codec, "HeadMeta.codec"),
}};

const struct meta_shape END_SHAPE = {{
	CODE(1, end_meta, "EndMeta.code"),
	TEXT(2, end_meta, message, "EndMeta.message"),
	FIELD(3, META_DETAIL, end_meta, details, "EndMeta.details", "bytes"),
	ENTRY(4, end_meta, "EndMeta.trailing"),
	FIELD(5, META_RETRY, end_meta, retry, "EndMeta.retry", "below 2^32"),
	U32(6, end_meta, pushback_ms, "EndMeta.pushback_ms"),
	FIELD(7, META_HEAD, end_meta, head, "EndMeta.head", "a well-formed HeadMeta"),
	U32(8, end_meta, server_us, "EndMeta.server_us"),
	REFUSED(9, end_meta, "EndMeta.attachment_len"),
}};

const struct meta_shape CANCEL_SHAPE = {{
	CODE(1, cancel_meta, "CancelMeta.code"),
	TEXT(2, cancel_meta, reason, "CancelMeta.reason"),
}};

const struct meta_shape GOAWAY_SHAPE = {{
	U32(1, goaway_meta, last_stream, "GoawayMeta.last_stream"),
	CODE(2, goaway_meta, "GoawayMeta.code"),
	TEXT(3, goaway_meta, reason, "GoawayMeta.reason"),
	U32(4, goaway_meta, retry_after_ms, "GoawayMeta.retry_after_ms"),
}};

const struct hello HELLO_START = {
	.max_frame = LIMIT_FRAME_START,
	.max_message = LIMIT_MESSAGE,
	.max_meta = LIMIT_FRAME_META,
	.max_streams = LIMIT_STREAMS_START,
	.stream_credit = LIMIT_STREAM_CREDIT_START,
	.connection_credit = LIMIT_CONNECTION_CREDIT_START,
	.max_interned = LIMIT_INTERNED_PATHS_START,
	.min_ping_ms = LIMIT_PING_INTERVAL,
	.codecs = 1,
};
