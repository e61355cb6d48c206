#include "daemon/admin/health.h"

#include "grpc/health/v1/health.pb-c.h"
#include "tests/unit/daemon/rpc/rig.h"

#include <stdio.h>

static const char CHECK[] = "/grpc.health.v1.Health/Check";
static const char LIST[] = "/grpc.health.v1.Health/List";
static const char WATCH[] = "/grpc.health.v1.Health/Watch";

static const char *name_of(const Grpc__Health__V1__HealthCheckResponse *response)
{
	return protobuf_c_enum_descriptor_get_value(
		       &grpc__health__v1__health_check_response__serving_status__descriptor,
		       (int)response->status)
	        ->name;
}

/* A list without its namespaces: "=SERVING Desk=SERVING ". */
static void state_of(const ProtobufCMessage *message, char out[64])
{
	const Grpc__Health__V1__HealthListResponse *list = (const void *)message;
	if (message->descriptor != &grpc__health__v1__health_list_response__descriptor) {
		snprintf(out, 64, "%s", name_of((const void *)message));
		return;
	}
	for (size_t i = 0, at = 0; i < list->n_statuses && at < 64; i++) {
		const char *dot = strrchr(list->statuses[i]->key, '.');
		at += (size_t)snprintf(out + at, 64 - at, "%s=%s ", dot ? dot + 1 : "",
		                       name_of(list->statuses[i]->value));
	}
}

static void begin(struct rig *rig)
{
	struct service service = health_service();
	rig_begin(rig, &(struct rig_settings){.more = &service, .text_of = state_of});
	assert_true(health_new(&rig->rpc.health, rig->router));
}

static void end(struct rig *rig)
{
	rig_turn(rig);
	health_free(rig->rpc.health);
	rig_end(rig);
}

static struct call *ask(struct rig *rig, const char *path, const char *service, struct told *told)
{
	struct call *call = rig_call_path(rig, path, 0, told);
	rig_message(call, service);
	call_half_close(call);
	rig_turn(rig);
	return call;
}

static void assert_checks(struct rig *rig, const char *service, const char *state)
{
	struct told told;
	ask(rig, CHECK, service, &told);
	rig_assert_told(&told, STATUS_OK, "");
	assert_string_equal(told.response, state);
}

static void checks_the_server_and_each_service(void **state)
{
	(void)state;
	struct rig rig;
	begin(&rig);
	assert_checks(&rig, "", "NOT_SERVING");
	assert_checks(&rig, "test.Desk", "NOT_SERVING");
	health_set(rig.rpc.health, "", HEALTH_SERVING);
	assert_checks(&rig, "", "SERVING");
	assert_checks(&rig, "test.Desk", "NOT_SERVING");
	health_set(rig.rpc.health, NULL, HEALTH_SERVING);
	health_set(rig.rpc.health, "test.Desk", HEALTH_NOT_SERVING);
	assert_checks(&rig, "", "SERVING");
	assert_checks(&rig, "test.Desk", "NOT_SERVING");
	assert_checks(&rig, "grpc.health.v1.Health", "SERVING");
	end(&rig);
}

static void lists_the_server_and_each_service(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	begin(&rig);
	health_set(rig.rpc.health, "test.Desk", HEALTH_SERVING);
	ask(&rig, LIST, "", &told);
	rig_assert_told(&told, STATUS_OK, "");
	assert_string_equal(told.response, "=NOT_SERVING Desk=SERVING Health=NOT_SERVING ");
	end(&rig);
}

static void does_not_find_an_unknown_service(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	begin(&rig);
	health_set(rig.rpc.health, "test.Des", HEALTH_SERVING);
	ask(&rig, CHECK, "test.Des", &told);
	rig_assert_told(&told, STATUS_NOT_FOUND, "no such service: test.Des");
	end(&rig);
}

static void watches_the_state_and_its_changes(void **state)
{
	(void)state;
	struct rig rig;
	struct told desk, server;
	begin(&rig);
	struct call *of_desk = ask(&rig, WATCH, "test.Desk", &desk);
	struct call *of_server = ask(&rig, WATCH, "", &server);
	assert_int_equal(desk.sent_count, 1);
	assert_string_equal(desk.sent[0], "NOT_SERVING");
	health_set(rig.rpc.health, "test.Desk", HEALTH_SERVING);
	rig_turn(&rig);
	health_set(rig.rpc.health, "test.Desk", HEALTH_SERVING); /* no change */
	rig_turn(&rig);
	health_set(rig.rpc.health, NULL, HEALTH_SERVING);
	rig_turn(&rig);
	health_set(rig.rpc.health, NULL, HEALTH_NOT_SERVING); /* there and back in one turn */
	health_set(rig.rpc.health, NULL, HEALTH_SERVING);
	rig_turn(&rig);
	assert_int_equal(desk.sent_count, 2);
	assert_string_equal(desk.sent[1], "SERVING");
	assert_int_equal(server.sent_count, 2);
	assert_string_equal(server.sent[1], "SERVING");
	call_cancel(of_desk, STATUS_CANCELLED, false);
	rig_turn(&rig);
	health_set(rig.rpc.health, NULL, HEALTH_NOT_SERVING);
	rig_turn(&rig);
	assert_int_equal(server.sent_count, 3);
	assert_false(server.finished);
	call_cancel(of_server, STATUS_CANCELLED, true);
	end(&rig);
}

