/* Types that are made of a server's descriptors, and what such descriptors must not be. */
#include "client/ctl/catalog.h"
#include "client/ctl/schema.h"
#include "proto/json.h"

#include <google/protobuf/descriptor.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef Google__Protobuf__FileDescriptorProto File;
typedef Google__Protobuf__DescriptorProto Message;
typedef Google__Protobuf__FieldDescriptorProto Field;
typedef Google__Protobuf__EnumDescriptorProto Enum;
typedef Google__Protobuf__EnumValueDescriptorProto Value;
typedef Google__Protobuf__ServiceDescriptorProto Service;
typedef Google__Protobuf__MethodDescriptorProto Method;

#define TYPE(name)  GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name
#define LABEL(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_##name

enum { LIST_MOST = 300, MESSAGES_MOST = 64 };

/* --- a file, put together ------------------------------------------------------------------- */

struct draft {
	File file;
	Message messages[MESSAGES_MOST], *message_list[MESSAGES_MOST];
	Field fields[LIST_MOST], *field_list[LIST_MOST];
	Enum enumeration, *enum_list[1];
	Value values[4], *value_list[4];
	Google__Protobuf__OneofDescriptorProto oneof, *oneof_list[1];
	Service service, *service_list[1];
	Method method, *method_list[1];
	size_t field_count;
};

static Message *add_message(struct draft *draft, const char *name)
{
	Message *message = &draft->messages[draft->file.n_message_type];
	google__protobuf__descriptor_proto__init(message);
	message->name = (char *)name;
	message->field = draft->field_list + draft->field_count;
	draft->message_list[draft->file.n_message_type++] = message;
	draft->file.message_type = draft->message_list;
	return message;
}

/* To the message that was added last. */
static Field *add_field(struct draft *draft, const char *name, int number, int type)
{
	Field *field = &draft->fields[draft->field_count];
	google__protobuf__field_descriptor_proto__init(field);
	field->name = (char *)name;
	field->has_number = field->has_label = field->has_type = true;
	field->number = number;
	field->label = LABEL(OPTIONAL);
	field->type = (Google__Protobuf__FieldDescriptorProto__Type)type;
	draft->field_list[draft->field_count++] = field;
	draft->messages[draft->file.n_message_type - 1].n_field++;
	return field;
}

static Field *add_named(struct draft *draft, const char *name, int number, int type,
                        const char *type_name)
{
	Field *field = add_field(draft, name, number, type);
	field->type_name = (char *)type_name;
	return field;
}

static void add_enum(struct draft *draft, size_t count, const char *const *names,
                     const int *numbers)
{
	google__protobuf__enum_descriptor_proto__init(&draft->enumeration);
	draft->enumeration.name = "Color";
	for (size_t i = 0; i < count; i++) {
		google__protobuf__enum_value_descriptor_proto__init(&draft->values[i]);
		draft->values[i].name = (char *)names[i];
		draft->values[i].has_number = true;
		draft->values[i].number = numbers[i];
		draft->value_list[i] = &draft->values[i];
	}
	draft->enumeration.n_value = count;
	draft->enumeration.value = draft->value_list;
	draft->enum_list[0] = &draft->enumeration;
	draft->file.n_enum_type = 1;
	draft->file.enum_type = draft->enum_list;
}

static void add_colors(struct draft *draft)
{
	static const char *const NAMES[] = {"NONE", "RED", "CRIMSON", "BLUE"};
	static const int NUMBERS[] = {0, 7, 7, -3};
	add_enum(draft, 4, NAMES, NUMBERS);
}

/* With a service shop.Shop whose method Get takes and returns shop.Item. */
static void draft_init(struct draft *draft)
{
	memset(draft, 0, sizeof *draft);
	google__protobuf__file_descriptor_proto__init(&draft->file);
	google__protobuf__service_descriptor_proto__init(&draft->service);
	google__protobuf__method_descriptor_proto__init(&draft->method);
	draft->file.name = "shop.proto";
	draft->file.package = "shop";
	draft->file.syntax = "proto3";
	draft->method.name = "Get";
	draft->method.input_type = draft->method.output_type = ".shop.Item";
	draft->method_list[0] = &draft->method;
	draft->service.name = "Shop";
	draft->service.n_method = 1;
	draft->service.method = draft->method_list;
	draft->service_list[0] = &draft->service;
	draft->file.n_service = 1;
	draft->file.service = draft->service_list;
}

