/* split: where statements end, in the hard cases of PostgreSQL's lexer. */
#include "db/migrate/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* `expected` are the statements without what surrounds them, divided by "|". */
static void assert_split(const char *sql, const char *expected)
{
	struct split split;
	char message[128], got[2048] = "";
	size_t length = 0;
	if (!split_sql(&split, sql, message, sizeof message))
		fail_msg("%s: %s", sql, message);
	for (size_t i = 0; i < split.count; i++)
		length += (size_t)snprintf(got + length, sizeof got - length, "%s%.*s",
		                           i ? "|" : "", (int)split.at[i].length, split.at[i].text);
	assert_string_equal(got, expected);
	split_free(&split);
}

static void assert_unclosed(const char *sql, const char *words)
{
	struct split split;
	char message[128];
	assert_false(split_sql(&split, sql, message, sizeof message));
	assert_string_equal(message, words);
	split_free(&split);
}

static void plain(void **state)
{
	(void)state;
	assert_split("", "");
	assert_split(" \n;;; -- nothing; here\n /* nor ; /* here; */ ; */ ;", "");
	assert_split("SELECT 1;SELECT 2", "SELECT 1|SELECT 2");
	assert_split("SELECT 1; -- the end;", "SELECT 1");
	assert_split("-- why;\nSELECT 1;", "SELECT 1");
}

static void quotes(void **state)
{
	(void)state;
	assert_split("SELECT ';';a", "SELECT ';'|a");
	assert_split("SELECT 'it''s;';a", "SELECT 'it''s;'|a");
	assert_split("SELECT 'back\\';a", "SELECT 'back\\'|a");
	assert_split("SELECT E'it\\'s;';a", "SELECT E'it\\'s;'|a");
	assert_split("SELECT e'\\\\';a", "SELECT e'\\\\'|a");
	assert_split("SELECT date'2024-01-01;';a", "SELECT date'2024-01-01;'|a");
	assert_split("SELECT U&'\\0061;';a", "SELECT U&'\\0061;'|a");
	assert_split("SELECT \"a;\"\"b\";a", "SELECT \"a;\"\"b\"|a");
}

static void dollars(void **state)
{
	(void)state;
	assert_split("DO $$ BEGIN x; END $$;a", "DO $$ BEGIN x; END $$|a");
	assert_split("DO $f$ $$;$$ $g$;$g$ $f$;a", "DO $f$ $$;$$ $g$;$g$ $f$|a");
	assert_split("PREPARE p AS SELECT $1;a$b$;c", "PREPARE p AS SELECT $1|a$b$|c");
	assert_split("DO $\xc3\xa9$;$\xc3\xa9$;a", "DO $\xc3\xa9$;$\xc3\xa9$|a");
}

static void nested(void **state)
{
	(void)state;
	assert_split("CREATE RULE r AS ON INSERT TO t DO (a; b);c",
	             "CREATE RULE r AS ON INSERT TO t DO (a; b)|c");
	assert_split("a /* ; /* ; */ ; */ b;c", "a /* ; /* ; */ ; */ b|c");
	assert_split("a -- ' \" $$ (\n;b", "a -- ' \" $$ (\n|b");
}

static void standard_functions(void **state)
{
	(void)state;
	assert_split("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN "
	             "true THEN 1 END; END;b",
	             "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN "
	             "true THEN 1 END; END|b");
	assert_split("create or replace procedure p() begin atomic a; end;b",
	             "create or replace procedure p() begin atomic a; end|b");
	assert_split("BEGIN;a;END;b", "BEGIN|a|END|b");
}

static void lines(void **state)
{
	(void)state;
	struct split split;
	char message[128];
	assert_true(split_sql(&split, "-- one\nSELECT\n1;\n\n/*\n*/ SELECT 2", message,
	                      sizeof message));
	assert_int_equal(split.count, 2);
	assert_int_equal(split.at[0].line, 2);
	assert_int_equal(split.at[1].line, 6);
	split_free(&split);
}

static void unclosed(void **state)
{
	(void)state;
	assert_unclosed("a;\nSELECT 'b;", "line 2: a string is not closed");
	assert_unclosed("SELECT \"b;", "line 1: a quoted name is not closed");
	assert_unclosed("a;\n\n/* /* */", "line 3: a comment is not closed");
	assert_unclosed("DO $a$ $b$;", "line 1: a dollar-quoted string is not closed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(quotes),
		cmocka_unit_test(dollars),
		cmocka_unit_test(nested),
		cmocka_unit_test(standard_functions),
		cmocka_unit_test(lines),
		cmocka_unit_test(unclosed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
