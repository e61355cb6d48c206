#include "db/pipeline.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

/* libpq 17 and later: a Sync that does not write to the socket at once. */
extern int PQsendPipelineSync(PGconn *conn) __attribute__((weak));

/* More NULLs in a row than results can explain: libpq lost count (PostgreSQL bug #17948). */
enum { NULLS_MAX = 2 };

static uint64_t now_ms(const struct pipeline *pipeline)
{
	return uv_now(pipeline->connection->loop);
}

static struct entry *entry_at(struct pipeline *pipeline, uint32_t offset)
{
	return &pipeline->ring[(pipeline->first + offset) % PIPELINE_ENTRIES];
}

uint64_t pipeline_waiting_ms(const struct pipeline *pipeline)
{
	return pipeline->count ? now_ms(pipeline) - pipeline->progress_ms : 0;
}

/* A group is one statement, whose state its first one has: it is held up when nobody of it waits.
 */
bool pipeline_held_up_by_zombie(const struct pipeline *pipeline)
{
	if (pipeline->count && pipeline->ring[pipeline->first].state == ENTRY_HELD)
		return false; /* it is being committed */
	for (uint32_t i = 0; i < pipeline->count; i++) {
		const struct entry *entry =
			&pipeline->ring[(pipeline->first + i) % PIPELINE_ENTRIES];
		if (entry->kind == ENTRY_SYNC || (entry->kind == ENTRY_WRITE && entry->request))
			return false;
		if (!entry->request && entry->state == ENTRY_SENT && !entry->more)
			return true;
		if (entry->kind == ENTRY_WRITE && !entry->more)
			return false;
	}
	return false;
}

void pipeline_init(struct pipeline *pipeline, struct db_connection *connection,
                   void (*settled)(struct pipeline *pipeline, const struct entry *entry,
                                   enum settlement how, PGresult *result))
{
	*pipeline = (struct pipeline){.connection = connection, .settled = settled};
}

static struct entry *push(struct pipeline *pipeline, enum entry_kind kind,
                          struct db_request *request)
{
	assert(pipeline->count < PIPELINE_ENTRIES);
	if (pipeline->count == 0)
		pipeline->segment_ms = pipeline->progress_ms = now_ms(pipeline);
	struct entry *entry = entry_at(pipeline, pipeline->count++);
	*entry = (struct entry){
		.request = request,
		.affinity = request ? request->affinity : 0,
		.pipeline = pipeline,
		.kind = kind,
	};
	return entry;
}

/* Takes the head out of line. */
static struct entry pop(struct pipeline *pipeline)
{
	struct entry entry = pipeline->ring[pipeline->first];
	entry.since_ms = pipeline->segment_ms;
	pipeline->first = (pipeline->first + 1) % PIPELINE_ENTRIES;
	pipeline->count--;
	if (entry.kind != ENTRY_SYNC)
		pipeline->requests--;
	if (entry.kind != ENTRY_SYNC && !entry.request)
		pipeline->zombies--;
	pipeline->grouping -= entry.groups;
	pipeline->progress_ms = now_ms(pipeline);
	if (entry.kind != ENTRY_READ)
		pipeline->segment_ms = pipeline->progress_ms;
	return entry;
}

static void settle(struct pipeline *pipeline, const struct entry *entry, enum settlement how,
                   PGresult *result)
{
	pipeline->settled(pipeline, entry, how, result);
}

static bool send_sync(struct pipeline *pipeline)
{
	pipeline->syncs++;
	PGconn *pg = pipeline->connection->pg;
	return PQsendPipelineSync ? PQsendPipelineSync(pg) : PQpipelineSync(pg);
}

/* Ends the segment of the reads that were sent. */
static bool sync_reads(struct pipeline *pipeline)
{
	if (!send_sync(pipeline))
		return false;
	pipeline->unsynced = 0;
	push(pipeline, ENTRY_SYNC, NULL);
	return true;
}

