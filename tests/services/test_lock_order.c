/* The order in which writes lock rows (ARCHITECTURE.md): who waits for one of several stories,
 * users or memberships holds none that comes behind it, so that no two writes wait for each other.
 */
#include "prism/v1/membership.prism-client.h"
#include "tests/services/race.h"

enum { FIRST = 1000000, STORIES = 3 }; /* ids that no sequence reaches */

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

/* How the calls name the stories: FIRST + this. */
static long asked[STORIES];

static void ask_for(long first, long second, long third)
{
	asked[0] = first;
	asked[1] = second;
	asked[2] = third;
}

/* Stories FIRST + 1, + 2 ... of MEMBER_2, made from the last to the first, so that neither the
 * table nor the index of assignees has them by id. */
static int begin(void **state)
{
	(void)state;
	session_end(); /* what a test that failed has left */
	(void)race_run();
	count("DELETE FROM stories WHERE id > %d RETURNING 1", FIRST);
	for (long i = STORIES; i > 0; i--)
		count("INSERT INTO stories (id, organization_id, project_id, number, rank, title, "
		      "assignee_id, external_source, external_id) VALUES (%ld, 1, 10, %ld, %ld, "
		      "'Locked', '" MEMBER_2 "', 'locks', '%ld') RETURNING 1",
		      FIRST + i, FIRST + i, i == STORIES ? i : STORIES - i, i);
	count("INSERT INTO organization_members (organization_id, user_id, role) VALUES (1, "
	      "'" MEMBER_2 "', 'member') ON CONFLICT DO NOTHING RETURNING 1");
	return 0;
}

static bool session_of(const char *format, long id)
{
	char sql[256];
	snprintf(sql, sizeof(sql), format, id);
	return session(sql);
}

/* --- calls that lock all of the stories ----------------------------------------------------------
 */

static void add_move(void)
{
	int64_t ids[STORIES];
	for (size_t i = 0; i < STORIES; i++)
		ids[i] = FIRST + asked[i];
	Prism__V1__MoveStoriesRequest request = PRISM__V1__MOVE_STORIES_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = 10;
	request.ids = ids;
	request.n_ids = STORIES;
	request.placement = PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_BOTTOM;
	(void)race_add(OWNER, &prism_v1_story_service_move_stories_method, &request.base);
}

static void add_upsert(void)
{
	story_t stories[STORIES], *all[STORIES];
	char ids[STORIES][8];
	for (size_t i = 0; i < STORIES; i++) {
		prism__v1__story__init(&stories[i]);
		snprintf(ids[i], sizeof(ids[i]), "%ld", asked[i]);
		stories[i].title = "Imported";
		stories[i].external_id = ids[i];
		all[i] = &stories[i];
	}
	Prism__V1__BatchUpsertStoriesRequest request =
		PRISM__V1__BATCH_UPSERT_STORIES_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = 10;
	request.external_source = "locks";
	request.stories = all;
	request.n_stories = STORIES;
	(void)race_add(OWNER, &prism_v1_story_service_batch_upsert_stories_method, &request.base);
}

static void add_removal(void)
{
	Prism__V1__RemoveMemberRequest request = PRISM__V1__REMOVE_MEMBER_REQUEST__INIT;
	request.organization_id = 1;
	request.user_id = MEMBER_2;
	(void)race_add(OWNER, &prism_v1_membership_service_remove_member_method, &request.base);
}

/* --- one call ------------------------------------------------------------------------------------
 */

/* It waits for the first story, and holds none of the others. */
static void expect_ascending(void (*add)(void))
{
	ask_for(3, 2, 1);
	assert_true(session("BEGIN"));
	assert_true(session_of("SELECT FROM stories WHERE id = %ld FOR UPDATE", FIRST + 1));
	add();
	race_until_waiting(1);
	assert_true(session_of("SELECT FROM stories WHERE id > %ld FOR UPDATE NOWAIT", FIRST + 1));
	assert_true(session("COMMIT"));
	assert_int_equal(race_run(), 1);
}

static void a_move_locks_by_id(void **state)
{
	(void)state;
	expect_ascending(add_move);
}

