/* A server's side of a conversation, changed at random: whatever comes, every call ends once, and
 * nothing is left behind. */
#include "client/channel.h"
#include "tests/unit/client/http2_peer.h"
#include "tests/unit/client/notes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

typedef Prism__Test__Client__Note Note;

enum { ROUNDS = 4000, CALLS = 5 };

static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(random_state >> 33) % bound;
}

/* --- what a server says --------------------------------------------------------------------------
 */

static void say_frame(struct buffer *said, uint8_t type, uint8_t flags, uint32_t stream,
                      struct bytes meta, struct bytes body)
{
	uint8_t header[FRAME_HEADER_SIZE];
	struct writer writer = writer_init(header, sizeof header);
	frame_header_write(&writer, type, flags, stream, meta.len, body.len);
	assert_true(buffer_append(said, header, sizeof header));
	assert_true(buffer_append(said, meta.data, meta.len));
	assert_true(buffer_append(said, body.data, body.len));
}

static void say_end(struct buffer *said, uint32_t stream, const struct end_meta *end)
{
	uint8_t meta[256];
	struct writer writer = writer_init(meta, sizeof meta);
	end_meta_write(&writer, end, NULL, 0, NULL, 0);
	say_frame(said, FRAME_END, FRAME_NOMSG, stream, bytes_of(meta, (size_t)(writer.at - meta)),
	          bytes_of("", 0));
}

static void say_greeting(struct buffer *said)
{
	uint8_t meta[256], preface[PREFACE_SIZE];
	struct hello hello = HELLO_START;
	hello.stream_credit = 100000;
	struct writer writer = writer_init(meta, sizeof meta);
	hello_write(&writer, &hello);
	preface_write(preface, FRAME_VERSION, FRAME_VERSION);
	assert_true(buffer_append(said, preface, sizeof preface));
	say_frame(said, FRAME_HELLO, 0, 0, bytes_of(meta, (size_t)(writer.at - meta)),
	          bytes_of("", 0));
}

static void say_all_native(struct buffer *said)
{
	uint8_t note[64], meta[64];
	struct bytes none = bytes_of("", 0), body = note_pack(note, "a note", 3);
	struct writer writer = writer_init(meta, sizeof meta);
	goaway_meta_write(&writer, &(struct goaway_meta){.last_stream = 5});
	say_greeting(said);
	say_frame(said, FRAME_HEAD, 0, 1, none, none);
	say_frame(said, FRAME_MSG, FRAME_MORE, 1, none, bytes_of(note, 4));
	say_frame(said, FRAME_CREDIT, 0, 0, none, bytes_of("\0\0\1\0", 4));
	say_frame(said, FRAME_CREDIT, 0, 5, none, bytes_of("\0\0\1\0", 4));
	say_frame(said, FRAME_MSG, 0, 3, none, body);
	say_frame(said, FRAME_PING, 0, 0, none, bytes_of("12345678", 8));
	say_frame(said, FRAME_MSG, 0, 3, none, none);
	say_frame(said, FRAME_MSG, 0, 5, none, body);
	say_frame(said, FRAME_END, 0, 1, none, bytes_of(note + 4, body.len - 4));
	say_frame(said, FRAME_PING, FRAME_PING_ACK, 0, none, bytes_of("\0\0\0\0\0\0\0\0", 8));
	say_end(said, 3,
	        &(struct end_meta){.code = STATUS_NOT_FOUND, .message = bytes_of("none", 4)});
	say_frame(said, FRAME_GOAWAY, 0, 0, bytes_of(meta, (size_t)(writer.at - meta)), none);
	say_end(said, 7, &(struct end_meta){.code = STATUS_UNAVAILABLE, .retry = RETRY_SAFE});
	say_end(said, 5, &(struct end_meta){.code = STATUS_OK, .server_us = 8});
}

/* The same over HTTP/2. */
static void say_all_grpc(struct buffer *said)
{
	static const char *const TRAILERS[] = {"grpc-status",
	                                       "14",
	                                       "grpc-message",
	                                       "no%20%C3%BC",
	                                       "grpc-status-details-bin",
	                                       "CAMSAm5v",
	                                       "prism-outcome",
	                                       "not-executed",
	                                       "grpc-retry-pushback-ms",
	                                       "3",
	                                       NULL};
	uint8_t note[64];
	struct bytes body = note_pack(note, "a note", 3);
	struct peer peer = {.fd = -1, .corked = true};
	http2_peer_say_setting(&peer, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 10);
	http2_peer_say(&peer, NGHTTP2_SETTINGS, HTTP2_ACK, 0, bytes_of("", 0));
	http2_peer_say_head(&peer, 1);
	http2_peer_say_message(&peer, 1, body, 4);
	http2_peer_say_number(&peer, NGHTTP2_WINDOW_UPDATE, 0, 256);
	http2_peer_say_number(&peer, NGHTTP2_WINDOW_UPDATE, 5, 256);
	http2_peer_say_head(&peer, 3);
	http2_peer_say_message(&peer, 3, body, 100);
	http2_peer_say(&peer, NGHTTP2_PING, 0, 0, bytes_of("12345678", 8));
	http2_peer_say_message(&peer, 3, bytes_of("", 0), 100);
	http2_peer_say_head(&peer, 5);
	http2_peer_say_message(&peer, 5, body, 100);
	http2_peer_say_ok(&peer, 1);
	http2_peer_say(&peer, NGHTTP2_PING, HTTP2_ACK, 0, bytes_of("\0\0\0\0\0\0\0\0", 8));
	http2_peer_say_fields(&peer, HTTP2_END_STREAM, 3, TRAILERS);
	http2_peer_goaway(&peer, 5, NGHTTP2_NO_ERROR, "bye");
	http2_peer_fail_call(&peer, 7, "5", NULL, NULL);
	http2_peer_say_number(&peer, NGHTTP2_RST_STREAM, 5, NGHTTP2_INTERNAL_ERROR);
	*said = peer.out;
}

