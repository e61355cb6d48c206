/* Unary calls, blocking, against a peer that answers as a server does. */
#include "tests/unit/client/notes.h"
#include "tests/unit/client/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef Prism__Test__Client__Note Note;

static void note_free(Note *note)
{
	prism__test__client__note__free_unpacked(note, NULL);
}

/* --- an answer -------------------------------------------------------------------------- */

static void answer_one(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	uint8_t body[64];
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	if (frame.flags != FRAME_CLOSE || frame.stream != 1 || meta.path_id != 1)
		peer_fail(peer, "flags %u, stream %u, path id %u", frame.flags, frame.stream,
		          meta.path_id);
	if (!bytes_equal_string(meta.path, NOTE_GET.path))
		peer_fail(peer, "path %.*s", (int)meta.path.len, (const char *)meta.path.data);
	if (!bytes_equal(frame.body, note_pack(body, "a", 0)))
		peer_fail(peer, "the request has %zu bytes", frame.body.len);
	if (!meta.has_timeout || meta.timeout_us > 30000000 || meta.timeout_us < 1000000)
		peer_fail(peer, "timeout %lu us", (unsigned long)meta.timeout_us);
	peer_answer(peer, 1, note_pack(body, "b", 7));
	peer_expect_close(peer);
}

static void test_answer(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	Note *note = NULL;
	peer_start(&peer, answer_one, NULL);
	struct prism_channel *channel = note_channel(peer.address);
	assert_int_equal(note_call(channel, &NOTE_GET, "a", &note, &result), PRISM_OK);
	assert_int_equal(result.status, PRISM_OK);
	assert_int_equal(result.outcome, PRISM_EXECUTED);
	assert_string_equal(result.message, "");
	assert_string_equal(note->text, "b");
	assert_int_equal(note->number, 7);
	note_free(note);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
	assert_string_equal(peer.agent, "notes libprism/" PRISM_VERSION);
	assert_string_equal(peer.token, "");
}

/* The first call of a method defines its number, later ones send it alone. */
static void answer_paths(struct peer *peer)
{
	static const struct {
		const char *path;
		uint32_t id;
	} expected[] = {{"/prism.test.client.NoteService/Get", 1},
	                {"", 1},
	                {"/prism.test.client.NoteService/Read", 2},
	                {"", 1},
	                {"", 2}};
	peer_greet(peer);
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		struct frame frame;
		struct call_meta meta;
		peer_expect_call(peer, &frame, &meta);
		if (!bytes_equal_string(meta.path, expected[i].path) ||
		    meta.path_id != expected[i].id || frame.stream != i * 2 + 1)
			peer_fail(peer, "call %zu: path %.*s id %u stream %u", i,
			          (int)meta.path.len, (const char *)meta.path.data, meta.path_id,
			          frame.stream);
		peer_answer(peer, frame.stream, bytes_of(NULL, 0));
	}
	peer_expect_close(peer);
}

