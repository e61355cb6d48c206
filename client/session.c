#include "client/session.h"

#include "client/channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	STREAM_RETIRES = FRAME_STREAM_MAX / 4 * 3, /* a new connection takes over before ids end */
	OUTPUT_MOST = 1 << 20,                     /* new calls wait above this */
	PRODUCES_AT_ONCE = 16,
};

static size_t on_received(void *ctx, struct bytes input, size_t *needed)
{
	struct session *session = ctx;
	if (session->state == SESSION_CLOSED)
		return 0;
	keepalive_heard(session);
	return session->protocol->receive(session, input, needed);
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
	session->protocol->deinit(session);
	streams_deinit(&session->streams);
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
	const struct protocol *protocol = channel->protocol;
	struct session *session = calloc(1, protocol->size);
	if (!session) {
		close(fd);
		return NULL;
	}
	if (connection_open(&session->connection, channel->loop, fd, &EVENTS, session) !=
	    STATUS_OK) {
		free(session);
		return NULL;
	}
	session->protocol = protocol;
	session->channel = channel;
	session->max_message = protocol->max_message;
	session->next_stream = 1;
	session->last_stream = FRAME_STREAM_MAX;
	TAILQ_INIT(&session->pings);
	TAILQ_INSERT_TAIL(&channel->sessions, session, link);
	protocol->begin(session);
	return session;
}

enum session_room session_room(const struct session *session, const struct prism_call *call)
{
	if (session->state > SESSION_READY || session->connection.broken ||
	    buffer_len(&session->connection.out) >= OUTPUT_MOST ||
	    !session->protocol->has_room(session, call))
		return SESSION_FULL;
	if (call->request.len > session->max_message)
		return session->state == SESSION_GREETING ? SESSION_FULL : SESSION_TOO_SMALL;
	return SESSION_TAKES;
}

static void ping_send(struct session *session, struct prism_call *call)
{
	call->stream.id = session->next_ping++;
	TAILQ_INSERT_TAIL(&session->pings, call, link);
	session->protocol->ping(session, call->stream.id);
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
	if (session->streams.count == 1)
		keepalive_begin(session);
	session->protocol->open(session, call);
	if (session->state != SESSION_CLOSED)
		session_send(session, call);
	if (session->next_stream >= STREAM_RETIRES && session->state <= SESSION_READY) {
		session->state = SESSION_DRAINING;
		channel_session_draining(session->channel, session, STATUS_OK, 0);
	}
}

void session_send(struct session *session, struct prism_call *call)
{
	if (!call_has_to_send(call))
		return;
	session->protocol->send(session, call);
	turn_mark(&session->channel->turn);
}

void session_drop(struct session *session, struct prism_call *call, enum status status)
{
	call->stream.session = NULL;
	if (!call->method) {
		TAILQ_REMOVE(&session->pings, call, link);
		return;
	}
	streams_remove(&session->streams, call);
	session->protocol->drop(session, call, status);
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
		session->protocol->credit(session, call, taken);
	if (answer == ANSWER_MALFORMED && session->protocol->strict)
		session_fault(session, reason);
}

static bool session_idle(const struct session *session)
{
	return session->streams.count == 0 && TAILQ_EMPTY(&session->pings) &&
	       buffer_len(&session->connection.out) == 0;
}

void session_turn(struct session *session)
{
	bool more = true;
	for (int i = 0; i < PRODUCES_AT_ONCE && more; i++) {
		if (session->state == SESSION_CLOSED)
			return;
		more = session->protocol->produce(session);
		if (session->state == SESSION_CLOSED)
			return;
		connection_write(&session->connection);
		if (buffer_len(&session->connection.out) > 0)
			break;
	}
	if (buffer_len(&session->connection.out) == 0) {
		session->protocol->written(session);
		if (more)
			turn_mark(&session->channel->turn);
	}
	if (session->state == SESSION_DRAINING && session_idle(session))
		session_close(session);
}

void session_fault(struct session *session, const char *reason)
{
	if (session->state == SESSION_CLOSED)
		return;
	session->protocol->complain(session, reason);
	if (session->state == SESSION_CLOSED)
		return;
	connection_write(&session->connection);
	char text[WIRE_REASON_SIZE + 64];
	snprintf(text, sizeof text, "the server does not keep to the protocol: %s", reason);
	session_lost(session, text);
}

void session_orphan(struct session *session, struct prism_call *call, const char *text)
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
	snprintf(text, sizeof text, "%s %s %s%s: %s%s%s",
	         session->strange ? "the server at" : "the connection to",
	         session->channel->settings.address.text,
	         session->strange ? "does not speak " : "was lost",
	         session->strange ? session->protocol->name : "", reason,
	         *session->goaway ? "; before that: " : "", session->goaway);
	bool greeted = session->state != SESSION_GREETING;
	session->state = SESSION_CLOSED;
	channel_session_lost(session->channel, session, greeted, text);
	struct prism_call *call;
	while ((call = streams_any(&session->streams)))
		session_orphan(session, call, text);
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
