/* UpdateUser: what users change of themselves, what the system changes of them. */
#include "tests/services/people_fixture.h"

static void users_change_their_own_names(void **state)
{
	(void)state;
	struct person person = person_new("active");
	user_t user = PRISM__V1__USER__INIT;
	user.full_name = "Another Name";
	user.username = "another-name";
	user_t *updated = update_user(person.id, person.id,
	                              (struct change){.mask = "username,full_name", .user = &user});
	assert_done();
	assert_string_equal(updated->full_name, "Another Name");
	assert_string_equal(updated->username, "another-name");
	assert_string_equal(updated->email, person.email);
	assert_int_equal(updated->version, 2);
	free_user(updated);
	updated = rename_user(person.id, person.id, "");
	assert_done();
	assert_string_equal(updated->full_name, "");
	assert_int_equal(updated->version, 3);
	free_user(updated);
	assert_int_equal(count("SELECT count(*) FROM users WHERE id = '%s' AND full_name IS NULL",
	                       person.id),
	                 1);
	user.username = "";
	assert_null(update_user(person.id, person.id,
	                        (struct change){.mask = "username", .user = &user}));
	assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	assert_field("user.username");
	user.username = "user-1";
	assert_null(update_user(person.id, person.id,
	                        (struct change){.mask = "username", .user = &user}));
	assert_refused(PRISM_ALREADY_EXISTS, "USERNAME_TAKEN");
}

static void nobody_changes_somebody_else(void **state)
{
	(void)state;
	static const char *const actors[] = {OWNER, ADMIN, MEMBER_2, VIEWER, OUTSIDER, INACTIVE};
	for (size_t i = 0; i < sizeof(actors) / sizeof(*actors); i++) {
		assert_null(rename_user(actors[i], MEMBER, "Mallory"));
		assert_refused(PRISM_NOT_FOUND, "USER_NOT_FOUND");
	}
	assert_null(rename_user(INACTIVE, INACTIVE, "Mallory"));
	assert_refused(PRISM_NOT_FOUND, "USER_NOT_FOUND");
	assert_null(rename_user(NULL, id_new().text, "Nobody"));
	assert_refused(PRISM_NOT_FOUND, "USER_NOT_FOUND");
	assert_int_equal(count("SELECT count(*) FROM users WHERE full_name = 'Mallory'"), 0);
}

static void some_fields_are_the_systems(void **state)
{
	(void)state;
	static const char *const masks[] = {"email", "email_verified", "status",
	                                    "full_name,status"};
	struct person person = person_new("active");
	user_t user = PRISM__V1__USER__INIT;
	user.email = "mine@example.org";
	user.status = ACTIVE;
	for (size_t i = 0; i < 4; i++) {
		assert_null(update_user(person.id, person.id,
		                        (struct change){.mask = masks[i], .user = &user}));
		assert_refused(PRISM_PERMISSION_DENIED, "SYSTEM_FIELD");
		assert_field("update_mask");
	}
}

static void a_mask_names_what_can_be_changed(void **state)
{
	(void)state;
	static const char *const masks[] = {"", "id", "version", "created_at", "full_name,nothing"};
	user_t user = PRISM__V1__USER__INIT;
	for (size_t i = 0; i < 5; i++) {
		assert_null(update_user(MEMBER, MEMBER,
		                        (struct change){.mask = masks[i], .user = &user}));
		assert_refused(PRISM_INVALID_ARGUMENT, "MASK_INVALID");
		assert_field("update_mask");
	}
	Prism__V1__UpdateUserRequest request = PRISM__V1__UPDATE_USER_REQUEST__INIT;
	request.id = MEMBER;
	request.user = &user;
	user_t *updated = NULL;
	(void)prism_v1_user_service_update_user_wait(BY(MEMBER), &request, &updated,
	                                             &tenant.result);
	assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	assert_field("update_mask");
}

