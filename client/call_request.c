/* What a call is made of: its arguments checked, its metadata and request packed behind it. */
#include "client/call.h"

#include "client/channel.h"
#include "client/messages.h"
#include "client/metadata.h"
#include "client/request_key.h"
#include "proto/frame.h"
#include "proto/grpc_text.h"
#include "proto/gzip.h"

#include <stdlib.h>

enum {
	TIMEOUT_MS = 30000,
	METADATA_MOST = 7800, /* leaves room for a path and the rest of a CallMeta */
};

static const char ACTOR_KEY[] = "x-prism-actor";

static const char *key_fault(const char *key)
{
	if (!key || !*key)
		return "metadata: a key is missing";
	if (strspn(key, "0123456789abcdefghijklmnopqrstuvwxyz_.-") != strlen(key))
		return "metadata: keys are made of 0-9, a-z, '_', '.' and '-'";
	if (strncmp(key, "grpc-", 5) == 0)
		return "metadata: keys that begin with grpc- are reserved";
	if (strcmp(key, ACTOR_KEY) == 0)
		return "metadata: the actor is given by the option `actor`";
	return NULL;
}

/* What gRPC and HTTP/2 say themselves, or do not allow. */
static bool key_is_taken(const char *key)
{
	static const char *const KEYS[] = {
		"connection", "content-length",    "content-type", "host",       "keep-alive",
		"te",         "transfer-encoding", "upgrade",      "user-agent", "proxy-connection",
		"traceparent"};
	for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++)
		if (strcmp(key, KEYS[i]) == 0)
			return true;
	return false;
}

/* What is wrong with an entry as a header field. */
static const char *field_fault(const struct prism_metadata *metadata)
{
	struct bytes value = bytes_of(metadata->value, metadata->value_len);
	if (key_is_taken(metadata->key))
		return "metadata: over gRPC a key must not be one that HTTP has a use for";
	if (!grpc_key_is_binary(bytes_of_string(metadata->key)) && !grpc_value_is_plain(value))
		return "metadata: over gRPC a value must be printable ASCII without spaces at its "
		       "ends, unless its key ends in -bin";
	return NULL;
}

struct entries {
	struct metadata list[LIMIT_METADATA_ENTRIES];
	size_t count, size; /* size: of the packed block */
};

static const char *entries_add(struct entries *entries, const struct prism_channel *channel,
                               const struct prism_metadata *metadata)
{
	const char *fault = key_fault(metadata->key);
	if (fault)
		return fault;
	if (!metadata->value && metadata->value_len > 0)
		return "metadata: a value is NULL and its length is not 0";
	if (channel->settings.protocol == PRISM_GRPC && (fault = field_fault(metadata)))
		return fault;
	entries->list[entries->count++] = (struct metadata){
		bytes_of_string(metadata->key), bytes_of(metadata->value, metadata->value_len)};
	return NULL;
}

static const char *actor_add(struct entries *entries, const struct prism_channel *channel,
                             const struct prism_call_options *options)
{
	const char *actor = options->actor ? options->actor : channel->settings.actor;
	if (!*actor)
		return NULL;
	if (options->actor && !uuid_text_valid(actor))
		return "actor: must be a user's UUID (8-4-4-4-12 hex digits)";
	entries->list[entries->count++] =
		(struct metadata){bytes_of_string(ACTOR_KEY), bytes_of_string(actor)};
	return NULL;
}

static const char *entries_fill(struct entries *entries, const struct prism_channel *channel,
                                const struct prism_call_options *options)
{
	static const struct call_meta NOTHING_ELSE;
	entries->count = entries->size = 0;
	if (options->metadata_count >= LIMIT_METADATA_ENTRIES)
		return "metadata: at most 99 entries are allowed";
	const char *fault = actor_add(entries, channel, options);
	for (size_t i = 0; i < options->metadata_count && !fault; i++)
		fault = entries_add(entries, channel, &options->metadata[i]);
	if (fault || entries->count == 0)
		return fault;
	entries->size = call_meta_size(&NOTHING_ELSE, entries->list, entries->count);
	return entries->size > METADATA_MOST ? "metadata: at most 7,800 bytes are allowed" : NULL;
}

/* Version 00 of https://www.w3.org/TR/trace-context/. */
static bool trace_parse(const char *text, uint8_t trace[TRACE_SIZE])
{
	return strncmp(text, "00-", 3) == 0 && traceparent_read(bytes_of_string(text), trace);
}

const char *request_fault(const ProtobufCMessageDescriptor *type, const ProtobufCMessage *message)
{
	if (!message->descriptor || message->descriptor != type)
		return "request: the message is not of the method's request type";
	if (!protobuf_c_message_check(message))
		return "request: a required field is missing, or an element of a list is NULL";
	return NULL;
}

static bool printable(const char *text)
{
	while (*text >= 0x20 && *text <= 0x7e)
		text++;
	return *text == '\0';
}

