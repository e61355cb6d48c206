/* Types that are made of a server's descriptors, and what such descriptors must not be. */
#include "client/ctl/catalog.h"
#include "proto/json.h"
#include "tests/unit/client/draft.h"

#include <google/protobuf/timestamp.pb-c.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* --- what works --------------------------------------------------------------------------------
 */

static void test_every_kind_of_field(void **state)
{
	(void)state;
	static struct draft draft;
	static const char *const TEXTS[] = {
		"{}",
		"{\"count\":-5,\"total\":\"18446744073709551615\",\"ratio\":0.5,\"sold\":true,"
		"\"data\":\"AAE=\",\"color\":\"RED\",\"part\":{\"count\":1},"
		"\"madeAt\":\"2025-01-31T12:00:00Z\",\"name\":\"n\",\"sizes\":[-1,0,7],"
		"\"tags\":[\"a\",\"\"],\"parts\":[{},{\"name\":\"x\"}],\"shelf\":3,\"maybe\":0}",
		"{\"color\":\"BLUE\",\"street\":\"Main\"}",
		"{\"box\":{\"box\":{\"street\":\"\"}}}",
	};
	struct arena arena;
	const struct service_methods *service;
	char fault[SCHEMA_FAULT_SIZE];
	draft_item(&draft);
	arena_init(&arena, NULL, 0, SIZE_MAX);
	if (!draft_build(&draft, &arena, &service, fault))
		fail_msg("%s", fault);
	assert_string_equal(service->name, "shop.Shop");
	assert_int_equal(service->count, 1);
	assert_string_equal(service->methods[0].path, "/shop.Shop/Get");
	assert_int_equal(service->methods[0].kind, CALL_UNARY);
	const ProtobufCMessageDescriptor *item = service->methods[0].request;
	assert_ptr_equal(service->methods[0].response, item);
	for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
		draft_check_json(item, &arena, TEXTS[i], TEXTS[i]);
	draft_check_json(item, &arena, "{\"color\":\"CRIMSON\"}", "{\"color\":\"RED\"}");
	draft_check_json(item, &arena, "{\"color\":7}", "{\"color\":\"RED\"}");
	draft_check_json(item, &arena, "{\"color\":5}", "{\"color\":5}");
	for (unsigned i = 0; i < item->n_fields; i++)
		assert_ptr_equal(
			protobuf_c_message_descriptor_get_field_by_name(item, item->fields[i].name),
			&item->fields[i]);
	arena_deinit(&arena);
}

/* The last member of a oneof wins, whatever the one before it held. */
static void test_oneofs_on_the_wire(void **state)
{
	(void)state;
	static struct draft draft;
	static const char WIRE[] = "\xf0\x01\x05" /* shelf */
				   "\xfa\x01\x03"
				   "abc"                  /* street */
				   "\x82\x02\x02\x08\x01" /* box {count: 1} */
				   "\xfa\x01\x02"
				   "xy"; /* street */
	struct arena arena;
	const struct service_methods *service;
	char fault[SCHEMA_FAULT_SIZE], *out;
	draft_item(&draft);
	arena_init(&arena, NULL, 0, SIZE_MAX);
	assert_true(draft_build(&draft, &arena, &service, fault));
	const ProtobufCMessageDescriptor *item = service->methods[0].request;
	ProtobufCMessage *message =
		protobuf_c_message_unpack(item, NULL, sizeof WIRE - 1, (const uint8_t *)WIRE);
	assert_non_null(message);
	assert_int_equal(json_from_message(message, JSON_COMPACT, &arena, &out), STATUS_OK);
	assert_string_equal(out, "{\"street\":\"xy\"}");
	protobuf_c_message_free_unpacked(message, NULL);
	arena_deinit(&arena);
}

