/* Connect's streams, frame by frame: what an envelope may be, and that whatever is wrong is said in
 * the last message of an answer of 200. */
#include "proto/grpc_prefix.h"
#include "tests/talk/h2.h"

#include <stdio.h>

static struct h2 h2;

static int setup(void **state)
{
	(void)state;
	h2_open(&h2, server.address);
	return 0;
}

static int teardown(void **state)
{
	h2_close(&h2);
	return server_test_teardown(state);
}

static const char PROTO[] = "application/connect+proto", JSON[] = "application/connect+json";

/* A head for a method of the EchoService, with one more field (NULL name: none). */
static void say_head(uint32_t stream, const char *type, const char *method, struct h2_field more)
{
	char path[128];
	bool replaces = more.name && strcmp(more.name, ":method") == 0;
	snprintf(path, sizeof(path), "/prism.test.v1.EchoService/%s", method);
	const struct h2_field fields[] = {
		{":method", replaces ? more.value : "POST"},
		{":scheme", "http"},
		{":path", path},
		{":authority", "test"},
		{"content-type", type},
		{replaces ? NULL : more.name, more.value},
		{NULL, NULL},
	};
	h2_say_headers(&h2, 0, stream, fields);
}

static const struct h2_field none, gzip = {"connect-content-encoding", "gzip"};

static void say_body(uint32_t stream, uint8_t flags, const char *body, size_t len)
{
	h2_say(&h2, NGHTTP2_DATA, flags, stream, bytes_of(body, len));
	h2_send(&h2);
}

/* The messages of an answer of 200 to its end; the end's JSON. */
static size_t hear(uint32_t stream, const char *type, char end[], size_t size)
{
	struct h2_answer answer;
	struct grpc_prefix prefix;
	size_t count = 0;
	h2_answer(&h2, stream, &answer);
	assert_false(answer.reset);
	assert_string_equal(h2_answer_field(&answer, ":status"), "200");
	assert_string_equal(h2_answer_field(&answer, "content-type"), type);
	struct reader reader = reader_init(buffer_bytes(&answer.body));
	for (;; count++) {
		prefix = grpc_prefix_read(reader_bytes(&reader, GRPC_PREFIX_SIZE).data);
		struct bytes message = reader_bytes(&reader, prefix.len);
		assert_false(reader.failed);
		snprintf(end, size, "%.*s", (int)message.len, (const char *)message.data);
		if (prefix.flag == CONNECT_FLAG_END)
			break;
		assert_int_equal(prefix.flag, 0);
	}
	assert_int_equal(reader_left(&reader), 0);
	h2_answer_free(&answer);
	return count;
}

static void expect_failure(uint32_t stream, const char *type, const char *code, const char *text)
{
	char end[1024], error[64];
	assert_int_equal(hear(stream, type, end, sizeof(end)), 0);
	snprintf(error, sizeof(error), "{\"error\":{\"code\":\"%s\",", code);
	if (strncmp(end, error, strlen(error)) != 0 || !strstr(end, text))
		fail_msg("'%s' does not begin with '%s' or say '%s'", end, error, text);
}

static void expect_answers(uint32_t stream, const char *type, size_t count)
{
	char end[1024];
	assert_int_equal(hear(stream, type, end, sizeof(end)), count);
	assert_string_equal(end, "{}");
}

/* --- heads --------------------------------------------------------------------------- */

static void test_heads(void **state)
{
	(void)state;
	static char much[9000];
	memset(much, 'x', sizeof(much) - 1);
	const struct {
		const char *method;
		struct h2_field more;
		const char *code, *text;
	} heads[] = {
		{"Chat", {"connect-timeout-ms", "1s"}, "invalid_argument", "1 to 10 digits"},
		{"Chat", {"connect-timeout-ms", "0"}, "deadline_exceeded", "had passed"},
		{"Chat", {"connect-protocol-version", "2"}, "invalid_argument", "must be 1"},
		{"Chat", {"x-thing-bin", "!"}, "invalid_argument", "base64"},
		{"Chat", {"x-much", much}, "resource_exhausted", "8192"},
		{"Chat", {"connect-content-encoding", "br"}, "unimplemented", "identity or gzip"},
		{"Nothing", {0}, "unimplemented", "no such method"},
		{"Missing", {0}, "unimplemented", "Missing"},
	};
	uint32_t stream = 1;
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++, stream += 2) {
		const char *type = i % 2 ? PROTO : JSON;
		say_head(stream, type, heads[i].method, heads[i].more);
		if (type == JSON)
			say_body(stream, H2_END_STREAM, "\0\0\0\0\2{}", 7);
		else
			say_body(stream, H2_END_STREAM, "\0\0\0\0\0", 5);
		expect_failure(stream, type, heads[i].code, heads[i].text);
	}
	h2_echo(&h2, stream);
}

