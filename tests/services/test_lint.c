/* prism-db lint: each rule finds what it is about, and leaves alone what is fine. */
#include "migrate_fixture.h"

static char directory[64];

static int setup(void **state)
{
	directory_make(directory);
	return fixture_setup(state);
}

static int teardown(void **state)
{
	directory_remove(directory);
	return fixture_teardown(state);
}

struct lint_case {
	const char *up, *down, *finding; /* NULL: none */
};

static const char first[] =
	"CREATE TYPE mood AS ENUM ('sad', 'ok');"
	"CREATE TABLE organizations (id bigint PRIMARY KEY, organization_id bigint);"
	"CREATE TABLE a (id bigint PRIMARY KEY, organization_id bigint, n integer,"
	" t varchar(50), m mood);"
	"CREATE TABLE b (id bigint PRIMARY KEY, organization_id bigint, a_id bigint);"
	"CREATE INDEX b_a_idx ON b (a_id);";
static const char first_down[] = "DROP TABLE a, b, organizations; DROP TYPE mood;";

static const struct lint_case cases[] = {
	/* rewrite */
	{"ALTER TABLE a ALTER n TYPE bigint;", "ALTER TABLE a ALTER n TYPE integer;",
         "0002_second.up.sql:1: rewrite: writes all of a anew, which nobody can use meanwhile\n"},
	{"ALTER TABLE a ADD u uuid DEFAULT gen_random_uuid();", "ALTER TABLE a DROP u;",
         "0002_second.up.sql:1: rewrite: writes all of a anew"},
	{"ALTER TABLE a ALTER t TYPE varchar(60);",
         "-- prism: allow rewrite: nobody may write more meanwhile\n"
         "ALTER TABLE a ALTER t TYPE varchar(50);",
         NULL},
	{"ALTER TABLE a ADD u timestamptz DEFAULT now();", "ALTER TABLE a DROP u;", NULL},
	{"-- prism: allow rewrite: it is small\nALTER TABLE a ALTER n TYPE bigint;",
         "ALTER TABLE a ALTER n TYPE integer;", NULL},
	/* long-lock */
	{"SELECT 1;\nCREATE INDEX a_n ON a (n);", "DROP INDEX a_n;",
         ":2: long-lock: reads all of a, which nobody can write to since line 2; CREATE INDEX "
         "CONCURRENTLY does not lock it\n"},
	{"-- prism: transaction none\nCREATE INDEX CONCURRENTLY a_n ON a (n);", "DROP INDEX a_n;",
         NULL},
	{"ALTER TABLE a ALTER n SET NOT NULL;", "ALTER TABLE a ALTER n DROP NOT NULL;",
         "long-lock: reads all of a, which nobody can use since line 1; a validated CHECK (... IS "
         "NOT NULL) spares it\n"},
	{"-- prism: transaction none\n"
         "ALTER TABLE a ADD CONSTRAINT c CHECK (n IS NOT NULL) NOT VALID;"
         "ALTER TABLE a VALIDATE CONSTRAINT c; BEGIN; ALTER TABLE a ALTER n SET NOT NULL;"
         "ALTER TABLE a DROP CONSTRAINT c; COMMIT;",
         "ALTER TABLE a ALTER n DROP NOT NULL;", NULL},
	{"ALTER TABLE a ADD CONSTRAINT c CHECK (n > 0);", "ALTER TABLE a DROP CONSTRAINT c;",
         "long-lock: reads all of a, which nobody can use since line 1; add it NOT VALID, and "
         "VALIDATE it"},
	{"ALTER TABLE b ADD CONSTRAINT f FOREIGN KEY (a_id) REFERENCES a (id) NOT VALID;\n"
         "ALTER TABLE b VALIDATE CONSTRAINT f; -- prism: allow organization-id\n"
         "-- prism: allow organization-id",
         "ALTER TABLE b DROP CONSTRAINT f;",
         ":2: long-lock: reads all of b, which nobody can write to since line 1"},
	{"-- prism: transaction none\n-- prism: allow organization-id\n"
         "ALTER TABLE b ADD CONSTRAINT f FOREIGN KEY (a_id) REFERENCES a (id) NOT VALID;\n"
         "ALTER TABLE b VALIDATE CONSTRAINT f;",
         "ALTER TABLE b DROP CONSTRAINT f;", NULL},
	{"ALTER TABLE a ADD x integer;\nUPDATE b SET a_id = 1;", "ALTER TABLE a DROP x;",
         ":2: long-lock: reads all of b while a is locked: nobody can use it since line 1"},
	{"UPDATE a SET n = 1;", "SELECT 1;", NULL},
	/* data-loss */
	{"ALTER TABLE a DROP n;", "ALTER TABLE a ADD n integer;",
         "data-loss: drops the column a.n with what it holds\n"},
	{"ALTER TABLE a RENAME n TO x;", "ALTER TABLE a RENAME x TO n;", NULL},
	{"DROP TABLE b;",
         "CREATE TABLE b (id bigint PRIMARY KEY, organization_id bigint, a_id bigint);"
         "CREATE INDEX b_a_idx ON b (a_id);",
         "data-loss: drops the table b with what it holds\n"},
	{"TRUNCATE b;", "SELECT 1;", "data-loss: empties b\n"},
	/* enum-value */
	{"ALTER TYPE mood ADD VALUE 'glad';\nUPDATE a SET m = 'glad';", "SELECT 1;",
         ":2: enum-value: unsafe use of new value \"glad\" of enum type mood; add it in a "
         "migration of its own\n"},
	/* foreign-key-index */
	{"CREATE TABLE c (id bigint, organization_id bigint,"
         " a_id bigint CONSTRAINT f REFERENCES a (id));"
         "-- prism: allow organization-id\n-- prism: allow organization-id",
         "DROP TABLE c;",
         ": foreign-key-index: f of c has no index that begins with its columns (a_id)\n"},
	{"-- prism: allow organization-id\nCREATE TABLE c (id bigint, organization_id bigint,"
         " a_id bigint REFERENCES a (id)); CREATE INDEX ON c (a_id, id) WHERE a_id IS NOT NULL;",
         "DROP TABLE c;", NULL},
	/* organization-id */
	{"CREATE TABLE c (id bigint);", "DROP TABLE c;",
         ": organization-id: the table c has no organization_id\n"},
	{"CREATE TABLE c (organization_id bigint, a_id bigint CONSTRAINT f REFERENCES a (id));"
         "CREATE INDEX ON c (a_id);",
         "DROP TABLE c;",
         ": organization-id: f of c does not include organization_id: it may point into another "
         "organization's a\n"},
	{"CREATE TABLE c (organization_id bigint) PARTITION BY RANGE (organization_id);"
         "CREATE TABLE c1 PARTITION OF c FOR VALUES FROM (0) TO (9);",
         "DROP TABLE c;", NULL},
	/* way-back */
	{"CREATE TABLE c (organization_id bigint);", "SELECT 1;",
         "way-back: its down leaves another schema than there was before\n"},
	/* the down */
	{"SELECT 1;",
         "SELECT 1;\nALTER TABLE a ALTER n TYPE bigint;\nALTER TABLE a ALTER n TYPE integer;",
         "0002_second.down.sql:2: rewrite: writes all of a anew"},
	{"DROP INDEX b_a_idx;", "CREATE INDEX b_a_idx ON b (a_id);",
         "0002_second.down.sql:1: long-lock: reads all of b"},
	{"-- prism: transaction none\nDROP INDEX CONCURRENTLY b_a_idx;",
         "-- prism: transaction none\nCREATE INDEX CONCURRENTLY b_a_idx ON b (a_id);", NULL},
	{"SELECT 1;",
         "DROP TABLE b;\n"
         "CREATE TABLE b (id bigint PRIMARY KEY, organization_id bigint, a_id bigint);"
         "CREATE INDEX b_a_idx ON b (a_id);",
         "0002_second.down.sql:1: data-loss: drops the table b with what it holds\n"},
	{"SELECT 1;", "ALTER TABLE a DROP n; ALTER TABLE a ADD n integer;",
         "0002_second.down.sql:1: data-loss: drops the column a.n with what it holds\n"},
	{"SELECT 1;",
         "-- prism: allow data-loss: it is made from other tables\n"
         "ALTER TABLE a DROP n; ALTER TABLE a ADD n integer;",
         NULL},
	{"ALTER TABLE a ADD n2 integer; CREATE TABLE c (organization_id bigint);",
         "DROP TABLE c; ALTER TABLE a DROP n2;", NULL},
	{"SELECT 1;", "-- prism: allow nothing\nSELECT 1;",
         "0002_second.down.sql:1: unknown-rule: there is no rule 'nothing'\n"},
	/* unknown-rule */
	{"SELECT 1;\n-- prism: allow rewrites", "SELECT 1;",
         ":2: unknown-rule: there is no rule 'rewrites'\n"},
};
enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static int lint(struct fixture *fixture, const struct lint_case *one)
{
	fixture_migration(directory, 1, "first", first, first_down);
	fixture_migration(directory, 2, "second", one->up, one->down);
	return fixture_run(fixture, "--migrations", directory, "lint", NULL);
}

