#include "daemon/server.h"
#include "daemon/worker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct server {
	struct server_settings settings;
	struct pool_settings pool;
	struct address addresses[SERVER_ADDRESSES_MAX];
	struct listen_address listen[SERVER_ADDRESSES_MAX];
	size_t bound;
	size_t adopted; /* of settings.sockets */
	struct router *router;
	struct worker *workers[SERVER_WORKERS_MAX];
	uint32_t worker_count;
	atomic_uint running;
	uv_async_t ended; /* on the main loop */
	bool watching;
};

uint32_t server_default_workers(void)
{
	return uv_available_parallelism();
}

/* On the worker's thread, its last act. */
static void on_worker_ended(void *ctx)
{
	struct server *server = ctx;
	if (atomic_fetch_sub(&server->running, 1) == 1)
		uv_async_send(&server->ended);
}

static void on_ended(uv_async_t *async)
{
	struct server *server = async->data;
	if (server->settings.stopped)
		server->settings.stopped(server->settings.ctx);
}

/* [::] takes IPv4 too, unless an IPv4 address of the same port is listed. */
static bool takes_both(const struct server *server, const struct address *six)
{
	for (size_t i = 0; i < server->settings.address_count; i++)
		if (server->addresses[i].any.sa_family == AF_INET &&
		    address_port(&server->addresses[i]) == address_port(six))
			return false;
	return true;
}

static bool bind_one(struct server *server, size_t index, char fault[ADDRESS_MESSAGE_SIZE])
{
	const struct address *address = &server->addresses[index];
	struct listen_options options = server->settings.listen;
	options.dual_stack = takes_both(server, address);
	return listen_address_bind(&server->listen[index], address, &options, fault);
}

static bool bind_all(struct server *server, char message[SERVER_MESSAGE_SIZE])
{
	char fault[ADDRESS_MESSAGE_SIZE];
	for (size_t i = 0; i < server->settings.address_count; i++) {
		if (!bind_one(server, i, fault)) {
			snprintf(message, SERVER_MESSAGE_SIZE, "%s", fault);
			return false;
		}
		server->addresses[i] = server->listen[i].address;
		server->bound++;
	}
	return true;
}

static bool adopt_all(struct server *server, char message[SERVER_MESSAGE_SIZE])
{
	char fault[ADDRESS_MESSAGE_SIZE];
	for (; server->adopted < server->settings.socket_count; server->bound++) {
		struct listen_address *listen = &server->listen[server->bound];
		int fd = server->settings.sockets[server->adopted++];
		if (!listen_address_adopt(listen, fd, &server->settings.listen, fault)) {
			snprintf(message, SERVER_MESSAGE_SIZE, "%s", fault);
			return false;
		}
		server->addresses[server->bound] = listen->address;
	}
	server->settings.address_count = server->bound;
	return true;
}

static bool open_sockets(struct server *server, int *sockets, char message[SERVER_MESSAGE_SIZE])
{
	char fault[ADDRESS_MESSAGE_SIZE];
	for (size_t i = 0; i < server->bound; i++) {
		sockets[i] = listen_address_socket(&server->listen[i], fault);
		if (sockets[i] >= 0)
			continue;
		while (i-- > 0)
			close(sockets[i]);
		snprintf(message, SERVER_MESSAGE_SIZE, "%s", fault);
		return false;
	}
	return true;
}

static bool make_workers(struct server *server, char message[SERVER_MESSAGE_SIZE])
{
	int sockets[SERVER_ADDRESSES_MAX];
	for (uint32_t i = 0; i < server->settings.workers; i++) {
		if (!open_sockets(server, sockets, message))
			return false;
		struct worker *worker =
			worker_new(&server->settings, server->router, sockets, message);
		if (!worker)
			return false;
		server->workers[server->worker_count++] = worker;
	}
	return true;
}