/* Every kind of field. */
static void draft_item(struct draft *draft)
{
	draft_init(draft);
	add_colors(draft);
	Message *item = add_message(draft, "Item");
	add_field(draft, "name", 9, TYPE(STRING));
	add_field(draft, "count", 1, TYPE(INT32));
	add_field(draft, "total", 2, TYPE(UINT64));
	add_field(draft, "ratio", 3, TYPE(DOUBLE));
	add_field(draft, "sold", 4, TYPE(BOOL));
	add_field(draft, "data", 5, TYPE(BYTES));
	add_named(draft, "color", 6, TYPE(ENUM), ".shop.Color");
	add_named(draft, "part", 7, TYPE(MESSAGE), ".shop.Item");
	add_named(draft, "made_at", 8, TYPE(MESSAGE), ".google.protobuf.Timestamp");
	add_field(draft, "sizes", 20, TYPE(SINT32))->label = LABEL(REPEATED);
	add_field(draft, "tags", 21, TYPE(STRING))->label = LABEL(REPEATED);
	add_named(draft, "parts", 22, TYPE(MESSAGE), ".shop.Item")->label = LABEL(REPEATED);
	google__protobuf__oneof_descriptor_proto__init(&draft->oneof);
	draft->oneof.name = "where";
	draft->oneof_list[0] = &draft->oneof;
	item->n_oneof_decl = 1;
	item->oneof_decl = draft->oneof_list;
	for (int i = 0; i < 3; i++) {
		static const char *const NAMES[] = {"shelf", "street", "box"};
		static const int TYPES[] = {TYPE(INT32), TYPE(STRING), TYPE(MESSAGE)};
		Field *field =
			add_named(draft, NAMES[i], 30 + i, TYPES[i], i == 2 ? ".shop.Item" : NULL);
		field->has_oneof_index = true;
	}
	Field *maybe = add_field(draft, "maybe", 40, TYPE(INT32));
	maybe->has_proto3_optional = maybe->proto3_optional = true;
}

static bool build(const struct draft *draft, struct arena *arena,
                  const struct service_methods **service, char fault[SCHEMA_FAULT_SIZE])
{
	size_t len = google__protobuf__file_descriptor_proto__get_packed_size(&draft->file);
	uint8_t *packed = malloc(len + 1);
	google__protobuf__file_descriptor_proto__pack(&draft->file, packed);
	struct schema *schema = schema_new(arena);
	assert_non_null(schema);
	bool added = schema_add(schema, bytes_of(packed, len), fault);
	free(packed);
	return added && schema_service(schema, "shop.Shop", service, fault);
}

/* --- what works --------------------------------------------------------------------------------
 */

static void check_json(const ProtobufCMessageDescriptor *type, struct arena *arena,
                       const char *text, const char *expected)
{
	char reason[WIRE_REASON_SIZE], *out;
	ProtobufCMessage *message, *again;
	if (json_to_message(type, bytes_of_string(text), arena, &message, reason) != STATUS_OK)
		fail_msg("%s: %s", text, reason);
	assert_true(protobuf_c_message_check(message));
	size_t len = protobuf_c_message_get_packed_size(message);
	uint8_t *packed = arena_alloc(arena, len + 1);
	assert_int_equal(protobuf_c_message_pack(message, packed), len);
	assert_int_equal(message_unpack(type, bytes_of(packed, len), arena, &again, reason),
	                 STATUS_OK);
	assert_int_equal(json_from_message(again, JSON_COMPACT, arena, &out), STATUS_OK);
	assert_string_equal(out, expected);
	message = protobuf_c_message_unpack(type, NULL, len, packed); /* with the heap's memory */
	assert_non_null(message);
	protobuf_c_message_free_unpacked(message, NULL);
}

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
	if (!build(&draft, &arena, &service, fault))
		fail_msg("%s", fault);
	assert_string_equal(service->name, "shop.Shop");
	assert_int_equal(service->count, 1);
	assert_string_equal(service->methods[0].path, "/shop.Shop/Get");
	assert_int_equal(service->methods[0].kind, CALL_UNARY);
	const ProtobufCMessageDescriptor *item = service->methods[0].request;
	assert_ptr_equal(service->methods[0].response, item);
	for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
		check_json(item, &arena, TEXTS[i], TEXTS[i]);
	check_json(item, &arena, "{\"color\":\"CRIMSON\"}", "{\"color\":\"RED\"}");
	check_json(item, &arena, "{\"color\":7}", "{\"color\":\"RED\"}");
	check_json(item, &arena, "{\"color\":5}", "{\"color\":5}");
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
	assert_true(build(&draft, &arena, &service, fault));
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
	add_message(&draft, "Item");
	add_field(&draft, "name", 1, TYPE(STRING));
	add_field(&draft, "count", 2, TYPE(INT32));
	add_field(&draft, "needed", 3, TYPE(STRING))->label = LABEL(REQUIRED);
	arena_init(&arena, NULL, 0, SIZE_MAX);
	assert_true(build(&draft, &arena, &service, fault));
	const ProtobufCMessageDescriptor *item = service->methods[0].request;
	check_json(item, &arena, "{\"name\":\"\",\"count\":0,\"needed\":\"x\"}",
	           "{\"name\":\"\",\"count\":0,\"needed\":\"x\"}");
	check_json(item, &arena, "{\"needed\":\"x\"}", "{\"needed\":\"x\"}");
	assert_int_equal(json_to_message(item, bytes_of_string("{}"), &arena, &message, reason),
	                 STATUS_INVALID_ARGUMENT);
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
	add_message(&draft, "Timestamp");
	add_field(&draft, "seconds", 1, TYPE(STRING));
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
		add_message(&draft, names[i]);
		add_named(&draft, "left", 1, TYPE(MESSAGE), types[i]);
		add_named(&draft, "right", 2, TYPE(MESSAGE), types[i]);
	}
	arena_init(&arena, NULL, 0, SIZE_MAX);
	if (!build(&draft, &arena, &service, fault))
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

