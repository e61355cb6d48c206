/* Stories under concurrency: many callers, connections and workers, one project. */
#include "prism/v1/membership.prism-client.h"
#include "tests/services/race.h"
#include "tests/services/request.h"

enum { WRITERS = 64, ROUNDS = 4 };

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

/* A project without stories, whose id this is. */
static int64_t project_new(void)
{
	static unsigned made;
	long id = count("INSERT INTO projects (organization_id, name, key, status) VALUES (1, "
	                "'Race', 'RACE%u', 'active') RETURNING id",
	                ++made);
	count("INSERT INTO project_counters (project_id, organization_id) VALUES (%ld, 1) "
	      "RETURNING 1",
	      id);
	count("INSERT INTO project_keys (organization_id, key, project_id, is_current) VALUES (1, "
	      "'RACE%u', %ld, true) RETURNING 1",
	      made, id);
	return id;
}

struct creation {
	const char *actor, *request_id, *assignee;
	int64_t project, epic, sprint;
};

static size_t add_creation(const struct creation *creation)
{
	story_t story = PRISM__V1__STORY__INIT;
	story.title = "Raced";
	if (creation->epic) {
		story.has_epic_id_case = PRISM__V1__STORY__HAS_EPIC_ID_EPIC_ID;
		story.epic_id = creation->epic;
	}
	if (creation->sprint) {
		story.has_sprint_id_case = PRISM__V1__STORY__HAS_SPRINT_ID_SPRINT_ID;
		story.sprint_id = creation->sprint;
	}
	if (creation->assignee) {
		story.has_assignee_id_case = PRISM__V1__STORY__HAS_ASSIGNEE_ID_ASSIGNEE_ID;
		story.assignee_id = (char *)creation->assignee;
	}
	Prism__V1__CreateStoryRequest request = PRISM__V1__CREATE_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = creation->project;
	request.story = &story;
	if (creation->request_id)
		request.request_id = (char *)creation->request_id;
	return race_add(creation->actor ? creation->actor : MEMBER,
	                &prism_v1_story_service_create_story_method, &request.base);
}

static size_t add_update(int64_t id, story_t *story, const char *mask, int32_t expected_version)
{
	Prism__V1__UpdateStoryRequest request = PRISM__V1__UPDATE_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.id = id;
	request.story = story;
	request.update_mask = mask_of(mask);
	request.expected_version = expected_version;
	return race_add(MEMBER, &prism_v1_story_service_update_story_method, &request.base);
}

/* Numbers are 1 to n, and n is what was created; ranks differ. */
static void assert_numbered(int64_t project, size_t n)
{
	assert_int_equal(
		count("SELECT count(*) FROM stories WHERE project_id = %ld", (long)project), n);
	assert_int_equal(count("SELECT count(DISTINCT number) FROM stories WHERE project_id = %ld "
	                       "AND number BETWEEN 1 AND %zu",
	                       (long)project, n),
	                 n);
	assert_int_equal(count("SELECT count(DISTINCT rank) FROM stories WHERE project_id = %ld",
	                       (long)project),
	                 n);
	assert_int_equal(count("SELECT next_number FROM project_counters WHERE project_id = %ld",
	                       (long)project),
	                 n + 1);
}

/* One in four is refused, for three reasons, and takes no number. */
static void numbers_have_no_gaps(void **state)
{
	(void)state;
	int64_t project = project_new();
	static const struct creation wrong[] = {
		{.epic = 60}, {.sprint = 50}, {.actor = VIEWER}, {.epic = 6, .sprint = 7}};
	size_t created = 0;
	for (size_t round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < WRITERS; i++) {
			struct creation creation = {0};
			if (i % 4 == 3)
				creation = wrong[i / 4 % 4];
			creation.project = project;
			(void)add_creation(&creation);
		}
		assert_int_equal(race_run(), WRITERS - WRITERS / 4);
		for (size_t i = 0; i < WRITERS; i++)
			if (racers[i].result.status == PRISM_OK)
				assert_int_equal(count("SELECT number FROM stories WHERE id = %ld",
				                       (long)racers[i].id),
				                 racers[i].number);
		created += WRITERS - WRITERS / 4;
		assert_numbered(project, created);
	}
}