/* A byte or a bit changed, a piece left out, doubled or moved in. */
static void mutate(struct buffer *said)
{
	uint8_t *data = said->data + said->start;
	uint32_t len = (uint32_t)buffer_len(said), at = random_below(len);
	uint32_t piece = 1 + random_below(len - at < 40 ? len - at : 40);
	uint8_t copy[64];
	switch (random_below(5)) {
	case 0:
		data[at] = (uint8_t)random_below(256);
		break;
	case 1:
		data[at] ^= (uint8_t)(1 << random_below(8));
		break;
	case 2:
		memmove(data + at, data + at + piece, len - at - piece);
		said->end -= piece;
		break;
	case 3:
		memcpy(copy, data + at, piece);
		assert_true(buffer_append(said, copy, piece));
		break;
	default:
		memmove(data + random_below(len - piece + 1), data + at, piece);
	}
}

/* --- the client
 * ------------------------------------------------------------------------------------- */

struct ends {
	unsigned done[CALLS];
};

struct end_of {
	struct ends *ends;
	unsigned which;
};

static void on_message(void *ctx, struct prism_call *call, const ProtobufCMessage *message)
{
	(void)ctx;
	assert_ptr_equal(message->descriptor, &prism__test__client__note__descriptor);
	if (random_below(4) == 0)
		prism_call_pause(call, true);
	if (random_below(16) == 0)
		prism_call_cancel(call);
}

static void on_done(void *ctx, const struct prism_result *result)
{
	struct end_of *end = ctx;
	assert_in_range(result->status, PRISM_OK, PRISM_UNAUTHENTICATED);
	end->ends->done[end->which]++;
}

static void start_calls(struct prism_channel *channel, struct end_of *ends,
                        struct prism_call **calls)
{
	static const struct prism_method *const methods[CALLS] = {&NOTE_GET, &NOTE_LIST, &NOTE_CHAT,
	                                                          &NOTE_READ, NULL};
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	for (unsigned i = 0; i < CALLS; i++) {
		struct prism_call_handler handler = {
			.message = on_message, .done = on_done, .ctx = &ends[i]};
		const char *fault;
		struct prism_call *call =
			call_new(channel, methods[i], NULL,
		                 i == 2 || !methods[i] ? NULL : &note.base, &handler, &fault);
		assert_non_null(call);
		channel_submit(channel, call, fault);
		calls[i] = call;
	}
	assert_true(prism_call_send(calls[2], &note.base));
}

/* On a socket pair instead of a connection that was dialed. */
static void connect_pair(struct prism_channel *channel, int fd)
{
	channel->session = session_new(channel, fd);
	assert_non_null(channel->session);
	channel_set_state(channel, CHANNEL_GREETING);
}

static enum prism_protocol protocol;

static void converse(const struct buffer *said)
{
	uv_loop_t loop;
	struct prism_channel *channel;
	struct prism_channel_options options = {.protocol = protocol, .address = "127.0.0.1:1"};
	struct ends ends = {0};
	struct end_of each[CALLS];
	struct prism_call *calls[CALLS];
	int pair[2];
	for (unsigned i = 0; i < CALLS; i++)
		each[i] = (struct end_of){&ends, i};
	uv_loop_init(&loop);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(prism_channel_open(&channel, &options, &loop, NULL), PRISM_OK);
	connect_pair(channel, pair[0]);
	start_calls(channel, each, calls);
	for (uint32_t at = 0, len = (uint32_t)buffer_len(said); at < len;) {
		uint32_t piece = 1 + random_below(len - at);
		if (send(pair[1], said->data + said->start + at, piece, MSG_NOSIGNAL) < 0)
			break; /* the client has had enough */
		uv_run(&loop, UV_RUN_NOWAIT);
		at += piece;
	}
	if (random_below(2))
		shutdown(pair[1], SHUT_WR);
	for (int i = 0; i < 3; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	prism_channel_close(channel, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	close(pair[1]);
	for (unsigned i = 0; i < CALLS; i++)
		assert_int_equal(ends.done[i], 1);
}

static void say(struct buffer *said)
{
	if (protocol == PRISM_GRPC)
		say_all_grpc(said);
	else
		say_all_native(said);
}

static void test_unchanged(void **state)
{
	(void)state;
	struct buffer said = {0};
	random_state = 1;
	say(&said);
	for (int i = 0; i < 50; i++)
		converse(&said);
	buffer_deinit(&said);
}

static void test_changed(void **state)
{
	(void)state;
	random_state = 2;
	for (int round = 0; round < ROUNDS; round++) {
		struct buffer said = {0};
		say(&said);
		for (uint32_t changes = 1 + random_below(4); changes > 0; changes--)
			mutate(&said);
		converse(&said);
		buffer_deinit(&said);
	}
}

static int over_grpc(void **state)
{
	(void)state;
	protocol = PRISM_GRPC;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unchanged),
		cmocka_unit_test(test_changed),
		cmocka_unit_test_setup(test_unchanged, over_grpc),
		cmocka_unit_test_setup(test_changed, over_grpc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
