#include "daemon/services/story_items.h"

#include "daemon/rpc/detail.h"
#include "daemon/services/upsert.h"
#include "daemon/services/values.h"

#include <stdio.h>

enum { FIELD_SIZE = 64 };

/* "story.title", or "stories[2].title": a list's name is a plural, and ends with an s. */
static void path_of(char path[FIELD_SIZE], const char *field, size_t i, const char *name)
{
	if (field[0] != '\0' && field[strlen(field) - 1] == 's')
		snprintf(path, FIELD_SIZE, "%s[%zu]%s%s", field, i, *name ? "." : "", name);
	else
		snprintf(path, FIELD_SIZE, "%s%s%s", field, *name ? "." : "", name);
}

static bool items_alloc(struct arena *arena, size_t count, struct story_items *items)
{
	const char ***const texts[] = {
		&items->titles,     &items->descriptions,     &items->criteria,    &items->statuses,
		&items->priorities, &items->external_sources, &items->external_ids};
	int64_t **const integers[] = {&items->epic_ids,    &items->sprint_ids,
	                              &items->numbers,     &items->created_ats,
	                              &items->started_ats, &items->completed_ats};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!(*texts[i] = arena_alloc(arena, count * sizeof(char *))))
			return false;
	for (size_t i = 0; i < sizeof(integers) / sizeof(*integers); i++)
		if (!(*integers[i] = arena_alloc(arena, count * sizeof(int64_t))))
			return false;
	items->points = arena_alloc(arena, count * sizeof(int32_t));
	items->assignee_ids = arena_zalloc(arena, count * sizeof(struct uuid));
	items->creator_ids = arena_zalloc(arena, count * sizeof(struct uuid));
	items->count = count;
	return items->points && items->assignee_ids && items->creator_ids;
}

static enum status no_system(struct call *call, const char *field, size_t i, const char *name)
{
	char path[FIELD_SIZE];
	path_of(path, field, i, name);
	enum status status = call_fail_for(call, REASON_SYSTEM_FIELD,
	                                   "%s: only a key with the scope system may set it", path);
	call->field = arena_strdup(&call->arena, path);
	return status;
}

/* What only imports may set. */
static enum status check_imported(struct call *call, const struct access *access, const char *field,
                                  const Prism__V1__Story *story, size_t i)
{
	if (access->system)
		return STATUS_OK;
	if (story->number != 0)
		return no_system(call, field, i, "number");
	if (story->has_creator_id_case != PRISM__V1__STORY__HAS_CREATOR_ID__NOT_SET)
		return no_system(call, field, i, "creator_id");
	if (story->created_at)
		return no_system(call, field, i, "created_at");
	if (story->started_at)
		return no_system(call, field, i, "started_at");
	return story->completed_at ? no_system(call, field, i, "completed_at") : STATUS_OK;
}

static enum status check_external(struct call *call, const char *field, const char *source,
                                  const Prism__V1__Story *story, size_t i)
{
	char path[FIELD_SIZE];
	path_of(path, field, i, "external_id");
	if (source && *story->external_id == '\0')
		return call_fail_field(call, path, "must not be empty");
	if (!source)
		return value_external(call, path, story->external_source, story->external_id);
	path_of(path, field, i, "external_source");
	if (*story->external_source != '\0' && strcmp(source, story->external_source) != 0)
		return call_fail_field(call, path, "is not the request's external_source");
	return STATUS_OK;
}

static enum status check_title(struct call *call, const char *field, const Prism__V1__Story *story,
                               size_t i)
{
	char path[FIELD_SIZE];
	path_of(path, field, i, "title");
	return *story->title != '\0' ? STATUS_OK : call_fail_field(call, path, "must not be empty");
}

static void set_texts(struct story_items *items, const Prism__V1__Story *story, size_t i)
{
	const char *status = story_statuses[story->status];
	const char *priority = story_priorities[story->priority];
	items->titles[i] = story->title;
	items->descriptions[i] = value_text(story->description);
	items->criteria[i] = value_text(story->acceptance_criteria);
	items->statuses[i] = status ? status : "todo";
	items->priorities[i] = priority ? priority : "medium";
	items->external_sources[i] = value_text(story->external_source);
	items->external_ids[i] = value_text(story->external_id);
}

