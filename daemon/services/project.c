/* ProjectService. */
#include "daemon/services/project.h"

#include "daemon/auth/access.h"
#include "daemon/rpc/detail.h"
#include "daemon/services/keyed.h"
#include "daemon/services/mask.h"
#include "daemon/services/page.h"
#include "daemon/services/values.h"
#include "db/queries.h"
#include "prism/v1/project.prism-server.h"

#include <ctype.h>
#include <string.h>

typedef Prism__V1__Project project_t;

enum { KEY_MADE_MAX = 4, KEY_MIN = 2, KEY_ATTEMPTS = 5, KEY_SIZE = 24 };

_Static_assert((int)PROJECT_GET_UPDATED_AT == (int)PROJECT_GET_BY_KEY_UPDATED_AT &&
                       (int)PROJECT_GET_UPDATED_AT == (int)PROJECT_CREATE_UPDATED_AT &&
                       (int)PROJECT_GET_UPDATED_AT == (int)PROJECT_LIST_UPDATED_AT &&
                       (int)PROJECT_GET_UPDATED_AT == (int)PROJECT_UPDATE_UPDATED_AT,
               "one function reads the projects of every statement");

static const char *const statuses[] = {NULL, "planning", "active", "on_hold", "completed"};

static enum status from_row(struct call *call, int64_t organization_id, const struct rows *rows,
                            size_t row, project_t *out)
{
	out->id = project_get_id(rows, row);
	out->organization_id = organization_id;
	out->name = (char *)project_get_name(rows, row);
	out->key = (char *)project_get_key(rows, row);
	out->description = (char *)project_get_description(rows, row);
	out->status = (Prism__V1__ProjectStatus)VALUE_ENUM(project_get_status(rows, row), statuses);
	if (!project_get_owner_id_is_null(rows, row)) {
		out->has_owner_id_case = PRISM__V1__PROJECT__HAS_OWNER_ID_OWNER_ID;
		TRY(value_uuid(call, rows, row, PROJECT_GET_OWNER_ID, &out->owner_id));
	}
	TRY(value_date(call, rows, row, PROJECT_GET_START_DATE, &out->start_date));
	TRY(value_date(call, rows, row, PROJECT_GET_END_DATE, &out->end_date));
	out->version = project_get_version(rows, row);
	TRY(value_timestamp(call, rows, row, PROJECT_GET_CREATED_AT, &out->created_at));
	return value_timestamp(call, rows, row, PROJECT_GET_UPDATED_AT, &out->updated_at);
}

/* --- reading ------------------------------------------------------------------------------- */

static enum status answer(struct call *call, const struct access *access, const struct rows *rows,
                          project_t *response)
{
	TRY(access_granted(call, access, rows));
	if (!project_get_found(rows, 0))
		return call_fail_for(call, REASON_PROJECT_NOT_FOUND, "no such project");
	return from_row(call, access->organization_id, rows, 0, response);
}

static SUSPENDS enum status find(struct call *call, const struct access *access, int64_t id,
                                 project_t *response)
{
	struct rows rows;
	TRY(query(call, &PROJECT_GET, PROJECT_GET_PARAMS(ACCESS(*access), .id = id), &rows));
	return answer(call, access, &rows, response);
}

/* What a repeated write made or changed, as it is now; of one that is gone, its id. */
static SUSPENDS enum status recall(struct call *call, const struct access *access,
                                   const struct keyed_effect *effect, project_t *response)
{
	struct rows rows;
	response->id = effect->count ? effect->ids[0] : 0;
	response->organization_id = access->organization_id;
	TRY(query(call, &PROJECT_GET, PROJECT_GET_PARAMS(ACCESS(*access), .id = response->id),
	          &rows));
	TRY(access_granted(call, access, &rows));
	return project_get_found(&rows, 0)
	               ? from_row(call, access->organization_id, &rows, 0, response)
	               : STATUS_OK;
}

