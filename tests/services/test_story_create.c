/* CreateStory and BatchCreateStories: what is made, what is refused and why, and that a repeated
 * request has one effect. */
#include "tests/services/story_fixture.h"

static story_t titled(const char *title)
{
	story_t story = PRISM__V1__STORY__INIT;
	story.title = (char *)title;
	return story;
}

static Prism__V1__BatchCreateStoriesResponse *create_all(int64_t project, story_t **stories,
                                                         size_t n, const char *request_id)
{
	Prism__V1__BatchCreateStoriesRequest request =
		PRISM__V1__BATCH_CREATE_STORIES_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = project;
	request.stories = stories;
	request.n_stories = n;
	request.request_id = (char *)(request_id ? request_id : "");
	Prism__V1__BatchCreateStoriesResponse *response = NULL;
	(void)prism_v1_story_service_batch_create_stories_wait(as(MEMBER), NULL, &request,
	                                                       &response, &tenant.result);
	return response;
}

static void everything_given_comes_back(void **state)
{
	(void)state;
	story_t story = titled("Whole");
	story.description = "What";
	story.acceptance_criteria = "When";
	story.status = PRISM__V1__STORY_STATUS__STORY_STATUS_IN_PROGRESS;
	story.priority = PRISM__V1__STORY_PRIORITY__STORY_PRIORITY_HIGH;
	story.has_story_points_case = PRISM__V1__STORY__HAS_STORY_POINTS_STORY_POINTS;
	story.story_points = 0;
	story.has_epic_id_case = PRISM__V1__STORY__HAS_EPIC_ID_EPIC_ID;
	story.epic_id = 6;
	story.has_sprint_id_case = PRISM__V1__STORY__HAS_SPRINT_ID_SPRINT_ID;
	story.sprint_id = 8;
	story.has_assignee_id_case = PRISM__V1__STORY__HAS_ASSIGNEE_ID_ASSIGNEE_ID;
	story.assignee_id = MEMBER_2;
	story_t *made = create_story(MEMBER, 10, &story, NULL);
	assert_non_null(made);
	story_t *read = get_story(VIEWER, made->id);
	assert_non_null(read);
	const story_t *const both[] = {made, read};
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(both[i]->title, "Whole");
		assert_string_equal(both[i]->description, "What");
		assert_string_equal(both[i]->acceptance_criteria, "When");
		assert_int_equal(both[i]->status, story.status);
		assert_int_equal(both[i]->priority, story.priority);
		assert_int_equal(both[i]->has_story_points_case, story.has_story_points_case);
		assert_int_equal(both[i]->story_points, 0);
		assert_int_equal(both[i]->epic_id, 6);
		assert_int_equal(both[i]->sprint_id, 8);
		assert_string_equal(both[i]->assignee_id, MEMBER_2);
		assert_string_equal(both[i]->creator_id, MEMBER);
		assert_int_equal(both[i]->version, 1);
		assert_int_equal(both[i]->project_id, 10);
		assert_non_null(both[i]->created_at);
		assert_non_null(both[i]->started_at);
		assert_null(both[i]->completed_at);
		assert_null(both[i]->deleted_at);
	}
	assert_string_equal(made->key, read->key);
	free_story(made);
	free_story(read);
}

static void what_is_not_given_has_its_default(void **state)
{
	(void)state;
	story_t story = titled("Bare");
	story_t *made = create_story(MEMBER, 10, &story, NULL);
	assert_non_null(made);
	assert_int_equal(made->status, PRISM__V1__STORY_STATUS__STORY_STATUS_TODO);
	assert_int_equal(made->priority, PRISM__V1__STORY_PRIORITY__STORY_PRIORITY_MEDIUM);
	assert_int_equal(made->has_story_points_case, PRISM__V1__STORY__HAS_STORY_POINTS__NOT_SET);
	assert_int_equal(made->has_sprint_id_case, PRISM__V1__STORY__HAS_SPRINT_ID__NOT_SET);
	assert_null(made->started_at);
	assert_int_equal(count("SELECT count(*) FROM stories WHERE id = %ld AND description IS NULL"
	                       " AND acceptance_criteria IS NULL AND external_source IS NULL",
	                       (long)made->id),
	                 1);
	free_story(made);
}

