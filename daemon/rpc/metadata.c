#include "daemon/rpc/metadata.h"

struct bytes call_metadata(const struct call *call, const char *key)
{
	return metadata_find(call->metadata, METADATA_IN_CALL, key);
}

static enum status add(struct call *call, struct metadata **list, uint32_t *count, const char *key,
                       struct bytes value)
{
	if (!*list)
		*list = arena_alloc(&call->arena, CALL_METADATA_MAX * sizeof(**list));
	char *name = arena_strdup(&call->arena, key);
	uint8_t *data = arena_alloc(&call->arena, value.len ? value.len : 1);
	if (!*list || !name || !data)
		return call_no_memory(call);
	if (*count == CALL_METADATA_MAX)
		return call_fail(call, STATUS_RESOURCE_EXHAUSTED,
		                 "more than %d entries of metadata in an answer",
		                 CALL_METADATA_MAX);
	if (value.len > 0)
		memcpy(data, value.data, value.len);
	(*list)[(*count)++] = (struct metadata){bytes_of_string(name), bytes_of(data, value.len)};
	return STATUS_OK;
}

enum status call_add_head(struct call *call, const char *key, struct bytes value)
{
	return add(call, &call->head, &call->head_count, key, value);
}

enum status call_add_trailer(struct call *call, const char *key, struct bytes value)
{
	return add(call, &call->trailers, &call->trailer_count, key, value);
}
