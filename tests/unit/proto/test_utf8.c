#include "proto/utf8.h"
#include "tests/unit/proto/support.h"

/* A decoder written from RFC 3629's grammar, character by character, to compare with. */
static bool by_the_grammar(const uint8_t *at, size_t left)
{
	static const struct {
		uint8_t lead_from, lead_to, second_from, second_to, len;
	} forms[] = {
		{0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	while (left > 0) {
		size_t len = 0;
		for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
			if (at[0] < forms[i].lead_from || at[0] > forms[i].lead_to)
				continue;
			if (left < forms[i].len)
				return false;
			if (forms[i].len > 1 &&
			    (at[1] < forms[i].second_from || at[1] > forms[i].second_to))
				return false;
			len = forms[i].len;
		}
		for (size_t i = 2; i < len; i++) {
			if (at[i] < 0x80 || at[i] > 0xbf)
				return false;
		}
		if (len == 0)
			return false;
		at += len;
		left -= len;
	}
	return true;
}

static void assert_as_the_grammar(const uint8_t *text, size_t len)
{
	bool valid = by_the_grammar(text, len);
	bool nul = len > 0 && memchr(text, 0, len);
	struct bytes bytes = bytes_of(text, len);
	assert_int_equal(utf8_valid(bytes), valid);
	enum utf8_fault fault = utf8_string_fault(bytes);
	if (fault == UTF8_GOOD)
		assert_true(valid && !nul);
	else if (fault == UTF8_NUL)
		assert_true(nul);
	else
		assert_false(valid);
	assert_int_equal(fault == UTF8_GOOD, valid && !nul);
}

static void every_text_of_three_bytes_is_as_the_grammar_says(void **state)
{
	(void)state;
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			uint8_t text[3] = {(uint8_t)a, (uint8_t)b};
			assert_as_the_grammar(text, 1);
			assert_as_the_grammar(text, 2);
			for (unsigned c = 0; c < 256; c += 7) {
				text[2] = (uint8_t)c;
				assert_as_the_grammar(text, 3);
			}
		}
	}
}

static void the_edges_of_four_bytes_are_as_the_grammar_says(void **state)
{
	(void)state;
	static const uint8_t edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0};
	for (unsigned lead = 0xe0; lead < 256; lead++) {
		for (size_t i = 0; i < sizeof edges * sizeof edges * sizeof edges; i++) {
			uint8_t text[4] = {(uint8_t)lead, edges[i % 9], edges[i / 9 % 9],
			                   edges[i / 81]};
			assert_as_the_grammar(text, 4);
		}
	}
}

static void a_bad_byte_is_found_wherever_it_stands(void **state)
{
	(void)state;
	for (size_t len = 1; len < 40; len++) {
		for (size_t at = 0; at < len; at++) {
			uint8_t text[40];
			memset(text, 'a', sizeof text);
			text[at] = 0xff;
			uint8_t *copy = exact_copy(bytes_of(text, len));
			assert_int_equal(utf8_string_fault(bytes_of(copy, len)), UTF8_INVALID);
			copy[at] = 0;
			assert_int_equal(utf8_string_fault(bytes_of(copy, len)), UTF8_NUL);
			assert_true(utf8_valid(bytes_of(copy, len)));
			copy[at] = 0x01;
			assert_int_equal(utf8_string_fault(bytes_of(copy, len)), UTF8_GOOD);
			free(copy);
		}
	}
}

static void random_texts_are_as_the_grammar_says(void **state)
{
	(void)state;
	static const char *const pieces[] = {"a",
	                                     "plain text",
	                                     "\xc3\xa9",
	                                     "\xe2\x82\xac",
	                                     "\xf0\x9f\x98\x80",
	                                     "\xed\xa0\x80",
	                                     "\xc0\x80",
	                                     "\x80"};
	uint64_t seed = 2;
	for (int round = 0; round < 50000; round++) {
		uint8_t text[128];
		size_t len = 0, most = random_below(&seed, 9);
		for (size_t i = 0; i < most; i++) {
			const char *piece =
				pieces[random_below(&seed, random_below(&seed, 4) ? 5 : 8)];
			memcpy(text + len, piece, strlen(piece));
			len += strlen(piece);
		}
		if (len > 0 && random_below(&seed, 8) == 0)
			text[random_below(&seed, len)] = (uint8_t)random_next(&seed);
		uint8_t *copy = exact_copy(bytes_of(text, len));
		assert_as_the_grammar(copy, len);
		free(copy);
	}
}

