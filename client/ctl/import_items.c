#include "client/ctl/import_items.h"

#include "client/ctl/backlog_check.h"
#include "client/ctl/report.h"
#include "proto/json_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void item_times_init(struct item_times *times)
{
	times->count = 0;
}

Google__Protobuf__Timestamp *item_time(struct item_times *times, const struct entry *entry,
                                       const char *name)
{
	const char *text = entry_text(entry, name);
	Google__Protobuf__Timestamp *time = &times->at[times->count];
	google__protobuf__timestamp__init(time);
	if (!timestamp_read(bytes_of(text, strlen(text)), &time->seconds, &time->nanos))
		return NULL;
	times->count++;
	return time;
}

int item_word(const struct entry *entry, const char *name, const char *const *words, int count)
{
	const char *text = entry_text(entry, name);
	for (int i = 1; i < count; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	return 0;
}

const char *item_user(const struct import *import, const struct entry *entry, const char *name)
{
	const char *username = entry_text(entry, name);
	const struct entry *user = *username ? backlog_user(&import->backlog, username) : NULL;
	return user ? user->id : NULL;
}

char *item_external_id(const struct import *import, const struct entry *entry,
                       enum backlog_kind kind, const char *name)
{
	const struct entry *project = &import->backlog.kind[KIND_PROJECT].at[entry->project];
	const json_t *value = json_object_get(entry->json, name);
	char number[24] = "", *id;
	if (json_is_integer(value))
		snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
	if (asprintf(&id, "%s:%s:%s%s", backlog_kinds[kind], entry_text(project, "key"),
	             entry_text(entry, name), number) < 0)
		report_no_memory();
	return id;
}

bool item_results(struct import *import, enum backlog_kind kind, struct entry *const *entries,
                  size_t n, Prism__V1__UpsertResult **results, size_t n_results)
{
	struct import_count *count = &import->counts[kind];
	if (n_results != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		entries[i]->number = results[i]->id;
		if (results[i]->effect == PRISM__V1__UPSERT_EFFECT__UPSERT_EFFECT_CREATED)
			count->created++;
		else if (results[i]->effect == PRISM__V1__UPSERT_EFFECT__UPSERT_EFFECT_UPDATED)
			count->updated++;
		else if (results[i]->effect == PRISM__V1__UPSERT_EFFECT__UPSERT_EFFECT_DELETED)
			count->deleted++;
		else
			count->unchanged++;
	}
	return true;
}

/* --- lines that cannot be sent ------------------------------------------------------------------
 */

bool item_is_met(struct import *import, enum backlog_kind kind, const struct entry *entry)
{
	const char *unmet = backlog_unmet(&import->backlog, entry, kind);
	if (!unmet)
		return true;
	progress_hide(&import->progress);
	backlog_fault(&import->backlog, entry->line, "not sent: the %s \"%.100s\" was not imported",
	              unmet, entry_text(entry, unmet));
	return false;
}

static bool is_sendable(struct import *import, enum backlog_kind kind, const struct entry *entry)
{
	if (kind <= KIND_PROJECT || import->project_ids[entry->project])
		return item_is_met(import, kind, entry);
	progress_hide(&import->progress);
	backlog_fault(&import->backlog, entry->line, "not sent: its project was not imported");
	return false;
}

/* The lines from `first` on that make one call; those that miss something are failed. */
static size_t choose(struct import *import, enum backlog_kind kind, struct entry *first, size_t n,
                     struct entry **chosen)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++) {
		if (is_sendable(import, kind, &first[i]))
			chosen[count++] = &first[i];
		else
			import->counts[kind].failed++;
	}
	return count;
}

/* "stories[3].title" is the fault of the fourth line alone. A key that may not is nobody's. */
static bool one_at_fault(const struct prism_result *result, size_t count, size_t *at)
{
	const char *bracket = strchr(result->field, '[');
	if (!bracket || result->status == PRISM_PERMISSION_DENIED)
		return false;
	*at = strtoul(bracket + 1, NULL, 10);
	return *at < count;
}

/* A fault of what was sent that names no line of it. */
static bool is_of_data(const struct prism_result *result)
{
	return result->status == PRISM_ALREADY_EXISTS || result->status == PRISM_NOT_FOUND ||
	       result->status == PRISM_INVALID_ARGUMENT ||
	       result->status == PRISM_FAILED_PRECONDITION;
}

static void send_singly(struct import *import, enum backlog_kind kind, struct entry **entries,
                        size_t count, item_send *send)
{
	for (size_t i = 0; i < count; i++) {
		if (!import->broken && send(import, &entries[i], 1))
			continue;
		import->counts[kind].failed++;
		import_refused(import, entries[i]);
	}
}

static void send_batch(struct import *import, enum backlog_kind kind, struct entry **entries,
                       size_t count, item_send *send)
{
	size_t at;
	while (count > 0 && !send(import, entries, count)) {
		if (!import_breaks(import) && one_at_fault(&import->result, count, &at)) {
			import->counts[kind].failed++;
			import_refused(import, entries[at]);
			memmove(&entries[at], &entries[at + 1], (--count - at) * sizeof(*entries));
			continue;
		}
		if (!import->broken && is_of_data(&import->result)) {
			send_singly(import, kind, entries, count, send);
			return;
		}
		import->counts[kind].failed += count;
		import_refused_all(import, kind, entries, count);
		return;
	}
}

void items_import(struct import *import, enum backlog_kind kind, const char *what, item_send *send)
{
	struct entries *entries = &import->backlog.kind[kind];
	static struct entry *chosen[IMPORT_BATCH];
	progress_begin(&import->progress, what, entries->count);
	for (size_t first = 0, n; first < entries->count && !import->broken; first += n) {
		n = import_batch(entries, first);
		size_t count = choose(import, kind, &entries->at[first], n, chosen);
		send_batch(import, kind, chosen, count, send);
		progress_add(&import->progress, n);
	}
	import->seconds += progress_end(&import->progress);
}
