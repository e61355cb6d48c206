/* Requests that stream: in order, in pieces, as far as the server's credit allows. */
#include "tests/unit/client/loop.h"
#include "tests/unit/client/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

typedef Prism__Test__Client__Note Note;

/* --- requests that stream ------------------------------------------------------------------------
 */

static bool send_number(struct prism_call *call, uint64_t number)
{
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	note.number = number;
	return prism_call_send(call, &note.base);
}

/* The numbers of the messages that come, added up; `closed` with the last. */
static uint64_t add_up(struct peer *peer, uint8_t type)
{
	struct frame frame = {0};
	uint64_t sum = 0;
	while (!*peer->fault && !(frame.flags & FRAME_CLOSE)) {
		peer_expect(peer, type, &frame);
		type = FRAME_MSG;
		Note *note = frame.flags & FRAME_NOMSG
		                     ? NULL
		                     : prism__test__client__note__unpack(NULL, frame.body.len,
		                                                         frame.body.data);
		sum += note ? note->number : 0;
		if (note)
			prism__test__client__note__free_unpacked(note, NULL);
	}
	return sum;
}

static void collect_script(struct peer *peer)
{
	uint8_t body[64];
	peer_greet(peer);
	peer_answer(peer, 1, note_pack(body, "", add_up(peer, FRAME_CALL)));
	peer_expect_close(peer);
}

static void test_collect(void **state)
{
	(void)state;
	static const unsigned counts[] = {0, 1, 5000};
	for (size_t i = 0; i < 3; i++) {
		struct peer peer;
		struct loop loop;
		struct outcome_of of = {0};
		peer_start(&peer, collect_script, NULL);
		loop_open(&loop, &(struct prism_channel_options){.address = peer.address});
		loop_call(&loop, &of, &NOTE_COLLECT, NULL, NULL);
		for (unsigned n = 0; n < counts[i]; n++)
			assert_true(send_number(of.call, n));
		prism_call_close_send(of.call);
		prism_call_close_send(of.call);
		assert_false(send_number(of.call, 1));
		assert_int_equal(loop_wait(&loop, &of), PRISM_OK);
		assert_int_equal(of.messages, 1);
		assert_int_equal(of.numbers,
		                 (uint64_t)counts[i] * (counts[i] + !counts[i] - 1) / 2);
		loop_close(&loop);
		peer_stop(&peer);
	}
}

/* Closed only after everything left: CLOSE comes alone. */
static void test_close_alone(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of of = {0};
	peer_start(&peer, collect_script, NULL);
	loop_open(&loop, &(struct prism_channel_options){.address = peer.address});
	loop_call(&loop, &of, &NOTE_COLLECT, NULL, NULL);
	assert_true(send_number(of.call, 17));
	for (int i = 0; i < 5; i++)
		uv_run(&loop.loop, UV_RUN_NOWAIT);
	prism_call_close_send(of.call);
	assert_int_equal(loop_wait(&loop, &of), PRISM_OK);
	assert_int_equal(of.numbers, 17);
	loop_close(&loop);
	peer_stop(&peer);
}

/* Each message is answered when it comes; both sides end. */
static void chat_script(struct peer *peer)
{
	struct frame frame;
	peer_greet(peer);
	peer_expect(peer, FRAME_CALL, &frame);
	for (;;) {
		peer_expect(peer, FRAME_MSG, &frame);
		if (*peer->fault || frame.flags & FRAME_CLOSE)
			break;
		peer_send_frame(peer, FRAME_MSG, 0, 1, bytes_of(NULL, 0), frame.body);
	}
	peer_end(peer, 1, &(struct end_meta){.code = STATUS_OK});
	peer_expect_close(peer);
}

static void send_next(struct outcome_of *of, const Note *note)
{
	assert_int_equal(note->number, of->messages);
	if (of->messages == 100)
		prism_call_close_send(of->call);
	else
		assert_true(send_number(of->call, note->number + 1));
}

static void test_chat(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of of = {.on_message = send_next};
	peer_start(&peer, chat_script, NULL);
	loop_open(&loop, &(struct prism_channel_options){.address = peer.address});
	loop_call(&loop, &of, &NOTE_CHAT, NULL, NULL);
	assert_true(send_number(of.call, 1));
	assert_int_equal(loop_wait(&loop, &of), PRISM_OK);
	assert_int_equal(of.messages, 100);
	loop_close(&loop);
	peer_stop(&peer);
}

/* A server that gives no credit: sending is refused above 1 MiB, and goes on when there is room. */
static void slow_script(struct peer *peer)
{
	struct frame frame;
	uint64_t bytes = 0;
	peer_greet(peer);
	peer_expect(peer, FRAME_CALL, &frame);
	while (!*peer->fault && bytes < LIMIT_STREAM_CREDIT_START) {
		peer_expect(peer, FRAME_MSG, &frame);
		bytes += frame.body.len;
	}
	while (peer->stage == 0)
		usleep(1000);
	while (!*peer->fault && !(frame.flags & FRAME_CLOSE)) {
		peer_credit(peer, 1, 100000);
		peer_credit(peer, 0, 100000);
		for (int64_t credit = 100000; credit > 0 && !*peer->fault;) {
			peer_expect(peer, FRAME_MSG, &frame);
			credit -= (int64_t)frame.body.len;
			if (frame.flags & FRAME_CLOSE)
				break;
		}
	}
	peer_answer(peer, 1, bytes_of(NULL, 0));
	peer_expect_close(peer);
}

