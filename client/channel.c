#include "client/channel.h"

#include "proto/gzip.h"

#include <assert.h>

static struct prism_call *call_of_deadline(struct deadline *deadline)
{
	return (struct prism_call *)((char *)deadline - offsetof(struct prism_call, deadline));
}

static struct prism_call *call_of_rest(struct deadline *rest)
{
	return (struct prism_call *)((char *)rest - offsetof(struct prism_call, rest));
}

struct prism_call *channel_resting(const struct prism_channel *channel)
{
	return channel->rests.count > 0 ? call_of_rest(channel->rests.heap[1]) : NULL;
}

void channel_on_rested(void *ctx, struct deadline *rest)
{
	(void)ctx;
	call_rested(call_of_rest(rest));
}

void channel_on_expired(void *ctx, struct deadline *deadline)
{
	struct prism_channel *channel = ctx;
	struct prism_call *call = call_of_deadline(deadline);
	const char *what = call->attempts == 0 ? "not sent" : "no answer";
	const char *why = call->end.text; /* of the last attempt */
	if (call->state <= CALL_RESTING && *channel->failure)
		why = channel->failure;
	call_abort(call, STATUS_DEADLINE_EXCEEDED, "%s within %u ms%s%s", what, call->timeout_ms,
	           why ? ": " : "", why ? why : "");
}

/* --- calls ----------------------------------------------------------------------- */

static void on_idle(uv_timer_t *timer)
{
	struct prism_channel *channel = timer->data;
	if (channel->calls > 0 || channel->state != CHANNEL_READY)
		return;
	uint64_t unused = uv_now(channel->loop) - channel->idle_since;
	uint32_t most = channel->settings.idle_timeout_ms;
	if (unused < most) {
		uv_timer_start(timer, on_idle, most - unused, 0);
		return;
	}
	struct session *session = channel->session;
	channel->session = NULL;
	channel_set_state(channel, CHANNEL_IDLE);
	session_close(session);
}

static void idle_start(struct prism_channel *channel)
{
	channel->idle_since = uv_now(channel->loop);
	if (channel->settings.idle_timeout_ms > 0 && channel->state != CHANNEL_CLOSED &&
	    !uv_is_active((uv_handle_t *)&channel->idle_timer))
		uv_timer_start(&channel->idle_timer, on_idle, channel->settings.idle_timeout_ms, 0);
}

static void call_count(struct prism_channel *channel)
{
	if (channel->calls++ == 0)
		turn_hold(&channel->turn, true);
}

struct gzip *channel_gzip(struct prism_channel *channel)
{
	if (!channel->gzip)
		channel->gzip = gzip_new();
	return channel->gzip;
}

void channel_forget(struct prism_channel *channel, struct prism_call *call)
{
	assert(!call->ready && !call->stream.session);
	if (--channel->calls > 0)
		return;
	idle_start(channel);
	if (channel->state != CHANNEL_CLOSED)
		turn_hold(&channel->turn, false);
	else
		turn_mark(&channel->turn);
}

static bool deadline_set(struct prism_channel *channel, struct prism_call *call)
{
	if (call->timeout_ms == PRISM_NO_TIMEOUT)
		return true;
	uint64_t at_ns = uv_hrtime() + (uint64_t)call->timeout_ms * 1000000;
	return deadlines_add(&channel->deadlines, &call->deadline, at_ns);
}

void channel_submit(struct prism_channel *channel, struct prism_call *call, const char *fault)
{
	bool empty = TAILQ_EMPTY(&channel->waiting);
	call_count(channel);
	TAILQ_INSERT_TAIL(&channel->waiting, call, link);
	if (fault)
		call_abort(call, STATUS_INVALID_ARGUMENT, "%s", fault);
	else if (!deadline_set(channel, call))
		call_abort(call, STATUS_RESOURCE_EXHAUSTED, "no memory");
	else if (empty)
		channel_pump(channel);
	else
		turn_mark(&channel->turn);
}

void channel_requeue(struct prism_channel *channel, struct prism_call *call)
{
	TAILQ_INSERT_HEAD(&channel->waiting, call, link);
	turn_mark(&channel->turn);
}

void channel_dequeue(struct prism_channel *channel, struct prism_call *call)
{
	TAILQ_REMOVE(&channel->waiting, call, link);
}

void channel_hold(struct prism_channel *channel, struct prism_call *call)
{
	TAILQ_INSERT_TAIL(&channel->held, call, link);
}

void channel_release(struct prism_channel *channel, struct prism_call *call)
{
	TAILQ_REMOVE(&channel->held, call, link);
}

void channel_ready(struct prism_channel *channel, struct prism_call *call)
{
	if (call->ready)
		return;
	call->ready = true;
	TAILQ_INSERT_TAIL(&channel->ready, call, ready_link);
	channel->ready_count++;
	turn_mark(&channel->turn);
}

void channel_unready(struct prism_channel *channel, struct prism_call *call)
{
	if (!call->ready)
		return;
	call->ready = false;
	TAILQ_REMOVE(&channel->ready, call, ready_link);
	channel->ready_count--;
}

void channel_fail_fast(struct prism_channel *channel, bool counts)
{
	uint64_t wait_ms = uv_timer_get_due_in(&channel->timer);
	uint64_t next_ns = uv_hrtime() + wait_ms * 1000000;
	bool again = channel->failure_status == STATUS_UNAVAILABLE;
	struct prism_call *call, *next;
	for (call = TAILQ_FIRST(&channel->waiting); call; call = next) {
		next = TAILQ_NEXT(call, link);
		bool stays = again && call_stays(call, next_ns, counts);
		if (!stays && !call->wait_for_ready)
			call_abort(call, channel->failure_status, "%s", channel->failure);
	}
}

/* False: the first waiting call must wait on. */
static bool send_first(struct prism_channel *channel, struct prism_call *call)
{
	switch (session_room(channel->session, call)) {
	case SESSION_FULL:
		return false;
	case SESSION_TOO_SMALL:
		call_abort(call, STATUS_RESOURCE_EXHAUSTED,
		           "the request is %zu bytes large, the server takes at most %u",
		           call->request.len, channel->session->max_message);
		return true;
	case SESSION_TAKES:
		channel_dequeue(channel, call);
		session_call(channel->session, call);
		return true;
	}
	return false;
}

void channel_pump(struct prism_channel *channel)
{
	struct prism_call *call;
	while (channel->session && (call = TAILQ_FIRST(&channel->waiting)))
		if (!send_first(channel, call))
			return;
	if (TAILQ_EMPTY(&channel->waiting))
		return;
	if (channel->state == CHANNEL_IDLE)
		channel_connect(channel);
	if (channel->state == CHANNEL_BACKOFF)
		channel_fail_fast(channel, false);
}

/* --- the turn ---------------------------------------------------------------------- */

/* Those that are ready now: what a callback makes ready is for the next turn. */
static void tell_ready(struct prism_channel *channel)
{
	struct prism_call *call;
	for (size_t left = channel->ready_count; left > 0; left--) {
		if (!(call = TAILQ_FIRST(&channel->ready)))
			return;
		channel_unready(channel, call);
		call_turn(call);
	}
}

void channel_on_turn(void *ctx)
{
	struct prism_channel *channel = ctx;
	tell_ready(channel);
	channel_pump(channel);
	struct session *session, *next;
	for (session = TAILQ_FIRST(&channel->sessions); session; session = next) {
		next = TAILQ_NEXT(session, link);
		session_turn(session);
	}
	if (channel->state == CHANNEL_CLOSED)
		channel_close_step(channel);
}