/* Keys are kept in upper case. */
static enum status upper(struct call *call, const char *key, char **out)
{
	*out = arena_strdup(&call->arena, key);
	for (char *letter = *out; letter && *letter; letter++)
		*letter = (char)toupper((unsigned char)*letter);
	return *out ? STATUS_OK : call_no_memory(call);
}

static SUSPENDS enum status get_project(struct call *call,
                                        const Prism__V1__GetProjectRequest *request,
                                        project_t *response)
{
	struct access access;
	struct rows rows;
	char *key;
	TRY(access_begin(call, request->organization_id, &access));
	if (request->project_case == PRISM__V1__GET_PROJECT_REQUEST__PROJECT_ID)
		return find(call, &access, request->id, response);
	TRY(upper(call, request->key, &key));
	TRY(query(call, &PROJECT_GET_BY_KEY, PROJECT_GET_BY_KEY_PARAMS(ACCESS(access), .key = key),
	          &rows));
	return answer(call, &access, &rows, response);
}

static enum status take_page(struct call *call, int64_t organization_id, const struct page *page,
                             const struct rows *rows, Prism__V1__ListProjectsResponse *response)
{
	size_t count = page_fit(page, rows);
	project_t *all = arena_alloc(&call->arena, count * sizeof(*all));
	response->projects = arena_alloc(&call->arena, count * sizeof(*response->projects));
	if (!all || !response->projects)
		return call_no_memory(call);
	for (size_t row = 0; row < count; row++) {
		prism__v1__project__init(&all[row]);
		TRY(from_row(call, organization_id, rows, row, &all[row]));
		response->projects[row] = &all[row];
	}
	response->n_projects = count;
	if (count == rows->count)
		return STATUS_OK;
	struct page_key last = {.first = project_list_id(rows, count - 1)};
	return page_token(call, page, &last, &response->next_page_token);
}

static SUSPENDS enum status list_projects(struct call *call,
                                          const Prism__V1__ListProjectsRequest *request,
                                          Prism__V1__ListProjectsResponse *response)
{
	struct access access;
	struct page page;
	struct rows rows;
	struct uuid owner;
	const char *const *texts;
	value_uuid_read(request->owner_id, &owner);
	TRY(access_begin(call, request->organization_id, &access));
	TRY(page_begin(call, &request->base, request->page_size, request->page_token, &page));
	TRY(value_enums_read(call, "statuses", (const int *)request->statuses, request->n_statuses,
	                     statuses, &texts));
	TRY(query(call, &PROJECT_LIST,
	          PROJECT_LIST_PARAMS(ACCESS(access), .max_rows = page.max_rows,
	                              .total_most = page_total_most(request->want_total),
	                              .statuses = {texts, request->n_statuses},
	                              .owner_id = *request->owner_id ? &owner : NULL,
	                              .after = page.key.first),
	          &rows));
	TRY(access_granted(call, &access, &rows));
	if (request->want_total)
		page_total(project_list_total(&rows, 0), &response->total_size,
		           &response->total_size_capped);
	return project_list_found(&rows, 0)
	               ? take_page(call, access.organization_id, &page, &rows, response)
	               : STATUS_OK;
}

/* --- making ---------------------------------------------------------------------------------- */

/* Letters of other alphabets are parts of words too. */
static bool in_word(char byte)
{
	return isalnum((unsigned char)byte) || (unsigned char)byte >= 0x80;
}

/* The first letters of the words, else the first letters; ASCII, since keys are typed. */
static void suggest_key(const char *name, char key[KEY_SIZE])
{
	size_t initials = 0, letters = 0;
	char first[KEY_SIZE];
	for (const char *at = name; *at; at++) {
		bool letter = isalpha((unsigned char)*at) && (unsigned char)*at < 0x80;
		bool starts = at == name || !in_word(at[-1]);
		if (letter && letters < KEY_MADE_MAX)
			first[letters++] = (char)toupper((unsigned char)*at);
		if (letter && starts && initials < KEY_MADE_MAX)
			key[initials++] = (char)toupper((unsigned char)*at);
	}
	if (initials < KEY_MIN)
		memcpy(key, first, initials = letters);
	if (initials < KEY_MIN)
		memcpy(key, "PR", initials = KEY_MIN);
	key[initials] = '\0';
}

