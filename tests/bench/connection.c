#include "tests/bench/dial.h"
#include "tests/bench/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 65536 };

bool connection_open(struct connection *connection, struct load *load)
{
	*connection = (struct connection){.load = load, .fd = -1};
	connection->slots = calloc((size_t)load->slot_mask + 1, sizeof *connection->slots);
	if (!connection->slots) {
		snprintf(load->message, sizeof load->message, "out of memory");
		return false;
	}
	if (!dial(load->options.address, &connection->fd, load->message) ||
	    !load->protocol->open(connection, load->message))
		return false;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
	return fcntl(connection->fd, F_SETFL, O_NONBLOCK) == 0 &&
	       epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) == 0;
}

void connection_close(struct connection *connection)
{
	if (connection->fd >= 0)
		close(connection->fd);
	if (connection->load && connection->load->protocol->close)
		connection->load->protocol->close(connection);
	buffer_deinit(&connection->in);
	buffer_deinit(&connection->out);
	free(connection->slots);
}

void connection_touch(struct connection *connection)
{
	if (connection->dirty)
		return;
	connection->dirty = true;
	connection->load->dirty[connection->load->dirty_count++] = connection;
}

static bool lost(struct connection *connection, const char *why)
{
	snprintf(connection->load->message, LOAD_MESSAGE_SIZE, "a connection was lost: %s", why);
	return false;
}

bool connection_input(struct connection *connection)
{
	uint8_t *room = buffer_reserve(&connection->in, READ_SIZE);
	if (!room)
		return lost(connection, "out of memory");
	ssize_t got = read(connection->fd, room, READ_SIZE);
	if (got == 0)
		return lost(connection, "the server closed it");
	if (got < 0)
		return errno == EAGAIN || errno == EINTR || lost(connection, strerror(errno));
	connection->in.end += (size_t)got;
	return connection->load->protocol->receive(connection, now_ns());
}

static bool want_output(struct connection *connection, bool wanted)
{
	if (connection->wants_output == wanted)
		return true;
	connection->wants_output = wanted;
	struct epoll_event event = {
		.events = EPOLLIN | (wanted ? (uint32_t)EPOLLOUT : 0),
		.data.ptr = connection,
	};
	return epoll_ctl(connection->load->epoll, EPOLL_CTL_MOD, connection->fd, &event) == 0;
}

bool connection_flush(struct connection *connection)
{
	struct bytes out = buffer_bytes(&connection->out);
	if (out.len == 0)
		return want_output(connection, false);
	ssize_t sent = send(connection->fd, out.data, out.len, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return lost(connection, strerror(errno));
	if (sent > 0)
		buffer_consume(&connection->out, (size_t)sent);
	return want_output(connection, buffer_len(&connection->out) > 0);
}
