/* A change that is sent again while it is still under way: the repetition waits at the row, meets
 * what the first one has made of it, and tells of that rather than of a stale version. */
#include "prism/v1/document.prism-client.h"
#include "prism/v1/epic.prism-client.h"
#include "prism/v1/project.prism-client.h"
#include "prism/v1/sprint.prism-client.h"
#include "tests/services/race.h"
#include "tests/services/request.h"

enum { TIMES = 6, VERSION = 1 };

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

/* All are under way, and so many wait at the row, before the first one is done. */
static void send_all(const char *table, long id, long waiting, const struct prism_method *method,
                     const ProtobufCMessage *request)
{
	char sql[128];
	snprintf(sql, sizeof(sql), "SELECT FROM %s WHERE id = %ld FOR UPDATE", table, id);
	assert_true(session("BEGIN"));
	assert_true(session(sql));
	for (size_t i = 0; i < TIMES; i++)
		(void)race_add(ADMIN, method, request);
	race_until_waiting(waiting);
	assert_true(session("COMMIT"));
	(void)race_run();
	for (size_t i = 0; i < TIMES; i++)
		if (racers[i].result.status != PRISM_OK)
			fail_msg("%zu: %s", i, racers[i].result.message);
	assert_int_equal(count("SELECT version FROM %s WHERE id = %ld", table, id), VERSION + 1);
}

static void a_story_is_changed_once(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Once");
	story_t story = PRISM__V1__STORY__INIT;
	story.title = "Changed";
	Prism__V1__UpdateStoryRequest request = PRISM__V1__UPDATE_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.id = id;
	request.story = &story;
	request.update_mask = mask_of("title");
	request.expected_version = VERSION;
	request.request_id = REQUEST_ID(1);
	send_all("stories", id, 2, &prism_v1_story_service_update_story_method, &request.base);
	for (size_t i = 0; i < TIMES; i++)
		assert_int_equal(racers[i].version, VERSION + 1);
	assert_int_equal(activities("story", id), 1);
}

static void a_story_is_deleted_once(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Gone once");
	Prism__V1__DeleteStoryRequest request = PRISM__V1__DELETE_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.id = id;
	request.expected_version = VERSION;
	request.request_id = REQUEST_ID(2);
	send_all("stories", id, 2, &prism_v1_story_service_delete_story_method, &request.base);
	assert_int_equal(activities("story", id), 1);
}

static void an_epic_is_changed_once(void **state)
{
	(void)state;
	Prism__V1__Epic epic = PRISM__V1__EPIC__INIT;
	epic.name = "Changed";
	Prism__V1__UpdateEpicRequest request = PRISM__V1__UPDATE_EPIC_REQUEST__INIT;
	request.organization_id = 1;
	request.id = 6;
	request.epic = &epic;
	request.update_mask = mask_of("name");
	request.expected_version = VERSION;
	request.request_id = REQUEST_ID(3);
	send_all("epics", 6, 2, &prism_v1_epic_service_update_epic_method, &request.base);
}

static void a_sprint_is_changed_once(void **state)
{
	(void)state;
	Prism__V1__Sprint sprint = PRISM__V1__SPRINT__INIT;
	sprint.goal = "Changed";
	Prism__V1__UpdateSprintRequest request = PRISM__V1__UPDATE_SPRINT_REQUEST__INIT;
	request.organization_id = 1;
	request.id = 5;
	request.sprint = &sprint;
	request.update_mask = mask_of("goal");
	request.expected_version = VERSION;
	request.request_id = REQUEST_ID(4);
	send_all("sprints", 5, 2, &prism_v1_sprint_service_update_sprint_method, &request.base);
}

static void a_document_is_changed_once(void **state)
{
	(void)state;
	long id = count("INSERT INTO documents (organization_id, project_id, title, slug, status)"
	                " VALUES (1, 10, 'Once', 'once', 'draft') RETURNING id");
	Prism__V1__Document document = PRISM__V1__DOCUMENT__INIT;
	document.content = "Changed";
	Prism__V1__UpdateDocumentRequest request = PRISM__V1__UPDATE_DOCUMENT_REQUEST__INIT;
	request.organization_id = 1;
	request.id = id;
	request.document = &document;
	request.update_mask = mask_of("content");
	request.expected_version = VERSION;
	request.request_id = REQUEST_ID(5);
	send_all("documents", id, 2, &prism_v1_document_service_update_document_method,
	         &request.base);
}

/* One after the other: they share the project's connection. */
static void a_project_is_changed_once(void **state)
{
	(void)state;
	Prism__V1__Project project = PRISM__V1__PROJECT__INIT;
	project.description = "Changed";
	Prism__V1__UpdateProjectRequest request = PRISM__V1__UPDATE_PROJECT_REQUEST__INIT;
	request.organization_id = 1;
	request.id = 11;
	request.project = &project;
	request.update_mask = mask_of("description");
	request.expected_version = VERSION;
	request.request_id = REQUEST_ID(6);
	send_all("projects", 11, 1, &prism_v1_project_service_update_project_method, &request.base);
}

/* Another request of the same version is stale all the same. */
static void another_request_is_not_taken_for_a_repetition(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Stale");
	story_t story = PRISM__V1__STORY__INIT;
	story.title = "First";
	free_story(update_story(MEMBER, id, &story, "title", VERSION, REQUEST_ID(7)));
	story.title = "Second";
	assert_null(update_story(MEMBER, id, &story, "title", VERSION, REQUEST_ID(8)));
	assert_refused(PRISM_ABORTED, "VERSION_STALE");
	assert_null(update_story(MEMBER, id, &story, "title", VERSION, REQUEST_ID(7)));
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_story_is_changed_once),
		cmocka_unit_test(a_story_is_deleted_once),
		cmocka_unit_test(an_epic_is_changed_once),
		cmocka_unit_test(a_sprint_is_changed_once),
		cmocka_unit_test(a_document_is_changed_once),
		cmocka_unit_test(a_project_is_changed_once),
		cmocka_unit_test(another_request_is_not_taken_for_a_repetition),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
