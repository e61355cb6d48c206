#include "tests/services/sprint_calls.h"

sprint_t sprint_of(const char *name)
{
	sprint_t sprint = PRISM__V1__SPRINT__INIT;
	sprint.name = (char *)name;
	return sprint;
}

sprint_t *sprint_create(const char *actor, int64_t project, sprint_t *sprint,
                        const char *request_id)
{
	Prism__V1__CreateSprintRequest request = PRISM__V1__CREATE_SPRINT_REQUEST__INIT;
	request.organization_id = 1;
	request.project_id = project;
	request.sprint = sprint;
	request.request_id = (char *)(request_id ? request_id : "");
	sprint_t *made = NULL;
	(void)prism_v1_sprint_service_create_sprint_wait(as(actor), NULL, &request, &made,
	                                                 &tenant.result);
	return made;
}

sprint_t *sprint_get(const char *actor, int64_t id)
{
	Prism__V1__GetSprintRequest request = PRISM__V1__GET_SPRINT_REQUEST__INIT;
	request.organization_id = 1;
	request.id = id;
	sprint_t *sprint = NULL;
	(void)prism_v1_sprint_service_get_sprint_wait(as(actor), NULL, &request, &sprint,
	                                              &tenant.result);
	return sprint;
}

sprint_t *sprint_update(const char *actor, int64_t id, sprint_t *sprint, const char *mask,
                        int32_t expected_version, const char *request_id)
{
	Prism__V1__UpdateSprintRequest request = PRISM__V1__UPDATE_SPRINT_REQUEST__INIT;
	request.organization_id = 1;
	request.id = id;
	request.sprint = sprint;
	request.update_mask = mask_of(mask);
	request.expected_version = expected_version;
	request.request_id = (char *)(request_id ? request_id : "");
	sprint_t *updated = NULL;
	(void)prism_v1_sprint_service_update_sprint_wait(as(actor), NULL, &request, &updated,
	                                                 &tenant.result);
	return updated;
}

void sprint_drop(sprint_t *sprint)
{
	prism__v1__sprint__free_unpacked(sprint, NULL);
}

int64_t sprint_make(const char *name)
{
	sprint_t sprint = sprint_of(name), *made = sprint_create(MEMBER, 10, &sprint, NULL);
	assert_done(made);
	int64_t id = made->id;
	sprint_drop(made);
	return id;
}

long sprint_by_sql(int organization, int project, const char *name)
{
	return count("INSERT INTO sprints (organization_id, project_id, name) VALUES (%d, %d, "
	             "'%s') RETURNING id",
	             organization, project, name);
}
