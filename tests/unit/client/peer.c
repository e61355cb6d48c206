#include "tests/unit/client/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

enum { READ_SIZE = 65536, PATIENCE_S = 30 };

void peer_fail(struct peer *peer, const char *format, ...)
{
	if (*peer->fault)
		return;
	va_list args;
	va_start(args, format);
	vsnprintf(peer->fault, sizeof peer->fault, format, args);
	va_end(args);
}

static void *peer_run(void *data)
{
	struct peer *peer = data;
	peer->script(peer);
	peer_hang_up(peer);
	peer->stage = INT_MAX;
	return NULL;
}

static void listen_at(struct peer *peer, const struct sockaddr *address, socklen_t len)
{
	struct timeval patience = {.tv_sec = PATIENCE_S};
	peer->listener = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(peer->listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	assert_int_equal(bind(peer->listener, address, len), 0);
	assert_int_equal(listen(peer->listener, 16), 0);
}

void peer_start(struct peer *peer, void (*script)(struct peer *peer), void *ctx)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;
	*peer = (struct peer){.script = script, .ctx = ctx, .fd = -1};
	listen_at(peer, (struct sockaddr *)&address, len);
	assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &len), 0);
	snprintf(peer->address, sizeof peer->address, "127.0.0.1:%u", ntohs(address.sin_port));
	assert_int_equal(pthread_create(&peer->thread, NULL, peer_run, peer), 0);
}

void peer_start_at(struct peer *peer, const char *path, void (*script)(struct peer *peer),
                   void *ctx)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	*peer = (struct peer){.script = script, .ctx = ctx, .fd = -1};
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	snprintf(peer->address, sizeof peer->address, "unix:%.58s", path);
	listen_at(peer, (struct sockaddr *)&address, sizeof address);
	assert_int_equal(pthread_create(&peer->thread, NULL, peer_run, peer), 0);
}

void peer_stop(struct peer *peer)
{
	pthread_join(peer->thread, NULL);
	close(peer->listener);
	buffer_deinit(&peer->in);
	if (*peer->fault)
		fail_msg("the peer: %s", peer->fault);
}

void peer_poke(struct peer *peer)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof address;
	assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &len), 0);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, len), 0);
	close(fd);
}

void peer_wait(struct peer *peer, int stage)
{
	static const struct timespec A_WHILE = {.tv_nsec = 20000000};
	while (peer->stage < stage)
		nanosleep(&A_WHILE, NULL);
	nanosleep(&A_WHILE, NULL);
}

