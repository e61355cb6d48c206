/* GetStory through the generated stubs, a real daemon and a real PostgreSQL: who sees what, and
 * what everybody else is told. No key here has the scope `system`, but the one that shows it. */
#include "prism/v1/story.prism-client.h"
#include "tests/support/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define USER(n)  "00000000-0000-4000-8000-00000000000" #n
#define OWNER    USER(1)
#define ADMIN    USER(2)
#define MEMBER   USER(3)
#define VIEWER   USER(4)
#define OUTSIDER USER(5)
#define INACTIVE USER(6)
#define DELETED  USER(7)
#define NOBODY   USER(9)

static struct stack stack;
static char acting[STACK_KEY_SIZE];

static const char SEED[] =
	"INSERT INTO users (id, email, username, status) SELECT"
	" ('00000000-0000-4000-8000-00000000000' || n)::uuid, 'u' || n || '@example.org', 'user-' "
	"|| n,"
	" CASE n WHEN 6 THEN 'inactive' ELSE 'active' END::user_status FROM generate_series(1, 7) "
	"n;"
	"UPDATE users SET deleted_at = now() WHERE id = '" DELETED "';"
	"INSERT INTO organizations (id, name, slug, owner_id) OVERRIDING SYSTEM VALUE VALUES"
	" (1, 'One', 'one', '" OWNER "'), (2, 'Two', 'two', '" OUTSIDER
	"'), (3, 'Gone', 'gone', '" OWNER "');"
	"UPDATE organizations SET deleted_at = now() WHERE id = 3;"
	"INSERT INTO organization_members (organization_id, user_id, role) VALUES (1, '" OWNER
	"', 'admin'),"
	" (1, '" ADMIN "', 'admin'), (1, '" MEMBER "', 'member'), (1, '" VIEWER
	"', 'viewer'), (1, '" INACTIVE "', 'admin'),"
	" (1, '" DELETED "', 'admin'), (2, '" OUTSIDER "', 'admin'), (3, '" OWNER "', 'admin');"
	"INSERT INTO projects (id, organization_id, name, key) OVERRIDING SYSTEM VALUE VALUES"
	" (10, 1, 'Project', 'PRJ'), (11, 1, 'Deleted', 'DEL'), (20, 2, 'Elsewhere', 'PRJ'), (30, "
	"3, 'Gone', 'GON');"
	"UPDATE projects SET deleted_at = now() WHERE id = 11;"
	"INSERT INTO project_keys (organization_id, key, project_id, is_current) VALUES (1, 'PRJ', "
	"10, true),"
	" (1, 'OLD', 10, false), (1, 'DEL', 11, true), (2, 'PRJ', 20, true), (3, 'GON', 30, true);"
	"INSERT INTO sprints (id, organization_id, project_id, name) OVERRIDING SYSTEM VALUE "
	"VALUES (5, 1, 10, 'First');"
	"INSERT INTO epics (id, organization_id, project_id, name) OVERRIDING SYSTEM VALUE VALUES "
	"(6, 1, 10, 'Epic');"
	"INSERT INTO stories (id, organization_id, project_id, number, rank, title, description, "
	"acceptance_criteria, story_points,"
	" priority, status, sprint_id, epic_id, assignee_id, creator_id, version, created_at, "
	"updated_at, started_at, completed_at)"
	" OVERRIDING SYSTEM VALUE VALUES (100, 1, 10, 7, 65536, 'Zażółć gęślą jaźń 🙂', "
	"'What', "
	"'When', 0, 'high', 'done', 5, 6,"
	" '" MEMBER "', '" ADMIN "', 3, '1969-12-31T23:59:59.25Z', '2024-02-29T12:00:00.000001Z', "
	"'2024-02-28Z', '2024-02-29Z');"
	"INSERT INTO stories (id, organization_id, project_id, number, rank, title) OVERRIDING "
	"SYSTEM VALUE VALUES"
	" (101, 1, 10, 8, 131072, 'Bare'), (102, 1, 10, 9, 1, 'Deleted'), (103, 1, 11, 1, 1, 'In a "
	"deleted project'),"
	" (200, 2, 20, 7, 1, 'Another tenant''s'), (300, 3, 30, 1, 1, 'In a deleted organization');"
	"UPDATE stories SET deleted_at = now() WHERE id = 102;";

static int set_up(void **state)
{
	(void)state;
	stack_open(&stack);
	cluster_sql(stack.cluster, SEED);
	stack_key(&stack, "act-as-user", 0, acting);
	stack_serve(&stack, (const char *const[]){"--workers", "2", NULL});
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stack_stop(&stack);
	return 0;
}