struct dates {
	int32_t start, end;
	const int32_t *start_date, *end_date; /* NULL: none */
};

static enum status dates_read(struct call *call, const char *start, const char *end,
                              struct dates *dates)
{
	dates->start_date = value_date_read(start, &dates->start) ? &dates->start : NULL;
	dates->end_date = value_date_read(end, &dates->end) ? &dates->end : NULL;
	return value_dates_ordered(call, "project.end_date", start, end);
}

/* The organization's projects are counted, and a key of our own choice is chosen, under its lock.
 */
static SUSPENDS enum status create(struct call *call, const struct access *access,
                                   const struct keyed *keyed, const project_t *project,
                                   const char *key, struct rows *rows, struct keyed_effect *effect)
{
	bool given = *project->key != '\0';
	struct dates dates;
	struct uuid owner;
	const struct uuid *owner_id = call->actor;
	TRY(dates_read(call, project->start_date, project->end_date, &dates));
	if (project->has_owner_id_case == PRISM__V1__PROJECT__HAS_OWNER_ID_OWNER_ID) {
		value_uuid_read(project->owner_id, &owner);
		owner_id = &owner;
	}
	const char *status = statuses[project->status];
	const struct write write = {
		.lock = &ORGANIZATION_LOCK,
		.lock_params = ORGANIZATION_LOCK_PARAMS(ACCESS(*access)),
		.statement = &PROJECT_CREATE,
		.params = PROJECT_CREATE_PARAMS(
			ACCESS(*access), KEYED(*keyed), .name = project->name, .key = key,
			.key_given = given, .description = value_text(project->description),
			.status = status ? status : "planning", .owner_id = owner_id,
			.start_date = dates.start_date, .end_date = dates.end_date),
	};
	enum status result = STATUS_OK;
	for (unsigned i = 0; i < KEY_ATTEMPTS; i++) {
		result = keyed_write(call, keyed, &write, rows, effect);
		if (result != STATUS_ALREADY_EXISTS || given)
			break;
	}
	return result;
}

static SUSPENDS enum status create_project(struct call *call,
                                           const Prism__V1__CreateProjectRequest *request,
                                           project_t *response)
{
	const project_t *project = request->project;
	struct access access;
	struct keyed keyed;
	struct rows rows;
	struct keyed_effect effect;
	char made[KEY_SIZE], *key = made;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	TRY(value_required(call, "project.name", project->name));
	suggest_key(project->name, made);
	if (*project->key)
		TRY(upper(call, project->key, &key));
	TRY(create(call, &access, &keyed, project, key, &rows, &effect));
	if (effect.repeated)
		return recall(call, &access, &effect, response);
	TRY(access_granted(call, &access, &rows));
	if (!project_create_may_create(&rows, 0))
		return call_fail_for(call, REASON_ROLE_TOO_LOW,
		                     "the organization lets its admins alone create projects");
	if (!project_create_owner_ok(&rows, 0))
		return value_refused(call, REASON_OWNER_NOT_MEMBER, "project.owner_id",
		                     "must be an active member of the organization, and no viewer");
	if (!project_create_limit_met_is_null(&rows, 0))
		return value_limit_met(call, REASON_PROJECT_LIMIT, "projects",
		                       project_create_limit_met(&rows, 0));
	if (!project_create_found(&rows, 0))
		return value_refused(call, REASON_KEY_TAKEN, "project.key",
		                     "too many projects have a key like this name's; give one");
	return from_row(call, access.organization_id, &rows, 0, response);
}

/* --- changing --------------------------------------------------------------------------------- */

/* Bits of PROJECT_UPDATE's mask: by the order of update_mask's paths in the .proto file. */
enum { MASK_NAME = 1, MASK_KEY = 2, MASK_STATUS = 8 };

