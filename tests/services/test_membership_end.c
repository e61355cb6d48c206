/* RemoveMember and LeaveOrganization: who goes, who stays, and what becomes of their work. */
#include "tests/services/people_fixture.h"

struct removal {
	const char *user, *reassign_to, *request_id;
};

/* How many stories were reassigned; -1: refused. */
static int64_t take_out(const char *actor, int64_t organization, struct removal removal)
{
	Prism__V1__RemoveMemberRequest request = PRISM__V1__REMOVE_MEMBER_REQUEST__INIT;
	request.organization_id = organization;
	request.user_id = (char *)removal.user;
	request.reassign_to = (char *)(removal.reassign_to ? removal.reassign_to : "");
	request.request_id = (char *)(removal.request_id ? removal.request_id : "");
	Prism__V1__RemoveMemberResponse *response = NULL;
	(void)prism_v1_membership_service_remove_member_wait(BY(actor), &request, &response,
	                                                     &tenant.result);
	int64_t stories = response ? response->reassigned_stories : -1;
	prism__v1__remove_member_response__free_unpacked(response, NULL);
	return stories;
}

static int64_t leave_by(struct prism_channel *channel, const struct prism_call_options *options,
                        int64_t organization, const char *request_id)
{
	Prism__V1__LeaveOrganizationRequest request = PRISM__V1__LEAVE_ORGANIZATION_REQUEST__INIT;
	request.organization_id = organization;
	request.request_id = (char *)request_id;
	Prism__V1__LeaveOrganizationResponse *response = NULL;
	(void)prism_v1_membership_service_leave_organization_wait(channel, options, &request,
	                                                          &response, &tenant.result);
	int64_t stories = response ? response->reassigned_stories : -1;
	prism__v1__leave_organization_response__free_unpacked(response, NULL);
	return stories;
}

static int64_t leave(const char *actor, int64_t organization, const char *request_id)
{
	return leave_by(BY(actor), organization, request_id);
}

static bool is_member(int64_t organization, const char *user)
{
	return count("SELECT count(*) FROM organization_members WHERE organization_id = %ld"
	             " AND user_id = '%s'",
	             (long)organization, user) == 1;
}

/* A project, owned by nobody (NULL) or somebody. */
static long project_new(int64_t organization, const char *owner)
{
	static unsigned made = 1000;
	char quoted[40] = "NULL";
	if (owner)
		snprintf(quoted, sizeof(quoted), "'%s'", owner);
	made++;
	return count("INSERT INTO projects (id, organization_id, name, key, owner_id) OVERRIDING"
	             " SYSTEM VALUE VALUES (%u, %ld, 'Project', 'P%u', %s) RETURNING id",
	             made, (long)organization, made, quoted);
}

/* Stories of one assignee: two to do, one in progress, one done, one deleted. */
static void give_work(int64_t organization, long project, const char *assignee)
{
	static unsigned made = 100;
	count("WITH made AS (INSERT INTO stories (id, organization_id, project_id, number, rank,"
	      " title, status, assignee_id, deleted_at) OVERRIDING SYSTEM VALUE"
	      " SELECT %u + n, %ld, %ld, %u + n, n, 'Work', (ARRAY['todo', 'in_progress', 'todo',"
	      " 'done', 'todo'])[n], '%s', CASE n WHEN 5 THEN now() END"
	      " FROM generate_series(1, 5) n RETURNING id) SELECT count(*) FROM made",
	      made, (long)organization, project, made, assignee);
	made += 10;
}

static long assigned(int64_t organization, const char *user)
{
	return count("SELECT count(*) FROM stories WHERE organization_id = %ld AND assignee_id ="
	             " '%s'",
	             (long)organization, user);
}

/* --- RemoveMember ----------------------------------------------------------------------------- */

static void whoever_is_removed_has_no_part_any_more(void **state)
{
	(void)state;
	struct own own = own_new();
	const char *const actors[] = {own.owner.id, own.admin.id, NULL};
	const char *const users[] = {own.member.id, own.viewer.id, own.inactive.id};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(take_out(actors[i], own.id, (struct removal){.user = users[i]}),
		                 0);
		assert_done();
		assert_false(is_member(own.id, users[i]));
		assert_null(get_organization(users[i], own.id));
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
	assert_int_equal(count("SELECT count(*) FROM activity_log WHERE organization_id = %ld"
	                       " AND entity_type = 'member' AND verb = 'remove'",
	                       (long)own.id),
	                 3);
	assert_int_equal(take_out(own.admin.id, own.id, (struct removal){.user = own.admin.id}), 0);
	assert_false(is_member(own.id, own.admin.id));
}