static void a_request_that_is_sent_by_many_is_done_once(void **state)
{
	(void)state;
	enum { TWINS = 16 };
	int64_t project = project_new();
	for (size_t round = 0; round < ROUNDS; round++) {
		char request_id[37];
		snprintf(request_id, sizeof(request_id), "%s", REQUEST_ID(1));
		request_id[8 - 1] = (char)('0' + round);
		for (size_t i = 0; i < TWINS; i++)
			(void)add_creation(
				&(struct creation){.project = project, .request_id = request_id});
		assert_int_equal(race_run(), TWINS);
		for (size_t i = 0; i < TWINS; i++) {
			assert_int_equal(racers[i].id, racers[0].id);
			assert_int_equal(racers[i].number, round + 1);
			assert_int_equal(racers[i].version, 1);
		}
		assert_numbered(project, round + 1);
		assert_int_equal(activities("story", racers[0].id), 1);
	}
}

static void one_of_many_updates_of_a_version_wins(void **state)
{
	(void)state;
	enum { EDITORS = 16 };
	long id = story_by_sql(10, "Edited");
	for (int32_t round = 1; round <= ROUNDS; round++) {
		for (size_t i = 0; i < EDITORS; i++) {
			char title[32];
			snprintf(title, sizeof(title), "Edited %d by %zu", round, i);
			story_t story = PRISM__V1__STORY__INIT;
			story.title = title;
			(void)add_update(id, &story, "title", round);
		}
		assert_int_equal(race_run(), 1);
		for (size_t i = 0; i < EDITORS; i++) {
			if (racers[i].result.status != PRISM_OK)
				assert_true(race_refused(i, PRISM_ABORTED, "VERSION_STALE"));
			else
				assert_int_equal(count("SELECT count(*) FROM stories WHERE id = "
				                       "%ld AND title = "
				                       "'Edited %d by %zu' AND version = %d",
				                       id, round, i, round + 1),
				                 1);
		}
	}
	assert_int_equal(activities("story", id), ROUNDS);
}

/* --- moves --------------------------------------------------------------------------------------
 */

enum { STORIES = 24, MOVERS = 16, BLOCK = 6 };

static void add_move(int64_t project, const int64_t ids[STORIES])
{
	int64_t block[BLOCK];
	size_t first = (size_t)rand() % STORIES, n = 1 + (size_t)rand() % BLOCK;
	Prism__V1__MoveStoriesRequest request = PRISM__V1__MOVE_STORIES_REQUEST__INIT;
	for (size_t i = 0; i < n; i++)
		block[i] = ids[(first + i) % STORIES];
	request.organization_id = 1;
	request.project_id = project;
	request.ids = block;
	request.n_ids = n;
	request.placement = (Prism__V1__MovePlacement)(1 + rand() % 4);
	if (request.placement >= PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_BEFORE)
		request.anchor_id = ids[(first + n + (size_t)rand() % (STORIES - n)) % STORIES];
	(void)race_add(MEMBER, &prism_v1_story_service_move_stories_method, &request.base);
}

/* Blocks that overlap, stories that are made meanwhile, and every other time no room between
 * neighbours. */
static void moves_leave_one_order(void **state)
{
	(void)state;
	int64_t project = project_new(), ids[STORIES];
	srand(815);
	for (size_t i = 0; i < STORIES; i++)
		ids[i] = story_by_sql((int)project, "Moved");
	for (size_t round = 0; round < ROUNDS; round++) {
		if (round % 2 == 1)
			count("UPDATE stories SET rank = number WHERE project_id = %ld RETURNING 1",
			      (long)project);
		for (size_t i = 0; i < MOVERS; i++) {
			add_move(project, ids);
			(void)add_creation(&(struct creation){.project = project});
		}
		assert_int_equal(race_run(), 2 * MOVERS);
		assert_numbered(project, STORIES + (round + 1) * MOVERS);
	}
}

/* --- what goes, or ends, meanwhile -------------------------------------------------------------
 */

/* Everything that would put a story into sprint 5, epic 6 or their project. */
static size_t add_entrants(int64_t sprint, int64_t epic, const long ids[3])
{
	size_t count = 0;
	for (; count < 6; count++)
		(void)add_creation(
			&(struct creation){.project = 10, .sprint = sprint, .epic = epic});
	story_t story = PRISM__V1__STORY__INIT;
	story.has_sprint_id_case = PRISM__V1__STORY__HAS_SPRINT_ID_SPRINT_ID;
	story.sprint_id = sprint ? sprint : 1;
	story.has_epic_id_case = PRISM__V1__STORY__HAS_EPIC_ID_EPIC_ID;
	story.epic_id = epic ? epic : 1;
	for (size_t i = 0; i < 3; i++, count++)
		(void)add_update(ids[i], &story, sprint ? "sprint_id" : "epic_id", 0);
	return count;
}

