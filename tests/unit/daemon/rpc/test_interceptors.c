/* Three interceptors, of which each in turn refuses or holds the call. */
#include "tests/unit/daemon/rpc/rig.h"

enum { CHAIN = 3 };

enum wish { WISH_PROCEED, WISH_REFUSE, WISH_HOLD };

static enum wish wishes[CHAIN];

static enum verdict before(struct call *call, size_t index)
{
	struct rig *rig = call->rpc->ctx;
	assert_null(fiber_current());
	rig_note(rig, "before %zu;", index);
	switch (wishes[index]) {
	case WISH_PROCEED:
		return VERDICT_PROCEED;
	case WISH_HOLD:
		rig->pending = call;
		return VERDICT_PENDING;
	case WISH_REFUSE:
		break;
	}
	(void)!call_fail(call, STATUS_PERMISSION_DENIED, "refused by %zu", index);
	return VERDICT_REFUSE;
}

static void after(struct call *call, size_t index)
{
	struct rig *rig = call->rpc->ctx;
	assert_null(fiber_current());
	assert_int_equal(call->state, CALL_FINISHED);
	rig_note(rig, "after %zu %s;", index, status_name(call->status));
}

#define LINK(index)                                           \
	static enum verdict before_##index(struct call *call) \
	{                                                     \
		return before(call, index);                   \
	}                                                     \
	static void after_##index(struct call *call)          \
	{                                                     \
		after(call, index);                           \
	}                                                     \
	static const struct interceptor link_##index = {#index, before_##index, after_##index};
LINK(0)
LINK(1)
LINK(2)

static void log_after(struct call *call)
{
	struct rig *rig = call->rpc->ctx;
	rig_note(rig, "log %s%s;", status_name(call->status),
	         call->method ? "" : " without method");
}

static const struct interceptor log_link = {"log", NULL, log_after};
static const struct interceptor idle_link = {"idle", NULL, NULL};
static const struct interceptor *const chain[] = {&link_0,   &idle_link, &link_1,
                                                  &log_link, &link_2,    NULL};

static void begin(struct rig *rig, size_t who, enum wish wish)
{
	rig_begin(rig, &(struct rig_settings){.interceptors = chain});
	for (size_t i = 0; i < CHAIN; i++)
		wishes[i] = i == who ? wish : WISH_PROCEED;
}

static void all_are_asked_around_the_handler(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	begin(&rig, 0, WISH_PROCEED);
	rig_unary(&rig, "a", 0, &told);
	rig_turn(&rig);
	assert_string_equal(rig.trace, "before 0;before 1;before 2;"
	                               "after 2 OK;log OK;after 1 OK;after 0 OK;");
	rig_assert_told(&told, STATUS_OK, "");
	rig_end(&rig);
}

static void a_refusal_undoes_those_before_it(void **state)
{
	(void)state;
	static const char *const traces[CHAIN] = {
		"before 0;log PERMISSION_DENIED;",
		"before 0;before 1;log PERMISSION_DENIED;after 0 PERMISSION_DENIED;",
		"before 0;before 1;before 2;log PERMISSION_DENIED;after 1 PERMISSION_DENIED;"
		"after 0 PERMISSION_DENIED;",
	};
	static const char *const messages[CHAIN] = {"refused by 0", "refused by 1", "refused by 2"};
	for (size_t who = 0; who < CHAIN; who++) {
		struct rig rig;
		struct told told;
		begin(&rig, who, WISH_REFUSE);
		rig_unary(&rig, "a", 0, &told);
		rig_turn(&rig);
		rig_assert_told(&told, STATUS_PERMISSION_DENIED, messages[who]);
		assert_int_equal(told.outcome, OUTCOME_NOT_EXECUTED);
		assert_string_equal(rig.trace, traces[who]);
		assert_int_equal(rig.unwound, 0);
		rig_end(&rig);
	}
}

/* Brings a call to where interceptor `who` holds it. */
static struct call *hold(struct rig *rig, size_t who, uint32_t timeout_ms, struct told *told)
{
	begin(rig, who, WISH_HOLD);
	struct call *call = rig_unary(rig, "a", timeout_ms, told);
	rig_turn(rig);
	assert_int_equal(call->state, CALL_PENDING);
	assert_ptr_equal(rig->pending, call);
	assert_false(told->finished);
	return call;
}

static void a_held_call_goes_on(void **state)
{
	(void)state;
	for (size_t who = 0; who < CHAIN; who++) {
		struct rig rig;
		struct told told;
		hold(&rig, who, 60000, &told);
		rig_turn(&rig);
		assert_int_equal(rig.rpc.heap_len, 1);
		rpc_proceed(rig.pending, STATUS_OK);
		rig_turn(&rig);
		rig_assert_told(&told, STATUS_OK, "");
		assert_string_equal(rig.trace, "before 0;before 1;before 2;"
		                               "after 2 OK;log OK;after 1 OK;after 0 OK;");
		rig_end(&rig);
	}
}

