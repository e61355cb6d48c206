/* Every quantity that a peer controls has a limit, and says so when it is met. */
#include "tests/talk/talk.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

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
	server_up((const char *const[]){"--connections", "1100", NULL});
	return 0;
}

static void test_streams(void **state)
{
	(void)state;
	uint32_t stream = 1;
	for (int i = 0; i < LIMIT_STREAMS; i++, stream += 2)
		say_call(&talk.out, stream, FRAME_MORE, "Echo", nothing());
	say_call(&talk.out, stream, FRAME_CLOSE, "Echo", nothing());
	talk_send(&talk);
	struct end_meta meta =
		talk_expect_end(&talk, stream, STATUS_UNAVAILABLE, "as many calls as it may");
	assert_int_equal(meta.retry, RETRY_SAFE);
	/* one that ends makes room for another */
	say_message(&talk.out, 1, FRAME_CLOSE, nothing());
	talk_send(&talk);
	talk_expect_answer(&talk, 1, nothing());
	assert_int_equal(talk_ask(&talk, stream + 2, "Echo", nothing()).len, 0);
}

static void test_message_size(void **state)
{
	(void)state;
	/* by the method's own limit, in one frame and in parts */
	struct bytes large = echo_message(&scratch, 1000, 'x');
	say_call(&talk.out, 1, FRAME_CLOSE, "Small", large);
	say_call(&talk.out, 3, FRAME_MORE, "Small", bytes_of(large.data, 600));
	say_message(&talk.out, 3, FRAME_CLOSE, bytes_of(large.data, 600));
	talk_send(&talk);
	talk_expect_end(&talk, 1, STATUS_RESOURCE_EXHAUSTED, "1003 bytes, at most 1000");
	talk_expect_end(&talk, 3, STATUS_RESOURCE_EXHAUSTED, "at most 1000");
	assert_int_equal(talk_ask(&talk, 5, "Echo", nothing()).len, 0);
}

/* What still comes of a message that was refused is skipped, and its credit returned. */
static void test_rest_of_a_large_message_is_skipped(void **state)
{
	(void)state;
	struct bytes part = echo_message(&scratch, 60000, 'x');
	int64_t credit = LIMIT_CONNECTION_CREDIT;
	bool ended = false;
	say_call(&talk.out, 1, FRAME_MORE, "Small", part);
	for (int i = 0; i < 300; i++) {
		while (credit < (int64_t)part.len) {
			struct frame frame = talk_next(&talk);
			struct reader reader = reader_init(frame.body);
			if (frame.type == FRAME_CREDIT && frame.stream == 0)
				credit += reader_u32(&reader);
			ended |= frame.type == FRAME_END;
		}
		say_message(&talk.out, 1, i == 299 ? FRAME_CLOSE : FRAME_MORE, part);
		talk_send(&talk);
		credit -= (int64_t)part.len;
		if (i == 15 && !ended) /* within the stream's credit; beyond it once it is known */
			talk_expect_end(&talk, 1, STATUS_RESOURCE_EXHAUSTED, "at most 1000");
	}
	say_call(&talk.out, 3, FRAME_CLOSE, "Echo", nothing());
	talk_send(&talk);
	struct frame frame;
	while ((frame = talk_next(&talk)).type == FRAME_CREDIT)
		continue;
	assert_int_equal(frame.type, FRAME_END);
	assert_int_equal(frame.stream, 3);
}

static void test_pings(void **state)
{
	(void)state;
	for (int i = 0; i <= LIMIT_PING_STRIKES; i++) {
		say_ping(&talk.out, 0, "a ping..");
		talk_send(&talk);
		talk_expect(&talk, FRAME_PING, FRAME_PING_ACK, 0, bytes_of("a ping..", 8));
	}
	say_ping(&talk.out, 0, "a ping..");
	talk_send(&talk);
	talk_expect_fault(&talk, STATUS_RESOURCE_EXHAUSTED,
	                  "too many PINGs: at most one in 1000 ms");
}

static void test_ping_acks_are_no_pings(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		say_ping(&talk.out, FRAME_PING_ACK, "an ack..");
	talk_send(&talk);
	assert_int_equal(talk_ask(&talk, 1, "Echo", nothing()).len, 0);
}

