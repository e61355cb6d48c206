/* Calls over HTTP/2 with a peer that says what gRPC allows, and what it does not. */
#include "proto/grpc_text.h"
#include "tests/unit/client/http2_peer.h"
#include "tests/unit/client/notes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef Prism__Test__Client__Note Note;

static enum prism_status one_call_of(void (*script)(struct peer *peer), void *ctx,
                                     const struct prism_method *method, uint32_t attempts,
                                     struct prism_result *result)
{
	struct peer peer;
	peer_start(&peer, script, ctx);
	struct prism_channel *channel = note_channel_grpc(peer.address, attempts);
	enum prism_status status = note_call(channel, method, "a", NULL, result);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
	return status;
}

static enum prism_status one_call(void (*script)(struct peer *peer), struct prism_result *result)
{
	return one_call_of(script, NULL, &NOTE_GET, 1, result);
}

/* --- how it ends ---------------------------------------------------------------------------- */

struct ends {
	const char *status, *name, *value;
	enum prism_outcome outcome;
	enum prism_status expected;
	const char *text;
};

static const struct ends ENDS[] = {
	{"5", NULL, NULL, PRISM_EXECUTED, PRISM_NOT_FOUND, ""},
	{"3", "grpc-message", "50%25 of %C3%BC%zz", PRISM_EXECUTED, PRISM_INVALID_ARGUMENT,
         "50% of \xc3\xbc%zz"},
	{"3", "grpc-message", "cut%C3", PRISM_EXECUTED, PRISM_INVALID_ARGUMENT, "cut"},
	{"14", NULL, NULL, PRISM_OUTCOME_UNKNOWN, PRISM_UNAVAILABLE, ""},
	{"14", "prism-outcome", "not-executed", PRISM_NOT_EXECUTED, PRISM_UNAVAILABLE, ""},
	{"10", "prism-outcome", "not-executed", PRISM_NOT_EXECUTED, PRISM_ABORTED, ""},
	{"12", "prism-outcome", "not-executed", PRISM_EXECUTED, PRISM_UNIMPLEMENTED, ""},
	{"13", "prism-outcome", "unknown", PRISM_OUTCOME_UNKNOWN, PRISM_INTERNAL, ""},
	{"17", NULL, NULL, PRISM_EXECUTED, PRISM_UNKNOWN, ""},
	{"-1", NULL, NULL, PRISM_EXECUTED, PRISM_UNKNOWN, ""},
	{"", NULL, NULL, PRISM_EXECUTED, PRISM_UNKNOWN, ""},
	{"0", NULL, NULL, PRISM_EXECUTED, PRISM_INTERNAL, "without an answer"},
};

static void ends_script(struct peer *peer)
{
	struct http2_request request;
	http2_peer_greet(peer);
	for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++) {
		http2_peer_expect_request(peer, &request);
		http2_peer_fail_call(peer, request.stream, ENDS[i].status, ENDS[i].name,
		                     ENDS[i].value);
	}
	http2_peer_expect_close(peer);
}

static void test_ends(void **state)
{
	(void)state;
	struct peer peer;
	peer_start(&peer, ends_script, NULL);
	struct prism_channel *channel = note_channel_grpc(peer.address, 1);
	for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++) {
		struct prism_result result;
		assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, &result),
		                 ENDS[i].expected);
		assert_int_equal(result.outcome, ENDS[i].outcome);
		assert_says(&result, ENDS[i].text);
	}
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* google.rpc.Status with ErrorInfo {reason: "WHY"} and BadRequest {field: "a.b"}. */
static size_t details_write(char *text)
{
	static const uint8_t STATUS[] = "\x08\x03\x12\x02no"
					"\x1a\x31\x0a\x28type.googleapis.com/google.rpc.ErrorInfo"
					"\x12\x05\x0a\x03WHY"
					"\x1a\x34\x0a\x29type.googleapis.com/google.rpc.BadRequest"
					"\x12\x07\x0a\x05\x0a\x03"
					"a.b";
	return grpc_binary_write(bytes_of(STATUS, sizeof STATUS - 1), text);
}

