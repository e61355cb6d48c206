/* describe - services, methods and messages for people, and as JSON. */
#pragma once
#include "proto/method.h"

#include <jansson.h>
#include <stdio.h>

enum { FIELD_TEXT_SIZE = 512 };

/* "int64", "repeated string", "prism.v1.StoryStatus". */
void field_type(const ProtobufCFieldDescriptor *field, char out[FIELD_TEXT_SIZE]);

/* "required, 1 to 255 characters"; "" when anything goes. */
void field_rules(const ProtobufCMessageDescriptor *message, const struct message_rules *rules,
                 const ProtobufCFieldDescriptor *field, char out[FIELD_TEXT_SIZE]);

/* Whether the two are members of one oneof. */
bool same_oneof(const ProtobufCFieldDescriptor *a, const ProtobufCFieldDescriptor *b);

/* The oneof of which one member must be set, and which `field` belongs to; NULL: none. */
const struct oneof_rule *required_oneof(const ProtobufCMessageDescriptor *message,
                                        const struct message_rules *rules,
                                        const ProtobufCFieldDescriptor *field);

/* --- as JSON (describe_json.c): new references -------------------------------------- */

json_t *service_to_json(const struct service_methods *service);
json_t *method_to_json(const struct service_methods *service, const struct method *method);
json_t *message_to_json(const ProtobufCMessageDescriptor *message,
                        const struct message_rules *rules);

/* A request that keeps the rules. */
json_t *message_example(const ProtobufCMessageDescriptor *message,
                        const struct message_rules *rules);

/* Indented, with a line feed; takes the reference. */
void json_print(json_t *json, FILE *out);
