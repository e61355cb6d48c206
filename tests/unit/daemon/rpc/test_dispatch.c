/* From the first message to the status: what runs, what is refused, in which words. */
#include "tests/unit/daemon/rpc/rig.h"

#include "proto/limits.h"

#include <stdio.h>
#include <stdlib.h>

static enum status forbidden(struct rig *rig, struct call *call, const Text *request,
                             Text *response)
{
	(void)rig, (void)call, (void)request, (void)response;
	fail_msg("the handler must not run");
	return STATUS_INTERNAL;
}

static void answers_a_unary_call_in_one_turn(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	rig_unary(&rig, "hello", 0, &told);
	assert_false(told.finished);
	rig_turn(&rig);
	rig_assert_told(&told, STATUS_OK, "");
	assert_string_equal(told.response, "re: hello");
	assert_int_equal(told.outcome, OUTCOME_EXECUTED);
	assert_int_equal(told.retry, RETRY_UNSET);
	assert_int_equal(told.taken_count, 1);
	assert_int_equal(told.taken_bytes, 7);
	rig_end(&rig);
}

static void waits_for_the_whole_request(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	struct call *call = rig_call(&rig, "Unary", 0, &told);
	rig_turn(&rig);
	assert_int_equal(call->state, CALL_RECEIVING);
	rig_message(call, "a");
	rig_turn(&rig);
	assert_int_equal(call->state, CALL_RECEIVING);
	call_half_close(call);
	assert_int_equal(call->state, CALL_READY);
	rig_turn(&rig);
	rig_assert_told(&told, STATUS_OK, "");
	rig_end(&rig);
}

static void runs_many_in_order(void **state)
{
	(void)state;
	struct rig rig;
	struct told told[100];
	rig_begin(&rig, NULL);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 100; i++) {
			char text[16];
			snprintf(text, sizeof(text), "%zu", i);
			rig_unary(&rig, text, 0, &told[i]);
		}
		rig_turn(&rig);
		for (size_t i = 0; i < 100; i++) {
			char text[16];
			snprintf(text, sizeof(text), "re: %zu", i);
			assert_string_equal(told[i].response, text);
		}
	}
	rig_end(&rig);
}

static void refuses_an_unknown_path(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	rig.handler = forbidden;
	struct call *call = rig_call(&rig, "No\x01\xffne", 0, &told);
	rig_message(call, "ignored");
	rig_turn(&rig);
	rig_assert_told(&told, STATUS_UNIMPLEMENTED, "no such method: /test.Desk/No??ne");
	assert_int_equal(told.outcome, OUTCOME_NOT_EXECUTED);
	assert_int_equal(rig.rpc.counters[rig.rpc.route_count].handled[STATUS_UNIMPLEMENTED], 1);
	rig_end(&rig);
}

static void refuses_another_number_of_requests_than_one(void **state)
{
	(void)state;
	static const char *const names[] = {"Unary", "Server"};
	for (size_t i = 0; i < 2; i++) {
		struct rig rig;
		struct told none, two;
		char message[128];
		rig_begin(&rig, NULL);
		rig.handler = forbidden;
		call_half_close(rig_call(&rig, names[i], 0, &none));
		struct call *call = rig_call(&rig, names[i], 0, &two);
		rig_message(call, "a");
		rig_turn(&rig);
		rig_message(call, "b");
		rig_message(call, "c");
		rig_turn(&rig);
		snprintf(message, sizeof(message),
		         "/test.Desk/%s takes exactly one request message, none was sent",
		         names[i]);
		rig_assert_told(&none, STATUS_UNIMPLEMENTED, message);
		snprintf(message, sizeof(message),
		         "/test.Desk/%s takes exactly one request message, more were sent",
		         names[i]);
		rig_assert_told(&two, STATUS_UNIMPLEMENTED, message);
		rig_end(&rig);
	}
}

static void refuses_what_does_not_unpack(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	rig.handler = forbidden;
	struct call *call = rig_call(&rig, "Unary", 0, &told);
	call_message(call, bytes_of("\x0a\x02\xff\xff", 4)); /* no UTF-8 */
	call_half_close(call);
	rig_turn(&rig);
	assert_true(told.finished);
	assert_int_equal(told.status, STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(told.message, "value"));
	assert_int_equal(told.outcome, OUTCOME_NOT_EXECUTED);
	assert_int_equal(told.taken_count, 0);
	rig_end(&rig);
}

static void refuses_a_request_over_its_methods_limit(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	rig.handler = forbidden;
	struct call *call = rig_call(&rig, "Small", 0, &told);
	assert_int_equal(call->deadline_ns, call->started_ns + UINT64_C(5000000000));
	rig_message(call, "1234567");
	call_half_close(call);
	rig_turn(&rig);
	rig_assert_told(&told, STATUS_RESOURCE_EXHAUSTED,
	                "a request message of 9 bytes; at most 8 are allowed");
	rig_end(&rig);
}