/* Its block is one story, the last; those that make room for it are in its way. */
static void a_move_without_room_locks_by_id(void **state)
{
	(void)state;
	count("UPDATE stories SET rank = %d - id WHERE id > %d RETURNING 1", FIRST, FIRST);
	int64_t ids[] = {FIRST + STORIES};
	Prism__V1__MoveStoriesRequest request = PRISM__V1__MOVE_STORIES_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = 10;
	request.ids = ids;
	request.n_ids = 1;
	request.placement = PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_AFTER;
	request.anchor_id = FIRST + 2;
	assert_true(session("BEGIN"));
	assert_true(session_of("SELECT FROM stories WHERE id = %ld FOR UPDATE", FIRST + 1));
	(void)race_add(OWNER, &prism_v1_story_service_move_stories_method, &request.base);
	race_until_waiting(1);
	assert_true(session_of("SELECT FROM stories WHERE id > %ld FOR UPDATE NOWAIT", FIRST + 1));
	assert_true(session("COMMIT"));
	assert_int_equal(race_run(), 1);
	assert_int_equal(count("SELECT count(*) FROM (SELECT id, lead(id) OVER (ORDER BY rank, id) "
	                       "AS next FROM stories WHERE project_id = 10 AND id > %d) s WHERE id "
	                       "= %d AND next = %d",
	                       FIRST, FIRST + 2, FIRST + STORIES),
	                 1);
}

static void an_upsert_locks_by_id(void **state)
{
	(void)state;
	expect_ascending(add_upsert);
}

static void a_removal_locks_by_id(void **state)
{
	(void)state;
	expect_ascending(add_removal);
}

/* A membership comes before the story that is restored to its owner. */
static void an_undelete_locks_the_assignee_first(void **state)
{
	(void)state;
	count("UPDATE stories SET deleted_at = now() WHERE id = %d RETURNING 1", FIRST + 1);
	Prism__V1__UndeleteStoryRequest request = PRISM__V1__UNDELETE_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.id = FIRST + 1;
	assert_true(session("BEGIN"));
	assert_true(session("SELECT FROM organization_members WHERE organization_id = 1 AND "
	                    "user_id = '" MEMBER_2 "' FOR UPDATE"));
	(void)race_add(OWNER, &prism_v1_story_service_undelete_story_method, &request.base);
	race_until_waiting(1);
	assert_true(session_of("SELECT FROM stories WHERE id = %ld FOR UPDATE NOWAIT", FIRST + 1));
	assert_true(session("COMMIT"));
	assert_int_equal(race_run(), 1);
	assert_int_equal(count("SELECT count(*) FROM stories WHERE id = %d AND deleted_at IS NULL "
	                       "AND assignee_id = '" MEMBER_2 "'",
	                       FIRST + 1),
	                 1);
}

/* The assignee changes while the undelete waits: it asks after the new one, who has left. */
static void an_undelete_sees_who_has_the_story_now(void **state)
{
	(void)state;
	count("DELETE FROM organization_members WHERE organization_id = 1 AND user_id = '" MEMBER_2
	      "' RETURNING 1");
	count("UPDATE stories SET deleted_at = now(), assignee_id = '" MEMBER "' WHERE id = %d "
	      "RETURNING 1",
	      FIRST + 1);
	Prism__V1__UndeleteStoryRequest request = PRISM__V1__UNDELETE_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.id = FIRST + 1;
	static const char *const given[] = {MEMBER_2, ADMIN};
	for (size_t i = 0; i < 2; i++) {
		char sql[160];
		snprintf(sql, sizeof(sql), "UPDATE stories SET assignee_id = '%s' WHERE id = %d",
		         given[i], FIRST + 1);
		assert_true(session("BEGIN"));
		assert_true(session(sql));
		(void)race_add(OWNER, &prism_v1_story_service_undelete_story_method, &request.base);
		race_until_waiting(1);
		assert_true(session("COMMIT"));
		assert_int_equal(race_run(), 1);
		assert_int_equal(count("SELECT count(*) FROM stories WHERE id = %d AND deleted_at "
		                       "IS NULL AND assignee_id IS NOT DISTINCT FROM %s",
		                       FIRST + 1, i == 0 ? "NULL" : "'" ADMIN "'"),
		                 1);
		count("UPDATE stories SET deleted_at = now(), assignee_id = '" MEMBER "' WHERE id "
		      "= %d RETURNING 1",
		      FIRST + 1);
	}
}

