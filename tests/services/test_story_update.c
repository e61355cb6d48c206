/* UpdateStory, DeleteStory, UndeleteStory: what changes, what follows from it,
 * and what must not. */
#include "tests/services/story_fixture.h"

enum {
	TODO_ = PRISM__V1__STORY_STATUS__STORY_STATUS_TODO,
	IN_PROGRESS = PRISM__V1__STORY_STATUS__STORY_STATUS_IN_PROGRESS,
	DONE = PRISM__V1__STORY_STATUS__STORY_STATUS_DONE,
};

static story_t blank(void)
{
	return (story_t)PRISM__V1__STORY__INIT;
}

static story_t *set_status(int64_t id, int status)
{
	story_t story = blank();
	story.status = (Prism__V1__StoryStatus)status;
	return update_story(MEMBER, id, &story, "status", 0, NULL);
}

static void only_the_named_fields_change(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Old");
	story_t story = blank();
	story.title = "New";
	story.description = "not named";
	story.has_story_points_case = PRISM__V1__STORY__HAS_STORY_POINTS_STORY_POINTS;
	story.story_points = 8;
	story.has_epic_id_case = PRISM__V1__STORY__HAS_EPIC_ID_EPIC_ID;
	story.epic_id = 6;
	story.has_assignee_id_case = PRISM__V1__STORY__HAS_ASSIGNEE_ID_ASSIGNEE_ID;
	story.assignee_id = ADMIN;
	story_t *updated =
		update_story(MEMBER, id, &story, "title,story_points,epic_id,assignee_id", 1, NULL);
	assert_non_null(updated);
	assert_string_equal(updated->title, "New");
	assert_string_equal(updated->description, "");
	assert_int_equal(updated->story_points, 8);
	assert_int_equal(updated->epic_id, 6);
	assert_string_equal(updated->assignee_id, ADMIN);
	assert_int_equal(updated->version, 2);
	assert_int_equal(
		count("SELECT count(*) FROM activity_log WHERE entity_id = '%ld' AND verb ="
	              " 'update' AND changes = '{\"title\": {\"old\": \"Old\", \"new\":"
	              " \"New\"}, \"story_points\": {\"new\": 8}, \"epic_id\": {\"new\": 6},"
	              " \"assignee_id\": {\"new\": \"" ADMIN "\"}}'",
	              id),
		1);
	free_story(updated);
	story = blank();
	updated = update_story(MEMBER, id, &story, "story_points,epic_id,assignee_id", 2, NULL);
	assert_non_null(updated);
	assert_int_equal(updated->has_story_points_case,
	                 PRISM__V1__STORY__HAS_STORY_POINTS__NOT_SET);
	assert_int_equal(updated->has_epic_id_case, PRISM__V1__STORY__HAS_EPIC_ID__NOT_SET);
	assert_int_equal(updated->has_assignee_id_case, PRISM__V1__STORY__HAS_ASSIGNEE_ID__NOT_SET);
	assert_string_equal(updated->title, "New");
	free_story(updated);
}

static void what_changes_nothing_writes_nothing(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Same");
	story_t story = blank();
	story.title = "Same";
	long before = count(
		"SELECT floor(extract(epoch FROM updated_at)) FROM stories WHERE id = %ld", id);
	story_t *updated = update_story(MEMBER, id, &story, "title,description", 0, NULL);
	assert_non_null(updated);
	assert_int_equal(updated->version, 1);
	assert_int_equal(updated->updated_at->seconds, before);
	assert_int_equal(count("SELECT count(*) FROM activity_log WHERE entity_id = '%ld'", id), 0);
	free_story(updated);
}

static void a_stale_version_is_told_the_current_one(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Versioned");
	story_t story = blank();
	story.title = "Second";
	free_story(update_story(MEMBER, id, &story, "title", 1, NULL));
	story.title = "Third";
	assert_null(update_story(MEMBER, id, &story, "title", 1, NULL));
	assert_refused(PRISM_ABORTED, "VERSION_STALE");
	assert_non_null(strstr(tenant.result.message, "version 2"));
	assert_int_equal(
		count("SELECT count(*) FROM stories WHERE id = %ld AND title = 'Second'", id), 1);
}

