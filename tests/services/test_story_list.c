/* ListStories and BatchGetStories: filters, orders, and pages that stay right while the table
 * changes. */
#include "tests/services/story_fixture.h"

#define PLACE                  "array_position(ARRAY['high', 'medium', 'low'], priority::text)"
#define BY_PRIORITY            PLACE ", rank, id"
#define BY_PRIORITY_DESCENDING PLACE " DESC, rank DESC, id DESC"

enum { STORIES = 60, IDS_MAX = 200 };

static int64_t ids[STORIES]; /* by number */

struct list {
	int64_t id[IDS_MAX];
	size_t count;
};

static Prism__V1__ListStoriesRequest request_new(void)
{
	Prism__V1__ListStoriesRequest request = PRISM__V1__LIST_STORIES_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = 10;
	return request;
}

static Prism__V1__ListStoriesResponse *page(const char *actor,
                                            const Prism__V1__ListStoriesRequest *request)
{
	Prism__V1__ListStoriesResponse *response = NULL;
	(void)prism_v1_story_service_list_stories_wait(as(actor), NULL, request, &response,
	                                               &tenant.result);
	return response;
}

/* All pages, one after the other; between() may change the table. */
static struct list walk(Prism__V1__ListStoriesRequest request, void (*between)(void))
{
	struct list list = {.count = 0};
	char token[1025] = "";
	do {
		request.page_token = token;
		Prism__V1__ListStoriesResponse *response = page(VIEWER, &request);
		if (!response)
			fail_msg("list: %s", tenant.result.message);
		for (size_t i = 0; i < response->n_stories; i++) {
			assert_true(list.count < IDS_MAX);
			list.id[list.count++] = response->stories[i]->id;
		}
		snprintf(token, sizeof(token), "%s", response->next_page_token);
		prism__v1__list_stories_response__free_unpacked(response, NULL);
		if (between)
			between();
	} while (token[0]);
	return list;
}

/* The same as SQL says it. */
static void assert_lists(Prism__V1__ListStoriesRequest request, const char *where,
                         const char *order)
{
	struct list list = walk(request, NULL);
	assert_int_equal(list.count,
	                 count("SELECT count(*) FROM stories WHERE project_id = %ld AND %s",
	                       request.project_id, where));
	for (size_t i = 0; i < list.count; i++)
		assert_int_equal(
			list.id[i],
			count("SELECT id FROM stories WHERE project_id = %ld AND %s ORDER BY"
		              " %s OFFSET %zu LIMIT 1",
		              request.project_id, where, order, i));
}

static int set_up(void **state)
{
	tenant_set_up(state);
	for (size_t i = 0; i < STORIES; i++)
		ids[i] = story_by_sql(10, i % 7 ? "A story" : "Ferry to the ISLAND");
	cluster_sql(tenant.stack.cluster,
	            "UPDATE stories SET status = (ARRAY['todo', 'in_progress', 'done'])[1 + number "
	            "% 3],"
	            " priority = (ARRAY['low', 'medium', 'high'])[1 + number % 3],"
	            " story_points = CASE WHEN number % 4 > 0 THEN number % 4 END,"
	            " epic_id = CASE WHEN number % 2 = 0 THEN 6 END,"
	            " sprint_id = CASE number % 5 WHEN 0 THEN 5 WHEN 1 THEN 8 END,"
	            " assignee_id = CASE number % 3 WHEN 0 THEN '" MEMBER
	            "'::uuid WHEN 1 THEN '" ADMIN
	            "'::uuid END, creator_id = CASE number % 2 WHEN 0 THEN '" MEMBER
	            "'::uuid ELSE '" OWNER "'::uuid END,"
	            " created_at = '2024-01-01Z'::timestamptz + number * interval '1 day',"
	            " updated_at = '2025-01-01Z'::timestamptz + (number * 37 % 60 / 3) * interval "
	            "'1 hour',"
	            " completed_at = CASE number % 3 WHEN 2 THEN '2024-06-01Z'::timestamptz"
	            " + number * interval '1 day' END, rank = -rank,"
	            " deleted_at = CASE WHEN number % 10 = 9 THEN now() END");
	return 0;
}

