/* Workers on threads of their own, each with its pool, share the main thread's control connection.
 */
#include "pool_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WORKERS = 3, ROUNDS = 4, READS = 20 };

/* No assertions on a worker's thread: cmocka's belong to the main thread. */
struct worker {
	struct cluster *cluster;
	struct control *control;
	uv_async_t *finished;
	uv_thread_t thread;
	uv_loop_t loop;
	struct pool *pool;
	struct db_request nap, reads[READS];
	struct param nap_param, read_param;
	uint32_t right, wrong, answers;
	uint64_t cancels;
	bool closed;
	bool through; /* atomic */
};

static void on_value(void *ctx, struct db_answer *answer)
{
	struct worker *worker = ctx;
	bool right = answer->status == STATUS_OK && rows_int(&answer->rows, 0, 0) == 42;
	worker->right += right;
	worker->wrong += !right;
	worker->answers++;
	rows_clear(&answer->rows);
}

static void on_closed(void *ctx)
{
	((struct worker *)ctx)->closed = true;
}

static void submit(struct worker *worker, struct db_request *request,
                   const struct statement *statement, struct param *param, int64_t value)
{
	*param = (struct param){.type = statement->params[0].type, .integer = value};
	*request = (struct db_request){
		.statement = statement,
		.params = {param, 1},
		.done = on_value,
		.ctx = worker,
	};
	pool_submit(worker->pool, request);
}

/* A statement that would sleep for an hour is abandoned; those behind it need the cancel. */
static void run_round(struct worker *worker)
{
	worker->answers = 0;
	submit(worker, &worker->nap, &NAP, &worker->nap_param, 3600000);
	for (int i = 0; i < READS; i++)
		submit(worker, &worker->reads[i], &SAY, &worker->read_param, 42);
	pool_flush(worker->pool);
	(void)pool_abandon(worker->pool, &worker->nap);
	while (worker->answers < READS)
		uv_run(&worker->loop, UV_RUN_ONCE);
}

static void run_worker(void *argument)
{
	struct worker *worker = argument;
	struct pool_state state;
	const struct pool_settings settings = {
		.conninfo = cluster_conninfo(worker->cluster),
		.read_connections = 1,
		.write_connections = 1,
		.control = worker->control,
	};
	uv_loop_init(&worker->loop);
	if (pool_open(&worker->pool, &worker->loop, &settings) != STATUS_OK)
		abort();
	do {
		uv_run(&worker->loop, UV_RUN_ONCE);
		pool_state(worker->pool, &state);
	} while (state.connected < 2);
	for (int i = 0; i < ROUNDS; i++)
		run_round(worker);
	pool_state(worker->pool, &state);
	worker->cancels = state.cancels;
	pool_close(worker->pool, on_closed, worker);
	uv_run(&worker->loop, UV_RUN_DEFAULT);
	worker->wrong += !worker->closed || uv_loop_close(&worker->loop) != 0;
	__atomic_store_n(&worker->through, true, __ATOMIC_RELEASE);
	uv_async_send(worker->finished);
}

static void on_finished(uv_async_t *async)
{
	(void)async; /* the loop turns: main looks whether all are through */
}

static void on_control_closed(void *ctx)
{
	*(bool *)ctx = true;
}

static bool all_through(const struct worker *workers)
{
	uint32_t through = 0;
	for (int i = 0; i < WORKERS; i++)
		through += __atomic_load_n(&workers[i].through, __ATOMIC_ACQUIRE);
	return through == WORKERS;
}

static void test_cancels_from_threads(void **state)
{
	struct worker *workers = calloc(WORKERS, sizeof(*workers));
	struct cluster *cluster = cluster_new(NULL);
	struct control *control = NULL;
	uv_async_t finished;
	uv_loop_t loop;
	bool closed = false;
	(void)state;
	fixture_schema(cluster);
	assert_int_equal(uv_loop_init(&loop), 0);
	uv_async_init(&loop, &finished, on_finished);
	assert_int_equal(control_open(&control, &loop, cluster_conninfo(cluster)), STATUS_OK);
	for (int i = 0; i < WORKERS; i++) {
		workers[i].cluster = cluster;
		workers[i].control = control;
		workers[i].finished = &finished;
		uv_thread_create(&workers[i].thread, run_worker, &workers[i]);
	}
	while (!all_through(workers))
		uv_run(&loop, UV_RUN_ONCE);
	for (int i = 0; i < WORKERS; i++) {
		uv_thread_join(&workers[i].thread);
		assert_int_equal(workers[i].right, READS * ROUNDS);
		assert_int_equal(workers[i].wrong, 0);
		assert_in_range(workers[i].cancels, ROUNDS, 100);
	}
	control_close(control, on_control_closed, &closed);
	uv_close((uv_handle_t *)&finished, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(closed);
	assert_int_equal(uv_loop_close(&loop), 0);
	cluster_free(cluster);
	free(workers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cancels_from_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
