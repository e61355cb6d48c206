/* Stories of several callers in one statement: each is answered as if it were alone, whoever else
 * is there. Every caller, place and reference is tried alone, and then all of them together. */
#include "db/queries.h"
#include "tests/services/story_fixture.h"

#include <libpq-fe.h>

enum { PARAMS = 25, CALLS_MAX = 4096 };

/* One row for each call, a column for each parameter. Every fifth has a request id that was used
 * before, every seventh a number of its own, every ninth no request id. */
static const char CALLS[] =
	"CREATE TEMP TABLE calls AS"
	" SELECT row_number() OVER () AS n, o AS organization_id, a::uuid AS actor, 2 AS "
	"minimum_rank,"
	"  a IS NULL AS system, (SELECT min(id) FROM principals) AS principal_id,"
	"  NULL::uuid AS request_id, '/prism.v1.StoryService/CreateStory' AS method,"
	"  '\\x01'::bytea AS request_hash, p AS project_id, 'Title' AS title, NULL::text AS "
	"description,"
	"  NULL::text AS criteria, 'todo' AS status, 'low' AS priority, NULL::int4 AS points,"
	"  r.epic AS epic_id, r.sprint AS sprint_id, r.assignee::uuid AS assignee_id,"
	"  r.creator::uuid AS creator_id, NULL::int8 AS number, NULL::timestamptz AS created_at,"
	"  NULL::timestamptz AS started_at, NULL::timestamptz AS completed_at,"
	"  NULL::text AS external_source, NULL::text AS external_id"
	" FROM (VALUES (1), (2), (3)) o(o),"
	"  (VALUES (NULL), ('" OWNER "'), ('" ADMIN "'), ('" MEMBER "'), ('" VIEWER "'),"
	"   ('" OUTSIDER "'), ('" INACTIVE "'), ('" USER(
		9) "')) a(a),"
		   "  (VALUES (10), (11), (12), (13), (20), (999)) p(p),"
		   "  (VALUES (NULL, NULL, NULL, NULL), (6, 5, '" MEMBER "', '" VIEWER "'),"
		   "   (60, 50, NULL, NULL), (6, 50, NULL, NULL), (60, 5, NULL, NULL), (NULL, 7, "
		   "NULL, NULL),"
		   "   (NULL, 8, NULL, NULL), (NULL, 99, NULL, NULL), (99, NULL, NULL, NULL),"
		   "   (NULL, NULL, '" VIEWER "', NULL), (NULL, NULL, '" OUTSIDER "', NULL),"
		   "   (NULL, NULL, '" INACTIVE
		   "', '" USER(9) "')) r(epic, sprint, assignee, creator);"
				  "UPDATE calls SET request_id = gen_random_uuid() WHERE n % 9 > 0;"
				  "UPDATE calls SET number = 100000 + n WHERE n % 7 = 0;"
				  "UPDATE calls SET status = 'done', external_source = 'test', "
				  "external_id = n "
				  "WHERE n % 11 = 0;"
				  "INSERT INTO idempotency_keys (principal_id, actor_id, "
				  "request_id, method, request_hash,"
				  "  organization_id, result)"
				  " SELECT principal_id, coalesce(actor, "
				  "'00000000-0000-0000-0000-000000000000'), "
				  "request_id,"
				  "  method, request_hash, 1, '{}' FROM calls WHERE n % 5 = 0 AND "
				  "request_id IS NOT NULL";

/* The parameters of one call, and those of all of them. */
static const char ONE[] =
	"SELECT organization_id, actor, minimum_rank, system, principal_id, request_id, method,"
	" request_hash, project_id, title, description, criteria, status, priority, points, "
	"epic_id,"
	" sprint_id, assignee_id, creator_id, number, created_at, started_at, completed_at,"
	" external_source, external_id FROM calls ORDER BY n";
static const char ALL[] =
	"SELECT array_agg(organization_id ORDER BY n), array_agg(actor ORDER BY n),"
	" array_agg(minimum_rank ORDER BY n), array_agg(system ORDER BY n),"
	" array_agg(principal_id ORDER BY n), array_agg(request_id ORDER BY n),"
	" array_agg(method ORDER BY n), array_agg(request_hash ORDER BY n),"
	" array_agg(project_id ORDER BY n), array_agg(title ORDER BY n),"
	" array_agg(description ORDER BY n), array_agg(criteria ORDER BY n),"
	" array_agg(status ORDER BY n), array_agg(priority ORDER BY n), array_agg(points ORDER BY "
	"n),"
	" array_agg(epic_id ORDER BY n), array_agg(sprint_id ORDER BY n),"
	" array_agg(assignee_id ORDER BY n), array_agg(creator_id ORDER BY n),"
	" array_agg(number ORDER BY n), array_agg(created_at ORDER BY n),"
	" array_agg(started_at ORDER BY n), array_agg(completed_at ORDER BY n),"
	" array_agg(external_source ORDER BY n), array_agg(external_id ORDER BY n) FROM calls";

