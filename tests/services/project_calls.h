/* project_calls - ProjectService's methods for its tests, in organization 1. NULL: refused,
 * tenant.result says why. */
#pragma once
#include "prism/v1/project.prism-client.h"
#include "tests/services/request.h"

typedef Prism__V1__Project project_t;

enum {
	PLANNING = PRISM__V1__PROJECT_STATUS__PROJECT_STATUS_PLANNING,
	ACTIVE = PRISM__V1__PROJECT_STATUS__PROJECT_STATUS_ACTIVE,
	ON_HOLD = PRISM__V1__PROJECT_STATUS__PROJECT_STATUS_ON_HOLD,
	COMPLETED = PRISM__V1__PROJECT_STATUS__PROJECT_STATUS_COMPLETED,
};

project_t project_of(const char *name, const char *key);
void project_owned_by(project_t *project, const char *owner);

project_t *project_create(const char *actor, project_t *project, const char *request_id);

/* By key, or by id if `key` is NULL; by neither if that is 0. */
project_t *project_get(const char *actor, int64_t id, const char *key);

project_t *project_update(const char *actor, int64_t id, project_t *project, const char *mask,
                          int32_t expected_version, const char *request_id);

/* What the functions above returned. */
void project_drop(project_t *project);

/* A project that MEMBER made and owns: its id. */
int64_t project_make(const char *name, const char *key);
