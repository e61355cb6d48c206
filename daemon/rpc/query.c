/* One request to the pool lives on the waiting fiber's stack: answered, or abandoned before the
 * frame goes. The pool's code runs on the loop's stack. */
#include "daemon/rpc/query.h"

#include "daemon/rpc/state.h"
#include "db/sqlstate.h"

struct asking {
	struct call *call;
	struct db_request request;
	struct db_answer answer;
	bool submitted, answered;
	bool sent; /* when it was abandoned */
};

static bool writes(const struct asking *asking)
{
	return asking->request.statement->lane == LANE_WRITE;
}

static void answered(void *ctx, struct db_answer *answer)
{
	struct asking *asking = ctx;
	asking->answer = *answer;
	asking->answered = true;
	if (answer->error.message) /* it may go with the result that it is in */
		asking->answer.error.message =
			arena_strdup(&asking->call->arena, answer->error.message);
	call_notify(asking->call, WANTS_ANSWER);
}

static void submit(struct call *call, void *ctx)
{
	struct asking *asking = ctx;
	asking->submitted = true;
	pool_submit(call->rpc->pool, &asking->request);
}

static void abandon(struct call *call, void *ctx)
{
	struct asking *asking = ctx;
	asking->sent = pool_abandon(call->rpc->pool, &asking->request);
}

/* OK: there is an answer, good or bad; it counts even if the call was stopped meanwhile. */
static SUSPENDS enum status ask(struct call *call, struct asking *asking)
{
	call_on_loop_when_parked(call, submit, asking);
	enum status status = call_suspend(call, WANTS_ANSWER, asking->request.statement->name);
	if (asking->answered)
		return STATUS_OK;
	if (!asking->submitted)
		return status;
	call_on_loop(call, abandon, asking);
	if (asking->sent && writes(asking)) {
		call->wrote = true;
		call->outcome = OUTCOME_UNKNOWN;
	}
	return status;
}

static const char *text_of(const struct db_answer *answer)
{
	if (answer->status == STATUS_DEADLINE_EXCEEDED)
		return "the database took too long";
	if (answer->error.sqlstate[0] != '\0')
		return sqlstate_find(answer->error.sqlstate)->text;
	if (answer->status == STATUS_UNAVAILABLE)
		return "the database is not available; try again";
	return status_text(answer->status);
}

static enum status failed(struct call *call, const struct asking *asking)
{
	const struct db_answer *answer = &asking->answer;
	const struct db_error *error = &answer->error;
	call->cause = arena_printf(&call->arena, "%s: %s %s", asking->request.statement->name,
	                           error->sqlstate, error->message ? error->message : "");
	if (writes(asking) && answer->outcome == OUTCOME_UNKNOWN)
		call->wrote = true;
	return call_fail_outcome(call, answer->status, answer->outcome, "%s", text_of(answer));
}

static void release(void *rows)
{
	rows_clear(rows);
}

/* The rows live as long as the call: a response may point into them. */
static enum status keep(struct call *call, struct asking *asking, struct rows *out)
{
	call->wrote |= writes(asking);
	struct rows *kept = arena_copy(&call->arena, &asking->answer.rows, sizeof(*kept));
	if (!kept) {
		rows_clear(&asking->answer.rows);
		return call_no_memory(call);
	}
	if (!arena_defer(&call->arena, release, kept))
		return call_no_memory(call);
	*out = *kept;
	return STATUS_OK;
}

enum status query_write(struct call *call, const struct write *write, struct rows *rows,
                        struct db_error *error)
{
	struct asking asking = {
		.call = call,
		.request = {.statement = write->statement,
	                    .params = write->params,
	                    .lock = write->lock,
	                    .lock_params = write->lock_params,
	                    .affinity = write->affinity,
	                    .done = answered,
	                    .ctx = &asking},
	};
	*error = (struct db_error){0};
	if (!call->rpc->pool)
		return call_fail_outcome(call, STATUS_UNAVAILABLE, OUTCOME_NOT_EXECUTED,
		                         "no database is configured");
	TRY(ask(call, &asking));
	if (asking.answer.status == STATUS_OK)
		return keep(call, &asking, rows);
	*error = asking.answer.error;
	return failed(call, &asking);
}

enum status query_try(struct call *call, const struct statement *statement, struct params params,
                      uint64_t affinity, struct rows *rows, struct db_error *error)
{
	const struct write one = {.statement = statement, .params = params, .affinity = affinity};
	return query_write(call, &one, rows, error);
}

enum status query(struct call *call, const struct statement *statement, struct params params,
                  struct rows *rows)
{
	struct db_error error;
	return query_try(call, statement, params, 0, rows, &error);
}
