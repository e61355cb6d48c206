/* Who goes where: reads a few at a time to the connection with the fewest in line, writes of one
 * project one at a time, nothing behind a statement that stalls. */
#include "db/pool_inside.h"

#include <stdlib.h>

/* Writes that are executed as one. */
struct group {
	uint32_t count;
	struct db_request *at[PIPELINE_GROUP];
};

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
	       flows_init(&lane->flows, count * (POOL_WRITE_DEPTH + PIPELINE_GROUP));
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
	return request->statement->many && !request->lock && !request->alone && request->affinity;
}

static bool joins(const struct group *group, const struct db_request *request)
{
	return request && groups(request) &&
	       (group->count == 0 || request->statement == group->at[0]->statement);
}

static void join(struct group *group, struct db_request *request)
{
	group->at[group->count++] = request;
}

/* Of its affinity, whose turn it has. */
static void join_followers(struct pool_lane *lane, struct group *group, struct flow *flow)
{
	while (flow && group->count < PIPELINE_GROUP && joins(group, flow->followers.first)) {
		join(group, queue_pop(&flow->followers));
		lane->pool->queued--;
	}
}

/* Who has to wait for its affinity's turn does. */
static void gather(struct pool_lane *lane, struct group *group)
{
	struct db_request *next;
	while (group->count < PIPELINE_GROUP && joins(group, next = lane->gathering.first)) {
		queue_remove(&lane->gathering, next);
		struct flow *flow = flow_find(&lane->flows, next->affinity);
		if (flow && flow->owner != next) {
			flow_follow(flow, next);
			continue;
		}
		lane->pool->queued--;
		join(group, next);
		join_followers(lane, group, flow);
	}
}

static void send_group(struct pool_lane *lane, struct member *member, const struct group *group)
{
	struct pool *pool = lane->pool;
	member->touched = true;
	member->solitary = false;
	bool sent = pipeline_send_group(&member->pipeline, group->at, group->count, &pool->encoded);
	for (uint32_t i = 0; i < group->count; i++) {
		struct db_request *request = group->at[i];
		if (sent) {
			request->state = REQUEST_SENT;
			flow_begin(&lane->flows, request);
			pool->sent++;
			continue;
		}
		request->alone = !member->pipeline.broken; /* there is no room for all together */
		lane_queue(lane, &lane->again, request);
	}
}

/* Who waits long for somebody else's lock does not count. */
static uint32_t grouping_now(const struct pool_lane *lane)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < lane->count; i++) {
		const struct pipeline *pipeline = &lane->members[i].pipeline;
		if (pipeline_waiting_ms(pipeline) <= POOL_STALLED_MS)
			count += pipeline->grouping;
	}
	return count;
}

/* As many go as are at work, or a full group: they grow with the load, and who is alone waits for
 * nobody. False: there is none, or it has to wait. */
static bool dispatch_group(struct pool_lane *lane)
{
	uint32_t gathered = lane->gathering.count;
	if (gathered == 0 || (gathered < PIPELINE_GROUP && gathered < grouping_now(lane)))
		return false;
	struct member *member = choose(lane, lane->gathering.first);
	if (!member)
		return false;
	struct group group = {0};
	gather(lane, &group);
	if (group.count > 1)
		send_group(lane, member, &group);
	else if (group.count == 1)
		send_to(lane, member, group.at[0]);
	return true;
}

/* The first in line moves: to a connection, behind the write that has its affinity's turn, or to
 * those that gather. False: it has to wait. */
static bool dispatch_one(struct pool_lane *lane)
{
	struct queue *queue = lane->again.first ? &lane->again : &lane->waiting;
	struct db_request *request = queue->first;
	if (!request)
		return false;
	struct flow *flow = flow_find(&lane->flows, request->affinity);
	bool follows = flow && flow->owner != request;
	if (follows || groups(request)) {
		queue_remove(queue, request);
		if (follows)
			flow_follow(flow, request);
		else
			queue_push(&lane->gathering, request);
		return true;
	}
	struct member *member = choose(lane, request);
	if (!member)
		return false;
	queue_remove(queue, request);
	lane->pool->queued--;
	send_to(lane, member, request);
	return true;
}

void lane_dispatch(struct pool_lane *lane)
{
	while (dispatch_one(lane) || dispatch_group(lane))
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
	end_queue(lane, &lane->gathering, how, ends);
	end_queue(lane, &lane->delayed, how, ends);
}
