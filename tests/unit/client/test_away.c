/* Calls that were sent, and whose server then is not there for a while. */
#include "client/channel.h"
#include "tests/support/program.h"
#include "tests/unit/client/attempts.h"
#include "tests/unit/client/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

enum { UNIX_PATH = 64 };

static void vanish_script(struct peer *peer)
{
	struct attempts *attempts = peer->ctx;
	peer_greet(peer);
	attempts_expect(peer, attempts);
	close(peer->listener);
	peer->listener = -1;
	unlink(peer->address + strlen("unix:"));
	peer_reset(peer);
}

static void return_script(struct peer *peer)
{
	struct attempts *attempts = peer->ctx;
	peer_greet(peer);
	peer_answer(peer, attempts_expect(peer, attempts), bytes_of(NULL, 0));
	peer_expect_close(peer);
}

/* A peer at a socket that vanishes under its first call, which is `method`'s. */
static void open_vanishing(struct loop *loop, struct peer *peer, struct attempts *attempts,
                           char path[UNIX_PATH])
{
	file_make(path, "");
	unlink(path);
	peer_start_at(peer, path, vanish_script, attempts);
	loop_open(loop, &(struct prism_channel_options){.address = peer->address,
	                                                .retry.max_attempts = 3});
}

/* The call waits while the channel connects again, though it is none that waits for a server. */
static void test_server_comes_back(void **state)
{
	(void)state;
	char path[UNIX_PATH];
	struct peer gone, back;
	struct loop loop;
	struct attempts attempts = {0};
	struct outcome_of of = {0}, fresh = {0};
	open_vanishing(&loop, &gone, &attempts, path);
	loop_call(&loop, &of, &NOTE_READ, NULL, "a");
	while (loop.channel->state != CHANNEL_BACKOFF)
		loop_once(&loop);
	loop_call(&loop, &fresh, &NOTE_READ, NULL, "a");
	assert_int_equal(loop_wait(&loop, &fresh), PRISM_UNAVAILABLE);
	assert_int_equal(fresh.result.attempts, 0);
	assert_int_equal(of.done, 0);
	peer_stop(&gone);
	peer_start_at(&back, path, return_script, &attempts);
	assert_int_equal(loop_wait(&loop, &of), PRISM_OK);
	assert_int_equal(of.result.attempts, 2);
	loop_close(&loop);
	peer_stop(&back);
	unlink(path);
}

/* ... as long as it has attempts: those to connect count. */
static void test_server_stays_away(void **state)
{
	(void)state;
	char path[UNIX_PATH];
	struct peer gone;
	struct loop loop;
	struct attempts attempts = {0};
	struct outcome_of of = {0};
	struct prism_method method = method_with(PRISM_IDEMPOTENT);
	open_vanishing(&loop, &gone, &attempts, path);
	loop_call(&loop, &of, &method, NULL, "a");
	assert_int_equal(loop_wait(&loop, &of), PRISM_UNAVAILABLE);
	assert_non_null(strstr(of.result.message, "cannot connect to unix:"));
	assert_int_equal(of.result.attempts, 1);
	assert_int_equal(of.result.outcome, PRISM_OUTCOME_UNKNOWN);
	assert_int_equal(loop.channel->backoff.next_ms, 2560); /* it was to connect twice */
	loop_close(&loop);
	peer_stop(&gone);
}

/* Past the call's deadline there is nothing to wait for. */
static void test_server_comes_back_too_late(void **state)
{
	(void)state;
	char path[UNIX_PATH];
	struct peer gone;
	struct loop loop;
	struct attempts attempts = {0};
	struct outcome_of of = {0};
	open_vanishing(&loop, &gone, &attempts, path);
	loop_call(&loop, &of, &NOTE_READ, NULL, "a"); /* 30 s */
	while (loop.channel->rests.count == 0)
		loop_once(&loop);
	loop.channel->backoff.next_ms = 120000;
	assert_int_equal(loop_wait(&loop, &of), PRISM_UNAVAILABLE);
	assert_non_null(strstr(of.result.message, "cannot connect to unix:"));
	assert_int_equal(of.result.outcome, PRISM_NOT_EXECUTED);
	loop_close(&loop);
	peer_stop(&gone);
}

/* A goodbye that no patience mends ends the calls that wait for their next attempt, too. */
static void revoke_script(struct peer *peer)
{
	struct attempts *attempts = peer->ctx;
	peer_greet(peer);
	peer_end(peer, attempts_expect(peer, attempts), &attempts->end);
	peer_goaway(peer, FRAME_GOAWAY_FINAL,
	            &(struct goaway_meta){.last_stream = FRAME_STREAM_MAX,
	                                  .code = STATUS_UNAUTHENTICATED,
	                                  .reason = bytes_of_string("the key is revoked")});
	peer_expect_close(peer);
}

static void test_key_revoked(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of of = {0};
	struct attempts attempts = {.end = {.code = STATUS_UNAVAILABLE, .retry = RETRY_SAFE}};
	peer_start(&peer, revoke_script, &attempts);
	loop_open(&loop, &(struct prism_channel_options){.address = peer.address});
	loop_call(&loop, &of, &NOTE_GET, NULL, "a");
	assert_int_equal(loop_wait(&loop, &of), PRISM_UNAUTHENTICATED);
	assert_non_null(strstr(of.result.message, "the key is revoked"));
	assert_int_equal(of.result.outcome, PRISM_NOT_EXECUTED);
	loop_close(&loop);
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_comes_back),
		cmocka_unit_test(test_server_stays_away),
		cmocka_unit_test(test_server_comes_back_too_late),
		cmocka_unit_test(test_key_revoked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
