/* grpc.health.v1.Health of a real prismd: it follows the database, and a drain ends every watch. */
#include "grpc/health/v1/health.prism-client.h"
#include "tests/support/manager.h"
#include "tests/support/stack.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

static struct stack stack;

static int set_up(void **state)
{
	(void)state;
	stack_open(&stack);
	stack_serve(&stack, (const char *const[]){"--workers", "1", NULL});
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stack_stop(&stack);
	return 0;
}

static struct grpc_health_v1_health_watch_stream *watch(struct prism_channel *channel,
                                                        const char *service)
{
	Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	request.service = (char *)service;
	struct grpc_health_v1_health_watch_stream *stream =
		grpc_health_v1_health_watch_open(channel, NULL, &request);
	assert_non_null(stream);
	return stream;
}

/* Reads states until `wanted` comes; a state may be told on the way there. */
static void expect(struct grpc_health_v1_health_watch_stream *stream, int wanted)
{
	for (int state = -1; state != wanted;) {
		Grpc__Health__V1__HealthCheckResponse *response =
			grpc_health_v1_health_watch_next(stream);
		if (!response)
			fail_msg("the watch ended instead of telling %d", wanted);
		state = (int)response->status;
		grpc__health__v1__health_check_response__free_unpacked(response, NULL);
	}
}

static enum prism_status check(struct prism_channel *channel, const char *service, int *state)
{
	Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	request.service = (char *)service;
	Grpc__Health__V1__HealthCheckResponse *response = NULL;
	enum prism_status status =
		grpc_health_v1_health_check_wait(channel, NULL, &request, &response, NULL);
	if (response) {
		*state = (int)response->status;
		grpc__health__v1__health_check_response__free_unpacked(response, NULL);
	}
	return status;
}

static void tells_each_service_apart(void **state)
{
	(void)state;
	struct prism_channel *channel = stack_channel(&stack, NULL, NULL);
	struct grpc_health_v1_health_watch_stream *stream = watch(channel, "");
	expect(stream, STATUS(SERVING));
	grpc_health_v1_health_watch_close(stream, NULL);
	int found = -1;
	assert_int_equal(check(channel, "", &found), PRISM_OK);
	assert_int_equal(found, STATUS(SERVING));
	assert_int_equal(check(channel, "prism.v1.StoryService", &found), PRISM_OK);
	assert_int_equal(found, STATUS(SERVING));
	assert_int_equal(check(channel, "prism.v1.NoService", &found), PRISM_NOT_FOUND);
	stream = watch(channel, "prism.v1.NoService");
	expect(stream, STATUS(SERVICE_UNKNOWN));
	assert_int_equal(grpc_health_v1_health_watch_close(stream, NULL), PRISM_CANCELLED);
	prism_channel_close(channel, NULL, NULL);
}

static void follows_the_database(void **state)
{
	(void)state;
	struct prism_channel *channel = stack_channel(&stack, NULL, NULL);
	struct grpc_health_v1_health_watch_stream *stream = watch(channel, "prism.v1.StoryService");
	expect(stream, STATUS(SERVING));
	cluster_stop(stack.cluster);
	expect(stream, STATUS(NOT_SERVING));
	cluster_start(stack.cluster);
	expect(stream, STATUS(SERVING));
	grpc_health_v1_health_watch_close(stream, NULL);
	prism_channel_close(channel, NULL, NULL);
}

/* What `systemctl status` shows. */
static void the_service_manager_is_told_too(void **state)
{
	(void)state;
	struct manager manager;
	struct stack told;
	stack_open(&told);
	manager_open(&manager, told.directory, 0);
	stack_serve(&told, (const char *const[]){"--workers", "2", NULL});
	manager_hears(&manager, "STATUS=serving");
	cluster_stop(told.cluster);
	manager_hears(&manager, "STATUS=waiting for the database");
	cluster_start(told.cluster);
	manager_hears(&manager, "STATUS=serving");
	manager_close(&manager);
	stack_stop(&told);
}

static void a_drain_ends_every_watch(void **state)
{
	(void)state;
	struct prism_channel *channel = stack_channel(&stack, NULL, NULL);
	struct grpc_health_v1_health_watch_stream *stream = watch(channel, "");
	expect(stream, STATUS(SERVING));
	kill(stack.prismd.pid, SIGTERM);
	expect(stream, STATUS(NOT_SERVING));
	assert_null(grpc_health_v1_health_watch_next(stream));
	assert_int_equal(grpc_health_v1_health_watch_close(stream, NULL), PRISM_UNAVAILABLE);
	prism_channel_close(channel, NULL, NULL);
	static char log[PROGRAM_TEXT];
	do
		program_log(&stack.prismd, log, sizeof(log));
	while (!strstr(log, "Health/Watch status=UNAVAILABLE us="));
	assert_null(strstr(log, "status=UNAVAILABLE us=0 ")); /* it took a while */
}

#define HEALTH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HEALTH(tells_each_service_apart),
		HEALTH(follows_the_database),
		HEALTH(a_drain_ends_every_watch),
		cmocka_unit_test(the_service_manager_is_told_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
