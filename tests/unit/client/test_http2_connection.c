/* A connection of HTTP/2: its limits, its end, and peers that do not speak it. */
#include "tests/unit/client/http2_peer.h"
#include "tests/unit/client/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

typedef Prism__Test__Client__Note Note;

static struct prism_channel *channel_at(const struct peer *peer, uint32_t attempts)
{
	return note_channel_with(&(struct prism_channel_options){.protocol = PRISM_GRPC,
	                                                         .address = peer->address,
	                                                         .connect_timeout_ms = 2000,
	                                                         .retry = {attempts, 1, 1}});
}

static enum prism_status one_call(void (*script)(struct peer *peer), void *ctx,
                                  const struct prism_method *method, uint32_t attempts,
                                  struct prism_result *result)
{
	struct peer peer;
	peer_start(&peer, script, ctx);
	struct prism_channel *channel = channel_at(&peer, attempts);
	enum prism_status status = note_call(channel, method, "a", NULL, result);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
	return status;
}

/* --- limits --------------------------------------------------------------------------------- */

/* One stream at a time: the second call waits for the first one's end. */
static void one_by_one_script(struct peer *peer)
{
	struct http2_request first, second;
	http2_peer_greet_with(peer, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1);
	http2_peer_expect_request(peer, &first);
	http2_peer_answer(peer, first.stream, bytes_of(NULL, 0));
	http2_peer_expect_request(peer, &first);
	http2_peer_answer(peer, first.stream, bytes_of(NULL, 0));
	http2_peer_expect_request(peer, &second);
	if (second.stream != first.stream + 2)
		peer_fail(peer, "another stream was opened");
	http2_peer_answer(peer, second.stream, bytes_of(NULL, 0));
	http2_peer_say_setting(peer, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2);
	http2_peer_expect_head(peer, &first);
	http2_peer_expect_head(peer, &second);
	http2_peer_answer(peer, second.stream, bytes_of(NULL, 0));
	http2_peer_answer(peer, first.stream, bytes_of(NULL, 0));
	http2_peer_expect_close(peer);
}

static void test_one_by_one(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of ends[5] = {0};
	peer_start(&peer, one_by_one_script, NULL);
	loop_open(&loop,
	          &(struct prism_channel_options){.protocol = PRISM_GRPC, .address = peer.address});
	loop_call(&loop, &ends[0], &NOTE_GET, NULL, "a");
	assert_int_equal(loop_wait(&loop, &ends[0]), PRISM_OK); /* it knows the limit */
	for (int i = 1; i < 5; i++)
		loop_call(&loop, &ends[i], &NOTE_GET, NULL, "a");
	for (int i = 1; i < 5; i++)
		assert_int_equal(loop_wait(&loop, &ends[i]), PRISM_OK);
	loop_close(&loop);
	peer_stop(&peer);
}

/* The server's window is smaller than a prefix, and grows by single bytes. */
static void narrow_script(struct peer *peer)
{
	struct http2_request request;
	struct http2_frame frame = {0};
	size_t len = 0;
	http2_peer_greet_with(peer, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1);
	http2_peer_expect_request(peer, &request); /* the client may not know yet: of a call that
	                                              tells us that it does */
	http2_peer_answer(peer, request.stream, bytes_of(NULL, 0));
	http2_peer_expect_head(peer, &request);
	while (!*peer->fault && !(frame.flags & HTTP2_END_STREAM)) {
		http2_peer_expect(peer, NGHTTP2_DATA, &frame);
		if (frame.payload.len > 1)
			peer_fail(peer, "%zu bytes came at once", frame.payload.len);
		memcpy(request.body + len, frame.payload.data, frame.payload.len);
		len += frame.payload.len;
		http2_peer_say_number(peer, NGHTTP2_WINDOW_UPDATE, request.stream, 1);
	}
	if (len < 5)
		peer_fail(peer, "only %zu bytes came", len);
	http2_peer_answer(peer, request.stream, bytes_of(request.body + 5, len < 5 ? 0 : len - 5));
	http2_peer_expect_close(peer);
}

static void test_narrow_window(void **state)
{
	(void)state;
	struct peer peer;
	Note *answer;
	peer_start(&peer, narrow_script, NULL);
	struct prism_channel *channel = channel_at(&peer, 1);
	assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, NULL), PRISM_OK);
	assert_int_equal(note_call(channel, &NOTE_GET, "some text", &answer, NULL), PRISM_OK);
	assert_string_equal(answer->text, "some text");
	prism__test__client__note__free_unpacked(answer, NULL);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* A paused call takes as much as its window, and holds up no other. */
