#include "daemon/services/values.h"

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
