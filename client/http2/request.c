/* What goes to the server: a call's header list, then its messages behind their prefixes. */
#include "client/http2/http2.h"

#include "client/channel.h"
#include "proto/base64.h"
#include "proto/grpc_text.h"

#include <stdio.h>

enum {
	FIXED_FIELDS = 13, /* beside metadata */
	FIELDS_STORAGE = 3072,
	FIELDS_MEMORY = 65536, /* above what the most metadata takes, in base64 */
};

/* --- the header list ------------------------------------------------------------------------ */

struct fields {
	struct arena arena;
	nghttp2_nv *nv;
	size_t count;
	uint8_t storage[FIELDS_STORAGE];
};

static bool fields_init(struct fields *fields, const struct prism_call *call)
{
	struct metadata_walk walk = {reader_init(call->metadata), METADATA_IN_CALL};
	struct metadata entry;
	size_t entries = 0;
	while (metadata_next(&walk, &entry))
		entries++;
	arena_init(&fields->arena, fields->storage, sizeof fields->storage, FIELDS_MEMORY);
	fields->count = 0;
	fields->nv = arena_alloc(&fields->arena, (FIXED_FIELDS + entries) * sizeof *fields->nv);
	return fields->nv != NULL;
}

/* Names are static, or the call's; nghttp2 copies values. */
static void add(struct fields *fields, struct bytes name, struct bytes value, uint8_t flags)
{
	fields->nv[fields->count++] = (nghttp2_nv){
		.name = (uint8_t *)name.data,
		.value = (uint8_t *)value.data,
		.namelen = name.len,
		.valuelen = value.len,
		.flags = flags,
	};
}

static void add_text(struct fields *fields, const char *name, const char *value)
{
	add(fields, bytes_of_string(name), bytes_of_string(value), NGHTTP2_NV_FLAG_NONE);
}

/* A value that is another one each time, or a secret: not for the compression table. */
static void add_once(struct fields *fields, const char *name, struct bytes value)
{
	add(fields, bytes_of_string(name), value, NGHTTP2_NV_FLAG_NO_INDEX);
}

static bool add_binary(struct fields *fields, const struct metadata *entry)
{
	char *text = arena_alloc(&fields->arena, base64_text_len(entry->value.len) + 1);
	if (!text)
		return false;
	add(fields, entry->key, bytes_of(text, grpc_binary_write(entry->value, text)),
	    NGHTTP2_NV_FLAG_NO_INDEX);
	return true;
}

/* *authorized: an entry proves who calls. */
static bool add_metadata(struct fields *fields, const struct prism_call *call, bool *authorized)
{
	struct metadata_walk walk = {reader_init(call->metadata), METADATA_IN_CALL};
	struct metadata entry;
	while (metadata_next(&walk, &entry)) {
		if (grpc_key_is_binary(entry.key)) {
			if (!add_binary(fields, &entry))
				return false;
			continue;
		}
		*authorized |= bytes_equal_string(entry.key, "authorization");
		add(fields, entry.key, entry.value, NGHTTP2_NV_FLAG_NONE);
	}
	return true;
}

static bool add_key(struct fields *fields, const char *token)
{
	static const char SCHEME[] = "Bearer ";
	size_t len = sizeof SCHEME - 1 + strlen(token);
	char *text = arena_alloc(&fields->arena, len + 1);
	if (!text)
		return false;
	snprintf(text, len + 1, "%s%s", SCHEME, token);
	add_once(fields, "authorization", bytes_of(text, len));
	return true;
}

/* A unix socket has no authority; its path would be no valid one. */
static const char *authority_of(const struct settings *settings)
{
	return strncmp(settings->address.text, "unix:", 5) == 0 ? "localhost"
	                                                        : settings->address.text;
}

/* The program's name is left out where it would be no header field. */
static const char *agent_of(const struct settings *settings)
{
	bool plain = grpc_value_is_plain(bytes_of_string(settings->agent));
	return plain ? settings->agent : "libprism/" PRISM_VERSION;
}

static uint64_t remaining_us(const struct prism_call *call)
{
	uint64_t now = uv_hrtime();
	return call->deadline.at_ns > now ? (call->deadline.at_ns - now) / 1000 : 0;
}

/* What differs from attempt to attempt; the texts are the caller's. */
struct varying {
	char timeout[GRPC_TIMEOUT_SIZE], trace[TRACEPARENT_SIZE], attempts[16];
};

