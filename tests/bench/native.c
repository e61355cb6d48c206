/* The native framing (PROTOCOL.md): unary calls, each one CALL frame, its answer one END frame or
 * MSG frames and an END. The path is sent with a connection's first call and interned. */
#include "tests/bench/dial.h"
#include "tests/bench/load.h"

#include <stdio.h>

enum { PATH_ID = 1 };

/* The meta blocks: of a connection's first call, which names the path, and of all others. */
static bool native_prepare(struct load *load)
{
	struct load_options *options = &load->options;
	struct call_meta meta = {
		.path = bytes_of_string(options->method),
		.path_id = PATH_ID,
		.has_timeout = options->timeout_us > 0,
		.timeout_us = options->timeout_us,
	};
	struct buffer *blocks[] = {&load->first_meta, &load->meta};
	for (size_t i = 0; i < 2; i++) {
		size_t size = call_meta_size(&meta, options->metadata, options->metadata_count);
		uint8_t *room = buffer_reserve(blocks[i], size);
		if (!room)
			return false;
		struct writer writer = writer_init(room, size);
		call_meta_write(&writer, &meta, options->metadata, options->metadata_count);
		blocks[i]->end += size;
		meta.path = (struct bytes){0};
	}
	return true;
}

static bool native_open(struct connection *connection, char message[LOAD_MESSAGE_SIZE])
{
	const struct load *load = connection->load;
	struct hello *limits = &connection->limits;
	if (!greet(connection->fd, "bench_load", load->options.token, limits, message))
		return false;
	if (load->options.in_flight > limits->max_streams) {
		snprintf(message, LOAD_MESSAGE_SIZE, "the server allows %u calls in flight, not %u",
		         limits->max_streams, load->options.in_flight);
		return false;
	}
	size_t frame = load->first_meta.end + load->workload->body_max;
	if (frame > limits->max_frame || load->workload->body_max > limits->stream_credit) {
		snprintf(message, LOAD_MESSAGE_SIZE,
		         "a request of %zu bytes is more than one frame (%u) or its credit (%u)",
		         frame, limits->max_frame, limits->stream_credit);
		return false;
	}
	connection->next_stream = 1;
	flow_init(&connection->flow, limits->connection_credit, LIMIT_CONNECTION_CREDIT);
	return true;
}

static bool native_room(const struct connection *connection)
{
	return connection->flow.send >= (int64_t)connection->load->workload->body_max &&
	       load_slot(connection, connection->next_stream)->stream == 0;
}

static bool native_send(struct connection *connection, uint64_t started_ns)
{
	struct load *load = connection->load;
	struct bytes meta = buffer_bytes(connection->path_sent ? &load->meta : &load->first_meta);
	size_t most = FRAME_HEADER_SIZE + meta.len + load->workload->body_max;
	uint8_t *room = buffer_reserve(&connection->out, most);
	if (!room || connection->next_stream > FRAME_STREAM_MAX - 2)
		return false;
	struct slot *slot = load_slot(connection, connection->next_stream);
	struct writer body =
		writer_init(room + FRAME_HEADER_SIZE + meta.len, load->workload->body_max);
	slot->stream = connection->next_stream;
	slot->started_ns = started_ns;
	slot->asked = workload_write(load->workload, &body);
	size_t body_len = (size_t)(body.at - room) - FRAME_HEADER_SIZE - meta.len;
	struct writer head = writer_init(room, FRAME_HEADER_SIZE + meta.len);
	frame_header_write(&head, FRAME_CALL, FRAME_CLOSE, slot->stream, meta.len, body_len);
	writer_bytes(&head, meta.data, meta.len);
	connection->out.end += FRAME_HEADER_SIZE + meta.len + body_len;
	connection->flow.send -= (int64_t)body_len;
	connection->next_stream += 2;
	connection->path_sent = true;
	return true;
}