static void a_held_call_is_refused_later(void **state)
{
	(void)state;
	static const char *const traces[CHAIN] = {
		"before 0;log UNAUTHENTICATED;",
		"before 0;before 1;log UNAUTHENTICATED;after 0 UNAUTHENTICATED;",
		"before 0;before 1;before 2;log UNAUTHENTICATED;after 1 UNAUTHENTICATED;"
		"after 0 UNAUTHENTICATED;",
	};
	for (size_t who = 0; who < CHAIN; who++) {
		struct rig rig;
		struct told told;
		struct call *call = hold(&rig, who, 0, &told);
		rpc_proceed(call, call_fail(call, STATUS_UNAUTHENTICATED, "bad key"));
		rig_turn(&rig);
		rig_assert_told(&told, STATUS_UNAUTHENTICATED, "bad key");
		assert_string_equal(rig.trace, traces[who]);
		rig_end(&rig);
	}
}

/* The caller learns it in time; the memory stays until the interceptor lets go. */
static void the_deadline_of_a_held_call(void **state)
{
	(void)state;
	for (size_t who = 0; who < CHAIN; who++) {
		for (int well = 0; well < 2; well++) {
			struct rig rig;
			struct told told;
			struct call *call = hold(&rig, who, 0, &told);
			rig_expire(call);
			rig_until(&rig, &told.finished);
			rig_assert_told(&told, STATUS_DEADLINE_EXCEEDED, RIG_DEADLINE);
			assert_int_equal(rig.rpc.live, 1);
			assert_null(call->peer);
			assert_null(strstr(rig.trace, "after"));
			rpc_proceed(call, well ? STATUS_OK
			                       : call_fail(call, STATUS_UNAUTHENTICATED, "bad"));
			rig_turn(&rig);
			assert_int_equal(rig.rpc.live, 0);
			assert_int_equal(rig.unwound, 0);
			assert_non_null(strstr(rig.trace, "log DEADLINE_EXCEEDED;"));
			rig_end(&rig);
		}
	}
}

static void a_held_call_is_cancelled(void **state)
{
	(void)state;
	for (int gone = 0; gone < 2; gone++) {
		struct rig rig;
		struct told told;
		struct call *call = hold(&rig, 1, 0, &told);
		call_cancel(call, STATUS_CANCELLED, gone);
		rig_turn(&rig);
		assert_int_equal(rig.rpc.live, 1);
		assert_null(call->peer);
		rpc_proceed(call, STATUS_OK);
		rig_turn(&rig);
		assert_false(told.finished);
		assert_int_equal(rig.unwound, 0);
		assert_string_equal(rig.trace, "before 0;before 1;log CANCELLED;after 1 CANCELLED;"
		                               "after 0 CANCELLED;");
		rig_end(&rig);
	}
}

static void a_held_call_is_refused_by_its_transport(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	struct call *call = hold(&rig, 1, 0, &told);
	call_refuse(call, STATUS_INTERNAL, "trailing garbage");
	rig_turn(&rig);
	assert_false(told.finished);
	rpc_proceed(call, STATUS_OK);
	rig_turn(&rig);
	rig_assert_told(&told, STATUS_INTERNAL, "trailing garbage");
	assert_int_equal(rig.unwound, 0);
	rig_end(&rig);
}

static void a_drain_ends_a_held_call(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	struct call *call = hold(&rig, 2, 0, &told);
	rpc_cancel_all(&rig.rpc, STATUS_UNAVAILABLE);
	rig_assert_told(&told, STATUS_UNAVAILABLE, "the server is going away");
	assert_int_equal(told.retry, RETRY_SAFE);
	rpc_proceed(call, STATUS_OK);
	rig_turn(&rig);
	assert_int_equal(rig.rpc.live, 0);
	rig_end(&rig);
}

static void what_never_was_asked_is_logged(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	begin(&rig, 0, WISH_PROCEED);
	rig_call(&rig, "None", 0, &told);
	rig_turn(&rig);
	assert_string_equal(rig.trace, "log UNIMPLEMENTED without method;");
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_asked_around_the_handler),
		cmocka_unit_test(a_refusal_undoes_those_before_it),
		cmocka_unit_test(a_held_call_goes_on),
		cmocka_unit_test(a_held_call_is_refused_later),
		cmocka_unit_test(the_deadline_of_a_held_call),
		cmocka_unit_test(a_held_call_is_cancelled),
		cmocka_unit_test(a_held_call_is_refused_by_its_transport),
		cmocka_unit_test(a_drain_ends_a_held_call),
		cmocka_unit_test(what_never_was_asked_is_logged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
