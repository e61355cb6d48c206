/* MembershipService: who belongs to an organization. What counts admins does so under
 * ORGANIZATION_LOCK. */
#include "daemon/services/membership.h"

#include "daemon/auth/access.h"
#include "daemon/rpc/detail.h"
#include "daemon/services/keyed.h"
#include "daemon/services/page.h"
#include "daemon/services/values.h"
#include "db/queries.h"
#include "prism/v1/membership.prism-server.h"

typedef Prism__V1__Member member_t;

_Static_assert((int)MEMBER_GET_JOINED_AT == (int)MEMBER_LIST_JOINED_AT &&
                       (int)MEMBER_GET_JOINED_AT == (int)MEMBER_ADD_JOINED_AT &&
                       (int)MEMBER_GET_JOINED_AT == (int)MEMBER_UPDATE_ROLE_JOINED_AT,
               "one function reads the members of every statement");

static const char *const roles[] = {NULL, "viewer", "member", "admin"};

static const char *role_or_member(Prism__V1__MemberRole role)
{
	return roles[role] ? roles[role] : "member";
}

static enum status from_row(struct call *call, int64_t organization_id, const struct rows *rows,
                            size_t row, member_t *member)
{
	member->organization_id = organization_id;
	TRY(value_uuid(call, rows, row, MEMBER_GET_USER_ID, &member->user_id));
	member->role = (Prism__V1__MemberRole)VALUE_ENUM(member_get_role(rows, row), roles);
	member->is_owner = member_get_is_owner(rows, row);
	member->email = (char *)member_get_email(rows, row);
	member->username = (char *)member_get_username(rows, row);
	member->full_name = (char *)member_get_full_name(rows, row);
	member->active = member_get_active(rows, row);
	member->version = member_get_version(rows, row);
	return value_timestamp(call, rows, row, MEMBER_GET_JOINED_AT, &member->joined_at);
}

static enum status not_found(struct call *call)
{
	return call_fail_for(call, REASON_MEMBER_NOT_FOUND, "no such member");
}

/* --- reading ------------------------------------------------------------------------------ */

static SUSPENDS enum status find(struct call *call, const struct access *access,
                                 struct uuid user_id, member_t *response)
{
	struct rows rows;
	TRY(query(call, &MEMBER_GET, MEMBER_GET_PARAMS(ACCESS(*access), .user_id = user_id),
	          &rows));
	TRY(access_granted(call, access, &rows));
	if (!member_get_found(&rows, 0))
		return not_found(call);
	return from_row(call, access->organization_id, &rows, 0, response);
}

static SUSPENDS enum status get_member(struct call *call,
                                       const Prism__V1__GetMemberRequest *request,
                                       member_t *response)
{
	struct access access;
	struct uuid user_id;
	value_uuid_read(request->user_id, &user_id);
	TRY(access_begin(call, request->organization_id, &access));
	return find(call, &access, user_id, response);
}

static SUSPENDS enum status recall(struct call *call, const struct access *access,
                                   const struct keyed_effect *effect, member_t *response)
{
	return effect->count ? find(call, access, effect->uuids[0], response) : not_found(call);
}

static enum status take_page(struct call *call, const Prism__V1__ListMembersRequest *request,
                             const struct page *page, const struct rows *rows,
                             Prism__V1__ListMembersResponse *response)
{
	size_t count = page_fit(page, rows);
	member_t *members = arena_alloc(&call->arena, count * sizeof(*members));
	response->members = arena_alloc(&call->arena, count * sizeof(*response->members));
	if (!members || !response->members)
		return call_no_memory(call);
	for (; response->n_members < count; response->n_members++) {
		member_t *member = &members[response->n_members];
		prism__v1__member__init(member);
		TRY(from_row(call, request->organization_id, rows, response->n_members, member));
		response->members[response->n_members] = member;
	}
	if (count == rows->count)
		return STATUS_OK;
	struct page_key last = {.uuid = member_list_user_id(rows, count - 1)};
	return page_token(call, page, &last, &response->next_page_token);
}

