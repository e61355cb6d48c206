#include "daemon/auth/digest.h"

#include "daemon/rpc/state.h"

#include <assert.h>
#include <sodium.h>

struct hashing {
	ProtobufCBuffer base;
	const ProtobufCMessage *message;
	crypto_generichash_state state;
};

static void append(ProtobufCBuffer *buffer, size_t len, const uint8_t *data)
{
	crypto_generichash_update(&((struct hashing *)buffer)->state, data, len);
}

/* Packing does not belong on a fiber's stack. */
static void pack(struct call *call, void *ctx)
{
	(void)call;
	struct hashing *hashing = ctx;
	crypto_generichash_init(&hashing->state, NULL, 0, DIGEST_SIZE);
	protobuf_c_message_pack_to_buffer(hashing->message, &hashing->base);
}

/* As if it had not been set. */
static void blank(ProtobufCMessage *message, const char *name)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
	assert(field && field->label == PROTOBUF_C_LABEL_NONE);
	void *value = (char *)message + field->offset;
	if (field->type == PROTOBUF_C_TYPE_STRING)
		*(const char **)value = protobuf_c_empty_string;
	else if (field->type == PROTOBUF_C_TYPE_INT64)
		*(int64_t *)value = 0;
	else
		*(int32_t *)value = 0;
}

enum status digest_message(struct call *call, const ProtobufCMessage *message,
                           const char *const without[], uint8_t digest[DIGEST_SIZE])
{
	ProtobufCMessage *copy =
		arena_copy(&call->arena, message, message->descriptor->sizeof_message);
	if (!copy)
		return call_no_memory(call);
	for (; *without; without++)
		blank(copy, *without);
	struct hashing hashing = {.base = {.append = append}, .message = copy};
	call_on_loop(call, pack, &hashing);
	crypto_generichash_final(&hashing.state, digest, DIGEST_SIZE);
	return STATUS_OK;
}
