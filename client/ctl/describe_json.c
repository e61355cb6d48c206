#include "client/ctl/catalog.h"
#include "client/ctl/describe.h"
#include "client/ctl/names.h"
#include "client/ctl/nested.h"
#include "client/ctl/report.h"
#include "proto/json_hint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_NAME_SIZE = 320 };

static json_t *checked(json_t *json)
{
	if (!json)
		report_no_memory();
	return json;
}

void json_print(json_t *json, FILE *out)
{
	if (json_dumpf(checked(json), out, JSON_INDENT(2)) < 0)
		report_no_memory();
	fputc('\n', out);
	json_decref(json);
}

/* "": not known. */
static const char *role_word(const struct service_methods *service, const struct method *method)
{
	return catalog_foreign(service) ? "" : role_name(method->role);
}

json_t *service_to_json(const struct service_methods *service)
{
	json_t *methods = json_array();
	for (size_t i = 0; i < service->count; i++) {
		const struct method *method = &service->methods[i];
		json_array_append_new(methods, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}",
		                                         "name", method->name, "path", method->path,
		                                         "kind", kind_name(method->kind), "role",
		                                         role_word(service, method), "idempotency",
		                                         idempotency_name(method->idempotency),
		                                         "request", method->request->name,
		                                         "response", method->response->name));
	}
	return checked(json_pack("{s:s, s:o}", "name", service->name, "methods", methods));
}

static json_t *enum_to_json(const ProtobufCEnumDescriptor *type)
{
	json_t *values = json_array();
	for (unsigned i = 0; i < type->n_values; i++)
		json_array_append_new(values, json_pack("{s:s, s:i}", "name", type->values[i].name,
		                                        "value", type->values[i].value));
	return values;
}

static json_t *field_to_json(const ProtobufCMessageDescriptor *message,
                             const struct message_rules *rules,
                             const ProtobufCFieldDescriptor *field)
{
	char type[FIELD_TEXT_SIZE], text[FIELD_TEXT_SIZE], name[JSON_NAME_SIZE];
	field_type(field, type);
	field_rules(message, rules, field, text);
	(void)json_field_name(field, name, sizeof name);
	json_t *json =
		checked(json_pack("{s:s, s:s, s:s, s:i, s:s}", "name", field->name, "jsonName",
	                          name, "type", type, "number", (int)field->id, "rules", text));
	if (field->type == PROTOBUF_C_TYPE_ENUM)
		json_object_set_new(json, "values", enum_to_json(field->descriptor));
	return json;
}

static json_t *fields_to_json(const ProtobufCMessageDescriptor *message,
                              const struct message_rules *rules)
{
	json_t *fields = json_array();
	for (unsigned i = 0; i < message->n_fields; i++)
		json_array_append_new(fields, field_to_json(message, rules, &message->fields[i]));
	return checked(json_pack("{s:s, s:o}", "name", message->name, "fields", fields));
}

/* What else the two hold. Takes the list. */
static json_t *nested_to_json(struct nested *nested, const ProtobufCMessageDescriptor *one,
                              const ProtobufCMessageDescriptor *other)
{
	json_t *messages = json_array();
	for (size_t i = 0; i < nested->message_count; i++) {
		const struct nested_message *it = &nested->messages[i];
		if (it->message != one && it->message != other)
			json_array_append_new(messages, fields_to_json(it->message, it->rules));
	}
	nested_deinit(nested);
	return checked(messages);
}

json_t *message_to_json(const ProtobufCMessageDescriptor *message,
                        const struct message_rules *rules)
{
	struct nested nested = {0};
	nested_add(&nested, message, rules);
	json_t *json = fields_to_json(message, rules);
	json_object_set_new(json, "messages", nested_to_json(&nested, message, message));
	return json;
}

json_t *method_to_json(const struct service_methods *service, const struct method *method)
{
	struct nested nested = {0};
	nested_add(&nested, method->request, method->rules);
	nested_add(&nested, method->response, NULL);
	json_t *json = checked(json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:i}", "name", method->name, "service",
		service->name, "path", method->path, "kind", kind_name(method->kind), "role",
		role_word(service, method), "idempotency", idempotency_name(method->idempotency),
		"sensitive", method->sensitive, "deadlineMs", (int)method->deadline_ms));
	json_object_set_new(json, "request", fields_to_json(method->request, method->rules));
	json_object_set_new(
		json, "response",
		fields_to_json(method->response, nested_rules(&nested, method->response)));
	json_object_set_new(json, "messages",
	                    nested_to_json(&nested, method->request, method->response));
	json_object_set_new(json, "example", message_example(method->request, method->rules));
	return json;
}

