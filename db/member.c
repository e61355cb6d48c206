#include "db/pool_inside.h"

#include <stdio.h>
#include <stdlib.h>

enum { SETUP_TIMEOUT_MS = 5000, CANCEL_STRAY_MS = 5000, CANCEL_AGAIN_MS = 1000 };

static uint64_t now_ms(const struct member *member)
{
	return uv_now(member->connection.loop);
}

static void set_state(struct member *member, enum member_state state)
{
	member->state = state;
	member->since_ms = now_ms(member);
}

bool member_serves(const struct member *member)
{
	return member->state == MEMBER_SERVING || member->state == MEMBER_FENCED;
}

/* Back to DOWN, whatever it was. */
static void hang_up(struct member *member)
{
	check_free(member->check);
	member->check = NULL;
	member->lane->pool->syncs += member->pipeline.syncs;
	member->pipeline.syncs = 0;
	member->touched = false;
	member->pipeline.broken = member->pipeline.last_words = false;
	db_connection_close(&member->connection);
	set_state(member, MEMBER_DOWN);
}

static void fail_setup(struct member *member, const struct failure *failure)
{
	struct failure copy = *failure;
	hang_up(member);
	dial_failed(member, &copy);
}

static void fail_setup_dead(struct member *member)
{
	struct failure failure;
	failure_from_libpq(&failure, true, PQerrorMessage(member->connection.pg));
	fail_setup(member, &failure);
}

static void start_preparing(struct member *member)
{
	set_state(member, MEMBER_PREPARING);
	if (!prepare_start(&member->prepare, &member->connection, member->lane->kind))
		fail_setup_dead(member);
}

static void start_checking(struct member *member)
{
	set_state(member, MEMBER_CHECKING);
	member->check = check_start(member->connection.pg);
	if (!member->check || !db_connection_flush(&member->connection))
		fail_setup_dead(member);
}

static void on_opened(struct db_connection *connection)
{
	struct member *member = (struct member *)connection;
	const struct pool *pool = member->lane->pool;
	if (pool->settings.mismatch && !atomic_load(pool->settings.checked))
		start_checking(member);
	else
		start_preparing(member);
}

static void on_failed(struct db_connection *connection, const struct failure *failure)
{
	fail_setup((struct member *)connection, failure);
}

static void tell_mismatch(struct pool *pool, const char *message)
{
	if (!pool->mismatch_told)
		pool->settings.mismatch(pool->settings.ctx, message);
	pool->mismatch_told = true;
}

static void pump_check(struct member *member)
{
	struct pool *pool = member->lane->pool;
	char message[CHECK_MESSAGE_SIZE];
	enum check_result result = check_pump(member->check, member->connection.pg, message);
	if (result == CHECK_WAITING) {
		if (!db_connection_flush(&member->connection))
			fail_setup_dead(member);
	} else if (result == CHECK_FITS) {
		check_free(member->check);
		member->check = NULL;
		atomic_store(pool->settings.checked, true);
		start_preparing(member);
	} else if (result == CHECK_DIFFERS) {
		struct failure failure = {.kind = FAILURE_SCHEMA};
		snprintf(failure.message, sizeof(failure.message), "%.250s", message);
		fail_setup(member, &failure);
		tell_mismatch(pool, message);
	} else {
		fail_setup_dead(member);
	}
}

static void pump_prepare(struct member *member)
{
	enum prepare_result result = prepare_pump(&member->prepare, &member->connection);
	if (result == PREPARE_DONE) {
		set_state(member, MEMBER_SERVING);
		member->serving_since_ms = member->since_ms;
		member->cancelled_ms = member->cancel_until_ms = 0;
		dial_served(member);
	} else if (result == PREPARE_FAILED) {
		fail_setup(member, &member->prepare.failure);
	} else if (result == PREPARE_DEAD) {
		fail_setup_dead(member);
	}
}

static void give_up_when_idle(struct member *member)
{
	if (member->state != MEMBER_DRAINING || member->pipeline.count)
		return;
	hang_up(member);
	dial_recycled(member);
}

static void pump_pipeline(struct member *member, bool alive)
{
	if (!pipeline_pump(&member->pipeline) || !alive) {
		const char *words = member->connection.last_words;
		member_lose(member, *words ? words : PQerrorMessage(member->connection.pg));
		return;
	}
	/* A Sync settles nothing, but this member may take more behind it than before. */
	struct pool *pool = member->lane->pool;
	pool->dirty = pool->dirty || pool->queued > 0;
	give_up_when_idle(member);
}

