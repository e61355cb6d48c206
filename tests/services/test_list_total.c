/* want_total: of how many rows all pages of a list are, counted with the page that asks. */
#include "prism/v1/epic.prism-client.h"
#include "tests/services/document_calls.h"
#include "tests/services/project_calls.h"
#include "tests/services/sprint_calls.h"

enum { MOST = 10000 };

struct told {
	int32_t total;
	bool capped;
	size_t rows;
	char token[1025];
};

/* NAME_told(): what one page of this list tells to `actor`. */
#define LIST(name, Names, names)                                                                \
	static struct told name##_told(const char *actor,                                       \
	                               const Prism__V1__List##Names##Request *request)          \
	{                                                                                       \
		Prism__V1__List##Names##Response *response = NULL;                              \
		(void)prism_v1_##name##_service_list_##names##_wait(as(actor), NULL, request,   \
		                                                    &response, &tenant.result); \
		if (!response)                                                                  \
			fail_msg("list: %s", tenant.result.message);                            \
		struct told told = {.total = response->total_size,                              \
		                    .capped = response->total_size_capped,                      \
		                    .rows = response->n_##names};                               \
		snprintf(told.token, sizeof(told.token), "%s", response->next_page_token);      \
		prism__v1__list_##names##_response__free_unpacked(response, NULL);              \
		return told;                                                                    \
	}
LIST(story, Stories, stories)
LIST(epic, Epics, epics)
LIST(sprint, Sprints, sprints)
LIST(document, Documents, documents)
LIST(project, Projects, projects)
#undef LIST

static Prism__V1__ListStoriesRequest stories_new(void)
{
	Prism__V1__ListStoriesRequest request = PRISM__V1__LIST_STORIES_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = 11;
	request.page_size = 2;
	request.want_total = true;
	return request;
}

static void stories_make(int how_many)
{
	cluster_sql(tenant.stack.cluster, "DELETE FROM stories WHERE project_id = 11");
	assert_int_equal(
		count("WITH made AS (INSERT INTO stories (organization_id, project_id, number,"
	              " rank, title, status, priority, deleted_at) SELECT 1, 11, n, n, 'One',"
	              " (ARRAY['todo', 'done'])[1 + n %% 2],"
	              " (ARRAY['low', 'high', 'medium'])[1 + n %% 3],"
	              " CASE WHEN n %% 5 = 4 THEN now() END FROM generate_series(1, %d) n"
	              " RETURNING 1) SELECT count(*) FROM made",
	              how_many),
		how_many);
}

static void what_the_filter_leaves_is_counted(void **state)
{
	(void)state;
	stories_make(20);
	Prism__V1__ListStoriesRequest request = stories_new();
	assert_int_equal(story_told(VIEWER, &request).total, 16);
	assert_int_equal(story_told(VIEWER, &request).rows, 2);
	assert_false(story_told(VIEWER, &request).capped);
	request.show_deleted = true;
	assert_int_equal(story_told(VIEWER, &request).total, 20);
	assert_int_equal(story_told(NULL, &request).total, 20);
	request.show_deleted = false;
	Prism__V1__StoryPriority priority = PRISM__V1__STORY_PRIORITY__STORY_PRIORITY_LOW;
	Prism__V1__StoryFilter filter = PRISM__V1__STORY_FILTER__INIT;
	filter.priorities = &priority;
	filter.n_priorities = 1;
	request.filter = &filter;
	for (int order = 0; order < 5; order++) {
		for (int descending = 0; descending < 2; descending++) {
			request.order = (Prism__V1__StoryOrder)order;
			request.descending = descending;
			assert_int_equal(story_told(VIEWER, &request).total, 5);
		}
	}
	filter.title_contains = "no such title";
	struct told none = story_told(VIEWER, &request);
	assert_int_equal(none.total, 0);
	assert_int_equal(none.rows, 0);
}