static void nothing_is_valid(void **state)
{
	(void)state;
	assert_true(utf8_valid((struct bytes){0}));
	assert_int_equal(utf8_string_fault((struct bytes){0}), UTF8_GOOD);
	assert_int_equal(utf8_characters((struct bytes){0}), 0);
	assert_false(utf8_edge_space((struct bytes){0}));
}

static void characters_are_counted(void **state)
{
	(void)state;
	assert_int_equal(utf8_characters(bytes_of_string("abc")), 3);
	assert_int_equal(utf8_characters(bytes_of_string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")),
	                 3);
}

static void white_space_is_unicodes(void **state)
{
	(void)state;
	static const char *const spaces[] = {
		" ",
		"\t",
		"\n",
		"\v",
		"\f",
		"\r",
		"\xc2\x85",
		"\xc2\xa0",
		"\xe1\x9a\x80",
		"\xe2\x80\x80",
		"\xe2\x80\x8a",
		"\xe2\x80\xa8",
		"\xe2\x80\xa9",
		"\xe2\x80\xaf",
		"\xe2\x81\x9f",
		"\xe3\x80\x80",
	};
	static const char *const others[] = {
		"a",    "\xc2\x86", "\xe1\x9a\x81", "\xe2\x80\x8b", "\xe2\x80\xaa", "\xe3\x80\x81",
		"\x1b", "_"};
	for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
		char text[16];
		struct bytes space = bytes_of_string(spaces[i]);
		assert_int_equal(utf8_space(space), space.len);
		assert_int_equal(utf8_space(bytes_of(space.data, space.len - 1)), 0);
		snprintf(text, sizeof text, "%sx", spaces[i]);
		assert_true(utf8_edge_space(bytes_of_string(text)));
		snprintf(text, sizeof text, "x%s", spaces[i]);
		assert_true(utf8_edge_space(bytes_of_string(text)));
		snprintf(text, sizeof text, "x%sx", spaces[i]);
		assert_false(utf8_edge_space(bytes_of_string(text)));
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(utf8_edge_space(bytes_of_string(others[i])));
}

static void a_cut_leaves_whole_characters(void **state)
{
	(void)state;
	static const char text[] = "a\xc3\xb8\xe2\x82\xac\xf0\x9f\x98\x80";
	static const size_t kept[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
	for (size_t most = 0; most < sizeof kept / sizeof *kept; most++)
		assert_int_equal(utf8_cut(bytes_of_string(text), most).len, kept[most]);
}

static void mending_drops_what_is_invalid(void **state)
{
	(void)state;
	static const struct {
		const char *text, *mended;
	} cases[] = {
		{"", ""},
		{"plain", "plain"},
		{"\xc3\xb8\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xb8\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"cut \xc3", "cut "},
		{"cut \xe2\x82", "cut "},
		{"cut \xf0\x9f\x98", "cut "},
		{"\xc3\"; then", "\"; then"},
		{"\xe2\x82\xc3\xb8", "\xc3\xb8"},
		{"\x80\xbf\xff\xc0\xaf", ""},
		{"a\xed\xa0\x80z", "az"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[32];
		snprintf(text, sizeof text, "%s", cases[i].text);
		text[utf8_mend(text, strlen(text))] = '\0';
		assert_string_equal(text, cases[i].mended);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_text_of_three_bytes_is_as_the_grammar_says),
		cmocka_unit_test(the_edges_of_four_bytes_are_as_the_grammar_says),
		cmocka_unit_test(a_bad_byte_is_found_wherever_it_stands),
		cmocka_unit_test(random_texts_are_as_the_grammar_says),
		cmocka_unit_test(nothing_is_valid),
		cmocka_unit_test(characters_are_counted),
		cmocka_unit_test(white_space_is_unicodes),
		cmocka_unit_test(a_cut_leaves_whole_characters),
		cmocka_unit_test(mending_drops_what_is_invalid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
