/* A whole backlog, imported by prismctl, which is killed twice on the way, is read story by story
 * through the generated stubs and must equal its file in every field; imported once more, nothing
 * changes. The file is the first argument, else PRISM_BACKLOG; without one the test is skipped. */
#include "prism/v1/story.prism-client.h"
#include "tests/support/protocol.h"
#include "tests/support/stack.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <libpq-fe.h>
#include <uv.h>

#include <cmocka.h>

enum { IN_FLIGHT = 64, SKIPPED = 77 };

struct reading {
	uv_loop_t loop;
	struct prism_channel *channel;
	json_t *stories;
	int64_t *ids; /* as read by key, for the second pass by id */
	char project_key[32];
	int64_t organization_id;
	size_t next, pending, equal;
	bool by_id;
};

/* One call; `index` of the story that it reads. */
struct reader {
	struct reading *reading;
	size_t index;
};

static const char *path;
static struct stack stack;
static PGconn *sql;
static struct reading reading;

static char *lookup(const char *text, const char *name)
{
	PGresult *result = PQexecParams(sql, text, 1, NULL, &name, NULL, NULL, 0);
	assert_int_equal(PQntuples(result), 1);
	char *value = strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	return value;
}

/* Members of each user and sprint name, looked up once. */
static const char *cached(json_t *cache, const char *text, const char *name)
{
	if (!json_object_get(cache, name)) {
		char *value = lookup(text, name);
		json_object_set_new(cache, name, json_string(value));
		free(value);
	}
	return json_string_value(json_object_get(cache, name));
}

static const char *user_id(const char *username)
{
	static json_t *cache;
	if (!cache)
		cache = json_object();
	return cached(cache, "SELECT id FROM users WHERE username = $1", username);
}

static const char *sprint_id(const char *name)
{
	static json_t *cache;
	if (!cache)
		cache = json_object();
	return cached(cache, "SELECT id FROM sprints WHERE name = $1", name);
}

/* ISO 8601 with whole seconds: "2007-03-13T15:31:43+02:00", or Z for the offset. */
static int64_t seconds_of(const char *text)
{
	struct tm tm = {0};
	const char *offset = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	assert_non_null(offset);
	int64_t seconds = timegm(&tm);
	if (strcmp(offset, "Z") == 0)
		return seconds;
	int hours = 0, minutes = 0;
	assert_int_equal(sscanf(offset + 1, "%2d:%2d", &hours, &minutes), 2);
	assert_true(*offset == '+' || *offset == '-');
	int east = (hours * 60 + minutes) * 60;
	return *offset == '+' ? seconds - east : seconds + east;
}

static const char *text_at(const json_t *line, const char *name)
{
	return json_string_value(json_object_get(line, name));
}

static void equal_time(const json_t *line, const char *name,
                       const Google__Protobuf__Timestamp *time)
{
	const char *expected = text_at(line, name);
	if (!expected) {
		assert_true(strcmp(name, "created_at") == 0 || !time);
		return;
	}
	assert_non_null(time);
	assert_int_equal(time->seconds, seconds_of(expected));
	assert_int_equal(time->nanos, 0);
}

static void equal_references(const json_t *line, const Prism__V1__Story *story)
{
	const char *assignee = text_at(line, "assignee"), *creator = text_at(line, "creator"),
		   *sprint = text_at(line, "sprint");
	assert_int_equal(story->has_assignee_id_case != 0, assignee != NULL);
	if (assignee)
		assert_string_equal(story->assignee_id, user_id(assignee));
	assert_int_equal(story->has_creator_id_case != 0, creator != NULL);
	if (creator)
		assert_string_equal(story->creator_id, user_id(creator));
	assert_int_equal(story->has_sprint_id_case != 0, sprint != NULL);
	if (sprint)
		assert_int_equal(story->sprint_id, strtoll(sprint_id(sprint), NULL, 10));
}

