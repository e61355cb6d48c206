#include "tests/services/project_calls.h"

project_t project_of(const char *name, const char *key)
{
	project_t project = PRISM__V1__PROJECT__INIT;
	project.name = (char *)name;
	project.key = (char *)key;
	return project;
}

void project_owned_by(project_t *project, const char *owner)
{
	project->has_owner_id_case = PRISM__V1__PROJECT__HAS_OWNER_ID_OWNER_ID;
	project->owner_id = (char *)owner;
}

project_t *project_create(const char *actor, project_t *project, const char *request_id)
{
	Prism__V1__CreateProjectRequest request = PRISM__V1__CREATE_PROJECT_REQUEST__INIT;
	request.organization_id = 1;
	request.project = project;
	request.request_id = (char *)(request_id ? request_id : "");
	project_t *made = NULL;
	(void)prism_v1_project_service_create_project_wait(as(actor), NULL, &request, &made,
	                                                   &tenant.result);
	return made;
}

project_t *project_get(const char *actor, int64_t id, const char *key)
{
	Prism__V1__GetProjectRequest request = PRISM__V1__GET_PROJECT_REQUEST__INIT;
	request.organization_id = 1;
	request.project_case = key  ? PRISM__V1__GET_PROJECT_REQUEST__PROJECT_KEY
	                       : id ? PRISM__V1__GET_PROJECT_REQUEST__PROJECT_ID
	                            : PRISM__V1__GET_PROJECT_REQUEST__PROJECT__NOT_SET;
	if (key)
		request.key = (char *)key;
	else
		request.id = id;
	project_t *project = NULL;
	(void)prism_v1_project_service_get_project_wait(as(actor), NULL, &request, &project,
	                                                &tenant.result);
	return project;
}

project_t *project_update(const char *actor, int64_t id, project_t *project, const char *mask,
                          int32_t expected_version, const char *request_id)
{
	Prism__V1__UpdateProjectRequest request = PRISM__V1__UPDATE_PROJECT_REQUEST__INIT;
	request.organization_id = 1;
	request.id = id;
	request.project = project;
	request.update_mask = mask_of(mask);
	request.expected_version = expected_version;
	request.request_id = (char *)(request_id ? request_id : "");
	project_t *updated = NULL;
	(void)prism_v1_project_service_update_project_wait(as(actor), NULL, &request, &updated,
	                                                   &tenant.result);
	return updated;
}

void project_drop(project_t *project)
{
	prism__v1__project__free_unpacked(project, NULL);
}

int64_t project_make(const char *name, const char *key)
{
	project_t project = project_of(name, key), *made = project_create(MEMBER, &project, NULL);
	assert_done(made);
	int64_t id = made->id;
	project_drop(made);
	return id;
}
