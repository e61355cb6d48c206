#include "tests/unit/client/draft.h"

#include "proto/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

Message *draft_message(struct draft *draft, const char *name)
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
Field *draft_field(struct draft *draft, const char *name, int number, int type)
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

Field *draft_named(struct draft *draft, const char *name, int number, int type,
                   const char *type_name)
{
	Field *field = draft_field(draft, name, number, type);
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

void draft_colors(struct draft *draft)
{
	static const char *const NAMES[] = {"NONE", "RED", "CRIMSON", "BLUE"};
	static const int NUMBERS[] = {0, 7, 7, -3};
	add_enum(draft, 4, NAMES, NUMBERS);
}

/* With a service shop.Shop whose method Get takes and returns shop.Item. */
void draft_init(struct draft *draft)
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
void draft_item(struct draft *draft)
{
	draft_init(draft);
	draft_colors(draft);
	Message *item = draft_message(draft, "Item");
	draft_field(draft, "name", 9, TYPE(STRING));
	draft_field(draft, "count", 1, TYPE(INT32));
	draft_field(draft, "total", 2, TYPE(UINT64));
	draft_field(draft, "ratio", 3, TYPE(DOUBLE));
	draft_field(draft, "sold", 4, TYPE(BOOL));
	draft_field(draft, "data", 5, TYPE(BYTES));
	draft_named(draft, "color", 6, TYPE(ENUM), ".shop.Color");
	draft_named(draft, "part", 7, TYPE(MESSAGE), ".shop.Item");
	draft_named(draft, "made_at", 8, TYPE(MESSAGE), ".google.protobuf.Timestamp");
	draft_field(draft, "sizes", 20, TYPE(SINT32))->label = LABEL(REPEATED);
	draft_field(draft, "tags", 21, TYPE(STRING))->label = LABEL(REPEATED);
	draft_named(draft, "parts", 22, TYPE(MESSAGE), ".shop.Item")->label = LABEL(REPEATED);
	google__protobuf__oneof_descriptor_proto__init(&draft->oneof);
	draft->oneof.name = "where";
	draft->oneof_list[0] = &draft->oneof;
	item->n_oneof_decl = 1;
	item->oneof_decl = draft->oneof_list;
	for (int i = 0; i < 3; i++) {
		static const char *const NAMES[] = {"shelf", "street", "box"};
		static const int TYPES[] = {TYPE(INT32), TYPE(STRING), TYPE(MESSAGE)};
		Field *field = draft_named(draft, NAMES[i], 30 + i, TYPES[i],
		                           i == 2 ? ".shop.Item" : NULL);
		field->has_oneof_index = true;
	}
	Field *maybe = draft_field(draft, "maybe", 40, TYPE(INT32));
	maybe->has_proto3_optional = maybe->proto3_optional = true;
}

/* So many fields f0, f1, ...; every second one is a message. */
void draft_wide(struct draft *draft, int count)
{
	static char names[LIST_MOST][16];
	draft_init(draft);
	draft_message(draft, "Item");
	for (int i = 0; i < count; i++) {
		snprintf(names[i], sizeof names[i], "f%d", i);
		draft_named(draft, names[i], i + 1, i % 2 ? TYPE(MESSAGE) : TYPE(INT32),
		            i % 2 ? ".shop.Item" : NULL);
	}
}

bool draft_build(const struct draft *draft, struct arena *arena,
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

void draft_check_json(const ProtobufCMessageDescriptor *type, struct arena *arena, const char *text,
                      const char *expected)
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

void draft_refused(const struct draft *draft, const char *why)
{
	struct arena arena;
	const struct service_methods *service;
	char fault[SCHEMA_FAULT_SIZE] = "";
	arena_init(&arena, NULL, 0, SIZE_MAX);
	assert_false(draft_build(draft, &arena, &service, fault));
	if (!strstr(fault, why))
		fail_msg("\"%s\" does not say \"%s\"", fault, why);
	arena_deinit(&arena);
}
