/* Every place where a call can be, times everything that can happen to it there. */
#include "tests/unit/daemon/rpc/rig.h"

#include <stdio.h>

enum place {
	AT_NEW,       /* complete, not looked at */
	AT_RECEIVING, /* incomplete */
	AT_PENDING,   /* held by an interceptor */
	AT_WAKE,      /* its handler in call_wait() */
	AT_TIME,      /* in call_pause() */
	AT_ROOM,      /* in call_send() */
	AT_MESSAGE,   /* in call_receive() */
	AT_RUNNING,   /* on the CPU, about to call_wait() */
	PLACES,
};

enum event {
	NOTHING,
	MESSAGE,
	HALF_CLOSE,
	REFUSE,
	CANCEL,
	GONE,
	WRITABLE,
	WAKE,
	WAKE_TWICE,
	DEADLINE,
	DRAIN,
	EVENTS,
};

/* What is to follow: STAYS (nothing is told, the call lives), SILENT (it ends, nothing is told), or
 * the status that is told. */
enum { STAYS = 100, SILENT = 101 };

#define OK           STATUS_OK
#define EXCEEDED     STATUS_DEADLINE_EXCEEDED
#define UNAVAILABLE  STATUS_UNAVAILABLE
#define WRONG_NUMBER STATUS_UNIMPLEMENTED
#define REFUSED      STATUS_INTERNAL

static const int expected[PLACES][EVENTS] = {
	[AT_NEW] = {OK, WRONG_NUMBER, OK, REFUSED, SILENT, SILENT, OK, OK, OK, EXCEEDED,
                    UNAVAILABLE},
	[AT_RECEIVING] = {STAYS, STAYS, WRONG_NUMBER, REFUSED, SILENT, SILENT, STAYS, STAYS, STAYS,
                          EXCEEDED, UNAVAILABLE},
	[AT_PENDING] = {STAYS, STAYS, STAYS, STAYS, STAYS, STAYS, STAYS, STAYS, STAYS, EXCEEDED,
                        UNAVAILABLE},
	[AT_WAKE] = {STAYS, STAYS, STAYS, REFUSED, SILENT, SILENT, STAYS, OK, OK, EXCEEDED,
                     UNAVAILABLE},
	[AT_TIME] = {STAYS, STAYS, STAYS, REFUSED, SILENT, SILENT, STAYS, STAYS, STAYS, EXCEEDED,
                     UNAVAILABLE},
	[AT_ROOM] = {STAYS, STAYS, STAYS, REFUSED, SILENT, SILENT, OK, STAYS, STAYS, EXCEEDED,
                     UNAVAILABLE},
	[AT_MESSAGE] = {STAYS, OK, OK, REFUSED, SILENT, SILENT, STAYS, STAYS, STAYS, EXCEEDED,
                        UNAVAILABLE},
	[AT_RUNNING] = {STAYS, STAYS, STAYS, REFUSED, SILENT, SILENT, STAYS, OK, OK, EXCEEDED,
                        UNAVAILABLE},
};

static const enum call_state states[PLACES] = {
	[AT_NEW] = CALL_READY,       [AT_RECEIVING] = CALL_RECEIVING, [AT_PENDING] = CALL_PENDING,
	[AT_WAKE] = CALL_WAITING,    [AT_TIME] = CALL_WAITING,        [AT_ROOM] = CALL_WAITING,
	[AT_MESSAGE] = CALL_WAITING, [AT_RUNNING] = CALL_RUNNING,
};

struct scene {
	struct rig rig;
	struct told told;
	struct call *call;
	enum place place;
	enum event event;
};

static void until_late(struct call *call)
{
	rig_expire(call);
	while (uv_hrtime() < call->deadline_ns)
		continue;
}

static void happen(struct scene *scene)
{
	struct call *call = scene->call;
	assert_int_equal(call->state, states[scene->place]);
	switch (scene->event) {
	case MESSAGE:
		rig_message(call, "more");
		break;
	case HALF_CLOSE:
		call_half_close(call);
		break;
	case REFUSE:
		call_refuse(call, STATUS_INTERNAL, "malformed");
		break;
	case CANCEL:
	case GONE:
		call_cancel(call, STATUS_CANCELLED, scene->event == GONE);
		break;
	case WRITABLE:
		scene->told.full = false;
		call_writable(call);
		break;
	case WAKE_TWICE:
		call_wake(call);
		call_wake(call);
		break;
	case WAKE:
		call_wake(call);
		break;
	case DEADLINE:
		until_late(call);
		break;
	case DRAIN:
		rpc_cancel_all(&scene->rig.rpc, STATUS_UNAVAILABLE);
		break;
	case NOTHING:
	case EVENTS:
		break;
	}
}

