#include "daemon/transport/native_session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { REASON_SIZE = 256, LATE_FRAMES = 16 };

static const char *const frame_names[] = {
	[FRAME_HELLO] = "HELLO",   [FRAME_CALL] = "CALL", [FRAME_MSG] = "MSG",
	[FRAME_HEAD] = "HEAD",     [FRAME_END] = "END",   [FRAME_CANCEL] = "CANCEL",
	[FRAME_CREDIT] = "CREDIT", [FRAME_PING] = "PING", [FRAME_GOAWAY] = "GOAWAY",
};

static const char *frame_name(uint8_t type)
{
	const char *name = NULL;
	if (type < sizeof(frame_names) / sizeof(*frame_names))
		name = frame_names[type];
	return name ? name : "an unknown frame";
}

static uint64_t now_ms(const struct session *session)
{
	return uv_now(session->connection->transport->loop);
}

/* --- GOAWAY --------------------------------------------------------------- */

static void send_goaway(struct session *session, uint8_t flags, const struct goaway_meta *meta)
{
	size_t len = goaway_meta_size(meta);
	uint8_t *room = native_frame(session, FRAME_GOAWAY, flags, 0, len, 0);
	if (!room)
		return;
	struct writer writer = writer_init(room, len);
	goaway_meta_write(&writer, meta);
	assert(!writer.failed);
}

static void send_final(struct session *session, enum status code, const char *reason)
{
	if (session->final_sent)
		return;
	session->final_sent = true;
	send_goaway(session, FRAME_GOAWAY_FINAL,
	            &(struct goaway_meta){.last_stream = session->last_stream,
	                                  .code = code,
	                                  .reason = bytes_of_string(reason)});
}

/* The last words; nothing is received any more. */
static void end(struct session *session, enum status code, const char *reason)
{
	send_final(session, code, reason);
	session->state = SESSION_ENDED;
	connection_finish(session->connection);
}

static void cancel_all(struct session *session)
{
	struct stream *stream;
	while ((stream = stream_table_any(&session->streams)) != NULL) {
		struct call *call = stream->call;
		stream->call = NULL;
		native_stream_close(stream);
		if (call)
			call_cancel(call, STATUS_CANCELLED, true);
	}
}

