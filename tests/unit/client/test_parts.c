/* The small parts of a channel: deadlines, queues of messages, tables of streams and paths,
 * back-off. */
#include "client/backoff.h"
#include "client/call.h"
#include "client/channel.h"
#include "client/messages.h"
#include "client/native/paths.h"
#include "client/streams.h"
#include "client/turn.h"
#include "proto/gzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(random_state >> 33) % bound;
}

/* --- deadlines ------------------------------------------------------------------------------- */

enum { TIMERS = 500 };

struct expiry {
	struct deadlines deadlines;
	struct deadline each[TIMERS];
	uint64_t last_ns;
	unsigned expired;
	bool closed;
};

static void on_expired(void *ctx, struct deadline *deadline)
{
	struct expiry *expiry = ctx;
	assert_true(deadline->at_ns >= expiry->last_ns);
	assert_true(deadline->at_ns <= uv_hrtime());
	assert_int_equal(deadline->place, 0);
	expiry->last_ns = deadline->at_ns;
	expiry->expired++;
}

static void on_closed(void *ctx)
{
	((struct expiry *)ctx)->closed = true;
}

/* Whatever was added and removed, in whatever order: the rest expires in the order of time. */
static void test_deadlines(void **state)
{
	(void)state;
	static struct expiry expiry;
	uv_loop_t loop;
	unsigned removed = 0;
	uint64_t start_ns = uv_hrtime();
	random_state = 7;
	uv_loop_init(&loop);
	deadlines_start(&expiry.deadlines, &loop, on_expired, &expiry);
	for (int i = 0; i < TIMERS; i++)
		assert_true(deadlines_add(&expiry.deadlines, &expiry.each[i],
		                          start_ns + random_below(20000000)));
	for (int i = 0; i < TIMERS; i++) {
		if (random_below(2))
			continue;
		deadlines_remove(&expiry.deadlines, &expiry.each[i]);
		deadlines_remove(&expiry.deadlines, &expiry.each[i]);
		removed++;
	}
	uv_ref((uv_handle_t *)&expiry.deadlines.timer);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(expiry.expired, TIMERS - removed);
	deadlines_close(&expiry.deadlines, on_closed);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(expiry.closed);
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* --- messages ----------------------------------------------------------------------------------
 */

static void test_messages(void **state)
{
	(void)state;
	struct buffer queue = {0};
	struct message first;
	assert_false(messages_first(&queue, &first));
	messages_pop(&queue);
	for (uint32_t i = 0; i < 1000; i++) {
		uint8_t bytes[1000];
		memset(bytes, (int)i, sizeof bytes);
		assert_true(messages_push(&queue, bytes_of(bytes, i), i * 2));
	}
	for (uint32_t i = 0; i < 1000; i++) {
		assert_true(messages_first(&queue, &first));
		assert_int_equal(first.bytes.len, i);
		assert_int_equal(first.tag, i * 2);
		for (uint32_t j = 0; j < i; j++)
			assert_int_equal(first.bytes.data[j], (uint8_t)i);
		messages_pop(&queue);
	}
	assert_false(messages_first(&queue, &first));
	assert_null(messages_reserve(&queue, (size_t)UINT32_MAX + 1, 0));
	buffer_deinit(&queue);
}

/* --- answers of a paused call ------------------------------------------------------------------
 */

static size_t take(struct prism_call *call, size_t len, bool more, enum answer expected)
{
	static uint8_t bytes[1 << 20];
	char reason[WIRE_REASON_SIZE];
	size_t taken = 0;
	struct answer_part part = {.bytes = bytes_of(bytes, len), .more = more};
	assert_int_equal(call_assemble(call, part, &taken, reason), expected);
	return taken;
}

/* Of one message the credit comes back at once, behind it not before it is given out. */
static void test_paused_credit(void **state)
{
	(void)state;
	static const struct prism_method method = {.kind = PRISM_SERVER_STREAMING};
	static struct prism_channel channel = {.settings = {.max_message = 1 << 20}};
	struct prism_call call = {.channel = &channel, .method = &method, .paused = true};
	struct message first;
	assert_int_equal(take(&call, 1000, true, ANSWER_OK), 1000);
	assert_int_equal(take(&call, 500, false, ANSWER_OK), 0);
	assert_int_equal(take(&call, 1000, true, ANSWER_OK), 0);
	assert_int_equal(take(&call, 1000, true, ANSWER_OK), 0);
	assert_int_equal(take(&call, 500, false, ANSWER_OK), 0);
	assert_int_equal(take(&call, 300, true, ANSWER_OK), 0);
	assert_true(messages_first(&call.inbox, &first));
	assert_int_equal(first.tag, 500);
	messages_pop(&call.inbox);
	assert_true(messages_first(&call.inbox, &first));
	assert_int_equal(first.bytes.len, 2500);
	assert_int_equal(first.tag, 2500);
	messages_pop(&call.inbox);
	char reason[WIRE_REASON_SIZE];
	size_t taken = 0;
	assert_int_equal(call_give(&call, &taken, reason), ANSWER_OK);
	assert_int_equal(taken, 300);
	assert_int_equal(take(&call, 300, true, ANSWER_OK), 300);
	call_drop_answers(&call);
}

/* What is compressed counts as it came. */
static void test_paused_credit_of_gzip(void **state)
{
	(void)state;
	static const struct prism_method method = {.kind = PRISM_SERVER_STREAMING};
	static struct prism_channel channel = {.settings = {.max_message = 1 << 20}};
	static const uint8_t zeros[100000];
	struct prism_call call = {.channel = &channel, .method = &method, .paused = true};
	struct message first;
	struct buffer packed = {0};
	char reason[WIRE_REASON_SIZE];
	size_t taken = 0;
	assert_true(gzip_deflate(channel_gzip(&channel), bytes_of(zeros, sizeof zeros), &packed));
	struct answer_part part = {.bytes = buffer_bytes(&packed), .compressed = true};
	assert_int_equal(call_assemble(&call, part, &taken, reason), ANSWER_OK);
	assert_int_equal(taken, 0);
	assert_true(messages_first(&call.inbox, &first));
	assert_int_equal(first.bytes.len, sizeof zeros);
	assert_int_equal(first.tag, buffer_len(&packed));
	call_drop_answers(&call);
	buffer_deinit(&packed);
	gzip_free(channel.gzip);
}

/* Too many for one call are that call's end alone. */
static void test_paused_too_many(void **state)
{
	(void)state;
	static const struct prism_method method = {.kind = PRISM_SERVER_STREAMING};
	static struct prism_channel channel = {.settings = {.max_message = 1 << 20}};
	struct prism_call call = {.channel = &channel, .method = &method, .paused = true};
	for (int i = 0; i < 64; i++)
		(void)take(&call, 1 << 20, false, ANSWER_OK);
	(void)take(&call, 1 << 20, false, ANSWER_TOO_LARGE);
	call_drop_answers(&call);
}

/* --- streams ------------------------------------------------------------------------------------
 */

enum { STREAMS = 3000 };

/* Beside a plain array: ids come in order, calls leave in any. */
static void test_streams(void **state)
{
	(void)state;
	struct streams streams = {0};
	struct prism_call *calls = calloc(STREAMS, sizeof *calls);
	bool *open = calloc(STREAMS, sizeof *open);
	random_state = 3;
	assert_null(streams_find(&streams, 1));
	assert_null(streams_any(&streams));
	for (uint32_t i = 0; i < STREAMS; i++) {
		calls[i].stream.id = i * 2 + 1;
		open[i] = true;
		assert_true(streams_insert(&streams, &calls[i]));
		for (uint32_t leave = random_below(3); leave > 0; leave--) {
			uint32_t which = random_below(i + 1);
			if (open[which])
				streams_remove(&streams, &calls[which]);
			open[which] = false;
		}
		uint32_t asked = random_below(i + 1);
		assert_ptr_equal(streams_find(&streams, asked * 2 + 1),
		                 open[asked] ? &calls[asked] : NULL);
	}
	size_t left = 0;
	for (uint32_t i = 0; i < STREAMS; i++) {
		assert_ptr_equal(streams_find(&streams, i * 2 + 1), open[i] ? &calls[i] : NULL);
		left += open[i];
	}
	assert_int_equal(streams.count, left);
	for (struct prism_call *call; (call = streams_any(&streams)); left--)
		streams_remove(&streams, call);
	assert_int_equal(left, 0);
	streams_deinit(&streams);
	free(calls);
	free(open);
}

/* --- paths
 * ---------------------------------------------------------------------------------------- */

static void test_paths(void **state)
{
	(void)state;
	struct paths paths = {0};
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 500; i++) {
			char path[32];
			bool defined;
			snprintf(path, sizeof path, "/prism/%u", i);
			uint32_t id = paths_id(&paths, bytes_of_string(path), 400, &defined);
			assert_int_equal(id, i < 400 ? i + 1 : 0);
			assert_int_equal(defined, round == 1 && i < 400);
		}
	}
	paths_deinit(&paths);
}

