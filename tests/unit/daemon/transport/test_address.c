#include "daemon/transport/address.h"
#include "daemon/transport/sniff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void check_round_trip(const char *text, bool local, uint16_t port)
{
	struct address address;
	char message[ADDRESS_MESSAGE_SIZE], again[ADDRESS_TEXT_SIZE];
	if (!address_parse(text, &address, message))
		fail_msg("%s", message);
	address_format(&address, again);
	assert_string_equal(again, text);
	assert_int_equal(address_is_local(&address), local);
	assert_int_equal(address_port(&address), port);
}

static void test_good_addresses(void **state)
{
	(void)state;
	check_round_trip("127.0.0.1:7400", true, 7400);
	check_round_trip("127.1.2.3:0", true, 0);
	check_round_trip("0.0.0.0:65535", false, 65535);
	check_round_trip("10.0.0.1:1", false, 1);
	check_round_trip("[::1]:7400", true, 7400);
	check_round_trip("[::]:7400", false, 7400);
	check_round_trip("[2001:db8::1]:9", false, 9);
	check_round_trip("unix:/run/prismd/rpc.sock", true, 0);
}

static void check_refused(const char *text, const char *why)
{
	struct address address;
	char message[ADDRESS_MESSAGE_SIZE] = "";
	assert_false(address_parse(text, &address, message));
	if (!strstr(message, why) || !strstr(message, "allowed are"))
		fail_msg("%s: '%s' does not say '%s'", text, message, why);
}

static void test_bad_addresses(void **state)
{
	(void)state;
	char path[200] = "unix:/";
	memset(path + 6, 'x', 150);
	check_refused("", "port is missing");
	check_refused("127.0.0.1", "port is missing");
	check_refused("127.0.0.1:", "from 0 to 65535");
	check_refused("127.0.0.1:65536", "from 0 to 65535");
	check_refused("127.0.0.1:+1", "from 0 to 65535");
	check_refused("127.0.0.1:1 ", "from 0 to 65535");
	check_refused("localhost:7400", "not a numeric address");
	check_refused(":7400", "not a numeric address");
	check_refused("::1:7400", "not a numeric address");
	check_refused("[::1:7400", "brackets");
	check_refused("[::1]x:7400", "brackets");
	check_refused("[127.0.0.1]:7400", "not a numeric address");
	check_refused("unix:relative", "begins with '/'");
	check_refused(path, "at most 107 bytes");
}

static void test_port_is_set(void **state)
{
	(void)state;
	struct address address;
	char message[ADDRESS_MESSAGE_SIZE], text[ADDRESS_TEXT_SIZE];
	assert_true(address_parse("[::1]:0", &address, message));
	address_set_port(&address, 77);
	address_format(&address, text);
	assert_string_equal(text, "[::1]:77");
}

/* --- first bytes --------------------------------------------------------- */

static void check_sniff(const char *bytes, size_t len, enum sniff should)
{
	/* every shorter beginning is undecided, or decided the same way */
	for (size_t have = 1; have <= len; have++) {
		enum sniff found = sniff(bytes_of(bytes, have));
		if (have == len || found != SNIFF_MORE)
			assert_int_equal(found, should);
		if (found != SNIFF_MORE)
			return;
	}
}

#define SNIFF(text, should) check_sniff(text, sizeof(text) - 1, should)

static void test_sniff(void **state)
{
	(void)state;
	SNIFF("\x8eRPC", SNIFF_NATIVE);
	SNIFF("PRI * HTTP/2.0", SNIFF_HTTP2);
	SNIFF("POST / HTTP/1.1", SNIFF_HTTP1);
	SNIFF("PUT /", SNIFF_HTTP1);
	SNIFF("PATCH /", SNIFF_HTTP1);
	SNIFF("GET /", SNIFF_HTTP1);
	SNIFF("CONNECT", SNIFF_HTTP1);
	SNIFF("\x16\x03\x01", SNIFF_TLS);
	SNIFF("PROXY TCP4", SNIFF_UNKNOWN);
	SNIFF("\r\n\r\n", SNIFF_UNKNOWN);
	SNIFF("\x8eRPX", SNIFF_UNKNOWN);
	SNIFF("\x16\x02", SNIFF_UNKNOWN);
	SNIFF("\0\0\0\x08", SNIFF_UNKNOWN);
	assert_int_equal(sniff(bytes_of("P", 1)), SNIFF_MORE);
	assert_int_equal(sniff(bytes_of("PR", 2)), SNIFF_MORE);
	assert_int_equal(sniff(bytes_of("\x8eRP", 3)), SNIFF_MORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_addresses),
		cmocka_unit_test(test_bad_addresses),
		cmocka_unit_test(test_port_is_set),
		cmocka_unit_test(test_sniff),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
