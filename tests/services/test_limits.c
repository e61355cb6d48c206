/* The limits that an organization's settings set: how many members, how many projects. */
#include "prism/v1/project.prism-client.h"
#include "tests/services/people_fixture.h"
#include "tests/services/race.h"

enum { MEMBERS = 5 }; /* of an own_new(), the inactive one too */

static int set_up(void **state)
{
	people_set_up(state);
	race_open();
	return 0;
}

static int tear_down(void **state)
{
	race_close();
	return tenant_tear_down(state);
}

/* UpdateOrganization by its owner: whether it was done. */
static bool set(const struct own *own, const char *settings)
{
	struct mask mask;
	organization_t organization = PRISM__V1__ORGANIZATION__INIT, *updated = NULL;
	Prism__V1__UpdateOrganizationRequest request = PRISM__V1__UPDATE_ORGANIZATION_REQUEST__INIT;
	organization.settings = (char *)settings;
	request.organization_id = own->id;
	request.organization = &organization;
	request.update_mask = mask_of(&mask, "settings");
	(void)prism_v1_organization_service_update_organization_wait(BY(own->owner.id), &request,
	                                                             &updated, &tenant.result);
	bool done = updated != NULL;
	free_organization(updated);
	return done;
}

static void limit(const struct own *own, const char *what, long most)
{
	char settings[64];
	snprintf(settings, sizeof(settings), "{\"limits\": {\"%s\": %ld}}", what, most);
	assert_true(set(own, settings));
}

/* --- the settings ------------------------------------------------------------------------------
 */

static const struct {
	const char *settings, *field; /* NULL: it is good */
} settings[] = {
	{"{\"limits\": {\"max_members\": -1}}", "organization.settings.limits.max_members"},
	{"{\"limits\": {\"max_members\": 1.5}}", "organization.settings.limits.max_members"},
	{"{\"limits\": {\"max_members\": \"5\"}}", "organization.settings.limits.max_members"},
	{"{\"limits\": {\"max_members\": true}}", "organization.settings.limits.max_members"},
	{"{\"limits\": {\"max_members\": null}}", "organization.settings.limits.max_members"},
	{"{\"limits\": {\"max_members\": [5]}}", "organization.settings.limits.max_members"},
	{"{\"limits\": {\"max_members\": 5, \"max_projects\": {}}}",
         "organization.settings.limits.max_projects"},
	{"{\"limits\": {\"max_projects\": -0.1}}", "organization.settings.limits.max_projects"},
	{"{\"limits\": 5}", "organization.settings.limits"},
	{"{\"limits\": null}", "organization.settings.limits"},
	{"{}", NULL},
	{"{\"limits\": {}}", NULL},
	{"{\"limits\": {\"max_members\": 0, \"max_projects\": 1e30}}", NULL},
	{"{\"limits\": {\"max_members\": 5.0}}", NULL},
	{"{\"limits\": {\"max_stories\": \"many\"}, \"max_members\": -1}", NULL},
};

static void limits_are_whole_numbers(void **state)
{
	(void)state;
	struct own own = own_new();
	assert_true(set(&own, "{\"a\": 1}"));
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		bool done = set(&own, settings[i].settings);
		assert_int_equal(done, !settings[i].field);
		if (settings[i].field) {
			assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
			assert_field(settings[i].field);
			assert_int_equal(count("SELECT count(*) FROM organizations WHERE id = %ld "
			                       "AND settings = '{\"a\": 1}'",
			                       (long)own.id),
			                 1);
		}
	}
}

static void a_new_organization_has_limits_too(void **state)
{
	(void)state;
	struct person owner = person_new("active");
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		organization_t organization = PRISM__V1__ORGANIZATION__INIT;
		organization.name = "Limited";
		organization.owner_id = owner.id;
		organization.settings = (char *)settings[i].settings;
		long before = count("SELECT count(*) FROM organizations");
		organization_t *created = create_organization(NULL, &organization, "");
		assert_int_equal(created != NULL, !settings[i].field);
		assert_int_equal(count("SELECT count(*) FROM organizations") - before,
		                 !settings[i].field);
		if (settings[i].field)
			assert_field(settings[i].field);
		free_organization(created);
	}
}

/* --- members ------------------------------------------------------------------------------------
 */

