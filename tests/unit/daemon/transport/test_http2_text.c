/* The text forms of gRPC over HTTP/2, what the headers of a request say, and gzip. */
#include "daemon/transport/http2/grpc_text.h"
#include "daemon/transport/http2/gzip.h"
#include "daemon/transport/http2/request.h"
#include "proto/base64.h"
#include "proto/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

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

/* --- headers ------------------------------------------------------------------------- */

static struct router *router;

static void take(struct http2_request *request, const char *name, const char *value)
{
	assert_true(request_field(request, router, bytes_of_string(name), bytes_of_string(value)));
}

static int router_setup(void **state)
{
	(void)state;
	char message[256];
	return router_new(&router, NULL, 0, message) ? 0 : -1;
}

static int router_teardown(void **state)
{
	(void)state;
	router_free(router);
	return 0;
}

static void test_metadata(void **state)
{
	(void)state;
	struct http2_request request = {0};
	struct metadata entry;
	request_init(&request);
	take(&request, ":path", "/a.B/C");
	take(&request, "x-one", "1");
	take(&request, "grpc-secret", "is ours");
	take(&request, "grpc-previous-rpc-attempts", "2");
	take(&request, "x!odd", "dropped");
	take(&request, "user-agent", "dropped");
	take(&request, "two-bin", "AAEC,/w");
	take(&request, "x-one", "again");
	static const struct {
		const char *key, *value;
		size_t len;
	} expected[] = {{"x-one", "1", 1},
	                {"grpc-previous-rpc-attempts", "2", 1},
	                {"two-bin", "\0\1\2", 3},
	                {"two-bin", "\xff", 1},
	                {"x-one", "again", 5}};
	struct metadata_walk walk = {reader_init(buffer_bytes(&request.metadata)),
	                             METADATA_IN_CALL};
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		assert_true(metadata_next(&walk, &entry));
		assert_true(bytes_equal_string(entry.key, expected[i].key));
		assert_true(bytes_equal(entry.value, bytes_of(expected[i].value, expected[i].len)));
	}
	assert_false(metadata_next(&walk, &entry));
	assert_int_equal(request.entries, 5);
	assert_false(request.too_large || request.bad_binary);
	take(&request, "three-bin", "AA,*");
	assert_true(request.bad_binary);
	buffer_deinit(&request.metadata);
}

static void test_long_paths_are_cut(void **state)
{
	(void)state;
	struct http2_request request = {0};
	char path[4000];
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	request_init(&request);
	take(&request, ":path", path);
	assert_int_equal(request.path_len, LIMIT_PATH);
	assert_null(request.route);
	assert_false(request.too_large);
	take(&request, "x-more", path);
	assert_false(request.too_large);
	take(&request, "x-even-more", path);
	assert_true(request.too_large);
	buffer_deinit(&request.metadata);
}

static void test_codecs(void **state)
{
	(void)state;
	static const struct {
		const char *list;
		bool gzip;
	} lists[] = {{"gzip", true},
	             {"identity,gzip", true},
	             {"identity, deflate, gzip", true},
	             {"gzip;q=0.5", true},
	             {"identity", false},
	             {"xgzip", false},
	             {"gzipped,deflate", false},
	             {"", false}};
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct http2_request request = {0};
		request_init(&request);
		take(&request, "grpc-accept-encoding", lists[i].list);
		assert_int_equal(request.accepts_gzip, lists[i].gzip);
	}
}

/* --- gzip ---------------------------------------------------------------------------- */

static void test_gzip_there_and_back(void **state)
{
	(void)state;
	struct gzip *gzip = gzip_new();
	struct buffer packed = {0}, back = {0};
	static uint8_t data[300000];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i / 100);
	for (int round = 0; round < 3; round++) {
		packed.start = packed.end = back.start = back.end = 0;
		assert_true(gzip_deflate(gzip, bytes_of(data, sizeof(data)), &packed));
		assert_true(buffer_len(&packed) < sizeof(data) / 10);
		assert_int_equal(gzip_inflate(gzip, buffer_bytes(&packed), sizeof(data), &back),
		                 GZIP_OK);
		assert_int_equal(buffer_len(&back), sizeof(data));
		assert_memory_equal(back.data, data, sizeof(data));
		assert_int_equal(gzip_inflate(gzip, buffer_bytes(&packed), sizeof(data) - 1, &back),
		                 GZIP_TOO_LARGE);
		assert_int_equal(buffer_len(&back), sizeof(data));
	}
	buffer_deinit(&packed);
	buffer_deinit(&back);
	gzip_free(gzip);
}

static void test_what_does_not_get_shorter_is_left(void **state)
{
	(void)state;
	struct gzip *gzip = gzip_new();
	struct buffer packed = {0};
	assert_false(gzip_deflate(gzip, bytes_of("abc", 3), &packed));
	assert_false(gzip_deflate(gzip, bytes_of("", 0), &packed));
	assert_int_equal(buffer_len(&packed), 0);
	buffer_deinit(&packed);
	gzip_free(gzip);
}

/* Every byte of a gzip file matters: cut anywhere, changed anywhere, or longer, it is none. */
static void test_what_is_no_gzip(void **state)
{
	(void)state;
	struct gzip *gzip = gzip_new();
	struct buffer packed = {0}, out = {0};
	static const uint8_t zeros[2000];
	assert_true(gzip_deflate(gzip, bytes_of(zeros, sizeof(zeros)), &packed));
	size_t len = buffer_len(&packed);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(gzip_inflate(gzip, bytes_of(packed.data, i), 4000, &out),
		                 GZIP_MALFORMED);
	for (size_t i = 1; i <= 8; i++) { /* the checksum and the length at its end */
		packed.data[len - i] ^= 1;
		assert_int_equal(gzip_inflate(gzip, bytes_of(packed.data, len), 4000, &out),
		                 GZIP_MALFORMED);
		packed.data[len - i] ^= 1;
	}
	assert_true(buffer_append(&packed, "x", 1));
	assert_int_equal(gzip_inflate(gzip, buffer_bytes(&packed), 4000, &out), GZIP_MALFORMED);
	assert_int_equal(buffer_len(&out), 0);
	buffer_deinit(&packed);
	buffer_deinit(&out);
	gzip_free(gzip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_binary_values),
		cmocka_unit_test(test_binary_values_are_written_without_padding),
		cmocka_unit_test(test_traces),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_long_paths_are_cut),
		cmocka_unit_test(test_codecs),
		cmocka_unit_test(test_gzip_there_and_back),
		cmocka_unit_test(test_what_does_not_get_shorter_is_left),
		cmocka_unit_test(test_what_is_no_gzip),
	};
	return cmocka_run_group_tests(tests, router_setup, router_teardown);
}
