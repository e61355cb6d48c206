#include "client/connection.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_SIZE = 65536,
	READS_AT_ONCE = 16, /* then the loop's other descriptors have their turn */
	KEPT_SIZE = 65536,  /* an empty buffer that grew beyond this goes back to the heap */
};

static void connection_lost(struct connection *connection, const char *reason)
{
	uv_poll_stop(&connection->poll);
	connection->watched = 0;
	if (!connection->closing)
		connection->events->lost(connection->ctx, reason);
}

static void buffer_shrink(struct buffer *buffer)
{
	if (buffer_len(buffer) == 0 && buffer->capacity > KEPT_SIZE * 2)
		buffer_deinit(buffer);
}

static void input_use(struct connection *connection)
{
	connection->needed = 0;
	size_t used = connection->events->received(connection->ctx, buffer_bytes(&connection->in),
	                                           &connection->needed);
	buffer_consume(&connection->in, used);
	buffer_shrink(&connection->in);
}

static size_t input_room(const struct connection *connection)
{
	size_t held = buffer_len(&connection->in);
	size_t more = connection->needed > held ? connection->needed - held : 0;
	return more > READ_SIZE ? more : READ_SIZE;
}

/* True: there may be more to read. */
static bool input_read(struct connection *connection)
{
	uint8_t *at = buffer_reserve(&connection->in, input_room(connection));
	if (!at) {
		connection_lost(connection, "no memory for input");
		return false;
	}
	size_t room = connection->in.capacity - connection->in.end;
	ssize_t len = recv(connection->fd, at, room, 0);
	if (len > 0) {
		connection->in.end += (size_t)len;
		input_use(connection);
		return (size_t)len == room || connection->broken;
	}
	if (len == 0)
		connection_lost(connection, "the server closed it");
	else if (errno != EAGAIN && errno != EINTR)
		connection_lost(connection, strerror(errno));
	return len < 0 && errno == EINTR;
}

static void input_read_all(struct connection *connection)
{
	for (int i = 0; i < READS_AT_ONCE || connection->broken; i++)
		if (connection->closing || !input_read(connection))
			return;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct connection *connection = poll->data;
	if (status < 0)
		connection->broken = true;
	if (status < 0 || events & UV_READABLE)
		input_read_all(connection);
	if (status < 0 && connection->watched)
		connection_lost(connection, "the socket failed");
	if (events & UV_WRITABLE && !connection->closing)
		connection->events->writable(connection->ctx);
}

static void connection_watch(struct connection *connection, int events)
{
	if (connection->watched == events)
		return;
	connection->watched = events;
	uv_poll_start(&connection->poll, events, on_poll);
}

enum status connection_open(struct connection *connection, uv_loop_t *loop, int fd,
                            const struct connection_events *events, void *ctx)
{
	*connection = (struct connection){.fd = fd, .events = events, .ctx = ctx};
	if (uv_poll_init(loop, &connection->poll, fd) < 0) {
		close(fd);
		return STATUS_RESOURCE_EXHAUSTED;
	}
	connection->poll.data = connection;
	connection_watch(connection, UV_READABLE);
	uv_unref((uv_handle_t *)&connection->poll);
	return STATUS_OK;
}

/* What could not be written is dropped; the reader learns why the connection ended. */
static void output_failed(struct connection *connection)
{
	connection->broken = true;
	(void)shutdown(connection->fd, SHUT_WR); /* else a server waits for the rest of a frame */
	buffer_deinit(&connection->out);
	connection_watch(connection, UV_READABLE);
}

void connection_write(struct connection *connection)
{
	while (buffer_len(&connection->out) > 0 && !connection->broken) {
		struct bytes rest = buffer_bytes(&connection->out);
		ssize_t len = send(connection->fd, rest.data, rest.len, MSG_NOSIGNAL);
		if (len >= 0) {
			connection->written += (uint64_t)len;
			buffer_consume(&connection->out, (size_t)len);
		} else if (errno == EAGAIN) {
			connection_watch(connection, UV_READABLE | UV_WRITABLE);
			return;
		} else if (errno != EINTR) {
			output_failed(connection);
			return;
		}
	}
	connection_watch(connection, UV_READABLE);
	buffer_shrink(&connection->out);
}

static void on_closed(uv_handle_t *handle)
{
	struct connection *connection = handle->data;
	close(connection->fd);
	buffer_deinit(&connection->in);
	buffer_deinit(&connection->out);
	connection->events->closed(connection->ctx);
}

void connection_close(struct connection *connection)
{
	if (connection->closing)
		return;
	connection->closing = true;
	uv_close((uv_handle_t *)&connection->poll, on_closed);
}