static void every_order_is_walked_in_pages(void **state)
{
	(void)state;
	static const char *const orders[][2] = {{"rank, id", "rank DESC, id DESC"},
	                                        {"rank, id", "rank DESC, id DESC"},
	                                        {"number", "number DESC"},
	                                        {"updated_at, id", "updated_at DESC, id DESC"},
	                                        {BY_PRIORITY, BY_PRIORITY_DESCENDING}};
	for (int order = 0; order < 5; order++) {
		for (int descending = 0; descending < 2; descending++) {
			Prism__V1__ListStoriesRequest request = request_new();
			request.order = (Prism__V1__StoryOrder)order;
			request.descending = descending;
			request.page_size = 7;
			assert_lists(request, "deleted_at IS NULL", orders[order][descending]);
		}
	}
}

static void each_filter_filters(void **state)
{
	(void)state;
	Prism__V1__StoryFilter none = PRISM__V1__STORY_FILTER__INIT, filter = none;
	Prism__V1__ListStoriesRequest request = request_new();
	request.filter = &filter;
#define FILTERED(where, ...)                                                        \
	do {                                                                        \
		__VA_ARGS__;                                                        \
		assert_lists(request, "deleted_at IS NULL AND " where, "rank, id"); \
		filter = none;                                                      \
	} while (0)
	Prism__V1__StoryStatus statuses[] = {PRISM__V1__STORY_STATUS__STORY_STATUS_TODO,
	                                     PRISM__V1__STORY_STATUS__STORY_STATUS_DONE};
	Prism__V1__StoryPriority priorities[] = {PRISM__V1__STORY_PRIORITY__STORY_PRIORITY_HIGH};
	int64_t sprints[] = {5}, epics[] = {6};
	char *people[] = {MEMBER};
	Google__Protobuf__Timestamp from = GOOGLE__PROTOBUF__TIMESTAMP__INIT, to = from;
	from.seconds = 1705276800; /* 2024-01-15 */
	to.seconds = 1708387200;   /* 2024-02-20 */
	FILTERED("status IN ('todo', 'done')", filter.statuses = statuses, filter.n_statuses = 2);
	FILTERED("priority = 'high'", filter.priorities = priorities, filter.n_priorities = 1);
	FILTERED("epic_id = 6", filter.epic_ids = epics, filter.n_epic_ids = 1);
	FILTERED("epic_id IS NULL", filter.without_epic = true);
	FILTERED("sprint_id = 5", filter.sprint_ids = sprints, filter.n_sprint_ids = 1);
	FILTERED("(sprint_id = 5 OR sprint_id IS NULL)", filter.sprint_ids = sprints,
	         filter.n_sprint_ids = 1, filter.without_sprint = true);
	FILTERED("assignee_id = '" MEMBER "'", filter.assignee_ids = people,
	         filter.n_assignee_ids = 1);
	FILTERED("assignee_id IS NULL", filter.without_assignee = true);
	FILTERED("creator_id = '" MEMBER "'", filter.creator_ids = people,
	         filter.n_creator_ids = 1);
	FILTERED("story_points BETWEEN 2 AND 3",
	         filter.has_min_points_case = PRISM__V1__STORY_FILTER__HAS_MIN_POINTS_MIN_POINTS,
	         filter.min_points = 2,
	         filter.has_max_points_case = PRISM__V1__STORY_FILTER__HAS_MAX_POINTS_MAX_POINTS,
	         filter.max_points = 3);
	FILTERED("created_at >= '2024-01-15Z' AND created_at < '2024-02-20Z'",
	         filter.created_since = &from, filter.created_before = &to);
	from.seconds = 1735704000; /* 2025-01-01 04:00 */
	to.seconds = 1735725600;   /* 2025-01-01 10:00 */
	FILTERED("updated_at >= '2025-01-01 04:00Z' AND updated_at < '2025-01-01 10:00Z'",
	         filter.updated_since = &from, filter.updated_before = &to);
	from.seconds = 1718000000;
	to.seconds = 1721000000;
	FILTERED("completed_at >= to_timestamp(1718000000) AND completed_at < "
	         "to_timestamp(1721000000)",
	         filter.completed_since = &from, filter.completed_before = &to);
	FILTERED("title LIKE '%%ISLAND'", filter.title_contains = "island");
	FILTERED("status IN ('todo', 'done') AND epic_id = 6", filter.statuses = statuses,
	         filter.n_statuses = 2, filter.epic_ids = epics, filter.n_epic_ids = 1);
#undef FILTERED
}

