/* nested - the types that messages hold, each once: messages with their rules, and enums.
 *
 * Those of google.protobuf are left out: JSON has forms of its own for them. Owns: the lists.
 * Errors: without memory the program ends. */
#pragma once
#include "proto/method.h"

struct nested_message {
	const ProtobufCMessageDescriptor *message;
	const struct message_rules *rules; /* NULL: none */
};

struct nested {
	struct nested_message *messages; /* the given ones too, in the order of their fields */
	size_t message_count;
	const ProtobufCEnumDescriptor **enums;
	size_t enum_count;
};

/* The message and all that it holds. What is there already stays, with the rules that it has. */
void nested_add(struct nested *nested, const ProtobufCMessageDescriptor *message,
                const struct message_rules *rules);

/* NULL: it is not there, or has none. */
const struct message_rules *nested_rules(const struct nested *nested,
                                         const ProtobufCMessageDescriptor *message);
void nested_deinit(struct nested *nested);
