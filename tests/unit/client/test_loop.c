/* Calls on a loop: cancelled, late, many; connections that come and go. */
#include "tests/support/program.h"
#include "tests/unit/client/loop.h"
#include "tests/unit/client/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

typedef Prism__Test__Client__Note Note;

static const char NOWHERE[] = "127.0.0.1:1";

static void open_at(struct loop *loop, const char *address)
{
	loop_open(loop, &(struct prism_channel_options){.address = address});
}

/* Answers every call at once. */
static void echo_script(struct peer *peer)
{
	struct frame frame;
	peer_greet(peer);
	while (peer_read(peer, &frame))
		if (frame.type == FRAME_CALL)
			peer_answer(peer, frame.stream, frame.body);
}

/* Takes calls, and what comes after them, and says nothing; ctx: how many CANCEL are to come. */
static void silent_script(struct peer *peer)
{
	struct frame frame;
	const char *reason;
	struct cancel_meta cancel = {0};
	int cancels = 0;
	peer_greet(peer);
	while (peer_read(peer, &frame)) {
		peer->stage += frame.type == FRAME_CALL;
		if (frame.type == FRAME_CANCEL && cancel_meta_decode(frame.meta, &cancel, &reason))
			cancels++;
	}
	if (cancels != (int)(intptr_t)peer->ctx)
		peer_fail(peer, "%d CANCEL came", cancels);
}

/* --- the ends of a call
 * --------------------------------------------------------------------------- */

static void test_cancel_waiting(void **state)
{
	(void)state;
	struct loop loop;
	struct outcome_of of = {0};
	open_at(&loop, NOWHERE);
	loop_call(&loop, &of, &NOTE_GET, NULL, "");
	prism_call_cancel(of.call);
	prism_call_cancel(of.call);
	assert_int_equal(of.done, 0);
	assert_int_equal(loop_wait(&loop, &of), PRISM_CANCELLED);
	assert_int_equal(of.result.outcome, PRISM_NOT_EXECUTED);
	loop_close(&loop);
}

static void test_cancel_open(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of get = {0}, read = {0}, chat = {0};
	peer_start(&peer, silent_script, (void *)3);
	open_at(&loop, peer.address);
	loop_call(&loop, &get, &NOTE_GET, NULL, "");
	loop_call(&loop, &read, &NOTE_READ, NULL, "");
	loop_call(&loop, &chat, &NOTE_CHAT, NULL, NULL);
	loop_until_stage(&loop, &peer, 3);
	prism_call_cancel(get.call);
	prism_call_cancel(read.call);
	prism_call_cancel(chat.call);
	assert_int_equal(loop_wait(&loop, &get), PRISM_CANCELLED);
	assert_int_equal(get.result.outcome, PRISM_OUTCOME_UNKNOWN);
	assert_int_equal(loop_wait(&loop, &read), PRISM_CANCELLED);
	assert_int_equal(read.result.outcome, PRISM_NOT_EXECUTED);
	assert_int_equal(loop_wait(&loop, &chat), PRISM_CANCELLED);
	loop_close(&loop);
	peer_stop(&peer);
}

static void cancel_it(struct outcome_of *of, const Note *note)
{
	(void)note;
	prism_call_cancel(of->call);
	of->on_message = NULL;
}

/* No message comes after it, though more are there; not for a unary call either. */
static void burst_script(struct peer *peer)
{
	struct frame frame;
	uint8_t burst[100 * FRAME_HEADER_SIZE];
	struct writer writer = writer_init(burst, sizeof burst);
	for (int i = 0; i < 99; i++)
		frame_header_write(&writer, FRAME_MSG, 0, 1, 0, 0);
	frame_header_write(&writer, FRAME_END, FRAME_NOMSG, 1, 0, 0);
	peer_greet(peer);
	peer_expect(peer, FRAME_CALL, &frame);
	peer_send(peer, burst, sizeof burst);
	peer_expect(peer, FRAME_CANCEL, &frame);
	peer_expect(peer, FRAME_CALL, &frame);
	peer_answer(peer, frame.stream, bytes_of(NULL, 0));
	peer_expect_close(peer);
}

static void test_cancel_in_message(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of list = {.on_message = cancel_it}, get = {.on_message = cancel_it};
	peer_start(&peer, burst_script, NULL);
	open_at(&loop, peer.address);
	loop_call(&loop, &list, &NOTE_LIST, NULL, "");
	assert_int_equal(loop_wait(&loop, &list), PRISM_CANCELLED);
	assert_int_equal(list.messages, 1);
	loop_call(&loop, &get, &NOTE_GET, NULL, "");
	assert_int_equal(loop_wait(&loop, &get), PRISM_CANCELLED);
	assert_int_equal(get.messages, 1);
	loop_close(&loop);
	peer_stop(&peer);
}