static SUSPENDS enum status list_members(struct call *call,
                                         const Prism__V1__ListMembersRequest *request,
                                         Prism__V1__ListMembersResponse *response)
{
	struct access access;
	struct page page;
	struct rows rows;
	const char *const *texts;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(page_begin(call, &request->base, request->page_size, request->page_token, &page));
	TRY(value_enums_read(call, "roles", (const int *)request->roles, request->n_roles, roles,
	                     &texts));
	TRY(query(call, &MEMBER_LIST,
	          MEMBER_LIST_PARAMS(ACCESS(access), .max_rows = page.max_rows,
	                             .roles = {texts, request->n_roles},
	                             .after = page.after ? &page.key.uuid : NULL),
	          &rows));
	TRY(access_granted(call, &access, &rows));
	return member_list_found(&rows, 0) ? take_page(call, request, &page, &rows, response)
	                                   : STATUS_OK;
}

/* --- adding -------------------------------------------------------------------------------- */

static enum status crowded(struct call *call, const char *limit)
{
	return value_limit_met(call, REASON_MEMBER_LIMIT, "members", limit);
}

static SUSPENDS enum status add_member(struct call *call,
                                       const Prism__V1__AddMemberRequest *request,
                                       member_t *response)
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
		.statement = &MEMBER_ADD,
		.params = MEMBER_ADD_PARAMS(ACCESS(access), KEYED(keyed), .user_id = user_id,
	                                    .role = role_or_member(request->role)),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write(call, &keyed, &write, &rows, &effect));
	if (effect.repeated)
		return recall(call, &access, &effect, response);
	TRY(access_granted(call, &access, &rows));
	if (member_add_user_active_is_null(&rows, 0))
		return value_refused(call, REASON_USER_NOT_FOUND, "user_id", "no such user");
	if (!member_add_user_active(&rows, 0))
		return value_refused(call, REASON_USER_NOT_ACTIVE, "user_id",
		                     "the user is not active; only one whose status is ACTIVE can "
		                     "become a member");
	if (!member_add_found(&rows, 0))
		return crowded(call, member_add_limit_met(&rows, 0));
	return from_row(call, access.organization_id, &rows, 0, response);
}

static SUSPENDS enum status batch_upsert_members(
	struct call *call, const Prism__V1__BatchUpsertMembersRequest *request,
	Prism__V1__BatchUpsertMembersResponse *response)
{
	struct access access;
	struct keyed keyed;
	const struct uuid *ids;
	TRY(access_begin(call, request->organization_id, &access));
	keyed_without(call, &keyed);
	TRY(value_uuids_read(call, request->user_ids, request->n_user_ids, &ids));
	TRY(value_uuids_differ(call, "user_ids", ids, request->n_user_ids));
	const struct write write = {
		.lock = &ORGANIZATION_LOCK,
		.lock_params = ORGANIZATION_LOCK_PARAMS(ACCESS(access)),
		.statement = &MEMBER_UPSERT,
		.params = MEMBER_UPSERT_PARAMS(ACCESS(access), KEYED(keyed),
	                                       .user_ids = {ids, request->n_user_ids},
	                                       .role = role_or_member(request->role)),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write_anew(call, &keyed, &write, REASON_ALREADY_MEMBER, &rows, &effect));
	TRY(access_granted(call, &access, &rows));
	if (!member_upsert_fault_is_null(&rows, 0)) {
		char *path = arena_printf(&call->arena, "user_ids[%lld]",
		                          (long long)member_upsert_fault(&rows, 0) - 1);
		return path ? value_refused(call, REASON_USER_NOT_ACTIVE, path,
		                            "no such user, or not active")
		            : call_no_memory(call);
	}
	if (!member_upsert_limit_met_is_null(&rows, 0))
		return crowded(call, member_upsert_limit_met(&rows, 0));
	response->added = (int32_t)member_upsert_added(&rows, 0);
	return STATUS_OK;
}

/* --- roles ---------------------------------------------------------------------------------- */

static enum status judge_role(struct call *call, const struct rows *rows, int32_t expected)
{
	if (!member_update_role_version_ok(rows, 0))
		return value_stale(call, "membership", expected,
		                   member_update_role_version(rows, 0));
	if (member_update_role_owner_protected(rows, 0))
		return call_fail_for(call, REASON_OWNER_PROTECTED,
		                     "the owner stays an admin; transfer ownership first");
	if (member_update_role_own_role(rows, 0))
		return call_fail_for(call, REASON_OWN_ROLE, "nobody raises their own role");
	if (member_update_role_last_admin(rows, 0))
		return call_fail_for(
			call, REASON_LAST_ADMIN,
			"the organization would be left without an active admin; make another "
			"one first");
	return STATUS_OK;
}

