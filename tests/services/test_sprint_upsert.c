/* BatchUpsertSprints: what an import makes, changes and leaves alone, and what it is told. */
#include "tests/services/sprint_calls.h"

enum { PROJECT = 11 };

static Prism__V1__BatchUpsertSprintsResponse *upsert(const char *actor, int64_t project,
                                                     sprint_t **sprints, size_t n)
{
	Prism__V1__BatchUpsertSprintsRequest request =
		PRISM__V1__BATCH_UPSERT_SPRINTS_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = project;
	request.external_source = "source";
	request.sprints = sprints;
	request.n_sprints = n;
	Prism__V1__BatchUpsertSprintsResponse *response = NULL;
	(void)prism_v1_sprint_service_batch_upsert_sprints_wait(as(actor), NULL, &request,
	                                                        &response, &tenant.result);
	return response;
}

/* 'c' created, 'u' updated, '-' unchanged, 'd' deleted before; each id is that of its external id.
 */
static void assert_effects(sprint_t **sprints, size_t n, const char *effects)
{
	Prism__V1__BatchUpsertSprintsResponse *response = upsert(NULL, PROJECT, sprints, n);
	assert_done(response);
	assert_int_equal(response->n_results, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal("?cu-d"[response->results[i]->effect], effects[i]);
		assert_int_equal(response->results[i]->id,
		                 count("SELECT id FROM sprints WHERE project_id = 11 AND "
		                       "external_source = 'source' AND external_id = '%s'",
		                       sprints[i]->external_id));
	}
	prism__v1__batch_upsert_sprints_response__free_unpacked(response, NULL);
}

static sprint_t external(const char *id, const char *name, int status)
{
	sprint_t sprint = sprint_of(name);
	sprint.external_id = (char *)id;
	sprint.status = (Prism__V1__SprintStatus)status;
	return sprint;
}

static int clear(void **state)
{
	(void)state;
	cluster_sql(tenant.stack.cluster, "DELETE FROM sprints WHERE project_id = 11");
	return 0;
}

static void an_upsert_makes_changes_or_leaves_alone(void **state)
{
	(void)state;
	sprint_t a = external("A", "Aa", SPRINT_COMPLETED), b = external("B", "Bb", SPRINT_ACTIVE);
	sprint_t c = external("C", "Cc", 0), *two[] = {&b, &a}, *three[] = {&c, &a, &b};
	Google__Protobuf__Timestamp then = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	then.seconds = 1700000000;
	a.has_velocity_case = PRISM__V1__SPRINT__HAS_VELOCITY_VELOCITY;
	a.velocity = 0;
	a.created_at = &then;
	a.start_date = "2024-01-01";
	a.end_date = "2024-01-14";
	a.goal = "Why";
	assert_effects(two, 2, "cc");
	assert_int_equal(count("SELECT count(*) FROM sprints WHERE external_id = 'A' AND velocity ="
	                       " 0 AND status = 'completed' AND created_at = "
	                       "to_timestamp(1700000000) AND end_date = '2024-01-14' AND goal = "
	                       "'Why'"),
	                 1);
	long log = count("SELECT count(*) FROM activity_log");
	assert_effects(two, 2, "--");
	assert_int_equal(count("SELECT count(*) FROM activity_log"), log);
	b.end_date = "2024-02-01";
	b.goal = "Told";
	assert_effects(three, 3, "c-u");
	assert_effects(three, 3, "---");
	assert_int_equal(count("SELECT count(*) FROM activity_log"), log + 2);
	assert_int_equal(count("SELECT version FROM sprints WHERE external_id = 'B'"), 2);
	assert_int_equal(
		count("SELECT count(*) FROM activity_log WHERE changes = '{\"goal\": {\"changed\": "
	              "true}, \"end_date\": {\"new\": \"2024-02-01\"}}'"),
		1);
	count("UPDATE sprints SET deleted_at = now() WHERE external_id = 'C' RETURNING 1");
	c.name = "Aa";
	assert_effects(three, 3, "d--");
}

/* The one that is over first, or last, or made by the same request. */
static void one_sprint_follows_another(void **state)
{
	(void)state;
	sprint_t a = external("A", "Aa", SPRINT_ACTIVE), b = external("B", "Bb", 0);
	sprint_t c = external("C", "Cc", SPRINT_ACTIVE);
	sprint_t *ab[] = {&a, &b}, *ba[] = {&b, &a}, *cba[] = {&c, &b, &a};
	assert_effects(ab, 2, "cc");
	a.status = (Prism__V1__SprintStatus)SPRINT_COMPLETED;
	b.status = (Prism__V1__SprintStatus)SPRINT_ACTIVE;
	assert_effects(ab, 2, "uu");
	a.status = (Prism__V1__SprintStatus)SPRINT_ACTIVE;
	b.status = (Prism__V1__SprintStatus)SPRINT_PLANNING;
	assert_effects(ab, 2, "uu");
	a.status = (Prism__V1__SprintStatus)SPRINT_COMPLETED;
	b.status = (Prism__V1__SprintStatus)SPRINT_ACTIVE;
	assert_effects(ba, 2, "uu");
	b.status = (Prism__V1__SprintStatus)SPRINT_COMPLETED;
	assert_effects(cba, 3, "cu-");
}

