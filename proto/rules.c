#include "proto/rules.h"

#include "proto/layout.h"
#include "proto/rules_format.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { NO_INDEX = -1 };

/* Where a value stands: the chain of fields from the request down to it. */
struct place {
	const struct place *parent;
	const ProtobufCFieldDescriptor *field;
	const char *oneof; /* instead of a field */
	int64_t index;     /* in a list, or NO_INDEX */
	char *reason;
};

static enum status message_check(const struct message_rules *rules, const ProtobufCMessage *message,
                                 const struct place *parent, char *reason);

/* --- what a caller is told ------------------------------------------------ */

static size_t path_write(const struct place *place, char *out, size_t room)
{
	size_t at = place->parent ? path_write(place->parent, out, room) : 0;
	if (at >= room)
		return at;
	const char *name = place->oneof ? place->oneof : place->field->name;
	int len = snprintf(out + at, room - at, "%s%s", at > 0 ? "." : "", name);
	at += (size_t)len;
	if (place->index != NO_INDEX && at < room)
		at += (size_t)snprintf(out + at, room - at, "[%" PRId64 "]", place->index);
	return at;
}

__attribute__((format(printf, 2, 3))) static enum status fail(const struct place *place,
                                                              const char *format, ...)
{
	char path[96];
	(void)path_write(place, path, sizeof path);
	int len = snprintf(place->reason, WIRE_REASON_SIZE, "%s: ", path);
	va_list args;
	va_start(args, format);
	vsnprintf(place->reason + len, WIRE_REASON_SIZE - (size_t)len, format, args);
	va_end(args);
	return STATUS_INVALID_ARGUMENT;
}

void rules_enum_names(const ProtobufCEnumDescriptor *type, char *out, size_t room)
{
	size_t at = 0;
	out[0] = '\0';
	for (unsigned i = 0; i < type->n_values && at < room; i++)
		if (type->values[i].value != 0)
			at += (size_t)snprintf(out + at, room - at, "%s%s", at > 0 ? ", " : "",
			                       type->values[i].name);
}

static enum status required_fail(const struct place *place, const struct field_rule *rule)
{
	char names[WIRE_REASON_SIZE] = "";
	if (place->field->type == PROTOBUF_C_TYPE_ENUM) {
		rules_enum_names(place->field->descriptor, names, sizeof names);
		return fail(place, "a value is required: one of %s", names);
	}
	if (!rule->paths)
		return fail(place, "a value is required");
	size_t at = 0;
	for (size_t i = 0; rule->paths[i] && at < sizeof names; i++)
		at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "",
		                       rule->paths[i]);
	return fail(place, "a value is required: one or more of %s", names);
}

/* --- lengths ---------------------------------------------------------------- */

static enum status length_check(const struct place *place, const struct field_rule *rule,
                                uint64_t len, const char *unit)
{
	const char *plural = len == 1 ? "" : "s";
	if ((rule->has & RULE_MIN_LEN) && len < rule->min_len)
		return fail(place, "%" PRIu64 " %s%s, at least %" PRIu64 " are needed", len, unit,
		            plural, rule->min_len);
	if ((rule->has & RULE_MAX_LEN) && len > rule->max_len)
		return fail(place, "%" PRIu64 " %s%s, at most %" PRIu64 " are allowed", len, unit,
		            plural, rule->max_len);
	return STATUS_OK;
}

/* --- one value of each type ------------------------------------------------- */

static enum status format_check(const struct place *place, const struct field_rule *rule,
                                struct bytes text)
{
	const char *detail, *must = format_fault(rule->format, text, &detail);
	if (!must)
		return STATUS_OK;
	return detail ? fail(place, "%s: %s", must, detail) : fail(place, "%s", must);
}

