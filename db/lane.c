/* Who goes where: reads a few at a time to the connection with the fewest in line, writes of one
 * project one at a time, nothing behind a statement that stalls. */
#include "db/pool_inside.h"

#include <stdlib.h>

/* Writes that are committed together. */
struct group {
	uint32_t count;
	struct db_request *at[POOL_GROUP];
};

/* Nobody of a mixed group waits long for somebody else's lock; then each goes alone. */
#define TEXT(number)        #number
#define GROUP_BEGIN_SQL(ms) "SELECT set_config('lock_timeout', '" TEXT(ms) "ms', true)"
static const char GROUP_BEGIN[] = GROUP_BEGIN_SQL(POOL_GROUP_LOCK_MS);

bool lane_init(struct pool_lane *lane, struct pool *pool, enum lane kind, uint32_t count)
{
	bool write = kind == LANE_WRITE;
	*lane = (struct pool_lane){
		.pool = pool,
		.kind = kind,
		.count = count,
		.depth = write ? POOL_WRITE_DEPTH : LIMIT_QUERY_DEPTH,
		.timeout_ms =
			write ? pool->settings.write_timeout_ms : pool->settings.read_timeout_ms,
	};
	lane->members = calloc(count, sizeof(struct member));
	return lane->members &&
	       flows_init(&lane->flows, count * (POOL_WRITE_DEPTH + POOL_WRITE_PACK));
}

void lane_deinit(struct pool_lane *lane)
{
	flows_deinit(&lane->flows);
	free(lane->members);
	conninfo_free(lane->conninfo);
}

void lane_queue(struct pool_lane *lane, struct queue *queue, struct db_request *request)
{
	request->state = REQUEST_QUEUED;
	queue_push(queue, request);
	lane->pool->queued++;
	lane->pool->dirty = true;
}

void lane_release(struct pool_lane *lane, uint64_t affinity, const struct db_request *owner)
{
	struct db_request *next = flow_next(&lane->flows, affinity, owner);
	if (!next)
		return;
	queue_push(&lane->again, next);
	lane->pool->dirty = true;
}

void lane_unqueue(struct pool_lane *lane, struct db_request *request)
{
	queue_remove(request->place, request);
	lane->pool->queued--;
	lane_release(lane, request->affinity, request);
}

bool lane_hopeless(const struct pool_lane *lane)
{
	const struct dial *dial = &lane->pool->dial;
	bool hope = dial->last.kind == FAILURE_STARTING &&
	            uv_now(lane->pool->loop) - dial->failing_since_ms < POOL_HOPE_MS;
	return lane->serving == 0 && dial->failures > 0 && !hope;
}

/* A read goes where reads of this turn went already, up to POOL_READ_PACK of them: each connection
 * that a turn touches costs PostgreSQL a Sync and a wake-up, more than what running side by side
 * gains. */
static bool packs(const struct pool_lane *lane, const struct member *member)
{
	return lane->kind == LANE_READ && member->touched &&
	       member->pipeline.unsynced < POOL_READ_PACK;
}

/* A write that goes alone may be the one that its group waited for too long: nobody stands behind
 * it, nor it behind others. */
static bool keeps_apart(const struct pool_lane *lane, const struct member *member,
                        const struct db_request *request)
{
	return lane->kind == LANE_WRITE && member->pipeline.requests > 0 &&
	       (request->alone || member->solitary);
}

/* The connection that this request should go to now; NULL: none takes it. */
static struct member *choose(const struct pool_lane *lane, const struct db_request *request)
{
	if (request->affinity) {
		uint64_t hash = request->affinity * UINT64_C(0x9e3779b97f4a7c15);
		struct member *own = &lane->members[(hash >> 32) % lane->count];
		if (own->pipeline.requests == 0 && member_takes(own))
			return own;
	}
	struct member *best = NULL;
	for (uint32_t i = 0; i < lane->count; i++) {
		struct member *member = &lane->members[i];
		if (!member_takes(member) || keeps_apart(lane, member, request))
			continue;
		if (packs(lane, member))
			return member;
		if (!best || member->pipeline.requests < best->pipeline.requests)
			best = member;
	}
	return best;
}

static void send_to(struct pool_lane *lane, struct member *member, struct db_request *request)
{
	struct pool *pool = lane->pool;
	member->touched = true;
	member->solitary = request->alone;
	if (pipeline_send(&member->pipeline, request, &pool->encoded, request->alone)) {
		request->state = REQUEST_SENT;
		flow_begin(&lane->flows, request);
		pool->sent++;
	} else if (member->pipeline.broken) {
		lane_queue(lane, &lane->again, request);
	} else {
		lane_release(lane, request->affinity, request);
		answer_end(pool, request, REQUEST_REFUSED_MEMORY);
	}
}

