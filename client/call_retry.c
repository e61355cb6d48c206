/* Calls that are sent again. Each attempt sends the same bytes; what is counted is the attempts, of
 * which the channel's first failure to connect ends a call that no server has seen. */
#include "client/channel.h"
#include "client/metadata.h"

#include <assert.h>
#include <stdlib.h>

/* As if it had never been sent; in no list. */
static void call_rewind(struct prism_call *call, enum call_state state)
{
	assert(!call->stream.session && call->state == CALL_OPEN);
	call_drop_answers(call);
	metadata_clear(call->response_metadata);
	call->told = false;
	call->stream = (struct call_stream){.id = 0};
	call->state = state;
}

static bool call_can_rewind(const struct prism_call *call)
{
	return call->method && !call->stream.consumed && !call->given && call->state == CALL_OPEN;
}

bool call_strand(struct prism_call *call)
{
	bool often = call->stranded >= CALL_STRANDED_MOST && !call->wait_for_ready;
	if (!call_can_rewind(call) || often)
		return false;
	call->stranded++;
	call_rewind(call, CALL_WAITING);
	return true;
}

bool call_move(struct prism_call *call)
{
	if (!call_can_rewind(call) || call->moved || call->retry.attempts_most == 1)
		return false;
	call->moved = call->reached = true;
	call_rewind(call, CALL_WAITING);
	return true;
}

static uint64_t call_deadline_ns(const struct prism_call *call)
{
	return call->deadline.place ? call->deadline.at_ns : UINT64_MAX;
}

/* False: it is not to be, or there is no memory for it. */
static bool call_rest(struct prism_call *call, const struct call_end *end, bool refused)
{
	struct prism_channel *channel = call->channel;
	const struct retry_failure failure = {
		.status = end->status,
		.refused = refused,
		.idempotency = call->idempotency,
		.failures = call->failures,
		.pushback_ms = end->pushback_ms,
		.now_ns = uv_hrtime(),
		.deadline_ns = call_deadline_ns(call),
	};
	uint64_t at_ns, random = backoff_random(&channel->backoff.random);
	return retry_again(&call->retry, &channel->budget, &failure, random, &at_ns) &&
	       deadlines_add(&channel->rests, &call->rest, at_ns);
}

bool call_retry(struct prism_call *call, const struct call_end *end, bool refused)
{
	call->failures++;
	call->reached = true;
	call->unsure |= end->outcome == OUTCOME_UNKNOWN;
	if (!call_can_rewind(call) || !call_rest(call, end, refused))
		return false;
	call_rewind(call, CALL_RESTING);
	free(call->end.text);
	call->end = *end;
	return true;
}

void call_retry_or_abort(struct prism_call *call, const struct call_end *end, bool refused)
{
	if (!call_retry(call, end, refused))
		call_abort_end(call, end);
}

void call_rested(struct prism_call *call)
{
	call->state = CALL_WAITING;
	channel_requeue(call->channel, call);
}

bool call_stays(struct prism_call *call, uint64_t next_ns, bool counts)
{
	if (!call->reached)
		return false;
	call->failures += counts;
	return call->failures < call->retry.attempts_most && next_ns < call_deadline_ns(call);
}
