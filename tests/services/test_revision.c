/* prism-db as its user runs it: revision, check, diff, dump-schema, and what is left of their
 * scratch databases. */
#include "migrate_fixture.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64], migrations[96], schema[96];

static int setup(void **state)
{
	directory_make(directory);
	snprintf(migrations, sizeof(migrations), "%s/migrations", directory);
	snprintf(schema, sizeof(schema), "%s/schema", directory);
	assert_int_equal(mkdir(migrations, 0700), 0);
	assert_int_equal(mkdir(schema, 0700), 0);
	return fixture_setup(state);
}

static int teardown(void **state)
{
	assert_int_equal(cluster_number(fixture_cluster(),
	                                "SELECT count(*) FROM pg_database WHERE datname "
	                                "LIKE 'prism\\_shadow%'"),
	                 0);
	directory_remove(directory);
	return fixture_teardown(state);
}

static void assert_says(const struct fixture *fixture, const char *words)
{
	if (!strstr(fixture->text, words))
		fail_msg("'%s' is not in: %s", words, fixture->text);
}

#define RUN(...) \
	fixture_run(fixture, "--migrations", migrations, "--schema", schema, __VA_ARGS__, NULL)

/* Reads a file of the migrations into fixture->text. */
static void read_migration(struct fixture *fixture, const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", migrations, name);
	FILE *file = fopen(path, "r");
	if (!file)
		fail_msg("%s is not there", path);
	size_t length = fread(fixture->text, 1, PROGRAM_TEXT - 1, file);
	fixture->text[length] = '\0';
	fclose(file);
}

static void declare(const char *sql)
{
	fixture_file(schema, "10_all.sql", sql);
}

static const char first[] =
	"CREATE TYPE mood AS ENUM ('sad', 'ok');"
	"CREATE TABLE one (id bigint PRIMARY KEY, note text, old_name text, m mood);"
	"CREATE TABLE two (id bigint PRIMARY KEY, one_id bigint);";

/* A database at the first migration, with a row in it. */
static void begin(struct fixture *fixture)
{
	fixture_migration(migrations, 1, "first", first,
	                  "DROP TABLE two; DROP TABLE one; DROP TYPE mood;");
	assert_int_equal(RUN("upgrade"), 0);
	fixture_sql(fixture,
	            "INSERT INTO one VALUES (1, 'n', 'kept', 'ok'); INSERT INTO two VALUES (1, 1)");
}

/* Everything that has a form which leaves a table in use, written in it, and applied to one with
 * rows. */
