#include "migrate_fixture.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS_MAX = 24 };

static struct cluster *cluster;
static unsigned databases;

const char fixture_seed_rows[] =
	"INSERT INTO users (id, email, username, full_name, status) VALUES"
	" ('00000000-0000-7000-8000-000000000001', 'Ada@example.org', 'Ada', 'Ada L', 'active'),"
	" ('00000000-0000-7000-8000-000000000002', 'bob@example.org', 'bob', NULL, 'pending');"
	"INSERT INTO organizations (name, slug, owner_id) VALUES"
	" ('One', 'one', '00000000-0000-7000-8000-000000000001'),"
	" ('Two', 'two', '00000000-0000-7000-8000-000000000002');"
	"INSERT INTO organization_members (user_id, organization_id, role) VALUES"
	" ('00000000-0000-7000-8000-000000000001', 1, 'admin'),"
	" ('00000000-0000-7000-8000-000000000002', 2, 'admin');"
	"INSERT INTO projects (organization_id, name, key, status, start_date) VALUES"
	" (1, 'First', 'FST', 'active', '2026-01-01'), (2, 'Second', 'FST', 'planning', NULL);"
	"INSERT INTO epics (project_id, name) VALUES (1, 'Epic');"
	"INSERT INTO sprints (project_id, name, status, velocity) VALUES (1, 'S1', 'completed', "
	"8), (1, 'S2', 'active', NULL);"
	"INSERT INTO stories (project_id, epic_id, sprint_id, title, status, assignee_id, "
	"created_at, updated_at) VALUES"
	" (1, 1, 1, 'later', 'done', '00000000-0000-7000-8000-000000000001', '2026-03-29 "
	"02:30:00.123456', '2026-04-01 12:00:00'),"
	" (1, NULL, 2, 'earlier', 'todo', NULL, '2026-01-02 03:04:05', '2026-01-02 03:04:05'),"
	" (2, NULL, NULL, 'elsewhere', 'in_progress', NULL, '2026-02-02', '2026-02-02');"
	"INSERT INTO documents (project_id, title, slug, content, document_type, metadata) VALUES"
	" (1, 'Doc', 'doc', E'line\\n\\\\ \\u00e9', 'prd', '{\"a\": [1, null]}');"
	"INSERT INTO ai_generations (user_id, project_id, generation_type, provider, model, "
	"prompt, cost) VALUES"
	" ('00000000-0000-7000-8000-000000000001', 1, 'prd', 'openai', 'm', 'p', 1.5),"
	" ('00000000-0000-7000-8000-000000000001', NULL, 'story', 'ollama', 'm', NULL, NULL);"
	"INSERT INTO user_sessions (user_id, token_hash, expires_at) VALUES"
	" ('00000000-0000-7000-8000-000000000001', '\\x00ff', '2026-12-31')";

int fixture_group_setup(void **state)
{
	(void)state;
	cluster = cluster_new(NULL);
	return 0;
}

int fixture_group_teardown(void **state)
{
	(void)state;
	cluster_free(cluster);
	return 0;
}

struct cluster *fixture_cluster(void)
{
	return cluster;
}

int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	char sql[96];
	assert_non_null(fixture);
	snprintf(fixture->name, sizeof(fixture->name), "test_%u", ++databases);
	snprintf(sql, sizeof(sql), "CREATE DATABASE %s", fixture->name);
	cluster_sql(cluster, sql);
	snprintf(fixture->conninfo, sizeof(fixture->conninfo), "%s dbname=%s",
	         cluster_conninfo(cluster), fixture->name);
	fixture->connection = PQconnectdb(fixture->conninfo);
	assert_int_equal(PQstatus(fixture->connection), CONNECTION_OK);
	*state = fixture;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;
	char sql[96];
	PQfinish(fixture->connection);
	snprintf(sql, sizeof(sql), "DROP DATABASE %s WITH (FORCE)", fixture->name);
	cluster_sql(cluster, sql);
	free(fixture);
	return 0;
}

static void gather(struct fixture *fixture, const char *words[WORDS_MAX + 1], va_list list)
{
	size_t count = 0;
	words[count++] = program_path("prism-db");
	words[count++] = "--database-url";
	words[count++] = fixture->conninfo;
	while ((words[count] = va_arg(list, const char *)))
		assert_true(++count < WORDS_MAX);
}

int fixture_run(struct fixture *fixture, ...)
{
	const char *words[WORDS_MAX + 1];
	va_list list;
	va_start(list, fixture);
	gather(fixture, words, list);
	va_end(list);
	return program_run(words, NULL, fixture->text);
}

pid_t fixture_spawn(struct fixture *fixture, const char *log, ...)
{
	const char *words[WORDS_MAX + 1];
	va_list list;
	va_start(list, log);
	gather(fixture, words, list);
	va_end(list);
	char path[512];
	snprintf(path, sizeof(path), "%s", words[0]);
	words[0] = path;
	pid_t pid = fork();
	if (pid == 0) {
		int file = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		if (file >= 0 && dup2(file, 1) >= 0 && dup2(file, 2) >= 0)
			execv(path, (char *const *)words);
		_exit(126);
	}
	assert_true(pid > 0);
	return pid;
}

int fixture_wait(pid_t pid)
{
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void fixture_sql(struct fixture *fixture, const char *sql)
{
	PGresult *result = PQexec(fixture->connection, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(fixture->connection));
	PQclear(result);
}

long fixture_number(struct fixture *fixture, const char *sql)
{
	PGresult *result = PQexec(fixture->connection, sql);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(fixture->connection));
	long number = PQntuples(result) > 0 ? strtol(PQgetvalue(result, 0, 0), NULL, 10) : 0;
	PQclear(result);
	return number;
}

void fixture_until(struct fixture *fixture, const char *sql, long wanted)
{
	const struct timespec pause = {0, 20000000};
	while (fixture_number(fixture, sql) != wanted)
		nanosleep(&pause, NULL);
}

long fixture_revision(struct fixture *fixture)
{
	return fixture_number(
		fixture, "SELECT coalesce(max(revision), 0) FROM prism_meta.schema_migrations");
}

void fixture_file(const char *directory, const char *name, const char *content)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

void fixture_migration(const char *directory, unsigned revision, const char *name, const char *up,
                       const char *down)
{
	char file[128];
	snprintf(file, sizeof(file), "%04u_%s.up.sql", revision, name);
	fixture_file(directory, file, up);
	snprintf(file, sizeof(file), "%04u_%s.down.sql", revision, name);
	fixture_file(directory, file, down);
}
