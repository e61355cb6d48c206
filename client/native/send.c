/* Frames that leave. Each is one reservation in the connection's output; without memory for it the
 * session ends, as a frame cannot be left out. */
#include "client/native/native.h"

#include "client/channel.h"

#include <assert.h>

enum {
	QUANTUM = 16384,      /* of one message, when several calls send at once */
	OUTPUT_ROOM = 262144, /* messages wait in their calls when so much is unwritten */
	PING_SIZE = 8,
	CREDIT_SIZE = 4,
};

static bool output(struct native_session *native, size_t len, struct writer *writer)
{
	struct session *session = &native->session;
	uint8_t *at = buffer_reserve(&session->connection.out, len);
	if (!at) {
		session_lost(session, "no memory for output");
		return false;
	}
	session->connection.out.end += len;
	*writer = writer_init(at, len);
	turn_mark(&session->channel->turn);
	return true;
}

void native_write_preface(struct native_session *native)
{
	const struct settings *settings = &native->session.channel->settings;
	struct hello hello = {
		.max_frame = FRAME_MOST,
		.max_message = settings->max_message,
		.max_meta = LIMIT_FRAME_META,
		.stream_credit = LIMIT_STREAM_CREDIT,
		.connection_credit = LIMIT_CONNECTION_CREDIT,
		.codecs = 1,
		.agent = bytes_of_string(settings->agent),
		.token = bytes_of_string(settings->token),
	};
	size_t len = hello_size(&hello);
	struct writer writer;
	if (!output(native, PREFACE_SIZE + FRAME_HEADER_SIZE + len, &writer))
		return;
	preface_write(writer.at, FRAME_VERSION, FRAME_VERSION);
	writer.at += PREFACE_SIZE;
	frame_header_write(&writer, FRAME_HELLO, 0, 0, len, 0);
	hello_write(&writer, &hello);
	assert(!writer.failed);
}

void native_write_credit(struct native_session *native, uint32_t stream, uint32_t increment)
{
	struct writer writer;
	if (increment == 0 || !output(native, FRAME_HEADER_SIZE + CREDIT_SIZE, &writer))
		return;
	frame_header_write(&writer, FRAME_CREDIT, 0, stream, 0, CREDIT_SIZE);
	writer_u32(&writer, increment);
}

void native_write_cancel(struct native_session *native, uint32_t stream, enum status code)
{
	struct cancel_meta meta = {.code = code == STATUS_DEADLINE_EXCEEDED ? code
	                                                                    : STATUS_CANCELLED};
	size_t len = cancel_meta_size(&meta);
	struct writer writer;
	if (!output(native, FRAME_HEADER_SIZE + len, &writer))
		return;
	frame_header_write(&writer, FRAME_CANCEL, 0, stream, len, 0);
	cancel_meta_write(&writer, &meta);
}

void native_write_ping(struct native_session *native, uint8_t flags,
                       const uint8_t opaque[PING_SIZE])
{
	struct writer writer;
	if (!output(native, FRAME_HEADER_SIZE + PING_SIZE, &writer))
		return;
	frame_header_write(&writer, FRAME_PING, flags, 0, 0, PING_SIZE);
	writer_bytes(&writer, opaque, PING_SIZE);
}

void native_write_goaway(struct native_session *native, uint8_t flags, enum status code,
                         const char *reason)
{
	struct goaway_meta meta = {.code = code, .reason = bytes_of_string(reason)};
	size_t len = goaway_meta_size(&meta);
	struct writer writer;
	if (!output(native, FRAME_HEADER_SIZE + len, &writer))
		return;
	frame_header_write(&writer, FRAME_GOAWAY, flags, 0, len, 0);
	goaway_meta_write(&writer, &meta);
}

/* --- messages ---------------------------------------------------------------- */

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t credit_of(const struct flow *flow)
{
	return flow->send > 0 ? (size_t)flow->send : 0;
}

/* How much of `rest` the next frame may carry beside `meta_len` bytes of metadata. */
static size_t fragment_len(const struct native_session *native, const struct prism_call *call,
                           size_t rest, size_t meta_len)
{
	size_t most = native->limits.max_frame - meta_len;
	size_t fair = TAILQ_EMPTY(&native->sending) ? most : smaller(most, QUANTUM);
	size_t credit = smaller(credit_of(&native->flow), credit_of(&call->stream.flow));
	return smaller(smaller(rest, fair), credit);
}

/* Counts a fragment that was written, and from where on the server may act on the call: a whole
 * request, or the CALL itself when requests stream. */
static void fragment_done(struct native_session *native, struct prism_call *call, size_t len,
                          bool last)
{
	native->flow.send -= (int64_t)len;
	call->stream.flow.send -= (int64_t)len;
	call_sent(call, len, last);
	if (call->stream.committed_at == UINT64_MAX && (last || call_streams_requests(call)))
		call->stream.committed_at = connection_appended(&native->session.connection);
}