static void paused_script(struct peer *peer)
{
	enum { SIZE = 16384 };
	struct http2_request request, other;
	struct http2_frame frame;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	peer->stage = 1;
	http2_peer_say_head(peer, request.stream);
	for (size_t sent = 0; sent + SIZE <= LIMIT_STREAM_CREDIT; sent += SIZE) {
		uint8_t message[SIZE] = {0, 0, 0, 0x3f, 0xfb, 0x12, 0xf8, 0x7f};
		memset(message + 8, 'x', SIZE - 8);
		http2_peer_say(peer, NGHTTP2_DATA, 0, request.stream, bytes_of(message, SIZE));
	}
	http2_peer_expect_request(peer, &other);
	http2_peer_answer(peer, other.stream, bytes_of(NULL, 0));
	http2_peer_expect(peer, NGHTTP2_WINDOW_UPDATE, &frame);
	while (!*peer->fault && frame.stream != request.stream)
		http2_peer_expect(peer, NGHTTP2_WINDOW_UPDATE, &frame);
	http2_peer_say_ok(peer, request.stream);
	http2_peer_expect_close(peer);
}

static void test_paused(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of paused = {0}, other = {0};
	peer_start(&peer, paused_script, NULL);
	loop_open(&loop,
	          &(struct prism_channel_options){.protocol = PRISM_GRPC, .address = peer.address});
	loop_call(&loop, &paused, &NOTE_LIST, NULL, "a");
	prism_call_pause(paused.call, true);
	while (peer.stage < 1)
		uv_run(&loop.loop, UV_RUN_NOWAIT);
	loop_call(&loop, &other, &NOTE_GET, NULL, "a");
	assert_int_equal(loop_wait(&loop, &other), PRISM_OK);
	assert_int_equal(paused.messages, 0);
	prism_call_pause(paused.call, false);
	assert_int_equal(loop_wait(&loop, &paused), PRISM_OK);
	assert_int_equal(paused.messages, LIMIT_STREAM_CREDIT / 16384);
	loop_close(&loop);
	peer_stop(&peer);
}

/* --- callbacks that act --------------------------------------------------------------------------
 */

/* Everything in one piece: what a callback does is done between two frames. */
static void at_once_script(struct peer *peer)
{
	struct http2_request first, second;
	uint8_t note[64];
	http2_peer_greet(peer);
	http2_peer_expect_head(peer, &first);
	http2_peer_expect_head(peer, &second);
	peer_cork(peer);
	http2_peer_say_head(peer, first.stream);
	for (uint64_t i = 0; i < 3; i++)
		http2_peer_say_message(peer, first.stream, note_pack(note, "a", i), 3);
	http2_peer_answer(peer, second.stream, bytes_of(NULL, 0));
	http2_peer_say_ok(peer, first.stream);
	peer_uncork(peer);
	peer_drain(peer);
	peer->fault[0] = '\0'; /* the client may leave while we speak */
}

static void close_channel(struct outcome_of *of, const Note *note)
{
	struct loop *loop = of->ctx;
	(void)note;
	if (loop->channel)
		prism_channel_close(loop->channel, NULL, NULL);
	loop->channel = NULL;
}

static void cancel_call(struct outcome_of *of, const Note *note)
{
	(void)note;
	prism_call_cancel(of->call);
}

static void start_and_cancel(struct outcome_of *of)
{
	struct loop *loop = of->ctx;
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	struct prism_call *call =
		prism_call_start(loop->channel, &NOTE_GET, NULL, &note.base, NULL);
	assert_non_null(call);
	prism_call_cancel(call);
}

static void run_two(struct outcome_of *first, struct outcome_of *second)
{
	struct peer peer;
	struct loop loop;
	peer_start(&peer, at_once_script, NULL);
	loop_open(&loop,
	          &(struct prism_channel_options){.protocol = PRISM_GRPC, .address = peer.address});
	first->ctx = second->ctx = &loop;
	loop_call(&loop, first, &NOTE_LIST, NULL, "a");
	loop_call(&loop, second, &NOTE_GET, NULL, "a");
	while (!first->done || !second->done)
		loop_once(&loop);
	loop_close(&loop);
	peer_stop(&peer);
}

static void test_closed_in_a_callback(void **state)
{
	(void)state;
	struct outcome_of first = {.on_message = close_channel}, second = {0};
	run_two(&first, &second);
	assert_int_equal(first.messages, 1);
	assert_int_equal(first.result.status, PRISM_CANCELLED);
	assert_int_equal(second.result.status, PRISM_CANCELLED);
}

static void test_cancelled_in_a_callback(void **state)
{
	(void)state;
	struct outcome_of first = {.on_message = cancel_call};
	struct outcome_of second = {.on_done = start_and_cancel};
	run_two(&first, &second);
	assert_int_equal(first.messages, 1);
	assert_int_equal(first.result.status, PRISM_CANCELLED);
	assert_int_equal(second.result.status, PRISM_OK);
}

