/* The generated rules, applied to messages by proto/rules. */
#include "good/kinds.prism-methods.h"
#include "good/odd.name-of.prism-methods.h"
#include "tests/unit/client/plugin/support.h"

#define ID "0b8e2f6e-52a4-4d4c-9a1f-3a2b1c0d9e8f"

/* A request that breaks no rule; each test breaks one. */
struct fixture {
	Plugin__Kinds__V1__CreateThingRequest request;
	Plugin__Kinds__V1__CreateThingRequest__Wrapped wrapped;
	Plugin__Kinds__V1__CreateThingRequest__Wrapped__Deeper deeper;
	Plugin__Shared__Label label;
	Plugin__Shared__Label *labels[3];
	char *words[4];
};

static void fixture_init(struct fixture *it)
{
	plugin__kinds__v1__create_thing_request__init(&it->request);
	plugin__kinds__v1__create_thing_request__wrapped__init(&it->wrapped);
	plugin__kinds__v1__create_thing_request__wrapped__deeper__init(&it->deeper);
	plugin__shared__label__init(&it->label);
	it->label.name = "fine";
	it->labels[0] = it->labels[1] = it->labels[2] = &it->label;
	it->words[0] = it->words[1] = it->words[2] = it->words[3] = "a-slug";
	it->deeper.way_case = PLUGIN__KINDS__V1__CREATE_THING_REQUEST__WRAPPED__DEEPER__WAY_UP;
	it->request.request_id = ID;
	it->request.words = it->words;
	it->request.n_words = 1;
	it->request.labels = it->labels;
	it->request.size = PLUGIN__SHARED__SIZE__SIZE_LARGE;
	it->request.owner_case = PLUGIN__KINDS__V1__CREATE_THING_REQUEST__OWNER_USER_ID;
	it->request.user_id = 1;
}

static void expect(const struct fixture *it, const char *reason)
{
	const struct method *create = &plugin_kinds_v1_thing_service_methods.methods[4];
	char got[WIRE_REASON_SIZE] = "";
	enum status status = rules_check(create->rules, &it->request.base, got);
	assert_string_equal(got, reason);
	assert_int_equal(status, *reason ? STATUS_INVALID_ARGUMENT : STATUS_OK);
}

static void a_request_that_keeps_the_rules_passes(void **state)
{
	(void)state;
	struct fixture it;
	fixture_init(&it);
	expect(&it, "");
	it.request.depth = INT64_MIN;
	it.request.weight = INT64_MAX;
	it.request.rank = -5;
	it.request.n_labels = 2;
	it.request.wrapped = &it.wrapped;
	it.wrapped.deeper = &it.deeper;
	expect(&it, "");
}

static void required_fields_and_formats_are_held(void **state)
{
	(void)state;
	struct fixture it;
	fixture_init(&it);
	it.request.request_id = "";
	expect(&it, "request_id: a value is required");
	fixture_init(&it);
	it.request.n_words = 0;
	expect(&it, "words: a value is required");
	fixture_init(&it);
	it.request.size = 0;
	expect(&it, "size: a value is required: one of SIZE_SMALL, SIZE_LARGE");
}

static void bounds_are_held(void **state)
{
	(void)state;
	struct fixture it;
	fixture_init(&it);
	it.request.rank = 6;
	expect(&it, "rank: 6, must be from -5 to 5");
	fixture_init(&it);
	it.request.weight = UINT64_MAX;
	expect(&it, "weight: 18446744073709551615, must be at most 9223372036854775807");
	fixture_init(&it);
	it.request.user_id = 0;
	expect(&it, "user_id: 0, must be at least 1");
}

