#include "client/ctl/import_items.h"

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
		count->failed += n;
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

void items_import(struct import *import, enum backlog_kind kind, const char *what,
                  void (*send)(struct import *import, struct entry *entries, size_t n))
{
	struct entries *entries = &import->backlog.kind[kind];
	progress_begin(&import->progress, what, entries->count);
	for (size_t first = 0, n; first < entries->count && !import->broken; first += n) {
		n = import_batch(entries, first);
		if (import->project_ids[entries->at[first].project])
			send(import, &entries->at[first], n);
		else
			import->counts[kind].failed += n;
		progress_add(&import->progress, n);
	}
	import->seconds += progress_end(&import->progress);
}
