/* Without memory: each allocation of a conversation fails once, alone and with all that follow.
 * What remains is a status, and nothing is left behind (the leak sanitizer looks). */
#include "tests/unit/client/http2_peer.h"
#include "tests/unit/client/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

typedef Prism__Test__Client__Note Note;

/* The linker puts these before the heap's own; only the test's thread is struck. */
void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__real_realloc(void *data, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__wrap_realloc(void *data, size_t len);

static _Thread_local struct {
	bool on, goes_on; /* goes_on: all later allocations fail too */
	unsigned left;    /* before the one that fails */
	bool struck;
} fault;

static bool strike(void)
{
	if (!fault.on)
		return false;
	if (fault.left > 0) {
		fault.left--;
		return false;
	}
	if (fault.struck && !fault.goes_on)
		return false;
	fault.struck = true;
	return true;
}

void *__wrap_malloc(size_t len)
{
	return strike() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t count, size_t len)
{
	return strike() ? NULL : __real_calloc(count, len);
}

void *__wrap_realloc(void *data, size_t len)
{
	return strike() ? NULL : __real_realloc(data, len);
}

static void answer_with_metadata(struct peer *peer, uint32_t stream, struct bytes message)
{
	static const uint8_t ENTRY[] = "\x22\x06\x0a\x01k\x12\x01v"; /* EndMeta.trailing */
	peer_send_frame(peer, FRAME_END, 0, stream, bytes_of(ENTRY, sizeof ENTRY - 1), message);
}

/* Answers every call with its own message, for each connection that comes. */
static void echo_script(struct peer *peer)
{
	struct frame frame;
	struct hello hello = HELLO_START;
	hello.stream_credit = hello.connection_credit = 1 << 24;
	while (peer->stage == 0) {
		peer_accept(peer);
		peer_read_greeting(peer);
		peer_say_hello(peer, &hello);
		while (peer_read(peer, &frame)) {
			if (frame.type == FRAME_CALL && frame.flags & FRAME_MORE)
				peer_send_frame(peer, FRAME_MSG, FRAME_MORE, frame.stream,
				                bytes_of(NULL, 0), frame.body);
			else if (frame.type == FRAME_CALL && !(frame.flags & FRAME_NOMSG))
				answer_with_metadata(peer, frame.stream, frame.body);
			else if (frame.type == FRAME_MSG && !(frame.flags & FRAME_NOMSG))
				peer_send_frame(peer, FRAME_MSG, frame.flags & FRAME_MORE,
				                frame.stream, bytes_of(NULL, 0), frame.body);
			if (frame.type == FRAME_MSG && frame.flags & FRAME_CLOSE)
				peer_end(peer, frame.stream, &(struct end_meta){.code = STATUS_OK});
		}
		peer->fault[0] = '\0'; /* the client may leave at any time */
	}
	peer->fault[0] = '\0';
}

/* The same over HTTP/2. */
static void echo_grpc_script(struct peer *peer)
{
	static const char *const TRAILERS[] = {"grpc-status", "0",     "k", "v",
	                                       "k-bin",       "AA,/w", NULL};
	struct http2_frame frame;
	while (peer->stage == 0) {
		http2_peer_greet_with(peer, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 24);
		http2_peer_say_number(peer, NGHTTP2_WINDOW_UPDATE, 0, 1 << 24);
		while (http2_peer_read(peer, &frame)) {
			bool ends = frame.flags & HTTP2_END_STREAM;
			if (frame.type == NGHTTP2_HEADERS)
				http2_peer_say_head(peer, frame.stream);
			else if (frame.type == NGHTTP2_DATA && frame.payload.len > 0)
				http2_peer_say(peer, NGHTTP2_DATA, 0, frame.stream, frame.payload);
			if (frame.type == NGHTTP2_DATA && ends)
				http2_peer_say_fields(peer, HTTP2_END_STREAM, frame.stream,
				                      TRAILERS);
		}
		peer->fault[0] = '\0'; /* the client may leave at any time */
	}
	peer->fault[0] = '\0';
}

static enum prism_protocol protocol;

static bool known_end(enum prism_status status)
{
	return status == PRISM_OK || status == PRISM_RESOURCE_EXHAUSTED ||
	       status == PRISM_UNAVAILABLE || status == PRISM_CANCELLED;
}

/* --- blocking ------------------------------------------------------------------------------- */

static void converse_blocking(const char *address)
{
	struct prism_channel *channel;
	struct prism_channel_options options = {
		.protocol = protocol, .address = address, .key = "prk_x"};
	struct prism_result result;
	Note request = PRISM__TEST__CLIENT__NOTE__INIT;
	request.text = "text";
	enum prism_status status = prism_channel_open(&channel, &options, NULL, NULL);
	if (status != PRISM_OK) {
		assert_int_equal(status, PRISM_RESOURCE_EXHAUSTED);
		return;
	}
	struct prism_response_metadata *metadata = prism_response_metadata_new();
	struct prism_call_options call_options = {.response_metadata = metadata};
	for (int i = 0; i < 2; i++) {
		ProtobufCMessage *answer;
		size_t count = 0;
		status = prism_call_wait(channel, &NOTE_GET, &call_options, &request.base, &answer,
		                         &result);
		assert_true(known_end(status));
		if (metadata)
			(void)prism_response_metadata_trailing(metadata, &count);
		assert_true(status != PRISM_OK || !metadata ||
		            count == (protocol == PRISM_GRPC ? 3 : 1));
		if (answer)
			protobuf_c_message_free_unpacked(answer, NULL);
	}
	prism_response_metadata_free(metadata);
	struct prism_stream *stream = prism_stream_open(channel, &NOTE_LIST, NULL, &request.base);
	for (ProtobufCMessage *note; stream && (note = prism_stream_next(stream));)
		protobuf_c_message_free_unpacked(note, NULL);
	assert_true(known_end(prism_stream_close(stream, &result)));
	prism_channel_close(channel, NULL, NULL);
}

/* --- on a loop ---------------------------------------------------------------------------------
 */

struct chat {
	unsigned done;
	enum prism_status status;
};

static void on_message(void *ctx, struct prism_call *call, const ProtobufCMessage *message)
{
	(void)ctx, (void)call, (void)message;
}

static void on_done(void *ctx, const struct prism_result *result)
{
	struct chat *chat = ctx;
	chat->done++;
	chat->status = result->status;
}

static void converse_on(struct prism_channel *channel, uv_loop_t *loop, const Note *large)
{
	struct chat chat = {0}, get = {0};
	struct prism_call_handler on_chat = {.message = on_message, .done = on_done, .ctx = &chat};
	struct prism_call_handler on_get = {.message = on_message, .done = on_done, .ctx = &get};
	struct prism_call *call = prism_call_start(channel, &NOTE_CHAT, NULL, NULL, &on_chat);
	for (int i = 0; call && i < 3; i++)
		if (!prism_call_send(call, &large->base))
			break;
	if (call)
		prism_call_close_send(call);
	bool got = prism_call_start(channel, &NOTE_GET, NULL, &large->base, &on_get);
	uv_run(loop, UV_RUN_DEFAULT);
	assert_int_equal(chat.done, call != NULL);
	assert_int_equal(get.done, got);
	assert_true(known_end(chat.status) && known_end(get.status));
}

static void converse_on_loop(const char *address)
{
	static uint8_t data[200000];
	struct prism_channel *channel;
	struct prism_channel_options options = {.protocol = protocol, .address = address};
	Note large = PRISM__TEST__CLIENT__NOTE__INIT;
	large.data = (ProtobufCBinaryData){sizeof data, data};
	uv_loop_t loop;
	uv_loop_init(&loop);
	if (prism_channel_open(&channel, &options, &loop, NULL) == PRISM_OK) {
		converse_on(channel, &loop, &large);
		prism_channel_close(channel, NULL, NULL);
		uv_run(&loop, UV_RUN_DEFAULT);
	}
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* --- every allocation
 * ------------------------------------------------------------------------------ */

static void strike_each(void (*converse)(const char *address), bool goes_on)
{
	struct peer peer;
	unsigned at = 0;
	peer_start(&peer, protocol == PRISM_GRPC ? echo_grpc_script : echo_script, NULL);
	do {
		fault.left = at++;
		fault.goes_on = goes_on;
		fault.struck = false;
		fault.on = true;
		converse(peer.address);
		fault.on = false;
	} while (fault.struck);
	assert_true(at > 10);
	peer.stage = 1;
	peer_poke(&peer); /* one more connection ends the script */
	peer_stop(&peer);
}

static void test_blocking(void **state)
{
	(void)state;
	strike_each(converse_blocking, false);
	strike_each(converse_blocking, true);
}

static void test_on_loop(void **state)
{
	(void)state;
	strike_each(converse_on_loop, false);
	strike_each(converse_on_loop, true);
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
		cmocka_unit_test(test_blocking),
		cmocka_unit_test(test_on_loop),
		cmocka_unit_test_setup(test_blocking, over_grpc),
		cmocka_unit_test_setup(test_on_loop, over_grpc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
