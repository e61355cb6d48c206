/* The method tables and the descriptor set that are generated for protos/good. */
#include "good/kinds.prism-methods.h"
#include "good/odd.name-of.prism-methods.h"
#include "good/shared.prism-methods.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "google/protobuf/empty.pb-c.h"
#include "tests/unit/client/plugin/support.h"

static const struct method *thing(const char *name)
{
	const struct service_methods *service = &plugin_kinds_v1_thing_service_methods;
	for (size_t i = 0; i < service->count; i++)
		if (strcmp(service->methods[i].name, name) == 0)
			return &service->methods[i];
	fail_msg("no method %s", name);
	return NULL;
}

static void a_service_lists_its_methods_in_order(void **state)
{
	(void)state;
	static const char *const NAMES[] = {"GetThing",     "ListThings",  "AddThings",
	                                    "TalkOfThings", "CreateThing", "Ping",
	                                    "Reset"};
	const struct service_methods *service = &plugin_kinds_v1_thing_service_methods;
	assert_string_equal(service->name, "plugin.kinds.v1.ThingService");
	assert_int_equal(service->count, sizeof NAMES / sizeof *NAMES);
	for (size_t i = 0; i < service->count; i++)
		assert_string_equal(service->methods[i].name, NAMES[i]);
}

static void kinds_and_types_are_the_method_s(void **state)
{
	(void)state;
	assert_int_equal(thing("GetThing")->kind, CALL_UNARY);
	assert_int_equal(thing("ListThings")->kind, CALL_SERVER_STREAMING);
	assert_int_equal(thing("AddThings")->kind, CALL_CLIENT_STREAMING);
	assert_int_equal(thing("TalkOfThings")->kind, CALL_BIDIRECTIONAL);
	assert_string_equal(thing("GetThing")->path, "/plugin.kinds.v1.ThingService/GetThing");
	assert_ptr_equal(thing("GetThing")->request,
	                 &plugin__kinds__v1__get_thing_request__descriptor);
	assert_ptr_equal(thing("GetThing")->response, &plugin__kinds__v1__thing__descriptor);
	assert_ptr_equal(thing("Ping")->request, &google__protobuf__empty__descriptor);
}

static void options_are_the_method_s(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum role role;
		enum idempotency idempotency;
		bool sensitive;
		uint32_t cost, deadline_ms, max_request;
	} EXPECTED[] = {
		{"GetThing", ROLE_VIEWER, NO_SIDE_EFFECTS, false, 1, 1500, 0},
		{"ListThings", ROLE_MEMBER, NO_SIDE_EFFECTS, false, 20, 0, 0},
		{"AddThings", ROLE_ADMIN, IDEMPOTENT, false, 1, 0, 65536},
		{"TalkOfThings", ROLE_OWNER, IDEMPOTENCY_UNKNOWN, false, 1, 0, 0},
		{"CreateThing", ROLE_CALLER, KEYED, true, 1, 0, 0},
		{"Ping", ROLE_NONE, IDEMPOTENCY_UNKNOWN, false, 1, 0, 0},
		{"Reset", ROLE_SYSTEM, IDEMPOTENCY_UNKNOWN, false, 1, 0, 0},
	};
	for (size_t i = 0; i < sizeof EXPECTED / sizeof *EXPECTED; i++) {
		const struct method *method = thing(EXPECTED[i].name);
		assert_int_equal(method->role, EXPECTED[i].role);
		assert_int_equal(method->idempotency, EXPECTED[i].idempotency);
		assert_int_equal(method->sensitive, EXPECTED[i].sensitive);
		assert_int_equal(method->cost, EXPECTED[i].cost);
		assert_int_equal(method->deadline_ms, EXPECTED[i].deadline_ms);
		assert_int_equal(method->max_request, EXPECTED[i].max_request);
	}
}

static void requests_without_rules_have_none(void **state)
{
	(void)state;
	assert_non_null(thing("GetThing")->rules);
	assert_null(thing("Ping")->rules);
	assert_null(thing("Reset")->rules);
	assert_null(thing("AddThings")->rules);
}

static void odd_names_are_tables_too(void **state)
{
	(void)state;
	assert_int_equal(odd_pkg_v1beta2_httpstuff_httpserver2_x_methods.count, 4);
	assert_string_equal(odd_pkg_v1beta2_httpstuff_httpserver2_x_methods.methods[3].path,
	                    "/Odd_pkg.v1beta2.HTTPStuff.HTTPServer2X/lower_case");
}

/* --- the descriptor set ------------------------------------------------------- */

static Google__Protobuf__FileDescriptorSet *set_of(const struct service_methods *service)
{
	Google__Protobuf__FileDescriptorSet *set = google__protobuf__file_descriptor_set__unpack(
		NULL, service->descriptor_set_len, service->descriptor_set);
	assert_non_null(set);
	return set;
}

static bool stands_before(const Google__Protobuf__FileDescriptorSet *set, size_t end,
                          const char *name)
{
	for (size_t i = 0; i < end; i++)
		if (strcmp(set->file[i]->name, name) == 0)
			return true;
	return false;
}

static void the_descriptor_set_has_each_import_before_its_user(void **state)
{
	(void)state;
	Google__Protobuf__FileDescriptorSet *set = set_of(&plugin_kinds_v1_thing_service_methods);
	assert_int_equal(set->n_file, 7);
	assert_string_equal(set->file[6]->name, "good/kinds.proto");
	for (size_t i = 0; i < set->n_file; i++)
		for (size_t d = 0; d < set->file[i]->n_dependency; d++)
			assert_true(stands_before(set, i, set->file[i]->dependency[d]));
	google__protobuf__file_descriptor_set__free_unpacked(set, NULL);
}

static bool has_comment(const Google__Protobuf__FileDescriptorProto *file, const char *text)
{
	for (size_t i = 0; i < file->source_code_info->n_location; i++) {
		const char *comment = file->source_code_info->location[i]->leading_comments;
		if (comment && strstr(comment, text))
			return true;
	}
	return false;
}

static void the_descriptor_set_keeps_options_and_comments(void **state)
{
	(void)state;
	Google__Protobuf__FileDescriptorSet *set = set_of(&plugin_kinds_v1_thing_service_methods);
	const Google__Protobuf__FileDescriptorProto *file = set->file[set->n_file - 1];
	assert_int_equal(file->service[0]->method[0]->options->base.n_unknown_fields, 1);
	assert_int_equal(file->service[0]->method[0]->options->base.unknown_fields[0].tag, 50717);
	assert_true(has_comment(file, "in all the ways to ask for them"));
	for (size_t i = 0; i + 1 < set->n_file; i++)
		assert_null(set->file[i]->source_code_info);
	google__protobuf__file_descriptor_set__free_unpacked(set, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_lists_its_methods_in_order),
		cmocka_unit_test(kinds_and_types_are_the_method_s),
		cmocka_unit_test(options_are_the_method_s),
		cmocka_unit_test(requests_without_rules_have_none),
		cmocka_unit_test(odd_names_are_tables_too),
		cmocka_unit_test(the_descriptor_set_has_each_import_before_its_user),
		cmocka_unit_test(the_descriptor_set_keeps_options_and_comments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
