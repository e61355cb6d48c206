/* SprintService: what is made, found, listed and changed, for whom, and why not. */
#include "tests/services/sprint_calls.h"

/* --- making ------------------------------------------------------------------------------------
 */

static void everything_given_comes_back(void **state)
{
	(void)state;
	sprint_t sprint = sprint_of("Whole");
	sprint.goal = "Why";
	sprint.start_date = "2024-02-29";
	sprint.end_date = "2024-03-14";
	sprint.external_source = "tracker";
	sprint.external_id = "whole";
	sprint_t *made = sprint_create(MEMBER, 10, &sprint, NULL);
	assert_done(made);
	sprint_t *read = sprint_get(VIEWER, made->id);
	sprint_t *const both[] = {made, read};
	for (size_t i = 0; i < 2; i++) {
		assert_done(both[i]);
		assert_int_equal(both[i]->id, made->id);
		assert_int_equal(both[i]->organization_id, 1);
		assert_int_equal(both[i]->project_id, 10);
		assert_string_equal(both[i]->name, "Whole");
		assert_string_equal(both[i]->goal, "Why");
		assert_string_equal(both[i]->start_date, "2024-02-29");
		assert_string_equal(both[i]->end_date, "2024-03-14");
		assert_int_equal(both[i]->status, SPRINT_PLANNING);
		assert_int_equal(both[i]->has_velocity_case,
		                 PRISM__V1__SPRINT__HAS_VELOCITY__NOT_SET);
		assert_string_equal(both[i]->external_source, "tracker");
		assert_string_equal(both[i]->external_id, "whole");
		assert_int_equal(both[i]->version, 1);
	}
	assert_int_equal(activities("sprint", made->id), 1);
	sprint.name = "Another";
	assert_null(sprint_create(MEMBER, 10, &sprint, NULL));
	assert_refused_field(PRISM_ALREADY_EXISTS, "EXTERNAL_ID_TAKEN", "sprint.external_id");
	sprint_drop(made);
	sprint_drop(read);
}

static void what_is_not_given_has_its_default(void **state)
{
	(void)state;
	int64_t id = sprint_make("Bare");
	assert_int_equal(count("SELECT count(*) FROM sprints WHERE id = %ld AND goal IS NULL AND "
	                       "start_date IS NULL AND end_date IS NULL AND velocity IS NULL AND "
	                       "status = 'planning' AND external_id IS NULL",
	                       (long)id),
	                 1);
}

