/* A server that dies at any byte, or does not keep to the protocol. */
#include "tests/unit/client/notes.h"
#include "tests/unit/client/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef Prism__Test__Client__Note Note;

/* --- cut at every byte -------------------------------------------------------------------- */

/* All that a server says for a call: preface, HELLO, an answer in two frames. */
static size_t conversation(uint8_t *out, size_t size)
{
	uint8_t note[64];
	struct bytes body = note_pack(note, "answer", 5);
	struct writer writer = writer_init(out, size);
	preface_write(writer.at, FRAME_VERSION, FRAME_VERSION);
	writer.at += PREFACE_SIZE;
	frame_header_write(&writer, FRAME_HELLO, 0, 0, hello_size(&HELLO_START), 0);
	hello_write(&writer, &HELLO_START);
	frame_header_write(&writer, FRAME_MSG, FRAME_MORE, 1, 0, 3);
	writer_bytes(&writer, body.data, 3);
	frame_header_write(&writer, FRAME_END, 0, 1, 0, body.len - 3);
	writer_bytes(&writer, body.data + 3, body.len - 3);
	return (size_t)(writer.at - out);
}

struct cut {
	size_t len;      /* bytes that are sent */
	bool reset;      /* RST rather than FIN */
	bool one_by_one; /* each byte in a segment of its own */
};

static void cut_script(struct peer *peer)
{
	const struct cut *cut = peer->ctx;
	uint8_t bytes[512];
	struct frame frame;
	struct call_meta meta;
	conversation(bytes, sizeof bytes);
	peer_accept(peer);
	peer_read_greeting(peer);
	peer_expect_call(peer, &frame, &meta);
	if (cut->one_by_one)
		for (size_t i = 0; i < cut->len; i++)
			peer_send(peer, bytes + i, 1);
	else
		peer_send(peer, bytes, cut->len);
	if (cut->reset)
		peer_reset(peer);
}

static enum prism_status call_cut(struct cut *cut, const struct prism_method *method, Note **note,
                                  struct prism_result *result)
{
	struct peer peer;
	peer_start(&peer, cut_script, cut);
	struct prism_channel *channel = note_channel_attempts(peer.address, 1);
	enum prism_status status = note_call(channel, method, "a", note, result);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
	return status;
}

static void test_cut_at_every_byte(void **state)
{
	(void)state;
	uint8_t bytes[512];
	size_t whole = conversation(bytes, sizeof bytes);
	for (size_t len = 0; len < whole; len++) {
		struct cut cut = {.len = len, .reset = len % 2};
		struct prism_result result;
		Note *note = NULL;
		assert_int_equal(call_cut(&cut, &NOTE_GET, &note, &result), PRISM_UNAVAILABLE);
		assert_int_equal(result.outcome, PRISM_OUTCOME_UNKNOWN);
		assert_says(&result, "was lost");
		assert_null(note);
	}
}

static void test_cut_reading_method(void **state)
{
	(void)state;
	struct prism_result result;
	assert_int_equal(call_cut(&(struct cut){.len = 60}, &NOTE_READ, NULL, &result),
	                 PRISM_UNAVAILABLE);
	assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
	assert_int_equal(result.attempts, 1);
}

static void test_every_byte_alone(void **state)
{
	(void)state;
	uint8_t bytes[512];
	struct cut cut = {.len = conversation(bytes, sizeof bytes), .one_by_one = true};
	struct prism_result result;
	Note *note = NULL;
	assert_int_equal(call_cut(&cut, &NOTE_GET, &note, &result), PRISM_OK);
	assert_string_equal(note->text, "answer");
	assert_int_equal(note->number, 5);
	prism__test__client__note__free_unpacked(note, NULL);
}

/* --- what is not PRISM ---------------------------------------------------------------------- */

static void say_something_else(struct peer *peer)
{
	const char *text = peer->ctx;
	peer_accept(peer);
	peer_send(peer, text, strlen(text));
	peer_drain(peer);
}

static void test_not_prism(void **state)
{
	(void)state;
	static const char *const others[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "\x8eRPX",
	                                     "\x8eRPC\x02\x01"};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		struct peer peer;
		struct prism_result result;
		peer_start(&peer, say_something_else, (void *)others[i]);
		struct prism_channel *channel = note_channel(peer.address);
		assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result),
		                 PRISM_UNAVAILABLE);
		assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
		assert_says(&result, "does not speak PRISM's protocol");
		prism_channel_close(channel, NULL, NULL);
		peer_stop(&peer);
	}
}

