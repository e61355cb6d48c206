/* Queries of a handler, with a pool that answers when the test says so. */
#include "tests/unit/daemon/rpc/rig.h"
#include "tests/unit/daemon/rpc/script.h"

#include "daemon/rpc/query.h"

#include <stdio.h>

static const struct params no_params;

struct scene {
	struct rig rig;
	struct pool pool;
	struct told told;
	struct call *call;
	const struct statement *steps[4]; /* what the handler asks, one after the other */
	bool glutton;                     /* it leaves no memory for the rows */
	enum status seen;                 /* of its last query */
	struct db_error error;
};

/* Answers with the title in the last row, which stays where libpq put it. */
static enum status asks(struct rig *rig, struct call *call, const Text *request, Text *response)
{
	(void)request;
	struct scene *scene = rig->ctx;
	if (scene->glutton)
		while (arena_alloc(&call->arena, 16))
			continue;
	for (size_t i = 0; scene->steps[i]; i++) {
		struct rows rows;
		scene->seen = query_try(call, scene->steps[i], no_params, 0, &rows, &scene->error);
		TRY(scene->seen);
		response->value = (char *)rows_text(&rows, 0, 0);
	}
	return STATUS_OK;
}

static void begin(struct scene *scene, const struct statement *step, uint32_t timeout_ms)
{
	*scene = (struct scene){.steps = {step}};
	rig_begin(&scene->rig, &(struct rig_settings){.pool = &scene->pool});
	scene->rig.handler = asks;
	scene->rig.ctx = scene;
	scene->call = rig_unary(&scene->rig, "a", timeout_ms, &scene->told);
}

static void end(struct scene *scene)
{
	rig_turn(&scene->rig);
	assert_null(scene->pool.first);
	rig_end(&scene->rig);
}

static void answers_from_the_rows(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, &script_read, 60000);
	rig_turn(&scene.rig);
	assert_string_equal(scene.call->waiting_for, "script_read");
	assert_ptr_equal(scene.pool.first->statement, &script_read);
	script_answer(&scene.pool, "a title");
	assert_false(scene.told.finished);
	rig_turn(&scene.rig);
	rig_assert_told(&scene.told, STATUS_OK, "");
	assert_string_equal(scene.told.response, "a title");
	end(&scene);
}

static void asks_one_after_the_other(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, &script_read, 60000);
	scene.steps[1] = &script_write;
	scene.steps[2] = &script_read;
	static const char *const texts[] = {"one", "two", "three"};
	for (size_t i = 0; i < 3; i++) {
		rig_turn(&scene.rig);
		assert_ptr_equal(scene.pool.first->statement, scene.steps[i]);
		script_answer(&scene.pool, texts[i]);
	}
	rig_turn(&scene.rig);
	assert_string_equal(scene.told.response, "three");
	end(&scene);
}

static void without_a_database(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, &script_read, 0);
	scene.rig.rpc.pool = NULL;
	rig_turn(&scene.rig);
	rig_assert_told(&scene.told, STATUS_UNAVAILABLE, "no database is configured");
	assert_int_equal(scene.told.retry, RETRY_SAFE);
	end(&scene);
}

/* Nothing of the inside reaches the caller; the log gets it. */
static void note_cause(struct call *call)
{
	struct rig *rig = call->rpc->ctx;
	rig_note(rig, "%s", call->cause ? call->cause : "-");
}

static const struct interceptor noter = {"noter", NULL, note_cause};
static const struct interceptor *const interceptors[] = {&noter, NULL};