static enum status check(struct call *call, const project_t *project, int32_t mask)
{
	if (mask & MASK_NAME)
		TRY(value_required(call, "project.name", project->name));
	if (mask & MASK_KEY)
		TRY(value_required(call, "project.key", project->key));
	if (mask & MASK_STATUS)
		TRY(value_enum_required(call, "project.status",
		                        &prism__v1__project_status__descriptor,
		                        (int)project->status));
	return STATUS_OK;
}

static enum status judge(struct call *call, const struct rows *rows, int32_t expected)
{
	if (!project_update_yours(rows, 0))
		return call_fail_for(call, REASON_NOT_YOURS,
		                     "UpdateProject is for the project's owner and admins");
	if (!project_update_key_yours(rows, 0))
		return value_refused(call, REASON_ROLE_TOO_LOW, "project.key",
		                     "only admins change a project's key");
	if (!project_update_version_ok(rows, 0))
		return value_stale(call, "project", expected, project_update_version(rows, 0));
	if (!project_update_key_free(rows, 0))
		return value_refused(call, REASON_KEY_TAKEN, "project.key",
		                     "another project of the organization has, or had, it");
	if (!project_update_transition_ok(rows, 0))
		return value_refused(call, REASON_STATUS_TRANSITION, "project.status",
		                     "nothing goes back to planning; what is completed becomes "
		                     "active again");
	if (project_update_sprint_active(rows, 0))
		return value_refused(call, REASON_SPRINT_ACTIVE, "project.status",
		                     "a sprint is active; complete it first");
	if (!project_update_owner_ok(rows, 0))
		return value_refused(call, REASON_OWNER_NOT_MEMBER, "project.owner_id",
		                     "must be an active member of the organization, and no viewer");
	if (!project_update_dates_ok(rows, 0))
		return call_fail_field(call, "project.end_date",
		                       "would be before start_date; the same day or a later one "
		                       "is allowed");
	return STATUS_OK;
}

static SUSPENDS enum status update_project(struct call *call,
                                           const Prism__V1__UpdateProjectRequest *request,
                                           project_t *response)
{
	const project_t *project = request->project;
	struct access access;
	struct keyed keyed;
	struct dates dates;
	struct uuid owner;
	int32_t mask;
	char *key;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	TRY(mask_read(call, request->update_mask, mask_paths(call), &mask));
	TRY(check(call, project, mask));
	TRY(upper(call, project->key, &key));
	dates.start_date = value_date_read(project->start_date, &dates.start) ? &dates.start : NULL;
	dates.end_date = value_date_read(project->end_date, &dates.end) ? &dates.end : NULL;
	bool owned = project->has_owner_id_case == PRISM__V1__PROJECT__HAS_OWNER_ID_OWNER_ID;
	if (owned)
		value_uuid_read(project->owner_id, &owner);
	const struct write write = {
		.lock = &PROJECT_LOCK,
		.lock_params = PROJECT_LOCK_PARAMS(ACCESS(access), .project_id = request->id),
		.statement = &PROJECT_UPDATE,
		.params = PROJECT_UPDATE_PARAMS(
			ACCESS(access), KEYED(keyed), .id = request->id,
			.expected_version = request->expected_version, .mask = mask,
			.name = value_text(project->name), .key = value_text(key),
			.description = value_text(project->description),
			.status = statuses[project->status], .owner_id = owned ? &owner : NULL,
			.start_date = dates.start_date, .end_date = dates.end_date),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write(call, &keyed, &write, &rows, &effect));
	if (effect.repeated)
		return recall(call, &access, &effect, response);
	TRY(access_granted(call, &access, &rows));
	if (!project_update_found(&rows, 0))
		return call_fail_for(call, REASON_PROJECT_NOT_FOUND, "no such project");
	TRY(judge(call, &rows, request->expected_version));
	return from_row(call, access.organization_id, &rows, 0, response);
}

static const struct prism_v1_project_service_handlers handlers = {
	.create_project = create_project,
	.get_project = get_project,
	.list_projects = list_projects,
	.update_project = update_project,
};

struct service project_service(void)
{
	return prism_v1_project_service(&handlers);
}
