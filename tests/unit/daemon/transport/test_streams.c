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

/* Alone in a table of the first size, this one has the first slot. */
static bool is_at_home_in_front(uint32_t id)
{
	struct stream_table table = {0};
	struct stream stream = {.id = id};
	assert_true(stream_table_add(&table, &stream));
	bool front = table.slots[0] == &stream;
	stream_table_remove(&table, &stream);
	stream_table_deinit(&table);
	return front;
}

/* All of these have the same home: each is found, in whatever order the others go. */
static void test_table_of_collisions(void **state)
{
	(void)state;
	enum { COUNT = 6 };
	struct stream streams[COUNT];
	struct stream_table table = {0};
	uint32_t id = 1;
	for (uint32_t i = 0; i < COUNT; i++, id += 2) {
		while (!is_at_home_in_front(id))
			id += 2;
		streams[i] = (struct stream){.id = id};
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

/* How many neighbouring slots are taken, at most: what finding a stream may cost. */
static uint32_t longest_run(const struct stream_table *table)
{
	uint32_t longest = 0, run = 0;
	for (uint32_t i = 0; i < table->capacity; i++) {
		run = table->slots[i] ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return longest;
}

/* Numbers in whatever steps do not pile up. */
static void test_chosen_numbers(void **state)
{
	(void)state;
	enum { COUNT = 1000, RUN_MOST = 100 };
	struct stream *streams = calloc(COUNT, sizeof(*streams));
	for (uint32_t shift = 1; shift < 21; shift++) {
		struct stream_table table = {.seed = 0x5eed};
		for (uint32_t i = 0; i < COUNT; i++) {
			streams[i].id = (i << shift) + 1;
			assert_true(stream_table_add(&table, &streams[i]));
		}
		assert_true(longest_run(&table) < RUN_MOST);
		for (uint32_t i = 0; i < COUNT; i++)
			stream_table_remove(&table, &streams[i]);
		stream_table_deinit(&table);
	}
	free(streams);
}

/* The same numbers, another order in the table. */
static void test_seed(void **state)
{
	(void)state;
	struct stream streams[6] = {{.id = 1}, {.id = 3}, {.id = 5},
	                            {.id = 7}, {.id = 9}, {.id = 11}};
	uint32_t differ = 0;
	for (uint32_t seed = 1; seed < 10; seed++) {
		struct stream_table one = {.seed = 0}, other = {.seed = seed};
		for (int i = 0; i < 6; i++) {
			assert_true(stream_table_add(&one, &streams[i]));
			assert_true(stream_table_add(&other, &streams[i]));
		}
		differ += memcmp(one.slots, other.slots, one.capacity * sizeof(*one.slots)) != 0;
		for (int i = 0; i < 6; i++) {
			stream_table_remove(&one, &streams[i]);
			stream_table_remove(&other, &streams[i]);
		}
		stream_table_deinit(&one);
		stream_table_deinit(&other);
	}
	assert_in_range(differ, 8, 9);
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
		cmocka_unit_test(test_chosen_numbers),
		cmocka_unit_test(test_seed),
		cmocka_unit_test(test_idle_table_shrinks),
		cmocka_unit_test(test_paths_are_numbered),
		cmocka_unit_test(test_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
