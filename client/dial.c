#include "client/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	REASON_SIZE = 256,
	PROBE_AFTER_S = 60,      /* keepalive of an idle connection */
	UNACKED_MOST_MS = 20000, /* a peer that acknowledges nothing for so long is gone */
};

struct dial {
	uv_loop_t *loop;
	struct address address;
	const struct dial_events *events;
	void *ctx;
	uv_getaddrinfo_t resolve;
	struct addrinfo *resolved, *next; /* addresses of a name, and which of them comes next */
	uv_poll_t poll;
	uv_timer_t timer; /* of an attempt that others follow */
	uint64_t ends_ms; /* uv_now() */
	int fd;
	int error; /* errno of the last attempt */
	bool resolving, cancelled;
};

static void on_timer_closed(uv_handle_t *timer)
{
	struct dial *dial = timer->data;
	if (dial->resolved)
		uv_freeaddrinfo(dial->resolved);
	dial->events->gone(dial->ctx);
	free(dial);
}

static void dial_free(struct dial *dial)
{
	uv_close((uv_handle_t *)&dial->timer, on_timer_closed);
}

static void dial_fail(struct dial *dial)
{
	char reason[REASON_SIZE];
	snprintf(reason, sizeof reason, "%s", strerror(dial->error));
	if (!dial->cancelled)
		dial->events->failed(dial->ctx, reason);
	dial_free(dial);
}

/* Failures are of no consequence: the connection is slower, or notices a dead peer later. */
static void tcp_options(int fd)
{
	int on = 1, idle = PROBE_AFTER_S, unacked = UNACKED_MOST_MS;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked, sizeof unacked);
}

/* A socket that is connected or about to be; -1: errno. */
static int socket_connect(const struct address *address)
{
	int fd = socket(address->socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (address->socket.ss_family != AF_UNIX)
		tcp_options(fd);
	const struct sockaddr *to = (const struct sockaddr *)&address->socket;
	if (connect(fd, to, address->socket_len) == 0 || errno == EINPROGRESS)
		return fd;
	int failed = errno;
	close(fd);
	errno = failed;
	return -1;
}

static void on_connect(uv_poll_t *poll, int status, int events);
static void on_attempt_closed(uv_handle_t *handle);

/* False: dial->error says why. */
static bool attempt(struct dial *dial)
{
	dial->fd = socket_connect(&dial->address);
	if (dial->fd < 0) {
		dial->error = errno;
		return false;
	}
	if (uv_poll_init(dial->loop, &dial->poll, dial->fd) < 0) {
		dial->error = ENOMEM;
		close(dial->fd);
		return false;
	}
	dial->poll.data = dial;
	uv_unref((uv_handle_t *)&dial->poll);
	uv_poll_start(&dial->poll, UV_WRITABLE, on_connect);
	return true;
}

/* Ends the attempt as if the address had said so. */
static void on_share_used(uv_timer_t *timer)
{
	struct dial *dial = timer->data;
	dial->error = ETIMEDOUT;
	uv_close((uv_handle_t *)&dial->poll, on_attempt_closed);
}

/* An equal share of the time that is left for each address that is. */
static void share_start(struct dial *dial)
{
	uint64_t addresses = 1, now_ms = uv_now(dial->loop);
	for (const struct addrinfo *after = dial->next; after; after = after->ai_next)
		addresses++;
	if (addresses > 1 && dial->ends_ms > now_ms)
		uv_timer_start(&dial->timer, on_share_used, (dial->ends_ms - now_ms) / addresses,
		               0);
}

static bool attempt_next(struct dial *dial)
{
	while (dial->next) {
		address_use(&dial->address, dial->next);
		dial->next = dial->next->ai_next;
		if (attempt(dial)) {
			share_start(dial);
			return true;
		}
	}
	return false;
}

/* The descriptor is free of the loop: the connection may have it. */
static void on_attempt_closed(uv_handle_t *handle)
{
	struct dial *dial = handle->data;
	if (!dial->error && !dial->cancelled) {
		dial->events->connected(dial->ctx, dial->fd);
		dial_free(dial);
		return;
	}
	close(dial->fd);
	if (dial->cancelled || !attempt_next(dial))
		dial_fail(dial);
}

static void on_connect(uv_poll_t *poll, int status, int events)
{
	struct dial *dial = poll->data;
	socklen_t len = sizeof dial->error;
	(void)status, (void)events;
	uv_timer_stop(&dial->timer);
	if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &dial->error, &len) < 0)
		dial->error = errno;
	uv_close((uv_handle_t *)poll, on_attempt_closed);
}

static void resolve_failed(struct dial *dial, int status)
{
	char reason[REASON_SIZE];
	snprintf(reason, sizeof reason, "the name %.150s cannot be resolved: %s",
	         dial->address.host, uv_strerror(status));
	dial->events->failed(dial->ctx, reason);
	dial_free(dial);
}

static void on_resolved(uv_getaddrinfo_t *resolve, int status, struct addrinfo *resolved)
{
	struct dial *dial = resolve->data;
	dial->resolving = false;
	dial->resolved = dial->next = resolved;
	if (dial->cancelled)
		dial_free(dial);
	else if (status != 0)
		resolve_failed(dial, status);
	else if (!attempt_next(dial))
		dial_fail(dial);
}

static bool resolve_start(struct dial *dial)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	dial->resolve.data = dial;
	int failed = uv_getaddrinfo(dial->loop, &dial->resolve, on_resolved, dial->address.host,
	                            dial->address.port, &hints);
	dial->resolving = failed == 0;
	dial->error = -failed;
	return dial->resolving;
}

struct dial *dial_start(uv_loop_t *loop, const struct address *address, uint32_t timeout_ms,
                        const struct dial_events *events, void *ctx, char reason[REASON_SIZE])
{
	struct dial *dial = calloc(1, sizeof *dial);
	if (!dial) {
		snprintf(reason, REASON_SIZE, "no memory");
		return NULL;
	}
	dial->loop = loop;
	dial->ends_ms = uv_now(loop) + timeout_ms;
	dial->address = *address;
	dial->events = events;
	dial->ctx = ctx;
	if (address->kind == ADDRESS_NAME ? resolve_start(dial) : attempt(dial)) {
		uv_timer_init(loop, &dial->timer);
		dial->timer.data = dial;
		uv_unref((uv_handle_t *)&dial->timer);
		return dial;
	}
	snprintf(reason, REASON_SIZE, "%s", strerror(dial->error));
	free(dial);
	return NULL;
}

void dial_cancel(struct dial *dial)
{
	dial->cancelled = true;
	uv_timer_stop(&dial->timer);
	if (dial->resolving)
		uv_cancel((uv_req_t *)&dial->resolve);
	else if (!uv_is_closing((uv_handle_t *)&dial->poll))
		uv_close((uv_handle_t *)&dial->poll, on_attempt_closed);
}
