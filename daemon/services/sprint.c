/* SprintService. Starting and completing sprints is not written yet. */
#include "daemon/services/sprint.h"

#include "daemon/rpc/detail.h"
#include "daemon/services/mask.h"
#include "daemon/services/page.h"
#include "daemon/services/upsert.h"
#include "daemon/services/values.h"
#include "db/queries.h"
#include "prism/v1/sprint.prism-server.h"

#include <string.h>

typedef Prism__V1__Sprint sprint_t;

_Static_assert((int)SPRINT_GET_EXTERNAL_ID == (int)SPRINT_CREATE_EXTERNAL_ID &&
                       (int)SPRINT_GET_EXTERNAL_ID == (int)SPRINT_LIST_EXTERNAL_ID &&
                       (int)SPRINT_GET_EXTERNAL_ID == (int)SPRINT_UPDATE_EXTERNAL_ID,
               "one function reads the sprints of every statement");

static const char *const statuses[] = {NULL, "planning", "active", "completed"};

static enum status from_row(struct call *call, int64_t organization_id, const struct rows *rows,
                            size_t row, sprint_t *out)
{
	out->id = sprint_get_id(rows, row);
	out->organization_id = organization_id;
	out->project_id = sprint_get_project_id(rows, row);
	out->name = (char *)sprint_get_name(rows, row);
	out->goal = (char *)sprint_get_goal(rows, row);
	TRY(value_date(call, rows, row, SPRINT_GET_START_DATE, &out->start_date));
	TRY(value_date(call, rows, row, SPRINT_GET_END_DATE, &out->end_date));
	out->status = (Prism__V1__SprintStatus)VALUE_ENUM(sprint_get_status(rows, row), statuses);
	if (!sprint_get_velocity_is_null(rows, row)) {
		out->has_velocity_case = PRISM__V1__SPRINT__HAS_VELOCITY_VELOCITY;
		out->velocity = sprint_get_velocity(rows, row);
	}
	out->version = sprint_get_version(rows, row);
	out->external_source = (char *)sprint_get_external_source(rows, row);
	out->external_id = (char *)sprint_get_external_id(rows, row);
	TRY(value_timestamp(call, rows, row, SPRINT_GET_CREATED_AT, &out->created_at));
	return value_timestamp(call, rows, row, SPRINT_GET_UPDATED_AT, &out->updated_at);
}

static SUSPENDS enum status find(struct call *call, const struct access *access, int64_t id,
                                 sprint_t *response)
{
	struct rows rows;
	TRY(query(call, &SPRINT_GET, SPRINT_GET_PARAMS(ACCESS(*access), .id = id), &rows));
	TRY(access_granted(call, access, &rows));
	if (!sprint_get_found(&rows, 0))
		return call_fail_for(call, REASON_SPRINT_NOT_FOUND, "no such sprint");
	return from_row(call, access->organization_id, &rows, 0, response);
}

/* What a repeated write made or changed, as it is now; of one that is gone, its id. */
static SUSPENDS enum status recall(struct call *call, const struct access *access,
                                   const struct keyed_effect *effect, sprint_t *response)
{
	struct rows rows;
	response->id = effect->count ? effect->ids[0] : 0;
	response->organization_id = access->organization_id;
	TRY(query(call, &SPRINT_GET, SPRINT_GET_PARAMS(ACCESS(*access), .id = response->id),
	          &rows));
	TRY(access_granted(call, access, &rows));
	return sprint_get_found(&rows, 0)
	               ? from_row(call, access->organization_id, &rows, 0, response)
	               : STATUS_OK;
}

static SUSPENDS enum status get_sprint(struct call *call,
                                       const Prism__V1__GetSprintRequest *request,
                                       sprint_t *response)
{
	struct access access;
	TRY(access_begin(call, request->organization_id, &access));
	return find(call, &access, request->id, response);
}

