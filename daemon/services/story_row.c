#include "daemon/services/story_row.h"

#include "daemon/rpc/detail.h"
#include "daemon/services/values.h"
#include "db/queries.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SAME_COLUMNS(statement)                                                                  \
	_Static_assert((int)statement##_RANK == (int)STORY_GET_BY_ID_RANK &&                     \
	                       (int)statement##_EXTERNAL_ID == (int)STORY_GET_BY_ID_EXTERNAL_ID, \
	               "one function reads the stories of every statement")
SAME_COLUMNS(STORY_GET_BY_KEY);
SAME_COLUMNS(STORY_BATCH_GET);
SAME_COLUMNS(STORY_CREATE);
SAME_COLUMNS(STORY_BATCH_CREATE);
SAME_COLUMNS(STORY_UPDATE);
SAME_COLUMNS(STORY_DELETE);
SAME_COLUMNS(STORY_LIST_BACKLOG);
SAME_COLUMNS(STORY_LIST_BACKLOG_DESCENDING);
SAME_COLUMNS(STORY_LIST_NUMBER);
SAME_COLUMNS(STORY_LIST_NUMBER_DESCENDING);
SAME_COLUMNS(STORY_LIST_UPDATED);
SAME_COLUMNS(STORY_LIST_UPDATED_DESCENDING);
SAME_COLUMNS(STORY_LIST_PRIORITY);
SAME_COLUMNS(STORY_LIST_PRIORITY_DESCENDING);

const char *const story_statuses[] = {NULL, "todo", "in_progress", "done"};
const char *const story_priorities[] = {NULL, "low", "medium", "high"};

static enum status story_references(struct call *call, const struct rows *rows, size_t row,
                                    Prism__V1__Story *story)
{
	if (!rows_null(rows, row, STORY_GET_BY_ID_EPIC_ID)) {
		story->has_epic_id_case = PRISM__V1__STORY__HAS_EPIC_ID_EPIC_ID;
		story->epic_id = story_get_by_id_epic_id(rows, row);
	}
	if (!rows_null(rows, row, STORY_GET_BY_ID_SPRINT_ID)) {
		story->has_sprint_id_case = PRISM__V1__STORY__HAS_SPRINT_ID_SPRINT_ID;
		story->sprint_id = story_get_by_id_sprint_id(rows, row);
	}
	if (!rows_null(rows, row, STORY_GET_BY_ID_ASSIGNEE_ID)) {
		story->has_assignee_id_case = PRISM__V1__STORY__HAS_ASSIGNEE_ID_ASSIGNEE_ID;
		TRY(value_uuid(call, rows, row, STORY_GET_BY_ID_ASSIGNEE_ID, &story->assignee_id));
	}
	if (!rows_null(rows, row, STORY_GET_BY_ID_CREATOR_ID)) {
		story->has_creator_id_case = PRISM__V1__STORY__HAS_CREATOR_ID_CREATOR_ID;
		TRY(value_uuid(call, rows, row, STORY_GET_BY_ID_CREATOR_ID, &story->creator_id));
	}
	return STATUS_OK;
}

static enum status story_times(struct call *call, const struct rows *rows, size_t row,
                               Prism__V1__Story *story)
{
	TRY(value_timestamp(call, rows, row, STORY_GET_BY_ID_CREATED_AT, &story->created_at));
	TRY(value_timestamp(call, rows, row, STORY_GET_BY_ID_UPDATED_AT, &story->updated_at));
	TRY(value_timestamp(call, rows, row, STORY_GET_BY_ID_STARTED_AT, &story->started_at));
	TRY(value_timestamp(call, rows, row, STORY_GET_BY_ID_COMPLETED_AT, &story->completed_at));
	return value_timestamp(call, rows, row, STORY_GET_BY_ID_DELETED_AT, &story->deleted_at);
}

enum status story_from_row(struct call *call, int64_t organization_id, const struct rows *rows,
                           size_t row, Prism__V1__Story *story)
{
	story->id = story_get_by_id_id(rows, row);
	story->organization_id = organization_id;
	story->project_id = story_get_by_id_project_id(rows, row);
	story->number = story_get_by_id_number(rows, row);
	TRY(value_story_key(call, story_get_by_id_project_key(rows, row), story->number,
	                    &story->key));
	story->title = (char *)story_get_by_id_title(rows, row);
	story->description = (char *)story_get_by_id_description(rows, row);
	story->acceptance_criteria = (char *)story_get_by_id_acceptance_criteria(rows, row);
	story->status = (Prism__V1__StoryStatus)VALUE_ENUM(story_get_by_id_status(rows, row),
	                                                   story_statuses);
	story->priority = (Prism__V1__StoryPriority)VALUE_ENUM(story_get_by_id_priority(rows, row),
	                                                       story_priorities);
	if (!rows_null(rows, row, STORY_GET_BY_ID_STORY_POINTS)) {
		story->has_story_points_case = PRISM__V1__STORY__HAS_STORY_POINTS_STORY_POINTS;
		story->story_points = story_get_by_id_story_points(rows, row);
	}
	story->rank = story_get_by_id_story_rank(rows, row);
	story->version = story_get_by_id_version(rows, row);
	story->external_source = (char *)story_get_by_id_external_source(rows, row);
	story->external_id = (char *)story_get_by_id_external_id(rows, row);
	TRY(story_references(call, rows, row, story));
	return story_times(call, rows, row, story);
}

enum status story_of_row(struct call *call, int64_t organization_id, const struct rows *rows,
                         size_t row, Prism__V1__Story **out)
{
	Prism__V1__Story *story = arena_alloc(&call->arena, sizeof(*story));
	if (!story)
		return call_no_memory(call);
	prism__v1__story__init(story);
	*out = story;
	return story_from_row(call, organization_id, rows, row, story);
}

void story_without_texts(Prism__V1__Story *story)
{
	story->description = (char *)protobuf_c_empty_string;
	story->acceptance_criteria = (char *)protobuf_c_empty_string;
}

enum status story_key_split(struct call *call, const char *key, char **project, int64_t *number)
{
	const char *dash = strrchr(key, '-');
	*project = arena_string(&call->arena, bytes_of(key, (size_t)(dash - key)));
	if (!*project)
		return call_no_memory(call);
	for (char *letter = *project; *letter; letter++)
		*letter = (char)toupper((unsigned char)*letter);
	errno = 0;
	*number = strtoll(dash + 1, NULL, 10);
	return errno == 0 ? STATUS_OK
	                  : call_fail_for(call, REASON_STORY_NOT_FOUND, "no such story: %s", key);
}
