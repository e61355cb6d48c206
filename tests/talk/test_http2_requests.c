/* What a request may be, and what the server says when it is not: in the order in which gRPC's
 * servers look. */
#include "tests/talk/h2.h"

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

/* --- heads --------------------------------------------------------------------------- */

static void change(struct h2_field *fields, size_t *count, const char *name, const char *value)
{
	size_t at = 0;
	while (at < *count && strcmp(fields[at].name, name) != 0)
		at++;
	if (value) {
		fields[at] = (struct h2_field){name, value};
		*count += at == *count;
		return;
	}
	for (; at < *count; at++)
		fields[at] = fields[at + 1];
	--*count;
}

/* A head with some fields replaced or added (NULL value: left out), and an empty message. */
static void ask_with(uint32_t stream, const struct h2_field *changes, size_t change_count)
{
	struct h2_field fields[H2_FIELDS_MAX] = {
		{":method", "POST"},
		{":scheme", "http"},
		{":path", "/prism.test.v1.EchoService/Echo"},
		{":authority", "test"},
		{"te", "trailers"},
		{"content-type", "application/grpc"},
	};
	size_t count = 6;
	for (size_t i = 0; i < change_count; i++)
		change(fields, &count, changes[i].name, changes[i].value);
	h2_say_headers(&h2, 0, stream, fields);
	h2_say_message(&h2, H2_END_STREAM, stream, nothing());
	h2_send(&h2);
}

static void ask(uint32_t stream, const char *name, const char *value)
{
	ask_with(stream, &(struct h2_field){name, value}, 1);
}

/* Answered with this HTTP status and gRPC status. */
static void expect(uint32_t stream, const char *http, const char *grpc, const char *text)
{
	struct h2_answer answer;
	h2_answer(&h2, stream, &answer);
	assert_false(answer.reset);
	assert_string_equal(h2_answer_field(&answer, ":status"), http);
	assert_string_equal(h2_answer_field(&answer, "grpc-status"), grpc);
	if (!strstr(h2_answer_field(&answer, "grpc-message"), text))
		fail_msg("'%s' does not say '%s'", h2_answer_field(&answer, "grpc-message"), text);
	h2_answer_free(&answer);
}

static void test_heads(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value, *http, *grpc, *text;
	} heads[] = {
		{"content-type", "application/grpc+proto", "200", "0", ""},
		{"content-type", "application/grpc;charset=utf-8", "200", "0", ""},
		{"content-type", "application/grpc-web-text", "415", "2", "application/grpc"},
		{"content-type", "application/grpc-website", "415", "2", "application/grpc"},
		{"content-type", "text/plain", "415", "2", "application/grpc"},
		{"content-type", NULL, "415", "2", "application/grpc"},
		{"content-type", "application/grpc+json", "200", "12", "protobuf"},
		{"te", NULL, "200", "0", ""},
		{"grpc-timeout", "1S", "200", "0", ""},
		{"grpc-timeout", "99999999H", "200", "0", ""},
		{"grpc-timeout", "0n", "200", "4", "deadline"},
		{"grpc-timeout", "1", "400", "13", "grpc-timeout"},
		{"grpc-timeout", "S", "400", "13", "grpc-timeout"},
		{"grpc-timeout", "123456789S", "400", "13", "grpc-timeout"},
		{"grpc-timeout", "-1S", "400", "13", "grpc-timeout"},
		{"grpc-timeout", "1.5S", "400", "13", "grpc-timeout"},
		{"grpc-timeout", "1s", "400", "13", "grpc-timeout"},
		{"x-thing-bin", "AAEC", "200", "0", ""},
		{"x-thing-bin", "AA==,AAE", "200", "0", ""},
		{"x-thing-bin", "A", "400", "13", "base64"},
		{"x-thing-bin", "A A!", "400", "13", "base64"},
		{":method", "PUT", "405", "13", "POST"},
		{":path", "/prism.test.v1.EchoService/echo", "200", "12", "no such method"},
		{":path", "/prism.test.v1.echoservice/Echo", "200", "12", "no such method"},
		{":path", "/Echo", "200", "12", "no such method"},
		{":path", "/", "200", "12", "no such method"},
		{"grpc-encoding", "identity", "200", "0", ""},
		{"grpc-encoding", "gzip", "200", "0", ""},
		{"grpc-encoding", "snappy", "200", "12", "identity or gzip"},
	};
	uint32_t stream = 1;
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++, stream += 2) {
		ask(stream, heads[i].name, heads[i].value);
		expect(stream, heads[i].http, heads[i].grpc, heads[i].text);
	}
}

