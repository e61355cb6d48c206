#include "proto/rules.h"

#include "shapes.pb-c.h"
#include "tests/unit/proto/support.h"
#include "wants.pb-c.h"

typedef Prism__Test__Shapes shapes;

static char reason[WIRE_REASON_SIZE];

static enum status check(const shapes *message, const struct field_rule *fields, size_t count)
{
	struct message_rules rules = {
		.message = &prism__test__shapes__descriptor, .fields = fields, .count = count};
	reason[0] = '\0';
	return rules_check(&rules, &message->base, reason);
}

static void assert_good(const shapes *message, struct field_rule rule)
{
	if (check(message, &rule, 1) != STATUS_OK)
		fail_msg("refused: %s", reason);
}

static void assert_bad(const shapes *message, struct field_rule rule, const char *what)
{
	assert_int_equal(check(message, &rule, 1), STATUS_INVALID_ARGUMENT);
	assert_string_equal(reason, what);
}

enum { /* field numbers of shapes.proto */
       INT32 = 1,
       INT64 = 4,
       UINT32 = 7,
       UINT64 = 9,
       DOUBLE = 12,
       BOOL = 13,
       COLOUR = 14,
       STRING = 15,
       BYTES = 16,
       LEAF = 17,
       INT32_MANY = 21,
       COLOUR_MANY = 34,
       STRING_MANY = 35,
       BYTES_MANY = 36,
       LEAF_MANY = 37,
       CHOICE_NUMBER = 41,
       CHOICE_TEXT = 42,
       CHOICE_DATA = 43,
       CHOICE_LEAF = 44,
};

static char *text(const char *string)
{
	return (char *)(uintptr_t)string;
}

static shapes with_string(const char *string)
{
	shapes message = PRISM__TEST__SHAPES__INIT;
	message.string_one = text(string);
	return message;
}

static const shapes empty = PRISM__TEST__SHAPES__INIT;

/* --- presence ---------------------------------------------------------------- */

static void no_rules_nothing_to_check(void **state)
{
	(void)state;
	assert_int_equal(rules_check(NULL, &empty.base, reason), STATUS_OK);
	assert_int_equal(check(&empty, NULL, 0), STATUS_OK);
}

static void required_fields_hold_something(void **state)
{
	(void)state;
	static const struct {
		uint32_t number;
		const char *reason;
	} fields[] = {
		{INT32, "int32_one: a value is required"},
		{INT64, "int64_one: a value is required"},
		{UINT64, "uint64_one: a value is required"},
		{DOUBLE, "double_one: a value is required"},
		{BOOL, "bool_one: a value is required"},
		{COLOUR, "colour_one: a value is required: one of COLOUR_NEGATIVE, COLOUR_RED, "
	                 "COLOUR_GREEN"},
		{STRING, "string_one: a value is required"},
		{BYTES, "bytes_one: a value is required"},
		{LEAF, "leaf_one: a value is required"},
		{INT32_MANY, "int32_many: a value is required"},
		{STRING_MANY, "string_many: a value is required"},
		{LEAF_MANY, "leaf_many: a value is required"},
		{CHOICE_NUMBER, "choice_number: a value is required"},
		{CHOICE_TEXT, "choice_text: a value is required"},
		{CHOICE_LEAF, "choice_leaf: a value is required"},
	};
	int32_t numbers[] = {0};
	char *strings[] = {text("")};
	Prism__Test__Leaf leaf = PRISM__TEST__LEAF__INIT, *leaves[] = {&leaf};
	shapes full = PRISM__TEST__SHAPES__INIT;
	full.int32_one = -1, full.int64_one = 1, full.uint64_one = UINT64_MAX,
	full.double_one = 0.5;
	full.bool_one = true, full.colour_one = PRISM__TEST__COLOUR__COLOUR_RED;
	full.string_one = text("x"), full.bytes_one = (ProtobufCBinaryData){1, (uint8_t *)numbers};
	full.leaf_one = &leaf, full.n_leaf_many = 1, full.leaf_many = leaves;
	full.n_int32_many = 1, full.int32_many = numbers;
	full.n_string_many = 1, full.string_many = strings;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct field_rule rule = {.number = fields[i].number, .has = RULE_REQUIRED};
		assert_bad(&empty, rule, fields[i].reason);
		if (fields[i].number < CHOICE_NUMBER)
			assert_good(&full, rule);
	}
}

