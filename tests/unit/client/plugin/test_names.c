/* Our names are protoc-c's: the descriptors that it generates say what it called each thing. */
#include "client/plugin/names.h"
#include "good/kinds.pb-c.h"
#include "good/odd.name-of.pb-c.h"
#include "tests/unit/client/plugin/support.h"

static struct arena arena;

static int arena_begin(void **state)
{
	(void)state;
	arena_init(&arena, NULL, 0, SIZE_MAX);
	return 0;
}

static int arena_end(void **state)
{
	(void)state;
	arena_deinit(&arena);
	return 0;
}

static void structs_are_named_as_protoc_c_names_them(void **state)
{
	(void)state;
	const ProtobufCMessageDescriptor *const messages[] = {
		&odd_pkg__v1beta2__httpstuff__httprequest__descriptor,
		&odd_pkg__v1beta2__httpstuff__foo_bar__descriptor,
		&odd_pkg__v1beta2__httpstuff____under__descriptor,
		&odd_pkg__v1beta2__httpstuff__x__y__descriptor,
		&odd_pkg__v1beta2__httpstuff__a1_b2__inner2_d__descriptor,
		&plugin__kinds__v1__create_thing_request__wrapped__deeper__descriptor,
	};
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
		assert_string_equal(name_struct(&arena, messages[i]->name), messages[i]->c_name);
	const ProtobufCEnumDescriptor *lower = &odd_pkg__v1beta2__httpstuff__lower_enum__descriptor;
	assert_string_equal(name_struct(&arena, lower->name), lower->c_name);
}

/* These compile only if the names are right: they are the identifiers above. */
static void functions_are_named_as_protoc_c_names_them(void **state)
{
	(void)state;
	static const char *const NAMES[][2] = {
		{"Odd_pkg.v1beta2.HTTPStuff.HTTPRequest",
	         "odd_pkg__v1beta2__httpstuff__httprequest"},
		{"Odd_pkg.v1beta2.HTTPStuff.foo_bar", "odd_pkg__v1beta2__httpstuff__foo_bar"},
		{"Odd_pkg.v1beta2.HTTPStuff._Under", "odd_pkg__v1beta2__httpstuff____under"},
		{"Odd_pkg.v1beta2.HTTPStuff.x__y", "odd_pkg__v1beta2__httpstuff__x__y"},
		{"Odd_pkg.v1beta2.HTTPStuff.A1B2.Inner2D",
	         "odd_pkg__v1beta2__httpstuff__a1_b2__inner2_d"},
		{"plugin.kinds.v1.CreateThingRequest.Wrapped.Deeper",
	         "plugin__kinds__v1__create_thing_request__wrapped__deeper"},
		{"Bare", "bare"},
	};
	for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
		assert_string_equal(name_lower(&arena, NAMES[i][0]), NAMES[i][1]);
}

static void members_are_lower_case_and_no_keywords(void **state)
{
	(void)state;
	assert_string_equal(name_field(&arena, "URLPath"), "urlpath");
	assert_string_equal(name_field(&arena, "organization_id"), "organization_id");
	assert_string_equal(name_field(&arena, "int"), "int_");
	assert_string_equal(name_field(&arena, "Class"), "class_");
	assert_string_equal(name_field(&arena, "wchar_t"), "wchar_t_");
	const OddPkg__V1beta2__HTTPStuff__HTTPRequest request = {
		.urlpath = NULL, .int_ = 1, .class_ = 0, .default_ = 2};
	assert_int_equal(request.int_ + request.default_, 3);
}

static void services_and_methods_are_snakes(void **state)
{
	(void)state;
	assert_string_equal(name_service(&arena, "prism.v1.StoryService"),
	                    "prism_v1_story_service");
	assert_string_equal(name_service(&arena, "Odd_pkg.v2.HTTPServer2X"),
	                    "odd_pkg_v2_httpserver2_x");
	assert_string_equal(name_snake(&arena, "GetStory"), "get_story");
	assert_string_equal(name_snake(&arena, "GetURLFor"), "get_urlfor");
	assert_true(name_taken("delete"));
	assert_true(name_taken("restrict"));
	assert_true(name_taken("errno"));
	assert_false(name_taken("get_story"));
	assert_false(name_taken("int_"));
}

static void files_lose_their_ending_alone(void **state)
{
	(void)state;
	assert_string_equal(name_stem(&arena, "prism/v1/story.proto"), "prism/v1/story");
	assert_string_equal(name_stem(&arena, "good/odd.name-of.proto"), "good/odd.name-of");
	assert_string_equal(name_stem(&arena, "a.protodevel"), "a");
	assert_string_equal(name_stem(&arena, ".proto"), ".proto");
	assert_string_equal(name_stem(&arena, "a.proto.txt"), "a.proto.txt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structs_are_named_as_protoc_c_names_them),
		cmocka_unit_test(functions_are_named_as_protoc_c_names_them),
		cmocka_unit_test(members_are_lower_case_and_no_keywords),
		cmocka_unit_test(services_and_methods_are_snakes),
		cmocka_unit_test(files_lose_their_ending_alone),
	};
	return cmocka_run_group_tests(tests, arena_begin, arena_end);
}
