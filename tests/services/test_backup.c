/* prism-db backup and restore: every format and back, names, retention, whose place it takes. */
#include "backup_fixture.h"

#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

static void drop(struct fixture *fixture, const char *database)
{
	char sql[128];
	snprintf(sql, sizeof sql, "DROP DATABASE %s", database);
	fixture_sql(fixture, sql);
}

static void every_format_comes_back(void **state)
{
	struct fixture *fixture = *state;
	static const char *const names[] = {"a.sql", "a.sql.gz", "a.dump", "a.dir"};
	load(fixture, 500);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(
			fixture_run(fixture, "backup", in_directory(names[i]), "--verify", NULL),
			0);
		assert_says(fixture, "row by row");
		assert_int_equal(fixture_run(fixture, "restore", in_directory(names[i]), "--into",
		                             "copy", NULL),
		                 0);
		assert_same_contents(fixture, fixture->name, "copy");
		assert_nothing_left(fixture);
		drop(fixture, "copy");
	}
}

static void format_by_option(void **state)
{
	struct fixture *fixture = *state;
	load(fixture, 1);
	assert_int_equal(
		fixture_run(fixture, "backup", in_directory("x"), "--format", "plain", NULL), 0);
	FILE *file = fopen(in_directory("x"), "r");
	char line[64];
	assert_non_null(fgets(line, sizeof line, file));
	assert_string_equal(line, "--\n");
	fclose(file);
	assert_int_equal(fixture_run(fixture, "backup", in_directory("y"), "--format", "tar", NULL),
	                 2);
	assert_says(fixture, "plain, gzip, custom or directory");
}

static void manifest_says_what_is_in_it(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;
	load(fixture, 10);
	assert_int_equal(fixture_run(fixture, "backup", in_directory("a.dump"), NULL), 0);
	json_t *manifest = json_load_file(in_directory("a.dump.manifest.json"), 0, NULL);
	json_t *contents = json_object_get(manifest, "contents");
	assert_int_equal(json_integer_value(json_object_get(contents, "revision")),
	                 fixture_revision(fixture));
	json_t *stories = json_object_get(json_object_get(contents, "tables"), "public.stories");
	assert_int_equal(json_integer_value(json_object_get(stories, "rows")), 13);
	json_t *file = json_object_get(json_object_get(manifest, "files"), ".");
	assert_int_equal(stat(in_directory("a.dump"), &status), 0);
	assert_int_equal(json_integer_value(json_object_get(file, "bytes")), status.st_size);
	assert_int_equal(status.st_mode & 0777, 0600);
	json_decref(manifest);
}

static void overwrites_no_file_untold(void **state)
{
	struct fixture *fixture = *state;
	load(fixture, 1);
	static const char *const names[] = {"a.sql", "a.dir"};
	for (size_t i = 0; i < 2; i++) {
		const char *path = in_directory(names[i]);
		assert_int_equal(fixture_run(fixture, "backup", path, NULL), 0);
		assert_int_equal(fixture_run(fixture, "backup", path, NULL), 2);
		assert_says(fixture, "is there already");
		assert_int_equal(fixture_run(fixture, "backup", path, "--replace", NULL), 0);
		assert_nothing_left(fixture);
	}
}

static void keeps_the_newest(void **state)
{
	struct fixture *fixture = *state;
	char directory[192], name[512];
	load(fixture, 1);
	snprintf(directory, sizeof directory, "%s", in_directory("kept"));
	assert_int_equal(mkdir(directory, 0700), 0);
	for (int day = 1; day <= 4; day++) {
		snprintf(name, sizeof name, "%s-0018-2026010%dT000000Z.dump", fixture->name, day);
		fixture_file(directory, name, "old");
		snprintf(name, sizeof name, "%s-0018-2026010%dT000000Z.dump.manifest.json",
		         fixture->name, day);
		fixture_file(directory, name, "{}");
	}
	fixture_file(directory, "other-0018-20260101T000000Z.dump", "of another database");
	fixture_file(directory, "mine.dump", "made by hand");
	assert_int_equal(fixture_run(fixture, "backup", directory, "--keep", "2", NULL), 0);
	const char *path = strtok(fixture->text, "\n");
	while (path && strncmp(path, directory, strlen(directory)) != 0)
		path = strtok(NULL, "\n");
	assert_non_null(path);
	assert_int_equal(access(path, R_OK), 0);
#define LEFT(text, wanted)                                                 \
	do {                                                               \
		snprintf(name, sizeof name, "%s/%s", directory, text);     \
		assert_int_equal(access(name, R_OK) == 0 ? 1 : 0, wanted); \
	} while (0)
	char own[128];
	for (int day = 1; day <= 4; day++) {
		snprintf(own, sizeof own, "%s-0018-2026010%dT000000Z.dump", fixture->name, day);
		LEFT(own, day == 4);
		snprintf(own, sizeof own, "%s-0018-2026010%dT000000Z.dump.manifest.json",
		         fixture->name, day);
		LEFT(own, day == 4);
	}
	LEFT("other-0018-20260101T000000Z.dump", 1);
	LEFT("mine.dump", 1);
}