/* --- back-off
 * --------------------------------------------------------------------------------------- */

/* 1 s, by 1.6 to 120 s, each a fifth more or less. */
static void test_backoff(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct backoff backoff;
		double expected = 1000;
		backoff_init(&backoff, seed);
		for (int i = 0; i < 30; i++) {
			uint32_t wait_ms = backoff_next(&backoff);
			assert_in_range(wait_ms, (uint32_t)(expected * 0.79),
			                (uint32_t)(expected * 1.21));
			expected = expected * 1.6 < 120000 ? expected * 1.6 : 120000;
		}
		backoff_reset(&backoff);
		assert_in_range(backoff_next(&backoff), 800, 1200);
	}
}

/* Two clients do not wait the same. */
static void test_backoff_spread(void **state)
{
	(void)state;
	uint32_t least = UINT32_MAX, most = 0;
	for (uint64_t seed = 1; seed < 1000; seed++) {
		struct backoff backoff;
		backoff_init(&backoff, seed * 0x9e3779b97f4a7c15);
		uint32_t wait_ms = backoff_next(&backoff);
		least = wait_ms < least ? wait_ms : least;
		most = wait_ms > most ? wait_ms : most;
	}
	assert_in_range(least, 800, 830);
	assert_in_range(most, 1170, 1200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_paused_credit),
		cmocka_unit_test(test_paused_credit_of_gzip),
		cmocka_unit_test(test_paused_too_many),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_backoff_spread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
