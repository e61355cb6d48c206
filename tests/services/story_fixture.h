/* story_fixture - a tenant to write stories in, before a real prismd and PostgreSQL.
 *
 * Organization 1 has an owner, an admin, two members, a viewer and an inactive admin; organization
 * 2 an outsider. Project 10 (PRJ) and 11 (OTH, owned by MEMBER) are open, 12 completed, 13 deleted;
 * 20 is organization 2's. Of project 10: epic 6, sprints 5 (planning) and 7 (completed), 8
 * (active); of project 11: epic 60, sprint 50. No key here has the scope `system` but `system_key`.
 */
#pragma once
#include "prism/v1/story.prism-client.h"
#include "tests/support/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define USER(n)  "00000000-0000-4000-8000-00000000000" #n
#define OWNER    USER(1)
#define ADMIN    USER(2)
#define MEMBER   USER(3)
#define VIEWER   USER(4)
#define OUTSIDER USER(5)
#define INACTIVE USER(6)
#define MEMBER_2 USER(8)

#define REQUEST_ID(n) "10000000-0000-4000-8000-00000000000" #n

typedef Prism__V1__Story story_t;

struct tenant {
	struct stack stack;
	char key[STACK_KEY_SIZE];        /* acts for users */
	char system_key[STACK_KEY_SIZE]; /* may do everything */
	struct prism_result result;      /* of the last call */
};

extern struct tenant tenant;

int tenant_set_up(void **state);
int tenant_tear_down(void **state);

/* A channel for `actor` (NULL: with the system key, for nobody), closed by tenant_tear_down(). */
struct prism_channel *as(const char *actor);

/* The last call ended with this status and reason ("" for none). */
void assert_refused(enum prism_status status, const char *reason);
void assert_field(const char *field);

/* Runs a statement that counts. */
long count(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A story by SQL, beside the services: its id. */
long story_by_sql(int project, const char *title);

/* CreateStory; NULL: refused, tenant.result says why. */
story_t *create_story(const char *actor, int64_t project, story_t *story, const char *request_id);

story_t *update_story(const char *actor, int64_t id, story_t *story, const char *mask,
                      int32_t expected_version, const char *request_id);

/* GetStory by id. */
story_t *get_story(const char *actor, int64_t id);

/* What the functions above returned. */
void free_story(story_t *story);
