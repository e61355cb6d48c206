/* What a session sends. An answer that fits the credit, and has nothing before it, is packed
 * straight into the connection's output. Everything else is packed into its stream's queue, from
 * where native_produce() takes turns: 16 KiB a stream, so that a long answer does not hold up
 * others. */
#include "daemon/transport/native_session.h"

#include <assert.h>

enum {
	QUANTUM = 16384, /* bytes of one stream in a row while others wait */
	OUTPUT_FULL =
		262144, /* message bytes wait in their streams while the socket has this much */
	FRAGMENT_MAX = 1048576, /* even if the peer takes larger frames */
};

uint8_t *native_frame(struct session *session, enum frame_type type, uint8_t flags, uint32_t stream,
                      size_t meta_len, size_t body_len)
{
	size_t size = FRAME_HEADER_SIZE + meta_len + body_len;
	uint8_t *room = connection_reserve(session->connection, size);
	if (!room)
		return NULL;
	struct writer writer = writer_init(room, FRAME_HEADER_SIZE);
	frame_header_write(&writer, type, flags, stream, meta_len, body_len);
	connection_wrote(session->connection, size);
	return room + FRAME_HEADER_SIZE;
}

void native_send_credit(struct session *session, uint32_t stream, uint32_t increment)
{
	uint8_t *room = native_frame(session, FRAME_CREDIT, 0, stream, 0, sizeof(increment));
	if (!room)
		return;
	struct writer writer = writer_init(room, sizeof(increment));
	writer_u32(&writer, increment);
}

void native_send_end(struct session *session, uint32_t stream, enum status code, enum retry retry,
                     const char *message)
{
	struct end_meta meta = {.code = code, .retry = retry, .message = bytes_of_string(message)};
	size_t len = end_meta_size(&meta, NULL, 0, NULL, 0);
	uint8_t *room = native_frame(session, FRAME_END, FRAME_NOMSG, stream, len, 0);
	if (!room)
		return;
	struct writer writer = writer_init(room, len);
	end_meta_write(&writer, &meta, NULL, 0, NULL, 0);
	assert(!writer.failed);
}

/* --- the round of streams that may send -------------------------------------------- */

static void activate(struct stream *stream)
{
	struct session *session = stream->session;
	connection_touch(session->connection);
	if (stream->active)
		return;
	stream->active = true;
	session->active_count++;
	if (!session->active) {
		stream->next = stream->prev = stream;
		session->active = stream;
		return;
	}
	stream->next = session->active;
	stream->prev = session->active->prev;
	stream->prev->next = stream;
	session->active->prev = stream;
}

static void deactivate(struct stream *stream)
{
	struct session *session = stream->session;
	if (!stream->active)
		return;
	stream->active = false;
	session->active_count--;
	if (session->active == stream)
		session->active = stream->next == stream ? NULL : stream->next;
	stream->next->prev = stream->prev;
	stream->prev->next = stream->next;
	stream->next = stream->prev = NULL;
}

static void progress(struct stream *stream)
{
	if (buffer_len(&stream->output) > 0 || stream->has_current)
		transport_wait(stream->session->connection->transport, WAIT_STREAM, &stream->stall);
	else
		timeout_clear(&stream->stall);
}

void native_output_granted(struct stream *stream)
{
	if (buffer_len(&stream->output) > 0)
		activate(stream);
}

void native_output_drop(struct stream *stream)
{
	if (!stream->output.data)
		return;
	stream->session->waiting -= buffer_len(&stream->output);
	buffer_deinit(&stream->output);
	stream->has_current = false;
	deactivate(stream);
	timeout_clear(&stream->stall);
}

void native_output_forget(struct stream *stream)
{
	native_output_drop(stream);
	if (stream->wants_room)
		stream->session->wanting--;
	stream->wants_room = false;
}

/* --- from the queue to the connection ------------------------------------------------ */

static void consume(struct stream *stream, size_t len)
{
	buffer_consume(&stream->output, len);
	stream->session->waiting -= len;
}

static void take_current(struct stream *stream)
{
	memcpy(&stream->current, stream->output.data + stream->output.start,
	       sizeof(stream->current));
	consume(stream, sizeof(stream->current));
	stream->has_current = true;
}

/* How much of a body may go now. */
static size_t body_allowed(const struct stream *stream, size_t quantum)
{
	const struct session *session = stream->session;
	int64_t credit =
		stream->flow.send < session->flow.send ? stream->flow.send : session->flow.send;
	size_t most = session->peer_max_frame - stream->current.meta;
	if (quantum < most)
		most = quantum;
	return credit < (int64_t)most ? (size_t)credit : most;
}

static bool send_fragment(struct stream *stream, size_t len)
{
	uint8_t *room = native_frame(stream->session, FRAME_MSG, FRAME_MORE, stream->id, 0, len);
	if (!room)
		return false;
	memcpy(room, stream->output.data + stream->output.start, len);
	consume(stream, len);
	stream->current.body -= (uint32_t)len;
	native_output_spend(stream, len);
	return true;
}

static bool send_last(struct stream *stream)
{
	const struct pending *current = &stream->current;
	size_t body = current->body, meta = current->meta;
	uint8_t *room = native_frame(stream->session, current->type, current->flags, stream->id,
	                             meta, body);
	if (!room)
		return false;
	const uint8_t *from = stream->output.data + stream->output.start;
	memcpy(room, from + body, meta);
	memcpy(room + meta, from, body);
	consume(stream, body + meta);
	native_output_spend(stream, body);
	stream->has_current = false;
	return true;
}

