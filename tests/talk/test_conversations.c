/* The same conversations over every protocol: what a call promises does not depend on what it came
 * by. (Connect speaks of unary calls in its own way.) */
#include "tests/talk/speaker.h"

#include <stdlib.h>

static const struct speaker *speaker;
static uint32_t stream;
static struct buffer scratch;

static int setup(void **state)
{
	(void)state;
	speaker->open();
	stream = 1;
	return 0;
}

static int teardown(void **state)
{
	speaker->close();
	buffer_deinit(&scratch);
	return server_test_teardown(state);
}

static void converse(const struct asked *asked, struct told *told)
{
	*told = (struct told){0};
	speaker->ask(stream, asked);
	speaker->hear(stream, told);
	stream += 2;
}

static void converse_one(const char *method, uint32_t timeout_ms, struct bytes message,
                         struct told *told)
{
	converse(&(struct asked){.method = method,
	                         .timeout_ms = timeout_ms,
	                         .count = 1,
	                         .messages = {message}},
	         told);
}

static void expect_answers(const struct told *told, const struct bytes *answers, size_t count)
{
	assert_int_equal(told->status, STATUS_OK);
	assert_int_equal(told->count, count);
	for (size_t i = 0; i < count; i++)
		assert_true(bytes_equal(told_answer(told, i), answers[i]));
}

static void expect_failure(struct told *told, enum status status, const char *text)
{
	assert_int_equal(told->status, status);
	if (!strstr(told->message, text))
		fail_msg("'%s' does not say '%s'", told->message, text);
	told_free(told);
}

/* --- unary calls ----------------------------------------------------------------------- */

static void expect_echo(size_t len)
{
	struct told told;
	struct bytes message = echo_message(&scratch, len, 'x');
	converse_one("Echo", 0, message, &told);
	expect_answers(&told, &message, 1);
	told_free(&told);
	buffer_deinit(&scratch);
}

static void test_unary(void **state)
{
	(void)state;
	for (size_t len = 1; len < 16000; len = len * 5 + 1)
		expect_echo(len);
	struct told told;
	converse_one("Echo", 0, nothing(), &told);
	expect_answers(&told, &(struct bytes){NULL, 0}, 1);
	told_free(&told);
}

static void test_every_status(void **state)
{
	(void)state;
	for (uint64_t status = 1; status < STATUS_COUNT; status++) {
		struct told told;
		struct bytes request = numbers_message(&scratch, &status, 1);
		assert_true(buffer_append(&scratch, "\x12\x09quite so!", 11));
		converse_one("Fail", 0, bytes_of(request.data, request.len + 11), &told);
		assert_int_equal(told.count, 0);
		expect_failure(&told, (enum status)status, "quite so!");
		buffer_deinit(&scratch);
	}
}

static void test_unknown(void **state)
{
	(void)state;
	struct told told;
	converse_one("Missing", 0, nothing(), &told);
	expect_failure(&told, STATUS_UNIMPLEMENTED, "Missing");
	converse_one("Nothing", 0, nothing(), &told);
	expect_failure(&told, STATUS_UNIMPLEMENTED, "no such method");
	expect_echo(5);
}

static void test_malformed(void **state)
{
	(void)state;
	struct told told;
	converse_one("Echo", 0, bytes_of("\x0a\x7f", 2), &told);
	expect_failure(&told, speaker->malformed, "data: the value is longer than what is left");
	expect_echo(5);
}

static void test_sizes(void **state)
{
	(void)state;
	struct told told;
	converse_one("Small", 0, echo_message(&scratch, 997, 'x'), &told);
	assert_int_equal(told.status, STATUS_OK);
	told_free(&told);
	buffer_deinit(&scratch);
	converse_one("Small", 0, echo_message(&scratch, 998, 'x'), &told);
	expect_failure(&told, STATUS_RESOURCE_EXHAUSTED, "1000");
	buffer_deinit(&scratch);
	const uint64_t much = LIMIT_CALL_ARENA + 1;
	converse_one("Allocate", 0, numbers_message(&scratch, &much, 1), &told);
	expect_failure(&told, STATUS_RESOURCE_EXHAUSTED, "memory");
	buffer_deinit(&scratch);
	expect_echo(5);
}

static void test_deadline(void **state)
{
	(void)state;
	struct told told;
	const uint64_t long_time = 60000;
	converse_one("Wait", 50, numbers_message(&scratch, &long_time, 1), &told);
	expect_failure(&told, STATUS_DEADLINE_EXCEEDED, "50 ms");
	buffer_deinit(&scratch);
	expect_echo(5);
}

