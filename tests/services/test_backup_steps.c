/* prism-db backup, killed at each change of a name: the former backup or the new one is there,
 * whole. */
#include "backup_fixture.h"
#include "tests/support/stepper.h"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

/* `prism-db backup ...`, killed before its change number `step` of a name. */
static bool killed_at(struct fixture *fixture, unsigned step, const char *path, const char *word,
                      const char *value)
{
	int code;
	const char *const argv[] = {program_path("prism-db"),
	                            "--database-url",
	                            fixture->conninfo,
	                            "backup",
	                            path,
	                            word,
	                            value,
	                            NULL};
	const struct stepper stepper = {
		.argv = argv, .log = in_directory("log"), .calls = STEPPER_NAMES};
	bool killed = stepper_run(&stepper, step, &code);
	if (code != (killed ? 128 + SIGKILL : 0))
		fail_msg("step %u: exit code %d, see %s", step, code, in_directory("log"));
	return killed;
}

static void write_value(struct fixture *fixture, long value)
{
	char sql[96];
	snprintf(sql, sizeof sql, "UPDATE what SET value = %ld", value);
	fixture_sql(fixture, sql);
}

/* What is in a backup that has to be a whole one, with its manifest. */
static long value_in(struct fixture *fixture, const char *path)
{
	char conninfo[CLUSTER_CONNINFO_SIZE + 32];
	if (fixture_run(fixture, "restore", path, "--into", "copy", NULL) != 0 ||
	    strstr(fixture->text, "no manifest"))
		fail_msg("%s", fixture->text);
	snprintf(conninfo, sizeof conninfo, "%s dbname=copy", cluster_conninfo(fixture_cluster()));
	PGconn *copy = PQconnectdb(conninfo);
	PGresult *row = PQexec(copy, "SELECT value FROM what");
	assert_int_equal(PQntuples(row), 1);
	long value = strtol(PQgetvalue(row, 0, 0), NULL, 10);
	PQclear(row);
	PQfinish(copy);
	fixture_sql(fixture, "DROP DATABASE copy");
	return value;
}

/* File and manifest as they are now; changes with either. */
static unsigned long identity(const char *path)
{
	char manifest[256];
	struct stat file, told;
	snprintf(manifest, sizeof manifest, "%s.manifest.json", path);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(stat(manifest, &told), 0);
	return (unsigned long)file.st_ino * 1000003 + (unsigned long)told.st_ino +
	       (unsigned long)told.st_mtim.tv_nsec;
}

/* After each kill there is the former backup or the new one, whole; what was left does not
 * accumulate. */
static void replace_at_each_step(struct fixture *fixture, const char *name, unsigned least)
{
	char path[192];
	long before = 0, found = 0;
	unsigned long known = 0;
	unsigned step = 0;
	snprintf(path, sizeof path, "%s", in_directory(name));
	fixture_sql(fixture, "CREATE TABLE what AS SELECT 0::bigint AS value");
	assert_int_equal(fixture_run(fixture, "backup", path, NULL), 0);
	for (bool killed = true; killed; step++) {
		long now = (long)step + 1;
		write_value(fixture, now);
		killed = killed_at(fixture, step, path, "--replace", NULL);
		/* The same two files are a pair still. */
		if (identity(path) != known)
			found = value_in(fixture, path);
		known = identity(path);
		if (found != now && (found != before || !killed))
			fail_msg("step %u: %ld, neither %ld nor %ld", step, found, before, now);
		before = found;
	}
	assert_true(step > least);
	assert_nothing_left(fixture);
}

static void replaced_file(void **state)
{
	replace_at_each_step(*state, "a.dump", 3);
}

static void replaced_directory(void **state)
{
	replace_at_each_step(*state, "a.dir", 12);
}

static bool has(const char *directory, const char *name, const char *end)
{
	char path[600];
	snprintf(path, sizeof path, "%s/%s%s", directory, name, end);
	return access(path, F_OK) == 0;
}

/* Whole backups in it; none without its manifest. */
static unsigned count_backups(const char *directory, unsigned *others)
{
	unsigned count = 0;
	DIR *handle = opendir(directory);
	const struct dirent *entry;
	*others = 0;
	assert_non_null(handle);
	while ((entry = readdir(handle))) {
		const char *end = strstr(entry->d_name, ".dump");
		if (end && strcmp(end, ".dump") == 0) {
			count++;
			assert_true(has(directory, entry->d_name, ".manifest.json"));
		} else if (end) {
			*others += strcmp(end, ".dump.manifest.json") != 0;
		}
	}
	closedir(handle);
	return count;
}

/* Names by the time, and retention. */
static void gathered(void **state)
{
	struct fixture *fixture = *state;
	char directory[192], name[128];
	unsigned others, step = 0;
	snprintf(directory, sizeof directory, "%s", in_directory("kept"));
	assert_int_equal(mkdir(directory, 0700), 0);
	for (bool killed = true; killed; step++) {
		snprintf(name, sizeof name, "%s-0000-20260101T%06uZ.dump", fixture->name, step);
		fixture_file(directory, name, "old");
		strcat(name, ".manifest.json");
		fixture_file(directory, name, "{}");
		killed = killed_at(fixture, step, directory, "--keep", "1");
		assert_true(count_backups(directory, &others) >= 1);
	}
	assert_true(step > 3);
	assert_int_equal(count_backups(directory, &others), 1);
	assert_int_equal(others, 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, backup_setup, backup_teardown)
	const struct CMUnitTest tests[] = {
		CASE(replaced_file),
		CASE(replaced_directory),
		CASE(gathered),
	};
	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