static void does_not_start_what_is_too_late(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	rig.handler = forbidden;
	struct call_start start = {
		.path = bytes_of_string("/test.Desk/Unary"),
		.route = router_find(rig.router, bytes_of_string("/test.Desk/Unary")),
		.timeout_us = 0,
		.ops = &rig_ops,
		.stream = &told,
	};
	told = (struct told){0};
	struct call *call = call_begin(&rig.rpc, &start);
	rig_message(call, "a");
	call_half_close(call);
	rig_turn(&rig);
	rig_assert_told(&told, STATUS_DEADLINE_EXCEEDED, "the deadline of 0 ms has passed");
	assert_int_equal(told.outcome, OUTCOME_NOT_EXECUTED);
	assert_int_equal(told.retry, RETRY_UNSET);
	rig_end(&rig);
}

static void a_deadline_is_cut_to_its_limit(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	struct call *call = rig_unary(&rig, "a", UINT32_MAX, &told);
	assert_int_equal(call->deadline_ns - call->started_ns, LIMIT_TIMEOUT * UINT64_C(1000000));
	rig_turn(&rig);
	rig_end(&rig);
}

static void refuses_new_calls_while_draining(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	rig.handler = forbidden;
	rig.rpc.draining = true;
	rig_unary(&rig, "a", 0, &told);
	rig_turn(&rig);
	rig_assert_told(&told, STATUS_UNAVAILABLE, "the server is going away");
	assert_int_equal(told.retry, RETRY_SAFE);
	rig_end(&rig);
}

static enum status wait_once(struct rig *rig, struct call *call, const Text *request,
                             Text *response)
{
	(void)request;
	struct call **waiting = rig->ctx;
	if (waiting)
		*waiting = call;
	TRY(call_wait(call, "the test"));
	if (response)
		response->value = "woken";
	return STATUS_OK;
}

static void refuses_over_the_running_limit(void **state)
{
	(void)state;
	struct rig rig;
	struct told first, second, third;
	struct call *waiting = NULL;
	rig_begin(&rig, &(struct rig_settings){.running_limit = 1});
	rig.handler = wait_once;
	rig.ctx = &waiting;
	rig_unary(&rig, "a", 0, &first);
	rig_unary(&rig, "b", 0, &second);
	rig_turn(&rig);
	assert_false(first.finished);
	assert_int_equal(rig.rpc.running, 1);
	rig_assert_told(&second, STATUS_UNAVAILABLE, "too many calls are running");
	assert_int_equal(second.retry, RETRY_SAFE);
	call_wake(waiting);
	rig_turn(&rig);
	assert_true(first.finished);
	rig_unary(&rig, "c", 0, &third);
	rig_turn(&rig);
	call_wake(waiting);
	rig_turn(&rig);
	rig_assert_told(&third, STATUS_OK, "");
	rig_end(&rig);
}

static enum status many_words(struct rig *rig, struct call *call, const Text *request,
                              Text *response)
{
	(void)rig, (void)request, (void)response;
	char words[LIMIT_STATUS_MESSAGE + 2];
	memset(words, 'x', sizeof(words));
	memcpy(words + LIMIT_STATUS_MESSAGE - 2, "\u20ac", 4); /* three bytes: one too many */
	return call_fail(call, STATUS_NOT_FOUND, "%s", words);
}

static void cuts_a_long_message_between_characters(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	rig.handler = many_words;
	rig_unary(&rig, "a", 0, &told);
	rig_turn(&rig);
	assert_int_equal(strlen(told.message), LIMIT_STATUS_MESSAGE - 2);
	assert_int_equal(told.status, STATUS_NOT_FOUND);
	assert_int_equal(told.outcome, OUTCOME_EXECUTED);
	rig_end(&rig);
}

/* The request says what the handler does. */
static enum status as_told(struct rig *rig, struct call *call, const Text *request, Text *response)
{
	(void)rig;
	response->value = "partly";
	if (strcmp(request->value, "silent") == 0)
		return STATUS_ALREADY_EXISTS;
	if (strcmp(request->value, "other") == 0)
		return call_fail(call, STATUS_NOT_FOUND, "no") == STATUS_OK ? STATUS_OK
		                                                            : STATUS_ABORTED;
	if (strcmp(request->value, "recovered") == 0)
		return call_fail(call, STATUS_NOT_FOUND, "no") == STATUS_OK ? STATUS_ABORTED
		                                                            : STATUS_OK;
	if (strcmp(request->value, "nonsense") == 0)
		return (enum status)99;
	if (strcmp(request->value, "shed") == 0)
		return call_fail_outcome(call, STATUS_UNAVAILABLE, OUTCOME_NOT_EXECUTED, "later");
	if (strcmp(request->value, "unknown") == 0)
		return call_fail_outcome(call, STATUS_UNAVAILABLE, OUTCOME_UNKNOWN, "who knows");
	while (arena_alloc(&call->arena, 1000))
		;
	return call_no_memory(call);
}

