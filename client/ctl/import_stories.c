/* Stories and documents. */
#include "client/ctl/import_items.h"

#include "prism/v1/document.prism-client.h"
#include "prism/v1/story.prism-client.h"

#include <stdlib.h>

static void fill_references(const struct import *import, const struct entry *entry,
                            Prism__V1__Story *story)
{
	const struct backlog *backlog = &import->backlog;
	const char *epic = entry_text(entry, "epic"), *sprint = entry_text(entry, "sprint");
	const char *assignee = item_user(import, entry, "assignee");
	const char *creator = item_user(import, entry, "creator");
	if (*epic) {
		story->has_epic_id_case = PRISM__V1__STORY__HAS_EPIC_ID_EPIC_ID;
		story->epic_id = backlog_named(backlog, KIND_EPIC, entry->project, epic)->number;
	}
	if (*sprint) {
		story->has_sprint_id_case = PRISM__V1__STORY__HAS_SPRINT_ID_SPRINT_ID;
		story->sprint_id =
			backlog_named(backlog, KIND_SPRINT, entry->project, sprint)->number;
	}
	if (assignee) {
		story->has_assignee_id_case = PRISM__V1__STORY__HAS_ASSIGNEE_ID_ASSIGNEE_ID;
		story->assignee_id = (char *)assignee;
	}
	if (creator) {
		story->has_creator_id_case = PRISM__V1__STORY__HAS_CREATOR_ID_CREATOR_ID;
		story->creator_id = (char *)creator;
	}
}

static void fill_story(const struct import *import, const struct entry *entry,
                       struct item_times *times, Prism__V1__Story *story)
{
	static const char *const statuses[] = {"", "todo", "in_progress", "done"};
	static const char *const priorities[] = {"", "low", "medium", "high"};
	const json_t *points = json_object_get(entry->json, "story_points");
	prism__v1__story__init(story);
	story->external_id = item_external_id(import, entry, KIND_STORY, "number");
	story->number = json_integer_value(json_object_get(entry->json, "number"));
	story->title = (char *)entry_text(entry, "title");
	story->description = (char *)entry_text(entry, "description");
	story->acceptance_criteria = (char *)entry_text(entry, "acceptance_criteria");
	story->status = (Prism__V1__StoryStatus)item_word(entry, "status", statuses, 4);
	story->priority = (Prism__V1__StoryPriority)item_word(entry, "priority", priorities, 4);
	if (json_is_integer(points)) {
		story->has_story_points_case = PRISM__V1__STORY__HAS_STORY_POINTS_STORY_POINTS;
		story->story_points = (int32_t)json_integer_value(points);
	}
	fill_references(import, entry, story);
	story->created_at = item_time(times, entry, "created_at");
	story->started_at = item_time(times, entry, "started_at");
	story->completed_at = item_time(times, entry, "completed_at");
}

static bool send_stories(struct import *import, struct entry *const *entries, size_t n)
{
	struct item_times times;
	Prism__V1__Story stories[IMPORT_BATCH], *pointers[IMPORT_BATCH];
	Prism__V1__BatchUpsertStoriesRequest request =
		PRISM__V1__BATCH_UPSERT_STORIES_REQUEST__INIT;
	Prism__V1__BatchUpsertStoriesResponse *response = NULL;
	item_times_init(&times);
	for (size_t i = 0; i < n; i++) {
		fill_story(import, entries[i], &times, &stories[i]);
		pointers[i] = &stories[i];
	}
	request.organization_id = import->organization_id;
	request.project_id = import->project_ids[entries[0]->project];
	request.external_source = IMPORT_SOURCE;
	request.stories = pointers;
	request.n_stories = n;
	prism_v1_story_service_batch_upsert_stories_wait(import->channel, &import->call, &request,
	                                                 &response, &import->result);
	for (size_t i = 0; i < n; i++)
		free(stories[i].external_id);
	if (!response)
		return false;
	bool good = item_results(import, KIND_STORY, entries, n, response->results,
	                         response->n_results);
	prism__v1__batch_upsert_stories_response__free_unpacked(response, NULL);
	return good;
}

void import_stories(struct import *import)
{
	items_import(import, KIND_STORY, "stories", send_stories);
}

/* --- documents ----------------------------------------------------------------------------------
 */

static void fill_document(const struct import *import, const struct entry *entry,
                          struct item_times *times, Prism__V1__Document *document)
{
	static const char *const types[] = {"", "prd", "spec", "design", "other"};
	static const char *const statuses[] = {"", "draft", "published", "archived"};
	const json_t *metadata = json_object_get(entry->json, "metadata");
	const char *creator = item_user(import, entry, "creator");
	prism__v1__document__init(document);
	document->external_id = item_external_id(import, entry, KIND_DOCUMENT, "path");
	document->title = (char *)entry_text(entry, "title");
	document->slug = (char *)entry_text(entry, "slug");
	document->content = (char *)entry_text(entry, "content");
	document->document_type =
		(Prism__V1__DocumentType)item_word(entry, "document_type", types, 5);
	document->status = (Prism__V1__DocumentStatus)item_word(entry, "status", statuses, 4);
	if (json_is_object(metadata))
		document->metadata = json_dumps(metadata, JSON_COMPACT | JSON_SORT_KEYS);
	if (creator) {
		document->has_creator_id_case = PRISM__V1__DOCUMENT__HAS_CREATOR_ID_CREATOR_ID;
		document->creator_id = (char *)creator;
	}
	document->created_at = item_time(times, entry, "created_at");
	document->published_at = item_time(times, entry, "published_at");
}

static bool send_documents(struct import *import, struct entry *const *entries, size_t n)
{
	struct item_times times;
	Prism__V1__Document documents[IMPORT_BATCH], *pointers[IMPORT_BATCH];
	Prism__V1__BatchUpsertDocumentsRequest request =
		PRISM__V1__BATCH_UPSERT_DOCUMENTS_REQUEST__INIT;
	Prism__V1__BatchUpsertDocumentsResponse *response = NULL;
	item_times_init(&times);
	for (size_t i = 0; i < n; i++) {
		fill_document(import, entries[i], &times, &documents[i]);
		pointers[i] = &documents[i];
	}
	request.organization_id = import->organization_id;
	request.project_id = import->project_ids[entries[0]->project];
	request.external_source = IMPORT_SOURCE;
	request.documents = pointers;
	request.n_documents = n;
	prism_v1_document_service_batch_upsert_documents_wait(import->channel, &import->call,
	                                                      &request, &response, &import->result);
	for (size_t i = 0; i < n; i++) {
		free(documents[i].external_id);
		if (documents[i].metadata != (char *)protobuf_c_empty_string)
			free(documents[i].metadata);
	}
	if (!response)
		return false;
	bool good = item_results(import, KIND_DOCUMENT, entries, n, response->results,
	                         response->n_results);
	prism__v1__batch_upsert_documents_response__free_unpacked(response, NULL);
	return good;
}

void import_documents(struct import *import)
{
	items_import(import, KIND_DOCUMENT, "documents", send_documents);
}
