/* Calls that are sent again: which, with which bytes, how often, and what their end says. */
#include "client/channel.h"
#include "tests/unit/client/attempts.h"
#include "tests/unit/client/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef Prism__Test__Client__Note Note;
typedef Prism__Test__Client__KeyedNote KeyedNote;

enum { AN_HOUR_MS = 3600000 };

static struct end_meta refusal(void)
{
	return (struct end_meta){.code = STATUS_UNAVAILABLE, .retry = RETRY_SAFE};
}

/* One attempt fails, the second is the last. */
static void twice_script(struct peer *peer)
{
	struct attempts *attempts = peer->ctx;
	peer_greet(peer);
	uint32_t stream = attempts_expect(peer, attempts);
	if (attempts->lost) {
		peer_reset(peer);
		peer_greet(peer);
	} else {
		peer_end(peer, stream, &attempts->end);
	}
	stream = attempts_expect(peer, attempts);
	if (attempts->at_last.code == STATUS_OK)
		peer_answer(peer, stream, bytes_of(NULL, 0));
	else
		peer_end(peer, stream, &attempts->at_last);
	peer_expect_close(peer);
}

/* A call of `method` to a peer that does `script`; its end in *result. */
static enum prism_status call_once(void (*script)(struct peer *peer), struct attempts *attempts,
                                   const struct prism_method *method, struct prism_result *result)
{
	struct peer peer;
	peer_start(&peer, script, attempts);
	struct prism_channel *channel = note_channel(peer.address);
	enum prism_status status = note_call(channel, method, "a", NULL, result);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
	return status;
}

/* --- what is sent again -----------------------------------------------------------------------
 */

static void test_lost(void **state)
{
	(void)state;
	static const enum prism_idempotency each[] = {PRISM_READ, PRISM_IDEMPOTENT};
	for (size_t i = 0; i < 2; i++) {
		struct prism_method method = method_with(each[i]);
		struct attempts attempts = {.lost = true};
		struct prism_result result;
		assert_int_equal(call_once(twice_script, &attempts, &method, &result), PRISM_OK);
		assert_int_equal(result.attempts, 2);
		assert_int_equal(result.outcome, PRISM_EXECUTED);
	}
}

static void test_refused(void **state)
{
	(void)state;
	struct attempts attempts = {.end = refusal()};
	struct prism_result result;
	assert_int_equal(call_once(twice_script, &attempts, &NOTE_GET, &result), PRISM_OK);
	assert_int_equal(result.attempts, 2);
}

/* The server itself does not know: 2 NEVER, or not told. */
static void test_unknown_told(void **state)
{
	(void)state;
	struct prism_method method = method_with(PRISM_IDEMPOTENT);
	static const enum retry each[] = {RETRY_NEVER, RETRY_UNSET};
	for (size_t i = 0; i < 2; i++) {
		struct attempts attempts = {.end = {.code = STATUS_UNAVAILABLE, .retry = each[i]}};
		struct prism_result result;
		assert_int_equal(call_once(twice_script, &attempts, &method, &result), PRISM_OK);
	}
}

/* Executing it twice would be something else: left to its caller. */
static void once_script(struct peer *peer)
{
	struct attempts *attempts = peer->ctx;
	for (int i = 0; i < 2; i++) {
		peer_greet(peer);
		attempts->calls = 0;
		uint32_t stream = attempts_expect(peer, attempts);
		if (i == 0)
			peer_reset(peer);
		else
			peer_answer(peer, stream, bytes_of(NULL, 0));
	}
	peer_expect_close(peer);
}

static void test_not_repeatable(void **state)
{
	(void)state;
	struct peer peer;
	struct attempts attempts = {0};
	struct prism_result result;
	peer_start(&peer, once_script, &attempts);
	struct prism_channel *channel = note_channel(peer.address);
	assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, &result), PRISM_UNAVAILABLE);
	assert_int_equal(result.outcome, PRISM_OUTCOME_UNKNOWN);
	assert_int_equal(result.attempts, 1);
	assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, &result), PRISM_OK);
	assert_int_equal(result.attempts, 1);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