static void a_mask_that_is_not_there_is_told_what_it_may_name(void **state)
{
	(void)state;
	static const char *const paths[] = {"title", "story_points", NULL};
	assert_bad(&empty,
	           (struct field_rule){.number = LEAF, .has = RULE_REQUIRED, .paths = paths},
	           "leaf_one: a value is required: one or more of title, story_points");
}

static void a_required_member_of_a_oneof_is_set_and_not_empty(void **state)
{
	(void)state;
	struct field_rule number = {.number = CHOICE_NUMBER, .has = RULE_REQUIRED};
	struct field_rule string = {.number = CHOICE_TEXT, .has = RULE_REQUIRED};
	shapes message = PRISM__TEST__SHAPES__INIT;
	message.choice_case = PRISM__TEST__SHAPES__CHOICE_CHOICE_NUMBER;
	message.choice_number = 5;
	assert_good(&message, number);
	assert_bad(&message, string, "choice_text: a value is required");
	message.choice_number = 0;
	assert_bad(&message, number, "choice_number: a value is required");
	message.choice_case = PRISM__TEST__SHAPES__CHOICE_CHOICE_TEXT;
	message.choice_text = text("");
	assert_bad(&message, string, "choice_text: a value is required");
}

static void unset_fields_are_held_to_nothing_else(void **state)
{
	(void)state;
	static const struct field_rule rules[] = {
		{.number = INT32, .has = RULE_MIN, .min = 5},
		{.number = COLOUR, .has = RULE_MIN | RULE_KNOWN_ENUM, .min = 2},
		{.number = STRING,
	         .has = RULE_MIN_LEN | RULE_TRIMMED,
	         .min_len = 3,
	         .format = RULE_UUID},
		{.number = BYTES, .has = RULE_MIN_LEN, .min_len = 3},
		{.number = INT32_MANY, .has = RULE_MIN_LEN, .min_len = 2},
		{.number = CHOICE_NUMBER, .has = RULE_MIN, .min = 1},
		{.number = CHOICE_TEXT, .has = RULE_MIN_LEN, .min_len = 1, .format = RULE_SLUG},
	};
	assert_int_equal(check(&empty, rules, sizeof rules / sizeof *rules), STATUS_OK);
}

static void a_member_that_is_set_is_held_even_when_empty(void **state)
{
	(void)state;
	shapes message = PRISM__TEST__SHAPES__INIT;
	message.choice_case = PRISM__TEST__SHAPES__CHOICE_CHOICE_NUMBER;
	assert_bad(&message,
	           (struct field_rule){.number = CHOICE_NUMBER, .has = RULE_MIN, .min = 1},
	           "choice_number: 0, must be at least 1");
	message.choice_case = PRISM__TEST__SHAPES__CHOICE_CHOICE_TEXT;
	message.choice_text = text("");
	assert_bad(&message, (struct field_rule){.number = CHOICE_TEXT, .format = RULE_STORY_KEY},
	           "choice_text: must be a story key like PROJ-123");
	assert_good(&message,
	            (struct field_rule){.number = CHOICE_NUMBER, .has = RULE_MIN, .min = 1});
}

static void a_required_oneof_has_a_member(void **state)
{
	(void)state;
	static const struct oneof_rule oneofs[] = {{"choice", CHOICE_TEXT}};
	struct message_rules rules = {.message = &prism__test__shapes__descriptor,
	                              .required_oneofs = oneofs,
	                              .required_oneof_count = 1};
	assert_int_equal(rules_check(&rules, &empty.base, reason), STATUS_INVALID_ARGUMENT);
	assert_string_equal(reason, "choice: one of choice_number, choice_text, choice_data, "
	                            "choice_leaf, choice_colour is required");
	shapes message = PRISM__TEST__SHAPES__INIT;
	message.choice_case = PRISM__TEST__SHAPES__CHOICE_CHOICE_NUMBER;
	assert_int_equal(rules_check(&rules, &message.base, reason), STATUS_OK);
}

