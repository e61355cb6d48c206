#include "tests/talk/talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_SIZE = 65536 };

/* --- bytes to send ------------------------------------------------------------ */

static struct writer room(struct buffer *out, size_t len)
{
	uint8_t *at = buffer_reserve(out, len);
	assert_non_null(at);
	out->end += len;
	return writer_init(at, len);
}

void say_preface(struct buffer *out, uint8_t version_min, uint8_t version_max)
{
	struct writer writer = room(out, PREFACE_SIZE);
	preface_write(writer.at, version_min, version_max);
}

void say_frame(struct buffer *out, uint8_t type, uint8_t flags, uint32_t stream, struct bytes meta,
               struct bytes body)
{
	struct writer writer = room(out, FRAME_HEADER_SIZE + meta.len + body.len);
	frame_header_write(&writer, (enum frame_type)type, flags, stream, meta.len, body.len);
	writer_bytes(&writer, meta.data, meta.len);
	writer_bytes(&writer, body.data, body.len);
	assert_false(writer.failed);
}

void say_hello(struct buffer *out, const struct hello *hello)
{
	uint8_t meta[1024];
	size_t len = hello_size(hello);
	assert_true(len <= sizeof(meta));
	struct writer writer = writer_init(meta, len);
	hello_write(&writer, hello);
	say_frame(out, FRAME_HELLO, 0, 0, bytes_of(meta, len), nothing());
}

struct bytes echo_path(const char *method)
{
	static char path[128];
	snprintf(path, sizeof(path), "/prism.test.v1.EchoService/%s", method);
	return bytes_of_string(path);
}

void say_call_meta(struct buffer *out, uint32_t stream, uint8_t flags, const struct call_meta *meta,
                   struct bytes body)
{
	uint8_t block[1024];
	size_t len = call_meta_size(meta, NULL, 0);
	assert_true(len <= sizeof(block));
	struct writer writer = writer_init(block, len);
	call_meta_write(&writer, meta, NULL, 0);
	say_frame(out, FRAME_CALL, flags, stream, bytes_of(block, len), body);
}

void say_call(struct buffer *out, uint32_t stream, uint8_t flags, const char *method,
              struct bytes body)
{
	say_call_meta(out, stream, flags, &(struct call_meta){.path = echo_path(method)}, body);
}

void say_message(struct buffer *out, uint32_t stream, uint8_t flags, struct bytes body)
{
	say_frame(out, FRAME_MSG, flags, stream, nothing(), body);
}

void say_cancel(struct buffer *out, uint32_t stream, enum status code)
{
	uint8_t block[16];
	struct cancel_meta meta = {.code = code};
	size_t len = cancel_meta_size(&meta);
	struct writer writer = writer_init(block, len);
	cancel_meta_write(&writer, &meta);
	say_frame(out, FRAME_CANCEL, 0, stream, bytes_of(block, len), nothing());
}

void say_credit(struct buffer *out, uint32_t stream, uint32_t increment)
{
	uint8_t body[4];
	struct writer writer = writer_init(body, sizeof(body));
	writer_u32(&writer, increment);
	say_frame(out, FRAME_CREDIT, 0, stream, nothing(), bytes_of(body, sizeof(body)));
}

void say_ping(struct buffer *out, uint8_t flags, const char body[8])
{
	say_frame(out, FRAME_PING, flags, 0, nothing(), bytes_of(body, 8));
}

void say_goaway(struct buffer *out, uint8_t flags, const struct goaway_meta *meta)
{
	uint8_t block[256];
	size_t len = goaway_meta_size(meta);
	assert_true(len <= sizeof(block));
	struct writer writer = writer_init(block, len);
	goaway_meta_write(&writer, meta);
	say_frame(out, FRAME_GOAWAY, flags, 0, bytes_of(block, len), nothing());
}

struct bytes echo_message(struct buffer *out, size_t len, uint8_t fill)
{
	size_t before = buffer_len(out);
	size_t size = len == 0 ? 0 : 1 + varint_size(len) + len;
	struct writer writer = room(out, size);
	if (len > 0) {
		writer_u8(&writer, 0x0a);
		writer_varint(&writer, len);
		memset(writer.at, fill, len);
	}
	return bytes_of(out->data + out->start + before, size);
}

struct bytes numbers_message(struct buffer *out, const uint64_t *numbers, size_t count)
{
	size_t before = buffer_len(out);
	for (size_t i = 0; i < count; i++) {
		if (numbers[i] == 0)
			continue;
		struct writer writer = room(out, 1 + varint_size(numbers[i]));
		writer_u8(&writer, (uint8_t)((i + 1) << 3));
		writer_varint(&writer, numbers[i]);
	}
	return bytes_of(out->data + out->start + before, buffer_len(out) - before);
}

