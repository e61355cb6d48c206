#include "tests/talk/h2.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER_SIZE = 9, READ_SIZE = 65536, FRAME_MOST = 16384 };

/* --- saying -------------------------------------------------------------------------- */

void h2_say_preface(struct h2 *h2)
{
	assert_true(buffer_append(&h2->talk.out, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN));
}

void h2_say(struct h2 *h2, uint8_t type, uint8_t flags, uint32_t stream, struct bytes payload)
{
	uint8_t header[HEADER_SIZE];
	struct writer writer = writer_init(header, sizeof(header));
	writer_u8(&writer, (uint8_t)(payload.len >> 16));
	writer_u16(&writer, (uint16_t)payload.len);
	writer_u8(&writer, type);
	writer_u8(&writer, flags);
	writer_u32(&writer, stream);
	assert_true(buffer_append(&h2->talk.out, header, sizeof(header)));
	assert_true(buffer_append(&h2->talk.out, payload.data, payload.len));
}

void h2_say_number(struct h2 *h2, uint8_t type, uint32_t stream, uint32_t number)
{
	uint8_t payload[4];
	struct writer writer = writer_init(payload, sizeof(payload));
	writer_u32(&writer, number);
	h2_say(h2, type, 0, stream, bytes_of(payload, sizeof(payload)));
}

/* RFC 7541, 5.2: a length with a prefix of seven bits, then the text as it is. */
static void string_write(struct buffer *block, const char *text)
{
	uint8_t length[4];
	size_t len = strlen(text), used = 0;
	if (len < 127) {
		length[used++] = (uint8_t)len;
	} else {
		size_t rest = len - 127;
		length[used++] = 127;
		for (; rest >= 128; rest >>= 7)
			length[used++] = (uint8_t)(rest | 128);
		length[used++] = (uint8_t)rest;
	}
	assert_true(buffer_append(block, length, used));
	assert_true(buffer_append(block, text, len));
}

void h2_field_write(struct buffer *block, const char *name, const char *value)
{
	assert_true(buffer_append(block, "", 1));
	string_write(block, name);
	string_write(block, value);
}

void h2_say_headers(struct h2 *h2, uint8_t flags, uint32_t stream, const struct h2_field *fields)
{
	struct buffer block = {0};
	for (; fields->name; fields++)
		h2_field_write(&block, fields->name, fields->value);
	h2_say(h2, NGHTTP2_HEADERS, flags | H2_END_HEADERS, stream, buffer_bytes(&block));
	buffer_deinit(&block);
}

void h2_say_request(struct h2 *h2, uint32_t stream, const char *method, const struct h2_field *more)
{
	struct h2_field fields[H2_FIELDS_MAX] = {
		{":method", "POST"},
		{":scheme", "http"},
		{":path", (const char *)echo_path(method).data},
		{":authority", "test"},
		{"te", "trailers"},
		{"content-type", "application/grpc"},
	};
	size_t count = 6;
	for (; more && more->name; more++)
		fields[count++] = *more;
	h2_say_headers(h2, 0, stream, fields);
}

void h2_say_message(struct h2 *h2, uint8_t flags, uint32_t stream, struct bytes message)
{
	uint8_t payload[FRAME_MOST];
	assert_true(message.len + 5 <= sizeof(payload));
	struct writer writer = writer_init(payload, sizeof(payload));
	writer_u8(&writer, 0);
	writer_u32(&writer, (uint32_t)message.len);
	writer_bytes(&writer, message.data, message.len);
	h2_say(h2, NGHTTP2_DATA, flags, stream, bytes_of(payload, message.len + 5));
}

void h2_send(struct h2 *h2)
{
	talk_send(&h2->talk);
}

/* --- hearing ------------------------------------------------------------------------- */

/* False: the server closed. */
static bool fill(struct h2 *h2)
{
	uint8_t *room = buffer_reserve(&h2->talk.in, READ_SIZE);
	assert_non_null(room);
	struct pollfd ready = {.fd = h2->talk.fd, .events = POLLIN};
	if (poll(&ready, 1, TALK_PATIENCE_MS) != 1)
		fail_msg("the server says nothing");
	ssize_t len = recv(h2->talk.fd, room, READ_SIZE, 0);
	if (len < 0 && errno != ECONNRESET)
		fail_msg("recv: %s", strerror(errno));
	if (len <= 0)
		return false;
	h2->talk.in.end += (size_t)len;
	return true;
}