static void test_deadline(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of get = {0}, read = {0};
	struct prism_call_options options = {.timeout_ms = 20};
	peer_start(&peer, silent_script, (void *)2);
	open_at(&loop, peer.address);
	loop_call(&loop, &get, &NOTE_GET, &options, "");
	loop_call(&loop, &read, &NOTE_READ, &options, "");
	assert_int_equal(loop_wait(&loop, &get), PRISM_DEADLINE_EXCEEDED);
	assert_string_equal(get.result.message, "no answer within 20 ms");
	assert_int_equal(get.result.outcome, PRISM_OUTCOME_UNKNOWN);
	assert_int_equal(loop_wait(&loop, &read), PRISM_DEADLINE_EXCEEDED);
	assert_int_equal(read.result.outcome, PRISM_NOT_EXECUTED);
	loop_close(&loop);
	peer_stop(&peer);
}

static void test_deadline_waiting(void **state)
{
	(void)state;
	struct loop loop;
	struct outcome_of of = {0};
	struct prism_call_options options = {.timeout_ms = 20, .wait_for_ready = true};
	open_at(&loop, NOWHERE);
	loop_call(&loop, &of, &NOTE_GET, &options, "");
	assert_int_equal(loop_wait(&loop, &of), PRISM_DEADLINE_EXCEEDED);
	assert_int_equal(of.result.outcome, PRISM_NOT_EXECUTED);
	assert_string_equal(of.result.message, "not sent within 20 ms: cannot connect to "
	                                       "127.0.0.1:1: Connection refused");
	loop_close(&loop);
}

/* The method's own, and none. */
static void timeouts_script(struct peer *peer)
{
	static const struct {
		bool has;
		uint64_t most_us;
	} expected[] = {{true, 5000000}, {true, 77000000}, {false, 0}, {true, 30000000}};
	struct frame frame;
	struct call_meta meta;
	peer_greet(peer);
	for (size_t i = 0; i < 4; i++) {
		peer_expect_call(peer, &frame, &meta);
		if (meta.has_timeout != expected[i].has || meta.timeout_us > expected[i].most_us ||
		    meta.timeout_us < expected[i].most_us / 2)
			peer_fail(peer, "call %zu: %lu us", i, (unsigned long)meta.timeout_us);
		peer_answer(peer, frame.stream, bytes_of(NULL, 0));
	}
	peer_expect_close(peer);
}

static void test_timeouts(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct prism_method slow = NOTE_GET;
	slow.timeout_ms = 77000;
	const struct {
		const struct prism_method *method;
		struct prism_call_options options;
	} calls[] = {{&slow, {.timeout_ms = 5000}},
	             {&slow, {.timeout_ms = 0}},
	             {&slow, {.timeout_ms = PRISM_NO_TIMEOUT}},
	             {&NOTE_GET, {.timeout_ms = 0}}};
	peer_start(&peer, timeouts_script, NULL);
	open_at(&loop, peer.address);
	for (size_t i = 0; i < 4; i++) {
		struct outcome_of of = {0};
		loop_call(&loop, &of, calls[i].method, &calls[i].options, "");
		assert_int_equal(loop_wait(&loop, &of), PRISM_OK);
	}
	loop_close(&loop);
	peer_stop(&peer);
}

/* --- many calls ---------------------------------------------------------------------------------
 */

enum { MANY = 10000 };

static void test_many(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of *of = calloc(MANY, sizeof *of);
	peer_start(&peer, echo_script, NULL);
	open_at(&loop, peer.address);
	for (int i = 0; i < MANY; i++)
		loop_call(&loop, &of[i], &NOTE_GET, NULL, "text");
	for (int i = 0; i < MANY; i++)
		assert_int_equal(loop_wait(&loop, &of[i]), PRISM_OK);
	free(of);
	loop_close(&loop);
	peer_stop(&peer);
}

/* No more at a time than the server takes; the rest waits its turn. */
static void limited_script(struct peer *peer)
{
	struct frame frame;
	uint32_t open = 0, answered = 0, streams[LIMIT_STREAMS_START + 1];
	peer_greet(peer);
	while (!*peer->fault && answered < 250) {
		while (open < LIMIT_STREAMS_START && answered + open < 250) {
			peer_expect(peer, FRAME_CALL, &frame);
			streams[open++] = frame.stream;
		}
		peer_answer(peer, streams[--open], bytes_of(NULL, 0));
		answered++;
	}
	peer_expect_close(peer);
}

