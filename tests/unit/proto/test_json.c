/* Messages from JSON and to it: what each kind of field looks like, and what is said of what is
 * wrong. */
#include "forms.pb-c.h"
#include "proto/json.h"
#include "proto/limits.h"
#include "proto/utf8.h"
#include "shapes.pb-c.h"
#include "tests/unit/proto/support.h"
#include "wants.pb-c.h"

#include <math.h>

static struct arena arena;

static int arena_begin(void **state)
{
	(void)state;
	arena_init(&arena, NULL, 0, LIMIT_CALL_ARENA);
	return 0;
}

static int arena_end(void **state)
{
	(void)state;
	arena_deinit(&arena);
	return 0;
}

#define SHAPES &prism__test__shapes__descriptor
#define FORMS  &prism__test__forms__descriptor

static void *read_as(const ProtobufCMessageDescriptor *type, const char *text)
{
	char reason[WIRE_REASON_SIZE] = "";
	ProtobufCMessage *message = NULL;
	struct bytes bytes = bytes_of_string(text);
	uint8_t *copy = exact_copy(bytes);
	enum status status =
		json_to_message(type, bytes_of(copy, bytes.len), &arena, &message, reason);
	free(copy);
	if (status != STATUS_OK)
		fail_msg("%s\n%s", text, reason);
	return message;
}

static const char *written(const void *message, int style)
{
	char *text = NULL;
	assert_int_equal(json_from_message(message, style, &arena, &text), STATUS_OK);
	return text;
}

static void assert_says(const ProtobufCMessageDescriptor *type, const char *text,
                        enum status expected, const char *says)
{
	char reason[WIRE_REASON_SIZE] = "";
	ProtobufCMessage *message = NULL;
	enum status status = json_to_message(type, bytes_of_string(text), &arena, &message, reason);
	if (strcmp(reason, says) != 0)
		fail_msg("%s\nsays: %s\nnot:  %s", text, reason, says);
	assert_int_equal(status, expected);
	assert_null(message);
	assert_true(utf8_valid(bytes_of_string(reason)));
}

static void refused(const char *text, const char *says)
{
	assert_says(SHAPES, text, STATUS_INVALID_ARGUMENT, says);
}

/* --- what is written is read, and looks as expected ------------------------------------- */

/* Compact text that says the message as we write it. */
static void both_ways(const ProtobufCMessageDescriptor *type, const char *text)
{
	assert_string_equal(written(read_as(type, text), JSON_COMPACT), text);
}

static void each_kind_of_field_has_its_form(void **state)
{
	(void)state;
	both_ways(SHAPES, "{}");
	both_ways(SHAPES, "{\"int32One\":-2147483648,\"sint32One\":2147483647,\"sfixed32One\":-1}");
	both_ways(SHAPES, "{\"int64One\":\"-9223372036854775808\","
	                  "\"sint64One\":\"9223372036854775807\",\"sfixed64One\":\"-1\"}");
	both_ways(SHAPES, "{\"uint32One\":4294967295,\"fixed32One\":1,"
	                  "\"uint64One\":\"18446744073709551615\",\"fixed64One\":\"1\"}");
	both_ways(SHAPES, "{\"floatOne\":1.5,\"doubleOne\":0.1}");
	both_ways(SHAPES, "{\"floatOne\":\"NaN\",\"doubleOne\":\"-Infinity\"}");
	both_ways(SHAPES, "{\"doubleOne\":-0.0,\"boolOne\":true}");
	both_ways(SHAPES, "{\"colourOne\":\"COLOUR_GREEN\"}");
	both_ways(SHAPES, "{\"colourOne\":77}");
	both_ways(SHAPES, "{\"stringOne\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u007f/"
	                  "\xc3\xa4\xf0\x9f\x90\xa6\"}");
	both_ways(SHAPES, "{\"bytesOne\":\"AAH/\"}");
	both_ways(SHAPES, "{\"leafOne\":{}}");
	both_ways(SHAPES,
	          "{\"leafOne\":{\"name\":\"x\",\"numbers\":[\"1\",\"-2\"],\"data\":\"AA==\"}}");
}

