#include "proto/writer.h"
#include "tests/bench/dial.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <sys/socket.h>

enum { HEAD_SIZE = 9, ENTRY_SIZE = 6, PAYLOAD_MAX = 512 };

static void write_head(struct writer *writer, uint8_t type, uint8_t flags, size_t len)
{
	writer_u8(writer, (uint8_t)(len >> 16));
	writer_u16(writer, (uint16_t)len);
	writer_u8(writer, type);
	writer_u8(writer, flags);
	writer_u32(writer, 0);
}

/* Our windows are as wide as the native framing's credit. The answer to the server's SETTINGS is
 * sent before they came, which saves a packet. */
static bool send_greeting(int fd)
{
	uint8_t out[NGHTTP2_CLIENT_MAGIC_LEN + 3 * HEAD_SIZE + ENTRY_SIZE + 4];
	struct writer writer = writer_init(out, sizeof out);
	writer_bytes(&writer, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
	write_head(&writer, NGHTTP2_SETTINGS, 0, ENTRY_SIZE);
	writer_u16(&writer, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
	writer_u32(&writer, LIMIT_STREAM_CREDIT);
	write_head(&writer, NGHTTP2_WINDOW_UPDATE, 0, 4);
	writer_u32(&writer, LIMIT_CONNECTION_CREDIT - NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE);
	write_head(&writer, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0);
	return !writer.failed && send(fd, out, sizeof out, MSG_NOSIGNAL) == (ssize_t)sizeof out;
}

static void read_settings(struct bytes payload, uint32_t *streams)
{
	struct reader reader = reader_init(payload);
	while (reader_left(&reader) >= ENTRY_SIZE) {
		uint16_t id = reader_u16(&reader);
		uint32_t value = reader_u32(&reader);
		if (id == NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
			*streams = value;
	}
}

bool greet_http2(int fd, uint32_t *streams, char message[DIAL_MESSAGE_SIZE])
{
	uint8_t head[HEAD_SIZE], payload[PAYLOAD_MAX];
	*streams = UINT32_MAX;
	if (!send_greeting(fd)) {
		snprintf(message, DIAL_MESSAGE_SIZE, "cannot send the preface: %s",
		         strerror(errno));
		return false;
	}
	if (recv(fd, head, sizeof head, MSG_WAITALL) == (ssize_t)sizeof head) {
		struct reader reader = reader_init(bytes_of(head, sizeof head));
		size_t len = (size_t)reader_u8(&reader) << 16;
		len |= reader_u16(&reader);
		uint8_t type = reader_u8(&reader), flags = reader_u8(&reader);
		if (type == NGHTTP2_SETTINGS && !(flags & NGHTTP2_FLAG_ACK) &&
		    len <= sizeof payload && recv(fd, payload, len, MSG_WAITALL) == (ssize_t)len) {
			read_settings(bytes_of(payload, len), streams);
			return true;
		}
	}
	snprintf(message, DIAL_MESSAGE_SIZE, "the server did not begin with HTTP/2's SETTINGS");
	return false;
}