static enum status take_page(struct call *call, int64_t organization_id, const struct page *page,
                             const struct rows *rows, Prism__V1__ListSprintsResponse *response)
{
	size_t count = page_fit(page, rows);
	sprint_t *all = arena_alloc(&call->arena, count * sizeof(*all));
	response->sprints = arena_alloc(&call->arena, count * sizeof(*response->sprints));
	if (!all || !response->sprints)
		return call_no_memory(call);
	for (size_t row = 0; row < count; row++) {
		prism__v1__sprint__init(&all[row]);
		TRY(from_row(call, organization_id, rows, row, &all[row]));
		response->sprints[row] = &all[row];
	}
	response->n_sprints = count;
	if (count == rows->count)
		return STATUS_OK;
	struct page_key last = {.first = sprint_list_id(rows, count - 1)};
	return page_token(call, page, &last, &response->next_page_token);
}

static SUSPENDS enum status list_sprints(struct call *call,
                                         const Prism__V1__ListSprintsRequest *request,
                                         Prism__V1__ListSprintsResponse *response)
{
	struct access access;
	struct page page;
	struct rows rows;
	const char *const *texts;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(page_begin(call, &request->base, request->page_size, request->page_token, &page));
	TRY(value_enums_read(call, "statuses", (const int *)request->statuses, request->n_statuses,
	                     statuses, &texts));
	TRY(query(call, &SPRINT_LIST,
	          SPRINT_LIST_PARAMS(ACCESS(access), .project_id = request->project_id,
	                             .max_rows = page.max_rows,
	                             .total_most = page_total_most(request->want_total),
	                             .statuses = {texts, request->n_statuses},
	                             .before = page.after ? page.key.first : INT64_MAX),
	          &rows));
	TRY(access_granted(call, &access, &rows));
	if (!sprint_list_project_found(&rows, 0))
		return call_fail_for(call, REASON_PROJECT_NOT_FOUND, "no such project");
	if (request->want_total)
		page_total(sprint_list_total(&rows, 0), &response->total_size,
		           &response->total_size_capped);
	return sprint_list_found(&rows, 0)
	               ? take_page(call, access.organization_id, &page, &rows, response)
	               : STATUS_OK;
}

/* --- writing ------------------------------------------------------------------------------------
 */

static enum status no_manager(struct call *call)
{
	return call_fail_for(call, REASON_ROLE_TOO_LOW,
	                     "the organization lets its admins alone manage sprints");
}

static enum status check_imported(struct call *call, const sprint_t *sprint)
{
	const char *field = NULL;
	if (sprint->status != PRISM__V1__SPRINT_STATUS__SPRINT_STATUS_UNSPECIFIED &&
	    sprint->status != PRISM__V1__SPRINT_STATUS__SPRINT_STATUS_PLANNING)
		field = "sprint.status";
	else if (sprint->has_velocity_case != PRISM__V1__SPRINT__HAS_VELOCITY__NOT_SET)
		field = "sprint.velocity";
	else if (sprint->created_at)
		field = "sprint.created_at";
	return field ? value_refused(call, REASON_SYSTEM_FIELD, field,
	                             "only BatchUpsertSprints sets it, for imports")
	             : STATUS_OK;
}

static SUSPENDS enum status create_sprint(struct call *call,
                                          const Prism__V1__CreateSprintRequest *request,
                                          sprint_t *response)
{
	const sprint_t *sprint = request->sprint;
	struct access access;
	struct keyed keyed;
	int32_t start, end;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	TRY(value_required(call, "sprint.name", sprint->name));
	TRY(check_imported(call, sprint));
	TRY(value_dates_ordered(call, "sprint.end_date", sprint->start_date, sprint->end_date));
	TRY(value_external(call, "sprint.external_id", sprint->external_source,
	                   sprint->external_id));
	const struct write write = {
		.statement = &SPRINT_CREATE,
		.params = SPRINT_CREATE_PARAMS(
			ACCESS(access), KEYED(keyed), .project_id = request->project_id,
			.name = sprint->name, .goal = value_text(sprint->goal),
			.start_date = value_date_read(sprint->start_date, &start) ? &start : NULL,
			.end_date = value_date_read(sprint->end_date, &end) ? &end : NULL,
			.external_source = value_text(sprint->external_source),
			.external_id = value_text(sprint->external_id)),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write(call, &keyed, &write, &rows, &effect));
	if (effect.repeated)
		return recall(call, &access, &effect, response);
	TRY(access_granted(call, &access, &rows));
	TRY(project_place(call, &rows, SPRINT_CREATE_PROJECT_FOUND));
	if (!sprint_create_manager_ok(&rows, 0))
		return no_manager(call);
	return from_row(call, access.organization_id, &rows, 0, response);
}

