/* Messages that are compressed over HTTP/2: those that come, up to a limit, and those that go. */
#include "proto/grpc_prefix.h"
#include "proto/gzip.h"
#include "tests/unit/client/http2_peer.h"
#include "tests/unit/client/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

typedef Prism__Test__Client__Note Note;

enum { LONG = 900, MOST = 1000, BOMB = 1 << 20 }; /* MOST: of note_channel_grpc() */

/* --- what a peer says and reads ----------------------------------------------------------------
 */

static struct bytes compressed(struct bytes plain, struct buffer *out)
{
	struct gzip *gzip = gzip_new();
	assert_true(gzip_deflate(gzip, plain, out));
	gzip_free(gzip);
	return buffer_bytes(out);
}

/* A Note whose text is so many 'x'. */
static struct bytes long_note(struct buffer *out, size_t len)
{
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	char *text = malloc(len + 1);
	memset(text, 'x', len);
	text[len] = '\0';
	note.text = text;
	uint8_t *room = buffer_reserve(out, len + 16);
	assert_non_null(room);
	out->end += prism__test__client__note__pack(&note, room);
	free(text);
	return buffer_bytes(out);
}

/* Behind its prefix, in DATA frames of at most `most` bytes. */
static void say_flagged(struct peer *peer, uint32_t stream, struct bytes message, size_t most)
{
	struct buffer all = {0};
	uint8_t prefix[GRPC_PREFIX_SIZE];
	grpc_prefix_write(prefix, GRPC_FLAG_COMPRESSED, message.len);
	assert_true(buffer_append(&all, prefix, sizeof prefix));
	assert_true(buffer_append(&all, message.data, message.len));
	for (size_t at = 0; at < buffer_len(&all); at += most) {
		size_t rest = buffer_len(&all) - at;
		http2_peer_say(peer, NGHTTP2_DATA, 0, stream,
		               bytes_of(all.data + at, rest < most ? rest : most));
	}
	buffer_deinit(&all);
}

static void say_gzip_head(struct peer *peer, uint32_t stream)
{
	static const char *const FIELDS[] = {
		":status", "200", "content-type", "application/grpc", "grpc-encoding",
		"gzip",    NULL};
	http2_peer_say_fields(peer, 0, stream, FIELDS);
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void answers_script(struct peer *peer)
{
	static const size_t PIECES[] = {16000, 1, 7};
	struct http2_request request;
	struct buffer note = {0}, packed = {0};
	long_note(&note, LONG);
	compressed(buffer_bytes(&note), &packed);
	http2_peer_greet(peer);
	for (size_t i = 0; i < sizeof PIECES / sizeof *PIECES; i++) {
		http2_peer_expect_request(peer, &request);
		http2_peer_check(peer, &request, "grpc-accept-encoding", "identity,gzip");
		say_gzip_head(peer, request.stream);
		say_flagged(peer, request.stream, buffer_bytes(&packed), PIECES[i]);
		http2_peer_say_message(peer, request.stream, buffer_bytes(&note), PIECES[i]);
		say_flagged(peer, request.stream, buffer_bytes(&packed), PIECES[i]);
		http2_peer_say_ok(peer, request.stream);
	}
	http2_peer_expect_close(peer);
	buffer_deinit(&note);
	buffer_deinit(&packed);
}

/* Three of a stream, of which the second is as it is; in whatever pieces. */
static void test_answers(void **state)
{
	(void)state;
	struct peer peer;
	Note request = PRISM__TEST__CLIENT__NOTE__INIT;
	peer_start(&peer, answers_script, NULL);
	struct prism_channel *channel = note_channel_grpc(peer.address, 1);
	for (int i = 0; i < 3; i++) {
		struct prism_stream *stream =
			prism_stream_open(channel, &NOTE_LIST, NULL, &request.base);
		unsigned count = 0;
		for (Note *note; (note = (Note *)prism_stream_next(stream)); count++) {
			assert_int_equal(strlen(note->text), LONG);
			assert_int_equal(strspn(note->text, "x"), LONG);
			prism__test__client__note__free_unpacked(note, NULL);
		}
		assert_int_equal(prism_stream_close(stream, NULL), PRISM_OK);
		assert_int_equal(count, 3);
	}
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

struct fault {
	const char *encoding;
	void (*say)(struct peer *peer, uint32_t stream);
	enum prism_status status;
	const char *text;
};

static void say_note(struct peer *peer, uint32_t stream, size_t len)
{
	struct buffer note = {0}, packed = {0};
	long_note(&note, len);
	say_flagged(peer, stream, compressed(buffer_bytes(&note), &packed), 16000);
	buffer_deinit(&note);
	buffer_deinit(&packed);
}

static void say_small(struct peer *peer, uint32_t stream)
{
	say_note(peer, stream, LONG);
}

static void say_bomb(struct peer *peer, uint32_t stream)
{
	say_note(peer, stream, BOMB);
}

static void say_just_too_large(struct peer *peer, uint32_t stream)
{
	say_note(peer, stream, MOST - 2); /* and three bytes in front of the text */
}

static void say_largest(struct peer *peer, uint32_t stream)
{
	say_note(peer, stream, MOST - 3);
}

static void say_nonsense(struct peer *peer, uint32_t stream)
{
	say_flagged(peer, stream, bytes_of_string("this is no gzip at all"), 100);
}

static void say_cut(struct peer *peer, uint32_t stream)
{
	struct buffer note = {0}, packed = {0};
	long_note(&note, LONG);
	struct bytes all = compressed(buffer_bytes(&note), &packed);
	say_flagged(peer, stream, bytes_of(all.data, all.len - 1), 100);
	buffer_deinit(&note);
	buffer_deinit(&packed);
}

static const struct fault FAULTS[] = {
	{"gzip", say_largest, PRISM_OK, ""},
	{"gzip", say_just_too_large, PRISM_RESOURCE_EXHAUSTED, "1000 bytes"},
	{"gzip", say_bomb, PRISM_RESOURCE_EXHAUSTED, "1000 bytes"},
	{"gzip", say_nonsense, PRISM_INTERNAL, "is not gzip"},
	{"gzip", say_cut, PRISM_INTERNAL, "is not gzip"},
	{"identity", say_small, PRISM_INTERNAL, "does not say by gzip"},
	{"snappy", say_small, PRISM_INTERNAL, "does not say by gzip"},
};

static void fault_script(struct peer *peer)
{
	const struct fault *fault = peer->ctx;
	struct http2_request request;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_say_fields(peer, 0, request.stream,
	                      (const char *const[]){":status", "200", "content-type",
	                                            "application/grpc", "grpc-encoding",
	                                            fault->encoding, NULL});
	fault->say(peer, request.stream);
	if (fault->status == PRISM_OK)
		http2_peer_say_ok(peer, request.stream);
	else
		http2_peer_expect_reset(peer, request.stream, NGHTTP2_CANCEL);
	http2_peer_expect_close(peer);
}

static void test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
		struct peer peer;
		struct prism_result result;
		peer_start(&peer, fault_script, (void *)&FAULTS[i]);
		struct prism_channel *channel = note_channel_grpc(peer.address, 1);
		assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, &result),
		                 FAULTS[i].status);
		assert_says(&result, FAULTS[i].text);
		prism_channel_close(channel, NULL, NULL);
		peer_stop(&peer);
	}
}

