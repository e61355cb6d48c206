/* What a field may hold, in words. */
#include "client/ctl/describe.h"

#include "proto/json_hint.h"

#include <inttypes.h>

static const char *scalar_name(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
		return "int32";
	case PROTOBUF_C_TYPE_SINT32:
		return "sint32";
	case PROTOBUF_C_TYPE_SFIXED32:
		return "sfixed32";
	case PROTOBUF_C_TYPE_INT64:
		return "int64";
	case PROTOBUF_C_TYPE_SINT64:
		return "sint64";
	case PROTOBUF_C_TYPE_SFIXED64:
		return "sfixed64";
	case PROTOBUF_C_TYPE_UINT32:
		return "uint32";
	case PROTOBUF_C_TYPE_FIXED32:
		return "fixed32";
	case PROTOBUF_C_TYPE_UINT64:
		return "uint64";
	case PROTOBUF_C_TYPE_FIXED64:
		return "fixed64";
	case PROTOBUF_C_TYPE_FLOAT:
		return "float";
	case PROTOBUF_C_TYPE_DOUBLE:
		return "double";
	case PROTOBUF_C_TYPE_BOOL:
		return "bool";
	case PROTOBUF_C_TYPE_ENUM:
		return "enum";
	case PROTOBUF_C_TYPE_STRING:
		return "string";
	case PROTOBUF_C_TYPE_BYTES:
		return "bytes";
	case PROTOBUF_C_TYPE_MESSAGE:
		return "message";
	}
	return "?";
}

static const char *type_name(const ProtobufCFieldDescriptor *field)
{
	if (field->type == PROTOBUF_C_TYPE_ENUM)
		return ((const ProtobufCEnumDescriptor *)field->descriptor)->name;
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return ((const ProtobufCMessageDescriptor *)field->descriptor)->name;
	return scalar_name(field->type);
}

void field_type(const ProtobufCFieldDescriptor *field, char out[FIELD_TEXT_SIZE])
{
	const ProtobufCFieldDescriptor *of = json_is_map(field) ? json_map_fields(field) : NULL;
	if (of)
		snprintf(out, FIELD_TEXT_SIZE, "map<%s, %s>", type_name(&of[0]), type_name(&of[1]));
	else
		snprintf(out, FIELD_TEXT_SIZE, "%s%s",
		         field->label == PROTOBUF_C_LABEL_REPEATED ? "repeated " : "",
		         type_name(field));
}

