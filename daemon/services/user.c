/* UserService: people, outside of any organization. */
#include "daemon/services/user.h"

#include "daemon/auth/access.h"
#include "daemon/rpc/detail.h"
#include "daemon/services/keyed.h"
#include "daemon/services/mask.h"
#include "daemon/services/page.h"
#include "daemon/services/upsert.h"
#include "daemon/services/values.h"
#include "db/queries.h"
#include "prism/v1/user.prism-server.h"

#include <stdio.h>
#include <time.h>

typedef Prism__V1__User user_t;

_Static_assert((int)USER_GET_UPDATED_AT == (int)USER_CREATE_UPDATED_AT &&
                       (int)USER_GET_UPDATED_AT == (int)USER_LOOKUP_UPDATED_AT &&
                       (int)USER_GET_UPDATED_AT == (int)USER_LIST_UPDATED_AT &&
                       (int)USER_GET_UPDATED_AT == (int)USER_UPDATE_UPDATED_AT,
               "one function reads the users of every statement");

static const char *const statuses[] = {NULL, "pending", "active", "inactive"};

static struct uuid user_id_new(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return uuid_ordered((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

static enum status from_row(struct call *call, const struct rows *rows, size_t row, user_t *user)
{
	TRY(value_uuid(call, rows, row, USER_GET_ID, &user->id));
	user->email = (char *)user_get_email(rows, row);
	user->username = (char *)user_get_username(rows, row);
	user->full_name = (char *)user_get_full_name(rows, row);
	user->status = (Prism__V1__UserStatus)VALUE_ENUM(user_get_status(rows, row), statuses);
	user->email_verified = user_get_email_verified(rows, row);
	user->version = user_get_version(rows, row);
	TRY(value_timestamp(call, rows, row, USER_GET_CREATED_AT, &user->created_at));
	return value_timestamp(call, rows, row, USER_GET_UPDATED_AT, &user->updated_at);
}

static enum status of_row(struct call *call, const struct rows *rows, size_t row, user_t **out)
{
	user_t *user = arena_alloc(&call->arena, sizeof(*user));
	if (!user)
		return call_no_memory(call);
	prism__v1__user__init(user);
	*out = user;
	return from_row(call, rows, row, user);
}

static enum status not_found(struct call *call)
{
	return call_fail_for(call, REASON_USER_NOT_FOUND, "no such user");
}

static SUSPENDS enum status find(struct call *call, const struct uuid *ids, size_t count,
                                 struct rows *rows)
{
	return query(call, &USER_GET, USER_GET_PARAMS(ACTING(call), .ids = {ids, count}), rows);
}

static SUSPENDS enum status recall(struct call *call, const struct keyed_effect *effect,
                                   user_t *response)
{
	struct rows rows;
	TRY(find(call, effect->uuids, effect->count, &rows));
	return rows.count ? from_row(call, &rows, 0, response) : not_found(call);
}

/* --- reading --------------------------------------------------------------------------- */

static SUSPENDS enum status get_user(struct call *call, const Prism__V1__GetUserRequest *request,
                                     user_t *response)
{
	struct uuid id;
	value_uuid_read(request->id, &id);
	struct rows rows;
	TRY(find(call, &id, 1, &rows));
	return rows.count ? from_row(call, &rows, 0, response) : not_found(call);
}

static SUSPENDS enum status batch_get_users(struct call *call,
                                            const Prism__V1__BatchGetUsersRequest *request,
                                            Prism__V1__BatchGetUsersResponse *response)
{
	const struct uuid *ids;
	TRY(value_uuids_read(call, request->ids, request->n_ids, &ids));
	struct rows rows;
	TRY(find(call, ids, request->n_ids, &rows));
	response->users = arena_alloc(&call->arena, request->n_ids * sizeof(*response->users));
	response->missing_ids = arena_alloc(&call->arena, request->n_ids * sizeof(char *));
	if (!response->users || !response->missing_ids)
		return call_no_memory(call);
	for (size_t i = 0, row = 0; i < request->n_ids; i++) {
		struct uuid found = {{0}};
		if (row < rows.count)
			found = user_get_id(&rows, row);
		if (row < rows.count && memcmp(&found, &ids[i], sizeof(found)) == 0)
			TRY(of_row(call, &rows, row++, &response->users[response->n_users++]));
		else
			response->missing_ids[response->n_missing_ids++] = request->ids[i];
	}
	return STATUS_OK;
}

static SUSPENDS enum status lookup_user(struct call *call,
                                        const Prism__V1__LookupUserRequest *request,
                                        user_t *response)
{
	bool by_email = request->by_case == PRISM__V1__LOOKUP_USER_REQUEST__BY_EMAIL;
	struct rows rows;
	TRY(query(call, &USER_LOOKUP,
	          USER_LOOKUP_PARAMS(.email = by_email ? request->email : NULL,
	                             .username = by_email ? NULL : request->username),
	          &rows));
	return rows.count ? from_row(call, &rows, 0, response) : not_found(call);
}

static SUSPENDS enum status list_users(struct call *call,
                                       const Prism__V1__ListUsersRequest *request,
                                       Prism__V1__ListUsersResponse *response)
{
	struct page page;
	const char *const *texts;
	TRY(page_begin(call, &request->base, request->page_size, request->page_token, &page));
	TRY(value_enums_read(call, "statuses", (const int *)request->statuses, request->n_statuses,
	                     statuses, &texts));
	struct rows rows;
	TRY(query(call, &USER_LIST,
	          USER_LIST_PARAMS(.max_rows = page.max_rows,
	                           .statuses = {texts, request->n_statuses},
	                           .contains = value_text(request->contains),
	                           .after = page.after ? &page.key.uuid : NULL),
	          &rows));
	size_t count = page_fit(&page, &rows);
	response->users = arena_alloc(&call->arena, (count + 1) * sizeof(*response->users));
	if (!response->users)
		return call_no_memory(call);
	for (; response->n_users < count; response->n_users++)
		TRY(of_row(call, &rows, response->n_users, &response->users[response->n_users]));
	if (count == rows.count)
		return STATUS_OK;
	struct page_key last = {.uuid = user_list_id(&rows, count - 1)};
	return page_token(call, &page, &last, &response->next_page_token);
}

/* --- writing ---------------------------------------------------------------------------- */

static SUSPENDS enum status create_user(struct call *call,
                                        const Prism__V1__CreateUserRequest *request,
                                        user_t *response)
{
	const user_t *user = request->user;
	const char *status = statuses[user->status];
	struct keyed keyed;
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	TRY(value_required(call, "user.email", user->email));
	TRY(value_required(call, "user.username", user->username));
	const struct write write = {
		.statement = &USER_CREATE,
		.params = USER_CREATE_PARAMS(ACTING(call), KEYED(keyed), .id = user_id_new(),
	                                     .email = user->email, .username = user->username,
	                                     .full_name = value_text(user->full_name),
	                                     .status = status ? status : "pending",
	                                     .email_verified = user->email_verified),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write(call, &keyed, &write, &rows, &effect));
	if (effect.repeated)
		return recall(call, &effect, response);
	return from_row(call, &rows, 0, response);
}

/* Bits of USER_UPDATE's mask: by the order of update_mask's paths in the .proto file. */
enum {
	MASK_USERNAME = 2,
	MASK_EMAIL = 4,
	MASK_VERIFIED = 8,
	MASK_STATUS = 16,
	MASK_SYSTEM = MASK_EMAIL | MASK_VERIFIED | MASK_STATUS,
};

static enum status check_mask(struct call *call, const user_t *user, int32_t mask)
{
	if ((mask & MASK_SYSTEM) && !access_is_system(call))
		return value_refused(
			call, REASON_SYSTEM_FIELD, "update_mask",
			"email, email_verified and status need a key with the scope system");
	if (mask & MASK_USERNAME)
		TRY(value_required(call, "user.username", user->username));
	if (mask & MASK_EMAIL)
		TRY(value_required(call, "user.email", user->email));
	if (mask & MASK_STATUS)
		TRY(value_enum_required(call, "user.status", &prism__v1__user_status__descriptor,
		                        (int)user->status));
	return STATUS_OK;
}

static enum status judge(struct call *call, const struct rows *rows, int32_t expected)
{
	if (!user_update_version_ok(rows, 0))
		return value_stale(call, "user", expected, user_update_version(rows, 0));
	if (!user_update_transition_ok(rows, 0))
		return value_refused(call, REASON_STATUS_TRANSITION, "user.status",
		                     "nobody becomes pending again");
	if (user_update_owns(rows, 0))
		return value_refused(call, REASON_OWNS_ORGANIZATION, "user.status",
		                     "the user owns an organization; transfer ownership first");
	if (user_update_last_admin(rows, 0))
		return value_refused(call, REASON_LAST_ADMIN, "user.status",
		                     "an organization would be left without an active admin");
	return STATUS_OK;
}

static SUSPENDS enum status update_user(struct call *call,
                                        const Prism__V1__UpdateUserRequest *request,
                                        user_t *response)
{
	const user_t *user = request->user;
	struct keyed keyed;
	int32_t mask;
	struct uuid id;
	value_uuid_read(request->id, &id);
	TRY(keyed_begin(call, &request->base, request->request_id, &keyed));
	TRY(mask_read(call, request->update_mask, mask_paths(call), &mask));
	TRY(check_mask(call, user, mask));
	const struct write write = {
		.lock = keyed.request_id || (mask & MASK_STATUS) ? &USER_LOCK : NULL,
		.lock_params = USER_LOCK_PARAMS(.id = id),
		.statement = &USER_UPDATE,
		.params = USER_UPDATE_PARAMS(
			ACTING(call), KEYED(keyed), .id = id,
			.expected_version = request->expected_version, .mask = mask,
			.full_name = value_text(user->full_name),
			.username = value_text(user->username), .email = value_text(user->email),
			.email_verified = user->email_verified, .status = statuses[user->status]),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write(call, &keyed, &write, &rows, &effect));
	if (effect.repeated)
		return recall(call, &effect, response);
	if (!user_update_found(&rows, 0))
		return not_found(call);
	TRY(judge(call, &rows, request->expected_version));
	return from_row(call, &rows, 0, response);
}

/* --- many ------------------------------------------------------------------------------- */

struct people {
	struct uuid *ids;
	const char **emails, **usernames, **full_names;
	bool *verified;
};

static enum status people_make(struct call *call, const Prism__V1__BatchUpsertUsersRequest *request,
                               struct people *people)
{
	size_t n = request->n_users;
	people->ids = arena_alloc(&call->arena, n * sizeof(struct uuid));
	people->emails = arena_alloc(&call->arena, n * sizeof(char *));
	people->usernames = arena_alloc(&call->arena, n * sizeof(char *));
	people->full_names = arena_alloc(&call->arena, n * sizeof(char *));
	people->verified = arena_alloc(&call->arena, n * sizeof(bool));
	if (!people->ids || !people->emails || !people->usernames || !people->full_names ||
	    !people->verified)
		return call_no_memory(call);
	for (size_t i = 0; i < n; i++) {
		const user_t *user = request->users[i];
		char path[48];
		snprintf(path, sizeof(path), "users[%zu].email", i);
		TRY(value_required(call, path, user->email));
		snprintf(path, sizeof(path), "users[%zu].username", i);
		TRY(value_required(call, path, user->username));
		people->ids[i] = user_id_new();
		people->emails[i] = user->email;
		people->usernames[i] = user->username;
		people->full_names[i] = value_text(user->full_name);
		people->verified[i] = user->email_verified;
	}
	return STATUS_OK;
}

/* What is equal without regard to case, the database knows. */
static enum status judge_people(struct call *call, const struct rows *rows)
{
	char path[48];
	if (!user_upsert_fault_email_is_null(rows, 0)) {
		snprintf(path, sizeof(path), "users[%lld].email",
		         (long long)user_upsert_fault_email(rows, 0) - 1);
		return call_fail_field(call, path, "one before it has the same");
	}
	return upsert_fault(call, rows, USER_UPSERT_FAULT_USERNAME, REASON_USERNAME_TAKEN, "users",
	                    "username", "a user, or one before it, has this username already");
}

static SUSPENDS enum status batch_upsert_users(struct call *call,
                                               const Prism__V1__BatchUpsertUsersRequest *request,
                                               Prism__V1__BatchUpsertUsersResponse *response)
{
	struct people people;
	struct keyed keyed;
	size_t n = request->n_users;
	keyed_without(call, &keyed);
	TRY(people_make(call, request, &people));
	const struct write write = {
		.statement = &USER_UPSERT,
		.params = USER_UPSERT_PARAMS(
			ACTING(call), KEYED(keyed), .ids = {people.ids, n},
			.emails = {people.emails, n}, .usernames = {people.usernames, n},
			.full_names = {people.full_names, n}, .verified = {people.verified, n}),
	};
	struct rows rows;
	struct keyed_effect effect;
	TRY(keyed_write_anew(call, &keyed, &write, REASON_EMAIL_TAKEN, &rows, &effect));
	TRY(judge_people(call, &rows));
	Prism__V1__UpsertedUser *users = arena_alloc(&call->arena, n * sizeof(*users));
	response->users = arena_alloc(&call->arena, n * sizeof(*response->users));
	if (!users || !response->users)
		return call_no_memory(call);
	for (; response->n_users < rows.count; response->n_users++) {
		Prism__V1__UpsertedUser *user = &users[response->n_users];
		prism__v1__upserted_user__init(user);
		TRY(value_uuid(call, &rows, response->n_users, USER_UPSERT_ID, &user->id));
		user->created = user_upsert_created(&rows, response->n_users);
		response->users[response->n_users] = user;
	}
	return STATUS_OK;
}

static const struct prism_v1_user_service_handlers handlers = {
	.create_user = create_user,
	.get_user = get_user,
	.batch_get_users = batch_get_users,
	.lookup_user = lookup_user,
	.list_users = list_users,
	.update_user = update_user,
	.batch_upsert_users = batch_upsert_users,
};

struct service user_service(void)
{
	return prism_v1_user_service(&handlers);
}
