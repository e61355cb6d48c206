/* A whole backlog, loaded with COPY, is read story by story through the generated stubs and must
 * equal its file in every field. The file is the first argument, else PRISM_BACKLOG; without one
 * the test is skipped.
 */
#include "prism/v1/story.prism-client.h"
#include "tests/support/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

/* The command line, on the same backlog. */
static void prismctl_shows_the_last_story(void **state)
{
	(void)state;
	const json_t *line = json_array_get(reading.stories, json_array_size(reading.stories) - 1);
	char request[128], text[PROGRAM_TEXT], key_file[128], organization[32];
	snprintf(organization, sizeof(organization), "%lld", (long long)reading.organization_id);
	snprintf(request, sizeof(request), "{\"organizationId\": \"%s\", \"key\": \"%s-%lld\"}",
	         organization, reading.project_key,
	         json_integer_value(json_object_get(line, "number")));
	snprintf(key_file, sizeof(key_file), "%s/bootstrap.key", stack.directory);
	const char *const argv[] = {program_path("prismctl"),
	                            "--address",
	                            stack.prismd.address,
	                            "--key-file",
	                            key_file,
	                            "-o",
	                            "json",
	                            "call",
	                            "StoryService/GetStory",
	                            request,
	                            NULL};
	int code = program_run(argv, NULL, text);
	if (code != 0)
		fail_msg("prismctl: exit code %d\n%s", code, text);
	json_t *shown = json_loads(text, 0, NULL);
	assert_non_null(shown);
	assert_string_equal(text_at(shown, "title"), text_at(line, "title"));
	json_decref(shown);
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

static void load_file(void)
{
	char text[PROGRAM_TEXT];
	const char *const argv[] = {"/usr/bin/env",
	                            "python3",
	                            PRISM_SOURCE_DIR "/tests/support/load_backlog.py",
	                            path,
	                            "--database",
	                            cluster_conninfo(stack.cluster),
	                            NULL};
	for (int times = 0; times < 2; times++) { /* the second one changes nothing */
		int code = program_run(argv, NULL, text);
		if (code != 0)
			fail_msg("load_backlog.py: exit code %d\n%s", code, text);
	}
}

static int set_up(void **state)
{
	(void)state;
	stack_open(&stack);
	read_file();
	load_file();
	sql = PQconnectdb(cluster_conninfo(stack.cluster));
	assert_int_equal(PQstatus(sql), CONNECTION_OK);
	stack_serve(&stack, NULL);
	char key[STACK_KEY_SIZE];
	stack_key(&stack, "act-as-user", 0, key);
	char *organization =
		lookup("SELECT organization_id FROM projects WHERE key = $1", reading.project_key);
	reading.organization_id = strtoll(organization, NULL, 10);
	char *member = lookup("SELECT user_id FROM organization_members WHERE organization_id = $1 "
	                      "AND role = 'member' LIMIT 1",
	                      organization);
	assert_int_equal(uv_loop_init(&reading.loop), 0);
	struct prism_channel_options options = {
		.address = stack.prismd.address, .key = key, .actor = member};
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
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
