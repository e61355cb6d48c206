/* Connecting again: at once, then with growing pauses that stay short while the database may be
 * back any moment, and one connection at a time until each lane has one. */
#include "db/pool_inside.h"

#include <stdio.h>

enum {
	AT_ONCE = 2,           /* connections dialled at once when some serve already */
	YOUNG_MS = 1000,       /* a connection that dies younger than this is no success */
	NOTE_AGAIN_MS = 10000, /* the same trouble is noted no more often than this */
	FULL_PAUSE_MS = 5000,  /* max_connections reached: live with what there is */
	FLAP_PAUSE_MAX_MS = 500
};

static const struct {
	uint32_t first_ms, most_ms;
} pauses[] = {
	[FAILURE_NETWORK] = {50, 500},   [FAILURE_STARTING] = {50, 250},
	[FAILURE_FULL] = {250, 1000},    [FAILURE_REFUSED] = {500, 5000},
	[FAILURE_SCHEMA] = {1000, 5000},
};

static uint64_t now_ms(const struct pool *pool)
{
	return uv_now(pool->loop);
}

/* From three quarters to five quarters of it. */
static uint64_t jittered(struct pool *pool, uint64_t pause_ms)
{
	pool->dial.random = pool->dial.random * 1664525 + 1013904223;
	return pause_ms * 3 / 4 + (pool->dial.random >> 16) * pause_ms / 2 / UINT16_MAX;
}

static uint64_t pause_after_failure(struct pool *pool)
{
	const struct dial *dial = &pool->dial;
	if (dial->last.kind == FAILURE_FULL && pool_serving(pool))
		return jittered(pool, FULL_PAUSE_MS);
	uint32_t doublings = dial->failures > 8 ? 8 : dial->failures - 1;
	uint64_t pause_ms = (uint64_t)pauses[dial->last.kind].first_ms << doublings;
	uint64_t most_ms = pauses[dial->last.kind].most_ms;
	return jittered(pool, pause_ms < most_ms ? pause_ms : most_ms);
}

/* The first of each lane before the second of any. */
static struct member *next_down(struct pool *pool)
{
	uint32_t most = 0;
	for (unsigned kind = 0; kind < LANE_COUNT; kind++)
		most = pool->lanes[kind].count > most ? pool->lanes[kind].count : most;
	for (uint32_t i = 0; i < most; i++) {
		for (unsigned kind = 0; kind < LANE_COUNT; kind++) {
			struct pool_lane *lane = &pool->lanes[kind];
			if (i < lane->count && lane->members[i].state == MEMBER_DOWN)
				return &lane->members[i];
		}
	}
	return NULL;
}

static bool each_lane_serves(const struct pool *pool)
{
	for (unsigned kind = 0; kind < LANE_COUNT; kind++)
		if (pool->lanes[kind].serving == 0)
			return false;
	return true;
}

void dial_step(struct pool *pool)
{
	struct dial *dial = &pool->dial;
	uint32_t most = each_lane_serves(pool) ? AT_ONCE : 1;
	while (!pool->closing && dial->dialing < most && now_ms(pool) >= dial->next_ms) {
		struct member *member = next_down(pool);
		if (!member)
			return;
		dial->dialing++;
		member_open(member);
		tick_need(pool);
	}
}

static void update_available(struct pool *pool)
{
	bool available = pool_serving(pool) > 0;
	if (available == pool->available)
		return;
	pool->available = available;
	if (pool->settings.changed)
		pool->settings.changed(pool->settings.ctx, available);
}

void dial_served(struct member *member)
{
	struct pool *pool = member->lane->pool;
	struct dial *dial = &pool->dial;
	dial->dialing--;
	member->lane->serving++;
	pool->dirty = true;
	if (!pool->available && dial->down_since_ms)
		pool_note(pool, "connected to PostgreSQL again after %.1f s (%u failed attempts)",
		          (double)(now_ms(pool) - dial->down_since_ms) / 1000, dial->failures);
	dial->failures = 0;
	dial->next_ms = 0;
	dial->last.message[0] = '\0';
	update_available(pool);
	dial_step(pool);
}

/* What repeats is noted now and then only. */
static void note_failure(struct pool *pool, const struct failure *failure)
{
	struct dial *dial = &pool->dial;
	bool same = strcmp(dial->last.message, failure->message) == 0;
	if (same && now_ms(pool) - dial->noted_ms < NOTE_AGAIN_MS)
		return;
	dial->noted_ms = now_ms(pool);
	pool_note(pool, "cannot connect to PostgreSQL: %s", failure->message);
}

void dial_failed(struct member *member, const struct failure *failure)
{
	struct pool *pool = member->lane->pool;
	struct dial *dial = &pool->dial;
	dial->dialing--;
	if (dial->failures++ == 0)
		dial->failing_since_ms = now_ms(pool);
	note_failure(pool, failure);
	dial->last = *failure;
	if (!pool->available && !dial->down_since_ms)
		dial->down_since_ms = now_ms(pool);
	dial->next_ms = now_ms(pool) + pause_after_failure(pool);
	for (unsigned kind = 0; kind < LANE_COUNT; kind++)
		if (lane_hopeless(&pool->lanes[kind]))
			lane_end_queued(&pool->lanes[kind], REQUEST_REFUSED_DOWN, NULL);
	tick_need(pool);
}

/* Those that are given up young, again and again, are a pause apart: the next is no better. */
static void count_flap(struct member *member)
{
	struct pool *pool = member->lane->pool;
	struct dial *dial = &pool->dial;
	uint64_t now = now_ms(pool);
	bool young = now - member->serving_since_ms < YOUNG_MS;
	dial->flaps = young ? dial->flaps + 1 : 0;
	if (dial->flaps <= 1)
		return;
	uint32_t pause_ms = 25u << (dial->flaps > 6 ? 6 : dial->flaps);
	uint32_t most_ms = FLAP_PAUSE_MAX_MS;
	dial->next_ms = now + jittered(pool, pause_ms < most_ms ? pause_ms : most_ms);
}

/* Without a single connection nobody knows which PostgreSQL, or schema, comes next. */
static void forget_schema(struct pool *pool)
{
	if (pool_serving(pool) == 0)
		atomic_store(pool->settings.checked, false);
}

void dial_recycled(struct member *member)
{
	struct pool *pool = member->lane->pool;
	count_flap(member);
	forget_schema(pool);
	pool->reconnects++;
	update_available(pool);
	tick_need(pool);
	dial_step(pool);
}

void dial_lost(struct member *member, const char *why)
{
	struct pool *pool = member->lane->pool;
	struct dial *dial = &pool->dial;
	pool_note(pool, "lost a connection to PostgreSQL (%u left): %s", pool_serving(pool), why);
	if (pool_serving(pool) == 0)
		dial->down_since_ms = now_ms(pool);
	dial_recycled(member);
}
