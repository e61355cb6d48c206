/* OrganizationService: the tenants. */
#include "daemon/services/organization.h"

#include "daemon/auth/access.h"
#include "daemon/rpc/detail.h"
#include "daemon/services/keyed.h"
#include "daemon/services/mask.h"
#include "daemon/services/page.h"
#include "daemon/services/slug.h"
#include "daemon/services/values.h"
#include "db/queries.h"
#include "prism/v1/organization.prism-server.h"

#include <string.h>

typedef Prism__V1__Organization organization_t;

enum { SLUG_MAX = 100 };

_Static_assert((int)ORGANIZATION_GET_ID == (int)ORGANIZATION_UPDATE_ID &&
                       (int)ORGANIZATION_GET_ID == (int)ORGANIZATION_TRANSFER_ID &&
                       ORGANIZATION_GET_ID == 1,
               "tenants' statements have the rank first");
_Static_assert(ORGANIZATION_CREATE_ID == 0 && ORGANIZATION_LIST_ID == 0 &&
                       ORGANIZATION_LIST_ALL_ID == 0 && ORGANIZATION_GET_BY_SLUG_ID == 0,
               "the others begin with the id");

/* `first`: the column of the id; the others follow. */
static enum status from_row(struct call *call, const struct rows *rows, size_t row, size_t first,
                            organization_t *out)
{
	enum { ID, NAME, SLUG, OWNER_ID, SETTINGS, VERSION, CREATED_AT, UPDATED_AT };
	out->id = rows_int(rows, row, first + ID);
	out->name = (char *)rows_text(rows, row, first + NAME);
	out->slug = (char *)rows_text(rows, row, first + SLUG);
	TRY(value_uuid(call, rows, row, first + OWNER_ID, &out->owner_id));
	out->settings = (char *)rows_text(rows, row, first + SETTINGS);
	out->version = (int32_t)rows_int(rows, row, first + VERSION);
	TRY(value_timestamp(call, rows, row, first + CREATED_AT, &out->created_at));
	return value_timestamp(call, rows, row, first + UPDATED_AT, &out->updated_at);
}

static SUSPENDS enum status find(struct call *call, int64_t organization_id, enum role minimum,
                                 organization_t *response)
{
	struct access access;
	struct rows rows;
	TRY(access_begin(call, organization_id, &access));
	access.minimum_rank = (int32_t)minimum;
	TRY(query(call, &ORGANIZATION_GET, ORGANIZATION_GET_PARAMS(ACCESS(access)), &rows));
	TRY(access_granted(call, &access, &rows));
	return from_row(call, &rows, 0, ORGANIZATION_GET_ID, response);
}

/* A repetition is answered if the actor's rank is still `minimum`. */
static SUSPENDS enum status recall(struct call *call, const struct keyed_effect *effect,
                                   enum role minimum, organization_t *response)
{
	return find(call, effect->count ? effect->ids[0] : 0, minimum, response);
}

/* --- reading ---------------------------------------------------------------------------- */

static SUSPENDS enum status get_organization(struct call *call,
                                             const Prism__V1__GetOrganizationRequest *request,
                                             organization_t *response)
{
	return find(call, request->organization_id, ROLE_VIEWER, response);
}

static SUSPENDS enum status get_organization_by_slug(
	struct call *call, const Prism__V1__GetOrganizationBySlugRequest *request,
	organization_t *response)
{
	int64_t bound = call->identity.organization_id;
	struct rows rows;
	TRY(query(call, &ORGANIZATION_GET_BY_SLUG,
	          ORGANIZATION_GET_BY_SLUG_PARAMS(ACTING(call), .slug = request->slug), &rows));
	if (rows.count == 0 || (bound && bound != organization_get_by_slug_id(&rows, 0)))
		return call_fail_for(call, REASON_ORGANIZATION_NOT_FOUND,
		                     "organization %s: not found", request->slug);
	return from_row(call, &rows, 0, ORGANIZATION_GET_BY_SLUG_ID, response);
}

static SUSPENDS enum status find_page(struct call *call, const struct page *page, struct rows *rows)
{
	if (call->actor)
		return query(call, &ORGANIZATION_LIST,
		             ORGANIZATION_LIST_PARAMS(.actor = *call->actor,
		                                      .max_rows = page->max_rows,
		                                      .after = page->key.first),
		             rows);
	return query(
		call, &ORGANIZATION_LIST_ALL,
		ORGANIZATION_LIST_ALL_PARAMS(.max_rows = page->max_rows, .after = page->key.first),
		rows);
}