static void other_version(struct peer *peer)
{
	uint8_t preface[PREFACE_SIZE];
	preface_write(preface, 2, 3);
	peer_accept(peer);
	peer_send(peer, preface, sizeof preface);
	peer_drain(peer);
}

static void test_other_version(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	peer_start(&peer, other_version, NULL);
	struct prism_channel *channel = note_channel(peer.address);
	assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result), PRISM_UNAVAILABLE);
	assert_int_equal(result.outcome, PRISM_NOT_EXECUTED);
	assert_says(&result, "versions of the framing do not include 1");
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

static void never_hello(struct peer *peer)
{
	peer_accept(peer);
	peer_drain(peer);
}

static void test_no_hello(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_channel *channel;
	struct prism_result result;
	peer_start(&peer, never_hello, NULL);
	struct prism_channel_options options = {.address = peer.address, .connect_timeout_ms = 50};
	assert_int_equal(prism_channel_open(&channel, &options, NULL, NULL), PRISM_OK);
	assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result), PRISM_UNAVAILABLE);
	assert_int_equal(result.outcome, PRISM_OUTCOME_UNKNOWN);
	assert_says(&result, "no HELLO from the server within 50 ms");
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* --- frames against the rules ------------------------------------------------------------- */

struct wrong {
	uint8_t type, flags;
	uint32_t stream;
	const char *meta, *body;
	size_t meta_len, body_len;
	const char *reason; /* in the GOAWAY that the client says, and in the call's message */
	enum prism_status status; /* of the call */
};

#define U   PRISM_UNAVAILABLE
#define BIG "\x7f\xff\xff\xff"

static const struct wrong WRONGS[] = {
	{FRAME_HELLO, 0, 0, "", "", 0, 0, "HELLO came twice", U},
	{FRAME_CALL, FRAME_CLOSE, 1, "\x0a\x01/", "", 3, 0, "does not open streams", U},
	{FRAME_CANCEL, 0, 1, "", "", 0, 0, "a server ends a stream with END", U},
	{FRAME_MSG, 0, 3, "", "", 0, 0, "never opened", U},
	{FRAME_MSG, 0, 2, "", "", 0, 0, "never opened", U},
	{FRAME_END, FRAME_NOMSG, 5, "", "", 0, 0, "never opened", U},
	{FRAME_HEAD, 0, 3, "", "", 0, 0, "never opened", U},
	{FRAME_CREDIT, 0, 3, "", "\0\0\0\1", 0, 4, "never opened", U},
	{FRAME_CREDIT, 0, 0, "", BIG, 0, 4, "2^31-1", U},
	{FRAME_CREDIT, 0, 1, "", BIG, 0, 4, "2^31-1", U},
	{FRAME_CREDIT, 0, 0, "", "\0\0\0\0", 0, 4, "at least 1", U},
	{FRAME_CREDIT, 0, 1, "", "\0\0\0\0", 0, 4, "at least 1", U},
	{FRAME_CREDIT, 0, 1, "", "\0\0\1", 0, 3, "CREDIT must have 4 bytes", U},
	{FRAME_PING, 0, 0, "", "1234567", 0, 7, "PING must have 8 bytes", U},
	{FRAME_MSG, FRAME_CLOSE, 1, "", "", 0, 0, "not with CLOSE", U},
	{FRAME_MSG, FRAME_COMPRESSED, 1, "", "x", 0, 1, "compressed", U},
	{FRAME_END, FRAME_COMPRESSED, 1, "", "x", 0, 1, "compressed", U},
	{FRAME_END, FRAME_MORE, 1, "", "", 0, 0, "flag", U},
	{FRAME_END, 0x40, 1, "", "", 0, 0, "flag", U},
	{FRAME_HEAD, 0, 1, "\x10\x01", "", 2, 0, "codec", U},
	{FRAME_HEAD, 0, 1, "\xff", "", 1, 0, "", U},
	{FRAME_END, FRAME_NOMSG, 1, "\x08", "", 1, 0, "", U},
	{FRAME_GOAWAY, 0, 0, "\xff", "", 1, 0, "", U},
	{0x20, 0, 0, "", "", 0, 0, "unknown", U},
	{FRAME_LIMIT, 0, 0, "", "", 0, 0, "unknown", U},
	{FRAME_END, FRAME_NOMSG, 1, "", "", 0, 0, "without an answer", PRISM_INTERNAL},
	{FRAME_END, 0, 1, "", "\x0a\x05", 0, 2, "text", PRISM_INTERNAL},
	{FRAME_END, 0, 1, "", "\x0a\x02\xc3\x28", 0, 4, "text", PRISM_INTERNAL},
	{FRAME_END, 0, 1, "", "\x0a\x02\x61\x00", 0, 4, "text", PRISM_INTERNAL},
};