/* A delta: what changed since, with tombstones of what went. */
static void expect_empty_range(const Prism__V1__StoryFilter *filter, const char *field,
                               const char *other)
{
	Prism__V1__ListStoriesRequest request = request_new();
	request.filter = (Prism__V1__StoryFilter *)filter;
	assert_null(page(VIEWER, &request));
	assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	assert_field(field);
	assert_non_null(strstr(tenant.result.message, other));
}

/* A slip would else look like a backlog without stories. */
static void a_range_that_ends_before_it_begins_is_refused(void **state)
{
	(void)state;
	Google__Protobuf__Timestamp from = GOOGLE__PROTOBUF__TIMESTAMP__INIT, to = from;
	from.seconds = 2;
	to.seconds = 1;
	Prism__V1__StoryFilter filter = PRISM__V1__STORY_FILTER__INIT;
	filter.has_min_points_case = PRISM__V1__STORY_FILTER__HAS_MIN_POINTS_MIN_POINTS;
	filter.min_points = 5;
	filter.has_max_points_case = PRISM__V1__STORY_FILTER__HAS_MAX_POINTS_MAX_POINTS;
	expect_empty_range(&filter, "filter.min_points",
	                   "5 is more than filter.max_points (0); at most as much is allowed");
	prism__v1__story_filter__init(&filter);
	filter.created_since = &from, filter.created_before = &to;
	expect_empty_range(&filter, "filter.created_since", "filter.created_before");
	prism__v1__story_filter__init(&filter);
	filter.updated_since = &from, filter.updated_before = &to;
	expect_empty_range(&filter, "filter.updated_since", "filter.updated_before");
	prism__v1__story_filter__init(&filter);
	filter.completed_since = &from, filter.completed_before = &to;
	expect_empty_range(&filter, "filter.completed_since", "filter.completed_before");
	filter.completed_before = &from;
	Prism__V1__ListStoriesRequest request = request_new();
	request.filter = &filter;
	Prism__V1__ListStoriesResponse *response = page(VIEWER, &request);
	assert_non_null(response);
	assert_int_equal(response->n_stories, 0);
	prism__v1__list_stories_response__free_unpacked(response, NULL);
}

static void a_delta_has_tombstones(void **state)
{
	(void)state;
	Google__Protobuf__Timestamp since = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	since.seconds = 1735725600;
	Prism__V1__StoryFilter filter = PRISM__V1__STORY_FILTER__INIT;
	filter.updated_since = &since;
	Prism__V1__ListStoriesRequest request = request_new();
	request.filter = &filter;
	request.order = PRISM__V1__STORY_ORDER__STORY_ORDER_UPDATED_AT;
	request.show_deleted = true;
	request.page_size = 4;
	assert_lists(request, "updated_at >= to_timestamp(1735725600)", "updated_at, id");
	Prism__V1__ListStoriesResponse *response;
	size_t tombstones = 0;
	request.page_size = 200;
	response = page(VIEWER, &request);
	for (size_t i = 0; i < response->n_stories; i++)
		tombstones += response->stories[i]->deleted_at != NULL;
	assert_true(tombstones > 0);
	prism__v1__list_stories_response__free_unpacked(response, NULL);
}

static void disturb(void)
{
	static unsigned n;
	long at = count("SELECT min(rank) + %u * 65536 * 5 FROM stories WHERE project_id = 10", n);
	count("INSERT INTO stories (organization_id, project_id, number, rank, title) VALUES"
	      " (1, 10, %u, %ld, 'Inserted') RETURNING 1",
	      5000 + n, at + 1);
	count("DELETE FROM stories WHERE id = (SELECT id FROM stories WHERE title = 'Inserted' "
	      "ORDER"
	      " BY rank LIMIT 1) AND %u %% 2 = 1 RETURNING 1",
	      n);
	n++;
}

/* Each story that was there all the time is listed once. */
static void pages_are_stable_under_inserts_and_deletes(void **state)
{
	(void)state;
	Prism__V1__ListStoriesRequest request = request_new();
	request.page_size = 5;
	struct list list = walk(request, disturb);
	for (size_t i = 0; i < STORIES; i++) {
		size_t seen = 0;
		for (size_t n = 0; n < list.count; n++)
			seen += list.id[n] == ids[i];
		assert_int_equal(seen, (i + 1) % 10 == 9 ? 0 : 1);
	}
	count("DELETE FROM stories WHERE title = 'Inserted' RETURNING 1");
}

