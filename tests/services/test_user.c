/* UserService: who is made, and who is seen by whom. */
#include "tests/services/people_fixture.h"

#include <ctype.h>

/* --- making ------------------------------------------------------------------------------- */

static void everything_given_comes_back(void **state)
{
	(void)state;
	struct newcomer new;
	user_t *given = &newcomer(&new)->user;
	given->full_name = "Ångström Ø";
	given->status = ACTIVE;
	given->email_verified = true;
	given->version = 7; /* set by the server, like the id */
	given->id = OWNER;
	user_t *made = create_user(NULL, given, "");
	assert_done();
	user_t *read = get_user(NULL, made->id);
	const user_t *const both[] = {made, read};
	for (size_t i = 0; i < 2; i++) {
		assert_non_null(both[i]);
		assert_string_not_equal(both[i]->id, OWNER);
		assert_string_equal(both[i]->email, new.email);
		assert_string_equal(both[i]->username, new.username);
		assert_string_equal(both[i]->full_name, "Ångström Ø");
		assert_int_equal(both[i]->status, ACTIVE);
		assert_true(both[i]->email_verified);
		assert_int_equal(both[i]->version, 1);
		assert_non_null(both[i]->created_at);
		assert_non_null(both[i]->updated_at);
	}
	assert_int_equal(count("SELECT count(*) FROM activity_log WHERE entity_type = 'user'"
	                       " AND entity_id = '%s' AND verb = 'create'",
	                       made->id),
	                 1);
	free_user(made);
	free_user(read);
}

static void a_new_user_is_pending(void **state)
{
	(void)state;
	struct newcomer new;
	user_t *made = create_user(NULL, &newcomer(&new)->user, "");
	assert_done();
	assert_int_equal(made->status, PENDING);
	assert_false(made->email_verified);
	assert_string_equal(made->full_name, "");
	free_user(made);
}

static void users_are_made_by_the_system(void **state)
{
	(void)state;
	static const char *const actors[] = {OWNER, ADMIN, MEMBER, VIEWER, OUTSIDER, INACTIVE};
	long before = count("SELECT count(*) FROM users");
	for (size_t i = 0; i < sizeof(actors) / sizeof(*actors); i++) {
		struct newcomer new;
		assert_null(create_user(actors[i], &newcomer(&new)->user, ""));
		assert_refused(PRISM_PERMISSION_DENIED, "SCOPE_TOO_LOW");
	}
	assert_int_equal(count("SELECT count(*) FROM users"), before);
}

static void fields_have_rules(void **state)
{
	(void)state;
	char long_text[300];
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	char *const emails[] = {"", "nobody", "a@b@c", " a@example.org", "a b@c", long_text};
	char *const usernames[] = {"", "ab", "a b", "a@b", "ünsal", long_text};
	char *const names[] = {" padded", long_text};
	struct newcomer new;
	for (size_t i = 0; i < 6; i++) {
		newcomer(&new)->user.email = emails[i];
		assert_null(create_user(NULL, &new.user, ""));
		assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
		assert_field("user.email");
		newcomer(&new)->user.username = usernames[i];
		assert_null(create_user(NULL, &new.user, ""));
		assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
		assert_field("user.username");
	}
	for (size_t i = 0; i < 2; i++) {
		newcomer(&new)->user.full_name = names[i];
		assert_null(create_user(NULL, &new.user, ""));
		assert_field("user.full_name");
	}
	newcomer(&new)->user.status = (Prism__V1__UserStatus)9;
	assert_null(create_user(NULL, &new.user, ""));
	assert_field("user.status");
	assert_null(create_user(NULL, NULL, ""));
	assert_field("user");
	assert_null(create_user(NULL, &newcomer(&new)->user, "no-uuid"));
	assert_field("request_id");
}

static void addresses_and_names_are_ones_own(void **state)
{
	(void)state;
	struct person somebody = person_new("active");
	struct newcomer new;
	char email[64], username[32];
	for (size_t i = 0; i <= strlen(somebody.email); i++)
		email[i] = (char)toupper((unsigned char)somebody.email[i]);
	for (size_t i = 0; i <= strlen(somebody.username); i++)
		username[i] = (char)toupper((unsigned char)somebody.username[i]);
	newcomer(&new)->user.email = email;
	assert_null(create_user(NULL, &new.user, ""));
	assert_refused(PRISM_ALREADY_EXISTS, "EMAIL_TAKEN");
	newcomer(&new)->user.username = username;
	assert_null(create_user(NULL, &new.user, ""));
	assert_refused(PRISM_ALREADY_EXISTS, "USERNAME_TAKEN");
}

