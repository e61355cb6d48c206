#include "daemon/services/upsert.h"

#include "daemon/services/values.h"
#include "db/queries.h"

#include <string.h>

enum { COLUMN_ID = 1, COLUMN_EFFECT, COLUMN_NUMBER, COLUMN_PLACE = COLUMN_NUMBER };

_Static_assert((int)EPIC_UPSERT_ID == (int)COLUMN_ID &&
                       (int)EPIC_UPSERT_PROJECT_FOUND == (int)COLUMN_PLACE &&
                       (int)SPRINT_UPSERT_ID == (int)COLUMN_ID &&
                       (int)SPRINT_UPSERT_PROJECT_FOUND == (int)COLUMN_PLACE &&
                       (int)DOCUMENT_UPSERT_ID == (int)COLUMN_ID &&
                       (int)DOCUMENT_UPSERT_PROJECT_FOUND == (int)COLUMN_PLACE &&
                       (int)STORY_UPSERT_ID == (int)COLUMN_ID &&
                       (int)STORY_UPSERT_NUMBER == (int)COLUMN_NUMBER,
               "one function reads the results of every statement");

const char *upsert_path(struct call *call, const char *list, size_t i, const char *member)
{
	return arena_printf(&call->arena, "%s[%zu].%s", list, i, member);
}

enum status upsert_check(struct call *call, const char *list, size_t i, const char *source,
                         const char *its_source, const char *its_id)
{
	bool no_id = *its_id == '\0';
	if (!no_id && (*its_source == '\0' || strcmp(its_source, source) == 0))
		return STATUS_OK;
	const char *path = upsert_path(call, list, i, no_id ? "external_id" : "external_source");
	if (!path)
		return call_no_memory(call);
	return call_fail_field(call, path, "%s",
	                       no_id ? "must not be empty"
	                             : "is not the request's external_source");
}

enum status project_place(struct call *call, const struct rows *rows, size_t column)
{
	if (!rows_bool(rows, 0, column))
		return call_fail_for(call, REASON_PROJECT_NOT_FOUND, "no such project");
	if (!rows_bool(rows, 0, column + 1))
		return call_fail_for(call, REASON_PROJECT_COMPLETED,
		                     "the project is completed; reopen it first");
	return STATUS_OK;
}

enum status upsert_write(struct call *call, const struct access *access, int64_t project_id,
                         const struct statement *statement, struct params params, struct rows *rows)
{
	struct keyed keyed;
	struct keyed_effect effect;
	const struct write write = {
		.lock = &PROJECT_LOCK,
		.lock_params = PROJECT_LOCK_PARAMS(ACCESS(*access), .project_id = project_id),
		.statement = statement,
		.params = params,
		.affinity = (uint64_t)project_id,
	};
	keyed_without(call, &keyed);
	TRY(keyed_write(call, &keyed, &write, rows, &effect));
	return access_granted(call, access, rows);
}

enum status upsert_fault(struct call *call, const struct rows *rows, size_t column,
                         enum reason reason, const char *list, const char *member, const char *text)
{
	if (rows_null(rows, 0, column))
		return STATUS_OK;
	const char *path = upsert_path(call, list, (size_t)rows_int(rows, 0, column) - 1, member);
	return path ? value_refused(call, reason, path, text) : call_no_memory(call);
}

enum status upsert_results(struct call *call, const struct rows *rows, bool numbers,
                           Prism__V1__UpsertResult ***results, size_t *count)
{
	Prism__V1__UpsertResult *all = arena_alloc(&call->arena, rows->count * sizeof(*all));
	*results = arena_alloc(&call->arena, rows->count * sizeof(**results));
	if (!all || !*results)
		return call_no_memory(call);
	for (size_t i = 0; i < rows->count; i++) {
		prism__v1__upsert_result__init(&all[i]);
		all[i].id = rows_int(rows, i, COLUMN_ID);
		all[i].effect = (Prism__V1__UpsertEffect)rows_int(rows, i, COLUMN_EFFECT);
		if (numbers)
			all[i].number = rows_int(rows, i, COLUMN_NUMBER);
		(*results)[i] = &all[i];
	}
	*count = rows->count;
	return STATUS_OK;
}
