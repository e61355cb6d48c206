/* Messages both ways, with peers that do not read and handlers that do not take. */
#include "tests/unit/daemon/rpc/rig.h"

#include "proto/limits.h"

#include <stdio.h>
#include <stdlib.h>

/* Answers with all that it received, joined; an empty message is a message. */
static enum status join(struct rig *rig, struct call *call, const Text *request, Text *response)
{
	(void)rig;
	assert_null(request);
	char *joined = "";
	for (;;) {
		const ProtobufCMessage *message;
		TRY(call_receive(call, &message));
		if (!message)
			break;
		joined = arena_printf(&call->arena, "%s[%s]", joined,
		                      ((const Text *)message)->value);
		if (!joined)
			return call_no_memory(call);
	}
	response->value = joined;
	return STATUS_OK;
}

static void receives_until_the_half_close(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	rig.handler = join;
	struct call *call = rig_call(&rig, "Client", 0, &told);
	rig_message(call, "a");
	rig_turn(&rig);
	assert_int_equal(call->state, CALL_WAITING);
	assert_int_equal(told.taken_count, 1);
	rig_message(call, "b");
	rig_message(call, "");
	rig_message(call, "c");
	rig_turn(&rig);
	assert_int_equal(told.taken_count, 4);
	assert_int_equal(told.taken_bytes, 3 + 3 + 0 + 3);
	call_half_close(call);
	rig_turn(&rig);
	rig_assert_told(&told, STATUS_OK, "");
	assert_string_equal(told.response, "[a][b][][c]");
	rig_end(&rig);
}

static void receives_what_was_there_before_it_ran(void **state)
{
	(void)state;
	struct rig rig;
	struct told told, empty;
	rig_begin(&rig, NULL);
	rig.handler = join;
	struct call *call = rig_call(&rig, "Client", 0, &told);
	rig_message(call, "a");
	rig_message(call, "b");
	call_half_close(call);
	call_half_close(rig_call(&rig, "Client", 0, &empty));
	rig_turn(&rig);
	assert_string_equal(told.response, "[a][b]");
	rig_assert_told(&empty, STATUS_OK, "");
	rig_end(&rig);
}

static void a_bad_message_is_an_error_of_the_call(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	rig.handler = join;
	struct call *call = rig_call(&rig, "Client", 0, &told);
	rig_message(call, "a");
	call_message(call, bytes_of("\x0a\x7f", 2)); /* cut short */
	rig_turn(&rig);
	assert_true(told.finished);
	assert_int_equal(told.status, STATUS_INTERNAL);
	assert_int_equal(told.taken_count, 2);
	rig_end(&rig);
}

/* What the handler would have said does not count. */
static enum status stubborn(struct rig *rig, struct call *call, const Text *request, Text *response)
{
	(void)rig, (void)request;
	const ProtobufCMessage *message;
	while (call_receive(call, &message) == STATUS_OK && message)
		continue;
	response->value = "all is well";
	return STATUS_OK;
}

static void a_refusal_overrules_the_handler(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	rig.handler = stubborn;
	struct call *call = rig_call(&rig, "Client", 0, &told);
	rig_message(call, "a");
	rig_turn(&rig);
	char reason[] = "a message of 5000000 bytes; at most 4194304 are allowed";
	call_refuse(call, STATUS_RESOURCE_EXHAUSTED, reason);
	memset(reason, 'x', sizeof(reason) - 1);
	rig_message(call, "dropped");
	rig_turn(&rig);
	rig_assert_told(&told, STATUS_RESOURCE_EXHAUSTED,
	                "a message of 5000000 bytes; at most 4194304 are allowed");
	assert_string_equal(told.response, "");
	assert_int_equal(rig.unwound, 1);
	rig_end(&rig);
}

static enum status sleeper(struct rig *rig, struct call *call, const Text *request, Text *response)
{
	(void)rig, (void)request, (void)response;
	return call_wait(call, "for ever");
}

