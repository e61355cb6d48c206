/* Projects, and what is made in them, under concurrency. */
#include "prism/v1/document.prism-client.h"
#include "prism/v1/epic.prism-client.h"
#include "prism/v1/project.prism-client.h"
#include "prism/v1/sprint.prism-client.h"
#include "tests/services/race.h"
#include "tests/services/request.h"

enum { RACERS = 16, COMPLETED = PRISM__V1__PROJECT_STATUS__PROJECT_STATUS_COMPLETED };

static int set_up(void **state)
{
	tenant_set_up(state);
	race_open();
	return 0;
}

static int tear_down(void **state)
{
	race_close();
	return tenant_tear_down(state);
}

static void add_project(const char *name, const char *key, const char *request_id)
{
	Prism__V1__Project project = PRISM__V1__PROJECT__INIT;
	Prism__V1__CreateProjectRequest request = PRISM__V1__CREATE_PROJECT_REQUEST__INIT;
	project.name = (char *)name;
	project.key = (char *)key;
	request.organization_id = 1;
	request.project = &project;
	request.request_id = (char *)request_id;
	(void)race_add(MEMBER, &prism_v1_project_service_create_project_method, &request.base);
}

static void add_epic(int64_t project, const char *name, const char *request_id)
{
	Prism__V1__Epic epic = PRISM__V1__EPIC__INIT;
	Prism__V1__CreateEpicRequest request = PRISM__V1__CREATE_EPIC_REQUEST__INIT;
	epic.name = (char *)name;
	request.organization_id = 1;
	request.project_id = project;
	request.epic = &epic;
	request.request_id = (char *)request_id;
	(void)race_add(MEMBER, &prism_v1_epic_service_create_epic_method, &request.base);
}

static void add_sprint(int64_t project, const char *name)
{
	Prism__V1__Sprint sprint = PRISM__V1__SPRINT__INIT;
	Prism__V1__CreateSprintRequest request = PRISM__V1__CREATE_SPRINT_REQUEST__INIT;
	sprint.name = (char *)name;
	request.organization_id = 1;
	request.project_id = project;
	request.sprint = &sprint;
	(void)race_add(MEMBER, &prism_v1_sprint_service_create_sprint_method, &request.base);
}

static void add_document(int64_t project, const char *title)
{
	Prism__V1__Document document = PRISM__V1__DOCUMENT__INIT;
	Prism__V1__CreateDocumentRequest request = PRISM__V1__CREATE_DOCUMENT_REQUEST__INIT;
	document.title = (char *)title;
	request.organization_id = 1;
	request.project_id = project;
	request.document = &document;
	(void)race_add(MEMBER, &prism_v1_document_service_create_document_method, &request.base);
}

static void expect_all_refused(size_t n, enum prism_status status, const char *reason)
{
	for (size_t i = 0; i < n; i++)
		if (racers[i].result.status != PRISM_OK)
			assert_true(race_refused(i, status, reason));
}

static void a_given_key_is_one_projects(void **state)
{
	(void)state;
	for (size_t i = 0; i < RACERS; i++)
		add_project("Wanted", "WANTED", "");
	assert_int_equal(race_run(), 1);
	expect_all_refused(RACERS, PRISM_ALREADY_EXISTS, "KEY_TAKEN");
	assert_int_equal(count("SELECT count(*) FROM projects WHERE key = 'WANTED'"), 1);
}

static void a_name_that_many_take_is_one_sprints(void **state)
{
	(void)state;
	for (size_t i = 0; i < RACERS; i++)
		add_sprint(10, i % 2 ? "Wanted" : "WANTED");
	assert_int_equal(race_run(), 1);
	expect_all_refused(RACERS, PRISM_ALREADY_EXISTS, "SPRINT_NAME_TAKEN");
}

/* Nobody is told that a key or slug is taken which they did not give. */
static void made_keys_and_slugs_evade_each_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < RACERS; i++) {
		add_project("Every Body", "", "");
		add_document(10, "Every body");
	}
	assert_int_equal(race_run(), 2 * RACERS);
	assert_int_equal(count("SELECT count(DISTINCT key) FROM projects WHERE name = 'Every Body' "
	                       "AND key IN ('EB', 'EB2', 'EB3', 'EB16')"),
	                 4);
	assert_int_equal(count("SELECT count(DISTINCT slug) FROM documents WHERE title = 'Every "
	                       "body' AND slug LIKE 'every-body%%'"),
	                 RACERS);
}

