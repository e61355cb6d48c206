#include "tests/services/race.h"

#include <libpq-fe.h>
#include <uv.h>

struct racer racers[RACERS_MAX];

static struct {
	uv_loop_t loop;
	struct prism_channel *channels[RACE_CHANNELS];
	size_t count, pending;
	PGconn *session;
} race;

void race_open(void)
{
	assert_int_equal(uv_loop_init(&race.loop), 0);
	for (size_t i = 0; i < RACE_CHANNELS; i++) {
		struct prism_channel_options options = {.address = tenant.stack.prismd.address,
		                                        .key = tenant.key,
		                                        .actor = MEMBER,
		                                        .agent = "race"};
		assert_int_equal(prism_channel_open(&race.channels[i], &options, &race.loop, NULL),
		                 PRISM_OK);
	}
	race.session = PQconnectdb(cluster_conninfo(tenant.stack.cluster));
	assert_int_equal(PQstatus(race.session), CONNECTION_OK);
}

void race_close(void)
{
	PQfinish(race.session);
	for (size_t i = 0; i < RACE_CHANNELS; i++)
		prism_channel_close(race.channels[i], NULL, NULL);
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

size_t race_add(const char *actor, const struct prism_method *method,
                const ProtobufCMessage *request)
{
	assert_true(race.count < RACERS_MAX);
	size_t i = race.count++;
	racers[i] = (struct racer){0};
	struct prism_call_options options = {.actor = actor};
	struct prism_call_handler handler = {.message = answered, .done = done, .ctx = &racers[i]};
	race.pending++;
	assert_non_null(prism_call_start(race.channels[i % RACE_CHANNELS], method, &options,
	                                 request, &handler));
	return i;
}

size_t race_run(void)
{
	size_t good = 0;
	while (race.pending > 0)
		uv_run(&race.loop, UV_RUN_ONCE);
	for (size_t i = 0; i < race.count; i++)
		good += racers[i].result.status == PRISM_OK;
	race.count = 0;
	return good;
}

bool race_refused(size_t i, enum prism_status status, const char *reason)
{
	const struct prism_result *result = &racers[i].result;
	return result->status == status && strcmp(result->reason, reason) == 0;
}

bool session(const char *sql)
{
	PGresult *result = PQexec(race.session, sql);
	bool good = PQresultStatus(result) == PGRES_COMMAND_OK ||
	            PQresultStatus(result) == PGRES_TUPLES_OK;
	PQclear(result);
	return good;
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