static void what_is_not_taken_has_a_limit(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	rig.handler = sleeper;
	struct call *call = rig_call(&rig, "Client", 0, &told);
	void *large = calloc(1, LIMIT_MESSAGE);
	assert_non_null(large);
	for (int i = 0; i < 7; i++)
		call_message(call, bytes_of(large, LIMIT_MESSAGE));
	rig_turn(&rig);
	assert_false(told.finished);
	assert_int_equal(told.taken_count, 0);
	call_message(call, bytes_of(large, LIMIT_MESSAGE));
	rig_turn(&rig);
	rig_assert_told(&told, STATUS_RESOURCE_EXHAUSTED,
	                "too many request messages are waiting to be taken");
	free(large);
	rig_end(&rig);
}

enum { NUMBERS = 20 };

static enum status numbers(struct rig *rig, struct call *call, const Text *request, Text *response)
{
	(void)rig;
	assert_null(response);
	for (int i = 0; i < NUMBERS; i++) {
		char text[64];
		Text message = GOOGLE__PROTOBUF__STRING_VALUE__INIT;
		snprintf(text, sizeof(text), "%s %d", request->value, i);
		message.value = text;
		TRY(call_send(call, &message.base));
	}
	return STATUS_OK;
}

static void sends_in_order(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	rig.handler = numbers;
	struct call *call = rig_call(&rig, "Server", 0, &told);
	rig_message(call, "n");
	call_half_close(call);
	rig_turn(&rig);
	rig_assert_told(&told, STATUS_OK, "");
	assert_string_equal(told.response, "");
	assert_int_equal(told.sent_count, NUMBERS);
	for (int i = 0; i < NUMBERS; i++) {
		char text[16];
		snprintf(text, sizeof(text), "n %d", i);
		assert_string_equal(told.sent[i], text);
	}
	rig_end(&rig);
}

static void waits_for_a_peer_that_does_not_read(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	rig.handler = numbers;
	struct call *call = rig_call(&rig, "Server", 0, &told);
	rig_message(call, "n");
	call_half_close(call);
	told.full = true;
	rig_turn(&rig);
	assert_int_equal(told.sent_count, 0);
	assert_string_equal(call->waiting_for, "room to send");
	call_writable(call); /* a mistake: it is full as before */
	rig_turn(&rig);
	assert_int_equal(told.sent_count, 0);
	assert_int_equal(call->state, CALL_WAITING);
	told.full = false;
	rig_turn(&rig);
	assert_int_equal(told.sent_count, 0); /* not before it is told */
	call_writable(call);
	rig_turn(&rig);
	assert_int_equal(told.sent_count, NUMBERS);
	rig_assert_told(&told, STATUS_OK, "");
	rig_end(&rig);
}

static enum status send_then_fail(struct rig *rig, struct call *call, const Text *request,
                                  Text *response)
{
	(void)rig, (void)request, (void)response;
	Text message = GOOGLE__PROTOBUF__STRING_VALUE__INIT;
	TRY(call_send(call, &message.base));
	return call_fail_outcome(call, STATUS_UNAVAILABLE, OUTCOME_NOT_EXECUTED, "no more");
}

/* Its caller has seen a part of the answer: to send it again is no longer for the client. */
static void what_was_partly_answered_is_not_safe_to_retry(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	rig_begin(&rig, NULL);
	rig.handler = send_then_fail;
	rig_call(&rig, "Both", 0, &told);
	rig_turn(&rig);
	rig_assert_told(&told, STATUS_UNAVAILABLE, "no more");
	assert_int_equal(told.retry, RETRY_UNSET);
	rig_end(&rig);
}

static enum status echo_all(struct rig *rig, struct call *call, const Text *request, Text *response)
{
	(void)request, (void)response;
	size_t *count = rig->ctx;
	for (;;) {
		const ProtobufCMessage *message;
		TRY(call_receive(call, &message));
		if (!message)
			return STATUS_OK;
		TRY(call_send(call, message));
		++*count;
	}
}

static void check_echoes(struct told *told, int first, int count)
{
	assert_int_equal(told->sent_count, count);
	for (int i = 0; i < count; i++) {
		char text[16];
		snprintf(text, sizeof(text), "%d", first + i);
		assert_string_equal(told->sent[i], text);
	}
	told->sent_count = 0;
}