static void refused(const struct draft *draft, const char *why)
{
	struct arena arena;
	const struct service_methods *service;
	char fault[SCHEMA_FAULT_SIZE] = "";
	arena_init(&arena, NULL, 0, SIZE_MAX);
	assert_false(build(draft, &arena, &service, fault));
	if (!strstr(fault, why))
		fail_msg("\"%s\" does not say \"%s\"", fault, why);
	arena_deinit(&arena);
}

static void test_bad_names(void **state)
{
	(void)state;
	static struct draft draft;
	static const char *const bad[] = {"",         "a b",      "1a", "a.b",
	                                  "a\x1b[2J", "\xc3\xbc", ".",  "a."};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		draft_item(&draft);
		draft.fields[0].name = (char *)bad[i];
		refused(&draft, "a name that is none");
		draft_item(&draft);
		draft.messages[0].name = (char *)bad[i];
		refused(&draft, "a name that is none");
		draft_item(&draft);
		draft.values[1].name = (char *)bad[i];
		refused(&draft, "a name that is none");
		draft_item(&draft);
		draft.method.name = (char *)bad[i];
		refused(&draft, "without a name");
	}
	draft_item(&draft);
	draft.file.package = "a..b";
	refused(&draft, "a name that is none");
	draft_item(&draft);
	draft.file.name = NULL;
	refused(&draft, "no name");
}

static void test_bad_fields(void **state)
{
	(void)state;
	static struct draft draft;
	static const int numbers[] = {0, -1, 1 << 29, INT32_MIN};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		draft_item(&draft);
		draft.fields[0].number = numbers[i];
		refused(&draft, "a number that is none");
	}
	draft_item(&draft);
	draft.fields[1].number = draft.fields[0].number;
	refused(&draft, "a field twice");
	draft_item(&draft);
	draft.fields[1].name = draft.fields[0].name;
	refused(&draft, "a field twice");
	static const int types[] = {0, 10, 19, -1, INT32_MAX};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		draft_item(&draft);
		draft.fields[1].type = (Google__Protobuf__FieldDescriptorProto__Type)types[i];
		refused(&draft, "does not know");
	}
	static const int oneofs[] = {-1, 1, INT32_MAX};
	for (size_t i = 0; i < sizeof oneofs / sizeof *oneofs; i++) {
		draft_item(&draft);
		draft.fields[1].has_oneof_index = true;
		draft.fields[1].oneof_index = oneofs[i];
		refused(&draft, "oneof that is not there");
	}
	draft_init(&draft);
	add_message(&draft, "Item");
	static char names[WIRE_FIELDS + 1][16];
	for (int i = 0; i <= WIRE_FIELDS; i++) {
		snprintf(names[i], sizeof names[i], "f%d", i);
		add_field(&draft, names[i], i + 1, TYPE(INT32));
	}
	refused(&draft, "257 fields");
}

static void test_bad_types(void **state)
{
	(void)state;
	static struct draft draft;
	static const char *const bad[] = {".shop.Nothing", "", ".", "Item", ".shop.Color"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		draft_item(&draft);
		draft.fields[7].type_name = (char *)bad[i]; /* part */
		refused(&draft, "do not have the message");
		draft_item(&draft);
		draft.method.output_type = (char *)bad[i];
		refused(&draft, "do not have the message");
	}
	draft_item(&draft);
	draft.fields[6].type_name = ".shop.Item"; /* color */
	refused(&draft, "do not have the enum");
	draft_item(&draft);
	draft.fields[6].type_name = NULL;
	refused(&draft, "do not have the enum");
	draft_item(&draft);
	draft.enumeration.n_value = 0;
	refused(&draft, "must have 1");
	draft_item(&draft);
	draft.enumeration.name = "Item";
	refused(&draft, "declares shop.Item twice");
	draft_item(&draft);
	draft.service.name = "Other";
	refused(&draft, "do not have the service");
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
