/* Streams and credit: large messages in fragments, slow readers at either end. */
#include "tests/unit/client/loop.h"
#include "tests/unit/client/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

typedef Prism__Test__Client__Note Note;

/* --- server streaming ------------------------------------------------------------------------ */

static void send_numbers(struct peer *peer, uint32_t stream, uint64_t from, uint64_t to)
{
	uint8_t body[64];
	for (uint64_t number = from; number < to; number++)
		peer_send_frame(peer, FRAME_MSG, 0, stream, bytes_of(NULL, 0),
		                note_pack(body, "", number));
}

static void list_script(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	if (frame.flags != FRAME_CLOSE)
		peer_fail(peer, "flags %u", frame.flags);
	peer_cork(peer);
	send_numbers(peer, 1, 0, 100);
	peer_send_frame(peer, FRAME_MSG, FRAME_NOMSG, 1, bytes_of(NULL, 0), bytes_of(NULL, 0));
	peer_end(peer, 1, peer->ctx);
	peer_uncork(peer);
	peer_expect_close(peer);
}

static void test_list(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of of = {0};
	struct end_meta end = {.code = STATUS_OK, .server_us = 12};
	peer_start(&peer, list_script, &end);
	loop_open(&loop, &(struct prism_channel_options){.address = peer.address});
	loop_call(&loop, &of, &NOTE_LIST, NULL, "");
	assert_int_equal(loop_wait(&loop, &of), PRISM_OK);
	assert_int_equal(of.messages, 100);
	assert_int_equal(of.numbers, 4950);
	assert_int_equal(of.result.server_us, 12);
	loop_close(&loop);
	peer_stop(&peer);
}

