/* A server that stops loses no call: GOAWAY, ACK, the calls end, GOAWAY FINAL, closed. Each test
 * has a server of its own, and stops it. */
#include "tests/talk/talk.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

static struct talk talk;
static struct buffer scratch;

static int setup_with(const char *const arguments[])
{
	server_up(arguments);
	talk_open(&talk, server.address, NULL);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return setup_with((const char *const[]){NULL});
}

static int setup_impatient(void **state)
{
	(void)state;
	return setup_with((const char *const[]){"--drain-ms", "200", NULL});
}

static int teardown(void **state)
{
	(void)state;
	talk_close(&talk);
	buffer_deinit(&scratch);
	server_down(); /* SIGTERM again, if it still runs */
	return 0;
}

static void stop(void)
{
	assert_int_equal(kill(server.pid, SIGTERM), 0);
}

static void say_wait(uint32_t stream, uint64_t ms)
{
	struct buffer body = {0};
	say_call(&talk.out, stream, FRAME_CLOSE, "Wait", numbers_message(&body, &ms, 1));
	talk_send(&talk);
	buffer_deinit(&body);
}

static void expect_drain(void)
{
	struct goaway_meta meta = talk_expect_goaway(&talk, 0);
	assert_int_equal(meta.last_stream, FRAME_STREAM_MAX);
	assert_int_equal(meta.code, STATUS_UNAVAILABLE);
}

static void acknowledge(void)
{
	say_goaway(&talk.out, FRAME_GOAWAY_ACK, &(struct goaway_meta){0});
	talk_send(&talk);
}

static void expect_final(uint32_t last_stream)
{
	struct goaway_meta meta = talk_expect_goaway(&talk, FRAME_GOAWAY_FINAL);
	assert_int_equal(meta.last_stream, last_stream);
	talk_expect_closed(&talk);
}

static void test_idle(void **state)
{
	(void)state;
	stop();
	expect_drain();
	acknowledge();
	expect_final(0);
}

/* A call that runs, and one that was on its way when the GOAWAY was: both are answered. */
static void test_calls_end(void **state)
{
	(void)state;
	say_wait(1, 300);
	say_call(&talk.out, 3, FRAME_NOMSG, "Chat", nothing());
	talk_send(&talk);
	stop();
	expect_drain();
	say_call(&talk.out, 5, FRAME_CLOSE, "Echo", nothing());
	talk_send(&talk);
	talk_expect_answer(&talk, 5, nothing());
	acknowledge();
	talk_expect_answer(&talk, 1, nothing());
	say_message(&talk.out, 3, 0, bytes_of("\x0a\x01x", 3));
	talk_send(&talk);
	talk_expect(&talk, FRAME_MSG, 0, 3, bytes_of("\x0a\x01x", 3));
	say_message(&talk.out, 3, FRAME_NOMSG | FRAME_CLOSE, nothing());
	talk_send(&talk);
	talk_expect_end(&talk, 3, STATUS_OK, "");
	expect_final(5);
}

static void test_call_after_the_ack(void **state)
{
	(void)state;
	say_call(&talk.out, 1, FRAME_NOMSG, "Chat", nothing());
	talk_send(&talk);
	stop();
	expect_drain();
	acknowledge();
	say_call(&talk.out, 3, FRAME_CLOSE, "Echo", nothing());
	talk_send(&talk);
	struct end_meta meta = talk_expect_end(&talk, 3, STATUS_UNAVAILABLE, "closing");
	assert_int_equal(meta.retry, RETRY_SAFE);
	say_message(&talk.out, 1, FRAME_NOMSG | FRAME_CLOSE, nothing());
	talk_send(&talk);
	talk_expect_end(&talk, 1, STATUS_OK, "");
	expect_final(3);
}

/* A client that does not know GOAWAY: after five seconds, calls above the last one are skipped. */
static void test_no_ack(void **state)
{
	(void)state;
	say_call(&talk.out, 1, FRAME_NOMSG, "Chat", nothing());
	talk_send(&talk);
	stop();
	expect_drain();
	struct goaway_meta meta = talk_expect_goaway(&talk, FRAME_GOAWAY_FINAL);
	assert_int_equal(meta.last_stream, 1);
	say_call(&talk.out, 3, FRAME_CLOSE, "Echo", nothing());
	say_message(&talk.out, 1, FRAME_NOMSG | FRAME_CLOSE, nothing());
	talk_send(&talk);
	talk_expect_end(&talk, 1, STATUS_OK, "");
	talk_expect_closed(&talk);
}

/* What does not end in time is cancelled, and told. */
static void test_patience_ends(void **state)
{
	(void)state;
	say_wait(1, 60000);
	say_call(&talk.out, 3, FRAME_NOMSG, "Chat", nothing());
	talk_send(&talk);
	stop();
	expect_drain();
	acknowledge();
	for (int left = 2; left > 0; left--) {
		struct end_meta meta;
		const char *reason;
		struct frame frame = talk_next(&talk);
		assert_int_equal(frame.type, FRAME_END);
		assert_true(end_meta_decode(frame.meta, &meta, &reason));
		assert_int_equal(meta.code, STATUS_UNAVAILABLE);
	}
	expect_final(3);
}

