#include "tests/unit/client/http2_peer.h"

#include "proto/grpc_prefix.h"

#include <stdio.h>
#include <string.h>

enum { HEADER_SIZE = 9, SETTING_SIZE = 6, GOAWAY_SIZE = 8 };

/* --- what comes --------------------------------------------------------------------------- */

static bool head_read(struct peer *peer, struct http2_frame *frame)
{
	struct bytes input = buffer_bytes(&peer->in);
	if (input.len < HEADER_SIZE)
		return false;
	struct reader reader = reader_init(input);
	size_t len = (size_t)reader_u8(&reader) << 16;
	len |= reader_u16(&reader);
	frame->type = reader_u8(&reader);
	frame->flags = reader_u8(&reader);
	frame->stream = reader_u32(&reader);
	if (reader_left(&reader) < len)
		return false;
	frame->payload = reader_bytes(&reader, len);
	peer->used = HEADER_SIZE + len;
	return true;
}

bool http2_peer_read(struct peer *peer, struct http2_frame *frame)
{
	peer_forget(peer);
	while (!*peer->fault && !head_read(peer, frame))
		if (!peer_read_more(peer))
			return false;
	return !*peer->fault;
}

void http2_peer_expect(struct peer *peer, uint8_t type, struct http2_frame *frame)
{
	*frame = (struct http2_frame){0};
	while (!*peer->fault) {
		if (!http2_peer_read(peer, frame))
			peer_fail(peer, "the client closed instead of sending frame %d", type);
		else if (frame->type == type)
			return;
	}
}

static void block_read(struct peer *peer, struct bytes block, struct http2_request *request)
{
	size_t at = (size_t)snprintf(request->fields, sizeof request->fields, "\n");
	for (int flags = 0; !*peer->fault && !(flags & NGHTTP2_HD_INFLATE_FINAL);) {
		nghttp2_nv field;
		ssize_t used = nghttp2_hd_inflate_hd2(peer->inflater, &field, &flags, block.data,
		                                      block.len, 1);
		if (used < 0) {
			peer_fail(peer, "a header block that cannot be read");
			return;
		}
		block = bytes_of(block.data + used, block.len - (size_t)used);
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			at += (size_t)snprintf(request->fields + at, sizeof request->fields - at,
			                       "%s: %s\n", field.name, field.value);
	}
	nghttp2_hd_inflate_end_headers(peer->inflater);
}

void http2_peer_expect_head(struct peer *peer, struct http2_request *request)
{
	struct http2_frame frame;
	*request = (struct http2_request){0};
	http2_peer_expect(peer, NGHTTP2_HEADERS, &frame);
	if (*peer->fault)
		return;
	request->stream = frame.stream;
	block_read(peer, frame.payload, request);
}

void http2_peer_expect_request(struct peer *peer, struct http2_request *request)
{
	struct http2_frame frame = {0};
	http2_peer_expect_head(peer, request);
	while (!*peer->fault && !(frame.flags & HTTP2_END_STREAM)) {
		http2_peer_expect(peer, NGHTTP2_DATA, &frame);
		if (*peer->fault || frame.stream != request->stream)
			continue;
		if (frame.payload.len > sizeof request->body - request->len) {
			peer_fail(peer, "the request is larger than this test expects");
			return;
		}
		if (frame.payload.len > 0)
			memcpy(request->body + request->len, frame.payload.data, frame.payload.len);
		request->len += frame.payload.len;
	}
}

void http2_peer_check(struct peer *peer, const struct http2_request *request, const char *name,
                      const char *value)
{
	char line[512];
	snprintf(line, sizeof line, "\n%s: %s\n", name, value);
	if (!strstr(request->fields, line))
		peer_fail(peer, "no %s: %s in %.100s", name, value, request->fields);
}

void http2_peer_expect_reset(struct peer *peer, uint32_t stream, uint32_t code)
{
	struct http2_frame frame;
	http2_peer_expect(peer, NGHTTP2_RST_STREAM, &frame);
	if (*peer->fault)
		return;
	struct reader reader = reader_init(frame.payload);
	uint32_t came = reader_u32(&reader);
	if (frame.stream != stream || came != code)
		peer_fail(peer, "stream %u was reset with %u, not stream %u with %u", frame.stream,
		          came, stream, code);
}

void http2_peer_expect_close(struct peer *peer)
{
	struct http2_frame frame;
	while (http2_peer_read(peer, &frame))
		continue;
}

void http2_peer_read_greeting(struct peer *peer)
{
	struct http2_frame frame;
	while (!*peer->fault && buffer_len(&peer->in) < NGHTTP2_CLIENT_MAGIC_LEN)
		if (!peer_read_more(peer))
			peer_fail(peer, "the client closed before its preface");
	if (*peer->fault)
		return;
	if (memcmp(buffer_bytes(&peer->in).data, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN))
		peer_fail(peer, "no preface of HTTP/2");
	buffer_consume(&peer->in, NGHTTP2_CLIENT_MAGIC_LEN);
	if (nghttp2_hd_inflate_new(&peer->inflater) != 0)
		peer_fail(peer, "no memory");
	http2_peer_expect(peer, NGHTTP2_SETTINGS, &frame);
}

/* --- what goes ---------------------------------------------------------------------------- */

