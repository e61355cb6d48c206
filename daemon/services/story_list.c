/* Lists of stories. */
#include "daemon/rpc/detail.h"
#include "daemon/services/page.h"
#include "daemon/services/story_handlers.h"
#include "daemon/services/values.h"
#include "db/queries.h"

/* The filter as the statements take it; 0, NULL and empty arrays do not filter. */
struct filter {
	struct story_list_backlog_params params;
	int64_t created_since, created_before, updated_since, updated_before, completed_since,
		completed_before;
};

static const Prism__V1__StoryFilter no_filter = PRISM__V1__STORY_FILTER__INIT;

static enum status take_enums(struct call *call, const Prism__V1__StoryFilter *in,
                              struct story_list_backlog_params *out)
{
	TRY(value_enums_read(call, "filter.statuses", (const int *)in->statuses, in->n_statuses,
	                     story_statuses, &out->statuses.at));
	out->statuses.count = in->n_statuses;
	TRY(value_enums_read(call, "filter.priorities", (const int *)in->priorities,
	                     in->n_priorities, story_priorities, &out->priorities.at));
	out->priorities.count = in->n_priorities;
	return STATUS_OK;
}

static enum status take_people(struct call *call, const Prism__V1__StoryFilter *in,
                               struct story_list_backlog_params *out)
{
	TRY(value_uuids_read(call, in->assignee_ids, in->n_assignee_ids, &out->assignee_ids.at));
	out->assignee_ids.count = in->n_assignee_ids;
	out->without_assignee = in->without_assignee;
	TRY(value_uuids_read(call, in->creator_ids, in->n_creator_ids, &out->creator_ids.at));
	out->creator_ids.count = in->n_creator_ids;
	return STATUS_OK;
}

static void take_rest(const Prism__V1__StoryFilter *in, struct story_list_backlog_params *out)
{
	out->epic_ids.at = in->epic_ids;
	out->epic_ids.count = in->n_epic_ids;
	out->without_epic = in->without_epic;
	out->sprint_ids.at = in->sprint_ids;
	out->sprint_ids.count = in->n_sprint_ids;
	out->without_sprint = in->without_sprint;
	if (in->has_min_points_case != PRISM__V1__STORY_FILTER__HAS_MIN_POINTS__NOT_SET)
		out->min_points = &in->min_points;
	if (in->has_max_points_case != PRISM__V1__STORY_FILTER__HAS_MAX_POINTS__NOT_SET)
		out->max_points = &in->max_points;
	out->title_contains = value_text(in->title_contains);
}

static enum status take_time(struct call *call, const char *field,
                             const Google__Protobuf__Timestamp *time, int64_t *kept,
                             const int64_t **out)
{
	TRY(value_time_read(call, field, time, kept));
	*out = *kept == TIMESTAMP_NULL ? NULL : kept;
	return STATUS_OK;
}

static enum status take_times(struct call *call, const Prism__V1__StoryFilter *in,
                              struct filter *filter)
{
	struct story_list_backlog_params *out = &filter->params;
	TRY(take_time(call, "filter.created_since", in->created_since, &filter->created_since,
	              &out->created_since));
	TRY(take_time(call, "filter.created_before", in->created_before, &filter->created_before,
	              &out->created_before));
	TRY(take_time(call, "filter.updated_since", in->updated_since, &filter->updated_since,
	              &out->updated_since));
	TRY(take_time(call, "filter.updated_before", in->updated_before, &filter->updated_before,
	              &out->updated_before));
	TRY(take_time(call, "filter.completed_since", in->completed_since, &filter->completed_since,
	              &out->completed_since));
	return take_time(call, "filter.completed_before", in->completed_before,
	                 &filter->completed_before, &out->completed_before);
}

/* A range that nothing can be in is a slip of its caller, who would take no story for an answer. */
static enum status check_times(struct call *call, const char *field, const int64_t *since,
                               const char *other, const int64_t *before)
{
	if (since && before && *since > *before)
		return call_fail_field(call, field,
		                       "is later than %s; the same time or an earlier one is "
		                       "allowed",
		                       other);
	return STATUS_OK;
}

static enum status check_ranges(struct call *call, const struct story_list_backlog_params *params)
{
	if (params->min_points && params->max_points && *params->min_points > *params->max_points)
		return call_fail_field(call, "filter.min_points",
		                       "%d is more than filter.max_points (%d); at most as much "
		                       "is allowed",
		                       *params->min_points, *params->max_points);
	TRY(check_times(call, "filter.created_since", params->created_since,
	                "filter.created_before", params->created_before));
	TRY(check_times(call, "filter.updated_since", params->updated_since,
	                "filter.updated_before", params->updated_before));
	return check_times(call, "filter.completed_since", params->completed_since,
	                   "filter.completed_before", params->completed_before);
}

