#include "daemon/transport/connection.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SHARE = 131072 }; /* bytes that are read from one connection in a turn */

struct outgoing {
	uv_write_t request;
	struct buffer data;
};

/* --- its end ------------------------------------------------------------ */

static void forget(struct connection *connection)
{
	struct transport *transport = connection->transport;
	if (connection->prev)
		connection->prev->next = connection->next;
	else
		transport->connections = connection->next;
	if (connection->next)
		connection->next->prev = connection->prev;
	transport->connection_count--;
	transport->refused_count -= connection->refused;
	transport->counters.closed++;
}

static void on_closed(uv_handle_t *handle)
{
	struct connection *connection = handle->data;
	assert(!connection->outgoing && !connection->dirty);
	buffer_deinit(&connection->input);
	transport_buffer_put(connection->transport, &connection->output);
	forget(connection);
	free(connection->peer.token);
	free(connection->peer.bearer);
	free(connection);
}

void connection_abort(struct connection *connection)
{
	if (connection->state == CONNECTION_CLOSING)
		return;
	connection->state = CONNECTION_CLOSING;
	timeout_clear(&connection->phase);
	timeout_clear(&connection->watch);
	timeout_clear(&connection->unit);
	timeout_clear(&connection->stall);
	if (connection->protocol->gone)
		connection->protocol->gone(connection);
	connection->session = NULL;
	uv_close(&connection->handle, on_closed);
}

void connection_finish(struct connection *connection)
{
	if (connection->state != CONNECTION_OPEN)
		return;
	connection->state = CONNECTION_FINISHING;
	timeout_clear(&connection->phase);
	timeout_clear(&connection->watch);
	timeout_clear(&connection->unit);
	connection_touch(connection);
}

void connection_drain(struct connection *connection, const char *why)
{
	if (connection->state != CONNECTION_OPEN || connection->leaving)
		return;
	connection->leaving = why;
	timeout_clear(&connection->watch);
	connection->protocol->drain(connection);
}

/* What the peer has not taken of what was given to the socket: in our hands and the kernel's. */
static size_t untaken(const struct connection *connection)
{
	uv_os_fd_t fd;
	int in_kernel = 0;
	if (uv_fileno(&connection->handle, &fd) == 0)
		(void)ioctl(fd, SIOCOUTQ, &in_kernel);
	return uv_stream_get_write_queue_size(&connection->stream) + (size_t)in_kernel;
}

/* close() with unread input, or input after it, would make the kernel send a reset, and the peer
 * would lose our last words: shut down, then drop what comes until the peer closes too, or has
 * everything and time to read it. It may be as slow as any that is written to. */
static void linger(struct connection *connection)
{
	uv_os_fd_t fd;
	if (uv_fileno(&connection->handle, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
		connection_abort(connection);
		return;
	}
	connection->state = CONNECTION_LINGERING;
	connection->stall_left = untaken(connection);
	transport_wait(connection->transport, WAIT_LINGER, &connection->phase);
	transport_wait(connection->transport, WAIT_WRITE, &connection->stall);
}

static struct connection *connection_of_phase(struct timeout *phase)
{
	return (struct connection *)((char *)phase - offsetof(struct connection, phase));
}

void connection_phase_expired(struct timeout *phase)
{
	struct connection *connection = connection_of_phase(phase);
	if (connection->state == CONNECTION_OPEN)
		connection->protocol->expired(connection);
	else if (untaken(connection) > 0)
		transport_wait(connection->transport, WAIT_LINGER, phase);
	else
		connection_abort(connection);
}

static void retire(struct connection *connection, uint64_t now_ms)
{
	struct transport *transport = connection->transport;
	uint32_t grace_ms = transport->settings.grace_ms;
	transport->counters.old++;
	connection_drain(connection, "connected for long");
	if (grace_ms == 0 || connection->state != CONNECTION_OPEN)
		return;
	connection->grace_ms = now_ms + grace_ms;
	transport_wait(transport, WAIT_WATCH, &connection->watch);
}

void connection_watched(struct timeout *watch)
{
	struct connection *connection =
		(struct connection *)((char *)watch - offsetof(struct connection, watch));
	struct transport *transport = connection->transport;
	uint64_t now_ms = uv_now(transport->loop), since_ms = connection->idle_since_ms;
	uint32_t idle_ms = transport->settings.idle_ms;
	if (connection->leaving) {
		if (connection->grace_ms <= now_ms)
			rpc_cancel_peer(transport->settings.rpc, &connection->peer,
			                STATUS_UNAVAILABLE);
		else
			transport_wait(transport, WAIT_WATCH, watch);
	} else if (idle_ms > 0 && since_ms > 0 && now_ms - since_ms >= idle_ms) {
		transport->counters.idle++;
		connection_drain(connection, "no call for long");
	} else if (connection->old_ms <= now_ms) {
		retire(connection, now_ms);
	} else {
		transport_wait(transport, WAIT_WATCH, watch);
	}
}

/* --- in ----------------------------------------------------------------- */

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	(void)suggested;
	struct connection *connection = handle->data;
	*buffer = uv_buf_init(connection->transport->read_buffer, TRANSPORT_READ_SIZE);
}