static void test_rules(void **state)
{
	struct fixture *fixture = *state;
	for (size_t i = 0; i < CASES; i++) {
		int code = lint(fixture, &cases[i]);
		if (cases[i].finding && (code != 1 || !strstr(fixture->text, cases[i].finding)))
			fail_msg("%s: '%s' is not in: %s", cases[i].up, cases[i].finding,
			         fixture->text);
		if (!cases[i].finding && (code != 0 || *fixture->text))
			fail_msg("%s: %d, %s", cases[i].up, code, fixture->text);
	}
}

static void test_use(void **state)
{
	struct fixture *fixture = *state;
	const struct lint_case broken = {"SELECT 1;\nCREATE TABEL x ();", "SELECT 1;", NULL};
	assert_int_equal(lint(fixture, &broken), 1);
	assert_non_null(strstr(fixture->text, "0002_second.up.sql:2: syntax error"));
	assert_int_equal(lint(fixture, &cases[0]), 1);
	int code = fixture_run(fixture, "--migrations", directory, "lint", "1:2", "--json", NULL);
	assert_int_equal(code, 1);
	assert_non_null(strstr(fixture->text, "\"rule\": \"rewrite\""));
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "lint", "3", NULL), 2);
	assert_int_equal(fixture_run(fixture, "--migrations", directory, "lint", "2:1", NULL), 2);
	assert_non_null(strstr(fixture->text, "or a range of them"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_rules), TEST(test_use)};
	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