static void equal_values(const json_t *line, const Prism__V1__Story *story)
{
	static const char *const statuses[] = {"", "todo", "in_progress", "done"};
	static const char *const priorities[] = {"", "low", "medium", "high"};
	const char *description = text_at(line, "description");
	json_t *points = json_object_get(line, "story_points");
	assert_string_equal(story->title, text_at(line, "title"));
	assert_string_equal(story->description, description ? description : "");
	assert_string_equal(statuses[story->status], text_at(line, "status"));
	assert_string_equal(priorities[story->priority], text_at(line, "priority"));
	assert_int_equal(story->has_story_points_case != 0, json_is_integer(points));
	if (json_is_integer(points))
		assert_int_equal(story->story_points, json_integer_value(points));
}

static void read_next(struct reading *all);

static void on_story(void *ctx, const struct prism_result *result, const Prism__V1__Story *story)
{
	struct reader *reader = ctx;
	struct reading *all = reader->reading;
	const json_t *line = json_array_get(all->stories, reader->index);
	if (result->status != PRISM_OK)
		fail_msg("story %zu: %s %s", reader->index, prism_status_name(result->status),
		         result->message);
	assert_int_equal(story->number, json_integer_value(json_object_get(line, "number")));
	assert_int_equal(story->organization_id, all->organization_id);
	equal_values(line, story);
	equal_references(line, story);
	equal_time(line, "created_at", story->created_at);
	equal_time(line, "completed_at", story->completed_at);
	assert_true(!all->by_id || story->id == all->ids[reader->index]);
	all->ids[reader->index] = story->id;
	all->equal++;
	all->pending--;
	free(reader);
	read_next(all);
}

static void read_one(struct reading *all)
{
	struct reader *reader = malloc(sizeof(*reader));
	*reader = (struct reader){all, all->next++};
	Prism__V1__GetStoryRequest request = PRISM__V1__GET_STORY_REQUEST__INIT;
	request.organization_id = all->organization_id;
	const json_t *line = json_array_get(all->stories, reader->index);
	char key[64];
	snprintf(key, sizeof(key), "%s-%lld", all->project_key,
	         json_integer_value(json_object_get(line, "number")));
	if (all->by_id) {
		request.story_case = PRISM__V1__GET_STORY_REQUEST__STORY_ID;
		request.id = all->ids[reader->index];
	} else {
		request.story_case = PRISM__V1__GET_STORY_REQUEST__STORY_KEY;
		request.key = key;
	}
	all->pending++;
	assert_non_null(
		prism_v1_story_service_get_story(all->channel, NULL, &request, on_story, reader));
}

static void read_next(struct reading *all)
{
	while (all->pending < IN_FLIGHT && all->next < json_array_size(all->stories))
		read_one(all);
	if (all->pending == 0)
		uv_stop(&all->loop);
}

static void read_all(struct reading *all, bool by_id)
{
	all->by_id = by_id;
	all->next = all->equal = 0;
	read_next(all);
	uv_run(&all->loop, UV_RUN_DEFAULT);
	assert_int_equal(all->equal, json_array_size(all->stories));
}

static void every_story_equals_the_file(void **state)
{
	(void)state;
	read_all(&reading, false);
	read_all(&reading, true);
	print_message("%zu stories equal the file, by key and by id\n", reading.equal);
}

/* prismctl with a key that may do everything; `verb`: its words. Its exit code; what it printed is
 * in `text`. */
static const char *const *prismctl(const char *const *verb)
{
	static const char *argv[13];
	static char key_file[128];
	snprintf(key_file, sizeof(key_file), "%s/bootstrap.key", stack.directory);
	size_t count = 0;
	argv[count++] = program_path("prismctl");
	argv[count++] = "--address";
	argv[count++] = stack.prismd.address;
	argv[count++] = "--key-file";
	argv[count++] = key_file;
	argv[count++] = "--output";
	argv[count++] = "json";
	if (test_protocol() == PRISM_GRPC)
		argv[count++] = "--grpc";
	while (*verb)
		argv[count++] = *verb++;
	argv[count] = NULL;
	return argv;
}

