#include "db/pool_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const application_names[LANE_COUNT] = {"prismd:read", "prismd:write"};

void pool_note(struct pool *pool, const char *format, ...)
{
	if (!pool->settings.note)
		return;
	char message[512];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	pool->settings.note(pool->settings.ctx, message);
}

uint32_t pool_serving(const struct pool *pool)
{
	uint32_t serving = 0;
	for (unsigned kind = 0; kind < LANE_COUNT; kind++)
		serving += pool->lanes[kind].serving;
	return serving;
}

static void give_up_broken(struct pool_lane *lane)
{
	for (uint32_t i = 0; i < lane->count; i++) {
		struct member *member = &lane->members[i];
		bool used = member_serves(member) || member->state == MEMBER_DRAINING;
		if (used && member->pipeline.broken)
			member_lose(member, PQerrorMessage(member->connection.pg));
	}
}

static void run_soon(uv_timer_t *timer)
{
	struct pool *pool = timer->data;
	for (unsigned kind = 0; kind < LANE_COUNT; kind++)
		give_up_broken(&pool->lanes[kind]);
	answer_ending(pool);
	if (pool->ending.count)
		pool_soon(pool);
}

void pool_soon(struct pool *pool)
{
	if (!pool->closing && !uv_is_active((uv_handle_t *)&pool->soon))
		uv_timer_start(&pool->soon, run_soon, 0, 0);
}

/* Whatever our own callbacks put in line goes out before the loop sleeps. */
static void run_prepare(uv_prepare_t *prepare)
{
	pool_flush(prepare->data);
}

static void init_handles(struct pool *pool)
{
	uv_timer_init(pool->loop, &pool->tick);
	uv_timer_init(pool->loop, &pool->soon);
	uv_prepare_init(pool->loop, &pool->prepare);
	pool->tick.data = pool->soon.data = pool->prepare.data = pool;
	uv_prepare_start(&pool->prepare, run_prepare);
	uv_unref((uv_handle_t *)&pool->prepare);
	pool->handles = 3;
	for (unsigned kind = 0; kind < LANE_COUNT; kind++) {
		struct pool_lane *lane = &pool->lanes[kind];
		for (uint32_t i = 0; i < lane->count; i++)
			member_init(&lane->members[i], lane, lane->conninfo);
		pool->handles += lane->count;
	}
}

static void free_pool(struct pool *pool)
{
	for (unsigned kind = 0; kind < LANE_COUNT; kind++)
		lane_deinit(&pool->lanes[kind]);
	encoded_deinit(&pool->encoded);
	free(pool);
}

static enum status init_lanes(struct pool *pool)
{
	char message[CONNINFO_MESSAGE_SIZE];
	uint32_t counts[LANE_COUNT] = {pool->settings.read_connections,
	                               pool->settings.write_connections};
	for (unsigned kind = 0; kind < LANE_COUNT; kind++) {
		struct pool_lane *lane = &pool->lanes[kind];
		if (!lane_init(lane, pool, (enum lane)kind, counts[kind] ? counts[kind] : 1))
			return STATUS_RESOURCE_EXHAUSTED;
		struct conninfo_session session = {application_names[kind], lane->timeout_ms,
		                                   lane->timeout_ms / 2, kind == LANE_WRITE};
		enum status status =
			conninfo_new(&lane->conninfo, pool->settings.conninfo, &session, message);
		if (status != STATUS_OK) {
			pool_note(pool, "%s", message);
			return status;
		}
	}
	return STATUS_OK;
}

enum status pool_open(struct pool **out, uv_loop_t *loop, const struct pool_settings *settings)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	if (!pool)
		return STATUS_RESOURCE_EXHAUSTED;
	pool->loop = loop;
	pool->settings = *settings;
	if (!pool->settings.checked)
		pool->settings.checked = &pool->checked;
	if (!pool->settings.queue_limit)
		pool->settings.queue_limit = LIMIT_QUERY_QUEUE;
	enum status status = init_lanes(pool);
	pool->settings.conninfo = NULL; /* the caller's, and read */
	if (status != STATUS_OK) {
		free_pool(pool);
		return status;
	}
	pool->dial.random = (uint32_t)(uv_hrtime() ^ (uintptr_t)pool >> 4);
	init_handles(pool);
	dial_step(pool);
	*out = pool;
	return STATUS_OK;
}

static struct pool_lane *lane_of(struct pool *pool, const struct db_request *request)
{
	return &pool->lanes[request->statement->lane];
}

