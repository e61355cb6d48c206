/* Names as slugs: what of them is left, and what serves when nothing is. */
#include "daemon/services/slug.h"
#include "tests/unit/daemon/rpc/bare_call.h"

static char *make(struct call *call, const char *text, size_t max)
{
	char *slug;
	assert_int_equal(slug_make(call, text, max, "org", &slug), STATUS_OK);
	return slug;
}

static void assert_slugs(const char *const pairs[][2])
{
	for (size_t i = 0; pairs[i][0]; i++) {
		struct call *call = bare_call(LIMIT_CALL_ARENA);
		assert_string_equal(make(call, pairs[i][0], 100), pairs[i][1]);
		bare_call_free(call);
	}
}

static void letters_and_digits_stay(void **state)
{
	(void)state;
	assert_slugs((const char *const[][2]){
		{"acme", "acme"},
		{"ACME Inc", "acme-inc"},
		{"Team 42", "team-42"},
		{"  Two -- spaces  ", "two-spaces"},
		{"a_b.c/d", "a-b-c-d"},
		{"-x-", "x"},
		{"\t\x01q\x7f", "q"},
		{NULL, NULL},
	});
}

static void marks_are_stripped(void **state)
{
	(void)state;
	assert_slugs((const char *const[][2]){
		{"Zürich", "zurich"},
		{"Zu\xcc\x88rich", "zurich"}, /* a combining diaeresis */
		{"ÅNGSTRÖM", "angstrom"},
		{"Crème Brûlée", "creme-brulee"},
		{"Việt Nam", "viet-nam"},
		{"ﬁve ①", "five-1"},        /* a ligature and a circled digit */
		{"ＡＢＣ", "abc"},          /* full width */
		{"co\xc2\xad-op", "co-op"}, /* a soft hyphen is not seen */
		{NULL, NULL},
	});
}

/* Letters of their own right, which no decomposition takes apart. */
static void other_latin_letters_become_plain_ones(void **state)
{
	(void)state;
	assert_slugs((const char *const[][2]){
		{"Bjørn", "bjorn"},
		{"BJØRN", "bjorn"},
		{"Łódź", "lodz"},
		{"Đà Nẵng", "da-nang"},
		{"Ærø", "aero"},
		{"Œuvre", "oeuvre"},
		{"Straße", "strasse"},
		{"STRAẞE", "strasse"},
		{"Diyarbakır", "diyarbakir"},
		{"İzmir", "izmir"},
		{"Þórður", "thordur"},
		{"Ħamrun", "hamrun"},
		{"Ŋŋ", "nn"},
		{"Ŧest", "test"},
		{"Bakı Əli", "baki-eli"},
		{NULL, NULL},
	});
}

static void other_scripts_leave_a_gap(void **state)
{
	(void)state;
	assert_slugs((const char *const[][2]){
		{"Проект X", "x"},
		{"a東京b", "a-b"},
		{"日本 2", "2"},
		{NULL, NULL},
	});
}

static void it_is_cut_and_does_not_end_in_a_hyphen(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t max;
		const char *slug;
	} cases[] = {
		{"abcdef", 4, "abcd"},   {"abcdef", 6, "abcdef"},  {"abc def", 4, "abc"},
		{"abc def", 5, "abc-d"}, {"ab\xc3\xa6", 3, "aba"}, {"a", 1, "a"},
		{"a b", 2, "a"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct call *call = bare_call(LIMIT_CALL_ARENA);
		assert_string_equal(make(call, cases[i].text, cases[i].max), cases[i].slug);
		bare_call_free(call);
	}
}

static bool is_hexadecimal(const char *text)
{
	return strspn(text, "0123456789abcdef") == strlen(text);
}

static void nothing_left_is_the_fallback(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "   ", "東京", "!?", "\xc3", "a\xff"};
	struct call *call = bare_call(LIMIT_CALL_ARENA);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		const char *slug = make(call, texts[i], 100);
		assert_memory_equal(slug, "org-", 4);
		assert_int_equal(strlen(slug), 12);
		assert_true(is_hexadecimal(slug + 4));
		assert_string_not_equal(slug, make(call, texts[i], 100));
	}
	bare_call_free(call);
}

static void the_fallback_keeps_to_the_limit(void **state)
{
	(void)state;
	static const char *const heads[] = {
		[8] = "", [9] = "", [10] = "o-", [11] = "or-", [12] = "org-", [13] = "org-"};
	struct call *call = bare_call(LIMIT_CALL_ARENA);
	for (size_t max = 1; max < 14; max++) {
		const char *slug = make(call, "東京", max);
		assert_in_range(strlen(slug), 1, max);
		const char *head = max < 8 ? "" : heads[max];
		assert_memory_equal(slug, head, strlen(head));
		assert_true(is_hexadecimal(slug + strlen(head)));
	}
	bare_call_free(call);
}

/* Neither a shorter slug nor a random one. */
static void without_memory_there_is_none(void **state)
{
	(void)state;
	for (size_t memory = 0; memory < 4096; memory += 256) {
		struct call *call = bare_call(memory);
		char *slug;
		enum status status =
			slug_make(call, "A name that is left as it is", 100, "org", &slug);
		if (status == STATUS_OK)
			assert_string_equal(slug, "a-name-that-is-left-as-it-is");
		else
			assert_int_equal(status, STATUS_RESOURCE_EXHAUSTED);
		if (memory == 0)
			assert_int_equal(status, STATUS_RESOURCE_EXHAUSTED);
		bare_call_free(call);
	}
	struct call *call = bare_call(4096);
	static char long_name[8192];
	char *slug;
	memset(long_name, 'x', sizeof(long_name) - 1);
	assert_int_equal(slug_make(call, long_name, 100, "org", &slug), STATUS_RESOURCE_EXHAUSTED);
	bare_call_free(call);
}

static void words_of_addresses_are_reserved(void **state)
{
	(void)state;
	assert_true(slug_reserved("admin"));
	assert_true(slug_reserved("new"));
	assert_false(slug_reserved("admins"));
	assert_false(slug_reserved(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_and_digits_stay),
		cmocka_unit_test(marks_are_stripped),
		cmocka_unit_test(other_latin_letters_become_plain_ones),
		cmocka_unit_test(other_scripts_leave_a_gap),
		cmocka_unit_test(it_is_cut_and_does_not_end_in_a_hyphen),
		cmocka_unit_test(nothing_left_is_the_fallback),
		cmocka_unit_test(the_fallback_keeps_to_the_limit),
		cmocka_unit_test(without_memory_there_is_none),
		cmocka_unit_test(words_of_addresses_are_reserved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