static void optional_fields_of_proto2_say_whether_they_are_set(void **state)
{
	(void)state;
	static const struct field_rule fields[] = {
		{.number = 2, .has = RULE_MIN, .min = 1},
		{.number = 3, .has = RULE_MIN_LEN, .min_len = 3},
	};
	struct message_rules rules = {
		.message = &prism__test__wants__descriptor, .fields = fields, .count = 2};
	Prism__Test__Wants message = PRISM__TEST__WANTS__INIT;
	message.number = 0;
	message.text = NULL;
	assert_int_equal(rules_check(&rules, &message.base, reason), STATUS_OK);
	message.has_number = true;
	assert_int_equal(rules_check(&rules, &message.base, reason), STATUS_INVALID_ARGUMENT);
	assert_string_equal(reason, "number: 0, must be at least 1");
	message.has_number = false;
	message.text = text("");
	assert_int_equal(rules_check(&rules, &message.base, reason), STATUS_INVALID_ARGUMENT);
	assert_string_equal(reason, "text: 0 characters, at least 3 are needed");
}

/* --- lengths and ranges ----------------------------------------------------------- */

static void strings_are_measured_in_characters(void **state)
{
	(void)state;
	struct field_rule rule = {
		.number = STRING, .has = RULE_MIN_LEN | RULE_MAX_LEN, .min_len = 2, .max_len = 4};
	shapes message = with_string("\xc3\xa9");
	assert_bad(&message, rule, "string_one: 1 character, at least 2 are needed");
	message = with_string("\xc3\xa9\xe2\x82\xac");
	assert_good(&message, rule);
	message = with_string("\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80");
	assert_good(&message, rule);
	message = with_string("12345");
	assert_bad(&message, rule, "string_one: 5 characters, at most 4 are allowed");
}

static void bytes_and_lists_are_measured_in_theirs(void **state)
{
	(void)state;
	struct field_rule bytes = {
		.number = BYTES, .has = RULE_MIN_LEN | RULE_MAX_LEN, .min_len = 2, .max_len = 3};
	struct field_rule list = {.number = INT32_MANY,
	                          .has = RULE_MIN_LEN | RULE_MAX_LEN,
	                          .min_len = 2,
	                          .max_len = 3};
	static const char *const faults[][2] = {
		{"bytes_one: 1 byte, at least 2 are needed",
	         "int32_many: 1 element, at least 2 are needed"},
		{NULL, NULL},
		{NULL, NULL},
		{"bytes_one: 4 bytes, at most 3 are allowed",
	         "int32_many: 4 elements, at most 3 are allowed"},
	};
	int32_t numbers[4] = {0};
	for (size_t len = 1; len <= 4; len++) {
		shapes message = PRISM__TEST__SHAPES__INIT;
		message.bytes_one = (ProtobufCBinaryData){len, (uint8_t *)numbers};
		message.n_int32_many = len;
		message.int32_many = numbers;
		if (!faults[len - 1][0]) {
			assert_good(&message, bytes);
			assert_good(&message, list);
			continue;
		}
		assert_bad(&message, bytes, faults[len - 1][0]);
		assert_bad(&message, list, faults[len - 1][1]);
	}
}

static void lengths_of_a_list_are_not_its_elements(void **state)
{
	(void)state;
	char *strings[] = {text("long enough"), text("")};
	ProtobufCBinaryData data[] = {{11, (uint8_t *)strings[0]}};
	shapes message = PRISM__TEST__SHAPES__INIT;
	message.n_string_many = 2, message.string_many = strings;
	message.n_bytes_many = 1, message.bytes_many = data;
	assert_good(&message,
	            (struct field_rule){.number = STRING_MANY, .has = RULE_MAX_LEN, .max_len = 2});
	assert_good(&message,
	            (struct field_rule){.number = BYTES_MANY, .has = RULE_MAX_LEN, .max_len = 2});
}