static void a_new_address_is_not_verified(void **state)
{
	(void)state;
	struct person person = person_new("active");
	user_t user = PRISM__V1__USER__INIT;
	user.email_verified = true;
	free_user(update_user(NULL, person.id,
	                      (struct change){.mask = "email_verified", .user = &user}));
	user.email = "verified-once@example.org";
	user_t *updated =
		update_user(NULL, person.id, (struct change){.mask = "email", .user = &user});
	assert_done();
	assert_string_equal(updated->email, user.email);
	assert_false(updated->email_verified);
	free_user(updated);
	user.email = "verified-twice@example.org";
	updated = update_user(NULL, person.id,
	                      (struct change){.mask = "email,email_verified", .user = &user});
	assert_true(updated->email_verified);
	free_user(updated);
	assert_int_equal(count("SELECT count(*) FROM activity_log WHERE entity_id = '%s'"
	                       " AND changes::text LIKE '%%verified-%%'",
	                       person.id),
	                 0);
	user.email = "";
	assert_null(update_user(NULL, person.id, (struct change){.mask = "email", .user = &user}));
	assert_field("user.email");
	user.email = "U1@example.org";
	assert_null(update_user(NULL, person.id, (struct change){.mask = "email", .user = &user}));
	assert_refused(PRISM_ALREADY_EXISTS, "EMAIL_TAKEN");
}

static void changing_nothing_writes_nothing(void **state)
{
	(void)state;
	struct person person = person_new("active");
	user_t *before = rename_user(person.id, person.id, "Same");
	user_t *after = rename_user(person.id, person.id, "Same");
	assert_done();
	assert_int_equal(after->version, before->version);
	assert_int_equal(after->updated_at->nanos, before->updated_at->nanos);
	assert_int_equal(
		count("SELECT count(*) FROM activity_log WHERE entity_id = '%s'", person.id), 1);
	free_user(before);
	free_user(after);
	after = set_user_status(person.id, ACTIVE);
	assert_int_equal(after->version, 2);
	free_user(after);
}

static void a_stale_version_is_refused(void **state)
{
	(void)state;
	struct person person = person_new("active");
	user_t user = PRISM__V1__USER__INIT;
	user.full_name = "First";
	struct change change = {.mask = "full_name", .user = &user, .expected_version = 1};
	free_user(update_user(person.id, person.id, change));
	assert_done();
	assert_null(update_user(person.id, person.id, change));
	assert_refused(PRISM_ABORTED, "VERSION_STALE");
	assert_field("expected_version");
	assert_non_null(strstr(tenant.result.message, "version 2"));
	change.expected_version = -1;
	assert_null(update_user(person.id, person.id, change));
	assert_field("expected_version");
}

static void a_repeated_change_has_one_effect(void **state)
{
	(void)state;
	struct person person = person_new("active");
	struct id key = id_new();
	user_t user = PRISM__V1__USER__INIT;
	user.full_name = "Once";
	struct change change = {.mask = "full_name", .user = &user, .request_id = key.text};
	user_t *first = update_user(person.id, person.id, change);
	assert_done();
	free_user(rename_user(person.id, person.id, "Between"));
	user_t *again = update_user(person.id, person.id, change);
	assert_done();
	assert_string_equal(again->full_name, "Between");
	assert_int_equal(again->version, 3);
	free_user(first);
	free_user(again);
	user.full_name = "Twice";
	assert_null(update_user(person.id, person.id, change));
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
	count("UPDATE users SET status = 'inactive' WHERE id = '%s' RETURNING 1", person.id);
	user.full_name = "Once";
	assert_null(update_user(person.id, person.id, change));
	assert_refused(PRISM_NOT_FOUND, "USER_NOT_FOUND");
}

/* --- status --------------------------------------------------------------------------------- */

