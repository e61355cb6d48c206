/* ListUsers and BatchUpsertUsers: many users at once. */
#include "tests/services/people_fixture.h"
#include "tests/services/race.h"

#include <ctype.h>

enum { LISTED = 45 };

typedef Prism__V1__ListUsersRequest list_t;

static list_t list_new(const char *contains)
{
	list_t request = PRISM__V1__LIST_USERS_REQUEST__INIT;
	request.contains = (char *)contains;
	return request;
}

static Prism__V1__ListUsersResponse *list(const char *actor, const list_t *request)
{
	Prism__V1__ListUsersResponse *response = NULL;
	(void)prism_v1_user_service_list_users_wait(BY(actor), request, &response, &tenant.result);
	return response;
}

static void free_list(Prism__V1__ListUsersResponse *response)
{
	prism__v1__list_users_response__free_unpacked(response, NULL);
}

/* Users of one name, and with a family name that other tests do not use. */
static int set_up(void **state)
{
	people_set_up(state);
	count("WITH made AS (INSERT INTO users (id, email, username, full_name, status)"
	      " SELECT ('10000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,"
	      " 'listed-' || n || '@example.org', 'listed-' || n, 'Nils Lüste',"
	      " (ARRAY['active', 'pending', 'inactive'])[1 + n %% 3]::user_status"
	      " FROM generate_series(1, %d) n RETURNING id) SELECT count(*) FROM made",
	      LISTED);
	return 0;
}

static void pages_follow_each_other(void **state)
{
	(void)state;
	list_t request = list_new("lüste");
	request.page_size = 20;
	char token[1025] = "", last[37] = "";
	size_t seen = 0, pages = 0;
	do {
		request.page_token = token;
		Prism__V1__ListUsersResponse *page = list(NULL, &request);
		assert_done();
		pages++;
		for (size_t i = 0; i < page->n_users; i++, seen++) {
			assert_true(strcmp(page->users[i]->id, last) > 0);
			snprintf(last, sizeof(last), "%s", page->users[i]->id);
		}
		snprintf(token, sizeof(token), "%s", page->next_page_token);
		free_list(page);
	} while (*token);
	assert_int_equal(seen, LISTED);
	assert_int_equal(pages, 3);
}

static void a_page_has_twenty_unless_told(void **state)
{
	(void)state;
	static const struct {
		int32_t size;
		size_t rows;
	} cases[] = {{0, 20}, {1, 1}, {44, 44}, {45, 45}, {200, 45}, {INT32_MAX, 45}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		list_t request = list_new("listed-");
		request.page_size = cases[i].size;
		Prism__V1__ListUsersResponse *page = list(NULL, &request);
		assert_done();
		assert_int_equal(page->n_users, cases[i].rows);
		assert_int_equal(*page->next_page_token != '\0', cases[i].rows < LISTED);
		free_list(page);
	}
	list_t request = list_new("");
	request.page_size = -1;
	assert_null(list(NULL, &request));
	assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	assert_field("page_size");
}

static void a_page_has_two_hundred_at_most(void **state)
{
	(void)state;
	count("WITH made AS (INSERT INTO users (email, username) SELECT 'crowd-' || n || '@x.org',"
	      " 'crowd-' || n FROM generate_series(1, 201) n RETURNING id)"
	      " SELECT count(*) FROM made");
	list_t request = list_new("crowd-");
	request.page_size = 1000;
	Prism__V1__ListUsersResponse *page = list(NULL, &request);
	assert_int_equal(page->n_users, 200);
	assert_string_not_equal(page->next_page_token, "");
	free_list(page);
}

static void filters_filter(void **state)
{
	(void)state;
	static const struct {
		const char *contains;
		size_t statuses;
		size_t found;
	} cases[] = {
		{"LISTED-4", 0, 7},     {"listed-45@EXAMPLE.org", 0, 1},
		{"LÜSTE", 0, 45},       {"listed-%", 0, 0},
		{"lüste", 1, 15},       {"lüste", 2, 30},
		{"no such user", 0, 0}, {"listed_1", 0, 0},
	};
	Prism__V1__UserStatus statuses[] = {PENDING, ACTIVE};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		list_t request = list_new(cases[i].contains);
		request.page_size = 200;
		request.statuses = statuses;
		request.n_statuses = cases[i].statuses;
		Prism__V1__ListUsersResponse *page = list(NULL, &request);
		assert_done();
		assert_int_equal(page->n_users, cases[i].found);
		for (size_t n = 0; cases[i].statuses == 1 && n < page->n_users; n++)
			assert_int_equal(page->users[n]->status, PENDING);
		free_list(page);
	}
	statuses[0] = PRISM__V1__USER_STATUS__USER_STATUS_UNSPECIFIED;
	list_t request = list_new("");
	request.statuses = statuses;
	request.n_statuses = 1;
	assert_null(list(NULL, &request));
	assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	assert_field("statuses");
}

