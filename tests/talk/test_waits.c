/* What is waited for, and for how long. The waits are short here, and long against what a slow
 * machine needs. */
#include "tests/talk/talk.h"

static struct talk talk;
static struct buffer scratch;

static int setup(void **state)
{
	(void)state;
	talk_open(&talk, server.address, NULL);
	return 0;
}

static int teardown(void **state)
{
	talk_close(&talk);
	buffer_deinit(&scratch);
	return server_test_teardown(state);
}

static int group_setup(void **state)
{
	(void)state;
	server_up((const char *const[]){"--preface-ms", "1500", "--stall-ms", "1500", "--unit-ms",
	                                "1500", NULL});
	return 0;
}

static void test_silence_before_the_preface(void **state)
{
	(void)state;
	struct talk one;
	talk_dial(&one, server.address);
	talk_expect_closed(&one);
	talk_close(&one);
}

static void test_silence_within_the_preface(void **state)
{
	(void)state;
	struct talk one;
	talk_dial(&one, server.address);
	talk_send_bytes(&one, "\x8eRPC\1", 5);
	talk_expect_fault(&one, STATUS_DEADLINE_EXCEEDED, "no preface and HELLO within 1500 ms");
	talk_close(&one);
}

static void test_silence_before_hello(void **state)
{
	(void)state;
	struct talk one;
	talk_dial(&one, server.address);
	say_preface(&one.out, 1, 1);
	talk_send(&one);
	talk_expect_greeting(&one);
	talk_expect_fault(&one, STATUS_DEADLINE_EXCEEDED, "no preface and HELLO within 1500 ms");
	talk_close(&one);
}

static void test_silence_after_hello_is_fine(void **state)
{
	(void)state;
	assert_false(talk_hears(&talk, 2500));
	assert_int_equal(talk_ask(&talk, 1, "Echo", nothing()).len, 0);
}

/* However slowly the bytes drip: what counts is when the frame began. */
static void test_frame_that_does_not_end(void **state)
{
	(void)state;
	struct frame frame = {0};
	say_call(&talk.out, 1, FRAME_CLOSE, "Echo", echo_message(&scratch, 60000, 'x'));
	for (size_t i = 0; i < 100 && frame.type == 0; i++) {
		talk_send_bytes(&talk, talk.out.data + talk.out.start + i, 1);
		if (talk_hears(&talk, 100))
			frame = talk_next(&talk);
	}
	assert_int_equal(frame.type, FRAME_GOAWAY);
	assert_int_equal(frame.flags, FRAME_GOAWAY_FINAL);
	talk_expect_closed(&talk);
}

/* One frame after another, each in two parts, takes longer: that is no harm. */
static void test_frames_in_parts(void **state)
{
	(void)state;
	static const uint8_t ignored[2 * FRAME_HEADER_SIZE] = {
		[4] = FRAME_IGNORABLE, [FRAME_HEADER_SIZE + 4] = FRAME_IGNORABLE};
	talk_send_bytes(&talk, ignored, 1);
	for (int i = 0; i < 25; i++) {
		assert_false(talk_hears(&talk, 100));
		/* the rest of one, and the beginning of the next */
		talk_send_bytes(&talk, ignored + 1, FRAME_HEADER_SIZE);
	}
	talk_send_bytes(&talk, ignored + 1, FRAME_HEADER_SIZE - 1);
	assert_int_equal(talk_ask(&talk, 1, "Echo", nothing()).len, 0);
}

/* Credit that never comes ends the stream, and only it. */
static void test_stream_stall(void **state)
{
	(void)state;
	say_call(&talk.out, 1, FRAME_CLOSE, "Expand",
	         numbers_message(&scratch, (uint64_t[]){10, 50000}, 2));
	talk_send(&talk);
	uint64_t received = 0;
	while (received < LIMIT_STREAM_CREDIT_START)
		received += talk_next(&talk).body.len;
	talk_expect_end(&talk, 1, STATUS_RESOURCE_EXHAUSTED, "not read for too long");
	assert_int_equal(talk_ask(&talk, 3, "Echo", nothing()).len, 0);
}

/* A client that grants everything and reads nothing. */
static void test_write_stall(void **state)
{
	(void)state;
	struct talk one;
	struct hello hello = {.stream_credit = 2000000000, .connection_credit = 2000000000};
	talk_open(&one, server.address, &hello);
	say_call(&one.out, 1, FRAME_CLOSE, "Expand",
	         numbers_message(&scratch, (uint64_t[]){100000, 100000}, 2));
	talk_send(&one);
	server_settled_but(1); /* `talk` */
	talk_close(&one);
}

#define TALK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TALK(test_silence_before_the_preface),
		TALK(test_silence_within_the_preface),
		TALK(test_silence_before_hello),
		TALK(test_silence_after_hello_is_fine),
		TALK(test_frame_that_does_not_end),
		TALK(test_frames_in_parts),
		TALK(test_stream_stall),
		TALK(test_write_stall),
	};
	return cmocka_run_group_tests(tests, group_setup, server_group_teardown);
}
