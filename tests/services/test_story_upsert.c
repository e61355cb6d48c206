/* BatchUpsertStories: what an import makes, changes and leaves alone, and what it is told. */
#include "tests/services/request.h"

enum {
	TO_DO = PRISM__V1__STORY_STATUS__STORY_STATUS_TODO,
	DONE = PRISM__V1__STORY_STATUS__STORY_STATUS_DONE,
};

static Prism__V1__BatchUpsertStoriesResponse *upsert(const char *actor, story_t **stories, size_t n)
{
	Prism__V1__BatchUpsertStoriesRequest request =
		PRISM__V1__BATCH_UPSERT_STORIES_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = 10;
	request.external_source = "tracker";
	request.stories = stories;
	request.n_stories = n;
	Prism__V1__BatchUpsertStoriesResponse *response = NULL;
	(void)prism_v1_story_service_batch_upsert_stories_wait(as(actor), NULL, &request, &response,
	                                                       &tenant.result);
	return response;
}

static void assert_effects(const char *actor, story_t **stories, size_t n, const char *effects)
{
	Prism__V1__BatchUpsertStoriesResponse *response = upsert(actor, stories, n);
	assert_done(response);
	assert_int_equal(response->n_results, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal("?cu-d"[response->results[i]->effect], effects[i]);
	prism__v1__batch_upsert_stories_response__free_unpacked(response, NULL);
}

static story_t external(const char *id, const char *title)
{
	story_t story = PRISM__V1__STORY__INIT;
	story.external_id = (char *)id;
	story.title = (char *)title;
	return story;
}

static void an_upsert_makes_changes_or_leaves_alone(void **state)
{
	(void)state;
	story_t a = external("A", "Aa"), b = external("B", "Bb"), c = external("C", "Cc");
	b.status = PRISM__V1__STORY_STATUS__STORY_STATUS_DONE;
	b.has_sprint_id_case = PRISM__V1__STORY__HAS_SPRINT_ID_SPRINT_ID;
	b.sprint_id = 8;
	story_t *two[] = {&a, &b}, *three[] = {&c, &a, &b};
	assert_effects(MEMBER, two, 2, "cc");
	long log = count("SELECT count(*) FROM activity_log");
	assert_effects(MEMBER, two, 2, "--");
	assert_int_equal(count("SELECT count(*) FROM activity_log"), log);
	assert_int_equal(
		count("SELECT max(version) FROM stories WHERE external_source = 'tracker'"), 1);
	a.title = "Aaa";
	assert_effects(MEMBER, three, 3, "cu-");
	assert_int_equal(count("SELECT version FROM stories WHERE external_id = 'A'"), 2);
	assert_int_equal(count("SELECT count(*) FROM activity_log"), log + 2);
}

static void an_upsert_leaves_the_deleted_alone(void **state)
{
	(void)state;
	story_t story = external("D", "Dd");
	story_t *one[] = {&story};
	assert_effects(MEMBER, one, 1, "c");
	count("UPDATE stories SET deleted_at = now() WHERE external_id = 'D' RETURNING 1");
	story.title = "Ddd";
	assert_effects(MEMBER, one, 1, "d");
	assert_int_equal(count("SELECT count(*) FROM stories WHERE title = 'Ddd'"), 0);
}

static void an_upsert_says_what_is_wrong(void **state)
{
	(void)state;
	story_t a = external("E", "Ee"), b = external("E", "Again"), c = external("", "No id");
	story_t *twins[] = {&a, &b}, *anonymous[] = {&a, &c};
	assert_null(upsert(MEMBER, twins, 2));
	assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	assert_null(upsert(MEMBER, anonymous, 2));
	assert_field("stories[1].external_id");
	b = external("F", "Elsewhere");
	b.external_source = "other";
	assert_null(upsert(MEMBER, twins, 2));
	assert_field("stories[1].external_source");
	b = external("F", "Numbered");
	b.number = 7000;
	assert_null(upsert(MEMBER, twins, 2));
	assert_refused(PRISM_PERMISSION_DENIED, "SYSTEM_FIELD");
	assert_null(upsert(VIEWER, twins, 2));
	assert_effects(NULL, twins, 2, "cc");
	assert_int_equal(count("SELECT number FROM stories WHERE external_id = 'F'"), 7000);
	assert_true(count("SELECT next_number FROM project_counters WHERE project_id = 10") > 7000);
}

static void set_sprint(story_t *story, int64_t sprint)
{
	story->has_sprint_id_case = PRISM__V1__STORY__HAS_SPRINT_ID_SPRINT_ID;
	story->sprint_id = sprint;
}

static void set_epic(story_t *story, int64_t epic)
{
	story->has_epic_id_case = PRISM__V1__STORY__HAS_EPIC_ID_EPIC_ID;
	story->epic_id = epic;
}

static void set_assignee(story_t *story, const char *assignee)
{
	story->has_assignee_id_case = PRISM__V1__STORY__HAS_ASSIGNEE_ID_ASSIGNEE_ID;
	story->assignee_id = (char *)assignee;
}

/* What is not there, or another project's or organization's. */
static void references_must_fit(void **state)
{
	(void)state;
	story_t a = external("R1", "Fits"), b = external("R2", "Does not");
	story_t *two[] = {&a, &b};
	static const int64_t sprints[] = {999999, 50}, epics[] = {999999, 60};
	for (size_t i = 0; i < 2; i++) {
		b = external("R2", "Does not");
		set_sprint(&b, sprints[i]);
		assert_null(upsert(NULL, two, 2));
		assert_refused_field(PRISM_FAILED_PRECONDITION, "SPRINT_NOT_IN_PROJECT",
		                     "stories[1].sprint_id");
		b = external("R2", "Does not");
		set_epic(&b, epics[i]);
		assert_null(upsert(NULL, two, 2));
		assert_refused_field(PRISM_FAILED_PRECONDITION, "EPIC_NOT_IN_PROJECT",
		                     "stories[1].epic_id");
	}
	set_sprint(&b, 0);
	assert_null(upsert(NULL, two, 2));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "stories[1].sprint_id");
	b = external("R2", "Does not");
	set_assignee(&b, OUTSIDER);
	assert_null(upsert(NULL, two, 2));
	assert_refused_field(PRISM_FAILED_PRECONDITION, "ASSIGNEE_NOT_MEMBER",
	                     "stories[1].assignee_id");
	b = external("R2", "Does not");
	b.has_creator_id_case = PRISM__V1__STORY__HAS_CREATOR_ID_CREATOR_ID;
	b.creator_id = USER(9);
	assert_null(upsert(NULL, two, 2));
	assert_refused_field(PRISM_FAILED_PRECONDITION, "CREATOR_NOT_FOUND",
	                     "stories[1].creator_id");
	assert_int_equal(count("SELECT count(*) FROM stories WHERE external_id LIKE 'R_'"), 0);
}