static bool send_encoded(struct pipeline *pipeline, const struct statement *statement,
                         const struct encoded *encoded)
{
	PGconn *pg = pipeline->connection->pg;
	int count = statement->param_count;
	bool sent = statement->unprepared
	                    ? PQsendQueryParams(pg, statement->sql, count, NULL, encoded->values,
	                                        encoded->lengths, encoded->formats, 1)
	                    : PQsendQueryPrepared(pg, statement->name, count, encoded->values,
	                                          encoded->lengths, encoded->formats, 1);
	pipeline->broken = pipeline->broken || !sent;
	return sent;
}

static bool send_statement(struct pipeline *pipeline, const struct statement *statement,
                           const struct params *params, struct encoded *encoded)
{
	return encode_params(encoded, statement, params) &&
	       send_encoded(pipeline, statement, encoded);
}

/* A lock that was sent without the statement that it is for would be answered out of turn. */
static bool send_request(struct pipeline *pipeline, const struct db_request *request,
                         struct encoded *encoded)
{
	if (request->lock &&
	    !send_statement(pipeline, request->lock, &request->lock_params, encoded))
		return false;
	bool sent = send_statement(pipeline, request->statement, &request->params, encoded);
	pipeline->broken = pipeline->broken || (request->lock && !sent);
	return sent;
}

bool pipeline_send(struct pipeline *pipeline, struct db_request *request, struct encoded *encoded,
                   bool alone)
{
	bool write = request->statement->lane == LANE_WRITE;
	assert(write || !request->lock);
	if (alone && pipeline->unsynced && !sync_reads(pipeline))
		return false;
	if (!send_request(pipeline, request, encoded))
		return false;
	struct entry *entry = push(pipeline, write ? ENTRY_WRITE : ENTRY_READ, request);
	entry->locks = request->lock != NULL;
	entry->groups = request->statement->many && !request->alone;
	pipeline->grouping += entry->groups;
	request->place = entry;
	pipeline->requests++;
	/* It is in line now: a Sync that fails is a dead link, found by whoever reads next. */
	if (write) {
		pipeline->broken = !send_sync(pipeline);
		return true;
	}
	pipeline->unsynced++;
	if (alone || pipeline->unsynced == PIPELINE_SEGMENT)
		pipeline->broken = !sync_reads(pipeline);
	return true;
}

bool pipeline_send_group(struct pipeline *pipeline, struct db_request *const *requests,
                         uint32_t count, struct encoded *encoded)
{
	const struct statement *many = requests[0]->statement->many;
	const struct params *calls[PIPELINE_GROUP];
	assert(many && count <= PIPELINE_GROUP);
	for (uint32_t i = 0; i < count; i++) {
		assert(requests[i]->statement == requests[0]->statement && !requests[i]->lock);
		calls[i] = &requests[i]->params;
	}
	if (!encode_many(encoded, many, calls, count) || !send_encoded(pipeline, many, encoded))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		struct entry *entry = push(pipeline, ENTRY_WRITE, requests[i]);
		entry->more = i + 1 < count;
		entry->groups = true;
		requests[i]->place = entry;
		pipeline->requests++;
	}
	pipeline->grouping += count;
	pipeline->broken = !send_sync(pipeline);
	return true;
}

bool pipeline_flush(struct pipeline *pipeline)
{
	if (pipeline->unsynced && !sync_reads(pipeline))
		return false;
	return db_connection_flush(pipeline->connection);
}

void pipeline_abandon(struct entry *entry)
{
	entry->request = NULL;
	entry->pipeline->zombies++;
}