static struct bytes skip(struct bytes in, size_t len)
{
	return bytes_of(in.data + len, in.len - len);
}

/* Completes the unit that began in an earlier read with what it still needs. Returns what is left
 * of `in`. */
static struct bytes complete(struct connection *connection, struct bytes in)
{
	size_t have = buffer_len(&connection->input);
	size_t missing = connection->needed > have ? connection->needed - have : 1;
	size_t taken = missing < in.len ? missing : in.len;
	if (!buffer_append(&connection->input, in.data, taken)) {
		connection->broken = true;
		connection_touch(connection);
		return skip(in, in.len);
	}
	if (taken == missing) {
		size_t used = connection->protocol->receive(
			connection, buffer_bytes(&connection->input), &connection->needed);
		if (connection->state == CONNECTION_OPEN)
			buffer_consume(&connection->input, used);
		if (used > 0)
			timeout_clear(&connection->unit);
	}
	return skip(in, taken);
}

static struct bytes begin(struct connection *connection, struct bytes in)
{
	const struct protocol *before = connection->protocol;
	size_t used = connection->protocol->receive(connection, in, &connection->needed);
	in = skip(in, used);
	if (in.len == 0 || connection->state != CONNECTION_OPEN || connection->protocol != before)
		return in;
	if (!buffer_append(&connection->input, in.data, in.len)) {
		connection->broken = true;
		connection_touch(connection);
	}
	return skip(in, in.len);
}

static void feed(struct connection *connection, struct bytes in)
{
	while (in.len > 0 && connection->state == CONNECTION_OPEN) {
		if (buffer_len(&connection->input) > 0)
			in = complete(connection, in);
		else
			in = begin(connection, in);
	}
	if (buffer_len(&connection->input) == 0 || connection->state != CONNECTION_OPEN) {
		buffer_deinit(&connection->input);
		timeout_clear(&connection->unit);
	} else if (!timeout_armed(&connection->unit)) {
		transport_wait(connection->transport, WAIT_UNIT, &connection->unit);
	}
}

void connection_unit_expired(struct timeout *unit)
{
	struct connection *connection =
		(struct connection *)((char *)unit - offsetof(struct connection, unit));
	if (connection->paused) { /* it is we who do not read */
		transport_wait(connection->transport, WAIT_UNIT, unit);
		return;
	}
	connection->transport->counters.slow_units++;
	if (connection->protocol->stuck)
		connection->protocol->stuck(connection);
	else
		connection_abort(connection);
}

static void read_pause(struct connection *connection)
{
	uv_read_stop(&connection->stream);
	connection->paused = true;
	connection->read = 0;
	connection_touch(connection);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
	struct connection *connection = stream->data;
	if (len == 0)
		return;
	if (len < 0) {
		connection_abort(connection);
		return;
	}
	connection->transport->counters.bytes_in += (uint64_t)len;
	connection->read += (size_t)len;
	if (connection->state == CONNECTION_OPEN)
		feed(connection, bytes_of(buffer->base, (size_t)len));
	if (connection->read >= READ_SHARE && connection->state != CONNECTION_CLOSING)
		read_pause(connection); /* until the end of the turn */
}

/* --- out ---------------------------------------------------------------- */

void connection_touch(struct connection *connection)
{
	if (connection->dirty || connection->state == CONNECTION_CLOSING)
		return;
	connection->dirty = true;
	connection->next_dirty = connection->transport->dirty;
	connection->transport->dirty = connection;
}

uint8_t *connection_reserve(struct connection *connection, size_t len)
{
	connection_touch(connection);
	if (!connection->output.data)
		connection->output = transport_buffer_get(connection->transport);
	uint8_t *room = buffer_reserve(&connection->output, len);
	if (!room)
		connection->broken = true;
	return room;
}