static bool add(const struct own *own, const char *user, const char *request_id)
{
	Prism__V1__AddMemberRequest request = PRISM__V1__ADD_MEMBER_REQUEST__INIT;
	Prism__V1__Member *member = NULL;
	request.organization_id = own->id;
	request.user_id = (char *)user;
	request.request_id = (char *)request_id;
	(void)prism_v1_membership_service_add_member_wait(BY(own->owner.id), &request, &member,
	                                                  &tenant.result);
	bool done = member != NULL;
	prism__v1__member__free_unpacked(member, NULL);
	return done;
}

/* BatchUpsertMembers: how many were added; -1: refused. */
static int add_both(const struct own *own, const char *one, const char *other)
{
	char *ids[] = {(char *)one, (char *)other};
	Prism__V1__BatchUpsertMembersRequest request =
		PRISM__V1__BATCH_UPSERT_MEMBERS_REQUEST__INIT;
	Prism__V1__BatchUpsertMembersResponse *response = NULL;
	request.organization_id = own->id;
	request.user_ids = ids;
	request.n_user_ids = 2;
	(void)prism_v1_membership_service_batch_upsert_members_wait(BY(own->owner.id), &request,
	                                                            &response, &tenant.result);
	int added = response ? response->added : -1;
	prism__v1__batch_upsert_members_response__free_unpacked(response, NULL);
	return added;
}

static long members_of(const struct own *own)
{
	return count("SELECT count(*) FROM organization_members WHERE organization_id = %ld",
	             (long)own->id);
}

static void members_are_added_up_to_the_limit(void **state)
{
	(void)state;
	struct own own = own_new();
	struct id request_id = id_new();
	struct person first = person_new("active"), second = person_new("active");
	assert_int_equal(members_of(&own), MEMBERS);
	limit(&own, "max_members", MEMBERS + 1);
	assert_true(add(&own, first.id, request_id.text));
	assert_false(add(&own, second.id, ""));
	assert_refused(PRISM_RESOURCE_EXHAUSTED, "MEMBER_LIMIT");
	assert_true(add(&own, first.id, request_id.text)); /* a repetition adds nobody */
	assert_false(add(&own, first.id, ""));
	assert_refused(PRISM_ALREADY_EXISTS, "ALREADY_MEMBER");
	assert_false(add(&own, id_new().text, ""));
	assert_refused(PRISM_NOT_FOUND, "USER_NOT_FOUND");
	limit(&own, "max_members", 2);
	assert_int_equal(members_of(&own), MEMBERS + 1); /* nobody has to go */
	assert_false(add(&own, second.id, ""));
	limit(&own, "max_members", MEMBERS + 2);
	assert_true(add(&own, second.id, ""));
	assert_true(set(&own, "{}"));
	assert_true(add(&own, own.outsider.id, ""));
}

static void several_are_added_within_the_limit(void **state)
{
	(void)state;
	struct own own = own_new();
	struct person first = person_new("active"), second = person_new("active");
	limit(&own, "max_members", MEMBERS + 1);
	assert_int_equal(add_both(&own, first.id, second.id), -1);
	assert_refused(PRISM_RESOURCE_EXHAUSTED, "MEMBER_LIMIT");
	assert_int_equal(members_of(&own), MEMBERS);
	assert_int_equal(add_both(&own, first.id, own.member.id), 1);
	assert_int_equal(add_both(&own, first.id, own.member.id), 0);
	limit(&own, "max_members", MEMBERS + 2);
	assert_int_equal(add_both(&own, first.id, second.id), 1);
}

/* What the database had before limits were checked limits nobody. */
static void what_is_no_number_is_no_limit(void **state)
{
	(void)state;
	struct own own = own_new();
	count("UPDATE organizations SET settings = '{\"limits\": {\"max_members\": \"0\"}}' WHERE "
	      "id = %ld RETURNING 1",
	      (long)own.id);
	assert_true(add(&own, own.outsider.id, ""));
}

/* Both are on their way when there is room for one. */
static void of_two_members_at_the_limit_one_wins(void **state)
{
	(void)state;
	struct own own = own_new();
	struct person person[] = {person_new("active"), person_new("active")};
	char sql[160];
	snprintf(sql, sizeof(sql), "SELECT FROM users WHERE id IN ('%s', '%s') FOR UPDATE",
	         person[0].id, person[1].id);
	limit(&own, "max_members", MEMBERS + 1);
	assert_true(session("BEGIN"));
	assert_true(session(sql));
	for (size_t i = 0; i < 2; i++) {
		Prism__V1__AddMemberRequest request = PRISM__V1__ADD_MEMBER_REQUEST__INIT;
		request.organization_id = own.id;
		request.user_id = person[i].id;
		(void)race_add(own.owner.id, &prism_v1_membership_service_add_member_method,
		               &request.base);
	}
	race_until_waiting(2);
	assert_true(session("COMMIT"));
	assert_int_equal(race_run(), 1);
	assert_int_equal(race_count(PRISM_RESOURCE_EXHAUSTED, "MEMBER_LIMIT"), 1);
	assert_int_equal(members_of(&own), MEMBERS + 1);
}