static void tells_what_happened_while_the_peer_did_not_read(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	begin(&rig);
	struct call *call = ask(&rig, WATCH, "", &told);
	told.full = true;
	health_set(rig.rpc.health, "", HEALTH_SERVING);
	rig_turn(&rig);
	health_set(rig.rpc.health, "", HEALTH_NOT_SERVING);
	rig_turn(&rig);
	assert_int_equal(told.sent_count, 1);
	told.full = false;
	call_writable(call);
	rig_turn(&rig);
	assert_int_equal(told.sent_count, 3);
	assert_string_equal(told.sent[1], "SERVING");
	assert_string_equal(told.sent[2], "NOT_SERVING");
	call_cancel(call, STATUS_CANCELLED, true);
	end(&rig);
}

static void watches_an_unknown_service_too(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	begin(&rig);
	struct call *call = ask(&rig, WATCH, "later.Service", &told);
	assert_int_equal(told.sent_count, 1);
	assert_string_equal(told.sent[0], "SERVICE_UNKNOWN");
	health_set(rig.rpc.health, NULL, HEALTH_SERVING);
	rig_turn(&rig);
	assert_int_equal(told.sent_count, 1);
	assert_false(told.finished);
	call_cancel(call, STATUS_CANCELLED, true);
	end(&rig);
}

/* Each of them holds a fiber for as long as it likes. */
static void has_room_for_so_many_watchers(void **state)
{
	(void)state;
	static struct told told[LIMIT_HEALTH_WATCHERS + 1];
	static struct call *calls[LIMIT_HEALTH_WATCHERS];
	struct rig rig;
	begin(&rig);
	for (int i = 0; i < LIMIT_HEALTH_WATCHERS; i++)
		calls[i] = ask(&rig, WATCH, "", &told[i]);
	ask(&rig, WATCH, "", &told[LIMIT_HEALTH_WATCHERS]);
	rig_assert_told(&told[LIMIT_HEALTH_WATCHERS], STATUS_RESOURCE_EXHAUSTED,
	                "1000 calls watch this server's health, more may not; use Check");
	call_cancel(calls[0], STATUS_CANCELLED, false);
	rig_turn(&rig);
	calls[0] = ask(&rig, WATCH, "", &told[0]);
	assert_false(told[0].finished);
	for (int i = 0; i < LIMIT_HEALTH_WATCHERS; i++)
		call_cancel(calls[i], STATUS_CANCELLED, true);
	end(&rig);
}

static void a_drain_is_for_ever(void **state)
{
	(void)state;
	struct rig rig;
	struct told serving, unknown, late;
	begin(&rig);
	health_set(rig.rpc.health, NULL, HEALTH_SERVING);
	ask(&rig, WATCH, "", &serving);
	ask(&rig, WATCH, "later.Service", &unknown);
	health_drain(rig.rpc.health);
	health_set(rig.rpc.health, NULL, HEALTH_SERVING);
	rig_turn(&rig);
	assert_int_equal(serving.sent_count, 2);
	assert_string_equal(serving.sent[1], "NOT_SERVING");
	rig_assert_told(&serving, STATUS_UNAVAILABLE, "the server is going away");
	rig_assert_told(&unknown, STATUS_UNAVAILABLE, "the server is going away");
	assert_checks(&rig, "test.Desk", "NOT_SERVING");
	ask(&rig, WATCH, "test.Desk", &late);
	assert_string_equal(late.sent[0], "NOT_SERVING");
	rig_assert_told(&late, STATUS_UNAVAILABLE, "the server is going away");
	end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_the_server_and_each_service),
		cmocka_unit_test(lists_the_server_and_each_service),
		cmocka_unit_test(does_not_find_an_unknown_service),
		cmocka_unit_test(watches_the_state_and_its_changes),
		cmocka_unit_test(tells_what_happened_while_the_peer_did_not_read),
		cmocka_unit_test(watches_an_unknown_service_too),
		cmocka_unit_test(has_room_for_so_many_watchers),
		cmocka_unit_test(a_drain_is_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
