#include "client/streams.h"

#include "client/call.h"

#include <assert.h>
#include <stdlib.h>

enum { CAPACITY_FIRST = 64 };

/* Client ids are odd: their lowest bit says nothing. */
static size_t streams_home(const struct streams *streams, uint32_t id)
{
	return (id >> 1) & (streams->capacity - 1);
}

static size_t streams_after(const struct streams *streams, size_t slot)
{
	return (slot + 1) & (streams->capacity - 1);
}

static void streams_place(struct streams *streams, struct prism_call *call)
{
	size_t slot = streams_home(streams, call->stream.id);
	while (streams->slots[slot])
		slot = streams_after(streams, slot);
	streams->slots[slot] = call;
}

static bool streams_grow(struct streams *streams)
{
	size_t capacity = streams->capacity ? streams->capacity * 2 : CAPACITY_FIRST;
	struct streams grown = {calloc(capacity, sizeof *grown.slots), streams->count, capacity};
	if (!grown.slots)
		return false;
	for (size_t slot = 0; slot < streams->capacity; slot++)
		if (streams->slots[slot])
			streams_place(&grown, streams->slots[slot]);
	free(streams->slots);
	*streams = grown;
	return true;
}

bool streams_insert(struct streams *streams, struct prism_call *call)
{
	if ((streams->count + 1) * 2 > streams->capacity && !streams_grow(streams))
		return false;
	streams_place(streams, call);
	streams->count++;
	return true;
}

static size_t streams_slot(const struct streams *streams, uint32_t id)
{
	size_t slot = streams_home(streams, id);
	while (streams->slots[slot] && streams->slots[slot]->stream.id != id)
		slot = streams_after(streams, slot);
	return slot;
}

struct prism_call *streams_find(const struct streams *streams, uint32_t id)
{
	return streams->count > 0 ? streams->slots[streams_slot(streams, id)] : NULL;
}

/* Fills the hole with a later call of the same run that may sit there, and so on (Knuth 6.4 R). */
static void streams_close_hole(struct streams *streams, size_t hole)
{
	for (size_t slot = streams_after(streams, hole); streams->slots[slot];
	     slot = streams_after(streams, slot)) {
		size_t home = streams_home(streams, streams->slots[slot]->stream.id);
		size_t from_home = (slot - home) & (streams->capacity - 1);
		size_t from_hole = (slot - hole) & (streams->capacity - 1);
		if (from_home < from_hole)
			continue;
		streams->slots[hole] = streams->slots[slot];
		hole = slot;
	}
	streams->slots[hole] = NULL;
}

void streams_remove(struct streams *streams, struct prism_call *call)
{
	size_t slot = streams_slot(streams, call->stream.id);
	assert(streams->slots[slot] == call);
	streams->count--;
	streams_close_hole(streams, slot);
}

struct prism_call *streams_any(const struct streams *streams)
{
	for (size_t slot = 0; slot < streams->capacity && streams->count > 0; slot++)
		if (streams->slots[slot])
			return streams->slots[slot];
	return NULL;
}

void streams_deinit(struct streams *streams)
{
	assert(streams->count == 0);
	free(streams->slots);
	*streams = (struct streams){0};
}
