/* MembershipService: who is added by whom, who sees whom, and in which role. */
#include "tests/services/people_fixture.h"
#include "tests/services/race.h"

#include <ctype.h>

#define NO_ROLE     PRISM__V1__MEMBER_ROLE__MEMBER_ROLE_UNSPECIFIED
#define ROLE_VIEWER PRISM__V1__MEMBER_ROLE__MEMBER_ROLE_VIEWER
#define ROLE_MEMBER PRISM__V1__MEMBER_ROLE__MEMBER_ROLE_MEMBER
#define ROLE_ADMIN  PRISM__V1__MEMBER_ROLE__MEMBER_ROLE_ADMIN

typedef Prism__V1__Member member_t;

static void free_member(member_t *member)
{
	prism__v1__member__free_unpacked(member, NULL);
}

static member_t *add(const char *actor, int64_t organization, const char *user,
                     Prism__V1__MemberRole role, const char *request_id)
{
	Prism__V1__AddMemberRequest request = PRISM__V1__ADD_MEMBER_REQUEST__INIT;
	request.organization_id = organization;
	request.user_id = (char *)user;
	request.role = role;
	request.request_id = (char *)request_id;
	member_t *member = NULL;
	(void)prism_v1_membership_service_add_member_wait(BY(actor), &request, &member,
	                                                  &tenant.result);
	return member;
}

static member_t *get(const char *actor, int64_t organization, const char *user)
{
	Prism__V1__GetMemberRequest request = PRISM__V1__GET_MEMBER_REQUEST__INIT;
	request.organization_id = organization;
	request.user_id = (char *)user;
	member_t *member = NULL;
	(void)prism_v1_membership_service_get_member_wait(BY(actor), &request, &member,
	                                                  &tenant.result);
	return member;
}

struct role_change {
	Prism__V1__MemberRole role;
	int32_t expected_version;
	const char *request_id;
};

static Prism__V1__UpdateMemberRoleRequest role_request(int64_t organization, const char *user,
                                                       struct role_change change)
{
	Prism__V1__UpdateMemberRoleRequest request = PRISM__V1__UPDATE_MEMBER_ROLE_REQUEST__INIT;
	request.organization_id = organization;
	request.user_id = (char *)user;
	request.role = change.role;
	request.expected_version = change.expected_version;
	request.request_id = (char *)(change.request_id ? change.request_id : "");
	return request;
}

static member_t *change_role(const char *actor, int64_t organization, const char *user,
                             struct role_change change)
{
	Prism__V1__UpdateMemberRoleRequest request = role_request(organization, user, change);
	member_t *member = NULL;
	(void)prism_v1_membership_service_update_member_role_wait(BY(actor), &request, &member,
	                                                          &tenant.result);
	return member;
}

static member_t *make(const char *actor, int64_t organization, const char *user,
                      Prism__V1__MemberRole role)
{
	return change_role(actor, organization, user, (struct role_change){.role = role});
}

/* --- adding --------------------------------------------------------------------------------- */

static void whoever_is_added_is_a_member(void **state)
{
	(void)state;
	struct own own = own_new();
	const Prism__V1__MemberRole roles[] = {NO_ROLE, ROLE_VIEWER, ROLE_MEMBER, ROLE_ADMIN};
	const char *const actors[] = {own.owner.id, own.admin.id, own.admin.id, NULL};
	for (size_t i = 0; i < 4; i++) {
		struct person person = person_new("active");
		member_t *added = add(actors[i], own.id, person.id, roles[i], "");
		assert_done();
		member_t *read = get(own.viewer.id, own.id, person.id);
		assert_done();
		const member_t *const both[] = {added, read};
		for (size_t n = 0; n < 2; n++) {
			assert_int_equal(both[n]->organization_id, own.id);
			assert_string_equal(both[n]->user_id, person.id);
			assert_int_equal(both[n]->role, i == 0 ? ROLE_MEMBER : roles[i]);
			assert_false(both[n]->is_owner);
			assert_string_equal(both[n]->email, person.email);
			assert_string_equal(both[n]->username, person.username);
			assert_string_equal(both[n]->full_name, "A Person");
			assert_true(both[n]->active);
			assert_int_equal(both[n]->version, 1);
			assert_non_null(both[n]->joined_at);
		}
		free_member(added);
		free_member(read);
		free_organization(get_organization(person.id, own.id));
		assert_done();
	}
	assert_int_equal(count("SELECT count(*) FROM activity_log WHERE organization_id = %ld"
	                       " AND entity_type = 'member' AND verb = 'add'",
	                       (long)own.id),
	                 4);
}