static void test_online(void **state)
{
	struct fixture *fixture = *state;
	begin(fixture);
	declare("CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad');"
	        "CREATE TABLE one (id bigint PRIMARY KEY, note text NOT NULL, m mood DEFAULT "
	        "'glad',\n"
	        "  new_name text, -- prism: renamed from old_name\n"
	        "  CONSTRAINT one_check CHECK (id > 0), CONSTRAINT one_note_key UNIQUE (note));"
	        "CREATE INDEX one_m_idx ON one (m) WHERE m = 'glad';"
	        "CREATE TABLE two (id bigint PRIMARY KEY, one_id bigint REFERENCES one (id));");
	assert_int_equal(RUN("revision", "--autogenerate", "-m", "Second, of many"), 0);
	assert_says(fixture, "/migrations/0002_second_of_many.up.sql\n");
	read_migration(fixture, "0002_second_of_many.up.sql");
	assert_says(fixture, "-- Second, of many\n-- prism: transaction none\n");
	assert_says(fixture, "ALTER TABLE one RENAME COLUMN old_name TO new_name;");
	assert_says(fixture, "ALTER TYPE mood ADD VALUE 'glad' AFTER 'ok';");
	assert_says(fixture, "CHECK (note IS NOT NULL) NOT VALID;");
	assert_says(fixture, "VALIDATE CONSTRAINT one_note_not_null;");
	assert_says(fixture, "CREATE UNIQUE INDEX CONCURRENTLY one_note_key ON one");
	assert_says(fixture, "ADD CONSTRAINT one_note_key UNIQUE USING INDEX one_note_key,");
	assert_says(fixture, "ADD CONSTRAINT one_check CHECK ((id > 0)) NOT VALID;");
	assert_says(fixture, "CREATE INDEX CONCURRENTLY one_m_idx ON one");
	assert_says(fixture, "REFERENCES one(id) NOT VALID;");
	assert_says(fixture, "VALIDATE CONSTRAINT two_one_id_fkey;");
	assert_int_equal(RUN("upgrade"), 0);
	assert_int_equal(
		fixture_number(fixture, "SELECT count(*) FROM one WHERE new_name = 'kept'"), 1);
	assert_int_equal(RUN("check"), 0);
	assert_int_equal(RUN("diff", "live", "declared"), 0);
	assert_int_equal(RUN("downgrade", "-1"), 0);
	assert_int_equal(RUN("diff", "live", "0001"), 0);
	assert_int_equal(
		fixture_number(fixture, "SELECT count(*) FROM one WHERE old_name = 'kept'"), 1);
	/* What was told stays told, and is not done twice. */
	assert_int_equal(RUN("revision", "--autogenerate", "-m", "again"), 0);
	assert_says(fixture,
	            "10_all.sql:2: the rename to one.new_name is done; its comment may go");
	assert_says(fixture, "nothing to do: the migrations build what ");
}

/* A new table needs none of that: one transaction, and keys where they are read. */
static void test_plain(void **state)
{
	struct fixture *fixture = *state;
	char sql[1024];
	begin(fixture);
	snprintf(sql, sizeof(sql),
	         "%s CREATE TABLE three (id bigint PRIMARY KEY, one_id bigint NOT NULL DEFAULT 7 "
	         "REFERENCES one (id));"
	         "CREATE FUNCTION later() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM "
	         "three';",
	         first);
	declare(sql);
	assert_int_equal(RUN("revision", "--autogenerate", "-m", "three"), 0);
	read_migration(fixture, "0002_three.up.sql");
	assert_string_equal(
		fixture->text,
		"-- three\n"
		"SET LOCAL check_function_bodies = off;\n"
		"CREATE TABLE three (\n"
		"\tid bigint NOT NULL,\n"
		"\tone_id bigint NOT NULL DEFAULT 7,\n"
		"\tCONSTRAINT three_pkey PRIMARY KEY (id),\n"
		"\tCONSTRAINT three_one_id_fkey FOREIGN KEY (one_id) REFERENCES one(id)\n"
		");\n"
		"CREATE OR REPLACE FUNCTION public.later()\n"
		" RETURNS bigint\n"
		" LANGUAGE sql\n"
		"AS $function$SELECT count(*) FROM three$function$;\n");
	read_migration(fixture, "0002_three.down.sql");
	assert_string_equal(fixture->text, "DROP FUNCTION later();\n"
	                                   "-- Beware: what it holds is lost.\n"
	                                   "DROP TABLE three;\n");
	assert_int_equal(RUN("upgrade"), 0);
	assert_int_equal(RUN("check"), 0);
}

