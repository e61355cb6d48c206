#include "backup_fixture.h"

#include <dirent.h>

static char directory[64];

int backup_setup(void **state)
{
	directory_make(directory);
	return fixture_setup(state);
}

int backup_teardown(void **state)
{
	directory_remove(directory);
	return fixture_teardown(state);
}

const char *in_directory(const char *name)
{
	static char paths[4][192];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", directory, name);
	return path;
}

void assert_says(const struct fixture *fixture, const char *words)
{
	if (!strstr(fixture->text, words))
		fail_msg("'%s' is not in: %s", words, fixture->text);
}

void load(struct fixture *fixture, unsigned stories)
{
	char sql[256];
	assert_int_equal(fixture_run(fixture, "upgrade", "0001", NULL), 0);
	fixture_sql(fixture, fixture_seed_rows);
	snprintf(sql, sizeof sql,
	         "INSERT INTO stories (project_id, title, description) SELECT 1, 'Story ' || i, "
	         "repeat(E'tab\\t back\\\\slash \\u00e9\\n\\\\.\\n', i %% 7) FROM "
	         "generate_series(1, %u) i",
	         stories);
	fixture_sql(fixture, sql);
	assert_int_equal(fixture_run(fixture, "upgrade", "head", NULL), 0);
}

static PGconn *connect_to(const char *database)
{
	char conninfo[CLUSTER_CONNINFO_SIZE + 80];
	snprintf(conninfo, sizeof conninfo, "%s dbname=%s", cluster_conninfo(fixture_cluster()),
	         database);
	PGconn *connection = PQconnectdb(conninfo);
	if (PQstatus(connection) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(connection));
	return connection;
}

char *contents(struct fixture *fixture, const char *database)
{
	(void)fixture;
	PGconn *connection = connect_to(database);
	PGresult *result = PQexec(
		connection,
		"SELECT string_agg(t || ' ' || (xpath('/row/h/text()', query_to_xml(format(CASE "
		"kind WHEN 'S' THEN 'SELECT last_value AS h FROM %s t' ELSE 'SELECT count(*) || "
		"md5(coalesce(string_agg(t::text, E''\\n'' ORDER BY t::text), '''')) AS h FROM %s "
		"t' END, t), true, true, '')))[1]::text, E'\\n' ORDER BY t) FROM (SELECT "
		"c.oid::regclass::text AS t, relkind AS kind FROM pg_class c WHERE relkind IN "
		"('r', 'S') AND relnamespace IN ('public'::regnamespace, "
		"'prism_meta'::regnamespace)) x");
	if (PQntuples(result) != 1)
		fail_msg("%s", PQerrorMessage(connection));
	char *text = strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	PQfinish(connection);
	return text;
}

void assert_same_contents(struct fixture *fixture, const char *one, const char *other)
{
	char *left = contents(fixture, one), *right = contents(fixture, other);
	assert_true(strlen(left) > 500);
	assert_string_equal(left, right);
	free(left);
	free(right);
}

void assert_nothing_left(struct fixture *fixture)
{
	DIR *handle = opendir(directory);
	const struct dirent *entry;
	assert_non_null(handle);
	while ((entry = readdir(handle)))
		if (strstr(entry->d_name, ".partial"))
			fail_msg("%s is left", entry->d_name);
	closedir(handle);
	assert_int_equal(fixture_number(fixture,
	                                "SELECT count(*) FROM pg_database WHERE datname LIKE "
	                                "'prism_restore_%' OR datname LIKE 'prism_before_%'"),
	                 0);
}