/* --- two calls -----------------------------------------------------------------------------------
 */

/* Both wait for the same story, whichever it is and who came first. */
static void expect_no_circle(void (*add)(void))
{
	for (long held = 1; held <= STORIES; held++) {
		for (unsigned way = 0; way < 4; way++) {
			begin(NULL);
			ask_for(way & 1 ? 1 : 3, 2, way & 1 ? 3 : 1);
			assert_true(session("BEGIN"));
			assert_true(session_of("SELECT FROM stories WHERE id = %ld FOR UPDATE",
			                       FIRST + held));
			(way & 2 ? add : add_removal)();
			race_until_waiting(1);
			(way & 2 ? add_removal : add)();
			race_until_waiting(2);
			assert_true(session("COMMIT"));
			assert_int_equal(race_run_without_circles(), 2);
		}
	}
}

static void a_move_and_a_removal_do_not_wait_for_each_other(void **state)
{
	(void)state;
	expect_no_circle(add_move);
}

static void an_upsert_and_a_removal_do_not_wait_for_each_other(void **state)
{
	(void)state;
	expect_no_circle(add_upsert);
}

static int leave_circles(void **state)
{
	/* a circle lasts until it is seen */
	cluster_sql(tenant.stack.cluster, "ALTER SYSTEM SET deadlock_timeout = '1h'");
	cluster_sql(tenant.stack.cluster, "SELECT pg_reload_conf()");
	return begin(state);
}

static int break_circles(void **state)
{
	(void)state;
	cluster_sql(tenant.stack.cluster, "ALTER SYSTEM RESET deadlock_timeout");
	cluster_sql(tenant.stack.cluster, "SELECT pg_reload_conf()");
	return 0;
}

/* --- people --------------------------------------------------------------------------------------
 */

static void newcomers_are_locked_by_id(void **state)
{
	(void)state;
	char *ids[] = {OUTSIDER, MEMBER_2};
	count("DELETE FROM organization_members WHERE organization_id = 1 AND user_id = '" MEMBER_2
	      "' RETURNING 1");
	Prism__V1__BatchUpsertMembersRequest request =
		PRISM__V1__BATCH_UPSERT_MEMBERS_REQUEST__INIT;
	request.organization_id = 1;
	request.user_ids = (char *[]){ids[1], ids[0]};
	request.n_user_ids = 2;
	assert_true(session("BEGIN"));
	assert_true(session("SELECT FROM users WHERE id = '" OUTSIDER "' FOR UPDATE"));
	(void)race_add_system(NULL, &prism_v1_membership_service_batch_upsert_members_method,
	                      &request.base);
	race_until_waiting(1);
	assert_true(session("SELECT FROM users WHERE id = '" MEMBER_2 "' FOR UPDATE NOWAIT"));
	assert_true(session("COMMIT"));
	assert_int_equal(race_run(), 1);
	count("DELETE FROM organization_members WHERE organization_id = 1 AND user_id = '" OUTSIDER
	      "' RETURNING 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_move_locks_by_id, begin),
		cmocka_unit_test_setup(a_move_without_room_locks_by_id, begin),
		cmocka_unit_test_setup(an_upsert_locks_by_id, begin),
		cmocka_unit_test_setup(a_removal_locks_by_id, begin),
		cmocka_unit_test_setup(an_undelete_locks_the_assignee_first, begin),
		cmocka_unit_test_setup(an_undelete_sees_who_has_the_story_now, begin),
		cmocka_unit_test_setup_teardown(a_move_and_a_removal_do_not_wait_for_each_other,
	                                        leave_circles, break_circles),
		cmocka_unit_test_setup_teardown(an_upsert_and_a_removal_do_not_wait_for_each_other,
	                                        leave_circles, break_circles),
		cmocka_unit_test_setup(newcomers_are_locked_by_id, begin),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
