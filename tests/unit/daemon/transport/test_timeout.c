/* Waits expire in their order, by a clock that the tests move. */
#include "daemon/transport/timeout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SHORT, LONG, LISTS };

static uv_loop_t loop;
static struct timeouts timeouts;
static struct timeout_list lists[LISTS];
static struct timeout waits[8];
static int expired[16];
static size_t expired_count;
static struct timeout *to_clear, *to_arm;

static void on_expired(struct timeout *timeout)
{
	assert_false(timeout_armed(timeout));
	expired[expired_count++] = (int)(timeout - waits);
	if (to_clear)
		timeout_clear(to_clear);
	if (to_arm)
		timeout_arm(&timeouts, &lists[SHORT], to_arm);
	to_clear = to_arm = NULL;
}

static int setup(void **state)
{
	(void)state;
	uv_loop_init(&loop);
	lists[SHORT] = (struct timeout_list){.after_ms = 5, .expired = on_expired};
	lists[LONG] = (struct timeout_list){.after_ms = 20, .expired = on_expired};
	timeouts_init(&timeouts, &loop, lists, LISTS);
	expired_count = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	timeouts_close(&timeouts);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	return 0;
}

/* The loop ends by itself when the timer has nothing to wait for. */
static void run(void)
{
	uv_run(&loop, UV_RUN_DEFAULT);
}

static void test_nothing_armed_holds_no_loop(void **state)
{
	(void)state;
	run();
	assert_int_equal(expired_count, 0);
}

static void test_expires_once(void **state)
{
	(void)state;
	timeout_arm(&timeouts, &lists[SHORT], &waits[0]);
	assert_true(timeout_armed(&waits[0]));
	run();
	assert_int_equal(expired_count, 1);
	assert_false(timeout_armed(&waits[0]));
}

static void test_order_over_lists(void **state)
{
	(void)state;
	timeout_arm(&timeouts, &lists[LONG], &waits[0]);
	timeout_arm(&timeouts, &lists[SHORT], &waits[1]);
	timeout_arm(&timeouts, &lists[SHORT], &waits[2]);
	run();
	assert_int_equal(expired_count, 3);
	assert_int_equal(expired[0], 1);
	assert_int_equal(expired[1], 2);
	assert_int_equal(expired[2], 0);
}

static void test_arming_again_moves_to_the_end(void **state)
{
	(void)state;
	timeout_arm(&timeouts, &lists[SHORT], &waits[0]);
	timeout_arm(&timeouts, &lists[SHORT], &waits[1]);
	timeout_arm(&timeouts, &lists[SHORT], &waits[0]);
	run();
	assert_int_equal(expired_count, 2);
	assert_int_equal(expired[0], 1);
	assert_int_equal(expired[1], 0);
}

static void test_cleared_does_not_expire(void **state)
{
	(void)state;
	timeout_arm(&timeouts, &lists[SHORT], &waits[0]);
	timeout_arm(&timeouts, &lists[SHORT], &waits[1]);
	timeout_clear(&waits[0]);
	timeout_clear(&waits[0]);
	run();
	assert_int_equal(expired_count, 1);
	assert_int_equal(expired[0], 1);
}

static void test_expired_may_clear_and_arm(void **state)
{
	(void)state;
	timeout_arm(&timeouts, &lists[SHORT], &waits[0]);
	timeout_arm(&timeouts, &lists[SHORT], &waits[1]);
	to_clear = &waits[1];
	to_arm = &waits[2];
	run();
	assert_int_equal(expired_count, 2);
	assert_int_equal(expired[0], 0);
	assert_int_equal(expired[1], 2);
}

#define TIMEOUT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TIMEOUT(test_nothing_armed_holds_no_loop),
		TIMEOUT(test_expires_once),
		TIMEOUT(test_order_over_lists),
		TIMEOUT(test_arming_again_moves_to_the_end),
		TIMEOUT(test_cleared_does_not_expire),
		TIMEOUT(test_expired_may_clear_and_arm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