/* --- projects ------------------------------------------------------------------------------------
 */

struct creation {
	Prism__V1__Project project;
	Prism__V1__CreateProjectRequest request;
};

static Prism__V1__CreateProjectRequest *creation_of(struct creation *creation,
                                                    const struct own *own, const char *key)
{
	prism__v1__project__init(&creation->project);
	prism__v1__create_project_request__init(&creation->request);
	creation->project.name = "Limited";
	creation->project.key = (char *)key;
	creation->request.organization_id = own->id;
	creation->request.project = &creation->project;
	return &creation->request;
}

static bool create(const struct own *own, const char *key)
{
	struct creation creation;
	Prism__V1__Project *project = NULL;
	(void)prism_v1_project_service_create_project_wait(
		BY(own->member.id), creation_of(&creation, own, key), &project, &tenant.result);
	bool done = project != NULL;
	prism__v1__project__free_unpacked(project, NULL);
	return done;
}

static long projects_of(const struct own *own)
{
	return count("SELECT count(*) FROM projects WHERE organization_id = %ld AND deleted_at IS "
	             "NULL",
	             (long)own->id);
}

static void projects_are_made_up_to_the_limit(void **state)
{
	(void)state;
	struct own own = own_new();
	limit(&own, "max_projects", 2);
	assert_true(create(&own, ""));
	assert_true(create(&own, "TWO"));
	count("UPDATE projects SET status = 'completed' WHERE organization_id = %ld RETURNING 1",
	      (long)own.id);
	assert_false(create(&own, ""));
	assert_refused(PRISM_RESOURCE_EXHAUSTED, "PROJECT_LIMIT");
	assert_false(create(&own, "THREE"));
	assert_refused(PRISM_RESOURCE_EXHAUSTED, "PROJECT_LIMIT");
	count("UPDATE projects SET deleted_at = now() WHERE organization_id = %ld AND key = 'TWO' "
	      "RETURNING 1",
	      (long)own.id);
	assert_true(create(&own, "THREE"));
	assert_false(create(&own, "FOUR"));
	limit(&own, "max_projects", 0);
	assert_int_equal(projects_of(&own), 2);
	assert_false(create(&own, "FOUR"));
	limit(&own, "max_projects", 3);
	assert_true(create(&own, "FOUR"));
	assert_true(set(&own, "{}"));
	assert_true(create(&own, "FIVE"));
}

static void of_two_projects_at_the_limit_one_wins(void **state)
{
	(void)state;
	struct own own = own_new();
	struct creation creation;
	char sql[160];
	snprintf(sql, sizeof(sql),
	         "SELECT FROM organization_members WHERE user_id = '%s' FOR UPDATE", own.member.id);
	limit(&own, "max_projects", 1);
	assert_true(session("BEGIN"));
	assert_true(session(sql));
	(void)race_add(own.member.id, &prism_v1_project_service_create_project_method,
	               &creation_of(&creation, &own, "ONE")->base);
	(void)race_add(own.member.id, &prism_v1_project_service_create_project_method,
	               &creation_of(&creation, &own, "TWO")->base);
	race_until_waiting(2);
	assert_true(session("COMMIT"));
	assert_int_equal(race_run(), 1);
	assert_int_equal(race_count(PRISM_RESOURCE_EXHAUSTED, "PROJECT_LIMIT"), 1);
	assert_int_equal(projects_of(&own), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_are_whole_numbers),
		cmocka_unit_test(a_new_organization_has_limits_too),
		cmocka_unit_test(members_are_added_up_to_the_limit),
		cmocka_unit_test(several_are_added_within_the_limit),
		cmocka_unit_test(what_is_no_number_is_no_limit),
		cmocka_unit_test(of_two_members_at_the_limit_one_wins),
		cmocka_unit_test(projects_are_made_up_to_the_limit),
		cmocka_unit_test(of_two_projects_at_the_limit_one_wins),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
