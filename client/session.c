#include "client/session.h"

#include "client/channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	STREAM_RETIRES = FRAME_STREAM_MAX / 4 * 3, /* a new connection takes over before ids end */
	OUTPUT_MOST = 1 << 20,                     /* new calls wait above this */
	PUMPS_AT_ONCE = 16,
};

static size_t on_received(void *ctx, struct bytes input, size_t *needed)
{
	return session_receive(ctx, input, needed);
}

static void on_writable(void *ctx)
{
	struct session *session = ctx;
	turn_mark(&session->channel->turn);
}

static void on_lost(void *ctx, const char *reason)
{
	session_lost(ctx, reason);
}

static void on_closed(void *ctx)
{
	struct session *session = ctx;
	struct prism_channel *channel = session->channel;
	streams_deinit(&session->streams);
	paths_deinit(&session->paths);
	TAILQ_REMOVE(&channel->sessions, session, link);
	free(session);
	channel_session_gone(channel);
}

static const struct connection_events EVENTS = {
	.received = on_received,
	.writable = on_writable,
	.lost = on_lost,
	.closed = on_closed,
};

struct session *session_new(struct prism_channel *channel, int fd)
{
	struct session *session = calloc(1, sizeof *session);
	if (!session) {
		close(fd);
		return NULL;
	}
	if (connection_open(&session->connection, channel->loop, fd, &EVENTS, session) !=
	    STATUS_OK) {
		free(session);
		return NULL;
	}
	session->channel = channel;
	session->limits = HELLO_START;
	session->next_stream = 1;
	session->last_stream = FRAME_STREAM_MAX;
	flow_init(&session->flow, HELLO_START.connection_credit, LIMIT_CONNECTION_CREDIT);
	TAILQ_INIT(&session->sending);
	TAILQ_INIT(&session->pings);
	TAILQ_INSERT_TAIL(&channel->sessions, session, link);
	session_write_preface(session);
	return session;
}

enum session_room session_room(const struct session *session, const struct prism_call *call)
{
	if (session->state > SESSION_READY || session->connection.broken ||
	    session->streams.count >= session->limits.max_streams ||
	    buffer_len(&session->connection.out) >= OUTPUT_MOST)
		return SESSION_FULL;
	if (call->request.len > session->limits.max_message)
		return session->state == SESSION_GREETING ? SESSION_FULL : SESSION_TOO_SMALL;
	return call->request.len > 0 && session->flow.send <= 0 ? SESSION_FULL : SESSION_TAKES;
}

static void ping_send(struct session *session, struct prism_call *call)
{
	uint8_t opaque[8];
	uint64_t number = session->next_ping++;
	memcpy(opaque, &number, sizeof opaque);
	call->stream.id = (uint32_t)number;
	TAILQ_INSERT_TAIL(&session->pings, call, link);
	session_write_ping(session, 0, opaque);
}

void session_call(struct session *session, struct prism_call *call)
{
	call->state = CALL_OPEN;
	call->attempts++;
	call->stream = (struct call_stream){.session = session, .committed_at = UINT64_MAX};
	if (!call->method) {
		ping_send(session, call);
		return;
	}
	call->stream.id = session->next_stream;
	if (!streams_insert(&session->streams, call)) {
		call->stream.session = NULL;
		call_abort_as(call, STATUS_RESOURCE_EXHAUSTED, OUTCOME_NOT_EXECUTED, "no memory");
		return;
	}
	session->next_stream += 2;
	flow_init(&call->stream.flow, session->limits.stream_credit, LIMIT_STREAM_CREDIT);
	session_write_call(session, call);
	if (session->state != SESSION_CLOSED)
		session_send(session, call);
	if (session->next_stream >= STREAM_RETIRES && session->state <= SESSION_READY) {
		session->state = SESSION_DRAINING;
		channel_session_draining(session->channel, session, STATUS_OK, 0);
	}
}

void session_send(struct session *session, struct prism_call *call)
{
	if (call->stream.queued || !call_has_to_send(call))
		return;
	TAILQ_INSERT_TAIL(&session->sending, call, link);
	call->stream.queued = true;
	turn_mark(&session->channel->turn);
}

