/* The migrations themselves: the document's contract, and up, down and up again with rows in the
 * tables. */
#include "migrate_catalog.h"
#include "migrate_fixture.h"

struct column {
	const char *table, *name, *type; /* of 0001 */
};

/* The document, column for column. */
static const struct column columns[] = {
	{"users", "id", "uuid"},
	{"users", "email", "character varying(255)"},
	{"users", "username", "character varying(100)"},
	{"users", "password_hash", "character varying(255)"},
	{"users", "full_name", "character varying(255)"},
	{"users", "status", "user_status"},
	{"users", "email_verified", "boolean"},
	{"users", "created_at", "timestamp without time zone"},
	{"users", "updated_at", "timestamp without time zone"},
	{"organizations", "id", "integer"},
	{"organizations", "name", "character varying(255)"},
	{"organizations", "slug", "character varying(100)"},
	{"organizations", "owner_id", "uuid"},
	{"organizations", "settings", "jsonb"},
	{"organizations", "created_at", "timestamp without time zone"},
	{"organizations", "updated_at", "timestamp without time zone"},
	{"organization_members", "id", "integer"},
	{"organization_members", "user_id", "uuid"},
	{"organization_members", "organization_id", "integer"},
	{"organization_members", "role", "character varying(50)"},
	{"organization_members", "joined_at", "timestamp without time zone"},
	{"projects", "id", "integer"},
	{"projects", "organization_id", "integer"},
	{"projects", "name", "character varying(255)"},
	{"projects", "key", "character varying(20)"},
	{"projects", "description", "text"},
	{"projects", "status", "character varying(50)"},
	{"projects", "owner_id", "uuid"},
	{"projects", "start_date", "date"},
	{"projects", "end_date", "date"},
	{"projects", "created_at", "timestamp without time zone"},
	{"projects", "updated_at", "timestamp without time zone"},
	{"documents", "id", "integer"},
	{"documents", "project_id", "integer"},
	{"documents", "title", "character varying(255)"},
	{"documents", "slug", "character varying(255)"},
	{"documents", "content", "text"},
	{"documents", "document_type", "character varying(50)"},
	{"documents", "status", "character varying(50)"},
	{"documents", "creator_id", "uuid"},
	{"documents", "metadata", "jsonb"},
	{"documents", "created_at", "timestamp without time zone"},
	{"documents", "updated_at", "timestamp without time zone"},
	{"documents", "published_at", "timestamp without time zone"},
	{"stories", "id", "integer"},
	{"stories", "project_id", "integer"},
	{"stories", "epic_id", "integer"},
	{"stories", "sprint_id", "integer"},
	{"stories", "title", "character varying(255)"},
	{"stories", "description", "text"},
	{"stories", "acceptance_criteria", "text"},
	{"stories", "story_points", "integer"},
	{"stories", "priority", "character varying(50)"},
	{"stories", "status", "character varying(50)"},
	{"stories", "assignee_id", "uuid"},
	{"stories", "creator_id", "uuid"},
	{"stories", "created_at", "timestamp without time zone"},
	{"stories", "updated_at", "timestamp without time zone"},
	{"sprints", "id", "integer"},
	{"sprints", "project_id", "integer"},
	{"sprints", "name", "character varying(255)"},
	{"sprints", "goal", "text"},
	{"sprints", "start_date", "date"},
	{"sprints", "end_date", "date"},
	{"sprints", "status", "character varying(50)"},
	{"sprints", "velocity", "integer"},
	{"sprints", "created_at", "timestamp without time zone"},
	{"sprints", "updated_at", "timestamp without time zone"},
	{"ai_generations", "id", "integer"},
	{"ai_generations", "user_id", "uuid"},
	{"ai_generations", "project_id", "integer"},
	{"ai_generations", "generation_type", "character varying(50)"},
	{"ai_generations", "provider", "character varying(50)"},
	{"ai_generations", "model", "character varying(100)"},
	{"ai_generations", "prompt", "text"},
	{"ai_generations", "response", "text"},
	{"ai_generations", "tokens_used", "integer"},
	{"ai_generations", "cost", "numeric(10,4)"},
	{"ai_generations", "metadata", "jsonb"},
	{"ai_generations", "created_at", "timestamp without time zone"},
};