static enum status string_check(const struct place *place, const struct field_rule *rule,
                                const char *string)
{
	struct bytes text = bytes_of_string(string);
	if (place->index == NO_INDEX && (rule->has & (RULE_MIN_LEN | RULE_MAX_LEN)))
		TRY(length_check(place, rule, utf8_characters(text), "character"));
	if ((rule->has & RULE_MAX_BYTES) && text.len > rule->max_bytes)
		return fail(place, "%zu bytes, at most %" PRIu64 " are allowed", text.len,
		            rule->max_bytes);
	if ((rule->has & RULE_TRIMMED) && utf8_edge_space(text))
		return fail(place, "must not start or end with white space");
	return format_check(place, rule, text);
}

static enum status bytes_check(const struct place *place, const struct field_rule *rule,
                               const ProtobufCBinaryData *bytes)
{
	return place->index == NO_INDEX ? length_check(place, rule, bytes->len, "byte") : STATUS_OK;
}

static enum status range_fail(const struct place *place, const struct field_rule *rule,
                              const char *value)
{
	if ((rule->has & RULE_MIN) && (rule->has & RULE_MAX))
		return fail(place, "%s, must be from %" PRId64 " to %" PRId64, value, rule->min,
		            rule->max);
	if (rule->has & RULE_MIN)
		return fail(place, "%s, must be at least %" PRId64, value, rule->min);
	return fail(place, "%s, must be at most %" PRId64, value, rule->max);
}

static enum status signed_check(const struct place *place, const struct field_rule *rule,
                                int64_t value)
{
	bool below = (rule->has & RULE_MIN) && value < rule->min;
	bool above = (rule->has & RULE_MAX) && value > rule->max;
	if (!below && !above)
		return STATUS_OK;
	char text[24];
	snprintf(text, sizeof text, "%" PRId64, value);
	return range_fail(place, rule, text);
}

static enum status unsigned_check(const struct place *place, const struct field_rule *rule,
                                  uint64_t value)
{
	if (value <= INT64_MAX)
		return signed_check(place, rule, (int64_t)value);
	if (!(rule->has & RULE_MAX))
		return STATUS_OK;
	char text[24];
	snprintf(text, sizeof text, "%" PRIu64, value);
	return range_fail(place, rule, text);
}

static enum status enum_fail(const struct place *place, int32_t value)
{
	const ProtobufCEnumDescriptor *known = place->field->descriptor;
	char names[160] = "";
	size_t at = 0;
	for (unsigned i = 0; i < known->n_values && at < sizeof names; i++)
		at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "",
		                       known->values[i].name);
	return fail(place, "%" PRId32 " is no %s, must be one of %s", value, known->short_name,
	            names);
}

static enum status enum_check(const struct place *place, const struct field_rule *rule,
                              int32_t value)
{
	if ((rule->has & RULE_KNOWN_ENUM) &&
	    !protobuf_c_enum_descriptor_get_value(place->field->descriptor, value))
		return enum_fail(place, value);
	return signed_check(place, rule, value);
}

static enum status value_check(const struct place *place, const struct field_rule *rule,
                               const void *value)
{
	switch (place->field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return signed_check(place, rule, *(const int32_t *)value);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return signed_check(place, rule, *(const int64_t *)value);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return unsigned_check(place, rule, *(const uint32_t *)value);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return unsigned_check(place, rule, *(const uint64_t *)value);
	case PROTOBUF_C_TYPE_ENUM:
		return enum_check(place, rule, *(const int32_t *)value);
	case PROTOBUF_C_TYPE_STRING:
		return string_check(place, rule, *(const char *const *)value);
	case PROTOBUF_C_TYPE_BYTES:
		return bytes_check(place, rule, value);
	case PROTOBUF_C_TYPE_MESSAGE:
		return message_check(rule->nested, *(const ProtobufCMessage *const *)value, place,
		                     place->reason);
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return STATUS_OK;
	}
	return STATUS_OK;
}

/* --- fields ------------------------------------------------------------------ */