static void expect_status(uint32_t stream, const char *type, struct h2_field more,
                          const char *status)
{
	struct h2_answer answer;
	say_head(stream, type, "Chat", more);
	say_body(stream, H2_END_STREAM, "{}", 2);
	h2_answer(&h2, stream, &answer);
	assert_string_equal(h2_answer_field(&answer, ":status"), status);
	assert_string_equal(h2_answer_field(&answer, "content-type"), "application/json");
	h2_answer_free(&answer);
}

/* Never 200: who does not know of the last message would take it for success. */
static void test_no_streams(void **state)
{
	(void)state;
	expect_status(1, "application/connect+xml", none, "415");
	expect_status(3, "application/connect", none, "415");
	expect_status(5, "application/connect+jsonx", none, "415");
	expect_status(7, "application/json", none, "501");
	expect_status(9, "application/proto", none, "501");
	expect_status(11, JSON, (struct h2_field){":method", "PUT"}, "405");
	expect_status(13, PROTO, (struct h2_field){":method", "HEAD"}, "405");
}

static void test_a_refusal_has_an_outcome(void **state)
{
	(void)state;
	char end[1024];
	say_head(1, JSON, "Chat", (struct h2_field){"connect-timeout-ms", "x"});
	say_body(1, H2_END_STREAM, "", 0);
	assert_int_equal(hear(1, JSON, end, sizeof(end)), 0);
	assert_non_null(strstr(end, ",\"metadata\":{\"prism-outcome\":[\"not-executed\"]}}"));
}

/* --- envelopes ----------------------------------------------------------------------- */

static void test_envelopes_that_are_none(void **state)
{
	(void)state;
#define BODY(text) text, sizeof(text) - 1
	static const struct {
		struct h2_field more;
		const char *body;
		size_t len;
		const char *code, *text;
	} bad[] = {
		{{0}, BODY("\2\0\0\0\2{}"), "invalid_argument", "first byte must be 0 or 1"},
		{{0}, BODY("\x80\0\0\0\0"), "invalid_argument", "first byte must be 0 or 1"},
		{{0}, BODY("\x03\0\0\0\0"), "invalid_argument", "first byte must be 0 or 1"},
		{{0}, BODY("\1\0\0\0\3abc"), "invalid_argument", "no connect-content-encoding"},
		{gzip, BODY("\1\0\0\0\3abc"), "invalid_argument", "the message is not gzip"},
		{{0}, BODY("\0\0\0\0\5abc"), "invalid_argument", "ended within a message"},
		{{0}, BODY("\0\0\0"), "invalid_argument", "ended within a message"},
		{{0},
	         BODY("\0\x7f\xff\xff\xff"),
	         "resource_exhausted",
	         "2147483647 bytes, at most"},
		{{0}, BODY("\0\0\x40\0\1"), "resource_exhausted", "4194305 bytes, at most 4194304"},
	};
#undef BODY
	uint32_t stream = 1;
	for (size_t i = 0; i < 2 * sizeof(bad) / sizeof(*bad); i++, stream += 2) {
		const char *type = i % 2 ? PROTO : JSON;
		say_head(stream, type, "Chat", bad[i / 2].more);
		say_body(stream, H2_END_STREAM, bad[i / 2].body, bad[i / 2].len);
		expect_failure(stream, type, bad[i / 2].code, bad[i / 2].text);
	}
	h2_echo(&h2, stream);
}

/* A bad one behind a good one: the good one is answered, and nothing after the bad one is looked
 * at. */
static void test_in_the_middle(void **state)
{
	(void)state;
	char end[1024];
	say_head(1, JSON, "Chat", none);
	say_body(1, 0, "\0\0\0\0\2{}", 7);
	struct h2_frame frame = h2_wait_for(&h2, NGHTTP2_DATA);
	assert_int_equal(frame.payload.len, 7);
	assert_memory_equal(frame.payload.data, "\0\0\0\0\2{}", 7);
	say_body(1, H2_END_STREAM, "\4\0\0\0\2{}\0\0\0\0\2{}", 14);
	struct h2_frame last = h2_wait_for(&h2, NGHTTP2_DATA);
	snprintf(end, sizeof(end), "%.*s", (int)last.payload.len - 5, last.payload.data + 5);
	assert_int_equal(last.payload.data[0], CONNECT_FLAG_END);
	assert_non_null(strstr(end, "first byte must be 0 or 1"));
	assert_true(last.flags & H2_END_STREAM);
	h2_echo(&h2, 3);
}

