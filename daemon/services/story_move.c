/* Moving stories in the backlog, and between sprints. */
#include "daemon/rpc/detail.h"
#include "daemon/services/story_handlers.h"
#include "daemon/services/values.h"
#include "db/queries.h"

enum { SPRINT_STAYS = 0, SPRINT_NONE = -1 };

static enum status check(struct call *call, const Prism__V1__MoveStoriesRequest *request)
{
	bool anchored = request->placement == PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_BEFORE ||
	                request->placement == PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_AFTER;
	TRY(value_ids_differ(call, "ids", request->ids, request->n_ids));
	if (anchored != (request->anchor_id != 0))
		return call_fail_field(call, "anchor_id",
		                       "is for the placements BEFORE and AFTER, which need one");
	for (size_t i = 0; anchored && i < request->n_ids; i++)
		if (request->ids[i] == request->anchor_id)
			return call_fail_field(call, "anchor_id",
			                       "is among the stories to be moved");
	return STATUS_OK;
}

static int64_t sprint_of(const Prism__V1__MoveStoriesRequest *request)
{
	if (request->sprint_case == PRISM__V1__MOVE_STORIES_REQUEST__SPRINT_SPRINT_ID)
		return request->sprint_id;
	bool out = request->sprint_case == PRISM__V1__MOVE_STORIES_REQUEST__SPRINT_TO_BACKLOG &&
	           request->to_backlog;
	return out ? SPRINT_NONE : SPRINT_STAYS;
}

static enum status missing(struct call *call, int64_t id)
{
	enum status status = call_fail_for(call, REASON_STORY_NOT_FOUND,
	                                   "ids: the project has no story %lld", (long long)id);
	call->field = "ids";
	call_fact(call, "story_id", "%lld", (long long)id);
	return status;
}

static enum status refused(struct call *call, const struct rows *rows, bool out)
{
	if (!story_move_project_found(rows, 0))
		return call_fail_for(call, REASON_PROJECT_NOT_FOUND, "no such project");
	if (!story_move_project_open(rows, 0))
		return call_fail_for(call, REASON_PROJECT_COMPLETED,
		                     "the project is completed; reopen it first");
	if (!story_move_missing_id_is_null(rows, 0))
		return missing(call, story_move_missing_id(rows, 0));
	if (!story_move_anchor_found(rows, 0))
		return value_refused(call, REASON_ANCHOR_NOT_FOUND, "anchor_id",
		                     "the project has no such story");
	if (!story_move_sprint_ok(rows, 0))
		return value_refused(call, REASON_SPRINT_NOT_IN_PROJECT, "sprint_id",
		                     "the project has no such sprint");
	return value_refused(call, REASON_SPRINT_COMPLETED, out ? "to_backlog" : "sprint_id",
	                     "a completed sprint neither takes stories nor gives up those that "
	                     "are done");
}

static enum status moved_new(struct call *call, size_t count,
                             Prism__V1__MoveStoriesResponse *response)
{
	Prism__V1__MovedStory *stories = arena_alloc(&call->arena, count * sizeof(*stories));
	response->stories = arena_alloc(&call->arena, count * sizeof(*response->stories));
	if (!stories || !response->stories)
		return call_no_memory(call);
	for (size_t i = 0; i < count; i++) {
		prism__v1__moved_story__init(&stories[i]);
		response->stories[i] = &stories[i];
	}
	response->n_stories = count;
	return STATUS_OK;
}

static SUSPENDS enum status recall(struct call *call, const struct access *access,
                                   const struct keyed_effect *effect,
                                   Prism__V1__MoveStoriesResponse *response)
{
	Prism__V1__Story **stories;
	size_t count;
	TRY(story_recall(call, access, effect, &stories, &count));
	TRY(moved_new(call, count, response));
	for (size_t i = 0; i < count; i++) {
		response->stories[i]->id = stories[i]->id;
		response->stories[i]->rank = stories[i]->rank;
		response->stories[i]->version = stories[i]->version;
	}
	return STATUS_OK;
}

static enum status take(struct call *call, const struct rows *rows,
                        Prism__V1__MoveStoriesResponse *response)
{
	TRY(moved_new(call, rows->count, response));
	for (size_t i = 0; i < rows->count; i++) {
		response->stories[i]->id = story_move_id(rows, i);
		response->stories[i]->rank = story_move_story_rank(rows, i);
		response->stories[i]->version = story_move_version(rows, i);
	}
	return STATUS_OK;
}

enum status story_move(struct call *call, const Prism__V1__MoveStoriesRequest *request,
                       Prism__V1__MoveStoriesResponse *response)
{
	struct access access;
	struct keyed keyed;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	TRY(check(call, request));
	const struct write write = {
		.lock = &PROJECT_LOCK,
		.lock_params =
			PROJECT_LOCK_PARAMS(ACCESS(access), .project_id = request->project_id),
		.statement = &STORY_MOVE,
		.params = STORY_MOVE_PARAMS(
			ACCESS(access), KEYED(keyed), .project_id = request->project_id,
			.ids = {request->ids, request->n_ids},
			.placement = (int32_t)request->placement, .anchor_id = request->anchor_id,
			.sprint = sprint_of(request)),
		.affinity = (uint64_t)request->project_id,
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write(call, &keyed, &write, &rows, &effect));
	if (effect.repeated)
		return recall(call, &access, &effect, response);
	TRY(access_granted(call, &access, &rows));
	if (!story_move_found(&rows, 0))
		return refused(call, &rows, sprint_of(request) == SPRINT_NONE);
	return take(call, &rows, response);
}
