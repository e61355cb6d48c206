/* values - columns of a row as fields of a message, in the call's arena.
 *
 * Errors: RESOURCE_EXHAUSTED when the arena is full. */
#pragma once
#include "daemon/rpc/call.h"
#include "db/rows.h"

#include "google/protobuf/timestamp.pb-c.h"

/* A UUID as text, lower case. NULL stays as it was. */
MUST_CHECK
enum status value_uuid(struct call *call, const struct rows *rows, size_t row, size_t column,
                       char **out);

/* "PROJ-123". */
MUST_CHECK enum status value_story_key(struct call *call, const char *project_key, int64_t number,
                                       char **out);

/* A timestamptz as google.protobuf.Timestamp. NULL and infinity leave it unset. */
MUST_CHECK
enum status value_timestamp(struct call *call, const struct rows *rows, size_t row, size_t column,
                            Google__Protobuf__Timestamp **out);

/* A date as YYYY-MM-DD. NULL and infinity leave it as it was. */
MUST_CHECK
enum status value_date(struct call *call, const struct rows *rows, size_t row, size_t column,
                       char **out);

/* An enum's number by the text of its column; 0, UNSPECIFIED, for a text that is none. texts[0] is
 * NULL. */
int value_enum(const char *text, const char *const *texts, size_t count);
#define VALUE_ENUM(text, texts) value_enum((text), (texts), sizeof(texts) / sizeof(*(texts)))

/* --- from a message to parameters ---------------------------------------------------------- */

/* NULL for "": what proto3 leaves out, the database leaves NULL. */
static inline const char *value_text(const char *text)
{
	return *text ? text : NULL;
}

/* A UUID whose form the field rules have checked; nil for "". */
void value_uuid_read(const char *text, struct uuid *out);

/* The same for a list; for an empty one *out is set too. */
MUST_CHECK
enum status value_uuids_read(struct call *call, char *const *texts, size_t count,
                             const struct uuid **out);

/* Days since 1970 of a date whose form the field rules have checked; false for "". */
bool value_date_read(const char *text, int32_t *days);

/* INVALID_ARGUMENT, naming `field`, if both are given and the first is later. */
MUST_CHECK
enum status value_dates_ordered(struct call *call, const char *field, const char *start,
                                const char *end);

/* Microseconds since 1970; TIMESTAMP_NULL if it is unset. INVALID_ARGUMENT, naming `field`, for
 * what timestamp.proto does not allow: years 1 to 9999, nanos 0 to 999,999,999. */
MUST_CHECK
enum status value_time_read(struct call *call, const char *field,
                            const Google__Protobuf__Timestamp *time, int64_t *out);

/* The texts of enum numbers, for a filter. INVALID_ARGUMENT, naming `field`, for UNSPECIFIED. */
MUST_CHECK
enum status value_enums_read(struct call *call, const char *field, const int *values, size_t count,
                             const char *const *texts, const char *const **out);

/* INVALID_ARGUMENT, naming `field` and what it may be, for UNSPECIFIED. */
MUST_CHECK
enum status value_enum_required(struct call *call, const char *field,
                                const ProtobufCEnumDescriptor *type, int value);

/* INVALID_ARGUMENT, naming `field`, for "". */
MUST_CHECK
enum status value_required(struct call *call, const char *field, const char *text);

/* INVALID_ARGUMENT, naming `field`, if one of the two is given without the other. */
MUST_CHECK
enum status value_external(struct call *call, const char *field, const char *source,
                           const char *id);

/* ABORTED, VERSION_STALE, with the current version among its facts. */
MUST_CHECK
enum status value_stale(struct call *call, const char *what, int32_t expected, int32_t current);

/* `reason`, with `field` before the text and as the field at fault. */
MUST_CHECK
enum status value_refused(struct call *call, enum reason reason, const char *field,
                          const char *text);

/* `reason`: the organization has as many `what` ("members") as its settings allow, which is
 * `limit`. */
MUST_CHECK
enum status value_limit_met(struct call *call, enum reason reason, const char *what,
                            const char *limit);

/* INVALID_ARGUMENT if two of the texts, or ids, of a list are equal; `name` is the member of its
 * elements that holds the texts. */
MUST_CHECK
enum status value_texts_differ(struct call *call, const char *list, const char *name,
                               const char *const *texts, size_t count);
MUST_CHECK
enum status value_ids_differ(struct call *call, const char *list, const int64_t *ids, size_t count);
MUST_CHECK
enum status value_uuids_differ(struct call *call, const char *list, const struct uuid *ids,
                               size_t count);