static void test_cancels(void **state)
{
	(void)state;
	uint32_t stream = 1;
	/* with room for what the bucket regains meanwhile, on a slow machine too */
	for (int i = 0; i < 4 * LIMIT_CANCELS_WHILE_RUNNING; i++, stream += 2) {
		say_call_meta(&talk.out, stream, FRAME_NOMSG,
		              &(struct call_meta){.path = i == 0 ? echo_path("Chat") : nothing(),
		                                  .path_id = 1},
		              nothing());
		say_cancel(&talk.out, stream, STATUS_CANCELLED);
	}
	talk_send(&talk);
	talk_expect_fault(&talk, STATUS_RESOURCE_EXHAUSTED, "2000 calls a second were cancelled");
}

static void test_frames_for_closed_streams(void **state)
{
	(void)state;
	talk_ask(&talk, 1, "Echo", nothing());
	/* late frames are nothing special */
	for (int i = 0; i < 10; i++)
		say_message(&talk.out, 1, 0, nothing());
	say_credit(&talk.out, 1, 5);
	talk_send(&talk);
	assert_int_equal(talk_ask(&talk, 3, "Echo", nothing()).len, 0);
	for (int i = 0; i < 100000; i++)
		say_message(&talk.out, 1, 0, nothing());
	talk_send(&talk);
	talk_expect_fault(&talk, STATUS_RESOURCE_EXHAUSTED, "for streams that have ended");
}

/* Messages without a byte cost no credit: those that wait to be taken are counted. */
static void test_empty_messages(void **state)
{
	(void)state;
	/* the handler takes one, then waits: the others are kept, up to the limit */
	say_call(&talk.out, 1, FRAME_NOMSG, "Dawdle", nothing());
	say_message(&talk.out, 1, 0, bytes_of("\x0a\x01\xff", 3));
	for (int i = 0; i < LIMIT_EMPTY_MESSAGES; i++)
		say_message(&talk.out, 1, 0, nothing());
	talk_send(&talk);
	assert_int_equal(talk_ask(&talk, 3, "Echo", nothing()).len, 0);
	say_message(&talk.out, 1, 0, nothing());
	talk_send(&talk);
	talk_expect_end(&talk, 1, STATUS_RESOURCE_EXHAUSTED, "too many empty request messages");
	/* those that are taken do not count */
	say_call(&talk.out, 5, FRAME_NOMSG, "Collect", nothing());
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < LIMIT_EMPTY_MESSAGES / 2; i++)
			say_message(&talk.out, 5, 0, nothing());
		talk_send(&talk);
		assert_int_equal(talk_ask(&talk, 7 + 2 * (uint32_t)round, "Echo", nothing()).len,
		                 0);
	}
	say_message(&talk.out, 5, FRAME_NOMSG | FRAME_CLOSE, nothing());
	talk_send(&talk);
	talk_expect_answer(&talk, 5, bytes_of("\x08\xa8\xc3\x01", 4));
}

static void send_empty_frames(uint8_t flags)
{
	struct talk one;
	talk_open(&one, server.address, NULL);
	say_call(&one.out, 1, flags, "Collect", nothing());
	for (int i = 0; i < 100 * LIMIT_EMPTY_PARTS; i++)
		say_message(&one.out, 1, flags, nothing());
	talk_send(&one);
	talk_expect_fault(&one, STATUS_RESOURCE_EXHAUSTED, "frames a second that carry nothing");
	talk_close(&one);
}

static void test_empty_frames(void **state)
{
	(void)state;
	send_empty_frames(FRAME_MORE);
	send_empty_frames(FRAME_NOMSG);
}

static void test_interned_paths(void **state)
{
	(void)state;
	uint32_t stream = 1;
	for (uint32_t id = 1; id <= LIMIT_INTERNED_PATHS; id++, stream += 2)
		say_call_meta(&talk.out, stream, FRAME_CLOSE,
		              &(struct call_meta){.path = echo_path("Echo"), .path_id = id},
		              nothing());
	say_call_meta(&talk.out, stream, FRAME_CLOSE,
	              &(struct call_meta){.path_id = LIMIT_INTERNED_PATHS}, nothing());
	/* 4097 calls at once are more than the streams that there may be, so some are refused */
	talk_send(&talk);
	for (uint32_t i = 0; i <= LIMIT_INTERNED_PATHS; i++)
		assert_int_equal(talk_next(&talk).type, FRAME_END);
	say_call_meta(
		&talk.out, stream + 2, FRAME_CLOSE,
		&(struct call_meta){.path = echo_path("Echo"), .path_id = LIMIT_INTERNED_PATHS + 1},
		nothing());
	talk_send(&talk);
	talk_expect_fault(&talk, STATUS_RESOURCE_EXHAUSTED, "at most 4096 paths");
}