static SUSPENDS enum status wait_there(struct call *call, struct scene *scene)
{
	const ProtobufCMessage *message;
	Text text = GOOGLE__PROTOBUF__STRING_VALUE__INIT;
	switch (scene->place) {
	case AT_TIME:
		return call_pause(call, 3600000);
	case AT_ROOM:
		return call_send(call, &text.base);
	case AT_MESSAGE:
		return call_receive(call, &message);
	case AT_RUNNING:
		happen(scene);
		return call_wait(call, "the test");
	case AT_WAKE:
		return call_wait(call, "the test");
	case AT_NEW:
	case AT_RECEIVING:
	case AT_PENDING:
	case PLACES:
		break;
	}
	return STATUS_OK;
}

/* A call that was stopped is stopped for good. */
static enum status handler(struct rig *rig, struct call *call, const Text *request, Text *response)
{
	(void)request, (void)response;
	enum status status = wait_there(call, rig->ctx);
	if (status != STATUS_OK) {
		assert_int_equal(call_pause(call, 1), status);
		assert_int_equal(call_wait(call, "again"), status);
	}
	return status;
}

static enum verdict held(struct call *call)
{
	struct rig *rig = call->rpc->ctx;
	const struct scene *scene = rig->ctx;
	return scene->place == AT_PENDING ? VERDICT_PENDING : VERDICT_PROCEED;
}

static const struct interceptor holder = {"holder", held, NULL};
static const struct interceptor *const interceptors[] = {&holder, NULL};

static bool handled(enum place place)
{
	return place >= AT_WAKE;
}

static void bring_there(struct scene *scene)
{
	scene->call =
		rig_call(&scene->rig, handled(scene->place) ? "Both" : "Unary", 0, &scene->told);
	scene->told.full = scene->place == AT_ROOM;
	if (scene->place == AT_NEW || scene->place == AT_PENDING) {
		rig_message(scene->call, "whole");
		call_half_close(scene->call);
	}
	if (scene->place != AT_NEW)
		rig_turn(&scene->rig);
}

static void clean_up(struct scene *scene, bool told)
{
	if (scene->place == AT_PENDING) {
		assert_int_equal(scene->rig.rpc.live, 1);
		rpc_proceed(scene->call, STATUS_OK);
	} else if (scene->rig.rpc.live > 0) {
		assert_false(told);
		call_cancel(scene->call, STATUS_CANCELLED, true);
	}
	rig_turn(&scene->rig);
	assert_int_equal(scene->rig.unwound, handled(scene->place) || scene->told.status == OK);
}

static void play(enum place place, enum event event)
{
	struct scene scene = {.place = place, .event = event};
	int result = expected[place][event];
	bool told = result != STAYS && result != SILENT;
	rig_begin(&scene.rig, &(struct rig_settings){.interceptors = interceptors});
	scene.rig.handler = handler;
	scene.rig.ctx = &scene;
	bring_there(&scene);
	if (place != AT_RUNNING)
		happen(&scene);
	if (told)
		rig_until(&scene.rig, &scene.told.finished);
	rig_turn(&scene.rig);
	assert_int_equal(scene.told.finished, told);
	if (told)
		assert_int_equal(scene.told.status, result);
	else
		scene.told.status = STATUS_UNKNOWN;
	if (place != AT_PENDING)
		assert_int_equal(scene.rig.rpc.live, result == STAYS);
	clean_up(&scene, told);
	rig_end(&scene.rig);
}

static void each_event_at_each_place(void **state)
{
	(void)state;
	for (enum place place = 0; place < PLACES; place++) {
		for (enum event event = 0; event < EVENTS; event++) {
			print_message("place %d, event %d\n", (int)place, (int)event);
			play(place, event);
		}
	}
}

/* A transport that closes its connection while it is told of the end. */
static void cancelled_while_it_is_finished(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	rig_unary(&rig, "a", 0, &told);
	told.cancel_in_finish = true;
	rig_turn(&rig);
	assert_true(told.finished);
	rig_end(&rig);
}