static SUSPENDS enum status list_organizations(struct call *call,
                                               const Prism__V1__ListOrganizationsRequest *request,
                                               Prism__V1__ListOrganizationsResponse *response)
{
	struct page page;
	struct rows rows;
	TRY(page_begin(call, &request->base, request->page_size, request->page_token, &page));
	TRY(find_page(call, &page, &rows));
	size_t count = page_fit(&page, &rows);
	organization_t *all = arena_alloc(&call->arena, (count + 1) * sizeof(*all));
	response->organizations =
		arena_alloc(&call->arena, (count + 1) * sizeof(*response->organizations));
	if (!all || !response->organizations)
		return call_no_memory(call);
	for (size_t row = 0; row < count; row++) {
		int64_t bound = call->identity.organization_id;
		if (bound && bound != organization_list_id(&rows, row))
			continue;
		prism__v1__organization__init(&all[row]);
		TRY(from_row(call, &rows, row, ORGANIZATION_LIST_ID, &all[row]));
		response->organizations[response->n_organizations++] = &all[row];
	}
	if (count == rows.count)
		return STATUS_OK;
	struct page_key last = {.first = organization_list_id(&rows, count - 1)};
	return page_token(call, &page, &last, &response->next_page_token);
}

/* A setting that PRISM knows (`path`) is not what it must be. */
static enum status misset(struct call *call, const char *path)
{
	char *field = arena_printf(&call->arena, "organization.settings.%s", path);
	if (!field)
		return call_no_memory(call);
	return call_fail_field(call, field,
	                       strchr(path, '.') ? "must be a whole number, 0 or more"
	                                         : "must be a JSON object");
}

/* --- making ------------------------------------------------------------------------------ */

static enum status choose_slug(struct call *call, const organization_t *organization, char **slug)
{
	*slug = organization->slug;
	if (*organization->slug && slug_reserved(organization->slug))
		return value_refused(call, REASON_SLUG_RESERVED, "organization.slug",
		                     "this one is reserved; another one is needed");
	if (*organization->slug)
		return STATUS_OK;
	TRY(slug_make(call, organization->name, SLUG_MAX, "org", slug));
	if (slug_reserved(*slug))
		*slug = arena_printf(&call->arena, "org-%s", *slug);
	return *slug ? STATUS_OK : call_no_memory(call);
}

/* A slug of our own choice that somebody else takes at the same moment is chosen again. */
static SUSPENDS enum status create(struct call *call, const struct keyed *keyed,
                                   const organization_t *organization, const char *slug,
                                   struct rows *rows, struct keyed_effect *effect)
{
	bool given = *organization->slug != '\0';
	struct uuid owner;
	value_uuid_read(organization->owner_id, &owner);
	const struct write write = {
		.statement = &ORGANIZATION_CREATE,
		.params = ORGANIZATION_CREATE_PARAMS(
			ACTING(call), KEYED(*keyed), .name = organization->name, .slug = slug,
			.slug_given = given, .owner_id = owner,
			.settings = *organization->settings ? organization->settings : "{}"),
	};
	if (given)
		return keyed_write(call, keyed, &write, rows, effect);
	return keyed_write_anew(call, keyed, &write, REASON_SLUG_TAKEN, rows, effect);
}

static SUSPENDS enum status create_organization(struct call *call,
                                                const Prism__V1__CreateOrganizationRequest *request,
                                                organization_t *response)
{
	const organization_t *organization = request->organization;
	struct keyed keyed;
	struct rows rows;
	struct keyed_effect effect;
	char *slug;
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	TRY(value_required(call, "organization.name", organization->name));
	TRY(value_required(call, "organization.owner_id", organization->owner_id));
	TRY(choose_slug(call, organization, &slug));
	TRY(create(call, &keyed, organization, slug, &rows, &effect));
	if (effect.repeated)
		return recall(call, &effect, ROLE_VIEWER, response);
	if (!organization_create_misset_is_null(&rows, 0))
		return misset(call, organization_create_misset(&rows, 0));
	if (!organization_create_owner_found(&rows, 0))
		return value_refused(call, REASON_USER_NOT_FOUND, "organization.owner_id",
		                     "no such user");
	if (!organization_create_owner_active(&rows, 0))
		return value_refused(call, REASON_USER_NOT_ACTIVE, "organization.owner_id",
		                     "the user is not active; only one whose status is ACTIVE can "
		                     "own an organization");
	if (!organization_create_found(&rows, 0))
		return value_refused(call, REASON_SLUG_TAKEN, "organization.slug",
		                     "all that are made of this name are in use; give one");
	return from_row(call, &rows, 0, ORGANIZATION_CREATE_ID, response);
}