static void numbers_have_ranges(void **state)
{
	(void)state;
	shapes message = PRISM__TEST__SHAPES__INIT;
	struct field_rule both = {
		.number = INT32, .has = RULE_MIN | RULE_MAX, .min = -5, .max = 200};
	struct field_rule least = {.number = INT64, .has = RULE_MIN, .min = 1};
	struct field_rule most = {.number = UINT64, .has = RULE_MAX, .max = 100};
	for (int32_t value = -7; value <= 202; value++) {
		message.int32_one = value;
		if (value >= -5 && value <= 200)
			assert_good(&message, both);
		else
			assert_int_equal(check(&message, &both, 1), STATUS_INVALID_ARGUMENT);
	}
	assert_string_equal(reason, "int32_one: 202, must be from -5 to 200");
	message.int64_one = INT64_MIN;
	assert_bad(&message, least, "int64_one: -9223372036854775808, must be at least 1");
	message.uint64_one = 101;
	assert_bad(&message, most, "uint64_one: 101, must be at most 100");
	message.uint64_one = UINT64_MAX;
	assert_bad(&message, most, "uint64_one: 18446744073709551615, must be at most 100");
	assert_good(&message, (struct field_rule){.number = UINT64, .has = RULE_MIN, .min = 1});
	message.uint32_one = UINT32_MAX;
	assert_bad(&message, (struct field_rule){.number = UINT32, .has = RULE_MAX, .max = 7},
	           "uint32_one: 4294967295, must be at most 7");
}

static void enums_are_known_and_have_ranges(void **state)
{
	(void)state;
	shapes message = PRISM__TEST__SHAPES__INIT;
	struct field_rule known = {.number = COLOUR, .has = RULE_KNOWN_ENUM};
	message.colour_one = PRISM__TEST__COLOUR__COLOUR_NEGATIVE;
	assert_good(&message, known);
	message.colour_one = (Prism__Test__Colour)7;
	assert_bad(
		&message, known,
		"colour_one: 7 is no Colour, must be one of COLOUR_NEGATIVE, COLOUR_UNSPECIFIED, "
		"COLOUR_RED, COLOUR_GREEN");
	assert_good(&message, (struct field_rule){.number = COLOUR});
	message.colour_one = PRISM__TEST__COLOUR__COLOUR_GREEN;
	assert_bad(&message, (struct field_rule){.number = COLOUR, .has = RULE_MAX, .max = 1},
	           "colour_one: 2, must be at most 1");
}

static void texts_may_have_to_be_trimmed(void **state)
{
	(void)state;
	struct field_rule rule = {.number = STRING, .has = RULE_TRIMMED};
	static const char *const bad[] = {" a",
	                                  "a ",
	                                  "\ta",
	                                  "a\n",
	                                  "\xc2\xa0"
	                                  "a",
	                                  "a\xe3\x80\x80",
	                                  " "};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		shapes message = with_string(bad[i]);
		assert_bad(&message, rule, "string_one: must not start or end with white space");
	}
	shapes message = with_string("a b");
	assert_good(&message, rule);
}

/* --- places ------------------------------------------------------------------------- */

static void every_element_is_checked_and_named(void **state)
{
	(void)state;
	int32_t numbers[] = {1, 2, 9};
	Prism__Test__Colour colours[] = {PRISM__TEST__COLOUR__COLOUR_RED, (Prism__Test__Colour)9};
	char *strings[] = {text("good"), text("Bad")};
	shapes message = PRISM__TEST__SHAPES__INIT;
	message.n_int32_many = 3, message.int32_many = numbers;
	message.n_colour_many = 2, message.colour_many = colours;
	message.n_string_many = 2, message.string_many = strings;
	assert_bad(&message, (struct field_rule){.number = INT32_MANY, .has = RULE_MAX, .max = 5},
	           "int32_many[2]: 9, must be at most 5");
	assert_bad(&message, (struct field_rule){.number = STRING_MANY, .format = RULE_SLUG},
	           "string_many[1]: must be a slug: a-z and 0-9 with single hyphens in between");
	struct field_rule colour = {.number = COLOUR_MANY, .has = RULE_KNOWN_ENUM};
	assert_int_equal(check(&message, &colour, 1), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(reason, "colour_many[1]: 9 is no Colour"));
}

