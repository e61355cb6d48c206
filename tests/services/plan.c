#include "tests/services/plan.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { EXPLAIN_SIZE = 16384, EXPRESSION_SIZE = 8192 };

static PGresult *run(PGconn *pg, const char *sql)
{
	PGresult *result = PQexec(pg, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
		PQclear(result);
		fail_msg("%s\n%s", sql, PQerrorMessage(pg));
	}
	return result;
}

static const char *text_of(const json_t *node, const char *name)
{
	return json_string_value(json_object_get(node, name));
}

static long number_of(const json_t *node, const char *name)
{
	return (long)json_number_value(json_object_get(node, name));
}

static bool is_scan(const json_t *node)
{
	const char *type = text_of(node, "Node Type");
	bool reads_table = text_of(node, "Relation Name") && strstr(type, "Scan");
	return reads_table || strcmp(type, "Bitmap Index Scan") == 0;
}

static void add_scan(struct plan *plan, const json_t *node)
{
	assert_true(plan->count < PLAN_SCANS_MAX);
	const char *condition = text_of(node, "Index Cond");
	plan->scans[plan->count++] = (struct plan_scan){
		.node = text_of(node, "Node Type"),
		.table = text_of(node, "Relation Name"),
		.index = text_of(node, "Index Name"),
		.condition = condition ? condition : "",
		.rows = number_of(node, "Actual Rows") + number_of(node, "Rows Removed by Filter") +
	                number_of(node, "Rows Removed by Index Recheck"),
		.loops = number_of(node, "Actual Loops"),
	};
}

static void gather(struct plan *plan, const json_t *node)
{
	if (is_scan(node))
		add_scan(plan, node);
	size_t i;
	json_t *child;
	json_array_foreach(json_object_get(node, "Plans"), i, child) gather(plan, child);
}

void plan_explain(struct plan *plan, PGconn *pg, const char *before, const char *sql)
{
	static char explain[EXPLAIN_SIZE];
	int length = snprintf(explain, sizeof(explain),
	                      "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) %s", sql);
	assert_in_range(length, 1, sizeof(explain) - 1);
	PQclear(run(pg, "BEGIN"));
	if (before)
		PQclear(run(pg, before));
	PGresult *result = run(pg, explain);
	json_error_t error;
	*plan = (struct plan){.json = json_loads(PQgetvalue(result, 0, 0), 0, &error)};
	assert_non_null(plan->json);
	PQclear(result);
	PQclear(run(pg, "ROLLBACK"));
	gather(plan, json_object_get(json_array_get(plan->json, 0), "Plan"));
}

void plan_free(struct plan *plan)
{
	json_decref(plan->json);
}

long plan_rows(const struct plan *plan)
{
	long rows = 0;
	for (size_t i = 0; i < plan->count; i++)
		rows += plan->scans[i].rows * plan->scans[i].loops;
	return rows;
}

/* Parentheses are put where it pleases the one who prints; without them texts can be compared. */
static void without_parentheses(char out[EXPRESSION_SIZE], const char *text)
{
	size_t length = 0;
	for (; *text; text++)
		if (!strchr("()\"", *text) && length < EXPRESSION_SIZE - 1)
			out[length++] = *text;
	out[length] = '\0';
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* `condition` compares `column` (or an expression) for equality. */
static bool equates(const char *condition, const char *column)
{
	static const char cast[] = "::text", equal[] = " = ";
	for (const char *at = condition; (at = strstr(at, column)); at++) {
		const char *behind = at + strlen(column);
		if (strncmp(behind, cast, strlen(cast)) == 0)
			behind += strlen(cast);
		if ((at == condition || !is_word(at[-1])) &&
		    strncmp(behind, equal, strlen(equal)) == 0)
			return true;
	}
	return false;
}

/* Whether the condition equates every key column of the index. */
static bool covers(const char *condition, PGconn *pg, const char *index)
{
	char column[EXPRESSION_SIZE];
	PGresult *columns =
		PQexecParams(pg,
	                     "SELECT pg_get_indexdef(i.indexrelid, n, true) FROM pg_index i,"
	                     " generate_series(1, i.indnkeyatts) n"
	                     " WHERE i.indexrelid = $1::regclass",
	                     1, NULL, &index, NULL, NULL, 0);
	assert_true(PQntuples(columns) > 0);
	bool all = true;
	for (int i = 0; i < PQntuples(columns); i++) {
		without_parentheses(column, PQgetvalue(columns, i, 0));
		all = all && equates(condition, column);
	}
	PQclear(columns);
	return all;
}

bool plan_scan_is_by_full_key(PGconn *pg, const struct plan_scan *scan)
{
	char condition[EXPRESSION_SIZE];
	without_parentheses(condition, scan->condition);
	if (!covers(condition, pg, scan->index))
		return false;
	PGresult *unique =
		PQexecParams(pg,
	                     "SELECT u.indexrelid::regclass FROM pg_index i JOIN pg_index u"
	                     " ON u.indrelid = i.indrelid AND u.indisunique"
	                     " AND (u.indpred IS NULL OR u.indexrelid = i.indexrelid)"
	                     " WHERE i.indexrelid = $1::regclass",
	                     1, NULL, &scan->index, NULL, NULL, 0);
	assert_int_equal(PQresultStatus(unique), PGRES_TUPLES_OK);
	bool one_row = false;
	for (int i = 0; i < PQntuples(unique) && !one_row; i++)
		one_row = covers(condition, pg, PQgetvalue(unique, i, 0));
	PQclear(unique);
	return one_row;
}