void session_drop(struct session *session, struct prism_call *call, enum status status)
{
	call->stream.session = NULL;
	if (!call->method) {
		TAILQ_REMOVE(&session->pings, call, link);
		return;
	}
	if (call->stream.queued)
		TAILQ_REMOVE(&session->sending, call, link);
	call->stream.queued = false;
	streams_remove(&session->streams, call);
	if (status != STATUS_OK && session->state != SESSION_CLOSED)
		session_write_cancel(session, call->stream.id, status);
	turn_mark(&session->channel->turn);
}

uint64_t session_reached(const struct session *session)
{
	if (session->strange)
		return 0;
	return session->state == SESSION_CLOSED ? session->connection.written
	                                        : connection_appended(&session->connection);
}

void session_answered(struct session *session, struct prism_call *call, enum answer answer,
                      size_t taken, const char *reason)
{
	if (answer != ANSWER_OK)
		call_fail_answer(call, answer, reason);
	else if (call->stream.session && taken > 0)
		session_write_credit(session, call->stream.id,
		                     flow_take(&call->stream.flow, taken));
	if (answer == ANSWER_MALFORMED)
		session_fault(session, reason);
}

static bool session_idle(const struct session *session)
{
	return session->streams.count == 0 && TAILQ_EMPTY(&session->pings) &&
	       buffer_len(&session->connection.out) == 0;
}

void session_turn(struct session *session)
{
	if (session->state == SESSION_CLOSED)
		return;
	for (int i = 0; i < PUMPS_AT_ONCE; i++) {
		session_pump(session);
		if (session->state == SESSION_CLOSED)
			return;
		connection_write(&session->connection);
		if (buffer_len(&session->connection.out) > 0 || TAILQ_EMPTY(&session->sending) ||
		    session->flow.send <= 0)
			break;
	}
	if (buffer_len(&session->connection.out) == 0) {
		session->acks = 0;
		if (!TAILQ_EMPTY(&session->sending) && session->flow.send > 0)
			turn_mark(&session->channel->turn);
	}
	if (session->state == SESSION_DRAINING && session_idle(session))
		session_close(session);
}

void session_fault(struct session *session, const char *reason)
{
	if (session->state == SESSION_CLOSED)
		return;
	session_write_goaway(session, FRAME_GOAWAY_FINAL, STATUS_INTERNAL, reason);
	if (session->state == SESSION_CLOSED)
		return;
	connection_write(&session->connection);
	char text[WIRE_REASON_SIZE + 64];
	snprintf(text, sizeof text, "the server does not keep to the protocol: %s", reason);
	session_lost(session, text);
}

/* Nothing will be heard of it any more. */
static void orphan(struct session *session, struct prism_call *call, const char *text)
{
	bool left = call_left(call, session_reached(session));
	struct call_end end = {.status = STATUS_UNAVAILABLE, .outcome = call_outcome(call)};
	session_drop(session, call, STATUS_OK);
	if (!left && call_strand(call)) {
		channel_requeue(session->channel, call);
		return;
	}
	end.text = strdup(text);
	if (left)
		call_retry_or_abort(call, &end, false);
	else
		call_abort_end(call, &end);
}

void session_lost(struct session *session, const char *reason)
{
	if (session->state == SESSION_CLOSED)
		return;
	char text[ADDRESS_TEXT_SIZE + WIRE_REASON_SIZE * 2 + 128];
	snprintf(text, sizeof text, "%s %s %s: %s%s%s",
	         session->strange ? "the server at" : "the connection to",
	         session->channel->settings.address.text,
	         session->strange ? "does not speak PRISM's protocol" : "was lost", reason,
	         *session->goaway ? "; before that: " : "", session->goaway);
	bool greeted = session->state != SESSION_GREETING;
	session->state = SESSION_CLOSED;
	channel_session_lost(session->channel, session, greeted, text);
	struct prism_call *call;
	while ((call = streams_any(&session->streams)))
		orphan(session, call, text);
	while ((call = TAILQ_FIRST(&session->pings)))
		call_abort(call, STATUS_UNAVAILABLE, "%s", text);
	shutdown(session->connection.fd, SHUT_WR);
	connection_close(&session->connection);
}

void session_close(struct session *session)
{
	if (session->state == SESSION_CLOSED)
		return;
	session->state = SESSION_CLOSED;
	connection_write(&session->connection);
	shutdown(session->connection.fd, SHUT_WR);
	connection_close(&session->connection);
}