static json_t *prismctl_json(const char *const *verb)
{
	static char text[PROGRAM_TEXT];
	int code = program_run(prismctl(verb), NULL, text);
	if (code != 0)
		fail_msg("prismctl %s: exit code %d\n%s", verb[0], code, text);
	json_t *shown = json_loads(text, 0, NULL);
	assert_non_null(shown);
	return shown;
}

/* The command line, on the same backlog. */
static void prismctl_shows_the_last_story(void **state)
{
	(void)state;
	const json_t *line = json_array_get(reading.stories, json_array_size(reading.stories) - 1);
	char request[128];
	snprintf(request, sizeof(request), "{\"organizationId\": \"%lld\", \"key\": \"%s-%lld\"}",
	         (long long)reading.organization_id, reading.project_key,
	         json_integer_value(json_object_get(line, "number")));
	json_t *shown = prismctl_json(
		(const char *const[]){"call", "StoryService/GetStory", request, NULL});
	assert_string_equal(text_at(shown, "title"), text_at(line, "title"));
	json_decref(shown);
}

/* --- the import ------------------------------------------------------------- */

static const char *const import_words[] = {"import", "--quiet", NULL, NULL};

static const char *const *import_verb(void)
{
	static const char *words[4];
	memcpy(words, import_words, sizeof(words));
	words[2] = path;
	return words;
}

/* Everything that a change would raise. */
static char *fingerprint(void)
{
	return lookup("SELECT concat_ws(' ', (SELECT count(*) FROM activity_log), "
	              "(SELECT sum(version) FROM users), (SELECT sum(version) FROM organizations), "
	              "(SELECT sum(version) FROM organization_members), "
	              "(SELECT sum(version) FROM projects), (SELECT sum(version) FROM epics), "
	              "(SELECT sum(version) FROM sprints), (SELECT sum(version) FROM stories), "
	              "(SELECT sum(version) FROM documents), "
	              "(SELECT max(xmin::text::bigint) FROM stories)) WHERE $1 <> ''",
	              "all");
}

static void a_second_import_changes_nothing(void **state)
{
	(void)state;
	char *before = fingerprint();
	json_t *shown = prismctl_json(import_verb());
	const char *kind;
	json_t *counts;
	json_object_foreach(json_object_get(shown, "counts"), kind, counts)
	{
		assert_int_equal(json_integer_value(json_object_get(counts, "created")), 0);
		assert_int_equal(json_integer_value(json_object_get(counts, "updated")), 0);
		assert_int_equal(json_integer_value(json_object_get(counts, "failed")), 0);
	}
	json_t *stories = json_object_get(json_object_get(shown, "counts"), "story");
	assert_int_equal(json_integer_value(json_object_get(stories, "unchanged")),
	                 json_array_size(reading.stories));
	json_decref(shown);
	char *after = fingerprint();
	assert_string_equal(after, before);
	free(before);
	free(after);
}

static void run_sql(const char *statement)
{
	PGresult *result = PQexec(sql, statement);
	assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
	PQclear(result);
}

/* Whoever inserts into one of these tables waits while we hold the advisory lock of its name. (A
 * lock on the table would hold up the daemon's preparing, too.) */
static void make_gates(void)
{
	run_sql("CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS "
	        "'BEGIN PERFORM pg_advisory_xact_lock(hashtext(TG_TABLE_NAME)); RETURN NULL; END'");
	run_sql("CREATE TRIGGER gate BEFORE INSERT ON stories EXECUTE FUNCTION gate()");
	run_sql("CREATE TRIGGER gate BEFORE INSERT ON documents EXECUTE FUNCTION gate()");
}

