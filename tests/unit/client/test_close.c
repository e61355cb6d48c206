/* A channel that is closed in every state, calls from within callbacks, blocking channels. */
#include "tests/unit/client/loop.h"
#include "tests/unit/client/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

typedef Prism__Test__Client__Note Note;

static const char NOWHERE[] = "127.0.0.1:1";

static void open_at(struct loop *loop, const char *address)
{
	loop_open(loop, &(struct prism_channel_options){.address = address});
}

/* Answers every call at once. */
static void echo_script(struct peer *peer)
{
	struct frame frame;
	peer_greet(peer);
	while (peer_read(peer, &frame))
		if (frame.type == FRAME_CALL)
			peer_answer(peer, frame.stream, frame.body);
}

/* As echo_script(), with a client that may leave at any time. */
static void patient_script(struct peer *peer)
{
	echo_script(peer);
	peer->fault[0] = '\0';
}

/* --- started from other callbacks
 * ------------------------------------------------------------------- */

static struct loop *prepared_loop;
static struct outcome_of prepared;

static void start_in_prepare(uv_prepare_t *prepare)
{
	uv_close((uv_handle_t *)prepare, NULL);
	loop_call(prepared_loop, &prepared, &NOTE_GET, NULL, "");
}

/* A prepare callback runs right before polling, perhaps after the channel's own. */
static void test_start_in_prepare(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of of = {0};
	uv_prepare_t prepare;
	peer_start(&peer, echo_script, NULL);
	open_at(&loop, peer.address);
	loop_call(&loop, &of, &NOTE_GET, NULL, ""); /* connected, so that one write is enough */
	assert_int_equal(loop_wait(&loop, &of), PRISM_OK);
	prepared_loop = &loop;
	prepared = (struct outcome_of){0};
	uv_prepare_init(&loop.loop, &prepare);
	uv_prepare_start(&prepare, start_in_prepare);
	uv_run(&loop.loop, UV_RUN_DEFAULT);
	assert_int_equal(prepared.done, 1);
	assert_int_equal(prepared.result.status, PRISM_OK);
	loop_close(&loop);
	peer_stop(&peer);
}

/* --- closed in every state
 * -------------------------------------------------------------------------- */

static void test_close_unused(void **state)
{
	(void)state;
	struct loop loop;
	prism_channel_close(NULL, NULL, NULL);
	open_at(&loop, NOWHERE);
	loop_close(&loop);
}

/* `rounds` of the loop after the call was started: dialing, greeting, sent, answered. */
static void test_close_at_each_round(void **state)
{
	(void)state;
	for (int rounds = 0; rounds < 8; rounds++) {
		struct peer peer;
		struct loop loop;
		struct outcome_of get = {0}, list = {0}, chat = {0};
		struct prism_call_options options = {.wait_for_ready = true};
		peer_start(&peer, patient_script, NULL);
		open_at(&loop, peer.address);
		loop_call(&loop, &get, &NOTE_GET, &options, "");
		loop_call(&loop, &list, &NOTE_LIST, NULL, "");
		loop_call(&loop, &chat, &NOTE_CHAT, NULL, NULL);
		for (int i = 0; i < rounds; i++)
			uv_run(&loop.loop, UV_RUN_NOWAIT);
		loop_close(&loop);
		assert_int_equal(get.done, 1);
		assert_int_equal(list.done, 1);
		assert_int_equal(chat.done, 1);
		if (get.result.status != PRISM_OK)
			assert_int_equal(get.result.status, PRISM_CANCELLED);
		peer_stop(&peer);
	}
}

static void test_close_in_backoff(void **state)
{
	(void)state;
	struct loop loop;
	struct outcome_of hasty = {0}, waits = {0};
	struct prism_call_options options = {.wait_for_ready = true};
	open_at(&loop, NOWHERE);
	loop_call(&loop, &waits, &NOTE_GET, &options, "");
	loop_call(&loop, &hasty, &NOTE_GET, NULL, "");
	assert_int_equal(loop_wait(&loop, &hasty), PRISM_UNAVAILABLE);
	loop_close(&loop);
	assert_int_equal(waits.result.status, PRISM_CANCELLED);
	assert_int_equal(waits.result.outcome, PRISM_NOT_EXECUTED);
}

static void test_close_resolving(void **state)
{
	(void)state;
	struct loop loop;
	struct outcome_of of = {0};
	open_at(&loop, "localhost:1");
	loop_call(&loop, &of, &NOTE_GET, NULL, "");
	loop_close(&loop);
	assert_int_equal(of.result.status, PRISM_CANCELLED);
}

