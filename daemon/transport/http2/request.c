#include "daemon/transport/http2/request.h"

#include "proto/base64.h"
#include "proto/frame.h"

#include <stdlib.h>

enum { FIELD_OVERHEAD = 32, TIMEOUT_MS_DIGITS = 10 };

/* --- values --------------------------------------------------------------------------------- */

static bool begins_with(struct bytes text, const char *start)
{
	size_t len = strlen(start);
	return text.len >= len && memcmp(text.data, start, len) == 0;
}

static const char TYPE_GRPC[] = "application/grpc", TYPE_GRPC_PROTO[] = "application/grpc+proto",
		  TYPE_WEB[] = "application/grpc-web",
		  TYPE_WEB_PROTO[] = "application/grpc-web+proto",
		  TYPE_CONNECT_JSON[] = "application/connect+json",
		  TYPE_CONNECT_PROTO[] = "application/connect+proto";

/* The media type alone, or with parameters. */
static bool is_type(struct bytes value, const char *type)
{
	size_t len = strlen(type);
	return begins_with(value, type) &&
	       (value.len == len || value.data[len] == ';' || value.data[len] == ' ');
}

static enum http2_content content_of(struct bytes value)
{
	if (is_type(value, TYPE_GRPC) || is_type(value, TYPE_GRPC_PROTO))
		return CONTENT_GRPC;
	if (is_type(value, TYPE_WEB) || is_type(value, TYPE_WEB_PROTO))
		return CONTENT_GRPC_WEB;
	if (begins_with(value, "application/grpc+"))
		return CONTENT_GRPC_CODEC;
	if (is_type(value, "application/json"))
		return CONTENT_JSON;
	if (is_type(value, TYPE_CONNECT_JSON))
		return CONTENT_CONNECT_JSON;
	if (is_type(value, TYPE_CONNECT_PROTO))
		return CONTENT_CONNECT_PROTO;
	return is_type(value, "application/proto") ? CONTENT_PROTO : CONTENT_OTHER;
}

static enum http2_codec codec_of(struct bytes value)
{
	if (bytes_equal_string(value, "identity"))
		return CODEC_IDENTITY;
	return bytes_equal_string(value, "gzip") ? CODEC_GZIP : CODEC_UNKNOWN;
}

/* Whether a list names gzip: "identity, deflate,gzip;q=0.5". */
static bool lists_gzip(struct bytes value)
{
	for (size_t at = 0; at + 4 <= value.len; at++) {
		bool begins = at == 0 || value.data[at - 1] == ',' || value.data[at - 1] == ' ';
		bool ends = at + 4 == value.len || strchr(", ;", value.data[at + 4]);
		if (begins && ends && memcmp(value.data + at, "gzip", 4) == 0)
			return true;
	}
	return false;
}

static bool timeout_ms_read(struct bytes value, uint64_t *us)
{
	uint64_t ms = 0;
	if (value.len == 0 || value.len > TIMEOUT_MS_DIGITS)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return false;
		ms = ms * 10 + (value.data[i] - '0');
	}
	*us = ms * 1000;
	return true;
}

/* --- fields that we know ------------------------------------------------------------- */

typedef void field_taker(struct http2_request *request, struct bytes value);

static void take_method(struct http2_request *request, struct bytes value)
{
	request->is_post = bytes_equal_string(value, "POST");
	request->is_head = bytes_equal_string(value, "HEAD");
}

static void take_content_type(struct http2_request *request, struct bytes value)
{
	request->content = content_of(value);
	if (request->content == CONTENT_GRPC_WEB)
		request->answer_type = TYPE_WEB_PROTO;
	else if (request->content == CONTENT_CONNECT_JSON)
		request->answer_type = TYPE_CONNECT_JSON;
	else if (request->content == CONTENT_CONNECT_PROTO)
		request->answer_type = TYPE_CONNECT_PROTO;
	else if (is_type(value, TYPE_GRPC_PROTO))
		request->answer_type = TYPE_GRPC_PROTO;
}

static void take_timeout(struct http2_request *request, struct bytes value)
{
	request->bad_timeout = !grpc_timeout_read(value, &request->timeout_us);
}

static void take_timeout_ms(struct http2_request *request, struct bytes value)
{
	request->bad_timeout = !timeout_ms_read(value, &request->timeout_us);
}

/* Of the Connect protocol. */
static void take_version(struct http2_request *request, struct bytes value)
{
	request->bad_version = !bytes_equal_string(value, "1");
}

static void take_encoding(struct http2_request *request, struct bytes value)
{
	request->encoding = codec_of(value);
}

static void take_content_encoding(struct http2_request *request, struct bytes value)
{
	request->content_encoding = codec_of(value);
}

static void take_accept(struct http2_request *request, struct bytes value)
{
	request->accepts_gzip |= lists_gzip(value);
}

static void take_body_accept(struct http2_request *request, struct bytes value)
{
	request->body_accepts_gzip |= lists_gzip(value);
}

