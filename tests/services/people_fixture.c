#include "tests/services/people_fixture.h"

#include "db/types.h"

int people_set_up(void **state)
{
	tenant_set_up(state);
	count("SELECT setval(pg_get_serial_sequence('organizations', 'id'), 1000)");
	return 0;
}

struct id id_new(void)
{
	struct id id;
	struct uuid uuid = uuid_random();
	uuid_format(&uuid, id.text);
	return id;
}

struct person person_new(const char *status)
{
	static unsigned made;
	struct person person;
	snprintf(person.id, sizeof(person.id), "%s", id_new().text);
	snprintf(person.email, sizeof(person.email), "Person-%u@Example.org", ++made);
	snprintf(person.username, sizeof(person.username), "Person_%u", made);
	count("INSERT INTO users (id, email, username, full_name, status)"
	      " VALUES ('%s', '%s', '%s', 'A Person', '%s') RETURNING 1",
	      person.id, person.email, person.username, status);
	return person;
}

int64_t organization_new(const char *owner)
{
	static unsigned made;
	long id = count("INSERT INTO organizations (name, slug, owner_id)"
	                " VALUES ('Made', 'made-%u', '%s') RETURNING id",
	                ++made, owner);
	join(id, owner, "admin");
	return id;
}

void join(int64_t organization_id, const char *user, const char *role)
{
	count("INSERT INTO organization_members (organization_id, user_id, role)"
	      " VALUES (%ld, '%s', '%s') RETURNING 1",
	      (long)organization_id, user, role);
}

struct own own_new(void)
{
	struct own own = {
		.owner = person_new("active"),
		.admin = person_new("active"),
		.member = person_new("active"),
		.viewer = person_new("active"),
		.inactive = person_new("inactive"),
		.outsider = person_new("active"),
	};
	own.id = organization_new(own.owner.id);
	join(own.id, own.admin.id, "admin");
	join(own.id, own.member.id, "member");
	join(own.id, own.viewer.id, "viewer");
	join(own.id, own.inactive.id, "admin");
	return own;
}

Google__Protobuf__FieldMask *mask_of(struct mask *mask, const char *paths)
{
	google__protobuf__field_mask__init(&mask->mask);
	snprintf(mask->text, sizeof(mask->text), "%s", paths);
	mask->mask.paths = mask->paths;
	for (char *at = strtok(mask->text, ","); at; at = strtok(NULL, ","))
		mask->paths[mask->mask.n_paths++] = at;
	return &mask->mask;
}

void assert_done(void)
{
	if (tenant.result.status != PRISM_OK)
		fail_msg("%s (%s) \"%s\"", prism_status_name(tenant.result.status),
		         tenant.result.reason, tenant.result.message);
}

void free_user(user_t *user)
{
	prism__v1__user__free_unpacked(user, NULL);
}

struct newcomer *newcomer(struct newcomer *new)
{
	static unsigned made;
	prism__v1__user__init(&new->user);
	snprintf(new->email, sizeof(new->email), "new-%u@example.org", ++made);
	snprintf(new->username, sizeof(new->username), "new-%u", made);
	new->user.email = new->email;
	new->user.username = new->username;
	return new;
}

user_t *create_user(const char *actor, user_t *user, const char *request_id)
{
	Prism__V1__CreateUserRequest request = PRISM__V1__CREATE_USER_REQUEST__INIT;
	request.user = user;
	request.request_id = (char *)request_id;
	user_t *made = NULL;
	(void)prism_v1_user_service_create_user_wait(BY(actor), &request, &made, &tenant.result);
	return made;
}

user_t *get_user(const char *actor, const char *id)
{
	Prism__V1__GetUserRequest request = PRISM__V1__GET_USER_REQUEST__INIT;
	request.id = (char *)id;
	user_t *user = NULL;
	(void)prism_v1_user_service_get_user_wait(BY(actor), &request, &user, &tenant.result);
	return user;
}

user_t *update_user(const char *actor, const char *id, struct change change)
{
	struct mask mask;
	Prism__V1__UpdateUserRequest request = PRISM__V1__UPDATE_USER_REQUEST__INIT;
	request.id = (char *)id;
	request.user = change.user;
	request.update_mask = mask_of(&mask, change.mask);
	request.expected_version = change.expected_version;
	request.request_id = (char *)(change.request_id ? change.request_id : "");
	user_t *updated = NULL;
	(void)prism_v1_user_service_update_user_wait(BY(actor), &request, &updated, &tenant.result);
	return updated;
}

user_t *set_user_status(const char *id, Prism__V1__UserStatus status)
{
	user_t user = PRISM__V1__USER__INIT;
	user.status = status;
	return update_user(NULL, id, (struct change){.mask = "status", .user = &user});
}

user_t *rename_user(const char *actor, const char *id, const char *full_name)
{
	user_t user = PRISM__V1__USER__INIT;
	user.full_name = (char *)full_name;
	return update_user(actor, id, (struct change){.mask = "full_name", .user = &user});
}

void free_organization(organization_t *organization)
{
	prism__v1__organization__free_unpacked(organization, NULL);
}

organization_t *create_organization(const char *actor, organization_t *organization,
                                    const char *request_id)
{
	Prism__V1__CreateOrganizationRequest request = PRISM__V1__CREATE_ORGANIZATION_REQUEST__INIT;
	request.organization = organization;
	request.request_id = (char *)request_id;
	organization_t *made = NULL;
	(void)prism_v1_organization_service_create_organization_wait(BY(actor), &request, &made,
	                                                             &tenant.result);
	return made;
}

organization_t *get_organization(const char *actor, int64_t id)
{
	Prism__V1__GetOrganizationRequest request = PRISM__V1__GET_ORGANIZATION_REQUEST__INIT;
	request.organization_id = id;
	organization_t *organization = NULL;
	(void)prism_v1_organization_service_get_organization_wait(BY(actor), &request,
	                                                          &organization, &tenant.result);
	return organization;
}

organization_t *get_organization_by_slug(const char *actor, const char *slug)
{
	Prism__V1__GetOrganizationBySlugRequest request =
		PRISM__V1__GET_ORGANIZATION_BY_SLUG_REQUEST__INIT;
	request.slug = (char *)slug;
	organization_t *organization = NULL;
	(void)prism_v1_organization_service_get_organization_by_slug_wait(
		BY(actor), &request, &organization, &tenant.result);
	return organization;
}