/* By id when `key` is NULL. */
static enum prism_status get(const char *service_key, const char *actor, int64_t organization,
                             int64_t id, const char *key, Prism__V1__Story **story,
                             struct prism_result *result)
{
	struct prism_channel *channel = stack_channel(&stack, service_key, actor);
	Prism__V1__GetStoryRequest request = PRISM__V1__GET_STORY_REQUEST__INIT;
	request.organization_id = organization;
	if (key) {
		request.story_case = PRISM__V1__GET_STORY_REQUEST__STORY_KEY;
		request.key = (char *)key;
	} else {
		request.story_case = PRISM__V1__GET_STORY_REQUEST__STORY_ID;
		request.id = id;
	}
	enum prism_status status =
		prism_v1_story_service_get_story_wait(channel, NULL, &request, story, result);
	prism_channel_close(channel, NULL, NULL);
	return status;
}

static void expect(const char *service_key, const char *actor, int64_t organization, int64_t id,
                   const char *key, enum prism_status expected, const char *text)
{
	Prism__V1__Story *story = NULL;
	struct prism_result result;
	enum prism_status status = get(service_key, actor, organization, id, key, &story, &result);
	if (status != expected || !strstr(result.message, text))
		fail_msg("%s of %s by %s: %s \"%s\"; expected %s \"%s\"", key ? key : "id",
		         service_key, actor ? actor : "nobody", prism_status_name(status),
		         result.message, prism_status_name(expected), text);
	assert_true((story != NULL) == (status == PRISM_OK));
	if (story) {
		assert_int_equal(story->organization_id, organization);
		prism__v1__story__free_unpacked(story, NULL);
	}
}

static void expect_reason(const char *service_key, const char *actor, const char *reason)
{
	Prism__V1__Story *story = NULL;
	struct prism_result result;
	get(service_key, actor, 1, 100, NULL, &story, &result);
	assert_null(story);
	assert_string_equal(result.reason, reason);
}

static void every_field_arrives(void **state)
{
	(void)state;
	Prism__V1__Story *story = NULL;
	struct prism_result result;
	assert_int_equal(get(acting, VIEWER, 1, 0, "prj-7", &story, &result), PRISM_OK);
	assert_int_equal(story->id, 100);
	assert_int_equal(story->organization_id, 1);
	assert_int_equal(story->project_id, 10);
	assert_string_equal(story->key, "PRJ-7");
	assert_int_equal(story->number, 7);
	assert_string_equal(story->title, "Zażółć gęślą jaźń 🙂");
	assert_string_equal(story->description, "What");
	assert_string_equal(story->acceptance_criteria, "When");
	assert_int_equal(story->status, PRISM__V1__STORY_STATUS__STORY_STATUS_DONE);
	assert_int_equal(story->priority, PRISM__V1__STORY_PRIORITY__STORY_PRIORITY_HIGH);
	assert_int_equal(story->has_story_points_case,
	                 PRISM__V1__STORY__HAS_STORY_POINTS_STORY_POINTS);
	assert_int_equal(story->story_points, 0);
	assert_int_equal(story->epic_id, 6);
	assert_int_equal(story->sprint_id, 5);
	assert_string_equal(story->assignee_id, MEMBER);
	assert_string_equal(story->creator_id, ADMIN);
	assert_int_equal(story->rank, 65536);
	assert_int_equal(story->version, 3);
	assert_int_equal(story->created_at->seconds, -1);
	assert_int_equal(story->created_at->nanos, 250000000);
	assert_int_equal(story->updated_at->seconds, 1709208000);
	assert_int_equal(story->updated_at->nanos, 1000);
	assert_int_equal(story->started_at->seconds, 1709078400);
	assert_int_equal(story->completed_at->seconds, 1709164800);
	prism__v1__story__free_unpacked(story, NULL);
}

static void what_is_null_is_unset(void **state)
{
	(void)state;
	Prism__V1__Story *story = NULL;
	assert_int_equal(get(acting, VIEWER, 1, 101, NULL, &story, NULL), PRISM_OK);
	assert_string_equal(story->key, "PRJ-8");
	assert_string_equal(story->description, "");
	assert_int_equal(story->status, PRISM__V1__STORY_STATUS__STORY_STATUS_TODO);
	assert_int_equal(story->priority, PRISM__V1__STORY_PRIORITY__STORY_PRIORITY_MEDIUM);
	assert_int_equal(story->has_story_points_case, PRISM__V1__STORY__HAS_STORY_POINTS__NOT_SET);
	assert_int_equal(story->has_epic_id_case, PRISM__V1__STORY__HAS_EPIC_ID__NOT_SET);
	assert_int_equal(story->has_sprint_id_case, PRISM__V1__STORY__HAS_SPRINT_ID__NOT_SET);
	assert_int_equal(story->has_assignee_id_case, PRISM__V1__STORY__HAS_ASSIGNEE_ID__NOT_SET);
	assert_int_equal(story->has_creator_id_case, PRISM__V1__STORY__HAS_CREATOR_ID__NOT_SET);
	assert_null(story->started_at);
	assert_null(story->completed_at);
	prism__v1__story__free_unpacked(story, NULL);
}

