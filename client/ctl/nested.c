#include "client/ctl/nested.h"

#include "client/ctl/report.h"
#include "proto/json_hint.h"

#include <stdlib.h>
#include <string.h>

static bool well_known(const ProtobufCMessageDescriptor *message)
{
	return strcmp(message->package_name, "google.protobuf") == 0;
}

static const struct nested_message *find(const struct nested *nested,
                                         const ProtobufCMessageDescriptor *message)
{
	for (size_t i = 0; i < nested->message_count; i++)
		if (nested->messages[i].message == message)
			return &nested->messages[i];
	return NULL;
}

static void add_enum(struct nested *nested, const ProtobufCEnumDescriptor *type)
{
	for (size_t i = 0; i < nested->enum_count; i++)
		if (nested->enums[i] == type)
			return;
	nested->enums = realloc(nested->enums, (nested->enum_count + 1) * sizeof(*nested->enums));
	if (!nested->enums)
		report_no_memory();
	nested->enums[nested->enum_count++] = type;
}

/* False: it was there. */
static bool add_message(struct nested *nested, const ProtobufCMessageDescriptor *message,
                        const struct message_rules *rules)
{
	if (well_known(message) || find(nested, message))
		return false;
	nested->messages =
		realloc(nested->messages, (nested->message_count + 1) * sizeof(*nested->messages));
	if (!nested->messages)
		report_no_memory();
	nested->messages[nested->message_count++] = (struct nested_message){message, rules};
	return true;
}

/* Ends, as a type is entered once. */
void nested_add(struct nested *nested, const ProtobufCMessageDescriptor *message,
                const struct message_rules *rules)
{
	if (!add_message(nested, message, rules))
		return;
	for (unsigned i = 0; i < message->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->fields[i];
		const struct field_rule *rule = rules_find(rules, field->id);
		if (json_is_map(field))
			field = &json_map_fields(field)[1];
		if (field->type == PROTOBUF_C_TYPE_ENUM)
			add_enum(nested, field->descriptor);
		else if (field->type == PROTOBUF_C_TYPE_MESSAGE)
			nested_add(nested, field->descriptor, rule ? rule->nested : NULL);
	}
}

const struct message_rules *nested_rules(const struct nested *nested,
                                         const ProtobufCMessageDescriptor *message)
{
	const struct nested_message *it = find(nested, message);
	return it ? it->rules : NULL;
}

void nested_deinit(struct nested *nested)
{
	free(nested->messages);
	free(nested->enums);
}
