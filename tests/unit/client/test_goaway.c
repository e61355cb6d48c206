/* A server that drains or refuses: GOAWAY at every point of a connection's life. */
#include "tests/unit/client/notes.h"
#include "tests/unit/client/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect_ack(struct peer *peer)
{
	struct frame frame;
	peer_expect(peer, FRAME_GOAWAY, &frame);
	if (frame.flags != FRAME_GOAWAY_ACK || frame.meta.len > 0)
		peer_fail(peer, "GOAWAY flags %u instead of ACK", frame.flags);
}

static uint32_t expect_call(struct peer *peer, uint32_t attempt)
{
	struct frame frame;
	struct call_meta meta;
	peer_expect_call(peer, &frame, &meta);
	if (meta.attempt != attempt)
		peer_fail(peer, "attempt %u instead of %u", meta.attempt, attempt);
	return frame.stream;
}

static const struct goaway_meta DRAIN = {.last_stream = FRAME_STREAM_MAX,
                                         .reason = {(const uint8_t *)"restarting", 10}};

static enum prism_status one_call(void (*script)(struct peer *peer),
                                  const struct prism_method *method, uint32_t attempts,
                                  struct prism_result *result)
{
	struct peer peer;
	peer_start(&peer, script, NULL);
	struct prism_channel *channel = note_channel_attempts(peer.address, attempts);
	enum prism_status status = note_call(channel, method, "a", NULL, result);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
	return status;
}

/* --- draining ------------------------------------------------------------------------------ */

/* While a call runs: it ends on the old connection, which the client then closes; the next call
 * goes to a new one. */
static void drain_script(struct peer *peer)
{
	peer_greet(peer);
	uint32_t stream = expect_call(peer, 0);
	peer_goaway(peer, 0, &DRAIN);
	expect_ack(peer);
	peer_answer(peer, stream, bytes_of(NULL, 0));
	peer_expect_close(peer);
	peer_greet(peer);
	peer_answer(peer, expect_call(peer, 0), bytes_of(NULL, 0));
	peer_expect_close(peer);
}

static void test_drain(void **state)
{
	(void)state;
	struct peer peer;
	peer_start(&peer, drain_script, NULL);
	struct prism_channel *channel = note_channel(peer.address);
	assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, NULL), PRISM_OK);
	assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, NULL), PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* Before any call was answered, and the call is above `last`: sent again elsewhere, once. */
static void refuse_script(struct peer *peer)
{
	peer_greet(peer);
	expect_call(peer, 0);
	peer_goaway(peer, FRAME_GOAWAY_FINAL, &(struct goaway_meta){.last_stream = 0});
	peer_expect_close(peer);
	peer_greet(peer);
	peer_answer(peer, expect_call(peer, 1), bytes_of(NULL, 0));
	peer_expect_close(peer);
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(one_call(refuse_script, &NOTE_GET, 2, NULL), PRISM_OK);
}

/* Once more at once, then as an attempt that failed, after the channel's pause. */
static void refuse_always_script(struct peer *peer)
{
	for (uint32_t attempt = 0; attempt < 3; attempt++) {
		peer_greet(peer);
		expect_call(peer, attempt);
		peer_goaway(peer, FRAME_GOAWAY_FINAL,
		            &(struct goaway_meta){
				    .code = STATUS_UNAVAILABLE,
				    .reason = bytes_of_string("full"),
			    });
		peer_expect_close(peer);
	}
}

static void test_refused_always(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	peer_start(&peer, refuse_always_script, NULL);
	struct prism_channel *channel = note_channel_attempts(peer.address, 2);
	for (int i = 0; i < 2; i++) { /* the second fails while the channel waits */
		assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result),
		                 PRISM_UNAVAILABLE);
		assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
		assert_int_equal(result.attempts, i == 0 ? 3 : 0);
		assert_says(&result, "the server said goodbye: full");
	}
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* The call was accepted, and the connection ends without its answer. */
static void abandon_script(struct peer *peer)
{
	peer_greet(peer);
	uint32_t stream = expect_call(peer, 0);
	peer_goaway(peer, FRAME_GOAWAY_FINAL,
	            &(struct goaway_meta){.last_stream = stream,
	                                  .code = STATUS_UNAVAILABLE,
	                                  .reason = bytes_of_string("no patience")});
	peer_hang_up(peer);
}

static void test_abandoned(void **state)
{
	(void)state;
	struct prism_result result;
	assert_int_equal(one_call(abandon_script, &NOTE_GET, 1, &result), PRISM_UNAVAILABLE);
	assert_int_equal(result.outcome, PRISM_OUTCOME_UNKNOWN);
	assert_says(&result, "was lost");
	assert_says(&result, "the server said goodbye: no patience");
	assert_int_equal(one_call(abandon_script, &NOTE_READ, 1, &result), PRISM_UNAVAILABLE);
	assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
}

