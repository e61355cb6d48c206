/* Idempotency keys are kept for a day, then removed: at the daemon's start, and while it runs. */
#include "tests/services/session.h"
#include "tests/services/story_fixture.h"

enum { OLD = 2500, YOUNG = 10 };

static void keys_by_sql(int n, const char *age, const char *method)
{
	count("WITH made AS (INSERT INTO idempotency_keys (principal_id, actor_id, request_id,"
	      " method, request_hash, result, created_at) SELECT 1, gen_random_uuid(),"
	      " gen_random_uuid(), '%s', '\\x00', '{}', now() - '%s'::interval"
	      " FROM generate_series(1, %d) RETURNING 1) SELECT count(*) FROM made",
	      method, age, n);
}

static long keys(const char *method)
{
	return count("SELECT count(*) FROM idempotency_keys WHERE method = '%s'", method);
}

static void stop(void)
{
	assert_int_equal(program_stop(&tenant.stack.prismd), 0);
}

static void serve(void)
{
	stack_serve(&tenant.stack, (const char *const[]){"--workers", "2", NULL});
}

static int set_up(void **state)
{
	setenv("PRISMD_LOG_LEVEL", "debug", 1);
	return tenant_set_up(state);
}

static void old_keys_go_and_young_ones_stay(void **state)
{
	(void)state;
	static char log[65536];
	char line[64];
	stop();
	keys_by_sql(OLD, "25 hours", "old");
	keys_by_sql(YOUNG, "23 hours 50 minutes", "young");
	keys_by_sql(1, "30 days", "held");
	assert_true(session("BEGIN"));
	assert_true(session("SELECT FROM idempotency_keys WHERE method = 'held' FOR UPDATE"));
	serve();
	while (keys("old") > 0)
		continue;
	snprintf(line, sizeof(line), "event=idempotency_keys_expired rows=%d", OLD);
	do
		program_log(&tenant.stack.prismd, log, sizeof(log));
	while (!strstr(log, line));
	assert_int_equal(keys("young"), YOUNG);
	assert_int_equal(keys("held"), 1);
	session_end();
}

static story_t *create_once(void)
{
	story_t story = PRISM__V1__STORY__INIT;
	story.title = "Once a day";
	Prism__V1__CreateStoryRequest request = PRISM__V1__CREATE_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = 10;
	request.story = &story;
	request.request_id = REQUEST_ID(1);
	struct prism_channel *channel = stack_channel(&tenant.stack, tenant.key, MEMBER);
	story_t *made = NULL;
	(void)prism_v1_story_service_create_story_wait(channel, NULL, &request, &made,
	                                               &tenant.result);
	prism_channel_close(channel, NULL, NULL);
	assert_refused(PRISM_OK, "");
	return made;
}

static void a_request_id_is_good_again_after_a_day(void **state)
{
	(void)state;
	story_t *first = create_once(), *again = create_once();
	assert_int_equal(again->id, first->id);
	free_story(again);
	stop();
	count("UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 minute'"
	      " WHERE method = 'CreateStory' RETURNING 1");
	serve();
	while (keys("CreateStory") > 0)
		continue;
	again = create_once();
	assert_int_not_equal(again->id, first->id);
	free_story(first);
	free_story(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_keys_go_and_young_ones_stay),
		cmocka_unit_test(a_request_id_is_good_again_after_a_day),
	};
	return cmocka_run_group_tests(tests, set_up, tenant_tear_down);
}
