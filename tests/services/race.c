#include "tests/services/race.h"

#include "tests/support/protocol.h"

#include <uv.h>

struct racer racers[RACERS_MAX];

static struct {
	uv_loop_t loop;
	struct prism_channel *channels[RACE_CHANNELS], *system_channels[RACE_CHANNELS];
	size_t count, pending, ended;
} race;

static struct prism_channel *channel_new(const char *key)
{
	const struct prism_channel_options options = {
		.protocol = test_protocol(),
		.address = tenant.stack.prismd.address,
		.key = key,
		.agent = "race",
	};
	struct prism_channel *channel;
	char message[256];
	if (prism_channel_open(&channel, &options, &race.loop, message) != PRISM_OK)
		fail_msg("%s", message);
	return channel;
}

/* A story that nobody may see: a call that costs nothing, and connects. */
static void connect_all(void)
{
	Prism__V1__GetStoryRequest request = PRISM__V1__GET_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.story_case = PRISM__V1__GET_STORY_REQUEST__STORY_ID;
	request.id = 1;
	for (size_t i = 0; i < RACE_CHANNELS; i++) {
		(void)race_add(OUTSIDER, &prism_v1_story_service_get_story_method, &request.base);
		(void)race_add_system(OUTSIDER, &prism_v1_story_service_get_story_method,
		                      &request.base);
	}
	(void)race_run();
}

void race_open(void)
{
	assert_int_equal(uv_loop_init(&race.loop), 0);
	for (size_t i = 0; i < RACE_CHANNELS; i++) {
		race.channels[i] = channel_new(tenant.key);
		race.system_channels[i] = channel_new(tenant.system_key);
	}
	connect_all();
}

void race_close(void)
{
	session_end();
	for (size_t i = 0; i < RACE_CHANNELS; i++) {
		prism_channel_close(race.channels[i], NULL, NULL);
		prism_channel_close(race.system_channels[i], NULL, NULL);
	}
	uv_run(&race.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&race.loop), 0);
}

static void answered(void *ctx, struct prism_call *call, const ProtobufCMessage *message)
{
	struct racer *racer = ctx;
	(void)call;
	if (message->descriptor != &prism__v1__story__descriptor)
		return;
	const story_t *story = (const story_t *)message;
	racer->id = story->id;
	racer->number = story->number;
	racer->version = story->version;
}

static void done(void *ctx, const struct prism_result *result)
{
	struct racer *racer = ctx;
	racer->result = *result;
	race.pending--;
}

static size_t add(struct prism_channel *const channels[RACE_CHANNELS], const char *actor,
                  const struct prism_method *method, const ProtobufCMessage *request)
{
	assert_true(race.count < RACERS_MAX);
	size_t i = race.count++;
	racers[i] = (struct racer){0};
	struct prism_call_options options = {.actor = actor};
	struct prism_call_handler handler = {.message = answered, .done = done, .ctx = &racers[i]};
	race.pending++;
	assert_non_null(
		prism_call_start(channels[i % RACE_CHANNELS], method, &options, request, &handler));
	return i;
}

size_t race_add(const char *actor, const struct prism_method *method,
                const ProtobufCMessage *request)
{
	assert_non_null(actor);
	return add(race.channels, actor, method, request);
}

size_t race_add_system(const char *actor, const struct prism_method *method,
                       const ProtobufCMessage *request)
{
	return add(race.system_channels, actor, method, request);
}

size_t race_run(void)
{
	while (race.pending > 0)
		uv_run(&race.loop, UV_RUN_ONCE);
	race.ended = race.count;
	race.count = 0;
	return race_count(PRISM_OK, "");
}

size_t race_run_without_circles(void)
{
	while (race.pending > 0) {
		uv_run(&race.loop, UV_RUN_NOWAIT);
		if (count("SELECT count(*) FROM pg_stat_activity a CROSS JOIN LATERAL unnest("
		          "pg_blocking_pids(a.pid)) b WHERE a.wait_event_type = 'Lock' AND a.pid = "
		          "ANY (pg_blocking_pids(b))") > 0)
			fail_msg("two calls wait for each other");
	}
	return race_run();
}

bool race_refused(size_t i, enum prism_status status, const char *reason)
{
	const struct prism_result *result = &racers[i].result;
	return result->status == status && strcmp(result->reason, reason) == 0;
}

size_t race_count(enum prism_status status, const char *reason)
{
	size_t found = 0;
	for (size_t i = 0; i < race.ended; i++)
		found += race_refused(i, status, reason);
	return found;
}

void race_until_waiting(long backends)
{
	while (count("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") <
	       backends) {
		if (race.pending == 0)
			fail_msg("nobody waits: all calls have ended");
		uv_run(&race.loop, UV_RUN_NOWAIT);
	}
}
