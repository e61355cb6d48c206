/* prismd killed and started again, at the same address, while one client writes through it: every
 * call is answered in the end, and took effect once. */
#include "tests/services/story_fixture.h"

#include <signal.h>
#include <unistd.h>
#include <uv.h>

enum {
	CALLS = 400,
	IN_FLIGHT = 32,
	KILLS_LEAST = 3,
	KILLS_MOST = 12,
	OK_BETWEEN = CALLS / (KILLS_MOST + 1), /* calls that end well, from one to the next */
};

struct load {
	uv_loop_t loop;
	struct prism_channel *channel;
	unsigned started, running, ok;
	unsigned attempts; /* of all that ended */
	unsigned kills;
	unsigned unanswered; /* calls that were executed, and whose answer a kill swallowed */
};

static void load_more(struct load *load);

static void on_created(void *ctx, const struct prism_result *result, const story_t *story)
{
	struct load *load = ctx;
	if (result->status != PRISM_OK)
		fail_msg("%s after %u attempts: %s", prism_status_name(result->status),
		         result->attempts, result->message);
	assert_non_null(story);
	load->running--;
	load->ok++;
	load->attempts += result->attempts;
	load_more(load);
}

/* KEYED, and no request_id: the library makes it. */
static void create_one(struct load *load)
{
	static const struct prism_call_options options = {.wait_for_ready = true,
	                                                  .timeout_ms = 100000};
	char title[32];
	story_t story = PRISM__V1__STORY__INIT;
	Prism__V1__CreateStoryRequest request = PRISM__V1__CREATE_STORY_REQUEST__INIT;
	snprintf(title, sizeof(title), "killed %u", load->started++);
	story.title = title;
	request.organization_id = 1;
	request.project_id = 10;
	request.story = &story;
	load->running++;
	assert_non_null(prism_v1_story_service_create_story(load->channel, &options, &request,
	                                                    on_created, load));
}

static void load_more(struct load *load)
{
	while (load->running < IN_FLIGHT && load->started < CALLS)
		create_one(load);
}

/* What PostgreSQL had been given it may go on with for a moment. */
static void wait_for_postgres(void)
{
	while (count("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
	             " AND pid <> pg_backend_pid()") > 0)
		usleep(10000);
}

static long stories(void)
{
	return count("SELECT count(*) FROM stories WHERE title LIKE 'killed %%'");
}

static void kill_prismd(struct load *load)
{
	kill(tenant.stack.prismd.pid, SIGKILL);
	wait_for_postgres();
	load->unanswered += (unsigned)(stories() - load->ok);
	load->kills++;
	stack_kill_and_serve(&tenant.stack, NULL);
}

static bool due(const struct load *load)
{
	bool enough = load->kills >= KILLS_LEAST && load->unanswered > 0;
	return !enough && load->kills < KILLS_MOST && load->ok >= OK_BETWEEN * (load->kills + 1);
}

static void each_write_takes_effect_once(void **state)
{
	(void)state;
	struct load load = {0};
	struct prism_channel_options options = {
		.address = tenant.stack.prismd.address, .key = tenant.key, .actor = MEMBER};
	assert_int_equal(uv_loop_init(&load.loop), 0);
	assert_int_equal(prism_channel_open(&load.channel, &options, &load.loop, NULL), PRISM_OK);
	load_more(&load);
	while (load.running > 0) {
		uv_run(&load.loop, UV_RUN_ONCE);
		if (due(&load))
			kill_prismd(&load);
	}
	print_message("%u kills, %u calls executed and not answered, %u attempts of %u calls\n",
	              load.kills, load.unanswered, load.attempts, load.ok);
	assert_int_equal(load.ok, CALLS);
	assert_true(load.kills >= KILLS_LEAST);
	assert_true(load.unanswered > 0);
	assert_true(load.attempts >= CALLS + load.unanswered);
	assert_int_equal(stories(), CALLS);
	assert_int_equal(count("SELECT count(DISTINCT title) FROM stories WHERE title LIKE "
	                       "'killed %%'"),
	                 CALLS);
	assert_int_equal(count("SELECT count(*) FROM idempotency_keys"), CALLS);
	prism_channel_close(load.channel, NULL, NULL);
	uv_run(&load.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&load.loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_write_takes_effect_once),
	};
	return cmocka_run_group_tests(tests, tenant_set_up, tenant_tear_down);
}
