/* Many calls that wait at once: what they cost, and what stays of them. */
#include "tests/unit/daemon/rpc/rig.h"

#include "proto/limits.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef __SANITIZE_THREAD__ /* which keeps a trace of 800 KiB for each fiber */
enum { MANY = 200 };
#else
enum { MANY = 10000 };
#endif

struct waiting {
	struct call **calls;
	size_t count;
};

static enum status park(struct rig *rig, struct call *call, const Text *request, Text *response)
{
	struct waiting *waiting = rig->ctx;
	waiting->calls[waiting->count++] = call;
	TRY(call_wait(call, "the test"));
	response->value = arena_printf(&call->arena, "re: %s", request->value);
	return response->value ? STATUS_OK : call_no_memory(call);
}

static double resident_kib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
	fclose(file);
	return (double)pages * 4;
}

static void begin(struct rig *rig, struct waiting *waiting)
{
	rig_begin(rig, NULL);
	rig->handler = park;
	rig->ctx = waiting;
	*waiting = (struct waiting){.calls = calloc(LIMIT_FIBERS + 1, sizeof(struct call *))};
	assert_non_null(waiting->calls);
}

static void start_many(struct rig *rig, size_t count, struct told *told)
{
	for (size_t i = 0; i < count; i++) {
		char text[64];
		snprintf(text, sizeof(text), "%zu", i);
		rig_unary(rig, text, 3600000, &told[i]);
	}
	rig_turn(rig);
}

static void memory_of_a_waiting_call(void **state)
{
	(void)state;
	struct rig rig;
	struct waiting waiting;
	struct told *told = calloc(MANY, sizeof(*told));
	assert_non_null(told);
	memset(told, 1, MANY * sizeof(*told));
	begin(&rig, &waiting);
	double before = resident_kib();
	start_many(&rig, MANY, told);
	double during = resident_kib();
	assert_int_equal(waiting.count, MANY);
	assert_int_equal(rig.rpc.heap_len, MANY);
	for (size_t i = 0; i < MANY; i++)
		call_wake(waiting.calls[i]);
	rig_turn(&rig);
	for (size_t i = 0; i < MANY; i++) {
		char text[64];
		snprintf(text, sizeof(text), "re: %zu", i);
		rig_assert_told(&told[i], STATUS_OK, "");
		assert_string_equal(told[i].response, text);
	}
	fiber_trim();
	fiber_trim();
	print_message("%d waiting calls: %.1f KiB each; after them %.0f KiB stay\n", MANY,
	              (during - before) / MANY, resident_kib() - before);
	assert_int_equal(fiber_cached_warm(), 0);
	free(waiting.calls);
	free(told);
	rig_end(&rig);
}

static bool all_are_cold(struct rig *rig, void *ctx)
{
	(void)rig, (void)ctx;
	return fiber_cached_warm() == 0;
}

/* The timer gives idle stacks back by itself. */
static void idle_stacks_are_given_back(void **state)
{
	(void)state;
	enum { COUNT = 100 };
	struct rig rig;
	struct waiting waiting;
	struct told told[COUNT];
	begin(&rig, &waiting);
	start_many(&rig, COUNT, told);
	for (size_t i = 0; i < COUNT; i++)
		call_wake(waiting.calls[i]);
	rig_turn(&rig);
	assert_int_equal(fiber_cached_warm(), COUNT);
	assert_true(rig.rpc.trim_ns != UINT64_MAX);
	rig_until_done(&rig, all_are_cold, NULL);
	assert_true(rig.rpc.trim_ns == UINT64_MAX);
	free(waiting.calls);
	rig_end(&rig);
}

#ifndef __SANITIZE_THREAD__
static void over_the_process_limit_calls_are_refused(void **state)
{
	(void)state;
	struct rig rig;
	struct waiting waiting;
	struct told *told = calloc(LIMIT_FIBERS + 1, sizeof(*told));
	assert_non_null(told);
	begin(&rig, &waiting);
	rig.rpc.running_limit = UINT32_MAX; /* so that the fibers are what runs out */
	start_many(&rig, LIMIT_FIBERS + 1, told);
	assert_int_equal(waiting.count, LIMIT_FIBERS);
	rig_assert_told(&told[LIMIT_FIBERS], STATUS_UNAVAILABLE, "too many calls are running");
	assert_int_equal(told[LIMIT_FIBERS].retry, RETRY_SAFE);
	assert_int_equal(told[LIMIT_FIBERS].outcome, OUTCOME_NOT_EXECUTED);
	for (size_t i = 0; i < waiting.count; i++)
		call_cancel(waiting.calls[i], STATUS_CANCELLED, true);
	rig_turn(&rig);
	struct told again;
	rig_unary(&rig, "again", 0, &again);
	rig_turn(&rig);
	call_wake(waiting.calls[LIMIT_FIBERS]);
	rig_turn(&rig);
	rig_assert_told(&again, STATUS_OK, "");
	free(waiting.calls);
	free(told);
	rig_end(&rig);
}
#endif

static void worker(void *arg)
{
	(void)arg;
	for (int round = 0; round < 5; round++) {
		struct rig rig;
		struct waiting waiting;
		struct told told[50];
		begin(&rig, &waiting);
		start_many(&rig, 50, told);
		for (size_t i = 0; i < 50; i++)
			call_wake(waiting.calls[i]);
		rig_turn(&rig);
		for (size_t i = 0; i < 50; i++)
			rig_assert_told(&told[i], STATUS_OK, "");
		free(waiting.calls);
		rig_end(&rig);
	}
}

static void workers_share_nothing(void **state)
{
	(void)state;
	uv_thread_t threads[3];
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(uv_thread_create(&threads[i], worker, NULL), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(uv_thread_join(&threads[i]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_of_a_waiting_call),
		cmocka_unit_test(idle_stacks_are_given_back),
#ifndef __SANITIZE_THREAD__
		cmocka_unit_test(over_the_process_limit_calls_are_refused),
#endif
		cmocka_unit_test(workers_share_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