/* Every kind of thing that a comment renames. */
static void test_renames(void **state)
{
	struct fixture *fixture = *state;
	fixture_migration(
		migrations, 1, "first",
		"CREATE SCHEMA a; CREATE TYPE mood AS ENUM ('sad', 'ok');"
		"CREATE FUNCTION f(n integer) RETURNS integer LANGUAGE sql IMMUTABLE RETURN n;"
		"CREATE TABLE a.one (id serial PRIMARY KEY, m mood, CONSTRAINT c CHECK (id > 0));"
		"CREATE INDEX i ON a.one (m, id);"
		"CREATE VIEW v AS SELECT id, f(id) AS f FROM a.one;"
		"CREATE POLICY p ON a.one USING (id > 1); CREATE SEQUENCE s;",
		"DROP SCHEMA a CASCADE; DROP FUNCTION f(integer); DROP TYPE mood;"
		"DROP SEQUENCE s;");
	assert_int_equal(RUN("upgrade"), 0);
	fixture_sql(fixture, "INSERT INTO a.one (m) VALUES ('sad'), ('ok')");
	declare("CREATE SCHEMA a;\n"
	        "-- prism: renamed from mood\n"
	        "CREATE TYPE humour AS ENUM (\n"
	        "  'low', -- prism: renamed from 'sad'\n"
	        "  'ok');\n"
	        "CREATE FUNCTION g(n integer) -- prism: renamed from f\n"
	        "RETURNS integer LANGUAGE sql IMMUTABLE RETURN n;\n"
	        "-- prism: renamed from one\n"
	        "CREATE TABLE a.\"Two\" (id serial PRIMARY KEY,\n"
	        "  -- prism: renamed from m\n"
	        "  h humour,\n"
	        "  CONSTRAINT d CHECK (id > 0) -- prism: renamed from c\n"
	        ");\n"
	        "-- prism: renamed from i\n"
	        "CREATE INDEX j ON a.\"Two\" (h, id);\n"
	        "CREATE VIEW w AS SELECT id, g(id) AS f FROM a.\"Two\"; -- prism: renamed from v\n"
	        "-- prism: renamed from p\n"
	        "CREATE POLICY q ON a.\"Two\" USING (id > 1);\n"
	        "-- prism: renamed from s\n"
	        "CREATE SEQUENCE t;\n");
	if (RUN("revision", "--autogenerate", "-m", "names") != 0)
		fail_msg("%s", fixture->text);
	read_migration(fixture, "0002_names.up.sql");
	assert_null(strstr(fixture->text, "DROP"));
	assert_null(strstr(fixture->text, "CREATE"));
	assert_int_equal(RUN("upgrade"), 0);
	assert_int_equal(RUN("check"), 0);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM a.\"Two\" WHERE h = 'low'"),
	                 1);
	/* The rows' numbers go on. */
	fixture_sql(fixture, "INSERT INTO a.\"Two\" (h) VALUES ('ok')");
	assert_int_equal(fixture_number(fixture, "SELECT max(id) FROM a.\"Two\""), 3);
	assert_int_equal(RUN("downgrade", "-1"), 0);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM a.one WHERE m = 'sad'"), 1);
}

static void test_by_hand(void **state)
{
	struct fixture *fixture = *state;
	fixture_migration(migrations, 1, "first", first, "DROP TABLE two, one; DROP TYPE mood;");
	assert_int_equal(RUN("revision", "-m", "By hand"), 0);
	read_migration(fixture, "0002_by_hand.up.sql");
	assert_string_equal(fixture->text, "-- By hand: why.\n");
	assert_int_equal(RUN("upgrade"), 0);
	assert_int_equal(fixture_revision(fixture), 2);
}

