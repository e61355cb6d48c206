#include "db/failure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_failure(const char *text, enum failure_kind kind, const char *message)
{
	struct failure failure;
	failure_from_libpq(&failure, false, text);
	assert_int_equal(failure.kind, kind);
	assert_string_equal(failure.message, message);
}

static void test_words_of_libpq(void **state)
{
	(void)state;
	assert_failure("connection to server on socket \"/tmp/.s.PGSQL.1\" failed: FATAL:  28P01: "
	               "password authentication failed for user \"app\"\nLOCATION:  auth_failed, "
	               "auth.c:326\n",
	               FAILURE_REFUSED, "password authentication failed for user \"app\"");
	assert_failure(
		"connection to server at \"db\" (10.0.0.1), port 5432 failed: FATAL:  57P03: the "
		"database system is starting up\n",
		FAILURE_STARTING, "the database system is starting up");
	assert_failure("... failed: FATAL:  53300: sorry, too many clients already\n", FAILURE_FULL,
	               "sorry, too many clients already");
	assert_failure("... failed: FATAL:  3D000: database \"x\" does not exist\n",
	               FAILURE_REFUSED, "database \"x\" does not exist");
	assert_failure("... failed: FATAL:  08P01: unsupported frontend protocol\n",
	               FAILURE_NETWORK, "unsupported frontend protocol");
	/* In another language only the severity's word differs. */
	assert_failure("... failed: FATAL\u00cdLN\u00cd:  28000: nic\n", FAILURE_REFUSED, "nic");
	assert_failure("connection to server at \"db\" failed: Connection refused\n\tIs the server "
	               "running?\n",
	               FAILURE_NETWORK,
	               "connection to server at \"db\" failed: Connection refused");
	struct failure failure;
	failure_from_libpq(&failure, true, "server closed the connection unexpectedly\n");
	assert_int_equal(failure.kind, FAILURE_STARTING);
	assert_failure("", FAILURE_NETWORK, "");
	assert_failure(":  ", FAILURE_NETWORK, ":  ");
	assert_failure("FATAL:  28P01", FAILURE_NETWORK, "FATAL:  28P01");
}

static void test_refused_statements(void **state)
{
	(void)state;
	assert_int_equal(failure_of_prepare("42P01"), FAILURE_SCHEMA);
	assert_int_equal(failure_of_prepare("42703"), FAILURE_SCHEMA);
	assert_int_equal(failure_of_prepare("0A000"), FAILURE_SCHEMA);
	assert_int_equal(failure_of_prepare("55P03"), FAILURE_NETWORK);
	assert_int_equal(failure_of_prepare("57014"), FAILURE_NETWORK);
	assert_int_equal(failure_of_prepare("53200"), FAILURE_NETWORK);
	assert_int_equal(failure_of_prepare("57P01"), FAILURE_STARTING);
	assert_int_equal(failure_of_prepare(""), FAILURE_NETWORK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_of_libpq),
		cmocka_unit_test(test_refused_statements),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