static void test_proto2(void **state)
{
	(void)state;
	static struct draft draft;
	struct arena arena;
	const struct service_methods *service;
	char fault[SCHEMA_FAULT_SIZE], reason[WIRE_REASON_SIZE];
	ProtobufCMessage *message;
	draft_init(&draft);
	draft.file.syntax = NULL;
	draft_message(&draft, "Item");
	draft_field(&draft, "name", 1, TYPE(STRING));
	draft_field(&draft, "count", 2, TYPE(INT32));
	draft_field(&draft, "needed", 3, TYPE(STRING))->label = LABEL(REQUIRED);
	arena_init(&arena, NULL, 0, SIZE_MAX);
	assert_true(draft_build(&draft, &arena, &service, fault));
	const ProtobufCMessageDescriptor *item = service->methods[0].request;
	draft_check_json(item, &arena, "{\"name\":\"\",\"count\":0,\"needed\":\"x\"}",
	                 "{\"name\":\"\",\"count\":0,\"needed\":\"x\"}");
	draft_check_json(item, &arena, "{\"needed\":\"x\"}", "{\"needed\":\"x\"}");
	assert_int_equal(json_to_message(item, bytes_of_string("{}"), &arena, &message, reason),
	                 STATUS_INVALID_ARGUMENT);
	arena_deinit(&arena);
}

/* More fields than there are bits for on the stack. */
static void test_wide(void **state)
{
	(void)state;
	static struct draft draft;
	static const char TWICE[] = "\xe2\x12\x00\xea\x12\x00\xe2\x12\x00"; /* f299, f300, f299 */
	struct arena arena;
	const struct service_methods *service;
	char fault[SCHEMA_FAULT_SIZE], reason[WIRE_REASON_SIZE];
	ProtobufCMessage *message;
	draft_wide(&draft, 302);
	arena_init(&arena, NULL, 0, SIZE_MAX);
	if (!draft_build(&draft, &arena, &service, fault))
		fail_msg("%s", fault);
	const ProtobufCMessageDescriptor *item = service->methods[0].request;
	static const char TEXT[] = "{\"f0\":1,\"f298\":2,\"f299\":{\"f301\":{\"f0\":4}},"
				   "\"f300\":3,\"f301\":{}}";
	draft_check_json(item, &arena, TEXT, TEXT);
	assert_int_equal(message_unpack(item, bytes_of(TWICE, 3), &arena, &message, reason),
	                 STATUS_OK);
	assert_int_equal(
		message_unpack(item, bytes_of(TWICE, sizeof TWICE - 1), &arena, &message, reason),
		STATUS_INTERNAL); /* f300 is a number */
	assert_int_equal(message_unpack(item, bytes_of("\xe2\x12\x00\xe2\x12\x00", 6), &arena,
	                                &message, reason),
	                 STATUS_INVALID_ARGUMENT);
	assert_string_equal(reason, "f299: the field is given twice, once is allowed");
	arena_deinit(&arena);
}

static void test_most_fields(void **state)
{
	(void)state;
	static struct draft draft;
	struct arena arena;
	const struct service_methods *service;
	char fault[SCHEMA_FAULT_SIZE];
	draft_wide(&draft, FIELDS_MOST);
	arena_init(&arena, NULL, 0, SIZE_MAX);
	if (!draft_build(&draft, &arena, &service, fault))
		fail_msg("%s", fault);
	draft_check_json(service->methods[0].request, &arena, "{\"f9999\":{\"f9998\":1}}",
	                 "{\"f9999\":{\"f9998\":1}}");
	arena_deinit(&arena);
}

