/* OrganizationService: who makes tenants, who sees them, who lists them. */
#include "tests/services/people_fixture.h"
#include "tests/services/race.h"

static void assert_slug(const char *given, const char *name, const char *slug)
{
	organization_t organization = PRISM__V1__ORGANIZATION__INIT;
	organization.name = (char *)name;
	organization.slug = (char *)given;
	organization.owner_id = MEMBER;
	organization_t *made = create_organization(NULL, &organization, "");
	assert_done();
	assert_string_equal(made->slug, slug);
	free_organization(made);
}

/* --- making ------------------------------------------------------------------------------- */

static void everything_given_comes_back(void **state)
{
	(void)state;
	organization_t given = PRISM__V1__ORGANIZATION__INIT;
	given.name = "Fähre & Co";
	given.slug = "ferries-of-1";
	given.owner_id = MEMBER;
	given.settings = "{\"projects\": {\"create_role\": \"admin\"}}";
	given.id = 1; /* set by the server, like the version */
	given.version = 9;
	organization_t *made = create_organization(NULL, &given, "");
	assert_done();
	organization_t *read = get_organization(MEMBER, made->id);
	assert_done();
	const organization_t *const both[] = {made, read};
	for (size_t i = 0; i < 2; i++) {
		assert_true(both[i]->id > 1000);
		assert_string_equal(both[i]->name, "Fähre & Co");
		assert_string_equal(both[i]->slug, "ferries-of-1");
		assert_string_equal(both[i]->owner_id, MEMBER);
		assert_string_equal(both[i]->settings, given.settings);
		assert_int_equal(both[i]->version, 1);
		assert_non_null(both[i]->created_at);
		assert_non_null(both[i]->updated_at);
	}
	assert_int_equal(count("SELECT count(*) FROM organization_members WHERE organization_id ="
	                       " %ld AND user_id = '" MEMBER "' AND role = 'admin'",
	                       (long)made->id),
	                 1);
	assert_int_equal(count("SELECT count(*) FROM activity_log WHERE organization_id = %ld"
	                       " AND entity_type = 'organization' AND verb = 'create'",
	                       (long)made->id),
	                 1);
	free_organization(made);
	free_organization(read);
}

static void a_slug_is_made_of_the_name(void **state)
{
	(void)state;
	char long_name[256], long_slug[101];
	memset(long_name, 'x', 255);
	long_name[255] = '\0';
	memset(long_slug, 'x', 100);
	long_slug[100] = '\0';
	assert_slug("", "Bjørn's Łódź", "bjorn-s-lodz");
	assert_slug("", "Bjørn's Łódź", "bjorn-s-lodz-2");
	assert_slug("", "Bjorn s Lodz", "bjorn-s-lodz-3");
	assert_slug("", "Settings", "org-settings");
	assert_slug("", "Settings", "org-settings-2");
	assert_slug("", long_name, long_slug);
	memcpy(long_slug + 98, "-2", 3);
	assert_slug("", long_name, long_slug);
	organization_t organization = PRISM__V1__ORGANIZATION__INIT;
	organization.name = "日本";
	organization.owner_id = MEMBER;
	organization_t *made = create_organization(NULL, &organization, "");
	assert_memory_equal(made->slug, "org-", 4);
	assert_int_equal(strlen(made->slug), 12);
	free_organization(made);
}

static void a_given_slug_is_free_or_refused(void **state)
{
	(void)state;
	assert_slug("given-one", "Given", "given-one");
	organization_t organization = PRISM__V1__ORGANIZATION__INIT;
	organization.name = "Given";
	organization.owner_id = MEMBER;
	organization.slug = "given-one";
	assert_null(create_organization(NULL, &organization, ""));
	assert_refused(PRISM_ALREADY_EXISTS, "SLUG_TAKEN");
	organization.slug = "admin";
	assert_null(create_organization(NULL, &organization, ""));
	assert_refused(PRISM_INVALID_ARGUMENT, "SLUG_RESERVED");
	assert_field("organization.slug");
}

