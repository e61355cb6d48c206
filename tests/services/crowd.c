#include "tests/services/crowd.h"

#include <libpq-fe.h>

static void on_done(void *ctx, const struct prism_result *result)
{
	struct seat *seat = ctx;
	seat->result = *result;
	seat->waiting = false;
}

static size_t still_waiting(const struct crowd *crowd)
{
	size_t waiting = 0;
	for (size_t i = 0; i < crowd->count; i++)
		waiting += crowd->seats[i].waiting;
	return waiting;
}

void crowd_start(struct crowd *crowd, size_t number, const struct prism_method *method,
                 const struct prism_call_options *options, const ProtobufCMessage *request)
{
	struct seat *seat = &crowd->seats[number];
	const struct prism_call_handler handler = {.done = on_done, .ctx = seat};
	assert_false(seat->waiting);
	seat->waiting = true;
	assert_non_null(prism_call_start(seat->channel, method, options, request, &handler));
}

void crowd_finish(struct crowd *crowd)
{
	while (still_waiting(crowd) > 0)
		uv_run(&crowd->loop, UV_RUN_ONCE);
}

void crowd_until_blocked(struct crowd *crowd, long wanted)
{
	while (still_waiting(crowd) > 0 &&
	       count("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") <
	               wanted)
		uv_run(&crowd->loop, UV_RUN_NOWAIT);
}

size_t crowd_count(const struct crowd *crowd, enum prism_status status, const char *reason)
{
	size_t found = 0;
	for (size_t i = 0; i < crowd->count; i++)
		found += crowd->seats[i].result.status == status &&
		         strcmp(crowd->seats[i].result.reason, reason) == 0;
	return found;
}

void crowd_assert_all(const struct crowd *crowd, enum prism_status status, const char *reason)
{
	for (size_t i = 0; i < crowd->count; i++) {
		tenant.result = crowd->seats[i].result;
		assert_refused(status, reason);
	}
}

void crowd_open(struct crowd *crowd)
{
	*crowd = (struct crowd){0};
	assert_int_equal(uv_loop_init(&crowd->loop), 0);
}

/* A story that nobody may see: a call that costs nothing, and connects. */
static void connect_seat(struct crowd *crowd, size_t seat)
{
	Prism__V1__GetStoryRequest request = PRISM__V1__GET_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.story_case = PRISM__V1__GET_STORY_REQUEST__STORY_ID;
	request.id = 1;
	crowd_start(crowd, seat, &prism_v1_story_service_get_story_method,
	            &(struct prism_call_options){.actor = OUTSIDER}, &request.base);
}

void crowd_seat(struct crowd *crowd, const char *key, size_t count)
{
	const struct prism_channel_options options = {.address = tenant.stack.prismd.address,
	                                              .key = key};
	assert_true(crowd->count + count <= CROWD_MAX);
	for (; count > 0; count--) {
		struct prism_channel **channel = &crowd->seats[crowd->count++].channel;
		char message[256];
		if (prism_channel_open(channel, &options, &crowd->loop, message) != PRISM_OK)
			fail_msg("%s", message);
		connect_seat(crowd, crowd->count - 1);
	}
	crowd_finish(crowd);
}

void crowd_close(struct crowd *crowd)
{
	for (size_t i = 0; i < crowd->count; i++)
		prism_channel_close(crowd->seats[i].channel, NULL, NULL);
	uv_run(&crowd->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&crowd->loop), 0);
}

static void run(struct session *session, const char *sql)
{
	PGresult *result = PQexec(session->connection, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(session->connection));
	PQclear(result);
}

void session_begin(struct session *session, const char *sql)
{
	session->connection = PQconnectdb(cluster_conninfo(tenant.stack.cluster));
	if (PQstatus(session->connection) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(session->connection));
	run(session, "BEGIN");
	run(session, sql);
}

void session_commit(struct session *session)
{
	run(session, "COMMIT");
	PQfinish(session->connection);
}