/* A server cannot make another type of one that JSON has a form for. */
static void test_well_known_types_are_ours(void **state)
{
	(void)state;
	static struct draft draft;
	struct arena arena;
	const struct service_methods *service;
	char fault[SCHEMA_FAULT_SIZE];
	draft_init(&draft);
	draft.file.package = "google.protobuf";
	draft.file.name = "google/protobuf/timestamp.proto";
	draft.method.input_type = draft.method.output_type = ".google.protobuf.Timestamp";
	draft_message(&draft, "Timestamp");
	draft_field(&draft, "seconds", 1, TYPE(STRING));
	arena_init(&arena, NULL, 0, SIZE_MAX);
	size_t len = google__protobuf__file_descriptor_proto__get_packed_size(&draft.file);
	uint8_t *packed = arena_alloc(&arena, len);
	google__protobuf__file_descriptor_proto__pack(&draft.file, packed);
	struct schema *schema = schema_new(&arena);
	assert_true(schema_add(schema, bytes_of(packed, len), fault));
	assert_true(schema_service(schema, "google.protobuf.Shop", &service, fault));
	assert_ptr_equal(service->methods[0].request, &google__protobuf__timestamp__descriptor);
	arena_deinit(&arena);
}

/* Each type holds the next one twice: as many ways as no search could follow. */
static void test_many_ways(void **state)
{
	(void)state;
	static struct draft draft;
	static char names[MESSAGES_MOST][16], types[MESSAGES_MOST][24];
	struct arena arena;
	const struct service_methods *service;
	const ProtobufCMessageDescriptor *found;
	const struct message_rules *rules;
	char fault[SCHEMA_FAULT_SIZE], unknown[CATALOG_FAULT_SIZE];
	draft_init(&draft);
	draft.method.input_type = draft.method.output_type = ".shop.M0";
	for (int i = 0; i < MESSAGES_MOST; i++) {
		snprintf(names[i], sizeof names[i], "M%d", i);
		snprintf(types[i], sizeof types[i], ".shop.M%d", (i + 1) % MESSAGES_MOST);
		draft_message(&draft, names[i]);
		draft_named(&draft, "left", 1, TYPE(MESSAGE), types[i]);
		draft_named(&draft, "right", 2, TYPE(MESSAGE), types[i]);
	}
	arena_init(&arena, NULL, 0, SIZE_MAX);
	if (!draft_build(&draft, &arena, &service, fault))
		fail_msg("%s", fault);
	const struct catalog catalog = {&service, 1};
	assert_true(catalog_message(&catalog, "M63", &found, &rules, unknown));
	assert_string_equal(found->name, "shop.M63");
	assert_false(catalog_message(&catalog, "Nothing", &found, &rules, unknown));
	arena_deinit(&arena);
}

static void test_missing_files(void **state)
{
	(void)state;
	static struct draft draft;
	static char *imports[] = {"a.proto", "b.proto"};
	struct arena arena;
	char fault[SCHEMA_FAULT_SIZE];
	draft_item(&draft);
	draft.file.n_dependency = 2;
	draft.file.dependency = imports;
	arena_init(&arena, NULL, 0, SIZE_MAX);
	size_t len = google__protobuf__file_descriptor_proto__get_packed_size(&draft.file);
	uint8_t *packed = arena_alloc(&arena, len);
	google__protobuf__file_descriptor_proto__pack(&draft.file, packed);
	struct schema *schema = schema_new(&arena);
	for (int i = 0; i < 2; i++) /* the second time says nothing new */
		assert_true(schema_add(schema, bytes_of(packed, len), fault));
	for (int i = 0; i < 2; i++) {
		assert_string_equal(schema_missing(schema), imports[i]);
		assert_true(schema_give_up(schema, imports[i], fault));
	}
	assert_null(schema_missing(schema));
	const struct service_methods *service;
	assert_true(schema_service(schema, "shop.Shop", &service, fault));
	arena_deinit(&arena);
}

/* --- what is refused -----------------------------------------------------------------------------
 */

