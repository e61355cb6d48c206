/* A silent peer of HTTP/2 is asked whether it is there. Off when the setting is 0.
 *
 * Every wait of a kind has one length (timeout.h). So what is watched is a flag that activity sets
 * and that the wait looks at when it expires: what should have been seen within the time is seen
 * within twice the time. */
#include "daemon/transport/http2/session.h"

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

void http2_alive_begin(struct http2_session *session)
{
	wait_for(session, WAIT_HTTP2_KEEPALIVE, &session->alive);
}

void http2_alive_end(struct http2_session *session)
{
	timeout_clear(&session->alive);
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