static void making_is_for_members(void **state)
{
	(void)state;
	sprint_t sprint = sprint_of("Refused");
	assert_null(sprint_create(VIEWER, 10, &sprint, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	static const char *const strangers[] = {OUTSIDER, INACTIVE};
	for (size_t i = 0; i < 2; i++) {
		assert_null(sprint_create(strangers[i], 10, &sprint, NULL));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
	const int64_t missing[] = {13, 20, 999};
	for (size_t i = 0; i < 3; i++) {
		assert_null(sprint_create(OWNER, missing[i], &sprint, NULL));
		assert_refused(PRISM_NOT_FOUND, "PROJECT_NOT_FOUND");
	}
	assert_null(sprint_create(OWNER, 12, &sprint, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "PROJECT_COMPLETED");
	assert_int_equal(count("SELECT count(*) FROM sprints WHERE name = 'Refused'"), 0);
}

static void an_organization_may_leave_it_to_admins(void **state)
{
	(void)state;
	int64_t id = sprint_make("Managed");
	cluster_sql(tenant.stack.cluster, "UPDATE organizations SET settings ="
	                                  " '{\"sprints\": {\"manage_role\": \"admin\"}}'");
	sprint_t sprint = sprint_of("Managed by admins");
	assert_null(sprint_create(MEMBER, 10, &sprint, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	assert_null(sprint_update(MEMBER, id, &sprint, "name", 0, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	sprint_t *updated = sprint_update(ADMIN, id, &sprint, "name", 0, NULL);
	sprint.name = "Another one";
	sprint_t *made = sprint_create(ADMIN, 10, &sprint, NULL);
	cluster_sql(tenant.stack.cluster, "UPDATE organizations SET settings = '{}'");
	assert_done(updated);
	assert_done(made);
	sprint_drop(updated);
	sprint_drop(made);
}

static void names_are_unique_in_a_project(void **state)
{
	(void)state;
	int64_t id = sprint_make("Sprint 1"), other = sprint_make("Sprint 2");
	sprint_t sprint = sprint_of("SPRINT 1");
	assert_null(sprint_create(MEMBER, 10, &sprint, NULL));
	assert_refused_field(PRISM_ALREADY_EXISTS, "SPRINT_NAME_TAKEN", "sprint.name");
	assert_null(sprint_update(MEMBER, other, &sprint, "name", 0, NULL));
	assert_refused_field(PRISM_ALREADY_EXISTS, "SPRINT_NAME_TAKEN", "sprint.name");
	sprint_t *updated = sprint_update(MEMBER, id, &sprint, "name", 0, NULL);
	assert_done(updated);
	assert_string_equal(updated->name, "SPRINT 1");
	sprint_drop(updated);
	sprint_t *elsewhere = sprint_create(MEMBER, 11, &sprint, NULL);
	assert_done(elsewhere);
	sprint_drop(elsewhere);
	count("UPDATE sprints SET deleted_at = now() WHERE id = %ld RETURNING 1", (long)id);
	sprint_t *again = sprint_create(MEMBER, 10, &sprint, NULL);
	assert_done(again);
	sprint_drop(again);
}

static void expect_bad(sprint_t sprint, const char *field)
{
	assert_null(sprint_create(ADMIN, 10, &sprint, NULL));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", field);
}

static void fields_have_rules(void **state)
{
	(void)state;
	expect_bad(sprint_of(""), "sprint.name");
	expect_bad(sprint_of("Bad\t"), "sprint.name");
	expect_bad(sprint_of(text_of(256)), "sprint.name");
	sprint_t sprint = sprint_of("Bad");
	sprint.goal = text_of(2001);
	expect_bad(sprint, "sprint.goal");
	sprint = sprint_of("Bad");
	sprint.end_date = "2024-13-01";
	expect_bad(sprint, "sprint.end_date");
	sprint.start_date = "2024-01-02";
	sprint.end_date = "2024-01-01";
	expect_bad(sprint, "sprint.end_date");
	sprint = sprint_of("Bad");
	sprint.external_id = "half";
	expect_bad(sprint, "sprint.external_id");
	sprint = sprint_of("Bad");
	sprint.status = (Prism__V1__SprintStatus)4;
	expect_bad(sprint, "sprint.status");
	sprint = sprint_of("Bad");
	sprint.has_velocity_case = PRISM__V1__SPRINT__HAS_VELOCITY_VELOCITY;
	sprint.velocity = -1;
	expect_bad(sprint, "sprint.velocity");
	assert_int_equal(count("SELECT count(*) FROM sprints WHERE name LIKE 'Bad%%'"), 0);
}

/* Even a service's key starts and completes nothing by making it so. */
static void a_new_sprint_is_in_planning(void **state)
{
	(void)state;
	Google__Protobuf__Timestamp then = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	sprint_t active = sprint_of("Active"), fast = sprint_of("Fast"), old = sprint_of("Old");
	active.status = (Prism__V1__SprintStatus)SPRINT_ACTIVE;
	fast.has_velocity_case = PRISM__V1__SPRINT__HAS_VELOCITY_VELOCITY;
	old.created_at = &then;
	sprint_t *const all[] = {&active, &fast, &old};
	const char *const fields[] = {"sprint.status", "sprint.velocity", "sprint.created_at"};
	for (size_t i = 0; i < 3; i++) {
		assert_null(sprint_create(OWNER, 10, all[i], NULL));
		assert_refused_field(PRISM_PERMISSION_DENIED, "SYSTEM_FIELD", fields[i]);
		assert_null(sprint_create(NULL, 10, all[i], NULL));
		assert_refused_field(PRISM_PERMISSION_DENIED, "SYSTEM_FIELD", fields[i]);
	}
}

static void a_repeated_creation_has_one_effect(void **state)
{
	(void)state;
	sprint_t sprint = sprint_of("Once");
	sprint_t *first = sprint_create(MEMBER, 10, &sprint, REQUEST_ID(1));
	sprint_t *again = sprint_create(MEMBER, 10, &sprint, REQUEST_ID(1));
	assert_done(first);
	assert_done(again);
	assert_int_equal(first->id, again->id);
	assert_string_equal(again->name, "Once");
	assert_int_equal(activities("sprint", first->id), 1);
	sprint_t other = sprint_of("Twice");
	assert_null(sprint_create(MEMBER, 10, &other, REQUEST_ID(1)));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED", "request_id");
	sprint_drop(again);
	count("DELETE FROM sprints WHERE id = %ld RETURNING 1", (long)first->id);
	again = sprint_create(MEMBER, 10, &sprint, REQUEST_ID(1));
	assert_done(again);
	assert_int_equal(again->id, first->id);
	assert_string_equal(again->name, "");
	sprint_drop(again);
	sprint_drop(first);
}

/* --- finding ------------------------------------------------------------------------------------
 */

static void finding_is_for_members(void **state)
{
	(void)state;
	long deleted = sprint_by_sql(1, 10, "Deleted");
	count("UPDATE sprints SET deleted_at = now() WHERE id = %ld RETURNING 1", deleted);
	const long missing[] = {sprint_by_sql(1, 13, "Hidden"), sprint_by_sql(2, 20, "Theirs"),
	                        deleted, 99999};
	sprint_t sprint = sprint_of("Found");
	for (size_t i = 0; i < 4; i++) {
		assert_null(sprint_get(OWNER, missing[i]));
		assert_refused(PRISM_NOT_FOUND, "SPRINT_NOT_FOUND");
		assert_null(sprint_update(OWNER, missing[i], &sprint, "name", 0, NULL));
		assert_refused(PRISM_NOT_FOUND, "SPRINT_NOT_FOUND");
	}
	static const char *const strangers[] = {OUTSIDER, INACTIVE};
	for (size_t i = 0; i < 2; i++) {
		assert_null(sprint_get(strangers[i], 5));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
}

static Prism__V1__ListSprintsResponse *page(const char *actor,
                                            const Prism__V1__ListSprintsRequest *request)
{
	Prism__V1__ListSprintsResponse *response = NULL;
	(void)prism_v1_sprint_service_list_sprints_wait(as(actor), NULL, request, &response,
	                                                &tenant.result);
	return response;
}

static Prism__V1__ListSprintsRequest list_of(int64_t project)
{
	Prism__V1__ListSprintsRequest request = PRISM__V1__LIST_SPRINTS_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = project;
	return request;
}

/* The newest first; what is made, or deleted, between two pages is no concern of theirs. */
static void assert_lists(Prism__V1__ListSprintsRequest request, const int64_t *ids, size_t n)
{
	char token[1025] = "";
	size_t seen = n;
	request.page_size = 2;
	do {
		long passing = sprint_by_sql(1, (int)request.project_id, "Passing");
		request.page_token = token;
		Prism__V1__ListSprintsResponse *response = page(VIEWER, &request);
		assert_done(response);
		for (size_t i = 0; i < response->n_sprints; i++)
			if (strcmp(response->sprints[i]->name, "Passing") != 0) {
				assert_true(seen > 0);
				assert_int_equal(response->sprints[i]->id, ids[--seen]);
			}
		snprintf(token, sizeof(token), "%s", response->next_page_token);
		prism__v1__list_sprints_response__free_unpacked(response, NULL);
		count("DELETE FROM sprints WHERE id = %ld RETURNING 1", passing);
	} while (token[0]);
	assert_int_equal(seen, 0);
}

static void lists_are_filtered_and_paged(void **state)
{
	(void)state;
	int64_t all[7];
	char name[] = "Listed A";
	count("DELETE FROM sprints WHERE project_id = 11 RETURNING 1");
	for (size_t i = 0; i < 7; i++, name[7]++)
		all[i] = sprint_by_sql(1, 11, name);
	count("UPDATE sprints SET status = 'completed' WHERE id < %ld AND project_id = 11 "
	      "RETURNING 1",
	      (long)all[4]);
	count("UPDATE sprints SET status = 'active' WHERE id = %ld RETURNING 1", (long)all[4]);
	count("INSERT INTO sprints (organization_id, project_id, name, deleted_at) VALUES (1, 11, "
	      "'Gone', now()) RETURNING 1");
	Prism__V1__ListSprintsRequest request = list_of(11);
	Prism__V1__SprintStatus statuses[] = {(Prism__V1__SprintStatus)SPRINT_ACTIVE,
	                                      (Prism__V1__SprintStatus)SPRINT_COMPLETED};
	assert_lists(request, all, 7);
	request.statuses = statuses;
	request.n_statuses = 2;
	assert_lists(request, all, 5);
	request.n_statuses = 1;
	assert_lists(request, &all[4], 1);
	count("DELETE FROM sprints WHERE project_id = 11 RETURNING 1");
	assert_lists(request, all, 0);
}

static void lists_have_rules(void **state)
{
	(void)state;
	Prism__V1__ListSprintsRequest request = list_of(10);
	request.page_size = 1;
	Prism__V1__ListSprintsResponse *first = page(VIEWER, &request);
	assert_done(first);
	request.page_token = first->next_page_token;
	request.project_id = 11;
	assert_null(page(VIEWER, &request));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "PAGE_TOKEN_INVALID", "page_token");
	prism__v1__list_sprints_response__free_unpacked(first, NULL);
	request.page_token = "";
	assert_null(page(OUTSIDER, &request));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	const int64_t missing[] = {13, 20, 999};
	for (size_t i = 0; i < 3; i++) {
		request.project_id = missing[i];
		assert_null(page(OWNER, &request));
		assert_refused(PRISM_NOT_FOUND, "PROJECT_NOT_FOUND");
	}
}

/* --- changing -----------------------------------------------------------------------------------
 */

static void only_the_named_fields_change(void **state)
{
	(void)state;
	int64_t id = sprint_make("Before");
	sprint_t sprint = sprint_of("After");
	sprint.goal = "Why";
	sprint.start_date = "2024-01-01";
	sprint.end_date = "2024-01-14";
	sprint_t *updated = sprint_update(MEMBER_2, id, &sprint, "goal,end_date", 1, NULL);
	assert_done(updated);
	assert_string_equal(updated->name, "Before");
	assert_string_equal(updated->goal, "Why");
	assert_string_equal(updated->start_date, "");
	assert_string_equal(updated->end_date, "2024-01-14");
	assert_int_equal(updated->version, 2);
	sprint_drop(updated);
	sprint.goal = "";
	updated = sprint_update(MEMBER, id, &sprint, "name,goal,start_date", 2, NULL);
	assert_done(updated);
	assert_string_equal(updated->name, "After");
	assert_string_equal(updated->goal, "");
	assert_string_equal(updated->start_date, "2024-01-01");
	sprint_drop(updated);
	assert_int_equal(
		count("SELECT count(*) FROM activity_log WHERE entity_type = 'sprint' AND entity_id"
	              " = '%ld' AND changes = '{\"name\": {\"old\": \"Before\", \"new\": "
	              "\"After\"}, \"goal\": {\"changed\": true}, \"start_date\": {\"new\": "
	              "\"2024-01-01\"}}'",
	              (long)id),
		1);
}

static void what_changes_nothing_writes_nothing(void **state)
{
	(void)state;
	int64_t id = sprint_make("Same");
	sprint_t sprint = sprint_of("Same"), *before = sprint_get(MEMBER, id);
	sprint_t *updated =
		sprint_update(MEMBER, id, &sprint, "name,goal,start_date,end_date", 1, NULL);
	assert_done(updated);
	assert_int_equal(updated->version, 1);
	assert_int_equal(updated->updated_at->seconds, before->updated_at->seconds);
	assert_int_equal(updated->updated_at->nanos, before->updated_at->nanos);
	assert_int_equal(activities("sprint", id), 1);
	sprint_drop(updated);
	sprint_drop(before);
}

static void changes_are_checked(void **state)
{
	(void)state;
	int64_t id = sprint_make("Checked");
	sprint_t sprint = sprint_of("");
	static const char *const masks[] = {"", "status", "velocity", "name,version"};
	for (size_t i = 0; i < 4; i++) {
		assert_null(sprint_update(OWNER, id, &sprint, masks[i], 0, NULL));
		assert_refused_field(PRISM_INVALID_ARGUMENT, "MASK_INVALID", "update_mask");
	}
	assert_null(sprint_update(OWNER, id, &sprint, "name", 0, NULL));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "sprint.name");
	sprint = sprint_of("Seen");
	assert_null(sprint_update(OWNER, id, &sprint, "name", 2, NULL));
	assert_refused_field(PRISM_ABORTED, "VERSION_STALE", "expected_version");
	assert_null(sprint_update(VIEWER, id, &sprint, "name", 0, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	assert_null(sprint_update(OUTSIDER, id, &sprint, "name", 0, NULL));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	assert_null(sprint_update(OWNER, 7, &sprint, "name", 0, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "SPRINT_COMPLETED");
	long done = sprint_by_sql(1, 12, "In a completed project");
	assert_null(sprint_update(OWNER, done, &sprint, "name", 0, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "PROJECT_COMPLETED");
	assert_int_equal(count("SELECT count(*) FROM sprints WHERE name = 'Seen'"), 0);
}

static void dates_stay_in_order(void **state)
{
	(void)state;
	int64_t id = sprint_make("Dated");
	sprint_t sprint = sprint_of("");
	sprint.start_date = "2024-05-10";
	sprint.end_date = "2024-05-09";
	assert_null(sprint_update(MEMBER, id, &sprint, "start_date,end_date", 0, NULL));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "sprint.end_date");
	sprint_drop(sprint_update(MEMBER, id, &sprint, "start_date", 0, NULL));
	assert_refused(PRISM_OK, "");
	assert_null(sprint_update(MEMBER, id, &sprint, "end_date", 0, NULL));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "sprint.end_date");
	sprint.end_date = "2024-05-10";
	sprint_t *updated = sprint_update(MEMBER, id, &sprint, "end_date", 0, NULL);
	assert_done(updated);
	sprint_drop(updated);
}

static void a_repeated_update_has_one_effect(void **state)
{
	(void)state;
	int64_t id = sprint_make("Repeats");
	sprint_t first = sprint_of("Repeats 1"), second = sprint_of("Repeats 2");
	sprint_drop(sprint_update(MEMBER, id, &first, "name", 1, REQUEST_ID(2)));
	sprint_drop(sprint_update(ADMIN, id, &second, "name", 0, NULL));
	sprint_t *again = sprint_update(MEMBER, id, &first, "name", 1, REQUEST_ID(2));
	assert_done(again);
	assert_string_equal(again->name, "Repeats 2");
	assert_int_equal(again->version, 3);
	sprint_drop(again);
	assert_null(sprint_update(MEMBER, id, &second, "name", 1, REQUEST_ID(2)));
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_given_comes_back),
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(making_is_for_members),
		cmocka_unit_test(an_organization_may_leave_it_to_admins),
		cmocka_unit_test(names_are_unique_in_a_project),
		cmocka_unit_test(fields_have_rules),
		cmocka_unit_test(a_new_sprint_is_in_planning),
		cmocka_unit_test(a_repeated_creation_has_one_effect),
		cmocka_unit_test(finding_is_for_members),
		cmocka_unit_test(lists_are_filtered_and_paged),
		cmocka_unit_test(lists_have_rules),
		cmocka_unit_test(only_the_named_fields_change),
		cmocka_unit_test(what_changes_nothing_writes_nothing),
		cmocka_unit_test(changes_are_checked),
		cmocka_unit_test(dates_stay_in_order),
		cmocka_unit_test(a_repeated_update_has_one_effect),
	};
	return cmocka_run_group_tests(tests, tenant_set_up, tenant_tear_down);
}
