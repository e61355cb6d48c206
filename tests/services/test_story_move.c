/* MoveStories against a list in memory: whatever is moved wherever, in whatever space is left. */
#include "tests/services/story_fixture.h"

enum { STORIES = 40, MOVES = 150 };

static int64_t order[STORIES]; /* ids, as the backlog should have them */

struct move {
	int64_t ids[STORIES];
	size_t count;
	Prism__V1__MovePlacement placement;
	int64_t anchor;
};

static void put_sprint(Prism__V1__MoveStoriesRequest *request, int64_t sprint)
{
	if (sprint > 0) {
		request->sprint_case = PRISM__V1__MOVE_STORIES_REQUEST__SPRINT_SPRINT_ID;
		request->sprint_id = sprint;
	} else if (sprint < 0) {
		request->sprint_case = PRISM__V1__MOVE_STORIES_REQUEST__SPRINT_TO_BACKLOG;
		request->to_backlog = true;
	}
}

static Prism__V1__MoveStoriesResponse *move_stories(const char *actor, struct move *move,
                                                    int64_t sprint, const char *request_id)
{
	Prism__V1__MoveStoriesRequest request = PRISM__V1__MOVE_STORIES_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = 10;
	request.ids = move->ids;
	request.n_ids = move->count;
	request.placement = move->placement;
	request.anchor_id = move->anchor;
	request.request_id = (char *)(request_id ? request_id : "");
	put_sprint(&request, sprint);
	Prism__V1__MoveStoriesResponse *response = NULL;
	(void)prism_v1_story_service_move_stories_wait(as(actor), NULL, &request, &response,
	                                               &tenant.result);
	return response;
}

static void expect_moved(struct move *move, int64_t sprint)
{
	Prism__V1__MoveStoriesResponse *response = move_stories(MEMBER, move, sprint, NULL);
	if (!response)
		fail_msg("move: %s", tenant.result.message);
	assert_int_equal(response->n_stories, move->count);
	for (size_t i = 0; i < move->count; i++)
		assert_int_equal(response->stories[i]->id, move->ids[i]);
	prism__v1__move_stories_response__free_unpacked(response, NULL);
}

static void expect_refused(struct move *move, int64_t sprint, enum prism_status status,
                           const char *reason)
{
	assert_null(move_stories(MEMBER, move, sprint, NULL));
	assert_refused(status, reason);
}

/* The backlog is `order`, and whoever is made next comes after all. */
static void assert_order(void)
{
	for (size_t i = 0; i < STORIES; i++)
		assert_int_equal(
			count("SELECT id FROM stories WHERE project_id = 10 AND deleted_at IS"
		              " NULL ORDER BY rank, id OFFSET %zu LIMIT 1",
		              i),
			order[i]);
	assert_int_equal(count("SELECT count(*) FROM stories s JOIN project_counters k USING"
	                       " (project_id) WHERE s.project_id = 10 AND s.rank >= k.next_rank"),
	                 0);
}

static bool moves(const struct move *move, int64_t id)
{
	for (size_t i = 0; i < move->count; i++)
		if (move->ids[i] == id)
			return true;
	return false;
}

/* The same in memory. */
static void model(const struct move *move)
{
	int64_t rest[STORIES];
	size_t n = 0, at = 0;
	for (size_t i = 0; i < STORIES; i++)
		if (!moves(move, order[i]))
			rest[n++] = order[i];
	if (move->placement == PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_BOTTOM)
		at = n;
	for (size_t i = 0; move->anchor && i < n; i++)
		if (rest[i] == move->anchor)
			at = i +
			     (move->placement == PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_AFTER);
	memcpy(order, rest, at * sizeof(*order));
	memcpy(order + at, move->ids, move->count * sizeof(*order));
	memcpy(order + at + move->count, rest + at, (n - at) * sizeof(*order));
}

/* Up to five stories in any order, anywhere. */
static struct move random_move(void)
{
	struct move move = {.count = 1 + (size_t)(rand() % 5)};
	for (size_t i = 0; i < move.count; i++) {
		size_t at;
		do
			at = (size_t)rand() % STORIES;
		while (moves(
			&(struct move){.count = i,
		                       .ids = {move.ids[0], move.ids[1], move.ids[2], move.ids[3]}},
			order[at]));
		move.ids[i] = order[at];
	}
	move.placement = (Prism__V1__MovePlacement)(1 + rand() % 4);
	while (move.placement >= PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_BEFORE &&
	       (!move.anchor || moves(&move, move.anchor)))
		move.anchor = order[rand() % STORIES];
	return move;
}

static int set_up(void **state)
{
	tenant_set_up(state);
	srand(4711);
	for (size_t i = 0; i < STORIES; i++)
		order[i] = story_by_sql(10, "Moves");
	return 0;
}

static void any_move_gives_the_order_that_it_says(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MOVES; i++) {
		struct move move = random_move();
		expect_moved(&move, 0);
		model(&move);
		if (i % 10 == 9)
			assert_order();
	}
}