static void nested_messages_have_rules_of_their_own(void **state)
{
	(void)state;
	static const struct field_rule of_leaf[] = {
		{.number = 1, .has = RULE_REQUIRED},
		{.number = 2, .has = RULE_MIN, .min = 1},
	};
	static const struct message_rules leaf_rules = {
		.message = &prism__test__leaf__descriptor, .fields = of_leaf, .count = 2};
	static const struct field_rule fields[] = {
		{.number = LEAF, .nested = &leaf_rules},
		{.number = LEAF_MANY, .nested = &leaf_rules},
		{.number = CHOICE_LEAF, .nested = &leaf_rules},
	};
	int64_t numbers[] = {5, 0};
	Prism__Test__Leaf good = PRISM__TEST__LEAF__INIT, bad = PRISM__TEST__LEAF__INIT;
	Prism__Test__Leaf zero = PRISM__TEST__LEAF__INIT, *leaves[] = {&good, &zero};
	good.name = text("n");
	zero.name = text("n"), zero.n_numbers = 2, zero.numbers = numbers;
	shapes message = PRISM__TEST__SHAPES__INIT;
	assert_int_equal(check(&message, fields, 3), STATUS_OK);
	message.leaf_one = &good;
	assert_int_equal(check(&message, fields, 3), STATUS_OK);
	message.leaf_one = &bad;
	assert_int_equal(check(&message, fields, 3), STATUS_INVALID_ARGUMENT);
	assert_string_equal(reason, "leaf_one.name: a value is required");
	message.leaf_one = &good;
	message.n_leaf_many = 2, message.leaf_many = leaves;
	assert_int_equal(check(&message, fields, 3), STATUS_INVALID_ARGUMENT);
	assert_string_equal(reason, "leaf_many[1].numbers[1]: 0, must be at least 1");
	message.n_leaf_many = 1;
	message.choice_case = PRISM__TEST__SHAPES__CHOICE_CHOICE_LEAF;
	message.choice_leaf = &bad;
	assert_int_equal(check(&message, fields, 3), STATUS_INVALID_ARGUMENT);
	assert_string_equal(reason, "choice_leaf.name: a value is required");
}

/* --- formats -------------------------------------------------------------------------- */

struct sample {
	enum rule_format format;
	const char *good[12], *bad[20], *must;
};