/* Ten stories of each priority, of which three at a time have the same rank. */
static Prism__V1__ListStoriesRequest priorities_begin(void)
{
	count("WITH made AS (INSERT INTO stories (organization_id, project_id, number, rank, title,"
	      " priority) SELECT 1, 11, 100 + n, 50 - n / 9, 'Of a priority',"
	      " (ARRAY['low', 'high', 'medium'])[1 + n %% 3] FROM generate_series(1, 30) n"
	      " RETURNING 1) SELECT count(*) FROM made");
	Prism__V1__ListStoriesRequest request = request_new();
	request.project_id = 11;
	request.order = PRISM__V1__STORY_ORDER__STORY_ORDER_PRIORITY;
	request.page_size = 4;
	return request;
}

static void priorities_end(void)
{
	cluster_sql(tenant.stack.cluster, "DELETE FROM stories WHERE project_id = 11");
}

static void priorities_have_an_order(void **state)
{
	(void)state;
#define P(name) PRISM__V1__STORY_PRIORITY__STORY_PRIORITY_##name
	static const struct {
		const char *where;
		Prism__V1__StoryPriority priorities[2];
		size_t count;
	} filters[] = {{"true", {P(UNSPECIFIED)}, 0},
	               {"priority = 'high'", {P(HIGH)}, 1},
	               {"priority = 'medium'", {P(MEDIUM)}, 1},
	               {"priority = 'low'", {P(LOW)}, 1},
	               {"priority IN ('low', 'high')", {P(LOW), P(HIGH)}, 2},
	               {"priority IN ('medium', 'low')", {P(MEDIUM), P(LOW)}, 2}};
#undef P
	Prism__V1__ListStoriesRequest request = priorities_begin();
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		Prism__V1__StoryPriority priorities[2];
		memcpy(priorities, filters[i].priorities, sizeof(priorities));
		Prism__V1__StoryFilter filter = PRISM__V1__STORY_FILTER__INIT;
		filter.priorities = priorities;
		filter.n_priorities = filters[i].count;
		request.filter = i ? &filter : NULL;
		request.descending = false;
		assert_lists(request, filters[i].where, BY_PRIORITY);
		request.descending = true;
		assert_lists(request, filters[i].where, BY_PRIORITY_DESCENDING);
	}
	priorities_end();
}

static unsigned disturbances;

/* New ones before, behind and between those that are there, in place of the last new ones. */
static void disturb_priorities(void)
{
	enum { MOST = 8 };
	if (disturbances++ < MOST)
		count("WITH gone AS (DELETE FROM stories WHERE title = 'Inserted'), made AS ("
		      "INSERT INTO stories (organization_id, project_id, number, rank, title,"
		      " priority) SELECT 1, 11, 1000 + %u * 9 + i * 3 + j, 46 + 2 * j, 'Inserted',"
		      " (ARRAY['low', 'high', 'medium'])[1 + i] FROM generate_series(0, 2) i,"
		      " generate_series(0, 2) j RETURNING 1) SELECT count(*) FROM made",
		      disturbances);
}

static void assert_all_once(const struct list *list, const char *order)
{
	size_t seen = 0;
	for (size_t i = 0; i < list->count; i++)
		if (count("SELECT count(*) FROM stories WHERE id = %ld AND title = 'Of a priority'",
		          list->id[i]))
			assert_int_equal(list->id[i],
			                 count("SELECT id FROM stories WHERE title = 'Of a "
			                       "priority' ORDER BY %s OFFSET %zu LIMIT 1",
			                       order, seen++));
	assert_int_equal(seen, 30);
}

static void pages_by_priority_are_stable(void **state)
{
	(void)state;
	Prism__V1__ListStoriesRequest request = priorities_begin();
	struct list list = walk(request, disturb_priorities);
	assert_all_once(&list, BY_PRIORITY);
	assert_true(list.count > 30); /* of the new ones, those that came behind */
	cluster_sql(tenant.stack.cluster, "DELETE FROM stories WHERE title = 'Inserted'");
	disturbances = 0;
	request.descending = true;
	list = walk(request, disturb_priorities);
	assert_all_once(&list, BY_PRIORITY_DESCENDING);
	priorities_end();
}