/* protobuf-c keeps no name of a oneof; its members share the place that says which is set. */
bool same_oneof(const ProtobufCFieldDescriptor *a, const ProtobufCFieldDescriptor *b)
{
	return (a->flags & b->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
	       a->quantifier_offset == b->quantifier_offset;
}

const struct oneof_rule *required_oneof(const ProtobufCMessageDescriptor *message,
                                        const struct message_rules *rules,
                                        const ProtobufCFieldDescriptor *field)
{
	for (size_t i = 0; rules && i < rules->required_oneof_count; i++) {
		const struct oneof_rule *oneof = &rules->required_oneofs[i];
		const ProtobufCFieldDescriptor *member =
			protobuf_c_message_descriptor_get_field(message, oneof->member);
		if (member && same_oneof(member, field))
			return oneof;
	}
	return NULL;
}

static const char *format_name(enum rule_format format)
{
	switch (format) {
	case RULE_ANY:
		return "";
	case RULE_UUID:
		return "a UUID";
	case RULE_SLUG:
		return "a slug (a-z, 0-9, single dashes within)";
	case RULE_KEY:
		return "a project's key (2 to 20 letters and digits, a letter first)";
	case RULE_STORY_KEY:
		return "a story's key (PROJ-123)";
	case RULE_EMAIL:
		return "an e-mail address";
	case RULE_USERNAME:
		return "a user name (3 to 100 letters, digits, _ and -)";
	case RULE_JSON_OBJECT:
		return "a JSON object as text";
	case RULE_DECIMAL:
		return "a decimal number as text";
	case RULE_DATE:
		return "a date (YYYY-MM-DD)";
	case RULE_COLOR:
		return "a color (#RRGGBB)";
	}
	return "";
}

/* Lengths in what they count. */
static const char *length_unit(const ProtobufCFieldDescriptor *field)
{
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return "elements";
	return field->type == PROTOBUF_C_TYPE_BYTES ? "bytes" : "characters";
}

static void length_print(const ProtobufCFieldDescriptor *field, const struct field_rule *rule,
                         FILE *out)
{
	const char *unit = length_unit(field);
	bool least = rule->has & RULE_MIN_LEN, most = rule->has & RULE_MAX_LEN;
	if (least && most)
		fprintf(out, ", %" PRIu64 " to %" PRIu64 " %s", rule->min_len, rule->max_len, unit);
	else if (least)
		fprintf(out, ", at least %" PRIu64 " %s", rule->min_len, unit);
	else if (most)
		fprintf(out, ", at most %" PRIu64 " %s", rule->max_len, unit);
}

static void range_print(const struct field_rule *rule, const char *each, FILE *out)
{
	bool least = rule->has & RULE_MIN, most = rule->has & RULE_MAX;
	if (least && most)
		fprintf(out, ", %s%" PRId64 " to %" PRId64, each, rule->min, rule->max);
	else if (least)
		fprintf(out, ", %sat least %" PRId64, each, rule->min);
	else if (most)
		fprintf(out, ", %sat most %" PRId64, each, rule->max);
}

static void taken_as_print(const struct field_rule *rule, FILE *out)
{
	if (rule->zero_means)
		fprintf(out, ", 0 is taken as %" PRId64, rule->zero_means);
	if (rule->cap)
		fprintf(out, ", more than %" PRId64 " as %" PRId64, rule->cap, rule->cap);
}

static void paths_print(const char *const *paths, FILE *out)
{
	for (size_t i = 0; paths && paths[i]; i++)
		fprintf(out, ", %s%s", i ? "" : "of: ", paths[i]);
}

static void rule_print(const ProtobufCFieldDescriptor *field, const struct field_rule *rule,
                       FILE *out)
{
	const char *each = field->label == PROTOBUF_C_LABEL_REPEATED ? "each " : "";
	if (rule->has & RULE_REQUIRED)
		fputs(", required", out);
	length_print(field, rule, out);
	if (rule->has & RULE_MAX_BYTES)
		fprintf(out, ", %sat most %" PRIu64 " bytes", each, rule->max_bytes);
	range_print(rule, each, out);
	taken_as_print(rule, out);
	if (*format_name(rule->format))
		fprintf(out, ", %s%s", each, format_name(rule->format));
	if (rule->has & RULE_TRIMMED)
		fputs(", no white space at its ends", out);
	paths_print(rule->paths, out);
}

static void oneof_print(const ProtobufCMessageDescriptor *message,
                        const struct message_rules *rules, const ProtobufCFieldDescriptor *field,
                        FILE *out)
{
	unsigned others = 0;
	for (unsigned i = 0; i < message->n_fields; i++)
		others += &message->fields[i] != field && same_oneof(&message->fields[i], field);
	if (others == 0) {
		fputs(", optional", out);
		return;
	}
	fputs(required_oneof(message, rules, field) ? ", this or " : ", not with ", out);
	for (unsigned i = 0; i < message->n_fields; i++)
		if (&message->fields[i] != field && same_oneof(&message->fields[i], field))
			fprintf(out, "%s%s", message->fields[i].name, --others > 0 ? ", " : "");
}

void field_rules(const ProtobufCMessageDescriptor *message, const struct message_rules *rules,
                 const ProtobufCFieldDescriptor *field, char out[FIELD_TEXT_SIZE])
{
	char text[FIELD_TEXT_SIZE + 2] = "";
	FILE *stream = fmemopen(text, sizeof text, "w");
	const struct field_rule *rule = rules_find(rules, field->id);
	if (stream && field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		oneof_print(message, rules, field, stream);
	if (stream && rule)
		rule_print(field, rule, stream);
	if (stream)
		fclose(stream);
	snprintf(out, FIELD_TEXT_SIZE, "%s", *text ? text + 2 : "");
}