/* The field rules have checked the UUIDs. */
static void set_references(struct story_items *items, const Prism__V1__Story *story, size_t i)
{
	bool points = story->has_story_points_case != PRISM__V1__STORY__HAS_STORY_POINTS__NOT_SET;
	bool epic = story->has_epic_id_case != PRISM__V1__STORY__HAS_EPIC_ID__NOT_SET;
	bool sprint = story->has_sprint_id_case != PRISM__V1__STORY__HAS_SPRINT_ID__NOT_SET;
	items->points[i] = points ? story->story_points : -1;
	items->epic_ids[i] = epic ? story->epic_id : 0;
	items->sprint_ids[i] = sprint ? story->sprint_id : 0;
	items->numbers[i] = story->number;
	if (story->has_assignee_id_case != PRISM__V1__STORY__HAS_ASSIGNEE_ID__NOT_SET)
		value_uuid_read(story->assignee_id, &items->assignee_ids[i]);
	if (story->has_creator_id_case != PRISM__V1__STORY__HAS_CREATOR_ID__NOT_SET)
		value_uuid_read(story->creator_id, &items->creator_ids[i]);
}

static enum status set_time(struct call *call, const char *field, size_t i, const char *name,
                            const Google__Protobuf__Timestamp *time, int64_t *out)
{
	char path[FIELD_SIZE];
	path_of(path, field, i, name);
	return value_time_read(call, path, time, out);
}

enum status story_items_make(struct call *call, const struct access *access, const char *field,
                             const char *source, Prism__V1__Story *const *stories, size_t count,
                             struct story_items *out)
{
	if (!items_alloc(&call->arena, count, out))
		return call_no_memory(call);
	for (size_t i = 0; i < count; i++) {
		const Prism__V1__Story *story = stories[i];
		TRY(check_title(call, field, story, i));
		TRY(check_external(call, field, source, story, i));
		TRY(check_imported(call, access, field, story, i));
		set_texts(out, story, i);
		if (source)
			out->external_sources[i] = source;
		set_references(out, story, i);
		TRY(set_time(call, field, i, "created_at", story->created_at,
		             &out->created_ats[i]));
		TRY(set_time(call, field, i, "started_at", story->started_at,
		             &out->started_ats[i]));
		TRY(set_time(call, field, i, "completed_at", story->completed_at,
		             &out->completed_ats[i]));
	}
	return STATUS_OK;
}

/* --- faults ----------------------------------------------------------------------------- */

enum {
	FAULT_EPIC = 2, /* after project_place()'s */
	FAULT_SPRINT,
	FAULT_COMPLETED,
	FAULT_ASSIGNEE,
	FAULT_CREATOR,
};

static const struct {
	size_t column;
	enum reason reason;
	const char *name, *text;
} faults[] = {
	{FAULT_EPIC, REASON_EPIC_NOT_IN_PROJECT, "epic_id", "the project has no such epic"},
	{FAULT_SPRINT, REASON_SPRINT_NOT_IN_PROJECT, "sprint_id", "the project has no such sprint"},
	{FAULT_COMPLETED, REASON_SPRINT_COMPLETED, "sprint_id",
         "the sprint is completed; planning and active ones take stories"},
	{FAULT_ASSIGNEE, REASON_ASSIGNEE_NOT_MEMBER, "assignee_id",
         "must be an active member of the organization, and no viewer"},
	{FAULT_CREATOR, REASON_CREATOR_NOT_FOUND, "creator_id", "no such user"},
};

enum status story_items_judged(struct call *call, const struct rows *rows, size_t column,
                               const char *field)
{
	TRY(project_place(call, rows, column));
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		if (rows_null(rows, 0, column + faults[i].column))
			continue;
		size_t item = (size_t)rows_int(rows, 0, column + faults[i].column) - 1;
		char path[FIELD_SIZE];
		path_of(path, field, item, faults[i].name);
		enum status status =
			call_fail_for(call, faults[i].reason, "%s: %s", path, faults[i].text);
		call->field = arena_strdup(&call->arena, path);
		return status;
	}
	return STATUS_OK;
}