/* No room between any two: the neighbours make some, and nobody's version changes for it. */
static void neighbours_make_room(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		count("WITH o AS (SELECT id, row_number() OVER (ORDER BY rank, id) AS n FROM "
		      "stories"
		      " WHERE project_id = 10) UPDATE stories s SET rank = o.n FROM o"
		      " WHERE o.id = s.id RETURNING 1");
		struct move move = random_move();
		long before = count("SELECT sum(version) FROM stories WHERE project_id = 10");
		expect_moved(&move, 0);
		model(&move);
		assert_order();
		assert_int_equal(count("SELECT sum(version) FROM stories WHERE project_id = 10"),
		                 before + (long)move.count);
	}
}

/* More neighbours than are spread at once, and no room among them: all of the project are. */
static void a_whole_project_makes_room(void **state)
{
	(void)state;
	count("INSERT INTO stories (organization_id, project_id, number, rank, title, deleted_at)"
	      " SELECT 1, 10, 100000 + n, CASE WHEN n %% 2 = 0 THEN -n ELSE 1000 + n END, 'Crowd', "
	      "now()"
	      " FROM generate_series(1, 5000) n RETURNING 1");
	count("WITH o AS (SELECT id, row_number() OVER (ORDER BY rank, id) AS n FROM stories"
	      " WHERE project_id = 10) UPDATE stories s SET rank = o.n FROM o"
	      " WHERE o.id = s.id RETURNING 1");
	struct move move = {.ids = {order[3], order[1]},
	                    .count = 2,
	                    .placement = PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_AFTER,
	                    .anchor = order[20]};
	expect_moved(&move, 0);
	model(&move);
	assert_order();
	assert_int_equal(
		count("SELECT count(*) FROM (SELECT rank FROM stories WHERE project_id = 10"
	              " GROUP BY rank HAVING count(*) > 1) twice"),
		0);
	count("DELETE FROM stories WHERE title = 'Crowd' RETURNING 1");
}

static void sprints_come_along(void **state)
{
	(void)state;
	struct move move = {.ids = {order[7], order[2]},
	                    .count = 2,
	                    .placement = PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_TOP};
	expect_moved(&move, 8);
	assert_int_equal(count("SELECT count(*) FROM stories WHERE sprint_id = 8"), 2);
	model(&move);
	expect_moved(&move, 0);
	assert_int_equal(count("SELECT count(*) FROM stories WHERE sprint_id = 8"), 2);
	expect_moved(&move, -1);
	assert_int_equal(count("SELECT count(*) FROM stories WHERE sprint_id = 8"), 0);
	expect_refused(&move, 7, PRISM_FAILED_PRECONDITION, "SPRINT_COMPLETED");
	assert_field("sprint_id");
	expect_refused(&move, 50, PRISM_FAILED_PRECONDITION, "SPRINT_NOT_IN_PROJECT");
	assert_field("sprint_id");
	count("UPDATE stories SET status = 'done', sprint_id = 7 WHERE id = %ld RETURNING 1",
	      (long)order[0]);
	expect_refused(&move, -1, PRISM_FAILED_PRECONDITION, "SPRINT_COMPLETED");
	assert_field("to_backlog");
	expect_moved(&move, 0);
	count("UPDATE stories SET status = 'todo', sprint_id = NULL WHERE id = %ld RETURNING 1",
	      (long)order[0]);
	assert_order();
}

/* Everything that a move may write. */
static long written(void)
{
	return count("SELECT (SELECT sum(version) FROM stories) + (SELECT sum(rank) FROM stories)"
	             " + (SELECT count(*) FROM activity_log) + (SELECT sum(next_rank) FROM"
	             " project_counters) + (SELECT extract(epoch FROM max(updated_at))::int8 FROM"
	             " stories)");
}

static void expect_unmoved(struct move *move)
{
	long before = written();
	int64_t version = count("SELECT version FROM stories WHERE id = %ld", (long)move->ids[0]);
	Prism__V1__MoveStoriesResponse *response = move_stories(MEMBER, move, 0, NULL);
	if (!response)
		fail_msg("move: %s", tenant.result.message);
	assert_int_equal(response->n_stories, move->count);
	assert_int_equal(response->stories[0]->id, move->ids[0]);
	assert_int_equal(response->stories[0]->version, version);
	assert_int_equal(response->stories[0]->rank,
	                 count("SELECT rank FROM stories WHERE id = %ld", (long)move->ids[0]));
	prism__v1__move_stories_response__free_unpacked(response, NULL);
	assert_int_equal(written(), before);
	assert_order();
}

