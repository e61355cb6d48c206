/* prismd before a PostgreSQL that is absent, killed, frozen, refusing or different: every call ends
 * with a clear status, nothing is left behind, and service comes back by itself. */
#include "prism/v1/story.prism-client.h"
#include "tests/support/protocol.h"
#include "tests/support/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include <cmocka.h>

#define ACTOR "00000000-0000-4000-8000-000000000001"

enum {
	EXIT_CONFIG = 78,
	IN_FLIGHT = 32,
	STORIES = 50,
	PATIENCE_MS = 30000, /* how long a test waits for service to come back */
	PAUSE_US = 20000,
};

static struct stack stack;
static char key[STACK_KEY_SIZE];

static const char SEED[] =
	"INSERT INTO users (id, email, username, status) VALUES ('" ACTOR
	"', 'a@example.org', 'actor', 'active');"
	"INSERT INTO organizations (id, name, slug, owner_id) OVERRIDING SYSTEM VALUE VALUES (1, "
	"'One', 'one', '" ACTOR "');"
	"INSERT INTO organization_members (organization_id, user_id, role) VALUES (1, '" ACTOR
	"', 'viewer');"
	"INSERT INTO projects (id, organization_id, name, key) OVERRIDING SYSTEM VALUE VALUES (1, "
	"1, 'Project', 'PRJ');"
	"INSERT INTO stories (id, organization_id, project_id, number, rank, title) OVERRIDING "
	"SYSTEM VALUE"
	" SELECT n, 1, 1, n, n, 'Story ' || n FROM generate_series(1, 50) n;";

static int set_up(void **state)
{
	(void)state;
	stack_open(&stack);
	cluster_sql(stack.cluster, SEED);
	stack_key(&stack, "act-as-user", 0, key);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stack_stop(&stack);
	return 0;
}

static enum prism_status get(struct prism_channel *channel, int64_t id, uint32_t timeout_ms,
                             struct prism_result *result)
{
	Prism__V1__GetStoryRequest request = PRISM__V1__GET_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.story_case = PRISM__V1__GET_STORY_REQUEST__STORY_ID;
	request.id = id;
	struct prism_call_options options = {.timeout_ms = timeout_ms};
	Prism__V1__Story *story = NULL;
	enum prism_status status =
		prism_v1_story_service_get_story_wait(channel, &options, &request, &story, result);
	if (story)
		prism__v1__story__free_unpacked(story, NULL);
	return status;
}

/* Until a call succeeds; meanwhile every call ends as a database that is gone makes it end. */
static void wait_for_service(struct prism_channel *channel)
{
	uint64_t since_ns = uv_hrtime();
	struct prism_result result;
	while (get(channel, 1, 5000, &result) != PRISM_OK) {
		if (result.status != PRISM_UNAVAILABLE && result.status != PRISM_DEADLINE_EXCEEDED)
			fail_msg("%s: %s", prism_status_name(result.status), result.message);
		if (uv_hrtime() - since_ns > PATIENCE_MS * UINT64_C(1000000))
			fail_msg("no service: %s", result.message);
		usleep(PAUSE_US);
	}
	print_message("service was back after %llu ms\n",
	              (unsigned long long)((uv_hrtime() - since_ns) / 1000000));
}

static void says(const char *log, const char *text)
{
	if (!strstr(log, text))
		fail_msg("the log does not say \"%s\":\n%s", text, log);
}

static void logged(const char *text)
{
	static char log[PROGRAM_TEXT];
	program_log(&stack.prismd, log, sizeof(log));
	says(log, text);
}

static void serves_without_it_and_finds_it_later(void **state)
{
	(void)state;
	cluster_stop(stack.cluster);
	stack_serve(&stack, NULL);
	struct prism_channel *channel = stack_channel(&stack, key, ACTOR);
	struct prism_result result;
	assert_int_equal(get(channel, 1, 2000, &result), PRISM_UNAVAILABLE);
	assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
	cluster_start(stack.cluster);
	wait_for_service(channel);
	prism_channel_close(channel, NULL, NULL);
}

/* --- under load --------------------------------------------------------------- */

struct load {
	uv_loop_t loop;
	uv_timer_t act;
	struct prism_channel *channel;
	void (*harm)(struct load *load); /* done once, under load */
	size_t left, pending, ok, failed;
	bool harmed;
};

static void load_more(struct load *load);

static void on_story(void *ctx, const struct prism_result *result, const Prism__V1__Story *story)
{
	struct load *load = ctx;
	load->pending--;
	if (result->status == PRISM_OK) {
		assert_non_null(story);
		load->ok++;
	} else {
		bool expected = result->status == PRISM_UNAVAILABLE ||
		                result->status == PRISM_DEADLINE_EXCEEDED;
		if (!expected)
			fail_msg("%s: %s", prism_status_name(result->status), result->message);
		load->failed++;
	}
	load_more(load);
}

static void load_more(struct load *load)
{
	static const struct prism_call_options options = {.timeout_ms = 3000};
	while (load->pending < IN_FLIGHT && load->left > 0) {
		Prism__V1__GetStoryRequest request = PRISM__V1__GET_STORY_REQUEST__INIT;
		request.organization_id = 1;
		request.story_case = PRISM__V1__GET_STORY_REQUEST__STORY_ID;
		request.id = (int64_t)(load->left-- % STORIES) + 1;
		load->pending++;
		assert_non_null(prism_v1_story_service_get_story(load->channel, &options, &request,
		                                                 on_story, load));
	}
	if (load->pending == 0)
		uv_stop(&load->loop);
}

static void on_act(uv_timer_t *timer)
{
	struct load *load = timer->data;
	load->harm(load);
	load->harmed = true;
	uv_close((uv_handle_t *)timer, NULL);
}

