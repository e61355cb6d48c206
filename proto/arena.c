#include "proto/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	CHUNK_LEN_FIRST = 4096,
	CHUNK_LEN_MOST = 65536,
	ALIGNMENT = 16,
};

struct arena_chunk {
	struct arena_chunk *next;
	size_t len;
	alignas(ALIGNMENT) uint8_t data[];
};

struct arena_deferred {
	struct arena_deferred *next;
	void (*release)(void *object);
	void *object;
};

/* What an arena without storage starts in: no room, and yet not NULL, so that an allocation of
 * nothing is no failure. */
static alignas(ALIGNMENT) uint8_t no_room[ALIGNMENT];

static void *allocator_alloc(void *arena, size_t len)
{
	return arena_alloc(arena, len);
}

static void allocator_free(void *arena, void *data)
{
	(void)arena, (void)data;
}

static size_t rounded_up(size_t len)
{
	return (len + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/* The aligned part of the caller's storage; empty when it is too small to hold any. */
static void storage_align(struct arena *arena, uint8_t *storage, size_t len)
{
	size_t skip = -(uintptr_t)storage & (ALIGNMENT - 1);
	if (!storage || len < skip + ALIGNMENT)
		return;
	arena->storage = storage + skip;
	arena->storage_len = (len - skip) & ~(size_t)(ALIGNMENT - 1);
}

static void storage_use(struct arena *arena)
{
	arena->at = arena->storage;
	arena->end = arena->storage + arena->storage_len;
	arena_poison(arena->at, arena->storage_len);
}

void arena_init(struct arena *arena, void *storage, size_t storage_len, size_t limit)
{
	*arena = (struct arena){.storage = no_room, .chunk_len = CHUNK_LEN_FIRST};
	arena->limit = limit < PTRDIFF_MAX ? limit : PTRDIFF_MAX;
	arena->allocator = (ProtobufCAllocator){allocator_alloc, allocator_free, arena};
	storage_align(arena, storage, storage_len);
	storage_use(arena);
}

static void deferred_run(struct arena *arena)
{
	while (arena->deferred) {
		struct arena_deferred *first = arena->deferred;
		arena->deferred = first->next;
		first->release(first->object);
	}
}

static void chunks_free(struct arena *arena)
{
	while (arena->chunks) {
		struct arena_chunk *first = arena->chunks;
		arena->chunks = first->next;
		arena_unpoison(first->data, first->len);
		free(first);
	}
	arena->used = 0;
	arena->chunk_len = CHUNK_LEN_FIRST;
}

void arena_reset_slow(struct arena *arena)
{
	deferred_run(arena);
	chunks_free(arena);
	storage_use(arena);
}

void arena_deinit(struct arena *arena)
{
	arena_reset(arena);
	arena_unpoison(arena->storage, arena->storage_len);
}

static struct arena_chunk *chunk_new(struct arena *arena, size_t len)
{
	struct arena_chunk *chunk = malloc(sizeof *chunk + len);
	if (!chunk)
		return NULL;
	chunk->len = len;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->used += len;
	arena_poison(chunk->data, len);
	return chunk;
}

/* A large piece gets a chunk of its own, so that the room left in the present one is not lost. */
static void *alloc_alone(struct arena *arena, size_t rounded, size_t len)
{
	struct arena_chunk *chunk = chunk_new(arena, rounded);
	if (!chunk)
		return NULL;
	arena_unpoison(chunk->data, len);
	return chunk->data;
}

void *arena_alloc_slow(struct arena *arena, size_t len)
{
	size_t left = (arena->limit - arena->used) & ~(size_t)(ALIGNMENT - 1);
	if (len > left)
		return NULL;
	size_t rounded = rounded_up(len);
	if (rounded > arena->chunk_len / 4)
		return alloc_alone(arena, rounded, len);
	struct arena_chunk *chunk =
		chunk_new(arena, arena->chunk_len < left ? arena->chunk_len : left);
	if (!chunk)
		return NULL;
	if (arena->chunk_len < CHUNK_LEN_MOST)
		arena->chunk_len *= 2;
	arena->at = chunk->data;
	arena->end = chunk->data + chunk->len;
	return arena_alloc(arena, len);
}

void *arena_zalloc(struct arena *arena, size_t len)
{
	void *result = arena_alloc(arena, len);
	return result ? memset(result, 0, len) : NULL;
}

void *arena_copy(struct arena *arena, const void *data, size_t len)
{
	void *result = arena_alloc(arena, len);
	return result && len > 0 ? memcpy(result, data, len) : result;
}

char *arena_string(struct arena *arena, struct bytes bytes)
{
	if (bytes.len == SIZE_MAX)
		return NULL;
	char *result = arena_alloc(arena, bytes.len + 1);
	if (!result)
		return NULL;
	if (bytes.len > 0)
		memcpy(result, bytes.data, bytes.len);
	result[bytes.len] = '\0';
	return result;
}

char *arena_strdup(struct arena *arena, const char *string)
{
	return arena_string(arena, bytes_of_string(string));
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	char *result = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1);
	if (result)
		vsnprintf(result, (size_t)len + 1, format, args);
	return result;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *result = arena_vprintf(arena, format, args);
	va_end(args);
	return result;
}

bool arena_defer(struct arena *arena, void (*release)(void *object), void *object)
{
	struct arena_deferred *node = arena_alloc(arena, sizeof *node);
	if (!node) {
		release(object);
		return false;
	}
	*node = (struct arena_deferred){arena->deferred, release, object};
	arena->deferred = node;
	return true;
}
