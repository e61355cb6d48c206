/* StoryService: the items of a project's backlog. Here: reading them by id or key. */
#include "daemon/services/story.h"

#include "daemon/rpc/detail.h"
#include "daemon/services/story_handlers.h"
#include "db/queries.h"
#include "prism/v1/story.prism-server.h"
#include "proto/limits.h"

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
		return call_fail_for(call, REASON_STORY_NOT_FOUND, "no such story");
	return story_from_row(call, request->organization_id, &rows, 0, response);
}

/* --- by ids --------------------------------------------------------------------------- */

/* Beyond `bytes_most` of them, stories come without their long texts. */
static SUSPENDS enum status find_all(struct call *call, const struct access *access,
                                     const int64_t *ids, size_t count, bool deleted_too,
                                     int64_t bytes_most, struct rows *rows)
{
	TRY(query(call, &STORY_BATCH_GET,
	          STORY_BATCH_GET_PARAMS(ACCESS(*access), .ids = {ids, count},
	                                 .deleted_too = deleted_too, .bytes_most = bytes_most),
	          rows));
	return access_granted(call, access, rows);
}

static size_t found_in(const struct rows *rows)
{
	return story_batch_get_found(rows, 0) ? rows->count : 0;
}

/* The rows are those of the ids, in their order, without the ones that are not there. */
static enum status separate(struct call *call, const Prism__V1__BatchGetStoriesRequest *request,
                            const struct rows *rows, Prism__V1__BatchGetStoriesResponse *response)
{
	size_t found = found_in(rows), row = 0;
	for (size_t i = 0; i < request->n_ids; i++) {
		if (row < found && story_batch_get_id(rows, row) == request->ids[i])
			TRY(story_of_row(call, request->organization_id, rows, row++,
			                 &response->stories[response->n_stories++]));
		else
			response->missing_ids[response->n_missing_ids++] = request->ids[i];
	}
	return STATUS_OK;
}

/* Who asks for more than a message holds gets nothing half. */
static enum status check_size(struct call *call, const struct rows *rows)
{
	size_t found = found_in(rows), fit = 0;
	while (fit < found && story_batch_get_bytes(rows, fit) <= LIMIT_MESSAGE)
		fit++;
	if (fit == found)
		return STATUS_OK;
	enum status status = call_fail_for(
		call, REASON_ANSWER_TOO_LARGE,
		"ids: the stories have about %lld bytes, at most %d are allowed; ask for fewer at "
		"once: the first %zu are not too many",
		(long long)story_batch_get_bytes(rows, found - 1), LIMIT_MESSAGE, fit);
	call->field = "ids";
	call_fact(call, "fitting", "%zu", fit);
	return status;
}

static SUSPENDS enum status batch_get_stories(struct call *call,
                                              const Prism__V1__BatchGetStoriesRequest *request,
                                              Prism__V1__BatchGetStoriesResponse *response)
{
	struct access access;
	TRY(access_begin(call, request->organization_id, &access));
	struct rows rows;
	TRY(find_all(call, &access, request->ids, request->n_ids, request->show_deleted,
	             LIMIT_MESSAGE, &rows));
	TRY(check_size(call, &rows));
	response->stories = arena_alloc(&call->arena, request->n_ids * sizeof(*response->stories));
	response->missing_ids =
		arena_alloc(&call->arena, request->n_ids * sizeof(*response->missing_ids));
	if (!response->stories || !response->missing_ids)
		return call_no_memory(call);
	return separate(call, request, &rows, response);
}

/* --- what a repeated write did ------------------------------------------------------------ */

static enum status gone(struct call *call, const struct access *access, int64_t id, int64_t version,
                        Prism__V1__Story **out)
{
	Prism__V1__Story *story = arena_alloc(&call->arena, sizeof(*story));
	if (!story)
		return call_no_memory(call);
	prism__v1__story__init(story);
	story->id = id;
	story->organization_id = access->organization_id;
	story->version = (int32_t)version;
	*out = story;
	return STATUS_OK;
}

static SUSPENDS enum status recall(struct call *call, const struct access *access,
                                   const struct keyed_effect *effect, int64_t bytes_most,
                                   Prism__V1__Story ***stories, size_t *count)
{
	struct rows rows;
	TRY(find_all(call, access, effect->ids, effect->count, true, bytes_most, &rows));
	Prism__V1__Story **all = arena_alloc(&call->arena, (effect->count + 1) * sizeof(*all));
	if (!all)
		return call_no_memory(call);
	size_t found = found_in(&rows), row = 0;
	for (size_t i = 0; i < effect->count; i++) {
		if (row < found && story_batch_get_id(&rows, row) == effect->ids[i])
			TRY(story_of_row(call, access->organization_id, &rows, row++, &all[i]));
		else
			TRY(gone(call, access, effect->ids[i], effect->version, &all[i]));
	}
	*stories = all;
	*count = effect->count;
	return STATUS_OK;
}

enum status story_recall(struct call *call, const struct access *access,
                         const struct keyed_effect *effect, Prism__V1__Story ***stories,
                         size_t *count)
{
	return recall(call, access, effect, 0, stories, count);
}

enum status story_recall_one(struct call *call, const struct access *access,
                             const struct keyed_effect *effect, Prism__V1__Story *response)
{
	Prism__V1__Story **stories;
	size_t count;
	TRY(recall(call, access, effect, LIMIT_MESSAGE, &stories, &count));
	if (count == 1)
		*response = *stories[0];
	return STATUS_OK;
}

static const struct prism_v1_story_service_handlers handlers = {
	.get_story = get_story,
	.batch_get_stories = batch_get_stories,
	.list_stories = story_list,
	.create_story = story_create,
	.batch_create_stories = story_batch_create,
	.batch_upsert_stories = story_batch_upsert,
	.update_story = story_update,
	.delete_story = story_delete,
	.undelete_story = story_undelete,
	.move_stories = story_move,
};

struct service story_service(void)
{
	return prism_v1_story_service(&handlers);
}
