#include "db/sqlstate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_statuses(void **state)
{
	static const struct {
		const char *code;
		enum status status;
		enum sqlstate_remedy remedy;
	} cases[] = {
		{"23505", STATUS_ALREADY_EXISTS, SQLSTATE_NONE},
		{"23503", STATUS_FAILED_PRECONDITION, SQLSTATE_NONE},
		{"23514", STATUS_INVALID_ARGUMENT, SQLSTATE_NONE},
		{"22012", STATUS_INVALID_ARGUMENT, SQLSTATE_NONE},
		{"22P02", STATUS_INVALID_ARGUMENT, SQLSTATE_NONE},
		{"40001", STATUS_ABORTED, SQLSTATE_AGAIN},
		{"40P01", STATUS_ABORTED, SQLSTATE_AGAIN},
		{"55P03", STATUS_ABORTED, SQLSTATE_NONE},
		{"42501", STATUS_PERMISSION_DENIED, SQLSTATE_NONE},
		{"57014", STATUS_CANCELLED, SQLSTATE_CANCEL},
		{"57P01", STATUS_UNAVAILABLE, SQLSTATE_RECYCLE},
		{"57P03", STATUS_UNAVAILABLE, SQLSTATE_RECYCLE},
		{"53300", STATUS_UNAVAILABLE, SQLSTATE_RECYCLE},
		{"08006", STATUS_UNAVAILABLE, SQLSTATE_RECYCLE},
		{"25006", STATUS_UNAVAILABLE, SQLSTATE_RECYCLE},
		{"0A000", STATUS_UNAVAILABLE, SQLSTATE_RECHECK},
		{"26000", STATUS_UNAVAILABLE, SQLSTATE_RECHECK},
		{"42P05", STATUS_UNAVAILABLE, SQLSTATE_RECHECK},
		{"53100", STATUS_RESOURCE_EXHAUSTED, SQLSTATE_NONE},
		{"42601", STATUS_INTERNAL, SQLSTATE_NONE},
		{"XX000", STATUS_INTERNAL, SQLSTATE_NONE},
		{"", STATUS_INTERNAL, SQLSTATE_NONE},
		{NULL, STATUS_INTERNAL, SQLSTATE_NONE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(sqlstate_status(cases[i].code), cases[i].status);
		assert_int_equal(sqlstate_find(cases[i].code)->remedy, cases[i].remedy);
		assert_true(strlen(sqlstate_find(cases[i].code)->text) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