/* Bursts of growing size, so that the queue is grown, emptied and moved. */
static void echoes_a_long_conversation(void **state)
{
	(void)state;
	struct rig rig;
	struct told told;
	size_t count = 0;
	int next = 0;
	rig_begin(&rig, NULL);
	rig.handler = echo_all;
	rig.ctx = &count;
	struct call *call = rig_call(&rig, "Both", 60000, &told);
	for (int burst = 0; burst < 500; burst++) {
		int first = next;
		for (int i = 0; i <= burst % RIG_SENT_MAX; i++) {
			char text[16];
			snprintf(text, sizeof(text), "%d", next++);
			rig_message(call, text);
			if (burst % 3 == 0)
				rig_turn(&rig);
		}
		rig_turn(&rig);
		check_echoes(&told, first, next - first);
	}
	call_half_close(call);
	rig_turn(&rig);
	rig_assert_told(&told, STATUS_OK, "");
	assert_int_equal(count, next);
	assert_int_equal(told.taken_count, next);
	rig_end(&rig);
}

/* The handler takes one at a time, and is blocked after each: the queue stays well filled. */
static void takes_slowly_from_a_full_queue(void **state)
{
	(void)state;
	enum { COUNT = 20000 };
	struct rig rig;
	struct told told;
	size_t count = 0;
	rig_begin(&rig, NULL);
	rig.handler = echo_all;
	rig.ctx = &count;
	struct call *call = rig_call(&rig, "Both", 0, &told);
	for (int i = 0; i < COUNT; i++)
		call_message(call, bytes_of("\x0a\x01x", 3));
	call_half_close(call);
	told.fills = true;
	for (int i = 0; i < COUNT; i++) {
		rig_turn(&rig);
		assert_int_equal(told.sent_count, 1);
		assert_int_equal(told.taken_count, i + 1 < COUNT ? i + 2 : COUNT);
		assert_int_equal(told.finished, i + 1 == COUNT);
		told.sent_count = 0;
		told.full = false;
		if (!told.finished)
			call_writable(call);
	}
	rig_assert_told(&told, STATUS_OK, "");
	rig_end(&rig);
	assert_int_equal(count, COUNT);
}

static enum status count_all(struct rig *rig, struct call *call, const Text *request,
                             Text *response)
{
	(void)request;
	size_t *bytes = rig->ctx;
	for (;;) {
		const ProtobufCMessage *message;
		TRY(call_receive(call, &message));
		if (!message)
			break;
		*bytes += strlen(((const Text *)message)->value);
	}
	response->value = "all";
	return STATUS_OK;
}

/* Twice as much as a call may use at once. */
static void a_long_stream_needs_no_more_memory(void **state)
{
	(void)state;
	enum { MESSAGE_LEN = 1024 * 1024, COUNT = 2 * LIMIT_CALL_ARENA / MESSAGE_LEN };
	struct rig rig;
	struct told told;
	size_t bytes = 0;
	rig_begin(&rig, NULL);
	rig.handler = count_all;
	rig.ctx = &bytes;
	struct call *call = rig_call(&rig, "Client", 0, &told);
	uint8_t *wire = malloc(MESSAGE_LEN + 4);
	assert_non_null(wire);
	memset(wire, 'x', MESSAGE_LEN + 4);
	memcpy(wire, "\x0a\x80\x80\x40", 4);
	for (int i = 0; i < COUNT; i++) {
		call_message(call, bytes_of(wire, MESSAGE_LEN + 4));
		rig_turn(&rig);
		assert_int_equal(told.taken_count, i + 1);
	}
	call_half_close(call);
	rig_turn(&rig);
	rig_assert_told(&told, STATUS_OK, "");
	assert_int_equal(bytes, (size_t)COUNT * MESSAGE_LEN);
	free(wire);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receives_until_the_half_close),
		cmocka_unit_test(receives_what_was_there_before_it_ran),
		cmocka_unit_test(a_bad_message_is_an_error_of_the_call),
		cmocka_unit_test(a_refusal_overrules_the_handler),
		cmocka_unit_test(what_is_not_taken_has_a_limit),
		cmocka_unit_test(sends_in_order),
		cmocka_unit_test(waits_for_a_peer_that_does_not_read),
		cmocka_unit_test(what_was_partly_answered_is_not_safe_to_retry),
		cmocka_unit_test(echoes_a_long_conversation),
		cmocka_unit_test(takes_slowly_from_a_full_queue),
		cmocka_unit_test(a_long_stream_needs_no_more_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