static void add_varying(struct fields *fields, const struct prism_call *call,
                        struct varying *varying)
{
	if (call->timeout_ms != PRISM_NO_TIMEOUT)
		add_once(fields, "grpc-timeout",
		         bytes_of(varying->timeout,
		                  grpc_timeout_write(remaining_us(call), varying->timeout)));
	if (call->traced) {
		traceparent_write(call->trace, varying->trace);
		add_once(fields, "traceparent", bytes_of(varying->trace, sizeof varying->trace));
	}
	if (call->attempts > 1) {
		snprintf(varying->attempts, sizeof varying->attempts, "%u", call->attempts - 1);
		add_once(fields, "grpc-previous-rpc-attempts", bytes_of_string(varying->attempts));
	}
}

static bool add_all(struct fields *fields, const struct prism_call *call, struct varying *varying)
{
	const struct settings *settings = &call->channel->settings;
	bool authorized = false;
	add_text(fields, ":method", "POST");
	add_text(fields, ":scheme", "http");
	add_text(fields, ":path", call->method->path);
	add_text(fields, ":authority", authority_of(settings));
	add_text(fields, "te", "trailers");
	add_varying(fields, call, varying);
	add_text(fields, "content-type", "application/grpc+proto");
	add_text(fields, "grpc-accept-encoding", "identity,gzip");
	if (call->gzip)
		add_text(fields, "grpc-encoding", "gzip");
	add_text(fields, "user-agent", agent_of(settings));
	return add_metadata(fields, call, &authorized) &&
	       (authorized || !settings->token || add_key(fields, settings->token));
}

/* --- messages ------------------------------------------------------------------------------- */

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* As many messages as there are, as far as there is room. */
static size_t fill(struct prism_call *call, struct http2_stream *stream, uint8_t *room, size_t len)
{
	size_t put = 0;
	struct bytes rest;
	while (call_unsent(call, &rest)) {
		if (stream->prefix_sent < GRPC_PREFIX_SIZE) {
			uint8_t prefix[GRPC_PREFIX_SIZE];
			size_t now = smaller(GRPC_PREFIX_SIZE - stream->prefix_sent, len - put);
			bool compressed = call_unsent_is_compressed(call);
			grpc_prefix_write(prefix, compressed ? GRPC_FLAG_COMPRESSED : 0, rest.len);
			memcpy(room + put, prefix + stream->prefix_sent, now);
			stream->prefix_sent = (uint8_t)(stream->prefix_sent + now);
			put += now;
			if (stream->prefix_sent < GRPC_PREFIX_SIZE)
				return put;
		}
		size_t now = smaller(rest.len, len - put);
		if (now == 0 && rest.len > 0)
			return put;
		if (now > 0)
			memcpy(room + put, rest.data, now);
		put += now;
		if (now == rest.len)
			stream->prefix_sent = 0;
		call_sent(call, now, now == rest.len);
	}
	call->stream.closed |= call_has_to_send(call); /* that there is no more */
	return put;
}

static ssize_t read_request(nghttp2_session *nghttp2, int32_t id, uint8_t *room, size_t len,
                            uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
	(void)nghttp2;
	(void)source;
	struct session *session = ctx;
	struct prism_call *call = streams_find(&session->streams, (uint32_t)id);
	if (!call)
		return NGHTTP2_ERR_DEFERRED; /* its reset is on its way */
	struct http2_stream *stream = call->stream.http2;
	size_t put = fill(call, stream, room, len);
	if (call->want_writable && buffer_len(&call->outbox) <= CALL_OUTBOX_ROOM)
		channel_ready(session->channel, call);
	if (call->stream.closed)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (put > 0 || call->stream.closed)
		return (ssize_t)put;
	stream->deferred = true;
	return NGHTTP2_ERR_DEFERRED;
}

int http2_submit_call(struct http2_session *http2, const struct prism_call *call)
{
	const nghttp2_data_provider provider = {.read_callback = read_request};
	struct fields fields;
	struct varying varying;
	int32_t id = NGHTTP2_ERR_NOMEM;
	if (fields_init(&fields, call) && add_all(&fields, call, &varying))
		id = nghttp2_submit_request(http2->nghttp2, NULL, fields.nv, fields.count,
		                            &provider, NULL);
	arena_deinit(&fields.arena);
	return id < 0 ? id : 0;
}
