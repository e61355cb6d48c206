#include "client/request_key.h"

#include "proto/writer.h"

#include <uv.h>

enum { WIRE_TYPE_LEN = 2 };

/* RFC 9562, version 4. False: the system gives no random numbers. */
static bool uuid_random(char text[PRISM_UUID_SIZE])
{
	static const char HEX[] = "0123456789abcdef";
	uint8_t b[16];
	if (uv_random(NULL, NULL, b, sizeof b, 0, NULL) != 0)
		return false;
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	for (size_t i = 0; i < sizeof b; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		*text++ = HEX[b[i] >> 4];
		*text++ = HEX[b[i] & 0x0f];
	}
	*text = '\0';
	return true;
}

/* NULL: the request has no field for it. */
static const ProtobufCFieldDescriptor *key_field(const ProtobufCMessage *request)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field_by_name(request->descriptor, "request_id");
	bool fits = field && field->type == PROTOBUF_C_TYPE_STRING &&
	            field->label != PROTOBUF_C_LABEL_REPEATED;
	return fits ? field : NULL;
}

/* What has no text is not in the packed message. */
static bool is_left_out(const ProtobufCMessage *request, const ProtobufCFieldDescriptor *field)
{
	const char *text = *(char *const *)((const char *)request + field->offset);
	return !text || !*text;
}

static uint64_t key_tag(const struct request_key *key)
{
	return (uint64_t)key->field << 3 | WIRE_TYPE_LEN;
}

enum prism_idempotency request_key_make(struct request_key *key, const struct prism_method *method,
                                        const ProtobufCMessage *request)
{
	key->len = 0;
	if (!method || method->idempotency != PRISM_KEYED || !request)
		return method ? method->idempotency : PRISM_IDEMPOTENCY_UNSPECIFIED;
	const ProtobufCFieldDescriptor *field = key_field(request);
	if (!field)
		return PRISM_IDEMPOTENCY_UNSPECIFIED;
	if (!is_left_out(request, field))
		return PRISM_KEYED;
	if (!uuid_random(key->text))
		return PRISM_IDEMPOTENCY_UNSPECIFIED;
	key->field = field->id;
	key->len = varint_size(key_tag(key)) + 1 + REQUEST_KEY_SIZE;
	return PRISM_KEYED;
}

struct bytes request_key_write(const struct request_key *key, uint8_t *out)
{
	struct writer writer = writer_init(out, key->len);
	if (key->len == 0)
		return (struct bytes){NULL, 0};
	writer_varint(&writer, key_tag(key));
	writer_varint(&writer, REQUEST_KEY_SIZE);
	writer_bytes(&writer, key->text, REQUEST_KEY_SIZE);
	return bytes_of(writer.at - REQUEST_KEY_SIZE, REQUEST_KEY_SIZE);
}