/* An import again, after its sprint was completed, its epic deleted, its assignee gone. */
static void the_same_again_changes_nothing_at_any_later_date(void **state)
{
	(void)state;
	long sprint = count("INSERT INTO sprints (organization_id, project_id, name) VALUES (1, 10,"
	                    " 'Passes') RETURNING id");
	long epic = count("INSERT INTO epics (organization_id, project_id, name) VALUES (1, 10, "
	                  "'Passes') RETURNING id");
	story_t a = external("L1", "Later"), b = external("L2", "Later"), c = external("L3", "New");
	story_t *two[] = {&a, &b}, *with_new[] = {&a, &b, &c};
	set_sprint(&a, sprint);
	set_epic(&b, epic);
	set_assignee(&b, MEMBER_2);
	assert_effects(MEMBER, two, 2, "cc");
	count("UPDATE sprints SET status = 'completed' WHERE id = %ld RETURNING 1", sprint);
	count("UPDATE epics SET deleted_at = now() WHERE id = %ld RETURNING 1", epic);
	count("UPDATE organization_members SET role = 'viewer' WHERE user_id = '" MEMBER_2
	      "' RETURNING 1");
	Prism__V1__BatchUpsertStoriesResponse *response = upsert(MEMBER, two, 2);
	set_assignee(&c, MEMBER_2);
	Prism__V1__BatchUpsertStoriesResponse *none = upsert(MEMBER, with_new, 3);
	count("UPDATE organization_members SET role = 'member' WHERE user_id = '" MEMBER_2
	      "' RETURNING 1");
	assert_done(response);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(response->results[i]->effect,
		                 PRISM__V1__UPSERT_EFFECT__UPSERT_EFFECT_UNCHANGED);
	prism__v1__batch_upsert_stories_response__free_unpacked(response, NULL);
	assert_null(none);
	assert_refused_field(PRISM_FAILED_PRECONDITION, "ASSIGNEE_NOT_MEMBER",
	                     "stories[2].assignee_id");
}