/* From a callback: the calls that run end, nothing can be started any more. */
static void close_within(struct outcome_of *of)
{
	struct loop *loop = of->ctx;
	struct prism_channel *channel = loop->channel;
	if (!channel)
		return;
	loop->channel = NULL;
	prism_channel_close(channel, NULL, NULL);
	prism_channel_close(channel, NULL, NULL);
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	assert_null(prism_call_start(channel, &NOTE_GET, NULL, &note.base, NULL));
}

static void close_within_message(struct outcome_of *of, const Note *note)
{
	(void)note;
	close_within(of);
}

static void test_close_in_callback(void **state)
{
	(void)state;
	for (int in_message = 0; in_message < 2; in_message++) {
		struct peer peer;
		struct loop loop;
		struct outcome_of of[3] = {0};
		peer_start(&peer, patient_script, NULL);
		open_at(&loop, peer.address);
		for (int i = 0; i < 3; i++) {
			of[i].ctx = &loop;
			if (in_message)
				of[i].on_message = close_within_message;
			else
				of[i].on_done = close_within;
			loop_call(&loop, &of[i], &NOTE_GET, NULL, "");
		}
		uv_run(&loop.loop, UV_RUN_DEFAULT);
		for (int i = 0; i < 3; i++)
			assert_int_equal(of[i].done, 1);
		assert_int_equal(of[2].result.status, PRISM_CANCELLED);
		loop_close(&loop);
		peer_stop(&peer);
	}
}

/* --- blocking and not
 * --------------------------------------------------------------------------------- */

static void test_wait_on_loop(void **state)
{
	(void)state;
	struct loop loop;
	struct prism_result result;
	uint64_t round_trip_us;
	open_at(&loop, NOWHERE);
	assert_int_equal(note_call(loop.channel, &NOTE_GET, "", NULL, &result),
	                 PRISM_FAILED_PRECONDITION);
	assert_non_null(strstr(result.message, "prism_call_start()"));
	assert_int_equal(prism_ping_wait(loop.channel, 0, &round_trip_us, NULL),
	                 PRISM_FAILED_PRECONDITION);
	loop_close(&loop);
}

static void wait_within(void *ctx, const struct prism_result *result)
{
	struct loop *loop = ctx;
	struct prism_result own;
	assert_int_equal(result->status, PRISM_OK);
	assert_int_equal(note_call(loop->channel, &NOTE_GET, "", NULL, &own),
	                 PRISM_FAILED_PRECONDITION);
	assert_non_null(strstr(own.message, "within a callback"));
	if (loop->closed) {
		prism_channel_close(loop->channel, NULL, NULL);
		loop->channel = NULL;
	}
}

/* A call that was started on a blocking channel goes on while another is waited for; its callback
 * may close the channel. */
static void test_start_on_blocking(void **state)
{
	(void)state;
	for (int closes = 0; closes < 2; closes++) {
		struct peer peer;
		Note note = PRISM__TEST__CLIENT__NOTE__INIT;
		struct loop loop = {.closed = closes};
		struct prism_call_handler handler = {.done = wait_within, .ctx = &loop};
		peer_start(&peer, patient_script, NULL);
		loop.channel = note_channel(peer.address);
		assert_non_null(
			prism_call_start(loop.channel, &NOTE_GET, NULL, &note.base, &handler));
		assert_int_equal(note_call(loop.channel, &NOTE_READ, "", NULL, NULL),
		                 closes ? PRISM_CANCELLED : PRISM_OK);
		if (!closes)
			prism_channel_close(loop.channel, NULL, NULL);
		peer_stop(&peer);
	}
}

/* Without any handler, and with none of its functions. */
static void test_no_handler(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	struct prism_call_handler handler = {0};
	peer_start(&peer, echo_script, NULL);
	open_at(&loop, peer.address);
	assert_non_null(prism_call_start(loop.channel, &NOTE_GET, NULL, &note.base, NULL));
	assert_non_null(prism_call_start(loop.channel, &NOTE_GET, NULL, &note.base, &handler));
	uv_run(&loop.loop, UV_RUN_DEFAULT);
	loop_close(&loop);
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_in_prepare),
		cmocka_unit_test(test_close_unused),
		cmocka_unit_test(test_close_at_each_round),
		cmocka_unit_test(test_close_in_backoff),
		cmocka_unit_test(test_close_resolving),
		cmocka_unit_test(test_close_in_callback),
		cmocka_unit_test(test_wait_on_loop),
		cmocka_unit_test(test_start_on_blocking),
		cmocka_unit_test(test_no_handler),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