static void test_bad_names(void **state)
{
	(void)state;
	static struct draft draft;
	static const char *const bad[] = {"",         "a b",      "1a", "a.b",
	                                  "a\x1b[2J", "\xc3\xbc", ".",  "a."};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		draft_item(&draft);
		draft.fields[0].name = (char *)bad[i];
		draft_refused(&draft, "a name that is none");
		draft_item(&draft);
		draft.messages[0].name = (char *)bad[i];
		draft_refused(&draft, "a name that is none");
		draft_item(&draft);
		draft.values[1].name = (char *)bad[i];
		draft_refused(&draft, "a name that is none");
		draft_item(&draft);
		draft.method.name = (char *)bad[i];
		draft_refused(&draft, "without a name");
	}
	draft_item(&draft);
	draft.file.package = "a..b";
	draft_refused(&draft, "a name that is none");
	draft_item(&draft);
	draft.file.name = NULL;
	draft_refused(&draft, "no name");
}

static void test_bad_fields(void **state)
{
	(void)state;
	static struct draft draft;
	static const int numbers[] = {0, -1, 1 << 29, INT32_MIN};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		draft_item(&draft);
		draft.fields[0].number = numbers[i];
		draft_refused(&draft, "a number that is none");
	}
	draft_item(&draft);
	draft.fields[1].number = draft.fields[0].number;
	draft_refused(&draft, "a field twice");
	draft_item(&draft);
	draft.fields[1].name = draft.fields[0].name;
	draft_refused(&draft, "a field twice");
	static const int types[] = {0, 10, 19, -1, INT32_MAX};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		draft_item(&draft);
		draft.fields[1].type = (Google__Protobuf__FieldDescriptorProto__Type)types[i];
		draft_refused(&draft, "does not know");
	}
	static const int oneofs[] = {-1, 1, INT32_MAX};
	for (size_t i = 0; i < sizeof oneofs / sizeof *oneofs; i++) {
		draft_item(&draft);
		draft.fields[1].has_oneof_index = true;
		draft.fields[1].oneof_index = oneofs[i];
		draft_refused(&draft, "oneof that is not there");
	}
	draft_wide(&draft, FIELDS_MOST + 1);
	draft_refused(&draft, "10001 fields");
}

static void test_bad_types(void **state)
{
	(void)state;
	static struct draft draft;
	static const char *const bad[] = {".shop.Nothing", "", ".", "Item", ".shop.Color"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		draft_item(&draft);
		draft.fields[7].type_name = (char *)bad[i]; /* part */
		draft_refused(&draft, "do not have the message");
		draft_item(&draft);
		draft.method.output_type = (char *)bad[i];
		draft_refused(&draft, "do not have the message");
	}
	draft_item(&draft);
	draft.fields[6].type_name = ".shop.Item"; /* color */
	draft_refused(&draft, "do not have the enum");
	draft_item(&draft);
	draft.fields[6].type_name = NULL;
	draft_refused(&draft, "do not have the enum");
	draft_item(&draft);
	draft.enumeration.n_value = 0;
	draft_refused(&draft, "must have 1");
	draft_item(&draft);
	draft.enumeration.name = "Item";
	draft_refused(&draft, "declares shop.Item twice");
	draft_item(&draft);
	draft.service.name = "Other";
	draft_refused(&draft, "do not have the service");
}

static void test_malformed(void **state)
{
	(void)state;
	struct arena arena;
	char fault[SCHEMA_FAULT_SIZE] = "";
	arena_init(&arena, NULL, 0, SIZE_MAX);
	struct schema *schema = schema_new(&arena);
	assert_false(schema_add(schema, bytes_of("\x0a\xff", 2), fault));
	assert_non_null(strstr(fault, "malformed"));
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_of_field),
		cmocka_unit_test(test_oneofs_on_the_wire),
		cmocka_unit_test(test_proto2),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_most_fields),
		cmocka_unit_test(test_well_known_types_are_ours),
		cmocka_unit_test(test_many_ways),
		cmocka_unit_test(test_missing_files),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_bad_fields),
		cmocka_unit_test(test_bad_types),
		cmocka_unit_test(test_malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