static void test_cancel(void **state)
{
	(void)state;
	const uint64_t long_time = 60000;
	speaker->ask(stream,
	             &(struct asked){.method = "Wait",
	                             .count = 1,
	                             .messages = {numbers_message(&scratch, &long_time, 1)}});
	while (server_count().running == 0)
		;
	speaker->cancel(stream);
	stream += 2;
	buffer_deinit(&scratch);
	expect_echo(5);
	server_settled_but(1);
}

/* --- streams ---------------------------------------------------------------------------- */

static void skip_without_streams(void)
{
	if (!speaker->streams)
		skip();
}

static void test_cardinality(void **state)
{
	(void)state;
	struct told told;
	skip_without_streams();
	for (size_t count = 0; count <= 2; count += 2) {
		converse(&(struct asked){.method = "Echo", .count = count}, &told);
		expect_failure(&told, STATUS_UNIMPLEMENTED, "exactly one request");
	}
}

static void test_server_streaming(void **state)
{
	(void)state;
	const struct bytes answers[] = {bytes_of("\x0a\2\0\0", 4), bytes_of("\x0a\2\1\0", 4),
	                                bytes_of("\x0a\2\2\0", 4)};
	struct told told;
	skip_without_streams();
	converse_one("Expand", 0, numbers_message(&scratch, (uint64_t[]){3, 2}, 2), &told);
	expect_answers(&told, answers, 3);
	told_free(&told);
	buffer_deinit(&scratch);
	converse_one("Expand", 0,
	             numbers_message(&scratch, (uint64_t[]){3, 2, 0, STATUS_ABORTED}, 4), &told);
	assert_int_equal(told.count, 3);
	expect_failure(&told, STATUS_ABORTED, "as you asked");
}

static const struct asked three = {
	.count = 3,
	.messages = {{(const uint8_t *)"\x0a\1a", 3}, {NULL, 0}, {(const uint8_t *)"\x0a\2bc", 4}}};

static void test_client_streaming(void **state)
{
	(void)state;
	struct told told;
	struct asked asked = three;
	skip_without_streams();
	asked.method = "Collect";
	converse(&asked, &told);
	expect_answers(&told, &(struct bytes){(const uint8_t *)"\x08\3\x10\3", 4}, 1);
	told_free(&told);
}

static void test_bidirectional(void **state)
{
	(void)state;
	struct told told;
	struct asked asked = three;
	skip_without_streams();
	asked.method = "Chat";
	converse(&asked, &told);
	expect_answers(&told, asked.messages, asked.count);
	told_free(&told);
	converse(&(struct asked){.method = "Chat"}, &told);
	expect_answers(&told, NULL, 0);
	told_free(&told);
}

/* What comes after the fault is not looked at. */
static void test_malformed_in_a_stream(void **state)
{
	(void)state;
	struct told told;
	skip_without_streams();
	struct asked asked = three;
	asked.method = "Chat";
	asked.messages[1] = bytes_of("\x0a\x7f", 2);
	converse(&asked, &told);
	assert_int_equal(told.count, 1);
	expect_failure(&told, speaker->malformed, "data: the value is longer than what is left");
	expect_echo(5);
}

/* An answer before the request is complete, and its status. */
static void test_early_answer(void **state)
{
	(void)state;
	struct told told;
	skip_without_streams();
	struct asked asked = three;
	asked.method = "Hasten";
	converse(&asked, &told);
	expect_answers(&told, asked.messages, 1);
	told_free(&told);
	expect_echo(5);
}

static void test_deadline_of_a_stream(void **state)
{
	(void)state;
	struct told told;
	skip_without_streams();
	struct asked asked = three;
	asked.method = "Dawdle";
	asked.timeout_ms = 50;
	asked.messages[0] = bytes_of("\x0a\1\xff", 3); /* a minute */
	converse(&asked, &told);
	expect_failure(&told, STATUS_DEADLINE_EXCEEDED, "50 ms");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_unary),
		CASE(test_every_status),
		CASE(test_unknown),
		CASE(test_malformed),
		CASE(test_sizes),
		CASE(test_deadline),
		CASE(test_cancel),
		CASE(test_cardinality),
		CASE(test_server_streaming),
		CASE(test_client_streaming),
		CASE(test_bidirectional),
		CASE(test_malformed_in_a_stream),
		CASE(test_early_answer),
		CASE(test_deadline_of_a_stream),
	};
	int failed = 0;
	for (size_t i = 0; i < speaker_count; i++) {
		speaker = &speakers[i];
		failed += _cmocka_run_group_tests(speaker->name, tests,
		                                  sizeof(tests) / sizeof(*tests),
		                                  server_group_setup, server_group_teardown);
	}
	return failed;
}
