/* arena - the memory of one call: allocated piece by piece, freed as a whole.
 *
 * Owns: its chunks, and what arena_defer() was told to release.
 * Lifetime: arena_init() .. arena_deinit(); arena_reset() in between keeps the first chunk.
 * Thread: one. Units: bytes.
 * Errors: NULL when the arena's limit or the heap is exhausted: RESOURCE_EXHAUSTED for the call. */
#pragma once
#include "proto/bytes.h"

#include <protobuf-c/protobuf-c.h>
#include <stdarg.h>

struct arena_chunk;
struct arena_deferred;

struct arena {
	uint8_t *at, *end;
	struct arena_chunk *chunks; /* newest first; the first chunk may be the caller's storage */
	struct arena_deferred *deferred; /* run in reverse order by reset and deinit */
	uint8_t *storage;                /* the caller's first chunk, or NULL */
	size_t storage_len;
	size_t used, limit;           /* bytes handed out by the heap chunks, and their bound */
	ProtobufCAllocator allocator; /* for protobuf-c: allocates here, frees nothing */
};

/* `storage` (of storage_len bytes, may be NULL, outlives the arena) serves first, then heap chunks
 * up to `limit` bytes. */
void arena_init(struct arena *arena, void *storage, size_t storage_len, size_t limit);
void arena_deinit(struct arena *arena);

/* As new: runs what was deferred, frees the heap chunks. */
void arena_reset(struct arena *arena);

/* The slow path of arena_alloc: a new chunk. */
void *arena_alloc_slow(struct arena *arena, size_t len);

/* `len` bytes aligned to 16, uninitialised; NULL over the limit. */
static inline MUST_CHECK
void *arena_alloc(struct arena *arena, size_t len)
{
	size_t rounded = (len + 15) & ~(size_t)15;
	if (rounded < len || rounded > (size_t)(arena->end - arena->at))
		return arena_alloc_slow(arena, len);
	void *result = arena->at;
	arena->at += rounded;
	return result;
}

MUST_CHECK
void *arena_zalloc(struct arena *arena, size_t len);
MUST_CHECK
void *arena_copy(struct arena *arena, const void *data, size_t len);
/* NUL-terminated copies. */
MUST_CHECK
char *arena_strdup(struct arena *arena, const char *string);
MUST_CHECK
char *arena_string(struct arena *arena, struct bytes bytes);
MUST_CHECK
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
MUST_CHECK
char *arena_vprintf(struct arena *arena, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* release(object) when the arena is reset or ends; false (and release ran at once) without memory.
 */
MUST_CHECK
bool arena_defer(struct arena *arena, void (*release)(void *object), void *object);