/* A peer that answers nothing at all does not keep the server from stopping. */
static void test_patience_with_a_dead_peer(void **state)
{
	(void)state;
	struct talk dead;
	talk_dial(&dead, server.address);
	say_wait(1, 60000);
	assert_int_equal(program_stop(&server), 0);
	talk_close(&dead);
}

/* The second signal does not wait. */
static void test_second_signal(void **state)
{
	(void)state;
	say_wait(1, 60000);
	stop();
	expect_drain();
	stop();
	talk_expect_closed(&talk);
}

static void test_interrupt(void **state)
{
	(void)state;
	assert_int_equal(kill(server.pid, SIGINT), 0);
	expect_drain();
}

/* Hanging up a terminal does not stop a daemon that reloads on SIGHUP. */
static void test_hangup(void **state)
{
	(void)state;
	assert_int_equal(kill(server.pid, SIGHUP), 0);
	assert_int_equal(talk_ask(&talk, 1, "Echo", nothing()).len, 0);
}

/* A connection whose preface or HELLO did not come yet is not waited for long. */
static void test_unfinished_greeting(void **state)
{
	(void)state;
	struct talk silent, half;
	talk_dial(&silent, server.address);
	talk_dial(&half, server.address);
	say_preface(&half.out, 1, 1);
	talk_send(&half);
	talk_expect_greeting(&half);
	stop();
	talk_expect_closed(&silent);
	struct goaway_meta meta = talk_expect_goaway(&half, FRAME_GOAWAY_FINAL);
	assert_int_equal(meta.code, STATUS_UNAVAILABLE);
	talk_close(&silent);
	talk_close(&half);
}

/* Many connections with calls all the time: each call is answered or known as not executed. */
static void test_under_load(void **state)
{
	(void)state;
	enum { CONNECTIONS = 50, CALLS = 40 };
	struct talk *many = calloc(CONNECTIONS, sizeof(*many));
	struct bytes message = echo_message(&scratch, 1000, 'x');
	for (int i = 0; i < CONNECTIONS; i++)
		talk_open(&many[i], server.address, NULL);
	for (int i = 0; i < CONNECTIONS; i++) {
		for (uint32_t call = 0; call < CALLS; call++)
			say_call(&many[i].out, 2 * call + 1, FRAME_CLOSE, "Echo", message);
		if (i == CONNECTIONS / 2)
			stop();
		talk_send(&many[i]);
	}
	for (int i = 0; i < CONNECTIONS; i++) {
		for (int answers = 0; answers < CALLS;) {
			struct frame frame = talk_next(&many[i]);
			if (frame.type == FRAME_GOAWAY)
				continue;
			assert_int_equal(frame.type, FRAME_END);
			assert_true(bytes_equal(frame.body, message));
			answers++;
		}
		talk_close(&many[i]);
	}
	free(many);
}

/* The client wants to leave: it gets an ACK, its calls end, and the connection is closed. */
static void test_client_leaves(void **state)
{
	(void)state;
	say_call(&talk.out, 1, FRAME_NOMSG, "Chat", nothing());
	say_goaway(&talk.out, 0, &(struct goaway_meta){.reason = bytes_of_string("bye")});
	talk_send(&talk);
	struct frame frame = talk_next(&talk);
	assert_int_equal(frame.type, FRAME_GOAWAY);
	assert_int_equal(frame.flags, FRAME_GOAWAY_ACK);
	assert_int_equal(frame.meta.len, 0);
	say_message(&talk.out, 1, FRAME_NOMSG | FRAME_CLOSE, nothing());
	talk_send(&talk);
	talk_expect_end(&talk, 1, STATUS_OK, "");
	expect_final(1);
}

static void test_client_leaves_for_good(void **state)
{
	(void)state;
	say_goaway(&talk.out, FRAME_GOAWAY_FINAL, &(struct goaway_meta){0});
	talk_send(&talk);
	expect_final(0);
}

#define DRAIN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DRAIN(test_idle),
		DRAIN(test_calls_end),
		DRAIN(test_call_after_the_ack),
		DRAIN(test_no_ack),
		cmocka_unit_test_setup_teardown(test_patience_ends, setup_impatient, teardown),
		cmocka_unit_test_setup_teardown(test_patience_with_a_dead_peer, setup_impatient,
	                                        teardown),
		DRAIN(test_second_signal),
		DRAIN(test_interrupt),
		DRAIN(test_hangup),
		DRAIN(test_unfinished_greeting),
		DRAIN(test_under_load),
		DRAIN(test_client_leaves),
		DRAIN(test_client_leaves_for_good),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