static void deleted_users_are_not_listed(void **state)
{
	(void)state;
	struct person gone = person_new("active");
	list_t request = list_new(gone.email);
	Prism__V1__ListUsersResponse *page = list(NULL, &request);
	assert_int_equal(page->n_users, 1);
	free_list(page);
	count("UPDATE users SET deleted_at = now() WHERE id = '%s' RETURNING 1", gone.id);
	page = list(NULL, &request);
	assert_int_equal(page->n_users, 0);
	free_list(page);
}

static void a_token_is_of_its_list(void **state)
{
	(void)state;
	list_t request = list_new("listed-");
	request.page_size = 5;
	Prism__V1__ListUsersResponse *page = list(NULL, &request);
	char good[1025], broken[1025];
	snprintf(good, sizeof(good), "%s", page->next_page_token);
	snprintf(broken, sizeof(broken), "%s", good);
	broken[20] = broken[20] == 'A' ? 'B' : 'A';
	free_list(page);
	list_t other = list_new("listed");
	other.page_token = good;
	assert_null(list(NULL, &other));
	assert_refused(PRISM_INVALID_ARGUMENT, "PAGE_TOKEN_INVALID");
	assert_field("page_token");
	char *const tokens[] = {broken, "x", "not base64 !", "AAAA"};
	for (size_t i = 0; i < 4; i++) {
		request.page_token = tokens[i];
		assert_null(list(NULL, &request));
		assert_refused(PRISM_INVALID_ARGUMENT, "PAGE_TOKEN_INVALID");
	}
	request.page_token = good;
	Prism__V1__ListUsersResponse *answer = NULL;
	(void)prism_v1_user_service_list_users_wait(SYSTEM_FOR(OWNER), &request, &answer,
	                                            &tenant.result);
	assert_refused(PRISM_INVALID_ARGUMENT, "PAGE_TOKEN_INVALID");
	request.page_size = 7; /* may change between pages */
	page = list(NULL, &request);
	assert_done();
	assert_int_equal(page->n_users, 7);
	free_list(page);
}

static void only_the_system_lists_users(void **state)
{
	(void)state;
	static const char *const actors[] = {OWNER, ADMIN, MEMBER, VIEWER, OUTSIDER, INACTIVE};
	list_t request = list_new("");
	for (size_t i = 0; i < 6; i++) {
		assert_null(list(actors[i], &request));
		assert_refused(PRISM_PERMISSION_DENIED, "SCOPE_TOO_LOW");
	}
}

/* --- upsert --------------------------------------------------------------------------------- */

static Prism__V1__BatchUpsertUsersResponse *upsert(const char *actor, user_t **users, size_t n)
{
	Prism__V1__BatchUpsertUsersRequest request = PRISM__V1__BATCH_UPSERT_USERS_REQUEST__INIT;
	request.users = users;
	request.n_users = n;
	Prism__V1__BatchUpsertUsersResponse *response = NULL;
	(void)prism_v1_user_service_batch_upsert_users_wait(BY(actor), &request, &response,
	                                                    &tenant.result);
	return response;
}

static void free_upserted(Prism__V1__BatchUpsertUsersResponse *response)
{
	prism__v1__batch_upsert_users_response__free_unpacked(response, NULL);
}

static void those_who_are_there_are_left_alone(void **state)
{
	(void)state;
	struct newcomer first, second;
	user_t known = PRISM__V1__USER__INIT;
	known.email = "U1@EXAMPLE.ORG";
	known.username = "somebody-else";
	known.full_name = "Another Name";
	newcomer(&first)->user.full_name = "First";
	newcomer(&second)->user.email_verified = true;
	user_t *users[] = {&second.user, &known, &first.user};
	Prism__V1__BatchUpsertUsersResponse *made = upsert(NULL, users, 3);
	assert_done();
	assert_int_equal(made->n_users, 3);
	assert_true(made->users[0]->created);
	assert_false(made->users[1]->created);
	assert_string_equal(made->users[1]->id, OWNER);
	assert_true(made->users[2]->created);
	user_t *user = get_user(NULL, made->users[0]->id);
	assert_string_equal(user->email, second.email);
	assert_int_equal(user->status, ACTIVE);
	assert_true(user->email_verified);
	free_user(user);
	assert_int_equal(count("SELECT version FROM users WHERE id = '" OWNER
	                       "' AND username = 'user-1' AND full_name IS NULL"),
	                 1);
	Prism__V1__BatchUpsertUsersResponse *again = upsert(NULL, users, 3);
	assert_done();
	for (size_t i = 0; i < 3; i++) {
		assert_false(again->users[i]->created);
		assert_string_equal(again->users[i]->id, made->users[i]->id);
		assert_int_equal(count("SELECT count(*) FROM activity_log WHERE entity_id = '%s'",
		                       made->users[i]->id),
		                 i == 1 ? 0 : 1);
	}
	free_upserted(made);
	free_upserted(again);
}

