/* Blocking: a call is started and the channel's private loop run until it has ended. */
#include "client/channel.h"

#include <stdio.h>

enum { FRESH_NS = 10000000 };

static void result_set(struct prism_result *result, enum prism_status status, const char *message)
{
	result->status = status;
	result->outcome = PRISM_NOT_EXECUTED;
	result->server_us = result->attempts = result->pushback_ms = 0;
	result->reason[0] = result->field[0] = result->request_id[0] = '\0';
	snprintf(result->message, sizeof result->message, "%s", message);
}

/* While nobody ran the loop the server may have drained or closed the connection: that is noticed
 * before a call is sent to it. False: a callback closed the channel, which is gone. */
static bool channel_refresh(struct prism_channel *channel)
{
	if (!channel->session || uv_hrtime() - channel->ran_ns < FRESH_NS)
		return true;
	channel->running = true;
	turn_hold(&channel->turn, true);
	uv_run(channel->loop, UV_RUN_NOWAIT);
	channel->running = false;
	if (channel->state == CHANNEL_CLOSED) {
		channel_close_blocking(channel);
		return false;
	}
	turn_hold(&channel->turn, channel->calls > 0);
	return true;
}

static const char *state_fault(const struct prism_channel *channel)
{
	if (!channel->blocking)
		return "this channel runs on a loop of yours: use prism_call_start()";
	return channel->running ? "called from within a callback of the same channel" : NULL;
}

static const char *kind_fault(bool streams, const struct prism_method *method)
{
	if (!method || (method->kind != PRISM_UNARY) == streams)
		return NULL;
	return streams ? "the method does not stream: use prism_call_wait() or prism_call_start()"
	               : "the method streams: use prism_stream_open() or prism_call_start()";
}

struct prism_call *channel_start_blocking(struct prism_channel *channel, bool streams,
                                          const struct prism_method *method,
                                          const struct prism_call_options *options,
                                          const ProtobufCMessage *request,
                                          const struct prism_call_handler *handler,
                                          struct prism_result *result)
{
	const char *fault = state_fault(channel);
	if (fault) {
		result_set(result, PRISM_FAILED_PRECONDITION, fault);
		return NULL;
	}
	if ((fault = kind_fault(streams, method))) {
		result_set(result, PRISM_INVALID_ARGUMENT, fault);
		return NULL;
	}
	if (!channel_refresh(channel)) {
		result_set(result, PRISM_CANCELLED, "the channel was closed");
		return NULL;
	}
	struct prism_call *call = call_new(channel, method, options, request, handler, &fault);
	if (!call) {
		result_set(result, PRISM_RESOURCE_EXHAUSTED, "no memory");
		return NULL;
	}
	call->owned = true;
	channel_submit(channel, call, fault);
	return call;
}

void channel_run(struct prism_channel *channel, const bool *done)
{
	channel->running = true;
	while (!*done)
		uv_run(channel->loop, UV_RUN_ONCE);
	channel->running = false;
	channel->ran_ns = uv_hrtime();
	if (channel->state == CHANNEL_CLOSED)
		channel_close_blocking(channel);
}

void channel_step(struct prism_channel *channel)
{
	channel->running = true;
	uv_run(channel->loop, UV_RUN_NOWAIT);
	channel->running = false;
	channel->ran_ns = uv_hrtime();
	if (channel->state == CHANNEL_CLOSED)
		channel_close_blocking(channel);
}

static const struct prism_method NO_METHOD; /* is refused: it has no path */

struct wait {
	struct prism_result *result;
	ProtobufCMessage *response;
	bool done;
};

static void on_message(void *ctx, struct prism_call *call, const ProtobufCMessage *message)
{
	struct wait *wait = ctx;
	(void)call;
	wait->response = (ProtobufCMessage *)message;
}

static void on_done(void *ctx, const struct prism_result *result)
{
	struct wait *wait = ctx;
	*wait->result = *result;
	wait->done = true;
}

static enum prism_status wait_for(struct prism_channel *channel, const struct prism_method *method,
                                  const struct prism_call_options *options,
                                  const ProtobufCMessage *request, struct wait *wait)
{
	struct prism_call_handler handler = {.message = on_message, .done = on_done, .ctx = wait};
	if (channel_start_blocking(channel, false, method, options, request, &handler,
	                           wait->result))
		channel_run(channel, &wait->done);
	return wait->result->status;
}

enum prism_status prism_call_wait(struct prism_channel *channel, const struct prism_method *method,
                                  const struct prism_call_options *options,
                                  const ProtobufCMessage *request, ProtobufCMessage **response,
                                  struct prism_result *result)
{
	struct prism_result own;
	struct wait wait = {.result = result ? result : &own};
	if (response)
		*response = NULL;
	enum prism_status status =
		wait_for(channel, method ? method : &NO_METHOD, options, request, &wait);
	if (response && status == PRISM_OK)
		*response = wait.response;
	else if (wait.response)
		protobuf_c_message_free_unpacked(wait.response, NULL);
	return status;
}

enum prism_status prism_ping_wait(struct prism_channel *channel, uint32_t timeout_ms,
                                  uint64_t *round_trip_us, struct prism_result *result)
{
	struct prism_result own;
	struct wait wait = {.result = result ? result : &own};
	struct prism_call_options options = {.timeout_ms = timeout_ms};
	/* Over an idle connection, so that connecting is not part of what is measured. */
	enum prism_status status = PRISM_OK;
	if (channel->blocking && !channel->running && channel->state != CHANNEL_READY)
		status = wait_for(channel, NULL, &options, NULL, &wait);
	wait.done = false;
	uint64_t start_ns = uv_hrtime();
	if (status == PRISM_OK)
		status = wait_for(channel, NULL, &options, NULL, &wait);
	if (status == PRISM_OK && round_trip_us)
		*round_trip_us = (uv_hrtime() - start_ns) / 1000;
	return status;
}
