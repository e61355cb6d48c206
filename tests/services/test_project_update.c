/* UpdateProject: what changes, for whom, and what must not. */
#include "tests/services/project_calls.h"

static void only_the_named_fields_change(void **state)
{
	(void)state;
	int64_t id = project_make("Changes", "CHA");
	project_t project = project_of("Changed", "CHB");
	project.description = "New";
	project.status = (Prism__V1__ProjectStatus)ACTIVE;
	project.start_date = "2024-01-01";
	project.end_date = "2024-12-31";
	project_owned_by(&project, MEMBER_2);
	project_t *updated = project_update(MEMBER, id, &project, "description,end_date", 1, NULL);
	assert_done(updated);
	assert_string_equal(updated->name, "Changes");
	assert_string_equal(updated->key, "CHA");
	assert_string_equal(updated->description, "New");
	assert_int_equal(updated->status, PLANNING);
	assert_string_equal(updated->owner_id, MEMBER);
	assert_string_equal(updated->start_date, "");
	assert_string_equal(updated->end_date, "2024-12-31");
	assert_int_equal(updated->version, 2);
	project_drop(updated);
	updated =
		project_update(ADMIN, id, &project, "name,key,status,owner_id,start_date", 2, NULL);
	assert_done(updated);
	assert_string_equal(updated->name, "Changed");
	assert_string_equal(updated->key, "CHB");
	assert_int_equal(updated->status, ACTIVE);
	assert_string_equal(updated->owner_id, MEMBER_2);
	assert_string_equal(updated->start_date, "2024-01-01");
	project_drop(updated);
	assert_int_equal(
		count("SELECT count(*) FROM activity_log WHERE entity_type = 'project' AND "
	              "entity_id = '%ld' AND verb = 'update' AND changes @> '{\"key\": {\"old\": "
	              "\"CHA\", \"new\": \"CHB\"}, \"status\": {\"old\": \"planning\", \"new\": "
	              "\"active\"}}' AND NOT changes ? 'description'",
	              (long)id),
		1);
	project = project_of("", "");
	updated =
		project_update(MEMBER_2, id, &project, "description,start_date,end_date", 3, NULL);
	assert_done(updated);
	assert_string_equal(updated->description, "");
	assert_string_equal(updated->start_date, "");
	assert_string_equal(updated->end_date, "");
	project_drop(updated);
}

static void what_changes_nothing_writes_nothing(void **state)
{
	(void)state;
	int64_t id = project_make("Same", "SAME");
	project_t project = project_of("Same", "same"), *before = project_get(MEMBER, id, NULL);
	project.status = (Prism__V1__ProjectStatus)PLANNING;
	project_owned_by(&project, MEMBER);
	project_t *updated = project_update(
		MEMBER, id, &project, "name,key,description,status,owner_id,end_date", 1, NULL);
	assert_done(updated);
	assert_int_equal(updated->version, 1);
	assert_int_equal(updated->updated_at->seconds, before->updated_at->seconds);
	assert_int_equal(updated->updated_at->nanos, before->updated_at->nanos);
	assert_int_equal(activities("project", id), 1);
	project_drop(updated);
	project_drop(before);
}

static void masks_and_fields_are_checked(void **state)
{
	(void)state;
	int64_t id = project_make("Checked", "CHK");
	project_t project = project_of("", "");
	static const char *const masks[] = {"",        "id", "name,organization_id",
	                                    "version", "*",  "projectName"};
	for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++) {
		assert_null(project_update(ADMIN, id, &project, masks[i], 0, NULL));
		assert_refused_field(PRISM_INVALID_ARGUMENT, "MASK_INVALID", "update_mask");
		assert_non_null(strstr(tenant.result.message, "owner_id"));
	}
	static const char *const needed[] = {"name", "key", "status"};
	for (size_t i = 0; i < 3; i++) {
		char field[32];
		snprintf(field, sizeof(field), "project.%s", needed[i]);
		assert_null(project_update(ADMIN, id, &project, needed[i], 0, NULL));
		assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", field);
	}
	project.end_date = "2024-01-31";
	project_drop(project_update(ADMIN, id, &project, "end_date", 0, NULL));
	assert_refused(PRISM_OK, "");
	project.start_date = "2024-02-01";
	assert_null(project_update(ADMIN, id, &project, "start_date", 0, NULL));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "project.end_date");
	assert_int_equal(count("SELECT version FROM projects WHERE id = %ld", (long)id), 2);
}