static void tells_what_the_handler_returned(void **state)
{
	(void)state;
	static const struct {
		const char *request;
		enum status status;
		const char *message;
		enum outcome outcome;
		enum retry retry;
	} cases[] = {
		{"silent", STATUS_ALREADY_EXISTS, "already exists", OUTCOME_EXECUTED, RETRY_UNSET},
		{"other", STATUS_ABORTED, "aborted", OUTCOME_EXECUTED, RETRY_UNSET},
		{"recovered", STATUS_OK, "", OUTCOME_EXECUTED, RETRY_UNSET},
		{"nonsense", STATUS_UNKNOWN, "unknown", OUTCOME_EXECUTED, RETRY_UNSET},
		{"shed", STATUS_UNAVAILABLE, "later", OUTCOME_NOT_EXECUTED, RETRY_SAFE},
		{"unknown", STATUS_UNAVAILABLE, "who knows", OUTCOME_UNKNOWN, RETRY_NEVER},
		{"greedy", STATUS_RESOURCE_EXHAUSTED,
	         "the request needs more memory than one call may use", OUTCOME_EXECUTED,
	         RETRY_UNSET},
	};
	struct rig rig;
	rig_begin(&rig, NULL);
	rig.handler = as_told;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct told told;
		rig_unary(&rig, cases[i].request, 0, &told);
		rig_turn(&rig);
		rig_assert_told(&told, cases[i].status, cases[i].message);
		assert_string_equal(told.response, cases[i].status == STATUS_OK ? "partly" : "");
		assert_int_equal(told.outcome, cases[i].outcome);
		assert_int_equal(told.retry, cases[i].retry);
	}
	rig_end(&rig);
}

static void copies_what_the_transport_lent(void **state)
{
	(void)state;
	struct rig rig;
	struct told told = {0};
	rig_begin(&rig, NULL);
	char *lent = strdup("\x32\x07\x0a\x01k\x12\x02vw"
	                    "0123456789012345678901234");
	struct call_start start = {
		.path = bytes_of_string("/test.Desk/Unary"),
		.route = router_find(rig.router, bytes_of_string("/test.Desk/Unary")),
		.timeout_us = UINT64_MAX,
		.metadata = bytes_of(lent, 9),
		.trace = bytes_of(lent + 9, 25),
		.ops = &rig_ops,
		.stream = &told,
		.peer = &rig.peer,
	};
	struct call *call = call_begin(&rig.rpc, &start);
	memset(lent, 'x', strlen(lent));
	free(lent);
	struct bytes value = metadata_find(call->metadata, METADATA_IN_CALL, "k");
	assert_true(bytes_equal_string(value, "vw"));
	assert_true(bytes_equal_string(call->trace, "0123456789012345678901234"));
	uint64_t id = call->id;
	call_cancel(call, STATUS_CANCELLED, true);
	rig_turn(&rig);
	call = rig_unary(&rig, "a", 0, &told);
	assert_true(call->id > id);
	rig_turn(&rig);
	rig_end(&rig);
}

static void counts_what_happened(void **state)
{
	(void)state;
	struct rig rig;
	struct told told[3];
	rig_begin(&rig, NULL);
	rig.handler = as_told;
	rig_unary(&rig, "silent", 0, &told[0]);
	rig_unary(&rig, "recovered", 0, &told[1]);
	rig_unary(&rig, "recovered", 0, &told[2]);
	rig_turn(&rig);
	const struct method_counters *counters = &rig.rpc.counters[0];
	assert_int_equal(counters->started, 3);
	assert_int_equal(counters->handled[STATUS_OK], 2);
	assert_int_equal(counters->handled[STATUS_ALREADY_EXISTS], 1);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_a_unary_call_in_one_turn),
		cmocka_unit_test(waits_for_the_whole_request),
		cmocka_unit_test(runs_many_in_order),
		cmocka_unit_test(refuses_an_unknown_path),
		cmocka_unit_test(refuses_another_number_of_requests_than_one),
		cmocka_unit_test(refuses_what_does_not_unpack),
		cmocka_unit_test(refuses_a_request_over_its_methods_limit),
		cmocka_unit_test(does_not_start_what_is_too_late),
		cmocka_unit_test(a_deadline_is_cut_to_its_limit),
		cmocka_unit_test(refuses_new_calls_while_draining),
		cmocka_unit_test(refuses_over_the_running_limit),
		cmocka_unit_test(cuts_a_long_message_between_characters),
		cmocka_unit_test(tells_what_the_handler_returned),
		cmocka_unit_test(copies_what_the_transport_lent),
		cmocka_unit_test(counts_what_happened),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
