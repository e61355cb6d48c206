/* Changing a story: its fields, and whether it is there. */
#include "daemon/rpc/detail.h"
#include "daemon/services/mask.h"
#include "daemon/services/story_handlers.h"
#include "daemon/services/values.h"
#include "db/queries.h"

/* Bits of STORY_UPDATE's mask: by the order of update_mask's paths in the .proto file. */
enum { MASK_TITLE = 1, MASK_STATUS = 8, MASK_PRIORITY = 16 };

/* What cannot be cleared. */
static enum status check(struct call *call, const Prism__V1__Story *story, int32_t mask)
{
	if ((mask & MASK_TITLE) && *story->title == '\0')
		return call_fail_field(call, "story.title", "must not be empty");
	if (mask & MASK_STATUS)
		TRY(value_enum_required(call, "story.status", &prism__v1__story_status__descriptor,
		                        (int)story->status));
	if (mask & MASK_PRIORITY)
		TRY(value_enum_required(call, "story.priority",
		                        &prism__v1__story_priority__descriptor,
		                        (int)story->priority));
	return STATUS_OK;
}

/* OK: nothing stood in the way. */
static enum status judge(struct call *call, const struct rows *rows, int32_t expected_version)
{
	if (!story_update_version_ok(rows, 0))
		return value_stale(call, "story", expected_version, story_update_version(rows, 0));
	if (!story_update_project_open(rows, 0))
		return call_fail_for(call, REASON_PROJECT_COMPLETED,
		                     "the project is completed; reopen it first");
	if (!story_update_epic_ok(rows, 0))
		return value_refused(call, REASON_EPIC_NOT_IN_PROJECT, "story.epic_id",
		                     "the project has no such epic");
	if (!story_update_sprint_ok(rows, 0))
		return value_refused(call, REASON_SPRINT_NOT_IN_PROJECT, "story.sprint_id",
		                     "the project has no such sprint");
	if (!story_update_sprint_open(rows, 0))
		return value_refused(call, REASON_SPRINT_COMPLETED, "story.sprint_id",
		                     "a completed sprint neither takes stories nor gives up "
		                     "those that are done");
	if (!story_update_assignee_ok(rows, 0))
		return value_refused(call, REASON_ASSIGNEE_NOT_MEMBER, "story.assignee_id",
		                     "must be an active member of the organization, and no viewer");
	return STATUS_OK;
}

enum status story_update(struct call *call, const Prism__V1__UpdateStoryRequest *request,
                         Prism__V1__Story *response)
{
	struct access access;
	struct keyed keyed;
	int32_t mask;
	const Prism__V1__Story *story = request->story;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	TRY(mask_read(call, request->update_mask, mask_paths(call), &mask));
	TRY(check(call, story, mask));
	bool points = story->has_story_points_case != PRISM__V1__STORY__HAS_STORY_POINTS__NOT_SET;
	bool epic = story->has_epic_id_case != PRISM__V1__STORY__HAS_EPIC_ID__NOT_SET;
	bool sprint = story->has_sprint_id_case != PRISM__V1__STORY__HAS_SPRINT_ID__NOT_SET;
	bool assignee = story->has_assignee_id_case != PRISM__V1__STORY__HAS_ASSIGNEE_ID__NOT_SET;
	struct uuid assignee_id;
	if (assignee)
		value_uuid_read(story->assignee_id, &assignee_id);
	const struct write write = {
		.statement = &STORY_UPDATE,
		.params = STORY_UPDATE_PARAMS(ACCESS(access), KEYED(keyed), .id = request->id,
	                                      .expected_version = request->expected_version,
	                                      .mask = mask, .title = value_text(story->title),
	                                      .description = value_text(story->description),
	                                      .criteria = value_text(story->acceptance_criteria),
	                                      .status = story_statuses[story->status],
	                                      .priority = story_priorities[story->priority],
	                                      .points = points ? &story->story_points : NULL,
	                                      .epic_id = epic ? &story->epic_id : NULL,
	                                      .sprint_id = sprint ? &story->sprint_id : NULL,
	                                      .assignee_id = assignee ? &assignee_id : NULL),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write(call, &keyed, &write, &rows, &effect));
	if (effect.repeated)
		return story_recall_one(call, &access, &effect, response);
	TRY(access_granted(call, &access, &rows));
	if (!story_update_found(&rows, 0))
		return call_fail_for(call, REASON_STORY_NOT_FOUND, "no such story");
	TRY(judge(call, &rows, request->expected_version));
	return story_from_row(call, request->organization_id, &rows, 0, response);
}

/* --- deleting and restoring -------------------------------------------------------------- */

struct deletion {
	int64_t organization_id, id;
	int32_t expected_version;
	bool deleted; /* what it is to be */
};

static enum status judge_deletion(struct call *call, const struct deletion *deletion,
                                  const struct rows *rows)
{
	if (!story_delete_found(rows, 0) || (deletion->deleted && !story_delete_state_ok(rows, 0)))
		return call_fail_for(call, REASON_STORY_NOT_FOUND, "no such story");
	if (!story_delete_yours(rows, 0))
		return call_fail_for(
			call, REASON_NOT_YOURS,
			"%s is for the story's creator, the project's owner, and admins",
			call->method->name);
	if (!story_delete_state_ok(rows, 0))
		return call_fail_for(call, REASON_STORY_NOT_DELETED, "the story is not deleted");
	if (!story_delete_project_open(rows, 0))
		return call_fail_for(call, REASON_PROJECT_COMPLETED,
		                     "the project is completed; reopen it first");
	if (!story_delete_version_ok(rows, 0))
		return value_stale(call, "story", deletion->expected_version,
		                   story_delete_version(rows, 0));
	return STATUS_OK;
}

static SUSPENDS enum status set_deleted(struct call *call, const struct deletion *deletion,
                                        const struct keyed *keyed, Prism__V1__Story *response)
{
	struct access access;
	TRY(access_begin(call, deletion->organization_id, &access));
	const struct write write = {
		.statement = &STORY_DELETE,
		.params = STORY_DELETE_PARAMS(ACCESS(access), KEYED(*keyed), .id = deletion->id,
	                                      .expected_version = deletion->expected_version,
	                                      .deleted = deletion->deleted),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write(call, keyed, &write, &rows, &effect));
	if (effect.repeated)
		return story_recall_one(call, &access, &effect, response);
	TRY(access_granted(call, &access, &rows));
	TRY(judge_deletion(call, deletion, &rows));
	return story_from_row(call, deletion->organization_id, &rows, 0, response);
}

enum status story_delete(struct call *call, const Prism__V1__DeleteStoryRequest *request,
                         Prism__V1__Story *response)
{
	struct keyed keyed;
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	const struct deletion deletion = {request->organization_id, request->id,
	                                  request->expected_version, true};
	return set_deleted(call, &deletion, &keyed, response);
}

enum status story_undelete(struct call *call, const Prism__V1__UndeleteStoryRequest *request,
                           Prism__V1__Story *response)
{
	struct keyed keyed;
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	const struct deletion deletion = {request->organization_id, request->id, 0, false};
	return set_deleted(call, &deletion, &keyed, response);
}