static void test_byte_by_byte(void **state)
{
	(void)state;
	static const char body[] = "\0\0\0\0\x0d{\"data\":\"YQ\"}\0\0\0\0\2{}";
	enum { LEN = sizeof(body) - 1 };
	say_head(1, JSON, "Chat", none);
	for (size_t i = 0; i < LEN; i++)
		say_body(1, i + 1 == LEN ? H2_END_STREAM : 0, body + i, 1);
	expect_answers(1, JSON, 2);
}

static void test_messages_of_nothing(void **state)
{
	(void)state;
	say_head(1, PROTO, "Chat", none);
	say_body(1, H2_END_STREAM, "", 0);
	expect_answers(1, PROTO, 0);
	say_head(3, PROTO, "Chat", none);
	say_body(3, H2_END_STREAM, "\0\0\0\0\0\0\0\0\0\0", 10);
	expect_answers(3, PROTO, 2);
	say_head(5, PROTO, "Chat", gzip); /* not even gzip's own header */
	say_body(5, H2_END_STREAM, "\1\0\0\0\0", 5);
	expect_answers(5, PROTO, 1);
	say_head(7, JSON, "Chat", none); /* nothing is no JSON */
	say_body(7, H2_END_STREAM, "\0\0\0\0\0", 5);
	expect_failure(7, JSON, "invalid_argument", "");
}

/* Who is answered early may send on: a browser, told to stop, would take that for a failure. */
static void test_early_answer(void **state)
{
	(void)state;
	say_head(1, PROTO, "Chat", none);
	say_body(1, 0, "\2\0\0\0\0", 5);
	expect_failure(1, PROTO, "invalid_argument", "first byte");
	say_body(1, 0, "\0\0\0\0\0", 5);
	h2_echo(&h2, 3);
	say_body(1, H2_END_STREAM, "", 0);
	h2_echo(&h2, 5);
}

/* The end of a call that has no time left overtakes answers that wait for a window; it needs one
 * itself. */
static void test_deadline_through_a_closed_window(void **state)
{
	(void)state;
	static const nghttp2_settings_entry shut = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
	static const char ask[] = "\0\0\0\0\x1b{\"count\":1000,\"size\":10000}";
	h2_close(&h2);
	h2_open_with(&h2, server.address, &shut, 1);
	say_head(1, JSON, "Expand", (struct h2_field){"connect-timeout-ms", "100"});
	say_body(1, H2_END_STREAM, ask, sizeof(ask) - 1);
	(void)h2_wait_for(&h2, NGHTTP2_HEADERS);
	while (server_count().running > 0)
		;
	h2_say_number(&h2, NGHTTP2_WINDOW_UPDATE, 1, 10000);
	h2_send(&h2);
	struct h2_frame frame = h2_wait_for(&h2, NGHTTP2_DATA);
	assert_int_equal(frame.payload.data[0], CONNECT_FLAG_END);
	assert_true(frame.flags & H2_END_STREAM);
	/* half a message was sent: only a reset is left */
	say_head(3, JSON, "Expand", (struct h2_field){"connect-timeout-ms", "300"});
	h2_say(&h2, NGHTTP2_DATA, H2_END_STREAM, 3, bytes_of(ask, sizeof(ask) - 1));
	h2_say_number(&h2, NGHTTP2_WINDOW_UPDATE, 3, 100);
	h2_send(&h2);
	h2_expect_reset(&h2, 3, NGHTTP2_CANCEL);
}

/* --- what JSON cannot say ----------------------------------------------------------------------
 */

static void test_answers_too_large_for_json(void **state)
{
	(void)state;
	say_head(1, JSON, "Expand", none);
	say_body(1, H2_END_STREAM, "\0\0\0\0\x1b{\"count\":2,\"size\":26000000}", 32);
	expect_failure(1, JSON, "resource_exhausted", "too large for JSON");
	say_head(3, JSON, "Wait", none);
	say_body(3, H2_END_STREAM, "\0\0\0\0\x11{\"size\":26000000}", 22);
	expect_failure(3, JSON, "resource_exhausted", "too large for JSON");
	h2_echo(&h2, 5);
}

#define H2_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		H2_TEST(test_heads),
		H2_TEST(test_no_streams),
		H2_TEST(test_a_refusal_has_an_outcome),
		H2_TEST(test_envelopes_that_are_none),
		H2_TEST(test_in_the_middle),
		H2_TEST(test_byte_by_byte),
		H2_TEST(test_messages_of_nothing),
		H2_TEST(test_early_answer),
		H2_TEST(test_deadline_through_a_closed_window),
		H2_TEST(test_answers_too_large_for_json),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