static void details_script(struct peer *peer)
{
	struct http2_request request;
	char text[256] = {0};
	details_write(text);
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_fail_call(peer, request.stream, "3", "grpc-status-details-bin", text);
	http2_peer_expect_request(peer, &request);
	http2_peer_fail_call(peer, request.stream, "3", "grpc-status-details-bin", "no base64!");
	http2_peer_expect_close(peer);
}

static void test_details(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	peer_start(&peer, details_script, NULL);
	struct prism_channel *channel = note_channel_grpc(peer.address, 1);
	assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, &result), PRISM_INVALID_ARGUMENT);
	assert_string_equal(result.reason, "WHY");
	assert_string_equal(result.field, "a.b");
	assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, &result), PRISM_INVALID_ARGUMENT);
	assert_string_equal(result.reason, "");
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

struct http {
	const char *status, *content_type;
	enum prism_status expected;
	const char *text;
};

static void http_script(struct peer *peer)
{
	const struct http *http = peer->ctx;
	const char *const fields[] = {":status", http->status, "content-type", http->content_type,
	                              NULL};
	struct http2_request request;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_say_fields(peer, 0, request.stream, fields);
	http2_peer_expect_reset(peer, request.stream, NGHTTP2_CANCEL);
	http2_peer_expect_request(peer, &request);
	http2_peer_say_fields(peer, HTTP2_END_STREAM, request.stream, fields);
	http2_peer_expect_close(peer);
}

/* A proxy, or a server of something else. */
static void test_not_grpc(void **state)
{
	(void)state;
	static struct http answers[] = {
		{"503", "text/html", PRISM_UNAVAILABLE, "HTTP status 503"},
		{"404", "text/html", PRISM_UNIMPLEMENTED, "HTTP status 404"},
		{"415", "application/grpc", PRISM_UNKNOWN, "HTTP status 415"},
		{"200", "text/html", PRISM_UNKNOWN, "not gRPC"},
		{"200", "application/grpc-web", PRISM_UNKNOWN, "not gRPC"},
	};
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct peer peer;
		struct prism_result result;
		peer_start(&peer, http_script, &answers[i]);
		struct prism_channel *channel = note_channel_grpc(peer.address, 1);
		for (int round = 0; round < 2; round++) {
			assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, &result),
			                 answers[i].expected);
			assert_says(&result, answers[i].text);
		}
		prism_channel_close(channel, NULL, NULL);
		peer_stop(&peer);
	}
}

static void informational_script(struct peer *peer)
{
	static const char *const EARLY[] = {":status", "103", "link", "</a>", NULL};
	struct http2_request request;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_say_fields(peer, 0, request.stream, EARLY);
	http2_peer_say_fields(peer, 0, request.stream, EARLY);
	http2_peer_answer(peer, request.stream, bytes_of(NULL, 0));
	http2_peer_expect_close(peer);
}

static void test_informational(void **state)
{
	(void)state;
	assert_int_equal(one_call(informational_script, NULL), PRISM_OK);
}

static void cut_script(struct peer *peer)
{
	struct http2_request request;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_say_head(peer, request.stream);
	http2_peer_say(peer, NGHTTP2_DATA, HTTP2_END_STREAM, request.stream,
	               bytes_of("\0\0\0\0\0", 5));
	http2_peer_expect_close(peer);
}

static void test_no_trailers(void **state)
{
	(void)state;
	struct prism_result result;
	assert_int_equal(one_call(cut_script, &result), PRISM_INTERNAL);
	assert_int_equal(result.outcome, PRISM_OUTCOME_UNKNOWN);
	assert_says(&result, "without a grpc-status");
}

/* --- resets ----------------------------------------------------------------------------------- */

static void reset_script(struct peer *peer)
{
	const uint32_t *code = peer->ctx;
	struct http2_request request;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_say_number(peer, NGHTTP2_RST_STREAM, request.stream, *code);
	http2_peer_expect_close(peer);
}

static void test_resets(void **state)
{
	(void)state;
	static struct {
		uint32_t code;
		enum prism_status status;
	} cases[] = {{NGHTTP2_NO_ERROR, PRISM_INTERNAL},
	             {NGHTTP2_CANCEL, PRISM_CANCELLED},
	             {NGHTTP2_ENHANCE_YOUR_CALM, PRISM_RESOURCE_EXHAUSTED}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct prism_result result;
		assert_int_equal(one_call_of(reset_script, &cases[i].code, &NOTE_GET, 3, &result),
		                 cases[i].status);
		assert_int_equal(result.outcome, PRISM_OUTCOME_UNKNOWN);
		assert_int_equal(result.attempts, 1);
		assert_says(&result, "reset the stream");
	}
}

