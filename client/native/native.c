#include "client/native/native.h"

#include "client/channel.h"

static void native_begin(struct session *session)
{
	struct native_session *native = native_of(session);
	native->limits = HELLO_START;
	flow_init(&native->flow, HELLO_START.connection_credit, LIMIT_CONNECTION_CREDIT);
	TAILQ_INIT(&native->sending);
	native_write_preface(native);
}

static bool native_has_room(const struct session *session, const struct prism_call *call)
{
	const struct native_session *native = (const struct native_session *)session;
	return session->streams.count < native->limits.max_streams &&
	       (call->request.len == 0 || native->flow.send > 0);
}

static void native_open(struct session *session, struct prism_call *call)
{
	struct native_session *native = native_of(session);
	flow_init(&call->stream.flow, native->limits.stream_credit, LIMIT_STREAM_CREDIT);
	native_write_call(native, call);
}

static void native_drop(struct session *session, struct prism_call *call, enum status status)
{
	struct native_session *native = native_of(session);
	if (call->stream.queued)
		TAILQ_REMOVE(&native->sending, call, link);
	call->stream.queued = false;
	if (status != STATUS_OK && session->state != SESSION_CLOSED)
		native_write_cancel(native, call->stream.id, status);
}

static void native_credit(struct session *session, struct prism_call *call, size_t taken)
{
	native_write_credit(native_of(session), call->stream.id,
	                    flow_take(&call->stream.flow, taken));
}

static void native_ping(struct session *session, uint32_t number)
{
	uint64_t opaque = number;
	uint8_t body[sizeof opaque];
	memcpy(body, &opaque, sizeof body);
	native_write_ping(native_of(session), 0, body);
}

static void native_written(struct session *session)
{
	native_of(session)->acks = 0;
}

static void native_complain(struct session *session, const char *reason)
{
	native_write_goaway(native_of(session), FRAME_GOAWAY_FINAL, STATUS_INTERNAL, reason);
}

static void native_deinit(struct session *session)
{
	paths_deinit(&native_of(session)->paths);
}

const struct protocol native_protocol = {
	.name = "PRISM's protocol",
	.greeting = "HELLO",
	.size = sizeof(struct native_session),
	.max_message = LIMIT_MESSAGE,
	.strict = true,
	.begin = native_begin,
	.receive = native_receive,
	.has_room = native_has_room,
	.open = native_open,
	.send = native_send,
	.drop = native_drop,
	.credit = native_credit,
	.ping = native_ping,
	.produce = native_produce,
	.written = native_written,
	.complain = native_complain,
	.deinit = native_deinit,
};