static bool is_rows(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/* Whose result comes next. */
static struct entry *current(struct pipeline *pipeline)
{
	return pipeline->count ? entry_at(pipeline, 0) : NULL;
}

/* Whose a group's row is: the last column, from 1. */
static uint64_t owner_of(const PGresult *rows, int row)
{
	uint64_t owner;
	int column = PQnfields(rows) - 1;
	if (PQgetlength(rows, row, column) != sizeof(owner))
		return 0;
	memcpy(&owner, PQgetvalue(rows, row, column), sizeof(owner));
	return be64toh(owner);
}

static bool copy_row(PGresult *to, const PGresult *rows, int row)
{
	int at = PQntuples(to);
	bool copied = true;
	for (int i = 0; copied && i < PQnfields(rows); i++) {
		bool null = PQgetisnull(rows, row, i);
		copied = PQsetvalue(to, at, i, null ? NULL : PQgetvalue(rows, row, i),
		                    null ? -1 : PQgetlength(rows, row, i));
	}
	return copied;
}

/* The rows of one of a group, from `*row` on, as a result of its own. NULL: no memory. */
static PGresult *rows_of(const PGresult *rows, int *row, uint64_t owner)
{
	PGresult *own = PQcopyResult(rows, PG_COPYRES_ATTRS);
	bool copied = own != NULL;
	for (; *row < PQntuples(rows) && owner_of(rows, *row) == owner; (*row)++)
		copied = copied && copy_row(own, rows, *row);
	if (copied)
		return own;
	PQclear(own);
	return NULL;
}

/* The group that is first in line ends: each has its own of `rows`, or what `how` says. Without
 * memory for them it does not learn what became of it. */
static void settle_group(struct pipeline *pipeline, enum settlement how, PGresult *rows)
{
	struct entry entry;
	uint64_t owner = 0;
	int row = 0;
	do {
		entry = pop(pipeline);
		entry.group_bytes = rows ? PQresultMemorySize(rows) : 0;
		PGresult *own = how == SETTLED ? rows_of(rows, &row, ++owner) : NULL;
		bool lost = how == SETTLED && !own;
		settle(pipeline, &entry, lost ? SETTLED_LOST : how, own);
	} while (entry.more);
	PQclear(rows);
}

/* PostgreSQL has committed (or rolled back): the segment's Sync came. */
static bool take_sync(struct pipeline *pipeline)
{
	struct entry *head = current(pipeline);
	bool read_sync = head && head->kind == ENTRY_SYNC && head->state == ENTRY_SENT;
	bool write_sync = head && head->kind == ENTRY_WRITE && head->state == ENTRY_HELD;
	if (!read_sync && !write_sync)
		return false;
	if (head->more) {
		bool done = head->held && is_rows(head->held);
		settle_group(pipeline, done ? SETTLED : SETTLED_ABORTED, head->held);
		return true;
	}
	struct entry entry = pop(pipeline);
	if (write_sync)
		settle(pipeline, &entry, entry.held ? SETTLED : SETTLED_ABORTED, entry.held);
	return true;
}

/* Rows or an error of the head. A read is answered at once; a write when its Sync is there. */
static void take_result(struct pipeline *pipeline, struct entry *head, PGresult *result)
{
	if (head->kind == ENTRY_WRITE) {
		PQclear(head->held);
		head->held = result;
		head->state = ENTRY_RESULT;
		return;
	}
	head->state = ENTRY_RESULT;
	if (head->kind == ENTRY_SYNC) {
		PQclear(result);
		return;
	}
	struct entry answered = *head;
	answered.since_ms = pipeline->segment_ms;
	if (head->request)
		pipeline_abandon(head); /* answered: what remains of it is a place in line */
	settle(pipeline, &answered, SETTLED, result);
}

static void take_aborted(struct pipeline *pipeline, struct entry *head)
{
	if (head->kind == ENTRY_READ) {
		struct entry aborted = *head;
		if (head->request)
			pipeline_abandon(head);
		settle(pipeline, &aborted, SETTLED_ABORTED, NULL);
	}
	head->state = ENTRY_RESULT;
}

/* Class 08 is what a pooler says whose own connection broke: that tells nothing of the work. */
static bool is_of_pooler(const char *sqlstate)
{
	return strncmp(sqlstate, "08", 2) == 0;
}

/* Without an SQLSTATE it is libpq that speaks, of a dead link. And when the rows of a write are
 * followed by the end of the session instead of its Sync, the commit may have happened in between.
 */
static bool ends_link(struct pipeline *pipeline, const struct entry *head, const PGresult *result)
{
	if (is_rows(result) || PQresultStatus(result) == PGRES_PIPELINE_ABORTED)
		return false;
	bool fatal = db_connection_hear(pipeline->connection, result);
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	if (!sqlstate || (fatal && is_of_pooler(sqlstate)))
		return true;
	pipeline->last_words = pipeline->last_words || fatal;
	return fatal && head->state == ENTRY_HELD;
}

/* False: the link is dead, or nothing in line explains this result. */
static bool take(struct pipeline *pipeline, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	if (status == PGRES_PIPELINE_SYNC) {
		PQclear(result);
		return take_sync(pipeline);
	}
	struct entry *head = current(pipeline);
	if (!head || head->state == ENTRY_RESULT || ends_link(pipeline, head, result)) {
		PQclear(result);
		return false;
	}
	if (status == PGRES_PIPELINE_ABORTED) {
		PQclear(result);
		take_aborted(pipeline, head);
	} else {
		take_result(pipeline, head, result);
	}
	return true;
}

/* The end of one query's results. False: there were too many of them. */
static bool take_null(struct pipeline *pipeline, int *nulls)
{
	struct entry *head = current(pipeline);
	if (head->state != ENTRY_RESULT)
		return ++*nulls <= NULLS_MAX;
	*nulls = 0;
	if (head->kind == ENTRY_READ)
		(void)pop(pipeline);
	else
		head->state = head->kind == ENTRY_WRITE && !head->locks ? ENTRY_HELD : ENTRY_SENT;
	head->locks = false;
	return true;
}

/* Ends by itself: what is in line is bounded, and nothing is sent meanwhile. */
bool pipeline_pump(struct pipeline *pipeline)
{
	PGconn *pg = pipeline->connection->pg;
	int nulls = 0;
	while (!PQisBusy(pg)) {
		PGresult *result = PQgetResult(pg);
		if (!result && pipeline->count == 0)
			return PQstatus(pg) == CONNECTION_OK;
		if (!(result ? take(pipeline, result) : take_null(pipeline, &nulls)))
			return false;
	}
	return PQstatus(pg) == CONNECTION_OK;
}

static enum settlement loss_of(const struct pipeline *pipeline, const struct entry *entry)
{
	bool never_ran = pipeline->last_words && entry->state == ENTRY_SENT;
	return never_ran ? SETTLED_LOST_OUT : SETTLED_LOST;
}

/* A write whose error arrived was rolled back, with or without its Sync. */
static void settle_lost(struct pipeline *pipeline, struct entry *entry)
{
	bool answered = entry->kind == ENTRY_READ && entry->state == ENTRY_RESULT;
	if (entry->kind == ENTRY_SYNC || answered)
		return;
	if (entry->held && !is_rows(entry->held)) {
		settle(pipeline, entry, SETTLED, entry->held);
		return;
	}
	PQclear(entry->held);
	settle(pipeline, entry, loss_of(pipeline, entry), NULL);
}

/* A group that failed, or never ran, can be sent again. */
static void settle_lost_group(struct pipeline *pipeline, const struct entry *head)
{
	bool undone = head->state == ENTRY_SENT ? pipeline->last_words
	                                        : !head->held || !is_rows(head->held);
	settle_group(pipeline, undone ? SETTLED_LOST_OUT : SETTLED_LOST, head->held);
}

void pipeline_fail(struct pipeline *pipeline)
{
	while (pipeline->count) {
		const struct entry *head = current(pipeline);
		if (head->more) {
			settle_lost_group(pipeline, head);
			continue;
		}
		struct entry entry = pop(pipeline);
		settle_lost(pipeline, &entry);
	}
	pipeline->unsynced = 0;
	pipeline->last_words = false;
	pipeline->broken = false;
}