static void a_request_that_is_sent_by_many_is_done_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < RACERS; i++) {
		add_epic(10, "Once", REQUEST_ID(1));
		add_project("Once", "", REQUEST_ID(2));
	}
	assert_int_equal(race_run(), 2 * RACERS);
	assert_int_equal(count("SELECT count(*) FROM epics WHERE name = 'Once'"), 1);
	assert_int_equal(count("SELECT count(*) FROM projects WHERE name = 'Once'"), 1);
	assert_int_equal(count("SELECT count(*) FROM project_keys WHERE key LIKE 'ONCE%%'"), 1);
	assert_int_equal(
		count("SELECT count(*) FROM activity_log WHERE request_id IN ('" REQUEST_ID(
			1) "', '" REQUEST_ID(2) "')"),
		2);
}

static void one_of_many_updates_of_a_version_wins(void **state)
{
	(void)state;
	for (size_t i = 0; i < RACERS; i++) {
		char name[32];
		snprintf(name, sizeof(name), "Edited by %zu", i);
		Prism__V1__Project project = PRISM__V1__PROJECT__INIT;
		Prism__V1__UpdateProjectRequest request = PRISM__V1__UPDATE_PROJECT_REQUEST__INIT;
		project.name = name;
		request.organization_id = 1;
		request.id = 11;
		request.project = &project;
		request.update_mask = mask_of("name");
		request.expected_version = 1;
		(void)race_add(MEMBER, &prism_v1_project_service_update_project_method,
		               &request.base);
	}
	assert_int_equal(race_run(), 1);
	expect_all_refused(RACERS, PRISM_ABORTED, "VERSION_STALE");
	assert_int_equal(count("SELECT version FROM projects WHERE id = 11"), 2);
}

/* Whoever makes something waits for who ends the project, and is told. */
static void a_project_that_ends_takes_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		enum prism_status status;
		const char *reason;
	} ends[] = {
		{"UPDATE projects SET status = 'completed' WHERE id = 10",
	         PRISM_FAILED_PRECONDITION, "PROJECT_COMPLETED"},
		{"UPDATE projects SET deleted_at = now() WHERE id = 10", PRISM_NOT_FOUND,
	         "PROJECT_NOT_FOUND"},
	};
	for (size_t i = 0; i < 2; i++) {
		assert_true(session("BEGIN"));
		assert_true(session(ends[i].sql));
		add_epic(10, "Late", "");
		add_sprint(10, "Late");
		add_document(10, "Late");
		race_until_waiting(1);
		assert_true(session("COMMIT"));
		assert_int_equal(race_run(), 0);
		expect_all_refused(3, ends[i].status, ends[i].reason);
		cluster_sql(tenant.stack.cluster,
		            "UPDATE projects SET status = 'active', deleted_at = NULL WHERE id = "
		            "10");
	}
	assert_int_equal(count("SELECT count(*) FROM epics WHERE name = 'Late'"), 0);
}

/* One of the two is refused, whoever comes first; never is a sprint active in a completed project.
 */
static void a_project_is_not_completed_while_a_sprint_becomes_active(void **state)
{
	(void)state;
	Prism__V1__Project project = PRISM__V1__PROJECT__INIT;
	Prism__V1__UpdateProjectRequest request = PRISM__V1__UPDATE_PROJECT_REQUEST__INIT;
	project.status = (Prism__V1__ProjectStatus)COMPLETED;
	request.organization_id = 1;
	request.id = 11;
	request.project = &project;
	request.update_mask = mask_of("status");
	assert_true(session("BEGIN"));
	assert_true(session("SELECT FROM project_counters WHERE project_id = 11 FOR UPDATE"));
	assert_true(session("UPDATE sprints SET status = 'active' WHERE id = 50"));
	(void)race_add(MEMBER, &prism_v1_project_service_update_project_method, &request.base);
	race_until_waiting(1);
	assert_true(session("COMMIT"));
	assert_int_equal(race_run(), 0);
	assert_true(race_refused(0, PRISM_FAILED_PRECONDITION, "SPRINT_ACTIVE"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_given_key_is_one_projects),
		cmocka_unit_test(a_name_that_many_take_is_one_sprints),
		cmocka_unit_test(made_keys_and_slugs_evade_each_other),
		cmocka_unit_test(a_request_that_is_sent_by_many_is_done_once),
		cmocka_unit_test(one_of_many_updates_of_a_version_wins),
		cmocka_unit_test(a_project_that_ends_takes_nothing),
		cmocka_unit_test(a_project_is_not_completed_while_a_sprint_becomes_active),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
