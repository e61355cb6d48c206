/* The heap, against a plain search for the least. */
#include "daemon/rpc/deadline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CALLS = 500, STEPS = 20000 };

struct model {
	struct rpc rpc;
	struct call *calls;
	uint64_t at_ns[CALLS]; /* 0: not in the heap */
	uint64_t random;
};

static uint64_t draw(struct model *model, uint64_t below)
{
	model->random = model->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (model->random >> 33) % below;
}

static void model_begin(struct model *model)
{
	*model = (struct model){.random = 42};
	model->calls = calloc(CALLS, sizeof(*model->calls));
	assert_non_null(model->calls);
	for (; model->rpc.live < CALLS; model->rpc.live++) {
		assert_true(deadline_reserve(&model->rpc));
		model->calls[model->rpc.live].rpc = &model->rpc;
		model->calls[model->rpc.live].heap_index = SIZE_MAX;
	}
}

static void model_end(struct model *model)
{
	free(model->rpc.heap);
	free(model->calls);
}

static void take_due(struct model *model, uint64_t now_ns)
{
	uint64_t last_ns = 0;
	for (struct call *call; (call = deadline_take(&model->rpc, now_ns));) {
		size_t index = (size_t)(call - model->calls);
		assert_int_equal(call->heap_index, SIZE_MAX);
		assert_true(model->at_ns[index] > 0 && model->at_ns[index] <= now_ns);
		assert_true(model->at_ns[index] >= last_ns);
		last_ns = model->at_ns[index];
		model->at_ns[index] = 0;
	}
	for (size_t i = 0; i < CALLS; i++)
		assert_true(model->at_ns[i] == 0 || model->at_ns[i] > now_ns);
}

static void step(struct model *model, uint64_t now_ns)
{
	size_t index = (size_t)draw(model, CALLS);
	if (draw(model, 4) == 0) {
		deadline_forget(&model->calls[index]);
		model->at_ns[index] = 0;
	} else {
		model->at_ns[index] = now_ns + 1 + draw(model, 1000);
		deadline_set(&model->calls[index], model->at_ns[index]);
	}
	size_t held = 0;
	for (size_t i = 0; i < CALLS; i++)
		held += model->at_ns[i] > 0;
	assert_int_equal(held, model->rpc.heap_len);
}

static void gives_the_earliest_first(void **state)
{
	(void)state;
	struct model model;
	model_begin(&model);
	uint64_t now_ns = 1;
	for (size_t i = 0; i < STEPS; i++) {
		step(&model, now_ns);
		if (draw(&model, 10) == 0)
			take_due(&model, now_ns += draw(&model, 50));
	}
	take_due(&model, UINT64_MAX);
	assert_int_equal(model.rpc.heap_len, 0);
	model_end(&model);
}

static void forgets_once(void **state)
{
	(void)state;
	struct model model;
	model_begin(&model);
	deadline_forget(&model.calls[0]); /* never entered */
	deadline_set(&model.calls[0], 7);
	deadline_set(&model.calls[0], 9); /* moved, not entered twice */
	assert_int_equal(model.rpc.heap_len, 1);
	assert_null(deadline_take(&model.rpc, 8));
	deadline_forget(&model.calls[0]);
	deadline_forget(&model.calls[0]);
	assert_int_equal(model.rpc.heap_len, 0);
	model_end(&model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_earliest_first),
		cmocka_unit_test(forgets_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
