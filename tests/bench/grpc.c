/* gRPC over HTTP/2 (RFC 9113): unary calls, each HEADERS and DATA; the answer is HEADERS, DATA and
 * trailers, or trailers alone. The header block is written once: a connection's first one fills the
 * server's table (RFC 7541), all others are indices into it, as from the usual clients. */
#include "tests/bench/dial.h"
#include "tests/bench/load.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	HEAD_SIZE = 9,
	PREFIX_SIZE = 5,
	FRAME_MOST = 16384, /* that every server takes */
	FIELDS_MAX = LOAD_METADATA_MAX + 10,
	VALUE_SIZE = LIMIT_TOKEN + 16,
	FIRST_DYNAMIC = 62, /* index of the newest entry of the table */
};

/* --- the header blocks ---------------------------------------------------------------- */

struct field {
	struct bytes name, value;
};

static size_t list_fields(const struct load_options *options, struct field fields[FIELDS_MAX],
                          char token[VALUE_SIZE], char timeout[VALUE_SIZE])
{
	const char *const usual[][2] = {
		{":method", "POST"},          {":scheme", "http"},
		{":path", options->method},   {":authority", options->address},
		{"te", "trailers"},           {"content-type", "application/grpc"},
		{"user-agent", "bench_load"}, {"grpc-accept-encoding", "identity,gzip"},
	};
	size_t count = 0;
	for (; count < sizeof usual / sizeof *usual; count++)
		fields[count] = (struct field){bytes_of_string(usual[count][0]),
		                               bytes_of_string(usual[count][1])};
	if (options->token) {
		snprintf(token, VALUE_SIZE, "Bearer %s", options->token);
		fields[count++] =
			(struct field){bytes_of_string("authorization"), bytes_of_string(token)};
	}
	if (options->timeout_us > 0) {
		snprintf(timeout, VALUE_SIZE, "%llum",
		         (unsigned long long)(options->timeout_us + 999) / 1000);
		fields[count++] =
			(struct field){bytes_of_string("grpc-timeout"), bytes_of_string(timeout)};
	}
	for (size_t i = 0; i < options->metadata_count; i++)
		fields[count++] =
			(struct field){options->metadata[i].key, options->metadata[i].value};
	return count;
}

/* A length with a prefix of seven bits, and the text as it is. */
static bool append_text(struct buffer *block, struct bytes text)
{
	uint8_t length[4];
	size_t used = 0, rest = text.len;
	if (rest < 127) {
		length[used++] = (uint8_t)rest;
	} else {
		length[used++] = 127;
		for (rest -= 127; rest >= 128; rest >>= 7)
			length[used++] = (uint8_t)(rest | 128);
		length[used++] = (uint8_t)rest;
	}
	return buffer_append(block, length, used) && buffer_append(block, text.data, text.len);
}

static bool grpc_prepare(struct load *load)
{
	static const uint8_t KEPT = 0x40; /* a literal that goes into the table */
	struct field fields[FIELDS_MAX];
	char token[VALUE_SIZE], timeout[VALUE_SIZE];
	size_t count = list_fields(&load->options, fields, token, timeout);
	for (size_t i = 0; i < count; i++) {
		uint8_t index = (uint8_t)(0x80 | (FIRST_DYNAMIC + count - 1 - i));
		if (!buffer_append(&load->first_meta, &KEPT, 1) ||
		    !append_text(&load->first_meta, fields[i].name) ||
		    !append_text(&load->first_meta, fields[i].value) ||
		    !buffer_append(&load->meta, &index, 1))
			return false;
	}
	return true;
}

/* --- to the server ------------------------------------------------------------------- */

static bool grpc_open(struct connection *connection, char message[LOAD_MESSAGE_SIZE])
{
	const struct load *load = connection->load;
	uint32_t streams;
	if (!greet_http2(connection->fd, &streams, message))
		return false;
	if (load->options.in_flight > streams) {
		snprintf(message, LOAD_MESSAGE_SIZE, "the server allows %u calls in flight, not %u",
		         streams, load->options.in_flight);
		return false;
	}
	if (PREFIX_SIZE + load->workload->body_max > FRAME_MOST) {
		snprintf(message, LOAD_MESSAGE_SIZE,
		         "a request of %zu bytes is more than one DATA frame (%d)",
		         load->workload->body_max, FRAME_MOST - PREFIX_SIZE);
		return false;
	}
	if (nghttp2_hd_inflate_new(&connection->inflater) != 0) {
		snprintf(message, LOAD_MESSAGE_SIZE, "out of memory");
		return false;
	}
	connection->next_stream = 1;
	flow_init(&connection->flow, NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE,
	          LIMIT_CONNECTION_CREDIT);
	return true;
}