/* `sql` in a transaction that the calls wait for: refused when it commits, done when it does not.
 */
static void expect_to_lose(const char *sql, int64_t sprint, int64_t epic, const char *reason,
                           const char *where)
{
	long ids[] = {story_by_sql(10, "Enters"), story_by_sql(10, "Enters"),
	              story_by_sql(10, "Enters")};
	long before = count("SELECT count(*) FROM stories WHERE %s", where);
	static const char *const ends[] = {"ROLLBACK", "COMMIT"};
	for (size_t end = 0; end < 2; end++) {
		assert_true(session("BEGIN"));
		assert_true(session(sql));
		size_t n = add_entrants(sprint, epic, ids);
		race_until_waiting(2);
		assert_true(session(ends[end]));
		assert_int_equal(race_run(), end == 0 ? n : 0);
		for (size_t i = 0; end == 1 && i < n; i++)
			assert_true(race_refused(i, PRISM_FAILED_PRECONDITION, reason));
		if (end == 0)
			count("DELETE FROM stories WHERE %s AND title = 'Raced' RETURNING 1",
			      where);
		for (size_t i = 0; end == 0 && i < 3; i++)
			count("UPDATE stories SET sprint_id = NULL, epic_id = NULL WHERE id = %ld "
			      "RETURNING 1",
			      ids[i]);
	}
	assert_int_equal(count("SELECT count(*) FROM stories WHERE %s", where), before);
}

static void a_sprint_that_is_being_completed_takes_nothing(void **state)
{
	(void)state;
	expect_to_lose("UPDATE sprints SET status = 'completed' WHERE id = 5", 5, 0,
	               "SPRINT_COMPLETED", "sprint_id = 5");
	count("UPDATE sprints SET status = 'planning' WHERE id = 5 RETURNING 1");
	expect_to_lose("UPDATE sprints SET deleted_at = now() WHERE id = 5", 5, 0,
	               "SPRINT_NOT_IN_PROJECT", "sprint_id = 5");
	expect_to_lose("DELETE FROM sprints WHERE id = 8", 8, 0, "SPRINT_NOT_IN_PROJECT",
	               "sprint_id = 8");
}

static void an_epic_that_is_being_deleted_takes_nothing(void **state)
{
	(void)state;
	expect_to_lose("UPDATE epics SET deleted_at = now() WHERE id = 6", 0, 6,
	               "EPIC_NOT_IN_PROJECT", "epic_id = 6");
	count("UPDATE epics SET deleted_at = NULL WHERE id = 6 RETURNING 1");
	expect_to_lose("DELETE FROM epics WHERE id = 6", 0, 6, "EPIC_NOT_IN_PROJECT",
	               "epic_id = 6");
}

static void expect_project_to_end(const char *sql, enum prism_status status, const char *reason)
{
	enum { WRITERS_THEN = 8 };
	int64_t project = project_new();
	char text[128];
	for (size_t end = 0; end < 2; end++) {
		snprintf(text, sizeof(text), sql, (long)project);
		assert_true(session("BEGIN"));
		assert_true(session(text));
		for (size_t i = 0; i < WRITERS_THEN; i++)
			(void)add_creation(&(struct creation){.project = project});
		race_until_waiting(2);
		assert_true(session(end == 0 ? "ROLLBACK" : "COMMIT"));
		assert_int_equal(race_run(), end == 0 ? WRITERS_THEN : 0);
		for (size_t i = 0; end == 1 && i < WRITERS_THEN; i++)
			assert_true(race_refused(i, status, reason));
	}
	assert_true(count("SELECT count(*) FROM stories WHERE project_id = %ld", (long)project) <=
	            WRITERS_THEN);
}

static void a_project_that_ends_takes_nothing(void **state)
{
	(void)state;
	expect_project_to_end("UPDATE projects SET deleted_at = now() WHERE id = %ld",
	                      PRISM_NOT_FOUND, "PROJECT_NOT_FOUND");
	expect_project_to_end("UPDATE projects SET status = 'completed' WHERE id = %ld",
	                      PRISM_FAILED_PRECONDITION, "PROJECT_COMPLETED");
	expect_project_to_end("DELETE FROM projects WHERE id = %ld", PRISM_NOT_FOUND,
	                      "PROJECT_NOT_FOUND");
}

