/* What HTTP says where gRPC says nothing. */
#include "client/http2/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

static void test_http(void **state)
{
	(void)state;
	static const struct {
		unsigned http;
		enum status status;
	} cases[] = {
		{200, STATUS_UNKNOWN},           {302, STATUS_UNKNOWN},
		{400, STATUS_INTERNAL},          {401, STATUS_UNAUTHENTICATED},
		{403, STATUS_PERMISSION_DENIED}, {404, STATUS_UNIMPLEMENTED},
		{415, STATUS_UNKNOWN},           {429, STATUS_UNAVAILABLE},
		{431, STATUS_INTERNAL},          {500, STATUS_UNKNOWN},
		{502, STATUS_UNAVAILABLE},       {503, STATUS_UNAVAILABLE},
		{504, STATUS_UNAVAILABLE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(status_of_http(cases[i].http), cases[i].status);
}

static void test_resets(void **state)
{
	(void)state;
	static const enum status expected[] = {
		[NGHTTP2_NO_ERROR] = STATUS_INTERNAL,
		[NGHTTP2_PROTOCOL_ERROR] = STATUS_INTERNAL,
		[NGHTTP2_INTERNAL_ERROR] = STATUS_INTERNAL,
		[NGHTTP2_FLOW_CONTROL_ERROR] = STATUS_INTERNAL,
		[NGHTTP2_SETTINGS_TIMEOUT] = STATUS_INTERNAL,
		[NGHTTP2_STREAM_CLOSED] = STATUS_INTERNAL,
		[NGHTTP2_FRAME_SIZE_ERROR] = STATUS_INTERNAL,
		[NGHTTP2_REFUSED_STREAM] = STATUS_UNAVAILABLE,
		[NGHTTP2_CANCEL] = STATUS_CANCELLED,
		[NGHTTP2_COMPRESSION_ERROR] = STATUS_INTERNAL,
		[NGHTTP2_CONNECT_ERROR] = STATUS_INTERNAL,
		[NGHTTP2_ENHANCE_YOUR_CALM] = STATUS_RESOURCE_EXHAUSTED,
		[NGHTTP2_INADEQUATE_SECURITY] = STATUS_PERMISSION_DENIED,
		[NGHTTP2_HTTP_1_1_REQUIRED] = STATUS_INTERNAL,
	};
	for (uint32_t code = 0; code < sizeof expected / sizeof *expected; code++)
		assert_int_equal(status_of_reset(code, false), expected[code]);
	assert_int_equal(status_of_reset(NGHTTP2_CANCEL, true), STATUS_DEADLINE_EXCEEDED);
	assert_int_equal(status_of_reset(0x1234, false), STATUS_UNKNOWN);
}

static void test_goaways(void **state)
{
	(void)state;
	uint32_t wait_ms = 1;
	assert_int_equal(status_of_goaway(NGHTTP2_NO_ERROR, &wait_ms), STATUS_OK);
	assert_int_equal(wait_ms, 0);
	assert_int_equal(status_of_goaway(NGHTTP2_PROTOCOL_ERROR, &wait_ms), STATUS_UNAVAILABLE);
	assert_int_equal(wait_ms, 0);
	assert_int_equal(status_of_goaway(NGHTTP2_ENHANCE_YOUR_CALM, &wait_ms), STATUS_UNAVAILABLE);
	assert_true(wait_ms > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_resets),
		cmocka_unit_test(test_goaways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