static void test_paths(void **state)
{
	(void)state;
	struct peer peer;
	const struct prism_method *methods[] = {&NOTE_GET, &NOTE_GET, &NOTE_READ, &NOTE_GET,
	                                        &NOTE_READ};
	peer_start(&peer, answer_paths, NULL);
	struct prism_channel *channel = note_channel(peer.address);
	for (size_t i = 0; i < 5; i++) {
		Note *note = NULL;
		assert_int_equal(note_call(channel, methods[i], "", &note, NULL), PRISM_OK);
		assert_string_equal(note->text, "");
		note_free(note);
	}
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* A server that knows no numbers is sent every path. */
static void answer_no_numbers(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	uint32_t stream = 1;
	peer_greet(peer);
	for (size_t i = 0; i < LIMIT_INTERNED_PATHS_START + 2; i++, stream += 2) {
		peer_expect_call(peer, &frame, &meta);
		if ((meta.path_id == 0) != (i >= LIMIT_INTERNED_PATHS_START) || meta.path.len == 0)
			peer_fail(peer, "call %zu has path id %u", i, meta.path_id);
		peer_answer(peer, stream, bytes_of(NULL, 0));
	}
	peer_expect_close(peer);
}

static void test_paths_beyond_limit(void **state)
{
	(void)state;
	struct peer peer;
	peer_start(&peer, answer_no_numbers, NULL);
	struct prism_channel *channel = note_channel(peer.address);
	for (size_t i = 0; i < LIMIT_INTERNED_PATHS_START + 2; i++) {
		char path[64];
		snprintf(path, sizeof path, "/notes/%zu", i);
		struct prism_method method = NOTE_GET;
		method.path = path;
		assert_int_equal(note_call(channel, &method, "", NULL, NULL), PRISM_OK);
	}
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* --- what a call carries ------------------------------------------------------------------ */

#define ACTOR "01234567-89ab-cdef-0123-456789abcdef"
#define OTHER "ffffffff-89ab-cdef-0123-456789abcdef"

static void expect_entry(struct peer *peer, const struct call_meta *meta, const char *key,
                         struct bytes value)
{
	struct bytes found = metadata_find(meta->block, METADATA_IN_CALL, key);
	if (!bytes_equal(found, value))
		peer_fail(peer, "%s is \"%.*s\"", key, (int)found.len, (const char *)found.data);
}

static void answer_metadata(struct peer *peer)
{
	static const uint8_t trace[25] = {0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84,
	                                  0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c, 0xb7, 0xad,
	                                  0x6b, 0x71, 0x69, 0x20, 0x33, 0x31, 0x01};
	static const char *const actors[] = {ACTOR, OTHER, ""};
	struct frame frame;
	struct call_meta meta;
	peer_greet(peer);
	for (size_t i = 0; i < 3; i++) {
		peer_expect_call(peer, &frame, &meta);
		expect_entry(peer, &meta, "x-prism-actor", bytes_of_string(actors[i]));
		if (i == 1) {
			expect_entry(peer, &meta, "one", bytes_of_string("1"));
			expect_entry(peer, &meta, "two-bin", bytes_of("\0\xff", 2));
			if (!bytes_equal(meta.trace, bytes_of(trace, sizeof trace)))
				peer_fail(peer, "the trace differs");
			if (meta.entries != 3)
				peer_fail(peer, "%u entries", meta.entries);
		}
		peer_answer(peer, frame.stream, bytes_of(NULL, 0));
	}
	peer_expect_close(peer);
}

static void test_metadata(void **state)
{
	(void)state;
	struct peer peer;
	peer_start(&peer, answer_metadata, NULL);
	struct prism_channel *channel;
	struct prism_channel_options options = {
		.address = peer.address, .actor = ACTOR, .key = "prk_secret"};
	assert_int_equal(prism_channel_open(&channel, &options, NULL, NULL), PRISM_OK);
	struct prism_metadata metadata[] = {{"one", "1", 1}, {"two-bin", "\0\xff", 2}};
	struct prism_call_options call = {
		.actor = OTHER,
		.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		.metadata = metadata,
		.metadata_count = 2};
	struct prism_call_options nobody = {.actor = ""};
	const struct prism_call_options *each[] = {NULL, &call, &nobody};
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
			prism_call_wait(channel, &NOTE_GET, each[i], &note.base, NULL, NULL),
			PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
	assert_string_equal(peer.token, "prk_secret");
	assert_string_equal(peer.agent, "libprism/" PRISM_VERSION);
}

/* --- refused before anything is sent ------------------------------------------------------- */

static void expect_refused(const struct prism_method *method,
                           const struct prism_call_options *options,
                           const ProtobufCMessage *request, const char *words)
{
	struct prism_channel *channel = note_channel("127.0.0.1:1");
	struct prism_result result;
	ProtobufCMessage *response = (ProtobufCMessage *)&result;
	assert_int_equal(prism_call_wait(channel, method, options, request, &response, &result),
	                 PRISM_INVALID_ARGUMENT);
	assert_null(response);
	assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
	if (!strstr(result.message, words))
		fail_msg("\"%s\" does not say \"%s\"", result.message, words);
	prism_channel_close(channel, NULL, NULL);
}

static void test_bad_arguments(void **state)
{
	(void)state;
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	Prism__Test__Client__Other other = PRISM__TEST__CLIENT__OTHER__INIT;
	ProtobufCMessage nothing = {0};
	struct prism_method nowhere = NOTE_GET;
	nowhere.path = "prism.test.client.NoteService/Get";
	expect_refused(NULL, NULL, &note.base, "path");
	expect_refused(&nowhere, NULL, &note.base, "must begin with /");
	nowhere.path = "/prism.test.client.NoteService/G\xc3\xa9t";
	expect_refused(&nowhere, NULL, &note.base, "must be printable ASCII");
	nowhere = NOTE_GET;
	nowhere.response = NULL;
	expect_refused(&nowhere, NULL, &note.base, "types are missing");
	expect_refused(&NOTE_GET, NULL, NULL, "request: is missing");
	expect_refused(&NOTE_GET, NULL, &other.base, "not of the method's request type");
	expect_refused(&NOTE_GET, NULL, &nothing, "not of the method's request type");
	expect_refused(&NOTE_LIST, NULL, &note.base, "the method streams");
	expect_refused(&NOTE_CHAT, NULL, NULL, "the method streams");
}

static void test_bad_options(void **state)
{
	(void)state;
	static const struct {
		struct prism_metadata metadata;
		const char *words;
	} bad[] = {
		{{NULL, "", 0}, "a key is missing"},
		{{"", "", 0}, "a key is missing"},
		{{"Upper", "", 0}, "made of 0-9"},
		{{"grpc-status", "", 0}, "reserved"},
		{{"x-prism-actor", "", 0}, "option `actor`"},
		{{"a", NULL, 1}, "NULL"},
		{{"a", NULL, 0}, NULL},
	};
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	for (size_t i = 0; bad[i].words; i++) {
		struct prism_call_options options = {.metadata = &bad[i].metadata,
		                                     .metadata_count = 1};
		expect_refused(&NOTE_GET, &options, &note.base, bad[i].words);
	}
	struct prism_metadata *many = calloc(100, sizeof *many);
	for (size_t i = 0; i < 100; i++)
		many[i] = (struct prism_metadata){"k", "v", 1};
	struct prism_call_options options = {.metadata = many, .metadata_count = 100};
	expect_refused(&NOTE_GET, &options, &note.base, "at most 99");
	char *large = calloc(8000, 1);
	many[0] = (struct prism_metadata){"k", large, 8000};
	options.metadata_count = 1;
	expect_refused(&NOTE_GET, &options, &note.base, "7,800 bytes");
	free(large);
	free(many);
	options = (struct prism_call_options){.actor = "somebody"};
	expect_refused(&NOTE_GET, &options, &note.base, "actor");
	static const char *const traces[] = {
		"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
		"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"};
	for (size_t i = 0; i < 4; i++) {
		options = (struct prism_call_options){.traceparent = traces[i]};
		expect_refused(&NOTE_GET, &options, &note.base, "traceparent");
	}
}

/* --- statuses ---------------------------------------------------------------------------- */

struct status_case {
	struct end_meta end;
	const struct prism_method *method;
	enum prism_outcome outcome;
	const char *message;
};

static const struct status_case STATUSES[] = {
	{{.code = STATUS_NOT_FOUND, .message = {(const uint8_t *)"no such note", 12}},
         &NOTE_GET,
         PRISM_EXECUTED,
         "no such note"},
	{{.code = STATUS_ABORTED}, &NOTE_GET, PRISM_EXECUTED, "aborted"},
	{{.code = STATUS_UNAVAILABLE, .pushback_ms = 250, .server_us = 9},
         &NOTE_GET,
         PRISM_OUTCOME_UNKNOWN,
         "unavailable"},
	{{.code = STATUS_UNAVAILABLE}, &NOTE_READ, PRISM_NOT_EXECUTED, "unavailable"},
	{{.code = STATUS_DEADLINE_EXCEEDED, .retry = RETRY_NEVER},
         &NOTE_GET,
         PRISM_OUTCOME_UNKNOWN,
         "deadline exceeded"},
	{{.code = STATUS_CANCELLED}, &NOTE_GET, PRISM_OUTCOME_UNKNOWN, "cancelled"},
	{{.code = STATUS_RESOURCE_EXHAUSTED, .retry = RETRY_SAFE},
         &NOTE_GET,
         PRISM_NOT_EXECUTED,
         "resource exhausted"},
	{{.code = STATUS_UNAVAILABLE, .retry = RETRY_SAFE, .pushback_ms = 40},
         &NOTE_GET,
         PRISM_NOT_EXECUTED,
         "unavailable"},
};

enum { STATUS_CASES = sizeof STATUSES / sizeof *STATUSES };

static void answer_statuses(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	peer_greet(peer);
	for (size_t i = 0; i < STATUS_CASES; i++) {
		peer_expect_call(peer, &frame, &meta);
		peer_end(peer, frame.stream, &STATUSES[i].end);
	}
	peer_expect_close(peer);
}

static void test_statuses(void **state)
{
	(void)state;
	struct peer peer;
	peer_start(&peer, answer_statuses, NULL);
	struct prism_channel *channel = note_channel_attempts(peer.address, 1);
	for (size_t i = 0; i < STATUS_CASES; i++) {
		struct prism_result result;
		Note *note = (Note *)&result;
		const struct status_case *expected = &STATUSES[i];
		note_call(channel, expected->method, "", &note, &result);
		assert_null(note);
		assert_int_equal(result.status, expected->end.code);
		assert_int_equal(result.outcome, expected->outcome);
		assert_string_equal(result.message, expected->message);
		assert_int_equal(result.pushback_ms, expected->end.pushback_ms);
		assert_int_equal(result.server_us, expected->end.server_us);
	}
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* Over 1,024 bytes, and cut within a character. */
static void answer_long_message(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	char text[1100];
	memset(text, 'x', sizeof text);
	memcpy(text + 1022, "\xe2\x82\xac", 3);
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	peer_end(peer, frame.stream,
	         &(struct end_meta){.code = STATUS_INTERNAL,
	                            .message = bytes_of(text, sizeof text)});
	peer_expect_close(peer);
}

static void test_long_message(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	peer_start(&peer, answer_long_message, NULL);
	struct prism_channel *channel = note_channel(peer.address);
	assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result), PRISM_INTERNAL);
	assert_int_equal(strlen(result.message), 1022);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* Refused as not processed: sent again, with the attempt's number. */
static void answer_second_time(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	uint8_t body[64];
	peer_greet(peer);
	for (uint32_t attempt = 0; attempt < 2; attempt++) {
		peer_expect_call(peer, &frame, &meta);
		if (meta.attempt != attempt || !bytes_equal(frame.body, note_pack(body, "a", 0)))
			peer_fail(peer, "attempt %u, %zu bytes", meta.attempt, frame.body.len);
		if (attempt == 0 || peer->ctx)
			peer_end(peer, frame.stream,
			         &(struct end_meta){.code = STATUS_UNAVAILABLE,
			                            .retry = RETRY_SAFE});
		else
			peer_answer(peer, frame.stream, note_pack(body, "b", 0));
	}
	peer_expect_close(peer);
}

static void test_refused_once(void **state)
{
	(void)state;
	struct peer peer;
	Note *note = NULL;
	peer_start(&peer, answer_second_time, NULL);
	struct prism_channel *channel = note_channel(peer.address);
	assert_int_equal(note_call(channel, &NOTE_GET, "a", &note, NULL), PRISM_OK);
	note_free(note);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

static void test_refused_twice(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	peer_start(&peer, answer_second_time, &result);
	struct prism_channel *channel = note_channel_attempts(peer.address, 2);
	assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, &result), PRISM_UNAVAILABLE);
	assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
	assert_int_equal(result.attempts, 2);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* --- no server --------------------------------------------------------------------------- */

static void test_no_server(void **state)
{
	(void)state;
	struct prism_result result;
	struct prism_channel *channel = note_channel("127.0.0.1:1");
	for (int i = 0; i < 2; i++) { /* the second fails while the channel waits */
		assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result),
		                 PRISM_UNAVAILABLE);
		assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
		assert_string_equal(result.message,
		                    "cannot connect to 127.0.0.1:1: Connection refused");
	}
	prism_channel_close(channel, NULL, NULL);
	channel = note_channel("unix:/nonexistent/prism.sock");
	assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result), PRISM_UNAVAILABLE);
	assert_string_equal(result.message, "cannot connect to unix:/nonexistent/prism.sock: "
	                                    "No such file or directory");
	prism_channel_close(channel, NULL, NULL);
}

