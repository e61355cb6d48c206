/* Maps, and names in JSON, of types that are made of a server's descriptors. */
#include "proto/json.h"
#include "tests/unit/client/draft.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct map {
	int key, value;
	const char *type; /* of the value; NULL: it has no name */
	const char *text, *expected;
} MAPS[] = {
	{TYPE(STRING), TYPE(INT64), NULL, "{\"a b\":\"1\",\"\":\"0\"}", NULL},
	{TYPE(STRING), TYPE(MESSAGE), ".shop.Item", "{\"x\":{},\"y\":{\"m\":{\"z\":{}}}}", NULL},
	{TYPE(STRING), TYPE(MESSAGE), ".google.protobuf.Timestamp",
         "{\"x\":\"2025-01-31T12:00:00Z\"}", NULL},
	{TYPE(STRING), TYPE(ENUM), ".shop.Color", "{\"x\":\"BLUE\",\"y\":7}",
         "{\"x\":\"BLUE\",\"y\":\"RED\"}"},
	{TYPE(STRING), TYPE(BYTES), NULL, "{\"x\":\"AAE=\"}", NULL},
	{TYPE(BOOL), TYPE(STRING), NULL, "{\"true\":\"yes\",\"false\":\"no\"}", NULL},
	{TYPE(INT32), TYPE(DOUBLE), NULL, "{\"-5\":0.5,\"0\":1e0}", "{\"-5\":0.5,\"0\":1}"},
	{TYPE(FIXED64), TYPE(BOOL), NULL, "{\"18446744073709551615\":true}", NULL},
	{TYPE(SINT64), TYPE(UINT32), NULL, "{\"-9223372036854775808\":4294967295}", NULL},
	{TYPE(UINT32), TYPE(INT32), NULL, "{}", ""},
};

/* shop.Item has a map m of such keys and values. */
static void draft_map(struct draft *draft, int key, int value, const char *type)
{
	static Google__Protobuf__MessageOptions options = GOOGLE__PROTOBUF__MESSAGE_OPTIONS__INIT;
	draft_init(draft);
	draft_colors(draft);
	draft_message(draft, "Item");
	draft_named(draft, "m", 3, TYPE(MESSAGE), ".shop.Entry")->label = LABEL(REPEATED);
	options.has_map_entry = options.map_entry = true;
	draft_message(draft, "Entry")->options = &options;
	draft_field(draft, "key", 1, key);
	draft_named(draft, "value", 2, value, type);
}

static void check_map(const struct map *map, const char *syntax)
{
	static struct draft draft;
	struct arena arena;
	const struct service_methods *service;
	char fault[SCHEMA_FAULT_SIZE], text[256], expected[256];
	draft_map(&draft, map->key, map->value, map->type);
	draft.file.syntax = (char *)syntax;
	arena_init(&arena, NULL, 0, SIZE_MAX);
	if (!draft_build(&draft, &arena, &service, fault))
		fail_msg("%s", fault);
	snprintf(text, sizeof text, "{\"m\":%s}", map->text);
	snprintf(expected, sizeof expected, "{\"m\":%s}",
	         map->expected ? map->expected : map->text);
	draft_check_json(service->methods[0].request, &arena, text,
	                 map->expected && !*map->expected ? "{}" : expected);
	arena_deinit(&arena);
}

static void test_maps(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof MAPS / sizeof *MAPS; i++) {
		check_map(&MAPS[i], "proto3");
		check_map(&MAPS[i], NULL);
	}
}

/* What the wire leaves out is the default. */
static void check_empty_entry(int value, const char *type, const char *syntax, const char *expected)
{
	static struct draft draft;
	struct arena arena;
	const struct service_methods *service;
	char fault[SCHEMA_FAULT_SIZE], reason[WIRE_REASON_SIZE], *out;
	ProtobufCMessage *message;
	draft_map(&draft, TYPE(STRING), value, type);
	draft.file.syntax = (char *)syntax;
	arena_init(&arena, NULL, 0, SIZE_MAX);
	assert_true(draft_build(&draft, &arena, &service, fault));
	assert_int_equal(message_unpack(service->methods[0].request, bytes_of("\x1a\x00", 2),
	                                &arena, &message, reason),
	                 STATUS_OK);
	assert_int_equal(json_from_message(message, JSON_COMPACT, &arena, &out), STATUS_OK);
	assert_string_equal(out, expected);
	arena_deinit(&arena);
}

