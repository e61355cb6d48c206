/* A server's descriptors may be anything: types are made of them, or it is said why not. The first
 * two bytes are the length of a message, which is read as each of the types that came out; the rest
 * is a FileDescriptorProto. */
#include "client/ctl/schema.h"
#include "proto/json.h"
#include "tests/fuzz/target.h"

#include <google/protobuf/descriptor.pb-c.h>

typedef Google__Protobuf__FileDescriptorProto File;

enum { MEMORY = 1 << 26 };

/* What a message says in JSON is read as the same message again. */
static void read_as(const ProtobufCMessageDescriptor *type, struct bytes wire, struct arena *arena)
{
	char reason[WIRE_REASON_SIZE], *text;
	ProtobufCMessage *message, *again;
	if (message_unpack(type, wire, arena, &message, reason) != STATUS_OK ||
	    json_from_message(message, JSON_COMPACT, arena, &text) != STATUS_OK ||
	    json_to_message(type, bytes_of_string(text), arena, &again, reason) != STATUS_OK)
		return;
	MUST(protobuf_c_message_check(again));
	MUST(protobuf_c_message_get_packed_size(again) <= MEMORY);
}

static void make(struct bytes file, const char *service, struct bytes wire)
{
	struct arena arena;
	const struct service_methods *made;
	char fault[SCHEMA_FAULT_SIZE] = "";
	arena_init(&arena, NULL, 0, MEMORY);
	struct schema *schema = schema_new(&arena);
	MUST(schema && schema_add(schema, file, fault));
	if (schema_service(schema, service, &made, fault)) {
		for (size_t i = 0; i < made->count; i++)
			read_as(made->methods[i].request, wire, &arena);
	} else {
		MUST(*fault);
	}
	arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 2)
		return 0;
	size_t wire_len = (size_t)data[0] << 8 | data[1];
	if (wire_len > len - 2)
		return 0;
	struct bytes wire = bytes_of(data + 2, wire_len);
	struct bytes file = bytes_of(data + 2 + wire_len, len - 2 - wire_len);
	struct arena arena;
	char fault[SCHEMA_FAULT_SIZE] = "", name[600];
	ProtobufCMessage *message;
	arena_init(&arena, NULL, 0, MEMORY);
	struct schema *schema = schema_new(&arena);
	MUST(schema);
	if (!schema_add(schema, file, fault)) {
		MUST(*fault);
	} else if (message_unpack(&google__protobuf__file_descriptor_proto__descriptor, file,
	                          &arena, &message, fault) == STATUS_OK) {
		const File *read = (const File *)message;
		for (size_t i = 0; i < read->n_service && i < 4; i++) {
			const char *package = read->package ? read->package : "";
			const char *service = read->service[i]->name ? read->service[i]->name : "";
			snprintf(name, sizeof name, "%.250s%s%.250s", package, *package ? "." : "",
			         service);
			make(file, name, wire);
		}
	}
	arena_deinit(&arena);
	return 0;
}