static void a_name_may_be_used_up(void **state)
{
	(void)state;
	count("WITH made AS (INSERT INTO organizations (name, slug, owner_id)"
	      " SELECT 'Full', 'full' || CASE WHEN n > 1 THEN '-' || n ELSE '' END, '" MEMBER
	      "' FROM generate_series(1, 10000) n RETURNING 1) SELECT count(*) FROM made");
	organization_t organization = PRISM__V1__ORGANIZATION__INIT;
	organization.name = "Full";
	organization.owner_id = MEMBER;
	assert_null(create_organization(NULL, &organization, ""));
	assert_refused(PRISM_ALREADY_EXISTS, "SLUG_TAKEN");
	assert_field("organization.slug");
	count("DELETE FROM organizations WHERE slug = 'full-9999' RETURNING 1");
	organization_t *made = create_organization(NULL, &organization, "");
	assert_done();
	assert_string_equal(made->slug, "full-9999");
	free_organization(made);
	count("DELETE FROM organizations WHERE name = 'Full' RETURNING 1");
}

static void an_owner_is_an_active_user(void **state)
{
	(void)state;
	struct person pending = person_new("pending"), gone = person_new("active");
	count("UPDATE users SET deleted_at = now() WHERE id = '%s' RETURNING 1", gone.id);
	organization_t organization = PRISM__V1__ORGANIZATION__INIT;
	organization.name = "Nobody's";
	char *const no_user[] = {id_new().text, gone.id}, *const not_active[] = {INACTIVE,
	                                                                         pending.id};
	for (size_t i = 0; i < 2; i++) {
		organization.owner_id = no_user[i];
		assert_null(create_organization(NULL, &organization, ""));
		assert_refused(PRISM_NOT_FOUND, "USER_NOT_FOUND");
		assert_field("organization.owner_id");
		organization.owner_id = not_active[i];
		assert_null(create_organization(NULL, &organization, ""));
		assert_refused(PRISM_FAILED_PRECONDITION, "USER_NOT_ACTIVE");
		assert_non_null(strstr(tenant.result.message, "whose status is ACTIVE"));
		assert_field("organization.owner_id");
	}
	assert_int_equal(count("SELECT count(*) FROM organizations WHERE name = 'Nobody''s'"), 0);
}

static void fields_have_rules(void **state)
{
	(void)state;
	char long_text[300];
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	static const organization_t none = PRISM__V1__ORGANIZATION__INIT;
	const struct {
		const char *field;
		char *name, *slug, *owner, *settings;
	} cases[] = {
		{"organization.name", "", "", MEMBER, ""},
		{"organization.name", " x", "", MEMBER, ""},
		{"organization.name", long_text, "", MEMBER, ""},
		{"organization.slug", "x", "A", MEMBER, ""},
		{"organization.slug", "x", "-a", MEMBER, ""},
		{"organization.slug", "x", "a--b", MEMBER, ""},
		{"organization.slug", "x", long_text, MEMBER, ""},
		{"organization.owner_id", "x", "", "", ""},
		{"organization.owner_id", "x", "", "1", ""},
		{"organization.settings", "x", "", MEMBER, "[]"},
		{"organization.settings", "x", "", MEMBER, "{"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		organization_t organization = none;
		organization.name = cases[i].name;
		organization.slug = cases[i].slug;
		organization.owner_id = cases[i].owner;
		organization.settings = cases[i].settings;
		assert_null(create_organization(NULL, &organization, ""));
		assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
		assert_field(cases[i].field);
	}
	assert_null(create_organization(NULL, NULL, ""));
	assert_field("organization");
}

static void organizations_are_made_by_the_system(void **state)
{
	(void)state;
	static const char *const actors[] = {OWNER, ADMIN, MEMBER, VIEWER, OUTSIDER, INACTIVE};
	organization_t organization = PRISM__V1__ORGANIZATION__INIT;
	organization.name = "Mine";
	for (size_t i = 0; i < 6; i++) {
		organization.owner_id = (char *)actors[i];
		assert_null(create_organization(actors[i], &organization, ""));
		assert_refused(PRISM_PERMISSION_DENIED, "SCOPE_TOO_LOW");
	}
}

static void a_repeated_creation_has_one_effect(void **state)
{
	(void)state;
	struct id key = id_new();
	organization_t organization = PRISM__V1__ORGANIZATION__INIT;
	organization.name = "Made Once";
	organization.owner_id = MEMBER;
	organization_t *first = create_organization(NULL, &organization, key.text);
	assert_done();
	organization_t *again = create_organization(NULL, &organization, key.text);
	assert_done();
	assert_int_equal(again->id, first->id);
	assert_string_equal(again->slug, "made-once");
	assert_int_equal(count("SELECT count(*) FROM organizations WHERE name = 'Made Once'"), 1);
	organization.name = "Made Twice";
	assert_null(create_organization(NULL, &organization, key.text));
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
	assert_field("request_id");
	free_organization(first);
	free_organization(again);
}

/* One name, so one slug that all of them want. */
static void many_are_made_at_once(void **state)
{
	(void)state;
	enum { TOGETHER = 4, ROUNDS = 5 };
	race_open();
	organization_t organization = PRISM__V1__ORGANIZATION__INIT;
	organization.name = "All At Once";
	organization.owner_id = MEMBER;
	Prism__V1__CreateOrganizationRequest request = PRISM__V1__CREATE_ORGANIZATION_REQUEST__INIT;
	request.organization = &organization;
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < TOGETHER; i++)
			(void)race_add_system(
				NULL, &prism_v1_organization_service_create_organization_method,
				&request.base);
		assert_int_equal(race_run(), TOGETHER);
	}
	assert_int_equal(count("SELECT count(*) FROM organizations WHERE slug ~"
	                       " '^all-at-once(-[0-9]+)?$'"),
	                 TOGETHER * ROUNDS);
	race_close();
}

