/* Peers that take their time: a crowd of them is ended when it is over, and counted, and a good
 * client beside them does not notice. */
#include "tests/talk/h2.h"

enum fault {
	NO_FAULT,
#define FAULT(name, code, reason) FAULT_##name,
#include "daemon/transport/http2/fault.def"
#undef FAULT
};

enum { CROWD = 16 };

static struct h2 good, crowd[CROWD];
static struct buffer scratch;
static uint32_t good_stream;

/* However many there are: its window stays open. */
static void good_call(void)
{
	enum { ANSWER_SIZE = 9 };
	h2_echo(&good, good_stream);
	h2_say_number(&good, NGHTTP2_WINDOW_UPDATE, 0, ANSWER_SIZE);
	good_stream += 2;
}

static int setup(void **state)
{
	(void)state;
	server_up((const char *const[]){"--preface-ms", "600", "--stall-ms", "600", NULL});
	h2_open(&good, server.address);
	good_stream = 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	h2_close(&good);
	buffer_deinit(&scratch);
	server_down();
	return 0;
}

/* Each begins, then each is ended as it should; the good client calls all the while. */
static void play(void (*begin)(struct h2 *slow), void (*end)(struct h2 *slow))
{
	for (size_t i = 0; i < CROWD; i++) {
		begin(&crowd[i]);
		h2_send(&crowd[i]);
		good_call();
	}
	for (size_t i = 0; i < CROWD; i++) {
		end(&crowd[i]);
		good_call();
		h2_close(&crowd[i]);
	}
	server_settled_but(1);
}

/* --- beginnings that do not end ------------------------------------------------------- */

static void begin_preface(struct h2 *slow)
{
	h2_dial(slow, server.address);
	h2_say_preface(slow);
	slow->talk.out.end -= 1;
}

static void test_preface(void **state)
{
	(void)state;
	play(begin_preface, h2_expect_closed);
	assert_int_equal(server_count().preface_timeouts, CROWD);
}

static void begin_without_settings(struct h2 *slow)
{
	h2_dial(slow, server.address);
	h2_say_preface(slow);
}

static void end_without_settings(struct h2 *slow)
{
	h2_expect_fault(slow, NGHTTP2_SETTINGS_TIMEOUT, "no SETTINGS");
}

static void test_settings(void **state)
{
	(void)state;
	play(begin_without_settings, end_without_settings);
	assert_int_equal(server_count_of(FAULT_SLOW_SETTINGS).faults, CROWD);
}

static void begin_headers(struct h2 *slow)
{
	h2_open(slow, server.address);
	h2_field_write(&scratch, ":method", "POST");
	h2_say(slow, NGHTTP2_HEADERS, 0, 1, buffer_bytes(&scratch));
	buffer_consume(&scratch, buffer_len(&scratch));
}

static void end_headers(struct h2 *slow)
{
	h2_expect_fault(slow, NGHTTP2_ENHANCE_YOUR_CALM, "header block");
}

static void test_headers(void **state)
{
	(void)state;
	play(begin_headers, end_headers);
	assert_int_equal(server_count_of(FAULT_SLOW_HEADERS).faults, CROWD);
}

/* --- calls that do not go on ---------------------------------------------------------- */

/* Half a message, within a frame of DATA: the call has a deadline, if only ours. */
static void begin_body(struct h2 *slow)
{
	h2_open(slow, server.address);
	h2_say_request(slow, 1, "Echo", (const struct h2_field[]){{"grpc-timeout", "300m"}, {0}});
	h2_say_message(slow, 0, 1, bytes_of("\x0a\x02hi", 4));
	slow->talk.out.end -= 2;
}

static void end_body(struct h2 *slow)
{
	h2_expect_status(slow, 1, STATUS_DEADLINE_EXCEEDED, "300 ms");
}

static void test_body(void **state)
{
	(void)state;
	play(begin_body, end_body);
}

static void begin_expand(struct h2 *slow, const nghttp2_settings_entry *settings)
{
	const uint64_t many[] = {1000, 100000};
	h2_open_with(slow, server.address, settings, 1);
	h2_say_request(slow, 1, "Expand", NULL);
	h2_say_message(slow, H2_END_STREAM, 1, numbers_message(&scratch, many, 2));
}

static void begin_zero_window(struct h2 *slow)
{
	static const nghttp2_settings_entry none[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}};
	begin_expand(slow, none);
}

static void end_zero_window(struct h2 *slow)
{
	h2_expect_reset(slow, 1, NGHTTP2_ENHANCE_YOUR_CALM);
}

static void test_zero_window(void **state)
{
	(void)state;
	play(begin_zero_window, end_zero_window);
	assert_int_equal(server_count().stream_stalls, CROWD);
}

/* The windows are wide open, but nothing is read from the socket. */
static void begin_unread(struct h2 *slow)
{
	static const nghttp2_settings_entry wide[] = {
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 30}};
	begin_expand(slow, wide);
	h2_say_number(slow, NGHTTP2_WINDOW_UPDATE, 0, 1 << 30);
}

static void end_unread(struct h2 *slow)
{
	(void)slow;
	while (server_count().write_stalls < CROWD)
		good_call();
}

static void test_unread(void **state)
{
	(void)state;
	play(begin_unread, end_unread);
	assert_int_equal(server_count().write_stalls, CROWD);
}

#define SLOW_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SLOW_TEST(test_preface), SLOW_TEST(test_settings),    SLOW_TEST(test_headers),
		SLOW_TEST(test_body),    SLOW_TEST(test_zero_window), SLOW_TEST(test_unread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