static void a_repeated_creation_has_one_effect(void **state)
{
	(void)state;
	struct id key = id_new();
	struct newcomer new, other;
	newcomer(&new);
	user_t *first = create_user(NULL, &new.user, key.text);
	assert_done();
	user_t *again = create_user(NULL, &new.user, key.text);
	assert_done();
	assert_string_equal(again->id, first->id);
	assert_string_equal(again->email, first->email);
	assert_int_equal(
		count("SELECT count(*) FROM activity_log WHERE entity_id = '%s'", first->id), 1);
	free_user(again);
	free_user(rename_user(NULL, first->id, "Renamed"));
	again = create_user(NULL, &new.user, key.text);
	assert_string_equal(again->full_name, "Renamed");
	free_user(again);

	assert_null(create_user(NULL, &newcomer(&other)->user, key.text));
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
	assert_field("request_id");
	assert_null(update_user(
		NULL, first->id,
		(struct change){.mask = "full_name", .user = &new.user, .request_id = key.text}));
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
	assert_null(create_user(NULL, &new.user, id_new().text));
	assert_refused(PRISM_ALREADY_EXISTS, "EMAIL_TAKEN");
	free_user(first);
}

/* --- seeing ------------------------------------------------------------------------------- */

static void users_see_themselves_and_colleagues(void **state)
{
	(void)state;
	static const char *const colleagues[] = {OWNER, ADMIN, MEMBER, VIEWER, INACTIVE};
	struct person stranger = person_new("active");
	for (size_t i = 0; i < 5; i++) {
		user_t *seen = get_user(VIEWER, colleagues[i]);
		assert_done();
		assert_string_equal(seen->id, colleagues[i]);
		free_user(seen);
		assert_null(get_user(OUTSIDER, colleagues[i]));
		assert_refused(PRISM_NOT_FOUND, "USER_NOT_FOUND");
		assert_null(get_user(stranger.id, colleagues[i]));
		assert_refused(PRISM_NOT_FOUND, "USER_NOT_FOUND");
	}
	user_t *self = get_user(stranger.id, stranger.id);
	assert_done();
	free_user(self);
	self = get_user(NULL, stranger.id);
	assert_done();
	free_user(self);
}

static void whoever_is_not_active_sees_nobody(void **state)
{
	(void)state;
	struct person pending = person_new("pending"), inactive = person_new("inactive");
	const char *const blind[] = {pending.id, inactive.id, INACTIVE, id_new().text};
	for (size_t i = 0; i < 4; i++) {
		const char *const others[] = {OWNER, blind[i]};
		for (size_t n = 0; n < 2; n++) {
			assert_null(get_user(blind[i], others[n]));
			assert_refused(PRISM_NOT_FOUND, "USER_NOT_FOUND");
		}
	}
}

static void what_is_deleted_shows_nobody(void **state)
{
	(void)state;
	struct person gone = person_new("active"), colleague = person_new("active");
	int64_t organization = organization_new(colleague.id);
	join(organization, gone.id, "member");
	free_user(get_user(colleague.id, gone.id));
	assert_done();
	count("UPDATE organizations SET deleted_at = now() WHERE id = %ld RETURNING 1",
	      (long)organization);
	assert_null(get_user(colleague.id, gone.id));
	assert_refused(PRISM_NOT_FOUND, "USER_NOT_FOUND");
	count("UPDATE users SET deleted_at = now() WHERE id = '%s' RETURNING 1", gone.id);
	assert_null(get_user(NULL, gone.id));
	assert_refused(PRISM_NOT_FOUND, "USER_NOT_FOUND");
	assert_null(get_user(gone.id, gone.id));
	assert_refused(PRISM_NOT_FOUND, "USER_NOT_FOUND");
}

static void an_id_is_a_uuid(void **state)
{
	(void)state;
	char *const ids[] = {"", "7", "00000000-0000-4000-8000-00000000000g"};
	for (size_t i = 0; i < 3; i++) {
		assert_null(get_user(OWNER, ids[i]));
		assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
		assert_field("id");
	}
}

static Prism__V1__BatchGetUsersResponse *batch_get(const char *actor, char **ids, size_t n)
{
	Prism__V1__BatchGetUsersRequest request = PRISM__V1__BATCH_GET_USERS_REQUEST__INIT;
	request.ids = ids;
	request.n_ids = n;
	Prism__V1__BatchGetUsersResponse *response = NULL;
	(void)prism_v1_user_service_batch_get_users_wait(BY(actor), &request, &response,
	                                                 &tenant.result);
	return response;
}

