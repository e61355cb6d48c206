/* How a worker ends: drain() -> no connection is left -> unplug() -> the pool is closed and no call
 * is left -> close_handles() -> its loop has nothing to do any more. Each step is looked at after
 * each turn. */
#include "daemon/worker.h"
#include "daemon/rpc/fiber.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LAST_WORDS_MS = 1000 }; /* between cancelling calls and closing their connections */

static void close_handles(struct worker *worker)
{
	worker->state = WORKER_CLOSING;
	if (worker->settings->parts.close)
		worker->settings->parts.close(&worker->rpc, worker->settings->parts.ctx);
	rpc_deinit(&worker->rpc);
	transport_close(&worker->transport);
	turn_close(&worker->turn);
	uv_mutex_lock(&worker->hearing);
	worker->deaf = true;
	uv_mutex_unlock(&worker->hearing);
	uv_close((uv_handle_t *)&worker->ordered, NULL);
	uv_close((uv_handle_t *)&worker->patience, NULL);
}

static void on_pool_closed(void *ctx)
{
	struct worker *worker = ctx;
	worker->pool_closed = true;
	worker->turn.pool = worker->rpc.pool = NULL;
}

static void unplug(struct worker *worker)
{
	worker->state = WORKER_UNPLUGGING;
	if (worker->pool)
		pool_close(worker->pool, on_pool_closed, worker);
	else
		worker->pool_closed = true;
}

static void on_turn_ended(void *ctx)
{
	struct worker *worker = ctx;
	if (worker->state == WORKER_DRAINING && worker->transport.connection_count == 0)
		unplug(worker);
	if (worker->state == WORKER_UNPLUGGING && worker->pool_closed && worker->rpc.live == 0)
		close_handles(worker);
}

/* First the calls, whose callers are told; then the connections that still do not end. */
static void on_patience(uv_timer_t *timer)
{
	struct worker *worker = timer->data;
	if (worker->cancelled) {
		transport_abort(&worker->transport);
		return;
	}
	worker->cancelled = true;
	worker->rpc.draining = true;
	rpc_cancel_all(&worker->rpc, STATUS_UNAVAILABLE);
	uv_timer_start(&worker->patience, on_patience, LAST_WORDS_MS, 0);
}

static void drain(struct worker *worker)
{
	if (worker->state != WORKER_SERVING)
		return;
	worker->state = WORKER_DRAINING;
	const struct server_parts *parts = &worker->settings->parts;
	if (parts->drain)
		parts->drain(&worker->rpc, parts->ctx);
	for (size_t i = 0; i < worker->listener_count; i++)
		listener_close(&worker->listeners[i]);
	transport_drain(&worker->transport);
	uv_timer_start(&worker->patience, on_patience, atomic_load(&worker->patience_ms), 0);
}

static void on_ordered(uv_async_t *async)
{
	struct worker *worker = async->data;
	int order = atomic_load(&worker->order);
	atomic_store(&worker->answered, atomic_load(&worker->asked));
	if (order >= WORKER_DRAIN)
		drain(worker);
	if (order >= WORKER_ABORT && worker->state == WORKER_DRAINING) {
		rpc_cancel_all(&worker->rpc, STATUS_UNAVAILABLE);
		transport_abort(&worker->transport);
	}
}

static void worker_main(void *arg)
{
	struct worker *worker = arg;
	uv_run(&worker->loop, UV_RUN_DEFAULT);
	transport_deinit(&worker->transport);
	assert(fiber_alive() == 0);
	fiber_drop_cache();
	int closed = uv_loop_close(&worker->loop);
	assert(closed == 0);
	(void)closed;
	if (worker->ended)
		worker->ended(worker->ctx);
}

/* --- its beginning --------------------------------------------------------- */

static bool open_loop(struct worker *worker)
{
	if (uv_loop_init(&worker->loop) != 0)
		return false;
	if (uv_async_init(&worker->loop, &worker->ordered, on_ordered) == 0 &&
	    uv_mutex_init(&worker->hearing) == 0) {
		worker->ordered.data = worker;
		return true;
	}
	(void)uv_loop_close(&worker->loop);
	return false;
}

static void close_loop(struct worker *worker)
{
	uv_close((uv_handle_t *)&worker->ordered, NULL);
	uv_run(&worker->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&worker->loop);
	uv_mutex_destroy(&worker->hearing);
}

static bool open_rpc(struct worker *worker, const struct router *router)
{
	const struct rpc_settings rpc = {
		.router = router, .interceptors = worker->settings->interceptors, .ctx = worker};
	return rpc_init(&worker->rpc, &worker->loop, &rpc) == STATUS_OK;
}

/* Cannot fail. */
static void open_transport(struct worker *worker)
{
	struct transport_settings transport = worker->settings->transport;
	transport.rpc = &worker->rpc;
	transport_init(&worker->transport, &worker->loop, &transport);
	uv_timer_init(&worker->loop, &worker->patience);
	worker->patience.data = worker;
	worker->turn = (struct turn){.rpc = &worker->rpc,
	                             .transport = &worker->transport,
	                             .ended = on_turn_ended,
	                             .ctx = worker};
	turn_init(&worker->turn, &worker->loop);
}