static void admins_add(void **state)
{
	(void)state;
	struct own own = own_new();
	struct person person = person_new("active");
	const char *const low[] = {own.member.id, own.viewer.id};
	const char *const no_part[] = {own.outsider.id, own.inactive.id};
	for (size_t i = 0; i < 2; i++) {
		assert_null(add(low[i], own.id, person.id, ROLE_VIEWER, ""));
		assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
		assert_null(add(no_part[i], own.id, no_part[i], ROLE_ADMIN, ""));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
	assert_null(add(own.owner.id, 999999, person.id, ROLE_VIEWER, ""));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	/* Who may not add learns nothing about users either. */
	assert_null(add(own.member.id, own.id, id_new().text, ROLE_VIEWER, ""));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
}

static void only_active_users_are_added_and_once(void **state)
{
	(void)state;
	struct own own = own_new();
	struct person pending = person_new("pending"), inactive = person_new("inactive");
	struct person gone = person_new("active");
	count("UPDATE users SET deleted_at = now() WHERE id = '%s' RETURNING 1", gone.id);
	struct id nobody = id_new();
	const struct {
		const char *user, *reason, *field;
		enum prism_status status;
	} cases[] = {
		{pending.id, "USER_NOT_ACTIVE", "user_id", PRISM_FAILED_PRECONDITION},
		{inactive.id, "USER_NOT_ACTIVE", "user_id", PRISM_FAILED_PRECONDITION},
		{gone.id, "USER_NOT_FOUND", "user_id", PRISM_NOT_FOUND},
		{nobody.text, "USER_NOT_FOUND", "user_id", PRISM_NOT_FOUND},
		{own.viewer.id, "ALREADY_MEMBER", NULL, PRISM_ALREADY_EXISTS},
		{own.owner.id, "ALREADY_MEMBER", NULL, PRISM_ALREADY_EXISTS},
		{"", "FIELD_INVALID", "user_id", PRISM_INVALID_ARGUMENT},
		{"me", "FIELD_INVALID", "user_id", PRISM_INVALID_ARGUMENT},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_null(add(own.admin.id, own.id, cases[i].user, ROLE_ADMIN, ""));
		assert_refused(cases[i].status, cases[i].reason);
		if (strcmp(cases[i].reason, "USER_NOT_ACTIVE") == 0)
			assert_non_null(strstr(tenant.result.message, "whose status is ACTIVE"));
		if (cases[i].field)
			assert_field(cases[i].field);
	}
	assert_null(add(own.admin.id, own.id, own.outsider.id, (Prism__V1__MemberRole)4, ""));
	assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	assert_field("role");
	assert_int_equal(count("SELECT count(*) FROM organization_members WHERE organization_id"
	                       " = %ld",
	                       (long)own.id),
	                 5);
}

static void a_repeated_addition_has_one_effect(void **state)
{
	(void)state;
	struct own own = own_new();
	struct person person = person_new("active");
	struct id key = id_new();
	free_member(add(own.admin.id, own.id, person.id, ROLE_VIEWER, key.text));
	assert_done();
	free_member(make(own.owner.id, own.id, person.id, ROLE_MEMBER));
	member_t *again = add(own.admin.id, own.id, person.id, ROLE_VIEWER, key.text);
	assert_done();
	assert_int_equal(again->role, ROLE_MEMBER);
	free_member(again);
	assert_null(add(own.admin.id, own.id, person.id, ROLE_ADMIN, key.text));
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
	assert_field("request_id");
	count("UPDATE organization_members SET role = 'viewer' WHERE user_id = '%s' RETURNING 1",
	      own.admin.id);
	assert_null(add(own.admin.id, own.id, person.id, ROLE_VIEWER, key.text));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
}

/* --- many ----------------------------------------------------------------------------------- */

static Prism__V1__BatchUpsertMembersRequest upsert_request(int64_t organization, char **users,
                                                           size_t n)
{
	Prism__V1__BatchUpsertMembersRequest request =
		PRISM__V1__BATCH_UPSERT_MEMBERS_REQUEST__INIT;
	request.organization_id = organization;
	request.user_ids = users;
	request.n_user_ids = n;
	return request;
}

/* How many were added; -1: refused. */
static int upsert(const char *actor, int64_t organization, char **users, size_t n)
{
	Prism__V1__BatchUpsertMembersRequest request = upsert_request(organization, users, n);
	Prism__V1__BatchUpsertMembersResponse *response = NULL;
	(void)prism_v1_membership_service_batch_upsert_members_wait(BY(actor), &request, &response,
	                                                            &tenant.result);
	int added = response ? response->added : -1;
	prism__v1__batch_upsert_members_response__free_unpacked(response, NULL);
	return added;
}

static void many_are_added_and_members_left_alone(void **state)
{
	(void)state;
	struct own own = own_new();
	struct person one = person_new("active"), two = person_new("active");
	char *users[] = {one.id, own.viewer.id, two.id, own.inactive.id};
	assert_int_equal(upsert(own.admin.id, own.id, users, 4), 2);
	member_t *viewer = get(own.owner.id, own.id, own.viewer.id);
	assert_int_equal(viewer->role, ROLE_VIEWER);
	assert_int_equal(viewer->version, 1);
	free_member(viewer);
	member_t *added = get(own.owner.id, own.id, two.id);
	assert_int_equal(added->role, ROLE_MEMBER);
	free_member(added);
	assert_int_equal(upsert(own.admin.id, own.id, users, 4), 0);
	assert_int_equal(count("SELECT count(*) FROM activity_log WHERE organization_id = %ld"
	                       " AND verb = 'add'",
	                       (long)own.id),
	                 2);
}

static void one_fault_refuses_all(void **state)
{
	(void)state;
	struct own own = own_new();
	struct person good = person_new("active"), pending = person_new("pending");
	char *users[] = {good.id, own.viewer.id, pending.id};
	assert_int_equal(upsert(own.admin.id, own.id, users, 3), -1);
	assert_refused(PRISM_FAILED_PRECONDITION, "USER_NOT_ACTIVE");
	assert_field("user_ids[2]");
	assert_null(get(own.owner.id, own.id, good.id));
	char upper[37];
	for (size_t i = 0; i < sizeof(upper); i++)
		upper[i] = (char)(i % 2 ? good.id[i] : toupper((unsigned char)good.id[i]));
	char *twice[] = {good.id, own.outsider.id, upper};
	assert_int_equal(upsert(own.admin.id, own.id, twice, 3), -1);
	assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	assert_field("user_ids");
	assert_int_equal(upsert(own.admin.id, own.id, users, 0), -1);
	assert_field("user_ids");
	assert_int_equal(upsert(own.member.id, own.id, users, 1), -1);
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	assert_int_equal(upsert(own.outsider.id, own.id, users, 1), -1);
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
}

static void many_add_the_same_users_at_once(void **state)
{
	(void)state;
	enum { TOGETHER = 8, ROUNDS = 5, USERS = 20 };
	struct own own = own_new();
	race_open();
	for (int round = 0; round < ROUNDS; round++) {
		struct person people[USERS];
		char *users[USERS];
		for (size_t i = 0; i < USERS; i++) {
			people[i] = person_new("active");
			users[i] = people[i].id;
		}
		Prism__V1__BatchUpsertMembersRequest request = upsert_request(own.id, users, USERS);
		for (size_t i = 0; i < TOGETHER; i++)
			(void)race_add(own.admin.id,
			               &prism_v1_membership_service_batch_upsert_members_method,
			               &request.base);
		assert_int_equal(race_run(), TOGETHER);
	}
	assert_int_equal(count("SELECT count(*) FROM organization_members WHERE organization_id"
	                       " = %ld",
	                       (long)own.id),
	                 5 + ROUNDS * USERS);
	race_close();
}

/* --- seeing --------------------------------------------------------------------------------- */

static void members_see_each_other(void **state)
{
	(void)state;
	struct own own = own_new();
	const char *const actors[] = {own.owner.id, own.admin.id, own.member.id, own.viewer.id,
	                              NULL};
	for (size_t i = 0; i < 5; i++) {
		member_t *owner = get(actors[i], own.id, own.owner.id);
		assert_done();
		assert_true(owner->is_owner);
		assert_int_equal(owner->role, ROLE_ADMIN);
		free_member(owner);
		member_t *inactive = get(actors[i], own.id, own.inactive.id);
		assert_done();
		assert_false(inactive->active);
		free_member(inactive);
		assert_null(get(actors[i], own.id, own.outsider.id));
		assert_refused(PRISM_NOT_FOUND, "MEMBER_NOT_FOUND");
	}
	const char *const no_part[] = {own.outsider.id, own.inactive.id};
	for (size_t i = 0; i < 2; i++) {
		assert_null(get(no_part[i], own.id, own.owner.id));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
		assert_null(get(no_part[i], own.id, no_part[i]));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
	assert_null(get(own.owner.id, own.id, ""));
	assert_field("user_id");
	assert_null(get(own.owner.id, -1, own.owner.id));
	assert_field("organization_id");
}

static Prism__V1__ListMembersResponse *list(const char *actor,
                                            const Prism__V1__ListMembersRequest *request)
{
	Prism__V1__ListMembersResponse *response = NULL;
	(void)prism_v1_membership_service_list_members_wait(BY(actor), request, &response,
	                                                    &tenant.result);
	return response;
}

static void free_list(Prism__V1__ListMembersResponse *response)
{
	prism__v1__list_members_response__free_unpacked(response, NULL);
}

static void members_are_listed_in_pages(void **state)
{
	(void)state;
	struct own own = own_new();
	Prism__V1__ListMembersRequest request = PRISM__V1__LIST_MEMBERS_REQUEST__INIT;
	request.organization_id = own.id;
	request.page_size = 2;
	char token[1025] = "", last[37] = "";
	size_t seen = 0, pages = 0;
	do {
		request.page_token = token;
		Prism__V1__ListMembersResponse *page = list(own.viewer.id, &request);
		assert_done();
		pages++;
		for (size_t i = 0; i < page->n_members; i++, seen++) {
			assert_int_equal(page->members[i]->organization_id, own.id);
			assert_true(strcmp(page->members[i]->user_id, last) > 0);
			snprintf(last, sizeof(last), "%s", page->members[i]->user_id);
		}
		snprintf(token, sizeof(token), "%s", page->next_page_token);
		free_list(page);
	} while (*token);
	assert_int_equal(seen, 5);
	assert_int_equal(pages, 3);
}

static void lists_are_filtered_by_role(void **state)
{
	(void)state;
	struct own own = own_new();
	Prism__V1__MemberRole roles[] = {ROLE_VIEWER, ROLE_ADMIN};
	Prism__V1__ListMembersRequest request = PRISM__V1__LIST_MEMBERS_REQUEST__INIT;
	request.organization_id = own.id;
	request.roles = roles;
	static const size_t found[] = {5, 1, 4};
	for (request.n_roles = 0; request.n_roles < 3; request.n_roles++) {
		Prism__V1__ListMembersResponse *page = list(own.member.id, &request);
		assert_done();
		assert_int_equal(page->n_members, found[request.n_roles]);
		assert_string_equal(page->next_page_token, "");
		free_list(page);
	}
	roles[0] = NO_ROLE;
	request.n_roles = 1;
	assert_null(list(own.member.id, &request));
	assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	assert_field("roles");
	roles[0] = ROLE_VIEWER;
	count("UPDATE organization_members SET role = 'member' WHERE organization_id = %ld AND"
	      " role = 'viewer' RETURNING 1",
	      (long)own.id);
	Prism__V1__ListMembersResponse *none = list(own.member.id, &request);
	assert_int_equal(none->n_members, 0);
	free_list(none);
}

static void a_list_is_for_its_members(void **state)
{
	(void)state;
	struct own own = own_new(), other = own_new();
	Prism__V1__ListMembersRequest request = PRISM__V1__LIST_MEMBERS_REQUEST__INIT;
	request.organization_id = own.id;
	request.page_size = 2;
	const char *const no_part[] = {own.outsider.id, own.inactive.id, other.owner.id};
	for (size_t i = 0; i < 3; i++) {
		assert_null(list(no_part[i], &request));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
	Prism__V1__ListMembersResponse *page = list(own.owner.id, &request);
	request.page_token = page->next_page_token;
	assert_null(list(own.admin.id, &request));
	assert_refused(PRISM_INVALID_ARGUMENT, "PAGE_TOKEN_INVALID");
	request.organization_id = other.id;
	assert_null(list(other.owner.id, &request));
	assert_refused(PRISM_INVALID_ARGUMENT, "PAGE_TOKEN_INVALID");
	assert_field("page_token");
	free_list(page);
}

/* --- roles ---------------------------------------------------------------------------------- */

static void admins_change_roles(void **state)
{
	(void)state;
	struct own own = own_new();
	const Prism__V1__MemberRole roles[] = {ROLE_VIEWER, ROLE_ADMIN, ROLE_MEMBER, ROLE_MEMBER};
	static const int32_t versions[] = {2, 3, 4, 4}; /* the last one changes nothing */
	const char *const actors[] = {own.owner.id, own.admin.id, NULL, own.owner.id};
	for (size_t i = 0; i < 4; i++) {
		member_t *changed = make(actors[i], own.id, own.member.id, roles[i]);
		assert_done();
		assert_int_equal(changed->role, roles[i]);
		assert_int_equal(changed->version, versions[i]);
		assert_string_equal(changed->user_id, own.member.id);
		assert_string_equal(changed->email, own.member.email);
		free_member(changed);
	}
	assert_int_equal(count("SELECT count(*) FROM activity_log WHERE organization_id = %ld"
	                       " AND entity_type = 'member' AND verb = 'update'",
	                       (long)own.id),
	                 3);
}

static void others_change_no_role(void **state)
{
	(void)state;
	struct own own = own_new();
	const char *const low[] = {own.member.id, own.viewer.id};
	const char *const no_part[] = {own.outsider.id, own.inactive.id};
	for (size_t i = 0; i < 2; i++) {
		assert_null(make(low[i], own.id, low[i], ROLE_ADMIN));
		assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
		assert_null(make(no_part[i], own.id, no_part[i], ROLE_ADMIN));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
	assert_null(make(own.admin.id, own.id, own.outsider.id, ROLE_ADMIN));
	assert_refused(PRISM_NOT_FOUND, "MEMBER_NOT_FOUND");
	assert_null(make(own.admin.id, own.id, own.member.id, NO_ROLE));
	assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	assert_field("role");
	assert_null(make(own.admin.id, own.id, own.member.id, (Prism__V1__MemberRole)-1));
	assert_field("role");
}

static void an_owner_stays_an_admin(void **state)
{
	(void)state;
	struct own own = own_new();
	const char *const actors[] = {own.owner.id, own.admin.id, NULL};
	for (size_t i = 0; i < 3; i++) {
		assert_null(make(actors[i], own.id, own.owner.id, ROLE_MEMBER));
		assert_refused(PRISM_FAILED_PRECONDITION, "OWNER_PROTECTED");
	}
	member_t *same = make(own.admin.id, own.id, own.owner.id, ROLE_ADMIN);
	assert_done();
	assert_int_equal(same->version, 1);
	free_member(same);
}

static void the_last_admin_stays_one(void **state)
{
	(void)state;
	struct own own = own_new();
	count("UPDATE users SET status = 'inactive' WHERE id = '%s' RETURNING 1", own.owner.id);
	assert_null(make(own.admin.id, own.id, own.admin.id, ROLE_MEMBER));
	assert_refused(PRISM_FAILED_PRECONDITION, "LAST_ADMIN");
	free_member(make(own.admin.id, own.id, own.member.id, ROLE_ADMIN));
	free_member(make(own.admin.id, own.id, own.admin.id, ROLE_VIEWER));
	assert_done();
}

/* Only a key of the system that names its actor gets as far as asking for it. */
static void nobody_raises_their_own_role(void **state)
{
	(void)state;
	struct own own = own_new();
	const struct {
		const char *user;
		Prism__V1__MemberRole role;
	} cases[] = {
		{own.member.id, ROLE_ADMIN},
		{own.viewer.id, ROLE_ADMIN},
		{own.viewer.id, ROLE_MEMBER},
	};
	for (size_t i = 0; i < 3; i++) {
		Prism__V1__UpdateMemberRoleRequest request = role_request(
			own.id, cases[i].user, (struct role_change){.role = cases[i].role});
		(void)prism_v1_membership_service_update_member_role_wait(
			SYSTEM_FOR(cases[i].user), &request, NULL, &tenant.result);
		assert_refused(PRISM_FAILED_PRECONDITION, "OWN_ROLE");
	}
	Prism__V1__UpdateMemberRoleRequest request =
		role_request(own.id, own.member.id, (struct role_change){.role = ROLE_VIEWER});
	(void)prism_v1_membership_service_update_member_role_wait(SYSTEM_FOR(own.member.id),
	                                                          &request, NULL, &tenant.result);
	assert_done();
}

static void a_stale_version_is_refused(void **state)
{
	(void)state;
	struct own own = own_new();
	struct role_change change = {.role = ROLE_VIEWER, .expected_version = 1};
	free_member(change_role(own.admin.id, own.id, own.member.id, change));
	assert_done();
	assert_null(change_role(own.admin.id, own.id, own.member.id, change));
	assert_refused(PRISM_ABORTED, "VERSION_STALE");
	assert_field("expected_version");
}

/* Also for an admin who is none any more by it. */
static void a_repeated_change_has_one_effect(void **state)
{
	(void)state;
	struct own own = own_new();
	struct id key = id_new();
	struct role_change change = {.role = ROLE_VIEWER, .request_id = key.text};
	free_member(change_role(own.admin.id, own.id, own.admin.id, change));
	assert_done();
	member_t *again = change_role(own.admin.id, own.id, own.admin.id, change);
	assert_done();
	assert_int_equal(again->role, ROLE_VIEWER);
	assert_int_equal(again->version, 2);
	free_member(again);
	change.role = ROLE_MEMBER;
	assert_null(change_role(own.admin.id, own.id, own.admin.id, change));
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
	count("DELETE FROM organization_members WHERE user_id = '%s' RETURNING 1", own.admin.id);
	change.role = ROLE_VIEWER;
	assert_null(change_role(own.admin.id, own.id, own.admin.id, change));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_is_added_is_a_member),
		cmocka_unit_test(admins_add),
		cmocka_unit_test(only_active_users_are_added_and_once),
		cmocka_unit_test(a_repeated_addition_has_one_effect),
		cmocka_unit_test(many_are_added_and_members_left_alone),
		cmocka_unit_test(one_fault_refuses_all),
		cmocka_unit_test(many_add_the_same_users_at_once),
		cmocka_unit_test(members_see_each_other),
		cmocka_unit_test(members_are_listed_in_pages),
		cmocka_unit_test(lists_are_filtered_by_role),
		cmocka_unit_test(a_list_is_for_its_members),
		cmocka_unit_test(admins_change_roles),
		cmocka_unit_test(others_change_no_role),
		cmocka_unit_test(an_owner_stays_an_admin),
		cmocka_unit_test(the_last_admin_stays_one),
		cmocka_unit_test(nobody_raises_their_own_role),
		cmocka_unit_test(a_stale_version_is_refused),
		cmocka_unit_test(a_repeated_change_has_one_effect),
	};
	return cmocka_run_group_tests(tests, people_set_up, tenant_tear_down);
}