static bool send_data(struct prism_call *call, size_t len)
{
	static uint8_t data[10000];
	Note note = PRISM__TEST__CLIENT__NOTE__INIT;
	note.data = (ProtobufCBinaryData){len, data};
	return prism_call_send(call, &note.base);
}

static void close_when_writable(struct outcome_of *of)
{
	assert_true(send_data(of->call, 10000));
	prism_call_close_send(of->call);
}

static void test_no_room(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of of = {.on_writable = close_when_writable};
	unsigned sent = 0;
	peer_start(&peer, slow_script, NULL);
	loop_open(&loop, &(struct prism_channel_options){.address = peer.address});
	loop_call(&loop, &of, &NOTE_COLLECT, NULL, NULL);
	while (send_data(of.call, 10000))
		sent++;
	assert_in_range(sent, 104, 106);
	while (send_data(of.call, 10000) || uv_run(&loop.loop, UV_RUN_NOWAIT) == 0)
		sent++;
	peer.stage = 1;
	assert_int_equal(loop_wait(&loop, &of), PRISM_OK);
	assert_int_equal(of.writable, 1);
	loop_close(&loop);
	peer_stop(&peer);
}

/* A message of another type, or too large, ends the call with a reason. */
static void silent_script(struct peer *peer)
{
	peer_greet(peer);
	peer_drain(peer);
}

static void test_bad_messages(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	Prism__Test__Client__Other other = PRISM__TEST__CLIENT__OTHER__INIT;
	Note large = PRISM__TEST__CLIENT__NOTE__INIT;
	large.data = (ProtobufCBinaryData){LIMIT_MESSAGE, calloc(1, LIMIT_MESSAGE)};
	const struct {
		const ProtobufCMessage *message;
		enum prism_status status;
		const char *words;
	} bad[] = {{NULL, PRISM_INVALID_ARGUMENT, "is missing"},
	           {&other.base, PRISM_INVALID_ARGUMENT, "not of the method's request type"},
	           {&large.base, PRISM_RESOURCE_EXHAUSTED, "the server takes at most"}};
	peer_start(&peer, silent_script, NULL);
	loop_open(&loop, &(struct prism_channel_options){.address = peer.address});
	for (size_t i = 0; i < 3; i++) {
		struct outcome_of of = {0};
		loop_call(&loop, &of, &NOTE_COLLECT, NULL, NULL);
		assert_false(prism_call_send(of.call, bad[i].message));
		assert_false(send_number(of.call, 1));
		prism_call_close_send(of.call);
		assert_int_equal(loop_wait(&loop, &of), bad[i].status);
		assert_non_null(strstr(of.result.message, bad[i].words));
	}
	free(large.data.data);
	loop_close(&loop);
	peer_stop(&peer);
}

/* Several large senders share the connection: none waits for another's end. */
static void fair_script(struct peer *peer)
{
	struct frame frame;
	unsigned switches = 0, ended = 0;
	uint32_t last = 0;
	struct hello hello = HELLO_START;
	hello.stream_credit = hello.connection_credit = 100000000;
	peer_accept(peer);
	peer_read_greeting(peer);
	peer_say_hello(peer, &hello);
	while (!*peer->fault && ended < 4) {
		if (!peer_read(peer, &frame))
			peer_fail(peer, "the client closed");
		switches += frame.stream != last;
		last = frame.stream;
		if (!(frame.flags & FRAME_CLOSE))
			continue;
		ended++;
		peer_answer(peer, frame.stream, bytes_of(NULL, 0));
	}
	if (switches < 40)
		peer_fail(peer, "only %u changes between the streams", switches);
	peer_expect_close(peer);
}

static void test_fair(void **state)
{
	(void)state;
	struct peer peer;
	struct loop loop;
	struct outcome_of of[4] = {0};
	char *text = malloc(1000001);
	memset(text, 'x', 1000000);
	text[1000000] = '\0';
	peer_start(&peer, fair_script, NULL);
	loop_open(&loop, &(struct prism_channel_options){.address = peer.address});
	for (int i = 0; i < 4; i++)
		loop_call(&loop, &of[i], &NOTE_GET, NULL, text);
	for (int i = 0; i < 4; i++)
		assert_int_equal(loop_wait(&loop, &of[i]), PRISM_OK);
	free(text);
	loop_close(&loop);
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_collect),      cmocka_unit_test(test_close_alone),
		cmocka_unit_test(test_chat),         cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_bad_messages), cmocka_unit_test(test_fair),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
