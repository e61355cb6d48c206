/* prism-db: --sql, --dry-run, show, heads, verify. */
#include "migrate_catalog.h"
#include "migrate_fixture.h"

static void assert_says(const struct fixture *fixture, const char *words)
{
	if (!strstr(fixture->text, words))
		fail_msg("'%s' is not in: %s", words, fixture->text);
}

/* psql runs what prism-db wrote. */
static int run_script(struct fixture *fixture, const char *words)
{
	char command[1024];
	snprintf(command, sizeof command, "'%s' %s --sql | psql -X -q '%s' >/dev/null 2>&1",
	         program_path("prism-db"), words, fixture->conninfo);
	return system(command);
}

/* What is recorded, but for when and how long. */
static char *ledger(struct fixture *fixture)
{
	PGresult *result = PQexec(fixture->connection,
	                          "SELECT string_agg(concat_ws(' ', revision, name, up_sha256, "
	                          "down_sha256, tool_version), E'\\n' ORDER BY revision) FROM "
	                          "prism_meta.schema_migrations");
	assert_int_equal(PQntuples(result), 1);
	char *text = strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	return text;
}

static void a_script_gives_the_same_schema(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(run_script(fixture, "upgrade 0005"), 0);
	assert_int_equal(run_script(fixture, "upgrade 0005:head"), 0);
	char *scripted = catalog_dump(fixture->connection), *record = ledger(fixture);
	assert_int_equal(fixture_run(fixture, "verify", NULL), 0);
	/* Back by a script, and up by the tool. */
	assert_int_equal(run_script(fixture, "downgrade 0001"), 0);
	assert_int_equal(fixture_revision(fixture), 1);
	assert_int_equal(fixture_run(fixture, "upgrade", NULL), 0);
	char *run = catalog_dump(fixture->connection), *record_run = ledger(fixture);
	catalog_assert_equal("by script and by tool", scripted, run);
	assert_string_equal(record, record_run);
	free(scripted);
	free(run);
	free(record);
	free(record_run);
}

static void a_script_starts_where_it_says(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture_run(fixture, "upgrade", "0003", NULL), 0);
	assert_int_not_equal(run_script(fixture, "upgrade 0005:head"), 0);
	assert_int_equal(fixture_revision(fixture), 3);
	assert_int_equal(fixture_run(fixture, "upgrade", "0004:0099", "--sql", NULL), 2);
}

static void a_dry_run_leaves_nothing(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture_run(fixture, "upgrade", "0002", NULL), 0);
	char *before = catalog_dump(fixture->connection);
	assert_int_equal(fixture_run(fixture, "upgrade", "--dry-run", NULL), 0);
	assert_says(fixture, "0003_timestamptz.up.sql");
	assert_says(fixture, "to be rolled back");
	assert_int_equal(fixture_run(fixture, "downgrade", "base", "--dry-run", NULL), 0);
	assert_says(fixture, "0001_seed_schema.down.sql");
	char *after = catalog_dump(fixture->connection);
	catalog_assert_equal("a dry run", before, after);
	assert_int_equal(fixture_revision(fixture), 2);
	assert_int_equal(fixture_run(fixture, "upgrade", "0002", "--dry-run", NULL), 0);
	assert_says(fixture, "nothing to do: the database is at 0002 already");
	assert_int_equal(fixture_run(fixture, "downgrade", "0002", "--dry-run", NULL), 0);
	assert_says(fixture, "nothing to do: the database is at 0002");
	/* What is in the way of the real one is in its way too. */
	fixture_sql(fixture, "CREATE TABLE project_counters (id int)");
	assert_int_equal(fixture_run(fixture, "upgrade", "--dry-run", NULL), 1);
	assert_says(fixture, "already exists");
	free(before);
	free(after);
}

static void shows_what_it_has(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture_run(fixture, "show", "1", NULL), 0);
	assert_says(fixture, "0001_seed_schema.up.sql");
	assert_says(fixture, "CREATE TABLE users");
	assert_says(fixture, "DROP TABLE");
	assert_int_equal(fixture_run(fixture, "show", "0999", NULL), 2);
	assert_int_equal(fixture_run(fixture, "show", "base", NULL), 2);
	assert_int_equal(fixture_run(fixture, "heads", NULL), 0);
	assert_says(fixture, "(head)");
}

static void verifies(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture_run(fixture, "upgrade", NULL), 0);
	assert_int_equal(fixture_run(fixture, "verify", NULL), 0);
	fixture_sql(fixture, "UPDATE prism_meta.schema_migrations SET up_sha256 = 'x' WHERE "
	                     "revision = 4");
	assert_int_equal(fixture_run(fixture, "verify", NULL), 5);
	assert_says(fixture, "0004_bigint_identity.up.sql was changed after it was applied");
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_script_gives_the_same_schema),
		CASE(a_script_starts_where_it_says),
		CASE(a_dry_run_leaves_nothing),
		CASE(shows_what_it_has),
		CASE(verifies),
	};
	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