/* Who holds one lock and waits for another holds none that comes later: no circles. */
static void locks_are_taken_in_one_order(void **state)
{
	(void)state;
	long id = story_by_sql(10, "Locked"),
	     sprint = count("INSERT INTO sprints (organization_id, "
	                    "project_id, name) VALUES (1, 10, "
	                    "'Locked') RETURNING id");
	char sprint_lock[96], story_lock[96];
	snprintf(sprint_lock, sizeof(sprint_lock),
	         "SELECT FROM sprints WHERE id = %ld FOR NO KEY UPDATE NOWAIT", sprint);
	snprintf(story_lock, sizeof(story_lock),
	         "SELECT FROM stories WHERE id = %ld FOR NO KEY UPDATE NOWAIT", id);
	assert_true(session("BEGIN"));
	assert_true(session("SELECT FROM project_counters WHERE project_id = 10 FOR UPDATE"));
	(void)add_creation(&(struct creation){.project = 10, .sprint = sprint});
	race_until_waiting(1);
	assert_true(session(sprint_lock));
	story_t story = PRISM__V1__STORY__INIT;
	story.has_sprint_id_case = PRISM__V1__STORY__HAS_SPRINT_ID_SPRINT_ID;
	story.sprint_id = sprint;
	(void)add_update(id, &story, "sprint_id", 0);
	race_until_waiting(2);
	assert_true(session(story_lock));
	assert_true(session("COMMIT"));
	assert_int_equal(race_run(), 2);
}

/* A story by each of the ways that give work to MEMBER_2: five calls. */
static void add_work(long given, long restored, long reopened)
{
	(void)add_creation(&(struct creation){.project = 11, .assignee = MEMBER_2});
	story_t story = PRISM__V1__STORY__INIT;
	story.has_assignee_id_case = PRISM__V1__STORY__HAS_ASSIGNEE_ID_ASSIGNEE_ID;
	story.assignee_id = MEMBER_2;
	(void)add_update(given, &story, "assignee_id", 0);
	Prism__V1__UndeleteStoryRequest request = PRISM__V1__UNDELETE_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.id = restored;
	(void)race_add(OWNER, &prism_v1_story_service_undelete_story_method, &request.base);
	story_t again = PRISM__V1__STORY__INIT;
	again.status = PRISM__V1__STORY_STATUS__STORY_STATUS_TODO;
	(void)add_update(reopened, &again, "status", 0);
	story_t imported = PRISM__V1__STORY__INIT, *stories[] = {&imported};
	imported.title = "Imported";
	imported.external_id = "race";
	imported.has_assignee_id_case = PRISM__V1__STORY__HAS_ASSIGNEE_ID_ASSIGNEE_ID;
	imported.assignee_id = MEMBER_2;
	Prism__V1__BatchUpsertStoriesRequest upsert = PRISM__V1__BATCH_UPSERT_STORIES_REQUEST__INIT;
	upsert.organization_id = 1;
	upsert.project_id = 10;
	upsert.external_source = "race";
	upsert.stories = stories;
	upsert.n_stories = 1;
	(void)race_add(OWNER, &prism_v1_story_service_batch_upsert_stories_method, &upsert.base);
}

/* One of MEMBER_2, with what `set` says. */
static long story_of_member_2(const char *set)
{
	long id = story_by_sql(10, "Of member 2");
	count("UPDATE stories SET assignee_id = '" MEMBER_2 "', %s WHERE id = %ld RETURNING 1", set,
	      id);
	return id;
}

static void member_2_comes_back(void)
{
	count("INSERT INTO organization_members (organization_id, user_id, role) VALUES (1, "
	      "'" MEMBER_2 "', 'member') RETURNING 1");
}

static long work_of_member_2(void)
{
	return count("SELECT count(*) FROM stories WHERE assignee_id = '" MEMBER_2
	             "' AND deleted_at IS NULL AND status <> 'done'");
}

