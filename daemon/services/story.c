/* StoryService: the items of a project's backlog. */
#include "daemon/services/story.h"

#include "daemon/auth/access.h"
#include "daemon/rpc/query.h"
#include "daemon/services/values.h"
#include "db/queries.h"
#include "prism/v1/story.prism-server.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

_Static_assert((int)STORY_GET_BY_ID_COMPLETED_AT == (int)STORY_GET_BY_KEY_COMPLETED_AT,
               "both statements return the same columns, so one function reads them");

static Prism__V1__StoryStatus story_status(const char *text)
{
	if (strcmp(text, "in_progress") == 0)
		return PRISM__V1__STORY_STATUS__STORY_STATUS_IN_PROGRESS;
	return strcmp(text, "done") == 0 ? PRISM__V1__STORY_STATUS__STORY_STATUS_DONE
	                                 : PRISM__V1__STORY_STATUS__STORY_STATUS_TODO;
}

static Prism__V1__StoryPriority story_priority(const char *text)
{
	if (strcmp(text, "high") == 0)
		return PRISM__V1__STORY_PRIORITY__STORY_PRIORITY_HIGH;
	return strcmp(text, "low") == 0 ? PRISM__V1__STORY_PRIORITY__STORY_PRIORITY_LOW
	                                : PRISM__V1__STORY_PRIORITY__STORY_PRIORITY_MEDIUM;
}

static enum status story_references(struct call *call, const struct rows *rows,
                                    Prism__V1__Story *story)
{
	if (!rows_null(rows, 0, STORY_GET_BY_ID_EPIC_ID)) {
		story->has_epic_id_case = PRISM__V1__STORY__HAS_EPIC_ID_EPIC_ID;
		story->epic_id = story_get_by_id_epic_id(rows, 0);
	}
	if (!rows_null(rows, 0, STORY_GET_BY_ID_SPRINT_ID)) {
		story->has_sprint_id_case = PRISM__V1__STORY__HAS_SPRINT_ID_SPRINT_ID;
		story->sprint_id = story_get_by_id_sprint_id(rows, 0);
	}
	if (!rows_null(rows, 0, STORY_GET_BY_ID_ASSIGNEE_ID)) {
		story->has_assignee_id_case = PRISM__V1__STORY__HAS_ASSIGNEE_ID_ASSIGNEE_ID;
		TRY(value_uuid(call, rows, 0, STORY_GET_BY_ID_ASSIGNEE_ID, &story->assignee_id));
	}
	if (!rows_null(rows, 0, STORY_GET_BY_ID_CREATOR_ID)) {
		story->has_creator_id_case = PRISM__V1__STORY__HAS_CREATOR_ID_CREATOR_ID;
		TRY(value_uuid(call, rows, 0, STORY_GET_BY_ID_CREATOR_ID, &story->creator_id));
	}
	return STATUS_OK;
}

static enum status story_times(struct call *call, const struct rows *rows, Prism__V1__Story *story)
{
	TRY(value_timestamp(call, rows, 0, STORY_GET_BY_ID_CREATED_AT, &story->created_at));
	TRY(value_timestamp(call, rows, 0, STORY_GET_BY_ID_UPDATED_AT, &story->updated_at));
	TRY(value_timestamp(call, rows, 0, STORY_GET_BY_ID_STARTED_AT, &story->started_at));
	return value_timestamp(call, rows, 0, STORY_GET_BY_ID_COMPLETED_AT, &story->completed_at);
}

/* Texts point into the rows, which live as long as the call. */
static enum status story_from_row(struct call *call, int64_t organization_id,
                                  const struct rows *rows, Prism__V1__Story *story)
{
	story->id = story_get_by_id_id(rows, 0);
	story->organization_id = organization_id;
	story->project_id = story_get_by_id_project_id(rows, 0);
	story->number = story_get_by_id_number(rows, 0);
	TRY(value_story_key(call, story_get_by_id_project_key(rows, 0), story->number,
	                    &story->key));
	story->title = (char *)story_get_by_id_title(rows, 0);
	story->description = (char *)story_get_by_id_description(rows, 0);
	story->acceptance_criteria = (char *)story_get_by_id_acceptance_criteria(rows, 0);
	story->status = story_status(story_get_by_id_status(rows, 0));
	story->priority = story_priority(story_get_by_id_priority(rows, 0));
	if (!rows_null(rows, 0, STORY_GET_BY_ID_STORY_POINTS)) {
		story->has_story_points_case = PRISM__V1__STORY__HAS_STORY_POINTS_STORY_POINTS;
		story->story_points = story_get_by_id_story_points(rows, 0);
	}
	story->rank = story_get_by_id_story_rank(rows, 0);
	story->version = story_get_by_id_version(rows, 0);
	TRY(story_references(call, rows, story));
	return story_times(call, rows, story);
}

/* "prj-12" to "PRJ" and 12. The field rules have checked its form; a number beyond int64 cannot
 * exist. */
static enum status story_key_split(struct call *call, const char *key, char **project,
                                   int64_t *number)
{
	const char *dash = strrchr(key, '-');
	*project = arena_string(&call->arena, bytes_of(key, (size_t)(dash - key)));
	if (!*project)
		return call_no_memory(call);
	for (char *letter = *project; *letter; letter++)
		*letter = (char)toupper((unsigned char)*letter);
	errno = 0;
	*number = strtoll(dash + 1, NULL, 10);
	return errno == 0 ? STATUS_OK : call_fail(call, STATUS_NOT_FOUND, "no such story: %s", key);
}

static SUSPENDS enum status story_find(struct call *call, const struct access *access,
                                       const Prism__V1__GetStoryRequest *request, struct rows *rows)
{
	if (request->story_case == PRISM__V1__GET_STORY_REQUEST__STORY_ID)
		return query(call, &STORY_GET_BY_ID,
		             STORY_GET_BY_ID_PARAMS(ACCESS(*access), .id = request->id), rows);
	char *project = NULL;
	int64_t number = 0;
	TRY(story_key_split(call, request->key, &project, &number));
	return query(
		call, &STORY_GET_BY_KEY,
		STORY_GET_BY_KEY_PARAMS(ACCESS(*access), .project_key = project, .number = number),
		rows);
}

static SUSPENDS enum status get_story(struct call *call, const Prism__V1__GetStoryRequest *request,
                                      Prism__V1__Story *response)
{
	struct access access;
	TRY(access_begin(call, request->organization_id, &access));
	struct rows rows;
	TRY(story_find(call, &access, request, &rows));
	TRY(access_granted(call, &access, &rows));
	if (!story_get_by_id_found(&rows, 0))
		return call_fail(call, STATUS_NOT_FOUND, "no such story");
	return story_from_row(call, request->organization_id, &rows, response);
}

static const struct prism_v1_story_service_handlers handlers = {
	.get_story = get_story,
};

struct service story_service(void)
{
	return prism_v1_story_service(&handlers);
}
