/* streams - the open calls of a session by their stream ids: a small hash table, linear probing.
 * Ids are taken in order, so that nearly every call sits in its own slot.
 *
 * Owns: its array, not the calls. Errors: false without memory. */
#pragma once
#include "proto/status.h"

#include <stddef.h>

struct prism_call;

struct streams {
	struct prism_call **slots; /* by call->stream.id; NULL: free */
	size_t count, capacity;    /* capacity: a power of two, at least twice the count */
};

MUST_CHECK
bool streams_insert(struct streams *streams, struct prism_call *call);
struct prism_call *streams_find(const struct streams *streams, uint32_t id);
void streams_remove(struct streams *streams, struct prism_call *call);

/* Some call that is in it; NULL: it is empty. */
struct prism_call *streams_any(const struct streams *streams);
void streams_deinit(struct streams *streams);