static void test_list_blocking(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	struct end_meta end = {.code = STATUS_ABORTED};
	Note request = PRISM__TEST__CLIENT__NOTE__INIT;
	Note *note;
	uint64_t number = 0;
	peer_start(&peer, list_script, &end);
	struct prism_channel *channel = note_channel(peer.address);
	struct prism_stream *stream = prism_stream_open(channel, &NOTE_LIST, NULL, &request.base);
	while ((note = (Note *)prism_stream_next(stream))) {
		assert_int_equal(note->number, number++);
		prism__test__client__note__free_unpacked(note, NULL);
	}
	assert_int_equal(number, 100);
	assert_null(prism_stream_next(stream));
	assert_int_equal(prism_stream_close(stream, &result), PRISM_ABORTED);
	assert_int_equal(result.outcome, PRISM_EXECUTED);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* Closed before its end: the server is told, what was not taken is freed. */
static void cancelled_script(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	peer_cork(peer);
	send_numbers(peer, 1, 0, 10);
	peer_uncork(peer);
	peer_expect(peer, FRAME_CANCEL, &frame);
	peer_expect_close(peer);
}

static void test_stream_closed_early(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	Note request = PRISM__TEST__CLIENT__NOTE__INIT;
	peer_start(&peer, cancelled_script, NULL);
	struct prism_channel *channel = note_channel(peer.address);
	struct prism_stream *stream = prism_stream_open(channel, &NOTE_LIST, NULL, &request.base);
	Note *note = (Note *)prism_stream_next(stream);
	assert_non_null(note);
	prism__test__client__note__free_unpacked(note, NULL);
	assert_int_equal(prism_stream_close(stream, &result), PRISM_CANCELLED);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
	assert_int_equal(prism_stream_close(NULL, NULL), PRISM_RESOURCE_EXHAUSTED);
}

static void test_stream_of_other_kind(void **state)
{
	(void)state;
	struct prism_result result;
	Note request = PRISM__TEST__CLIENT__NOTE__INIT;
	struct prism_channel *channel = note_channel("127.0.0.1:1");
	struct prism_stream *stream = prism_stream_open(channel, &NOTE_GET, NULL, &request.base);
	assert_null(prism_stream_next(stream));
	assert_int_equal(prism_stream_close(stream, &result), PRISM_INVALID_ARGUMENT);
	assert_non_null(strstr(result.message, "does not stream"));
	stream = prism_stream_open(channel, &NOTE_LIST, NULL, &request.base);
	assert_null(prism_stream_next(stream));
	prism_channel_close(channel, NULL, NULL); /* before its stream, which has ended */
	assert_int_equal(prism_stream_close(stream, &result), PRISM_UNAVAILABLE);
}

/* --- paused
 * ---------------------------------------------------------------------------------------- */

enum { CHUNK = 65536, CHUNKS = 64 };

/* Sends as much as the stream's credit allows, then what CREDIT adds, until all has gone. */
static void credit_script(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	static uint8_t body[CHUNK];
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	/* data of CHUNK - 4 bytes */
	memcpy(body, "\x12\xfc\xff\x03", 4);
	int64_t stream_credit = LIMIT_STREAM_CREDIT, connection_credit = LIMIT_CONNECTION_CREDIT;
	for (int sent = 0; sent < CHUNKS; sent++) {
		while (stream_credit < CHUNK || connection_credit < CHUNK) {
			peer->stage = 1; /* as far as the window reaches */
			peer_expect(peer, FRAME_CREDIT, &frame);
			struct reader reader = reader_init(frame.body);
			uint32_t increment = reader_u32(&reader);
			*(frame.stream ? &stream_credit : &connection_credit) += increment;
			if (*peer->fault)
				return;
		}
		peer_send_frame(peer, FRAME_MSG, 0, 1, bytes_of(NULL, 0),
		                bytes_of(body, sizeof body));
		stream_credit -= CHUNK;
		connection_credit -= CHUNK;
	}
	peer_end(peer, 1, &(struct end_meta){.code = STATUS_OK});
	peer_expect_close(peer);
}

static void pause_after_message(struct outcome_of *of, const Note *note)
{
	(void)note;
	prism_call_pause(of->call, true);
}

static void test_paused(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of of = {.on_message = pause_after_message};
	peer_start(&peer, credit_script, NULL);
	loop_open(&loop, &(struct prism_channel_options){.address = peer.address});
	loop_call(&loop, &of, &NOTE_LIST, NULL, "");
	loop_until_stage(&loop, &peer, 1);
	while (of.messages < 1)
		loop_once(&loop);
	for (int i = 0; i < 3; i++)
		uv_run(&loop.loop, UV_RUN_NOWAIT);
	assert_int_equal(of.messages, 1);
	while (!of.done) { /* one message, and its credit, at a time */
		unsigned before = of.messages;
		prism_call_pause(of.call, false);
		while (!of.done && of.messages == before)
			loop_once(&loop);
	}
	assert_int_equal(of.result.status, PRISM_OK);
	assert_int_equal(of.messages, CHUNKS);
	assert_int_equal(of.bytes, CHUNKS * (CHUNK - 4));
	loop_close(&loop);
	peer_stop(&peer);
}

/* A paused call that ends keeps its messages until they are asked for; or is cancelled, or its
 * channel closed. */
enum held { HELD_RESUMED, HELD_CANCELLED, HELD_CLOSED };

static void test_held(void **state)
{
	(void)state;
	for (enum held held = HELD_RESUMED; held <= HELD_CLOSED; held++) {
		struct peer peer;
		struct loop loop;
		struct outcome_of of = {.on_message = pause_after_message};
		struct end_meta end = {.code = STATUS_OK};
		peer_start(&peer, list_script, &end);
		loop_open(&loop, &(struct prism_channel_options){.address = peer.address});
		loop_call(&loop, &of, &NOTE_LIST, NULL, "");
		peer_wait(&peer, 0);
		while (of.messages < 1)
			loop_once(&loop);
		peer_wait(&peer, 0);
		for (int i = 0; i < 3; i++)
			uv_run(&loop.loop, UV_RUN_NOWAIT);
		assert_int_equal(of.messages, 1);
		assert_int_equal(of.done, 0);
		of.on_message = NULL;
		if (held == HELD_RESUMED) {
			prism_call_pause(of.call, false);
			assert_int_equal(loop_wait(&loop, &of), PRISM_OK);
			assert_int_equal(of.messages, 100);
		} else if (held == HELD_CANCELLED) {
			prism_call_cancel(of.call);
			prism_call_cancel(of.call);
			assert_int_equal(loop_wait(&loop, &of), PRISM_CANCELLED);
			assert_int_equal(of.messages, 1);
		}
		loop_close(&loop);
		assert_int_equal(of.done, 1);
		peer_stop(&peer);
	}
}

/* --- large messages -----------------------------------------------------------------------------
 */

enum { LARGE = 3000000 };

/* Reads a message of fragments, returning credit in small steps; then sends it back the same way.
 */
static void large_script(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	struct buffer message = {0};
	bool more = true;
	uint32_t unreturned = 0;
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	while (!*peer->fault && more) {
		more = frame.flags & FRAME_MORE;
		if (!buffer_append(&message, frame.body.data, frame.body.len))
			peer_fail(peer, "no memory");
		if (more != !(frame.flags & FRAME_CLOSE))
			peer_fail(peer, "flags %u", frame.flags);
		unreturned += (uint32_t)frame.body.len;
		if (more && unreturned >= LIMIT_STREAM_CREDIT_START) {
			peer_credit(peer, 1, unreturned);
			peer_credit(peer, 0, unreturned);
			unreturned = 0;
		}
		if (more)
			peer_expect(peer, FRAME_MSG, &frame);
	}
	int64_t credit = LIMIT_STREAM_CREDIT;
	while (!*peer->fault && buffer_len(&message) > CHUNK) {
		while (credit < CHUNK && !*peer->fault) {
			peer_expect(peer, FRAME_CREDIT, &frame);
			struct reader reader = reader_init(frame.body);
			if (frame.stream == 1)
				credit += reader_u32(&reader);
		}
		peer_send_frame(peer, FRAME_MSG, FRAME_MORE, 1, bytes_of(NULL, 0),
		                bytes_of(buffer_bytes(&message).data, CHUNK));
		credit -= CHUNK;
		buffer_consume(&message, CHUNK);
	}
	peer_answer(peer, 1, buffer_bytes(&message));
	buffer_deinit(&message);
	peer_expect_close(peer);
}

static void test_large(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	Note request = PRISM__TEST__CLIENT__NOTE__INIT;
	Note *answer = NULL;
	peer_start(&peer, large_script, NULL);
	struct prism_channel *channel = note_channel(peer.address);
	request.data.len = LARGE;
	request.data.data = malloc(LARGE);
	for (size_t i = 0; i < LARGE; i++)
		request.data.data[i] = (uint8_t)(i * 31 >> 3);
	assert_int_equal(prism_call_wait(channel, &NOTE_GET, NULL, &request.base,
	                                 (ProtobufCMessage **)&answer, &result),
	                 PRISM_OK);
	assert_int_equal(answer->data.len, LARGE);
	assert_memory_equal(answer->data.data, request.data.data, LARGE);
	prism__test__client__note__free_unpacked(answer, NULL);
	free(request.data.data);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* A request that is larger than the server takes fails here; one that is larger than the start
 * value waits for HELLO, which may allow it. */
static void hello_script(struct peer *peer)
{
	struct hello hello = HELLO_START;
	struct frame frame;
	struct call_meta meta;
	hello.max_message = *(const uint32_t *)peer->ctx;
	hello.stream_credit = hello.connection_credit = 100000000;
	hello.max_frame = LIMIT_FRAME_MAX;
	peer_accept(peer);
	peer_read_greeting(peer);
	peer->stage = 1;
	peer_say_hello(peer, &hello);
	if (hello.max_message == LIMIT_MESSAGE) {
		peer_expect_close(peer);
		return;
	}
	peer_expect_call(peer, &frame, &meta);
	if (frame.flags != FRAME_CLOSE)
		peer_fail(peer, "flags %u", frame.flags);
	peer_answer(peer, 1, bytes_of(NULL, 0));
	peer_expect_close(peer);
}

static void test_larger_than_start(void **state)
{
	(void)state;
	static const uint32_t limits[] = {LIMIT_MESSAGE, LIMIT_MESSAGE * 2};
	for (size_t i = 0; i < 2; i++) {
		struct peer peer;
		struct prism_result result;
		Note request = PRISM__TEST__CLIENT__NOTE__INIT;
		peer_start(&peer, hello_script, (void *)&limits[i]);
		struct prism_channel *channel = note_channel(peer.address);
		request.data.len = LIMIT_MESSAGE;
		request.data.data = calloc(1, LIMIT_MESSAGE);
		prism_call_wait(channel, &NOTE_GET, NULL, &request.base, NULL, &result);
		assert_int_equal(result.status, i == 0 ? PRISM_RESOURCE_EXHAUSTED : PRISM_OK);
		if (i == 0) {
			assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
			assert_string_equal(result.message,
			                    "the request is 4194309 bytes large, the server takes "
			                    "at most 4194304");
		}
		free(request.data.data);
		prism_channel_close(channel, NULL, NULL);
		peer_stop(&peer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_list_blocking),
		cmocka_unit_test(test_stream_closed_early),
		cmocka_unit_test(test_stream_of_other_kind),
		cmocka_unit_test(test_paused),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_larger_than_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