/* --- dialling -------------------------------------------------------------------- */

static int dial_unix(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	return fd;
}

static int dial_tcp(const char *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	bool six = address[0] == '[';
	uint16_t port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
	in.sin_port = in6.sin6_port = port;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in6.sin6_addr = in6addr_loopback;
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	int connected = six ? connect(fd, (struct sockaddr *)&in6, sizeof(in6))
	                    : connect(fd, (struct sockaddr *)&in, sizeof(in));
	assert_int_equal(connected, 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

void talk_dial(struct talk *talk, const char *address)
{
	*talk = (struct talk){0};
	talk->fd = strncmp(address, "unix:", 5) == 0 ? dial_unix(address + 5) : dial_tcp(address);
}

void talk_open(struct talk *talk, const char *address, const struct hello *hello)
{
	talk_dial(talk, address);
	say_preface(&talk->out, 1, 1);
	say_hello(&talk->out, hello ? hello : &(struct hello){0});
	talk_send(talk);
	talk_expect_greeting(talk);
}

void talk_close(struct talk *talk)
{
	close(talk->fd);
	buffer_deinit(&talk->in);
	buffer_deinit(&talk->out);
}

/* --- sending ------------------------------------------------------------------------ */

/* Reads what comes meanwhile, so that both sides may send much at once. */
void talk_send_bytes(struct talk *talk, const void *data, size_t len)
{
	for (size_t sent = 0; sent < len;) {
		struct pollfd both = {.fd = talk->fd, .events = POLLIN | POLLOUT};
		assert_true(poll(&both, 1, TALK_PATIENCE_MS) > 0);
		if (both.revents & POLLIN) {
			uint8_t *at = buffer_reserve(&talk->in, READ_SIZE);
			ssize_t got = recv(talk->fd, at, READ_SIZE, MSG_DONTWAIT);
			if (got > 0)
				talk->in.end += (size_t)got;
		}
		ssize_t now = send(talk->fd, (const uint8_t *)data + sent, len - sent,
		                   MSG_NOSIGNAL | MSG_DONTWAIT);
		if (now < 0 && (errno == EPIPE || errno == ECONNRESET))
			return; /* the server said why */
		if (now > 0)
			sent += (size_t)now;
	}
}

void talk_send(struct talk *talk)
{
	struct bytes all = buffer_bytes(&talk->out);
	talk_send_bytes(talk, all.data, all.len);
	buffer_consume(&talk->out, all.len);
}

void talk_send_slowly(struct talk *talk)
{
	struct bytes all = buffer_bytes(&talk->out);
	for (size_t i = 0; i < all.len; i++)
		talk_send_bytes(talk, all.data + i, 1);
	buffer_consume(&talk->out, all.len);
}

/* --- hearing -------------------------------------------------------------------------- */

/* False at the end of the connection. */
static bool hear(struct talk *talk)
{
	struct pollfd wait = {.fd = talk->fd, .events = POLLIN};
	if (poll(&wait, 1, TALK_PATIENCE_MS) <= 0)
		fail_msg("the server says nothing");
	uint8_t *at = buffer_reserve(&talk->in, READ_SIZE);
	ssize_t got = recv(talk->fd, at, READ_SIZE, 0);
	if (got <= 0)
		return false;
	talk->in.end += (size_t)got;
	return true;
}

static void take(struct talk *talk)
{
	buffer_consume(&talk->in, talk->taken);
	talk->taken = 0;
}

void talk_expect_greeting(struct talk *talk)
{
	static const uint8_t preface[PREFACE_SIZE] = {0x8e, 'R', 'P', 'C', 1, 1, 0, 0};
	const char *reason;
	take(talk);
	while (buffer_len(&talk->in) < PREFACE_SIZE)
		assert_true(hear(talk));
	assert_memory_equal(buffer_bytes(&talk->in).data, preface, PREFACE_SIZE);
	buffer_consume(&talk->in, PREFACE_SIZE);
	struct frame frame = talk_next(talk);
	assert_int_equal(frame.type, FRAME_HELLO);
	assert_true(frame.meta.len <= sizeof(talk->hello_bytes));
	memcpy(talk->hello_bytes, frame.meta.data, frame.meta.len);
	assert_true(
		hello_decode(bytes_of(talk->hello_bytes, frame.meta.len), &talk->server, &reason));
}

struct frame talk_next(struct talk *talk)
{
	struct frame frame;
	size_t needed;
	const char *reason = NULL;
	take(talk);
	for (;;) {
		enum decode decoded = frame_decode(buffer_bytes(&talk->in), LIMIT_FRAME_MAX, &frame,
		                                   &talk->taken, &needed, &reason);
		if (decoded == DECODE_OK)
			return frame;
		if (decoded == DECODE_MALFORMED)
			fail_msg("the server's frame: %s", reason);
		talk->taken = 0;
		if (!hear(talk))
			fail_msg("the server closed the connection");
	}
}

static void check_bytes(struct bytes is, struct bytes should)
{
	assert_int_equal(is.len, should.len);
	if (is.len > 0)
		assert_memory_equal(is.data, should.data, is.len);
}

void talk_expect(struct talk *talk, enum frame_type type, uint8_t flags, uint32_t stream,
                 struct bytes body)
{
	struct frame frame = talk_next(talk);
	assert_int_equal(frame.type, type);
	assert_int_equal(frame.flags, flags);
	assert_int_equal(frame.stream, stream);
	check_bytes(frame.body, body);
}

static struct end_meta next_end(struct talk *talk, uint32_t stream, uint8_t flags,
                                struct bytes *body)
{
	struct end_meta meta;
	const char *reason;
	struct frame frame = talk_next(talk);
	assert_int_equal(frame.type, FRAME_END);
	assert_int_equal(frame.stream, stream);
	if (!end_meta_decode(frame.meta, &meta, &reason))
		fail_msg("END: %s", reason);
	if (frame.flags != flags)
		fail_msg("END with flags %u: %s, %.*s", frame.flags, status_name(meta.code),
		         (int)meta.message.len, (const char *)meta.message.data);
	*body = frame.body;
	return meta;
}

void talk_expect_answer(struct talk *talk, uint32_t stream, struct bytes body)
{
	struct bytes answer;
	struct end_meta meta = next_end(talk, stream, 0, &answer);
	assert_int_equal(meta.code, STATUS_OK);
	check_bytes(answer, body);
}

static void check_text(struct bytes is, const char *part)
{
	char text[4096];
	snprintf(text, sizeof(text), "%.*s", (int)is.len, is.len ? (const char *)is.data : "");
	if (part && !strstr(text, part))
		fail_msg("'%s' does not contain '%s'", text, part);
}

struct end_meta talk_expect_end(struct talk *talk, uint32_t stream, enum status code,
                                const char *text)
{
	struct bytes body;
	struct end_meta meta = next_end(talk, stream, FRAME_NOMSG, &body);
	assert_string_equal(status_name(meta.code), status_name(code));
	check_text(meta.message, text);
	return meta;
}

uint64_t talk_expect_credit(struct talk *talk, uint32_t stream, uint64_t enough)
{
	uint64_t granted = 0;
	while (granted < enough) {
		struct frame frame = talk_next(talk);
		assert_int_equal(frame.type, FRAME_CREDIT);
		assert_int_equal(frame.stream, stream);
		struct reader reader = reader_init(frame.body);
		granted += reader_u32(&reader);
	}
	return granted;
}

struct goaway_meta talk_expect_goaway(struct talk *talk, uint8_t flags)
{
	struct goaway_meta meta;
	const char *reason;
	struct frame frame = talk_next(talk);
	assert_int_equal(frame.type, FRAME_GOAWAY);
	assert_int_equal(frame.flags, flags);
	if (!goaway_meta_decode(frame.meta, &meta, &reason))
		fail_msg("GOAWAY: %s", reason);
	return meta;
}

void talk_expect_fault(struct talk *talk, enum status code, const char *text)
{
	struct goaway_meta meta = talk_expect_goaway(talk, FRAME_GOAWAY_FINAL);
	check_text(meta.reason, text);
	assert_string_equal(status_name(meta.code), status_name(code));
	talk_expect_closed(talk);
}

void talk_expect_closed(struct talk *talk)
{
	take(talk);
	while (buffer_len(&talk->in) == 0 && hear(talk))
		continue;
	assert_int_equal(buffer_len(&talk->in), 0);
}

bool talk_hears(struct talk *talk, int ms)
{
	struct pollfd wait = {.fd = talk->fd, .events = POLLIN};
	take(talk);
	return buffer_len(&talk->in) > 0 || poll(&wait, 1, ms) > 0;
}

struct bytes talk_ask(struct talk *talk, uint32_t stream, const char *method, struct bytes request)
{
	struct bytes answer;
	say_call(&talk->out, stream, FRAME_CLOSE, method, request);
	talk_send(talk);
	struct end_meta meta = next_end(talk, stream, 0, &answer);
	assert_int_equal(meta.code, STATUS_OK);
	return answer;
}
