/* What time brings: waits that lasted too long, retries that are due, abandoned statements that
 * still run, connections to be dialled. The timer runs only while there is something of it. */
#include "db/pool_inside.h"

enum { TICK_MS = 20 };

static bool waited_too_long(const struct pool_lane *lane, const struct db_request *request)
{
	uint32_t limit_ms = lane->pool->settings.queue_timeout_ms;
	return limit_ms && uv_now(lane->pool->loop) - request->queued_ms >= limit_ms;
}

static void send_delayed(struct pool_lane *lane)
{
	struct db_request *next;
	for (struct db_request *request = lane->delayed.first; request; request = next) {
		next = request->next;
		if (request->due_ms > uv_now(lane->pool->loop))
			continue;
		queue_remove(&lane->delayed, request);
		queue_push(&lane->again, request);
		lane->pool->dirty = true;
	}
}

/* True: this member needs another tick. */
static bool tick_member(struct member *member)
{
	member_time_out(member);
	if (member->pipeline.zombies)
		member_cancel_zombie(member);
	return member->pipeline.zombies || !member_serves(member);
}

static bool tick_lane(struct pool_lane *lane)
{
	bool again = false;
	send_delayed(lane);
	lane->pool->dirty = lane->pool->dirty || lane->gathering.first;
	lane_end_queued(lane, REQUEST_REFUSED_TIMEOUT, waited_too_long);
	for (uint32_t i = 0; i < lane->count; i++)
		again = tick_member(&lane->members[i]) || again;
	return again;
}

void tick_run(uv_timer_t *timer)
{
	struct pool *pool = timer->data;
	bool again = false;
	for (unsigned kind = 0; kind < LANE_COUNT; kind++)
		again = tick_lane(&pool->lanes[kind]) || again;
	dial_step(pool);
	if (!again && !pool->queued)
		uv_timer_stop(timer);
}

void tick_need(struct pool *pool)
{
	if (!pool->closing && !uv_is_active((uv_handle_t *)&pool->tick))
		uv_timer_start(&pool->tick, tick_run, TICK_MS, TICK_MS);
}