static void test_max_streams(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of of[250] = {0};
	peer_start(&peer, limited_script, NULL);
	open_at(&loop, peer.address);
	for (int i = 0; i < 250; i++)
		loop_call(&loop, &of[i], &NOTE_GET, NULL, "");
	for (int i = 0; i < 250; i++)
		assert_int_equal(loop_wait(&loop, &of[i]), PRISM_OK);
	loop_close(&loop);
	peer_stop(&peer);
}

/* A call starts the next from within done(). */
static void start_next(struct outcome_of *of)
{
	struct loop *loop = of->ctx;
	if (of->numbers++ < 1000)
		loop_call(loop, of, &NOTE_GET, NULL, "");
}

static void test_start_in_done(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of of = {.on_done = start_next, .ctx = &loop};
	peer_start(&peer, echo_script, NULL);
	open_at(&loop, peer.address);
	loop_call(&loop, &of, &NOTE_GET, NULL, "");
	uv_run(&loop.loop, UV_RUN_DEFAULT);
	assert_int_equal(of.numbers, 1001);
	assert_int_equal(of.result.status, PRISM_OK);
	loop_close(&loop);
	peer_stop(&peer);
}

/* --- connections that come and go ---------------------------------------------------------------
 */

static void twice_script(struct peer *peer)
{
	struct frame frame;
	for (int i = 0; i < 2; i++) {
		peer_greet(peer);
		peer_expect(peer, FRAME_CALL, &frame);
		peer_answer(peer, frame.stream, frame.body);
		if (i == 0)
			peer_reset(peer);
	}
	peer_expect_close(peer);
}

static void test_reconnect(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of of = {0};
	peer_start(&peer, twice_script, NULL);
	open_at(&loop, peer.address);
	loop_call(&loop, &of, &NOTE_GET, NULL, "");
	assert_int_equal(loop_wait(&loop, &of), PRISM_OK);
	for (int i = 0; i < 3; i++) { /* the reset is noticed */
		usleep(20000);
		uv_run(&loop.loop, UV_RUN_NOWAIT);
	}
	loop_call(&loop, &of, &NOTE_GET, NULL, "");
	assert_int_equal(loop_wait(&loop, &of), PRISM_OK);
	loop_close(&loop);
	peer_stop(&peer);
}

/* The request had not left completely when the connection was lost: sent again. */
static void unread_script(struct peer *peer)
{
	struct hello hello = HELLO_START;
	struct frame frame;
	struct call_meta meta;
	hello.stream_credit = hello.connection_credit = 1 << 30;
	hello.max_message = 1 << 30;
	peer_accept(peer);
	peer_read_greeting(peer);
	peer_say_hello(peer, &hello);
	peer_expect_call(peer, &frame, &meta);
	peer_reset(peer);
	peer_accept(peer);
	peer_read_greeting(peer);
	peer_say_hello(peer, &hello);
	peer_expect_call(peer, &frame, &meta);
	if (meta.attempt != 1 || meta.path.len == 0)
		peer_fail(peer, "attempt %u", meta.attempt);
	while (!*peer->fault && frame.flags & FRAME_MORE)
		peer_expect(peer, FRAME_MSG, &frame);
	peer_answer(peer, frame.stream, bytes_of(NULL, 0));
	peer_expect_close(peer);
}

static void test_never_left(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of of = {0};
	enum { SIZE = 64 << 20 };
	char *text = malloc(SIZE + 1);
	memset(text, 'x', SIZE);
	text[SIZE] = '\0';
	peer_start(&peer, unread_script, NULL);
	open_at(&loop, peer.address);
	loop_call(&loop, &of, &NOTE_GET, NULL, text);
	free(text);
	assert_int_equal(loop_wait(&loop, &of), PRISM_OK);
	loop_close(&loop);
	peer_stop(&peer);
}

