/* import - a backlog on its way to the server: what the steps of an import share.
 *
 * Every write is idempotent by itself (found by email, slug, key, or external id) or keyed, so the
 * library sends again what was lost, and an import that was done again changes nothing. */
#pragma once
#include "client/ctl/backlog.h"
#include "client/ctl/options.h"
#include "client/ctl/progress.h"

enum {
	IMPORT_BATCH = 500,           /* items of a call, as the services take them */
	IMPORT_BATCH_BYTES = 1 << 20, /* of the lines of a call: the server takes 4 MiB */
	IMPORT_ATTEMPTS = 8,          /* of a call, if --retries says nothing */
};

#define IMPORT_SOURCE "import" /* external_source of what is imported */

struct import_count {
	size_t created, updated, unchanged, deleted, failed;
};

struct import {
	const struct options *options;
	struct prism_channel *channel;
	struct prism_call_options call; /* of each call */
	struct backlog backlog;
	struct progress progress;
	int64_t organization_id;
	int64_t *project_ids;
	struct import_count counts[KIND_COUNT];
	double seconds;
	bool broken; /* the server is not there, or refuses the key: nothing more is sent */
	struct prism_result result;
};

/* Whether nothing more is to be sent, after a call failed: the next ones would fare no better. */
bool import_breaks(struct import *import);

typedef bool import_step(struct import *import, const struct entry *entry);

/* Makes what was not found, or finds what somebody else has made meanwhile. False: the result is
 * that of the making. */
bool import_make(struct import *import, const struct entry *entry, import_step *make,
                 import_step *find);

/* Says what the server refused of a line. */
void import_refused(struct import *import, const struct entry *entry);

/* The same of `count` lines at once, none of which the server named. */
void import_refused_all(struct import *import, enum backlog_kind kind, struct entry *const *entries,
                        size_t count);

/* The first entries, of one project, that fit into one call. */
size_t import_batch(const struct entries *entries, size_t first);

/* The steps; each says what went wrong, and goes on with what can go on. */
void import_people(struct import *import);   /* users, organization, members */
void import_projects(struct import *import); /* projects, epics, sprints */
void import_stories(struct import *import);
void import_documents(struct import *import);