static bool open_core(struct worker *worker, const struct router *router)
{
	if (!open_loop(worker))
		return false;
	if (open_rpc(worker, router)) {
		open_transport(worker);
		return true;
	}
	close_loop(worker);
	return false;
}

/* What a pool tells comes here first, so that it is known which worker's it is. */
static void on_pool_mismatch(void *ctx, const char *message)
{
	const struct pool_settings *told = ((struct worker *)ctx)->settings->pool;
	if (told->mismatch)
		told->mismatch(told->ctx, message);
}

static void on_pool_changed(void *ctx, bool available)
{
	struct worker *worker = ctx;
	const struct pool_settings *told = worker->settings->pool;
	const struct server_parts *parts = &worker->settings->parts;
	if (told->changed)
		told->changed(told->ctx, available);
	if (parts->database)
		parts->database(&worker->rpc, parts->ctx, available);
}

static void on_pool_note(void *ctx, const char *message)
{
	const struct pool_settings *told = ((struct worker *)ctx)->settings->pool;
	if (told->note)
		told->note(told->ctx, message);
}

static bool open_pool(struct worker *worker, char message[SERVER_MESSAGE_SIZE])
{
	if (!worker->settings->pool)
		return true;
	struct pool_settings settings = *worker->settings->pool;
	settings.mismatch = on_pool_mismatch;
	settings.changed = on_pool_changed;
	settings.note = on_pool_note;
	settings.ctx = worker;
	if (pool_open(&worker->pool, &worker->loop, &settings) != STATUS_OK) {
		snprintf(message, SERVER_MESSAGE_SIZE, "no memory for database connections");
		return false;
	}
	worker->rpc.pool = worker->turn.pool = worker->pool;
	return true;
}

static bool open_parts(struct worker *worker, char message[SERVER_MESSAGE_SIZE])
{
	const struct server_parts *parts = &worker->settings->parts;
	return !parts->open || parts->open(&worker->rpc, parts->ctx, message);
}

/* Every descriptor is taken, whether or not the others could be. */
static bool open_listeners(struct worker *worker, const int *sockets,
                           char message[SERVER_MESSAGE_SIZE])
{
	const struct server_settings *settings = worker->settings;
	size_t inherited = settings->address_count - settings->socket_count;
	bool all = true;
	for (size_t i = 0; i < settings->address_count; i++) {
		bool is_unix = address_is_unix(&settings->addresses[i]);
		struct listener *listener = &worker->listeners[worker->listener_count++];
		if (listener_open(listener, &worker->transport, sockets[i], is_unix,
		                  i >= inherited) != STATUS_OK)
			all = false;
	}
	if (!all)
		snprintf(message, SERVER_MESSAGE_SIZE, "cannot listen: %s", strerror(errno));
	return all;
}

static void close_sockets(const int *sockets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(sockets[i]);
}

struct worker *worker_new(const struct server_settings *settings, const struct router *router,
                          const int *sockets, char message[SERVER_MESSAGE_SIZE])
{
	struct worker *worker = calloc(1, sizeof(*worker));
	if (worker)
		worker->settings = settings;
	if (!worker || !open_core(worker, router)) {
		close_sockets(sockets, settings->address_count);
		snprintf(message, SERVER_MESSAGE_SIZE, "cannot make a worker: %s", strerror(errno));
		free(worker);
		return NULL;
	}
	if (open_listeners(worker, sockets, message) && open_pool(worker, message) &&
	    open_parts(worker, message))
		return worker;
	worker_free(worker);
	return NULL;
}

bool worker_run(struct worker *worker, void (*ended)(void *ctx), void *ctx)
{
	worker->ended = ended;
	worker->ctx = ctx;
	worker->started = uv_thread_create(&worker->thread, worker_main, worker) == 0;
	return worker->started;
}

void worker_order(struct worker *worker, enum worker_order order, uint32_t patience_ms)
{
	uv_mutex_lock(&worker->hearing);
	if (!worker->deaf && atomic_load(&worker->order) < (int)order) {
		atomic_store(&worker->patience_ms, patience_ms);
		atomic_store(&worker->order, order);
		uv_async_send(&worker->ordered);
	}
	uv_mutex_unlock(&worker->hearing);
}

bool worker_turns(struct worker *worker)
{
	uv_mutex_lock(&worker->hearing);
	bool turns = worker->deaf || atomic_load(&worker->answered) == atomic_load(&worker->asked);
	if (turns && !worker->deaf) {
		atomic_fetch_add(&worker->asked, 1);
		uv_async_send(&worker->ordered);
	}
	uv_mutex_unlock(&worker->hearing);
	return turns;
}

/* One that never ran takes the same way out, on this thread. */
void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	worker_order(worker, WORKER_ABORT, 0);
	if (worker->started) {
		uv_thread_join(&worker->thread);
	} else {
		worker->ended = NULL;
		worker_main(worker);
	}
	uv_mutex_destroy(&worker->hearing);
	free(worker);
}
