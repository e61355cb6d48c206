/* The text forms of gRPC over HTTP/2. */
#include "proto/grpc_text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* --- time-outs ----------------------------------------------------------------------- */

static void test_timeouts(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t us;
	} good[] = {
		{"0n", 0},
		{"1n", 1},
		{"999n", 1},
		{"1000n", 1},
		{"1001n", 2},
		{"1u", 1},
		{"250m", 250000},
		{"1S", 1000000},
		{"2M", 120000000},
		{"1H", UINT64_C(3600000000)},
		{"007S", 7000000},
		{"99999999M", UINT64_C(5999999940000000)},
		{"99999999H", UINT64_C(359999996400000000)},
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		uint64_t us;
		assert_true(grpc_timeout_read(bytes_of_string(good[i].text), &us));
		assert_int_equal(us, good[i].us);
	}
	static const char *const bad[] = {"",    "1",   "S",    "1s",   "-1S",        "+1S",
	                                  " 1S", "1 S", "1.5S", "0x1S", "123456789S", "1SS"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint64_t us;
		assert_false(grpc_timeout_read(bytes_of_string(bad[i]), &us));
	}
}

static void test_timeouts_are_written_in_eight_digits(void **state)
{
	(void)state;
	static const struct {
		uint64_t us;
		const char *text;
	} cases[] = {
		{0, "0u"},
		{1, "1u"},
		{99999999, "99999999u"},
		{100000000, "100000m"},
		{100000001, "100001m"},
		{UINT64_C(99999999000), "99999999m"},
		{UINT64_C(99999999001), "100000S"},
		{UINT64_C(100000000000001), "1666667M"},
		{UINT64_C(5999999940000001), "1666667H"},
		{UINT64_MAX, "99999999H"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char out[GRPC_TIMEOUT_SIZE];
		size_t len = grpc_timeout_write(cases[i].us, out);
		assert_int_equal(len, strlen(cases[i].text));
		assert_memory_equal(out, cases[i].text, len);
		uint64_t us;
		assert_true(grpc_timeout_read(bytes_of(out, len), &us));
		assert_true(us >= cases[i].us || cases[i].us == UINT64_MAX);
	}
}

/* --- messages ------------------------------------------------------------------------ */

static void check_message(const char *text, const char *expected)
{
	char out[256];
	size_t len = grpc_message_len(bytes_of_string(text));
	assert_true(len < sizeof(out));
	grpc_message_write(bytes_of_string(text), out);
	out[len] = '\0';
	assert_string_equal(out, expected);
}

static void test_messages(void **state)
{
	(void)state;
	check_message("", "");
	check_message("plain, with ~ and !", "plain, with ~ and !");
	check_message("100%", "100%25");
	check_message("a\tb\r\n", "a%09b%0D%0A");
	check_message(" both ends ", "%20both ends%20");
	check_message(" ", "%20");
	check_message("\xe2\x98\xba \xf0\x9f\x98\x88", "%E2%98%BA %F0%9F%98%88");
	check_message("bad\xff", "bad%EF%BF%BD");
	check_message("cut\xe2\x98", "cut%EF%BF%BD%EF%BF%BD");
	check_message("\x7f", "%7F");
}

static void check_read(const char *text, const char *expected)
{
	uint8_t out[256];
	assert_true(strlen(text) <= sizeof(out));
	size_t len = grpc_message_read(bytes_of_string(text), out);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(out, expected, len);
}

static void test_messages_are_read(void **state)
{
	(void)state;
	check_read("", "");
	check_read("plain", "plain");
	check_read("%20both%20ends%20", " both ends ");
	check_read("%E2%98%ba%e2", "\xe2\x98\xba\xe2");
	check_read("100%", "100%");
	check_read("%4", "%4");
	check_read("%zz%4g%%41", "%zz%4g%A");
	check_read("%\x10\x11", "%\x10\x11");
	char same[] = "a%41%42%43";
	assert_int_equal(grpc_message_read(bytes_of_string(same), (uint8_t *)same), 4);
	assert_memory_equal(same, "aABC", 4);
}

static void test_metadata(void **state)
{
	(void)state;
	assert_true(grpc_key_is_binary(bytes_of_string("x-bin")));
	assert_false(grpc_key_is_binary(bytes_of_string("-bin")));
	assert_false(grpc_key_is_binary(bytes_of_string("x-bin-")));
	assert_true(grpc_value_is_plain(bytes_of_string("")));
	assert_true(grpc_value_is_plain(bytes_of_string("a b~!")));
	static const char *const bad[] = {" a", "a ", " ", "a\tb", "\x7f", "\xc3\xbc"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(grpc_value_is_plain(bytes_of_string(bad[i])));
}

/* --- binary values ------------------------------------------------------------------- */

static void test_binary_values(void **state)
{
	(void)state;
	uint8_t out[64];
	size_t len;
	struct bytes text = bytes_of_string("AAEC, q6s=,,/w");
	assert_true(grpc_binary_next(&text, out, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(out, "\0\1\2", 3);
	assert_true(grpc_binary_next(&text, out, &len));
	assert_int_equal(len, 2);
	assert_true(grpc_binary_next(&text, out, &len));
	assert_int_equal(len, 0);
	assert_true(grpc_binary_next(&text, out, &len));
	assert_int_equal(len, 1);
	assert_int_equal(out[0], 0xff);
	assert_int_equal(text.len, 0);
	text = bytes_of_string("A");
	assert_false(grpc_binary_next(&text, out, &len));
}

static void test_binary_values_are_written_without_padding(void **state)
{
	(void)state;
	static const char *const expected[] = {"", "AA", "AAA", "AAAA", "AAAAAA"};
	static const uint8_t zeros[4];
	char out[16];
	for (size_t i = 0; i < 5; i++) {
		size_t len = grpc_binary_write(bytes_of(zeros, i), out);
		assert_int_equal(len, strlen(expected[i]));
		assert_memory_equal(out, expected[i], len);
	}
}

/* --- traces -------------------------------------------------------------------------- */

static void test_traces(void **state)
{
	(void)state;
	static const char good[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
	uint8_t out[TRACE_SIZE];
	assert_true(traceparent_read(bytes_of_string(good), out));
	assert_int_equal(out[0], 0x4b);
	assert_int_equal(out[15], 0x36);
	assert_int_equal(out[23], 0xb7);
	assert_int_equal(out[24], 1);
	char text[TRACEPARENT_SIZE];
	traceparent_write(out, text);
	assert_memory_equal(text, good, TRACEPARENT_SIZE);
	assert_true(traceparent_read(
		bytes_of_string("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"),
		out));
	static const char *const bad[] = {
		"",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(traceparent_read(bytes_of_string(bad[i]), out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_timeouts_are_written_in_eight_digits),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_messages_are_read),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_binary_values),
		cmocka_unit_test(test_binary_values_are_written_without_padding),
		cmocka_unit_test(test_traces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
