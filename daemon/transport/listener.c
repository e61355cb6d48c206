#include "daemon/transport/listener.h"
#include "daemon/transport/connection.h"
#include "daemon/transport/listen_address.h"

#include <sys/socket.h>
#include <unistd.h>

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
                          bool is_unix, bool inherited)
{
	*listener = (struct listener){.transport = transport, .inherited = inherited};
	int error = is_unix ? uv_pipe_init(transport->loop, &listener->pipe, 0)
	                    : uv_tcp_init(transport->loop, &listener->tcp);
	if (error == 0)
		error = is_unix ? uv_pipe_open(&listener->pipe, fd)
		                : uv_tcp_open(&listener->tcp, fd);
	if (error != 0)
		close(fd);
	listener->handle.data = listener;
	if (error == 0)
		error = uv_listen(&listener->stream, LISTEN_BACKLOG, on_connection);
	return error == 0 ? STATUS_OK : STATUS_UNAVAILABLE;
}

static void accept_rest(struct listener *listener)
{
	uv_os_fd_t fd;
	if (uv_fileno(&listener->handle, &fd) != 0)
		return;
	for (int taken; (taken = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;)
		connection_take(listener->transport, listener->handle.type, taken);
}

void listener_close(struct listener *listener)
{
	timeout_clear(&listener->retry);
	if (uv_is_closing(&listener->handle))
		return;
	if (!listener->inherited)
		accept_rest(listener);
	uv_close(&listener->handle, NULL);
}
