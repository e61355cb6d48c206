/* prism-db backup and restore: to which server they go, and what belongs to a database besides its
 * contents. */
#include "backup_fixture.h"

#include <jansson.h>
#include <unistd.h>

/* `prism-db --database-url URL WORD PATH [MORE VALUE]`, with variables of the environment. */
static int run(struct fixture *fixture, const char *url, const char *const env[], const char *word,
               const char *path, const char *more, const char *value)
{
	const char *const argv[] = {
		program_path("prism-db"), "--database-url", url, word, path, more, value, NULL};
	int code = program_run(argv, env, fixture->text);
	if (code != 0)
		print_message("%s", fixture->text);
	return code;
}

static long number_in(const char *database, const char *sql)
{
	char conninfo[CLUSTER_CONNINFO_SIZE + 80];
	snprintf(conninfo, sizeof conninfo, "%s dbname=%s", cluster_conninfo(fixture_cluster()),
	         database);
	PGconn *connection = PQconnectdb(conninfo);
	PGresult *row = PQexec(connection, sql);
	if (PQntuples(row) != 1)
		fail_msg("%s: %s", sql, PQerrorMessage(connection));
	long number = strtol(PQgetvalue(row, 0, 0), NULL, 10);
	PQclear(row);
	PQfinish(connection);
	return number;
}

/* A name that libpq would read as a connection string. */
static void a_name_with_an_equals_sign(void **state)
{
	struct fixture *fixture = *state;
	static const char *const names[] = {"a.sql", "a.dump", "a.dir"};
	char url[CLUSTER_CONNINFO_SIZE];
	fixture_sql(fixture, "CREATE DATABASE \"host=it's \\ here\"");
	snprintf(url, sizeof url, "%s dbname='host=it\\'s \\\\ here'",
	         cluster_conninfo(fixture_cluster()));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
			run(fixture, url, NULL, "backup", in_directory(names[i]), "--verify", NULL),
			0);
		assert_int_equal(
			run(fixture, url, NULL, "restore", in_directory(names[i]), NULL, NULL), 0);
	}
	assert_nothing_left(fixture);
	fixture_sql(fixture, "DROP DATABASE \"host=it's \\ here\"");
}

/* Of several hosts the one that was reached, and what a service file names. */
static void to_the_very_server(void **state)
{
	struct fixture *fixture = *state;
	char url[CLUSTER_CONNINFO_SIZE + 64], service[512], file[256];
	const char *host = PQhost(fixture->connection), *port = PQport(fixture->connection);
	fixture_sql(fixture, "CREATE TABLE here AS SELECT 1 AS value");
	snprintf(url, sizeof url, "host=/nowhere,%s port=1,%s user=postgres dbname=%s", host, port,
	         fixture->name);
	assert_int_equal(
		run(fixture, url, NULL, "backup", in_directory("a.dump"), "--verify", NULL), 0);
	snprintf(service, sizeof service, "[here]\nhost=%s\nport=%s\nuser=postgres\ndbname=%s\n",
	         host, port, fixture->name);
	fixture_file(in_directory(""), "services", service);
	snprintf(file, sizeof file, "PGSERVICEFILE=%s", in_directory("services"));
	const char *const env[] = {"PGSERVICE=here", file, NULL};
	assert_int_equal(run(fixture, "connect_timeout=10", env, "backup", in_directory("b.dump"),
	                     "--verify", NULL),
	                 0);
	assert_int_equal(run(fixture, "connect_timeout=10", env, "restore", in_directory("b.dump"),
	                     "--into", "copy"),
	                 0);
	assert_int_equal(number_in("copy", "SELECT value FROM here"), 1);
	fixture_sql(fixture, "DROP DATABASE copy");
}

/* The session that holds the snapshot is idle while pg_dump works. */
static void longer_than_a_session_may_idle(void **state)
{
	struct fixture *fixture = *state;
	char url[CLUSTER_CONNINFO_SIZE + 96];
	fixture_sql(fixture, "CREATE TABLE what (value bigint)");
	snprintf(url, sizeof url, "%s options='-c idle_in_transaction_session_timeout=1'",
	         fixture->conninfo);
	assert_int_equal(run(fixture, url, NULL, "backup", in_directory("a.dir"), NULL, NULL), 0);
}