/* One frame of the stream. False: it must wait. */
static bool send_one(struct stream *stream, size_t quantum)
{
	if (!stream->has_current)
		take_current(stream);
	size_t allowed = body_allowed(stream, quantum);
	if (stream->current.body <= allowed)
		return send_last(stream);
	return allowed > 0 && send_fragment(stream, allowed);
}

/* One turn of a stream in the round. False: nothing could be sent. */
static bool take_turn(struct stream *stream, size_t quantum)
{
	bool sent = false;
	size_t before = stream->session->waiting;
	while (buffer_len(&stream->output) > 0 || stream->has_current) {
		size_t used = before - stream->session->waiting;
		if (used >= quantum || !send_one(stream, quantum - used))
			break;
		sent = true;
		if (!stream->has_current && stream->current.type == FRAME_END) {
			native_stream_close(stream);
			return true;
		}
	}
	if (sent)
		progress(stream);
	bool empty = buffer_len(&stream->output) == 0 && !stream->has_current;
	if (empty || (stream->flow.send == 0 && stream->current.body > 0))
		deactivate(stream);
	return sent;
}

static void take_turns(struct session *session)
{
	struct connection *connection = session->connection;
	uint32_t idle = 0;
	while (session->active && idle < session->active_count && !connection->broken &&
	       connection_unsent(connection) < OUTPUT_FULL) {
		struct stream *stream = session->active;
		session->active = stream->next;
		uint32_t count = session->active_count;
		if (take_turn(stream, count > 1 ? QUANTUM : FRAGMENT_MAX))
			idle = 0;
		else if (session->active_count == count)
			idle++; /* one that left the round is not in the way of the others */
	}
}

/* --- room for handlers ------------------------------------------------------------------ */

bool native_output_has_room(const struct stream *stream, size_t share)
{
	const struct session *session = stream->session;
	return buffer_len(&stream->output) < LIMIT_STREAM_OUTPUT / share &&
	       session->waiting + connection_unsent(session->connection) <
	               LIMIT_CONNECTION_OUTPUT / share;
}

/* Handlers that wait for room go on when half of it is free: not message by message. */
static void tell_writable(struct session *session)
{
	for (uint32_t i = 0; session->wanting > 0 && i < session->streams.capacity; i++) {
		struct stream *stream = session->streams.slots[i];
		if (!stream || !stream->wants_room || !stream->call ||
		    !native_output_has_room(stream, 2))
			continue;
		stream->wants_room = false;
		session->wanting--;
		call_writable(stream->call);
	}
}

void native_produce(struct connection *connection)
{
	struct session *session = connection->session;
	if (session->active)
		take_turns(session);
	if (session->wanting > 0)
		tell_writable(session);
}

/* --- for the answers --------------------------------------------------------------------- */

/* Nothing is before it, and it fits: `meta` and `body` bytes can go into the output now. */
bool native_output_fits(const struct stream *stream, size_t meta, size_t body)
{
	const struct session *session = stream->session;
	return buffer_len(&stream->output) == 0 && !stream->has_current &&
	       (int64_t)body <= stream->flow.send && (int64_t)body <= session->flow.send &&
	       body <= session->peer_max_frame - meta &&
	       (session->active_count == 0 || body <= QUANTUM) &&
	       connection_unsent(session->connection) + body <= OUTPUT_FULL;
}

void native_output_spend(struct stream *stream, size_t body)
{
	struct session *session = stream->session;
	stream->flow.send -= (int64_t)body;
	session->flow.send -= (int64_t)body;
	session->sent_ms = uv_now(session->connection->transport->loop);
}

/* Room at the end of the stream's queue: for a message of `body` bytes, then `meta` bytes. */
uint8_t *native_output_enqueue(struct stream *stream, const struct pending *pending)
{
	size_t size = sizeof(*pending) + pending->body + pending->meta;
	uint8_t *room = buffer_reserve(&stream->output, size);
	if (!room) {
		stream->session->connection->broken = true;
		connection_touch(stream->session->connection);
		return NULL;
	}
	bool first = buffer_len(&stream->output) == 0 && !stream->has_current;
	memcpy(room, pending, sizeof(*pending));
	stream->output.end += size;
	stream->session->waiting += size;
	if (first)
		progress(stream);
	activate(stream);
	return room + sizeof(*pending);
}

/* --- a stream that nobody reads ------------------------------------------------------------ */

static size_t next_body(const struct stream *stream)
{
	struct pending next = stream->current;
	if (!stream->has_current)
		memcpy(&next, stream->output.data + stream->output.start, sizeof(next));
	return next.body;
}

/* It has credit of its own, and waits for the socket, or for its share of what the connection is
 * granted little by little. */
static bool waits_for_connection(const struct stream *stream)
{
	const struct session *session = stream->session;
	const struct transport *transport = session->connection->transport;
	if (next_body(stream) > 0 && stream->flow.send <= 0)
		return false;
	return session->flow.send > 0 ||
	       uv_now(transport->loop) - session->sent_ms < transport->waits[WAIT_STREAM].after_ms;
}

void native_stream_stalled(struct timeout *stall)
{
	struct stream *stream = (struct stream *)((char *)stall - offsetof(struct stream, stall));
	struct session *session = stream->session;
	struct transport *transport = session->connection->transport;
	struct call *call = stream->call;
	uint32_t id = stream->id;
	if (waits_for_connection(stream)) { /* which has waits of its own */
		transport_wait(transport, WAIT_STREAM, stall);
		return;
	}
	transport->counters.stream_stalls++;
	native_stream_close(stream);
	native_send_end(session, id, STATUS_RESOURCE_EXHAUSTED, RETRY_UNSET,
	                "the answer was not read for too long");
	if (call)
		call_cancel(call, STATUS_CANCELLED, false);
}
