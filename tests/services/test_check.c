/* The registry against the live schema: each kind of drift is found and named. The registry here is
 * one statement of the test's own. */
#include "db/check.h"
#include "tests/support/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct param_spec params[] = {
	{"id", DB_INT8, false},
	{"title", DB_TEXT, false},
	{"settings", DB_TEXT, true},
	{"mood", DB_TEXT, false},
};

static const struct column_spec columns[] = {
	{"id", DB_INT8, false},     {"title", DB_TEXT, false},      {"mood", DB_TEXT, false},
	{"points", DB_INT4, true},  {"tags", DB_TEXT_ARRAY, false}, {"at", DB_TIMESTAMPTZ, true},
	{"cost", DB_NUMERIC, true}, {"settings", DB_JSONB, true},
};

static const struct statement usual = {
	.name = "thing_find",
	.sql = "SELECT t.id, t.title, t.mood, t.points, t.tags, t.at, t.cost::text AS cost, "
	       "t.settings"
	       " FROM (SELECT 1) one LEFT JOIN things t"
	       " ON t.id = $1 AND t.title <> $2 AND t.settings <> $3 AND t.mood <> $4",
	.param_count = sizeof(params) / sizeof(params[0]),
	.column_count = sizeof(columns) / sizeof(columns[0]),
	.params = params,
	.columns = columns,
};

/* What the tests look at: `usual`, or something that differs from it. */
static struct statement subject;
const struct statement *const statements[] = {&subject};
const size_t statement_count = 1;

static const char schema[] = "CREATE TYPE mood AS ENUM ('sad', 'glad');"
			     "CREATE TABLE things (id bigint PRIMARY KEY, title varchar(255) NOT "
			     "NULL, mood mood NOT NULL,"
			     " points integer, tags text[] NOT NULL, at timestamptz, cost "
			     "numeric(10,4), settings jsonb)";

static struct cluster *cluster;
static PGconn *pg;

static void execute(const char *sql)
{
	PGresult *result = PQexec(pg, sql);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(pg));
	PQclear(result);
}

/* Runs the check after `ddl`, and takes that back. */
static enum check_result check_after(const char *ddl, char message[CHECK_MESSAGE_SIZE])
{
	execute("BEGIN");
	execute(ddl);
	enum check_result result = check_run(pg, message);
	execute("ROLLBACK");
	return result;
}

static void assert_differs(const char *ddl, const char *expected)
{
	char message[CHECK_MESSAGE_SIZE] = "";
	assert_int_equal(check_after(ddl, message), CHECK_DIFFERS);
	assert_non_null(strstr(message, "statement thing_find"));
	assert_non_null(strstr(message, "; run `prism-db upgrade head`"));
	if (!strstr(message, expected))
		fail_msg("\"%s\" does not say \"%s\"", message, expected);
}

static void test_fits(void **state)
{
	char message[CHECK_MESSAGE_SIZE];
	(void)state;
	assert_int_equal(check_run(pg, message), CHECK_FITS);
	/* What changes nothing for the statement is no drift. */
	assert_int_equal(check_after("ALTER TABLE things ADD COLUMN more text NOT NULL", message),
	                 CHECK_FITS);
	assert_int_equal(
		check_after("ALTER TABLE things ALTER COLUMN points SET NOT NULL", message),
		CHECK_FITS);
	assert_int_equal(check_after("ALTER TABLE things ALTER COLUMN title TYPE text", message),
	                 CHECK_FITS);
}

static void test_missing(void **state)
{
	(void)state;
	assert_differs("DROP TABLE things", "relation \"things\" does not exist");
	assert_differs("ALTER TABLE things DROP COLUMN points", "column t.points does not exist");
	assert_differs("ALTER TABLE things RENAME COLUMN points TO story_points",
	               "column t.points does not exist");
}

static void test_column_type(void **state)
{
	(void)state;
	assert_differs("ALTER TABLE things ALTER COLUMN points TYPE bigint",
	               "column points: we expect integer, the database has bigint");
	assert_differs("ALTER TABLE things ALTER COLUMN at TYPE timestamp",
	               "column at: we expect timestamp with time zone, the database has timestamp "
	               "without time zone");
	assert_differs("ALTER TABLE things ALTER COLUMN tags TYPE integer[] USING NULL",
	               "column tags: we expect text[], the database has integer[]");
}

static void test_nullability(void **state)
{
	(void)state;
	assert_differs("ALTER TABLE things ALTER COLUMN title DROP NOT NULL",
	               "column title: we rely on things.title being NOT NULL, in the database it "
	               "may be NULL");
	assert_differs("ALTER TABLE things ALTER COLUMN mood DROP NOT NULL", "column mood");
}

static void test_parameter_type(void **state)
{
	(void)state;
	assert_differs("ALTER TABLE things ALTER COLUMN id TYPE integer",
	               "parameter $1 id: we send bigint, the database takes integer");
	assert_differs("ALTER TABLE things ALTER COLUMN title TYPE bytea USING ''",
	               "parameter $2 title: we send text, the database takes bytea");
}

/* The declaration is wrong, not the schema: the same check finds it. */
static void test_wrong_declarations(void **state)
{
	(void)state;
	subject.column_count--;
	assert_differs("SET LOCAL work_mem = 64", "we expect 7 columns, the database has 8");
	subject = usual;
	subject.param_count--;
	assert_differs("SET LOCAL work_mem = 64", "we send 3 parameters, the database takes 4");
	subject = usual;
	subject.sql = "SELECT t.id, t.title AS name, t.mood, t.points, t.tags, t.at, 'x' AS cost,"
		      " t.settings FROM things t"
		      " WHERE t.id = $1 AND t.title <> $2 AND t.settings <> $3 AND t.mood <> $4";
	assert_differs("SET LOCAL work_mem = 64",
	               "column 2: we expect title, the database has name");
	subject.sql = "SELECT t.id, t.title, t.mood, t.points, t.tags, t.at, t.cost, t.settings"
		      " FROM things t"
		      " WHERE t.id = $1 AND t.title <> $2 AND t.settings <> $3 AND t.mood <> $4";
	assert_differs("SET LOCAL work_mem = 64", "cast it to text in the statement");
	subject.sql = "SELECT nonsense";
	assert_differs("SET LOCAL work_mem = 64", "column \"nonsense\" does not exist");
}

/* Trouble of the moment is not taken for drift. */
static void test_dead_link(void **state)
{
	char message[CHECK_MESSAGE_SIZE], sql[64];
	PGconn *other = PQconnectdb(cluster_conninfo(cluster));
	(void)state;
	snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d, 5000)", PQbackendPID(other));
	cluster_sql(cluster, sql);
	assert_int_equal(check_run(other, message), CHECK_DEAD);
	PQfinish(other);
}

static int start(void **state)
{
	(void)state;
	cluster = cluster_new(NULL);
	cluster_sql(cluster, schema);
	pg = PQconnectdb(cluster_conninfo(cluster));
	return PQstatus(pg) == CONNECTION_OK ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	PQfinish(pg);
	cluster_free(cluster);
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	subject = usual;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_fits, fresh),
		cmocka_unit_test_setup(test_missing, fresh),
		cmocka_unit_test_setup(test_column_type, fresh),
		cmocka_unit_test_setup(test_nullability, fresh),
		cmocka_unit_test_setup(test_parameter_type, fresh),
		cmocka_unit_test_setup(test_wrong_declarations, fresh),
		cmocka_unit_test_setup(test_dead_link, fresh),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
