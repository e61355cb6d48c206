/* How a request ends, or why it is sent again. */
#include "db/pool_inside.h"
#include "db/sqlstate.h"

#include <stddef.h>
#include <stdio.h>

/* A conflict is retried after 5 to 50 ms, so that those who collided do not meet again. */
enum { RETRY_MIN_MS = 5, RETRY_SPREAD_MS = 46 };

static const struct {
	enum status status;
	const char *message; /* NULL: why there is no connection */
} endings[REQUEST_STATES] = {
	[REQUEST_REFUSED_FULL] = {STATUS_UNAVAILABLE, "the queue for the database is full"},
	[REQUEST_REFUSED_TIMEOUT] = {STATUS_UNAVAILABLE, "no database connection was free in time"},
	[REQUEST_REFUSED_DOWN] = {STATUS_UNAVAILABLE, NULL},
	[REQUEST_REFUSED_CLOSING] = {STATUS_UNAVAILABLE, "shutting down"},
	[REQUEST_REFUSED_MEMORY] = {STATUS_RESOURCE_EXHAUSTED, "no memory for the parameters"},
	[REQUEST_LOST] = {STATUS_UNAVAILABLE, "the database connection was lost after the write "
                                              "was sent"},
};

void answer_end(struct pool *pool, struct db_request *request, enum request_state how)
{
	request->state = (uint8_t)how;
	queue_push(&pool->ending, request);
	pool_soon(pool);
}

static void answer_one_ending(struct pool *pool, struct db_request *request)
{
	const char *message = endings[request->state].message;
	char down[sizeof(pool->dial.last.message) + 32];
	if (!message) {
		snprintf(down, sizeof(down), "no database connection: %s", pool->dial.last.message);
		message = down;
	}
	bool lost = request->state == REQUEST_LOST;
	struct db_answer answer = {
		.status = endings[request->state].status,
		.outcome = lost ? OUTCOME_UNKNOWN : OUTCOME_NOT_EXECUTED,
		.error.message = message,
	};
	request->done(request->ctx, &answer);
}

void answer_ending(struct pool *pool)
{
	/* Those that end while we answer wait for the next time: the loop goes on in between. */
	struct db_request *last = pool->ending.last;
	for (struct db_request *request = NULL; request != last;) {
		request = queue_pop(&pool->ending);
		if (!request)
			return;
		answer_one_ending(pool, request);
	}
}

static void answer_rows(struct db_request *request, PGresult *result)
{
	struct db_answer answer = {
		.status = STATUS_OK,
		.outcome = OUTCOME_EXECUTED,
		.rows = {result, (size_t)PQntuples(result), request->statement},
	};
	request->done(request->ctx, &answer);
}

static void copy_field(char *out, size_t size, const PGresult *result, int field)
{
	const char *value = PQresultErrorField(result, field);
	snprintf(out, size, "%s", value ? value : "");
}

/* Rolled back; whether the caller may simply send it again. */
static enum outcome outcome_of(enum status status)
{
	bool again = status == STATUS_ABORTED || status == STATUS_UNAVAILABLE ||
	             status == STATUS_CANCELLED || status == STATUS_DEADLINE_EXCEEDED ||
	             status == STATUS_RESOURCE_EXHAUSTED;
	return again ? OUTCOME_NOT_EXECUTED : OUTCOME_EXECUTED;
}

static void answer_error(struct db_request *request, enum status status, PGresult *result)
{
	struct db_answer answer = {
		.status = status,
		.outcome = outcome_of(status),
		.error.message = PQresultErrorMessage(result),
	};
	copy_field(answer.error.sqlstate, sizeof(answer.error.sqlstate), result, PG_DIAG_SQLSTATE);
	copy_field(answer.error.constraint, sizeof(answer.error.constraint), result,
	           PG_DIAG_CONSTRAINT_NAME);
	request->done(request->ctx, &answer);
	PQclear(result);
}

/* Puts it in line again, if it was not there too often. */
static bool try_again(struct pool_lane *lane, struct queue *queue, struct db_request *request)
{
	if (lane->pool->closing || request->attempts >= LIMIT_QUERY_RETRIES)
		return false;
	request->attempts++;
	lane->pool->retries++;
	lane_queue(lane, queue, request);
	return true;
}

static bool try_later(struct pool_lane *lane, struct db_request *request)
{
	struct pool *pool = lane->pool;
	pool->dial.random = pool->dial.random * 1664525 + 1013904223;
	uint32_t delay_ms = RETRY_MIN_MS + (pool->dial.random >> 16) % RETRY_SPREAD_MS;
	request->due_ms = uv_now(pool->loop) + delay_ms;
	tick_need(pool);
	return try_again(lane, &lane->delayed, request);
}

