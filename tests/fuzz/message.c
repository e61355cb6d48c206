/* A request's bytes as a peer may send them: the first chooses the type, the others are the
 * message. What the wire check takes is unpacked within its budget, held to rules, packed and taken
 * again. */
#include "google/protobuf/descriptor.pb-c.h"
#include "prism/wire/v1/frame.pb-c.h"
#include "proto/limits.h"
#include "proto/rules.h"
#include "shapes.pb-c.h"
#include "tests/fuzz/target.h"
#include "wants.pb-c.h"
#include "wide.pb-c.h"

static const ProtobufCMessageDescriptor *const types[] = {
	&prism__test__shapes__descriptor,
	&prism__test__deep__descriptor,
	&prism__test__tree__descriptor,
	&prism__test__wide__descriptor,
	&prism__test__wants__descriptor,
	&prism__test__empty__descriptor,
	&prism__wire__v1__end_meta__descriptor,
	&google__protobuf__file_descriptor_proto__descriptor,
};

enum { TYPES = sizeof types / sizeof *types };

/* --- rules for every kind of field and every format -------------------------------- */

static const struct field_rule leaf_fields[] = {
	{.number = 1, .has = RULE_REQUIRED | RULE_MAX_LEN | RULE_TRIMMED, .max_len = 20},
	{.number = 2, .has = RULE_MIN, .min = 0},
};

static const struct message_rules leaf_rules = {
	.message = &prism__test__leaf__descriptor, .fields = leaf_fields, .count = 2};

static const struct field_rule shapes_fields[] = {
	{.number = 1, .has = RULE_MIN | RULE_MAX, .min = -100, .max = 100},
	{.number = 9, .has = RULE_MAX, .max = 1000},
	{.number = 14, .has = RULE_KNOWN_ENUM},
	{.number = 15,
         .has = RULE_MIN_LEN | RULE_MAX_LEN | RULE_TRIMMED,
         .min_len = 1,
         .max_len = 255},
	{.number = 16, .has = RULE_MAX_LEN, .max_len = 100},
	{.number = 17, .nested = &leaf_rules},
	{.number = 21, .has = RULE_MAX_LEN | RULE_MAX, .max_len = 100, .max = 1000},
	{.number = 34, .has = RULE_KNOWN_ENUM},
	{.number = 37, .nested = &leaf_rules},
	{.number = 44, .nested = &leaf_rules},
};

/* One rule set per format, on the list of strings: all of them see each text. */
static enum status formats_check(const ProtobufCMessage *message, char reason[WIRE_REASON_SIZE])
{
	enum status worst = STATUS_OK;
	for (int format = RULE_ANY; format <= RULE_COLOR; format++) {
		struct field_rule field = {.number = 35, .format = (enum rule_format)format};
		struct message_rules rules = {
			.message = message->descriptor, .fields = &field, .count = 1};
		enum status status = rules_check(&rules, message, reason);
		worst = status == STATUS_OK ? worst : status;
	}
	return worst;
}

static void rules_hold(const ProtobufCMessage *message)
{
	static const struct oneof_rule oneofs[] = {{"choice", 41}};
	static const struct message_rules rules = {
		.message = &prism__test__shapes__descriptor,
		.fields = shapes_fields,
		.count = sizeof shapes_fields / sizeof *shapes_fields,
		.required_oneofs = oneofs,
		.required_oneof_count = 1,
	};
	char reason[WIRE_REASON_SIZE] = "";
	enum status status = rules_check(&rules, message, reason);
	MUST(status == STATUS_OK || status == STATUS_INVALID_ARGUMENT);
	MUST(status == STATUS_OK || strstr(reason, ": "));
	status = formats_check(message, reason);
	MUST(status == STATUS_OK || strnlen(reason, sizeof reason) < sizeof reason);
}

static void packed_again(const ProtobufCMessage *message)
{
	char reason[WIRE_REASON_SIZE] = "";
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *again = malloc(size ? size : 1);
	MUST(again && protobuf_c_message_pack(message, again) == size);
	enum status status =
		wire_check(message->descriptor, bytes_of(again, size), WIRE_BUDGET, reason);
	MUST(status == STATUS_OK);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	const ProtobufCMessageDescriptor *type = types[data[0] % TYPES];
	char reason[WIRE_REASON_SIZE] = "";
	struct arena arena;
	ProtobufCMessage *message = NULL;
	arena_init(&arena, NULL, 0, LIMIT_CALL_ARENA);
	enum status status =
		message_unpack(type, bytes_of(data + 1, len - 1), &arena, &message, reason);
	MUST(arena.used <= LIMIT_CALL_ARENA);
	if (status == STATUS_OK) {
		MUST(protobuf_c_message_check(message));
		packed_again(message);
		if (type == &prism__test__shapes__descriptor)
			rules_hold(message);
	} else {
		MUST(status == STATUS_INTERNAL || status == STATUS_INVALID_ARGUMENT ||
		     status == STATUS_RESOURCE_EXHAUSTED);
		MUST(strstr(reason, ": ") && strlen(reason) < WIRE_REASON_SIZE);
	}
	arena_deinit(&arena);
	return 0;
}
