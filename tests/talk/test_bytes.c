/* Bytes come as the network likes: one at a time, or no more after any of them. */
#include "tests/talk/talk.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A conversation with every kind of frame that a client may send, after preface and HELLO. */
static void say_everything(struct buffer *out)
{
	struct buffer body = {0};
	struct bytes message = echo_message(&body, 30, 'x');
	struct call_meta first = {.path = echo_path("Echo"),
	                          .path_id = 1,
	                          .has_timeout = true,
	                          .timeout_us = 60000000};
	say_call_meta(out, 1, FRAME_CLOSE, &first, message);
	say_call_meta(out, 3, FRAME_MORE, &(struct call_meta){.path_id = 1},
	              bytes_of(message.data, 4));
	say_ping(out, 0, "12345678");
	say_message(out, 3, FRAME_CLOSE, bytes_of(message.data + 4, message.len - 4));
	say_call(out, 5, FRAME_NOMSG, "Chat", nothing());
	say_message(out, 5, 0, message);
	say_credit(out, 5, 1000);
	say_credit(out, 0, 1000);
	say_frame(out, 0x90, 0xff, 0, bytes_of("m", 1), bytes_of("ignored", 7));
	say_call(out, 7, FRAME_NOMSG, "Collect", nothing());
	say_message(out, 7, 0, message);
	say_cancel(out, 7, STATUS_CANCELLED);
	say_message(out, 5, FRAME_NOMSG | FRAME_CLOSE, nothing());
	buffer_deinit(&body);
}

static void expect_everything(struct talk *talk)
{
	struct buffer body = {0};
	struct bytes message = echo_message(&body, 30, 'x');
	bool ping = false, end[6] = {false};
	int left = 5;
	while (left-- > 0) {
		struct frame frame = talk_next(talk);
		if (frame.type == FRAME_PING) {
			assert_int_equal(frame.flags, FRAME_PING_ACK);
			assert_memory_equal(frame.body.data, "12345678", 8);
			ping = true;
			continue;
		}
		assert_true(frame.type == FRAME_END || frame.stream == 5);
		if (frame.type == FRAME_MSG || frame.stream < 5)
			assert_true(bytes_equal(frame.body, message));
		if (frame.type == FRAME_END)
			end[frame.stream] = true;
	}
	assert_true(ping && end[1] && end[3] && end[5]);
	buffer_deinit(&body);
}

static void test_every_byte_alone(void **state)
{
	(void)state;
	struct talk talk;
	talk_dial(&talk, server.address);
	say_preface(&talk.out, 1, 1);
	say_hello(&talk.out, &(struct hello){.agent = bytes_of_string("a byte at a time")});
	say_everything(&talk.out);
	talk_send_slowly(&talk);
	talk_expect_greeting(&talk);
	expect_everything(&talk);
	talk_close(&talk);
}

/* In pieces of each size, so that frames end anywhere in what a read returns. */
static void test_pieces_of_every_size(void **state)
{
	(void)state;
	struct buffer all = {0};
	say_preface(&all, 1, 1);
	say_hello(&all, &(struct hello){0});
	say_everything(&all);
	struct bytes bytes = buffer_bytes(&all);
	for (size_t size = 2; size <= bytes.len; size += 1 + size / 8) {
		struct talk talk;
		talk_dial(&talk, server.address);
		for (size_t at = 0; at < bytes.len; at += size) {
			size_t rest = bytes.len - at;
			talk_send_bytes(&talk, bytes.data + at, size < rest ? size : rest);
		}
		talk_expect_greeting(&talk);
		expect_everything(&talk);
		talk_close(&talk);
	}
	buffer_deinit(&all);
}

/* The peer is gone after the first `len` bytes: politely, or with a reset. */
static void cut_after(struct bytes bytes, size_t len, bool reset)
{
	struct talk talk;
	talk_dial(&talk, server.address);
	talk_send_bytes(&talk, bytes.data, len);
	struct linger at_once = {.l_onoff = 1};
	if (reset)
		setsockopt(talk.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	talk_close(&talk);
}

static void cut_everywhere(bool reset)
{
	struct buffer all = {0};
	say_preface(&all, 1, 1);
	say_hello(&all, &(struct hello){0});
	say_everything(&all);
	struct bytes bytes = buffer_bytes(&all);
	for (size_t len = 0; len <= bytes.len; len++) {
		cut_after(bytes, len, reset);
		if (len % 16 == 0)
			server_settled();
	}
	buffer_deinit(&all);
}

static void test_cut_at_every_byte(void **state)
{
	(void)state;
	cut_everywhere(false);
}

static void test_reset_at_every_byte(void **state)
{
	(void)state;
	cut_everywhere(true);
}

/* The client shuts its side down and waits: it is gone for us, and sees the end. */
static void test_half_closed_socket_is_gone(void **state)
{
	(void)state;
	struct talk talk;
	struct buffer body = {0};
	talk_open(&talk, server.address, NULL);
	say_call(&talk.out, 1, FRAME_CLOSE, "Wait", numbers_message(&body, (uint64_t[]){60000}, 1));
	talk_send(&talk);
	shutdown(talk.fd, SHUT_WR);
	talk_expect_closed(&talk);
	talk_close(&talk);
	buffer_deinit(&body);
}

/* Connections are cut while another one talks: that one does not notice. */
static void test_others_are_unharmed(void **state)
{
	(void)state;
	struct talk talk;
	struct buffer all = {0};
	talk_open(&talk, server.address, NULL);
	say_preface(&all, 1, 1);
	say_hello(&all, &(struct hello){0});
	say_everything(&all);
	uint32_t stream = 1;
	for (size_t len = 0; len <= all.end; len += 3, stream += 2) {
		cut_after(buffer_bytes(&all), len, len % 2);
		assert_int_equal(talk_ask(&talk, stream, "Echo", nothing()).len, 0);
	}
	talk_close(&talk);
	buffer_deinit(&all);
}

#define TALK(test) cmocka_unit_test_teardown(test, server_test_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TALK(test_every_byte_alone),           TALK(test_pieces_of_every_size),
		TALK(test_cut_at_every_byte),          TALK(test_reset_at_every_byte),
		TALK(test_half_closed_socket_is_gone), TALK(test_others_are_unharmed),
	};
	return cmocka_run_group_tests(tests, server_group_setup, server_group_teardown);
}
