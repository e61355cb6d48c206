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