/* Of two faults the first of this list is answered; it is gRPC's order. */
static void test_order(void **state)
{
	(void)state;
	static char much[9000];
	memset(much, 'x', sizeof(much) - 1);
	const struct {
		struct h2_field field;
		const char *http, *grpc, *text;
	} faults[] = {
		{{"x-much", much}, "431", "8", "8192"},
		{{"content-type", "text/plain"}, "415", "2", "content-type"},
		{{"grpc-timeout", "1"}, "400", "13", "grpc-timeout"},
		{{"x-thing-bin", "!"}, "400", "13", "base64"},
		{{":method", "PUT"}, "405", "13", "POST"},
		{{"grpc-timeout", "0n"}, "200", "4", "deadline"},
		{{":path", "/no/such"}, "200", "12", "no such method"},
		{{"grpc-encoding", "snappy"}, "200", "12", "identity or gzip"},
	};
	uint32_t stream = 1;
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		for (size_t j = i + 1; j < sizeof(faults) / sizeof(*faults); j++) {
			if (strcmp(faults[i].field.name, faults[j].field.name) == 0)
				continue;
			ask_with(stream,
			         (const struct h2_field[]){faults[j].field, faults[i].field}, 2);
			expect(stream, faults[i].http, faults[i].grpc, faults[i].text);
			stream += 2;
		}
	}
}

/* Whoever sends it elsewhere may know that nothing was done. */
static void test_refusal_has_an_outcome(void **state)
{
	(void)state;
	struct h2_answer answer;
	ask(1, "grpc-timeout", "1");
	h2_answer(&h2, 1, &answer);
	assert_string_equal(h2_answer_field(&answer, "prism-outcome"), "not-executed");
	h2_answer_free(&answer);
	ask_with(
		3,
		(const struct h2_field[]){{"content-type", "application/json"}, {":method", "PUT"}},
		2);
	h2_answer(&h2, 3, &answer);
	assert_string_equal(h2_answer_field(&answer, "prism-outcome"), "not-executed");
	h2_answer_free(&answer);
}

static void test_refusal_of_a_codec_names_ours(void **state)
{
	(void)state;
	struct h2_answer answer;
	ask(1, "grpc-encoding", "snappy");
	h2_answer(&h2, 1, &answer);
	assert_string_equal(h2_answer_field(&answer, "grpc-accept-encoding"), "identity,gzip");
	h2_answer_free(&answer);
}

/* Whoever asks with another method is told which one, in gRPC's words and in JSON. */
static void test_another_method(void **state)
{
	(void)state;
	struct h2_answer answer;
	static const char *const types[] = {"application/grpc", "application/json"};
	for (uint32_t i = 0; i < 2; i++) {
		ask_with(2 * i + 1,
		         (const struct h2_field[]){{":method", "PUT"}, {"content-type", types[i]}},
		         2);
		h2_answer(&h2, 2 * i + 1, &answer);
		assert_string_equal(h2_answer_field(&answer, ":status"), "405");
		assert_string_equal(h2_answer_field(&answer, "allow"), "POST");
		h2_answer_free(&answer);
	}
}

/* "curl -I": an answer to HEAD with a body is a broken one to every client. */
static void test_head_is_answered_without_a_body(void **state)
{
	(void)state;
	struct h2_answer answer;
	static const struct {
		const char *type, *http;
	} heads[] = {
		{"text/plain", "415"}, {"application/json", "405"}, {"application/grpc", "405"}};
	for (uint32_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		const struct h2_field fields[] = {{":method", "HEAD"},
		                                  {":scheme", "http"},
		                                  {":path", "/prism.test.v1.EchoService/Echo"},
		                                  {":authority", "test"},
		                                  {"content-type", heads[i].type},
		                                  {0}};
		h2_say_headers(&h2, H2_END_STREAM, 2 * i + 1, fields);
		h2_send(&h2);
		h2_answer(&h2, 2 * i + 1, &answer);
		assert_string_equal(h2_answer_field(&answer, ":status"), heads[i].http);
		assert_int_equal(buffer_len(&answer.body), 0);
		h2_answer_free(&answer);
	}
}

/* The status in the head, as there is no body: before the request has ended, which may go on. */
static void test_early_refusal_of_grpc_web(void **state)
{
	(void)state;
	struct h2_answer answer;
	const struct h2_field fields[] = {{":method", "POST"},
	                                  {":scheme", "http"},
	                                  {":path", "/prism.test.v1.EchoService/Nothing"},
	                                  {":authority", "test"},
	                                  {"content-type", "application/grpc-web"},
	                                  {0}};
	h2_say_headers(&h2, 0, 1, fields);
	h2_send(&h2);
	h2_answer(&h2, 1, &answer);
	assert_false(answer.reset);
	assert_string_equal(h2_answer_field(&answer, "content-type"), "application/grpc-web+proto");
	assert_string_equal(h2_answer_field(&answer, "grpc-status"), "12");
	h2_answer_free(&answer);
	h2_say_message(&h2, H2_END_STREAM, 1, nothing());
	h2_send(&h2);
	h2_echo(&h2, 3);
	server_settled_but(1);
}

/* nghttp2 looks at these; the connection goes on. */
static void test_malformed_heads_are_reset(void **state)
{
	(void)state;
	static const struct h2_field bad[] = {
		{"te", "gzip"},          {"connection", "close"}, {":path", "no-slash"},
		{":authority", NULL},    {"Upper", "case"},       {"transfer-encoding", "chunked"},
		{"content-length", "7"},
	};
	uint32_t stream = 1;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++, stream += 2) {
		ask(stream, bad[i].name, bad[i].value);
		h2_expect_reset(&h2, stream, NGHTTP2_PROTOCOL_ERROR);
	}
	h2_echo(&h2, stream);
}