static SUSPENDS enum status update_member_role(struct call *call,
                                               const Prism__V1__UpdateMemberRoleRequest *request,
                                               member_t *response)
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
		.statement = &MEMBER_UPDATE_ROLE,
		.params =
			MEMBER_UPDATE_ROLE_PARAMS(ACCESS(access), KEYED(keyed), .user_id = user_id,
	                                          .role = roles[request->role],
	                                          .expected_version = request->expected_version),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write(call, &keyed, &write, &rows, &effect));
	if (effect.repeated) {
		access.minimum_rank = ROLE_VIEWER; /* the actor may have lowered their own */
		return recall(call, &access, &effect, response);
	}
	TRY(access_granted(call, &access, &rows));
	if (!member_update_role_found(&rows, 0))
		return not_found(call);
	TRY(judge_role(call, &rows, request->expected_version));
	return from_row(call, access.organization_id, &rows, 0, response);
}

/* --- leaving --------------------------------------------------------------------------------- */

static enum status judge_removal(struct call *call, const struct rows *rows)
{
	if (member_remove_owner_protected_is_null(rows, 0))
		return not_found(call);
	if (member_remove_owner_protected(rows, 0))
		return call_fail_for(call, REASON_OWNER_PROTECTED,
		                     "the owner stays; transfer ownership first");
	if (member_remove_last_admin(rows, 0))
		return call_fail_for(
			call, REASON_LAST_ADMIN,
			"the organization would be left without an active admin; make another "
			"one first");
	if (!member_remove_owned_projects_is_null(rows, 0)) {
		const char *projects = member_remove_owned_projects(rows, 0);
		enum status status = call_fail_for(call, REASON_OWNS_PROJECTS,
		                                   "the member owns projects; hand them over first "
		                                   "(their ids: %s)",
		                                   projects);
		call_fact(call, "project_ids", "%s", projects);
		return status;
	}
	return member_remove_heir_ok(rows, 0)
	               ? STATUS_OK
	               : value_refused(call, REASON_ASSIGNEE_NOT_MEMBER, "reassign_to",
	                               "must be another active member of the organization, and no "
	                               "viewer");
}

static SUSPENDS enum status remove_user(struct call *call, const struct access *access,
                                        const struct keyed *keyed, struct uuid user_id,
                                        const struct uuid *heir, int64_t *reassigned)
{
	const struct write write = {
		.lock = &MEMBER_LOCK,
		.lock_params = MEMBER_LOCK_PARAMS(ACCESS(*access), .user_id = user_id),
		.statement = &MEMBER_REMOVE,
		.params = MEMBER_REMOVE_PARAMS(ACCESS(*access), KEYED(*keyed), .user_id = user_id,
	                                       .reassign_to = heir),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write(call, keyed, &write, &rows, &effect));
	*reassigned = effect.fact;
	if (effect.repeated)
		return STATUS_OK;
	TRY(access_granted(call, access, &rows));
	if (!member_remove_found(&rows, 0))
		return judge_removal(call, &rows);
	*reassigned = member_remove_reassigned(&rows, 0);
	return STATUS_OK;
}

static SUSPENDS enum status remove_member(struct call *call,
                                          const Prism__V1__RemoveMemberRequest *request,
                                          Prism__V1__RemoveMemberResponse *response)
{
	struct access access;
	struct keyed keyed;
	struct uuid user_id, heir;
	value_uuid_read(request->user_id, &user_id);
	value_uuid_read(request->reassign_to, &heir);
	TRY(access_begin(call, request->organization_id, &access));
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	return remove_user(call, &access, &keyed, user_id, *request->reassign_to ? &heir : NULL,
	                   &response->reassigned_stories);
}

static SUSPENDS enum status leave_organization(struct call *call,
                                               const Prism__V1__LeaveOrganizationRequest *request,
                                               Prism__V1__LeaveOrganizationResponse *response)
{
	struct access access;
	struct keyed keyed;
	TRY(access_begin(call, request->organization_id, &access));
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	if (!call->actor)
		return call_fail_for(call, REASON_ACTOR_MISSING,
		                     "no actor: name the user who leaves in x-prism-actor (UUID)");
	return remove_user(call, &access, &keyed, *call->actor, NULL,
	                   &response->reassigned_stories);
}

static const struct prism_v1_membership_service_handlers handlers = {
	.add_member = add_member,
	.get_member = get_member,
	.list_members = list_members,
	.update_member_role = update_member_role,
	.remove_member = remove_member,
	.leave_organization = leave_organization,
	.batch_upsert_members = batch_upsert_members,
};

struct service membership_service(void)
{
	return prism_v1_membership_service(&handlers);
}