/* Bits of SPRINT_UPDATE's mask: by the order of update_mask's paths in the .proto file. */
enum { MASK_NAME = 1 };

static enum status judge(struct call *call, const struct rows *rows, int32_t expected)
{
	if (!sprint_update_manager_ok(rows, 0))
		return no_manager(call);
	if (!sprint_update_version_ok(rows, 0))
		return value_stale(call, "sprint", expected, sprint_update_version(rows, 0));
	if (!sprint_update_project_open(rows, 0))
		return call_fail_for(call, REASON_PROJECT_COMPLETED,
		                     "the project is completed; reopen it first");
	if (strcmp(sprint_update_status(rows, 0), "completed") == 0)
		return call_fail_for(call, REASON_SPRINT_COMPLETED,
		                     "the sprint is completed, and stays as it was");
	if (!sprint_update_dates_ok(rows, 0))
		return call_fail_field(call, "sprint.end_date",
		                       "would be before start_date; the same day or a later one "
		                       "is allowed");
	return STATUS_OK;
}

static SUSPENDS enum status update_sprint(struct call *call,
                                          const Prism__V1__UpdateSprintRequest *request,
                                          sprint_t *response)
{
	const sprint_t *sprint = request->sprint;
	struct access access;
	struct keyed keyed;
	int32_t mask, start, end;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	TRY(mask_read(call, request->update_mask, mask_paths(call), &mask));
	if (mask & MASK_NAME)
		TRY(value_required(call, "sprint.name", sprint->name));
	const struct write write = {
		.statement = &SPRINT_UPDATE,
		.params = SPRINT_UPDATE_PARAMS(
			ACCESS(access), KEYED(keyed), .id = request->id,
			.expected_version = request->expected_version, .mask = mask,
			.name = value_text(sprint->name), .goal = value_text(sprint->goal),
			.start_date = value_date_read(sprint->start_date, &start) ? &start : NULL,
			.end_date = value_date_read(sprint->end_date, &end) ? &end : NULL),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write(call, &keyed, &write, &rows, &effect));
	if (effect.repeated)
		return recall(call, &access, &effect, response);
	TRY(access_granted(call, &access, &rows));
	if (!sprint_update_found(&rows, 0))
		return call_fail_for(call, REASON_SPRINT_NOT_FOUND, "no such sprint");
	TRY(judge(call, &rows, request->expected_version));
	return from_row(call, access.organization_id, &rows, 0, response);
}

/* --- many
 * ------------------------------------------------------------------------------------------ */

struct items {
	const char **ids, **names, **goals, **starts, **ends, **statuses;
	int32_t *velocities;
	int64_t *created_ats;
};

static bool items_alloc(struct arena *arena, size_t n, struct items *items)
{
	const char ***const texts[] = {&items->ids,    &items->names, &items->goals,
	                               &items->starts, &items->ends,  &items->statuses};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!(*texts[i] = arena_alloc(arena, n * sizeof(char *))))
			return false;
	items->velocities = arena_alloc(arena, n * sizeof(int32_t));
	items->created_ats = arena_alloc(arena, n * sizeof(int64_t));
	return items->velocities && items->created_ats;
}