/* --- seeing ------------------------------------------------------------------------------- */

static void members_see_it(void **state)
{
	(void)state;
	static const char *const actors[] = {OWNER, ADMIN, MEMBER, VIEWER, NULL};
	for (size_t i = 0; i < 5; i++) {
		organization_t *seen = get_organization(actors[i], 1);
		assert_done();
		assert_string_equal(seen->name, "One");
		assert_string_equal(seen->settings, "{}");
		free_organization(seen);
		seen = get_organization_by_slug(actors[i], "ONE");
		assert_done();
		assert_int_equal(seen->id, 1);
		free_organization(seen);
	}
}

/* Neither whether it exists, nor what it is called. */
static void nobody_else_learns_that_it_exists(void **state)
{
	(void)state;
	static const char *const actors[] = {OUTSIDER, INACTIVE, USER(7), USER(9)};
	int64_t deleted = organization_new(OUTSIDER);
	count("UPDATE organizations SET deleted_at = now(), slug = 'deleted-one' WHERE id = %ld"
	      " RETURNING 1",
	      (long)deleted);
	for (size_t i = 0; i < 4; i++) {
		const int64_t hidden[] = {1, deleted, 999999};
		static const char *const slugs[] = {"one", "deleted-one", "no-such"};
		for (size_t n = 0; n < 3; n++) {
			char text[64];
			snprintf(text, sizeof(text), "organization %ld: not found",
			         (long)hidden[n]);
			assert_null(get_organization(actors[i], hidden[n]));
			assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
			assert_string_equal(tenant.result.message, text);
			snprintf(text, sizeof(text), "organization %s: not found", slugs[n]);
			assert_null(get_organization_by_slug(actors[i], slugs[n]));
			assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
			assert_string_equal(tenant.result.message, text);
		}
	}
	assert_null(get_organization(NULL, deleted));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	assert_null(get_organization(OWNER, 0));
	assert_field("organization_id");
	assert_null(get_organization_by_slug(OWNER, ""));
	assert_field("slug");
}

static void a_key_may_be_of_one_organization(void **state)
{
	(void)state;
	char key[STACK_KEY_SIZE];
	stack_key(&tenant.stack, "act-as-user", 1, key);
	int64_t other = organization_new(MEMBER);
	struct prism_channel *channel = stack_channel(&tenant.stack, key, MEMBER);
	Prism__V1__GetOrganizationRequest get = PRISM__V1__GET_ORGANIZATION_REQUEST__INIT;
	get.organization_id = other;
	(void)prism_v1_organization_service_get_organization_wait(channel, NULL, &get, NULL,
	                                                          &tenant.result);
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	char slug[] = "made-0000000000";
	snprintf(slug, sizeof(slug), "made-%ld",
	         count("SELECT split_part(slug, '-', 2) FROM organizations WHERE id = %ld",
	               (long)other));
	Prism__V1__GetOrganizationBySlugRequest by_slug =
		PRISM__V1__GET_ORGANIZATION_BY_SLUG_REQUEST__INIT;
	by_slug.slug = slug;
	(void)prism_v1_organization_service_get_organization_by_slug_wait(channel, NULL, &by_slug,
	                                                                  NULL, &tenant.result);
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	Prism__V1__ListOrganizationsRequest list = PRISM__V1__LIST_ORGANIZATIONS_REQUEST__INIT;
	Prism__V1__ListOrganizationsResponse *listed = NULL;
	list.page_size = 200;
	(void)prism_v1_organization_service_list_organizations_wait(channel, NULL, &list, &listed,
	                                                            &tenant.result);
	assert_done();
	assert_int_equal(listed->n_organizations, 1);
	assert_int_equal(listed->organizations[0]->id, 1);
	prism__v1__list_organizations_response__free_unpacked(listed, NULL);
	prism_channel_close(channel, NULL, NULL);
}

