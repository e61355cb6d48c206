/* Users, the organization, its members. */
#include "client/ctl/import.h"
#include "client/ctl/import_items.h"
#include "client/ctl/report.h"

#include "prism/v1/membership.prism-client.h"
#include "prism/v1/organization.prism-client.h"
#include "prism/v1/user.prism-client.h"

#include <stdlib.h>
#include <string.h>

static bool send_users(struct import *import, struct entry *const *entries, size_t n)
{
	Prism__V1__User users[IMPORT_BATCH], *pointers[IMPORT_BATCH];
	Prism__V1__BatchUpsertUsersRequest request = PRISM__V1__BATCH_UPSERT_USERS_REQUEST__INIT;
	Prism__V1__BatchUpsertUsersResponse *response = NULL;
	for (size_t i = 0; i < n; i++) {
		prism__v1__user__init(&users[i]);
		users[i].username = (char *)entry_text(entries[i], "username");
		users[i].email = (char *)entry_text(entries[i], "email");
		users[i].full_name = (char *)entry_text(entries[i], "full_name");
		users[i].email_verified = true;
		pointers[i] = &users[i];
	}
	request.users = pointers;
	request.n_users = n;
	prism_v1_user_service_batch_upsert_users_wait(import->channel, &import->call, &request,
	                                              &response, &import->result);
	if (!response)
		return false;
	for (size_t i = 0; i < n && i < response->n_users; i++) {
		struct import_count *count = &import->counts[KIND_USER];
		entries[i]->id = strdup(response->users[i]->id);
		if (!entries[i]->id)
			report_no_memory();
		*(response->users[i]->created ? &count->created : &count->unchanged) += 1;
	}
	prism__v1__batch_upsert_users_response__free_unpacked(response, NULL);
	return true;
}

/* --- the organization --------------------------------------------------------------------------
 */

static const char *owner_of(const struct import *import)
{
	const struct backlog *backlog = &import->backlog;
	const char *name = entry_text(&backlog->kind[KIND_ORGANIZATION].at[0], "owner");
	const struct entry *owner =
		*name ? backlog_user(backlog, name) : &backlog->kind[KIND_USER].at[0];
	return owner && owner->id ? owner->id : "";
}

static bool find_organization(struct import *import, const struct entry *entry)
{
	Prism__V1__GetOrganizationBySlugRequest request =
		PRISM__V1__GET_ORGANIZATION_BY_SLUG_REQUEST__INIT;
	Prism__V1__Organization *found = NULL;
	request.slug = (char *)entry_text(entry, "slug");
	prism_v1_organization_service_get_organization_by_slug_wait(
		import->channel, &import->call, &request, &found, &import->result);
	if (!found)
		return false;
	import->organization_id = found->id;
	import->counts[KIND_ORGANIZATION].unchanged++;
	prism__v1__organization__free_unpacked(found, NULL);
	return true;
}

static bool make_organization(struct import *import, const struct entry *entry)
{
	Prism__V1__Organization organization = PRISM__V1__ORGANIZATION__INIT, *made = NULL;
	Prism__V1__CreateOrganizationRequest request = PRISM__V1__CREATE_ORGANIZATION_REQUEST__INIT;
	const json_t *settings = json_object_get(entry->json, "settings");
	char *text = settings ? json_dumps(settings, JSON_COMPACT) : NULL;
	organization.name = (char *)entry_text(entry, "name");
	organization.slug = (char *)entry_text(entry, "slug");
	organization.owner_id = (char *)owner_of(import);
	if (text)
		organization.settings = text;
	request.organization = &organization;
	prism_v1_organization_service_create_organization_wait(import->channel, &import->call,
	                                                       &request, &made, &import->result);
	free(text);
	if (!made)
		return false;
	import->organization_id = made->id;
	import->counts[KIND_ORGANIZATION].created++;
	prism__v1__organization__free_unpacked(made, NULL);
	return true;
}

static void import_organization(struct import *import)
{
	const struct entry *entry = &import->backlog.kind[KIND_ORGANIZATION].at[0];
	if (find_organization(import, entry))
		return;
	if (import->result.status == PRISM_NOT_FOUND &&
	    import_make(import, entry, make_organization, find_organization))
		return;
	import->counts[KIND_ORGANIZATION].failed++;
	import_refused(import, entry);
	import->broken = true;
}

/* --- members
 * -------------------------------------------------------------------------------------- */

static const char *const role_words[] = {"", "viewer", "member", "admin"};

static Prism__V1__MemberRole role_of(const struct import *import, const struct entry *user)
{
	const char *role = entry_text(user, "role");
	for (int i = 1; i < 4; i++)
		if (strcmp(role, role_words[i]) == 0)
			return (Prism__V1__MemberRole)i;
	return user == &import->backlog.kind[KIND_USER].at[0]
	               ? PRISM__V1__MEMBER_ROLE__MEMBER_ROLE_ADMIN
	               : PRISM__V1__MEMBER_ROLE__MEMBER_ROLE_MEMBER;
}

static void send_members(struct import *import, char **ids, size_t n, Prism__V1__MemberRole role,
                         const struct entry *first)
{
	Prism__V1__BatchUpsertMembersRequest request =
		PRISM__V1__BATCH_UPSERT_MEMBERS_REQUEST__INIT;
	request.organization_id = import->organization_id;
	request.user_ids = ids;
	request.n_user_ids = n;
	request.role = role;
	Prism__V1__BatchUpsertMembersResponse *response = NULL;
	prism_v1_membership_service_batch_upsert_members_wait(import->channel, &import->call,
	                                                      &request, &response, &import->result);
	if (!response)
		import_refused(import, first);
	else
		prism__v1__batch_upsert_members_response__free_unpacked(response, NULL);
}

static void import_members(struct import *import)
{
	struct entries *users = &import->backlog.kind[KIND_USER];
	for (int role = 1; role < 4; role++) {
		char *ids[IMPORT_BATCH];
		size_t n = 0;
		const struct entry *first = NULL;
		for (size_t i = 0; i < users->count && !import->broken; i++) {
			struct entry *user = &users->at[i];
			if (user->id && role_of(import, user) == (Prism__V1__MemberRole)role) {
				first = n ? first : user;
				ids[n++] = user->id;
			}
			if (n == IMPORT_BATCH || (i + 1 == users->count && n > 0)) {
				send_members(import, ids, n, (Prism__V1__MemberRole)role, first);
				n = 0;
			}
		}
	}
}

void import_people(struct import *import)
{
	items_import(import, KIND_USER, "users", send_users);
	if (!import->broken)
		import_organization(import);
	if (!import->broken)
		import_members(import);
}
