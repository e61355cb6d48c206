/* How long a connection of HTTP/2 lives: a silent peer is asked whether it is there, one that has
 * had no call for long, or is old, is drained. Each is off when its setting is 0.
 *
 * Every wait of a kind has one length (timeout.h). So what is watched is a flag that activity sets
 * and that the wait looks at when it expires: what should have been seen within the time is seen
 * within twice the time. */
#include "daemon/transport/http2/session.h"

#include <uv.h>

enum { AGE_STEPS = 16 };

static const uint8_t ALIVE_PING[8] = "prismyou";

static bool is_on(const struct transport *transport, enum transport_wait wait)
{
	return transport->waits[wait].after_ms > 0;
}

static void wait_for(struct http2_session *session, enum transport_wait wait,
                     struct timeout *timeout)
{
	struct transport *transport = http2_transport(session);
	if (is_on(transport, wait))
		transport_wait(transport, wait, timeout);
}

/* Connections that came together must not go together: their ages differ by up to a fifth. */
static uint8_t age_steps(void)
{
	uint8_t byte = 0;
	(void)uv_random(NULL, NULL, &byte, sizeof(byte), 0, NULL);
	return byte % (AGE_STEPS + 1);
}

void http2_alive_begin(struct http2_session *session)
{
	session->age_steps = age_steps();
	wait_for(session, WAIT_HTTP2_KEEPALIVE, &session->alive);
	wait_for(session, WAIT_HTTP2_IDLE, &session->idle);
	wait_for(session, WAIT_HTTP2_AGE, &session->age);
}

void http2_alive_end(struct http2_session *session)
{
	timeout_clear(&session->alive);
	timeout_clear(&session->idle);
	timeout_clear(&session->age);
}

void http2_alive_heard(struct http2_session *session)
{
	session->heard = true;
	if (!session->asked)
		return;
	session->asked = false;
	wait_for(session, WAIT_HTTP2_KEEPALIVE, &session->alive);
}

#define SESSION_OF(timeout, member) \
	((struct http2_session *)((char *)(timeout)-offsetof(struct http2_session, member)))

void http2_keepalive_due(struct timeout *timeout)
{
	struct http2_session *session = SESSION_OF(timeout, alive);
	if (session->heard) {
		session->heard = false;
		wait_for(session, WAIT_HTTP2_KEEPALIVE, &session->alive);
		return;
	}
	session->asked = true;
	http2_check(session, nghttp2_submit_ping(session->nghttp2, NGHTTP2_FLAG_NONE, ALIVE_PING));
	connection_touch(session->connection);
	transport_wait(http2_transport(session), WAIT_HTTP2_PONG, &session->alive);
}

void http2_pong_missed(struct timeout *timeout)
{
	struct http2_session *session = SESSION_OF(timeout, alive);
	struct transport *transport = http2_transport(session);
	transport->counters.keepalive_timeouts++;
	transport_note(transport, &session->connection->peer,
	               "closed: no answer to a PING within %u ms",
	               transport->waits[WAIT_HTTP2_PONG].after_ms);
	connection_abort(session->connection);
}

void http2_idle_due(struct timeout *timeout)
{
	struct http2_session *session = SESSION_OF(timeout, idle);
	if (session->stream_count == 0 && !session->had_calls) {
		http2_transport(session)->counters.idle_drains++;
		http2_drain(session->connection);
		return;
	}
	session->had_calls = session->stream_count > 0;
	wait_for(session, WAIT_HTTP2_IDLE, &session->idle);
}

void http2_age_due(struct timeout *timeout)
{
	struct http2_session *session = SESSION_OF(timeout, age);
	if (session->age_steps > 0) {
		session->age_steps--;
		transport_wait(http2_transport(session), WAIT_HTTP2_AGE_STEP, &session->age);
		return;
	}
	http2_transport(session)->counters.age_drains++;
	http2_drain(session->connection);
	wait_for(session, WAIT_HTTP2_GRACE, &session->age);
}

/* Its calls had time to end. */
void http2_grace_over(struct timeout *timeout)
{
	struct http2_session *session = SESSION_OF(timeout, age);
	for (struct http2_stream *stream = session->streams; stream; stream = stream->next)
		if (stream->call)
			call_refuse(stream->call, STATUS_UNAVAILABLE,
			            "the connection has reached its greatest age");
}