/* False: the server closed. */
static bool next(struct h2 *h2, struct h2_frame *frame)
{
	buffer_consume(&h2->talk.in, h2->talk.taken);
	h2->talk.taken = 0;
	for (;;) {
		struct reader reader = reader_init(buffer_bytes(&h2->talk.in));
		size_t len = (size_t)reader_u8(&reader) << 16;
		len |= reader_u16(&reader);
		frame->type = reader_u8(&reader);
		frame->flags = reader_u8(&reader);
		frame->stream = reader_u32(&reader);
		frame->payload = reader_bytes(&reader, len);
		if (!reader.failed) {
			h2->talk.taken = HEADER_SIZE + len;
			return true;
		}
		if (!fill(h2))
			return false;
	}
}

struct h2_frame h2_next(struct h2 *h2)
{
	struct h2_frame frame;
	if (!next(h2, &frame))
		fail_msg("the server closed");
	return frame;
}

/* Every block goes through the decompressor, whoever's it is. */
static void read_block(struct h2 *h2, struct bytes block, struct h2_answer *answer)
{
	nghttp2_nv nv;
	int flags = 0;
	while (!(flags & NGHTTP2_HD_INFLATE_FINAL)) {
		ssize_t used =
			nghttp2_hd_inflate_hd2(h2->inflater, &nv, &flags, block.data, block.len, 1);
		assert_true(used >= 0);
		block = bytes_of(block.data + used, block.len - (size_t)used);
		if (!(flags & NGHTTP2_HD_INFLATE_EMIT) || !answer)
			continue;
		assert_true(answer->count < H2_FIELDS_MAX);
		size_t at = answer->count++;
		snprintf(answer->fields[at].name, sizeof(answer->fields[at].name), "%.*s",
		         (int)nv.namelen, nv.name);
		snprintf(answer->fields[at].value, sizeof(answer->fields[at].value), "%.*s",
		         (int)nv.valuelen, nv.value);
	}
	nghttp2_hd_inflate_end_headers(h2->inflater);
}

struct h2_frame h2_wait_for(struct h2 *h2, uint8_t type)
{
	for (;;) {
		struct h2_frame frame = h2_next(h2);
		if (frame.type == NGHTTP2_HEADERS)
			read_block(h2, frame.payload, NULL);
		if (frame.type == type)
			return frame;
	}
}

static void read_reset(struct h2_frame frame, struct h2_answer *answer)
{
	struct reader reader = reader_init(frame.payload);
	answer->reset = true;
	answer->code = reader_u32(&reader);
}

void h2_answer(struct h2 *h2, uint32_t stream, struct h2_answer *answer)
{
	*answer = (struct h2_answer){0};
	for (;;) {
		struct h2_frame frame = h2_next(h2);
		bool ours = frame.stream == stream;
		if (frame.type == NGHTTP2_HEADERS)
			read_block(h2, frame.payload, ours ? answer : NULL);
		if (!ours)
			continue;
		if (frame.type == NGHTTP2_DATA)
			assert_true(buffer_append(&answer->body, frame.payload.data,
			                          frame.payload.len));
		if (frame.type == NGHTTP2_RST_STREAM) {
			read_reset(frame, answer);
			return;
		}
		if (frame.type <= NGHTTP2_HEADERS && frame.flags & H2_END_STREAM)
			return;
	}
}

const char *h2_answer_field(const struct h2_answer *answer, const char *name)
{
	for (size_t i = 0; i < answer->count; i++)
		if (strcmp(answer->fields[i].name, name) == 0)
			return answer->fields[i].value;
	return "";
}

void h2_answer_free(struct h2_answer *answer)
{
	buffer_deinit(&answer->body);
}

void h2_expect_status(struct h2 *h2, uint32_t stream, enum status status, const char *text)
{
	struct h2_answer answer;
	char number[8];
	snprintf(number, sizeof(number), "%d", (int)status);
	h2_answer(h2, stream, &answer);
	if (answer.reset)
		fail_msg("stream %u was reset: %u", stream, answer.code);
	assert_string_equal(h2_answer_field(&answer, "grpc-status"), number);
	const char *message = h2_answer_field(&answer, "grpc-message");
	if (text && !strstr(message, text))
		fail_msg("'%s' does not say '%s'", message, text);
	h2_answer_free(&answer);
}

