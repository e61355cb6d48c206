/* What it answers is tested over the wire (tests/interop/test_reflection.py). */
#include "daemon/admin/reflection.h"

#include "proto/limits.h"
#include "tests/unit/daemon/rpc/rig.h"

static const char INFO[] = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/* A call of their own for each of them, and none has a key. */
static void has_room_for_so_many_strangers(void **state)
{
	(void)state;
	static struct told told[LIMIT_REFLECTIONS + 1];
	static struct call *calls[LIMIT_REFLECTIONS];
	struct service service = reflection_service();
	struct rig rig;
	struct told *last = &told[LIMIT_REFLECTIONS];
	rig_begin(&rig, &(struct rig_settings){.more = &service});
	for (int i = 0; i < LIMIT_REFLECTIONS; i++)
		calls[i] = rig_call_path(&rig, INFO, 0, &told[i]);
	(void)rig_call_path(&rig, INFO, 0, last);
	rig_turn(&rig);
	rig_assert_told(last, STATUS_RESOURCE_EXHAUSTED,
	                "1000 calls ask this server for descriptors, more may not");
	call_half_close(calls[0]);
	rig_turn(&rig);
	rig_assert_told(&told[0], STATUS_OK, "");
	calls[0] = rig_call_path(&rig, INFO, 0, &told[0]);
	rig_turn(&rig);
	assert_false(told[0].finished);
	for (int i = 0; i < LIMIT_REFLECTIONS; i++)
		call_cancel(calls[i], STATUS_CANCELLED, true);
	rig_turn(&rig);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_room_for_so_many_strangers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