static void lists_and_oneofs_have_their_form(void **state)
{
	(void)state;
	both_ways(SHAPES, "{\"boolMany\":[true,false],\"colourMany\":[\"COLOUR_RED\","
	                  "\"COLOUR_UNSPECIFIED\"],\"stringMany\":[\"\",\"a\"],"
	                  "\"bytesMany\":[\"\",\"AA==\"],\"leafMany\":[{},{\"name\":\"n\"}]}");
	both_ways(SHAPES, "{\"choiceNumber\":0}");
	both_ways(SHAPES, "{\"choiceText\":\"\"}");
	both_ways(SHAPES, "{\"choiceLeaf\":{}}");
	both_ways(SHAPES, "{\"choiceColour\":\"COLOUR_UNSPECIFIED\"}");
	assert_string_equal(written(read_as(SHAPES, "{\"int32Many\":[]}"), JSON_COMPACT), "{}");
}

/* Of entries with the same key the last one counts. */
static void a_map_is_an_object(void **state)
{
	(void)state;
	both_ways(SHAPES,
	          "{\"counts\":{\"a\":1,\"\":0},\"leaves\":{\"-7\":{\"name\":\"n\"},\"0\":{}}}");
	both_ways(SHAPES, "{\"pairs\":[{\"key\":\"a\",\"value\":1}]}");
	Prism__Test__Shapes__CountsEntry entries[5], *counts[5];
	static const char *const keys[] = {"b", "a", "b", "c", "a"};
	for (int i = 0; i < 5; i++) {
		prism__test__shapes__counts_entry__init(&entries[i]);
		entries[i].key = (char *)keys[i];
		entries[i].value = i;
		counts[i] = &entries[i];
	}
	Prism__Test__Shapes shapes = PRISM__TEST__SHAPES__INIT;
	shapes.n_counts = 5;
	shapes.counts = counts;
	assert_string_equal(written(&shapes.base, JSON_COMPACT),
	                    "{\"counts\":{\"b\":2,\"c\":3,\"a\":4}}");
	refused("{\"counts\":[{\"key\":\"a\",\"value\":1}]}",
	        "counts: an object (a map) is needed, not a list");
}

static void well_known_types_have_their_form(void **state)
{
	(void)state;
	both_ways(FORMS, "{\"createdAt\":\"2024-02-29T12:00:00.500Z\",\"timeOut\":\"-1.500s\","
	                 "\"updateMask\":\"title,story.projectId\",\"nothing\":{}}");
	both_ways(FORMS, "{\"doubleValue\":0,\"floatValue\":0,\"int64Value\":\"0\","
	                 "\"uint64Value\":\"0\",\"int32Value\":0,\"uint32Value\":0,"
	                 "\"boolValue\":false,\"stringValue\":\"\",\"bytesValue\":\"\"}");
	both_ways(FORMS, "{\"updateMask\":\"\",\"times\":[\"1970-01-01T00:00:00Z\"],"
	                 "\"numbers\":[\"5\"]}");
	both_ways(&google__protobuf__timestamp__descriptor, "\"1970-01-01T00:00:00Z\"");
	both_ways(&google__protobuf__string_value__descriptor, "\"text\"");
}

static void what_is_read_is_what_was_meant(void **state)
{
	(void)state;
	const Prism__Test__Shapes *shapes = read_as(
		SHAPES,
		" {\"int32_one\": 7, \"uint64One\":\"18446744073709551615\", \"leafMany\": [{"
		"\"name\":\"a\"}, {\"name\":\"b\"}], \"choiceText\":\"t\", "
		"\"bytes_one\":\"__8\"}\n");
	assert_int_equal(shapes->int32_one, 7);
	assert_int_equal(shapes->n_leaf_many, 2);
	assert_string_equal(shapes->leaf_many[1]->name, "b");
	assert_int_equal(shapes->choice_case, PRISM__TEST__SHAPES__CHOICE_CHOICE_TEXT);
	assert_string_equal(shapes->choice_text, "t");
	assert_int_equal(shapes->bytes_one.len, 2);
	assert_int_equal(shapes->bytes_one.data[0], 0xff);
}