/* The document's indexes, as PostgreSQL words them. */
static const char *const indexes[] = {
	"CREATE INDEX idx_users_email ON public.users USING btree (email)",
	"CREATE INDEX idx_users_status ON public.users USING btree (status)",
	"CREATE INDEX idx_organizations_slug ON public.organizations USING btree (slug)",
	"CREATE INDEX idx_organizations_owner_id ON public.organizations USING btree (owner_id)",
	"CREATE INDEX idx_projects_organization_id ON public.projects USING btree "
	"(organization_id)",
	"CREATE INDEX idx_projects_status ON public.projects USING btree (status)",
	"CREATE INDEX idx_documents_project_id ON public.documents USING btree (project_id)",
	"CREATE INDEX idx_documents_type_status ON public.documents USING btree (document_type, "
	"status)",
	"CREATE INDEX idx_documents_slug ON public.documents USING btree (slug)",
	"CREATE INDEX idx_stories_project_id ON public.stories USING btree (project_id)",
	"CREATE INDEX idx_stories_sprint_id ON public.stories USING btree (sprint_id)",
	"CREATE INDEX idx_stories_assignee_id ON public.stories USING btree (assignee_id)",
	"CREATE INDEX idx_stories_status ON public.stories USING btree (status)",
};

enum {
	COLUMNS = sizeof(columns) / sizeof(columns[0]),
	INDEXES = sizeof(indexes) / sizeof(indexes[0])
};

/* What a type may have become: the document's, or one that holds all of its values. */
static const char *at_head(const char *type)
{
	if (strcmp(type, "integer") == 0)
		return "bigint";
	if (strcmp(type, "timestamp without time zone") == 0)
		return "timestamp with time zone";
	return type;
}

static bool is_id(const char *column)
{
	size_t length = strlen(column);
	return strcmp(column, "id") == 0 || (length > 3 && strcmp(column + length - 3, "_id") == 0);
}

static void assert_column(struct fixture *fixture, const struct column *column, const char *type)
{
	char sql[512];
	snprintf(sql, sizeof(sql),
	         "SELECT count(*) FROM pg_attribute WHERE attrelid = '%s'::regclass AND attname = "
	         "'%s'"
	         " AND format_type(atttypid, atttypmod) = '%s'",
	         column->table, column->name, type);
	if (fixture_number(fixture, sql) != 1)
		fail_msg("%s.%s is not there as %s", column->table, column->name, type);
}

static void assert_indexes(struct fixture *fixture)
{
	char sql[512];
	assert_int_equal(INDEXES, 13);
	for (size_t i = 0; i < INDEXES; i++) {
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM pg_indexes WHERE indexdef = '%s'",
		         indexes[i]);
		if (fixture_number(fixture, sql) != 1)
			fail_msg("not there: %s", indexes[i]);
	}
}

static void test_contract_at_0001(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture_run(fixture, "upgrade", "0001", NULL), 0);
	assert_int_equal(fixture_revision(fixture), 1);
	for (size_t i = 0; i < COLUMNS; i++)
		assert_column(fixture, &columns[i], columns[i].type);
	assert_indexes(fixture);
	/* Nothing but what the document names: ten tables, those columns. */
	assert_int_equal(
		fixture_number(fixture,
	                       "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
		10);
	assert_int_equal(fixture_number(fixture,
	                                "SELECT count(*) FROM information_schema.columns WHERE "
	                                "table_schema = 'public'"
	                                " AND table_name NOT IN ('epics', 'user_sessions')"),
	                 COLUMNS);
	assert_int_equal(fixture_number(fixture,
	                                "SELECT count(*) FROM pg_enum e JOIN pg_type t"
	                                " ON t.oid = e.enumtypid AND t.typname = 'user_status'"),
	                 3);
}

