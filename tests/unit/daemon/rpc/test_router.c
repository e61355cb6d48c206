#include "tests/unit/daemon/rpc/rig.h"

#include "google/protobuf/descriptor.pb-c.h"

#include <stdio.h>

#define TEXT &google__protobuf__string_value__descriptor

static enum status run(struct call *call, const void *handlers, const ProtobufCMessage *request,
                       ProtobufCMessage *response)
{
	(void)handlers, (void)request, (void)response;
	return call_unimplemented(call);
}

static method_run *const runs[] = {run, run, run};

static bool makes(struct method method, char message[256])
{
	struct service_methods methods = {"a.S", &method, 1, NULL, 0};
	struct service service = {&methods, runs, NULL};
	struct router *router;
	if (!router_new(&router, &service, 1, message))
		return false;
	router_free(router);
	return true;
}

static void finds_every_path_and_no_other(void **state)
{
	(void)state;
	enum { COUNT = 300 };
	static struct method methods[COUNT];
	static char names[COUNT][16], paths[COUNT][32];
	static method_run *many[COUNT];
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(names[i], sizeof(names[i]), "M%zu", i);
		snprintf(paths[i], sizeof(paths[i]), "/a.S/M%zu", i);
		methods[i] = (struct method){
			.name = names[i], .path = paths[i], .request = TEXT, .response = TEXT};
		many[i] = run;
	}
	struct service_methods table = {"a.S", methods, COUNT, NULL, 0};
	struct service service = {&table, many, NULL};
	struct router *router;
	char message[256];
	assert_true(router_new(&router, &service, 1, message));
	for (size_t i = 0; i < COUNT; i++) {
		const struct route *route = router_find(router, bytes_of_string(paths[i]));
		assert_non_null(route);
		assert_ptr_equal(route->method, &methods[i]);
		assert_int_equal(route->index, i);
		assert_ptr_equal(route->service->methods, &table);
	}
	static const char *const unknown[] = {"",          "/",      "/a.S/",    "/a.S/M",
	                                      "/a.S/M300", "a.S/M1", "/a.S/M1/", "/A.S/M1"};
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_null(router_find(router, bytes_of_string(unknown[i])));
	assert_null(router_find(router, bytes_of(NULL, 0)));
	assert_null(router_find(router, bytes_of("/a.S/M1\0", 8)));
	size_t count;
	assert_ptr_equal(router_routes(router, &count),
	                 router_find(router, bytes_of_string(paths[0])));
	assert_int_equal(count, COUNT);
	router_services(router, &count);
	assert_int_equal(count, 1);
	router_free(router);
}

static void an_empty_router_finds_nothing(void **state)
{
	(void)state;
	struct router *router;
	char message[256];
	assert_true(router_new(&router, NULL, 0, message));
	assert_null(router_find(router, bytes_of_string("/a.S/M")));
	router_free(router);
	router_free(NULL);
}

static void refuses_what_it_cannot_guard(void **state)
{
	(void)state;
	char message[256];
	struct method sound = {.name = "M", .path = "/a.S/M", .request = TEXT, .response = TEXT};
	assert_true(makes(sound, message));
	struct method roleless = sound;
	roleless.role = (enum role)9;
	assert_false(makes(roleless, message));
	assert_string_equal(message, "/a.S/M: the method declares no role");
	struct method elsewhere = sound;
	elsewhere.path = "/b.S/M";
	assert_false(makes(elsewhere, message));
	assert_string_equal(message, "/b.S/M: a path is /SERVICE/METHOD");
	struct method recursive = sound; /* a message type can hold nested message types */
	recursive.request = &google__protobuf__file_descriptor_set__descriptor;
	assert_false(makes(recursive, message));
	assert_string_equal(message, "/a.S/M: the request type google.protobuf.DescriptorProto can "
	                             "contain itself");
}

static void refuses_a_path_twice(void **state)
{
	(void)state;
	struct method method = {.name = "M", .path = "/a.S/M", .request = TEXT, .response = TEXT};
	struct service_methods methods = {"a.S", &method, 1, NULL, 0};
	struct service services[] = {{&methods, runs, NULL}, {&methods, runs, NULL}};
	struct router *router;
	char message[256];
	assert_false(router_new(&router, services, 2, message));
	assert_string_equal(message, "/a.S/M: the path is there twice");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_every_path_and_no_other),
		cmocka_unit_test(an_empty_router_finds_nothing),
		cmocka_unit_test(refuses_what_it_cannot_guard),
		cmocka_unit_test(refuses_a_path_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
