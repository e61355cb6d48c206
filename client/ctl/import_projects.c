/* Projects, their epics and their sprints. */
#include "client/ctl/import.h"
#include "client/ctl/import_items.h"
#include "client/ctl/report.h"

#include "prism/v1/epic.prism-client.h"
#include "prism/v1/project.prism-client.h"
#include "prism/v1/sprint.prism-client.h"

#include <stdlib.h>

/* Where the id of a project line goes. */
static int64_t *id_of(struct import *import, const struct entry *entry)
{
	return &import->project_ids[entry - import->backlog.kind[KIND_PROJECT].at];
}

static bool find_project(struct import *import, const struct entry *entry)
{
	Prism__V1__GetProjectRequest request = PRISM__V1__GET_PROJECT_REQUEST__INIT;
	Prism__V1__Project *found = NULL;
	request.organization_id = import->organization_id;
	request.project_case = PRISM__V1__GET_PROJECT_REQUEST__PROJECT_KEY;
	request.key = (char *)entry_text(entry, "key");
	prism_v1_project_service_get_project_wait(import->channel, &import->call, &request, &found,
	                                          &import->result);
	if (!found)
		return false;
	*id_of(import, entry) = found->id;
	import->counts[KIND_PROJECT].unchanged++;
	prism__v1__project__free_unpacked(found, NULL);
	return true;
}

static bool make_project(struct import *import, const struct entry *entry)
{
	static const char *const statuses[] = {"", "planning", "active", "on_hold", "completed"};
	Prism__V1__Project project = PRISM__V1__PROJECT__INIT, *made = NULL;
	Prism__V1__CreateProjectRequest request = PRISM__V1__CREATE_PROJECT_REQUEST__INIT;
	project.key = (char *)entry_text(entry, "key");
	project.name = (char *)entry_text(entry, "name");
	project.description = (char *)entry_text(entry, "description");
	project.start_date = (char *)entry_text(entry, "start_date");
	project.end_date = (char *)entry_text(entry, "end_date");
	project.status = (Prism__V1__ProjectStatus)item_word(entry, "status", statuses, 5);
	const char *owner = item_user(import, entry, "owner");
	if (owner) {
		project.has_owner_id_case = PRISM__V1__PROJECT__HAS_OWNER_ID_OWNER_ID;
		project.owner_id = (char *)owner;
	}
	request.organization_id = import->organization_id;
	request.project = &project;
	prism_v1_project_service_create_project_wait(import->channel, &import->call, &request,
	                                             &made, &import->result);
	if (!made)
		return false;
	*id_of(import, entry) = made->id;
	import->counts[KIND_PROJECT].created++;
	prism__v1__project__free_unpacked(made, NULL);
	return true;
}

/* --- epics
 * ----------------------------------------------------------------------------------------- */

static bool send_epics(struct import *import, struct entry *const *entries, size_t n)
{
	static const char *const statuses[] = {"", "open", "closed"};
	struct item_times times;
	Prism__V1__Epic epics[IMPORT_BATCH], *pointers[IMPORT_BATCH];
	Prism__V1__BatchUpsertEpicsRequest request = PRISM__V1__BATCH_UPSERT_EPICS_REQUEST__INIT;
	Prism__V1__BatchUpsertEpicsResponse *response = NULL;
	item_times_init(&times);
	for (size_t i = 0; i < n; i++) {
		prism__v1__epic__init(&epics[i]);
		epics[i].external_id = item_external_id(import, entries[i], KIND_EPIC, "name");
		epics[i].name = (char *)entry_text(entries[i], "name");
		epics[i].description = (char *)entry_text(entries[i], "description");
		epics[i].status =
			(Prism__V1__EpicStatus)item_word(entries[i], "status", statuses, 3);
		epics[i].created_at = item_time(&times, entries[i], "created_at");
		pointers[i] = &epics[i];
	}
	request.organization_id = import->organization_id;
	request.project_id = import->project_ids[entries[0]->project];
	request.external_source = IMPORT_SOURCE;
	request.epics = pointers;
	request.n_epics = n;
	prism_v1_epic_service_batch_upsert_epics_wait(import->channel, &import->call, &request,
	                                              &response, &import->result);
	for (size_t i = 0; i < n; i++)
		free(epics[i].external_id);
	if (!response)
		return false;
	bool good =
		item_results(import, KIND_EPIC, entries, n, response->results, response->n_results);
	prism__v1__batch_upsert_epics_response__free_unpacked(response, NULL);
	return good;
}

