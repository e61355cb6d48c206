#include "db/flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_turns(void **state)
{
	struct flows flows;
	struct db_request a = {.affinity = 7}, b = {.affinity = 7}, c = {.affinity = 7};
	struct db_request other = {.affinity = 8}, none = {.affinity = 0};
	(void)state;
	assert_true(flows_init(&flows, 2));
	assert_null(flow_find(&flows, 7));
	flow_begin(&flows, &a);
	struct flow *flow = flow_find(&flows, 7);
	assert_ptr_equal(flow->owner, &a);
	queue_push(&flow->followers, &b);
	queue_push(&flow->followers, &c);
	flow_begin(&flows, &other);
	flow_begin(&flows, &none);
	assert_null(flow_find(&flows, 0));
	assert_null(flow_next(&flows, 7, &c)); /* it was not its turn */
	assert_null(flow_next(&flows, 7, NULL));
	assert_ptr_equal(flow_find(&flows, 7)->owner, &a);
	assert_ptr_equal(flow_next(&flows, 7, &a), &b);
	assert_ptr_equal(flow_find(&flows, 7)->owner, &b);
	flow_begin(&flows, &b);             /* it is sent: the followers stay */
	flow_find(&flows, 7)->owner = NULL; /* abandoned */
	assert_null(flow_next(&flows, 7, &b));
	assert_ptr_equal(flow_next(&flows, 7, NULL), &c);
	assert_null(flow_next(&flows, 7, &c));
	assert_null(flow_find(&flows, 7));
	assert_null(flow_next(&flows, 7, &c));
	assert_null(flow_next(&flows, 0, NULL));
	assert_null(flow_next(&flows, 8, &a));
	flows_deinit(&flows);
}

/* With a full table a write goes without a turn, rather than not at all. */
static void test_full_table(void **state)
{
	struct flows flows;
	struct db_request a = {.affinity = 1}, b = {.affinity = 2};
	(void)state;
	assert_true(flows_init(&flows, 1));
	flow_begin(&flows, &a);
	flow_begin(&flows, &b);
	assert_null(flow_find(&flows, 2));
	assert_null(flow_next(&flows, 2, &b));
	assert_ptr_equal(flow_find(&flows, 1)->owner, &a);
	flows_deinit(&flows);
}

static void test_queue(void **state)
{
	struct queue queue = {0};
	struct db_request a = {0}, b = {0}, c = {0};
	(void)state;
	assert_null(queue_pop(&queue));
	queue_push(&queue, &a);
	queue_push(&queue, &b);
	queue_push(&queue, &c);
	queue_remove(&queue, &b);
	assert_int_equal(queue.count, 2);
	assert_ptr_equal(queue_pop(&queue), &a);
	queue_remove(&queue, &c);
	assert_null(queue_pop(&queue));
	assert_null(queue.last);
	queue_push(&queue, &b);
	assert_ptr_equal(queue.first, &b);
	assert_ptr_equal(queue.last, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_full_table),
		cmocka_unit_test(test_queue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
