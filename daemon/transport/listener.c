/* libuv 1.44 knows no SO_REUSEPORT, so the sockets are made by hand and opened with uv_tcp_open. */
#include "daemon/transport/listener.h"
#include "daemon/transport/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 4096, KEEPALIVE_QUESTIONS = 4 };

static int fail(char message[ADDRESS_MESSAGE_SIZE], const struct address *address, const char *what,
                int error)
{
	char text[ADDRESS_TEXT_SIZE];
	address_format(address, text);
	if (error == EADDRINUSE)
		snprintf(message, ADDRESS_MESSAGE_SIZE,
		         "%s: in use by another process; choose another with --listen", text);
	else
		snprintf(message, ADDRESS_MESSAGE_SIZE, "%s: %s: %s", text, what, strerror(error));
	return -1;
}

struct option {
	int level, name, value;
};

static bool set_options(int fd, const struct option *options, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
		               sizeof(options[i].value)) != 0)
			return false;
	return true;
}

/* Whole seconds, at least one. */
static int seconds(uint32_t ms)
{
	return ms < 1000 ? 1 : (int)(ms / 1000);
}

/* On Linux a connection has the options of the socket that it was accepted from: set once here. */
static bool set_tcp_options(int fd, const struct listen_options *given)
{
	const struct option options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, (int)given->peer_timeout_ms},
		{SOL_SOCKET, SO_KEEPALIVE, given->keepalive_ms > 0},
		{IPPROTO_TCP, TCP_KEEPIDLE, seconds(given->keepalive_ms)},
		{IPPROTO_TCP, TCP_KEEPINTVL, seconds(given->keepalive_ms / KEEPALIVE_QUESTIONS)},
		{IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_QUESTIONS},
	};
	return set_options(fd, options, sizeof(options) / sizeof(*options));
}

static bool set_address_options(int fd, const struct address *address, bool shared)
{
	const struct option reuse_address = {SOL_SOCKET, SO_REUSEADDR, 1};
	const struct option reuse_port = {SOL_SOCKET, SO_REUSEPORT, 1};
	const struct option only_six = {IPPROTO_IPV6, IPV6_V6ONLY, 1};
	return set_options(fd, &reuse_address, 1) && (!shared || set_options(fd, &reuse_port, 1)) &&
	       (address->any.sa_family != AF_INET6 || set_options(fd, &only_six, 1));
}

/* `shared`: with SO_REUSEPORT. */
static int tcp_socket(const struct listen_address *listen, bool shared,
                      char message[ADDRESS_MESSAGE_SIZE])
{
	const struct address *address = &listen->address;
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(message, address, "socket", errno);
	if (!set_address_options(fd, address, shared) || !set_tcp_options(fd, &listen->options)) {
		fail(message, address, "setsockopt", errno);
		close(fd);
		return -1;
	}
	if (bind(fd, &address->any, address->len) != 0) {
		fail(message, address, "cannot listen here", errno);
		close(fd);
		return -1;
	}
	return fd;
}

