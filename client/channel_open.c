/* A channel's beginning and end. */
#include "client/channel.h"

#include "client/dial.h"
#include "client/http2/http2.h"
#include "client/native/native.h"
#include "proto/gzip.h"

#include <stdio.h>
#include <stdlib.h>

enum { HANDLES = 6 }; /* turn, deadlines, rests, timer, idle_timer, keepalive_timer */

/* What an unpacked answer may take of the heap. */
static size_t arena_limit(const struct settings *settings)
{
	size_t most = (size_t)settings->max_message * 8;
	return most > LIMIT_CALL_ARENA ? most : LIMIT_CALL_ARENA;
}

static void channel_start(struct prism_channel *channel, uv_loop_t *loop)
{
	channel->loop = loop;
	channel->protocol =
		channel->settings.protocol == PRISM_GRPC ? &http2_protocol : &native_protocol;
	channel->open_handles = HANDLES;
	TAILQ_INIT(&channel->waiting);
	TAILQ_INIT(&channel->held);
	TAILQ_INIT(&channel->ready);
	TAILQ_INIT(&channel->sessions);
	turn_start(&channel->turn, loop, channel_on_turn, channel);
	deadlines_start(&channel->deadlines, loop, channel_on_expired, channel);
	deadlines_start(&channel->rests, loop, channel_on_rested, channel);
	channel->budget = channel->settings.budget;
	uv_timer_init(loop, &channel->timer);
	uv_timer_init(loop, &channel->idle_timer);
	uv_timer_init(loop, &channel->keepalive_timer);
	uv_unref((uv_handle_t *)&channel->timer);
	uv_unref((uv_handle_t *)&channel->idle_timer);
	uv_unref((uv_handle_t *)&channel->keepalive_timer);
	channel->timer.data = channel->idle_timer.data = channel->keepalive_timer.data = channel;
	backoff_init(&channel->backoff, uv_hrtime() ^ (uint64_t)(uintptr_t)channel);
	arena_init(&channel->arena, channel->storage, sizeof channel->storage,
	           arena_limit(&channel->settings));
}

static enum status loop_init(struct prism_channel *channel, char message[SETTINGS_MESSAGE_SIZE])
{
	int failed = uv_loop_init(&channel->private_loop);
	if (failed == 0) {
		channel->blocking = true;
		return STATUS_OK;
	}
	snprintf(message, SETTINGS_MESSAGE_SIZE, "no event loop: %s", uv_strerror(failed));
	return STATUS_RESOURCE_EXHAUSTED;
}

static enum status channel_new(struct prism_channel **out,
                               const struct prism_channel_options *options, uv_loop_t *loop,
                               char message[SETTINGS_MESSAGE_SIZE])
{
	struct prism_channel *channel = calloc(1, sizeof *channel);
	if (!channel) {
		snprintf(message, SETTINGS_MESSAGE_SIZE, "no memory");
		return STATUS_RESOURCE_EXHAUSTED;
	}
	enum status status = settings_init(&channel->settings, options, message);
	if (status == STATUS_OK && !loop)
		status = loop_init(channel, message);
	if (status != STATUS_OK) {
		settings_deinit(&channel->settings);
		free(channel);
		return status;
	}
	channel_start(channel, loop ? loop : &channel->private_loop);
	*out = channel;
	return STATUS_OK;
}

enum prism_status prism_channel_open(struct prism_channel **channel,
                                     const struct prism_channel_options *options,
                                     struct uv_loop_s *loop, char message[256])
{
	static const struct prism_channel_options NO_OPTIONS;
	char text[SETTINGS_MESSAGE_SIZE];
	enum status status = channel_new(channel, options ? options : &NO_OPTIONS, loop, text);
	if (message)
		snprintf(message, sizeof text, "%s", status == STATUS_OK ? "" : text);
	return (enum prism_status)status;
}

/* --- closing ------------------------------------------------------------------------- */

static void channel_free(struct prism_channel *channel)
{
	void (*closed)(void *ctx) = channel->closed;
	void *ctx = channel->closed_ctx;
	arena_deinit(&channel->arena);
	gzip_free(channel->gzip);
	settings_deinit(&channel->settings);
	free(channel);
	if (closed)
		closed(ctx);
}

static void handle_gone(struct prism_channel *channel)
{
	if (--channel->open_handles == 0 && !channel->blocking)
		channel_free(channel);
}

static void on_handle_closed(uv_handle_t *handle)
{
	handle_gone(handle->data);
}

static void on_part_closed(void *ctx)
{
	handle_gone(ctx);
}

/* When nothing is left but the handles, they go too. */
void channel_close_step(struct prism_channel *channel)
{
	if (channel->calls > 0 || channel->dials > 0 || !TAILQ_EMPTY(&channel->sessions))
		return;
	turn_stop(&channel->turn, on_part_closed);
	deadlines_close(&channel->deadlines, on_part_closed);
	deadlines_close(&channel->rests, on_part_closed);
	uv_close((uv_handle_t *)&channel->timer, on_handle_closed);
	uv_close((uv_handle_t *)&channel->idle_timer, on_handle_closed);
	uv_close((uv_handle_t *)&channel->keepalive_timer, on_handle_closed);
}

void channel_session_gone(struct prism_channel *channel)
{
	if (channel->state == CHANNEL_CLOSED)
		turn_mark(&channel->turn);
}

static void fail_all(struct prism_channel *channel)
{
	struct prism_call *call;
	struct session *session;
	while ((call = TAILQ_FIRST(&channel->waiting)))
		call_abort(call, STATUS_CANCELLED, "the channel was closed");
	while ((call = channel_resting(channel)))
		call_abort(call, STATUS_CANCELLED, "the channel was closed");
	while ((call = TAILQ_FIRST(&channel->held)))
		call_abort(call, STATUS_CANCELLED, "the channel was closed");
	TAILQ_FOREACH(session, &channel->sessions, link)
	{
		while ((call = streams_any(&session->streams)))
			call_abort(call, STATUS_CANCELLED, "the channel was closed");
		while ((call = TAILQ_FIRST(&session->pings)))
			call_abort(call, STATUS_CANCELLED, "the channel was closed");
		session_close(session);
	}
}

static void close_start(struct prism_channel *channel)
{
	if (channel->dial)
		dial_cancel(channel->dial);
	channel->dial = NULL;
	channel->session = NULL;
	channel_set_state(channel, CHANNEL_CLOSED);
	fail_all(channel);
	turn_hold(&channel->turn, true);
	turn_mark(&channel->turn);
}

void channel_close_blocking(struct prism_channel *channel)
{
	while (channel->open_handles > 0)
		uv_run(channel->loop, UV_RUN_ONCE);
	uv_loop_close(channel->loop);
	channel_free(channel);
}

void prism_channel_close(struct prism_channel *channel, void (*closed)(void *ctx), void *ctx)
{
	if (!channel || channel->state == CHANNEL_CLOSED)
		return;
	channel->closed = closed;
	channel->closed_ctx = ctx;
	close_start(channel);
	if (channel->blocking && !channel->running)
		channel_close_blocking(channel);
}
