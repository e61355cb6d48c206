/* Hundreds of made-up schemas: the statements from one to another lead there and back, and from one
 * to itself there are none. */
#include "db/migrate/diff/plan.h"
#include "migrate_fixture.h"
#include "schema_maker.h"

enum { BASES = 50, ONLINE_BASES = 4, VERSIONS = 4, FIRST_BASE = 1 };

struct session {
	PGconn *connection;
	uint64_t base;
	bool online; /* statement by statement, in the forms that keep tables in use */
};

static void fail_on(const struct session *session, const char *doing, const char *sql)
{
	fprintf(stderr, "base %llu, %s: %s%s\n", (unsigned long long)session->base, doing,
	        PQerrorMessage(session->connection), sql);
	fail();
}

static void run(const struct session *session, const char *doing, const char *sql)
{
	PGresult *result = PQexec(session->connection, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
		fail_on(session, doing, sql);
	PQclear(result);
}

static struct catalog *read_catalog(const struct session *session)
{
	struct catalog *catalog = NULL;
	char message[MIGRATE_MESSAGE_SIZE] = "";
	if (!catalog_read(&catalog, session->connection, message, sizeof(message)))
		fail_msg("base %llu: %s", (unsigned long long)session->base, message);
	return catalog;
}

static void begin(const struct session *session)
{
	run(session, "begin", "BEGIN; SET LOCAL search_path = public");
}

static void end(const struct session *session)
{
	run(session, "end", "ROLLBACK");
}

/* What the SQL makes of an empty database. */
static struct catalog *catalog_of(const struct session *session, uint64_t variation)
{
	char *sql = schema_make(session->base, variation);
	begin(session);
	run(session, "make the schema", sql);
	struct catalog *catalog = read_catalog(session);
	end(session);
	free(sql);
	return catalog;
}

static void print_difference(void *ctx, const struct object *from, const struct object *to)
{
	(void)ctx;
	const struct object *object = from ? from : to;
	print_error("%s %s:\n  got      %s\n  expected %s\n", kinds[object->kind].name,
	            object->name, from ? from->definition : "(nothing)",
	            to ? to->definition : "(nothing)");
}

/* Leads the database from `from` to `to`, and reads what has become of it. */
static struct catalog *lead(const struct session *session, size_t version,
                            const struct catalog *from, const struct catalog *to)
{
	const struct plan_settings settings = {.online = session->online};
	char doing[32], got[CATALOG_FINGERPRINT_SIZE], wanted[CATALOG_FINGERPRINT_SIZE];
	struct plan *plan = plan_make(from, to, &settings);
	char *sql = plan_text(plan);
	snprintf(doing, sizeof(doing), "to version %zu", version);
	if (!session->online)
		run(session, doing, sql);
	for (size_t i = 0; session->online && i < plan->count; i++)
		run(session, doing, plan->at[i].text);
	struct catalog *reached = read_catalog(session);
	catalog_fingerprint(reached, got);
	catalog_fingerprint(to, wanted);
	if (strcmp(got, wanted) != 0) {
		plan_differences(reached, to, print_difference, NULL);
		fprintf(stderr, "%s\n", sql);
		fail_msg("base %llu, %s: not what it should be", (unsigned long long)session->base,
		         doing);
	}
	free(sql);
	plan_free(plan);
	return reached;
}

static void assert_no_difference(const struct session *session, const struct catalog *one,
                                 const struct catalog *same)
{
	const struct plan_settings settings = {.online = true};
	struct plan *plan = plan_make(one, same, &settings);
	if (plan->count != 0)
		fail_msg("base %llu: a schema differs from itself: %s",
		         (unsigned long long)session->base, plan->at[0].text);
	plan_free(plan);
}

/* From nothing through the versions of one schema, and back to nothing. */
static void walk(const struct session *session)
{
	struct catalog *versions[VERSIONS];
	for (uint64_t version = 0; version < VERSIONS; version++)
		versions[version] = catalog_of(session, version);
	struct catalog *empty = catalog_empty(versions[0]), *here = catalog_empty(versions[0]);
	if (!session->online)
		begin(session);
	for (size_t version = 0; version <= VERSIONS; version++) {
		const struct catalog *goal = version < VERSIONS ? versions[version] : empty;
		struct catalog *reached = lead(session, version, here, goal);
		assert_no_difference(session, reached, goal);
		assert_no_difference(session, goal, reached);
		catalog_free(here);
		here = reached;
	}
	if (!session->online)
		end(session);
	catalog_free(here);
	catalog_free(empty);
	for (size_t version = 0; version < VERSIONS; version++)
		catalog_free(versions[version]);
}

static uint64_t number(const char *name, uint64_t usual)
{
	const char *text = getenv(name);
	return text ? strtoull(text, NULL, 10) : usual;
}

/* PRISM_SCHEMA_BASE and PRISM_SCHEMA_BASES: others, or more of them. */
static void walk_all(struct fixture *fixture, bool online, uint64_t bases)
{
	struct session session = {.connection = fixture->connection, .online = online};
	uint64_t first = number("PRISM_SCHEMA_BASE", FIRST_BASE);
	uint64_t last = first + number("PRISM_SCHEMA_BASES", bases) - 1;
	cluster_sql(fixture_cluster(), "DROP ROLE IF EXISTS reader, \"odd role\"");
	fixture_sql(fixture, schema_roles);
	fixture_sql(fixture, "SET client_min_messages = warning; SET search_path = public;"
	                     "SET check_function_bodies = off");
	for (session.base = first; session.base <= last; session.base++)
		walk(&session);
}

static void test_walks(void **state)
{
	walk_all(*state, false, BASES);
}

static void test_online_walks(void **state)
{
	walk_all(*state, true, ONLINE_BASES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_walks, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_online_walks, fixture_setup, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