static void assert_refused(struct fixture *fixture, const char *sql, const char *sqlstate)
{
	PGresult *result = PQexec(fixture->connection, sql);
	const char *got = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	if (!got || strcmp(got, sqlstate) != 0)
		fail_msg("%s: SQLSTATE %s, not %s", sql, got ? got : "none", sqlstate);
	PQclear(result);
}

static void test_implied_at_0001(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture_run(fixture, "upgrade", "0001", NULL), 0);
	fixture_sql(fixture, "INSERT INTO users (email, username) VALUES ('a@b', 'a')");
	assert_int_equal(fixture_number(fixture,
	                                "SELECT count(*) FROM users WHERE status = 'pending'"
	                                " AND NOT email_verified AND created_at <= now()"),
	                 1);
	assert_refused(fixture, "INSERT INTO users (email, username) VALUES ('a@b', 'b')", "23505");
	assert_refused(fixture, "INSERT INTO users (email, username) VALUES ('b@b', 'a')", "23505");
	assert_refused(fixture,
	               "INSERT INTO users (email, username, status) VALUES ('c', 'c', 'gone')",
	               "22P02");
	assert_refused(fixture,
	               "INSERT INTO projects (organization_id, name, key) VALUES (9, 'n', 'K')",
	               "23503");
	assert_refused(fixture, "INSERT INTO stories (project_id, title) VALUES (9, 't')", "23503");
}

static void test_contract_at_head(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture_run(fixture, "upgrade", NULL), 0);
	for (size_t i = 0; i < COLUMNS; i++) {
		const struct column *column = &columns[i];
		bool grown = is_id(column->name) || strncmp(column->type, "timestamp", 9) == 0;
		assert_column(fixture, column, grown ? at_head(column->type) : column->type);
	}
	assert_indexes(fixture);
}

static void test_each_up_down_up(void **state)
{
	struct fixture *fixture = *state;
	char revision[8];
	assert_int_equal(fixture_run(fixture, "upgrade", "0001", NULL), 0);
	fixture_sql(fixture, fixture_seed_rows);
	char *rows = catalog_seed_rows(fixture->connection);
	for (unsigned next = 2; next <= migration_builtin.count; next++) {
		snprintf(revision, sizeof(revision), "%04u", next);
		char *before = catalog_dump(fixture->connection);
		assert_int_equal(fixture_run(fixture, "upgrade", revision, NULL), 0);
		char *up = catalog_dump(fixture->connection);
		char *rows_up = catalog_seed_rows(fixture->connection);
		assert_string_not_equal(before, up);
		assert_int_equal(fixture_run(fixture, "downgrade", "-1", NULL), 0);
		char *down = catalog_dump(fixture->connection);
		char *rows_down = catalog_seed_rows(fixture->connection);
		assert_int_equal(fixture_run(fixture, "upgrade", "+1", NULL), 0);
		char *again = catalog_dump(fixture->connection);
		char *rows_again = catalog_seed_rows(fixture->connection);
		catalog_assert_equal(revision, before, down);
		catalog_assert_equal(revision, up, again);
		catalog_assert_equal(revision, rows, rows_up);
		catalog_assert_equal(revision, rows, rows_down);
		catalog_assert_equal(revision, rows, rows_again);
		char *const texts[] = {before, up, rows_up, down, rows_down, again, rows_again};
		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
			free(texts[i]);
	}
	free(rows);
}