/* --- changing ------------------------------------------------------------------------------ */

/* Bits of ORGANIZATION_UPDATE's mask: by the order of update_mask's paths in the .proto file. */
enum { MASK_NAME = 1, MASK_SLUG = 2 };

static enum status check(struct call *call, const organization_t *organization, int32_t mask)
{
	if (mask & MASK_NAME)
		TRY(value_required(call, "organization.name", organization->name));
	if (mask & MASK_SLUG)
		TRY(value_required(call, "organization.slug", organization->slug));
	if ((mask & MASK_SLUG) && slug_reserved(organization->slug))
		return value_refused(call, REASON_SLUG_RESERVED, "organization.slug",
		                     "this one is reserved; another one is needed");
	return STATUS_OK;
}

static SUSPENDS enum status update_organization(struct call *call,
                                                const Prism__V1__UpdateOrganizationRequest *request,
                                                organization_t *response)
{
	const organization_t *organization = request->organization;
	struct access access;
	struct keyed keyed;
	int32_t mask;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	TRY(mask_read(call, request->update_mask, mask_paths(call), &mask));
	TRY(check(call, organization, mask));
	const struct write write = {
		.lock = keyed.request_id ? &ORGANIZATION_LOCK : NULL,
		.lock_params = ORGANIZATION_LOCK_PARAMS(ACCESS(access)),
		.statement = &ORGANIZATION_UPDATE,
		.params = ORGANIZATION_UPDATE_PARAMS(
			ACCESS(access), KEYED(keyed), .expected_version = request->expected_version,
			.mask = mask, .name = value_text(organization->name),
			.slug = value_text(organization->slug),
			.settings = *organization->settings ? organization->settings : "{}"),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write(call, &keyed, &write, &rows, &effect));
	if (effect.repeated)
		return recall(call, &effect, ROLE_ADMIN, response);
	TRY(access_granted(call, &access, &rows));
	if (!organization_update_misset_is_null(&rows, 0))
		return misset(call, organization_update_misset(&rows, 0));
	if (!organization_update_version_ok(&rows, 0))
		return value_stale(call, "organization", request->expected_version,
		                   (int32_t)organization_update_version(&rows, 0));
	return from_row(call, &rows, 0, ORGANIZATION_UPDATE_ID, response);
}

static SUSPENDS enum status transfer_ownership(struct call *call,
                                               const Prism__V1__TransferOwnershipRequest *request,
                                               organization_t *response)
{
	struct access access;
	struct keyed keyed;
	struct uuid user_id;
	value_uuid_read(request->user_id, &user_id);
	TRY(access_begin(call, request->organization_id, &access));
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	const struct write write = {
		.lock = &ORGANIZATION_LOCK,
		.lock_params = ORGANIZATION_LOCK_PARAMS(ACCESS(access)),
		.statement = &ORGANIZATION_TRANSFER,
		.params = ORGANIZATION_TRANSFER_PARAMS(ACCESS(access), KEYED(keyed),
	                                               .user_id = user_id),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write(call, &keyed, &write, &rows, &effect));
	if (effect.repeated)
		return recall(call, &effect, ROLE_VIEWER, response); /* no owner any more */
	TRY(access_granted(call, &access, &rows));
	if (!organization_transfer_able(&rows, 0))
		return value_refused(call, REASON_OWNER_NOT_MEMBER, "user_id",
		                     "must be an active member of the organization, and no viewer");
	return from_row(call, &rows, 0, ORGANIZATION_TRANSFER_ID, response);
}

static const struct prism_v1_organization_service_handlers handlers = {
	.create_organization = create_organization,
	.get_organization = get_organization,
	.get_organization_by_slug = get_organization_by_slug,
	.list_organizations = list_organizations,
	.update_organization = update_organization,
	.transfer_ownership = transfer_ownership,
};

struct service organization_service(void)
{
	return prism_v1_organization_service(&handlers);
}