static void tells_what_the_caller_may_know(void **state)
{
	(void)state;
	static const struct {
		enum status status;
		enum outcome outcome;
		const char *sqlstate, *message;
		enum retry retry;
	} cases[] = {
		{STATUS_ALREADY_EXISTS, OUTCOME_EXECUTED, "23505", "it exists already",
	         RETRY_UNSET},
		{STATUS_UNAVAILABLE, OUTCOME_NOT_EXECUTED, "",
	         "the database is not available; try again", RETRY_SAFE},
		{STATUS_UNAVAILABLE, OUTCOME_UNKNOWN, "08006",
	         "the database is not available; try again", RETRY_NEVER},
		{STATUS_ABORTED, OUTCOME_NOT_EXECUTED, "40001", "other work interfered; try again",
	         RETRY_SAFE},
		{STATUS_DEADLINE_EXCEEDED, OUTCOME_NOT_EXECUTED, "57014",
	         "the database took too long", RETRY_UNSET},
		{STATUS_INTERNAL, OUTCOME_NOT_EXECUTED, "42601", "internal error", RETRY_UNSET},
		{STATUS_RESOURCE_EXHAUSTED, OUTCOME_NOT_EXECUTED, "", "resource exhausted",
	         RETRY_UNSET},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene scene;
		char cause[128];
		begin(&scene, &script_write, 0);
		scene.rig.rpc.interceptors = interceptors;
		rig_turn(&scene.rig);
		script_fail(&scene.pool, cases[i].status, cases[i].outcome, cases[i].sqlstate);
		rig_turn(&scene.rig);
		rig_assert_told(&scene.told, cases[i].status, cases[i].message);
		assert_int_equal(scene.told.outcome, cases[i].outcome);
		assert_int_equal(scene.told.retry, cases[i].retry);
		assert_string_equal(scene.error.sqlstate, cases[i].sqlstate);
		assert_string_equal(scene.error.constraint, "stories_key");
		snprintf(cause, sizeof(cause),
		         "script_write: %s duplicate key value violates \"stories_key\": "
		         "SELECT secret",
		         cases[i].sqlstate);
		assert_string_equal(scene.rig.trace, cause);
		end(&scene);
	}
}

/* --- stopped while it waits ---------------------------------------------- */

static const struct {
	const struct statement *statement;
	bool sent;
	enum outcome outcome;
	enum retry of_unavailable, of_others;
} stops[] = {
	{&script_read, false, OUTCOME_NOT_EXECUTED, RETRY_SAFE, RETRY_UNSET},
	{&script_read, true, OUTCOME_NOT_EXECUTED, RETRY_SAFE, RETRY_UNSET},
	{&script_write, false, OUTCOME_NOT_EXECUTED, RETRY_SAFE, RETRY_UNSET},
	{&script_write, true, OUTCOME_UNKNOWN, RETRY_NEVER, RETRY_NEVER},
};
enum { STOPS = sizeof(stops) / sizeof(stops[0]) };

static void gives_up_at_the_deadline(void **state)
{
	(void)state;
	for (size_t i = 0; i < STOPS; i++) {
		struct scene scene;
		begin(&scene, stops[i].statement, 0);
		scene.pool.sends = stops[i].sent;
		rig_turn(&scene.rig);
		rig_expire(scene.call);
		rig_until(&scene.rig, &scene.told.finished);
		rig_assert_told(&scene.told, STATUS_DEADLINE_EXCEEDED, RIG_DEADLINE);
		assert_int_equal(scene.told.outcome, stops[i].outcome);
		assert_int_equal(scene.told.retry, stops[i].of_others);
		assert_int_equal(scene.pool.abandoned, 1);
		end(&scene);
	}
}

static void gives_up_in_a_drain(void **state)
{
	(void)state;
	for (size_t i = 0; i < STOPS; i++) {
		struct scene scene;
		begin(&scene, stops[i].statement, 0);
		scene.pool.sends = stops[i].sent;
		rig_turn(&scene.rig);
		rpc_cancel_all(&scene.rig.rpc, STATUS_UNAVAILABLE);
		rig_turn(&scene.rig);
		rig_assert_told(&scene.told, STATUS_UNAVAILABLE, "the server is going away");
		assert_int_equal(scene.told.outcome, stops[i].outcome);
		assert_int_equal(scene.told.retry, stops[i].of_unavailable);
		assert_int_equal(scene.pool.abandoned, 1);
		end(&scene);
	}
}

static void gives_up_when_it_is_cancelled(void **state)
{
	(void)state;
	for (int gone = 0; gone < 2; gone++) {
		struct scene scene;
		begin(&scene, &script_write, 0);
		rig_turn(&scene.rig);
		call_cancel(scene.call, STATUS_CANCELLED, gone);
		rig_turn(&scene.rig);
		assert_int_equal(scene.rig.rpc.live, 0);
		assert_int_equal(scene.seen, STATUS_CANCELLED);
		assert_int_equal(scene.pool.abandoned, 1);
		end(&scene);
	}
}