static void status_changes_in_these_ways(void **state)
{
	(void)state;
	static const struct {
		const char *from;
		Prism__V1__UserStatus to;
		const char *reason;
	} ways[] = {
		{"pending", ACTIVE, ""},
		{"pending", DISABLED, ""},
		{"active", DISABLED, ""},
		{"inactive", ACTIVE, ""},
		{"active", ACTIVE, ""},
		{"pending", PENDING, ""},
		{"active", PENDING, "STATUS_TRANSITION"},
		{"inactive", PENDING, "STATUS_TRANSITION"},
	};
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct person person = person_new(ways[i].from);
		user_t *updated = set_user_status(person.id, ways[i].to);
		if (*ways[i].reason) {
			assert_null(updated);
			assert_refused(PRISM_FAILED_PRECONDITION, ways[i].reason);
			assert_field("user.status");
			continue;
		}
		assert_done();
		assert_int_equal(updated->status, ways[i].to);
		free_user(updated);
	}
	struct person person = person_new("active");
	assert_null(set_user_status(person.id, PRISM__V1__USER_STATUS__USER_STATUS_UNSPECIFIED));
	assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	assert_field("user.status");
}

static void an_inactive_user_has_no_rights(void **state)
{
	(void)state;
	struct person person = person_new("active");
	join(1, person.id, "admin");
	free_user(get_user(person.id, OWNER));
	assert_done();
	free_user(set_user_status(person.id, DISABLED));
	assert_done();
	assert_null(get_user(person.id, OWNER));
	assert_refused(PRISM_NOT_FOUND, "USER_NOT_FOUND");
	free_user(set_user_status(person.id, ACTIVE));
	free_user(get_user(person.id, OWNER));
	assert_done();
	count("DELETE FROM organization_members WHERE user_id = '%s' RETURNING 1", person.id);
}

static void an_owner_stays_active(void **state)
{
	(void)state;
	struct person owner = person_new("active"), admin = person_new("active");
	int64_t organization = organization_new(owner.id);
	join(organization, admin.id, "admin");
	assert_null(set_user_status(owner.id, DISABLED));
	assert_refused(PRISM_FAILED_PRECONDITION, "OWNS_ORGANIZATION");
	assert_field("user.status");
	count("UPDATE organizations SET deleted_at = now() WHERE id = %ld RETURNING 1",
	      (long)organization);
	free_user(set_user_status(owner.id, DISABLED));
	assert_done();
}

static void the_last_admin_stays_active(void **state)
{
	(void)state;
	struct person owner = person_new("active"), admin = person_new("active");
	struct person other = person_new("inactive"), member = person_new("active");
	int64_t organization = organization_new(owner.id);
	join(organization, admin.id, "admin");
	join(organization, other.id, "admin");
	join(organization, member.id, "member");
	count("UPDATE users SET status = 'inactive' WHERE id = '%s' RETURNING 1", owner.id);
	assert_null(set_user_status(admin.id, DISABLED));
	assert_refused(PRISM_FAILED_PRECONDITION, "LAST_ADMIN");
	assert_field("user.status");
	free_user(set_user_status(member.id, DISABLED));
	assert_done();
	free_user(set_user_status(other.id, ACTIVE));
	free_user(set_user_status(admin.id, DISABLED));
	assert_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_change_their_own_names),
		cmocka_unit_test(nobody_changes_somebody_else),
		cmocka_unit_test(some_fields_are_the_systems),
		cmocka_unit_test(a_mask_names_what_can_be_changed),
		cmocka_unit_test(a_new_address_is_not_verified),
		cmocka_unit_test(changing_nothing_writes_nothing),
		cmocka_unit_test(a_stale_version_is_refused),
		cmocka_unit_test(a_repeated_change_has_one_effect),
		cmocka_unit_test(status_changes_in_these_ways),
		cmocka_unit_test(an_inactive_user_has_no_rights),
		cmocka_unit_test(an_owner_stays_active),
		cmocka_unit_test(the_last_admin_stays_active),
	};
	return cmocka_run_group_tests(tests, people_set_up, tenant_tear_down);
}