static void lengths_are_held(void **state)
{
	(void)state;
	struct fixture it;
	uint8_t data[5] = {0};
	fixture_init(&it);
	it.request.data = (ProtobufCBinaryData){sizeof data, data};
	expect(&it, "data: 5 bytes, at most 4 are allowed");
	it.request.data.len = 1;
	expect(&it, "data: 1 byte, at least 2 are needed");
	fixture_init(&it);
	it.request.tale = "\xc3\xa4\xc3\xa4"; /* two characters */
	expect(&it, "");
	it.request.tale = "\xc3\xa4\xc3\xa4.";
	expect(&it, "tale: 5 bytes, at most 4 are allowed");
	fixture_init(&it);
	it.request.n_words = 4;
	expect(&it, "words: 4 elements, at most 3 are allowed");
}

static void enums_are_known_without_being_told(void **state)
{
	(void)state;
	struct fixture it;
	fixture_init(&it);
	it.request.size = (Plugin__Shared__Size)3;
	expect(&it, "size: 3 is no Size, must be one of SIZE_UNSPECIFIED, SIZE_SMALL, SIZE_LARGE");
}

static void what_a_message_contains_is_held_to_its_rules(void **state)
{
	(void)state;
	struct fixture it;
	fixture_init(&it);
	it.request.n_labels = 3;
	expect(&it, "labels: 3 elements, at most 2 are allowed");
	it.request.n_labels = 1;
	it.label.name = " padded";
	expect(&it, "labels[0].name: must not start or end with white space");
	fixture_init(&it);
	it.label.name = "";
	it.wrapped.label = &it.label;
	it.request.wrapped = &it.wrapped;
	expect(&it, "wrapped.label.name: a value is required");
}

static void required_oneofs_are_found_at_every_depth(void **state)
{
	(void)state;
	struct fixture it;
	fixture_init(&it);
	it.request.owner_case = 0;
	expect(&it, "owner: one of user_id, user_name is required");
	fixture_init(&it);
	it.request.wrapped = &it.wrapped;
	it.wrapped.deeper = &it.deeper;
	it.deeper.way_case = 0;
	expect(&it, "wrapped.deeper.way: one of up, down is required");
}

/* What is beside the rules, for people and for handlers. */
static void what_values_are_taken_as_and_paths_are_generated(void **state)
{
	(void)state;
	const struct message_rules *rules = plugin_kinds_v1_thing_service_methods.methods[4].rules;
	const struct field_rule *page_size = rules_find(rules, 15), *mask = rules_find(rules, 16);
	assert_int_equal(page_size->zero_means, 20);
	assert_int_equal(page_size->cap, 200);
	assert_string_equal(mask->paths[0], "name");
	assert_string_equal(mask->paths[1], "parts.name");
	assert_null(mask->paths[2]);
	assert_null(rules_find(rules, 99));
	assert_null(rules_find(NULL, 15));
}

static void odd_names_have_rules_too(void **state)
{
	(void)state;
	const struct method *methods = odd_pkg_v1beta2_httpstuff_httpserver2_x_methods.methods;
	OddPkg__V1beta2__HTTPStuff__HTTPRequest request =
		ODD_PKG__V1BETA2__HTTPSTUFF__HTTPREQUEST__INIT;
	char reason[WIRE_REASON_SIZE];
	request.urlpath = "/";
	assert_int_equal(rules_check(methods[0].rules, &request.base, reason),
	                 STATUS_INVALID_ARGUMENT);
	assert_string_equal(reason, "Which_one: one of default, template is required");
	assert_null(methods[1].rules);
	assert_non_null(methods[2].rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_that_keeps_the_rules_passes),
		cmocka_unit_test(required_fields_and_formats_are_held),
		cmocka_unit_test(bounds_are_held),
		cmocka_unit_test(lengths_are_held),
		cmocka_unit_test(enums_are_known_without_being_told),
		cmocka_unit_test(what_a_message_contains_is_held_to_its_rules),
		cmocka_unit_test(required_oneofs_are_found_at_every_depth),
		cmocka_unit_test(what_values_are_taken_as_and_paths_are_generated),
		cmocka_unit_test(odd_names_have_rules_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