static bool append_frame(struct connection *connection, enum frame_type type, uint8_t flags,
                         struct bytes body)
{
	uint8_t *room = buffer_reserve(&connection->out, FRAME_HEADER_SIZE + body.len);
	if (!room)
		return false;
	struct writer writer = writer_init(room, FRAME_HEADER_SIZE + body.len);
	frame_header_write(&writer, type, flags, 0, 0, body.len);
	writer_bytes(&writer, body.data, body.len);
	connection->out.end += FRAME_HEADER_SIZE + body.len;
	connection_touch(connection);
	return true;
}

/* Counts the body against the credit that we gave, and gives it back in time. */
static bool take_credit(struct connection *connection, size_t len)
{
	if (!flow_receive(&connection->flow, len))
		return load_broken(connection->load, "more bytes than credit");
	uint32_t increment = flow_take(&connection->flow, len);
	if (increment == 0)
		return true;
	uint8_t body[4];
	struct writer writer = writer_init(body, sizeof body);
	writer_u32(&writer, increment);
	return append_frame(connection, FRAME_CREDIT, 0, bytes_of(body, sizeof body));
}

static bool end_call(struct connection *connection, struct slot *slot, const struct frame *frame,
                     uint64_t now)
{
	struct load *load = connection->load;
	struct end_meta end = {.code = STATUS_OK};
	const char *reason;
	if (frame->meta.len > 0 && !end_meta_decode(frame->meta, &end, &reason))
		return load_broken(connection->load, reason);
	bool whole = slot->answered == 0 && !(frame->flags & FRAME_NOMSG);
	bool right = whole ? workload_right(load->workload, slot->asked, frame->body)
	                   : slot->answered + frame->body.len >= load->workload->body_max;
	load_answer(load, slot, now, end.code, end.message, right);
	slot->stream = 0;
	slot->answered = 0;
	connection->in_flight--;
	return true;
}

static bool take_answer(struct connection *connection, const struct frame *frame, uint64_t now)
{
	struct slot *slot = load_slot(connection, frame->stream);
	if (frame->stream == 0 || slot->stream != frame->stream)
		return load_broken(connection->load, "an answer without a call");
	if (frame->body.len > 0 && !take_credit(connection, frame->body.len))
		return false;
	if (frame->type == FRAME_END)
		return end_call(connection, slot, frame, now);
	slot->answered += frame->body.len;
	return true;
}

static bool take_grant(struct connection *connection, const struct frame *frame)
{
	struct reader reader = reader_init(frame->body);
	uint32_t increment = reader_u32(&reader);
	if (frame->stream != 0)
		return true; /* requests fit into a stream's first credit */
	return flow_grant(&connection->flow, increment) ||
	       load_broken(connection->load, "credit beyond its limit");
}

static bool take_frame(struct connection *connection, const struct frame *frame, uint64_t now)
{
	switch (frame->type) {
	case FRAME_END:
	case FRAME_MSG:
		return take_answer(connection, frame, now);
	case FRAME_CREDIT:
		return take_grant(connection, frame);
	case FRAME_PING:
		return frame->flags & FRAME_PING_ACK ||
		       append_frame(connection, FRAME_PING, FRAME_PING_ACK, frame->body);
	case FRAME_GOAWAY:
		return load_broken(connection->load, "it sent GOAWAY in the middle of the load");
	case FRAME_HEAD:
	case FRAME_LIMIT:
		return true; /* nothing that matters here */
	default:
		return frame->type >= FRAME_IGNORABLE ||
		       load_broken(connection->load, "a frame that no server sends");
	}
}

static bool native_receive(struct connection *connection, uint64_t now)
{
	for (;;) {
		struct frame frame;
		size_t consumed, needed;
		const char *reason;
		switch (frame_decode(buffer_bytes(&connection->in), LIMIT_FRAME_START, &frame,
		                     &consumed, &needed, &reason)) {
		case DECODE_INCOMPLETE:
			return true;
		case DECODE_MALFORMED:
			return load_broken(connection->load, reason);
		case DECODE_OK:
			if (!take_frame(connection, &frame, now))
				return false;
			buffer_consume(&connection->in, consumed);
		}
	}
}

const struct protocol PROTOCOL_NATIVE = {native_prepare, native_open,    native_room,
                                         native_send,    native_receive, NULL};
