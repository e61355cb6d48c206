#include "client/native/paths.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 64 };

/* Eight bytes at a time, mixed by multiplication (as in wyhash): paths are the program's own. */
static uint64_t path_hash(struct bytes path)
{
	uint64_t hash = path.len;
	size_t at = 0;
	for (uint64_t word; path.len - at >= sizeof word; at += sizeof word) {
		memcpy(&word, path.data + at, sizeof word);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15;
		hash ^= hash >> 32;
	}
	for (; at < path.len; at++)
		hash = (hash ^ path.data[at]) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 32;
}

static struct path *paths_slot(const struct paths *paths, struct bytes path)
{
	size_t slot = path_hash(path) & (paths->capacity - 1);
	for (;; slot = (slot + 1) & (paths->capacity - 1)) {
		struct path *found = &paths->slots[slot];
		if (!found->text || bytes_equal(bytes_of(found->text, found->len), path))
			return found;
	}
}

static bool paths_grow(struct paths *paths)
{
	size_t capacity = paths->capacity ? paths->capacity * 2 : CAPACITY_FIRST;
	struct paths grown = {calloc(capacity, sizeof *grown.slots), paths->count, capacity};
	if (!grown.slots)
		return false;
	for (size_t slot = 0; slot < paths->capacity; slot++) {
		const struct path *old = &paths->slots[slot];
		if (old->text)
			*paths_slot(&grown, bytes_of(old->text, old->len)) = *old;
	}
	free(paths->slots);
	*paths = grown;
	return true;
}

static uint32_t paths_define(struct paths *paths, struct bytes path)
{
	if ((paths->count + 1) * 2 > paths->capacity && !paths_grow(paths))
		return 0;
	char *text = malloc(path.len + 1);
	if (!text)
		return 0;
	memcpy(text, path.data, path.len);
	uint32_t id = (uint32_t)++paths->count;
	*paths_slot(paths, path) = (struct path){text, path.len, id};
	return id;
}

uint32_t paths_id(struct paths *paths, struct bytes path, uint32_t most, bool *defined)
{
	*defined = false;
	struct path *found = paths->capacity ? paths_slot(paths, path) : NULL;
	if (found && found->text) {
		*defined = true;
		return found->id;
	}
	return paths->count < most ? paths_define(paths, path) : 0;
}

void paths_deinit(struct paths *paths)
{
	for (size_t slot = 0; slot < paths->capacity; slot++)
		free(paths->slots[slot].text);
	free(paths->slots);
	*paths = (struct paths){0};
}