static void grpc_close(struct connection *connection)
{
	if (connection->inflater)
		nghttp2_hd_inflate_del(connection->inflater);
}

static bool grpc_room(const struct connection *connection)
{
	size_t most = connection->load->workload->body_max + PREFIX_SIZE;
	return connection->flow.send >= (int64_t)most &&
	       load_slot(connection, connection->next_stream)->stream == 0;
}

static void write_head(struct writer *writer, size_t len, uint8_t type, uint8_t flags,
                       uint32_t stream)
{
	writer_u8(writer, (uint8_t)(len >> 16));
	writer_u16(writer, (uint16_t)len);
	writer_u8(writer, type);
	writer_u8(writer, flags);
	writer_u32(writer, stream);
}

static bool grpc_send(struct connection *connection, uint64_t started_ns)
{
	struct load *load = connection->load;
	struct bytes block = buffer_bytes(connection->path_sent ? &load->meta : &load->first_meta);
	size_t before = HEAD_SIZE + block.len + HEAD_SIZE + PREFIX_SIZE;
	uint8_t *room = buffer_reserve(&connection->out, before + load->workload->body_max);
	if (!room || connection->next_stream > INT32_MAX - 2)
		return false;
	struct slot *slot = load_slot(connection, connection->next_stream);
	struct writer body = writer_init(room + before, load->workload->body_max);
	*slot = (struct slot){.stream = connection->next_stream, .started_ns = started_ns};
	slot->asked = workload_write(load->workload, &body);
	size_t len = (size_t)(body.at - room) - before;
	struct writer head = writer_init(room, before);
	write_head(&head, block.len, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, slot->stream);
	writer_bytes(&head, block.data, block.len);
	write_head(&head, PREFIX_SIZE + len, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, slot->stream);
	writer_u8(&head, 0);
	writer_u32(&head, (uint32_t)len);
	connection->out.end += before + len;
	connection->flow.send -= (int64_t)(PREFIX_SIZE + len);
	connection->next_stream += 2;
	connection->path_sent = true;
	return true;
}

static bool append_frame(struct connection *connection, uint8_t type, uint8_t flags,
                         struct bytes payload)
{
	uint8_t *room = buffer_reserve(&connection->out, HEAD_SIZE + payload.len);
	if (!room)
		return false;
	struct writer writer = writer_init(room, HEAD_SIZE + payload.len);
	write_head(&writer, payload.len, type, flags, 0);
	writer_bytes(&writer, payload.data, payload.len);
	connection->out.end += HEAD_SIZE + payload.len;
	connection_touch(connection);
	return true;
}

/* --- from the server ----------------------------------------------------------------- */

struct frame_head {
	uint8_t type, flags;
	uint32_t stream;
	struct bytes payload;
};

/* What the header lists of an answer say. */
struct verdict {
	bool known;
	enum status status;
	char message[REPORT_ERROR_SIZE];
};

static bool read_fields(struct connection *connection, struct bytes block, struct verdict *verdict)
{
	nghttp2_nv nv;
	int flags = 0;
	while (!(flags & NGHTTP2_HD_INFLATE_FINAL)) {
		ssize_t used = nghttp2_hd_inflate_hd2(connection->inflater, &nv, &flags, block.data,
		                                      block.len, 1);
		if (used < 0)
			return load_broken(connection->load, "a header block that is none");
		block = bytes_of(block.data + used, block.len - (size_t)used);
		if (!(flags & NGHTTP2_HD_INFLATE_EMIT))
			continue;
		struct bytes name = bytes_of(nv.name, nv.namelen);
		if (bytes_equal_string(name, "grpc-status")) {
			verdict->known = true;
			verdict->status = status_from_number(
				(uint32_t)strtoul((const char *)nv.value, NULL, 10));
		} else if (bytes_equal_string(name, "grpc-message")) {
			snprintf(verdict->message, sizeof verdict->message, "%.*s",
			         (int)nv.valuelen, (const char *)nv.value);
		}
	}
	nghttp2_hd_inflate_end_headers(connection->inflater);
	return true;
}