/* Refused if anybody listens there: a socket without SO_REUSEPORT cannot be bound then. */
static bool tcp_free(const struct listen_address *listen, char message[ADDRESS_MESSAGE_SIZE])
{
	int fd = tcp_socket(listen, false, message);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The first worker's socket; the kernel picks a port of nobody's if it is 0. */
static bool tcp_bind(struct listen_address *listen, char message[ADDRESS_MESSAGE_SIZE])
{
	struct address *address = &listen->address;
	if (address_port(address) != 0 && !tcp_free(listen, message))
		return false;
	listen->fd = tcp_socket(listen, true, message);
	if (listen->fd < 0)
		return false;
	socklen_t len = sizeof(address->in6);
	if (getsockname(listen->fd, &address->any, &len) == 0)
		return true;
	fail(message, address, "getsockname", errno);
	close(listen->fd);
	listen->fd = -1;
	return false;
}

static bool somebody_answers(const struct address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return true;
	int connected = connect(fd, &address->any, address->len);
	bool refused = connected != 0 && (errno == ECONNREFUSED || errno == ENOENT);
	close(fd);
	return !refused;
}

/* What a killed daemon left behind is removed; anything else that has this name is not ours. */
static bool unix_clear(const struct address *address, char message[ADDRESS_MESSAGE_SIZE])
{
	struct stat found;
	if (lstat(address->un.sun_path, &found) != 0)
		return true;
	if (!S_ISSOCK(found.st_mode)) {
		fail(message, address, "exists and is not a socket", EEXIST);
		return false;
	}
	if (somebody_answers(address)) {
		fail(message, address, "", EADDRINUSE);
		return false;
	}
	if (unlink(address->un.sun_path) == 0)
		return true;
	fail(message, address, "cannot remove the stale socket", errno);
	return false;
}

static bool unix_bind(struct listen_address *listen, char message[ADDRESS_MESSAGE_SIZE])
{
	const struct address *address = &listen->address;
	if (!unix_clear(address, message))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		fail(message, address, "socket", errno);
		return false;
	}
	if (bind(fd, &address->any, address->len) != 0) {
		fail(message, address, "cannot listen here", errno);
		close(fd);
		return false;
	}
	listen->fd = fd;
	return true;
}

bool listen_address_bind(struct listen_address *listen, const struct address *address,
                         const struct listen_options *options, char message[ADDRESS_MESSAGE_SIZE])
{
	*listen = (struct listen_address){.address = *address, .options = *options, .fd = -1};
	return address_is_unix(address) ? unix_bind(listen, message) : tcp_bind(listen, message);
}

int listen_address_socket(struct listen_address *listen, char message[ADDRESS_MESSAGE_SIZE])
{
	if (!address_is_unix(&listen->address)) {
		int first = listen->fd;
		listen->fd = -1;
		return first >= 0 ? first : tcp_socket(listen, true, message);
	}
	int fd = fcntl(listen->fd, F_DUPFD_CLOEXEC, 3);
	return fd >= 0 ? fd : fail(message, &listen->address, "dup", errno);
}

void listen_address_release(struct listen_address *listen)
{
	if (listen->fd < 0)
		return;
	if (address_is_unix(&listen->address))
		unlink(listen->address.un.sun_path);
	close(listen->fd);
	listen->fd = -1;
}

/* Without memory the connection waits in libuv, and those behind it in the kernel. */
static void accept_one(struct listener *listener)
{
	if (connection_accept(listener->transport, &listener->stream))
		return;
	transport_accept_failed(listener->transport, UV_ENOMEM);
	transport_wait(listener->transport, WAIT_ACCEPT, &listener->retry);
}

void listener_retry(struct timeout *retry)
{
	accept_one((struct listener *)((char *)retry - offsetof(struct listener, retry)));
}

static void on_connection(uv_stream_t *stream, int error)
{
	struct listener *listener = stream->data;
	if (error == 0)
		accept_one(listener);
	else
		transport_accept_failed(listener->transport, error);
}

enum status listener_open(struct listener *listener, struct transport *transport, int fd,
                          bool is_unix)
{
	*listener = (struct listener){.transport = transport};
	int error = is_unix ? uv_pipe_init(transport->loop, &listener->pipe, 0)
	                    : uv_tcp_init(transport->loop, &listener->tcp);
	if (error == 0)
		error = is_unix ? uv_pipe_open(&listener->pipe, fd)
		                : uv_tcp_open(&listener->tcp, fd);
	if (error != 0)
		close(fd);
	listener->handle.data = listener;
	if (error == 0)
		error = uv_listen(&listener->stream, BACKLOG, on_connection);
	return error == 0 ? STATUS_OK : STATUS_UNAVAILABLE;
}

void listener_close(struct listener *listener)
{
	timeout_clear(&listener->retry);
	if (!uv_is_closing(&listener->handle))
		uv_close(&listener->handle, NULL);
}
