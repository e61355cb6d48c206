/* The texts that prism-db reads without a server: canonical forms, tokens, heads of CREATE, labels
 * of enums. */
#include "db/migrate/catalog/canonical.h"
#include "db/migrate/diff/diff.h"
#include "db/migrate/revision/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_canonical(void **state)
{
	(void)state;
	static const struct {
		const char *text, *canonical; /* NULL: it is already */
	} cases[] = {
		{"CHECK ((n > 0))", NULL},
		{"(role)::text = ANY ((ARRAY['a'::character varying, 'b'::character "
	         "varying])::text[])",
	         "(role)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character "
	         "varying)::text])"},
		{"(ARRAY[('a'::character varying)::text])", NULL},
		{"((ARRAY['x, ]'::varchar, f(1, 2)])::my.\"T y\"[])",
	         "(ARRAY[('x, ]'::varchar)::my.\"T y\", (f(1, 2))::my.\"T y\"])"},
		{"'(ARRAY[1])::text[]'", NULL},
		{"E'\\'(ARRAY[1])::text[]'", NULL},
		{"(ARRAY[])::text[]", NULL},
		{"(ARRAY[1, 2])::text", NULL},
		{"(ARRAY[1, 2", NULL},
		{"(ARRAY[(ARRAY[1])::a[]])::b[]", "ARRAY[(ARRAY[(1)::a])::b]"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = canonical_text(cases[i].text);
		if (cases[i].canonical) {
			assert_non_null(text);
			assert_string_equal(text, cases[i].canonical);
			/* And so it stays. */
			assert_null(canonical_text(text));
		} else {
			assert_null(text);
		}
		free(text);
	}
}

static void test_tokens(void **state)
{
	(void)state;
	static const char sql[] = "SELECT \"a\"\"b\", 'it''s', E'\\'', $x$ ; $x$ -- end\n"
				  "/* a /* b */ c */ 1.5e3;$1";
	static const struct {
		enum token_kind kind;
		const char *text;
		unsigned line;
	} wanted[] = {
		{TOKEN_WORD, "SELECT", 1},    {TOKEN_NAME, "\"a\"\"b\"", 1},
		{TOKEN_OTHER, ",", 1},        {TOKEN_STRING, "'it''s'", 1},
		{TOKEN_OTHER, ",", 1},        {TOKEN_STRING, "E'\\''", 1},
		{TOKEN_OTHER, ",", 1},        {TOKEN_STRING, "$x$ ; $x$", 1},
		{TOKEN_COMMENT, "-- end", 1}, {TOKEN_COMMENT, "/* a /* b */ c */", 2},
		{TOKEN_OTHER, "1.5e3", 2},    {TOKEN_OTHER, ";", 2},
		{TOKEN_OTHER, "$", 2},        {TOKEN_OTHER, "1", 2},
		{TOKEN_END, "", 2},
	};
	struct lexer lexer;
	lex_start(&lexer, sql);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct token token = lex_next(&lexer);
		assert_int_equal(token.kind, wanted[i].kind);
		assert_int_equal(token.len, strlen(wanted[i].text));
		assert_memory_equal(token.text, wanted[i].text, token.len);
		assert_int_equal(token.line, wanted[i].line);
	}
}

/* What is not ended ends with the text. */
static void test_unfinished(void **state)
{
	(void)state;
	static const char *const texts[] = {"'a",    "E'a\\",    "\"a",
	                                    "$x$ a", "$x$ a $x", "/* a /* b */"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct lexer lexer;
		lex_start(&lexer, texts[i]);
		assert_int_equal(lex_next(&lexer).len, strlen(texts[i]));
		assert_int_equal(lex_next(&lexer).kind, TOKEN_END);
	}
}

static void test_heads(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		enum kind kind; /* KIND_COUNT: nothing */
		const char *name, *table;
	} cases[] = {
		{"CREATE TABLE one (id int)", KIND_TABLE, "one", ""},
		{"create unlogged table if not exists Public.\"One\" ()", KIND_TABLE, "\"One\"",
	         ""},
		{"CREATE TABLE \"plain\".\"T 2\" ()", KIND_TABLE, "plain.\"T 2\"", ""},
		{"CREATE UNIQUE INDEX CONCURRENTLY i ON a.b (c)", KIND_INDEX, "a.i", "a.b"},
		{"CREATE MATERIALIZED VIEW v AS SELECT 1", KIND_MATERIALIZED_VIEW, "v", ""},
		{"CREATE OR REPLACE FUNCTION a.f(n int)", KIND_FUNCTION, "a.f", ""},
		{"CREATE POLICY p ON t USING (true)", KIND_POLICY, "p", "t"},
		{"CREATE TRIGGER g BEFORE UPDATE OF x ON a.t", KIND_TRIGGER, "g", "a.t"},
		{"GRANT SELECT ON TABLE t TO r", KIND_COUNT, "", ""},
		{"CREATE ROLE r", KIND_COUNT, "", ""},
		{"CREATE", KIND_COUNT, "", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct head head;
		head_read(&head, cases[i].sql);
		assert_int_equal(head.maker ? head.maker->kind : KIND_COUNT, cases[i].kind);
		assert_string_equal(text_string(&head.name), cases[i].name);
		assert_string_equal(text_string(&head.table), cases[i].table);
		head_clear(&head);
	}
}

static bool grows(const char *old, const char *new)
{
	const struct object before = {.shape = old}, after = {.shape = new};
	return enum_grows(&before, &after);
}

static void test_labels(void **state)
{
	(void)state;
	assert_true(grows("a\x1e"
	                  "b",
	                  "a\x1e"
	                  "b\x1e"
	                  "c"));
	assert_true(grows("a\x1e"
	                  "b",
	                  "x\x1e"
	                  "a\x1e"
	                  "y\x1e"
	                  "b"));
	assert_true(grows("", "a"));
	assert_false(grows("a\x1e"
	                   "b",
	                   "b\x1e"
	                   "a"));
	assert_false(grows("a\x1e"
	                   "b",
	                   "a"));
	assert_false(grows("ab", "a\x1e"
	                         "b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical),  cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_unfinished), cmocka_unit_test(test_heads),
		cmocka_unit_test(test_labels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
