#include "daemon/transport/http2/trailers.h"

#include "proto/base64.h"
#include "proto/grpc_text.h"
#include "proto/limits.h"

#include <stdio.h>

const char *trailers_status(enum status status)
{
	static const char *const numbers[STATUS_COUNT] = {"0",  "1",  "2",  "3",  "4",  "5",
	                                                  "6",  "7",  "8",  "9",  "10", "11",
	                                                  "12", "13", "14", "15", "16"};
	return numbers[status];
}

/* --- metadata ------------------------------------------------------------------------------- */

static bool encode_binary(struct call *call, struct bytes value, struct bytes *out)
{
	char *text = arena_alloc(&call->arena, base64_text_len(value.len) + 1);
	if (text)
		*out = bytes_of(text, grpc_binary_write(value, text));
	return text != NULL;
}

void trailers_add_metadata(struct call *call, const struct metadata *metadata, size_t count,
                           struct http2_fields *fields)
{
	for (size_t i = 0; i < count; i++) {
		struct bytes value = metadata[i].value;
		bool good = grpc_key_is_binary(metadata[i].key) ? encode_binary(call, value, &value)
		                                                : grpc_value_is_plain(value);
		if (good)
			fields_add(fields, metadata[i].key, value);
	}
}

/* --- the status ---------------------------------------------------------------------- */

static struct bytes message_of(struct call *call, size_t most)
{
	struct bytes message = bytes_of_string(call->message);
	if (message.len > LIMIT_STATUS_MESSAGE)
		message.len = LIMIT_STATUS_MESSAGE;
	while (message.len > 0 && grpc_message_len(message) > most)
		message.len = message.len * 3 / 4;
	size_t len = grpc_message_len(message);
	char *text = len > 0 ? arena_alloc(&call->arena, len) : NULL;
	if (!text)
		return (struct bytes){NULL, 0};
	grpc_message_write(message, text);
	return bytes_of(text, len);
}

static size_t field_len(size_t len)
{
	return 1 + varint_size(len) + len;
}

static void write_field(struct writer *writer, uint8_t number, struct bytes value)
{
	writer_u8(writer, (uint8_t)(number << 3 | 2));
	writer_varint(writer, value.len);
	writer_bytes(writer, value.data, value.len);
}

/* google.rpc.Status {code = 1, message = 2, details = 3}. */
static struct bytes rich_status(struct call *call)
{
	struct bytes message = bytes_of_string(call->message);
	size_t len = 1 + varint_size(call->status) + field_len(message.len);
	for (uint32_t i = 0; i < call->detail_count; i++)
		len += field_len(call->details[i].len);
	uint8_t *room = arena_alloc(&call->arena, len);
	if (!room)
		return (struct bytes){NULL, 0};
	struct writer writer = writer_init(room, len);
	writer_u8(&writer, 1 << 3);
	writer_varint(&writer, call->status);
	write_field(&writer, 2, message);
	for (uint32_t i = 0; i < call->detail_count; i++)
		write_field(&writer, 3, call->details[i]);
	return bytes_of(room, len);
}

static void add_details(struct call *call, size_t most, struct http2_fields *fields)
{
	static const char NAME[] = "grpc-status-details-bin";
	struct bytes status, text;
	size_t size = 0;
	for (uint32_t i = 0; i < call->detail_count; i++)
		size += base64_text_len(call->details[i].len);
	if (call->detail_count == 0 || size > most)
		return;
	status = rich_status(call);
	if (status.len == 0 || !encode_binary(call, status, &text))
		return;
	if (fields->list_size + sizeof(NAME) + text.len + 32 <= most)
		fields_add(fields, bytes_of_string(NAME), text);
}

/* What EndMeta.retry says to native clients (PROTOCOL.md, "Outcome"). */
void trailers_add_outcome(struct call *call, struct http2_fields *fields)
{
	if (call->status == STATUS_OK)
		return;
	if (call->outcome == OUTCOME_NOT_EXECUTED)
		fields_put(fields, "prism-outcome", "not-executed");
	else if (call->outcome == OUTCOME_UNKNOWN)
		fields_put(fields, "prism-outcome", "unknown");
	if (call->pushback_ms == 0)
		return;
	const char *ms = arena_printf(&call->arena, "%u", call->pushback_ms);
	if (ms)
		fields_add(fields, bytes_of_string("grpc-retry-pushback-ms"), bytes_of_string(ms));
}

void trailers_of_call(struct call *call, size_t most, struct http2_fields *fields)
{
	fields_put(fields, "grpc-status", trailers_status(call->status));
	if (call->status != STATUS_OK) {
		struct bytes message = message_of(call, most / 2);
		if (message.len > 0)
			fields_add(fields, bytes_of_string("grpc-message"), message);
		trailers_add_outcome(call, fields);
	}
	size_t count = fields->count, list_size = fields->list_size;
	trailers_add_metadata(call, call->trailers, call->trailer_count, fields);
	if (fields->list_size > most) {
		fields->count = count;
		fields->list_size = list_size;
	}
	if (call->status != STATUS_OK)
		add_details(call, most, fields);
}