/* --- an example -------------------------------------------------------------------- */

static const char *example_text(const struct field_rule *rule)
{
	switch (rule ? rule->format : RULE_ANY) {
	case RULE_ANY:
		return "text";
	case RULE_UUID:
		return "01234567-89ab-7def-8123-456789abcdef";
	case RULE_SLUG:
		return "a-slug";
	case RULE_KEY:
		return "PROJ";
	case RULE_STORY_KEY:
		return "PROJ-123";
	case RULE_EMAIL:
		return "somebody@example.org";
	case RULE_USERNAME:
		return "somebody";
	case RULE_JSON_OBJECT:
		return "{}";
	case RULE_DECIMAL:
		return "1.50";
	case RULE_DATE:
		return "2025-01-31";
	case RULE_COLOR:
		return "#6B46C1";
	}
	return "text";
}

/* Long enough for its rule. */
static json_t *example_string(const struct field_rule *rule)
{
	char text[256];
	snprintf(text, sizeof text, "%s", example_text(rule));
	size_t least = rule && rule->has & RULE_MIN_LEN ? (size_t)rule->min_len : 0;
	size_t most = rule && rule->has & RULE_MAX_LEN ? (size_t)rule->max_len : sizeof text - 1;
	for (size_t len = strlen(text); len < least && len + 1 < sizeof text; len++)
		memcpy(text + len, "x", 2);
	if (most < strlen(text))
		text[most] = '\0';
	return json_string(text);
}

static json_t *example_number(const struct field_rule *rule)
{
	int64_t number = rule && rule->has & RULE_MIN && rule->min > 1 ? rule->min : 1;
	if (rule && rule->has & RULE_MAX && rule->max < number)
		number = rule->max;
	return json_integer(number);
}

/* The first value that means something. */
static json_t *example_enum(const ProtobufCEnumDescriptor *type)
{
	for (unsigned i = 0; i < type->n_values; i++)
		if (type->values[i].value != 0)
			return json_string(type->values[i].name);
	return json_string(type->values[0].name);
}

static json_t *example_message(const ProtobufCMessageDescriptor *type,
                               const struct field_rule *rule)
{
	if (strcmp(type->name, "google.protobuf.Timestamp") == 0)
		return json_string("2025-01-31T12:00:00Z");
	if (strcmp(type->name, "google.protobuf.Duration") == 0)
		return json_string("1.500s");
	if (strcmp(type->name, "google.protobuf.FieldMask") == 0)
		return json_string(rule && rule->paths ? rule->paths[0] : "title,description");
	return message_example(type, rule ? rule->nested : NULL);
}

static json_t *example_value(const ProtobufCFieldDescriptor *field, const struct field_rule *rule)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return example_string(rule);
	case PROTOBUF_C_TYPE_BYTES:
		return json_string("Ynl0ZXM=");
	case PROTOBUF_C_TYPE_BOOL:
		return json_true();
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return json_real(1.5);
	case PROTOBUF_C_TYPE_ENUM:
		return example_enum(field->descriptor);
	case PROTOBUF_C_TYPE_MESSAGE:
		return example_message(field->descriptor, rule);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return example_number(rule);
	}
	return json_null();
}

static json_t *example_field(const ProtobufCFieldDescriptor *field, const struct field_rule *rule)
{
	json_t *value = example_value(field, rule);
	return field->label == PROTOBUF_C_LABEL_REPEATED ? json_pack("[o]", value) : value;
}

/* The last member of a oneof that must be set: a key rather than an id. */
static bool last_of_oneof(const ProtobufCMessageDescriptor *message, unsigned at)
{
	for (unsigned i = at + 1; i < message->n_fields; i++)
		if (same_oneof(&message->fields[i], &message->fields[at]))
			return false;
	return true;
}

json_t *message_example(const ProtobufCMessageDescriptor *message,
                        const struct message_rules *rules)
{
	json_t *example = checked(json_object());
	for (unsigned i = 0; i < message->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->fields[i];
		const struct field_rule *rule = rules_find(rules, field->id);
		char name[JSON_NAME_SIZE];
		bool needed = rule && rule->has & RULE_REQUIRED;
		if (required_oneof(message, rules, field))
			needed = last_of_oneof(message, i);
		if (!needed)
			continue;
		(void)json_field_name(field, name, sizeof name);
		json_object_set_new(example, name, example_field(field, rule));
	}
	return example;
}