static void test_one_attempt(void **state)
{
	(void)state;
	struct peer peer;
	struct attempts attempts = {0};
	struct prism_result result;
	struct prism_retry once = {.max_attempts = 1};
	struct prism_call_options options = {.retry = &once};
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	note.text = "a";
	peer_start(&peer, once_script, &attempts);
	struct prism_channel *channel = note_channel(peer.address);
	assert_int_equal(prism_call_wait(channel, &NOTE_READ, &options, &note.base, NULL, &result),
	                 PRISM_UNAVAILABLE);
	assert_int_equal(result.attempts, 1);
	assert_int_equal(prism_call_wait(channel, &NOTE_READ, &options, &note.base, NULL, &result),
	                 PRISM_OK);
	once.max_attempts = 1000;
	assert_int_equal(prism_call_wait(channel, &NOTE_READ, &options, &note.base, NULL, &result),
	                 PRISM_INVALID_ARGUMENT);
	assert_string_equal(result.message, "retry: max_attempts must be at most 100");
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* A goodbye that did not come to the call moves it, too, only if it may be sent again. */
static void goodbye_script(struct peer *peer)
{
	struct attempts *attempts = peer->ctx;
	peer_greet(peer);
	attempts_expect(peer, attempts);
	peer_goaway(peer, FRAME_GOAWAY_FINAL, &(struct goaway_meta){.last_stream = 0});
	peer_expect_close(peer);
}

static void test_one_attempt_goodbye(void **state)
{
	(void)state;
	struct peer peer;
	struct attempts attempts = {0};
	struct prism_result result;
	peer_start(&peer, goodbye_script, &attempts);
	struct prism_channel *channel = note_channel_attempts(peer.address, 1);
	assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, &result), PRISM_UNAVAILABLE);
	assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
	assert_int_equal(result.attempts, 1);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* --- the key
 * --------------------------------------------------------------------------------------
 */

static bool is_uuid4(const char *text)
{
	return uuid_text_valid(text) && text[14] == '4' && strchr("89ab", text[19]);
}

static void put(struct peer *peer, KeyedNote *note, struct attempts *attempts,
                struct prism_result *result)
{
	*attempts = (struct attempts){.lost = true};
	peer_start(peer, twice_script, attempts);
	struct prism_channel *channel = note_channel(peer->address);
	assert_int_equal(prism_call_wait(channel, &NOTE_PUT, NULL, &note->base, NULL, result),
	                 PRISM_OK);
	assert_int_equal(result->attempts, 2);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(peer);
}

static void test_key_is_made(void **state)
{
	(void)state;
	char first[PRISM_UUID_SIZE] = "";
	for (int i = 0; i < 2; i++) {
		struct peer peer;
		struct attempts attempts;
		struct prism_result result;
		KeyedNote note = PRISM__TEST__CLIENT__KEYED_NOTE__INIT;
		note.text = "a";
		put(&peer, &note, &attempts, &result);
		assert_string_equal(note.request_id, "");
		assert_true(is_uuid4(result.request_id));
		assert_string_not_equal(result.request_id, first);
		KeyedNote *sent =
			prism__test__client__keyed_note__unpack(NULL, attempts.len, attempts.body);
		assert_non_null(sent);
		assert_string_equal(sent->text, "a");
		assert_string_equal(sent->request_id, result.request_id);
		prism__test__client__keyed_note__free_unpacked(sent, NULL);
		memcpy(first, result.request_id, sizeof first);
	}
}

static void test_key_is_kept(void **state)
{
	(void)state;
	struct peer peer;
	struct attempts attempts;
	struct prism_result result;
	uint8_t expected[ATTEMPTS_BODY];
	KeyedNote note = PRISM__TEST__CLIENT__KEYED_NOTE__INIT;
	note.request_id = "01234567-89ab-4def-8123-456789abcdef";
	put(&peer, &note, &attempts, &result);
	assert_string_equal(result.request_id, "");
	assert_int_equal(attempts.len, prism__test__client__keyed_note__pack(&note, expected));
	assert_memory_equal(attempts.body, expected, attempts.len);
}