static void page_sizes_have_a_default_and_a_limit(void **state)
{
	(void)state;
	Prism__V1__ListStoriesRequest request = request_new();
	Prism__V1__ListStoriesResponse *response = page(VIEWER, &request);
	assert_int_equal(response->n_stories, 20);
	prism__v1__list_stories_response__free_unpacked(response, NULL);
	request.page_size = 100000;
	response = page(VIEWER, &request);
	assert_int_equal(
		response->n_stories,
		count("SELECT count(*) FROM stories WHERE project_id = 10 AND deleted_at IS"
	              " NULL"));
	assert_string_equal(response->next_page_token, "");
	prism__v1__list_stories_response__free_unpacked(response, NULL);
	request.page_size = -1;
	assert_null(page(VIEWER, &request));
	assert_field("page_size");
}

/* A message holds 4 MiB, 200 stories may have more. */
static void large_stories_make_short_pages(void **state)
{
	(void)state;
	count("INSERT INTO stories (organization_id, project_id, number, rank, title, description)"
	      " SELECT 1, 11, n, n, 'Large', repeat('\u00e4', 65536) FROM generate_series(1, 90) n"
	      " RETURNING 1");
	Prism__V1__ListStoriesRequest request = request_new();
	request.project_id = 11;
	request.page_size = 200;
	Prism__V1__ListStoriesResponse *response = page(VIEWER, &request);
	if (!response)
		fail_msg("list: %s", tenant.result.message);
	assert_in_range(response->n_stories, 1, 89);
	prism__v1__list_stories_response__free_unpacked(response, NULL);
	struct list list = walk(request, NULL);
	assert_int_equal(list.count, 90);
	for (size_t i = 0; i < list.count; i++)
		assert_int_equal(count("SELECT number FROM stories WHERE id = %ld", list.id[i]),
		                 i + 1);
	count("DELETE FROM stories WHERE title = 'Large' RETURNING 1");
}

static void expect_bad_token(const char *actor, Prism__V1__ListStoriesRequest *request)
{
	assert_null(page(actor, request));
	assert_refused(PRISM_INVALID_ARGUMENT, "PAGE_TOKEN_INVALID");
	assert_field("page_token");
}

static void a_token_is_of_its_list_alone(void **state)
{
	(void)state;
	Prism__V1__ListStoriesRequest request = request_new();
	request.page_size = 3;
	Prism__V1__ListStoriesResponse *response = page(VIEWER, &request);
	char token[1025];
	snprintf(token, sizeof(token), "%s", response->next_page_token);
	prism__v1__list_stories_response__free_unpacked(response, NULL);
	request.page_token = token;
	request.page_size = 9; /* may change */
	response = page(VIEWER, &request);
	assert_non_null(response);
	assert_int_equal(response->n_stories, 9);
	prism__v1__list_stories_response__free_unpacked(response, NULL);
	expect_bad_token(ADMIN, &request);
	request.descending = true;
	expect_bad_token(VIEWER, &request);
	request.descending = false;
	request.show_deleted = true;
	expect_bad_token(VIEWER, &request);
	request.show_deleted = false;
	token[strlen(token) / 2] ^= 1;
	expect_bad_token(VIEWER, &request);
	request.page_token = "no token at all";
	expect_bad_token(VIEWER, &request);
}

static void lists_are_for_members(void **state)
{
	(void)state;
	Prism__V1__ListStoriesRequest request = request_new();
	assert_null(page(OUTSIDER, &request));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	assert_null(page(INACTIVE, &request));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	const int64_t missing[] = {13, 20, 999};
	for (size_t i = 0; i < 3; i++) {
		request.project_id = missing[i];
		assert_null(page(OWNER, &request));
		assert_refused(PRISM_NOT_FOUND, "PROJECT_NOT_FOUND");
	}
	request.project_id = 12;
	Prism__V1__ListStoriesResponse *response = page(VIEWER, &request);
	assert_non_null(response);
	assert_int_equal(response->n_stories, 0);
	prism__v1__list_stories_response__free_unpacked(response, NULL);
}