void h2_expect_reset(struct h2 *h2, uint32_t stream, uint32_t code)
{
	struct h2_answer answer;
	h2_answer(h2, stream, &answer);
	assert_true(answer.reset);
	assert_int_equal(answer.code, code);
	h2_answer_free(&answer);
}

void h2_expect_closed(struct h2 *h2)
{
	struct h2_frame frame;
	while (next(h2, &frame))
		;
}

void h2_expect_fault(struct h2 *h2, uint32_t code, const char *text)
{
	char reason[256];
	struct h2_frame frame = h2_wait_for(h2, NGHTTP2_GOAWAY);
	struct reader reader = reader_init(frame.payload);
	(void)reader_u32(&reader);
	assert_int_equal(reader_u32(&reader), code);
	struct bytes said = reader_bytes(&reader, reader_left(&reader));
	snprintf(reason, sizeof(reason), "%.*s", (int)said.len, said.data);
	if (!strstr(reason, text))
		fail_msg("'%s' does not say '%s'", reason, text);
	h2_expect_closed(h2);
}

/* --- the conversation ---------------------------------------------------------------- */

void h2_dial(struct h2 *h2, const char *address)
{
	*h2 = (struct h2){0};
	talk_dial(&h2->talk, address);
	assert_int_equal(nghttp2_hd_inflate_new(&h2->inflater), 0);
}

void h2_open_with(struct h2 *h2, const char *address, const nghttp2_settings_entry *settings,
                  size_t count)
{
	uint8_t payload[256];
	ssize_t len = nghttp2_pack_settings_payload(payload, sizeof(payload), settings, count);
	assert_true(len >= 0);
	h2_dial(h2, address);
	h2_say_preface(h2);
	h2_say(h2, NGHTTP2_SETTINGS, 0, 0, bytes_of(payload, (size_t)len));
	h2_say(h2, NGHTTP2_SETTINGS, H2_ACK, 0, nothing());
	h2_send(h2);
	(void)h2_wait_for(h2, NGHTTP2_SETTINGS);
}

void h2_open(struct h2 *h2, const char *address)
{
	h2_open_with(h2, address, NULL, 0);
}

void h2_close(struct h2 *h2)
{
	nghttp2_hd_inflate_del(h2->inflater);
	talk_close(&h2->talk);
}

void h2_echo(struct h2 *h2, uint32_t stream)
{
	struct h2_answer answer;
	h2_say_request(h2, stream, "Echo", NULL);
	h2_say_message(h2, H2_END_STREAM, stream, bytes_of("\x0a\x02hi", 4));
	h2_send(h2);
	h2_answer(h2, stream, &answer);
	assert_false(answer.reset);
	assert_string_equal(h2_answer_field(&answer, "grpc-status"), "0");
	assert_int_equal(buffer_len(&answer.body), 9);
	assert_memory_equal(answer.body.data + answer.body.start, "\0\0\0\0\4\x0a\x02hi", 9);
	h2_answer_free(&answer);
}

/* --- the end of a connection --------------------------------------------------------- */

static const char DRAINING[8] = {'p', 'r', 'i', 's', 'm', 'e', 'n', 'd'};

void h2_expect_notice(struct h2 *h2)
{
	struct h2_frame frame = h2_wait_for(h2, NGHTTP2_GOAWAY);
	assert_memory_equal(frame.payload.data, "\x7f\xff\xff\xff\0\0\0\0", 8);
	frame = h2_next(h2);
	assert_int_equal(frame.type, NGHTTP2_PING);
	assert_memory_equal(frame.payload.data, DRAINING, 8);
}

void h2_say_pong(struct h2 *h2)
{
	h2_say(h2, NGHTTP2_PING, H2_ACK, 0, bytes_of(DRAINING, 8));
}

void h2_acknowledge(struct h2 *h2)
{
	h2_say_pong(h2);
	h2_send(h2);
	(void)h2_wait_for(h2, NGHTTP2_PING);
	h2_say_pong(h2);
	h2_send(h2);
}

void h2_expect_last(struct h2 *h2, uint32_t stream)
{
	struct h2_frame frame = h2_wait_for(h2, NGHTTP2_GOAWAY);
	struct reader reader = reader_init(frame.payload);
	assert_int_equal(reader_u32(&reader), stream);
	assert_int_equal(reader_u32(&reader), NGHTTP2_NO_ERROR);
}