static void on_readable(struct db_connection *connection, bool alive)
{
	struct member *member = (struct member *)connection;
	bool setup = member->state == MEMBER_CHECKING || member->state == MEMBER_PREPARING;
	if (!setup) {
		pump_pipeline(member, alive);
		return;
	}
	if (member->state == MEMBER_CHECKING)
		pump_check(member);
	else
		pump_prepare(member);
	if (!alive && connection->state == LINK_OPEN) {
		if (member_serves(member))
			member_lose(member, PQerrorMessage(connection->pg));
		else
			fail_setup_dead(member);
	}
}

static void on_writable(struct db_connection *connection)
{
	struct member *member = (struct member *)connection;
	member->lane->pool->dirty = true;
}

static const struct db_connection_ops member_ops = {
	.opened = on_opened,
	.failed = on_failed,
	.readable = on_readable,
	.writable = on_writable,
};

void member_init(struct member *member, struct pool_lane *lane, const struct conninfo *conninfo)
{
	member->lane = lane;
	member->state = MEMBER_DOWN;
	db_connection_init(&member->connection, lane->pool->loop, conninfo, &member_ops);
	pipeline_init(&member->pipeline, &member->connection, answer_settled);
}

void member_open(struct member *member)
{
	set_state(member, MEMBER_DIALING);
	db_connection_open(&member->connection);
}

bool member_takes(const struct member *member)
{
	const struct pipeline *pipeline = &member->pipeline;
	if (member->state != MEMBER_SERVING || member->connection.blocked || pipeline->broken ||
	    pipeline->requests >= member->lane->depth)
		return false;
	return pipeline_waiting_ms(pipeline) <= POOL_STALLED_MS;
}

void member_flush(struct member *member)
{
	member->touched = false;
	if (!pipeline_flush(&member->pipeline))
		member->pipeline.broken = true;
	if (member->pipeline.broken)
		pool_soon(member->lane->pool);
}

void member_recycle(struct member *member)
{
	if (!member_serves(member))
		return;
	member->lane->serving--;
	set_state(member, MEMBER_DRAINING);
}

void member_lose(struct member *member, const char *why)
{
	char words[160];
	snprintf(words, sizeof(words), "%.*s", (int)strcspn(why, "\n"), why);
	if (member_serves(member))
		member->lane->serving--;
	set_state(member, MEMBER_DRAINING); /* nothing new, whoever is told now */
	pipeline_fail(&member->pipeline);
	hang_up(member);
	dial_lost(member, *words ? words : "closed by the server");
}

void member_time_out(struct member *member)
{
	struct failure failure = {.kind = FAILURE_NETWORK};
	bool setup = member->state == MEMBER_CHECKING || member->state == MEMBER_PREPARING;
	if (!setup || now_ms(member) - member->since_ms < SETUP_TIMEOUT_MS)
		return;
	snprintf(failure.message, sizeof(failure.message),
	         "PostgreSQL accepted the connection, but did not answer within %d ms",
	         SETUP_TIMEOUT_MS);
	fail_setup(member, &failure);
}

/* A cancel may be lost, or come between two statements: then it is repeated. */
static bool may_cancel(const struct member *member)
{
	bool waits = member->state == MEMBER_FENCED || member->state == MEMBER_DRAINING;
	return member->state == MEMBER_SERVING ||
	       (waits && now_ms(member) - member->cancelled_ms >= CANCEL_AGAIN_MS);
}

void member_cancel_zombie(struct member *member)
{
	struct pool *pool = member->lane->pool;
	bool stuck = pipeline_waiting_ms(&member->pipeline) >= POOL_CANCEL_AFTER_MS &&
	             pipeline_held_up_by_zombie(&member->pipeline);
	if (!may_cancel(member) || !stuck || !pool->settings.control)
		return;
	if (!control_cancel(pool->settings.control, PQbackendPID(member->connection.pg)))
		return;
	if (member_serves(member))
		set_state(member, MEMBER_FENCED);
	member->cancelled_ms = now_ms(member);
	member->cancel_until_ms = member->cancelled_ms + CANCEL_STRAY_MS;
	pool->cancels++;
}

void member_unfence(struct member *member)
{
	if (member->state == MEMBER_FENCED)
		set_state(member, MEMBER_SERVING);
}
