/* Blocking streams: a call that is paused whenever nobody asks for its next message, so
 * that the server is held back. */
#include "client/channel.h"

#include <stdlib.h>

struct prism_stream {
	struct prism_channel *channel;
	struct prism_call *call;   /* NULL: it has ended */
	ProtobufCMessage *message; /* that came and was not taken */
	struct prism_result result;
	bool stop; /* a message came, or the end */
};

static void on_message(void *ctx, struct prism_call *call, const ProtobufCMessage *message)
{
	struct prism_stream *stream = ctx;
	stream->message = (ProtobufCMessage *)message;
	stream->stop = true;
	prism_call_pause(call, true);
}

static void on_done(void *ctx, const struct prism_result *result)
{
	struct prism_stream *stream = ctx;
	stream->result = *result;
	stream->call = NULL;
	stream->stop = true;
}

static void on_writable(void *ctx, struct prism_call *call)
{
	struct prism_stream *stream = ctx;
	(void)call;
	stream->stop = true;
}

static void on_initial(void *ctx, struct prism_call *call)
{
	struct prism_stream *stream = ctx;
	(void)call;
	stream->stop = true;
}

struct prism_stream *prism_stream_open(struct prism_channel *channel,
                                       const struct prism_method *method,
                                       const struct prism_call_options *options,
                                       const ProtobufCMessage *request)
{
	struct prism_stream *stream = calloc(1, sizeof *stream);
	if (!stream)
		return NULL;
	stream->channel = channel;
	struct prism_call_handler handler = {
		.message = on_message, .done = on_done, .ctx = stream, .writable = on_writable};
	stream->call = channel_start_blocking(channel, true, method, options, request, &handler,
	                                      &stream->result);
	if (stream->call)
		prism_call_pause(stream->call, true);
	return stream;
}

bool prism_stream_wait_initial(struct prism_stream *stream)
{
	while (stream->call && !stream->call->told) {
		stream->call->handler.initial = on_initial;
		stream->stop = false;
		channel_run(stream->channel, &stream->stop);
	}
	if (stream->call)
		stream->call->given = true;
	return stream->call != NULL;
}

bool prism_stream_send(struct prism_stream *stream, const ProtobufCMessage *message)
{
	while (stream->call) {
		if (prism_call_send(stream->call, message)) {
			channel_step(stream->channel);
			return true;
		}
		if (!stream->call->want_writable)
			return false;
		stream->stop = false;
		channel_run(stream->channel, &stream->stop);
	}
	return false;
}

void prism_stream_compress(struct prism_stream *stream, bool compress)
{
	if (stream->call)
		prism_call_compress(stream->call, compress);
}

void prism_stream_close_send(struct prism_stream *stream)
{
	if (stream->call)
		prism_call_close_send(stream->call);
}

ProtobufCMessage *prism_stream_next(struct prism_stream *stream)
{
	if (stream->call) {
		stream->stop = false;
		prism_call_pause(stream->call, false);
		channel_run(stream->channel, &stream->stop);
	}
	ProtobufCMessage *message = stream->message;
	stream->message = NULL;
	return message;
}

enum prism_status prism_stream_close(struct prism_stream *stream, struct prism_result *result)
{
	if (!stream)
		return PRISM_RESOURCE_EXHAUSTED;
	if (stream->call) {
		prism_call_cancel(stream->call);
		stream->stop = false;
		channel_run(stream->channel, &stream->stop);
	}
	enum prism_status status = stream->result.status;
	if (result)
		*result = stream->result;
	if (stream->message)
		protobuf_c_message_free_unpacked(stream->message, NULL);
	free(stream);
	return status;
}

enum prism_status prism_stream_finish(struct prism_stream *stream, ProtobufCMessage **response,
                                      struct prism_result *result)
{
	ProtobufCMessage *last = NULL, *next;
	if (response)
		*response = NULL;
	if (!stream)
		return PRISM_RESOURCE_EXHAUSTED;
	prism_stream_close_send(stream);
	while ((next = prism_stream_next(stream))) {
		if (last)
			protobuf_c_message_free_unpacked(last, NULL);
		last = next;
	}
	enum prism_status status = prism_stream_close(stream, result);
	if (response && status == PRISM_OK)
		*response = last;
	else if (last)
		protobuf_c_message_free_unpacked(last, NULL);
	return status;
}