/* statement_timeout and pg_cancel_backend() look alike but for the time that has passed. */
static enum status cancel_status(const struct member *member, const struct entry *entry)
{
	uint64_t ran_ms = uv_now(member->connection.loop) - entry->since_ms;
	uint64_t timeout_ms = member->lane->timeout_ms;
	bool timed_out = timeout_ms && ran_ms >= timeout_ms - timeout_ms / 10;
	return timed_out ? STATUS_DEADLINE_EXCEEDED : STATUS_CANCELLED;
}

/* Cancelled though nobody meant this one: the cancel was for a neighbour. */
static bool is_stray_cancel(const struct member *member, const struct entry *entry)
{
	return uv_now(member->connection.loop) < member->cancel_until_ms &&
	       cancel_status(member, entry) == STATUS_CANCELLED;
}

/* A read pays no attempt for its neighbour's cancel, and has no neighbours from now on. */
static bool try_after_stray(struct pool_lane *lane, struct db_request *request)
{
	if (request->statement->lane == LANE_WRITE || lane->pool->closing)
		return try_again(lane, &lane->again, request);
	request->alone = true;
	lane->pool->retries++;
	lane_queue(lane, &lane->again, request);
	return true;
}

/* True: the request is in line again. */
static bool remedied(struct member *member, const struct entry *entry,
                     const struct sqlstate *sqlstate)
{
	struct pool_lane *lane = member->lane;
	switch (sqlstate->remedy) {
	case SQLSTATE_AGAIN:
		return try_later(lane, entry->request);
	case SQLSTATE_RECHECK:
		atomic_store(lane->pool->settings.checked, false);
		member_recycle(member);
		return try_again(lane, &lane->again, entry->request);
	case SQLSTATE_RECYCLE:
		member_recycle(member);
		return try_again(lane, &lane->again, entry->request);
	case SQLSTATE_CANCEL:
		return is_stray_cancel(member, entry) && try_after_stray(lane, entry->request);
	case SQLSTATE_NONE:
		break;
	}
	return false;
}

/* Rows or an error. True: the request is in line again. */
static bool settle_result(struct member *member, const struct entry *entry, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	if (PQresultMemorySize(result) + entry->group_bytes > POOL_LARGE_RESULT)
		member_recycle(member);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
		lane_release(member->lane, entry->affinity, entry->request);
		answer_rows(entry->request, result);
		return false;
	}
	const struct sqlstate *sqlstate =
		sqlstate_find(PQresultErrorField(result, PG_DIAG_SQLSTATE));
	if (remedied(member, entry, sqlstate)) {
		PQclear(result);
		return true;
	}
	enum status answer = sqlstate->status;
	if (sqlstate->remedy == SQLSTATE_CANCEL)
		answer = cancel_status(member, entry);
	lane_release(member->lane, entry->affinity, entry->request);
	answer_error(entry->request, answer, result);
	return false;
}

/* The link died under it. */
static void settle_lost(struct member *member, const struct entry *entry, bool ran)
{
	struct pool_lane *lane = member->lane;
	bool unknown = ran && entry->kind == ENTRY_WRITE;
	if (!unknown && try_again(lane, &lane->again, entry->request))
		return;
	lane_release(lane, entry->affinity, entry->request);
	answer_end(lane->pool, entry->request, unknown ? REQUEST_LOST : REQUEST_REFUSED_DOWN);
}

/* It never ran, so this costs no attempt; alone, so that no neighbour can abort it twice. What it
 * waited for so far was no connection. */
static void settle_aborted(struct member *member, struct db_request *request)
{
	request->alone = true;
	request->queued_ms = uv_now(member->lane->pool->loop);
	lane_queue(member->lane, &member->lane->again, request);
}

void answer_settled(struct pipeline *pipeline, const struct entry *entry, enum settlement how,
                    PGresult *result)
{
	struct member *member =
		(struct member *)((char *)pipeline - offsetof(struct member, pipeline));
	struct pool *pool = member->lane->pool;
	pool->dirty = pool->dirty || pool->queued;
	member_unfence(member);
	if (!entry->request) {
		PQclear(result);
		lane_release(member->lane, entry->affinity, entry->request);
	} else if (how == SETTLED) {
		(void)settle_result(member, entry, result);
	} else if (how == SETTLED_ABORTED) {
		settle_aborted(member, entry->request);
	} else {
		settle_lost(member, entry, how == SETTLED_LOST);
	}
}