static void all_or_none(void **state)
{
	(void)state;
	struct newcomer good, bad;
	user_t *users[] = {&newcomer(&good)->user, &newcomer(&bad)->user};
	bad.user.username = "user-1";
	assert_null(upsert(NULL, users, 2));
	assert_refused(PRISM_ALREADY_EXISTS, "USERNAME_TAKEN");
	assert_field("users[1].username");
	bad.user.username = good.user.username;
	assert_null(upsert(NULL, users, 2));
	assert_refused(PRISM_ALREADY_EXISTS, "USERNAME_TAKEN");
	assert_field("users[1].username");
	assert_int_equal(count("SELECT count(*) FROM users WHERE email = '%s'", good.email), 0);
}

static void each_has_an_address_of_its_own(void **state)
{
	(void)state;
	struct newcomer first, second;
	user_t *users[] = {&newcomer(&first)->user, &newcomer(&second)->user};
	char same[64];
	for (size_t i = 0; i <= strlen(first.email); i++)
		same[i] = (char)(i % 2 ? first.email[i] : toupper((unsigned char)first.email[i]));
	second.user.email = same;
	assert_null(upsert(NULL, users, 2));
	assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	assert_field("users[1].email");
	second.user.email = "";
	assert_null(upsert(NULL, users, 2));
	assert_field("users[1].email");
	second.user.email = "x";
	assert_null(upsert(NULL, users, 2));
	assert_field("users[1].email");
	newcomer(&second)->user.username = "";
	assert_null(upsert(NULL, users, 2));
	assert_field("users[1].username");
	assert_null(upsert(NULL, users, 0));
	assert_field("users");
	static user_t *many[501];
	for (size_t i = 0; i < 501; i++)
		many[i] = &first.user;
	assert_null(upsert(NULL, many, 501));
	assert_field("users");
	assert_null(upsert(OWNER, users, 1));
	assert_refused(PRISM_PERMISSION_DENIED, "SCOPE_TOO_LOW");
}

/* Whoever comes second finds what the first has made. */
static void many_make_the_same_users_at_once(void **state)
{
	(void)state;
	enum { TOGETHER = 8, ROUNDS = 5, USERS = 20 };
	race_open();
	for (int round = 0; round < ROUNDS; round++) {
		static struct newcomer newcomers[USERS];
		static user_t *users[USERS];
		for (size_t i = 0; i < USERS; i++)
			users[i] = &newcomer(&newcomers[i])->user;
		Prism__V1__BatchUpsertUsersRequest request =
			PRISM__V1__BATCH_UPSERT_USERS_REQUEST__INIT;
		request.users = users;
		request.n_users = USERS;
		for (size_t i = 0; i < TOGETHER; i++)
			(void)race_add_system(NULL,
			                      &prism_v1_user_service_batch_upsert_users_method,
			                      &request.base);
		assert_int_equal(race_run(), TOGETHER);
		assert_int_equal(count("SELECT count(*) FROM users WHERE email = '%s'",
		                       newcomers[USERS - 1].email),
		                 1);
	}
	race_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_follow_each_other),
		cmocka_unit_test(a_page_has_twenty_unless_told),
		cmocka_unit_test(a_page_has_two_hundred_at_most),
		cmocka_unit_test(filters_filter),
		cmocka_unit_test(deleted_users_are_not_listed),
		cmocka_unit_test(a_token_is_of_its_list),
		cmocka_unit_test(only_the_system_lists_users),
		cmocka_unit_test(those_who_are_there_are_left_alone),
		cmocka_unit_test(all_or_none),
		cmocka_unit_test(each_has_an_address_of_its_own),
		cmocka_unit_test(many_make_the_same_users_at_once),
	};
	return cmocka_run_group_tests(tests, set_up, tenant_tear_down);
}
