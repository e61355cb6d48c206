/* EpicService. */
#include "daemon/services/epic.h"

#include "daemon/rpc/detail.h"
#include "daemon/services/mask.h"
#include "daemon/services/page.h"
#include "daemon/services/upsert.h"
#include "daemon/services/values.h"
#include "db/queries.h"
#include "prism/v1/epic.prism-server.h"

typedef Prism__V1__Epic epic_t;

_Static_assert((int)EPIC_GET_EXTERNAL_ID == (int)EPIC_CREATE_EXTERNAL_ID &&
                       (int)EPIC_GET_EXTERNAL_ID == (int)EPIC_LIST_EXTERNAL_ID &&
                       (int)EPIC_GET_EXTERNAL_ID == (int)EPIC_UPDATE_EXTERNAL_ID,
               "one function reads the epics of every statement");

static const char *const statuses[] = {NULL, "open", "closed"};

static enum status from_row(struct call *call, int64_t organization_id, const struct rows *rows,
                            size_t row, epic_t *out)
{
	out->id = epic_get_id(rows, row);
	out->organization_id = organization_id;
	out->project_id = epic_get_project_id(rows, row);
	out->name = (char *)epic_get_name(rows, row);
	out->description = (char *)epic_get_description(rows, row);
	out->status = (Prism__V1__EpicStatus)VALUE_ENUM(epic_get_status(rows, row), statuses);
	out->version = epic_get_version(rows, row);
	out->external_source = (char *)epic_get_external_source(rows, row);
	out->external_id = (char *)epic_get_external_id(rows, row);
	TRY(value_timestamp(call, rows, row, EPIC_GET_CREATED_AT, &out->created_at));
	return value_timestamp(call, rows, row, EPIC_GET_UPDATED_AT, &out->updated_at);
}

static SUSPENDS enum status find(struct call *call, const struct access *access, int64_t id,
                                 epic_t *response)
{
	struct rows rows;
	TRY(query(call, &EPIC_GET, EPIC_GET_PARAMS(ACCESS(*access), .id = id), &rows));
	TRY(access_granted(call, access, &rows));
	if (!epic_get_found(&rows, 0))
		return call_fail_for(call, REASON_EPIC_NOT_FOUND, "no such epic");
	return from_row(call, access->organization_id, &rows, 0, response);
}

/* What a repeated write made or changed, as it is now; of one that is gone, its id. */
static SUSPENDS enum status recall(struct call *call, const struct access *access,
                                   const struct keyed_effect *effect, epic_t *response)
{
	struct rows rows;
	response->id = effect->count ? effect->ids[0] : 0;
	response->organization_id = access->organization_id;
	TRY(query(call, &EPIC_GET, EPIC_GET_PARAMS(ACCESS(*access), .id = response->id), &rows));
	TRY(access_granted(call, access, &rows));
	return epic_get_found(&rows, 0)
	               ? from_row(call, access->organization_id, &rows, 0, response)
	               : STATUS_OK;
}

static SUSPENDS enum status get_epic(struct call *call, const Prism__V1__GetEpicRequest *request,
                                     epic_t *response)
{
	struct access access;
	TRY(access_begin(call, request->organization_id, &access));
	return find(call, &access, request->id, response);
}

static enum status take_page(struct call *call, int64_t organization_id, const struct page *page,
                             const struct rows *rows, Prism__V1__ListEpicsResponse *response)
{
	size_t count = page_fit(page, rows);
	epic_t *all = arena_alloc(&call->arena, count * sizeof(*all));
	response->epics = arena_alloc(&call->arena, count * sizeof(*response->epics));
	if (!all || !response->epics)
		return call_no_memory(call);
	for (size_t row = 0; row < count; row++) {
		prism__v1__epic__init(&all[row]);
		TRY(from_row(call, organization_id, rows, row, &all[row]));
		response->epics[row] = &all[row];
	}
	response->n_epics = count;
	if (count == rows->count)
		return STATUS_OK;
	struct page_key last = {.first = epic_list_id(rows, count - 1)};
	return page_token(call, page, &last, &response->next_page_token);
}

