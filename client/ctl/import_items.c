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

void item_results(struct import *import, enum backlog_kind kind, struct entry *entries, size_t n,
                  Prism__V1__UpsertResult **results)
{
	struct import_count *count = &import->counts[kind];
	if (!results) {
		import_refused(import, kind, entries, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		entries[i].number = results[i]->id;
		if (results[i]->effect == PRISM__V1__UPSERT_EFFECT__UPSERT_EFFECT_CREATED)
			count->created++;
		else if (results[i]->effect == PRISM__V1__UPSERT_EFFECT__UPSERT_EFFECT_UPDATED)
			count->updated++;
		else
			count->unchanged++;
	}
}

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

/* How many entries can be sent in one call from `first` on; 0: not even that one, which is said. */
static size_t sendable(struct import *import, enum backlog_kind kind, size_t first)
{
	const struct entries *entries = &import->backlog.kind[kind];
	if (!item_is_met(import, kind, &entries->at[first]))
		return 0;
	size_t n = import_batch(entries, first);
	for (size_t i = 1; i < n; i++)
		if (backlog_unmet(&import->backlog, &entries->at[first + i], kind))
			return i;
	return n;
}

/* Counts them as failed if they cannot be sent; how many are done. */
static size_t send_from(struct import *import, enum backlog_kind kind, size_t first,
                        void (*send)(struct import *import, struct entry *entries, size_t n))
{
	struct entry *entry = &import->backlog.kind[kind].at[first];
	bool project = import->project_ids[entry->project] != 0;
	size_t n = project ? sendable(import, kind, first)
	                   : import_batch(&import->backlog.kind[kind], first);
	if (project && n > 0) {
		send(import, entry, n);
		return n;
	}
	n = n > 0 ? n : 1;
	import->counts[kind].failed += n;
	return n;
}

void items_import(struct import *import, enum backlog_kind kind, const char *what,
                  void (*send)(struct import *import, struct entry *entries, size_t n))
{
	struct entries *entries = &import->backlog.kind[kind];
	progress_begin(&import->progress, what, entries->count);
	for (size_t first = 0, n; first < entries->count && !import->broken; first += n) {
		n = send_from(import, kind, first, send);
		progress_add(&import->progress, n);
	}
	import->seconds += progress_end(&import->progress);
}
