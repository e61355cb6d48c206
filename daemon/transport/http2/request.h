/* request - what the headers of an HTTP/2 request say, field by field as they come.
 *
 * Nothing is refused here: begin.c looks at the whole and decides, in the order that gRPC's
 * implementations keep. Metadata is kept as a CallMeta block, as calls read it.
 * Owns: `metadata`. Lifetime: its stream's. */
#pragma once
#include "daemon/rpc/service.h"
#include "proto/grpc_text.h"
#include "proto/limits.h"

enum http2_content {
	CONTENT_OTHER,
	CONTENT_GRPC,       /* application/grpc, or +proto */
	CONTENT_GRPC_CODEC, /* application/grpc+something */
	CONTENT_GRPC_WEB,   /* application/grpc-web, or +proto */
	CONTENT_JSON,       /* Connect: the body is a message */
	CONTENT_PROTO,
	CONTENT_CONNECT_JSON, /* Connect: the body is messages behind prefixes */
	CONTENT_CONNECT_PROTO,
};

enum http2_codec {
	CODEC_IDENTITY,
	CODEC_GZIP,
	CODEC_UNKNOWN,
};

struct http2_request {
	const struct route *route; /* NULL: no such path */
	uint64_t timeout_us;       /* UINT64_MAX: none was given */
	uint32_t list_size;        /* as RFC 9113 counts: 32 bytes more for each field */
	uint32_t entries;          /* of metadata */
	uint32_t next_known;       /* in the list of names that we know: the likely next one */
	enum http2_content content;
	const char *answer_type;   /* content-type of an answer of messages behind prefixes */
	enum http2_codec encoding; /* of these messages */
	enum http2_codec content_encoding; /* of a Connect body */
	bool accepts_gzip, body_accepts_gzip;
	bool is_post, is_head;
	bool bad_timeout, bad_binary, bad_version, too_large, has_trace;
	uint16_t path_len;
	uint8_t trace[TRACE_SIZE];
	char path[LIMIT_PATH]; /* as far as it fits */
	struct buffer metadata;
};

/* Who speaks gRPC knows what it means to be told to stop; a browser, or its proxy, may not. */
static inline bool request_is_grpc(const struct http2_request *request)
{
	return request->content == CONTENT_GRPC || request->content == CONTENT_GRPC_CODEC;
}

void request_init(struct http2_request *request);

/* One header field; names are lower case, as HTTP/2 has them. False: no memory. */
MUST_CHECK
bool request_field(struct http2_request *request, const struct router *router, struct bytes name,
                   struct bytes value);