void pool_submit(struct pool *pool, struct db_request *request)
{
	struct pool_lane *lane = lane_of(pool, request);
	request->attempts = 0;
	request->alone = false;
	request->queued_ms = uv_now(pool->loop);
	if (pool->closing)
		answer_end(pool, request, REQUEST_REFUSED_CLOSING);
	else if (lane_hopeless(lane))
		answer_end(pool, request, REQUEST_REFUSED_DOWN);
	else if (pool->queued >= pool->settings.queue_limit)
		answer_end(pool, request, REQUEST_REFUSED_FULL);
	else
		lane_queue(lane, &lane->waiting, request);
}

/* In flight: its flow, if it has one, goes on without its name; if not, it ends nobody's. */
static void abandon_sent(struct pool *pool, struct db_request *request)
{
	struct flow *flow = flow_find(&lane_of(pool, request)->flows, request->affinity);
	if (flow && flow->owner == request)
		flow->owner = NULL;
	else
		((struct entry *)request->place)->affinity = 0;
	pipeline_abandon(request->place);
	tick_need(pool);
}

bool pool_abandon(struct pool *pool, struct db_request *request)
{
	enum request_state state = request->state;
	if (state == REQUEST_QUEUED)
		lane_unqueue(lane_of(pool, request), request);
	else if (state == REQUEST_SENT)
		abandon_sent(pool, request);
	else
		queue_remove(&pool->ending, request);
	return state == REQUEST_SENT || state == REQUEST_LOST;
}

void pool_flush(struct pool *pool)
{
	if (!pool->dirty)
		return;
	pool->dirty = false;
	for (unsigned kind = 0; kind < LANE_COUNT; kind++)
		lane_dispatch(&pool->lanes[kind]);
	if (pool->queued)
		tick_need(pool);
}

static void add_member(struct pool_state *state, const struct member *member)
{
	bool dialing = member->state == MEMBER_DIALING || member->state == MEMBER_CHECKING ||
	               member->state == MEMBER_PREPARING;
	state->connecting += dialing;
	state->connected += member->state != MEMBER_DOWN && !dialing;
	state->in_flight += member->pipeline.requests;
	state->syncs += member->pipeline.syncs;
}

void pool_state(const struct pool *pool, struct pool_state *out)
{
	*out = (struct pool_state){
		.queued = pool->queued,
		.sent = pool->sent,
		.syncs = pool->syncs,
		.reconnects = pool->reconnects,
		.retries = pool->retries,
		.cancels = pool->cancels,
		.available = pool->available,
	};
	snprintf(out->last_error, sizeof(out->last_error), "%.159s", pool->dial.last.message);
	for (unsigned kind = 0; kind < LANE_COUNT; kind++)
		for (uint32_t i = 0; i < pool->lanes[kind].count; i++)
			add_member(out, &pool->lanes[kind].members[i]);
}

static void handle_gone(struct pool *pool)
{
	if (--pool->handles > 0)
		return;
	while (pool->ending.count)
		answer_ending(pool);
	void (*closed)(void *ctx) = pool->closed;
	void *ctx = pool->closed_ctx;
	free_pool(pool);
	closed(ctx);
}

static void handle_closed(uv_handle_t *handle)
{
	handle_gone(handle->data);
}

static void member_closed(struct db_connection *connection)
{
	handle_gone(((struct member *)connection)->lane->pool);
}

static void close_lane(struct pool_lane *lane)
{
	for (uint32_t i = 0; i < lane->count; i++) {
		struct member *member = &lane->members[i];
		check_free(member->check);
		member->check = NULL;
		pipeline_fail(&member->pipeline);
		db_connection_deinit(&member->connection, member_closed);
	}
	lane_end_queued(lane, REQUEST_REFUSED_CLOSING, NULL);
}

static void run_close(uv_timer_t *timer)
{
	struct pool *pool = timer->data;
	for (unsigned kind = 0; kind < LANE_COUNT; kind++)
		close_lane(&pool->lanes[kind]);
	while (pool->ending.count)
		answer_ending(pool);
	uv_close((uv_handle_t *)&pool->tick, handle_closed);
	uv_close((uv_handle_t *)&pool->soon, handle_closed);
	uv_close((uv_handle_t *)&pool->prepare, handle_closed);
}

void pool_close(struct pool *pool, void (*done)(void *ctx), void *ctx)
{
	pool->closing = true;
	pool->closed = done;
	pool->closed_ctx = ctx;
	uv_timer_stop(&pool->tick);
	uv_timer_start(&pool->soon, run_close, 0, 0);
}