static void a_stale_version_is_told_the_current_one(void **state)
{
	(void)state;
	int64_t id = project_make("Versioned", "VER");
	project_t project = project_of("Second", "");
	project_drop(project_update(MEMBER, id, &project, "name", 1, NULL));
	assert_refused(PRISM_OK, "");
	project.name = "Third";
	assert_null(project_update(MEMBER, id, &project, "name", 1, NULL));
	assert_refused_field(PRISM_ABORTED, "VERSION_STALE", "expected_version");
	assert_non_null(strstr(tenant.result.message, "version 2"));
	assert_int_equal(count("SELECT count(*) FROM projects WHERE name = 'Third'"), 0);
}

static void changing_is_for_owner_and_admins(void **state)
{
	(void)state;
	int64_t id = project_make("Guarded", "GRD");
	project_t project = project_of("Taken over", "TKO");
	assert_null(project_update(VIEWER, id, &project, "name", 0, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	assert_null(project_update(MEMBER_2, id, &project, "name", 0, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "NOT_YOURS");
	assert_null(project_update(MEMBER, id, &project, "key", 0, NULL));
	assert_refused_field(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW", "project.key");
	assert_null(project_update(OUTSIDER, id, &project, "name", 0, NULL));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	const int64_t missing[] = {13, 20, 999};
	for (size_t i = 0; i < 3; i++) {
		assert_null(project_update(OWNER, missing[i], &project, "name", 0, NULL));
		assert_refused(PRISM_NOT_FOUND, "PROJECT_NOT_FOUND");
	}
	assert_int_equal(count("SELECT count(*) FROM projects WHERE name = 'Taken over'"), 0);
	count("UPDATE organization_members SET role = 'viewer' WHERE user_id = '" MEMBER
	      "' RETURNING 1");
	assert_null(project_update(MEMBER, id, &project, "name", 0, NULL));
	count("UPDATE organization_members SET role = 'member' WHERE user_id = '" MEMBER
	      "' RETURNING 1");
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	static const char *const those[] = {MEMBER, ADMIN, OWNER, NULL};
	for (int32_t i = 0; i < 4; i++) {
		char name[32];
		snprintf(name, sizeof(name), "Change %d", i);
		project.name = name;
		project_t *updated = project_update(those[i], id, &project, "name", i + 1, NULL);
		assert_done(updated);
		project_drop(updated);
	}
}

static void a_former_key_goes_on_resolving(void **state)
{
	(void)state;
	int64_t id = project_make("Moves on", "OLDK"), other = project_make("Another", "ANO");
	long story = story_by_sql((int)id, "Known by two keys");
	project_t renamed = project_of("", "NEWK");
	project_drop(project_update(ADMIN, id, &renamed, "key", 0, NULL));
	assert_refused(PRISM_OK, "");
	static const char *const keys[] = {"OLDK", "NEWK"};
	for (size_t i = 0; i < 2; i++) {
		project_t *found = project_get(VIEWER, 0, keys[i]);
		assert_done(found);
		assert_int_equal(found->id, id);
		assert_string_equal(found->key, "NEWK");
		project_drop(found);
		project_t taken = project_of("", keys[i]);
		assert_null(project_update(ADMIN, other, &taken, "key", 0, NULL));
		assert_refused_field(PRISM_ALREADY_EXISTS, "KEY_TAKEN", "project.key");
	}
	story_t *read = get_story(VIEWER, story);
	assert_string_equal(read->key, "NEWK-1");
	free_story(read);
	renamed.key = "OLDK";
	project_drop(project_update(ADMIN, id, &renamed, "key", 0, NULL));
	assert_refused(PRISM_OK, "");
	assert_int_equal(count("SELECT count(*) FROM project_keys WHERE project_id = %ld AND "
	                       "is_current = (key = 'OLDK')",
	                       (long)id),
	                 2);
}

static project_t *set_status(int64_t id, int status)
{
	project_t project = project_of("", "");
	project.status = (Prism__V1__ProjectStatus)status;
	return project_update(MEMBER, id, &project, "status", 0, NULL);
}

static void statuses_have_their_ways(void **state)
{
	(void)state;
	/* from planning, active, on_hold, completed; to the same */
	static const bool ways[4][4] = {{true, true, true, true},
	                                {false, true, true, true},
	                                {false, true, true, true},
	                                {false, true, false, true}};
	static const char *const names[] = {"planning", "active", "on_hold", "completed"};
	int64_t id = project_make("Goes", "GOES");
	for (int from = 0; from < 4; from++) {
		for (int to = 0; to < 4; to++) {
			count("UPDATE projects SET status = '%s' WHERE id = %ld RETURNING 1",
			      names[from], (long)id);
			project_t *updated = set_status(id, PLANNING + to);
			if (ways[from][to]) {
				assert_done(updated);
				assert_int_equal(updated->status, PLANNING + to);
				project_drop(updated);
				continue;
			}
			assert_null(updated);
			assert_refused_field(PRISM_FAILED_PRECONDITION, "STATUS_TRANSITION",
			                     "project.status");
		}
	}
}

static void an_active_sprint_is_completed_first(void **state)
{
	(void)state;
	int64_t id = project_make("Sprints", "SPR");
	assert_done((project_drop(set_status(id, ACTIVE)), &tenant));
	count("INSERT INTO sprints (organization_id, project_id, name, status) VALUES (1, %ld, "
	      "'Runs', 'active') RETURNING 1",
	      (long)id);
	assert_null(set_status(id, COMPLETED));
	assert_refused_field(PRISM_FAILED_PRECONDITION, "SPRINT_ACTIVE", "project.status");
	count("UPDATE sprints SET status = 'completed' WHERE project_id = %ld RETURNING 1",
	      (long)id);
	project_t *completed = set_status(id, COMPLETED);
	assert_done(completed);
	project_drop(completed);
}

static void a_repeated_update_has_one_effect(void **state)
{
	(void)state;
	int64_t id = project_make("Repeats", "RPT");
	project_t first = project_of("First", ""), second = project_of("Second", "");
	project_drop(project_update(MEMBER, id, &first, "name", 1, REQUEST_ID(2)));
	project_drop(project_update(ADMIN, id, &second, "name", 0, NULL));
	project_t *again = project_update(MEMBER, id, &first, "name", 1, REQUEST_ID(2));
	assert_done(again);
	assert_string_equal(again->name, "Second");
	assert_int_equal(again->version, 3);
	assert_int_equal(activities("project", id), 3);
	project_drop(again);
	assert_null(project_update(MEMBER, id, &second, "name", 1, REQUEST_ID(2)));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED", "request_id");
}

/* Who owned it and was made a viewer since still does: a form sends back what it was shown. */
static void an_owner_who_stays_is_not_judged(void **state)
{
	(void)state;
	project_t project = project_of("Kept", "KEPT");
	project_owned_by(&project, MEMBER_2);
	project_t *made = project_create(ADMIN, &project, NULL);
	assert_done(made);
	count("UPDATE organization_members SET role = 'viewer' WHERE user_id = '" MEMBER_2
	      "' RETURNING 1");
	project.name = "Kept, renamed";
	project_t *updated = project_update(ADMIN, made->id, &project, "name,owner_id", 0, NULL);
	count("UPDATE organization_members SET role = 'member' WHERE user_id = '" MEMBER_2
	      "' RETURNING 1");
	assert_done(updated);
	assert_string_equal(updated->owner_id, MEMBER_2);
	project_drop(updated);
	project_drop(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_named_fields_change),
		cmocka_unit_test(what_changes_nothing_writes_nothing),
		cmocka_unit_test(masks_and_fields_are_checked),
		cmocka_unit_test(a_stale_version_is_told_the_current_one),
		cmocka_unit_test(changing_is_for_owner_and_admins),
		cmocka_unit_test(a_former_key_goes_on_resolving),
		cmocka_unit_test(statuses_have_their_ways),
		cmocka_unit_test(an_active_sprint_is_completed_first),
		cmocka_unit_test(a_repeated_update_has_one_effect),
		cmocka_unit_test(an_owner_who_stays_is_not_judged),
	};
	return cmocka_run_group_tests(tests, tenant_set_up, tenant_tear_down);
}