static const char settings_sql[] =
	"SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, "
	"unnest(s.setconfig) c WHERE d.datname = current_database() AND ((setrole = 0 AND c IN ("
	"'lock_timeout=7s', 'search_path=\"$user\", public, \"Od\"\"d\"', 'app.mode=it''s \\')) OR "
	"(setrole = 'somebody'::regrole AND c = 'work_mem=12MB'))";

/* What pg_dump leaves to pg_dump --create. */
static void what_belongs_to_a_database(void **state)
{
	struct fixture *fixture = *state;
	char sql[256];
	static const char *const statements[] = {
		"ALTER DATABASE %s SET lock_timeout = '7s'",
		"ALTER DATABASE %s SET search_path = \"$user\", public, \"Od\"\"d\"",
		"ALTER DATABASE %s SET app.mode = 'it''s \\'",
		"ALTER ROLE somebody IN DATABASE %s SET work_mem = '12MB'",
		"COMMENT ON DATABASE %s IS 'it''s here'",
		"REVOKE ALL ON DATABASE %s FROM PUBLIC",
		"GRANT CONNECT ON DATABASE %s TO somebody WITH GRANT OPTION",
		"ALTER DATABASE %s OWNER TO owner_of_it",
	};
	fixture_sql(fixture, "CREATE ROLE somebody; CREATE ROLE owner_of_it");
	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
		snprintf(sql, sizeof sql, statements[i], fixture->name);
		fixture_sql(fixture, sql);
	}
	assert_int_equal(number_in(fixture->name, settings_sql), 4);
	assert_int_equal(fixture_run(fixture, "backup", in_directory("a.dump"), NULL), 0);
	assert_int_equal(
		fixture_run(fixture, "restore", in_directory("a.dump"), "--into", "copy", NULL), 0);
	assert_int_equal(number_in("copy", settings_sql), 4);
	assert_int_equal(
		number_in("copy",
	                  "SELECT count(*) FROM pg_database WHERE datname = "
	                  "current_database() AND pg_get_userbyid(datdba) = 'owner_of_it' "
	                  "AND shobj_description(oid, 'pg_database') = 'it''s here' AND "
	                  "datacl = '{owner_of_it=CTc/owner_of_it,somebody=c*/owner_of_it}'"),
		1);
	/* One that is there keeps what it has of its own. */
	fixture_sql(fixture, "CREATE DATABASE other");
	fixture_sql(fixture, "ALTER DATABASE other SET lock_timeout = '8s'");
	assert_int_equal(
		fixture_run(fixture, "restore", in_directory("a.dump"), "--into", "other", NULL),
		0);
	assert_int_equal(number_in("other", settings_sql), 0);
	assert_int_equal(number_in("other", "SELECT count(*) FROM pg_database WHERE datname = "
	                                    "current_database() AND pg_get_userbyid(datdba) = "
	                                    "'postgres' AND datacl IS NOT NULL"),
	                 1);
	snprintf(sql, sizeof sql, "ALTER DATABASE %s OWNER TO postgres", fixture->name);
	fixture_sql(fixture, sql);
	fixture_sql(fixture, "DROP DATABASE copy");
	fixture_sql(fixture, "DROP DATABASE other");
	snprintf(sql, sizeof sql, "REVOKE ALL ON DATABASE %s FROM somebody", fixture->name);
	fixture_sql(fixture, sql);
	fixture_sql(fixture, "DROP ROLE somebody, owner_of_it");
}