static void masks_and_fields_are_checked(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Checked");
	story_t story = blank();
	assert_null(update_story(MEMBER, id, &story, "number", 0, NULL));
	assert_refused(PRISM_INVALID_ARGUMENT, "MASK_INVALID");
	assert_non_null(strstr(tenant.result.message, "title, description"));
	assert_null(update_story(MEMBER, id, &story, "", 0, NULL));
	assert_refused(PRISM_INVALID_ARGUMENT, "MASK_INVALID");
	const char *const needed[] = {"title", "status", "priority"};
	for (size_t i = 0; i < 3; i++) {
		char field[32];
		snprintf(field, sizeof(field), "story.%s", needed[i]);
		assert_null(update_story(MEMBER, id, &story, needed[i], 0, NULL));
		assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
		assert_field(field);
	}
}

static void whoever_may_not_is_told_why(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Guarded"), done = story_by_sql(12, "In a completed project");
	long gone = story_by_sql(13, "In a deleted project"), theirs = story_by_sql(20, "Theirs");
	story_t story = blank();
	story.title = "Taken over";
	assert_null(update_story(VIEWER, id, &story, "title", 0, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	assert_null(update_story(OUTSIDER, id, &story, "title", 0, NULL));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	const long missing[] = {gone, theirs, 999999};
	for (size_t i = 0; i < 3; i++) {
		assert_null(update_story(OWNER, missing[i], &story, "title", 0, NULL));
		assert_refused(PRISM_NOT_FOUND, "STORY_NOT_FOUND");
	}
	assert_null(update_story(OWNER, done, &story, "title", 0, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "PROJECT_COMPLETED");
	assert_int_equal(count("SELECT count(*) FROM stories WHERE title = 'Taken over'"), 0);
}

static void references_must_fit(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Refers");
	story_t story = blank();
	story.has_epic_id_case = PRISM__V1__STORY__HAS_EPIC_ID_EPIC_ID;
	story.epic_id = 60;
	assert_null(update_story(MEMBER, id, &story, "epic_id", 0, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "EPIC_NOT_IN_PROJECT");
	story.has_sprint_id_case = PRISM__V1__STORY__HAS_SPRINT_ID_SPRINT_ID;
	story.sprint_id = 50;
	assert_null(update_story(MEMBER, id, &story, "sprint_id", 0, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "SPRINT_NOT_IN_PROJECT");
	story.sprint_id = 7;
	assert_null(update_story(MEMBER, id, &story, "sprint_id", 0, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "SPRINT_COMPLETED");
	story.has_assignee_id_case = PRISM__V1__STORY__HAS_ASSIGNEE_ID_ASSIGNEE_ID;
	story.assignee_id = VIEWER;
	assert_null(update_story(MEMBER, id, &story, "assignee_id", 0, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "ASSIGNEE_NOT_MEMBER");
	assert_field("story.assignee_id");
	assert_non_null(strstr(tenant.result.message, "must be an active member of the "
	                                              "organization, and no viewer"));
	assert_int_equal(count("SELECT version FROM stories WHERE id = %ld", id), 1);
}

/* A form sends back what it was shown. */
static void what_stays_is_not_judged(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Stays"), other = story_by_sql(10, "Comes");
	long epic = count("INSERT INTO epics (organization_id, project_id, name) VALUES (1, 10, "
	                  "'Leaves') RETURNING id");
	count("UPDATE stories SET epic_id = %ld, assignee_id = '" MEMBER_2
	      "', sprint_id = 7, status = 'done' WHERE id = %ld RETURNING 1",
	      epic, id);
	count("UPDATE epics SET deleted_at = now() WHERE id = %ld RETURNING 1", epic);
	count("UPDATE organization_members SET role = 'viewer' WHERE user_id = '" MEMBER_2
	      "' RETURNING 1");
	story_t story = blank();
	story.title = "Stays, renamed";
	story.has_epic_id_case = PRISM__V1__STORY__HAS_EPIC_ID_EPIC_ID;
	story.epic_id = epic;
	story.has_sprint_id_case = PRISM__V1__STORY__HAS_SPRINT_ID_SPRINT_ID;
	story.sprint_id = 7;
	story.has_assignee_id_case = PRISM__V1__STORY__HAS_ASSIGNEE_ID_ASSIGNEE_ID;
	story.assignee_id = MEMBER_2;
	story_t *updated =
		update_story(MEMBER, id, &story, "title,epic_id,sprint_id,assignee_id", 0, NULL);
	assert_null(update_story(MEMBER, other, &story, "epic_id", 0, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "EPIC_NOT_IN_PROJECT");
	assert_null(update_story(MEMBER, other, &story, "assignee_id", 0, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "ASSIGNEE_NOT_MEMBER");
	count("UPDATE organization_members SET role = 'member' WHERE user_id = '" MEMBER_2
	      "' RETURNING 1");
	assert_non_null(updated);
	assert_string_equal(updated->title, "Stays, renamed");
	free_story(updated);
}

static void times_follow_the_status(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Goes");
	story_t *story = set_status(id, IN_PROGRESS);
	assert_non_null(story->started_at);
	assert_null(story->completed_at);
	int64_t started = story->started_at->seconds;
	int32_t started_nanos = story->started_at->nanos;
	free_story(story);
	story = set_status(id, DONE);
	assert_non_null(story->completed_at);
	free_story(story);
	story = set_status(id, TODO_);
	assert_null(story->completed_at);
	free_story(story);
	story = set_status(id, IN_PROGRESS);
	assert_int_equal(story->started_at->seconds, started);
	assert_int_equal(story->started_at->nanos, started_nanos);
	free_story(story);
}

static void a_completed_sprint_stays_as_it_was(void **state)
{
	(void)state;
	long id = story_by_sql(10, "History");
	count("UPDATE stories SET status = 'done', sprint_id = 7 WHERE id = %ld RETURNING 1", id);
	story_t story = blank();
	assert_null(update_story(ADMIN, id, &story, "sprint_id", 0, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "SPRINT_COMPLETED");
	story.title = "History, renamed";
	story_t *renamed = update_story(ADMIN, id, &story, "title", 0, NULL);
	assert_int_equal(renamed->sprint_id, 7);
	free_story(renamed);
	story_t *reopened = set_status(id, TODO_);
	assert_int_equal(reopened->has_sprint_id_case, PRISM__V1__STORY__HAS_SPRINT_ID__NOT_SET);
	free_story(reopened);
	count("UPDATE stories SET status = 'done', sprint_id = 7 WHERE id = %ld RETURNING 1", id);
	story.status = (Prism__V1__StoryStatus)TODO_;
	story.has_sprint_id_case = PRISM__V1__STORY__HAS_SPRINT_ID_SPRINT_ID;
	story.sprint_id = 7;
	reopened = update_story(MEMBER, id, &story, "status,sprint_id", 0, NULL);
	assert_non_null(reopened);
	assert_int_equal(reopened->has_sprint_id_case, PRISM__V1__STORY__HAS_SPRINT_ID__NOT_SET);
	free_story(reopened);
}

static void a_repeated_update_has_one_effect(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Repeats");
	story_t story = blank();
	story.title = "First";
	free_story(update_story(MEMBER, id, &story, "title", 1, REQUEST_ID(1)));
	story_t other = blank();
	other.title = "Second";
	free_story(update_story(ADMIN, id, &other, "title", 0, NULL));
	story_t *again = update_story(MEMBER, id, &story, "title", 1, REQUEST_ID(1));
	assert_non_null(again);
	assert_string_equal(again->title, "Second");
	assert_int_equal(again->version, 3);
	free_story(again);
}

/* --- deleting and restoring -------------------------------------------------------------- */

static story_t *delete_story(const char *actor, int64_t id, int32_t version, const char *request_id)
{
	Prism__V1__DeleteStoryRequest request = PRISM__V1__DELETE_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.id = id;
	request.expected_version = version;
	request.request_id = (char *)(request_id ? request_id : "");
	story_t *story = NULL;
	(void)prism_v1_story_service_delete_story_wait(as(actor), NULL, &request, &story,
	                                               &tenant.result);
	return story;
}

static story_t *undelete_story(const char *actor, int64_t id, const char *request_id)
{
	Prism__V1__UndeleteStoryRequest request = PRISM__V1__UNDELETE_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.id = id;
	request.request_id = (char *)(request_id ? request_id : "");
	story_t *story = NULL;
	(void)prism_v1_story_service_undelete_story_wait(as(actor), NULL, &request, &story,
	                                                 &tenant.result);
	return story;
}

static void deleting_is_for_few(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Theirs"), owned = story_by_sql(11, "In the project of MEMBER");
	count("UPDATE stories SET creator_id = '" MEMBER_2 "' WHERE id = %ld RETURNING 1", id);
	assert_null(delete_story(MEMBER, id, 0, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "NOT_YOURS");
	assert_null(delete_story(VIEWER, id, 0, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	assert_null(delete_story(MEMBER_2, owned, 0, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "NOT_YOURS");
	free_story(delete_story(MEMBER, owned, 0, NULL));
	assert_refused(PRISM_OK, "");
	free_story(delete_story(MEMBER_2, id, 1, NULL));
	assert_refused(PRISM_OK, "");
	assert_null(undelete_story(MEMBER, id, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "NOT_YOURS");
	story_t *back = undelete_story(ADMIN, id, NULL);
	assert_non_null(back);
	assert_int_equal(back->version, 3);
	free_story(back);
	assert_null(undelete_story(ADMIN, id, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "STORY_NOT_DELETED");
	assert_null(delete_story(ADMIN, id, 1, NULL));
	assert_refused(PRISM_ABORTED, "VERSION_STALE");
}

static void a_deleted_story_is_hidden(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Hidden");
	story_t *deleted = delete_story(ADMIN, id, 0, REQUEST_ID(2));
	assert_non_null(deleted->deleted_at);
	free_story(deleted);
	assert_null(get_story(ADMIN, id));
	story_t story = blank();
	story.title = "Seen";
	assert_null(update_story(ADMIN, id, &story, "title", 0, NULL));
	assert_refused(PRISM_NOT_FOUND, "STORY_NOT_FOUND");
	assert_null(delete_story(ADMIN, id, 0, NULL));
	assert_refused(PRISM_NOT_FOUND, "STORY_NOT_FOUND");
	deleted = delete_story(ADMIN, id, 0, REQUEST_ID(2));
	assert_non_null(deleted);
	assert_int_equal(deleted->version, 2);
	free_story(deleted);
}

static void a_completed_project_keeps_its_stories(void **state)
{
	(void)state;
	long id = story_by_sql(12, "Kept"), gone = story_by_sql(12, "Gone");
	count("UPDATE stories SET deleted_at = now() WHERE id = %ld RETURNING 1", gone);
	assert_null(delete_story(OWNER, id, 0, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "PROJECT_COMPLETED");
	assert_null(undelete_story(OWNER, gone, NULL));
	assert_refused(PRISM_FAILED_PRECONDITION, "PROJECT_COMPLETED");
	assert_int_equal(count("SELECT sum(version) FROM stories WHERE id IN (%ld, %ld)", id, gone),
	                 2);
}

/* Neither a sprint that was completed meanwhile nor an assignee who has left. */
static void what_is_restored_has_lost_what_is_over(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Returns");
	count("UPDATE stories SET sprint_id = 7, assignee_id = '" OUTSIDER "', deleted_at = now()"
	      " WHERE id = %ld RETURNING 1",
	      id);
	story_t *back = undelete_story(ADMIN, id, NULL);
	assert_int_equal(back->has_sprint_id_case, PRISM__V1__STORY__HAS_SPRINT_ID__NOT_SET);
	assert_int_equal(back->has_assignee_id_case, PRISM__V1__STORY__HAS_ASSIGNEE_ID__NOT_SET);
	free_story(back);
	assert_int_equal(
		count("SELECT count(*) FROM activity_log WHERE entity_id = '%ld' AND changes ="
	              " '{\"sprint_id\": {\"old\": 7}, \"assignee_id\": {\"old\":"
	              " \"" OUTSIDER "\"}}'",
	              id),
		1);
}

static void what_is_done_is_restored_as_it_was(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Done before");
	count("UPDATE stories SET status = 'done', completed_at = now(), sprint_id = 7,"
	      " assignee_id = '" OUTSIDER "', deleted_at = now() WHERE id = %ld RETURNING 1",
	      id);
	story_t *back = undelete_story(ADMIN, id, NULL);
	assert_int_equal(back->sprint_id, 7);
	assert_string_equal(back->assignee_id, OUTSIDER);
	free_story(back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_named_fields_change),
		cmocka_unit_test(what_changes_nothing_writes_nothing),
		cmocka_unit_test(a_stale_version_is_told_the_current_one),
		cmocka_unit_test(masks_and_fields_are_checked),
		cmocka_unit_test(whoever_may_not_is_told_why),
		cmocka_unit_test(references_must_fit),
		cmocka_unit_test(what_stays_is_not_judged),
		cmocka_unit_test(times_follow_the_status),
		cmocka_unit_test(a_completed_sprint_stays_as_it_was),
		cmocka_unit_test(a_repeated_update_has_one_effect),
		cmocka_unit_test(deleting_is_for_few),
		cmocka_unit_test(a_deleted_story_is_hidden),
		cmocka_unit_test(a_completed_project_keeps_its_stories),
		cmocka_unit_test(what_is_restored_has_lost_what_is_over),
		cmocka_unit_test(what_is_done_is_restored_as_it_was),
	};
	return cmocka_run_group_tests(tests, tenant_set_up, tenant_tear_down);
}