static void run_load(void (*harm)(struct load *load), size_t calls)
{
	struct load load = {.harm = harm, .left = calls};
	assert_int_equal(uv_loop_init(&load.loop), 0);
	struct prism_channel_options options = {.protocol = test_protocol(),
	                                        .address = stack.prismd.address,
	                                        .key = key,
	                                        .actor = ACTOR};
	assert_int_equal(prism_channel_open(&load.channel, &options, &load.loop, NULL), PRISM_OK);
	uv_timer_init(&load.loop, &load.act);
	load.act.data = &load;
	uv_timer_start(&load.act, on_act, 100, 0);
	load_more(&load);
	uv_run(&load.loop, UV_RUN_DEFAULT);
	assert_int_equal(load.ok + load.failed, calls);
	if (!load.harmed)
		uv_close((uv_handle_t *)&load.act, NULL);
	prism_channel_close(load.channel, NULL, NULL);
	uv_run(&load.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&load.loop), 0);
	print_message("%zu calls: %zu answered, %zu failed\n", calls, load.ok, load.failed);
}

static void kill_a_backend(struct load *load)
{
	(void)load;
	long pid = cluster_number(
		stack.cluster,
		"SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'prismd%' LIMIT 1");
	assert_true(pid > 0);
	cluster_kill_backend(stack.cluster, (int)pid);
}

static void kill_the_postmaster(struct load *load)
{
	(void)load;
	cluster_kill(stack.cluster);
	cluster_start(stack.cluster);
}

static void restart_it(struct load *load)
{
	(void)load;
	cluster_stop(stack.cluster);
	cluster_start(stack.cluster);
}

static void end_every_session(struct load *load)
{
	(void)load;
	cluster_sql(stack.cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
	                           "application_name LIKE 'prismd%'");
}

static void comes_back_from(void (*harm)(struct load *load))
{
	stack_serve(&stack, NULL);
	run_load(harm, 20000);
	struct prism_channel *channel = stack_channel(&stack, key, ACTOR);
	wait_for_service(channel);
	prism_channel_close(channel, NULL, NULL);
}

static void survives_a_killed_backend(void **state)
{
	(void)state;
	comes_back_from(kill_a_backend);
}

static void survives_a_killed_postmaster(void **state)
{
	(void)state;
	comes_back_from(kill_the_postmaster);
}

static void survives_a_restart(void **state)
{
	(void)state;
	comes_back_from(restart_it);
}

static void survives_terminated_sessions(void **state)
{
	(void)state;
	comes_back_from(end_every_session);
}

/* --- silent, refusing, different --------------------------------------------------- */

static void deadlines_hold_while_it_is_frozen(void **state)
{
	(void)state;
	stack_serve(&stack, NULL);
	struct prism_channel *channel = stack_channel(&stack, key, ACTOR);
	wait_for_service(channel);
	cluster_freeze(stack.cluster);
	struct prism_result result;
	for (int i = 0; i < 20; i++)
		assert_int_equal(get(channel, 1, 50, &result), PRISM_DEADLINE_EXCEEDED);
	cluster_thaw(stack.cluster);
	wait_for_service(channel);
	prism_channel_close(channel, NULL, NULL);
}

static void says_that_the_password_is_wrong(void **state)
{
	(void)state;
	cluster_hba(stack.cluster,
	            "local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
	cluster_sql(stack.cluster, "CREATE ROLE service LOGIN SUPERUSER PASSWORD 'right'");
	char url[128];
	snprintf(url, sizeof(url), "postgresql://service:wrong@127.0.0.1:%d/postgres",
	         cluster_port(stack.cluster));
	const char *const argv[] = {
		program_path("prismd"), "--listen",       "127.0.0.1:0", "--state-dir",
		stack.directory,        "--database-url", url,           NULL};
	program_start(&stack.prismd, argv, NULL);
	struct prism_channel *channel = stack_channel(&stack, key, ACTOR);
	struct prism_result result;
	assert_int_equal(get(channel, 1, 2000, &result), PRISM_UNAVAILABLE);
	assert_null(strstr(result.message, "wrong"));
	logged("password authentication failed");
	cluster_sql(stack.cluster, "ALTER ROLE service PASSWORD 'wrong'");
	wait_for_service(channel);
	prism_channel_close(channel, NULL, NULL);
}

static void refuses(const char *first, const char *second)
{
	const char *const argv[] = {program_path("prismd"),
	                            "--listen",
	                            "127.0.0.1:0",
	                            "--state-dir",
	                            stack.directory,
	                            "--database-url",
	                            cluster_conninfo(stack.cluster),
	                            NULL};
	static char log[PROGRAM_TEXT];
	assert_int_equal(program_start_fails(argv, NULL, log), EXIT_CONFIG);
	says(log, first);
	says(log, second);
}

static void refuses_an_older_schema(void **state)
{
	(void)state;
	char text[PROGRAM_TEXT];
	stack_prism_db(&stack, (const char *const[]){"downgrade", "-1", NULL}, text);
	refuses("prism-db", "upgrade head");
}

static void refuses_a_schema_that_differs(void **state)
{
	(void)state;
	cluster_sql(stack.cluster,
	            "ALTER TABLE stories RENAME COLUMN acceptance_criteria TO criteria");
	refuses("statement ", "acceptance_criteria");
}

#define FAULT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAULT(serves_without_it_and_finds_it_later),
		FAULT(survives_a_killed_backend),
		FAULT(survives_a_killed_postmaster),
		FAULT(survives_a_restart),
		FAULT(survives_terminated_sessions),
		FAULT(deadlines_hold_while_it_is_frozen),
		FAULT(says_that_the_password_is_wrong),
		FAULT(refuses_an_older_schema),
		FAULT(refuses_a_schema_that_differs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