void peer_accept(struct peer *peer)
{
	if (*peer->fault)
		return;
	peer_hang_up(peer);
	peer->fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
	if (peer->fd < 0) {
		peer_fail(peer, "accept: %s", strerror(errno));
		return;
	}
	struct timeval patience = {.tv_sec = PATIENCE_S};
	setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(peer->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

bool peer_read_more(struct peer *peer)
{
	uint8_t *at = buffer_reserve(&peer->in, READ_SIZE);
	ssize_t len = at ? recv(peer->fd, at, READ_SIZE, 0) : -1;
	if (len > 0)
		peer->in.end += (size_t)len;
	else if (len < 0 && errno != ECONNRESET)
		peer_fail(peer, "recv: %s", strerror(errno));
	return len > 0;
}

void peer_forget(struct peer *peer)
{
	buffer_consume(&peer->in, peer->used);
	peer->used = 0;
}

void peer_read_greeting(struct peer *peer)
{
	uint8_t low = 0, high = 0;
	const char *reason = "";
	struct frame frame;
	while (!*peer->fault && buffer_len(&peer->in) < PREFACE_SIZE)
		if (!peer_read_more(peer))
			peer_fail(peer, "the client closed before its preface");
	if (*peer->fault)
		return;
	if (preface_decode(buffer_bytes(&peer->in), &low, &high, &reason) != DECODE_OK)
		peer_fail(peer, "preface: %s", reason);
	buffer_consume(&peer->in, PREFACE_SIZE);
	peer_expect(peer, FRAME_HELLO, &frame);
	if (*peer->fault)
		return;
	if (!hello_decode(frame.meta, &peer->hello, &reason))
		peer_fail(peer, "HELLO: %s", reason);
	snprintf(peer->token, sizeof peer->token, "%.*s", (int)peer->hello.token.len,
	         (const char *)peer->hello.token.data);
	snprintf(peer->agent, sizeof peer->agent, "%.*s", (int)peer->hello.agent.len,
	         (const char *)peer->hello.agent.data);
}

void peer_say_hello(struct peer *peer, const struct hello *hello)
{
	uint8_t bytes[512];
	struct writer writer = writer_init(bytes, sizeof bytes);
	hello = hello ? hello : &HELLO_START;
	preface_write(writer.at, FRAME_VERSION, FRAME_VERSION);
	writer.at += PREFACE_SIZE;
	frame_header_write(&writer, FRAME_HELLO, 0, 0, hello_size(hello), 0);
	hello_write(&writer, hello);
	peer_send(peer, bytes, (size_t)(writer.at - bytes));
}

void peer_greet(struct peer *peer)
{
	peer_accept(peer);
	peer_read_greeting(peer);
	peer_say_hello(peer, NULL);
}

bool peer_read(struct peer *peer, struct frame *frame)
{
	size_t needed = 0;
	const char *reason = "";
	peer_forget(peer);
	while (!*peer->fault) {
		switch (frame_decode(buffer_bytes(&peer->in), LIMIT_FRAME_MAX, frame, &peer->used,
		                     &needed, &reason)) {
		case DECODE_OK:
			return true;
		case DECODE_MALFORMED:
			peer_fail(peer, "malformed frame: %s", reason);
			break;
		case DECODE_INCOMPLETE:
			if (!peer_read_more(peer))
				return false;
		}
	}
	return false;
}

void peer_expect(struct peer *peer, enum frame_type type, struct frame *frame)
{
	*frame = (struct frame){0};
	while (!*peer->fault) {
		if (!peer_read(peer, frame))
			peer_fail(peer, "the client closed instead of sending frame %d", type);
		else if (frame->type == type)
			return;
		else if (frame->type != FRAME_CREDIT)
			peer_fail(peer, "frame %d came instead of %d", frame->type, type);
	}
}

void peer_expect_call(struct peer *peer, struct frame *frame, struct call_meta *meta)
{
	const char *reason = "";
	*meta = (struct call_meta){0};
	peer_expect(peer, FRAME_CALL, frame);
	if (!*peer->fault && !call_meta_decode(frame->meta, meta, &reason))
		peer_fail(peer, "CALL: %s", reason);
}

void peer_expect_close(struct peer *peer)
{
	struct frame frame;
	while (peer_read(peer, &frame))
		continue;
}

void peer_drain(struct peer *peer)
{
	while (!*peer->fault && peer_read_more(peer))
		buffer_consume(&peer->in, buffer_len(&peer->in));
}

void peer_send(struct peer *peer, const void *data, size_t len)
{
	const uint8_t *at = data;
	if (peer->corked) {
		if (!buffer_append(&peer->out, data, len))
			peer_fail(peer, "no memory");
		return;
	}
	while (!*peer->fault && len > 0) {
		ssize_t sent = send(peer->fd, at, len, MSG_NOSIGNAL);
		if (sent < 0) {
			peer_fail(peer, "send: %s", strerror(errno));
			return;
		}
		at += sent;
		len -= (size_t)sent;
	}
}

void peer_cork(struct peer *peer)
{
	peer->corked = true;
}

void peer_uncork(struct peer *peer)
{
	peer->corked = false;
	peer_send(peer, buffer_bytes(&peer->out).data, buffer_len(&peer->out));
	buffer_deinit(&peer->out);
}

void peer_send_frame(struct peer *peer, enum frame_type type, uint8_t flags, uint32_t stream,
                     struct bytes meta, struct bytes body)
{
	uint8_t header[FRAME_HEADER_SIZE];
	struct writer writer = writer_init(header, sizeof header);
	frame_header_write(&writer, type, flags, stream, meta.len, body.len);
	peer_send(peer, header, sizeof header);
	peer_send(peer, meta.data, meta.len);
	peer_send(peer, body.data, body.len);
}

void peer_answer(struct peer *peer, uint32_t stream, struct bytes message)
{
	peer_send_frame(peer, FRAME_END, 0, stream, bytes_of(NULL, 0), message);
}

void peer_end(struct peer *peer, uint32_t stream, const struct end_meta *meta)
{
	uint8_t bytes[LIMIT_FRAME_META];
	struct writer writer = writer_init(bytes, sizeof bytes);
	end_meta_write(&writer, meta, NULL, 0, NULL, 0);
	peer_send_frame(peer, FRAME_END, FRAME_NOMSG, stream,
	                bytes_of(bytes, (size_t)(writer.at - bytes)), bytes_of(NULL, 0));
}

void peer_goaway(struct peer *peer, uint8_t flags, const struct goaway_meta *meta)
{
	uint8_t bytes[LIMIT_FRAME_META];
	struct writer writer = writer_init(bytes, sizeof bytes);
	goaway_meta_write(&writer, meta);
	peer_send_frame(peer, FRAME_GOAWAY, flags, 0, bytes_of(bytes, (size_t)(writer.at - bytes)),
	                bytes_of(NULL, 0));
}

void peer_credit(struct peer *peer, uint32_t stream, uint32_t increment)
{
	uint8_t body[4];
	struct writer writer = writer_init(body, sizeof body);
	writer_u32(&writer, increment);
	peer_send_frame(peer, FRAME_CREDIT, 0, stream, bytes_of(NULL, 0),
	                bytes_of(body, sizeof body));
}

void peer_hang_up(struct peer *peer)
{
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
	peer->used = 0;
	buffer_deinit(&peer->in);
	if (peer->inflater)
		nghttp2_hd_inflate_del(peer->inflater);
	peer->inflater = NULL;
}

void peer_reset(struct peer *peer)
{
	struct linger linger = {.l_onoff = 1};
	setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	peer_hang_up(peer);
}