static void takes_the_place_of_an_empty_database(void **state)
{
	struct fixture *fixture = *state;
	char url[CLUSTER_CONNINFO_SIZE], sql[256];
	load(fixture, 20);
	assert_int_equal(fixture_run(fixture, "backup", in_directory("a.dump"), NULL), 0);
	fixture_sql(fixture, "CREATE DATABASE empty_one");
	fixture_sql(fixture, "ALTER DATABASE empty_one SET lock_timeout = '7s'");
	fixture_sql(fixture, "REVOKE CONNECT ON DATABASE empty_one FROM PUBLIC");
	fixture_sql(fixture, "GRANT CONNECT ON DATABASE empty_one TO prism_app");
	snprintf(url, sizeof url, "%s dbname=empty_one", cluster_conninfo(fixture_cluster()));
	const char *const argv[] = {program_path("prism-db"),
	                            "--database-url",
	                            url,
	                            "restore",
	                            in_directory("a.dump"),
	                            NULL};
	if (program_run(argv, NULL, fixture->text) != 0)
		fail_msg("%s", fixture->text);
	assert_same_contents(fixture, fixture->name, "empty_one");
	assert_nothing_left(fixture);
	snprintf(sql, sizeof sql,
	         "SELECT count(*) FROM pg_database d, pg_db_role_setting s WHERE d.oid = "
	         "s.setdatabase AND d.datname = 'empty_one' AND s.setconfig = "
	         "'{lock_timeout=7s}'");
	assert_int_equal(fixture_number(fixture, sql), 1);
	assert_int_equal(fixture_number(fixture, "SELECT has_database_privilege('prism_app', "
	                                         "'empty_one', 'CONNECT')::int"),
	                 1);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM pg_database d, "
	                                         "aclexplode(d.datacl) a WHERE d.datname = "
	                                         "'empty_one' AND a.grantee = 0 AND "
	                                         "a.privilege_type = 'CONNECT'"),
	                 0);
	drop(fixture, "empty_one");
}

static void keeps_what_was_there(void **state)
{
	struct fixture *fixture = *state;
	const char *path = in_directory("a.dump");
	load(fixture, 20);
	assert_int_equal(fixture_run(fixture, "backup", path, NULL), 0);
	fixture_sql(fixture, "DELETE FROM stories WHERE title = 'Story 7'");
	assert_int_equal(fixture_run(fixture, "restore", path, NULL), 2);
	assert_says(fixture, "is not empty");
	assert_int_equal(fixture_run(fixture, "restore", path, "--replace", NULL), 4);
	assert_says(fixture, "1 sessions use the database");
	assert_nothing_left(fixture);
	PQfinish(fixture->connection);
	int code = fixture_run(fixture, "restore", path, "--replace", NULL);
	fixture->connection = PQconnectdb(fixture->conninfo);
	assert_int_equal(code, 0);
	assert_says(fixture, "is kept in the database prism_before_");
	char kept[32];
	snprintf(kept, sizeof kept, "%.21s", strstr(fixture->text, "prism_before_"));
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM stories"), 23);
	char *former = contents(fixture, kept), *now = contents(fixture, fixture->name);
	assert_string_not_equal(former, now);
	free(former);
	free(now);
	drop(fixture, kept);
}

/* Another cluster, where the roles are not yet. */
static void into_a_new_cluster(void **state)
{
	struct fixture *fixture = *state;
	struct cluster *other = cluster_new(NULL);
	load(fixture, 20);
	fixture_sql(fixture, "CREATE ROLE deployer_of_old");
	fixture_sql(fixture, "ALTER TABLE documents OWNER TO deployer_of_old");
	static const char *const names[] = {"a.sql.gz", "a.dump"};
	for (size_t i = 0; i < 2; i++) {
		const char *path = in_directory(names[i]);
		assert_int_equal(fixture_run(fixture, "backup", path, NULL), 0);
		const char *const argv[] = {program_path("prism-db"),
		                            "--database-url",
		                            cluster_conninfo(other),
		                            "restore",
		                            path,
		                            "--into",
		                            names[i],
		                            NULL};
		if (program_run(argv, NULL, fixture->text) != 0)
			fail_msg("%s", fixture->text);
	}
	assert_int_equal(cluster_number(other, "SELECT count(*) FROM pg_roles WHERE rolname IN "
	                                       "('deployer_of_old', 'prism_app')"),
	                 2);
	cluster_free(other);
	fixture_sql(fixture, "ALTER TABLE documents OWNER TO postgres");
	fixture_sql(fixture, "DROP ROLE deployer_of_old");
}