/* Whoever turns the pages need not ask again, and may. */
static void each_page_may_ask(void **state)
{
	(void)state;
	stories_make(20);
	Prism__V1__ListStoriesRequest request = stories_new();
	request.order = PRISM__V1__STORY_ORDER__STORY_ORDER_PRIORITY;
	struct told first = story_told(VIEWER, &request);
	assert_int_equal(first.total, 16);
	request.want_total = false;
	request.page_token = first.token;
	struct told second = story_told(VIEWER, &request);
	assert_int_equal(second.rows, 2);
	assert_int_equal(second.total, 0);
	count("INSERT INTO stories (organization_id, project_id, number, rank, title)"
	      " VALUES (1, 11, 100, 100, 'New') RETURNING 1");
	request.want_total = true;
	request.page_token = second.token;
	struct told third = story_told(VIEWER, &request);
	assert_int_equal(third.rows, 2);
	assert_int_equal(third.total, 17);
}

/* What came behind the page before is gone; that page's stories are there. */
static void a_page_of_nothing_counts_too(void **state)
{
	(void)state;
	stories_make(20);
	Prism__V1__ListStoriesRequest request = stories_new();
	struct told first = story_told(VIEWER, &request);
	cluster_sql(tenant.stack.cluster, "UPDATE stories SET deleted_at = now() WHERE project_id ="
	                                  " 11 AND rank > 2");
	request.page_token = first.token;
	struct told second = story_told(VIEWER, &request);
	assert_int_equal(second.rows, 0);
	assert_string_equal(second.token, "");
	assert_int_equal(second.total, 2);
}

static void a_total_has_a_limit(void **state)
{
	(void)state;
	stories_make(MOST);
	Prism__V1__ListStoriesRequest request = stories_new();
	request.show_deleted = true;
	struct told told = story_told(VIEWER, &request);
	assert_int_equal(told.total, MOST);
	assert_false(told.capped);
	stories_make(MOST + 1);
	told = story_told(VIEWER, &request);
	assert_int_equal(told.total, MOST);
	assert_true(told.capped);
	request.show_deleted = false;
	told = story_told(VIEWER, &request);
	assert_int_equal(told.total, count("SELECT count(*) FROM stories WHERE project_id = 11 AND"
	                                   " deleted_at IS NULL"));
	assert_false(told.capped);
	stories_make(0);
}

static void expect_refused(const char *actor, int64_t project, const char *reason)
{
	Prism__V1__ListStoriesRequest request = stories_new();
	Prism__V1__ListStoriesResponse *response = NULL;
	request.project_id = project;
	(void)prism_v1_story_service_list_stories_wait(as(actor), NULL, &request, &response,
	                                               &tenant.result);
	assert_null(response);
	assert_refused(PRISM_NOT_FOUND, reason);
}

static void who_may_not_list_learns_no_number(void **state)
{
	(void)state;
	expect_refused(OUTSIDER, 11, "ORGANIZATION_NOT_FOUND");
	expect_refused(INACTIVE, 11, "ORGANIZATION_NOT_FOUND");
	expect_refused(VIEWER, 13, "PROJECT_NOT_FOUND");
	expect_refused(VIEWER, 20, "PROJECT_NOT_FOUND");
}