/* A broken one starts a new trace, says the specification. */
static void take_trace(struct http2_request *request, struct bytes value)
{
	request->has_trace = traceparent_read(value, request->trace);
}

static void ignore(struct http2_request *request, struct bytes value)
{
	(void)request;
	(void)value;
}

#define KNOWN(name, take)                    \
	{                                    \
		name, sizeof(name) - 1, take \
	}
static const struct {
	const char *name;
	size_t len;
	field_taker *take;
} known[] = {
	KNOWN(":method", take_method),
	KNOWN(":scheme", ignore),
	KNOWN(":authority", ignore),
	KNOWN("te", ignore),
	KNOWN("content-type", take_content_type),
	KNOWN("user-agent", ignore),
	KNOWN("grpc-timeout", take_timeout),
	KNOWN("grpc-encoding", take_encoding),
	KNOWN("grpc-accept-encoding", take_accept),
	KNOWN("traceparent", take_trace),
	KNOWN("host", ignore),
	KNOWN("accept", ignore),
	KNOWN("content-length", ignore),
	KNOWN("content-encoding", take_content_encoding),
	KNOWN("accept-encoding", take_body_accept),
	KNOWN("connect-protocol-version", take_version),
	KNOWN("connect-timeout-ms", take_timeout_ms),
	KNOWN("connect-content-encoding", take_encoding),
	KNOWN("connect-accept-encoding", take_accept),
};

/* The list is in the order in which clients send them. */
static field_taker *taker_of(struct http2_request *request, struct bytes name)
{
	enum { COUNT = sizeof(known) / sizeof(*known) };
	uint32_t at = request->next_known;
	for (size_t i = 0; i < COUNT; i++, at++) {
		if (at >= COUNT)
			at = 0;
		if (name.len != known[at].len || memcmp(name.data, known[at].name, name.len) != 0)
			continue;
		request->next_known = at + 1;
		return known[at].take;
	}
	return NULL;
}

static void take_path(struct http2_request *request, const struct router *router,
                      struct bytes value)
{
	request->route = router_find(router, value);
	request->path_len = (uint16_t)(value.len < LIMIT_PATH ? value.len : LIMIT_PATH);
	memcpy(request->path, value.data, request->path_len);
}

/* --- metadata ------------------------------------------------------------------------ */

static bool is_key(struct bytes name)
{
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.data[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
		            c == '-' || c == '.';
		if (!good)
			return false;
	}
	return name.len > 0;
}

static bool is_binary(struct bytes name)
{
	return name.len > 4 && memcmp(name.data + name.len - 4, "-bin", 4) == 0;
}

static bool keep(struct http2_request *request, struct bytes name, struct bytes value)
{
	const struct metadata entry = {name, value};
	if (++request->entries > LIMIT_METADATA_ENTRIES) {
		request->too_large = true;
		return true;
	}
	size_t len = metadata_size(&entry, 1);
	uint8_t *room = buffer_reserve(&request->metadata, len);
	if (!room)
		return false;
	struct writer writer = writer_init(room, len);
	metadata_write(&writer, METADATA_IN_CALL, &entry, 1);
	request->metadata.end += len;
	return true;
}

/* Several values of one key may be joined by commas. */
static bool keep_binary(struct http2_request *request, struct bytes name, struct bytes value)
{
	uint8_t *data = malloc(base64_data_len(value.len));
	bool kept = data != NULL;
	do {
		size_t len;
		if (!kept)
			break;
		if (grpc_binary_next(&value, data, &len))
			kept = keep(request, name, bytes_of(data, len));
		else
			request->bad_binary = true;
	} while (value.len > 0 && !request->bad_binary);
	free(data);
	return kept;
}

/* What gRPC and Connect reserve for themselves, but this one. */
static bool is_reserved(struct bytes name)
{
	return (begins_with(name, "grpc-") &&
	        !bytes_equal_string(name, "grpc-previous-rpc-attempts")) ||
	       begins_with(name, "connect-");
}

void request_init(struct http2_request *request)
{
	struct buffer metadata = request->metadata;
	metadata.start = metadata.end = 0;
	memset(request, 0, offsetof(struct http2_request, path));
	request->metadata = metadata;
	request->timeout_us = UINT64_MAX;
	request->answer_type = TYPE_GRPC;
}

bool request_field(struct http2_request *request, const struct router *router, struct bytes name,
                   struct bytes value)
{
	size_t size = name.len + value.len + FIELD_OVERHEAD;
	if (size > LIMIT_FRAME_META - request->list_size)
		request->too_large = true;
	if (request->too_large)
		return true;
	request->list_size += (uint32_t)size;
	if (bytes_equal_string(name, ":path")) {
		take_path(request, router, value);
		return true;
	}
	field_taker *take = taker_of(request, name);
	if (take) {
		take(request, value);
		return true;
	}
	if (is_reserved(name) || !is_key(name))
		return true;
	return is_binary(name) ? keep_binary(request, name, value) : keep(request, name, value);
}
