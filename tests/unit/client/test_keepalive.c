/* A server that says nothing while a call runs is asked whether it is there. */
#include "client/channel.h"
#include "tests/unit/client/http2_peer.h"
#include "tests/unit/client/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEEPALIVE_MS = 10, BRIEF_MS = 50, LONG_MS = 60000, PINGS = 5 };

static enum prism_protocol protocol;

static int over_grpc(void **state)
{
	(void)state;
	protocol = PRISM_GRPC;
	return 0;
}

/* Shorter than a program may ask for. */
static void open_at(struct loop *loop, const struct peer *peer, uint32_t timeout_ms)
{
	loop_open(loop, &(struct prism_channel_options){.protocol = protocol,
	                                                .address = peer->address,
	                                                .retry.max_attempts = 1});
	loop->channel->settings.keepalive_ms = KEEPALIVE_MS;
	loop->channel->settings.keepalive_timeout_ms = timeout_ms;
}

/* Until the client closes. */
static void be_silent(struct peer *peer)
{
	if (protocol == PRISM_GRPC)
		http2_peer_expect_close(peer);
	else
		peer_expect_close(peer);
}

/* The stream of a call that is greeted. */
static uint32_t take_call(struct peer *peer)
{
	struct http2_request request;
	struct call_meta meta;
	struct frame frame;
	if (protocol == PRISM_GRPC) {
		http2_peer_greet(peer);
		http2_peer_expect_request(peer, &request);
		return request.stream;
	}
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	return frame.stream;
}

static void answer_ping(struct peer *peer)
{
	struct http2_frame frame;
	struct frame ping;
	if (protocol == PRISM_GRPC) {
		http2_peer_expect(peer, NGHTTP2_PING, &frame);
		http2_peer_say(peer, NGHTTP2_PING, HTTP2_ACK, 0, frame.payload);
		return;
	}
	peer_expect(peer, FRAME_PING, &ping);
	peer_send_frame(peer, FRAME_PING, FRAME_PING_ACK, 0, bytes_of(NULL, 0), ping.body);
}

static void answer(struct peer *peer, uint32_t stream)
{
	if (protocol == PRISM_GRPC)
		http2_peer_answer(peer, stream, bytes_of(NULL, 0));
	else
		peer_answer(peer, stream, bytes_of(NULL, 0));
}

static void there_script(struct peer *peer)
{
	uint32_t stream = take_call(peer);
	for (int i = 0; i < PINGS; i++)
		answer_ping(peer);
	answer(peer, stream);
	be_silent(peer);
}

/* As often as it takes; and no more once no call is open. */
static void test_there(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of call = {0};
	peer_start(&peer, there_script, NULL);
	open_at(&loop, &peer, LONG_MS);
	loop_call(&loop, &call, &NOTE_GET, NULL, "a");
	assert_int_equal(loop_wait(&loop, &call), PRISM_OK);
	loop_close(&loop);
	peer_stop(&peer);
}

static void gone_script(struct peer *peer)
{
	take_call(peer);
	be_silent(peer);
}

static void test_gone(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of call = {0};
	peer_start(&peer, gone_script, NULL);
	open_at(&loop, &peer, BRIEF_MS);
	loop_call(&loop, &call, &NOTE_GET, NULL, "a");
	assert_int_equal(loop_wait(&loop, &call), PRISM_UNAVAILABLE);
	assert_int_equal(call.result.outcome, PRISM_OUTCOME_UNKNOWN);
	assert_non_null(strstr(call.result.message, "no answer to a PING within 50 ms"));
	loop_close(&loop);
	peer_stop(&peer);
}

static void calm_script(struct peer *peer)
{
	uint32_t stream = take_call(peer);
	http2_peer_goaway(peer, stream, NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings");
	answer(peer, stream);
	be_silent(peer);
}

static void test_too_many(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of call = {0};
	peer_start(&peer, calm_script, NULL);
	open_at(&loop, &peer, LONG_MS);
	loop_call(&loop, &call, &NOTE_GET, NULL, "a");
	assert_int_equal(loop_wait(&loop, &call), PRISM_OK);
	assert_int_equal(loop.channel->settings.keepalive_ms, 2 * KEEPALIVE_MS);
	loop_close(&loop);
	peer_stop(&peer);
}

static void test_setting(void **state)
{
	(void)state;
	struct prism_channel *channel;
	char message[256];
	const struct prism_channel_options often = {.address = "a", .keepalive_ms = 9999};
	const struct prism_channel_options right = {.address = "a", .keepalive_ms = 10000};
	assert_int_equal(prism_channel_open(&channel, &often, NULL, message),
	                 PRISM_INVALID_ARGUMENT);
	assert_string_equal(message, "keepalive_ms must be 0 or at least 10000");
	assert_int_equal(prism_channel_open(&channel, &right, NULL, message), PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_setting),
		cmocka_unit_test_setup(test_there, over_grpc),
		cmocka_unit_test_setup(test_gone, over_grpc),
		cmocka_unit_test_setup(test_too_many, over_grpc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