static void test_name(void **state)
{
	(void)state;
	struct peer peer;
	char address[64];
	peer_start(&peer, answer_one, NULL);
	snprintf(address, sizeof address, "localhost%s", strchr(peer.address, ':'));
	struct prism_channel *channel = note_channel(address);
	assert_int_equal(note_call(channel, &NOTE_GET, "a", NULL, NULL), PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* DNS allows 63 characters in a label: no name server is asked. */
#define LONG_LABEL "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void test_bad_name(void **state)
{
	(void)state;
	struct prism_result result;
	struct prism_channel *channel = note_channel(LONG_LABEL ".invalid");
	assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result), PRISM_UNAVAILABLE);
	assert_non_null(strstr(result.message, ".invalid cannot be resolved"));
	prism_channel_close(channel, NULL, NULL);
}

/* --- pings ------------------------------------------------------------------------------- */

static void answer_pings(struct peer *peer)
{
	struct frame frame;
	peer_greet(peer);
	for (int i = 0; i < 2; i++) {
		peer_expect(peer, FRAME_PING, &frame);
		peer_send_frame(peer, FRAME_PING, FRAME_PING_ACK, 0, bytes_of(NULL, 0), frame.body);
	}
	peer_send_frame(peer, FRAME_PING, 0, 0, bytes_of(NULL, 0), bytes_of("12345678", 8));
	peer_expect(peer, FRAME_PING, &frame);
	if (frame.flags != FRAME_PING_ACK || !bytes_equal_string(frame.body, "12345678"))
		peer_fail(peer, "the client did not answer a ping");
	peer_send_frame(peer, FRAME_PING, FRAME_PING_ACK, 0, bytes_of(NULL, 0), frame.body);
	peer_expect(peer, FRAME_PING, &frame);
	peer_reset(peer);
}

static void test_ping(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	uint64_t round_trip_us = 0;
	peer_start(&peer, answer_pings, NULL);
	struct prism_channel *channel = note_channel(peer.address);
	assert_int_equal(prism_ping_wait(channel, 0, &round_trip_us, &result), PRISM_OK);
	assert_true(round_trip_us > 0);
	assert_int_equal(prism_ping_wait(channel, 0, NULL, &result), PRISM_UNAVAILABLE);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_paths_beyond_limit),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_bad_arguments),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_long_message),
		cmocka_unit_test(test_refused_once),
		cmocka_unit_test(test_refused_twice),
		cmocka_unit_test(test_no_server),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_bad_name),
		cmocka_unit_test(test_ping),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
