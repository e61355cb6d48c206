#include "daemon/rpc/fiber.h"
#include "proto/limits.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

struct counter {
	struct fiber *fiber;
	int rounds, seen;
	bool ended;
};

/* Counts in a local: what is on the stack stays there. */
static void count_rounds(void *arg)
{
	struct counter *counter = arg;
	counter->fiber = fiber_current();
	uint8_t pattern[1024];
	for (int round = 0; round < counter->rounds; round++) {
		memset(pattern, round, sizeof(pattern));
		fiber_suspend();
		for (size_t i = 0; i < sizeof(pattern); i++)
			assert_int_equal(pattern[i], (uint8_t)round);
		counter->seen++;
	}
	counter->ended = true;
}

static void ends_at_once(void **state)
{
	(void)state;
	struct counter counter = {0};
	assert_true(fiber_start(count_rounds, &counter));
	assert_true(counter.ended);
	assert_null(fiber_current());
	assert_int_equal(fiber_alive(), 0);
	fiber_drop_cache();
}

static void interleaves(void **state)
{
	(void)state;
	enum { COUNT = 50 };
	struct counter counters[COUNT];
	for (int i = 0; i < COUNT; i++) {
		counters[i] = (struct counter){.rounds = i};
		assert_true(fiber_start(count_rounds, &counters[i]));
	}
	assert_int_equal(fiber_alive(), COUNT - 1); /* one had no rounds */
	for (int turn = 0; turn < COUNT; turn++)
		for (int i = 0; i < COUNT; i++)
			if (!counters[i].ended)
				fiber_resume(counters[i].fiber);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(counters[i].seen, i);
	assert_int_equal(fiber_alive(), 0);
	fiber_drop_cache();
}

static void stacks_are_used_again(void **state)
{
	(void)state;
	struct counter first = {.rounds = 1}, second = {.rounds = 1};
	assert_true(fiber_start(count_rounds, &first));
	fiber_resume(first.fiber);
	assert_true(fiber_start(count_rounds, &second));
	assert_ptr_equal(first.fiber, second.fiber);
	fiber_resume(second.fiber);
	assert_int_equal(fiber_cached_warm(), 1);
	fiber_drop_cache();
	assert_int_equal(fiber_cached_warm(), 0);
}

/* A stack that was idle between two trims gives its memory back, and works on. */
static void trims_what_was_not_needed(void **state)
{
	(void)state;
	enum { COUNT = 20 };
	struct counter counters[COUNT];
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < COUNT; i++) {
			counters[i] = (struct counter){.rounds = 1};
			assert_true(fiber_start(count_rounds, &counters[i]));
		}
		for (int i = 0; i < COUNT; i++)
			fiber_resume(counters[i].fiber);
		assert_int_equal(fiber_cached_warm(), COUNT);
		fiber_trim(); /* all were in use since the last one */
		assert_int_equal(fiber_cached_warm(), COUNT);
		fiber_trim();
		assert_int_equal(fiber_cached_warm(), 0);
	}
	fiber_drop_cache();
}

static int deep(int levels)
{
	volatile uint8_t frame[512];
	memset((void *)frame, levels, sizeof(frame));
	return levels == 0 ? frame[0] : deep(levels - 1) + frame[511] - (uint8_t)levels;
}

static void uses_its_stack(void *arg)
{
	*(int *)arg = deep(60); /* 30 KiB of 64 */
}

static void has_room_for_deep_calls(void **state)
{
	(void)state;
	int result = -1;
	assert_true(fiber_start(uses_its_stack, &result));
	assert_int_equal(result, 0);
	fiber_drop_cache();
}

enum { BELOW_KIB = 384 }; /* more than any stack has */

/* Reads on and on below its own frame. */
static void leaves_its_stack(void *arg)
{
	uintptr_t start = (uintptr_t)__builtin_frame_address(0);
	for (size_t down = 0; down < BELOW_KIB * 1024; down += 1024)
		*(volatile char *)arg = *(volatile char *)(start - down);
}

/* Stacks lie side by side, a later one below: without a guard page one would run into the next. */
static void overflow_hits_the_guard_page(void **state)
{
	(void)state;
	enum { STACKS = 12 };
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		struct counter counters[STACKS];
		char seen;
		for (size_t i = 0; i < STACKS; i++) {
			counters[i] = (struct counter){.rounds = 1};
			if (!fiber_start(count_rounds, &counters[i]))
				_exit(2);
		}
		fiber_resume(counters[0].fiber);
		_exit(fiber_start(leaves_its_stack, &seen) ? 3 : 2);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
}

static void on_a_thread(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++)
		interleaves(NULL);
}

static void threads_have_their_own(void **state)
{
	(void)state;
	uv_thread_t threads[4];
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(uv_thread_create(&threads[i], on_a_thread, NULL), 0);
	on_a_thread(NULL);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(uv_thread_join(&threads[i]), 0);
}

#ifndef __SANITIZE_THREAD__ /* which has room for 8,000 */
static void the_process_has_a_limit(void **state)
{
	(void)state;
	struct counter *counters = calloc(LIMIT_FIBERS, sizeof(*counters));
	assert_non_null(counters);
	for (size_t i = 0; i < LIMIT_FIBERS; i++) {
		counters[i].rounds = 1;
		assert_true(fiber_start(count_rounds, &counters[i]));
	}
	struct counter over = {.rounds = 1};
	assert_false(fiber_start(count_rounds, &over));
	assert_int_equal(fiber_alive(), LIMIT_FIBERS);
	fiber_resume(counters[0].fiber);
	assert_true(fiber_start(count_rounds, &over)); /* where the first one was */
	fiber_resume(over.fiber);
	for (size_t i = 1; i < LIMIT_FIBERS; i++)
		fiber_resume(counters[i].fiber);
	assert_int_equal(fiber_alive(), 0);
	fiber_drop_cache();
	assert_true(fiber_start(count_rounds, &over));
	fiber_resume(over.fiber);
	fiber_drop_cache();
	free(counters);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_at_once),
		cmocka_unit_test(interleaves),
		cmocka_unit_test(stacks_are_used_again),
		cmocka_unit_test(trims_what_was_not_needed),
		cmocka_unit_test(has_room_for_deep_calls),
		cmocka_unit_test(overflow_hits_the_guard_page),
		cmocka_unit_test(threads_have_their_own),
#ifndef __SANITIZE_THREAD__
		cmocka_unit_test(the_process_has_a_limit),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
