/* What a server of gRPC sees of a call: header fields and the message behind them. */
#include "proto/grpc_prefix.h"
#include "proto/grpc_text.h"
#include "tests/unit/client/http2_peer.h"
#include "tests/unit/client/notes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

typedef Prism__Test__Client__Note Note;

static void request_script(struct peer *peer)
{
	struct http2_request request;
	uint8_t note[64], prefix[GRPC_PREFIX_SIZE];
	struct bytes packed = note_pack(note, "a", 0);
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_check(peer, &request, ":method", "POST");
	http2_peer_check(peer, &request, ":scheme", "http");
	http2_peer_check(peer, &request, ":path", NOTE_GET.path);
	http2_peer_check(peer, &request, ":authority", peer->address);
	http2_peer_check(peer, &request, "te", "trailers");
	http2_peer_check(peer, &request, "content-type", "application/grpc+proto");
	http2_peer_check(peer, &request, "grpc-accept-encoding", "identity,gzip");
	http2_peer_check(peer, &request, "authorization", "Bearer prk_secret");
	http2_peer_check(peer, &request, "user-agent", "notes libprism/" PRISM_VERSION);
	http2_peer_check(peer, &request, "x-prism-actor", "00000000-0000-0000-0000-000000000001");
	http2_peer_check(peer, &request, "x-text", "some text");
	http2_peer_check(peer, &request, "x-data-bin", "AAH/");
	http2_peer_check(peer, &request, "traceparent",
	                 "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
	const char *timeout = strstr(request.fields, "\ngrpc-timeout: ");
	uint64_t us = 0;
	if (!timeout ||
	    !grpc_timeout_read(bytes_of(timeout + 15, strcspn(timeout + 15, "\n")), &us) ||
	    us == 0 || us > 7000000)
		peer_fail(peer, "grpc-timeout is not up to 7 s");
	grpc_prefix_write(prefix, 0, packed.len);
	if (request.len != sizeof prefix + packed.len ||
	    memcmp(request.body, prefix, sizeof prefix) != 0 ||
	    memcmp(request.body + sizeof prefix, packed.data, packed.len) != 0)
		peer_fail(peer, "the request is another one");
	http2_peer_answer(peer, request.stream, packed);
	http2_peer_expect_close(peer);
}

static void test_request(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	ProtobufCMessage *answer;
	static const struct prism_metadata metadata[] = {{"x-text", "some text", 9},
	                                                 {"x-data-bin", "\0\1\xff", 3}};
	const struct prism_call_options options = {
		.timeout_ms = 7000,
		.actor = "00000000-0000-0000-0000-000000000001",
		.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		.metadata = metadata,
		.metadata_count = 2,
	};
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	note.text = "a";
	peer_start(&peer, request_script, NULL);
	struct prism_channel *channel = note_channel_grpc(peer.address, 1);
	assert_int_equal(
		prism_call_wait(channel, &NOTE_GET, &options, &note.base, &answer, &result),
		PRISM_OK);
	assert_string_equal(((Note *)answer)->text, "a");
	assert_int_equal(result.outcome, PRISM_EXECUTED);
	protobuf_c_message_free_unpacked(answer, NULL);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

static void agent_script(struct peer *peer)
{
	struct http2_request request;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_check(peer, &request, "user-agent", "libprism/" PRISM_VERSION);
	http2_peer_check(peer, &request, "authorization", "Basic abc");
	if (strstr(request.fields, "prk_secret"))
		peer_fail(peer, "the channel's key was sent beside the call's");
	http2_peer_answer(peer, request.stream, bytes_of(NULL, 0));
	http2_peer_expect_close(peer);
}

/* An agent that would be no header field; a call that says itself who calls. */
static void test_agent_and_authorization(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	static const struct prism_metadata metadata = {"authorization", "Basic abc", 9};
	const struct prism_call_options options = {.metadata = &metadata, .metadata_count = 1};
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	peer_start(&peer, agent_script, NULL);
	struct prism_channel *channel =
		note_channel_with(&(struct prism_channel_options){.protocol = PRISM_GRPC,
	                                                          .address = peer.address,
	                                                          .key = "prk_secret",
	                                                          .agent = "a\nb"});
	assert_int_equal(prism_call_wait(channel, &NOTE_GET, &options, &note.base, NULL, &result),
	                 PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* What would be no header field, or would be one of HTTP's. */
static void test_metadata_refused(void **state)
{
	(void)state;
	static const struct prism_metadata bad[] = {
		{"x-a", "a\n", 2},      {"x-a", " a", 2},           {"x-a", "a ", 2},
		{"x-a", "\xc3\xbc", 2}, {"te", "gzip", 4},          {"content-type", "a/b", 3},
		{"host", "h", 1},       {"connection", "close", 5},
	};
	struct prism_channel *channel = note_channel_with(
		&(struct prism_channel_options){.protocol = PRISM_GRPC, .address = "127.0.0.1:1"});
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct prism_result result;
		const struct prism_call_options options = {.metadata = &bad[i],
		                                           .metadata_count = 1};
		assert_int_equal(
			prism_call_wait(channel, &NOTE_GET, &options, &note.base, NULL, &result),
			PRISM_INVALID_ARGUMENT);
		assert_says(&result, "over gRPC");
		assert_int_equal(result.attempts, 0);
	}
	prism_channel_close(channel, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_metadata_refused),
		cmocka_unit_test(test_agent_and_authorization),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