/* While a member is being removed. */
static void whoever_is_leaving_is_given_nothing(void **state)
{
	(void)state;
	long given = story_by_sql(10, "Given"), restored = story_of_member_2("deleted_at = now()"),
	     reopened = story_of_member_2("status = 'done'");
	long before = work_of_member_2();
	assert_true(session("BEGIN"));
	assert_true(session("DELETE FROM organization_members WHERE organization_id = 1 AND "
	                    "user_id = '" MEMBER_2 "'"));
	add_work(given, restored, reopened);
	race_until_waiting(5);
	assert_true(session("COMMIT"));
	assert_int_equal(race_run(), 2); /* what is restored and reopened is nobody's then */
	for (size_t i = 0; i < 5; i++)
		if (i != 2 && i != 3)
			assert_true(
				race_refused(i, PRISM_FAILED_PRECONDITION, "ASSIGNEE_NOT_MEMBER"));
	assert_int_equal(work_of_member_2(), before);
	member_2_comes_back();
}

/* While work is being given: the removal waits, and takes it away again. */
static void what_is_given_meanwhile_is_taken_away(void **state)
{
	(void)state;
	long given = story_by_sql(10, "Given");
	char sql[128];
	snprintf(sql, sizeof(sql), "UPDATE stories SET assignee_id = '" MEMBER_2 "' WHERE id = %ld",
	         given);
	assert_true(session("BEGIN"));
	assert_true(session("SELECT FROM organization_members WHERE organization_id = 1 AND "
	                    "user_id = '" MEMBER_2 "' FOR KEY SHARE"));
	Prism__V1__RemoveMemberRequest request = PRISM__V1__REMOVE_MEMBER_REQUEST__INIT;
	request.organization_id = 1;
	request.user_id = MEMBER_2;
	(void)race_add(OWNER, &prism_v1_membership_service_remove_member_method, &request.base);
	race_until_waiting(1);
	assert_true(session(sql));
	assert_true(session("COMMIT"));
	assert_int_equal(race_run(), 1);
	assert_int_equal(work_of_member_2(), 0);
	member_2_comes_back();
}

/* Those that wait for one project are executed together, and each is told its own. */
static void strangers_in_line_are_answered_apart(void **state)
{
	(void)state;
	static const struct {
		struct creation creation;
		enum prism_status status;
		const char *reason;
	} turns[] = {
		{{.actor = OWNER, .project = 10}, PRISM_OK, ""},
		{{.actor = OUTSIDER, .project = 10}, PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND"},
		{{.actor = VIEWER, .project = 10}, PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW"},
		{{.actor = MEMBER, .project = 10, .sprint = 7},
	         PRISM_FAILED_PRECONDITION,
	         "SPRINT_COMPLETED"},
		{{.actor = MEMBER, .project = 10, .epic = 60},
	         PRISM_FAILED_PRECONDITION,
	         "EPIC_NOT_IN_PROJECT"},
		{{.actor = MEMBER, .project = 10}, PRISM_OK, ""},
	};
	enum { TURNS = sizeof(turns) / sizeof(turns[0]), LINE = 8 * TURNS };
	long before = count("SELECT count(*) FROM stories WHERE project_id = 10");
	assert_true(session("BEGIN"));
	assert_true(session("SELECT FROM project_counters WHERE project_id = 10 FOR UPDATE"));
	for (size_t i = 0; i < LINE; i++)
		assert_int_equal(add_creation(&turns[i % TURNS].creation), i);
	race_until_waiting(2); /* one of each worker, the others behind it */
	assert_true(session("COMMIT"));
	assert_int_equal(race_run(), LINE / 3);
	for (size_t i = 0; i < LINE; i++) {
		if (turns[i % TURNS].status == PRISM_OK)
			assert_int_equal(racers[i].result.status, PRISM_OK);
		else
			assert_true(
				race_refused(i, turns[i % TURNS].status, turns[i % TURNS].reason));
	}
	assert_int_equal(count("SELECT count(*) FROM stories WHERE project_id = 10"),
	                 before + LINE / 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_no_gaps),
		cmocka_unit_test(a_request_that_is_sent_by_many_is_done_once),
		cmocka_unit_test(one_of_many_updates_of_a_version_wins),
		cmocka_unit_test(moves_leave_one_order),
		cmocka_unit_test(a_sprint_that_is_being_completed_takes_nothing),
		cmocka_unit_test(an_epic_that_is_being_deleted_takes_nothing),
		cmocka_unit_test(a_project_that_ends_takes_nothing),
		cmocka_unit_test(locks_are_taken_in_one_order),
		cmocka_unit_test(strangers_in_line_are_answered_apart),
		cmocka_unit_test(whoever_is_leaving_is_given_nothing),
		cmocka_unit_test(what_is_given_meanwhile_is_taken_away),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