static void null_is_absent(void **state)
{
	(void)state;
	const Prism__Test__Shapes *shapes =
		read_as(SHAPES, "{\"int32One\":null,\"leafOne\":null,\"stringMany\":null,"
	                        "\"choiceText\":null,\"choiceNumber\":1}");
	assert_null(shapes->leaf_one);
	assert_int_equal(shapes->choice_number, 1);
	const Prism__Test__Forms *forms = read_as(FORMS, "{\"int64Value\":null}");
	assert_null(forms->int64_value);
}

static void numbers_may_be_written_in_several_ways(void **state)
{
	(void)state;
	static const char *const ONE_HUNDREDS[] = {"100",   "\"100\"",    "1e2",    "\"1e2\"",
	                                           "100.0", "\"100.00\"", "1000e-1"};
	for (size_t i = 0; i < sizeof ONE_HUNDREDS / sizeof *ONE_HUNDREDS; i++) {
		char text[128];
		snprintf(text, sizeof text, "{\"int32One\":%s,\"uint64One\":%s,\"floatOne\":%s}",
		         ONE_HUNDREDS[i], ONE_HUNDREDS[i], ONE_HUNDREDS[i]);
		const Prism__Test__Shapes *shapes = read_as(SHAPES, text);
		assert_int_equal(shapes->int32_one, 100);
		assert_int_equal(shapes->uint64_one, 100);
		assert_true(shapes->float_one == 100);
	}
	const Prism__Test__Shapes *shapes =
		read_as(SHAPES, "{\"colourOne\":-5,\"doubleOne\":\"NaN\"}");
	assert_int_equal(shapes->colour_one, PRISM__TEST__COLOUR__COLOUR_NEGATIVE);
	assert_true(isnan(shapes->double_one));
}

/* --- styles -------------------------------------------------------------------------------- */

static void indented_text_is_for_people(void **state)
{
	(void)state;
	const void *message = read_as(
		SHAPES,
		"{\"leafOne\":{},\"stringMany\":[\"a\",\"b\"],\"leafMany\":[{\"name\":\"n\"}]}");
	assert_string_equal(written(message, JSON_INDENTED), "{\n"
	                                                     "  \"leafOne\": {},\n"
	                                                     "  \"stringMany\": [\n"
	                                                     "    \"a\",\n"
	                                                     "    \"b\"\n"
	                                                     "  ],\n"
	                                                     "  \"leafMany\": [\n"
	                                                     "    {\n"
	                                                     "      \"name\": \"n\"\n"
	                                                     "    }\n"
	                                                     "  ]\n"
	                                                     "}");
}

static void defaults_are_written_when_asked_for(void **state)
{
	(void)state;
	Prism__Test__Leaf leaf = PRISM__TEST__LEAF__INIT;
	assert_string_equal(written(&leaf, JSON_COMPACT | JSON_WITH_DEFAULTS),
	                    "{\"name\":\"\",\"numbers\":[],\"data\":\"\"}");
	Prism__Test__Shapes shapes = PRISM__TEST__SHAPES__INIT;
	const char *text = written(&shapes, JSON_COMPACT | JSON_WITH_DEFAULTS);
	assert_non_null(strstr(text, "\"colourOne\":\"COLOUR_UNSPECIFIED\""));
	assert_non_null(strstr(text, "\"int64One\":\"0\""));
	assert_null(strstr(text, "leafOne"));
	assert_null(strstr(text, "choice"));
	(void)read_as(SHAPES, text);
}

/* --- refusals -------------------------------------------------------------------------------- */

