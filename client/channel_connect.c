/* How a channel comes to a connection, and loses it. */
#include "client/channel.h"

#include "client/dial.h"

#include <stdio.h>

static void failure_set(struct prism_channel *channel, enum status status, const char *text)
{
	channel->failure_status = status;
	snprintf(channel->failure, sizeof channel->failure, "%s", text);
}

void channel_set_state(struct prism_channel *channel, enum channel_state state)
{
	if (channel->state == CHANNEL_CLOSED)
		return;
	channel->state = state;
	if (state == CHANNEL_IDLE || state == CHANNEL_READY || state == CHANNEL_CLOSED)
		uv_timer_stop(&channel->timer);
	turn_mark(&channel->turn);
}

static void on_backoff(uv_timer_t *timer)
{
	channel_set_state(timer->data, CHANNEL_IDLE);
}

static void backoff_start(struct prism_channel *channel, uint32_t wait_ms)
{
	channel->session = NULL;
	uv_update_time(channel->loop);
	uv_timer_start(&channel->timer, on_backoff, wait_ms, 0);
	channel_set_state(channel, CHANNEL_BACKOFF);
	channel_fail_fast(channel, true);
}

static void connect_failed(struct prism_channel *channel, const char *reason)
{
	char text[CHANNEL_FAILURE_SIZE];
	snprintf(text, sizeof text, "cannot connect to %s: %s", channel->settings.address.text,
	         reason);
	failure_set(channel, STATUS_UNAVAILABLE, text);
	backoff_start(channel, backoff_next(&channel->backoff));
}

static void on_connected(void *ctx, int fd)
{
	struct prism_channel *channel = ctx;
	channel->dial = NULL;
	struct session *session = session_new(channel, fd);
	if (!session || session->state == SESSION_CLOSED) {
		connect_failed(channel, "no memory");
		return;
	}
	channel->session = session;
	channel_set_state(channel, CHANNEL_GREETING);
}

static void on_failed(void *ctx, const char *reason)
{
	struct prism_channel *channel = ctx;
	channel->dial = NULL;
	connect_failed(channel, reason);
}

static void on_gone(void *ctx)
{
	struct prism_channel *channel = ctx;
	channel->dials--;
	channel_session_gone(channel);
}

static const struct dial_events EVENTS = {on_connected, on_failed, on_gone};

static void on_timeout(uv_timer_t *timer)
{
	struct prism_channel *channel = timer->data;
	char reason[64];
	snprintf(reason, sizeof reason, "no %s%s within %u ms",
	         channel->session ? channel->protocol->greeting : "connection",
	         channel->session ? " from the server" : "", channel->settings.connect_timeout_ms);
	if (channel->dial)
		dial_cancel(channel->dial);
	channel->dial = NULL;
	if (channel->session)
		session_lost(channel->session, reason);
	else
		connect_failed(channel, reason);
}

void channel_connect(struct prism_channel *channel)
{
	char reason[256];
	channel_set_state(channel, CHANNEL_DIALING);
	uv_update_time(channel->loop);
	uv_timer_start(&channel->timer, on_timeout, channel->settings.connect_timeout_ms, 0);
	channel->dial = dial_start(channel->loop, &channel->settings.address,
	                           channel->settings.connect_timeout_ms, &EVENTS, channel, reason);
	if (channel->dial)
		channel->dials++;
	else
		connect_failed(channel, reason);
}

void channel_session_ready(struct prism_channel *channel, struct session *session)
{
	if (channel->session != session)
		return;
	channel->failure[0] = '\0';
	channel_set_state(channel, CHANNEL_READY);
}

void channel_session_answered(struct prism_channel *channel)
{
	backoff_reset(&channel->backoff);
	channel->fruitless = false;
}

/* How long to wait before the next connection: one that ends without an answer is replaced at once,
 * a row of them is not. */
static uint32_t wait_after(struct prism_channel *channel, const struct session *session)
{
	bool again = channel->fruitless && !session->answered;
	channel->fruitless = !session->answered;
	return again ? backoff_next(&channel->backoff) : 0;
}

void channel_session_draining(struct prism_channel *channel, struct session *session,
                              enum status code, uint32_t retry_after_ms)
{
	if (channel->session != session)
		return;
	channel->session = NULL;
	bool at_once = code == STATUS_OK || code == STATUS_UNAVAILABLE;
	uint32_t wait_ms = at_once ? wait_after(channel, session) : backoff_next(&channel->backoff);
	if (wait_ms == 0 && retry_after_ms == 0) {
		channel_set_state(channel, CHANNEL_IDLE);
		return;
	}
	failure_set(channel, at_once ? STATUS_UNAVAILABLE : code, session->goaway);
	backoff_start(channel, wait_ms > retry_after_ms ? wait_ms : retry_after_ms);
}

void channel_session_lost(struct prism_channel *channel, struct session *session, bool greeted,
                          const char *reason)
{
	if (channel->session != session)
		return;
	channel->session = NULL;
	uint32_t wait_ms = greeted ? wait_after(channel, session) : backoff_next(&channel->backoff);
	if (wait_ms == 0) {
		channel_set_state(channel, CHANNEL_IDLE);
		return;
	}
	failure_set(channel, STATUS_UNAVAILABLE, reason);
	backoff_start(channel, wait_ms);
}