/* --- answers that wait for their caller --------------------------------------------------------
 */

enum { SENT = 40, EACH = 60000 };

static void many_script(struct peer *peer)
{
	struct http2_request request;
	struct buffer note = {0}, packed = {0};
	long_note(&note, EACH);
	compressed(buffer_bytes(&note), &packed);
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	say_gzip_head(peer, request.stream);
	for (int i = 0; i < SENT; i++)
		say_flagged(peer, request.stream, buffer_bytes(&packed), 16000);
	http2_peer_say_ok(peer, request.stream);
	peer->stage = 1;
	http2_peer_expect_close(peer);
	buffer_deinit(&note);
	buffer_deinit(&packed);
}

static void test_paused(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of of = {0};
	peer_start(&peer, many_script, NULL);
	loop_open(&loop,
	          &(struct prism_channel_options){.protocol = PRISM_GRPC, .address = peer.address});
	loop_call(&loop, &of, &NOTE_LIST, NULL, "");
	prism_call_pause(of.call, true);
	loop_until_stage(&loop, &peer, 1);
	assert_int_equal(of.messages, 0);
	prism_call_pause(of.call, false);
	assert_int_equal(loop_wait(&loop, &of), PRISM_OK);
	assert_int_equal(of.messages, SENT);
	loop_close(&loop);
	peer_stop(&peer);
}

/* --- requests ----------------------------------------------------------------------------------
 */

/* The next message of `body`, plain; whether it was compressed. */
static bool next_message(struct peer *peer, struct bytes *body, struct buffer *plain)
{
	if (body->len < GRPC_PREFIX_SIZE) {
		peer_fail(peer, "a message is missing");
		return false;
	}
	struct grpc_prefix prefix = grpc_prefix_read(body->data);
	struct bytes message = bytes_of(body->data + GRPC_PREFIX_SIZE, prefix.len);
	*body = bytes_of(bytes_end(message), body->len - GRPC_PREFIX_SIZE - prefix.len);
	plain->start = plain->end = 0;
	struct gzip *gzip = gzip_new();
	bool good = prefix.flag == GRPC_FLAG_COMPRESSED
	                    ? gzip_inflate(gzip, message, BOMB, plain) == GZIP_OK
	                    : buffer_append(plain, message.data, message.len);
	gzip_free(gzip);
	if (!good)
		peer_fail(peer, "a message is no gzip");
	return prefix.flag == GRPC_FLAG_COMPRESSED;
}

struct wanted {
	bool compressed;
	size_t len; /* of the text */
};