static void does_not_ask_for_a_call_that_was_stopped(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, &script_write, 0);
	scene.steps[1] = &script_write;
	rig_turn(&scene.rig);
	script_answer(&scene.pool, "done");
	call_cancel(scene.call, STATUS_CANCELLED, true); /* both in one turn: the answer counts */
	rig_turn(&scene.rig);
	assert_int_equal(scene.pool.submitted, 1);
	assert_int_equal(scene.pool.abandoned, 0);
	assert_int_equal(scene.seen, STATUS_CANCELLED); /* the second one's */
	end(&scene);
}

static void an_answer_in_time_counts(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, &script_write, 0);
	rig_turn(&scene.rig);
	rig_expire(scene.call);
	while (uv_hrtime() < scene.call->deadline_ns)
		continue;
	script_answer(&scene.pool, "done"); /* and the deadline passes in the same turn */
	rig_turn(&scene.rig);
	rig_assert_told(&scene.told, STATUS_OK, "");
	assert_string_equal(scene.told.response, "done");
	end(&scene);
}

static void after_a_write_nothing_is_safe_to_retry(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, &script_write, 0);
	scene.steps[1] = &script_read;
	rig_turn(&scene.rig);
	script_answer(&scene.pool, "done");
	rig_turn(&scene.rig);
	script_fail(&scene.pool, STATUS_UNAVAILABLE, OUTCOME_NOT_EXECUTED, "");
	rig_turn(&scene.rig);
	assert_int_equal(scene.told.status, STATUS_UNAVAILABLE);
	assert_int_equal(scene.told.outcome, OUTCOME_UNKNOWN);
	assert_int_equal(scene.told.retry, RETRY_NEVER);
	end(&scene);
}

/* --- again ------------------------------------------------------------------ */

/* The pool has tried it often enough: once more from here would multiply its attempts. */
static void leaves_retries_to_the_pool(void **state)
{
	(void)state;
	static const char *const conflicts[] = {"40001", "40P01"};
	for (size_t i = 0; i < 2; i++) {
		struct scene scene;
		begin(&scene, &script_write, 0);
		rig_turn(&scene.rig);
		script_fail(&scene.pool, STATUS_ABORTED, OUTCOME_NOT_EXECUTED, conflicts[i]);
		rig_turn(&scene.rig);
		rig_assert_told(&scene.told, STATUS_ABORTED, "other work interfered; try again");
		assert_int_equal(scene.told.outcome, OUTCOME_NOT_EXECUTED);
		assert_int_equal(scene.pool.submitted, 1);
		end(&scene);
	}
}

static void what_was_aborted_otherwise_is_told(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, &script_write, 0);
	rig_turn(&scene.rig);
	script_fail(&scene.pool, STATUS_ABORTED, OUTCOME_NOT_EXECUTED, "55P03");
	rig_turn(&scene.rig);
	rig_assert_told(&scene.told, STATUS_ABORTED, "other work holds what this needs; try again");
	end(&scene);
}

static void no_memory_for_the_rows(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene, &script_read, 0);
	scene.glutton = true;
	rig_turn(&scene.rig);
	script_answer(&scene.pool, "no room for this");
	rig_turn(&scene.rig);
	rig_assert_told(&scene.told, STATUS_RESOURCE_EXHAUSTED,
	                "the request needs more memory than one call may use");
	end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_from_the_rows),
		cmocka_unit_test(asks_one_after_the_other),
		cmocka_unit_test(without_a_database),
		cmocka_unit_test(tells_what_the_caller_may_know),
		cmocka_unit_test(gives_up_at_the_deadline),
		cmocka_unit_test(gives_up_in_a_drain),
		cmocka_unit_test(gives_up_when_it_is_cancelled),
		cmocka_unit_test(does_not_ask_for_a_call_that_was_stopped),
		cmocka_unit_test(an_answer_in_time_counts),
		cmocka_unit_test(after_a_write_nothing_is_safe_to_retry),
		cmocka_unit_test(leaves_retries_to_the_pool),
		cmocka_unit_test(what_was_aborted_otherwise_is_told),
		cmocka_unit_test(no_memory_for_the_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