/* How a call ended; other streams' frames are passed over. */
static struct end_meta end_of(struct talk *one, uint32_t stream)
{
	struct end_meta meta;
	const char *reason;
	struct frame frame;
	do
		frame = talk_next(one);
	while (frame.type != FRAME_END || frame.stream != stream);
	assert_true(end_meta_decode(frame.meta, &meta, &reason));
	return meta;
}

/* Answers of 1 MB to a client that grants credit for one: when 8 MiB wait, calls are refused. */
static void test_answers_that_are_not_read(void **state)
{
	(void)state;
	struct bytes request = numbers_message(&scratch, (uint64_t[]){1, 1000000}, 2);
	uint32_t stream = 1;
	struct end_meta meta = {0};
	for (; meta.code == STATUS_OK && stream < 100; stream += 4) {
		say_call(&talk.out, stream, FRAME_CLOSE, "Expand", request);
		say_call(&talk.out, stream + 2, FRAME_CLOSE, "Echo", nothing());
		talk_send(&talk);
		meta = end_of(&talk, stream + 2);
	}
	assert_int_equal(meta.code, STATUS_UNAVAILABLE);
	assert_int_equal(meta.retry, RETRY_SAFE);
	assert_in_range(stream / 4, 8, 11);
	/* as it reads, there is room again */
	say_credit(&talk.out, 0, 100000000);
	for (uint32_t one = 1; one < stream; one += 4)
		say_credit(&talk.out, one, 100000000);
	talk_send(&talk);
	say_call(&talk.out, stream, FRAME_CLOSE, "Echo", nothing());
	for (uint32_t left = stream / 4 - 1; left > 0;)
		left -= talk_next(&talk).type == FRAME_END;
	talk_send(&talk);
	assert_int_equal(end_of(&talk, stream).code, STATUS_OK);
}

/* Answers of 1 MB to calls that began at once: what would fill memory is not kept, and said. */
static void test_answers_fill_memory(void **state)
{
	(void)state;
	enum { CALLS = 100, MOST = LIMIT_CONNECTION_ANSWERS / 1000000 };
	struct bytes request = numbers_message(&scratch, (uint64_t[]){0, 1000000}, 2);
	for (uint32_t i = 0; i < CALLS; i++)
		say_call(&talk.out, 2 * i + 1, FRAME_CLOSE, "Wait", request);
	talk_send(&talk);
	struct frame frame;
	uint32_t refused = 0, answered = 0;
	while (refused < CALLS - MOST - 1) { /* one may be on its way */
		struct end_meta meta;
		const char *reason;
		frame = talk_next(&talk);
		if (frame.type != FRAME_END)
			continue;
		assert_true(end_meta_decode(frame.meta, &meta, &reason));
		assert_int_equal(meta.code, STATUS_RESOURCE_EXHAUSTED);
		assert_int_equal(meta.retry, RETRY_UNSET);
		refused++;
	}
	/* those that were kept arrive */
	say_credit(&talk.out, 0, 100000000);
	for (uint32_t i = 0; i < CALLS; i++)
		say_credit(&talk.out, 2 * i + 1, 1000000);
	talk_send(&talk);
	while (refused + answered < CALLS) {
		frame = talk_next(&talk);
		answered += frame.type == FRAME_END && frame.flags == 0;
		refused += frame.type == FRAME_END && frame.flags != 0;
	}
	assert_true(answered >= MOST);
}

static void test_thousand_connections(void **state)
{
	(void)state;
	enum { COUNT = 1000 };
	struct talk *many = calloc(COUNT, sizeof(*many));
	for (int i = 0; i < COUNT; i++)
		talk_open(&many[i], server.address, NULL);
	assert_int_equal(server_count().connections, COUNT + 1);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(talk_ask(&many[i], 1, "Echo", nothing()).len, 0);
	for (int i = 0; i < COUNT; i++)
		talk_close(&many[i]);
	free(many);
}