/* --- sprints
 * --------------------------------------------------------------------------------------- */

static void fill_sprint(const struct import *import, const struct entry *entry,
                        struct item_times *times, Prism__V1__Sprint *sprint)
{
	static const char *const statuses[] = {"", "planning", "active", "completed"};
	const json_t *velocity = json_object_get(entry->json, "velocity");
	prism__v1__sprint__init(sprint);
	sprint->external_id = item_external_id(import, entry, KIND_SPRINT, "name");
	sprint->name = (char *)entry_text(entry, "name");
	sprint->goal = (char *)entry_text(entry, "goal");
	sprint->start_date = (char *)entry_text(entry, "start_date");
	sprint->end_date = (char *)entry_text(entry, "end_date");
	sprint->status = (Prism__V1__SprintStatus)item_word(entry, "status", statuses, 4);
	sprint->created_at = item_time(times, entry, "created_at");
	if (json_is_integer(velocity)) {
		sprint->has_velocity_case = PRISM__V1__SPRINT__HAS_VELOCITY_VELOCITY;
		sprint->velocity = (int32_t)json_integer_value(velocity);
	}
}

static bool send_sprints(struct import *import, struct entry *const *entries, size_t n)
{
	struct item_times times;
	Prism__V1__Sprint sprints[IMPORT_BATCH], *pointers[IMPORT_BATCH];
	Prism__V1__BatchUpsertSprintsRequest request =
		PRISM__V1__BATCH_UPSERT_SPRINTS_REQUEST__INIT;
	Prism__V1__BatchUpsertSprintsResponse *response = NULL;
	item_times_init(&times);
	for (size_t i = 0; i < n; i++) {
		fill_sprint(import, entries[i], &times, &sprints[i]);
		pointers[i] = &sprints[i];
	}
	request.organization_id = import->organization_id;
	request.project_id = import->project_ids[entries[0]->project];
	request.external_source = IMPORT_SOURCE;
	request.sprints = pointers;
	request.n_sprints = n;
	prism_v1_sprint_service_batch_upsert_sprints_wait(import->channel, &import->call, &request,
	                                                  &response, &import->result);
	for (size_t i = 0; i < n; i++)
		free(sprints[i].external_id);
	if (!response)
		return false;
	bool good = item_results(import, KIND_SPRINT, entries, n, response->results,
	                         response->n_results);
	prism__v1__batch_upsert_sprints_response__free_unpacked(response, NULL);
	return good;
}

static void import_project(struct import *import, const struct entry *entry)
{
	if (find_project(import, entry))
		return;
	bool absent = import->result.status == PRISM_NOT_FOUND;
	bool makeable = absent && item_is_met(import, KIND_PROJECT, entry);
	if (makeable && import_make(import, entry, make_project, find_project))
		return;
	import->counts[KIND_PROJECT].failed++;
	if (makeable || !absent)
		import_refused(import, entry);
}

void import_projects(struct import *import)
{
	const struct entries *projects = &import->backlog.kind[KIND_PROJECT];
	import->project_ids = calloc(projects->count + 1, sizeof *import->project_ids);
	if (!import->project_ids)
		report_no_memory();
	for (size_t i = 0; i < projects->count && !import->broken; i++)
		import_project(import, &projects->at[i]);
	items_import(import, KIND_EPIC, "epics", send_epics);
	items_import(import, KIND_SPRINT, "sprints", send_sprints);
}