static void a_batch_tells_found_from_missing(void **state)
{
	(void)state;
	long theirs = story_by_sql(20, "Theirs");
	int64_t wanted[] = {ids[4], 999999, ids[0], theirs, ids[8], ids[4]};
	Prism__V1__BatchGetStoriesRequest request = PRISM__V1__BATCH_GET_STORIES_REQUEST__INIT;
	request.organization_id = 1;
	request.ids = wanted;
	request.n_ids = 6;
	Prism__V1__BatchGetStoriesResponse *response = NULL;
	assert_int_equal(prism_v1_story_service_batch_get_stories_wait(as(VIEWER), NULL, &request,
	                                                               &response, &tenant.result),
	                 PRISM_OK);
	const int64_t found[] = {ids[4], ids[0], ids[4]}, missing[] = {999999, theirs, ids[8]};
	assert_int_equal(response->n_stories, 3);
	assert_int_equal(response->n_missing_ids, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(response->stories[i]->id, found[i]);
		assert_int_equal(response->missing_ids[i], missing[i]);
	}
	prism__v1__batch_get_stories_response__free_unpacked(response, NULL);
	request.show_deleted = true;
	assert_int_equal(prism_v1_story_service_batch_get_stories_wait(as(VIEWER), NULL, &request,
	                                                               &response, &tenant.result),
	                 PRISM_OK);
	assert_int_equal(response->n_stories, 4);
	prism__v1__batch_get_stories_response__free_unpacked(response, NULL);
	assert_int_equal(prism_v1_story_service_batch_get_stories_wait(as(OUTSIDER), NULL, &request,
	                                                               NULL, &tenant.result),
	                 PRISM_NOT_FOUND);
}

static enum prism_status batch_get(int64_t *wanted, size_t n,
                                   Prism__V1__BatchGetStoriesResponse **response)
{
	Prism__V1__BatchGetStoriesRequest request = PRISM__V1__BATCH_GET_STORIES_REQUEST__INIT;
	request.organization_id = 1;
	request.ids = wanted;
	request.n_ids = n;
	*response = NULL;
	return prism_v1_story_service_batch_get_stories_wait(as(VIEWER), NULL, &request, response,
	                                                     &tenant.result);
}

/* Which is known before the long texts are read. */
static void a_batch_that_fits_into_no_message_says_how_many_do(void **state)
{
	(void)state;
	enum { LARGE = 20 };
	int64_t wanted[LARGE];
	Prism__V1__BatchGetStoriesResponse *response;
	count("WITH made AS (INSERT INTO stories (organization_id, project_id, number, rank, title,"
	      " description, acceptance_criteria) SELECT 1, 11, 1000 + n, n, 'Large', repeat("
	      "'\u00e4', 65536), repeat('\u00e4', 65536) FROM generate_series(1, %d) n"
	      " RETURNING 1) SELECT count(*) FROM made",
	      LARGE);
	for (size_t i = 0; i < LARGE; i++)
		wanted[i] = count("SELECT id FROM stories WHERE title = 'Large' ORDER BY id OFFSET"
		                  " %zu LIMIT 1",
		                  i);
	assert_int_equal(batch_get(wanted, LARGE, &response), PRISM_RESOURCE_EXHAUSTED);
	assert_refused(PRISM_RESOURCE_EXHAUSTED, "ANSWER_TOO_LARGE");
	assert_field("ids");
	const char *fitting = strstr(tenant.result.message, "the first ");
	assert_non_null(fitting);
	size_t fit = strtoul(fitting + strlen("the first "), NULL, 10);
	assert_in_range(fit, 1, LARGE - 1);
	assert_int_equal(batch_get(wanted, fit + 1, &response), PRISM_RESOURCE_EXHAUSTED);
	assert_int_equal(batch_get(wanted, fit, &response), PRISM_OK);
	assert_int_equal(response->n_stories, fit);
	assert_int_equal(strlen(response->stories[fit - 1]->acceptance_criteria), 2 * 65536);
	prism__v1__batch_get_stories_response__free_unpacked(response, NULL);
	count("DELETE FROM stories WHERE title = 'Large' RETURNING 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_order_is_walked_in_pages),
		cmocka_unit_test(each_filter_filters),
		cmocka_unit_test(a_range_that_ends_before_it_begins_is_refused),
		cmocka_unit_test(a_delta_has_tombstones),
		cmocka_unit_test(pages_are_stable_under_inserts_and_deletes),
		cmocka_unit_test(priorities_have_an_order),
		cmocka_unit_test(pages_by_priority_are_stable),
		cmocka_unit_test(page_sizes_have_a_default_and_a_limit),
		cmocka_unit_test(large_stories_make_short_pages),
		cmocka_unit_test(a_token_is_of_its_list_alone),
		cmocka_unit_test(lists_are_for_members),
		cmocka_unit_test(a_batch_tells_found_from_missing),
		cmocka_unit_test(a_batch_that_fits_into_no_message_says_how_many_do),
	};
	return cmocka_run_group_tests(tests, set_up, tenant_tear_down);
}