/* One connection too many is told so by whatever it speaks; a call that it sent along was not
 * executed. */
static void expect_refusal(void)
{
	struct talk one;
	talk_dial(&one, server.address);
	say_preface(&one.out, 1, 1);
	say_hello(&one.out, &(struct hello){0});
	say_call(&one.out, 1, FRAME_CLOSE, "Echo", nothing());
	talk_send(&one);
	talk_expect_greeting(&one);
	struct goaway_meta meta = talk_expect_goaway(&one, FRAME_GOAWAY_FINAL);
	assert_int_equal(meta.code, STATUS_UNAVAILABLE);
	assert_int_equal(meta.last_stream, 0);
	assert_true(bytes_equal_string(meta.reason,
	                               "the server has as many connections as it may have"));
	talk_expect_closed(&one);
	talk_close(&one);
}

static bool is_refused(struct talk *one)
{
	say_call(&one->out, 1, FRAME_CLOSE, "Echo", nothing());
	talk_send(one);
	return talk_next(one).type == FRAME_GOAWAY;
}

static void test_connections(void **state)
{
	(void)state;
	enum { COUNT = 1099, REFUSED = 2 * LIMIT_REFUSED_CONNECTIONS };
	struct talk *many = calloc(COUNT, sizeof(*many)), silent[REFUSED];
	for (int i = 0; i < COUNT; i++)
		talk_open(&many[i], server.address, NULL);
	expect_refusal(); /* and it is no connection that counts */
	expect_refusal();
	struct talk other;
	talk_dial(&other, server.address);
	talk_send_bytes(&other, "GET / HTTP/1.1\r\n\r\n", 18);
	talk_expect_closed(&other); /* nothing is served to it, whatever it speaks */
	talk_close(&other);
	for (int i = 0; i < REFUSED; i++) /* few of them are kept, and those not for long */
		talk_dial(&silent[i], server.address);
	for (int i = 0; i < REFUSED; i++) {
		talk_expect_closed(&silent[i]);
		talk_close(&silent[i]);
	}
	talk_close(&many[0]); /* makes room for another, a moment later */
	while (talk_open(&many[0], server.address, NULL), is_refused(&many[0]))
		talk_close(&many[0]);
	for (int i = 0; i < COUNT; i++)
		talk_close(&many[i]);
	free(many);
	assert_int_equal(talk_ask(&talk, 1, "Echo", nothing()).len, 0);
}

/* No descriptor is left: who comes then is turned away at once, nobody waits, and the others go on.
 */
static void test_descriptors(void **state)
{
	(void)state;
	enum { COUNT = 100 };
	struct program before = server;
	struct rlimit limit, few;
	struct talk first, many[COUNT];
	getrlimit(RLIMIT_NOFILE, &limit);
	few = limit;
	few.rlim_cur = 64;
	setrlimit(RLIMIT_NOFILE, &few);
	server_up((const char *const[]){NULL});
	setrlimit(RLIMIT_NOFILE, &limit);
	talk_open(&first, server.address, NULL);
	for (int i = 0; i < COUNT; i++)
		talk_dial(&many[i], server.address);
	for (int i = COUNT / 2 + 14; i < COUNT; i++)
		talk_expect_closed(&many[i]);
	assert_int_equal(talk_ask(&first, 1, "Echo", nothing()).len, 0);
	for (int i = 0; i < COUNT; i++)
		talk_close(&many[i]);
	server_settled_but(1);
	talk_close(&first);
	server_settled();
	server_down();
	server = before;
}

#define TALK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TALK(test_streams),
		TALK(test_message_size),
		TALK(test_rest_of_a_large_message_is_skipped),
		TALK(test_pings),
		TALK(test_ping_acks_are_no_pings),
		TALK(test_cancels),
		TALK(test_frames_for_closed_streams),
		TALK(test_empty_messages),
		TALK(test_empty_frames),
		TALK(test_interned_paths),
		TALK(test_answers_that_are_not_read),
		TALK(test_answers_fill_memory),
		TALK(test_thousand_connections),
		TALK(test_connections),
		TALK(test_descriptors),
	};
	return cmocka_run_group_tests(tests, group_setup, server_group_teardown);
}