/* Nothing was done: at once once more, then by the policy. */
static void refused_script(struct peer *peer)
{
	struct http2_request request;
	http2_peer_greet(peer);
	for (int i = 0; i < 3; i++) {
		char attempt[16];
		snprintf(attempt, sizeof attempt, "%d", i);
		http2_peer_expect_request(peer, &request);
		if (i > 0)
			http2_peer_check(peer, &request, "grpc-previous-rpc-attempts", attempt);
		if (i < 2)
			http2_peer_say_number(peer, NGHTTP2_RST_STREAM, request.stream,
			                      NGHTTP2_REFUSED_STREAM);
	}
	http2_peer_answer(peer, request.stream, bytes_of(NULL, 0));
	http2_peer_expect_close(peer);
}

static void test_refused(void **state)
{
	(void)state;
	struct prism_result result;
	assert_int_equal(one_call_of(refused_script, NULL, &NOTE_GET, 2, &result), PRISM_OK);
	assert_int_equal(result.attempts, 3);
}

/* --- sent again ------------------------------------------------------------------------------- */

static void pushback_script(struct peer *peer)
{
	struct http2_request request;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_fail_call(peer, request.stream, "14", "grpc-retry-pushback-ms", "3");
	http2_peer_expect_request(peer, &request);
	http2_peer_fail_call(peer, request.stream, "14", "grpc-retry-pushback-ms", peer->ctx);
	http2_peer_expect_close(peer);
}

/* The server asks for a pause, and then not to be asked again. */
static void test_pushback(void **state)
{
	(void)state;
	static char *const wishes[] = {"-1", "", "soon"};
	for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
		struct prism_result result;
		assert_int_equal(one_call_of(pushback_script, wishes[i], &NOTE_READ, 5, &result),
		                 PRISM_UNAVAILABLE);
		assert_int_equal(result.attempts, 2);
		assert_int_equal(result.pushback_ms, 0);
	}
}

/* --- messages -----------------------------------------------------------------------------------
 */

static void pieces_script(struct peer *peer)
{
	struct http2_request request;
	uint8_t note[1024];
	size_t most = *(const size_t *)peer->ctx;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_say_head(peer, request.stream);
	peer_cork(peer);
	for (uint64_t i = 0; i < 20; i++)
		http2_peer_say_message(peer, request.stream, note_pack(note, "some text", i), most);
	http2_peer_say_message(peer, request.stream, bytes_of(NULL, 0), most);
	peer_uncork(peer);
	http2_peer_say_ok(peer, request.stream);
	http2_peer_expect_close(peer);
}

/* Messages lie in frames in any way. */
static void test_pieces(void **state)
{
	(void)state;
	static size_t sizes[] = {1, 3, 5, 6, 1000};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct peer peer;
		Note request = PRISM__TEST__CLIENT__NOTE__INIT, *note;
		uint64_t count = 0;
		peer_start(&peer, pieces_script, &sizes[i]);
		struct prism_channel *channel = note_channel_grpc(peer.address, 1);
		struct prism_stream *stream =
			prism_stream_open(channel, &NOTE_LIST, NULL, &request.base);
		while ((note = (Note *)prism_stream_next(stream))) {
			assert_int_equal(note->number, count < 20 ? count : 0);
			prism__test__client__note__free_unpacked(note, NULL);
			count++;
		}
		assert_int_equal(count, 21);
		assert_int_equal(prism_stream_close(stream, NULL), PRISM_OK);
		prism_channel_close(channel, NULL, NULL);
		peer_stop(&peer);
	}
}

struct bad {
	struct bytes data;
	enum prism_status status;
	const char *text;
	bool ends; /* then trailers come, with OK */
};

static void bad_script(struct peer *peer)
{
	const struct bad *bad = peer->ctx;
	struct http2_request request;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_say_head(peer, request.stream);
	http2_peer_say(peer, NGHTTP2_DATA, 0, request.stream, bad->data);
	if (bad->ends)
		http2_peer_say_ok(peer, request.stream);
	else
		http2_peer_expect_reset(peer, request.stream, NGHTTP2_CANCEL);
	http2_peer_expect_request(peer, &request); /* the connection goes on */
	http2_peer_answer(peer, request.stream, bytes_of(NULL, 0));
	http2_peer_expect_close(peer);
}