/* As the database document shows it, by hand: no manifest, nothing to compare with. */
static void dump_by_hand(void **state)
{
	struct fixture *fixture = *state;
	char command[768];
	load(fixture, 20);
	snprintf(command, sizeof command, "pg_dump '%s' > %s", fixture->conninfo,
	         in_directory("hand.sql"));
	assert_int_equal(system(command), 0);
	assert_int_equal(
		fixture_run(fixture, "restore", in_directory("hand.sql"), "--into", "copy", NULL),
		0);
	assert_says(fixture, "no manifest");
	assert_same_contents(fixture, fixture->name, "copy");
	drop(fixture, "copy");
	snprintf(command, sizeof command, "pg_dump --create '%s' > %s", fixture->conninfo,
	         in_directory("create.sql"));
	assert_int_equal(system(command), 0);
	assert_int_equal(
		fixture_run(fixture, "restore", in_directory("create.sql"), "--into", "copy", NULL),
		5);
	assert_says(fixture, "without --create");
	assert_nothing_left(fixture);
}

static void a_large_object_is_contents(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(fixture_run(fixture, "backup", in_directory("a.dump"), NULL), 0);
	fixture_sql(fixture, "SELECT lo_create(4711)");
	assert_int_equal(fixture_run(fixture, "restore", in_directory("a.dump"), NULL), 2);
	assert_says(fixture, "is not empty");
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM pg_largeobject_metadata"),
	                 1);
}

static void a_name_of_any_letters(void **state)
{
	struct fixture *fixture = *state;
	load(fixture, 1);
	assert_int_equal(fixture_run(fixture, "backup", in_directory("a.dump"), NULL), 0);
	assert_int_equal(fixture_run(fixture, "restore", in_directory("a.dump"), "--into",
	                             "It's \\ 100% \"Ä\" & b=c", NULL),
	                 0);
	/* A second time: it is looked into. */
	assert_int_equal(fixture_run(fixture, "restore", in_directory("a.dump"), "--into",
	                             "It's \\ 100% \"Ä\" & b=c", NULL),
	                 2);
	assert_says(fixture, "is not empty");
	drop(fixture, "\"It's \\ 100% \"\"Ä\"\" & b=c\"");
}

/* A column with the name that measuring gives the row; a view that was never filled. */
static void unusual_relations(void **state)
{
	struct fixture *fixture = *state;
	fixture_sql(fixture, "CREATE TABLE odd (t int, other int)");
	fixture_sql(fixture, "INSERT INTO odd VALUES (NULL, 2)");
	fixture_sql(fixture, "CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS x WITH NO DATA");
	assert_int_equal(fixture_run(fixture, "backup", in_directory("a.dump"), "--verify", NULL),
	                 0);
	json_t *manifest = json_load_file(in_directory("a.dump.manifest.json"), 0, NULL);
	json_t *tables = json_object_get(json_object_get(manifest, "contents"), "tables");
	const char *digest =
		json_string_value(json_object_get(json_object_get(tables, "public.odd"), "digest"));
	assert_string_not_equal(digest, "0");
	json_decref(manifest);
}

/* The target was empty when the restore began. */
static void keeps_what_came_meanwhile(void **state)
{
	struct fixture *fixture = *state;
	fixture_file(in_directory(""), "slow.sql",
	             "--\n-- PostgreSQL database dump\n--\nCREATE TABLE x (id int);\n"
	             "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'go_on') "
	             "LOOP PERFORM pg_sleep(0.05); END LOOP; END $$;\n"
	             "--\n-- PostgreSQL database dump complete\n--\n\n");
	pid_t pid = fixture_spawn(fixture, in_directory("log"), "restore", in_directory("slow.sql"),
	                          NULL);
	fixture_until(fixture,
	              "SELECT (count(*) > 0)::int FROM pg_stat_activity WHERE wait_event = "
	              "'PgSleep'",
	              1);
	fixture_sql(fixture, "CREATE TABLE meanwhile (id int)");
	PQfinish(fixture->connection);
	char server[CLUSTER_CONNINFO_SIZE + 32];
	snprintf(server, sizeof server, "%s dbname=postgres", fixture->conninfo);
	PGconn *other = PQconnectdb(server);
	PQclear(PQexec(other, "CREATE ROLE go_on"));
	assert_int_equal(fixture_wait(pid), 0);
	fixture->connection = PQconnectdb(fixture->conninfo);
	PQclear(PQexec(other, "DROP ROLE go_on"));
	PGresult *kept = PQexec(
		other, "SELECT datname FROM pg_database WHERE datname LIKE 'prism\\_before\\_%'");
	assert_int_equal(PQntuples(kept), 1);
	drop(fixture, PQgetvalue(kept, 0, 0));
	PQclear(kept);
	PQfinish(other);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, backup_setup, backup_teardown)
	const struct CMUnitTest tests[] = {
		CASE(every_format_comes_back),
		CASE(format_by_option),
		CASE(manifest_says_what_is_in_it),
		CASE(overwrites_no_file_untold),
		CASE(keeps_the_newest),
		CASE(takes_the_place_of_an_empty_database),
		CASE(keeps_what_was_there),
		CASE(into_a_new_cluster),
		CASE(dump_by_hand),
		CASE(a_large_object_is_contents),
		CASE(a_name_of_any_letters),
		CASE(unusual_relations),
		CASE(keeps_what_came_meanwhile),
	};
	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
