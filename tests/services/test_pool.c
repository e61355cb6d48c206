/* The pool against a real PostgreSQL: what it answers. */
#include "pool_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct cluster *cluster;

static void test_reads(void **state)
{
	struct fixture fixture;
	struct ask ask = {0};
	(void)state;
	fixture_open(&fixture, cluster);
	fixture_pool(&fixture, NULL);
	ASK(&fixture, &ask, &SAY, SAY_PARAMS(.value = -7));
	assert_int_equal(ask.status, STATUS_OK);
	assert_int_equal(ask.outcome, OUTCOME_EXECUTED);
	assert_int_equal(ask.value, -7);
	fixture_close(&fixture);
}

static int start(void **state)
{
	(void)state;
	cluster = cluster_new(NULL);
	fixture_schema(cluster);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	cluster_free(cluster);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