static void admins_remove(void **state)
{
	(void)state;
	struct own own = own_new();
	const char *const low[] = {own.member.id, own.viewer.id};
	const char *const no_part[] = {own.outsider.id, own.inactive.id};
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(take_out(low[i], own.id, (struct removal){.user = own.admin.id}),
		                 -1);
		assert_refused(PRISM_PERMISSION_DENIED, "ROLE_TOO_LOW");
		assert_int_equal(
			take_out(no_part[i], own.id, (struct removal){.user = own.member.id}), -1);
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
	assert_int_equal(take_out(own.admin.id, own.id, (struct removal){.user = own.outsider.id}),
	                 -1);
	assert_refused(PRISM_NOT_FOUND, "MEMBER_NOT_FOUND");
	assert_int_equal(take_out(own.admin.id, own.id, (struct removal){.user = ""}), -1);
	assert_field("user_id");
	assert_true(is_member(own.id, own.admin.id) && is_member(own.id, own.member.id));
}

static void an_owner_stays(void **state)
{
	(void)state;
	struct own own = own_new();
	const char *const actors[] = {own.owner.id, own.admin.id, NULL};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
			take_out(actors[i], own.id, (struct removal){.user = own.owner.id}), -1);
		assert_refused(PRISM_FAILED_PRECONDITION, "OWNER_PROTECTED");
	}
	assert_int_equal(leave(own.owner.id, own.id, ""), -1);
	assert_refused(PRISM_FAILED_PRECONDITION, "OWNER_PROTECTED");
	assert_true(is_member(own.id, own.owner.id));
}

static void the_last_admin_stays(void **state)
{
	(void)state;
	struct own own = own_new();
	count("UPDATE users SET status = 'inactive' WHERE id = '%s' RETURNING 1", own.owner.id);
	assert_int_equal(take_out(NULL, own.id, (struct removal){.user = own.admin.id}), -1);
	assert_refused(PRISM_FAILED_PRECONDITION, "LAST_ADMIN");
	assert_int_equal(leave(own.admin.id, own.id, ""), -1);
	assert_refused(PRISM_FAILED_PRECONDITION, "LAST_ADMIN");
	count("UPDATE users SET status = 'active' WHERE id = '%s' RETURNING 1", own.inactive.id);
	assert_int_equal(leave(own.admin.id, own.id, ""), 0);
	assert_done();
}

static void projects_are_handed_over_first(void **state)
{
	(void)state;
	struct own own = own_new();
	long first = project_new(own.id, own.member.id), last = project_new(own.id, own.member.id);
	char text[64];
	snprintf(text, sizeof(text), "(their ids: %ld, %ld)", first, last);
	assert_int_equal(take_out(own.admin.id, own.id, (struct removal){.user = own.member.id}),
	                 -1);
	assert_refused(PRISM_FAILED_PRECONDITION, "OWNS_PROJECTS");
	assert_non_null(strstr(tenant.result.message, text));
	for (int i = 0; i < 19; i++)
		last = project_new(own.id, own.member.id);
	snprintf(text, sizeof(text), ", %ld, ...)", last - 1);
	assert_int_equal(leave(own.member.id, own.id, ""), -1);
	assert_refused(PRISM_FAILED_PRECONDITION, "OWNS_PROJECTS");
	assert_non_null(strstr(tenant.result.message, text));
	count("WITH gone AS (UPDATE projects SET deleted_at = now() WHERE organization_id = %ld"
	      " RETURNING 1) SELECT count(*) FROM gone",
	      (long)own.id);
	assert_int_equal(leave(own.member.id, own.id, ""), 0);
	assert_done();
}

static void work_that_is_not_done_loses_its_assignee(void **state)
{
	(void)state;
	struct own own = own_new(), other = own_new();
	join(other.id, own.member.id, "member");
	long project = project_new(own.id, NULL), foreign = project_new(other.id, NULL);
	give_work(own.id, project, own.member.id);
	give_work(other.id, foreign, own.member.id);
	assert_int_equal(take_out(own.admin.id, own.id, (struct removal){.user = own.member.id}),
	                 3);
	assert_int_equal(assigned(own.id, own.member.id), 2); /* what is done, what is deleted */
	assert_int_equal(assigned(other.id, own.member.id), 5);
	assert_int_equal(count("SELECT count(*) FROM stories WHERE project_id = %ld AND"
	                       " assignee_id IS NULL AND version = 2",
	                       project),
	                 3);
	assert_int_equal(count("SELECT count(*) FROM activity_log WHERE project_id = %ld"
	                       " AND entity_type = 'story' AND verb = 'update' AND changes ="
	                       " '{\"assignee_id\": {\"old\": \"%s\"}}'",
	                       project, own.member.id),
	                 3);
}