/* A request that has no place for a key cannot be repeated, whatever its method says. */
static void test_no_place_for_a_key(void **state)
{
	(void)state;
	struct peer peer;
	struct attempts attempts = {0};
	struct prism_result result;
	struct prism_method method = method_with(PRISM_KEYED);
	peer_start(&peer, once_script, &attempts);
	struct prism_channel *channel = note_channel(peer.address);
	assert_int_equal(note_call(channel, &method, "a", NULL, &result), PRISM_UNAVAILABLE);
	assert_int_equal(result.outcome, PRISM_OUTCOME_UNKNOWN);
	assert_string_equal(result.request_id, "");
	assert_int_equal(note_call(channel, &method, "a", NULL, &result), PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* --- what the end says -------------------------------------------------------------------------
 */

/* What became of a lost attempt is not told by the refusal of a later one. */
static void test_outcome_of_all_attempts(void **state)
{
	(void)state;
	struct attempts attempts = {.lost = true, .at_last = {.code = STATUS_PERMISSION_DENIED}};
	struct prism_method method = method_with(PRISM_IDEMPOTENT);
	struct prism_result result;
	assert_int_equal(call_once(twice_script, &attempts, &method, &result),
	                 PRISM_PERMISSION_DENIED);
	assert_int_equal(result.outcome, PRISM_OUTCOME_UNKNOWN);
	attempts = (struct attempts){.lost = true, .at_last = {.code = STATUS_NOT_FOUND}};
	assert_int_equal(call_once(twice_script, &attempts, &NOTE_READ, &result), PRISM_NOT_FOUND);
	assert_int_equal(result.outcome, PRISM_EXECUTED);
	attempts = (struct attempts){.end = refusal(), .at_last = {.code = STATUS_NOT_FOUND}};
	assert_int_equal(call_once(twice_script, &attempts, &method, &result), PRISM_NOT_FOUND);
	assert_int_equal(result.outcome, PRISM_EXECUTED);
}

/* The wish for a pause that does not fit into the call's time ends it, at once. */
static void pushback_script(struct peer *peer)
{
	struct attempts *attempts = peer->ctx;
	peer_greet(peer);
	peer_end(peer, attempts_expect(peer, attempts), &attempts->end);
	peer_expect_close(peer);
}

static void test_pushback_past_the_deadline(void **state)
{
	(void)state;
	struct attempts attempts = {.end = refusal()};
	struct prism_result result;
	attempts.end.pushback_ms = AN_HOUR_MS;
	assert_int_equal(call_once(pushback_script, &attempts, &NOTE_GET, &result),
	                 PRISM_UNAVAILABLE);
	assert_int_equal(result.pushback_ms, AN_HOUR_MS);
	assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
	assert_int_equal(result.attempts, 1);
}

/* --- the budget ---------------------------------------------------------------------------------
 */

static void refuse_all_script(struct peer *peer)
{
	struct attempts *attempts = peer->ctx;
	struct frame frame;
	struct end_meta end = refusal();
	peer_greet(peer);
	while (peer_read(peer, &frame)) {
		if (frame.type != FRAME_CALL)
			continue;
		attempts->calls++;
		peer_end(peer, frame.stream, &end);
	}
}

static void test_budget(void **state)
{
	(void)state;
	struct peer peer;
	struct attempts attempts = {0};
	struct prism_channel *channel;
	peer_start(&peer, refuse_all_script, &attempts);
	struct prism_channel_options options = {
		.address = peer.address, .retry.first_backoff_ms = 1, .retry_tokens = 5};
	assert_int_equal(prism_channel_open(&channel, &options, NULL, NULL), PRISM_OK);
	static const uint32_t sent[] = {4, 3, 1, 1}; /* 3 retries, the last 2, none */
	for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) {
		struct prism_result result;
		assert_int_equal(note_call(channel, &NOTE_READ, "", NULL, &result),
		                 PRISM_UNAVAILABLE);
		assert_int_equal(result.attempts, sent[i]);
	}
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
	assert_int_equal(attempts.calls, 9);
}

/* --- ended while it waits for its next turn --------------------------------------------------- */

static void open_resting(struct loop *loop, struct peer *peer, struct attempts *attempts,
                         struct outcome_of *of, const struct prism_method *method)
{
	struct prism_call_options options = {.timeout_ms = PRISM_NO_TIMEOUT};
	attempts->end.pushback_ms = AN_HOUR_MS;
	peer_start(peer, pushback_script, attempts);
	loop_open(loop, &(struct prism_channel_options){.address = peer->address});
	loop_call(loop, of, method, &options, "a");
	while (loop->channel->rests.count == 0)
		loop_once(loop);
}

static void test_cancelled_resting(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of of = {0};
	struct attempts attempts = {.end = refusal()};
	open_resting(&loop, &peer, &attempts, &of, &NOTE_GET);
	prism_call_cancel(of.call);
	assert_int_equal(of.done, 0);
	assert_int_equal(loop_wait(&loop, &of), PRISM_CANCELLED);
	assert_int_equal(of.result.outcome, PRISM_NOT_EXECUTED);
	loop_close(&loop);
	peer_stop(&peer);
}

static void test_closed_resting(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of of = {0};
	struct attempts attempts = {.end = {.code = STATUS_UNAVAILABLE}};
	struct prism_method method = method_with(PRISM_IDEMPOTENT);
	open_resting(&loop, &peer, &attempts, &of, &method);
	loop_close(&loop);
	assert_int_equal(of.done, 1);
	assert_int_equal(of.result.status, PRISM_CANCELLED);
	assert_int_equal(of.result.outcome, PRISM_OUTCOME_UNKNOWN);
	peer_stop(&peer);
}

/* --- streams -------------------------------------------------------------------------------------
 */

static const struct prism_method *read_list(void)
{
	static struct prism_method method;
	method = NOTE_LIST;
	method.idempotency = PRISM_READ;
	return &method;
}

static void stream_twice_script(struct peer *peer)
{
	struct attempts *attempts = peer->ctx;
	uint8_t note[64];
	peer_greet(peer);
	attempts_expect(peer, attempts);
	peer_reset(peer);
	peer_greet(peer);
	uint32_t stream = attempts_expect(peer, attempts);
	for (unsigned i = 1; i <= 2; i++)
		peer_send_frame(peer, FRAME_MSG, 0, stream, bytes_of(NULL, 0),
		                note_pack(note, "", i));
	if (peer->stage == 0)
		peer_end(peer, stream, &(struct end_meta){.code = STATUS_UNAVAILABLE});
	peer_expect_close(peer);
}

/* Before its first answer a stream is as good as new; after it, it is its caller's to go on. */
static void test_stream(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct attempts attempts = {0};
	struct outcome_of of = {0};
	peer_start(&peer, stream_twice_script, &attempts);
	loop_open(&loop, &(struct prism_channel_options){.address = peer.address});
	loop_call(&loop, &of, read_list(), NULL, "a");
	assert_int_equal(loop_wait(&loop, &of), PRISM_UNAVAILABLE);
	assert_int_equal(of.messages, 2);
	assert_int_equal(of.numbers, 3);
	assert_int_equal(of.result.attempts, 2);
	loop_close(&loop);
	peer_stop(&peer);
}

static void collect_script(struct peer *peer)
{
	struct attempts *attempts = peer->ctx;
	struct frame frame;
	peer_greet(peer);
	uint32_t stream = attempts_expect(peer, attempts);
	peer_expect(peer, FRAME_MSG, &frame);
	peer_end(peer, stream, &attempts->end);
	peer_expect_close(peer);
}

/* Messages that left are not kept. */
static void test_stream_of_requests(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct attempts attempts = {.end = refusal()};
	struct outcome_of of = {0};
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	peer_start(&peer, collect_script, &attempts);
	loop_open(&loop, &(struct prism_channel_options){.address = peer.address});
	loop_call(&loop, &of, &NOTE_COLLECT, NULL, NULL);
	assert_true(prism_call_send(of.call, &note.base));
	assert_int_equal(loop_wait(&loop, &of), PRISM_UNAVAILABLE);
	assert_int_equal(of.result.attempts, 1);
	loop_close(&loop);
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unknown_told),
		cmocka_unit_test(test_not_repeatable),
		cmocka_unit_test(test_one_attempt),
		cmocka_unit_test(test_one_attempt_goodbye),
		cmocka_unit_test(test_key_is_made),
		cmocka_unit_test(test_key_is_kept),
		cmocka_unit_test(test_no_place_for_a_key),
		cmocka_unit_test(test_outcome_of_all_attempts),
		cmocka_unit_test(test_pushback_past_the_deadline),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_cancelled_resting),
		cmocka_unit_test(test_closed_resting),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_stream_of_requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