/* Also where there is no room between the ranks. */
static void what_is_there_already_stays_untouched(void **state)
{
	(void)state;
	static const struct {
		size_t first, count;
		Prism__V1__MovePlacement placement;
		size_t anchor;
	} each[] = {
		{0, 3, PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_TOP, 0},
		{STORIES - 1, 1, PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_BOTTOM, 0},
		{4, 2, PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_BEFORE, 6},
		{4, 2, PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_AFTER, 3},
	};
	for (unsigned tight = 0; tight < 2; tight++) {
		for (size_t i = 0; i < sizeof(each) / sizeof(*each); i++) {
			struct move move = {.count = each[i].count, .placement = each[i].placement};
			memcpy(move.ids, order + each[i].first, move.count * sizeof(*order));
			move.anchor = each[i].anchor ? order[each[i].anchor] : 0;
			expect_unmoved(&move);
		}
		count("WITH o AS (SELECT id, row_number() OVER (ORDER BY rank, id) AS n FROM"
		      " stories WHERE project_id = 10) UPDATE stories s SET rank = o.n FROM o"
		      " WHERE o.id = s.id RETURNING 1");
	}
}

/* The order of a block is part of its place; a sprint changes without the rank. */
static void what_differs_alone_is_written(void **state)
{
	(void)state;
	struct move move = {.ids = {order[1], order[0]},
	                    .count = 2,
	                    .placement = PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_TOP};
	expect_moved(&move, 0);
	model(&move);
	assert_order();
	long ranks = count("SELECT sum(rank) FROM stories");
	expect_moved(&move, 8);
	assert_int_equal(count("SELECT sum(rank) FROM stories"), ranks);
	long before = written();
	expect_moved(&move, 8);
	assert_int_equal(written(), before);
	assert_int_equal(count("SELECT count(*) FROM activity_log WHERE verb = 'move' AND"
	                       " changes = '{\"sprint_id\": {\"new\": 8}}'"),
	                 2);
	expect_moved(&move, -1);
	assert_int_equal(count("SELECT count(*) FROM stories WHERE sprint_id = 8"), 0);
	count("UPDATE stories SET sprint_id = 8 WHERE id = %ld RETURNING 1", (long)order[1]);
	for (unsigned i = 0; i < 2; i++) { /* one of two changes; a repetition tells of both */
		Prism__V1__MoveStoriesResponse *response =
			move_stories(MEMBER, &move, 8, REQUEST_ID(2));
		assert_non_null(response);
		assert_int_equal(response->n_stories, 2);
		prism__v1__move_stories_response__free_unpacked(response, NULL);
	}
	expect_moved(&move, -1);
}

static void nothing_moves_when_something_is_wrong(void **state)
{
	(void)state;
	long other = story_by_sql(11, "Of another project");
	struct move move = {.ids = {order[0], other},
	                    .count = 2,
	                    .placement = PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_BOTTOM};
	expect_refused(&move, 0, PRISM_NOT_FOUND, "STORY_NOT_FOUND");
	assert_field("ids");
	move.ids[1] = order[0];
	expect_refused(&move, 0, PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	move.count = 1;
	move.anchor = order[5];
	expect_refused(&move, 0, PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	move.placement = PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_BEFORE;
	move.anchor = order[0];
	expect_refused(&move, 0, PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	move.anchor = other;
	expect_refused(&move, 0, PRISM_FAILED_PRECONDITION, "ANCHOR_NOT_FOUND");
	assert_field("anchor_id");
	move.anchor = order[5];
	assert_null(move_stories(VIEWER, &move, 0, NULL));
	assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
	assert_null(move_stories(OUTSIDER, &move, 0, NULL));
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	assert_order();
}

static void a_repeated_move_has_one_effect(void **state)
{
	(void)state;
	struct move move = {.ids = {order[9]},
	                    .count = 1,
	                    .placement = PRISM__V1__MOVE_PLACEMENT__MOVE_PLACEMENT_TOP};
	Prism__V1__MoveStoriesResponse *first = move_stories(MEMBER, &move, 0, REQUEST_ID(1));
	Prism__V1__MoveStoriesResponse *again = move_stories(MEMBER, &move, 0, REQUEST_ID(1));
	assert_non_null(first);
	assert_non_null(again);
	assert_int_equal(first->stories[0]->version, again->stories[0]->version);
	assert_int_equal(first->stories[0]->rank, again->stories[0]->rank);
	model(&move);
	assert_order();
	prism__v1__move_stories_response__free_unpacked(first, NULL);
	prism__v1__move_stories_response__free_unpacked(again, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_move_gives_the_order_that_it_says),
		cmocka_unit_test(neighbours_make_room),
		cmocka_unit_test(a_whole_project_makes_room),
		cmocka_unit_test(sprints_come_along),
		cmocka_unit_test(what_is_there_already_stays_untouched),
		cmocka_unit_test(what_differs_alone_is_written),
		cmocka_unit_test(nothing_moves_when_something_is_wrong),
		cmocka_unit_test(a_repeated_move_has_one_effect),
	};
	return cmocka_run_group_tests(tests, set_up, tenant_tear_down);
}
