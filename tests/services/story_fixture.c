#include "tests/services/story_fixture.h"

#include <libpq-fe.h>

struct tenant tenant;

static PGconn *sql; /* count()'s */

enum { CHANNELS_MAX = 16 };

static struct {
	const char *actor;
	struct prism_channel *channel;
} channels[CHANNELS_MAX];

static const char SEED[] =
	"INSERT INTO users (id, email, username, status) SELECT"
	" ('00000000-0000-4000-8000-00000000000' || n)::uuid, 'u' || n || '@example.org',"
	" 'user-' || n, CASE n WHEN 6 THEN 'inactive' ELSE 'active' END::user_status"
	" FROM generate_series(1, 8) n;"
	"INSERT INTO organizations (id, name, slug, owner_id) OVERRIDING SYSTEM VALUE VALUES"
	" (1, 'One', 'one', '" OWNER "'), (2, 'Two', 'two', '" OUTSIDER "');"
	"INSERT INTO organization_members (organization_id, user_id, role) VALUES"
	" (1, '" OWNER "', 'admin'), (1, '" ADMIN "', 'admin'), (1, '" MEMBER "', 'member'),"
	" (1, '" MEMBER_2 "', 'member'), (1, '" VIEWER "', 'viewer'), (1, '" INACTIVE
	"', 'admin'), (2, '" OUTSIDER "', 'admin');"
	"INSERT INTO projects (id, organization_id, name, key, status, owner_id, deleted_at)"
	" OVERRIDING SYSTEM VALUE VALUES (10, 1, 'Project', 'PRJ', 'active', '" OWNER "', NULL),"
	" (11, 1, 'Other', 'OTH', 'active', '" MEMBER "', NULL),"
	" (12, 1, 'Done', 'DON', 'completed', NULL, NULL),"
	" (13, 1, 'Gone', 'GON', 'active', NULL, now()),"
	" (20, 2, 'Elsewhere', 'PRJ', 'active', NULL, NULL);"
	"INSERT INTO project_keys (organization_id, key, project_id, is_current)"
	" SELECT organization_id, key, id, true FROM projects;"
	"INSERT INTO project_counters (project_id, organization_id)"
	" SELECT id, organization_id FROM projects;"
	"INSERT INTO sprints (id, organization_id, project_id, name, status) OVERRIDING SYSTEM "
	"VALUE"
	" VALUES (5, 1, 10, 'Next', 'planning'), (7, 1, 10, 'Past', 'completed'),"
	" (8, 1, 10, 'Now', 'active'), (50, 1, 11, 'Other', 'planning');"
	"INSERT INTO epics (id, organization_id, project_id, name) OVERRIDING SYSTEM VALUE VALUES"
	" (6, 1, 10, 'Epic'), (60, 1, 11, 'Other');"
	"ALTER TABLE organizations ALTER id RESTART 100; ALTER TABLE projects ALTER id RESTART 100;"
	"ALTER TABLE sprints ALTER id RESTART 100; ALTER TABLE epics ALTER id RESTART 100;";

int tenant_set_up(void **state)
{
	(void)state;
	stack_open(&tenant.stack);
	cluster_sql(tenant.stack.cluster, SEED);
	sql = PQconnectdb(cluster_conninfo(tenant.stack.cluster));
	stack_key(&tenant.stack, "act-as-user", 0, tenant.key);
	stack_key(&tenant.stack, "system", 0, tenant.system_key);
	stack_serve(&tenant.stack, (const char *const[]){"--workers", "2", NULL});
	return 0;
}

int tenant_tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < CHANNELS_MAX && channels[i].channel; i++)
		prism_channel_close(channels[i].channel, NULL, NULL);
	PQfinish(sql);
	stack_stop(&tenant.stack);
	return 0;
}

static bool same_actor(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

struct prism_channel *as(const char *actor)
{
	size_t i = 0;
	while (channels[i].channel && !same_actor(channels[i].actor, actor))
		i++;
	assert_true(i < CHANNELS_MAX - 1);
	if (!channels[i].channel) {
		channels[i].actor = actor;
		channels[i].channel =
			stack_channel(&tenant.stack, actor ? tenant.key : tenant.system_key, actor);
	}
	return channels[i].channel;
}

void assert_refused(enum prism_status status, const char *reason)
{
	const struct prism_result *result = &tenant.result;
	if (result->status != status || strcmp(result->reason, reason) != 0)
		fail_msg("%s (%s) \"%s\"; expected %s (%s)", prism_status_name(result->status),
		         result->reason, result->message, prism_status_name(status), reason);
}

void assert_field(const char *field)
{
	assert_string_equal(tenant.result.field, field);
}

long count(const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	int length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	assert_in_range(length, 1, sizeof(text) - 1);
	PGresult *result = PQexec(sql, text);
	if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", text, PQerrorMessage(sql));
	long number = PQntuples(result) ? strtol(PQgetvalue(result, 0, 0), NULL, 10) : 0;
	PQclear(result);
	return number;
}

long story_by_sql(int project, const char *title)
{
	return count("WITH k AS (UPDATE project_counters SET next_number = next_number + 1,"
	             " next_rank = next_rank + 65536 WHERE project_id = %d RETURNING *)"
	             " INSERT INTO stories (organization_id, project_id, number, rank, title)"
	             " SELECT organization_id, project_id, next_number - 1, next_rank - 65536, '%s'"
	             " FROM k RETURNING id",
	             project, title);
}

story_t *create_story(const char *actor, int64_t project, story_t *story, const char *request_id)
{
	Prism__V1__CreateStoryRequest request = PRISM__V1__CREATE_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = project;
	request.story = story;
	if (request_id)
		request.request_id = (char *)request_id;
	story_t *created = NULL;
	(void)prism_v1_story_service_create_story_wait(as(actor), NULL, &request, &created,
	                                               &tenant.result);
	return created;
}

story_t *update_story(const char *actor, int64_t id, story_t *story, const char *mask,
                      int32_t expected_version, const char *request_id)
{
	char paths[128], *path[8];
	snprintf(paths, sizeof(paths), "%s", mask);
	Google__Protobuf__FieldMask update_mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
	update_mask.paths = path;
	for (char *at = strtok(paths, ","); at; at = strtok(NULL, ","))
		path[update_mask.n_paths++] = at;
	Prism__V1__UpdateStoryRequest request = PRISM__V1__UPDATE_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.id = id;
	request.story = story;
	request.update_mask = &update_mask;
	request.expected_version = expected_version;
	if (request_id)
		request.request_id = (char *)request_id;
	story_t *updated = NULL;
	(void)prism_v1_story_service_update_story_wait(as(actor), NULL, &request, &updated,
	                                               &tenant.result);
	return updated;
}

story_t *get_story(const char *actor, int64_t id)
{
	Prism__V1__GetStoryRequest request = PRISM__V1__GET_STORY_REQUEST__INIT;
	request.organization_id = 1;
	request.story_case = PRISM__V1__GET_STORY_REQUEST__STORY_ID;
	request.id = id;
	story_t *story = NULL;
	(void)prism_v1_story_service_get_story_wait(as(actor), NULL, &request, &story,
	                                            &tenant.result);
	return story;
}

void free_story(story_t *story)
{
	prism__v1__story__free_unpacked(story, NULL);
}