static void unknown_fields_are_refused_with_what_is_meant(void **state)
{
	(void)state;
	refused("{\"int32on\":1}", "int32on: unknown field; did you mean int32One?");
	refused("{\"Leaf_one\":{}}", "Leaf_one: unknown field; did you mean leafOne?");
	refused("{\"leafOne\":{\"nmae\":1}}", "leaf_one.nmae: unknown field; did you mean name?");
	refused("{\"leafMany\":[{},{\"colour\":1}]}",
	        "leaf_many[1].colour: unknown field; Leaf has name, numbers, data");
	assert_says(&prism__test__empty__descriptor, "{\"a\":1}", STATUS_INVALID_ARGUMENT,
	            "a: unknown field; Empty has none");
	refused("{\"a\\nb\\u00e4\":1}",
	        "a?b\xc3\xa4: unknown field; Shapes has int32One, sint32One, sfixed32One, "
	        "int64One, "
	        "sint64One, sfixed64One, uint32One, fixed32One, uint64One, fixed64One, floatOne, "
	        "doubleOne, boolOne, colourOne, ...");
}

/* Sixty bytes of a caller's text, and no half of a character. */
static void long_names_are_cut_in_reasons(void **state)
{
	(void)state;
#define SIXTEEN "0123456789abcdef"
	refused("{\"" SIXTEEN SIXTEEN SIXTEEN "0123456789\u00e4" SIXTEEN "\":1}",
	        SIXTEEN SIXTEEN SIXTEEN
	        "0123456789: unknown field; Shapes has int32One, sint32One, sfixed32One, int64One, "
	        "sint64One, sfixed64One, uint32One, fixed32One, uint64One, fixed64One, floatOne, "
	        "doubleOne, boolOne, colourOne, ...");
	refused("{\"colourOne\":\"" SIXTEEN SIXTEEN SIXTEEN "0123456789\u00e4" SIXTEEN "\"}",
	        "colour_one: \"" SIXTEEN SIXTEEN SIXTEEN
	        "0123456789\" is no Colour; it has COLOUR_NEGATIVE, COLOUR_UNSPECIFIED, "
	        "COLOUR_RED, "
	        "COLOUR_GREEN");
}

static void other_kinds_of_values_are_refused(void **state)
{
	(void)state;
	refused("[]", "the message: an object is needed, not a list");
	refused("null", "the message: an object is needed, not null");
	refused("{\"int32One\":true}", "int32_one: an integer is needed, not true or false");
	refused("{\"int32One\":\"\"}", "int32_one: an integer is needed, and the string is none");
	refused("{\"int32One\":\" 1\"}", "int32_one: an integer is needed, and the string is none");
	refused("{\"int32One\":1.5}", "int32_one: an integer is needed, not a fraction");
	refused("{\"int32One\":\"1.5\"}", "int32_one: an integer is needed, not a fraction");
	refused("{\"boolOne\":1}", "bool_one: true or false is needed, not a number");
	refused("{\"boolOne\":\"true\"}", "bool_one: true or false is needed, not a string");
	refused("{\"stringOne\":1}", "string_one: a string is needed, not a number");
	refused("{\"stringMany\":\"a\"}", "string_many: a list is needed, not a string");
	refused("{\"stringMany\":[\"a\",null]}", "string_many[1]: a string is needed, not null");
	refused("{\"leafOne\":\"a\"}", "leaf_one: an object is needed, not a string");
	refused("{\"doubleOne\":\"1.\"}",
	        "double_one: a number, \"NaN\", \"Infinity\" or \"-Infinity\" is needed");
	refused("{\"bytesOne\":\"*\"}",
	        "bytes_one: base64 (letters, digits, + and /, or - and _) is needed");
}

