#include "daemon/transport/http2/memory.h"

#include "proto/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>

/* Before each allocation: its size tells the class, when it comes back without one. */
struct memory_chunk {
	alignas(16) size_t size;
	struct memory_chunk *next;
};

enum { ALIGNMENT = 16 };

static size_t class_of(size_t size)
{
	return size == 0 ? 0 : (size - 1) / MEMORY_STEP;
}

static bool is_kept(size_t class)
{
#ifdef ARENA_POISONS
	(void)class;
	return false;
#else
	return class < MEMORY_CLASSES;
#endif
}

static bool is_of_reserve(const struct memory *memory, const struct memory_chunk *chunk)
{
	uintptr_t at = (uintptr_t)chunk, start = (uintptr_t)memory->reserve;
	return at >= start && at < start + MEMORY_RESERVE;
}

static struct memory_chunk *take_reserve(struct memory_user *user, size_t room)
{
	struct memory *memory = user->memory;
	size_t size =
		(sizeof(struct memory_chunk) + room + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	user->connection->broken = true;
	connection_touch(user->connection);
	if (size > MEMORY_RESERVE - memory->reserve_used)
		return NULL;
	void *chunk = memory->reserve + memory->reserve_used;
	memory->reserve_used += size;
	memory->reserve_chunks++;
	return chunk;
}

static void *allocate(size_t size, void *ctx)
{
	struct memory_user *user = ctx;
	struct memory *memory = user->memory;
	size_t class = class_of(size);
	if (size > SIZE_MAX / 2)
		return NULL;
	struct memory_chunk *chunk;
	if (is_kept(class) && memory->spare[class]) {
		chunk = memory->spare[class];
		memory->spare[class] = chunk->next;
		memory->count[class]--;
	} else {
		size_t room = is_kept(class) ? (class + 1) * MEMORY_STEP : size;
		chunk = malloc(sizeof(*chunk) + room);
		if (!chunk && !(chunk = take_reserve(user, room)))
			return NULL;
	}
	chunk->size = size;
	return chunk + 1;
}

static void release_reserve(struct memory *memory)
{
	if (--memory->reserve_chunks == 0)
		memory->reserve_used = 0;
}

static void release(void *data, void *ctx)
{
	struct memory *memory = ((struct memory_user *)ctx)->memory;
	if (!data)
		return;
	struct memory_chunk *chunk = (struct memory_chunk *)data - 1;
	size_t class = class_of(chunk->size);
	if (is_of_reserve(memory, chunk)) {
		release_reserve(memory);
	} else if (!is_kept(class) || memory->count[class] == MEMORY_SPARE) {
		free(chunk);
	} else {
		chunk->next = memory->spare[class];
		memory->spare[class] = chunk;
		memory->count[class]++;
	}
}

static void *allocate_zeroed(size_t count, size_t size, void *ctx)
{
	if (size > 0 && count > SIZE_MAX / size)
		return NULL;
	void *data = allocate(count * size, ctx);
	return data ? memset(data, 0, count * size) : NULL;
}

static void *reallocate(void *data, size_t size, void *ctx)
{
	void *moved = allocate(size, ctx);
	if (!moved || !data)
		return moved;
	size_t before = ((struct memory_chunk *)data - 1)->size;
	memcpy(moved, data, before < size ? before : size);
	release(data, ctx);
	return moved;
}

nghttp2_mem memory_for_nghttp2(struct memory_user *user)
{
	return (nghttp2_mem){.mem_user_data = user,
	                     .malloc = allocate,
	                     .free = release,
	                     .calloc = allocate_zeroed,
	                     .realloc = reallocate};
}

bool memory_init(struct memory *memory)
{
	*memory = (struct memory){.reserve = malloc(MEMORY_RESERVE)};
	return memory->reserve != NULL;
}

void memory_deinit(struct memory *memory)
{
	assert(memory->reserve_chunks == 0);
	for (size_t i = 0; i < MEMORY_CLASSES; i++) {
		while (memory->spare[i]) {
			struct memory_chunk *first = memory->spare[i];
			memory->spare[i] = first->next;
			free(first);
		}
		memory->count[i] = 0;
	}
	free(memory->reserve);
	memory->reserve = NULL;
}
