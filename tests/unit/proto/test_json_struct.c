/* Struct, Value and ListValue: any JSON in a message. */
#include "proto/json.h"
#include "proto/limits.h"

#include <google/protobuf/struct.pb-c.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define VALUE &google__protobuf__value__descriptor

static void both_ways(const ProtobufCMessageDescriptor *type, const char *text)
{
	struct arena arena;
	char reason[WIRE_REASON_SIZE], *out;
	ProtobufCMessage *message, *again;
	arena_init(&arena, NULL, 0, LIMIT_CALL_ARENA);
	if (json_to_message(type, bytes_of_string(text), &arena, &message, reason) != STATUS_OK)
		fail_msg("%s: %s", text, reason);
	size_t len = protobuf_c_message_get_packed_size(message);
	uint8_t *wire = arena_alloc(&arena, len);
	protobuf_c_message_pack(message, wire);
	assert_int_equal(message_unpack(type, bytes_of(wire, len), &arena, &again, reason),
	                 STATUS_OK);
	assert_int_equal(json_from_message(again, JSON_COMPACT, &arena, &out), STATUS_OK);
	assert_string_equal(out, text);
	arena_deinit(&arena);
}

static void test_any_json(void **state)
{
	(void)state;
	static const char *const TEXTS[] = {
		"null",     "true",
		"false",    "0",
		"-1.5",     "\"\"",
		"\"a\\n\"", "{}",
		"[]",       "{\"a\":null,\"\":[[],{\"b\":\"c\"}],\"d\":1e+300}"};
	for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
		both_ways(VALUE, TEXTS[i]);
	both_ways(&google__protobuf__struct__descriptor, "{\"a\":{\"b\":[null,true]}}");
	both_ways(&google__protobuf__list_value__descriptor, "[null,{},[1]]");
}

/* What the members are called on the wire. */
static void test_members(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		Google__Protobuf__Value__KindCase kind;
	} kinds[] = {
		{"null", GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE},
		{"7", GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE},
		{"\"7\"", GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE},
		{"false", GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE},
		{"{}", GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE},
		{"[]", GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE},
	};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct arena arena;
		char reason[WIRE_REASON_SIZE];
		ProtobufCMessage *message;
		arena_init(&arena, NULL, 0, LIMIT_CALL_ARENA);
		assert_int_equal(json_to_message(VALUE, bytes_of_string(kinds[i].text), &arena,
		                                 &message, reason),
		                 STATUS_OK);
		assert_int_equal(((Google__Protobuf__Value *)message)->kind_case, kinds[i].kind);
		arena_deinit(&arena);
	}
}

/* A value of no kind, which other writers leave behind, is null. */
static void test_no_kind(void **state)
{
	(void)state;
	Google__Protobuf__Value value = GOOGLE__PROTOBUF__VALUE__INIT;
	struct arena arena;
	char *out;
	arena_init(&arena, NULL, 0, LIMIT_CALL_ARENA);
	assert_int_equal(json_from_message(&value.base, JSON_COMPACT, &arena, &out), STATUS_OK);
	assert_string_equal(out, "null");
	arena_deinit(&arena);
}

static void test_refused(void **state)
{
	(void)state;
	struct arena arena;
	char reason[WIRE_REASON_SIZE], deep[2 * LIMIT_MESSAGE_DEPTH];
	ProtobufCMessage *message;
	arena_init(&arena, NULL, 0, LIMIT_CALL_ARENA);
	assert_int_equal(json_to_message(&google__protobuf__struct__descriptor,
	                                 bytes_of_string("[]"), &arena, &message, reason),
	                 STATUS_INVALID_ARGUMENT);
	assert_int_equal(json_to_message(&google__protobuf__list_value__descriptor,
	                                 bytes_of_string("{}"), &arena, &message, reason),
	                 STATUS_INVALID_ARGUMENT);
	memset(deep, '[', LIMIT_MESSAGE_DEPTH);
	memset(deep + LIMIT_MESSAGE_DEPTH, ']', LIMIT_MESSAGE_DEPTH);
	assert_int_equal(
		json_to_message(VALUE, bytes_of(deep, sizeof deep), &arena, &message, reason),
		STATUS_RESOURCE_EXHAUSTED);
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_json),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_no_kind),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
