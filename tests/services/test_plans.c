/* How every registered statement is executed among many rows: by full keys, a bounded number of
 * rows each time, and page 10,000 of a list like page 1.
 *
 * PRISM_PLAN_STORIES: how many stories there are (1,000,000, which take half a minute to make; with
 * fewer, some plans are others). */
#include "tests/services/plan.h"
#include "tests/services/plan_cases.h"
#include "tests/support/cluster.h"
#include "tests/support/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LOOPS_MAX = 100, DATA_SIZE = 65536, EXECUTIONS = 8 };

static const char SETTINGS[] = "shared_buffers = 256MB\nmaintenance_work_mem = 128MB\n"
			       "max_wal_size = 8GB\nautovacuum = off\n";

static struct cluster *cluster;
static PGconn *pg;
static unsigned complaints;

static void execute(const char *sql)
{
	PGresult *result = PQexec(pg, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail_msg("%.200s\n%s", sql, PQerrorMessage(pg));
	PQclear(result);
}

static void make_rows(void)
{
	static char sql[DATA_SIZE];
	const char *stories = getenv("PRISM_PLAN_STORIES");
	snprintf(sql, sizeof(sql), "SET plans.stories = %s", stories ? stories : "1000000");
	execute(sql);
	FILE *file = fopen(PRISM_SOURCE_DIR "/tests/services/plan_data.sql", "r");
	assert_non_null(file);
	size_t length = fread(sql, 1, sizeof(sql) - 1, file);
	fclose(file);
	sql[length] = '\0';
	execute(sql);
	execute("VACUUM ANALYZE");
}

static void prepare_all(void)
{
	for (size_t i = 0; i < statement_count; i++) {
		PGresult *result = PQprepare(pg, statements[i]->name, statements[i]->sql, 0, NULL);
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			fail_msg("%s: %s", statements[i]->name, PQerrorMessage(pg));
		PQclear(result);
	}
}

static int set_up(void **state)
{
	(void)state;
	static char text[PROGRAM_TEXT];
	cluster = cluster_new(SETTINGS);
	const char *const upgrade[] = {program_path("prism-db"),
	                               "--database-url",
	                               cluster_conninfo(cluster),
	                               "upgrade",
	                               "head",
	                               NULL};
	assert_int_equal(program_run(upgrade, NULL, text), 0);
	pg = PQconnectdb(cluster_conninfo(cluster));
	assert_int_equal(PQstatus(pg), CONNECTION_OK);
	make_rows();
	prepare_all();
	return 0;
}

static int begin(void **state)
{
	(void)state;
	complaints = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	PQfinish(pg);
	cluster_free(cluster);
	return 0;
}

static const struct statement *statement_named(const char *name)
{
	for (size_t i = 0; i < statement_count; i++)
		if (strcmp(statements[i]->name, name) == 0)
			return statements[i];
	return NULL;
}

static const struct plan_case *case_of(const char *name)
{
	for (size_t i = 0; i < plan_case_count; i++)
		if (strcmp(plan_cases[i].statement, name) == 0)
			return &plan_cases[i];
	return NULL;
}

static void every_statement_has_a_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < statement_count; i++)
		if (!case_of(statements[i]->name))
			fail_msg("statement %s: say in tests/services/plan_cases.def what its plan "
			         "may "
			         "read",
			         statements[i]->name);
	for (size_t i = 0; i < plan_case_count; i++)
		if (!statement_named(plan_cases[i].statement))
			fail_msg("plan_cases.def: there is no statement %s",
			         plan_cases[i].statement);
}

/* How many rows the case lets this scan read at a time; -1: it must be by full key. */
static long range_of(const struct plan_case *one, const struct plan_scan *scan)
{
	for (const char *at = one->ranges; *at; at += strcspn(at, ","), at += strspn(at, ", ")) {
		size_t length = strlen(scan->index);
		if (strncmp(at, scan->index, length) == 0 && at[length] == ' ')
			return strtol(at + length + 1, NULL, 10);
	}
	return -1;
}

