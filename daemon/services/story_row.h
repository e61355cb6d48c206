/* story_row - a story as PostgreSQL, the wire and people's keys have it.
 *
 * Every statement that returns stories has rank first and the columns of story_row after it, so one
 * function reads them all. Texts point into the rows, which live as long as the call. */
#pragma once
#include "daemon/rpc/call.h"
#include "db/rows.h"

#include "prism/v1/story.pb-c.h"

MUST_CHECK
enum status story_from_row(struct call *call, int64_t organization_id, const struct rows *rows,
                           size_t row, Prism__V1__Story *story);

/* A new story in the arena, of the row. */
MUST_CHECK
enum status story_of_row(struct call *call, int64_t organization_id, const struct rows *rows,
                         size_t row, Prism__V1__Story **story);

/* Without description and acceptance criteria, 500 stories fit into any message. */
void story_without_texts(Prism__V1__Story *story);

/* What the columns hold, by the enums' numbers; NULL for UNSPECIFIED. */
extern const char *const story_statuses[4];
extern const char *const story_priorities[4];

/* "prj-12" to "PRJ" and 12. The field rules have checked its form; a number beyond int64 cannot
 * exist. */
MUST_CHECK
enum status story_key_split(struct call *call, const char *key, char **project, int64_t *number);
