#include "client/metadata.h"

#include <stdio.h>
#include <stdlib.h>

enum { PART_MOST = LIMIT_FRAME_META }; /* keys and values of one part */

struct part {
	struct prism_metadata list[LIMIT_METADATA_ENTRIES];
	size_t count, size;
	size_t told; /* of the list, what the caller sees */
};

struct prism_response_metadata {
	bool owned; /* by the caller */
	bool held;  /* by a call */
	struct arena arena;
	struct part parts[METADATA_PARTS];
};

/* --- for callers ---------------------------------------------------------------------------- */

struct prism_response_metadata *prism_response_metadata_new(void)
{
	struct prism_response_metadata *metadata = malloc(sizeof *metadata);
	if (!metadata)
		return NULL;
	metadata->owned = true;
	metadata->held = false;
	arena_init(&metadata->arena, NULL, 0, SIZE_MAX);
	metadata_clear(metadata);
	return metadata;
}

static void free_unused(struct prism_response_metadata *metadata)
{
	if (metadata->owned || metadata->held)
		return;
	arena_deinit(&metadata->arena);
	free(metadata);
}

void prism_response_metadata_free(struct prism_response_metadata *metadata)
{
	if (!metadata)
		return;
	metadata->owned = false;
	free_unused(metadata);
}

static const struct prism_metadata *part_list(const struct part *part, size_t *count)
{
	*count = part->told;
	return part->list;
}

const struct prism_metadata *prism_response_metadata_initial(
	const struct prism_response_metadata *metadata, size_t *count)
{
	return part_list(&metadata->parts[METADATA_INITIAL], count);
}

const struct prism_metadata *prism_response_metadata_trailing(
	const struct prism_response_metadata *metadata, size_t *count)
{
	return part_list(&metadata->parts[METADATA_TRAILING], count);
}

const struct prism_metadata *prism_metadata_find(const struct prism_metadata *list, size_t count,
                                                 const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].key, key) == 0)
			return &list[i];
	return NULL;
}

/* --- for calls ------------------------------------------------------------------------------ */

bool metadata_hold(struct prism_response_metadata *metadata)
{
	if (metadata->held)
		return false;
	metadata->held = true;
	metadata_clear(metadata);
	return true;
}

void metadata_end(struct prism_response_metadata *metadata)
{
	metadata_tell(metadata, METADATA_INITIAL);
	metadata_tell(metadata, METADATA_TRAILING);
	metadata->held = false;
	free_unused(metadata);
}

void metadata_clear(struct prism_response_metadata *metadata)
{
	if (!metadata)
		return;
	arena_reset(&metadata->arena);
	for (int i = 0; i < METADATA_PARTS; i++) {
		struct part *part = &metadata->parts[i];
		part->count = part->size = part->told = 0;
	}
}

/* A 0 follows the value, for those who know it to be text. */
static bool entry_copy(struct arena *arena, struct prism_metadata *to, const struct metadata *from)
{
	char *key = arena_string(arena, from->key), *value = arena_string(arena, from->value);
	*to = (struct prism_metadata){key, value, from->value.len};
	return key && value;
}

enum answer metadata_add(struct prism_response_metadata *metadata, enum metadata_part part,
                         struct metadata entry, char reason[WIRE_REASON_SIZE])
{
	struct part *into = &metadata->parts[part];
	size_t size = entry.key.len + entry.value.len;
	if (into->count == LIMIT_METADATA_ENTRIES || size > PART_MOST - into->size) {
		snprintf(reason, WIRE_REASON_SIZE,
		         "the answer's metadata has more than %d entries or %d bytes",
		         LIMIT_METADATA_ENTRIES, PART_MOST);
		return ANSWER_TOO_LARGE;
	}
	if (!entry_copy(&metadata->arena, &into->list[into->count], &entry)) {
		snprintf(reason, WIRE_REASON_SIZE, "no memory for the answer's metadata");
		return ANSWER_TOO_LARGE;
	}
	into->count++;
	into->size += size;
	return ANSWER_OK;
}

enum answer metadata_add_block(struct prism_response_metadata *metadata, enum metadata_part part,
                               struct bytes block, uint32_t field, char reason[WIRE_REASON_SIZE])
{
	struct metadata_walk walk = {reader_init(block), field};
	struct metadata entry;
	enum answer answer = ANSWER_OK;
	while (answer == ANSWER_OK && metadata_next(&walk, &entry))
		answer = metadata_add(metadata, part, entry, reason);
	return answer;
}

void metadata_tell(struct prism_response_metadata *metadata, enum metadata_part part)
{
	metadata->parts[part].told = metadata->parts[part].count;
}