static struct slot *slot_in_flight(struct connection *connection, uint32_t stream)
{
	struct slot *slot = load_slot(connection, stream);
	if (stream != 0 && slot->stream == stream)
		return slot;
	load_broken(connection->load, "an answer without a call");
	return NULL;
}

static bool take_headers(struct connection *connection, const struct frame_head *frame,
                         uint64_t now)
{
	struct load *load = connection->load;
	struct verdict verdict = {0};
	struct slot *slot = slot_in_flight(connection, frame->stream);
	if (!slot || !read_fields(connection, frame->payload, &verdict))
		return false;
	if (!(frame->flags & NGHTTP2_FLAG_END_STREAM))
		return true;
	if (!verdict.known)
		return load_broken(load, "an answer without grpc-status");
	load_answer(load, slot, now, verdict.status, bytes_of_string(verdict.message), slot->right);
	slot->stream = 0;
	connection->in_flight--;
	return true;
}

/* Counts the bytes against the window that we gave, and gives it back in time. */
static bool take_window(struct connection *connection, size_t len)
{
	if (!flow_receive(&connection->flow, len))
		return load_broken(connection->load, "more bytes than the window");
	uint32_t increment = flow_take(&connection->flow, len);
	uint8_t payload[4];
	struct writer writer = writer_init(payload, sizeof payload);
	writer_u32(&writer, increment);
	return increment == 0 || append_frame(connection, NGHTTP2_WINDOW_UPDATE, 0,
	                                      bytes_of(payload, sizeof payload));
}

static bool take_data(struct connection *connection, const struct frame_head *frame)
{
	const struct workload *workload = connection->load->workload;
	struct slot *slot = slot_in_flight(connection, frame->stream);
	if (!slot || !take_window(connection, frame->payload.len))
		return false;
	struct reader reader = reader_init(frame->payload);
	(void)reader_u8(&reader);
	uint32_t len = reader_u32(&reader);
	bool whole = slot->answered == 0 && !reader.failed && len == reader_left(&reader);
	slot->answered += frame->payload.len;
	slot->right = whole ? workload_right(workload, slot->asked, reader_bytes(&reader, len))
	                    : slot->answered >= PREFIX_SIZE + workload->body_max;
	return true;
}

static bool take_update(struct connection *connection, const struct frame_head *frame)
{
	struct reader reader = reader_init(frame->payload);
	uint32_t increment = reader_u32(&reader);
	if (frame->stream != 0)
		return true; /* requests fit into a stream's first window */
	return flow_grant(&connection->flow, increment) ||
	       load_broken(connection->load, "a window beyond its limit");
}

static bool take_frame(struct connection *connection, const struct frame_head *frame, uint64_t now)
{
	bool is_ack = frame->flags & NGHTTP2_FLAG_ACK;
	switch (frame->type) {
	case NGHTTP2_HEADERS:
		return take_headers(connection, frame, now);
	case NGHTTP2_DATA:
		return take_data(connection, frame);
	case NGHTTP2_WINDOW_UPDATE:
		return take_update(connection, frame);
	case NGHTTP2_PING:
	case NGHTTP2_SETTINGS:
		return is_ack || append_frame(connection, frame->type, NGHTTP2_FLAG_ACK,
		                              frame->type == NGHTTP2_PING ? frame->payload
		                                                          : bytes_of(NULL, 0));
	case NGHTTP2_RST_STREAM:
		return load_broken(connection->load, "it reset a stream");
	case NGHTTP2_GOAWAY:
		return load_broken(connection->load, "it sent GOAWAY in the middle of the load");
	default:
		return true;
	}
}

static bool grpc_receive(struct connection *connection, uint64_t now)
{
	for (;;) {
		struct frame_head frame;
		struct reader reader = reader_init(buffer_bytes(&connection->in));
		size_t len = (size_t)reader_u8(&reader) << 16;
		len |= reader_u16(&reader);
		frame.type = reader_u8(&reader);
		frame.flags = reader_u8(&reader);
		frame.stream = reader_u32(&reader);
		frame.payload = reader_bytes(&reader, len);
		if (reader.failed)
			return true;
		if (!take_frame(connection, &frame, now))
			return false;
		buffer_consume(&connection->in, HEAD_SIZE + len);
	}
}

const struct protocol PROTOCOL_GRPC = {grpc_prepare, grpc_open,    grpc_room,
                                       grpc_send,    grpc_receive, grpc_close};
