#include "client/channel.h"

#include <stdio.h>

static void set(struct session *session, enum alive_state state)
{
	session->alive = (struct alive){state, uv_now(session->channel->loop)};
}

static uint64_t due_ms(const struct session *session)
{
	const struct settings *settings = &session->channel->settings;
	switch (session->alive.state) {
	case ALIVE:
		return session->alive.since_ms + settings->keepalive_ms;
	case ASKED:
		return session->alive.since_ms + settings->keepalive_timeout_ms;
	case OVERDUE:
		break;
	}
	return session->alive.since_ms + 1;
}

/* The time for what its state waits for is over. */
static void step(struct session *session)
{
	char reason[64];
	switch (session->alive.state) {
	case ALIVE:
		set(session, ASKED);
		session->protocol->ping(session, session->next_ping++);
		break;
	case ASKED:
		set(session, OVERDUE);
		break;
	case OVERDUE:
		snprintf(reason, sizeof reason, "no answer to a PING within %u ms",
		         session->channel->settings.keepalive_timeout_ms);
		session_lost(session, reason);
		break;
	}
}

static bool is_watched(const struct session *session)
{
	return session->state != SESSION_CLOSED && session->streams.count > 0;
}

static void on_timer(uv_timer_t *timer)
{
	struct prism_channel *channel = timer->data;
	uint64_t now_ms = uv_now(channel->loop), next_ms = UINT64_MAX;
	struct session *session;
	TAILQ_FOREACH(session, &channel->sessions, link)
	{
		if (is_watched(session) && due_ms(session) <= now_ms)
			step(session);
		if (is_watched(session) && due_ms(session) < next_ms)
			next_ms = due_ms(session);
	}
	if (next_ms != UINT64_MAX)
		uv_timer_start(timer, on_timer, next_ms > now_ms ? next_ms - now_ms : 0, 0);
}

/* Fires in `in_ms` at the latest; it finds out itself what is due. */
static void arm(struct prism_channel *channel, uint32_t in_ms)
{
	uv_timer_t *timer = &channel->keepalive_timer;
	if (!uv_is_active((uv_handle_t *)timer) || uv_timer_get_due_in(timer) > in_ms)
		uv_timer_start(timer, on_timer, in_ms, 0);
}

void keepalive_begin(struct session *session)
{
	uint32_t keepalive_ms = session->channel->settings.keepalive_ms;
	if (keepalive_ms == 0)
		return;
	set(session, ALIVE);
	arm(session->channel, keepalive_ms);
}

void keepalive_heard(struct session *session)
{
	if (session->alive.state == ALIVE)
		session->alive.since_ms = uv_now(session->channel->loop);
	else
		keepalive_begin(session);
}