/* As UpdateStory has it; an import of history may. */
static void a_completed_sprint_stays_as_it_was(void **state)
{
	(void)state;
	story_t story = external("H", "History"), *one[] = {&story};
	set_sprint(&story, 7);
	assert_null(upsert(OWNER, one, 1));
	assert_refused_field(PRISM_FAILED_PRECONDITION, "SPRINT_COMPLETED", "stories[0].sprint_id");
	story.status = (Prism__V1__StoryStatus)DONE;
	assert_effects(NULL, one, 1, "c");
	story.title = "History, renamed";
	assert_effects(MEMBER, one, 1, "u");
	story.status = (Prism__V1__StoryStatus)TO_DO;
	assert_null(upsert(OWNER, one, 1));
	assert_refused(PRISM_FAILED_PRECONDITION, "SPRINT_COMPLETED");
	story.status = (Prism__V1__StoryStatus)DONE;
	set_sprint(&story, 8);
	assert_null(upsert(OWNER, one, 1));
	assert_refused(PRISM_FAILED_PRECONDITION, "SPRINT_COMPLETED");
	story.status = (Prism__V1__StoryStatus)TO_DO;
	assert_effects(MEMBER, one, 1, "u");
	assert_int_equal(count("SELECT sprint_id FROM stories WHERE external_id = 'H'"), 8);
	story.status = (Prism__V1__StoryStatus)DONE;
	set_sprint(&story, 7);
	assert_effects(NULL, one, 1, "u");
}

static void what_changed_is_recorded(void **state)
{
	(void)state;
	story_t story = external("W", "Was"), *one[] = {&story};
	assert_effects(MEMBER, one, 1, "c");
	story.title = "Is";
	story.description = "Text";
	story.acceptance_criteria = "Text";
	story.status = (Prism__V1__StoryStatus)DONE;
	story.priority = PRISM__V1__STORY_PRIORITY__STORY_PRIORITY_HIGH;
	story.has_story_points_case = PRISM__V1__STORY__HAS_STORY_POINTS_STORY_POINTS;
	story.story_points = 5;
	set_epic(&story, 6);
	set_sprint(&story, 5);
	set_assignee(&story, ADMIN);
	assert_effects(MEMBER, one, 1, "u");
	assert_int_equal(
		count("SELECT count(*) FROM activity_log WHERE verb = 'update' AND changes = "
	              "'{\"title\": {\"old\": \"Was\", \"new\": \"Is\"}, \"description\": "
	              "{\"changed\": true}, \"acceptance_criteria\": {\"changed\": true}, "
	              "\"status\": {\"old\": \"todo\", \"new\": \"done\"}, \"priority\": "
	              "{\"old\": \"medium\", \"new\": \"high\"}, \"story_points\": {\"new\": "
	              "5}, \"epic_id\": {\"new\": 6}, \"sprint_id\": {\"new\": 5}, "
	              "\"assignee_id\": {\"new\": \"" ADMIN "\"}}'"),
		1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_upsert_makes_changes_or_leaves_alone),
		cmocka_unit_test(an_upsert_leaves_the_deleted_alone),
		cmocka_unit_test(an_upsert_says_what_is_wrong),
		cmocka_unit_test(references_must_fit),
		cmocka_unit_test(the_same_again_changes_nothing_at_any_later_date),
		cmocka_unit_test(a_completed_sprint_stays_as_it_was),
		cmocka_unit_test(what_changed_is_recorded),
	};
	return cmocka_run_group_tests(tests, tenant_set_up, tenant_tear_down);
}