static const char *method_fault(const struct prism_method *method, const ProtobufCMessage *request)
{
	if (!method->path || method->path[0] != '/' || strlen(method->path) > LIMIT_PATH)
		return "method: its path must begin with / and have at most 256 bytes";
	if (!printable(method->path))
		return "method: its path must be printable ASCII";
	if (!method->request || !method->response)
		return "method: its request and response types are missing";
	if (method->kind >= PRISM_CLIENT_STREAMING)
		return request ? "request: must be NULL, messages of this method are sent with "
		                 "prism_call_send()"
		               : NULL;
	return request ? request_fault(method->request, request) : "request: is missing";
}

bool call_compress(const struct prism_call *call, struct bytes packed, struct buffer *out)
{
	struct gzip *gzip = call->compress ? channel_gzip(call->channel) : NULL;
	return gzip && gzip_deflate(gzip, packed, out);
}

static void storage_fill(struct prism_call *call, const struct entries *entries,
                         const ProtobufCMessage *request, const struct request_key *key)
{
	static const struct call_meta NOTHING_ELSE;
	uint8_t *storage = (uint8_t *)(call + 1);
	if (entries->size > 0) {
		struct writer writer = writer_init(storage, entries->size);
		call_meta_write(&writer, &NOTHING_ELSE, entries->list, entries->count);
		call->metadata = bytes_of(storage, entries->size);
	}
	if (!request)
		return;
	uint8_t *packed = storage + entries->size;
	size_t len = protobuf_c_message_pack(request, packed);
	call->request = bytes_of(packed, len + key->len);
	call->request_id = request_key_write(key, packed + len);
	if (call_compress(call, call->request, &call->compressed))
		call->request = buffer_bytes(&call->compressed);
}

static uint32_t call_timeout(const struct prism_call_options *options,
                             const struct prism_method *method)
{
	if (options->timeout_ms)
		return options->timeout_ms;
	return method && method->timeout_ms ? method->timeout_ms : TIMEOUT_MS;
}

static const struct prism_call_options NO_OPTIONS;

struct prism_call *call_new(struct prism_channel *channel, const struct prism_method *method,
                            const struct prism_call_options *options,
                            const ProtobufCMessage *request,
                            const struct prism_call_handler *handler, const char **fault)
{
	struct entries entries;
	options = options ? options : &NO_OPTIONS;
	*fault = entries_fill(&entries, channel, options);
	if (!*fault && method)
		*fault = method_fault(method, request);
	if (*fault) {
		entries.size = 0;
		request = NULL;
	}
	struct request_key key = {.len = 0};
	enum prism_idempotency idempotency = request_key_make(&key, method, request);
	size_t request_len = request ? protobuf_c_message_get_packed_size(request) + key.len : 0;
	bool gzip = options->compress && channel->settings.protocol == PRISM_GRPC;
	struct prism_call *call = malloc(sizeof *call + entries.size + request_len);
	if (!call)
		return NULL;
	*call = (struct prism_call){
		.channel = channel,
		.method = method,
		.idempotency = idempotency,
		.retry = channel->settings.retry,
		.timeout_ms = call_timeout(options, method),
		.wait_for_ready = options->wait_for_ready,
		.gzip = gzip,
		.compress = gzip,
		.close_send = method && method->kind < PRISM_CLIENT_STREAMING,
	};
	if (options->response_metadata && metadata_hold(options->response_metadata))
		call->response_metadata = options->response_metadata;
	else if (options->response_metadata && !*fault)
		*fault = "response_metadata: another call, which has not ended, has it";
	if (handler)
		call->handler = *handler;
	storage_fill(call, &entries, request, &key);
	if (options->retry && !*fault)
		*fault = retry_policy_set(&call->retry, options->retry);
	call->traced = options->traceparent && trace_parse(options->traceparent, call->trace);
	if (options->traceparent && !call->traced && !*fault)
		*fault = "traceparent: must be 00-<32 hex>-<16 hex>-<2 hex>, lower case";
	return call;
}

bool call_unsent(const struct prism_call *call, struct bytes *rest)
{
	struct message first = {call->request, 0};
	if (call->stream.closed)
		return false;
	if (call_streams_requests(call) && !messages_first(&call->outbox, &first))
		return false;
	*rest = bytes_of(first.bytes.data + call->stream.sent, first.bytes.len - call->stream.sent);
	return true;
}

bool call_unsent_is_compressed(const struct prism_call *call)
{
	struct message first;
	if (!call_streams_requests(call))
		return buffer_len(&call->compressed) > 0;
	return messages_first(&call->outbox, &first) && first.tag == MESSAGE_COMPRESSED;
}

void call_sent(struct prism_call *call, size_t len, bool last)
{
	bool streams = call_streams_requests(call);
	call->stream.consumed |= streams;
	call->stream.sent += len;
	if (!last)
		return;
	if (streams) {
		messages_pop(&call->outbox);
		call->stream.sent = 0;
	}
	call->stream.closed = call->close_send && buffer_len(&call->outbox) == 0;
}

bool call_sends_alone(const struct prism_call *call)
{
	struct message first;
	return !messages_first(&call->outbox, &first) ||
	       first.bytes.data + first.bytes.len == call->outbox.data + call->outbox.end;
}

bool call_has_to_send(const struct prism_call *call)
{
	if (call->stream.closed)
		return false;
	return !call_streams_requests(call) || buffer_len(&call->outbox) > 0 || call->close_send;
}