#define BAD(text)                                         \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

static void test_bad_messages(void **state)
{
	(void)state;
	static struct bad cases[] = {
		{BAD("\1\0\0\0\0"), PRISM_INTERNAL, "compressed", false},
		{BAD("\2\0\0\0\0"), PRISM_INTERNAL, "0 or 1", false},
		{BAD("\0\0\0\x03\xe9"), PRISM_RESOURCE_EXHAUSTED, "1000 bytes", false},
		{BAD("\0\xff\xff\xff\xff"), PRISM_RESOURCE_EXHAUSTED, "1000 bytes", false},
		{BAD("\0\0\0\0\1\xff"), PRISM_INTERNAL, "malformed answer", true},
		{BAD("\0\0\0\0\0\0\0\0\0\0"), PRISM_INTERNAL, "two answers", false},
		{BAD("\0\0\0\0\5\x0a"), PRISM_INTERNAL, "in the middle", true},
		{BAD("\0\0\0"), PRISM_INTERNAL, "in the middle", true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct peer peer;
		struct prism_result result;
		peer_start(&peer, bad_script, &cases[i]);
		struct prism_channel *channel = note_channel_grpc(peer.address, 1);
		assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, &result),
		                 cases[i].status);
		assert_says(&result, cases[i].text);
		assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, NULL), PRISM_OK);
		prism_channel_close(channel, NULL, NULL);
		peer_stop(&peer);
	}
}

/* The server has its answer before it has read all: the client stops to send. */
static void early_script(struct peer *peer)
{
	struct http2_request request;
	http2_peer_greet(peer);
	http2_peer_expect_head(peer, &request);
	http2_peer_answer(peer, request.stream, bytes_of(NULL, 0));
	http2_peer_expect_reset(peer, request.stream, NGHTTP2_NO_ERROR);
	http2_peer_expect_close(peer);
}

static void test_answered_early(void **state)
{
	(void)state;
	struct peer peer;
	peer_start(&peer, early_script, NULL);
	struct prism_channel *channel = note_channel_grpc(peer.address, 1);
	struct prism_stream *stream = prism_stream_open(channel, &NOTE_CHAT, NULL, NULL);
	ProtobufCMessage *note = prism_stream_next(stream);
	assert_non_null(note);
	protobuf_c_message_free_unpacked(note, NULL);
	assert_null(prism_stream_next(stream));
	assert_int_equal(prism_stream_close(stream, NULL), PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

static void cancel_script(struct peer *peer)
{
	struct http2_request request, next;
	http2_peer_greet(peer);
	http2_peer_expect_request(peer, &request);
	http2_peer_expect_reset(peer, request.stream, NGHTTP2_CANCEL);
	http2_peer_expect_request(peer, &next);
	http2_peer_answer(peer, request.stream, bytes_of(NULL, 0)); /* it was on its way */
	http2_peer_answer(peer, next.stream, bytes_of(NULL, 0));
	http2_peer_expect_close(peer);
}

static void test_deadline(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	const struct prism_call_options options = {.timeout_ms = 30};
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	peer_start(&peer, cancel_script, NULL);
	struct prism_channel *channel = note_channel_grpc(peer.address, 1);
	assert_int_equal(prism_call_wait(channel, &NOTE_GET, &options, &note.base, NULL, &result),
	                 PRISM_DEADLINE_EXCEEDED);
	assert_int_equal(result.outcome, PRISM_OUTCOME_UNKNOWN);
	assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, NULL), PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),           cmocka_unit_test(test_details),
		cmocka_unit_test(test_not_grpc),       cmocka_unit_test(test_informational),
		cmocka_unit_test(test_no_trailers),    cmocka_unit_test(test_resets),
		cmocka_unit_test(test_refused),        cmocka_unit_test(test_pushback),
		cmocka_unit_test(test_pieces),         cmocka_unit_test(test_bad_messages),
		cmocka_unit_test(test_answered_early), cmocka_unit_test(test_deadline),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