static const struct sample samples[] = {
	{RULE_UUID,
         {"00000000-0000-0000-0000-000000000000", "018f3a5c-1b2d-7e4f-8a9b-0c1d2e3f4a5b",
          "ABCDEF01-2345-6789-abcd-EF0123456789"},
         {"018f3a5c1b2d7e4f8a9b0c1d2e3f4a5b", "018f3a5c-1b2d-7e4f-8a9b-0c1d2e3f4a5",
          "018f3a5c-1b2d-7e4f-8a9b-0c1d2e3f4a5bc", "018f3a5g-1b2d-7e4f-8a9b-0c1d2e3f4a5b",
          "018f3a5c-1b2d-7e4f-8a9b00c1d2e3f4a5b", "{18f3a5c-1b2d-7e4f-8a9b-0c1d2e3f4a5}"},
         "must be a UUID: 8-4-4-4-12 hexadecimal digits"},
	{RULE_SLUG,
         {"a", "0", "pg-bouncer", "a-b-c-1", "2024"},
         {"-", "-a", "a-", "a--b", "A", "a_b", "a b", "\xc3\xa9", "a.b"},
         "must be a slug: a-z and 0-9 with single hyphens in between"},
	{RULE_KEY,
         {"AB", "pgb", "P1", "Abcdefghijklmnopqrst"},
         {"A", "1A", "Abcdefghijklmnopqrstu", "A-B", "A B",
          "\xc3\xa9"
          "a",
          "A_"},
         "must be a key: a letter, then 1 to 19 letters or digits"},
	{RULE_STORY_KEY,
         {"PGB-701", "pgb-1", "A1-999999999999999999"},
         {"PGB", "PGB-", "PGB-0", "PGB-01", "-1", "P-1", "PGB-1a", "PGB--1", "PGB-1-2", "1A-1",
          "PGB-1000000000000000000", "PGB 1", "Abcdefghijklmnopqrstu-1"},
         "must be a story key like PROJ-123"},
	{RULE_EMAIL,
         {"a@b", "first.last+tag@example.org", "\xc3\xa9@example.org"},
         {"@", "a@", "@b", "a", "a@b@c", "a b@c", "a@b ", "a@b\n",
          "a@\xc2\xa0"
          "b",
          "a@b\x7f"},
         "must be an e-mail address: one '@' inside, no white space"},
	{RULE_USERNAME,
         {"abc", "A-b_9"},
         {"ab", "a b", "a.b", "a@b", "\xc3\xa9\xc3\xa9\xc3\xa9",
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "aaaaaaaa"
          "aaaaa"},
         "must be a user name: 3 to 100 of A-Z, a-z, 0-9, '_' and '-'"},
	{RULE_DECIMAL,
         {"0", "12", "12.50", "0.001"},
         {"-1", "+1", ".5", "5.", "1e3", "1,5", "1.2.3", " 1", "x"},
         "must be a decimal number: digits, with an optional fraction"},
	{RULE_DATE,
         {"2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31", "2023-11-30", "2023-02-28"},
         {"2023-02-29", "1900-02-29", "2024-02-30", "2024-13-01", "2024-00-01", "2024-01-00",
          "2024-04-31", "0000-01-01", "2024-1-01", "2024-01-1", "2024/01/01", "24-01-01",
          "2024-01-01T", "2024-01-32", "aaaa-01-01", "2024-aa-01", "2024-01-aa", "2024-01 01"},
         "must be a date that exists, as YYYY-MM-DD"},
	{RULE_COLOR,
         {"#000000", "#aAbB09"},
         {"000000", "#00000", "#0000000", "#00000g", "#", "##00000"},
         "must be a color as #RRGGBB, in hexadecimal digits"},
	{RULE_ANY, {"x", " ", "\n"}, {NULL}, NULL},
};

static void formats_take_the_good_and_name_the_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		const struct sample *sample = &samples[i];
		struct field_rule rule = {.number = STRING, .format = sample->format};
		for (size_t j = 0; sample->good[j]; j++) {
			shapes message = with_string(sample->good[j]);
			assert_good(&message, rule);
		}
		for (size_t j = 0; sample->bad[j]; j++) {
			shapes message = with_string(sample->bad[j]);
			char expected[128];
			snprintf(expected, sizeof expected, "string_one: %s", sample->must);
			assert_bad(&message, rule, expected);
		}
	}
}

static void every_format_refuses_an_empty_text(void **state)
{
	(void)state;
	for (int format = RULE_UUID; format <= RULE_COLOR; format++) {
		struct field_rule rule = {.number = CHOICE_TEXT,
		                          .format = (enum rule_format)format};
		shapes message = PRISM__TEST__SHAPES__INIT;
		message.choice_case = PRISM__TEST__SHAPES__CHOICE_CHOICE_TEXT;
		message.choice_text = text("");
		assert_int_equal(check(&message, &rule, 1), STATUS_INVALID_ARGUMENT);
	}
}

static void days_exist_as_the_calendar_says(void **state)
{
	(void)state;
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	struct field_rule rule = {.number = STRING, .format = RULE_DATE};
	for (int year = 1890; year < 2110; year += 10) {
		for (int month = 0; month <= 13; month++) {
			bool leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
			int most = month < 1 || month > 12 ? 0
			                                   : days[month - 1] + (month == 2 && leap);
			for (int day = 0; day <= 33; day++) {
				char date[64];
				snprintf(date, sizeof date, "%04d-%02d-%02d", year, month, day);
				shapes message = with_string(date);
				assert_int_equal(check(&message, &rule, 1) == STATUS_OK,
				                 day >= 1 && day <= most);
			}
		}
	}
}