static enum status take_item(struct call *call, const Prism__V1__BatchUpsertSprintsRequest *request,
                             size_t i, struct items *items)
{
	const sprint_t *sprint = request->sprints[i];
	const char *name_path = upsert_path(call, "sprints", i, "name");
	const char *end_path = upsert_path(call, "sprints", i, "end_date");
	const char *time_path = upsert_path(call, "sprints", i, "created_at");
	const char *velocity_path = upsert_path(call, "sprints", i, "velocity");
	if (!name_path || !end_path || !time_path || !velocity_path)
		return call_no_memory(call);
	TRY(upsert_check(call, "sprints", i, request->external_source, sprint->external_source,
	                 sprint->external_id));
	TRY(value_required(call, name_path, sprint->name));
	TRY(value_dates_ordered(call, end_path, sprint->start_date, sprint->end_date));
	bool velocity = sprint->has_velocity_case == PRISM__V1__SPRINT__HAS_VELOCITY_VELOCITY;
	if (velocity && sprint->status != PRISM__V1__SPRINT_STATUS__SPRINT_STATUS_COMPLETED)
		return call_fail_field(call, velocity_path, "is of completed sprints only");
	items->ids[i] = sprint->external_id;
	items->names[i] = sprint->name;
	items->goals[i] = value_text(sprint->goal);
	items->starts[i] = sprint->start_date;
	items->ends[i] = sprint->end_date;
	items->statuses[i] = statuses[sprint->status] ? statuses[sprint->status] : "planning";
	items->velocities[i] = velocity ? sprint->velocity : -1;
	return value_time_read(call, time_path, sprint->created_at, &items->created_ats[i]);
}

static SUSPENDS enum status batch_upsert_sprints(
	struct call *call, const Prism__V1__BatchUpsertSprintsRequest *request,
	Prism__V1__BatchUpsertSprintsResponse *response)
{
	size_t n = request->n_sprints;
	struct access access;
	struct keyed keyed;
	struct items items;
	struct rows rows;
	TRY(access_begin(call, request->organization_id, &access));
	access.minimum_rank = ROLE_MEMBER;
	keyed_without(call, &keyed);
	if (!items_alloc(&call->arena, n, &items))
		return call_no_memory(call);
	for (size_t i = 0; i < n; i++)
		TRY(take_item(call, request, i, &items));
	TRY(value_texts_differ(call, "sprints", "external_id", items.ids, n));
	TRY(upsert_write(call, &access, request->project_id, &SPRINT_UPSERT,
	                 SPRINT_UPSERT_PARAMS(
				 ACCESS(access), KEYED(keyed), .project_id = request->project_id,
				 .external_source = request->external_source,
				 .external_ids = {items.ids, n}, .names = {items.names, n},
				 .goals = {items.goals, n}, .start_dates = {items.starts, n},
				 .end_dates = {items.ends, n}, .statuses = {items.statuses, n},
				 .velocities = {items.velocities, n},
				 .created_ats = {items.created_ats, n}),
	                 &rows));
	TRY(project_place(call, &rows, SPRINT_UPSERT_PROJECT_FOUND));
	TRY(upsert_fault(call, &rows, SPRINT_UPSERT_FAULT_NAME, REASON_SPRINT_NAME_TAKEN, "sprints",
	                 "name",
	                 "another sprint of the project has this name, or has it until now"));
	TRY(upsert_fault(call, &rows, SPRINT_UPSERT_FAULT_ACTIVE, REASON_SPRINT_ACTIVE, "sprints",
	                 "status", "a sprint of the project is active already"));
	return upsert_results(call, &rows, false, &response->results, &response->n_results);
}

static const struct prism_v1_sprint_service_handlers handlers = {
	.create_sprint = create_sprint,
	.get_sprint = get_sprint,
	.list_sprints = list_sprints,
	.update_sprint = update_sprint,
	.batch_upsert_sprints = batch_upsert_sprints,
};

struct service sprint_service(void)
{
	return prism_v1_sprint_service(&handlers);
}