static enum status take_filter(struct call *call, const Prism__V1__StoryFilter *in,
                               struct filter *filter)
{
	TRY(take_enums(call, in, &filter->params));
	TRY(take_people(call, in, &filter->params));
	take_rest(in, &filter->params);
	TRY(take_times(call, in, filter));
	return check_ranges(call, &filter->params);
}

/* --- orders ------------------------------------------------------------------------------- */

/* The parameters of the lists differ in their last ones alone: where the page before ended. */
#define FILTER(params)                                                                        \
	.organization_id = (params)->organization_id, .actor = (params)->actor,               \
	.minimum_rank = (params)->minimum_rank, .system = (params)->system,                   \
	.project_id = (params)->project_id, .max_rows = (params)->max_rows,                   \
	.deleted_too = (params)->deleted_too,                                                 \
	.statuses = {(params)->statuses.at, (params)->statuses.count},                        \
	.priorities = {(params)->priorities.at, (params)->priorities.count},                  \
	.epic_ids = {(params)->epic_ids.at, (params)->epic_ids.count},                        \
	.without_epic = (params)->without_epic,                                               \
	.sprint_ids = {(params)->sprint_ids.at, (params)->sprint_ids.count},                  \
	.without_sprint = (params)->without_sprint,                                           \
	.assignee_ids = {(params)->assignee_ids.at, (params)->assignee_ids.count},            \
	.without_assignee = (params)->without_assignee,                                       \
	.creator_ids = {(params)->creator_ids.at, (params)->creator_ids.count},               \
	.min_points = (params)->min_points, .max_points = (params)->max_points,               \
	.created_since = (params)->created_since, .created_before = (params)->created_before, \
	.updated_since = (params)->updated_since, .updated_before = (params)->updated_before, \
	.completed_since = (params)->completed_since,                                         \
	.completed_before = (params)->completed_before,                                       \
	.title_contains = (params)->title_contains, .total_most = (params)->total_most

/* A priority's place among them, as {{priority_level}} has it. */
static int32_t level_of(Prism__V1__StoryPriority priority)
{
	return PRISM__V1__STORY_PRIORITY__STORY_PRIORITY_HIGH - priority + 1;
}

/* Between which levels the stories are that the filter leaves: what is before and behind them is
 * not read. */
static void levels_of(const Prism__V1__StoryFilter *filter, int32_t *first, int32_t *last)
{
	int32_t high = level_of(PRISM__V1__STORY_PRIORITY__STORY_PRIORITY_HIGH);
	int32_t low = level_of(PRISM__V1__STORY_PRIORITY__STORY_PRIORITY_LOW);
	*first = filter->n_priorities ? low : high;
	*last = filter->n_priorities ? high : low;
	for (size_t i = 0; i < filter->n_priorities; i++) {
		int32_t level = level_of(filter->priorities[i]);
		if (level < *first)
			*first = level;
		if (level > *last)
			*last = level;
	}
}

static SUSPENDS enum status find_by_priority(struct call *call,
                                             const Prism__V1__ListStoriesRequest *request,
                                             const struct story_list_backlog_params *params,
                                             const struct page *page, struct rows *rows)
{
	int32_t first, last;
	levels_of(request->filter ? request->filter : &no_filter, &first, &last);
	const struct page_key top = {.first = first, .second = INT64_MIN, .third = INT64_MIN};
	const struct page_key bottom = {.first = last, .second = INT64_MAX, .third = INT64_MAX};
	const struct page_key *begin = request->descending ? &bottom : &top;
	const struct page_key *after = page->after ? &page->key : begin;
	return query(
		call, request->descending ? &STORY_LIST_PRIORITY_DESCENDING : &STORY_LIST_PRIORITY,
		STORY_LIST_PRIORITY_PARAMS(FILTER(params), .after_level = (int32_t)after->first,
	                                   .after_rank = after->second, .after_id = after->third,
	                                   .last_level = request->descending ? first : last),
		rows);
}