static uint8_t fragment_flags(const struct prism_call *call, bool last, bool alone)
{
	if (!last)
		return FRAME_MORE;
	return call->close_send && alone ? FRAME_CLOSE : 0;
}

static void write_fragment(struct native_session *native, struct prism_call *call,
                           struct bytes rest, size_t len)
{
	struct writer writer;
	bool last = len == rest.len;
	if (!output(native, FRAME_HEADER_SIZE + len, &writer))
		return;
	uint8_t flags = fragment_flags(call, last, call_sends_alone(call));
	frame_header_write(&writer, FRAME_MSG, flags, call->stream.id, 0, len);
	writer_bytes(&writer, rest.data, len);
	fragment_done(native, call, len, last);
}

static void write_close(struct native_session *native, struct prism_call *call)
{
	struct writer writer;
	if (!output(native, FRAME_HEADER_SIZE, &writer))
		return;
	frame_header_write(&writer, FRAME_MSG, FRAME_NOMSG | FRAME_CLOSE, call->stream.id, 0, 0);
	call->stream.closed = true;
}

static uint64_t remaining_us(const struct prism_call *call)
{
	uint64_t now = uv_hrtime();
	return call->deadline.at_ns > now ? (call->deadline.at_ns - now) / 1000 : 0;
}

static struct call_meta call_meta_of(struct native_session *native, const struct prism_call *call)
{
	bool defined;
	struct bytes path = bytes_of_string(call->method->path);
	struct call_meta meta = {
		.path_id = paths_id(&native->paths, path, native->limits.max_interned, &defined),
		.has_timeout = call->timeout_ms != PRISM_NO_TIMEOUT,
		.attempt = call->attempts - 1,
	};
	if (!defined)
		meta.path = path;
	if (meta.has_timeout)
		meta.timeout_us = remaining_us(call);
	if (call->traced)
		meta.trace = bytes_of(call->trace, sizeof call->trace);
	return meta;
}

void native_write_call(struct native_session *native, struct prism_call *call)
{
	struct call_meta meta = call_meta_of(native, call);
	size_t meta_len = call_meta_size(&meta, NULL, 0) + call->metadata.len;
	struct bytes rest = {NULL, 0};
	bool message = !call_streams_requests(call) && call_unsent(call, &rest);
	size_t len = fragment_len(native, call, rest.len, meta_len);
	struct writer writer;
	if (!output(native, FRAME_HEADER_SIZE + meta_len + len, &writer))
		return;
	uint8_t flags = message ? fragment_flags(call, len == rest.len, true) : FRAME_NOMSG;
	frame_header_write(&writer, FRAME_CALL, flags, call->stream.id, meta_len, len);
	call_meta_write(&writer, &meta, NULL, 0);
	writer_bytes(&writer, call->metadata.data, call->metadata.len);
	writer_bytes(&writer, rest.data, len);
	assert(!writer.failed);
	if (message)
		fragment_done(native, call, len, len == rest.len);
	else
		call->stream.committed_at = connection_appended(&native->session.connection);
}

enum pumped { PUMPED, PUMPED_ALL, PUMP_WAITS_STREAM, PUMP_WAITS_CONNECTION };

/* One frame of a call's messages. */
static enum pumped pump_call(struct native_session *native, struct prism_call *call)
{
	struct bytes rest;
	if (!call_unsent(call, &rest)) {
		if (call_has_to_send(call))
			write_close(native, call);
		return PUMPED_ALL;
	}
	size_t len = fragment_len(native, call, rest.len, 0);
	if (len == 0 && rest.len > 0)
		return native->flow.send <= 0 ? PUMP_WAITS_CONNECTION : PUMP_WAITS_STREAM;
	write_fragment(native, call, rest, len);
	if (call->want_writable && buffer_len(&call->outbox) <= CALL_OUTBOX_ROOM)
		channel_ready(native->session.channel, call);
	return call_has_to_send(call) ? PUMPED : PUMPED_ALL;
}

void native_send(struct session *session, struct prism_call *call)
{
	if (call->stream.queued)
		return;
	TAILQ_INSERT_TAIL(&native_of(session)->sending, call, link);
	call->stream.queued = true;
}

static void native_pump(struct native_session *native)
{
	struct session *session = &native->session;
	struct prism_call *call;
	while ((call = TAILQ_FIRST(&native->sending)) &&
	       buffer_len(&session->connection.out) < OUTPUT_ROOM) {
		TAILQ_REMOVE(&native->sending, call, link);
		call->stream.queued = false;
		enum pumped pumped = pump_call(native, call);
		if (session->state == SESSION_CLOSED)
			return;
		if (pumped == PUMP_WAITS_CONNECTION) {
			TAILQ_INSERT_HEAD(&native->sending, call, link);
			call->stream.queued = true;
			return;
		}
		if (pumped == PUMPED)
			session_send(session, call);
	}
}

bool native_produce(struct session *session)
{
	struct native_session *native = native_of(session);
	native_pump(native);
	return !TAILQ_EMPTY(&native->sending) && native->flow.send > 0;
}