static void every_role_reads(void **state)
{
	(void)state;
	const char *const readers[] = {OWNER, ADMIN, MEMBER, VIEWER};
	for (size_t i = 0; i < sizeof(readers) / sizeof(*readers); i++) {
		expect(acting, readers[i], 1, 100, NULL, PRISM_OK, "");
		expect(acting, readers[i], 1, 0, "PRJ-7", PRISM_OK, "");
		expect(acting, readers[i], 1, 0, "old-7", PRISM_OK, "");
	}
}

static void who_has_no_part_is_told_nothing(void **state)
{
	(void)state;
	const char *const others[] = {OUTSIDER, INACTIVE, DELETED, NOBODY};
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		expect(acting, others[i], 1, 100, NULL, PRISM_NOT_FOUND,
		       "organization 1: not found");
		expect(acting, others[i], 1, 0, "PRJ-7", PRISM_NOT_FOUND,
		       "organization 1: not found");
		expect(acting, others[i], 1, 999, NULL, PRISM_NOT_FOUND,
		       "organization 1: not found");
	}
	expect(acting, OWNER, 77, 100, NULL, PRISM_NOT_FOUND, "organization 77: not found");
	expect(acting, OWNER, 3, 300, NULL, PRISM_NOT_FOUND, "organization 3: not found");
}

static void what_is_not_there_is_not_found(void **state)
{
	(void)state;
	expect(acting, VIEWER, 1, 999, NULL, PRISM_NOT_FOUND, "no such story");
	expect(acting, VIEWER, 1, 102, NULL, PRISM_NOT_FOUND, "no such story");
	expect(acting, VIEWER, 1, 103, NULL, PRISM_NOT_FOUND, "no such story");
	expect(acting, VIEWER, 1, 200, NULL, PRISM_NOT_FOUND, "no such story");
	expect(acting, VIEWER, 1, 0, "PRJ-9", PRISM_NOT_FOUND, "no such story");
	expect(acting, VIEWER, 1, 0, "DEL-1", PRISM_NOT_FOUND, "no such story");
	expect(acting, VIEWER, 1, 0, "NONE-1", PRISM_NOT_FOUND, "no such story");
	expect(acting, VIEWER, 1, 0, "PRJ-99999999999999999", PRISM_NOT_FOUND, "no such story");
}

static void keys_open_what_their_scopes_say(void **state)
{
	(void)state;
	char reading[STACK_KEY_SIZE], counting[STACK_KEY_SIZE], system[STACK_KEY_SIZE],
		ours[STACK_KEY_SIZE], theirs[STACK_KEY_SIZE];
	stack_key(&stack, "read-only", 0, reading);
	stack_key(&stack, "metrics", 0, counting);
	stack_key(&stack, "system", 0, system);
	stack_key(&stack, "act-as-user", 1, ours);
	stack_key(&stack, "act-as-user", 2, theirs);
	expect(reading, VIEWER, 1, 100, NULL, PRISM_OK, "");
	expect(counting, VIEWER, 1, 100, NULL, PRISM_PERMISSION_DENIED, "act-as-user or read-only");
	expect_reason(counting, VIEWER, "SCOPE_TOO_LOW");
	expect(system, NULL, 1, 100, NULL, PRISM_OK, "");
	expect(system, OUTSIDER, 1, 100, NULL, PRISM_OK, "");
	expect(system, NULL, 77, 100, NULL, PRISM_NOT_FOUND, "organization 77: not found");
	expect(system, NULL, 3, 300, NULL, PRISM_NOT_FOUND, "organization 3: not found");
	expect(ours, VIEWER, 1, 100, NULL, PRISM_OK, "");
	expect(theirs, VIEWER, 1, 100, NULL, PRISM_NOT_FOUND, "organization 1: not found");
	expect(theirs, OUTSIDER, 2, 200, NULL, PRISM_OK, "");
}

