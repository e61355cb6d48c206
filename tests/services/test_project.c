/* ProjectService: what is made, found and listed, for whom, and why not. */
#include "tests/services/project_calls.h"

/* --- making ------------------------------------------------------------------------------------
 */

static void everything_given_comes_back(void **state)
{
	(void)state;
	project_t project = project_of("Whole", "whl");
	project.description = "What for";
	project.status = (Prism__V1__ProjectStatus)ACTIVE;
	project.start_date = "2024-02-29";
	project.end_date = "2024-02-29";
	project_owned_by(&project, MEMBER_2);
	project_t *made = project_create(MEMBER, &project, NULL);
	assert_done(made);
	project_t *by_id = project_get(VIEWER, made->id, NULL),
		  *by_key = project_get(VIEWER, 0, "wHl");
	project_t *const all[] = {made, by_id, by_key};
	for (size_t i = 0; i < 3; i++) {
		assert_done(all[i]);
		assert_int_equal(all[i]->id, made->id);
		assert_int_equal(all[i]->organization_id, 1);
		assert_string_equal(all[i]->name, "Whole");
		assert_string_equal(all[i]->key, "WHL");
		assert_string_equal(all[i]->description, "What for");
		assert_int_equal(all[i]->status, ACTIVE);
		assert_string_equal(all[i]->owner_id, MEMBER_2);
		assert_string_equal(all[i]->start_date, "2024-02-29");
		assert_string_equal(all[i]->end_date, "2024-02-29");
		assert_int_equal(all[i]->version, 1);
		assert_non_null(all[i]->created_at);
		assert_non_null(all[i]->updated_at);
	}
	assert_int_equal(activities("project", made->id), 1);
	story_t story = PRISM__V1__STORY__INIT;
	story.title = "First";
	story_t *first = create_story(MEMBER, made->id, &story, NULL);
	assert_done(first);
	assert_string_equal(first->key, "WHL-1");
	free_story(first);
	project_drop(made);
	project_drop(by_id);
	project_drop(by_key);
}

static void what_is_not_given_has_its_default(void **state)
{
	(void)state;
	project_t project = project_of("Bare", "BARE"),
		  *made = project_create(MEMBER, &project, NULL);
	assert_done(made);
	assert_int_equal(made->status, PLANNING);
	assert_string_equal(made->owner_id, MEMBER);
	assert_string_equal(made->start_date, "");
	assert_int_equal(count("SELECT count(*) FROM projects WHERE id = %ld AND description IS "
	                       "NULL AND start_date IS NULL AND end_date IS NULL",
	                       (long)made->id),
	                 1);
	project_drop(made);
	project = project_of("A service's", "SVC");
	made = project_create(NULL, &project, NULL);
	assert_done(made);
	assert_int_equal(made->has_owner_id_case, PRISM__V1__PROJECT__HAS_OWNER_ID__NOT_SET);
	project_drop(made);
}

static void a_key_is_made_of_the_name(void **state)
{
	(void)state;
	static const char *const keys[][2] = {
		{"Ferry Booking System", "FBS"},
		{"Ferry booking system", "FBS2"},
		{"ferry-booking/system", "FBS3"},
		{"Harbour", "HARB"},
		{"\xc3\x9c"
	         "ber Caf\xc3\xa9 Team",
	         "CT"},
		{"\xe6\x97\xa5\xe6\x9c\xac", "PR"},
		{"9", "PR2"},
		{"One Two Three Four Five", "OTTF"},
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		project_t project = project_of(keys[i][0], ""),
			  *made = project_create(MEMBER, &project, NULL);
		assert_done(made);
		assert_string_equal(made->key, keys[i][1]);
		project_drop(made);
	}
}

