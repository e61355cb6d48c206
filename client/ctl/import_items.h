/* import_items - from lines to fields of messages, and from results back to lines. Private to the
 * import. */
#pragma once
#include "client/ctl/import.h"

#include "google/protobuf/timestamp.pb-c.h"
#include "prism/v1/upsert.pb-c.h"

/* The times of one call's items. */
enum { ITEM_TIMES = 3 * IMPORT_BATCH };
struct item_times {
	Google__Protobuf__Timestamp at[ITEM_TIMES];
	size_t count;
};

void item_times_init(struct item_times *times);

/* NULL: the line does not say. */
Google__Protobuf__Timestamp *item_time(struct item_times *times, const struct entry *entry,
                                       const char *name);

/* The number of an enum by its word; 0: the line does not say. */
int item_word(const struct entry *entry, const char *name, const char *const *words, int count);

/* The id of the user that the line names; NULL: none. */
const char *item_user(const struct import *import, const struct entry *entry, const char *name);

/* Whether everything that the line names is on the server; if not, it says so. */
bool item_is_met(struct import *import, enum backlog_kind kind, const struct entry *entry);

/* "story:KEY:17", "sprint:KEY:Sprint 1": the same whenever it is imported. On the heap. */
char *item_external_id(const struct import *import, const struct entry *entry,
                       enum backlog_kind kind, const char *name);

/* Counts what happened, keeps the ids. False: the call failed. */
bool item_results(struct import *import, enum backlog_kind kind, struct entry *const *entries,
                  size_t n, Prism__V1__UpsertResult **results, size_t n_results);

/* Sends lines of one project: item_results(). */
typedef bool item_send(struct import *import, struct entry *const *entries, size_t n);

/* Sends all entries of a kind, batch by batch. A line whose project, user, epic or sprint was not
 * imported, or that the server names as the one at fault, is counted as failed, and the others go
 * on without it. */
void items_import(struct import *import, enum backlog_kind kind, const char *what, item_send *send);
