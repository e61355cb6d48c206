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

void keepalive_heard(struct session *session)
{
	if (session->channel->settings.keepalive_ms > 0)
		set(session, ALIVE);
}

void keepalive_begin(struct session *session)
{
	struct prism_channel *channel = session->channel;
	if (channel->settings.keepalive_ms == 0)
		return;
	set(session, ALIVE);
	if (!uv_is_active((uv_handle_t *)&channel->keepalive_timer))
		uv_timer_start(&channel->keepalive_timer, on_timer, channel->settings.keepalive_ms,
		               0);
}
