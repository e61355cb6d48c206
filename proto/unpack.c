/* Unpacking of checked bytes, and what request types must not be (wirecheck.h). */
#include "proto/wirecheck.h"

#include <stdio.h>

/* An arena as protobuf-c's allocator, which notes that it was full: protobuf-c does not tell why it
 * fails. */
struct source {
	struct arena *arena;
	bool full;
};

static void *source_alloc(void *data, size_t len)
{
	struct source *source = data;
	void *result = arena_alloc(source->arena, len);
	source->full |= !result;
	return result;
}

static void source_free(void *source, void *data)
{
	(void)source, (void)data;
}

enum status message_unpack(const ProtobufCMessageDescriptor *descriptor, struct bytes wire,
                           struct arena *arena, ProtobufCMessage **out,
                           char reason[WIRE_REASON_SIZE])
{
	TRY(wire_check(descriptor, wire, WIRE_BUDGET, reason));
	struct source source = {.arena = arena};
	ProtobufCAllocator allocator = {source_alloc, source_free, &source};
	ProtobufCMessage *message =
		protobuf_c_message_unpack(descriptor, &allocator, wire.len, wire.data);
	if (message) {
		*out = message;
		return STATUS_OK;
	}
	if (source.full) {
		snprintf(reason, WIRE_REASON_SIZE,
		         "the message: the call's memory (%zu bytes) is used up", arena->limit);
		return STATUS_RESOURCE_EXHAUSTED;
	}
	snprintf(reason, WIRE_REASON_SIZE, "the message: a required field of %s is missing",
	         descriptor->name);
	return STATUS_INVALID_ARGUMENT;
}

/* The types from the root to the one being looked at. */
struct chain {
	const struct chain *above;
	const ProtobufCMessageDescriptor *descriptor;
};

static const char *recursive_below(const struct chain *above,
                                   const ProtobufCMessageDescriptor *descriptor)
{
	for (const struct chain *link = above; link; link = link->above) {
		if (link->descriptor == descriptor)
			return descriptor->name;
	}
	struct chain chain = {above, descriptor};
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		if (descriptor->fields[i].type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		const char *found = recursive_below(&chain, descriptor->fields[i].descriptor);
		if (found)
			return found;
	}
	return NULL;
}

const char *descriptor_recursive(const ProtobufCMessageDescriptor *descriptor)
{
	return recursive_below(NULL, descriptor);
}