static enum status wake_then_wait(struct rig *rig, struct call *call, const Text *request,
                                  Text *response)
{
	(void)request, (void)response;
	bool *waited = rig->ctx;
	call_wake(call);
	call_wake(call);
	TRY(call_wait(call, "at once"));
	*waited = true;
	return call_wait(call, "for ever");
}

static void two_wakes_before_a_wait_are_one(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	bool waited = false;
	rig_begin(&rig, NULL);
	rig.handler = wake_then_wait;
	rig.ctx = &waited;
	struct call *call = rig_unary(&rig, "a", 0, &told);
	rig_turn(&rig);
	assert_true(waited);
	assert_int_equal(call->state, CALL_WAITING);
	assert_string_equal(call->waiting_for, "for ever");
	call_cancel(call, STATUS_CANCELLED, true);
	rig_end(&rig);
}

static enum status pause_twice(struct rig *rig, struct call *call, const Text *request,
                               Text *response)
{
	(void)rig, (void)request;
	TRY(call_pause(call, 0));
	TRY(call_pause(call, 3));
	response->value = "rested";
	return STATUS_OK;
}

static void a_pause_ends_by_itself(void **state)
{
	(void)state;
	static const uint32_t timeouts_ms[] = {0, 60000};
	for (size_t i = 0; i < 2; i++) {
		struct rig rig;
		struct told told;
		rig_begin(&rig, NULL);
		rig.handler = pause_twice;
		rig_unary(&rig, "a", timeouts_ms[i], &told);
		rig_until(&rig, &told.finished);
		rig_assert_told(&told, STATUS_OK, "");
		assert_string_equal(told.response, "rested");
		rig_end(&rig);
	}
}

static enum status tell_remaining(struct rig *rig, struct call *call, const Text *request,
                                  Text *response)
{
	(void)request, (void)response;
	*(uint64_t *)rig->ctx = call_remaining_ns(call);
	return STATUS_OK;
}

static void the_time_that_is_left(void **state)
{
	(void)state;
	struct rig rig;
	struct told with, without;
	uint64_t left_ns = 0;
	rig_begin(&rig, NULL);
	rig.handler = tell_remaining;
	rig.ctx = &left_ns;
	rig_unary(&rig, "a", 60000, &with);
	rig_turn(&rig);
	assert_true(left_ns > 0 && left_ns <= UINT64_C(60000000000));
	rig_unary(&rig, "a", 0, &without);
	rig_turn(&rig);
	assert_true(left_ns > 0 && left_ns <= LIMIT_CALL_DEADLINE * UINT64_C(1000000));
	rig_end(&rig);
}

static enum status wait_for_ever(struct rig *rig, struct call *call, const Text *request,
                                 Text *response)
{
	(void)rig, (void)request, (void)response;
	return call_wait(call, "for ever");
}

static void many_deadlines(void **state)
{
	(void)state;
	enum { COUNT = 40 };
	struct rig rig;
	struct told told[COUNT];
	struct call *calls[COUNT];
	rig_begin(&rig, NULL);
	rig.handler = wait_for_ever;
	for (size_t i = 0; i < COUNT; i++)
		calls[i] = rig_unary(&rig, "a", 0, &told[i]);
	rig_turn(&rig);
	for (size_t i = 0; i < COUNT; i++)
		if (i % 4 != 0)
			rig_expire(calls[i * 7 % COUNT]);
	for (size_t i = 0; i < COUNT; i++) {
		size_t at = i * 7 % COUNT;
		if (i % 4 == 0)
			continue;
		rig_until(&rig, &told[at].finished);
		rig_assert_told(&told[at], STATUS_DEADLINE_EXCEEDED, RIG_DEADLINE);
		assert_int_equal(told[at].outcome, OUTCOME_NOT_EXECUTED);
	}
	assert_int_equal(rig.rpc.live, COUNT / 4);
	assert_int_equal(rig.rpc.heap_len, COUNT / 4); /* the default deadline */
	rpc_cancel_all(&rig.rpc, STATUS_UNAVAILABLE);
	rig_turn(&rig);
	assert_int_equal(rig.unwound, COUNT);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_event_at_each_place),
		cmocka_unit_test(cancelled_while_it_is_finished),
		cmocka_unit_test(two_wakes_before_a_wait_are_one),
		cmocka_unit_test(a_pause_ends_by_itself),
		cmocka_unit_test(the_time_that_is_left),
		cmocka_unit_test(many_deadlines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