static bool groups(const struct db_request *request)
{
	return request->statement->groups && !request->lock && !request->alone && request->affinity;
}

/* By affinity, and in the order of their coming: whoever locks several things locks them in the
 * same order. */
static void join(struct group *group, struct db_request *request)
{
	uint32_t at = group->count++;
	for (; at > 0 && group->at[at - 1]->affinity > request->affinity; at--)
		group->at[at] = group->at[at - 1];
	group->at[at] = request;
}

static bool joins(const struct group *group, const struct db_request *request)
{
	return request && groups(request) && request->statement == group->at[0]->statement;
}

/* Those behind the first one, of any affinity; who has to wait for its affinity's turn does. */
static void gather_waiting(struct pool_lane *lane, struct group *group)
{
	struct db_request *next;
	while (group->count < POOL_WRITE_PACK && joins(group, next = lane->waiting.first)) {
		queue_remove(&lane->waiting, next);
		struct flow *flow = flow_find(&lane->flows, next->affinity);
		if (flow) {
			queue_push(&flow->followers, next);
			continue;
		}
		lane->pool->queued--;
		join(group, next);
	}
}

/* `first`, and who may be committed together with it. */
static void gather(struct pool_lane *lane, struct db_request *first, struct group *group)
{
	*group = (struct group){1, {first}};
	if (!groups(first))
		return;
	struct flow *flow = flow_find(&lane->flows, first->affinity);
	while (flow && group->count < POOL_GROUP && joins(group, flow->followers.first)) {
		join(group, queue_pop(&flow->followers));
		lane->pool->queued--;
	}
	gather_waiting(lane, group);
}

/* The last of its affinity has the affinity's turn, which ends when that one is settled. */
static void send_group(struct pool_lane *lane, struct member *member, const struct group *group)
{
	struct pool *pool = lane->pool;
	member->touched = true;
	member->solitary = false;
	bool mixed = group->at[0]->affinity != group->at[group->count - 1]->affinity;
	uint32_t sent = pipeline_send_group(&member->pipeline, group->at, group->count,
	                                    mixed ? GROUP_BEGIN : NULL, &pool->encoded);
	for (uint32_t i = 0; i < sent; i++) {
		group->at[i]->state = REQUEST_SENT;
		flow_begin(&lane->flows, group->at[i]);
	}
	pool->sent += sent;
	for (uint32_t i = sent; i < group->count; i++)
		lane_queue(lane, &lane->again, group->at[i]);
	if (sent < group->count && !member->pipeline.broken)
		group->at[sent]->alone = true; /* it has no room among others */
}

/* The first in line moves: to a connection, or behind the write that has its affinity's turn.
 * False: it has to wait. */
static bool dispatch_one(struct pool_lane *lane)
{
	struct queue *queue = lane->again.first ? &lane->again : &lane->waiting;
	struct db_request *request = queue->first;
	if (!request)
		return false;
	struct flow *flow = flow_find(&lane->flows, request->affinity);
	if (flow && flow->owner != request) {
		queue_remove(queue, request);
		queue_push(&flow->followers, request);
		return true;
	}
	struct member *member = choose(lane, request);
	if (!member)
		return false;
	queue_remove(queue, request);
	lane->pool->queued--;
	struct group group;
	gather(lane, request, &group);
	if (group.count > 1)
		send_group(lane, member, &group);
	else
		send_to(lane, member, request);
	return true;
}

void lane_dispatch(struct pool_lane *lane)
{
	while (dispatch_one(lane))
		continue;
	for (uint32_t i = 0; i < lane->count; i++)
		if (lane->members[i].touched)
			member_flush(&lane->members[i]);
}

static void end_queue(struct pool_lane *lane, struct queue *queue, enum request_state how,
                      bool (*ends)(const struct pool_lane *lane, const struct db_request *request))
{
	struct db_request *next;
	for (struct db_request *request = queue->first; request; request = next) {
		next = request->next;
		if (ends && !ends(lane, request))
			continue;
		lane_unqueue(lane, request);
		answer_end(lane->pool, request, how);
	}
}

void lane_end_queued(struct pool_lane *lane, enum request_state how,
                     bool (*ends)(const struct pool_lane *lane, const struct db_request *request))
{
	/* Followers first: ending an owner would make one of them an owner elsewhere. */
	for (uint32_t i = 0; i < lane->flows.count; i++)
		end_queue(lane, &lane->flows.at[i].followers, how, ends);
	end_queue(lane, &lane->again, how, ends);
	end_queue(lane, &lane->waiting, how, ends);
	end_queue(lane, &lane->delayed, how, ends);
}
