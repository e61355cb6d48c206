/* memory - what nghttp2 allocates for a request and gives back with it: kept by size, so that a
 * call costs no malloc.
 *
 * nghttp2 1.52 frees twice what it could not queue for want of memory. So it never finds none: when
 * the heap has none there is a reserve, and the connection that had to take from it is closed at
 * the end of the turn. Owns: the spare chunks, the reserve. Lifetime: outlives the sessions that
 * use it. Thread: its worker's. Under AddressSanitizer nothing is kept, so that it sees who uses
 * what was freed. */
#pragma once
#include "daemon/transport/connection.h"

#include <nghttp2/nghttp2.h>

struct memory_chunk;

enum {
	MEMORY_STEP = 32,    /* bytes: chunks are multiples of it */
	MEMORY_CLASSES = 24, /* larger ones are not kept */
	MEMORY_SPARE = 512,  /* chunks of a class */
	MEMORY_RESERVE = 131072,
};

struct memory {
	struct memory_chunk *spare[MEMORY_CLASSES];
	uint32_t count[MEMORY_CLASSES];
	uint8_t *reserve;
	size_t reserve_used, reserve_chunks; /* bytes from its front; what is not given back */
};

/* Of a session. */
struct memory_user {
	struct memory *memory;
	struct connection *connection;
};

MUST_CHECK
bool memory_init(struct memory *memory);
void memory_deinit(struct memory *memory);

/* `user` outlives the session. */
nghttp2_mem memory_for_nghttp2(struct memory_user *user);
