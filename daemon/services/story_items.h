/* story_items - the stories of a request as the arrays that statements take, and what stood in
 * their way. Private to the story files.
 *
 * Lifetime: the call's. Errors: FIELD_INVALID, SYSTEM_FIELD, with the path of the field. */
#pragma once
#include "daemon/services/story_handlers.h"

#include <string.h>

/* One element for each story; 0, the nil UUID, -1 (points) and NULL stand for nothing. */
struct story_items {
	size_t count;
	const char **titles, **descriptions, **criteria, **statuses, **priorities;
	const char **external_sources, **external_ids;
	int32_t *points;
	int64_t *epic_ids, *sprint_ids, *numbers;
	int64_t *created_ats, *started_ats, *completed_ats; /* microseconds since 1970 */
	struct uuid *assignee_ids, *creator_ids;
};

/* For the parameters of STORY_BATCH_CREATE and STORY_UPSERT. */
#define STORY_ITEMS(items)                                                                        \
	.titles = {(items).titles, (items).count},                                                \
	.descriptions = {(items).descriptions, (items).count},                                    \
	.criteria = {(items).criteria, (items).count},                                            \
	.statuses = {(items).statuses, (items).count},                                            \
	.priorities = {(items).priorities, (items).count},                                        \
	.points = {(items).points, (items).count}, .epic_ids = {(items).epic_ids, (items).count}, \
	.sprint_ids = {(items).sprint_ids, (items).count},                                        \
	.assignee_ids = {(items).assignee_ids, (items).count},                                    \
	.creator_ids = {(items).creator_ids, (items).count},                                      \
	.numbers = {(items).numbers, (items).count},                                              \
	.created_ats = {(items).created_ats, (items).count},                                      \
	.started_ats = {(items).started_ats, (items).count},                                      \
	.completed_ats = {(items).completed_ats, (items).count},                                  \
	.external_sources = {(items).external_sources, (items).count},                            \
	.external_ids = {(items).external_ids, (items).count}

/* For the parameters of STORY_CREATE: the first one. */
#define STORY_ITEM(items)                                                               \
	.title = (items).titles[0], .description = (items).descriptions[0],             \
	.criteria = (items).criteria[0], .status = (items).statuses[0],                 \
	.priority = (items).priorities[0], .points = story_item_points((items).points), \
	.epic_id = story_item_id((items).epic_ids),                                     \
	.sprint_id = story_item_id((items).sprint_ids),                                 \
	.assignee_id = story_item_uuid((items).assignee_ids),                           \
	.creator_id = story_item_uuid((items).creator_ids),                             \
	.number = story_item_id((items).numbers),                                       \
	.created_at = story_item_time((items).created_ats),                             \
	.started_at = story_item_time((items).started_ats),                             \
	.completed_at = story_item_time((items).completed_ats),                         \
	.external_source = (items).external_sources[0], .external_id = (items).external_ids[0]

/* What stands for nothing, as NULL. */
static inline const int32_t *story_item_points(const int32_t *points)
{
	return *points >= 0 ? points : NULL;
}

static inline const int64_t *story_item_id(const int64_t *id)
{
	return *id != 0 ? id : NULL;
}

static inline const int64_t *story_item_time(const int64_t *time)
{
	return *time != TIMESTAMP_NULL ? time : NULL;
}

static inline const struct uuid *story_item_uuid(const struct uuid *uuid)
{
	static const struct uuid nil;
	return memcmp(uuid, &nil, sizeof(nil)) != 0 ? uuid : NULL;
}

/* `field` is what errors call the stories: "story", or "stories" for a list ("stories[2].title").
 * `source`: where all of them come from, each with an external_id of its own; NULL: each says for
 * itself. */
MUST_CHECK
enum status story_items_make(struct call *call, const struct access *access, const char *field,
                             const char *source, Prism__V1__Story *const *stories, size_t count,
                             struct story_items *out);

/* OK, or why nothing was written, by the columns of story_faults, which begin at `column` of row 0.
 */
MUST_CHECK
enum status story_items_judged(struct call *call, const struct rows *rows, size_t column,
                               const char *field);