static void epics_and_sprints_are_counted(void **state)
{
	(void)state;
	count("WITH made AS (INSERT INTO epics (organization_id, project_id, name, status,"
	      " deleted_at) SELECT 1, 12, 'Epic', (ARRAY['open', 'closed'])[1 + n %% 2],"
	      " CASE WHEN n > 20 THEN now() END FROM generate_series(1, 25) n RETURNING 1)"
	      " SELECT count(*) FROM made");
	Prism__V1__ListEpicsRequest epics = PRISM__V1__LIST_EPICS_REQUEST__INIT;
	Prism__V1__EpicStatus closed = PRISM__V1__EPIC_STATUS__EPIC_STATUS_CLOSED;
	epics.organization_id = 1;
	epics.project_id = 12;
	epics.page_size = 3;
	assert_int_equal(epic_told(VIEWER, &epics).total, 0);
	epics.want_total = true;
	struct told told = epic_told(VIEWER, &epics);
	assert_int_equal(told.total, 20);
	assert_int_equal(told.rows, 3);
	epics.page_token = told.token;
	assert_int_equal(epic_told(VIEWER, &epics).total, 20);
	epics.page_token = "";
	epics.statuses = &closed;
	epics.n_statuses = 1;
	assert_int_equal(epic_told(VIEWER, &epics).total, 10);

	count("WITH made AS (INSERT INTO sprints (organization_id, project_id, name, status)"
	      " SELECT 1, 12, 'Sprint ' || n, (ARRAY['planning', 'completed'])[1 + n %% 2]"
	      " FROM generate_series(1, 9) n RETURNING 1) SELECT count(*) FROM made");
	Prism__V1__ListSprintsRequest sprints = PRISM__V1__LIST_SPRINTS_REQUEST__INIT;
	Prism__V1__SprintStatus completed = (Prism__V1__SprintStatus)SPRINT_COMPLETED;
	sprints.organization_id = 1;
	sprints.project_id = 12;
	sprints.page_size = 2;
	assert_int_equal(sprint_told(VIEWER, &sprints).total, 0);
	sprints.want_total = true;
	told = sprint_told(VIEWER, &sprints);
	assert_int_equal(told.total, 9);
	sprints.page_token = told.token;
	assert_int_equal(sprint_told(VIEWER, &sprints).total, 9);
	sprints.page_token = "";
	sprints.statuses = &completed;
	sprints.n_statuses = 1;
	assert_int_equal(sprint_told(VIEWER, &sprints).total, 5);
}

/* A viewer's documents are fewer: drafts are for members. */
static void documents_are_counted_for_who_asks(void **state)
{
	(void)state;
	count("WITH made AS (INSERT INTO documents (organization_id, project_id, title, slug,"
	      " content, status) SELECT 1, 12, 'Document', 'counted-' || n, '',"
	      " (ARRAY['draft', 'published'])[1 + n %% 2] FROM generate_series(1, 9) n"
	      " RETURNING 1) SELECT count(*) FROM made");
	Prism__V1__ListDocumentsRequest request = PRISM__V1__LIST_DOCUMENTS_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = 12;
	request.page_size = 2;
	assert_int_equal(document_told(MEMBER, &request).total, 0);
	request.want_total = true;
	assert_int_equal(document_told(MEMBER, &request).total, 9);
	struct told told = document_told(VIEWER, &request);
	assert_int_equal(told.total, 5);
	request.page_token = told.token;
	assert_int_equal(document_told(VIEWER, &request).total, 5);
	request.page_token = "";
	Prism__V1__DocumentStatus draft = (Prism__V1__DocumentStatus)DRAFT;
	request.statuses = &draft;
	request.n_statuses = 1;
	assert_int_equal(document_told(MEMBER, &request).total, 4);
	assert_int_equal(document_told(VIEWER, &request).total, 0);
}

static void projects_are_counted(void **state)
{
	(void)state;
	Prism__V1__ListProjectsRequest request = PRISM__V1__LIST_PROJECTS_REQUEST__INIT;
	request.organization_id = 1;
	request.page_size = 1;
	assert_int_equal(project_told(VIEWER, &request).total, 0);
	request.want_total = true;
	struct told told = project_told(VIEWER, &request);
	assert_int_equal(told.total, count("SELECT count(*) FROM projects WHERE organization_id = 1"
	                                   " AND deleted_at IS NULL"));
	assert_int_equal(told.rows, 1);
	request.page_token = told.token;
	assert_int_equal(project_told(VIEWER, &request).total, told.total);
	request.page_token = "";
	request.owner_id = MEMBER;
	assert_int_equal(project_told(VIEWER, &request).total,
	                 count("SELECT count(*) FROM projects WHERE organization_id = 1 AND"
	                       " deleted_at IS NULL AND owner_id = '" MEMBER "'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_filter_leaves_is_counted),
		cmocka_unit_test(each_page_may_ask),
		cmocka_unit_test(a_page_of_nothing_counts_too),
		cmocka_unit_test(a_total_has_a_limit),
		cmocka_unit_test(who_may_not_list_learns_no_number),
		cmocka_unit_test(epics_and_sprints_are_counted),
		cmocka_unit_test(documents_are_counted_for_who_asks),
		cmocka_unit_test(projects_are_counted),
	};
	return cmocka_run_group_tests(tests, tenant_set_up, tenant_tear_down);
}
