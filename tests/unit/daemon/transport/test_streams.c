/* The table of streams and the table of paths, against simple models of them. */
#include "daemon/transport/native_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { IDS = 4000 };

static uint64_t random_state = 7;

static uint32_t random_below(uint32_t bound)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % bound;
}

static void test_table_against_a_model(void **state)
{
	(void)state;
	struct stream *model = calloc(IDS, sizeof(*model));
	bool *there = calloc(IDS, sizeof(*there));
	struct stream_table table = {0};
	uint32_t count = 0;
	for (int step = 0; step < 40000; step++) {
		/* mostly the newest, as calls are; some stay */
		uint32_t base = (uint32_t)step / 12;
		uint32_t i = (base + random_below(random_below(10) ? 40 : 600)) % IDS;
		model[i].id = 2 * i + 1;
		if (there[i])
			stream_table_remove(&table, &model[i]);
		else
			assert_true(stream_table_add(&table, &model[i]));
		there[i] = !there[i];
		count += there[i] ? 1 : UINT32_MAX;
		assert_int_equal(table.count, count);
		uint32_t other = (base + random_below(600)) % IDS;
		struct stream *found = stream_table_find(&table, 2 * other + 1);
		assert_ptr_equal(found, there[other] ? &model[other] : NULL);
	}
	struct stream *any;
	while ((any = stream_table_any(&table)) != NULL)
		stream_table_remove(&table, any);
	assert_int_equal(table.count, 0);
	stream_table_deinit(&table);
	free(there);
	free(model);
}

/* All of these have the same home: each is found, in whatever order the others go. */
static void test_table_of_collisions(void **state)
{
	(void)state;
	enum { COUNT = 6 };
	struct stream streams[COUNT];
	struct stream_table table = {0};
	for (uint32_t i = 0; i < COUNT; i++) {
		streams[i] = (struct stream){.id = 1 + 1024 * i};
		assert_true(stream_table_add(&table, &streams[i]));
	}
	for (uint32_t gone = 0; gone < COUNT; gone++) {
		stream_table_remove(&table, &streams[(gone * 5) % COUNT]);
		for (uint32_t later = gone + 1; later < COUNT; later++) {
			struct stream *left = &streams[(later * 5) % COUNT];
			assert_ptr_equal(stream_table_find(&table, left->id), left);
		}
	}
	stream_table_deinit(&table);
}

static void test_idle_table_shrinks(void **state)
{
	(void)state;
	struct stream streams[100];
	struct stream_table table = {0};
	for (uint32_t i = 0; i < 100; i++) {
		streams[i] = (struct stream){.id = 2 * i + 1};
		assert_true(stream_table_add(&table, &streams[i]));
	}
	stream_table_shrink(&table);
	assert_int_equal(table.count, 100);
	for (uint32_t i = 0; i < 100; i++)
		stream_table_remove(&table, &streams[i]);
	stream_table_shrink(&table);
	assert_int_equal(table.capacity, 0);
	assert_null(stream_table_find(&table, 1));
	/* a small one is kept: a connection with a call now and then does not pay for it */
	assert_true(stream_table_add(&table, &streams[0]));
	stream_table_remove(&table, &streams[0]);
	stream_table_shrink(&table);
	assert_true(table.capacity > 0);
	stream_table_deinit(&table);
}

static void test_paths_are_numbered(void **state)
{
	(void)state;
	static const struct route routes[3];
	struct native_paths paths = {0};
	for (uint32_t i = 0; i < 1000; i++)
		assert_true(native_paths_define(&paths, i % 4 == 3 ? NULL : &routes[i % 4]));
	assert_int_equal(paths.count, 1000);
	assert_ptr_equal(paths.routes[0], &routes[0]);
	assert_ptr_equal(paths.routes[999], NULL);
	assert_ptr_equal(paths.routes[998], &routes[2]);
	native_paths_deinit(&paths);
	assert_int_equal(paths.count, 0);
}

static void test_budget(void **state)
{
	(void)state;
	struct budget budget = {0};
	for (int i = 0; i < 3; i++)
		assert_true(budget_take(&budget, 3, 10, 1000));
	assert_false(budget_take(&budget, 3, 10, 1000));
	assert_false(budget_take(&budget, 3, 10, 1099)); /* one regained each 100 ms */
	assert_true(budget_take(&budget, 3, 10, 1100));
	assert_false(budget_take(&budget, 3, 10, 1100));
	for (int i = 0; i < 3; i++) /* never more than its capacity */
		assert_true(budget_take(&budget, 3, 10, 1000000000));
	assert_false(budget_take(&budget, 3, 10, 1000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_against_a_model),
		cmocka_unit_test(test_table_of_collisions),
		cmocka_unit_test(test_idle_table_shrinks),
		cmocka_unit_test(test_paths_are_numbered),
		cmocka_unit_test(test_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
