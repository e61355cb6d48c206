/* libprism while its server goes away and comes back. */
#include "echo.prism-client.h"
#include "tests/support/protocol.h"
#include "tests/talk/talk.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

typedef Prism__Test__V1__EchoMessage Message;

static char address[128];

/* The blocking clients of these tests do not read a GOAWAY while they do nothing. */
#define PATIENCE "--drain-ms", "1000"

static void up_again(void)
{
	const char *const arguments[] = {PATIENCE, "--listen", address, NULL};
	server_up(arguments);
}

static struct prism_channel *channel_open(uv_loop_t *loop)
{
	struct prism_channel *channel;
	struct prism_channel_options options = {.protocol = test_protocol(), .address = address};
	assert_int_equal(prism_channel_open(&channel, &options, loop, NULL), PRISM_OK);
	return channel;
}

static enum prism_status echo(struct prism_channel *channel, bool wait, struct prism_result *result)
{
	Message request = PRISM__TEST__V1__ECHO_MESSAGE__INIT;
	struct prism_call_options options = {.wait_for_ready = wait};
	return prism_test_v1_echo_service_echo_wait(channel, &options, &request, NULL, result);
}

/* The address stays, so that a second server can have it. */
static int setup(void **state)
{
	(void)state;
	const char *const arguments[] = {PATIENCE, NULL};
	server_up(arguments);
	snprintf(address, sizeof address, "%s", server.address);
	return 0;
}

static void test_restart(void **state)
{
	(void)state;
	struct prism_result result;
	struct prism_channel *channel = channel_open(NULL);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(echo(channel, i > 0, NULL), PRISM_OK);
		server_down();
		assert_int_equal(echo(channel, false, &result), PRISM_UNAVAILABLE);
		assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
		up_again();
	}
	assert_int_equal(echo(channel, true, NULL), PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
	server_down();
}

static void test_killed(void **state)
{
	(void)state;
	struct prism_result result;
	struct prism_channel *channel = channel_open(NULL);
	assert_int_equal(echo(channel, false, NULL), PRISM_OK);
	program_kill(&server);
	assert_int_equal(echo(channel, false, &result), PRISM_UNAVAILABLE);
	up_again();
	assert_int_equal(echo(channel, true, NULL), PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
	server_down();
}

/* A server that has no room for another connection says so, and takes it when it has. */
static void test_full(void **state)
{
	(void)state;
	struct talk only;
	struct prism_result result;
	server_down();
	server_up((const char *const[]){PATIENCE, "--listen", address, "--connections", "1", NULL});
	talk_open(&only, server.address, NULL);
	struct prism_channel *channel = channel_open(NULL);
	assert_int_equal(echo(channel, false, &result), PRISM_UNAVAILABLE);
	assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
	assert_non_null(strstr(result.message, "as many connections as it may have"));
	talk_close(&only);
	assert_int_equal(echo(channel, true, NULL), PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
	server_down();
}

/* A connection that was closed for idleness, while nobody looked at it, costs no call. */
static void test_idle(void **state)
{
	(void)state;
	server_down();
	server_up((const char *const[]){PATIENCE, "--listen", address, "--idle-ms", "300", NULL});
	struct prism_channel *channel = channel_open(NULL);
	assert_int_equal(echo(channel, false, NULL), PRISM_OK);
	server_settled();
	assert_int_equal(echo(channel, false, NULL), PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
	server_down();
}

struct seen {
	struct prism_result result;
	unsigned done;
};

static void on_waited(void *ctx, const struct prism_result *result, const Message *response)
{
	struct seen *seen = ctx;
	(void)response;
	seen->result = *result;
	seen->done++;
}

/* What runs when the server is told to stop ends well; what is started then is not executed. */
static void test_drained(void **state)
{
	(void)state;
	uv_loop_t loop;
	struct seen seen[8] = {0};
	uv_loop_init(&loop);
	struct prism_channel *channel = channel_open(&loop);
	Prism__Test__V1__WaitRequest request = PRISM__TEST__V1__WAIT_REQUEST__INIT;
	request.ms = 300;
	for (int i = 0; i < 8; i++)
		assert_non_null(prism_test_v1_echo_service_wait(channel, NULL, &request, on_waited,
		                                                &seen[i]));
	while (server_count().running < 8)
		uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(kill(server.pid, SIGTERM), 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(seen[i].done, 1);
		assert_int_equal(seen[i].result.status, PRISM_OK);
	}
	server_down();
	struct seen late = {0};
	assert_non_null(prism_test_v1_echo_service_wait(channel, NULL, &request, on_waited, &late));
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(late.result.status, PRISM_UNAVAILABLE);
	assert_int_equal(late.result.outcome, PRISM_NOT_EXECUTED);
	prism_channel_close(channel, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_restart, setup),
		cmocka_unit_test_setup(test_killed, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_idle, setup),
		cmocka_unit_test_setup(test_drained, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
