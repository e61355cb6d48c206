/* arena - the memory of one call: allocated piece by piece, freed as a whole.
 *
 * Owns: its chunks, and what arena_defer() was told to release.
 * Lifetime: arena_init() .. arena_deinit(); arena_reset() in between keeps the caller's storage.
 * Under AddressSanitizer room that was not handed out is poisoned. The arena may not be moved.
 * Thread: one. Units: bytes.
 * Errors: NULL when the arena's limit or the heap is exhausted: RESOURCE_EXHAUSTED for the call. */
#pragma once
#include "proto/bytes.h"

#include <protobuf-c/protobuf-c.h>
#include <stdarg.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif

#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define arena_poison(at, len)   ASAN_POISON_MEMORY_REGION(at, len)
#define arena_unpoison(at, len) ASAN_UNPOISON_MEMORY_REGION(at, len)
#else
#define arena_poison(at, len)   ((void)(at), (void)(len))
#define arena_unpoison(at, len) ((void)(at), (void)(len))
#endif

struct arena_chunk;
struct arena_deferred;

struct arena {
	uint8_t *at, *end;               /* free room of the chunk in use */
	struct arena_chunk *chunks;      /* from the heap, newest first */
	struct arena_deferred *deferred; /* run in reverse order by reset and deinit */
	uint8_t *storage;                /* the caller's first chunk, aligned */
	size_t storage_len;
	size_t used, limit;           /* bytes of the heap chunks, and their bound */
	size_t chunk_len;             /* of the next heap chunk */
	ProtobufCAllocator allocator; /* for protobuf-c: allocates here, frees nothing */
};

/* `storage` (of storage_len bytes, may be NULL, outlives the arena) serves first, then heap chunks
 * up to `limit` bytes. */
void arena_init(struct arena *arena, void *storage, size_t storage_len, size_t limit);
void arena_deinit(struct arena *arena);

/* The slow path of arena_reset: deferred releases and heap chunks. */
void arena_reset_slow(struct arena *arena);

/* As new: runs what was deferred, frees the heap chunks. */
static inline void arena_reset(struct arena *arena)
{
	if (arena->deferred || arena->chunks) {
		arena_reset_slow(arena);
		return;
	}
	arena->at = arena->storage;
	arena_poison(arena->at, arena->storage_len);
}

/* The slow path of arena_alloc: a new chunk. */
void *arena_alloc_slow(struct arena *arena, size_t len);

/* `len` bytes aligned to 16, uninitialised; NULL over the limit. */
static inline MUST_CHECK void *arena_alloc(struct arena *arena, size_t len)
{
	size_t rounded = (len + 15) & ~(size_t)15;
	if (rounded < len || rounded > (size_t)(arena->end - arena->at))
		return arena_alloc_slow(arena, len);
	void *result = arena->at;
	arena->at += rounded;
	arena_unpoison(result, len);
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