static void numbers_out_of_range_are_refused(void **state)
{
	(void)state;
	refused("{\"int32One\":2147483648}",
	        "int32_one: out of range, -2147483648 to 2147483647 is allowed");
	refused("{\"sfixed32One\":\"-2147483649\"}",
	        "sfixed32_one: out of range, -2147483648 to 2147483647 is allowed");
	refused("{\"uint32One\":-1}", "uint32_one: out of range, 0 to 4294967295 is allowed");
	refused("{\"uint64One\":\"-1\"}",
	        "uint64_one: out of range, 0 to 18446744073709551615 is allowed");
	refused("{\"int64One\":\"9223372036854775808\"}",
	        "int64_one: out of range, -9223372036854775808 to 9223372036854775807 is allowed");
	refused("{\"int64One\":1e30}",
	        "int64_one: out of range, -9223372036854775808 to 9223372036854775807 is allowed");
	refused("{\"uint64One\":\"18446744073709551616\"}",
	        "uint64_one: out of range, 0 to 18446744073709551615 is allowed");
	refused("{\"floatOne\":1e39}",
	        "float_one: out of range, -3.40282e+38 to 3.40282e+38 is allowed");
	refused("{\"colourOne\":2147483648}",
	        "colour_one: out of range, -2147483648 to 2147483647 is allowed");
	assert_says(SHAPES, "{\"uint64One\":18446744073709551615}", STATUS_INVALID_ARGUMENT,
	            "the message: no JSON: line 1, column 33: too big integer near "
	            "'18446744073709551615' (64-bit integers may be "
	            "strings)");
}

static void unknown_enum_names_are_refused_with_what_is_meant(void **state)
{
	(void)state;
	refused("{\"colourOne\":\"COLOUR_GREN\"}",
	        "colour_one: \"COLOUR_GREN\" is no Colour; did you mean COLOUR_GREEN?");
	refused("{\"colourMany\":[\"blue\"]}", "colour_many[0]: \"blue\" is no Colour; it has "
	                                       "COLOUR_NEGATIVE, COLOUR_UNSPECIFIED, "
	                                       "COLOUR_RED, COLOUR_GREEN");
	refused("{\"colourOne\":[]}", "colour_one: the name of a value is needed, not a list");
}

static void what_is_given_twice_is_refused(void **state)
{
	(void)state;
	refused("{\"int32_one\":1,\"int32One\":2}", "int32_one: is given twice");
	refused("{\"int32One\":null,\"int32_one\":null}", "int32_one: is given twice");
	refused("{\"int32One\":1,\"int32One\":2}", "the message: no JSON: line 1, column 24: "
	                                           "duplicate object key near '\"int32One\"'");
	refused("{\"choiceText\":\"a\",\"choiceNumber\":1}",
	        "choice_number: choice_text is set too, and only one of the two can be");
}

static void broken_text_is_refused(void **state)
{
	(void)state;
	refused("", "the message: no JSON: line 1, column 0: unexpected token near end of file");
	refused("{",
	        "the message: no JSON: line 1, column 1: string or '}' expected near end of file");
	refused("{}x", "the message: no JSON: line 1, column 3: end of file expected near 'x'");
	refused("{\"stringOne\":\"a\\u0000b\"}", "string_one: U+0000 is not allowed in a string");
	refused("{\"stringOne\":\"\xff\"}",
	        "the message: no JSON: line 1, column 14: unable to decode byte 0xff near '\"'");
	refused("{\"stringOne\":\"\xed\xa0\x80\"}",
	        "the message: no JSON: line 1, column 14: unable to decode byte 0xed near '\"'");
	refused("{\"stringOne\":\"\\ud800\"}",
	        "the message: no JSON: line 1, column 21: invalid Unicode '\\uD800' near "
	        "'\"\\ud800\"'");
}

