#include "proto/flow.h"
#include "tests/unit/proto/support.h"

static void a_grant_above_31_bits_is_refused(void **state)
{
	(void)state;
	struct flow flow;
	flow_init(&flow, 65536, 65536);
	assert_true(flow_grant(&flow, INT32_MAX - 65536));
	assert_int_equal(flow.send, INT32_MAX);
	assert_false(flow_grant(&flow, 1));
	assert_false(flow_grant(&flow, UINT32_MAX));
	assert_int_equal(flow.send, INT32_MAX);
	flow.send -= 10;
	assert_true(flow_grant(&flow, 10));
	assert_false(flow_grant(&flow, 1));
}

static void no_more_is_received_than_was_granted(void **state)
{
	(void)state;
	struct flow flow;
	flow_init(&flow, 0, 100);
	assert_true(flow_receive(&flow, 99));
	assert_false(flow_receive(&flow, 2));
	assert_true(flow_receive(&flow, 1));
	assert_false(flow_receive(&flow, 1));
	assert_false(flow_receive(&flow, SIZE_MAX));
	assert_true(flow_receive(&flow, 0));
}

static void credit_is_returned_by_half_windows(void **state)
{
	(void)state;
	struct flow flow;
	flow_init(&flow, 0, 100);
	assert_true(flow_receive(&flow, 100));
	assert_int_equal(flow_take(&flow, 49), 0);
	assert_int_equal(flow_take(&flow, 1), 50);
	assert_int_equal(flow.received, 50);
	assert_true(flow_receive(&flow, 50));
	assert_false(flow_receive(&flow, 1));
	assert_int_equal(flow_take(&flow, 0), 0);
	assert_int_equal(flow_take(&flow, 100), 100);
	assert_int_equal(flow.received, 0);
}

static void a_window_of_one_or_none_works(void **state)
{
	(void)state;
	struct flow flow;
	flow_init(&flow, 0, 1);
	assert_true(flow_receive(&flow, 1));
	assert_int_equal(flow_take(&flow, 1), 1);
	flow_init(&flow, 0, 0);
	assert_false(flow_receive(&flow, 1));
	assert_int_equal(flow_take(&flow, 0), 0);
}

static void a_window_only_widens(void **state)
{
	(void)state;
	struct flow flow;
	flow_init(&flow, 0, 100);
	flow_widen(&flow, 50);
	assert_int_equal(flow.window, 100);
	flow_widen(&flow, 150);
	assert_true(flow_receive(&flow, 150));
	assert_false(flow_receive(&flow, 1));
}

static void what_is_taken_is_what_is_returned(void **state)
{
	(void)state;
	struct flow flow;
	uint64_t seed = 3, received = 0, returned = 0;
	flow_init(&flow, 0, 1000);
	for (int round = 0; round < 10000; round++) {
		size_t len = random_below(&seed, 400);
		bool fits = received - returned + len <= 1000;
		assert_int_equal(flow_receive(&flow, len), fits);
		received += fits ? len : 0;
		returned += flow_take(&flow, random_below(&seed, flow.received - flow.taken + 1));
		assert_true(received - returned <= 1000);
	}
	assert_true(returned > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_grant_above_31_bits_is_refused),
		cmocka_unit_test(no_more_is_received_than_was_granted),
		cmocka_unit_test(credit_is_returned_by_half_windows),
		cmocka_unit_test(a_window_of_one_or_none_works),
		cmocka_unit_test(a_window_only_widens),
		cmocka_unit_test(what_is_taken_is_what_is_returned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
