/* people_fixture - users and organizations of a test's own, beside story_fixture's tenant: each
 * test makes those that it needs, and none depends on another's. */
#pragma once
#include "prism/v1/membership.prism-client.h"
#include "prism/v1/organization.prism-client.h"
#include "prism/v1/user.prism-client.h"
#include "tests/services/story_fixture.h"

/* The tenant's, with room for more organizations. */
int people_set_up(void **state);

/* The channel and the options of a call: for a user (any UUID), or, NULL, for the system key and
 * nobody. */
#define BY(user)                                                \
	as((user) ? OWNER : NULL), &(struct prism_call_options) \
	{                                                       \
		.actor = (user)                                 \
	}

/* The same for the system key that names a user. */
#define SYSTEM_FOR(user)                       \
	as(NULL), &(struct prism_call_options) \
	{                                      \
		.actor = (user)                \
	}

typedef Prism__V1__User user_t;
typedef Prism__V1__Organization organization_t;

#define ACTIVE   PRISM__V1__USER_STATUS__USER_STATUS_ACTIVE
#define PENDING  PRISM__V1__USER_STATUS__USER_STATUS_PENDING
#define DISABLED PRISM__V1__USER_STATUS__USER_STATUS_INACTIVE

struct person {
	char id[37];
	char email[64], username[32];
};

/* A user by SQL; `status` as in the database. */
struct person person_new(const char *status);

/* An organization by SQL, with its owner as an admin. */
int64_t organization_new(const char *owner);

/* A membership by SQL. */
void join(int64_t organization_id, const char *user, const char *role);

/* An organization of a test's own, with somebody in each role. */
struct own {
	int64_t id;
	struct person owner, admin, member, viewer, inactive, outsider;
};
struct own own_new(void);

/* A random UUID, for request ids and for what does not exist. */
struct id {
	char text[37];
};
struct id id_new(void);

/* A field mask of comma-separated paths; its memory is the caller's. */
struct mask {
	Google__Protobuf__FieldMask mask;
	char text[128];
	char *paths[8];
};
Google__Protobuf__FieldMask *mask_of(struct mask *mask, const char *paths);

/* What of the tenant's result is no refusal. */
void assert_done(void);

/* --- UserService: NULL is a refusal, and tenant.result says why ------------------------------- */

/* A user that nobody is yet. */
struct newcomer {
	user_t user;
	char email[64], username[32];
};
struct newcomer *newcomer(struct newcomer *newcomer);

user_t *create_user(const char *actor, user_t *user, const char *request_id);
user_t *get_user(const char *actor, const char *id);

struct change {
	const char *mask;
	user_t *user;
	int32_t expected_version;
	const char *request_id;
};
user_t *update_user(const char *actor, const char *id, struct change change);
user_t *rename_user(const char *actor, const char *id, const char *full_name);
user_t *set_user_status(const char *id, Prism__V1__UserStatus status); /* by the system */

/* What the functions above returned. */
void free_user(user_t *user);

/* --- OrganizationService, likewise -------------------------------------------------------------
 */

organization_t *create_organization(const char *actor, organization_t *organization,
                                    const char *request_id);
organization_t *get_organization(const char *actor, int64_t id);
organization_t *get_organization_by_slug(const char *actor, const char *slug);
void free_organization(organization_t *organization);