static void wrong_forms_are_refused(void **state)
{
	(void)state;
	static const char *const CASES[][2] = {
		{"{\"createdAt\":\"yesterday\"}",
	         "created_at: a time of the years 1 to 9999 such as \"2024-02-29T12:30:00.5Z\" is "
	         "needed"},
		{"{\"createdAt\":{\"seconds\":1}}",
	         "created_at: a time of the years 1 to 9999 such as \"2024-02-29T12:30:00.5Z\" is "
	         "needed, not an object"},
		{"{\"timeOut\":\"1\"}",
	         "time_out: a duration of at most 10,000 years such as \"1.5s\" is needed"},
		{"{\"updateMask\":\"a,\"}",
	         "update_mask: a list of lowerCamelCase paths with commas between them is needed"},
		{"{\"updateMask\":\"project_id\"}",
	         "update_mask: a list of lowerCamelCase paths with commas between them is needed"},
		{"{\"int32Value\":{\"value\":1}}",
	         "int32_value: an integer is needed, not an object"},
		{"{\"times\":[\"x\"]}",
	         "times[0]: a time of the years 1 to 9999 such as \"2024-02-29T12:30:00.5Z\" is "
	         "needed"},
		{"{\"nothing\":{\"a\":1}}", "nothing.a: unknown field; Empty has none"},
	};
	for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
		assert_says(FORMS, CASES[i][0], STATUS_INVALID_ARGUMENT, CASES[i][1]);
}

static void required_fields_of_proto2_are_asked_for(void **state)
{
	(void)state;
	const Prism__Test__Wants *wants =
		read_as(&prism__test__wants__descriptor, "{\"name\":\"a\",\"number\":0}");
	assert_true(wants->has_number);
	assert_int_equal(wants->number, 0);
	both_ways(&prism__test__wants__descriptor,
	          "{\"name\":\"\",\"number\":0,\"text\":\"none\"}");
	assert_says(&prism__test__wants__descriptor, "{\"number\":1}", STATUS_INVALID_ARGUMENT,
	            "name: a value is required");
}

/* --- limits -------------------------------------------------------------------------------- */

/* `levels` messages, one in the other, of which every second is in a list. */
static char *nested(unsigned levels)
{
	static const char *const OPEN[] = {"{\"there\":[", "{\"back\":"}, *const CLOSE[] = {"]}",
	                                                                                    "}"};
	char *text = calloc(levels, 16);
	assert_non_null(text);
	for (unsigned i = 0; i + 1 < levels; i++)
		strcat(text, OPEN[i % 2]);
	strcat(text, "{}");
	for (unsigned i = levels - 1; i > 0; i--)
		strcat(text, CLOSE[(i - 1) % 2]);
	return text;
}

static void nesting_has_a_limit(void **state)
{
	(void)state;
	char *deepest = nested(LIMIT_MESSAGE_DEPTH), *deeper = nested(LIMIT_MESSAGE_DEPTH + 1);
	both_ways(&prism__test__here__descriptor, deepest);
	assert_says(&prism__test__here__descriptor, deeper, STATUS_RESOURCE_EXHAUSTED,
	            "there[0].back.there[0].back.there[0].back.there[0].back.there[0].back."
	            "there[0].back.there[0].ba: messages are nested deeper than 32 levels");
	free(deepest);
	free(deeper);
	char lists[2 * LIMIT_JSON_DEPTH + 1] = {0};
	memset(lists, '[', LIMIT_JSON_DEPTH + 1);
	assert_says(SHAPES, lists, STATUS_RESOURCE_EXHAUSTED,
	            "the message: lists and objects are nested deeper than 64 levels");
}