size_t connection_unsent(const struct connection *connection)
{
	size_t under_way =
		connection->outgoing ? uv_stream_get_write_queue_size(&connection->stream) : 0;
	return under_way + buffer_len(&connection->output);
}

static void outgoing_free(struct connection *connection)
{
	transport_buffer_put(connection->transport, &connection->outgoing->data);
	free(connection->outgoing);
	connection->outgoing = NULL;
}

static void on_written(uv_write_t *request, int error)
{
	struct connection *connection = request->data;
	outgoing_free(connection);
	timeout_clear(&connection->stall);
	if (connection->state == CONNECTION_CLOSING)
		return;
	if (error != 0)
		connection_abort(connection);
	else
		connection_touch(connection);
}

/* The socket is full: libuv writes the rest when it can. */
static bool write_later(struct connection *connection)
{
	struct outgoing *outgoing = malloc(sizeof(*outgoing));
	if (!outgoing)
		return false;
	outgoing->data = connection->output;
	outgoing->request.data = connection;
	struct bytes rest = buffer_bytes(&outgoing->data);
	uv_buf_t buffer = uv_buf_init((char *)rest.data, (unsigned)rest.len);
	if (uv_write(&outgoing->request, &connection->stream, &buffer, 1, on_written) != 0) {
		free(outgoing);
		return false;
	}
	connection->outgoing = outgoing;
	connection->output = (struct buffer){0};
	connection->stall_left = untaken(connection);
	transport_wait(connection->transport, WAIT_WRITE, &connection->stall);
	return true;
}

/* True: something was written, and all of it. */
static bool write_now(struct connection *connection)
{
	struct bytes all = buffer_bytes(&connection->output);
	if (all.len == 0 || connection->outgoing)
		return false;
	uv_buf_t buffer = uv_buf_init((char *)all.data, (unsigned)all.len);
	int written = uv_try_write(&connection->stream, &buffer, 1);
	if (written < 0 && written != UV_EAGAIN) {
		connection_abort(connection);
		return false;
	}
	struct transport_counters *counters = &connection->transport->counters;
	counters->writes++;
	counters->bytes_out += all.len;
	buffer_consume(&connection->output, written > 0 ? (size_t)written : 0);
	if (buffer_len(&connection->output) == 0) {
		transport_buffer_put(connection->transport, &connection->output);
		return true;
	}
	if (!write_later(connection))
		connection_abort(connection);
	return false;
}

/* A peer that sends without reading is not read from until it reads. */
static void pause_or_resume(struct connection *connection)
{
	size_t unsent = connection_unsent(connection);
	if (!connection->paused && unsent > LIMIT_CONNECTION_OUTPUT) {
		read_pause(connection);
	} else if (connection->paused && unsent < LIMIT_CONNECTION_OUTPUT / 2) {
		connection->paused = false;
		if (uv_read_start(&connection->stream, on_room, on_read) != 0)
			connection_abort(connection);
	}
}

void connection_flush(struct connection *connection)
{
	if (connection->state == CONNECTION_CLOSING)
		return;
	if (connection->broken) {
		connection_abort(connection);
		return;
	}
	do {
		if (connection->state == CONNECTION_OPEN && connection->protocol->produce)
			connection->protocol->produce(connection);
	} while (write_now(connection));
	if (connection->state == CONNECTION_CLOSING)
		return;
	pause_or_resume(connection);
	if (connection->state == CONNECTION_FINISHING && connection_unsent(connection) == 0)
		linger(connection);
}

void connection_write_stalled(struct timeout *stall)
{
	struct connection *connection =
		(struct connection *)((char *)stall - offsetof(struct connection, stall));
	size_t left = untaken(connection);
	if (left < connection->stall_left) { /* slow is not dead */
		connection->stall_left = left;
		transport_wait(connection->transport, WAIT_WRITE, stall);
		return;
	}
	connection->transport->counters.write_stalls++;
	transport_note(connection->transport, &connection->peer,
	               "closed: %zu bytes were not read for %u ms", left,
	               connection->transport->waits[WAIT_WRITE].after_ms);
	connection_abort(connection);
}

/* --- its beginning ------------------------------------------------------- */

/* An IPv4 client of a socket that takes both. */
static bool is_mapped(const struct sockaddr_in6 *six)
{
	return six->sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr);
}

static struct sockaddr_in unmapped(const struct sockaddr_in6 *six)
{
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = six->sin6_port};
	memcpy(&four.sin_addr, six->sin6_addr.s6_addr + 12, sizeof(four.sin_addr));
	return four;
}

