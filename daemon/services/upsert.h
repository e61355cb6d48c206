/* upsert - what batch upserts have in common: things that come with an id of their source.
 *
 * Their statements return, after the rank, id and effect of each element in the order of the
 * request, then whether the project was found and is open. */
#pragma once
#include "daemon/auth/access.h"
#include "daemon/rpc/detail.h"
#include "daemon/services/keyed.h"

#include "prism/v1/upsert.pb-c.h"

/* "epics[3].name". NULL: the arena is full. */
const char *upsert_path(struct call *call, const char *list, size_t i, const char *member);

/* The external id of element i: not empty, and its source, if given, the request's. */
MUST_CHECK
enum status upsert_check(struct call *call, const char *list, size_t i, const char *source,
                         const char *its_source, const char *its_id);

/* Runs the statement under PROJECT_LOCK. OK: every element has its row. */
MUST_CHECK
SUSPENDS
enum status upsert_write(struct call *call, const struct access *access, int64_t project_id,
                         const struct statement *statement, struct params params,
                         struct rows *rows);

/* Nothing was written because of one element: `reason`, with its path ("sprints[3].name"), if
 * `column` of row 0 has its number, from 1. OK: it has none. */
MUST_CHECK
enum status upsert_fault(struct call *call, const struct rows *rows, size_t column,
                         enum reason reason, const char *list, const char *member,
                         const char *text);

/* The rows as results; `numbers`: the rows have a story's number after the effect. */
MUST_CHECK
enum status upsert_results(struct call *call, const struct rows *rows, bool numbers,
                           Prism__V1__UpsertResult ***results, size_t *count);

/* PROJECT_NOT_FOUND or PROJECT_COMPLETED by the two columns that begin at `column` of row 0. */
MUST_CHECK
enum status project_place(struct call *call, const struct rows *rows, size_t column);