/* Waits for a server that comes later, at a socket that is not there yet. */
static void test_wait_for_ready(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of ready = {0}, hasty = {0};
	struct prism_call_options options = {.wait_for_ready = true};
	char address[80], path[64];
	file_make(path, "");
	unlink(path);
	snprintf(address, sizeof address, "unix:%s", path);
	open_at(&loop, address);
	loop_call(&loop, &ready, &NOTE_GET, &options, "");
	loop_call(&loop, &hasty, &NOTE_GET, NULL, "");
	assert_int_equal(loop_wait(&loop, &hasty), PRISM_UNAVAILABLE);
	assert_int_equal(ready.done, 0);
	peer_start_at(&peer, path, echo_script, NULL);
	assert_int_equal(loop_wait(&loop, &ready), PRISM_OK);
	loop_call(&loop, &hasty, &NOTE_GET, NULL, "");
	assert_int_equal(loop_wait(&loop, &hasty), PRISM_OK);
	loop_close(&loop);
	peer_stop(&peer);
	unlink(path);
}

static void on_busy(uv_idle_t *idle)
{
	(void)idle;
}

/* A channel without calls lets the loop end, and closes its connection when that is asked for. */
static void test_idle(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of of = {0};
	peer_start(&peer, echo_script, NULL);
	loop_open(&loop,
	          &(struct prism_channel_options){.address = peer.address, .idle_timeout_ms = 10});
	assert_int_equal(uv_run(&loop.loop, UV_RUN_DEFAULT), 0);
	loop_call(&loop, &of, &NOTE_GET, NULL, "");
	assert_int_equal(uv_run(&loop.loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(of.done, 1);
	uv_idle_t busy; /* keeps the loop running */
	uv_idle_init(&loop.loop, &busy);
	uv_idle_start(&busy, on_busy);
	while (peer.stage == 0) /* the script's end: the client has closed */
		uv_run(&loop.loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&busy, NULL);
	loop_close(&loop);
	peer_stop(&peer);
}

/* --- the lent answer ----------------------------------------------------------------------------
 */

/* An answer that is complete before its END, and behind it a message for another call. */
static void lent_script(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	uint8_t kept[64], other[64];
	struct bytes none = bytes_of(NULL, 0);
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	peer_expect_call(peer, &frame, &meta);
	peer_cork(peer);
	peer_send_frame(peer, FRAME_MSG, 0, 3, none, note_pack(kept, "keep this", 1));
	peer_end(peer, 3, &(struct end_meta){.code = STATUS_OK});
	peer_send_frame(peer, FRAME_MSG, 0, 1, none, note_pack(other, "and other", 1));
	peer_end(peer, 1, &(struct end_meta){.code = STATUS_OK});
	peer_uncork(peer);
	peer_expect_close(peer);
}

static void keep_and_cancel(struct outcome_of *of, const Note *note)
{
	*(const Note **)of->ctx = note;
	prism_call_cancel(of->call);
}

static void keep_and_resume(struct outcome_of *of, const Note *note)
{
	*(const Note **)of->ctx = note;
	prism_call_pause(of->call, false);
}

static void see_kept(struct outcome_of *of)
{
	const Note *const *note = of->ctx;
	assert_string_equal((*note)->text, "keep this");
}

/* Until done() returns, also when the call has more to be told than its end. */
static void test_lent_until_done(void **state)
{
	(void)state;
	for (int cancels = 0; cancels < 2; cancels++) {
		struct peer peer;
		struct loop loop;
		const Note *note = NULL;
		struct outcome_of list = {0};
		struct outcome_of get = {.on_message = cancels ? keep_and_cancel : keep_and_resume,
		                         .on_done = see_kept,
		                         .ctx = &note};
		peer_start(&peer, lent_script, NULL);
		loop_open(&loop, &(struct prism_channel_options){.address = peer.address});
		loop_call(&loop, &list, &NOTE_LIST, NULL, "");
		loop_call(&loop, &get, &NOTE_GET, NULL, "");
		assert_int_equal(loop_wait(&loop, &list), PRISM_OK);
		assert_int_equal(loop_wait(&loop, &get), cancels ? PRISM_CANCELLED : PRISM_OK);
		assert_int_equal(list.messages, 1);
		loop_close(&loop);
		peer_stop(&peer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lent_until_done), cmocka_unit_test(test_cancel_waiting),
		cmocka_unit_test(test_cancel_open),     cmocka_unit_test(test_cancel_in_message),
		cmocka_unit_test(test_deadline),        cmocka_unit_test(test_deadline_waiting),
		cmocka_unit_test(test_timeouts),        cmocka_unit_test(test_many),
		cmocka_unit_test(test_max_streams),     cmocka_unit_test(test_start_in_done),
		cmocka_unit_test(test_reconnect),       cmocka_unit_test(test_never_left),
		cmocka_unit_test(test_wait_for_ready),  cmocka_unit_test(test_idle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