static void a_json_object_says_what_is_wrong_with_it(void **state)
{
	(void)state;
	struct field_rule rule = {.number = STRING, .format = RULE_JSON_OBJECT};
	shapes message = with_string("{\"a\":[1,2,{\"b\":null}]}");
	assert_good(&message, rule);
	message = with_string("[1]");
	assert_bad(&message, rule, "string_one: must be a JSON object: it does not start with '{'");
	message = with_string("{\"a\":\"\\u0000\"}");
	assert_bad(&message, rule, "string_one: must be a JSON object: \\u0000 is not allowed");
}

/* --- the reason's room --------------------------------------------------------------------- */

static void a_long_path_and_many_names_are_cut(void **state)
{
	(void)state;
	ProtobufCFieldDescriptor field =
		*protobuf_c_message_descriptor_get_field(&prism__test__shapes__descriptor, COLOUR);
	ProtobufCEnumDescriptor colours = prism__test__colour__descriptor;
	ProtobufCEnumValue values[50];
	char name[400];
	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = '\0';
	for (size_t i = 0; i < 50; i++)
		values[i] = (ProtobufCEnumValue){"A_LONG_NAME", "A_LONG_NAME", (int)i};
	colours.values = values;
	colours.n_values = 50;
	field.name = name;
	field.descriptor = &colours;
	ProtobufCIntRange ranges[] = {{COLOUR, 0}, {0, 1}};
	ProtobufCMessageDescriptor descriptor = prism__test__shapes__descriptor;
	descriptor.n_fields = 1;
	descriptor.fields = &field;
	descriptor.n_field_ranges = 1;
	descriptor.field_ranges = ranges;
	shapes message = PRISM__TEST__SHAPES__INIT;
	message.base.descriptor = &descriptor;
	message.colour_one = (Prism__Test__Colour)99;
	struct field_rule rule = {.number = COLOUR, .has = RULE_KNOWN_ENUM};
	struct message_rules rules = {.message = &descriptor, .fields = &rule, .count = 1};
	memset(reason, 'x', sizeof reason);
	assert_int_equal(rules_check(&rules, &message.base, reason), STATUS_INVALID_ARGUMENT);
	assert_true(strnlen(reason, sizeof reason) < sizeof reason);
	assert_non_null(strstr(reason, ": 99 is no Colour"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_rules_nothing_to_check),
		cmocka_unit_test(required_fields_hold_something),
		cmocka_unit_test(a_mask_that_is_not_there_is_told_what_it_may_name),
		cmocka_unit_test(a_required_member_of_a_oneof_is_set_and_not_empty),
		cmocka_unit_test(unset_fields_are_held_to_nothing_else),
		cmocka_unit_test(a_member_that_is_set_is_held_even_when_empty),
		cmocka_unit_test(a_required_oneof_has_a_member),
		cmocka_unit_test(optional_fields_of_proto2_say_whether_they_are_set),
		cmocka_unit_test(strings_are_measured_in_characters),
		cmocka_unit_test(bytes_and_lists_are_measured_in_theirs),
		cmocka_unit_test(lengths_of_a_list_are_not_its_elements),
		cmocka_unit_test(numbers_have_ranges),
		cmocka_unit_test(enums_are_known_and_have_ranges),
		cmocka_unit_test(texts_may_have_to_be_trimmed),
		cmocka_unit_test(every_element_is_checked_and_named),
		cmocka_unit_test(nested_messages_have_rules_of_their_own),
		cmocka_unit_test(formats_take_the_good_and_name_the_bad),
		cmocka_unit_test(every_format_refuses_an_empty_text),
		cmocka_unit_test(days_exist_as_the_calendar_says),
		cmocka_unit_test(a_json_object_says_what_is_wrong_with_it),
		cmocka_unit_test(a_long_path_and_many_names_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
