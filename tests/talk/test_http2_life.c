/* How a connection of HTTP/2 begins, lives and grows old. */
#include "tests/talk/h2.h"

#include <stdio.h>
#include <unistd.h>

static struct h2 h2;

static void up(const char *const arguments[])
{
	server_up(arguments);
	h2_open(&h2, server.address);
}

static void down(void)
{
	h2_close(&h2);
	server_down();
}

/* --- beginnings ---------------------------------------------------------------------- */

static void test_no_settings(void **state)
{
	(void)state;
	server_up((const char *const[]){"--preface-ms", "100", NULL});
	h2_dial(&h2, server.address);
	h2_say_preface(&h2);
	h2_send(&h2);
	h2_expect_fault(&h2, NGHTTP2_SETTINGS_TIMEOUT, "no SETTINGS");
	down();
}

static void begin_headers(uint32_t stream)
{
	struct buffer block = {0};
	h2_field_write(&block, "x-more", "and more");
	h2_say(&h2, NGHTTP2_HEADERS, 0, stream, buffer_bytes(&block));
	buffer_deinit(&block);
}

static void test_slow_headers(void **state)
{
	(void)state;
	up((const char *const[]){"--preface-ms", "100", NULL});
	h2_echo(&h2, 1);
	begin_headers(3);
	h2_send(&h2);
	h2_expect_fault(&h2, NGHTTP2_ENHANCE_YOUR_CALM, "header block");
	down();
}

/* Within one frame, too. */
static void test_slow_frame_of_headers(void **state)
{
	(void)state;
	up((const char *const[]){"--preface-ms", "100", NULL});
	h2_say_request(&h2, 1, "Echo", NULL);
	h2.talk.out.end -= 20;
	h2_send(&h2);
	h2_expect_fault(&h2, NGHTTP2_ENHANCE_YOUR_CALM, "header block");
	down();
}

/* A block that does not end does not hold up the end of its connection: begun before the last
 * stream is named, or after. */
static void test_slow_headers_in_a_drain(void **state)
{
	(void)state;
	up((const char *const[]){"--preface-ms", "300", "--age-ms", "200", NULL});
	h2_expect_notice(&h2);
	h2_say_pong(&h2);
	h2_send(&h2);
	(void)h2_wait_for(&h2, NGHTTP2_PING);
	h2_say_pong(&h2);
	begin_headers(1);
	h2_send(&h2);
	h2_expect_last(&h2, 1);
	h2_expect_fault(&h2, NGHTTP2_ENHANCE_YOUR_CALM, "header block");
	h2_close(&h2);
	h2_open(&h2, server.address);
	h2_say_request(&h2, 1, "Chat", NULL);
	h2_send(&h2);
	h2_expect_notice(&h2);
	h2_acknowledge(&h2);
	h2_expect_last(&h2, 1);
	begin_headers(1);
	h2_send(&h2);
	h2_expect_fault(&h2, NGHTTP2_ENHANCE_YOUR_CALM, "header block");
	down();
}

static void test_wrong_preface(void **state)
{
	(void)state;
	up((const char *const[]){NULL});
	struct h2 wrong;
	h2_dial(&wrong, server.address);
	talk_send_bytes(&wrong.talk, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", 24);
	h2_expect_closed(&wrong);
	h2_close(&wrong);
	h2_echo(&h2, 1);
	down();
}

/* One over the limit of connections is told so; its calls are not executed. */
static void test_too_many_connections(void **state)
{
	(void)state;
	char directory[64], record_path[80];
	directory_make(directory);
	snprintf(record_path, sizeof(record_path), "%s/record", directory);
	up((const char *const[]){"--connections", "1", "--record", record_path, NULL});
	struct h2 second;
	h2_dial(&second, server.address);
	h2_say_preface(&second);
	h2_say(&second, NGHTTP2_SETTINGS, 0, 0, nothing());
	h2_say_request(&second, 1, "RecordOnce", NULL);
	h2_say_message(&second, H2_END_STREAM, 1, nothing());
	h2_send(&second);
	h2_expect_fault(&second, NGHTTP2_NO_ERROR, "as many connections");
	h2_close(&second);
	h2_echo(&h2, 1);
	down();
	assert_int_equal(access(record_path, F_OK), -1);
	directory_remove(directory);
}

/* --- keepalive, idle, age ------------------------------------------------------------ */

static void test_silent_client_is_asked(void **state)
{
	(void)state;
	up((const char *const[]){"--keepalive-ms", "50", "--pong-ms", "100", NULL});
	for (int i = 0; i < 3; i++) {
		struct h2_frame frame = h2_wait_for(&h2, NGHTTP2_PING);
		h2_say(&h2, NGHTTP2_PING, H2_ACK, 0, frame.payload);
		h2_send(&h2);
	}
	(void)h2_wait_for(&h2, NGHTTP2_PING);
	h2_expect_closed(&h2); /* no answer: it is taken for dead */
	down();
}

static void test_idle(void **state)
{
	(void)state;
	up((const char *const[]){"--idle-ms", "100", NULL});
	h2_echo(&h2, 1);
	h2_expect_notice(&h2);
	h2_acknowledge(&h2);
	h2_expect_last(&h2, 1);
	h2_expect_closed(&h2);
	down();
}

static void test_a_call_is_not_idle(void **state)
{
	(void)state;
	up((const char *const[]){"--idle-ms", "20", NULL});
	const uint64_t wait[] = {300};
	struct buffer scratch = {0};
	h2_say_request(&h2, 1, "Wait", NULL);
	h2_say_message(&h2, H2_END_STREAM, 1, numbers_message(&scratch, wait, 1));
	h2_send(&h2);
	h2_expect_status(&h2, 1, STATUS_OK, NULL); /* before any GOAWAY */
	buffer_deinit(&scratch);
	h2_expect_notice(&h2);
	down();
}

static void test_age(void **state)
{
	(void)state;
	up((const char *const[]){"--age-ms", "200", "--grace-ms", "100", NULL});
	h2_say_request(&h2, 1, "Chat", NULL);
	h2_send(&h2);
	h2_expect_notice(&h2);
	h2_acknowledge(&h2);
	h2_expect_last(&h2, 1);
	h2_expect_status(&h2, 1, STATUS_UNAVAILABLE, NULL);
	h2_expect_closed(&h2);
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_settings),
		cmocka_unit_test(test_slow_headers),
		cmocka_unit_test(test_slow_frame_of_headers),
		cmocka_unit_test(test_slow_headers_in_a_drain),
		cmocka_unit_test(test_wrong_preface),
		cmocka_unit_test(test_too_many_connections),
		cmocka_unit_test(test_silent_client_is_asked),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_a_call_is_not_idle),
		cmocka_unit_test(test_age),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
