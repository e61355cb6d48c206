#include "daemon/transport/listener.h"
#include "daemon/transport/connection.h"
#include "daemon/transport/listen_address.h"

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
		error = uv_listen(&listener->stream, LISTEN_BACKLOG, on_connection);
	return error == 0 ? STATUS_OK : STATUS_UNAVAILABLE;
}

void listener_close(struct listener *listener)
{
	timeout_clear(&listener->retry);
	if (!uv_is_closing(&listener->handle))
		uv_close(&listener->handle, NULL);
}
