#include "proto/json_map.h"

#include "proto/layout.h"

#include <stdlib.h>
#include <string.h>

struct ordered {
	const ProtobufCMessage *const *entries;
	const ProtobufCFieldDescriptor *key;
};

static int compare_keys(const struct ordered *in, size_t one, size_t other)
{
	const void *a = layout_value(in->entries[one], in->key);
	const void *b = layout_value(in->entries[other], in->key);
	if (in->key->type == PROTOBUF_C_TYPE_STRING)
		return strcmp(*(const char *const *)a, *(const char *const *)b);
	return memcmp(a, b, layout_size(in->key->type));
}

static int compare(const void *one, const void *other, void *ctx)
{
	size_t a = *(const size_t *)one, b = *(const size_t *)other;
	int keys = compare_keys(ctx, a, b);
	return keys ? keys : (a > b) - (a < b);
}

bool json_map_counts(const ProtobufCFieldDescriptor *key, const ProtobufCMessage *const *entries,
                     size_t count, bool *counts)
{
	struct ordered in = {entries, key};
	size_t *order = malloc(count * sizeof(*order));
	if (!order)
		return count == 0;
	for (size_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof(*order), compare, &in);
	for (size_t i = 0; i < count; i++)
		counts[order[i]] = i + 1 == count || compare_keys(&in, order[i], order[i + 1]) != 0;
	free(order);
	return true;
}