static void two_are_not_active(void **state)
{
	(void)state;
	sprint_t a = external("A", "Aa", SPRINT_ACTIVE), b = external("B", "Bb", SPRINT_ACTIVE);
	sprint_t *ab[] = {&a, &b}, *one[] = {&b};
	assert_null(upsert(NULL, PROJECT, ab, 2));
	assert_refused_field(PRISM_FAILED_PRECONDITION, "SPRINT_ACTIVE", "sprints[1].status");
	assert_effects(ab, 1, "c");
	assert_null(upsert(NULL, PROJECT, one, 1));
	assert_refused_field(PRISM_FAILED_PRECONDITION, "SPRINT_ACTIVE", "sprints[0].status");
	b.status = (Prism__V1__SprintStatus)SPRINT_PLANNING;
	assert_effects(one, 1, "c");
	b.status = (Prism__V1__SprintStatus)SPRINT_ACTIVE;
	assert_null(upsert(NULL, PROJECT, ab, 2));
	assert_refused_field(PRISM_FAILED_PRECONDITION, "SPRINT_ACTIVE", "sprints[1].status");
	assert_int_equal(count("SELECT count(*) FROM sprints WHERE project_id = 11 AND status ="
	                       " 'active'"),
	                 1);
}

static void names_are_unique_in_a_project(void **state)
{
	(void)state;
	sprint_t a = external("A", "Sprint 1", 0), b = external("B", "SPRINT 1", 0);
	sprint_t *ab[] = {&a, &b}, *one[] = {&b};
	assert_null(upsert(NULL, PROJECT, ab, 2));
	assert_refused_field(PRISM_ALREADY_EXISTS, "SPRINT_NAME_TAKEN", "sprints[1].name");
	assert_int_equal(count("SELECT count(*) FROM sprints WHERE project_id = 11"), 0);
	assert_effects(ab, 1, "c");
	assert_null(upsert(NULL, PROJECT, one, 1));
	assert_refused_field(PRISM_ALREADY_EXISTS, "SPRINT_NAME_TAKEN", "sprints[0].name");
	a.name = "Sprint 0";
	assert_effects(ab, 2, "uc");
	a.name = "SPRINT 1"; /* they change names: one has to go first */
	b.name = "Sprint 0";
	assert_null(upsert(NULL, PROJECT, ab, 2));
	assert_refused_field(PRISM_ALREADY_EXISTS, "SPRINT_NAME_TAKEN", "sprints[0].name");
}

static void a_velocity_is_of_a_completed_sprint(void **state)
{
	(void)state;
	sprint_t a = external("A", "Aa", SPRINT_COMPLETED), b = external("B", "Bb", SPRINT_ACTIVE);
	sprint_t *ab[] = {&a, &b};
	b.has_velocity_case = PRISM__V1__SPRINT__HAS_VELOCITY_VELOCITY;
	assert_null(upsert(NULL, PROJECT, ab, 2));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "sprints[1].velocity");
}

static void an_upsert_says_what_is_wrong(void **state)
{
	(void)state;
	sprint_t a = external("E", "Ee", 0), b = external("E", "Again", 0), *two[] = {&a, &b};
	assert_null(upsert(NULL, PROJECT, two, 2));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "sprints");
	b = external("", "No id", 0);
	assert_null(upsert(NULL, PROJECT, two, 2));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "sprints[1].external_id");
	b = external("F", "", 0);
	assert_null(upsert(NULL, PROJECT, two, 2));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "sprints[1].name");
	b = external("F", "Late", 0);
	b.start_date = "2024-01-02";
	b.end_date = "2024-01-01";
	assert_null(upsert(NULL, PROJECT, two, 2));
	assert_refused_field(PRISM_INVALID_ARGUMENT, "FIELD_INVALID", "sprints[1].end_date");
	static const char *const people[] = {OWNER, ADMIN, MEMBER, VIEWER, OUTSIDER};
	for (size_t i = 0; i < 5; i++) {
		assert_null(upsert(people[i], PROJECT, two, 1));
		assert_refused(PRISM_PERMISSION_DENIED, "SCOPE_TOO_LOW");
	}
	const int64_t missing[] = {13, 20, 999};
	for (size_t i = 0; i < 3; i++) {
		assert_null(upsert(NULL, missing[i], two, 1));
		assert_refused(PRISM_NOT_FOUND, "PROJECT_NOT_FOUND");
	}
	assert_int_equal(count("SELECT count(*) FROM sprints WHERE external_source = 'source'"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_upsert_makes_changes_or_leaves_alone, clear),
		cmocka_unit_test_setup(one_sprint_follows_another, clear),
		cmocka_unit_test_setup(two_are_not_active, clear),
		cmocka_unit_test_setup(names_are_unique_in_a_project, clear),
		cmocka_unit_test_setup(a_velocity_is_of_a_completed_sprint, clear),
		cmocka_unit_test_setup(an_upsert_says_what_is_wrong, clear),
	};
	return cmocka_run_group_tests(tests, tenant_set_up, tenant_tear_down);
}
