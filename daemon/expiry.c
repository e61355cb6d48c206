#include "daemon/expiry.h"

#include "daemon/log.h"
#include "db/queries.h"

static void on_timer(uv_timer_t *timer);

static void again_in(struct expiry *expiry, uint64_t ms)
{
	uv_timer_start(&expiry->timer, on_timer, ms, 0);
}

static void end_pass(struct expiry *expiry)
{
	if (expiry->removed > 0)
		log_line(LOG_DEBUG, "idempotency_keys_expired",
		         LOG_NUMBER("rows", expiry->removed));
	expiry->removed = 0;
	again_in(expiry, EXPIRY_EVERY_MS);
}

static void on_answered(void *ctx, struct db_answer *answer)
{
	struct expiry *expiry = ctx;
	int64_t removed = 0;
	expiry->asking = false;
	if (answer->status == STATUS_OK)
		removed = idempotency_expire_removed(&answer->rows, 0);
	else if (answer->status != STATUS_UNAVAILABLE) /* then the pool says why */
		log_limited(
			LOG_WARN, "idempotency_keys_not_expired",
			LOG_TEXT("sqlstate", answer->error.sqlstate),
			LOG_TEXT("message", answer->error.message ? answer->error.message : ""));
	rows_clear(&answer->rows);
	expiry->removed += removed;
	if (removed == EXPIRY_BATCH_ROWS)
		again_in(expiry, EXPIRY_PAUSE_MS);
	else
		end_pass(expiry);
}

static void on_timer(uv_timer_t *timer)
{
	struct expiry *expiry = timer->data;
	if (expiry->asking || !expiry->rpc->pool)
		return;
	expiry->params[0] = (struct param){.type = DB_INT4, .integer = EXPIRY_AGE_HOURS};
	expiry->params[1] = (struct param){.type = DB_INT4, .integer = EXPIRY_BATCH_ROWS};
	expiry->request = (struct db_request){
		.statement = &IDEMPOTENCY_EXPIRE,
		.params = {expiry->params, 2},
		.done = on_answered,
		.ctx = expiry,
	};
	expiry->asking = true;
	pool_submit(expiry->rpc->pool, &expiry->request);
}

void expiry_open(struct expiry *expiry, struct rpc *rpc)
{
	*expiry = (struct expiry){.rpc = rpc};
	uv_timer_init(rpc->loop, &expiry->timer);
	expiry->timer.data = expiry;
	again_in(expiry, 0);
}

void expiry_close(struct expiry *expiry)
{
	uv_close((uv_handle_t *)&expiry->timer, NULL);
}
