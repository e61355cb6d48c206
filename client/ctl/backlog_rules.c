#include "client/ctl/backlog_rules.h"

#include "client/ctl/catalog.h"
#include "client/ctl/describe.h"
#include "client/ctl/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each kind's message, looked up once. */
static struct {
	const char *name;
	const ProtobufCMessageDescriptor *message;
	const struct message_rules *rules;
} kinds[KIND_COUNT] = {
	{.name = "prism.v1.Organization"}, {.name = "prism.v1.User"},
	{.name = "prism.v1.Project"},      {.name = "prism.v1.Epic"},
	{.name = "prism.v1.Sprint"},       {.name = "prism.v1.Story"},
	{.name = "prism.v1.Document"},
};

/* Whether the value has the field's type; then the message holds it. */
static bool field_set(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                      const json_t *value)
{
	char *at = (char *)message + field->offset;
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		*(uint32_t *)(void *)((char *)message + field->quantifier_offset) = field->id;
	if (field->type == PROTOBUF_C_TYPE_STRING && json_is_string(value))
		*(const char **)(void *)at = json_string_value(value);
	else if (field->type == PROTOBUF_C_TYPE_INT64 && json_is_integer(value))
		*(int64_t *)(void *)at = json_integer_value(value);
	else if (field->type == PROTOBUF_C_TYPE_INT32 && json_is_integer(value))
		*(int32_t *)(void *)at = (int32_t)json_integer_value(value);
	else
		return false;
	return true;
}

/* What a message cannot show: numbers that its field cannot hold, and 0, which is as good as absent
 * there. */
static bool fits(const ProtobufCFieldDescriptor *field, const struct field_rule *rule,
                 const json_t *value, char reason[WIRE_REASON_SIZE])
{
	json_int_t number = json_integer_value(value);
	bool none = json_is_integer(value) && number == 0 && rule && rule->has & RULE_MIN &&
	            rule->min > 0;
	if (none)
		snprintf(reason, WIRE_REASON_SIZE, "%s: 0, must be at least %lld", field->name,
		         (long long)rule->min);
	bool large =
		field->type == PROTOBUF_C_TYPE_INT32 && (number < INT32_MIN || number > INT32_MAX);
	if (large)
		snprintf(reason, WIRE_REASON_SIZE, "%s: %lld, must be from %d to %d", field->name,
		         (long long)number, INT32_MIN, INT32_MAX);
	return !none && !large;
}

/* The message has no other field: what it lacks is not asked for. */
static bool rule_check(const struct message_rules *rules, const struct field_rule *rule,
                       const ProtobufCFieldDescriptor *field, const json_t *value,
                       char reason[WIRE_REASON_SIZE])
{
	struct field_rule alone = *rule;
	alone.has &= ~(uint32_t)RULE_REQUIRED;
	struct message_rules only = {.message = rules->message, .fields = &alone, .count = 1};
	ProtobufCMessage *message = calloc(1, rules->message->sizeof_message);
	if (!message)
		report_no_memory();
	protobuf_c_message_init(rules->message, message);
	bool right = !field_set(message, field, value) ||
	             rules_check(&only, message, reason) == STATUS_OK;
	free(message);
	return right;
}

bool backlog_rules_check(enum backlog_kind kind, const char *name, const json_t *value,
                         char reason[WIRE_REASON_SIZE])
{
	char fault[CATALOG_FAULT_SIZE];
	bool found = kinds[kind].message ||
	             catalog_message(&CATALOG_BUILT_IN, kinds[kind].name, &kinds[kind].message,
	                             &kinds[kind].rules, fault);
	const ProtobufCFieldDescriptor *field =
		found ? protobuf_c_message_descriptor_get_field_by_name(kinds[kind].message, name)
		      : NULL;
	if (!field)
		return true;
	const struct field_rule *rule = rules_find(kinds[kind].rules, field->id);
	return fits(field, rule, value, reason) &&
	       (!rule || rule_check(kinds[kind].rules, rule, field, value, reason));
}
