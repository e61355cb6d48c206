/* Making stories: one, many, or by their external ids. */
#include "daemon/rpc/detail.h"
#include "daemon/services/story_items.h"
#include "daemon/services/upsert.h"
#include "daemon/services/values.h"
#include "db/queries.h"

static SUSPENDS enum status create(struct call *call, const struct access *access,
                                   const struct keyed *keyed, const struct write *write,
                                   struct rows *rows, struct keyed_effect *effect)
{
	TRY(keyed_write(call, keyed, write, rows, effect));
	return effect->repeated ? STATUS_OK : access_granted(call, access, rows);
}

enum status story_create(struct call *call, const Prism__V1__CreateStoryRequest *request,
                         Prism__V1__Story *response)
{
	struct access access;
	struct keyed keyed;
	struct story_items items;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	TRY(story_items_make(call, &access, "story", NULL, &request->story, 1, &items));
	const struct write write = {
		.statement = &STORY_CREATE,
		.params = STORY_CREATE_PARAMS(ACCESS(access), KEYED(keyed),
	                                      .project_id = request->project_id, STORY_ITEM(items)),
		.affinity = (uint64_t)request->project_id,
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(create(call, &access, &keyed, &write, &rows, &effect));
	if (effect.repeated)
		return story_recall_one(call, &access, &effect, response);
	TRY(story_items_judged(call, &rows, STORY_CREATE_PROJECT_FOUND, "story"));
	return story_from_row(call, request->organization_id, &rows, 0, response);
}

static enum status take_created(struct call *call, int64_t organization_id, const struct rows *rows,
                                Prism__V1__BatchCreateStoriesResponse *response)
{
	response->stories = arena_alloc(&call->arena, rows->count * sizeof(*response->stories));
	if (!response->stories)
		return call_no_memory(call);
	for (; response->n_stories < rows->count; response->n_stories++) {
		Prism__V1__Story **story = &response->stories[response->n_stories];
		TRY(story_of_row(call, organization_id, rows, response->n_stories, story));
		story_without_texts(*story);
	}
	return STATUS_OK;
}

enum status story_batch_create(struct call *call,
                               const Prism__V1__BatchCreateStoriesRequest *request,
                               Prism__V1__BatchCreateStoriesResponse *response)
{
	struct access access;
	struct keyed keyed;
	struct story_items items;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	TRY(story_items_make(call, &access, "stories", NULL, request->stories, request->n_stories,
	                     &items));
	const struct write write = {
		.statement = &STORY_BATCH_CREATE,
		.params = STORY_BATCH_CREATE_PARAMS(ACCESS(access), KEYED(keyed),
	                                            .project_id = request->project_id,
	                                            STORY_ITEMS(items)),
		.affinity = (uint64_t)request->project_id,
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(create(call, &access, &keyed, &write, &rows, &effect));
	if (effect.repeated)
		return story_recall(call, &access, &effect, &response->stories,
		                    &response->n_stories);
	TRY(story_items_judged(call, &rows, STORY_BATCH_CREATE_PROJECT_FOUND, "stories"));
	return take_created(call, request->organization_id, &rows, response);
}

/* --- by external ids ------------------------------------------------------------------------ */

enum status story_batch_upsert(struct call *call,
                               const Prism__V1__BatchUpsertStoriesRequest *request,
                               Prism__V1__BatchUpsertStoriesResponse *response)
{
	struct access access;
	struct keyed keyed;
	struct story_items items;
	TRY(access_begin(call, request->organization_id, &access));
	keyed_without(call, &keyed);
	TRY(story_items_make(call, &access, "stories", request->external_source, request->stories,
	                     request->n_stories, &items));
	TRY(value_texts_differ(call, "stories", "external_id", items.external_ids, items.count));
	struct rows rows;
	TRY(upsert_write(call, &access, request->project_id, &STORY_UPSERT,
	                 STORY_UPSERT_PARAMS(ACCESS(access), KEYED(keyed),
	                                     .project_id = request->project_id, STORY_ITEMS(items)),
	                 &rows));
	TRY(story_items_judged(call, &rows, STORY_UPSERT_PROJECT_FOUND, "stories"));
	return upsert_results(call, &rows, true, &response->results, &response->n_results);
}