static SUSPENDS enum status list_epics(struct call *call,
                                       const Prism__V1__ListEpicsRequest *request,
                                       Prism__V1__ListEpicsResponse *response)
{
	struct access access;
	struct page page;
	struct rows rows;
	const char *const *texts;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(page_begin(call, &request->base, request->page_size, request->page_token, &page));
	TRY(value_enums_read(call, "statuses", (const int *)request->statuses, request->n_statuses,
	                     statuses, &texts));
	TRY(query(call, &EPIC_LIST,
	          EPIC_LIST_PARAMS(ACCESS(access), .project_id = request->project_id,
	                           .max_rows = page.max_rows,
	                           .total_most = page_total_most(request->want_total),
	                           .statuses = {texts, request->n_statuses},
	                           .after = page.key.first),
	          &rows));
	TRY(access_granted(call, &access, &rows));
	if (!epic_list_project_found(&rows, 0))
		return call_fail_for(call, REASON_PROJECT_NOT_FOUND, "no such project");
	if (request->want_total)
		page_total(epic_list_total(&rows, 0), &response->total_size,
		           &response->total_size_capped);
	return epic_list_found(&rows, 0)
	               ? take_page(call, access.organization_id, &page, &rows, response)
	               : STATUS_OK;
}

/* --- writing -----------------------------------------------------------------------------------
 */

static enum status check_imported(struct call *call, const char *path,
                                  const Google__Protobuf__Timestamp *created_at)
{
	if (!created_at || access_is_system(call))
		return STATUS_OK;
	return value_refused(call, REASON_SYSTEM_FIELD, path,
	                     "only a key with the scope system may set it");
}

static SUSPENDS enum status create_epic(struct call *call,
                                        const Prism__V1__CreateEpicRequest *request,
                                        epic_t *response)
{
	const epic_t *epic = request->epic;
	const char *status = statuses[epic->status];
	struct access access;
	struct keyed keyed;
	int64_t created_at;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	TRY(value_required(call, "epic.name", epic->name));
	TRY(check_imported(call, "epic.created_at", epic->created_at));
	TRY(value_time_read(call, "epic.created_at", epic->created_at, &created_at));
	TRY(value_external(call, "epic.external_id", epic->external_source, epic->external_id));
	const struct write write = {
		.statement = &EPIC_CREATE,
		.params = EPIC_CREATE_PARAMS(
			ACCESS(access), KEYED(keyed), .project_id = request->project_id,
			.name = epic->name, .description = value_text(epic->description),
			.status = status ? status : "open",
			.external_source = value_text(epic->external_source),
			.external_id = value_text(epic->external_id),
			.created_at = created_at == TIMESTAMP_NULL ? NULL : &created_at),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write(call, &keyed, &write, &rows, &effect));
	if (effect.repeated)
		return recall(call, &access, &effect, response);
	TRY(access_granted(call, &access, &rows));
	TRY(project_place(call, &rows, EPIC_CREATE_PROJECT_FOUND));
	return from_row(call, access.organization_id, &rows, 0, response);
}

/* Bits of EPIC_UPDATE's mask: by the order of update_mask's paths in the .proto file. */
enum { MASK_NAME = 1, MASK_STATUS = 4 };