static void test_refusals(void **state)
{
	struct fixture *fixture = *state;
	begin(fixture);
	assert_int_equal(RUN("revision"), 2);
	assert_says(fixture, "revision needs -m");
	assert_int_equal(RUN("revision", "-m", "!?"), 2);
	assert_says(fixture, "in letters and digits");
	assert_int_equal(RUN("revision", "-m", "x", "--autogenerate"), 1);
	assert_says(fixture, "there are no .sql files in it");
	declare("CREATE TABLE one (id int);\nCREATE TABEL two ();");
	assert_int_equal(RUN("revision", "-m", "x", "--autogenerate"), 1);
	assert_says(fixture, "10_all.sql:2: syntax error");
	declare("CREATE TABLE one (id int); COMMIT;");
	assert_int_equal(RUN("revision", "-m", "x", "--autogenerate"), 1);
	assert_says(fixture, "10_all.sql ends the transaction");
	declare("CREATE TABLE one (id int,\n  a int); -- prism: renamed from b");
	assert_int_equal(RUN("revision", "-m", "x", "--autogenerate"), 1);
	assert_says(fixture, "10_all.sql:2: the migrations build neither one.b nor one.a");
	declare("-- prism: renamed from b\nSELECT 1;");
	assert_int_equal(RUN("revision", "-m", "x", "--autogenerate"), 1);
	assert_says(fixture, "10_all.sql:1: a rename is told of what a CREATE statement makes");
	declare("CREATE AGGREGATE total (integer) (sfunc = int4pl, stype = integer);");
	assert_int_equal(RUN("revision", "-m", "x", "--autogenerate"), 1);
	assert_says(fixture, "prism-db does not write these");
	assert_says(fixture, "make aggregate public.total(integer)");
	assert_int_equal(RUN("diff", "live", "nothing"), 2);
	assert_says(fixture, "there is no schema 'nothing'");
}

/* What cannot be proven is not written, and said. */
static void test_no_proof(void **state)
{
	struct fixture *fixture = *state;
	fixture_migration(migrations, 1, "first",
	                  "CREATE TABLE p (k integer, v text) PARTITION BY RANGE (k);",
	                  "DROP TABLE p;");
	assert_int_equal(RUN("upgrade"), 0);
	declare("CREATE TABLE p (k bigint, v text) PARTITION BY RANGE (k);");
	assert_int_equal(RUN("revision", "-m", "x", "--autogenerate"), 1);
	assert_says(fixture, "nothing is written; this was tried:");
	assert_says(fixture, "cannot alter column \"k\" because it is part of the partition key");
	assert_int_equal(access(migrations, F_OK), 0);
	assert_int_equal(RUN("current"), 0);
	assert_says(fixture, "0001_first (head)");
}

/* A partition that becomes a table of its own, with a column more. What shows only after the first
 * statements have run, an index that is its own from then on, is added to them. */
static void test_second_round(void **state)
{
	struct fixture *fixture = *state;
	static const char parent[] =
		"CREATE TABLE p (k integer NOT NULL, v text) PARTITION BY RANGE (k);"
		"CREATE INDEX p_v ON p (v);";
	char sql[512];
	snprintf(sql, sizeof(sql), "%s CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);",
	         parent);
	fixture_migration(migrations, 1, "first", sql, "DROP TABLE p;");
	assert_int_equal(RUN("upgrade"), 0);
	fixture_sql(fixture, "INSERT INTO p VALUES (1, 'kept')");
	snprintf(sql, sizeof(sql), "%s CREATE TABLE p1 (k integer NOT NULL, v text, w text);",
	         parent);
	declare(sql);
	if (RUN("revision", "-m", "apart", "--autogenerate") != 0)
		fail_msg("%s", fixture->text);
	read_migration(fixture, "0002_apart.up.sql");
	assert_string_equal(fixture->text, "-- apart\n"
	                                   "-- prism: transaction none\n"
	                                   "BEGIN;\n"
	                                   "ALTER TABLE p DETACH PARTITION p1;\n"
	                                   "ALTER TABLE p1 ADD COLUMN w text;\n"
	                                   "COMMIT;\n"
	                                   "DROP INDEX CONCURRENTLY p1_v_idx;\n");
	assert_int_equal(RUN("upgrade"), 0);
	assert_int_equal(RUN("check"), 0);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM p1 WHERE v = 'kept'"), 1);
	assert_int_equal(RUN("downgrade", "-1"), 0);
	assert_int_equal(RUN("check"), 1);
	assert_says(fixture, "pending");
	assert_null(strstr(fixture->text, "back to what the migrations built"));
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM p WHERE v = 'kept'"), 1);
}