/* --- it goes away ----------------------------------------------------------------------------- */

/* While a call runs: it ends on the old connection, the next goes to a new one. */
static void drain_script(struct peer *peer)
{
	struct http2_request request;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_goaway(peer, 0x7fffffff, NGHTTP2_NO_ERROR, "restarting");
	http2_peer_goaway(peer, request.stream, NGHTTP2_NO_ERROR, "restarting");
	http2_peer_answer(peer, request.stream, bytes_of(NULL, 0));
	http2_peer_expect_close(peer);
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_answer(peer, request.stream, bytes_of(NULL, 0));
	http2_peer_expect_close(peer);
}

static void test_drain(void **state)
{
	(void)state;
	struct peer peer;
	peer_start(&peer, drain_script, NULL);
	struct prism_channel *channel = channel_at(&peer, 1);
	assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, NULL), PRISM_OK);
	assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, NULL), PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* The answer and the goodbye in one piece. */
static void answer_and_leave_script(struct peer *peer)
{
	struct http2_request request;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	peer_cork(peer);
	http2_peer_answer(peer, request.stream, bytes_of(NULL, 0));
	http2_peer_goaway(peer, 0x7fffffff, NGHTTP2_NO_ERROR, "restarting");
	peer_uncork(peer);
	http2_peer_expect_close(peer);
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_answer(peer, request.stream, bytes_of(NULL, 0));
	http2_peer_expect_close(peer);
}

struct two_calls {
	struct loop loop;
	struct outcome_of first, second;
};

static void start_second(struct outcome_of *of)
{
	struct two_calls *calls = of->ctx;
	loop_call(&calls->loop, &calls->second, &NOTE_GET, NULL, "a");
}

/* A call that was made between the two has not been sent, and waits for the next connection; it
 * is not sent again. */
static void test_unsent(void **state)
{
	(void)state;
	struct peer peer;
	struct two_calls calls = {.first.on_done = start_second};
	calls.first.ctx = &calls;
	peer_start(&peer, answer_and_leave_script, NULL);
	loop_open(&calls.loop, &(struct prism_channel_options){.protocol = PRISM_GRPC,
	                                                       .address = peer.address,
	                                                       .retry = {.max_attempts = 1}});
	loop_call(&calls.loop, &calls.first, &NOTE_GET, NULL, "a");
	while (!calls.second.done)
		loop_once(&calls.loop);
	assert_int_equal(calls.first.result.status, PRISM_OK);
	assert_int_equal(calls.second.result.status, PRISM_OK);
	loop_close(&calls.loop);
	peer_stop(&peer);
}

/* The call is above the last stream: sent again elsewhere, whatever it is. */
static void refuse_script(struct peer *peer)
{
	const uint32_t *code = peer->ctx;
	struct http2_request request;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_goaway(peer, 0, *code, "busy");
	http2_peer_expect_close(peer);
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_check(peer, &request, "grpc-previous-rpc-attempts", "1");
	http2_peer_answer(peer, request.stream, bytes_of(NULL, 0));
	http2_peer_expect_close(peer);
}

static void test_refused(void **state)
{
	(void)state;
	static uint32_t codes[] = {NGHTTP2_NO_ERROR, NGHTTP2_INTERNAL_ERROR,
	                           NGHTTP2_ENHANCE_YOUR_CALM};
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		struct prism_result result;
		assert_int_equal(one_call(refuse_script, &codes[i], &NOTE_GET, 2, &result),
		                 PRISM_OK);
		assert_int_equal(result.attempts, 2);
	}
}

static void reason_script(struct peer *peer)
{
	struct http2_request request;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_goaway(peer, request.stream, NGHTTP2_INTERNAL_ERROR, "on fire");
	/* Its words would not arrive if it closed what it has not read. */
	shutdown(peer->fd, SHUT_WR);
	http2_peer_expect_close(peer);
}

/* Its last words are told with the loss. */
static void test_lost_after_goodbye(void **state)
{
	(void)state;
	struct prism_result result;
	assert_int_equal(one_call(reason_script, NULL, &NOTE_GET, 1, &result), PRISM_UNAVAILABLE);
	assert_int_equal(result.outcome, PRISM_OUTCOME_UNKNOWN);
	assert_says(&result, "on fire");
}

/* --- what is lost -------------------------------------------------------------------------------
 */

static void lost_script(struct peer *peer)
{
	struct http2_request request;
	for (int i = 0; i < 2; i++) {
		http2_peer_greet(peer);
		http2_peer_expect_request(peer, &request);
		if (i == 0)
			peer_hang_up(peer);
	}
	http2_peer_answer(peer, request.stream, bytes_of(NULL, 0));
	http2_peer_expect_close(peer);
}