static SUSPENDS enum status update_epic(struct call *call,
                                        const Prism__V1__UpdateEpicRequest *request,
                                        epic_t *response)
{
	const epic_t *epic = request->epic;
	struct access access;
	struct keyed keyed;
	int32_t mask;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	TRY(mask_read(call, request->update_mask, mask_paths(call), &mask));
	if (mask & MASK_NAME)
		TRY(value_required(call, "epic.name", epic->name));
	if (mask & MASK_STATUS)
		TRY(value_enum_required(call, "epic.status", &prism__v1__epic_status__descriptor,
		                        (int)epic->status));
	const struct write write = {
		.statement = &EPIC_UPDATE,
		.params = EPIC_UPDATE_PARAMS(ACCESS(access), KEYED(keyed), .id = request->id,
	                                     .expected_version = request->expected_version,
	                                     .mask = mask, .name = value_text(epic->name),
	                                     .description = value_text(epic->description),
	                                     .status = statuses[epic->status]),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write(call, &keyed, &write, &rows, &effect));
	if (effect.repeated)
		return recall(call, &access, &effect, response);
	TRY(access_granted(call, &access, &rows));
	if (!epic_update_found(&rows, 0))
		return call_fail_for(call, REASON_EPIC_NOT_FOUND, "no such epic");
	if (!epic_update_version_ok(&rows, 0))
		return value_stale(call, "epic", request->expected_version,
		                   epic_update_version(&rows, 0));
	if (!epic_update_project_open(&rows, 0))
		return call_fail_for(call, REASON_PROJECT_COMPLETED,
		                     "the project is completed; reopen it first");
	return from_row(call, access.organization_id, &rows, 0, response);
}

/* --- many ----------------------------------------------------------------------------------------
 */

struct items {
	const char **ids, **names, **descriptions, **statuses;
	int64_t *created_ats;
};

static enum status take_item(struct call *call, const Prism__V1__BatchUpsertEpicsRequest *request,
                             size_t i, struct items *items)
{
	const epic_t *epic = request->epics[i];
	const char *name_path = upsert_path(call, "epics", i, "name");
	const char *time_path = upsert_path(call, "epics", i, "created_at");
	if (!name_path || !time_path)
		return call_no_memory(call);
	TRY(upsert_check(call, "epics", i, request->external_source, epic->external_source,
	                 epic->external_id));
	TRY(value_required(call, name_path, epic->name));
	TRY(check_imported(call, time_path, epic->created_at));
	items->ids[i] = epic->external_id;
	items->names[i] = epic->name;
	items->descriptions[i] = value_text(epic->description);
	items->statuses[i] = statuses[epic->status] ? statuses[epic->status] : "open";
	return value_time_read(call, time_path, epic->created_at, &items->created_ats[i]);
}

static SUSPENDS enum status batch_upsert_epics(struct call *call,
                                               const Prism__V1__BatchUpsertEpicsRequest *request,
                                               Prism__V1__BatchUpsertEpicsResponse *response)
{
	size_t n = request->n_epics;
	struct access access;
	struct keyed keyed;
	struct items items;
	TRY(access_begin(call, request->organization_id, &access));
	keyed_without(call, &keyed);
	items.ids = arena_alloc(&call->arena, n * sizeof(char *));
	items.names = arena_alloc(&call->arena, n * sizeof(char *));
	items.descriptions = arena_alloc(&call->arena, n * sizeof(char *));
	items.statuses = arena_alloc(&call->arena, n * sizeof(char *));
	items.created_ats = arena_alloc(&call->arena, n * sizeof(int64_t));
	if (!items.ids || !items.names || !items.descriptions || !items.statuses ||
	    !items.created_ats)
		return call_no_memory(call);
	for (size_t i = 0; i < n; i++)
		TRY(take_item(call, request, i, &items));
	TRY(value_texts_differ(call, "epics", "external_id", items.ids, n));
	struct rows rows;
	TRY(upsert_write(
		call, &access, request->project_id, &EPIC_UPSERT,
		EPIC_UPSERT_PARAMS(
			ACCESS(access), KEYED(keyed), .project_id = request->project_id,
			.external_source = request->external_source, .external_ids = {items.ids, n},
			.names = {items.names, n}, .descriptions = {items.descriptions, n},
			.statuses = {items.statuses, n}, .created_ats = {items.created_ats, n}),
		&rows));
	TRY(project_place(call, &rows, EPIC_UPSERT_PROJECT_FOUND));
	return upsert_results(call, &rows, false, &response->results, &response->n_results);
}

static const struct prism_v1_epic_service_handlers handlers = {
	.create_epic = create_epic,
	.get_epic = get_epic,
	.list_epics = list_epics,
	.update_epic = update_epic,
	.batch_upsert_epics = batch_upsert_epics,
};

struct service epic_service(void)
{
	return prism_v1_epic_service(&handlers);
}