/* A second GOAWAY may lower `last`, never raise it. */
static void lower_script(struct peer *peer)
{
	peer_greet(peer);
	uint32_t stream = expect_call(peer, 0);
	peer_goaway(peer, 0, &DRAIN);
	expect_ack(peer);
	peer_goaway(peer, FRAME_GOAWAY_FINAL, &(struct goaway_meta){.last_stream = stream - 1});
	peer_expect_close(peer);
	peer_greet(peer);
	peer_answer(peer, expect_call(peer, 1), bytes_of(NULL, 0));
	peer_expect_close(peer);
}

static void test_second_goaway(void **state)
{
	(void)state;
	assert_int_equal(one_call(lower_script, &NOTE_GET, 2, NULL), PRISM_OK);
}

/* --- refused for a reason --------------------------------------------------------------------- */

static void unauthenticated_script(struct peer *peer)
{
	peer_greet(peer);
	expect_call(peer, 0);
	peer_goaway(peer, FRAME_GOAWAY_FINAL,
	            &(struct goaway_meta){.code = STATUS_UNAUTHENTICATED,
	                                  .reason = bytes_of_string("the key is revoked")});
	peer_expect_close(peer);
}

static void test_unauthenticated(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	peer_start(&peer, unauthenticated_script, NULL);
	struct prism_channel *channel = note_channel(peer.address);
	for (int i = 0; i < 2; i++) { /* the second fails while the channel waits */
		assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result),
		                 PRISM_UNAUTHENTICATED);
		assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
		assert_says(&result, "the server said goodbye: the key is revoked");
	}
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* As the first frame, instead of HELLO. */
static void no_hello_script(struct peer *peer)
{
	uint8_t preface[PREFACE_SIZE];
	preface_write(preface, FRAME_VERSION, FRAME_VERSION);
	peer_accept(peer);
	peer_send(peer, preface, sizeof preface);
	peer_goaway(peer, FRAME_GOAWAY_FINAL,
	            &(struct goaway_meta){.code = STATUS_RESOURCE_EXHAUSTED,
	                                  .reason = bytes_of_string("too many connections")});
	peer_drain(peer);
}

static void test_instead_of_hello(void **state)
{
	(void)state;
	struct prism_result result;
	assert_int_equal(one_call(no_hello_script, &NOTE_GET, 1, &result),
	                 PRISM_RESOURCE_EXHAUSTED);
	assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
	assert_says(&result, "too many connections");
}

/* The server asks for patience: later calls fail until then, and say why. */
static void retry_after_script(struct peer *peer)
{
	peer_greet(peer);
	uint32_t stream = expect_call(peer, 0);
	peer_goaway(peer, 0,
	            &(struct goaway_meta){.last_stream = FRAME_STREAM_MAX,
	                                  .reason = bytes_of_string("busy"),
	                                  .retry_after_ms = 3600000});
	expect_ack(peer);
	peer_answer(peer, stream, bytes_of(NULL, 0));
	peer_expect_close(peer);
}

static void test_retry_after(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	peer_start(&peer, retry_after_script, NULL);
	struct prism_channel *channel = note_channel(peer.address);
	assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result), PRISM_OK);
	assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result), PRISM_UNAVAILABLE);
	assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
	assert_says(&result, "the server said goodbye: busy");
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* --- a blocking channel that nobody used for a while ---------------------------------------------
 */

/* The server drains, or closes, between two calls; the second is not sent to a dead connection. */
static void stale_script(struct peer *peer)
{
	peer_greet(peer);
	peer_answer(peer, expect_call(peer, 0), bytes_of(NULL, 0));
	if (peer->ctx)
		peer_goaway(peer, 0, &DRAIN);
	else
		peer_hang_up(peer);
	peer->stage = 1;
	if (peer->ctx) {
		expect_ack(peer);
		peer_expect_close(peer);
	}
	peer_greet(peer);
	peer_answer(peer, expect_call(peer, 0), bytes_of(NULL, 0));
	peer_expect_close(peer);
}

static void test_stale(void **state)
{
	(void)state;
	for (uintptr_t drains = 0; drains < 2; drains++) {
		struct peer peer;
		struct prism_result result;
		peer_start(&peer, stale_script, (void *)drains);
		struct prism_channel *channel = note_channel(peer.address);
		assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result), PRISM_OK);
		peer_wait(&peer, 1);
		assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result), PRISM_OK);
		prism_channel_close(channel, NULL, NULL);
		peer_stop(&peer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_always),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_second_goaway),
		cmocka_unit_test(test_unauthenticated),
		cmocka_unit_test(test_instead_of_hello),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_stale),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
