/* prismd killed and started again, at the same address, while one client writes through it: every
 * call is answered in the end, and took effect once. */
#include "tests/services/story_fixture.h"
#include "tests/support/protocol.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>
#include <uv.h>

enum {
	CALLS = 400,
	IN_FLIGHT = 32,
	KILLS = 4,
	OK_BETWEEN = 60, /* calls that end well, from one to the next */
	QUIET_TURNS = 5,
	IDLE_TRIES = 100, /* 10 ms each */
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
	/* A kill takes one; so does each try to connect before prismd is there again. */
	static const struct prism_retry retry = {.max_attempts = 20};
	static const struct prism_call_options options = {
		.wait_for_ready = true, .timeout_ms = 100000, .retry = &retry};
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

static long stories(void)
{
	return count("SELECT count(*) FROM stories WHERE title LIKE 'killed %%'");
}

/* Stopped, it answers nobody; what PostgreSQL was given it goes on with. False: stopped in the
 * middle of a statement, whose rest PostgreSQL would wait for. */
static bool stop_prismd(void)
{
	kill(tenant.stack.prismd.pid, SIGSTOP);
	for (unsigned i = 0; i < IDLE_TRIES; i++, usleep(10000))
		if (count("SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle'"
		          " AND backend_type = 'client backend' AND pid <> pg_backend_pid()") == 0)
			return true;
	return false;
}

/* Reads what was written to it. */
static void take_answers(struct load *load)
{
	for (unsigned quiet = 0, ok = load->ok; quiet < QUIET_TURNS; quiet++) {
		uv_run(&load->loop, UV_RUN_NOWAIT);
		quiet = ok == load->ok ? quiet : 0;
		ok = load->ok;
	}
}

/* Kills prismd at a moment when there is work that PostgreSQL has done and that nobody was told of.
 */
static void kill_prismd(struct load *load)
{
	bool done = stop_prismd();
	take_answers(load);
	unsigned unanswered = (unsigned)stories() - load->ok;
	if (!done || unanswered == 0) {
		kill(tenant.stack.prismd.pid, SIGCONT);
		return;
	}
	load->unanswered += unanswered;
	load->kills++;
	stack_kill_and_serve(&tenant.stack, NULL);
}

static void each_write_takes_effect_once(void **state)
{
	(void)state;
	struct load load = {0};
	struct prism_channel_options options = {.protocol = test_protocol(),
	                                        .address = tenant.stack.prismd.address,
	                                        .key = tenant.key,
	                                        .actor = MEMBER};
	assert_int_equal(uv_loop_init(&load.loop), 0);
	assert_int_equal(prism_channel_open(&load.channel, &options, &load.loop, NULL), PRISM_OK);
	load_more(&load);
	while (load.running > 0) {
		uv_run(&load.loop, UV_RUN_ONCE);
		if (load.kills < KILLS && load.ok >= OK_BETWEEN * (load.kills + 1))
			kill_prismd(&load);
	}
	print_message("%u kills, %u calls executed and not answered, %u attempts of %u calls\n",
	              load.kills, load.unanswered, load.attempts, load.ok);
	assert_int_equal(load.ok, CALLS);
	assert_int_equal(load.kills, KILLS);
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

/* --- prismctl import ---------------------------------------------------------------------------
 */

/* The fixture took some. */
static const char FREE_IDS[] = "SELECT setval(pg_get_serial_sequence('organizations', 'id'), 1000),"
			       " setval(pg_get_serial_sequence('projects', 'id'), 1000)";

enum { IMPORTED = 12000, LINE_MOST = 256 };

static char backlog_path[128], key_path[128], said[PROGRAM_TEXT];

static FILE *create_file(char path[128], const char *name)
{
	snprintf(path, 128, "%s/%s", tenant.stack.directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	return file;
}

static void write_backlog(void)
{
	FILE *file = create_file(backlog_path, "backlog.ndjson");
	fputs("{\"kind\": \"organization\", \"name\": \"Ferry\", \"slug\": \"ferry\"}\n"
	      "{\"kind\": \"user\", \"username\": \"mate\", \"email\": \"m@example.org\"}\n"
	      "{\"kind\": \"project\", \"key\": \"FER\", \"name\": \"Ferry\"}\n",
	      file);
	for (int i = 1; i <= IMPORTED; i++)
		fprintf(file, "{\"kind\": \"story\", \"number\": %d, \"title\": \"Line %d\"}\n", i,
		        i);
	fclose(file);
	file = create_file(key_path, "system.key");
	fputs(tenant.system_key, file);
	fclose(file);
}

struct importing {
	char address[128];
	int code;
	atomic_bool done;
};

static void *import(void *data)
{
	struct importing *importing = data;
	const char *const argv[] = {program_path("prismctl"),
	                            "--address",
	                            importing->address,
	                            "--key-file",
	                            key_path,
	                            "--quiet",
	                            "-o",
	                            "table",
	                            "import",
	                            backlog_path,
	                            NULL};
	importing->code = program_run(argv, NULL, said);
	importing->done = true;
	return NULL;
}

static long imported(void)
{
	return count("SELECT count(*) FROM stories WHERE title LIKE 'Line %%'");
}

static void expect_said(const char *words)
{
	if (!strstr(said, words))
		fail_msg("\"%s\" is not in:\n%s", words, said);
}

/* The importer finds its server again, and does not notice more of it than the time. */
static void an_import_goes_on(void **state)
{
	(void)state;
	struct importing importing = {.code = -1};
	pthread_t thread;
	unsigned kills = 0;
	cluster_sql(tenant.stack.cluster, FREE_IDS);
	write_backlog();
	memcpy(importing.address, tenant.stack.prismd.address, sizeof(importing.address));
	assert_int_equal(pthread_create(&thread, NULL, import, &importing), 0);
	for (long seen = 0; kills < KILLS && !importing.done; usleep(1000)) {
		long now = imported();
		if (now == seen)
			continue;
		seen = now;
		stack_kill_and_serve(&tenant.stack, NULL);
		kills++;
	}
	pthread_join(thread, NULL);
	if (importing.code != 0)
		fail_msg("prismctl import: exit code %d\n%s", importing.code, said);
	assert_int_equal(kills, KILLS);
	assert_int_equal(imported(), IMPORTED);
	import(&importing);
	assert_int_equal(importing.code, 0);
	expect_said("0 created, 0 updated, 12000 unchanged");
	assert_int_equal(imported(), IMPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_write_takes_effect_once),
		cmocka_unit_test(an_import_goes_on),
	};
	return cmocka_run_group_tests(tests, tenant_set_up, tenant_tear_down);
}