static void keys_that_are_none_are_refused(void **state)
{
	(void)state;
	char revoked[STACK_KEY_SIZE], expired[STACK_KEY_SIZE];
	stack_key(&stack, "act-as-user", 0, revoked);
	cluster_sql(stack.cluster, "UPDATE service_keys SET revoked_at = now() WHERE id = (SELECT "
	                           "max(id) FROM service_keys)");
	stack_key(&stack, "act-as-user", 0, expired);
	cluster_sql(stack.cluster, "UPDATE service_keys SET expires_at = now() - interval '1 s' "
	                           "WHERE id = (SELECT max(id) FROM service_keys)");
	expect(revoked, VIEWER, 1, 100, NULL, PRISM_UNAUTHENTICATED, "was revoked");
	expect(expired, VIEWER, 1, 100, NULL, PRISM_UNAUTHENTICATED, "has expired");
	expect(NULL, VIEWER, 1, 100, NULL, PRISM_UNAUTHENTICATED, "no credential");
	expect(acting, NULL, 1, 100, NULL, PRISM_UNAUTHENTICATED, "no actor");
	expect_reason(revoked, VIEWER, "KEY_INVALID");
	expect_reason(expired, VIEWER, "KEY_INVALID");
	expect_reason(NULL, VIEWER, "KEY_MISSING");
	expect_reason(acting, NULL, "ACTOR_MISSING");
}

static void a_key_may_come_with_the_call(void **state)
{
	(void)state;
	char bearer[80];
	snprintf(bearer, sizeof(bearer), "Bearer %s", acting);
	struct prism_metadata metadata[] = {{"authorization", bearer, strlen(bearer)}};
	struct prism_call_options options = {.metadata = metadata, .metadata_count = 1};
	struct prism_channel *channel = stack_channel(&stack, NULL, VIEWER);
	Prism__V1__GetStoryRequest request = PRISM__V1__GET_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.story_case = PRISM__V1__GET_STORY_REQUEST__STORY_ID;
	request.id = 100;
	Prism__V1__Story *story = NULL;
	struct prism_result result;
	assert_int_equal(
		prism_v1_story_service_get_story_wait(channel, &options, &request, &story, &result),
		PRISM_OK);
	prism__v1__story__free_unpacked(story, NULL);
	metadata[0].value = "Basic dXNlcjpwYXNz";
	metadata[0].value_len = strlen(metadata[0].value);
	assert_int_equal(
		prism_v1_story_service_get_story_wait(channel, &options, &request, &story, &result),
		PRISM_UNAUTHENTICATED);
	assert_non_null(strstr(result.message, "Bearer"));
	prism_channel_close(channel, NULL, NULL);
}

/* examples/get_story.c, as README shows it. */
static void the_example_reads_a_story(void **state)
{
	(void)state;
	char address[160], key_file[128], actor[64], text[PROGRAM_TEXT];
	snprintf(address, sizeof(address), "PRISM_ADDRESS=%s", stack.prismd.address);
	snprintf(key_file, sizeof(key_file), "PRISM_KEY_FILE=%s/bootstrap.key", stack.directory);
	snprintf(actor, sizeof(actor), "PRISM_ACTOR=%s", VIEWER);
	const char *const env[] = {address, key_file, actor, NULL};
	const char *const there[] = {program_path("get_story"), "1", "PRJ-8", NULL};
	assert_int_equal(program_run(there, env, text), 0);
	assert_string_equal(text, "PRJ-8 Bare\n");
	const char *const missing[] = {program_path("get_story"), "1", "PRJ-999", NULL};
	assert_int_equal(program_run(missing, env, text), 1);
	assert_string_equal(text, "NOT_FOUND: no such story\n");
}

static void bad_requests_say_what_is_allowed(void **state)
{
	(void)state;
	expect(acting, VIEWER, 0, 100, NULL, PRISM_INVALID_ARGUMENT, "organization_id");
	expect(acting, VIEWER, -4, 100, NULL, PRISM_INVALID_ARGUMENT, "organization_id");
	expect(acting, VIEWER, 1, -1, NULL, PRISM_INVALID_ARGUMENT, "id");
	expect(acting, VIEWER, 1, 0, "PRJ", PRISM_INVALID_ARGUMENT, "key");
	expect(acting, VIEWER, 1, 0, "PRJ-", PRISM_INVALID_ARGUMENT, "key");
	expect(acting, VIEWER, 1, 0, "", PRISM_INVALID_ARGUMENT, "key");
	expect(acting, VIEWER, 1, 0, "' OR 1=1 --", PRISM_INVALID_ARGUMENT, "key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_arrives),
		cmocka_unit_test(what_is_null_is_unset),
		cmocka_unit_test(every_role_reads),
		cmocka_unit_test(who_has_no_part_is_told_nothing),
		cmocka_unit_test(what_is_not_there_is_not_found),
		cmocka_unit_test(keys_open_what_their_scopes_say),
		cmocka_unit_test(keys_that_are_none_are_refused),
		cmocka_unit_test(a_key_may_come_with_the_call),
		cmocka_unit_test(the_example_reads_a_story),
		cmocka_unit_test(bad_requests_say_what_is_allowed),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