static void test_all_up_down_up(void **state)
{
	struct fixture *fixture = *state;
	char *empty = catalog_dump(fixture->connection);
	assert_int_equal(fixture_run(fixture, "upgrade", "head", NULL), 0);
	char *head = catalog_dump(fixture->connection);
	assert_int_equal(fixture_run(fixture, "downgrade", "base", NULL), 0);
	char *base = catalog_dump(fixture->connection);
	assert_int_equal(fixture_run(fixture, "upgrade", "head", NULL), 0);
	char *again = catalog_dump(fixture->connection);
	catalog_assert_equal("base", empty, base);
	catalog_assert_equal("head", head, again);
	free(empty);
	free(head);
	free(base);
	free(again);
}

/* The sample, through a prismd that is gone again. */
static void import_sample(struct fixture *fixture)
{
	struct program prismd;
	char directory[64], key_file[128];
	directory_make(directory);
	snprintf(key_file, sizeof(key_file), "%s/bootstrap.key", directory);
	program_start(&prismd,
	              (const char *const[]){program_path("prismd"), "--listen", "127.0.0.1:0",
	                                    "--workers", "1", "--state-dir", directory,
	                                    "--database-url", fixture->conninfo, NULL},
	              NULL);
	int code = program_run(
		(const char *const[]){program_path("prismctl"), "--address", prismd.address,
	                              "--key-file", key_file, "import", "--quiet",
	                              PRISM_SOURCE_DIR "/examples/ferry-backlog.ndjson", NULL},
		NULL, fixture->text);
	if (code != 0)
		fail_msg("prismctl import: exit code %d\n%s", code, fixture->text);
	assert_int_equal(program_stop(&prismd), 0);
	directory_remove(directory);
}

static void test_backlog_survives(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture_run(fixture, "upgrade", NULL), 0);
	import_sample(fixture);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM stories"), 12);
	char *rows = catalog_seed_rows(fixture->connection);
	assert_int_equal(fixture_run(fixture, "downgrade", "0001", NULL), 0);
	char *down = catalog_seed_rows(fixture->connection);
	assert_int_equal(fixture_run(fixture, "upgrade", NULL), 0);
	char *again = catalog_seed_rows(fixture->connection);
	catalog_assert_equal("down", rows, down);
	catalog_assert_equal("up", rows, again);
	/* Numbers, keys and counters are made again from what is there. */
	assert_int_equal(fixture_number(fixture,
	                                "SELECT count(*) FROM stories WHERE number = id"
	                                " AND rank = number * 65536 AND organization_id = 1"),
	                 12);
	assert_int_equal(fixture_number(fixture, "SELECT next_number FROM project_counters"), 13);
	assert_int_equal(fixture_number(fixture,
	                                "SELECT count(*) FROM project_keys WHERE key = 'DEMO'"
	                                " AND is_current AND project_id = 1"),
	                 1);
	free(rows);
	free(down);
	free(again);
}

static void test_backfill(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture_run(fixture, "upgrade", "0001", NULL), 0);
	fixture_sql(fixture, fixture_seed_rows);
	assert_int_equal(fixture_run(fixture, "upgrade", NULL), 0);
	/* By creation, not by id. */
	assert_int_equal(
		fixture_number(fixture, "SELECT number FROM stories WHERE title = 'earlier'"), 1);
	assert_int_equal(
		fixture_number(fixture, "SELECT number FROM stories WHERE title = 'later'"), 2);
	assert_int_equal(
		fixture_number(fixture, "SELECT number FROM stories WHERE title = 'elsewhere'"), 1);
	assert_int_equal(
		fixture_number(fixture,
	                       "SELECT next_number FROM project_counters WHERE project_id = 1"),
		3);
	assert_int_equal(
		fixture_number(
			fixture,
			"SELECT count(*) FROM stories s JOIN projects p ON p.id = s.project_id"
			" WHERE s.organization_id <> p.organization_id"),
		0);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM stories WHERE (status = "
	                                         "'done') <> (completed_at IS NOT NULL)"),
	                 0);
	assert_int_equal(
		fixture_number(fixture,
	                       "SELECT count(*) FROM ai_generations WHERE organization_id = 1"),
		2);
	/* The next id goes on where the sequence was. */
	assert_int_equal(fixture_number(fixture, "INSERT INTO organizations (name, slug, owner_id) "
	                                         "SELECT 'Three', 'three', id"
	                                         " FROM users LIMIT 1 RETURNING id"),
	                 3);
}