void http2_peer_say(struct peer *peer, uint8_t type, uint8_t flags, uint32_t stream,
                    struct bytes payload)
{
	uint8_t header[HEADER_SIZE];
	struct writer writer = writer_init(header, sizeof header);
	writer_u8(&writer, (uint8_t)(payload.len >> 16));
	writer_u16(&writer, (uint16_t)payload.len);
	writer_u8(&writer, type);
	writer_u8(&writer, flags);
	writer_u32(&writer, stream);
	peer_send(peer, header, sizeof header);
	peer_send(peer, payload.data, payload.len);
}

void http2_peer_say_number(struct peer *peer, uint8_t type, uint32_t stream, uint32_t number)
{
	uint8_t payload[4];
	struct writer writer = writer_init(payload, sizeof payload);
	writer_u32(&writer, number);
	http2_peer_say(peer, type, 0, stream, bytes_of(payload, sizeof payload));
}

void http2_peer_say_setting(struct peer *peer, uint16_t id, uint32_t value)
{
	uint8_t payload[SETTING_SIZE];
	struct writer writer = writer_init(payload, sizeof payload);
	writer_u16(&writer, id);
	writer_u32(&writer, value);
	http2_peer_say(peer, NGHTTP2_SETTINGS, 0, 0, bytes_of(payload, sizeof payload));
}

/* The client's SETTINGS hold from their answer on. */
static void settings_acknowledge(struct peer *peer)
{
	http2_peer_say(peer, NGHTTP2_SETTINGS, HTTP2_ACK, 0, bytes_of(NULL, 0));
}

void http2_peer_greet_with(struct peer *peer, uint16_t id, uint32_t value)
{
	peer_accept(peer);
	http2_peer_read_greeting(peer);
	http2_peer_say_setting(peer, id, value);
	settings_acknowledge(peer);
}

void http2_peer_greet(struct peer *peer)
{
	peer_accept(peer);
	http2_peer_read_greeting(peer);
	http2_peer_say(peer, NGHTTP2_SETTINGS, 0, 0, bytes_of(NULL, 0));
	settings_acknowledge(peer);
}

/* RFC 7541, 5.2: a length with a prefix of seven bits, then the text as it is. */
static void text_write(struct writer *writer, const char *text)
{
	size_t len = strlen(text), rest = len - 127;
	if (len < 127) {
		writer_u8(writer, (uint8_t)len);
	} else {
		writer_u8(writer, 127);
		for (; rest >= 128; rest >>= 7)
			writer_u8(writer, (uint8_t)(rest | 128));
		writer_u8(writer, (uint8_t)rest);
	}
	writer_bytes(writer, text, len);
}

void http2_peer_say_fields(struct peer *peer, uint8_t flags, uint32_t stream,
                           const char *const *fields)
{
	uint8_t block[16384]; /* as much as a frame may have */
	struct writer writer = writer_init(block, sizeof block);
	for (; *fields; fields += 2) {
		writer_u8(&writer, 0);
		text_write(&writer, fields[0]);
		text_write(&writer, fields[1]);
	}
	if (writer.failed)
		peer_fail(peer, "the header block is larger than this test expects");
	http2_peer_say(peer, NGHTTP2_HEADERS, flags | HTTP2_END_HEADERS, stream,
	               bytes_of(block, (size_t)(writer.at - block)));
}

void http2_peer_say_head(struct peer *peer, uint32_t stream)
{
	static const char *const FIELDS[] = {":status", "200", "content-type", "application/grpc",
	                                     NULL};
	http2_peer_say_fields(peer, 0, stream, FIELDS);
}

void http2_peer_say_message(struct peer *peer, uint32_t stream, struct bytes message, size_t most)
{
	struct buffer all = {0};
	uint8_t prefix[GRPC_PREFIX_SIZE];
	grpc_prefix_write(prefix, 0, message.len);
	if (!buffer_append(&all, prefix, sizeof prefix) ||
	    !buffer_append(&all, message.data, message.len))
		peer_fail(peer, "no memory");
	while (buffer_len(&all) > 0 && !*peer->fault) {
		size_t now = buffer_len(&all) < most ? buffer_len(&all) : most;
		http2_peer_say(peer, NGHTTP2_DATA, 0, stream,
		               bytes_of(buffer_bytes(&all).data, now));
		buffer_consume(&all, now);
	}
	buffer_deinit(&all);
}

void http2_peer_say_ok(struct peer *peer, uint32_t stream)
{
	static const char *const FIELDS[] = {"grpc-status", "0", NULL};
	http2_peer_say_fields(peer, HTTP2_END_STREAM, stream, FIELDS);
}

void http2_peer_answer(struct peer *peer, uint32_t stream, struct bytes message)
{
	http2_peer_say_head(peer, stream);
	http2_peer_say_message(peer, stream, message, 16384);
	http2_peer_say_ok(peer, stream);
}

void http2_peer_fail_call(struct peer *peer, uint32_t stream, const char *status, const char *name,
                          const char *value)
{
	const char *const fields[] = {":status",     "200",  "content-type", "application/grpc",
	                              "grpc-status", status, name,           value,
	                              NULL};
	http2_peer_say_fields(peer, HTTP2_END_STREAM, stream, fields);
}

void http2_peer_goaway(struct peer *peer, uint32_t last, uint32_t code, const char *reason)
{
	uint8_t payload[GOAWAY_SIZE + 256];
	struct writer writer = writer_init(payload, sizeof payload);
	writer_u32(&writer, last);
	writer_u32(&writer, code);
	writer_bytes(&writer, reason, strlen(reason));
	http2_peer_say(peer, NGHTTP2_GOAWAY, 0, 0,
	               bytes_of(payload, (size_t)(writer.at - payload)));
}
