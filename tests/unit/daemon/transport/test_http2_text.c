/* What the headers of a request say. */
#include "daemon/transport/http2/request.h"
#include "proto/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_long_paths_are_cut),
		cmocka_unit_test(test_codecs),
	};
	return cmocka_run_group_tests(tests, router_setup, router_teardown);
}