static void complain(const char *statement, const char *plan, const struct plan_scan *scan,
                     const char *what)
{
	complaints++;
	print_message("%s, plan for %s: %s\n    %s%s%s%s%s %s: %ld rows, %ld times\n", statement,
	              plan, what, scan->node, scan->table ? " on " : "",
	              scan->table ? scan->table : "", scan->index ? " using " : "",
	              scan->index ? scan->index : "", scan->condition, scan->rows, scan->loops);
}

static void judge(const struct plan_case *one, const char *mode, const struct plan_scan *scan)
{
	/* Their rows are those of an index scan beside or below them. */
	if (strcmp(scan->node, "Bitmap Heap Scan") == 0 || strcmp(scan->node, "Tid Scan") == 0)
		return;
	if (!scan->index) {
		complain(one->statement, mode, scan, "reads a whole table");
		return;
	}
	long range = range_of(one, scan);
	if (range < 0 && !plan_scan_is_by_full_key(pg, scan))
		complain(one->statement, mode, scan, "not by the full key of a unique index");
	if (scan->rows > (range < 0 ? 1 : range))
		complain(one->statement, mode, scan, "reads more rows than it may");
	if (scan->loops > LOOPS_MAX)
		complain(one->statement, mode, scan, "happens too often");
}

/* The plan's rows. */
static long examine(const struct plan_case *one, const char *mode, const char *values)
{
	static char call[PLAN_CALL_SIZE];
	struct plan plan;
	plan_call(statement_named(one->statement), values, call);
	plan_explain(&plan, pg, NULL, call);
	for (size_t i = 0; i < plan.count; i++)
		judge(one, mode, &plan.scans[i]);
	long rows = plan_rows(&plan);
	plan_free(&plan);
	return rows;
}

static void examine_case(const struct plan_case *one, const char *mode)
{
	long rows = examine(one, mode, one->values);
	if (!one->later)
		return;
	long later = examine(one, mode, one->later);
	if (later != rows) {
		complaints++;
		print_message("%s: page 1 reads %ld rows, page 10,000 %ld\n", one->statement, rows,
		              later);
	}
}

/* As the daemon has them: writes under plans for any values, prepared reads under either, the
 * others planned for these values. */
static void statements_read_what_they_need(void **state)
{
	(void)state;
	for (size_t i = 0; i < plan_case_count; i++) {
		const struct statement *statement = statement_named(plan_cases[i].statement);
		if (statement->lane == LANE_READ) {
			execute("SET plan_cache_mode = force_custom_plan");
			examine_case(&plan_cases[i], "these values");
		}
		if (!statement->unprepared) {
			execute("SET plan_cache_mode = force_generic_plan");
			examine_case(&plan_cases[i], "any values");
		}
	}
	assert_int_equal(complaints, 0);
}

static long generic_plans(const char *name)
{
	PGresult *result =
		PQexecParams(pg, "SELECT generic_plans FROM pg_prepared_statements WHERE name = $1",
	                     1, NULL, &name, NULL, NULL, 0);
	assert_int_equal(PQntuples(result), 1);
	long plans = strtol(PQgetvalue(result, 0, 0), NULL, 10);
	PQclear(result);
	return plans;
}

/* PostgreSQL plans a statement anew for each of its first executions, and for ever if it takes the
 * plan for any values to be dearer. Of reads we want to know that it does not. */
static void prepared_reads_are_planned_once(void **state)
{
	(void)state;
	execute("SET plan_cache_mode = auto");
	for (size_t i = 0; i < plan_case_count; i++) {
		const struct statement *statement = statement_named(plan_cases[i].statement);
		if (statement->unprepared || statement->lane != LANE_READ)
			continue;
		static char call[PLAN_CALL_SIZE];
		plan_call(statement, plan_cases[i].values, call);
		long before = generic_plans(statement->name);
		for (int n = 0; n < EXECUTIONS; n++)
			execute(call);
		if (generic_plans(statement->name) == before) {
			complaints++;
			print_message("%s is planned each time\n", statement->name);
		}
	}
	assert_int_equal(complaints, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_statement_has_a_case),
		cmocka_unit_test_setup(statements_read_what_they_need, begin),
		cmocka_unit_test_setup(prepared_reads_are_planned_once, begin),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
