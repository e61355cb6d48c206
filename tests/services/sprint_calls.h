/* sprint_calls - SprintService's methods for its tests, in organization 1. NULL: refused,
 * tenant.result says why. */
#pragma once
#include "prism/v1/sprint.prism-client.h"
#include "tests/services/request.h"

typedef Prism__V1__Sprint sprint_t;

enum {
	SPRINT_PLANNING = PRISM__V1__SPRINT_STATUS__SPRINT_STATUS_PLANNING,
	SPRINT_ACTIVE = PRISM__V1__SPRINT_STATUS__SPRINT_STATUS_ACTIVE,
	SPRINT_COMPLETED = PRISM__V1__SPRINT_STATUS__SPRINT_STATUS_COMPLETED,
};

sprint_t sprint_of(const char *name);

sprint_t *sprint_create(const char *actor, int64_t project, sprint_t *sprint,
                        const char *request_id);
sprint_t *sprint_get(const char *actor, int64_t id);
sprint_t *sprint_update(const char *actor, int64_t id, sprint_t *sprint, const char *mask,
                        int32_t expected_version, const char *request_id);

/* What the functions above returned. */
void sprint_drop(sprint_t *sprint);

/* A sprint of project 10, made by MEMBER: its id. */
int64_t sprint_make(const char *name);

/* A sprint by SQL, beside the services: its id. */
long sprint_by_sql(int organization, int project, const char *name);