/* kill -9 to an import that waits at the gate of this table. */
static void import_killed_at(const char *table)
{
	char text[256];
	snprintf(text, sizeof(text),
	         "BEGIN; DO 'BEGIN PERFORM pg_advisory_xact_lock(hashtext(''%s'')); END'", table);
	run_sql(text);
	pid_t pid;
	const char *const *argv = prismctl(import_verb());
	posix_spawn_file_actions_t silent;
	posix_spawn_file_actions_init(&silent);
	posix_spawn_file_actions_addopen(&silent, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	assert_int_equal(posix_spawn(&pid, argv[0], &silent, NULL, (char *const *)argv, environ),
	                 0);
	posix_spawn_file_actions_destroy(&silent);
	for (int i = 0; cluster_number(stack.cluster, "SELECT count(*) FROM pg_locks WHERE NOT "
	                                              "granted AND locktype = 'advisory'") == 0;
	     i++) {
		assert_true(i < 6000);
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	int code;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &code, 0), pid);
	assert_true(WIFSIGNALED(code));
	run_sql("ROLLBACK");
}

/* Killed before its first story, and again after its last; then it runs to its end. */
static void import_file(void)
{
	import_killed_at("stories");
	assert_int_not_equal(cluster_number(stack.cluster, "SELECT count(*) FROM sprints"), 0);
	import_killed_at("documents");
	assert_int_equal(cluster_number(stack.cluster, "SELECT count(*) FROM stories"),
	                 json_array_size(reading.stories));
	json_decref(prismctl_json(import_verb()));
}

/* --- the backlog ------------------------------------------------------------ */

static void read_file(void)
{
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	reading.stories = json_array();
	json_error_t error;
	json_t *line;
	while ((line = json_loadf(file, JSON_DISABLE_EOF_CHECK, &error))) {
		const char *kind = text_at(line, "kind");
		if (strcmp(kind, "story") == 0)
			json_array_append(reading.stories, line);
		else if (strcmp(kind, "project") == 0)
			snprintf(reading.project_key, sizeof(reading.project_key), "%s",
			         text_at(line, "key"));
		json_decref(line);
	}
	fclose(file);
	reading.ids = calloc(json_array_size(reading.stories), sizeof(*reading.ids));
}

static int set_up(void **state)
{
	(void)state;
	stack_open(&stack);
	read_file();
	sql = PQconnectdb(cluster_conninfo(stack.cluster));
	assert_int_equal(PQstatus(sql), CONNECTION_OK);
	make_gates();
	stack_serve(&stack, NULL);
	import_file();
	char key[STACK_KEY_SIZE];
	stack_key(&stack, "act-as-user", 0, key);
	char *organization =
		lookup("SELECT organization_id FROM projects WHERE key = $1", reading.project_key);
	reading.organization_id = strtoll(organization, NULL, 10);
	char *member = lookup("SELECT user_id FROM organization_members WHERE organization_id = $1 "
	                      "AND role = 'member' LIMIT 1",
	                      organization);
	assert_int_equal(uv_loop_init(&reading.loop), 0);
	struct prism_channel_options options = {.protocol = test_protocol(),
	                                        .address = stack.prismd.address,
	                                        .key = key,
	                                        .actor = member};
	char message[256];
	if (prism_channel_open(&reading.channel, &options, &reading.loop, message) != PRISM_OK)
		fail_msg("%s", message);
	free(organization);
	free(member);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	prism_channel_close(reading.channel, NULL, NULL);
	uv_run(&reading.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&reading.loop), 0);
	PQfinish(sql);
	stack_stop(&stack);
	json_decref(reading.stories);
	free(reading.ids);
	return 0;
}

int main(int argc, char **argv)
{
	path = argc > 1 ? argv[1] : getenv("PRISM_BACKLOG");
	if (!path || !*path) {
		puts("no backlog file: skipped (PRISM_BACKLOG names one)");
		return SKIPPED;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_story_equals_the_file),
		cmocka_unit_test(prismctl_shows_the_last_story),
		cmocka_unit_test(a_second_import_changes_nothing),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