static void keys_are_taken_for_good(void **state)
{
	(void)state;
	int64_t id = project_make("Renamed", "REN1");
	project_t renamed = project_of("", "REN2");
	project_drop(project_update(ADMIN, id, &renamed, "key", 0, NULL));
	assert_refused(PRISM_OK, "");
	static const char *const taken[] = {"PRJ", "prj", "REN1", "REN2", "GON"};
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
		project_t project = project_of("Late", taken[i]);
		assert_null(project_create(ADMIN, &project, NULL));
		assert_refused_field(PRISM_ALREADY_EXISTS, "KEY_TAKEN", "project.key");
	}
	assert_int_equal(count("SELECT count(*) FROM projects WHERE name = 'Late'"), 0);
}

static void owners_are_members(void **state)
{
	(void)state;
	static const char *const nobody[] = {VIEWER, OUTSIDER, INACTIVE, USER(9)};
	int64_t id = project_make("Owned", "OWN");
	for (size_t i = 0; i < 4; i++) {
		project_t project = project_of("Not owned", "NOWN");
		project_owned_by(&project, nobody[i]);
		assert_null(project_create(ADMIN, &project, NULL));
		assert_refused_field(PRISM_FAILED_PRECONDITION, "OWNER_NOT_MEMBER",
		                     "project.owner_id");
		assert_null(project_update(ADMIN, id, &project, "owner_id", 0, NULL));
		assert_refused_field(PRISM_FAILED_PRECONDITION, "OWNER_NOT_MEMBER",
		                     "project.owner_id");
	}
	assert_int_equal(count("SELECT count(*) FROM project_keys WHERE key = 'NOWN'"), 0);
	project_t none = project_of("", ""),
		  *updated = project_update(ADMIN, id, &none, "owner_id", 0, NULL);
	assert_done(updated);
	assert_int_equal(updated->has_owner_id_case, PRISM__V1__PROJECT__HAS_OWNER_ID__NOT_SET);
	project_drop(updated);
}

/* Each of these breaks one rule of project `field`. */
static void expect_bad(project_t project, const char *field)
{
	assert_null(project_create(ADMIN, &project, NULL));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", field);
}