static SUSPENDS enum status find(struct call *call, const Prism__V1__ListStoriesRequest *request,
                                 const struct story_list_backlog_params *params,
                                 const struct page *page, struct rows *rows)
{
	const int64_t *first = page->after ? &page->key.first : NULL;
	const int64_t *second = page->after ? &page->key.second : NULL;
	bool descending = request->descending;
	if (request->order == PRISM__V1__STORY_ORDER__STORY_ORDER_PRIORITY)
		return find_by_priority(call, request, params, page, rows);
	if (request->order == PRISM__V1__STORY_ORDER__STORY_ORDER_NUMBER)
		return query(call, descending ? &STORY_LIST_NUMBER_DESCENDING : &STORY_LIST_NUMBER,
		             STORY_LIST_NUMBER_PARAMS(FILTER(params), .after_number = first), rows);
	if (request->order == PRISM__V1__STORY_ORDER__STORY_ORDER_UPDATED_AT)
		return query(call,
		             descending ? &STORY_LIST_UPDATED_DESCENDING : &STORY_LIST_UPDATED,
		             STORY_LIST_UPDATED_PARAMS(FILTER(params), .after_time = first,
		                                       .after_id = second),
		             rows);
	return query(
		call, descending ? &STORY_LIST_BACKLOG_DESCENDING : &STORY_LIST_BACKLOG,
		STORY_LIST_BACKLOG_PARAMS(FILTER(params), .after_rank = first, .after_id = second),
		rows);
}

static int32_t level_of_row(const struct rows *rows, size_t row)
{
	return level_of((Prism__V1__StoryPriority)VALUE_ENUM(story_list_backlog_priority(rows, row),
	                                                     story_priorities));
}

static struct page_key key_of(const struct rows *rows, size_t row, Prism__V1__StoryOrder order)
{
	struct page_key key = {.second = story_list_backlog_id(rows, row)};
	if (order == PRISM__V1__STORY_ORDER__STORY_ORDER_NUMBER)
		key.first = story_list_backlog_number(rows, row);
	else if (order == PRISM__V1__STORY_ORDER__STORY_ORDER_UPDATED_AT)
		key.first = story_list_backlog_updated_at(rows, row);
	else if (order == PRISM__V1__STORY_ORDER__STORY_ORDER_PRIORITY)
		key = (struct page_key){.first = level_of_row(rows, row),
		                        .second = story_list_backlog_story_rank(rows, row),
		                        .third = story_list_backlog_id(rows, row)};
	else
		key.first = story_list_backlog_story_rank(rows, row);
	return key;
}

static enum status take(struct call *call, const Prism__V1__ListStoriesRequest *request,
                        const struct page *page, const struct rows *rows,
                        Prism__V1__ListStoriesResponse *response)
{
	size_t count = page_fit(page, rows);
	response->stories = arena_alloc(&call->arena, count * sizeof(*response->stories));
	if (!response->stories)
		return call_no_memory(call);
	for (; response->n_stories < count; response->n_stories++)
		TRY(story_of_row(call, request->organization_id, rows, response->n_stories,
		                 &response->stories[response->n_stories]));
	if (count == rows->count)
		return STATUS_OK;
	struct page_key last = key_of(rows, count - 1, request->order);
	return page_token(call, page, &last, &response->next_page_token);
}

enum status story_list(struct call *call, const Prism__V1__ListStoriesRequest *request,
                       Prism__V1__ListStoriesResponse *response)
{
	struct access access;
	struct page page;
	struct filter filter = {0};
	TRY(access_begin(call, request->organization_id, &access));
	TRY(page_begin(call, &request->base, request->page_size, request->page_token, &page));
	TRY(take_filter(call, request->filter ? request->filter : &no_filter, &filter));
	filter.params.organization_id = access.organization_id;
	filter.params.actor = access.actor;
	filter.params.minimum_rank = access.minimum_rank;
	filter.params.system = access.system;
	filter.params.project_id = request->project_id;
	filter.params.max_rows = page.max_rows;
	filter.params.deleted_too = request->show_deleted;
	filter.params.total_most = page_total_most(request->want_total);
	struct rows rows;
	TRY(find(call, request, &filter.params, &page, &rows));
	TRY(access_granted(call, &access, &rows));
	if (!story_list_backlog_project_found(&rows, 0))
		return call_fail_for(call, REASON_PROJECT_NOT_FOUND, "no such project");
	if (request->want_total)
		page_total(story_list_backlog_total(&rows, 0), &response->total_size,
		           &response->total_size_capped);
	if (!story_list_backlog_found(&rows, 0))
		return STATUS_OK;
	return take(call, request, &page, &rows, response);
}