static void many_come_in_the_order_of_their_ids(void **state)
{
	(void)state;
	char *ids[] = {VIEWER, OUTSIDER, OWNER, id_new().text, MEMBER, OWNER};
	Prism__V1__BatchGetUsersResponse *found = batch_get(VIEWER, ids, 6);
	assert_done();
	assert_int_equal(found->n_users, 4);
	assert_string_equal(found->users[0]->id, VIEWER);
	assert_string_equal(found->users[1]->id, OWNER);
	assert_string_equal(found->users[2]->id, MEMBER);
	assert_string_equal(found->users[3]->id, OWNER);
	assert_int_equal(found->n_missing_ids, 2);
	assert_string_equal(found->missing_ids[0], OUTSIDER);
	assert_string_equal(found->missing_ids[1], ids[3]);
	prism__v1__batch_get_users_response__free_unpacked(found, NULL);
	found = batch_get(NULL, ids, 6);
	assert_int_equal(found->n_users, 5);
	prism__v1__batch_get_users_response__free_unpacked(found, NULL);
	found = batch_get(INACTIVE, ids, 6);
	assert_int_equal(found->n_users, 0);
	assert_int_equal(found->n_missing_ids, 6);
	prism__v1__batch_get_users_response__free_unpacked(found, NULL);
}

static void many_are_not_none_and_not_too_many(void **state)
{
	(void)state;
	static char *ids[501];
	for (size_t i = 0; i < 501; i++)
		ids[i] = OWNER;
	assert_null(batch_get(OWNER, ids, 0));
	assert_field("ids");
	assert_null(batch_get(OWNER, ids, 501));
	assert_field("ids");
	ids[7] = "x";
	assert_null(batch_get(OWNER, ids, 8));
	assert_field("ids[7]");
}

static user_t *lookup(const char *actor, const char *email, const char *username)
{
	Prism__V1__LookupUserRequest request = PRISM__V1__LOOKUP_USER_REQUEST__INIT;
	if (email) {
		request.by_case = PRISM__V1__LOOKUP_USER_REQUEST__BY_EMAIL;
		request.email = (char *)email;
	} else if (username) {
		request.by_case = PRISM__V1__LOOKUP_USER_REQUEST__BY_USERNAME;
		request.username = (char *)username;
	}
	user_t *user = NULL;
	(void)prism_v1_user_service_lookup_user_wait(BY(actor), &request, &user, &tenant.result);
	return user;
}

static void the_system_finds_users_by_what_they_are_called(void **state)
{
	(void)state;
	struct person person = person_new("pending");
	char email[64], username[32];
	for (size_t i = 0; i <= strlen(person.email); i++)
		email[i] = (char)tolower((unsigned char)person.email[i]);
	for (size_t i = 0; i <= strlen(person.username); i++)
		username[i] = (char)toupper((unsigned char)person.username[i]);
	user_t *const found[] = {lookup(NULL, email, NULL), lookup(NULL, NULL, username)};
	for (size_t i = 0; i < 2; i++) {
		assert_non_null(found[i]);
		assert_string_equal(found[i]->id, person.id);
		free_user(found[i]);
	}
	assert_null(lookup(NULL, username, NULL)); /* no email */
	assert_refused(PRISM_NOT_FOUND, "USER_NOT_FOUND");
	assert_null(lookup(NULL, NULL, email)); /* no username */
	assert_refused(PRISM_NOT_FOUND, "USER_NOT_FOUND");
	assert_null(lookup(NULL, NULL, NULL));
	assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	assert_null(lookup(OWNER, email, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "SCOPE_TOO_LOW");
	count("UPDATE users SET deleted_at = now() WHERE id = '%s' RETURNING 1", person.id);
	assert_null(lookup(NULL, email, NULL));
	assert_refused(PRISM_NOT_FOUND, "USER_NOT_FOUND");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_given_comes_back),
		cmocka_unit_test(a_new_user_is_pending),
		cmocka_unit_test(users_are_made_by_the_system),
		cmocka_unit_test(fields_have_rules),
		cmocka_unit_test(addresses_and_names_are_ones_own),
		cmocka_unit_test(a_repeated_creation_has_one_effect),
		cmocka_unit_test(users_see_themselves_and_colleagues),
		cmocka_unit_test(whoever_is_not_active_sees_nobody),
		cmocka_unit_test(what_is_deleted_shows_nobody),
		cmocka_unit_test(an_id_is_a_uuid),
		cmocka_unit_test(many_come_in_the_order_of_their_ids),
		cmocka_unit_test(many_are_not_none_and_not_too_many),
		cmocka_unit_test(the_system_finds_users_by_what_they_are_called),
	};
	return cmocka_run_group_tests(tests, people_set_up, tenant_tear_down);
}