static void fields_have_rules(void **state)
{
	(void)state;
	static const char *const keys[] = {"A",
	                                   "1AB",
	                                   "A-B",
	                                   "A B",
	                                   "ABCDEFGHIJKLMNOPQRSTU",
	                                   "\xc3\x84"
	                                   "BC"};
	static const char *const dates[] = {"2023-02-29", "2024-2-1", "tomorrow", "0000-01-01",
	                                    "2024-01-01T00:00:00Z"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		expect_bad(project_of("Bad", keys[i]), "project.key");
	for (size_t i = 0; i < sizeof(dates) / sizeof(*dates); i++) {
		project_t project = project_of("Bad", "BAD");
		project.start_date = (char *)dates[i];
		expect_bad(project, "project.start_date");
	}
	expect_bad(project_of("", "BAD"), "project.name");
	expect_bad(project_of("Bad ", "BAD"), "project.name");
	expect_bad(project_of(text_of(256), "BAD"), "project.name");
	project_t project = project_of("Bad", "BAD");
	project.description = text_of(65537);
	expect_bad(project, "project.description");
	project = project_of("Bad", "BAD");
	project.status = (Prism__V1__ProjectStatus)99;
	expect_bad(project, "project.status");
	project = project_of("Bad", "BAD");
	project_owned_by(&project, "somebody");
	expect_bad(project, "project.owner_id");
	project = project_of("Bad", "BAD");
	project.start_date = "2024-03-02";
	project.end_date = "2024-03-01";
	expect_bad(project, "project.end_date");
	assert_int_equal(count("SELECT count(*) FROM project_keys WHERE key = 'BAD'"), 0);
}

static void making_is_for_members(void **state)
{
	(void)state;
	project_t project = project_of("Whose", "WHOSE");
	assert_null(project_create(VIEWER, &project, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	assert_null(project_create(OUTSIDER, &project, NULL));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	assert_null(project_create(INACTIVE, &project, NULL));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	cluster_sql(tenant.stack.cluster, "UPDATE organizations SET settings ="
	                                  " '{\"projects\": {\"create_role\": \"admin\"}}'");
	assert_null(project_create(MEMBER, &project, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	assert_int_equal(count("SELECT count(*) FROM project_keys WHERE key = 'WHOSE'"), 0);
	project_t *made = project_create(ADMIN, &project, NULL);
	cluster_sql(tenant.stack.cluster, "UPDATE organizations SET settings = '{}'");
	assert_done(made);
	project_drop(made);
}

static void a_repeated_creation_has_one_effect(void **state)
{
	(void)state;
	project_t project = project_of("Made Once Only", "");
	project_t *first = project_create(MEMBER, &project, REQUEST_ID(1));
	project_t *again = project_create(MEMBER, &project, REQUEST_ID(1));
	assert_done(first);
	assert_done(again);
	assert_int_equal(first->id, again->id);
	assert_string_equal(again->key, "MOO");
	assert_int_equal(count("SELECT count(*) FROM projects WHERE name = 'Made Once Only'"), 1);
	assert_int_equal(count("SELECT count(*) FROM project_keys WHERE key LIKE 'MOO%%'"), 1);
	assert_int_equal(activities("project", first->id), 1);
	project_t other = project_of("Made Twice", "");
	assert_null(project_create(MEMBER, &other, REQUEST_ID(1)));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED", "request_id");
	project_drop(again);
	count("UPDATE projects SET deleted_at = now() WHERE id = %ld RETURNING 1", (long)first->id);
	again = project_create(MEMBER, &project, REQUEST_ID(1));
	assert_done(again);
	assert_int_equal(again->id, first->id);
	assert_string_equal(again->name, "");
	project_drop(again);
	project_drop(first);
}

/* --- finding ------------------------------------------------------------------------------------
 */

static void finding_is_for_members(void **state)
{
	(void)state;
	const int64_t missing[] = {13, 20, 999};
	for (size_t i = 0; i < 3; i++) {
		assert_null(project_get(OWNER, missing[i], NULL));
		assert_refused(PRISM_NOT_FOUND, "PROJECT_NOT_FOUND");
	}
	static const char *const keys[] = {"GON", "NOKEY"};
	for (size_t i = 0; i < 2; i++) {
		assert_null(project_get(OWNER, 0, keys[i]));
		assert_refused(PRISM_NOT_FOUND, "PROJECT_NOT_FOUND");
	}
	static const char *const strangers[] = {OUTSIDER, INACTIVE};
	for (size_t i = 0; i < 2; i++) {
		assert_null(project_get(strangers[i], 10, NULL));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
		assert_null(project_get(strangers[i], 0, "PRJ"));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
	assert_null(project_get(OWNER, 0, NULL));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "project");
	assert_null(project_get(OWNER, 0, "no key"));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "key");
	project_t *mine = project_get(VIEWER, 0, "PRJ");
	assert_done(mine);
	assert_int_equal(mine->id, 10);
	project_drop(mine);
}

static Prism__V1__ListProjectsResponse *page(const char *actor,
                                             const Prism__V1__ListProjectsRequest *request)
{
	Prism__V1__ListProjectsResponse *response = NULL;
	(void)prism_v1_project_service_list_projects_wait(as(actor), NULL, request, &response,
	                                                  &tenant.result);
	return response;
}

/* All pages of two list what SQL lists; `between` may change the table. */
static void assert_lists(Prism__V1__ListProjectsRequest request, const char *where,
                         void (*between)(void))
{
	char token[1025] = "";
	long last = 0, seen = 0;
	long wanted =
		count("SELECT count(*) FROM projects WHERE organization_id = 1 AND %s", where);
	request.organization_id = 1;
	request.page_size = 2;
	do {
		request.page_token = token;
		Prism__V1__ListProjectsResponse *response = page(VIEWER, &request);
		assert_done(response);
		for (size_t i = 0; i < response->n_projects; i++) {
			if (strcmp(response->projects[i]->name, "Flickers") == 0)
				continue;
			seen++;
			assert_true(response->projects[i]->id > last);
			last = response->projects[i]->id;
			assert_int_equal(count("SELECT count(*) FROM projects WHERE id = %ld AND "
			                       "organization_id = 1 AND %s",
			                       last, where),
			                 1);
		}
		snprintf(token, sizeof(token), "%s", response->next_page_token);
		prism__v1__list_projects_response__free_unpacked(response, NULL);
		if (between)
			between();
	} while (token[0]);
	assert_int_equal(seen, wanted);
}

/* It comes and goes: listed or not, it hides and repeats nobody. */
static void disturb(void)
{
	count("UPDATE projects SET deleted_at = CASE WHEN deleted_at IS NULL THEN now() END"
	      " WHERE name = 'Flickers' RETURNING 1");
}

static void lists_are_filtered_and_paged(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		char key[] = "LISA";
		key[3] = (char)('A' + i);
		(void)project_make("Listed", key);
	}
	(void)project_make("Flickers", "FLICK");
	(void)project_make("Listed", "LISZ");
	disturb();
	Prism__V1__ListProjectsRequest request = PRISM__V1__LIST_PROJECTS_REQUEST__INIT;
	assert_lists(request, "deleted_at IS NULL", NULL);
	Prism__V1__ProjectStatus statuses[] = {(Prism__V1__ProjectStatus)PLANNING,
	                                       (Prism__V1__ProjectStatus)COMPLETED};
	request.statuses = statuses;
	request.n_statuses = 2;
	assert_lists(request, "deleted_at IS NULL AND status IN ('planning', 'completed')", NULL);
	request.owner_id = OUTSIDER;
	assert_lists(request, "false", NULL);
	request.owner_id = MEMBER;
	assert_lists(request,
	             "name <> 'Flickers' AND deleted_at IS NULL AND owner_id = '" MEMBER
	             "' AND status IN ('planning', 'completed')",
	             disturb);
}

static void lists_have_rules(void **state)
{
	(void)state;
	Prism__V1__ListProjectsRequest request = PRISM__V1__LIST_PROJECTS_REQUEST__INIT;
	request.organization_id = 1;
	assert_null(page(OUTSIDER, &request));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	request.page_size = -1;
	assert_null(page(VIEWER, &request));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "page_size");
	request.page_size = 1;
	Prism__V1__ListProjectsResponse *first = page(VIEWER, &request);
	assert_done(first);
	request.page_token = first->next_page_token;
	request.owner_id = MEMBER;
	assert_null(page(VIEWER, &request));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "PAGE_TOKEN_INVALID", "page_token");
	request.owner_id = "";
	assert_null(page(ADMIN, &request));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "PAGE_TOKEN_INVALID", "page_token");
	prism__v1__list_projects_response__free_unpacked(first, NULL);
	request.page_token = "";
	Prism__V1__ProjectStatus none = PRISM__V1__PROJECT_STATUS__PROJECT_STATUS_UNSPECIFIED;
	request.statuses = &none;
	request.n_statuses = 1;
	assert_null(page(VIEWER, &request));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "statuses");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_given_comes_back),
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(a_key_is_made_of_the_name),
		cmocka_unit_test(keys_are_taken_for_good),
		cmocka_unit_test(owners_are_members),
		cmocka_unit_test(fields_have_rules),
		cmocka_unit_test(making_is_for_members),
		cmocka_unit_test(a_repeated_creation_has_one_effect),
		cmocka_unit_test(finding_is_for_members),
		cmocka_unit_test(lists_are_filtered_and_paged),
		cmocka_unit_test(lists_have_rules),
	};
	return cmocka_run_group_tests(tests, tenant_set_up, tenant_tear_down);
}