static PGconn *pg;

static PGresult *ask(const char *sql)
{
	PGresult *result = PQexec(pg, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail_msg("%.200s\n%s", sql, PQerrorMessage(pg));
	return result;
}

static void run(const char *sql)
{
	PQclear(ask(sql));
}

static long number(const char *sql)
{
	PGresult *result = ask(sql);
	long value = strtol(PQgetvalue(result, 0, 0), NULL, 10);
	PQclear(result);
	return value;
}

static void prepare(const struct statement *statement)
{
	PGresult *result = PQprepare(pg, statement->name, statement->sql, 0, NULL);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", statement->name, PQerrorMessage(pg));
	PQclear(result);
}

/* With the values of one row as parameters. */
static PGresult *send(const struct statement *statement, const PGresult *calls, int row)
{
	const char *values[PARAMS];
	assert_int_equal(PQnfields(calls), PARAMS);
	for (int i = 0; i < PARAMS; i++)
		values[i] = PQgetisnull(calls, row, i) ? NULL : PQgetvalue(calls, row, i);
	return PQexecPrepared(pg, statement->name, PARAMS, values, NULL, NULL, 0);
}

static PGresult *execute(const struct statement *statement, const PGresult *calls, int row)
{
	PGresult *result = send(statement, calls, row);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s, call %d: %s", statement->name, row + 1, PQerrorMessage(pg));
	return result;
}

static PGresult *alone(const PGresult *calls, int row)
{
	run("SAVEPOINT alone");
	PGresult *result = execute(&STORY_CREATE, calls, row);
	run("ROLLBACK TO alone");
	return result;
}

/* Of what is another one's business: who comes before it decides. */
static bool is_of_the_crowd(const PGresult *result, int column)
{
	const char *const names[] = {"id", "number", "story_rank"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(PQfname(result, column), names[i]) == 0)
			return true;
	return false;
}

/* What was said to one alone is what row `row` of `all` says; the last column is whose it is. */
static void assert_same(const PGresult *one, const PGresult *all, int row)
{
	for (int i = 0; i + 1 < PQnfields(all); i++) {
		const char *nothing = "nothing";
		const char *alone = PQgetisnull(one, 0, i) ? nothing : PQgetvalue(one, 0, i);
		const char *among = PQgetisnull(all, row, i) ? nothing : PQgetvalue(all, row, i);
		bool same = is_of_the_crowd(all, i) ? (alone == nothing) == (among == nothing)
		                                    : strcmp(alone, among) == 0;
		if (!same)
			fail_msg("call %s, %s: %s alone, %s among others",
			         PQgetvalue(all, row, STORY_CREATE_MANY_N), PQfname(all, i), alone,
			         among);
	}
}

/* Whether row `row` is an answer to call `call`. */
static bool answers(const PGresult *all, int row, int call)
{
	return row < PQntuples(all) && atoi(PQgetvalue(all, row, STORY_CREATE_MANY_N)) == call + 1;
}

static void each_is_answered_as_if_alone(void **state)
{
	(void)state;
	PGresult *calls = ask(ONE), *together = ask(ALL);
	int count = PQntuples(calls);
	assert_in_range(count, 1000, CALLS_MAX);
	static PGresult *single[CALLS_MAX];
	for (int i = 0; i < count; i++)
		single[i] = alone(calls, i);
	PGresult *all = execute(&STORY_CREATE_MANY, together, 0);
	long written = 0;
	int row = 0;
	for (int i = 0; i < count; i++) {
		assert_int_equal(PQntuples(single[i]), answers(all, row, i));
		if (PQntuples(single[i])) {
			assert_same(single[i], all, row);
			written += !PQgetisnull(all, row++, STORY_CREATE_ID);
		}
		PQclear(single[i]);
	}
	assert_int_equal(PQntuples(all), row);
	assert_in_range(row, count / 4, count - 1);
	assert_in_range(written, 16, count / 2);
	assert_int_equal(number("SELECT count(*) FROM stories"), written);
	assert_int_equal(number("SELECT count(*) FROM activity_log"), written);
	PQclear(all);
	PQclear(together);
	PQclear(calls);
}

/* Numbers and ranks rise with the calls of a project. */
static void assert_in_order(void)
{
	assert_int_equal(number("SELECT count(*) FROM (SELECT s.rank < lag(s.rank) OVER w OR "
	                        "(c.number IS NULL "
	                        "AND s.number < max(s.number) FILTER (WHERE c.number IS NULL) OVER "
	                        "w) AS back "
	                        "FROM answered a JOIN calls c USING (n) JOIN stories s ON s.id = "
	                        "a.id WINDOW "
	                        "w AS (PARTITION BY s.project_id ORDER BY a.n)) o WHERE back"),
	                 0);
}

/* What the statement wrote: everything in its own place, once. */
static void each_is_written_in_its_own_place(void **state)
{
	(void)state;
	PGresult *together = ask(ALL);
	PGresult *all = execute(&STORY_CREATE_MANY, together, 0);
	run("CREATE TEMP TABLE answered (n int8, id int8, number int8)");
	for (int i = 0; i < PQntuples(all); i++) {
		char sql[128];
		if (PQgetisnull(all, i, STORY_CREATE_ID))
			continue;
		snprintf(sql, sizeof(sql), "INSERT INTO answered VALUES (%s, %s, %s)",
		         PQgetvalue(all, i, STORY_CREATE_MANY_N),
		         PQgetvalue(all, i, STORY_CREATE_ID),
		         PQgetvalue(all, i, STORY_CREATE_NUMBER));
		run(sql);
	}
	long written = number("SELECT count(*) FROM answered");
	assert_int_equal(
		number("SELECT count(*) FROM answered a JOIN calls c USING (n) JOIN stories s ON "
	               "s.id "
	               "= a.id AND s.number = a.number AND s.organization_id = c.organization_id "
	               "AND "
	               "s.project_id = c.project_id AND s.epic_id IS NOT DISTINCT FROM c.epic_id "
	               "AND s.sprint_id IS NOT DISTINCT FROM c.sprint_id AND s.assignee_id IS NOT "
	               "DISTINCT FROM c.assignee_id AND s.external_id IS NOT DISTINCT FROM "
	               "c.external_id AND s.creator_id IS NOT DISTINCT FROM coalesce(c.creator_id, "
	               "c.actor) AND (c.number IS NULL OR s.number = c.number)"),
		written);
	assert_int_equal(
		number("SELECT count(*) FROM answered a JOIN calls c USING (n) JOIN activity_log l "
	               "ON "
	               "l.entity_id = a.id::text AND l.actor_id IS NOT DISTINCT FROM c.actor AND "
	               "l.request_id IS NOT DISTINCT FROM c.request_id AND l.organization_id = "
	               "c.organization_id AND l.project_id = c.project_id"),
		written);
	assert_int_equal(
		number("SELECT count(*) FROM answered a JOIN calls c USING (n) WHERE (c.request_id "
	               "IS "
	               "NULL) = EXISTS (SELECT FROM idempotency_keys k WHERE k.request_id = "
	               "c.request_id AND k.principal_id = c.principal_id AND k.result->'ids' = "
	               "jsonb_build_array(a.id))"),
		0);
	assert_int_equal(
		number("SELECT count(*) FROM (SELECT project_id, rank FROM stories GROUP BY 1, "
	               "2 HAVING count(*) > 1) double"),
		0);
	assert_int_equal(
		number("SELECT count(*) FROM project_counters k WHERE next_number <= coalesce("
	               "(SELECT max(number) FROM stories s WHERE s.project_id = "
	               "k.project_id), 0)"),
		0);
	assert_in_order();
	PQclear(all);
	PQclear(together);
}

/* Of several projects, one is somebody else's at the moment. Nobody would give it back. */
static void a_locked_project_is_not_waited_for(void **state)
{
	(void)state;
	PGconn *other = PQconnectdb(cluster_conninfo(tenant.stack.cluster));
	PQclear(PQexec(other, "BEGIN"));
	PGresult *locked =
		PQexec(other, "UPDATE project_counters SET next_rank = 1 WHERE project_id = 11");
	assert_string_equal(PQcmdTuples(locked), "1");
	PGresult *together = ask(ALL), *all = send(&STORY_CREATE_MANY, together, 0);
	assert_string_equal(PQresultErrorField(all, PG_DIAG_SQLSTATE), "55P03");
	PQfinish(other);
	PQclear(locked);
	PQclear(all);
	PQclear(together);
}

static int begin(void **state)
{
	(void)state;
	run("BEGIN");
	return 0;
}

static int end(void **state)
{
	(void)state;
	run("ROLLBACK");
	return 0;
}

static int set_up(void **state)
{
	tenant_set_up(state);
	pg = PQconnectdb(cluster_conninfo(tenant.stack.cluster));
	prepare(&STORY_CREATE);
	prepare(&STORY_CREATE_MANY);
	run(CALLS);
	return 0;
}

static int tear_down(void **state)
{
	PQfinish(pg);
	return tenant_tear_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_is_answered_as_if_alone, begin, end),
		cmocka_unit_test_setup_teardown(each_is_written_in_its_own_place, begin, end),
		cmocka_unit_test_setup_teardown(a_locked_project_is_not_waited_for, begin, end),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