/* A reading call is sent again when its connection is lost. */
static void test_lost(void **state)
{
	(void)state;
	assert_int_equal(one_call(lost_script, NULL, &NOTE_READ, 2, NULL), PRISM_OK);
}

/* --- what does not speak it ---------------------------------------------------------------------
 */

static void strange_script(struct peer *peer)
{
	const char *words = peer->ctx;
	peer_accept(peer);
	http2_peer_read_greeting(peer);
	peer_send(peer, words, strlen(words));
	http2_peer_expect_close(peer);
}

static void test_strange(void **state)
{
	(void)state;
	static char *const words[] = {
		"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
		"\x8eRPC\1\1............................",
		"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		struct prism_result result;
		assert_int_equal(one_call(strange_script, words[i], &NOTE_GET, 1, &result),
		                 PRISM_UNAVAILABLE);
		assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
		assert_says(&result, "does not speak HTTP/2");
	}
}

static void silent_script(struct peer *peer)
{
	peer_accept(peer);
	http2_peer_read_greeting(peer);
	http2_peer_expect_close(peer);
}

static void test_silent(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	peer_start(&peer, silent_script, NULL);
	struct prism_channel *channel =
		note_channel_with(&(struct prism_channel_options){.protocol = PRISM_GRPC,
	                                                          .address = peer.address,
	                                                          .connect_timeout_ms = 50,
	                                                          .retry.max_attempts = 1});
	assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, &result), PRISM_UNAVAILABLE);
	assert_says(&result, "no SETTINGS from the server");
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

struct broken {
	uint8_t type, flags;
	uint32_t stream;
	struct bytes payload;
};

static void broken_script(struct peer *peer)
{
	const struct broken *broken = peer->ctx;
	struct http2_request request;
	struct http2_frame frame;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_say(peer, broken->type, broken->flags, broken->stream, broken->payload);
	http2_peer_expect(peer, NGHTTP2_GOAWAY, &frame);
	http2_peer_expect_close(peer);
}

/* Whatever ends the connection ends it with a word to the server, and one to the caller. */
static void test_broken(void **state)
{
	(void)state;
	static struct broken cases[] = {
		{NGHTTP2_DATA, 0, 3, {(const uint8_t *)"x", 1}}, /* never opened */
		{NGHTTP2_HEADERS, 4, 1, {(const uint8_t *)"\xff\xff\xff\xff\xff\xff", 6}},
		{NGHTTP2_SETTINGS, 0, 0, {(const uint8_t *)"x", 1}},           /* a size of none */
		{NGHTTP2_WINDOW_UPDATE, 0, 0, {(const uint8_t *)"\0\0\0", 4}}, /* by nothing */
		{NGHTTP2_PUSH_PROMISE, 4, 1, {(const uint8_t *)"\0\0\0\2", 4}},
		{NGHTTP2_PING, 0, 0, {(const uint8_t *)"1234567", 7}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct prism_result result;
		assert_int_equal(one_call(broken_script, &cases[i], &NOTE_GET, 1, &result),
		                 PRISM_UNAVAILABLE);
		assert_int_equal(result.outcome, PRISM_OUTCOME_UNKNOWN);
		assert_says(&result, "was lost");
	}
}

static void ping_script(struct peer *peer)
{
	struct http2_frame frame;
	http2_peer_greet(peer);
	for (int i = 0; i < 2; i++) {
		http2_peer_expect(peer, NGHTTP2_PING, &frame);
		http2_peer_say(peer, NGHTTP2_PING, HTTP2_ACK, 0, frame.payload);
	}
	http2_peer_say(peer, NGHTTP2_PING, 0, 0, bytes_of("are you?", 8));
	http2_peer_expect(peer, NGHTTP2_PING, &frame);
	if (frame.flags != HTTP2_ACK || memcmp(frame.payload.data, "are you?", 8) != 0)
		peer_fail(peer, "a ping is not answered");
	peer->stage = 1;
	http2_peer_expect_close(peer);
}

static void test_ping(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	uint64_t round_trip_us = 0;
	peer_start(&peer, ping_script, NULL);
	struct prism_channel *channel = channel_at(&peer, 1);
	assert_int_equal(prism_ping_wait(channel, 0, &round_trip_us, NULL), PRISM_OK);
	assert_true(round_trip_us > 0);
	while (peer.stage < 1)
		assert_int_equal(prism_ping_wait(channel, 20, NULL, &result),
		                 PRISM_DEADLINE_EXCEEDED);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_by_one),
		cmocka_unit_test(test_narrow_window),
		cmocka_unit_test(test_paused),
		cmocka_unit_test(test_closed_in_a_callback),
		cmocka_unit_test(test_cancelled_in_a_callback),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_unsent),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lost_after_goodbye),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_strange),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_ping),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