static enum status list_check(struct place *place, const struct field_rule *rule,
                              const ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *field = place->field;
	size_t count = layout_count(message, field), size = layout_size(field->type);
	if (count == 0)
		return rule->has & RULE_REQUIRED ? required_fail(place, rule) : STATUS_OK;
	TRY(length_check(place, rule, count, "element"));
	const uint8_t *value = layout_value(message, field);
	for (size_t i = 0; i < count; i++, value += size) {
		place->index = (int64_t)i;
		TRY(value_check(place, rule, value));
	}
	return STATUS_OK;
}

static enum status field_check(struct place *place, const struct field_rule *rule,
                               const ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *field = place->field;
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return list_check(place, rule, message);
	const void *value = layout_value(message, field);
	bool set = layout_set(message, field);
	if ((rule->has & RULE_REQUIRED) && (!set || layout_empty(field->type, value)))
		return required_fail(place, rule);
	return set ? value_check(place, rule, value) : STATUS_OK;
}

/* The fields of one oneof share the place of its case. */
static void member_names(const ProtobufCMessageDescriptor *message,
                         const ProtobufCFieldDescriptor *member, char *out, size_t room)
{
	size_t at = 0;
	out[0] = '\0';
	for (unsigned i = 0; i < message->n_fields && at < room; i++) {
		const ProtobufCFieldDescriptor *field = &message->fields[i];
		if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
		    field->quantifier_offset == member->quantifier_offset)
			at += (size_t)snprintf(out + at, room - at, "%s%s", at > 0 ? ", " : "",
			                       field->name);
	}
}

static enum status oneof_check(const struct oneof_rule *rule, const ProtobufCMessage *message,
                               const struct place *parent, char *reason)
{
	const ProtobufCFieldDescriptor *member =
		protobuf_c_message_descriptor_get_field(message->descriptor, rule->member);
	assert(member && (member->flags & PROTOBUF_C_FIELD_FLAG_ONEOF));
	if (layout_oneof_case(message, member) != 0)
		return STATUS_OK;
	struct place place = {
		.parent = parent, .oneof = rule->name, .index = NO_INDEX, .reason = reason};
	char names[WIRE_REASON_SIZE];
	member_names(message->descriptor, member, names, sizeof names);
	return fail(&place, "one of %s is required", names);
}

/* Rules and fields both ascend, so one walk over the fields finds them all. */
static const ProtobufCFieldDescriptor *field_from(const ProtobufCFieldDescriptor *field,
                                                  const ProtobufCMessageDescriptor *message,
                                                  uint32_t number)
{
	const ProtobufCFieldDescriptor *end = message->fields + message->n_fields;
	while (field < end && field->id < number)
		field++;
	assert(field < end && field->id == number);
	return field;
}

static enum status message_check(const struct message_rules *rules, const ProtobufCMessage *message,
                                 const struct place *parent, char *reason)
{
	if (!rules)
		return STATUS_OK;
	assert(rules->message == message->descriptor);
	const ProtobufCFieldDescriptor *field = rules->message->fields;
	for (size_t i = 0; i < rules->count; i++) {
		const struct field_rule *rule = &rules->fields[i];
		field = field_from(field, rules->message, rule->number);
		struct place place = {
			.parent = parent, .field = field, .index = NO_INDEX, .reason = reason};
		TRY(field_check(&place, rule, message));
	}
	for (size_t i = 0; i < rules->required_oneof_count; i++)
		TRY(oneof_check(&rules->required_oneofs[i], message, parent, reason));
	return STATUS_OK;
}

const struct field_rule *rules_find(const struct message_rules *rules, uint32_t number)
{
	for (size_t i = 0; rules && i < rules->count; i++)
		if (rules->fields[i].number == number)
			return &rules->fields[i];
	return NULL;
}

enum status rules_check(const struct message_rules *rules, const ProtobufCMessage *message,
                        char reason[WIRE_REASON_SIZE])
{
	return message_check(rules, message, NULL, reason);
}
