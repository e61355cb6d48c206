/* libprism sends calls again while its server dies, restarts, drains, or refuses. */
#include "echo.prism-client.h"
#include "tests/support/protocol.h"
#include "tests/talk/talk.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

typedef Prism__Test__V1__EchoMessage Message;
typedef Prism__Test__V1__RecordRequest RecordRequest;

enum { RECORD_SIZE = 4096, LINES_MOST = 16, PAUSE_US = 1000 };

static char address[128], directory[64], record_path[80];
static uv_loop_t loop;
static struct prism_channel *channel;

/* --- a server that comes back at its address ----------------------------------------------------
 */

static void server_up_at(const char *at)
{
	const char *const arguments[] = {"--listen", at, "--record", record_path, NULL};
	server_up(arguments);
}

static void server_up_again(void)
{
	program_kill(&server); /* has ended: its remains */
	server_up_at(address);
}

static int setup(void **state)
{
	(void)state;
	directory_make(directory);
	snprintf(record_path, sizeof record_path, "%s/record", directory);
	server_up_at("127.0.0.1:0");
	snprintf(address, sizeof address, "%s", server.address);
	struct prism_channel_options options = {.protocol = test_protocol(), .address = address};
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(prism_channel_open(&channel, &options, &loop, NULL), PRISM_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	prism_channel_close(channel, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	server_down();
	directory_remove(directory);
	return 0;
}

/* --- calls
 * ----------------------------------------------------------------------------------------
 */

struct ending {
	struct prism_result result;
	unsigned done;
};

static void on_done(void *ctx, const struct prism_result *result, const Message *response)
{
	struct ending *ending = ctx;
	(void)response;
	ending->result = *result;
	ending->done++;
}

/* Until the call has ended; a server that died is started again. How often that was. */
static unsigned run_until_done(const struct ending *ending)
{
	unsigned restarts = 0;
	while (!ending->done) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(PAUSE_US);
		if (!program_ended(&server))
			continue;
		server_up_again();
		restarts++;
	}
	return restarts;
}

/* The lines of the record; each but the last newline-terminated. */
static size_t record_lines(char *lines[LINES_MOST])
{
	static char text[RECORD_SIZE];
	size_t count = 0;
	FILE *file = fopen(record_path, "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		lines[count++] = line;
	return count;
}

/* --- tests
 * -----------------------------------------------------------------------------------------
 */

/* It dies after it has executed the call, and before it has answered: twice. */
static void test_keyed(void **state)
{
	(void)state;
	struct ending ending = {0};
	RecordRequest request = PRISM__TEST__V1__RECORD_REQUEST__INIT;
	request.text = "a";
	request.crashes = 2;
	assert_non_null(
		prism_test_v1_echo_service_record(channel, NULL, &request, on_done, &ending));
	assert_int_equal(run_until_done(&ending), 2);
	assert_int_equal(ending.result.status, PRISM_OK);
	assert_int_equal(ending.result.attempts, 3);
	char expected[64], *lines[LINES_MOST];
	snprintf(expected, sizeof expected, "%s a", ending.result.request_id);
	assert_int_equal(strlen(expected), 38);
	assert_int_equal(record_lines(lines), 3);
	for (int i = 0; i < 3; i++)
		assert_string_equal(lines[i], expected);
}

/* A call that nobody called repeatable is executed once, and its caller told so. */
static void test_once(void **state)
{
	(void)state;
	struct ending ending = {0}, next = {0};
	RecordRequest request = PRISM__TEST__V1__RECORD_REQUEST__INIT;
	request.text = "a";
	request.crashes = 1;
	assert_non_null(
		prism_test_v1_echo_service_record_once(channel, NULL, &request, on_done, &ending));
	bool up = run_until_done(&ending) > 0;
	assert_int_equal(ending.result.status, PRISM_UNAVAILABLE);
	assert_int_equal(ending.result.outcome, PRISM_OUTCOME_UNKNOWN);
	assert_int_equal(ending.result.attempts, 1);
	while (!up && !program_ended(&server))
		usleep(PAUSE_US);
	if (!up)
		server_up_again();
	struct prism_call_options options = {.wait_for_ready = true};
	request.text = "b";
	assert_non_null(prism_test_v1_echo_service_record_once(channel, &options, &request, on_done,
	                                                       &next));
	(void)run_until_done(&next);
	assert_int_equal(next.result.status, PRISM_OK);
	char *lines[LINES_MOST];
	assert_int_equal(record_lines(lines), 2);
	assert_string_equal(lines[0], " a");
	assert_string_equal(lines[1], " b");
}

/* A server that fails all calls: a few are sent again, then none. */
static void test_budget(void **state)
{
	(void)state;
	enum { CALLS = 20, TOKENS = 7 };
	struct prism_channel *poor;
	struct prism_channel_options options = {.protocol = test_protocol(),
	                                        .address = address,
	                                        .retry.first_backoff_ms = 1,
	                                        .retry_tokens = TOKENS};
	struct prism_method method = prism_test_v1_echo_service_fail_method;
	Prism__Test__V1__FailRequest request = PRISM__TEST__V1__FAIL_REQUEST__INIT;
	uint32_t sent = 0;
	method.idempotency = PRISM_READ;
	request.code = PRISM_UNAVAILABLE;
	assert_int_equal(prism_channel_open(&poor, &options, NULL, NULL), PRISM_OK);
	for (int i = 0; i < CALLS; i++) {
		struct prism_result result;
		assert_int_equal(prism_call_wait(poor, &method, NULL, &request.base, NULL, &result),
		                 PRISM_UNAVAILABLE);
		sent += result.attempts;
	}
	assert_int_equal(sent, CALLS + TOKENS);
	prism_channel_close(poor, NULL, NULL);
}

/* --- a rolling restart -------------------------------------------------------------------------
 */

struct load {
	unsigned left, running, ok;
};

static void load_more(struct load *load);

static void on_echo(void *ctx, const struct prism_result *result, const Message *response)
{
	struct load *load = ctx;
	(void)response;
	load->running--;
	load->ok += result->status == PRISM_OK;
	if (result->status != PRISM_OK)
		print_message("%s: %s\n", prism_status_name(result->status), result->message);
	load_more(load);
}

static void load_more(struct load *load)
{
	static const struct prism_call_options options = {.wait_for_ready = true};
	Prism__Test__V1__WaitRequest request = PRISM__TEST__V1__WAIT_REQUEST__INIT;
	request.ms = 1;
	for (; load->left > 0 && load->running < 16; load->left--, load->running++)
		assert_non_null(prism_test_v1_echo_service_wait(channel, &options, &request,
		                                                on_echo, load));
}

/* Calls that may not be executed twice, and a server that is told to stop and started again. */
static void test_restarts_lose_nothing(void **state)
{
	(void)state;
	enum { RESTARTS = 3, CALLS = 600 };
	struct load load = {.left = CALLS};
	unsigned restarts = 0;
	bool told = false;
	load_more(&load);
	while (load.running > 0) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(PAUSE_US);
		if (!told && restarts < RESTARTS && load.ok > CALLS / 4 * restarts) {
			assert_int_equal(kill(server.pid, SIGTERM), 0);
			told = true;
		}
		if (!told || !program_ended(&server))
			continue;
		server_up_again();
		told = false;
		restarts++;
	}
	assert_int_equal(load.ok, CALLS);
	assert_int_equal(restarts, RESTARTS);
}

#define RESEND(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RESEND(test_keyed),
		RESEND(test_once),
		RESEND(test_budget),
		RESEND(test_restarts_lose_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
