#include "db/conninfo.h"
#include "db/resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct conninfo_session session = {"prismd:read", 2000, 1000, false};

static int unset_environment(void **state)
{
	static const char *const names[] = {"PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE"};
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (unsetenv(names[i]) != 0)
			return -1;
	return 0;
}

static struct conninfo *parse(const char *text)
{
	char message[CONNINFO_MESSAGE_SIZE];
	struct conninfo *conninfo = NULL;
	assert_int_equal(conninfo_new(&conninfo, text, &session, message), STATUS_OK);
	return conninfo;
}

static void assert_value(const char *text, const char *keyword, const char *value)
{
	struct conninfo *conninfo = parse(text);
	assert_string_equal(conninfo_get(conninfo, keyword), value);
	conninfo_free(conninfo);
}

static void test_urls(void **state)
{
	(void)state;
	assert_value("postgresql+asyncpg://u:p@db:5433/prism_db", "host", "db");
	assert_value("postgresql+asyncpg://u:p@db:5433/prism_db", "port", "5433");
	assert_value("postgresql+psycopg2://u:p@db:5433/prism_db", "password", "p");
	assert_value("postgres://u@db/a%2Bb", "dbname", "a+b");
	assert_value("postgresql://u:a+b@db/x", "password", "a+b");
	assert_value("host=/run/postgresql dbname=a+b", "dbname", "a+b");
}

static void test_session(void **state)
{
	(void)state;
	assert_value("dbname=x", "application_name", "prismd:read");
	assert_value("dbname=x application_name=mine", "application_name", "mine");
	assert_value("dbname=x", "gssencmode", "disable");
	assert_value("dbname=x", "tcp_user_timeout", "10000");
	assert_value("dbname=x tcp_user_timeout=5", "tcp_user_timeout", "5");
	assert_value("dbname=x client_encoding=LATIN1", "client_encoding", "UTF8");
	struct conninfo *conninfo =
		parse("dbname=x options='-c statement_timeout=7 -c TimeZone=CET'");
	const char *options = conninfo_get(conninfo, "options");
	assert_non_null(strstr(options, "-c statement_timeout=2000"));
	assert_non_null(strstr(options, "-c lock_timeout=1000"));
	/* The last one holds: theirs for the time-out, ours for the time zone. */
	assert_true(strstr(options, "statement_timeout=2000") <
	            strstr(options, "statement_timeout=7"));
	assert_true(strstr(options, "TimeZone=CET") < strstr(options, "TimeZone=UTC"));
	assert_non_null(strstr(options, "search_path=public,pg_catalog"));
	conninfo_free(conninfo);
}

static void test_environment(void **state)
{
	(void)state;
	assert_int_equal(setenv("PGHOST", "elsewhere", 1), 0);
	assert_int_equal(setenv("PGPORT", "5439", 1), 0);
	assert_value("dbname=x", "host", "elsewhere");
	assert_value("dbname=x", "port", "5439");
	assert_value("host=db port=1", "host", "db");
	assert_value("host=db port=1", "port", "1");
	struct conninfo *conninfo = parse("dbname=x");
	assert_true(resolve_needed(conninfo));
	conninfo_free(conninfo);
	assert_int_equal(setenv("PGHOSTADDR", "127.0.0.1", 1), 0);
	assert_value("dbname=x", "hostaddr", "127.0.0.1");
	conninfo = parse("dbname=x");
	assert_false(resolve_needed(conninfo));
	conninfo_free(conninfo);
	(void)unset_environment(state);
}

static void test_lists_are_parallel(void **state)
{
	struct conninfo *conninfo = parse("host=a dbname=x");
	const char *const *keywords = conninfo_keywords(conninfo);
	const char *const *values = conninfo_values(conninfo);
	size_t count = 0;
	(void)state;
	for (; keywords[count]; count++)
		assert_non_null(values[count]);
	assert_null(values[count]);
	assert_true(count > 8);
	conninfo_free(conninfo);
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {"host",       "postgresql://[::1",
	                                  "nonsense=1", "postgresql://u@db/x?nonsense=1",
	                                  "host='a",    "service=main"};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char message[CONNINFO_MESSAGE_SIZE] = "";
		struct conninfo *conninfo = NULL;
		assert_int_equal(conninfo_new(&conninfo, bad[i], &session, message),
		                 STATUS_INVALID_ARGUMENT);
		assert_null(conninfo);
		assert_ptr_equal(strstr(message, "database URL: "), message);
		assert_null(strchr(message, '\n'));
	}
}

static void assert_resolve(const char *text, bool needed)
{
	struct conninfo *conninfo = parse(text);
	assert_int_equal(resolve_needed(conninfo), needed);
	conninfo_free(conninfo);
}

static void test_names_are_resolved(void **state)
{
	(void)state;
	assert_resolve("dbname=x", false);
	assert_resolve("host=/run/postgresql", false);
	assert_resolve("host=@abstract", false);
	assert_resolve("host=127.0.0.1", false);
	assert_resolve("host=::1", false);
	assert_resolve("host=db hostaddr=127.0.0.1", false);
	assert_resolve("host=db", true);
	assert_resolve("host=127.0.0.1,db,/run", true);
}

static void test_hosts_are_replaced(void **state)
{
	struct conninfo *conninfo = parse("host=db dbname=x");
	struct conninfo *copy =
		conninfo_with_hosts(conninfo, "db,db", "::1,127.0.0.1", "5432,5432");
	(void)state;
	conninfo_free(conninfo);
	assert_non_null(copy);
	assert_string_equal(conninfo_get(copy, "hostaddr"), "::1,127.0.0.1");
	assert_string_equal(conninfo_get(copy, "host"), "db,db");
	assert_string_equal(conninfo_get(copy, "dbname"), "x");
	assert_non_null(strstr(conninfo_get(copy, "options"), "TimeZone=UTC"));
	conninfo_free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_lists_are_parallel),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_names_are_resolved),
		cmocka_unit_test(test_hosts_are_replaced),
	};
	return cmocka_run_group_tests(tests, unset_environment, NULL);
}
