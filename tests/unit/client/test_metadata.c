/* What a server says beside its answers, over both protocols: kept whole, seen in time, and
 * gone with a lost attempt. */
#include "proto/grpc_text.h"
#include "tests/unit/client/http2_peer.h"
#include "tests/unit/client/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void expect_list(const struct prism_metadata *list, size_t count,
                        const struct prism_metadata *expected, size_t expected_count)
{
	assert_int_equal(count, expected_count);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(list[i].key, expected[i].key);
		assert_int_equal(list[i].value_len, expected[i].value_len);
		assert_memory_equal(list[i].value, expected[i].value, expected[i].value_len);
		assert_int_equal(((const char *)list[i].value)[list[i].value_len], 0);
	}
}

static void expect_initial(const struct prism_response_metadata *metadata,
                           const struct prism_metadata *expected, size_t expected_count)
{
	size_t count;
	const struct prism_metadata *list = prism_response_metadata_initial(metadata, &count);
	expect_list(list, count, expected, expected_count);
}

static void expect_trailing(const struct prism_response_metadata *metadata,
                            const struct prism_metadata *expected, size_t expected_count)
{
	size_t count;
	const struct prism_metadata *list = prism_response_metadata_trailing(metadata, &count);
	expect_list(list, count, expected, expected_count);
}

static enum prism_status note_get(struct prism_channel *channel,
                                  struct prism_response_metadata *metadata,
                                  struct prism_result *result)
{
	const struct prism_call_options options = {.response_metadata = metadata};
	Prism__Test__Client__Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	return prism_call_wait(channel, &NOTE_GET, &options, &note.base, NULL, result);
}

static const struct prism_metadata HEAD[] = {
	{"x-one", "1", 1}, {"x-two", "", 0}, {"x-one", "2", 1}};
static const struct prism_metadata TAIL[] = {
	{"x-last", "end", 3}, {"x-b-bin", "\0\xff", 2}, {"x-b-bin", "", 0}, {"x-b-bin", "a", 1}};

enum { HEADS = 3, TAILS = 4 };

/* --- both protocols -------------------------------------------------------------------------- */

static const char *const HEAD_FIELDS[] = {":status", "200", "content-type",  "application/grpc",
                                          "x-one",   "1",   "grpc-encoding", "identity",
                                          "x-two",   "",    "x-one",         "2",
                                          NULL};
static const char *const TAIL_FIELDS[] = {
	"grpc-status", "0",   "prism-outcome", "unknown", "x-last", "end",
	"x-b-bin",     "AP8", "x-b-bin",       ",YQ==",   NULL};

static void http2_script(struct peer *peer)
{
	struct http2_request request;
	uint8_t note[64];
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_say_fields(peer, 0, request.stream, HEAD_FIELDS);
	http2_peer_say_message(peer, request.stream, note_pack(note, "a", 1), 100);
	http2_peer_say_fields(peer, HTTP2_END_STREAM, request.stream, TAIL_FIELDS);
	http2_peer_expect_request(peer, &request);
	http2_peer_answer(peer, request.stream, note_pack(note, "b", 2));
	http2_peer_expect_close(peer);
}

static struct bytes entries_write(uint8_t room[512], uint8_t field,
                                  const struct prism_metadata *list, size_t count)
{
	struct metadata entries[8];
	for (size_t i = 0; i < count; i++)
		entries[i] = (struct metadata){bytes_of_string(list[i].key),
		                               bytes_of(list[i].value, list[i].value_len)};
	size_t len = metadata_size(entries, count);
	struct writer writer = writer_init(room, len);
	metadata_write(&writer, field, entries, count);
	return bytes_of(room, len);
}

