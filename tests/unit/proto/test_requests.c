/* The product's own requests, by the method tables that the plugin makes: their types can be
 * checked before they are unpacked, and GetStory's bytes go the whole way from the wire to the
 * rules. */
#include "grpc/health/v1/health.prism-methods.h"
#include "prism/v1/story.prism-methods.h"
#include "tests/unit/proto/generator.h"
#include "tests/unit/proto/support.h"

static const struct service_methods *const services[] = {
	&prism_v1_story_service_methods,
	&grpc_health_v1_health_methods,
};

static const struct method *method_find(const struct service_methods *service, const char *name)
{
	for (size_t i = 0; i < service->count; i++) {
		if (strcmp(service->methods[i].name, name) == 0)
			return &service->methods[i];
	}
	fail_msg("%s has no method %s", service->name, name);
	return NULL;
}

static void no_request_can_be_nested_without_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
		for (size_t m = 0; m < services[i]->count; m++) {
			const struct method *method = &services[i]->methods[m];
			const char *recursive = descriptor_recursive(method->request);
			if (recursive)
				fail_msg("%s can be nested without end: %s", method->path,
				         recursive);
			assert_true(method->request->n_fields <= WIRE_FIELDS);
		}
	}
}

static void what_clients_send_is_taken(void **state)
{
	(void)state;
	uint64_t seed = 99;
	for (int round = 0; round < 2000; round++) {
		const struct service_methods *service =
			services[(size_t)round % (sizeof services / sizeof *services)];
		const struct method *method =
			&service->methods[random_below(&seed, service->count)];
		struct buffer wire = {0};
		char reason[WIRE_REASON_SIZE];
		generate_message(&wire, method->request, &seed, 4);
		generate_message(&wire, method->request, &seed, 0);
		if (wire_check(method->request, buffer_bytes(&wire), WIRE_BUDGET, reason) !=
		    STATUS_OK)
			fail_msg("%s: %s", method->path, reason);
		buffer_deinit(&wire);
	}
}

static void story_is_taken_whole(void **state)
{
	(void)state;
	Prism__V1__Story story = PRISM__V1__STORY__INIT;
	Google__Protobuf__Timestamp created = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	created.seconds = 1700000000;
	story.id = 7;
	story.key = (char *)(uintptr_t) "PGB-701";
	story.title = (char *)(uintptr_t) "Caf\xc3\xa9";
	story.has_story_points_case = PRISM__V1__STORY__HAS_STORY_POINTS_STORY_POINTS;
	story.story_points = 5;
	story.created_at = &created;
	uint8_t wire[256];
	size_t len = protobuf_c_message_pack(&story.base, wire);
	char reason[WIRE_REASON_SIZE];
	ProtobufCMessage *message = NULL;
	struct arena arena;
	arena_init(&arena, NULL, 0, 1 << 20);
	assert_int_equal(message_unpack(&prism__v1__story__descriptor, bytes_of(wire, len), &arena,
	                                &message, reason),
	                 STATUS_OK);
	const Prism__V1__Story *got = (const Prism__V1__Story *)message;
	assert_string_equal(got->title, "Caf\xc3\xa9");
	assert_int_equal(got->created_at->seconds, 1700000000);
	assert_int_equal(got->story_points, 5);
	assert_null(got->updated_at);
	arena_deinit(&arena);
}

static void get_story(const char *wire, enum status expected, const char *why)
{
	const struct method *method = method_find(&prism_v1_story_service_methods, "GetStory");
	struct hex bytes = hex(wire);
	char reason[WIRE_REASON_SIZE] = "";
	ProtobufCMessage *message = NULL;
	struct arena arena;
	arena_init(&arena, NULL, 0, 1 << 20);
	enum status status =
		message_unpack(method->request, hex_bytes(&bytes), &arena, &message, reason);
	if (status == STATUS_OK)
		status = rules_check(method->rules, message, reason);
	arena_deinit(&arena);
	assert_int_equal(status, expected);
	assert_string_equal(reason, why);
}

static void a_request_is_good_or_says_what_is_wrong(void **state)
{
	(void)state;
	const enum status bad = STATUS_INVALID_ARGUMENT, malformed = STATUS_INTERNAL;
	get_story("08 01 10 05", STATUS_OK, "");
	get_story("08 01 1a 07 50 47 42 2d 37 30 31", STATUS_OK, "");
	get_story("", bad, "organization_id: a value is required");
	get_story("08 01", bad, "story: one of id, key is required");
	get_story("08 01 10 00", bad, "id: 0, must be at least 1");
	get_story("08 01 10 ff ff ff ff ff ff ff ff ff 01", bad, "id: -1, must be at least 1");
	get_story("08 01 1a 00", bad, "key: must be a story key like PROJ-123");
	get_story("08 01 1a 04 50 47 42 2d", bad, "key: must be a story key like PROJ-123");
	get_story("08 01 1a 02 50 ff", bad, "key: text must be valid UTF-8");
	get_story("08 01 1a 03 50 00 47", bad, "key: text must not hold a NUL character (U+0000)");
	get_story("08 01 12 01 35", malformed, "id: wire type 2, must be 0");
	get_story("08 01 10", malformed, "id: a varint is malformed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_request_can_be_nested_without_end),
		cmocka_unit_test(what_clients_send_is_taken),
		cmocka_unit_test(story_is_taken_whole),
		cmocka_unit_test(a_request_is_good_or_says_what_is_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
