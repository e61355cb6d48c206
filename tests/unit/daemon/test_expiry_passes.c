/* When keys are looked for: at once, after a pause while there are more, else once a minute; and
 * what of it is left when the worker ends. The pool is the test's own. */
#include "daemon/expiry.h"
#include "daemon/log.h"
#include "db/queries.h"
#include "tests/unit/daemon/rpc/rig.h"
#include "tests/unit/daemon/rpc/script.h"

#include <fcntl.h>
#include <unistd.h>

struct scene {
	struct rig rig;
	struct pool pool;
	struct expiry expiry;
};

static void begin(struct scene *scene)
{
	*scene = (struct scene){0};
	rig_begin(&scene->rig, &(struct rig_settings){.pool = &scene->pool});
	expiry_open(&scene->expiry, &scene->rig.rpc);
	rig_turn(&scene->rig);
}

static void end(struct scene *scene)
{
	assert_null(scene->pool.first);
	scene->rig.rpc.pool = NULL;
	expiry_close(&scene->expiry);
	rig_end(&scene->rig);
}

static void assert_due_in(struct scene *scene, uint64_t ms)
{
	uint64_t due = uv_timer_get_due_in(&scene->expiry.timer);
	assert_true(uv_is_active((uv_handle_t *)&scene->expiry.timer));
	assert_in_range(due, 0, ms);
}

static bool asks_again(struct rig *rig, void *ctx)
{
	(void)rig;
	return ((struct pool *)ctx)->first != NULL;
}

static void it_looks_at_once_and_for_a_day(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene);
	const struct db_request *request = scene.pool.first;
	assert_non_null(request);
	assert_ptr_equal(request->statement, &IDEMPOTENCY_EXPIRE);
	assert_int_equal(request->params.at[0].integer, 24);
	assert_int_equal(request->params.at[1].integer, EXPIRY_BATCH_ROWS);
	script_answer_number(&scene.pool, 0);
	end(&scene);
}

static void while_there_are_more_it_goes_on(void **state)
{
	(void)state;
	struct scene scene;
	begin(&scene);
	for (size_t batches = 1; batches < 4; batches++) {
		assert_int_equal(scene.pool.submitted, batches);
		script_answer_number(&scene.pool, EXPIRY_BATCH_ROWS);
		assert_due_in(&scene, EXPIRY_PAUSE_MS);
		rig_until_done(&scene.rig, asks_again, &scene.pool);
	}
	script_answer_number(&scene.pool, EXPIRY_BATCH_ROWS - 1);
	assert_due_in(&scene, EXPIRY_EVERY_MS);
	assert_true(uv_timer_get_due_in(&scene.expiry.timer) > EXPIRY_PAUSE_MS);
	end(&scene);
}

static void a_failure_waits_for_the_next_minute(void **state)
{
	(void)state;
	static const enum status statuses[] = {STATUS_UNAVAILABLE, STATUS_ABORTED,
	                                       STATUS_PERMISSION_DENIED};
	int null = open("/dev/null", O_WRONLY);
	log_set_output(null);
	for (size_t i = 0; i < 3; i++) {
		struct scene scene;
		begin(&scene);
		script_fail(&scene.pool, statuses[i], OUTCOME_NOT_EXECUTED, "42501");
		assert_true(uv_timer_get_due_in(&scene.expiry.timer) > EXPIRY_PAUSE_MS);
		assert_due_in(&scene, EXPIRY_EVERY_MS);
		assert_false(scene.expiry.asking);
		end(&scene);
	}
	log_set_output(STDERR_FILENO);
	close(null);
}

/* A pool that closes answers what it has; a worker that ends has none. */
static void without_a_pool_it_asks_nobody(void **state)
{
	(void)state;
	struct scene scene = {0};
	rig_begin(&scene.rig, NULL);
	expiry_open(&scene.expiry, &scene.rig.rpc);
	rig_turn(&scene.rig);
	assert_int_equal(scene.pool.submitted, 0);
	end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_looks_at_once_and_for_a_day),
		cmocka_unit_test(while_there_are_more_it_goes_on),
		cmocka_unit_test(a_failure_waits_for_the_next_minute),
		cmocka_unit_test(without_a_pool_it_asks_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