static void written_messages_are_no_deeper_than_read_ones(void **state)
{
	(void)state;
	Prism__Test__Tree trees[LIMIT_MESSAGE_DEPTH + 1], *branches[LIMIT_MESSAGE_DEPTH + 1];
	for (size_t i = 0; i <= LIMIT_MESSAGE_DEPTH; i++) {
		prism__test__tree__init(&trees[i]);
		branches[i] = &trees[i];
		trees[i].branches = i > 0 ? &branches[i - 1] : NULL;
		trees[i].n_branches = i > 0;
	}
	char *text = NULL;
	assert_int_equal(
		json_from_message(&trees[LIMIT_MESSAGE_DEPTH].base, JSON_COMPACT, &arena, &text),
		STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(json_from_message(&trees[LIMIT_MESSAGE_DEPTH - 1].base, JSON_COMPACT,
	                                   &arena, &text),
	                 STATUS_OK);
}

static void lists_have_a_limit(void **state)
{
	(void)state;
	struct buffer text = {0};
	assert_true(buffer_append(&text, "{\"int32Many\":[0", 15));
	for (int i = 0; i < LIMIT_MESSAGE_ELEMENTS; i++)
		assert_true(buffer_append(&text, ",0", 2));
	assert_true(buffer_append(&text, "]}", 3));
	assert_says(SHAPES, (const char *)text.data, STATUS_RESOURCE_EXHAUSTED,
	            "int32_many: lists have more than 100000 elements in all");
	buffer_deinit(&text);
}

static void memory_has_a_limit(void **state)
{
	(void)state;
	struct arena small;
	char reason[WIRE_REASON_SIZE];
	ProtobufCMessage *message = NULL;
	arena_init(&small, NULL, 0, 4096);
	char text[8192] = "{\"stringOne\":\"";
	memset(text + strlen(text), 'a', 6000);
	strcat(text, "\"}");
	assert_int_equal(json_to_message(SHAPES, bytes_of_string(text), &small, &message, reason),
	                 STATUS_RESOURCE_EXHAUSTED);
	assert_string_equal(reason, "string_one: the memory (4096 bytes) is used up");
	Prism__Test__Leaf leaf = PRISM__TEST__LEAF__INIT;
	leaf.name = text;
	char *out = NULL;
	assert_int_equal(json_from_message(&leaf.base, JSON_COMPACT, &small, &out),
	                 STATUS_RESOURCE_EXHAUSTED);
	assert_null(out);
	arena_deinit(&small);
}

static void what_json_cannot_say_is_not_written(void **state)
{
	(void)state;
	char *text = NULL;
	Prism__Test__Leaf leaf = PRISM__TEST__LEAF__INIT;
	leaf.name = "\xff";
	assert_int_equal(json_from_message(&leaf.base, JSON_COMPACT, &arena, &text),
	                 STATUS_INVALID_ARGUMENT);
	Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	time.nanos = -1;
	assert_int_equal(json_from_message(&time.base, JSON_COMPACT, &arena, &text),
	                 STATUS_INVALID_ARGUMENT);
	Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
	char *path = "a__b";
	mask.n_paths = 1;
	mask.paths = &path;
	assert_int_equal(json_from_message(&mask.base, JSON_COMPACT, &arena, &text),
	                 STATUS_INVALID_ARGUMENT);
	assert_null(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, arena_begin, arena_end)
	const struct CMUnitTest tests[] = {
		TEST(each_kind_of_field_has_its_form),
		TEST(lists_and_oneofs_have_their_form),
		TEST(a_map_is_an_object),
		TEST(well_known_types_have_their_form),
		TEST(what_is_read_is_what_was_meant),
		TEST(null_is_absent),
		TEST(numbers_may_be_written_in_several_ways),
		TEST(indented_text_is_for_people),
		TEST(defaults_are_written_when_asked_for),
		TEST(unknown_fields_are_refused_with_what_is_meant),
		TEST(long_names_are_cut_in_reasons),
		TEST(other_kinds_of_values_are_refused),
		TEST(numbers_out_of_range_are_refused),
		TEST(unknown_enum_names_are_refused_with_what_is_meant),
		TEST(what_is_given_twice_is_refused),
		TEST(broken_text_is_refused),
		TEST(wrong_forms_are_refused),
		TEST(required_fields_of_proto2_are_asked_for),
		TEST(nesting_has_a_limit),
		TEST(written_messages_are_no_deeper_than_read_ones),
		TEST(lists_have_a_limit),
		TEST(memory_has_a_limit),
		TEST(what_json_cannot_say_is_not_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