static void native_script(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	uint8_t note[64], head[512], tail[512];
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	peer_send_frame(peer, FRAME_HEAD, 0, 1, entries_write(head, METADATA_IN_HEAD, HEAD, HEADS),
	                bytes_of(NULL, 0));
	peer_send_frame(peer, FRAME_END, 0, 1, entries_write(tail, METADATA_IN_END, TAIL, TAILS),
	                note_pack(note, "a", 1));
	peer_expect_call(peer, &frame, &meta);
	peer_answer(peer, 3, note_pack(note, "b", 2));
	peer_expect_close(peer);
}

static void kept_over(enum prism_protocol protocol)
{
	struct peer peer;
	struct prism_result result;
	struct prism_response_metadata *metadata = prism_response_metadata_new();
	peer_start(&peer, protocol == PRISM_GRPC ? http2_script : native_script, NULL);
	struct prism_channel *channel = note_channel_with(
		&(struct prism_channel_options){.protocol = protocol, .address = peer.address});
	assert_int_equal(note_get(channel, metadata, &result), PRISM_OK);
	expect_initial(metadata, HEAD, HEADS);
	expect_trailing(metadata, TAIL, TAILS);
	assert_int_equal(note_get(channel, metadata, &result), PRISM_OK);
	expect_initial(metadata, NULL, 0);
	expect_trailing(metadata, NULL, 0);
	prism_response_metadata_free(metadata);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

static void test_kept(void **state)
{
	(void)state;
	kept_over(PRISM_GRPC);
	kept_over(PRISM_NATIVE);
}

static void test_find(void **state)
{
	(void)state;
	assert_ptr_equal(prism_metadata_find(HEAD, HEADS, "x-one"), &HEAD[0]);
	assert_ptr_equal(prism_metadata_find(TAIL, TAILS, "x-b-bin"), &TAIL[1]);
	assert_null(prism_metadata_find(HEAD, HEADS, "x-on"));
	assert_null(prism_metadata_find(NULL, 0, "x-one"));
	prism_response_metadata_free(NULL);
}

/* --- when it can be seen --------------------------------------------------------------------- */

/* A call of NOTE_LIST, and its server. */
struct seen {
	struct peer peer;
	struct loop loop;
	struct prism_call *call;
	struct prism_response_metadata *metadata;
	struct prism_result result;
	unsigned initial, messages, done;
	void (*then)(struct seen *seen); /* in initial() */
};

static void on_initial(void *ctx, struct prism_call *call)
{
	struct seen *seen = ctx;
	assert_ptr_equal(call, seen->call);
	assert_int_equal(seen->messages, 0);
	expect_initial(seen->metadata, HEAD, HEADS);
	expect_trailing(seen->metadata, NULL, 0);
	seen->initial++;
	if (seen->then)
		seen->then(seen);
	seen->peer.stage = 1;
}

static void on_message(void *ctx, struct prism_call *call, const ProtobufCMessage *message)
{
	struct seen *seen = ctx;
	(void)call, (void)message;
	seen->messages++;
	expect_trailing(seen->metadata, NULL, 0);
}

static void on_done(void *ctx, const struct prism_result *result)
{
	struct seen *seen = ctx;
	seen->result = *result;
	seen->done++;
}

static void listen_over(enum prism_protocol protocol, struct seen *seen,
                        void (*script)(struct peer *peer))
{
	peer_start(&seen->peer, script, NULL);
	loop_open(&seen->loop, &(struct prism_channel_options){.protocol = protocol,
	                                                       .address = seen->peer.address});
	seen->metadata = prism_response_metadata_new();
	const struct prism_call_options options = {.response_metadata = seen->metadata};
	const struct prism_call_handler handler = {
		.message = on_message, .done = on_done, .initial = on_initial, .ctx = seen};
	Prism__Test__Client__Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	seen->call =
		prism_call_start(seen->loop.channel, &NOTE_LIST, &options, &note.base, &handler);
	assert_non_null(seen->call);
	while (!seen->done)
		loop_once(&seen->loop);
	loop_close(&seen->loop);
	peer_stop(&seen->peer);
}

static void wait_until_seen(struct peer *peer)
{
	while (peer->stage == 0)
		usleep(1000);
}

/* The head alone, until it was seen. */
static void slow_http2_script(struct peer *peer)
{
	static const char *const EARLY[] = {":status", "103", "x-early", "hint", NULL};
	struct http2_request request;
	uint8_t note[64];
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_say_fields(peer, 0, request.stream, EARLY);
	http2_peer_say_fields(peer, 0, request.stream, HEAD_FIELDS);
	wait_until_seen(peer);
	http2_peer_say_message(peer, request.stream, note_pack(note, "a", 1), 100);
	http2_peer_say_fields(peer, HTTP2_END_STREAM, request.stream, TAIL_FIELDS);
	http2_peer_expect_close(peer);
}

static void say_native(struct peer *peer, enum frame_type type, uint32_t stream)
{
	uint8_t room[512];
	struct bytes meta = type == FRAME_HEAD ? entries_write(room, METADATA_IN_HEAD, HEAD, HEADS)
	                                       : entries_write(room, METADATA_IN_END, TAIL, TAILS);
	peer_send_frame(peer, type, type == FRAME_END ? FRAME_NOMSG : 0, stream, meta,
	                bytes_of(NULL, 0));
}

static void slow_native_script(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	uint8_t note[64];
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	say_native(peer, FRAME_HEAD, 1);
	wait_until_seen(peer);
	peer_send_frame(peer, FRAME_MSG, 0, 1, bytes_of(NULL, 0), note_pack(note, "a", 1));
	say_native(peer, FRAME_END, 1);
	peer_expect_close(peer);
}

static void test_seen_in_time(void **state)
{
	(void)state;
	for (int native = 0; native < 2; native++) {
		struct seen seen = {0};
		listen_over(native ? PRISM_NATIVE : PRISM_GRPC, &seen,
		            native ? slow_native_script : slow_http2_script);
		assert_int_equal(seen.result.status, PRISM_OK);
		assert_int_equal(seen.initial, 1);
		assert_int_equal(seen.messages, 1);
		expect_initial(seen.metadata, HEAD, HEADS);
		expect_trailing(seen.metadata, TAIL, TAILS);
		prism_response_metadata_free(seen.metadata);
	}
}

static void cancel(struct seen *seen)
{
	prism_call_cancel(seen->call);
}

static void close_channel(struct seen *seen)
{
	prism_channel_close(seen->loop.channel, NULL, NULL);
	seen->loop.channel = NULL;
}

/* Who has it no longer may free it, in the middle of the call that fills it. */
static void free_early(struct seen *seen)
{
	prism_response_metadata_free(seen->metadata);
	seen->metadata = NULL;
	prism_call_cancel(seen->call);
}

static void head_script(struct peer *peer)
{
	struct http2_request request;
	uint8_t note[64];
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	peer_cork(peer);
	http2_peer_say_fields(peer, 0, request.stream, HEAD_FIELDS);
	http2_peer_say_message(peer, request.stream, note_pack(note, "a", 1), 100);
	http2_peer_say_fields(peer, HTTP2_END_STREAM, request.stream, TAIL_FIELDS);
	peer_uncork(peer);
	http2_peer_expect_close(peer);
}

static void native_head_script(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	uint8_t note[64];
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	peer_cork(peer);
	say_native(peer, FRAME_HEAD, 1);
	peer_send_frame(peer, FRAME_MSG, 0, 1, bytes_of(NULL, 0), note_pack(note, "a", 1));
	say_native(peer, FRAME_END, 1);
	peer_uncork(peer);
	peer_drain(peer);
}

static void test_ended_in_initial(void **state)
{
	(void)state;
	void (*const ways[])(struct seen * seen) = {cancel, close_channel, free_early};
	for (size_t i = 0; i < 2 * sizeof ways / sizeof *ways; i++) {
		bool native = i % 2;
		struct seen seen = {.then = ways[i / 2]};
		listen_over(native ? PRISM_NATIVE : PRISM_GRPC, &seen,
		            native ? native_head_script : head_script);
		assert_int_equal(seen.result.status, PRISM_CANCELLED);
		assert_int_equal(seen.initial, 1);
		assert_int_equal(seen.messages, 0);
		prism_response_metadata_free(seen.metadata);
	}
}

static void test_blocking_stream(void **state)
{
	(void)state;
	for (int native = 0; native < 2; native++) {
		struct peer peer;
		struct prism_response_metadata *metadata = prism_response_metadata_new();
		const struct prism_call_options options = {.response_metadata = metadata};
		Prism__Test__Client__Note note = PRISM__TEST__CLIENT__NOTE__INIT;
		peer_start(&peer, native ? slow_native_script : slow_http2_script, NULL);
		struct prism_channel *channel = note_channel_with(&(struct prism_channel_options){
			.protocol = native ? PRISM_NATIVE : PRISM_GRPC, .address = peer.address});
		struct prism_stream *stream =
			prism_stream_open(channel, &NOTE_LIST, &options, &note.base);
		assert_true(prism_stream_wait_initial(stream));
		expect_initial(metadata, HEAD, HEADS);
		assert_true(prism_stream_wait_initial(stream));
		peer.stage = 1;
		ProtobufCMessage *message = prism_stream_next(stream);
		assert_non_null(message);
		protobuf_c_message_free_unpacked(message, NULL);
		assert_null(prism_stream_next(stream));
		assert_false(prism_stream_wait_initial(stream));
		assert_int_equal(prism_stream_close(stream, NULL), PRISM_OK);
		expect_initial(metadata, HEAD, HEADS);
		expect_trailing(metadata, TAIL, TAILS);
		prism_response_metadata_free(metadata);
		prism_channel_close(channel, NULL, NULL);
		peer_stop(&peer);
	}
}

/* --- failed calls, and those that are sent again ---------------------------------------------- */

/* Trailers only: there is no initial metadata. */
static void failing_script(struct peer *peer)
{
	struct http2_request request;
	uint8_t note[64];
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_fail_call(peer, request.stream, "5", "x-last", "end");
	http2_peer_expect_request(peer, &request);
	http2_peer_say_fields(peer, HTTP2_END_STREAM, request.stream,
	                      (const char *const[]){":status", "200", "content-type",
	                                            "application/grpc", "grpc-status", "14",
	                                            "prism-outcome", "not-executed", "x-lost",
	                                            "first attempt", NULL});
	http2_peer_expect_request(peer, &request);
	http2_peer_answer(peer, request.stream, note_pack(note, "b", 2));
	http2_peer_expect_close(peer);
}

static void test_failed(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	struct prism_response_metadata *metadata = prism_response_metadata_new();
	peer_start(&peer, failing_script, NULL);
	struct prism_channel *channel = note_channel_grpc(peer.address, 2);
	assert_int_equal(note_get(channel, metadata, &result), PRISM_NOT_FOUND);
	expect_initial(metadata, NULL, 0);
	expect_trailing(metadata, TAIL, 1);
	assert_int_equal(note_get(channel, metadata, &result), PRISM_OK);
	assert_int_equal(result.attempts, 2);
	expect_trailing(metadata, NULL, 0);
	prism_response_metadata_free(metadata);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* An UNAVAILABLE after the head: sent again, unless the caller has seen the head. */
static void lost_head_script(struct peer *peer)
{
	struct http2_request request;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_say_fields(peer, 0, request.stream, HEAD_FIELDS);
	http2_peer_say_fields(
		peer, HTTP2_END_STREAM, request.stream,
		(const char *const[]){"grpc-status", "14", "prism-outcome", "not-executed", NULL});
	http2_peer_expect_close(peer);
}

static void test_committed_by_initial(void **state)
{
	(void)state;
	struct seen seen = {0};
	listen_over(PRISM_GRPC, &seen, lost_head_script);
	assert_int_equal(seen.result.status, PRISM_UNAVAILABLE);
	assert_int_equal(seen.result.attempts, 1);
	expect_initial(seen.metadata, HEAD, HEADS);
	prism_response_metadata_free(seen.metadata);
}

/* --- faults --------------------------------------------------------------------------------- */

static void two_heads_script(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	say_native(peer, FRAME_HEAD, 1);
	say_native(peer, FRAME_HEAD, 1);
	peer_expect(peer, FRAME_GOAWAY, &frame);
	peer_drain(peer);
}

static void test_two_heads(void **state)
{
	(void)state;
	struct seen seen = {0};
	listen_over(PRISM_NATIVE, &seen, two_heads_script);
	assert_int_equal(seen.result.status, PRISM_UNAVAILABLE);
	assert_says(&seen.result, "HEAD: came twice");
	prism_response_metadata_free(seen.metadata);
}

static void on_nothing(void *ctx, const struct prism_result *result)
{
	*(enum prism_status *)ctx = result->status;
	if (result->status == PRISM_INVALID_ARGUMENT)
		assert_says(result, "response_metadata: another call");
}

/* One call at a time. */
static void test_held(void **state)
{
	(void)state;
	struct prism_response_metadata *metadata = prism_response_metadata_new();
	const struct prism_call_options options = {.response_metadata = metadata,
	                                           .wait_for_ready = true};
	enum prism_status first = PRISM_OK, second = PRISM_OK;
	struct prism_call_handler handler = {.done = on_nothing, .ctx = &first};
	Prism__Test__Client__Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	struct loop loop;
	loop_open(&loop, &(struct prism_channel_options){.address = "unix:/nowhere"});
	assert_non_null(prism_call_start(loop.channel, &NOTE_GET, &options, &note.base, &handler));
	handler.ctx = &second;
	assert_non_null(prism_call_start(loop.channel, &NOTE_GET, &options, &note.base, &handler));
	loop_close(&loop);
	assert_int_equal(first, PRISM_CANCELLED);
	assert_int_equal(second, PRISM_INVALID_ARGUMENT);
	prism_response_metadata_free(metadata);
}

/* The next call may have it from done() on. */
struct chain {
	struct loop loop;
	struct prism_response_metadata *metadata;
	unsigned done;
};

static void chain_start(struct chain *chain);

static void on_chained(void *ctx, const struct prism_result *result)
{
	struct chain *chain = ctx;
	assert_int_equal(result->status, PRISM_OK);
	expect_initial(chain->metadata, HEAD, chain->done == 0 ? HEADS : 0);
	expect_trailing(chain->metadata, TAIL, chain->done == 0 ? TAILS : 0);
	if (chain->done++ == 0)
		chain_start(chain);
}

static void chain_start(struct chain *chain)
{
	const struct prism_call_options options = {.response_metadata = chain->metadata};
	const struct prism_call_handler handler = {.done = on_chained, .ctx = chain};
	Prism__Test__Client__Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	assert_non_null(
		prism_call_start(chain->loop.channel, &NOTE_GET, &options, &note.base, &handler));
}

static void test_chained(void **state)
{
	(void)state;
	struct peer peer;
	struct chain chain = {.metadata = prism_response_metadata_new()};
	peer_start(&peer, http2_script, NULL);
	loop_open(&chain.loop,
	          &(struct prism_channel_options){.protocol = PRISM_GRPC, .address = peer.address});
	chain_start(&chain);
	while (chain.done < 2)
		loop_once(&chain.loop);
	loop_close(&chain.loop);
	prism_response_metadata_free(chain.metadata);
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_seen_in_time),
		cmocka_unit_test(test_ended_in_initial),
		cmocka_unit_test(test_blocking_stream),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_committed_by_initial),
		cmocka_unit_test(test_two_heads),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_chained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