static void name_peer(struct connection *connection)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} name;
	char host[INET6_ADDRSTRLEN] = "?";
	int len = sizeof(name);
	struct peer *peer = &connection->peer;
	if (connection->handle.type == UV_NAMED_PIPE ||
	    uv_tcp_getpeername(&connection->tcp, &name.any, &len) != 0) {
		snprintf(peer->address, sizeof(peer->address), "unix");
		return;
	}
	if (is_mapped(&name.in6))
		name.in = unmapped(&name.in6);
	if (name.any.sa_family == AF_INET6) {
		uv_ip6_name(&name.in6, host, sizeof(host));
		snprintf(peer->address, sizeof(peer->address), "[%s]:%u", host,
		         ntohs(name.in6.sin6_port));
	} else {
		uv_ip4_name(&name.in, host, sizeof(host));
		snprintf(peer->address, sizeof(peer->address), "%s:%u", host,
		         ntohs(name.in.sin_port));
	}
}

static int handle_init(struct connection *connection, uv_loop_t *loop, uv_handle_type type)
{
	int error = type == UV_NAMED_PIPE ? uv_pipe_init(loop, &connection->pipe, 0)
	                                  : uv_tcp_init(loop, &connection->tcp);
	connection->handle.data = connection;
	return error;
}

/* Connections that were made together do not end together: a tenth more or less. */
static uint64_t old_at(const struct transport *transport)
{
	uint64_t age_ms = transport->settings.age_ms;
	if (age_ms == 0)
		return UINT64_MAX;
	uint64_t mixed = transport->counters.accepted * UINT64_C(0x9e3779b97f4a7c15) >> 32;
	return uv_now(transport->loop) + age_ms - age_ms / 10 + mixed % (age_ms / 5 + 1);
}

static void enlist(struct connection *connection, struct transport *transport)
{
	connection->transport = transport;
	connection->old_ms = old_at(transport);
	connection_idle(connection);
	connection->next = transport->connections;
	if (connection->next)
		connection->next->prev = connection;
	transport->connections = connection;
	transport->connection_count++;
	transport->counters.accepted++;
}

static bool over_limit(const struct transport *transport)
{
	return transport->connection_count - transport->refused_count >
	       transport->settings.connection_limit;
}

/* It stays until it was told why; but only a few do at a time. */
static void refuse(struct connection *connection)
{
	struct transport *transport = connection->transport;
	transport->counters.refused++;
	transport_note(transport, &connection->peer,
	               "refused: this worker has %u connections, its limit",
	               transport->settings.connection_limit);
	if (transport->refused_count >= LIMIT_REFUSED_CONNECTIONS) {
		connection_abort(connection);
		return;
	}
	connection->refused = true;
	transport->refused_count++;
	transport_wait(transport, WAIT_LINGER, &connection->phase);
}

static struct connection *connection_new(struct transport *transport, uv_handle_type type)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	if (!connection || handle_init(connection, transport->loop, type) != 0) {
		free(connection);
		return NULL;
	}
	enlist(connection, transport);
	connection->protocol = &sniffing;
	connection->peer.transport = sniffing.name;
	return connection;
}

/* `error`: of taking the socket. */
static void start(struct connection *connection, int error)
{
	struct transport *transport = connection->transport;
	if (error == 0)
		error = uv_read_start(&connection->stream, on_room, on_read);
	if (error != 0) {
		transport_accept_failed(transport, error);
		connection_abort(connection);
		return;
	}
	if (connection->handle.type == UV_TCP)
		(void)uv_tcp_nodelay(&connection->tcp, 1);
	name_peer(connection);
	if (over_limit(transport)) {
		refuse(connection);
		return;
	}
	transport_wait(transport, WAIT_PREFACE, &connection->phase);
	if (transport->waits[WAIT_WATCH].after_ms > 0)
		transport_wait(transport, WAIT_WATCH, &connection->watch);
}

bool connection_accept(struct transport *transport, uv_stream_t *listener)
{
	struct connection *connection = connection_new(transport, listener->type);
	if (!connection)
		return false;
	start(connection, uv_accept(listener, &connection->stream));
	return true;
}

void connection_take(struct transport *transport, uv_handle_type type, int fd)
{
	struct connection *connection = connection_new(transport, type);
	int error = UV_ENOMEM;
	if (connection)
		error = type == UV_NAMED_PIPE ? uv_pipe_open(&connection->pipe, fd)
		                              : uv_tcp_open(&connection->tcp, fd);
	if (error != 0)
		close(fd);
	if (connection)
		start(connection, error);
	else
		transport_accept_failed(transport, error);
}
