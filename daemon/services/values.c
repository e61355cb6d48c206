#include "daemon/services/values.h"

#include "daemon/rpc/detail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MICROSECONDS = 1000000, DIGITS_MAX = 20 };

enum status value_uuid(struct call *call, const struct rows *rows, size_t row, size_t column,
                       char **out)
{
	if (rows_null(rows, row, column))
		return STATUS_OK;
	char *text = arena_alloc(&call->arena, UUID_TEXT_SIZE);
	if (!text)
		return call_no_memory(call);
	struct uuid uuid = rows_uuid(rows, row, column);
	uuid_format(&uuid, text);
	*out = text;
	return STATUS_OK;
}

/* By hand: printf would be a tenth of a point read's own instructions. */
enum status value_story_key(struct call *call, const char *project_key, int64_t number, char **out)
{
	char digits[DIGITS_MAX];
	size_t first = sizeof(digits);
	uint64_t rest = (uint64_t)number;
	do
		digits[--first] = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	size_t project_len = strlen(project_key), digits_len = sizeof(digits) - first;
	char *key = arena_alloc(&call->arena, project_len + 1 + digits_len + 1);
	if (!key)
		return call_no_memory(call);
	memcpy(key, project_key, project_len);
	key[project_len] = '-';
	memcpy(key + project_len + 1, digits + first, digits_len);
	key[project_len + 1 + digits_len] = '\0';
	*out = key;
	return STATUS_OK;
}

/* Rounds towards the past, so that nanos is never negative (timestamp.proto). */
enum status value_timestamp(struct call *call, const struct rows *rows, size_t row, size_t column,
                            Google__Protobuf__Timestamp **out)
{
	int64_t time_us =
		rows_null(rows, row, column) ? INT64_MAX : rows_timestamp(rows, row, column);
	if (time_us == INT64_MAX || time_us == INT64_MIN)
		return STATUS_OK;
	Google__Protobuf__Timestamp *timestamp = arena_alloc(&call->arena, sizeof(*timestamp));
	if (!timestamp)
		return call_no_memory(call);
	google__protobuf__timestamp__init(timestamp);
	int64_t rest_us = time_us % MICROSECONDS;
	if (rest_us < 0)
		rest_us += MICROSECONDS;
	timestamp->seconds = (time_us - rest_us) / MICROSECONDS;
	timestamp->nanos = (int32_t)(rest_us * 1000);
	*out = timestamp;
	return STATUS_OK;
}

void value_uuid_read(const char *text, struct uuid *out)
{
	if (*text == '\0' || !uuid_parse(text, out))
		*out = (struct uuid){{0}};
}

enum status value_uuids_read(struct call *call, char *const *texts, size_t count,
                             const struct uuid **out)
{
	struct uuid *uuids = arena_alloc(&call->arena, (count + 1) * sizeof(*uuids));
	if (!uuids)
		return call_no_memory(call);
	for (size_t i = 0; i < count; i++)
		value_uuid_read(texts[i], &uuids[i]);
	*out = uuids;
	return STATUS_OK;
}

enum status value_time_read(struct call *call, const char *field,
                            const Google__Protobuf__Timestamp *time, int64_t *out)
{
	static const int64_t first_s = -62135596800, last_s = 253402300799;
	*out = TIMESTAMP_NULL;
	if (!time)
		return STATUS_OK;
	if (time->seconds < first_s || time->seconds > last_s || time->nanos < 0 ||
	    time->nanos > 999999999)
		return call_fail_field(call, field, "not a time between the years 1 and 9999");
	*out = time->seconds * MICROSECONDS + time->nanos / 1000;
	return STATUS_OK;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum status value_texts_differ(struct call *call, const char *list, const char *name,
                               const char *const *texts, size_t count)
{
	const char **sorted = arena_copy(&call->arena, texts, count * sizeof(*texts));
	if (!sorted)
		return call_no_memory(call);
	qsort(sorted, count, sizeof(*sorted), compare_texts);
	for (size_t i = 1; i < count; i++)
		if (strcmp(sorted[i - 1], sorted[i]) == 0)
			return call_fail_field(call, list, "two have the %s \"%.100s\"", name,
			                       sorted[i]);
	return STATUS_OK;
}

static int compare_ids(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

enum status value_ids_differ(struct call *call, const char *list, const int64_t *ids, size_t count)
{
	int64_t *sorted = arena_copy(&call->arena, ids, count * sizeof(*ids));
	if (!sorted)
		return call_no_memory(call);
	qsort(sorted, count, sizeof(*sorted), compare_ids);
	for (size_t i = 1; i < count; i++)
		if (sorted[i - 1] == sorted[i])
			return call_fail_field(call, list, "%lld is there twice",
			                       (long long)sorted[i]);
	return STATUS_OK;
}