static void wrong_script(struct peer *peer)
{
	const struct wrong *wrong = peer->ctx;
	struct frame frame;
	struct call_meta call;
	struct goaway_meta goaway = {0};
	const char *fault = "";
	peer_greet(peer);
	peer_expect_call(peer, &frame, &call);
	peer_send_frame(peer, wrong->type, wrong->flags, wrong->stream,
	                bytes_of(wrong->meta, wrong->meta_len),
	                bytes_of(wrong->body, wrong->body_len));
	peer_expect(peer, FRAME_GOAWAY, &frame);
	if (!*peer->fault && !goaway_meta_decode(frame.meta, &goaway, &fault))
		peer_fail(peer, "GOAWAY: %s", fault);
	if (frame.flags != FRAME_GOAWAY_FINAL || goaway.code != STATUS_INTERNAL ||
	    !memmem(goaway.reason.data, goaway.reason.len, wrong->reason, strlen(wrong->reason)))
		peer_fail(peer, "GOAWAY says %.*s, not %s", (int)goaway.reason.len,
		          (const char *)goaway.reason.data, wrong->reason);
	peer_expect_close(peer);
}

static void test_wrong_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof WRONGS / sizeof *WRONGS; i++) {
		struct peer peer;
		struct prism_result result;
		peer_start(&peer, wrong_script, (void *)&WRONGS[i]);
		struct prism_channel *channel = note_channel(peer.address);
		note_call(channel, &NOTE_GET, "", NULL, &result);
		if (result.status != WRONGS[i].status)
			fail_msg("case %zu: %s: %s", i, prism_status_name(result.status),
			         result.message);
		assert_int_equal(result.outcome,
		                 result.status == U ? PRISM_OUTCOME_UNKNOWN : PRISM_EXECUTED);
		assert_says(&result, WRONGS[i].reason);
		prism_channel_close(channel, NULL, NULL);
		peer_stop(&peer);
	}
}

static void first_frame_script(struct peer *peer)
{
	uint8_t preface[PREFACE_SIZE];
	preface_write(preface, FRAME_VERSION, FRAME_VERSION);
	peer_accept(peer);
	peer_read_greeting(peer);
	peer_send(peer, preface, sizeof preface);
	peer_send_frame(peer, FRAME_PING, 0, 0, bytes_of(NULL, 0), bytes_of("12345678", 8));
	peer_expect_close(peer);
}

static void test_first_frame(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	peer_start(&peer, first_frame_script, NULL);
	struct prism_channel *channel = note_channel(peer.address);
	assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result), PRISM_UNAVAILABLE);
	assert_says(&result, "the first frame must be HELLO");
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* A length of 16 MiB: not waited for, not allocated. */
static void long_frame_script(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	peer_send(peer, "\x00\xff\xff\xff\x05\x00\x00\x00\x00\x00\x00\x01", FRAME_HEADER_SIZE);
	peer_expect_close(peer);
}

static void test_long_frame(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	peer_start(&peer, long_frame_script, NULL);
	struct prism_channel *channel = note_channel(peer.address);
	assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result), PRISM_UNAVAILABLE);
	assert_says(&result, "max_frame");
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* Two answers to a call that has one; the END in the middle of a message. */
static void two_answers_script(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	peer_send_frame(peer, FRAME_MSG, 0, 1, bytes_of(NULL, 0), bytes_of(NULL, 0));
	peer_answer(peer, 1, bytes_of(NULL, 0));
	peer_expect_close(peer);
}