void session_fail(struct session *session, enum status code, const char *format, ...)
{
	if (session->state == SESSION_ENDED)
		return;
	char reason[REASON_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	struct connection *connection = session->connection;
	connection->transport->counters.protocol_errors++;
	transport_note(connection->transport, &connection->peer, "closed: %s", reason);
	session->state = SESSION_ENDED;
	session->final_sent = false;
	cancel_all(session);
	end(session, code, reason);
}

static void drain_last(struct session *session)
{
	session->state = SESSION_LAST;
	timeout_clear(&session->connection->phase);
	connection_touch(session->connection);
}

static const char *why_leaving(const struct session *session)
{
	const char *leaving = session->connection->leaving;
	return leaving ? leaving : TRANSPORT_STOPPING;
}

static void drain_begin(struct session *session)
{
	session->state = SESSION_DRAINING;
	send_goaway(session, 0,
	            &(struct goaway_meta){.last_stream = FRAME_STREAM_MAX,
	                                  .code = STATUS_UNAVAILABLE,
	                                  .reason = bytes_of_string(why_leaving(session))});
	transport_wait(session->connection->transport, WAIT_ACK, &session->connection->phase);
}

static void on_goaway(struct session *session, const struct frame *frame)
{
	struct goaway_meta meta;
	const char *reason;
	if (!goaway_meta_decode(frame->meta, &meta, &reason)) {
		session_fail(session, STATUS_INTERNAL, "GOAWAY: %s", reason);
		return;
	}
	bool ack = frame->flags & FRAME_GOAWAY_ACK, final = frame->flags & FRAME_GOAWAY_FINAL;
	if (ack && final) {
		session_fail(session, STATUS_INTERNAL, "GOAWAY: ACK and FINAL exclude each other");
	} else if (ack && session->state == SESSION_OPEN) {
		session_fail(session, STATUS_INTERNAL, "GOAWAY ACK without a GOAWAY before it");
	} else if (ack) {
		if (session->state == SESSION_DRAINING)
			drain_last(session);
	} else {
		if (!final && !session->goaway_acked)
			send_goaway(session, FRAME_GOAWAY_ACK, &(struct goaway_meta){0});
		session->goaway_acked = true;
		drain_last(session);
	}
}

/* --- HELLO and PING -------------------------------------------------------- */

static void send_hello(struct session *session)
{
	const struct transport_settings *ours = &session->connection->transport->settings;
	struct hello hello = {
		.max_frame = LIMIT_FRAME_START,
		.max_message = LIMIT_MESSAGE,
		.max_meta = LIMIT_FRAME_META,
		.max_streams = LIMIT_STREAMS,
		.stream_credit = LIMIT_STREAM_CREDIT,
		.connection_credit = LIMIT_CONNECTION_CREDIT,
		.max_interned = LIMIT_INTERNED_PATHS,
		.min_ping_ms = LIMIT_PING_INTERVAL,
		.codecs = 1,
		.agent = bytes_of_string(ours->agent),
		.boot_id = ours->boot_id,
	};
	size_t len = hello_size(&hello);
	uint8_t *room = native_frame(session, FRAME_HELLO, 0, 0, len, 0);
	if (!room)
		return;
	struct writer writer = writer_init(room, len);
	hello_write(&writer, &hello);
	assert(!writer.failed);
}

static bool keep_token(struct session *session, struct bytes token)
{
	struct peer *peer = &session->connection->peer;
	if (token.len == 0)
		return true;
	if (memchr(token.data, 0, token.len)) {
		session_fail(session, STATUS_INTERNAL, "HELLO: a token has no zero bytes");
		return false;
	}
	peer->token = strndup((const char *)token.data, token.len);
	if (!peer->token)
		session->connection->broken = true;
	return peer->token != NULL;
}

static void on_hello(struct session *session, const struct frame *frame)
{
	struct hello told, limits = HELLO_START;
	const char *reason;
	if (session->state != SESSION_HELLO) {
		session_fail(session, STATUS_INTERNAL, "HELLO came twice: it is sent once, first");
		return;
	}
	if (!hello_decode(frame->meta, &told, &reason)) {
		session_fail(session, STATUS_INTERNAL, "HELLO: %s", reason);
		return;
	}
	if (!keep_token(session, told.token))
		return;
	hello_raise(&limits, &told);
	session->peer_max_frame = limits.max_frame;
	session->peer_max_message = limits.max_message;
	session->peer_max_meta = limits.max_meta;
	session->peer_stream_credit = limits.stream_credit;
	flow_init(&session->flow, limits.connection_credit, LIMIT_CONNECTION_CREDIT);
	session->state = SESSION_OPEN;
	timeout_clear(&session->connection->phase);
	if (session->connection->transport->draining)
		drain_begin(session);
}

static bool ping_allowed(struct session *session)
{
	uint64_t now = now_ms(session), before = session->last_ping_ms;
	session->last_ping_ms = now;
	if (before == 0 || now - before >= LIMIT_PING_INTERVAL)
		session->ping_strikes = 0;
	else
		session->ping_strikes++;
	return session->ping_strikes <= LIMIT_PING_STRIKES &&
	       session->acks_unsent < LIMIT_OUTSTANDING_ACKS;
}

static void on_ping(struct session *session, const struct frame *frame)
{
	if (frame->flags & FRAME_PING_ACK)
		return;
	if (!ping_allowed(session)) {
		session_fail(session, STATUS_RESOURCE_EXHAUSTED,
		             "too many PINGs: at most one in %d ms", LIMIT_PING_INTERVAL);
		return;
	}
	uint8_t *room = native_frame(session, FRAME_PING, FRAME_PING_ACK, 0, 0, frame->body.len);
	if (!room)
		return;
	memcpy(room, frame->body.data, frame->body.len);
	session->acks_unsent++;
}

static void on_answer(struct session *session, const struct frame *frame)
{
	session_fail(session, STATUS_INTERNAL, "%s on stream %u: only a server sends it",
	             frame_name(frame->type), frame->stream);
}

/* --- credit and memory ------------------------------------------------------ */

static void settle(struct session *session)
{
	if (session->held > LIMIT_CONNECTION_INPUT || session->owed == 0)
		return;
	uint32_t increment = flow_take(&session->flow, session->owed);
	session->owed = 0;
	if (increment > 0 && session->state != SESSION_ENDED)
		native_send_credit(session, 0, increment);
}

void session_received(struct session *session, size_t len)
{
	session->owed += len;
	settle(session);
}

void session_hold(struct session *session, struct stream *stream, size_t more, size_t less)
{
	assert(less <= stream->held + more);
	stream->held = (uint32_t)(stream->held + more - less);
	session->held = session->held + more - less;
	if (less > 0)
		settle(session);
}

void session_expect_late(struct session *session, uint32_t bytes)
{
	uint32_t late = LATE_FRAMES + bytes;
	if (late > UINT32_MAX - session->late_allowance)
		late = UINT32_MAX - session->late_allowance;
	session->late_allowance += late;
}

void session_stream_ended(struct session *session, struct stream *stream)
{
	bool closed = stream->input == STREAM_HALF_CLOSED;
	session_expect_late(session, closed ? 0 : stream->flow.window - stream->flow.received);
	session_hold(session, stream, 0, stream->held);
	if (session->streams.count > 0)
		return;
	connection_idle(session->connection);
	connection_touch(session->connection);
}

/* --- the protocol ------------------------------------------------------------ */

typedef void frame_handler(struct session *session, const struct frame *frame);

static frame_handler *const handlers[] = {
	[FRAME_HELLO] = on_hello,          [FRAME_CALL] = native_on_call,
	[FRAME_MSG] = native_on_message,   [FRAME_HEAD] = on_answer,
	[FRAME_END] = on_answer,           [FRAME_CANCEL] = native_on_cancel,
	[FRAME_CREDIT] = native_on_credit, [FRAME_PING] = on_ping,
	[FRAME_GOAWAY] = on_goaway,
};

static void on_frame(struct session *session, const struct frame *frame)
{
	if (session->state == SESSION_HELLO && frame->type != FRAME_HELLO)
		session_fail(session, STATUS_INTERNAL, "the first frame must be HELLO, not %s",
		             frame_name(frame->type));
	else if (frame->type < FRAME_IGNORABLE)
		handlers[frame->type](session, frame);
}

/* Names the frame by its header, so that whoever writes a client finds it in a trace. */
static void on_malformed(struct session *session, struct bytes in, const char *reason)
{
	struct reader reader = reader_init(in);
	uint32_t length = reader_u32(&reader);
	uint8_t type = reader_u8(&reader), flags = reader_u8(&reader);
	uint16_t meta_len = reader_u16(&reader);
	uint32_t stream = reader_u32(&reader);
	session_fail(session, STATUS_INTERNAL,
	             "%s (type %u, flags %u, stream %u, length %u, meta_len %u; max_frame is %d)",
	             reason, type, flags, stream, length, meta_len, LIMIT_FRAME_START);
}

static void on_preface(struct session *session, uint8_t version_min, uint8_t version_max)
{
	uint8_t *room = connection_reserve(session->connection, PREFACE_SIZE);
	if (!room)
		return;
	preface_write(room, FRAME_VERSION, FRAME_VERSION);
	connection_wrote(session->connection, PREFACE_SIZE);
	if (version_min > FRAME_VERSION) {
		session_fail(session, STATUS_UNIMPLEMENTED,
		             "versions %u to %u are not spoken here, only %d", version_min,
		             version_max, FRAME_VERSION);
		return;
	}
	send_hello(session);
	if (session->connection->refused)
		end(session, STATUS_UNAVAILABLE, CONNECTION_REFUSAL);
	else
		session->state = SESSION_HELLO;
}

static size_t receive_preface(struct session *session, struct bytes in, size_t *needed)
{
	uint8_t version_min, version_max;
	const char *reason;
	switch (preface_decode(in, &version_min, &version_max, &reason)) {
	case DECODE_OK:
		on_preface(session, version_min, version_max);
		return PREFACE_SIZE;
	case DECODE_INCOMPLETE:
		*needed = PREFACE_SIZE;
		return 0;
	case DECODE_MALFORMED:
		break;
	}
	uint8_t *room = connection_reserve(session->connection, PREFACE_SIZE);
	if (room) {
		preface_write(room, FRAME_VERSION, FRAME_VERSION);
		connection_wrote(session->connection, PREFACE_SIZE);
	}
	session_fail(session, STATUS_INTERNAL, "%s", reason);
	return in.len;
}

static size_t native_receive(struct connection *connection, struct bytes in, size_t *needed)
{
	struct session *session = connection->session;
	size_t taken = 0;
	if (session->state == SESSION_PREFACE) {
		taken = receive_preface(session, in, needed);
		if (taken == 0)
			return 0;
	}
	while (taken < in.len && session->state != SESSION_ENDED) {
		struct bytes rest = bytes_of(in.data + taken, in.len - taken);
		struct frame frame;
		size_t consumed;
		const char *reason;
		enum decode decoded =
			frame_decode(rest, LIMIT_FRAME_START, &frame, &consumed, needed, &reason);
		if (decoded == DECODE_INCOMPLETE)
			return taken;
		if (decoded == DECODE_MALFORMED) {
			on_malformed(session, rest, reason);
			return in.len;
		}
		on_frame(session, &frame);
		taken += consumed;
	}
	return session->state == SESSION_ENDED ? in.len : taken;
}

static void native_drain(struct connection *connection)
{
	struct session *session = connection->session;
	if (session->state == SESSION_OPEN)
		drain_begin(session);
	else if (session->state < SESSION_OPEN)
		transport_wait(connection->transport, WAIT_LINGER, &connection->phase);
}

static void native_expired(struct connection *connection)
{
	struct session *session = connection->session;
	switch (session->state) {
	case SESSION_PREFACE:
	case SESSION_HELLO:
		if (connection->transport->draining) {
			session_fail(session, STATUS_UNAVAILABLE, TRANSPORT_STOPPING);
			break;
		}
		connection->transport->counters.preface_timeouts++;
		session_fail(session, STATUS_DEADLINE_EXCEEDED, "no preface and HELLO within %u ms",
		             connection->transport->waits[WAIT_PREFACE].after_ms);
		break;
	case SESSION_OPEN:
		stream_table_shrink(&session->streams);
		break;
	case SESSION_DRAINING:
		send_final(session, STATUS_UNAVAILABLE, why_leaving(session));
		drain_last(session);
		break;
	case SESSION_LAST:
	case SESSION_ENDED:
		break;
	}
}

static void native_stuck(struct connection *connection)
{
	session_fail(connection->session, STATUS_DEADLINE_EXCEEDED,
	             "a frame did not end within %u ms",
	             connection->transport->waits[WAIT_UNIT].after_ms);
}

static void native_before_write(struct connection *connection)
{
	struct session *session = connection->session;
	native_produce(connection);
	if (connection_unsent(connection) == 0)
		session->acks_unsent = 0;
	if (session->streams.count > 0)
		return;
	if (session->state == SESSION_LAST) {
		end(session, STATUS_UNAVAILABLE, "the last call has ended");
	} else if (session->state == SESSION_OPEN && session->streams.capacity > 0 &&
	           !timeout_armed(&connection->phase)) {
		transport_wait(connection->transport, WAIT_IDLE, &connection->phase);
	}
}

static void native_gone(struct connection *connection)
{
	struct session *session = connection->session;
	session->state = SESSION_ENDED;
	cancel_all(session);
	stream_table_deinit(&session->streams);
	native_paths_deinit(&session->paths);
	free(session);
}

const struct protocol native = {
	.name = "native",
	.receive = native_receive,
	.produce = native_before_write,
	.drain = native_drain,
	.expired = native_expired,
	.stuck = native_stuck,
	.gone = native_gone,
};

void native_begin(struct connection *connection)
{
	struct session *session = calloc(1, sizeof(*session));
	if (!session) {
		connection->broken = true;
		connection_touch(connection);
		return;
	}
	session->connection = connection;
	session->streams.seed = connection->transport->settings.seed;
	connection->protocol = &native;
	connection->peer.transport = native.name;
	connection->session = session;
}