static bool run_workers(struct server *server, char message[SERVER_MESSAGE_SIZE])
{
	for (uint32_t i = 0; i < server->worker_count; i++) {
		atomic_fetch_add(&server->running, 1);
		if (worker_run(server->workers[i], on_worker_ended, server))
			continue;
		atomic_fetch_sub(&server->running, 1);
		snprintf(message, SERVER_MESSAGE_SIZE, "cannot start a thread for worker %u", i);
		return false;
	}
	return true;
}

static bool watch(struct server *server, uv_loop_t *main_loop, char message[SERVER_MESSAGE_SIZE])
{
	server->watching = uv_async_init(main_loop, &server->ended, on_ended) == 0;
	server->ended.data = server;
	if (!server->watching)
		snprintf(message, SERVER_MESSAGE_SIZE, "cannot make the main loop");
	return server->watching;
}

static struct server *server_new(const struct server_settings *settings)
{
	struct server *server = calloc(1, sizeof(*server));
	if (!server)
		return NULL;
	size_t count = settings->address_count + settings->socket_count;
	assert(count > 0 && count <= SERVER_ADDRESSES_MAX);
	server->settings = *settings;
	if (settings->address_count > 0)
		memcpy(server->addresses, settings->addresses,
		       settings->address_count * sizeof(*settings->addresses));
	server->settings.addresses = server->addresses;
	if (settings->pool) {
		server->pool = *settings->pool;
		server->settings.pool = &server->pool;
	}
	if (settings->workers == 0)
		server->settings.workers = server_default_workers();
	if (server->settings.workers > SERVER_WORKERS_MAX)
		server->settings.workers = SERVER_WORKERS_MAX;
	return server;
}

static bool make_router(struct server *server, char message[SERVER_MESSAGE_SIZE])
{
	char fault[256];
	if (router_new(&server->router, server->settings.services, server->settings.service_count,
	               fault))
		return true;
	snprintf(message, SERVER_MESSAGE_SIZE, "%s", fault);
	return false;
}

bool server_start(struct server **out, uv_loop_t *main_loop, const struct server_settings *settings,
                  char message[SERVER_MESSAGE_SIZE])
{
	struct server *server = server_new(settings);
	if (!server) {
		snprintf(message, SERVER_MESSAGE_SIZE, "no memory");
		return false;
	}
	if (watch(server, main_loop, message) && make_router(server, message) &&
	    bind_all(server, message) && adopt_all(server, message) &&
	    make_workers(server, message) && run_workers(server, message)) {
		*out = server;
		return true;
	}
	server_free(server);
	return false;
}

const struct address *server_address(const struct server *server, size_t index)
{
	return &server->addresses[index];
}

size_t server_address_count(const struct server *server)
{
	return server->settings.address_count;
}

uint32_t server_workers(const struct server *server)
{
	return server->worker_count;
}

bool server_turns(struct server *server)
{
	bool all = true;
	for (uint32_t i = 0; i < server->worker_count; i++)
		all &= worker_turns(server->workers[i]);
	return all;
}

/* The socket files go first, so that the next daemon can have the address while we drain. */
static void release_addresses(struct server *server)
{
	for (size_t i = 0; i < server->bound; i++)
		listen_address_release(&server->listen[i]);
	while (server->adopted < server->settings.socket_count)
		close(server->settings.sockets[server->adopted++]);
}

static void order_all(struct server *server, enum worker_order order, uint32_t patience_ms)
{
	release_addresses(server);
	for (uint32_t i = 0; i < server->worker_count; i++)
		worker_order(server->workers[i], order, patience_ms);
}

void server_drain(struct server *server, uint32_t patience_ms)
{
	order_all(server, WORKER_DRAIN, patience_ms);
}

void server_abort(struct server *server)
{
	order_all(server, WORKER_ABORT, 0);
}

static void on_watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void server_free(struct server *server)
{
	for (uint32_t i = 0; i < server->worker_count; i++)
		worker_free(server->workers[i]);
	release_addresses(server);
	router_free(server->router);
	if (server->watching)
		uv_close((uv_handle_t *)&server->ended, on_watch_closed);
	else
		free(server);
}