static void half_answer_script(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	peer_send_frame(peer, FRAME_MSG, FRAME_MORE, 1, bytes_of(NULL, 0), bytes_of("\x0a", 1));
	peer_send_frame(peer, FRAME_END, FRAME_NOMSG, 1, bytes_of(NULL, 0), bytes_of(NULL, 0));
	peer_expect_close(peer);
}

static void test_wrong_answers(void **state)
{
	(void)state;
	static const struct {
		void (*script)(struct peer *peer);
		const char *words;
	} each[] = {{two_answers_script, "two answers"}, {half_answer_script, "in the middle"}};
	for (size_t i = 0; i < 2; i++) {
		struct peer peer;
		struct prism_result result;
		peer_start(&peer, each[i].script, NULL);
		struct prism_channel *channel = note_channel(peer.address);
		assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result), PRISM_INTERNAL);
		assert_int_equal(result.outcome, PRISM_EXECUTED);
		assert_says(&result, each[i].words);
		prism_channel_close(channel, NULL, NULL);
		peer_stop(&peer);
	}
}

/* An error ends a message that had begun; unknown frames that may be ignored are. */
static void error_within_script(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	peer_send_frame(peer, 0x81, 0x7f, 77, bytes_of("m", 1), bytes_of("b", 1));
	peer_send_frame(peer, FRAME_HEAD, 0, 1, bytes_of(NULL, 0), bytes_of(NULL, 0));
	peer_send_frame(peer, FRAME_MSG, FRAME_MORE, 1, bytes_of(NULL, 0), bytes_of("\x0a", 1));
	peer_end(peer, 1, &(struct end_meta){.code = STATUS_ABORTED});
	peer_expect_close(peer);
}

static void test_error_within_message(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	peer_start(&peer, error_within_script, NULL);
	struct prism_channel *channel = note_channel(peer.address);
	assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result), PRISM_ABORTED);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
}

/* Larger than max_message: the call ends, the connection goes on. */
static void too_large_script(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	char body[1100];
	memset(body, 0, sizeof body);
	memcpy(body, "\x12\xc9\x08", 3); /* data, 1097 bytes */
	peer_greet(peer);
	for (int i = 0; i < 2; i++) {
		peer_expect_call(peer, &frame, &meta);
		if (i == 1)
			peer_send_frame(peer, FRAME_MSG, FRAME_MORE, frame.stream,
			                bytes_of(NULL, 0), bytes_of(body, 600));
		size_t sent = i == 1 ? 600 : 0;
		peer_send_frame(peer, FRAME_MSG, 0, frame.stream, bytes_of(NULL, 0),
		                bytes_of(body + sent, sizeof body - sent));
		peer_expect(peer, FRAME_CANCEL, &frame);
		peer_send_frame(peer, FRAME_END, FRAME_NOMSG, frame.stream, bytes_of(NULL, 0),
		                bytes_of(NULL, 0)); /* too late */
	}
	peer_expect_call(peer, &frame, &meta);
	peer_answer(peer, frame.stream, bytes_of(NULL, 0));
	peer_expect_close(peer);
}

static void test_too_large(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_channel *channel;
	struct prism_result result;
	peer_start(&peer, too_large_script, NULL);
	struct prism_channel_options options = {.address = peer.address, .max_message = 1000};
	assert_int_equal(prism_channel_open(&channel, &options, NULL, NULL), PRISM_OK);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result),
		                 PRISM_RESOURCE_EXHAUSTED);
		assert_says(&result, "1000 bytes that this channel takes");
		assert_int_equal(result.outcome, PRISM_EXECUTED);
	}
	assert_int_equal(note_call(channel, &NOTE_GET, "", NULL, &result), PRISM_OK);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
	assert_int_equal(peer.hello.max_message, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_cut_reading_method),
		cmocka_unit_test(test_every_byte_alone),
		cmocka_unit_test(test_not_prism),
		cmocka_unit_test(test_other_version),
		cmocka_unit_test(test_no_hello),
		cmocka_unit_test(test_wrong_frames),
		cmocka_unit_test(test_first_frame),
		cmocka_unit_test(test_long_frame),
		cmocka_unit_test(test_wrong_answers),
		cmocka_unit_test(test_error_within_message),
		cmocka_unit_test(test_too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