static void or_somebody_else_gets_it(void **state)
{
	(void)state;
	struct own own = own_new();
	long project = project_new(own.id, NULL);
	give_work(own.id, project, own.member.id);
	const char *const unable[] = {own.viewer.id, own.inactive.id, own.outsider.id,
	                              own.member.id};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(
			take_out(own.admin.id, own.id,
		                 (struct removal){.user = own.member.id, .reassign_to = unable[i]}),
			-1);
		assert_refused(PRISM_FAILED_PRECONDITION, "ASSIGNEE_NOT_MEMBER");
		assert_field("reassign_to");
	}
	assert_int_equal(
		take_out(own.admin.id, own.id,
	                 (struct removal){.user = own.member.id, .reassign_to = "somebody"}),
		-1);
	assert_refused(PRISM_INVALID_ARGUMENT, "FIELD_INVALID");
	assert_field("reassign_to");
	assert_int_equal(assigned(own.id, own.member.id), 5);
	assert_int_equal(
		take_out(own.owner.id, own.id,
	                 (struct removal){.user = own.member.id, .reassign_to = own.admin.id}),
		3);
	assert_done();
	assert_int_equal(assigned(own.id, own.admin.id), 3);
}

static void a_repeated_removal_has_one_effect(void **state)
{
	(void)state;
	struct own own = own_new();
	struct id key = id_new();
	long project = project_new(own.id, NULL);
	give_work(own.id, project, own.member.id);
	struct removal removal = {.user = own.member.id, .request_id = key.text};
	assert_int_equal(take_out(own.admin.id, own.id, removal), 3);
	assert_int_equal(take_out(own.admin.id, own.id, removal), 3);
	assert_done();
	join(own.id, own.member.id, "member");
	assert_int_equal(take_out(own.admin.id, own.id, removal), 3);
	assert_true(is_member(own.id, own.member.id));
	removal.reassign_to = own.admin.id;
	assert_int_equal(take_out(own.admin.id, own.id, removal), -1);
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
	assert_int_equal(leave(own.admin.id, own.id, key.text), -1);
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
}

/* --- LeaveOrganization -------------------------------------------------------------------------
 */

static void everybody_else_may_leave(void **state)
{
	(void)state;
	struct own own = own_new();
	long project = project_new(own.id, NULL);
	give_work(own.id, project, own.member.id);
	const char *const actors[] = {own.admin.id, own.member.id, own.viewer.id};
	static const int64_t stories[] = {0, 3, 0};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(leave(actors[i], own.id, ""), stories[i]);
		assert_done();
		assert_false(is_member(own.id, actors[i]));
		assert_int_equal(leave(actors[i], own.id, ""), -1);
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
}

static void whoever_is_no_part_of_it_cannot_leave(void **state)
{
	(void)state;
	struct own own = own_new();
	const char *const no_part[] = {own.outsider.id, own.inactive.id};
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(leave(no_part[i], own.id, ""), -1);
		assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
	}
	assert_int_equal(leave(own.member.id, 999999, ""), -1);
	assert_refused(PRISM_NOT_FOUND, "ORGANIZATION_NOT_FOUND");
}

static void the_system_leaves_for_somebody(void **state)
{
	(void)state;
	struct own own = own_new();
	assert_int_equal(leave(NULL, own.id, ""), -1);
	assert_refused(PRISM_UNAUTHENTICATED, "ACTOR_MISSING");
	assert_int_equal(leave_by(SYSTEM_FOR(own.outsider.id), own.id, ""), -1);
	assert_refused(PRISM_NOT_FOUND, "MEMBER_NOT_FOUND");
	assert_int_equal(leave_by(SYSTEM_FOR(own.member.id), own.id, ""), 0);
	assert_done();
	assert_false(is_member(own.id, own.member.id));
}

/* Whoever has left is no member any more, and is answered all the same. */
static void a_repeated_leave_has_one_effect(void **state)
{
	(void)state;
	struct own own = own_new();
	struct id key = id_new();
	long project = project_new(own.id, NULL);
	give_work(own.id, project, own.member.id);
	assert_int_equal(leave(own.member.id, own.id, key.text), 3);
	assert_int_equal(leave(own.member.id, own.id, key.text), 3);
	assert_done();
	struct own other = own_new();
	join(other.id, own.member.id, "member");
	assert_int_equal(leave(own.member.id, other.id, key.text), -1);
	assert_refused(PRISM_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
	assert_true(is_member(other.id, own.member.id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_is_removed_has_no_part_any_more),
		cmocka_unit_test(admins_remove),
		cmocka_unit_test(an_owner_stays),
		cmocka_unit_test(the_last_admin_stays),
		cmocka_unit_test(projects_are_handed_over_first),
		cmocka_unit_test(work_that_is_not_done_loses_its_assignee),
		cmocka_unit_test(or_somebody_else_gets_it),
		cmocka_unit_test(a_repeated_removal_has_one_effect),
		cmocka_unit_test(everybody_else_may_leave),
		cmocka_unit_test(whoever_is_no_part_of_it_cannot_leave),
		cmocka_unit_test(the_system_leaves_for_somebody),
		cmocka_unit_test(a_repeated_leave_has_one_effect),
	};
	return cmocka_run_group_tests(tests, people_set_up, tenant_tear_down);
}