static void test_empty_entries(void **state)
{
	(void)state;
	static const char *const SYNTAXES[] = {"proto3", NULL};
	for (int i = 0; i < 2; i++) {
		check_empty_entry(TYPE(STRING), NULL, SYNTAXES[i], "{\"m\":{\"\":\"\"}}");
		check_empty_entry(TYPE(BYTES), NULL, SYNTAXES[i], "{\"m\":{\"\":\"\"}}");
		check_empty_entry(TYPE(MESSAGE), ".shop.Item", SYNTAXES[i], "{\"m\":{\"\":{}}}");
		check_empty_entry(TYPE(MESSAGE), ".google.protobuf.Timestamp", SYNTAXES[i],
		                  "{\"m\":{\"\":\"1970-01-01T00:00:00Z\"}}");
		check_empty_entry(TYPE(ENUM), ".shop.Color", SYNTAXES[i],
		                  "{\"m\":{\"\":\"NONE\"}}");
	}
}

static void test_bad_maps_in_json(void **state)
{
	(void)state;
	static const struct {
		int key;
		const char *text, *says;
	} bad[] = {
		{TYPE(STRING), "{\"m\": []}", "m: an object (a map) is needed, not a list"},
		{TYPE(STRING), "{\"m\": {\"a\": null}}", "m.a: an integer is needed, not null"},
		{TYPE(STRING), "{\"m\": {\"a\": \"x\"}}", "m.a: an integer is needed"},
		{TYPE(STRING), "{\"m\": {\"a\": 1, \"a\": 2}}", "no JSON"},
		{TYPE(INT32), "{\"m\": {\"a\": 1}}", "m.a: an integer is needed"},
		{TYPE(INT32), "{\"m\": {\"2147483648\": 1}}", "out of range"},
		{TYPE(BOOL), "{\"m\": {\"1\": 1}}", "m.1: true or false as its key"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		static struct draft draft;
		struct arena arena;
		const struct service_methods *service;
		char fault[SCHEMA_FAULT_SIZE], reason[WIRE_REASON_SIZE];
		ProtobufCMessage *message;
		draft_map(&draft, bad[i].key, TYPE(INT32), NULL);
		arena_init(&arena, NULL, 0, SIZE_MAX);
		assert_true(draft_build(&draft, &arena, &service, fault));
		assert_int_equal(json_to_message(service->methods[0].request,
		                                 bytes_of_string(bad[i].text), &arena, &message,
		                                 reason),
		                 STATUS_INVALID_ARGUMENT);
		if (!strstr(reason, bad[i].says))
			fail_msg("\"%s\" does not say \"%s\"", reason, bad[i].says);
		arena_deinit(&arena);
	}
}

static void test_json_names(void **state)
{
	(void)state;
	static struct draft draft;
	struct arena arena;
	const struct service_methods *service;
	char fault[SCHEMA_FAULT_SIZE], reason[WIRE_REASON_SIZE];
	ProtobufCMessage *message;
	draft_init(&draft);
	draft_message(&draft, "Item");
	draft_field(&draft, "some_name", 1, TYPE(INT32))->json_name = "@other \"name\"";
	draft_field(&draft, "usual_name", 2, TYPE(INT32))->json_name = "usualName";
	arena_init(&arena, NULL, 0, SIZE_MAX);
	assert_true(draft_build(&draft, &arena, &service, fault));
	const ProtobufCMessageDescriptor *item = service->methods[0].request;
	draft_check_json(item, &arena, "{\"some_name\":1,\"usual_name\":2}",
	                 "{\"@other \\\"name\\\"\":1,\"usualName\":2}");
	draft_check_json(item, &arena, "{\"@other \\\"name\\\"\":1,\"usualName\":2}",
	                 "{\"@other \\\"name\\\"\":1,\"usualName\":2}");
	assert_int_equal(json_to_message(item, bytes_of_string("{\"someName\":1}"), &arena,
	                                 &message, reason),
	                 STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(reason, "@other"));
	arena_deinit(&arena);
}

static void test_bad_map_entries(void **state)
{
	(void)state;
	static struct draft draft;
	static const int keys[] = {TYPE(DOUBLE), TYPE(FLOAT), TYPE(BYTES)};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		draft_map(&draft, keys[i], TYPE(INT32), NULL);
		draft_refused(&draft, "shop.Entry is no entry of a map");
	}
	draft_map(&draft, TYPE(STRING), TYPE(INT32), NULL);
	draft.fields[2].number = 3;
	draft_refused(&draft, "is no entry of a map");
	draft_map(&draft, TYPE(STRING), TYPE(INT32), NULL);
	draft.fields[1].label = LABEL(REPEATED);
	draft_refused(&draft, "is no entry of a map");
	draft_map(&draft, TYPE(STRING), TYPE(INT32), NULL);
	draft_field(&draft, "more", 3, TYPE(INT32));
	draft_refused(&draft, "is no entry of a map");
	draft_item(&draft);
	draft.fields[0].json_name = "";
	draft_refused(&draft, "a name in JSON");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_empty_entries),
		cmocka_unit_test(test_bad_maps_in_json),
		cmocka_unit_test(test_json_names),
		cmocka_unit_test(test_bad_map_entries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