/* A setting that only a superuser may make does not cost the whole restore. */
static void what_may_not_be_set(void **state)
{
	struct fixture *fixture = *state;
	char sql[256], url[CLUSTER_CONNINFO_SIZE + 32];
	snprintf(sql, sizeof sql, "ALTER DATABASE %s SET log_statement = 'all'", fixture->name);
	fixture_sql(fixture, sql);
	assert_int_equal(fixture_run(fixture, "backup", in_directory("a.dump"), NULL), 0);
	fixture_sql(fixture, "CREATE ROLE maker LOGIN CREATEDB");
	snprintf(url, sizeof url, "%s user=maker", fixture->conninfo);
	assert_int_equal(
		run(fixture, url, NULL, "restore", in_directory("a.dump"), "--into", "copy"), 0);
	assert_says(fixture, "have an administrator run: ALTER DATABASE copy SET log_statement TO "
	                     "'all'");
	fixture_sql(fixture, "DROP DATABASE copy");
	fixture_sql(fixture, "DROP ROLE maker");
}

/* A new database has the locale of the one that was dumped, where the server has it. */
static void locale_of_the_backup(void **state)
{
	struct fixture *fixture = *state;
	char url[CLUSTER_CONNINFO_SIZE];
	fixture_sql(fixture,
	            "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
	snprintf(url, sizeof url, "%s dbname=latin", cluster_conninfo(fixture_cluster()));
	assert_int_equal(
		run(fixture, url, NULL, "backup", in_directory("a.dump"), "--verify", NULL), 0);
	assert_int_equal(
		fixture_run(fixture, "restore", in_directory("a.dump"), "--into", "copy", NULL), 0);
	static const char same[] = "SELECT count(*) FROM pg_database WHERE datname = 'copy' AND "
				   "pg_encoding_to_char(encoding) = 'LATIN1' AND datcollate = 'C'";
	assert_int_equal(fixture_number(fixture, same), 1);
	fixture_sql(fixture, "DROP DATABASE copy");
	char path[192];
	snprintf(path, sizeof path, "%s", in_directory("a.dump.manifest.json"));
	json_t *manifest = json_load_file(path, 0, NULL);
	json_object_set_new(json_object_get(manifest, "contents"), "collate",
	                    json_string("tlh_KX"));
	assert_int_equal(json_dump_file(manifest, path, 0), 0);
	json_decref(manifest);
	assert_int_equal(
		fixture_run(fixture, "restore", in_directory("a.dump"), "--into", "copy", NULL), 0);
	assert_says(fixture, "the backup's locale is not to be had");
	fixture_sql(fixture, "DROP DATABASE copy");
	fixture_sql(fixture, "DROP DATABASE latin");
}

/* The same schema, by its fingerprint. */
static void fingerprint_is_compared(void **state)
{
	struct fixture *fixture = *state;
	char path[192], fingerprint[65];
	load(fixture, 3);
	assert_int_equal(fixture_run(fixture, "backup", in_directory("a.dump"), NULL), 0);
	snprintf(path, sizeof path, "%s", in_directory("a.dump.manifest.json"));
	json_t *manifest = json_load_file(path, 0, NULL);
	json_t *contents = json_object_get(manifest, "contents");
	snprintf(fingerprint, sizeof fingerprint, "%s",
	         json_string_value(json_object_get(contents, "fingerprint")));
	assert_int_equal(strlen(fingerprint), 64);
	fingerprint[0] = fingerprint[0] == '0' ? '1' : '0';
	json_object_set_new(contents, "fingerprint", json_string(fingerprint));
	assert_int_equal(json_dump_file(manifest, path, 0), 0);
	assert_int_equal(
		fixture_run(fixture, "restore", in_directory("a.dump"), "--into", "copy", NULL), 5);
	assert_says(fixture, "the schema's fingerprint");
	assert_nothing_left(fixture);
	/* Another version of PostgreSQL words things otherwise. */
	json_object_set_new(contents, "server_version", json_string("14.2"));
	assert_int_equal(json_dump_file(manifest, path, 0), 0);
	json_decref(manifest);
	assert_int_equal(
		fixture_run(fixture, "restore", in_directory("a.dump"), "--into", "copy", NULL), 0);
	fixture_sql(fixture, "DROP DATABASE copy");
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, backup_setup, backup_teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_name_with_an_equals_sign),
		CASE(to_the_very_server),
		CASE(longer_than_a_session_may_idle),
		CASE(what_belongs_to_a_database),
		CASE(what_may_not_be_set),
		CASE(locale_of_the_backup),
		CASE(fingerprint_is_compared),
	};
	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
