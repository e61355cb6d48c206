#include "daemon/services/values.h"

#include "daemon/rpc/detail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	MICROSECONDS = 1000000,
	SECONDS_PER_DAY = 86400,
	DIGITS_MAX = 20,
	DATE_SIZE = 16,
	ENUM_NAMES_SIZE = 256,
};

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

enum status value_date(struct call *call, const struct rows *rows, size_t row, size_t column,
                       char **out)
{
	int32_t days = rows_null(rows, row, column) ? INT32_MAX : rows_date(rows, row, column);
	if (days == INT32_MAX || days == INT32_MIN)
		return STATUS_OK;
	time_t seconds = (time_t)days * SECONDS_PER_DAY;
	struct tm tm;
	char *text = arena_alloc(&call->arena, DATE_SIZE);
	if (!text)
		return call_no_memory(call);
	if (gmtime_r(&seconds, &tm) && strftime(text, DATE_SIZE, "%Y-%m-%d", &tm) > 0)
		*out = text;
	return STATUS_OK;
}

bool value_date_read(const char *text, int32_t *days)
{
	struct tm tm = {0};
	*days = 0;
	if (*text == '\0')
		return false;
	tm.tm_year = atoi(text) - 1900;
	tm.tm_mon = atoi(text + 5) - 1;
	tm.tm_mday = atoi(text + 8);
	*days = (int32_t)(timegm(&tm) / SECONDS_PER_DAY);
	return true;
}

enum status value_dates_ordered(struct call *call, const char *field, const char *start,
                                const char *end)
{
	if (*start && *end && strcmp(start, end) > 0)
		return call_fail_field(call, field,
		                       "%s is before start_date (%s); the same day or a later one "
		                       "is allowed",
		                       end, start);
	return STATUS_OK;
}

int value_enum(const char *text, const char *const *texts, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (strcmp(text, texts[i]) == 0)
			return (int)i;
	return 0;
}

enum status value_enums_read(struct call *call, const char *field, const int *values, size_t count,
                             const char *const *texts, const char *const **out)
{
	const char **found = arena_alloc(&call->arena, (count + 1) * sizeof(*found));
	if (!found)
		return call_no_memory(call);
	for (size_t i = 0; i < count; i++) {
		found[i] = texts[values[i]];
		if (!found[i])
			return call_fail_field(call, field,
			                       "must not be UNSPECIFIED; an empty list is for any");
	}
	*out = found;
	return STATUS_OK;
}

enum status value_enum_required(struct call *call, const char *field,
                                const ProtobufCEnumDescriptor *type, int value)
{
	char names[ENUM_NAMES_SIZE];
	if (value != 0)
		return STATUS_OK;
	rules_enum_names(type, names, sizeof(names));
	return call_fail_field(call, field, "must be one of %s", names);
}

enum status value_required(struct call *call, const char *field, const char *text)
{
	return *text ? STATUS_OK : call_fail_field(call, field, "must not be empty");
}

enum status value_external(struct call *call, const char *field, const char *source, const char *id)
{
	if ((*source == '\0') == (*id == '\0'))
		return STATUS_OK;
	return call_fail_field(call, field,
	                       "external_source and external_id go together: both or none");
}

enum status value_stale(struct call *call, const char *what, int32_t expected, int32_t current)
{
	enum status status =
		call_fail_for(call, REASON_VERSION_STALE,
	                      "expected_version: %d was expected, the %s is at version %d",
	                      expected, what, current);
	call->field = "expected_version";
	call_fact(call, "current_version", "%d", current);
	return status;
}

enum status value_refused(struct call *call, enum reason reason, const char *field,
                          const char *text)
{
	enum status status = call_fail_for(call, reason, "%s: %s", field, text);
	call->field = field;
	return status;
}

enum status value_limit_met(struct call *call, enum reason reason, const char *what,
                            const char *limit)
{
	enum status status = call_fail_for(
		call, reason, "the organization's settings allow %s %s; none can be added", limit,
		what);
	call_fact(call, "limit", "%s", limit);
	return status;
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
			return call_fail_field(call, list, "two have the %s \"%s\"", name,
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

static int compare_uuids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

enum status value_uuids_differ(struct call *call, const char *list, const struct uuid *ids,
                               size_t count)
{
	struct uuid *sorted = arena_copy(&call->arena, ids, count * sizeof(*ids));
	if (!sorted)
		return call_no_memory(call);
	qsort(sorted, count, sizeof(*sorted), compare_uuids);
	for (size_t i = 1; i < count; i++) {
		if (compare_uuids(&sorted[i - 1], &sorted[i]) != 0)
			continue;
		char text[UUID_TEXT_SIZE];
		uuid_format(&sorted[i], text);
		return call_fail_field(call, list, "%s is there twice", text);
	}
	return STATUS_OK;
}