static void numbers_and_ranks_follow_each_other(void **state)
{
	(void)state;
	story_t story = titled("Counted");
	story_t *first = create_story(MEMBER, 11, &story, NULL);
	assert_null(create_story(VIEWER, 11, &story, NULL));
	story.has_epic_id_case = PRISM__V1__STORY__HAS_EPIC_ID_EPIC_ID;
	story.epic_id = 6;
	assert_null(create_story(MEMBER, 11, &story, NULL));
	story.has_epic_id_case = PRISM__V1__STORY__HAS_EPIC_ID__NOT_SET;
	story_t *second = create_story(MEMBER, 11, &story, NULL);
	assert_non_null(first);
	assert_non_null(second);
	assert_int_equal(second->number, first->number + 1);
	assert_int_equal(second->rank, first->rank + 65536);
	free_story(first);
	free_story(second);
}

static void whoever_may_not_is_told_why(void **state)
{
	(void)state;
	story_t story = titled("Refused");
	long before = count("SELECT count(*) FROM stories");
	assert_null(create_story(VIEWER, 10, &story, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	assert_null(create_story(OUTSIDER, 10, &story, NULL));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	assert_null(create_story(INACTIVE, 10, &story, NULL));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	const int64_t missing[] = {13, 20, 999};
	for (size_t i = 0; i < 3; i++) {
		assert_null(create_story(OWNER, missing[i], &story, NULL));
		assert_refused(PRISM_NOT_FOUND, "PROJECT_NOT_FOUND");
	}
	assert_null(create_story(OWNER, 12, &story, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "PROJECT_COMPLETED");
	assert_int_equal(count("SELECT count(*) FROM stories"), before);
}

/* As the only story of a request, and among others of a batch: the two are different statements. */
static void assert_unfit(story_t *story, const char *reason, const char *field)
{
	char path[64];
	snprintf(path, sizeof(path), "story.%s", field);
	assert_null(create_story(MEMBER, 10, story, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, reason);
	assert_field(path);
	story_t good = titled("Good");
	story_t *stories[] = {&good, story};
	snprintf(path, sizeof(path), "stories[1].%s", field);
	assert_null(create_all(10, stories, 2, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, reason);
	assert_field(path);
}

static void references_must_fit(void **state)
{
	(void)state;
	long before = count("SELECT next_number FROM project_counters WHERE project_id = 10");
	story_t story = titled("Refers");
	story.has_epic_id_case = PRISM__V1__STORY__HAS_EPIC_ID_EPIC_ID;
	story.epic_id = 60;
	assert_unfit(&story, "EPIC_NOT_IN_PROJECT", "epic_id");
	story = titled("Refers");
	story.has_sprint_id_case = PRISM__V1__STORY__HAS_SPRINT_ID_SPRINT_ID;
	story.sprint_id = 50;
	assert_unfit(&story, "SPRINT_NOT_IN_PROJECT", "sprint_id");
	story.sprint_id = 7;
	assert_unfit(&story, "SPRINT_COMPLETED", "sprint_id");
	story = titled("Refers");
	story.has_assignee_id_case = PRISM__V1__STORY__HAS_ASSIGNEE_ID_ASSIGNEE_ID;
	char *const nobody[] = {VIEWER, OUTSIDER, INACTIVE, USER(9)};
	for (size_t i = 0; i < 4; i++) {
		story.assignee_id = nobody[i];
		assert_unfit(&story, "ASSIGNEE_NOT_MEMBER", "assignee_id");
	}
	assert_int_equal(count("SELECT next_number FROM project_counters WHERE project_id = 10"),
	                 before);
}

static void fields_have_rules(void **state)
{
	(void)state;
	char long_title[300];
	memset(long_title, 'x', sizeof(long_title) - 1);
	long_title[sizeof(long_title) - 1] = '\0';
	char *const titles[] = {"", " padded", long_title};
	for (size_t i = 0; i < 3; i++) {
		story_t story = titled(titles[i]);
		assert_null(create_story(MEMBER, 10, &story, NULL));
		assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
		assert_field("story.title");
	}
	story_t story = titled("Half a source");
	story.external_id = "7";
	assert_null(create_story(MEMBER, 10, &story, NULL));
	assert_field("story.external_id");
	story = titled("Points");
	story.has_story_points_case = PRISM__V1__STORY__HAS_STORY_POINTS_STORY_POINTS;
	story.story_points = 1001;
	assert_null(create_story(MEMBER, 10, &story, NULL));
	assert_field("story.story_points");
	story = titled("Whose request");
	assert_null(create_story(MEMBER, 10, &story, "not-a-uuid"));
	assert_field("request_id");
}

static void imports_need_the_system_scope(void **state)
{
	(void)state;
	Google__Protobuf__Timestamp then = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	then.seconds = 1700000000;
	story_t numbered = titled("Numbered"), created = titled("Created"), by = titled("By");
	numbered.number = 500;
	created.created_at = &then;
	by.has_creator_id_case = PRISM__V1__STORY__HAS_CREATOR_ID_CREATOR_ID;
	by.creator_id = ADMIN;
	story_t *const all[] = {&numbered, &created, &by};
	const char *const fields[] = {"story.number", "story.created_at", "story.creator_id"};
	for (size_t i = 0; i < 3; i++) {
		assert_null(create_story(OWNER, 10, all[i], NULL));
		assert_refused(PRISM_PERMISSION_DENIED, "SYSTEM_FIELD");
		assert_field(fields[i]);
		story_t *made = create_story(NULL, 10, all[i], NULL);
		assert_non_null(made);
		free_story(made);
	}
	story_t strange = titled("By nobody");
	strange.has_creator_id_case = PRISM__V1__STORY__HAS_CREATOR_ID_CREATOR_ID;
	strange.creator_id = USER(9);
	assert_null(create_story(NULL, 10, &strange, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "CREATOR_NOT_FOUND");
	assert_field("story.creator_id");
	story_t story = titled("After 500");
	story_t *next = create_story(MEMBER, 10, &story, NULL);
	assert_true(next->number > 500);
	free_story(next);
	assert_null(create_story(NULL, 10, &numbered, NULL));
	assert_refused(PRISM_ALREADY_EXISTS, "STORY_NUMBER_TAKEN");
	then.seconds = INT64_MAX;
	assert_null(create_story(NULL, 10, &created, NULL));
	assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	assert_field("story.created_at");
}

/* --- once ------------------------------------------------------------------------------ */

static void a_repeated_request_has_one_effect(void **state)
{
	(void)state;
	story_t story = titled("Once");
	story_t *first = create_story(MEMBER, 10, &story, REQUEST_ID(1));
	story_t *again = create_story(MEMBER, 10, &story, REQUEST_ID(1));
	assert_non_null(first);
	assert_non_null(again);
	assert_int_equal(first->id, again->id);
	assert_string_equal(first->key, again->key);
	assert_int_equal(count("SELECT count(*) FROM stories WHERE title = 'Once'"), 1);
	assert_int_equal(count("SELECT count(*) FROM activity_log WHERE entity_type = 'story' AND"
	                       " entity_id = '%ld' AND verb = 'create' AND actor_id = '" MEMBER
	                       "' AND request_id = '" REQUEST_ID(1) "'",
	                       (long)first->id),
	                 1);
	story_t other = titled("Twice");
	assert_null(create_story(MEMBER, 10, &other, REQUEST_ID(1)));
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
	story_t *somebody_else = create_story(MEMBER_2, 10, &story, REQUEST_ID(1));
	assert_non_null(somebody_else);
	assert_int_not_equal(somebody_else->id, first->id);
	free_story(somebody_else);
	free_story(first);
	free_story(again);
}

static void a_repetition_shows_things_as_they_are(void **state)
{
	(void)state;
	story_t story = titled("Changes");
	story_t *first = create_story(MEMBER, 10, &story, REQUEST_ID(2));
	story_t renamed = titled("Changed");
	free_story(update_story(ADMIN, first->id, &renamed, "title", 0, NULL));
	story_t *again = create_story(MEMBER, 10, &story, REQUEST_ID(2));
	assert_string_equal(again->title, "Changed");
	assert_int_equal(again->version, 2);
	free_story(again);
	count("UPDATE stories SET deleted_at = now() WHERE id = %ld RETURNING 1", (long)first->id);
	again = create_story(MEMBER, 10, &story, REQUEST_ID(2));
	assert_int_equal(again->id, first->id);
	assert_non_null(again->deleted_at);
	free_story(again);
	count("DELETE FROM stories WHERE id = %ld RETURNING 1", (long)first->id);
	again = create_story(MEMBER, 10, &story, REQUEST_ID(2));
	assert_int_equal(again->id, first->id);
	assert_string_equal(again->title, "");
	free_story(again);
	free_story(first);
}

static void a_repetition_is_for_who_still_may(void **state)
{
	(void)state;
	story_t story = titled("Mine");
	free_story(create_story(MEMBER_2, 10, &story, REQUEST_ID(3)));
	count("UPDATE organization_members SET role = 'viewer' WHERE user_id = '" MEMBER_2
	      "' RETURNING 1");
	assert_null(create_story(MEMBER_2, 10, &story, REQUEST_ID(3)));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	count("UPDATE organization_members SET role = 'member' WHERE user_id = '" MEMBER_2
	      "' RETURNING 1");
}

/* --- many ------------------------------------------------------------------------------ */

static void many_are_made_in_their_order(void **state)
{
	(void)state;
	enum { MANY = 500 };
	static char titles[MANY][16];
	static story_t stories[MANY];
	static story_t *pointers[MANY];
	for (size_t i = 0; i < MANY; i++) {
		snprintf(titles[i], sizeof(titles[i]), "Batch %zu", i);
		stories[i] = titled(titles[i]);
		pointers[i] = &stories[i];
	}
	Prism__V1__BatchCreateStoriesResponse *made = create_all(11, pointers, MANY, REQUEST_ID(4));
	assert_non_null(made);
	assert_int_equal(made->n_stories, MANY);
	for (size_t i = 0; i < MANY; i++) {
		assert_string_equal(made->stories[i]->title, titles[i]);
		assert_int_equal(made->stories[i]->number, made->stories[0]->number + (int64_t)i);
	}
	Prism__V1__BatchCreateStoriesResponse *again =
		create_all(11, pointers, MANY, REQUEST_ID(4));
	assert_non_null(again);
	assert_int_equal(again->n_stories, MANY);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(again->stories[i]->id, made->stories[i]->id);
	assert_int_equal(count("SELECT count(*) FROM stories WHERE title LIKE 'Batch %%'"), MANY);
	prism__v1__batch_create_stories_response__free_unpacked(made, NULL);
	prism__v1__batch_create_stories_response__free_unpacked(again, NULL);
	assert_null(create_all(11, pointers, 0, NULL));
	assert_field("stories");
}

/* With ids, keys and times the answer would be larger than a message may be. */
static void the_largest_batch_is_answered(void **state)
{
	(void)state;
	enum { MANY = 500, TEXT = 8350 };
	static char text[TEXT + 1];
	static story_t stories[MANY];
	static story_t *pointers[MANY];
	memset(text, 'x', TEXT);
	for (size_t i = 0; i < MANY; i++) {
		stories[i] = titled("Large batch");
		stories[i].description = text;
		pointers[i] = &stories[i];
	}
	for (unsigned i = 0; i < 2; i++) { /* and its repetition, after they have grown */
		Prism__V1__BatchCreateStoriesResponse *made =
			create_all(11, pointers, MANY, REQUEST_ID(5));
		if (!made)
			fail_msg("%s", tenant.result.message);
		assert_int_equal(made->n_stories, MANY);
		assert_string_equal(made->stories[0]->title, "Large batch");
		assert_string_equal(made->stories[0]->description, "");
		prism__v1__batch_create_stories_response__free_unpacked(made, NULL);
		assert_int_equal(
			count("SELECT count(*) FROM stories WHERE title = 'Large batch' AND"
		              " octet_length(description) >= %d",
		              TEXT),
			MANY);
		count("UPDATE stories SET description = description || 'more' WHERE title = 'Large "
		      "batch' RETURNING 1");
	}
}

static void one_fault_refuses_all(void **state)
{
	(void)state;
	story_t good = titled("Good"), bad = titled("Bad");
	bad.has_sprint_id_case = PRISM__V1__STORY__HAS_SPRINT_ID_SPRINT_ID;
	bad.sprint_id = 5;
	story_t *stories[] = {&good, &good, &bad};
	long next = count("SELECT next_number FROM project_counters WHERE project_id = 11");
	assert_null(create_all(11, stories, 3, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "SPRINT_NOT_IN_PROJECT");
	assert_field("stories[2].sprint_id");
	assert_int_equal(count("SELECT count(*) FROM stories WHERE title = 'Good'"), 0);
	assert_int_equal(count("SELECT next_number FROM project_counters WHERE project_id = 11"),
	                 next);
	bad = titled("");
	assert_null(create_all(11, stories, 3, NULL));
	assert_field("stories[2].title");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_given_comes_back),
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(numbers_and_ranks_follow_each_other),
		cmocka_unit_test(whoever_may_not_is_told_why),
		cmocka_unit_test(references_must_fit),
		cmocka_unit_test(fields_have_rules),
		cmocka_unit_test(imports_need_the_system_scope),
		cmocka_unit_test(a_repeated_request_has_one_effect),
		cmocka_unit_test(a_repetition_shows_things_as_they_are),
		cmocka_unit_test(a_repetition_is_for_who_still_may),
		cmocka_unit_test(many_are_made_in_their_order),
		cmocka_unit_test(the_largest_batch_is_answered),
		cmocka_unit_test(one_fault_refuses_all),
	};
	return cmocka_run_group_tests(tests, tenant_set_up, tenant_tear_down);
}