static void test_rules_at_head(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture_run(fixture, "upgrade", "0001", NULL), 0);
	fixture_sql(fixture, fixture_seed_rows);
	assert_int_equal(fixture_run(fixture, "upgrade", NULL), 0);
	assert_refused(fixture,
	               "INSERT INTO users (email, username) VALUES ('ADA@EXAMPLE.ORG', 'x')",
	               "23505");
	assert_refused(fixture, "INSERT INTO users (email, username) VALUES ('x', 'ADA')", "23505");
	assert_refused(fixture, "UPDATE organizations SET slug = 'one' WHERE id = 2", "23505");
	assert_refused(fixture, "UPDATE organization_members SET role = 'owner'", "23514");
	assert_refused(fixture, "UPDATE stories SET status = 'doing'", "23514");
	assert_refused(fixture, "UPDATE stories SET priority = 'urgent'", "23514");
	assert_refused(fixture, "UPDATE stories SET number = 1 WHERE project_id = 1", "23505");
	/* Into another organization, and at another project's sprint. */
	assert_refused(fixture, "UPDATE stories SET organization_id = 2 WHERE project_id = 1",
	               "23503");
	assert_refused(fixture, "UPDATE stories SET sprint_id = 1 WHERE project_id = 2", "23503");
	assert_refused(fixture, "UPDATE stories SET epic_id = 1 WHERE project_id = 2", "23503");
	assert_refused(fixture, "INSERT INTO project_keys VALUES (1, 'fst', 1, false)", "23514");
	assert_refused(fixture, "UPDATE sprints SET status = 'active' WHERE id = 1", "23505");
	assert_refused(fixture,
	               "INSERT INTO service_keys (principal_id, token_hash, key_id, scopes)"
	               " VALUES (1, sha256('x'), 1, '{everything}')",
	               "23514");
	/* A sprint that goes leaves its stories in the project. */
	fixture_sql(fixture, "DELETE FROM sprints WHERE id = 1");
	assert_int_equal(
		fixture_number(fixture, "SELECT count(*) FROM stories WHERE project_id = 1"), 2);
}

static void test_daemon_role(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture_run(fixture, "upgrade", NULL), 0);
	fixture_sql(fixture, "SET ROLE prism_app");
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM stories"), 0);
	assert_int_equal(
		fixture_number(fixture, "SELECT max(revision) FROM prism_meta.schema_migrations"),
		(long)migration_builtin.count);
	assert_int_equal(
		fixture_number(fixture, "SELECT count(*) FROM prism_meta.migration_progress"), 0);
	fixture_sql(fixture, "INSERT INTO activity_log (entity_type, entity_id, verb, principal_id)"
	                     " VALUES ('story', '1', 'create', 1)");
	assert_refused(fixture, "DELETE FROM activity_log", "42501");
	assert_refused(fixture, "UPDATE activity_log SET verb = 'x'", "42501");
	assert_refused(fixture, "DELETE FROM prism_meta.schema_migrations", "42501");
	assert_refused(fixture, "CREATE TABLE mine (id int)", "42501");
	assert_refused(fixture, "TRUNCATE stories", "42501");
	fixture_sql(fixture, "RESET ROLE");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_contract_at_0001), TEST(test_implied_at_0001),
		TEST(test_contract_at_head), TEST(test_each_up_down_up),
		TEST(test_all_up_down_up),   TEST(test_backlog_survives),
		TEST(test_backfill),         TEST(test_rules_at_head),
		TEST(test_daemon_role),
	};
	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