/* As production does it: a role that owns the database and may make others, and no more. */
static void test_plain_owner(void **state)
{
	struct fixture *fixture = *state;
	char sql[256], conninfo[CLUSTER_CONNINFO_SIZE];
	cluster_sql(fixture_cluster(), "CREATE ROLE deployer LOGIN CREATEDB");
	snprintf(sql, sizeof(sql), "ALTER DATABASE %s OWNER TO deployer", fixture->name);
	fixture_sql(fixture, sql);
	snprintf(conninfo, sizeof(conninfo), "%s", fixture->conninfo);
	snprintf(fixture->conninfo, sizeof(fixture->conninfo), "%.200s user=deployer", conninfo);
	/* The roles that migrations name are an administrator's to make. */
	fixture_sql(fixture, migration_builtin.at[1].up);
	fixture_sql(fixture, "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM "
	                     "prism_app; ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON "
	                     "SEQUENCES FROM prism_app");
	assert_int_equal(fixture_run(fixture, "upgrade", NULL), 0);
	assert_int_equal(fixture_run(fixture, "check", NULL), 0);
	/* Who looks as somebody else sees the same. */
	snprintf(fixture->conninfo, sizeof(fixture->conninfo), "%s", conninfo);
	assert_int_equal(fixture_run(fixture, "check", NULL), 0);
	snprintf(sql, sizeof(sql),
	         "ALTER DATABASE %s OWNER TO CURRENT_USER; DROP OWNED BY deployer; DROP ROLE "
	         "deployer",
	         fixture->name);
	fixture_sql(fixture, sql);
}

static void test_check(void **state)
{
	struct fixture *fixture = *state;
	begin(fixture);
	fixture_migration(migrations, 2, "second", "CREATE TABLE late (id int);",
	                  "DROP TABLE late;");
	assert_int_equal(RUN("check"), 1);
	assert_says(fixture, "  pending  0002_second\n");
	assert_int_equal(RUN("upgrade"), 0);
	assert_int_equal(RUN("check"), 0);
	assert_says(fixture, "at 0002 (head), as the migrations build it");
	fixture_sql(fixture,
	            "ALTER TABLE one DROP COLUMN note; CREATE TABLE own (id int);"
	            "CREATE INDEX two_idx ON two (one_id); ALTER TABLE late ALTER id TYPE bigint");
	assert_int_equal(RUN("check"), 1);
	assert_says(fixture, "  missing  column one.note\n  extra    index two_idx\n");
	assert_says(fixture, "  differs  column late.id\n             expected integer\n           "
	                     "  found    bigint\n");
	assert_says(fixture, "\nDROP INDEX CONCURRENTLY two_idx;\n");
	assert_says(fixture, "\n-- Beware: what it holds is lost.\nDROP TABLE own;\n");
	const char *repair = strstr(fixture->text, "built:\n\n");
	assert_non_null(repair);
	/* As psql would: each statement by itself. */
	char *sql = strdup(repair + strlen("built:\n\n"));
	for (char *end, *at = sql; (end = strstr(at, ";\n")); at = end + 2) {
		*end = '\0';
		fixture_sql(fixture, at);
	}
	free(sql);
	assert_int_equal(RUN("check"), 0);
	fixture_sql(fixture, "COMMENT ON TABLE one IS 'first'");
	assert_int_equal(RUN("check", "--json"), 1);
	assert_says(fixture, "\"kind\": \"comment\"");
	assert_says(fixture, "\"repair\": \"COMMENT ON TABLE one IS NULL;\\n\"");
	fixture_migration(migrations, 2, "second", "CREATE TABLE late (id bigint);",
	                  "DROP TABLE late;");
	assert_int_equal(RUN("check"), 5);
	assert_says(fixture, "0002_second.up.sql was changed after it was applied");
}

