/* draft - a file of a server's descriptors, put together piece by piece. */
#pragma once
#include "client/ctl/schema.h"

#include <google/protobuf/descriptor.pb-c.h>

typedef Google__Protobuf__FileDescriptorProto File;
typedef Google__Protobuf__DescriptorProto Message;
typedef Google__Protobuf__FieldDescriptorProto Field;
typedef Google__Protobuf__EnumDescriptorProto Enum;
typedef Google__Protobuf__EnumValueDescriptorProto Value;
typedef Google__Protobuf__ServiceDescriptorProto Service;
typedef Google__Protobuf__MethodDescriptorProto Method;

#define TYPE(name)  GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name
#define LABEL(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_##name

enum { FIELDS_MOST = 10000, LIST_MOST = FIELDS_MOST + 1, MESSAGES_MOST = 64 };

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

/* With a service shop.Shop whose method Get takes and returns shop.Item, which is not there. */
void draft_init(struct draft *draft);

Message *draft_message(struct draft *draft, const char *name);

/* To the message that was added last. */
Field *draft_field(struct draft *draft, const char *name, int number, int type);
Field *draft_named(struct draft *draft, const char *name, int number, int type,
                   const char *type_name);

/* An enum shop.Color. */
void draft_colors(struct draft *draft);

/* shop.Item with every kind of field. */
void draft_item(struct draft *draft);

/* shop.Item with so many fields f0, f1, ...; every second one is a message. */
void draft_wide(struct draft *draft, int count);

bool draft_build(const struct draft *draft, struct arena *arena,
                 const struct service_methods **service, char fault[SCHEMA_FAULT_SIZE]);

/* The service cannot be made, and the fault has these words in it. */
void draft_refused(const struct draft *draft, const char *why);

/* The text, through the wire and back. */
void draft_check_json(const ProtobufCMessageDescriptor *type, struct arena *arena, const char *text,
                      const char *expected);