static void expect_messages(struct peer *peer, const struct http2_request *request,
                            const struct wanted *wanted, size_t count)
{
	struct bytes body = bytes_of(request->body, request->len);
	struct buffer plain = {0};
	for (size_t i = 0; i < count; i++) {
		bool is = next_message(peer, &body, &plain);
		Note *note = prism__test__client__note__unpack(NULL, buffer_len(&plain),
		                                               plain.data + plain.start);
		if (is != wanted[i].compressed || !note || strlen(note->text) != wanted[i].len)
			peer_fail(peer, "message %zu is another one", i);
		if (note)
			prism__test__client__note__free_unpacked(note, NULL);
	}
	if (body.len > 0)
		peer_fail(peer, "more messages came than were wanted");
	buffer_deinit(&plain);
}

static const struct wanted UNARY[] = {{true, 5000}, {false, 3}};
static const struct wanted STREAM[] = {{true, 5000}, {false, 1000}, {true, 3000}, {false, 2}};

static void requests_script(struct peer *peer)
{
	struct http2_request request;
	uint8_t note[64];
	http2_peer_greet(peer);
	for (int i = 0; i < 2; i++) {
		http2_peer_expect_request(peer, &request);
		http2_peer_check(peer, &request, "grpc-encoding", "gzip");
		expect_messages(peer, &request, &UNARY[i], 1);
		http2_peer_answer(peer, request.stream, note_pack(note, "b", 2));
	}
	http2_peer_expect_request(peer, &request);
	http2_peer_check(peer, &request, "grpc-encoding", "gzip");
	expect_messages(peer, &request, STREAM, 4);
	http2_peer_answer(peer, request.stream, note_pack(note, "b", 2));
	http2_peer_expect_request(peer, &request); /* without the option */
	if (strstr(request.fields, "\ngrpc-encoding"))
		peer_fail(peer, "grpc-encoding came");
	expect_messages(peer, &request, &(struct wanted){false, 2000}, 1);
	http2_peer_answer(peer, request.stream, note_pack(note, "b", 2));
	http2_peer_expect_close(peer);
}

static char *text_of(char *room, size_t len)
{
	memset(room, 'y', len);
	room[len] = '\0';
	return room;
}

static void send_stream(struct prism_channel *channel, const struct prism_call_options *options)
{
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	char text[6000];
	struct prism_stream *stream = prism_stream_open(channel, &NOTE_COLLECT, options, NULL);
	for (size_t i = 0; i < 4; i++) {
		note.text = text_of(text, STREAM[i].len);
		prism_stream_compress(stream, i != 1);
		assert_true(prism_stream_send(stream, &note.base));
	}
	assert_int_equal(prism_stream_finish(stream, NULL, NULL), PRISM_OK);
}

static void test_requests(void **state)
{
	(void)state;
	const struct prism_call_options options = {.compress = true};
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	struct peer peer;
	char text[6000];
	peer_start(&peer, requests_script, NULL);
	struct prism_channel *channel = note_channel_grpc(peer.address, 1);
	for (int i = 0; i < 2; i++) {
		note.text = text_of(text, UNARY[i].len);
		assert_int_equal(
			prism_call_wait(channel, &NOTE_GET, &options, &note.base, NULL, NULL),
			PRISM_OK);
	}
	send_stream(channel, &options);
	note.text = text_of(text, 2000);
	struct prism_stream *stream = prism_stream_open(channel, &NOTE_COLLECT, NULL, NULL);
	prism_stream_compress(stream, true); /* without the option it does nothing */
	assert_true(prism_stream_send(stream, &note.base));
	assert_int_equal(prism_stream_finish(stream, NULL, NULL), PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* A request with a key of its own, and sent again: the same bytes. */
static void again_script(struct peer *peer)
{
	struct http2_request first, again;
	uint8_t note[64];
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &first);
	http2_peer_fail_call(peer, first.stream, "14", "prism-outcome", "not-executed");
	http2_peer_expect_request(peer, &again);
	if (first.len != again.len || memcmp(first.body, again.body, first.len) != 0 ||
	    first.body[0] != GRPC_FLAG_COMPRESSED)
		peer_fail(peer, "another request came, or a plain one");
	http2_peer_answer(peer, again.stream, note_pack(note, "b", 2));
	http2_peer_expect_close(peer);
}

static void test_sent_again(void **state)
{
	(void)state;
	const struct prism_call_options options = {.compress = true};
	Prism__Test__Client__KeyedNote note = PRISM__TEST__CLIENT__KEYED_NOTE__INIT;
	struct peer peer;
	struct prism_result result;
	char text[6000];
	peer_start(&peer, again_script, NULL);
	struct prism_channel *channel = note_channel_grpc(peer.address, 2);
	note.text = text_of(text, 4000);
	assert_int_equal(prism_call_wait(channel, &NOTE_PUT, &options, &note.base, NULL, &result),
	                 PRISM_OK);
	assert_int_equal(result.attempts, 2);
	assert_int_equal(strlen(result.request_id), PRISM_UUID_SIZE - 1);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),    cmocka_unit_test(test_faults),
		cmocka_unit_test(test_paused),     cmocka_unit_test(test_requests),
		cmocka_unit_test(test_sent_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