/* --- lists --------------------------------------------------------------------------------- */

static Prism__V1__ListOrganizationsResponse *list(const char *actor, int32_t size,
                                                  const char *token)
{
	Prism__V1__ListOrganizationsRequest request = PRISM__V1__LIST_ORGANIZATIONS_REQUEST__INIT;
	request.page_size = size;
	request.page_token = (char *)token;
	Prism__V1__ListOrganizationsResponse *response = NULL;
	(void)prism_v1_organization_service_list_organizations_wait(BY(actor), &request, &response,
	                                                            &tenant.result);
	return response;
}

static void free_list(Prism__V1__ListOrganizationsResponse *response)
{
	prism__v1__list_organizations_response__free_unpacked(response, NULL);
}

static void those_of_the_actor_come_in_pages(void **state)
{
	(void)state;
	enum { OWN = 5 };
	struct person person = person_new("active");
	int64_t own[OWN];
	for (size_t i = 0; i < OWN; i++) {
		own[i] = organization_new(i % 2 ? person.id : MEMBER);
		if (i % 2 == 0)
			join(own[i], person.id, "viewer");
	}
	char token[1025] = "";
	size_t seen = 0, pages = 0;
	do {
		Prism__V1__ListOrganizationsResponse *page = list(person.id, 2, token);
		assert_done();
		pages++;
		for (size_t i = 0; i < page->n_organizations; i++)
			assert_int_equal(page->organizations[i]->id, own[seen++]);
		snprintf(token, sizeof(token), "%s", page->next_page_token);
		free_list(page);
	} while (*token);
	assert_int_equal(seen, OWN);
	assert_int_equal(pages, 3);

	Prism__V1__ListOrganizationsResponse *page = list(person.id, 2, "");
	assert_null(list(OWNER, 2, page->next_page_token));
	assert_refused(PRISM_INVALID_ARGUMENT, "PAGE_TOKEN_INVALID");
	assert_field("page_token");
	free_list(page);
	count("UPDATE organizations SET deleted_at = now() WHERE id = %ld RETURNING 1",
	      (long)own[0]);
	page = list(person.id, 0, "");
	assert_int_equal(page->n_organizations, OWN - 1);
	free_list(page);
	count("UPDATE users SET status = 'inactive' WHERE id = '%s' RETURNING 1", person.id);
	page = list(person.id, 0, "");
	assert_int_equal(page->n_organizations, 0);
	free_list(page);
}

static void the_system_lists_all(void **state)
{
	(void)state;
	long all = count("SELECT count(*) FROM organizations WHERE deleted_at IS NULL");
	char token[1025] = "";
	long seen = 0;
	int64_t last = 0;
	do {
		Prism__V1__ListOrganizationsResponse *page = list(NULL, 3, token);
		assert_done();
		for (size_t i = 0; i < page->n_organizations; i++, seen++) {
			assert_true(page->organizations[i]->id > last);
			last = page->organizations[i]->id;
		}
		snprintf(token, sizeof(token), "%s", page->next_page_token);
		free_list(page);
	} while (*token);
	assert_int_equal(seen, all);
	assert_null(list(OWNER, -1, ""));
	assert_field("page_size");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_given_comes_back),
		cmocka_unit_test(a_slug_is_made_of_the_name),
		cmocka_unit_test(a_given_slug_is_free_or_refused),
		cmocka_unit_test(a_name_may_be_used_up),
		cmocka_unit_test(an_owner_is_an_active_user),
		cmocka_unit_test(fields_have_rules),
		cmocka_unit_test(organizations_are_made_by_the_system),
		cmocka_unit_test(a_repeated_creation_has_one_effect),
		cmocka_unit_test(many_are_made_at_once),
		cmocka_unit_test(members_see_it),
		cmocka_unit_test(nobody_else_learns_that_it_exists),
		cmocka_unit_test(a_key_may_be_of_one_organization),
		cmocka_unit_test(those_of_the_actor_come_in_pages),
		cmocka_unit_test(the_system_lists_all),
	};
	return cmocka_run_group_tests(tests, people_set_up, tenant_tear_down);
}
