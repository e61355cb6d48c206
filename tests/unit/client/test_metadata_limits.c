/* What a server may say beside its answers over HTTP/2, where no framing bounds it. */
#include "tests/unit/client/http2_peer.h"
#include "tests/unit/client/notes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static enum prism_status note_get(struct prism_channel *channel,
                                  struct prism_response_metadata *metadata,
                                  struct prism_result *result)
{
	const struct prism_call_options options = {.response_metadata = metadata};
	Prism__Test__Client__Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	return prism_call_wait(channel, &NOTE_GET, &options, &note.base, NULL, result);
}

struct fault {
	size_t entries, size;    /* of each value */
	const char *key, *value; /* NULL: as many as `entries` of `size` */
	enum prism_status status;
	const char *text;
};

static const struct fault FAULTS[] = {
	{100, 10, NULL, NULL, PRISM_OK, ""},
	{101, 1, NULL, NULL, PRISM_RESOURCE_EXHAUSTED, "100 entries"},
	{8, 1021, NULL, NULL, PRISM_OK, ""}, /* and 3 of each key: 8,192 */
	{8, 1022, NULL, NULL, PRISM_RESOURCE_EXHAUSTED, "8192 bytes"},
	{0, 0, "x-bin", "AP8,?", PRISM_INTERNAL, "metadata x-bin is no base64"},
};

static void fault_fields(const struct fault *fault, const char **fields, char *value)
{
	size_t at = 0;
	memset(value, 'v', fault->size);
	value[fault->size] = '\0';
	fields[at++] = ":status";
	fields[at++] = "200";
	fields[at++] = "content-type";
	fields[at++] = "application/grpc";
	for (size_t i = 0; i < fault->entries; i++) {
		fields[at++] = "x-v";
		fields[at++] = value;
	}
	if (fault->key) {
		fields[at++] = fault->key;
		fields[at++] = fault->value;
	}
	fields[at] = NULL;
}

/* First in the head, then in the trailers; a call that does not ask for it takes no notice. */
static void fault_script(struct peer *peer)
{
	const struct fault *fault = peer->ctx;
	const char *fields[256];
	char value[2048];
	struct http2_request request;
	uint8_t note[64];
	fault_fields(fault, fields, value);
	http2_peer_greet(peer);
	for (int i = 0; i < 3; i++) {
		http2_peer_expect_request(peer, &request);
		if (i == 1)
			http2_peer_say_head(peer, request.stream);
		else
			http2_peer_say_fields(peer, 0, request.stream, fields);
		if (i == 0 && fault->status != PRISM_OK) {
			http2_peer_expect_reset(peer, request.stream, NGHTTP2_CANCEL);
			continue;
		}
		http2_peer_say_message(peer, request.stream, note_pack(note, "a", 1), 100);
		fields[2] = "grpc-status";
		fields[3] = "0";
		http2_peer_say_fields(peer, HTTP2_END_STREAM, request.stream, fields + 2);
		fields[2] = "content-type";
		fields[3] = "application/grpc";
	}
	http2_peer_expect_close(peer);
}

static void test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
		const struct fault *fault = &FAULTS[i];
		struct peer peer;
		struct prism_result result;
		struct prism_response_metadata *metadata = prism_response_metadata_new();
		peer_start(&peer, fault_script, (void *)fault);
		struct prism_channel *channel = note_channel_grpc(peer.address, 1);
		for (int n = 0; n < 2; n++) {
			assert_int_equal(note_get(channel, metadata, &result), fault->status);
			assert_says(&result, fault->text);
		}
		assert_int_equal(note_get(channel, NULL, &result), PRISM_OK);
		prism_response_metadata_free(metadata);
		prism_channel_close(channel, NULL, NULL);
		peer_stop(&peer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