/* A schema printed, and built from the print. */
static void test_dump_and_diff(void **state)
{
	struct fixture *fixture = *state, *other = NULL;
	char *dump;
	assert_int_equal(fixture_run(fixture, "upgrade", NULL), 0);
	assert_int_equal(fixture_run(fixture, "dump-schema", NULL), 0);
	dump = strdup(fixture->text);
	fixture_setup((void **)&other);
	fixture_sql(other, dump);
	free(dump);
	assert_int_equal(fixture_run(fixture, "diff", "live", other->conninfo, NULL), 0);
	assert_string_equal(fixture->text, "");
	fixture_sql(other, "DROP INDEX idx_users_status");
	assert_int_equal(fixture_run(fixture, "diff", other->conninfo, "live", NULL), 0);
	assert_string_equal(fixture->text,
	                    "CREATE INDEX idx_users_status ON users USING btree (status);\n");
	assert_int_equal(fixture_run(fixture, "diff", "0017", "0016", NULL), 0);
	assert_string_equal(fixture->text, "DROP INDEX stories_updated_idx;\n");
	assert_int_equal(fixture_run(fixture, "diff", "base", "base", NULL), 0);
	assert_string_equal(fixture->text, "");
	fixture_teardown((void **)&other);
}

/* db/schema is what the migrations build. If it is not: prism-db revision --autogenerate, or make
 * db/schema follow. */
static void test_declared_schema(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture_run(fixture, "--schema", PRISM_SOURCE_DIR "/db/schema", "diff",
	                             "head", "declared", NULL),
	                 0);
	if (*fixture->text)
		fail_msg("db/schema declares something else than the migrations build:\n%s",
		         fixture->text);
}

static void test_no_right(void **state)
{
	struct fixture *fixture = *state;
	char sql[256], conninfo[CLUSTER_CONNINFO_SIZE];
	begin(fixture);
	cluster_sql(fixture_cluster(), "DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN");
	snprintf(sql, sizeof(sql),
	         "GRANT ALL ON SCHEMA prism_meta TO plain; GRANT ALL ON ALL TABLES IN SCHEMA "
	         "prism_meta TO plain");
	fixture_sql(fixture, sql);
	snprintf(conninfo, sizeof(conninfo), "%s", fixture->conninfo);
	snprintf(fixture->conninfo, sizeof(fixture->conninfo), "%.200s user=plain", conninfo);
	assert_int_equal(RUN("check"), 1);
	assert_says(fixture, "have an administrator run ALTER ROLE plain CREATEDB");
	snprintf(fixture->conninfo, sizeof(fixture->conninfo), "%s", conninfo);
	fixture_sql(fixture, "DROP OWNED BY plain; DROP ROLE plain");
}

/* Killed while it works in its scratch database: somebody drops that. */
static void test_kill(void **state)
{
	struct fixture *fixture = *state;
	static const char shadows[] =
		"SELECT count(*) FROM pg_database WHERE datname LIKE 'prism\\_shadow%'";
	static const char sleeping[] =
		"SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
		" AND datname LIKE 'prism\\_shadow%'";
	char log[96];
	snprintf(log, sizeof(log), "%s/log", directory);
	fixture_migration(migrations, 1, "slow", "SELECT pg_sleep(600);", "SELECT 1;");
	assert_int_equal(RUN("stamp", "1"), 0);
	const int signals[] = {SIGKILL, SIGTERM};
	for (size_t i = 0; i < 2; i++) {
		pid_t pid = fixture_spawn(fixture, log, "--migrations", migrations, "check", NULL);
		fixture_until(fixture, sleeping, 1);
		assert_int_equal(fixture_number(fixture, shadows), 1);
		kill(pid, signals[i]);
		assert_int_equal(fixture_wait(pid), 128 + signals[i]);
		fixture_until(fixture, shadows, 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_online),      TEST(test_plain),           TEST(test_renames),
		TEST(test_by_hand),     TEST(test_refusals),        TEST(test_no_proof),
		TEST(test_check),       TEST(test_dump_and_diff),   TEST(test_no_right),
		TEST(test_kill),        TEST(test_declared_schema), TEST(test_second_round),
		TEST(test_plain_owner),
	};
	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