/* --- messages ------------------------------------------------------------------------ */

static void say_data(uint32_t stream, uint8_t flags, const char *data, size_t len)
{
	h2_say_request(&h2, stream, "Echo", NULL);
	h2_say(&h2, NGHTTP2_DATA, flags, stream, bytes_of(data, len));
	h2_send(&h2);
}

static void test_messages_that_are_none(void **state)
{
	(void)state;
	say_data(1, H2_END_STREAM, "\2\0\0\0\0", 5);
	h2_expect_status(&h2, 1, STATUS_INTERNAL, "first byte");
	say_data(3, H2_END_STREAM, "\1\0\0\0\0", 5);
	h2_expect_status(&h2, 3, STATUS_INTERNAL, "no grpc-encoding");
	say_data(5, H2_END_STREAM, "\0\0\0\0\5abc", 8);
	h2_expect_status(&h2, 5, STATUS_INTERNAL, "within a message");
	say_data(7, H2_END_STREAM, "\0\0\0", 3);
	h2_expect_status(&h2, 7, STATUS_INTERNAL, "within a message");
	say_data(9, 0, "\0\x7f\xff\xff\xff", 5);
	h2_expect_status(&h2, 9, STATUS_RESOURCE_EXHAUSTED, "2147483647 bytes, at most");
	say_data(11, H2_END_STREAM, "", 0);
	h2_expect_status(&h2, 11, STATUS_UNIMPLEMENTED, "exactly one");
	say_data(13, H2_END_STREAM, "\0\0\0\0\0\0\0\0\0\0", 10);
	h2_expect_status(&h2, 13, STATUS_UNIMPLEMENTED, "exactly one");
	h2_say_request(&h2, 15, "Echo", (const struct h2_field[]){{"grpc-encoding", "gzip"}, {0}});
	h2_say(&h2, NGHTTP2_DATA, H2_END_STREAM, 15, bytes_of("\1\0\0\0\3abc", 8));
	h2_send(&h2);
	h2_expect_status(&h2, 15, STATUS_INTERNAL, "not gzip");
	h2_echo(&h2, 17);
}

/* An answer that comes before the request has ended stops the sender, after the status. */
static void test_early_answer(void **state)
{
	(void)state;
	say_data(1, 0, "\2\0\0\0\0", 5);
	h2_expect_status(&h2, 1, STATUS_INTERNAL, "first byte");
	struct h2_frame frame = h2_wait_for(&h2, NGHTTP2_RST_STREAM);
	assert_int_equal(frame.stream, 1);
	assert_memory_equal(frame.payload.data, "\0\0\0\0", 4);
	h2_echo(&h2, 3);
}

static void test_byte_by_byte(void **state)
{
	(void)state;
	static const char message[] = "\0\0\0\0\4\x0a\x02hi";
	struct h2 slow;
	h2_dial(&slow, server.address);
	h2_say_preface(&slow);
	h2_say(&slow, NGHTTP2_SETTINGS, 0, 0, nothing());
	h2_say_request(&slow, 1, "Echo", NULL);
	for (size_t i = 0; i < sizeof(message) - 1; i++)
		h2_say(&slow, NGHTTP2_DATA, i == sizeof(message) - 2 ? H2_END_STREAM : 0, 1,
		       bytes_of(message + i, 1));
	talk_send_slowly(&slow.talk);
	h2_expect_status(&slow, 1, STATUS_OK, NULL);
	h2_close(&slow);
}

/* Trailers from a client end the request; what they say is ignored. */
static void test_trailers_of_a_client(void **state)
{
	(void)state;
	h2_say_request(&h2, 1, "Echo", NULL);
	h2_say_message(&h2, 0, 1, nothing());
	h2_say_headers(&h2, H2_END_STREAM, 1, (const struct h2_field[]){{"x-end", "y"}, {0}});
	h2_send(&h2);
	h2_expect_status(&h2, 1, STATUS_OK, NULL);
}

static void test_trailers_only(void **state)
{
	(void)state;
	h2_say_request(&h2, 1, "Missing", NULL);
	h2_say_message(&h2, H2_END_STREAM, 1, nothing());
	h2_send(&h2);
	struct h2_frame frame = h2_wait_for(&h2, NGHTTP2_HEADERS);
	assert_int_equal(frame.flags, H2_END_STREAM | H2_END_HEADERS);
}

#define H2_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		H2_TEST(test_heads),
		H2_TEST(test_order),
		H2_TEST(test_refusal_has_an_outcome),
		H2_TEST(test_refusal_of_a_codec_names_ours),
		H2_TEST(test_another_method),
		H2_TEST(test_head_is_answered_without_a_body),
		H2_TEST(test_early_refusal_of_grpc_web),
		H2_TEST(test_malformed_heads_are_reset),
		H2_TEST(test_messages_that_are_none),
		H2_TEST(test_early_answer),
		H2_TEST(test_byte_by_byte),
		H2_TEST(test_trailers_of_a_client),
		H2_TEST(test_trailers_only),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
