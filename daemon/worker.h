/* worker - one thread: a loop, its listeners, connections, calls and database connections. Private
 * to the server. Nothing of it is shared; it takes two orders from the main thread.
 *
 * Owns: everything in it. Lifetime: worker_new() .. worker_run() .. (it ended) .. worker_free().
 * Thread: its own, except worker_new(), worker_order() and worker_free(): the main thread. */
#pragma once
#include "daemon/server.h"
#include "daemon/transport/listener.h"
#include "daemon/turn.h"

#include <stdatomic.h>

enum worker_order {
	WORKER_SERVE,
	WORKER_DRAIN, /* no new connections; what has begun may end */
	WORKER_ABORT, /* everything is cancelled and closed */
};

enum worker_state {
	WORKER_SERVING,
	WORKER_DRAINING,   /* until the last connection is gone */
	WORKER_UNPLUGGING, /* the pool is closing */
	WORKER_CLOSING,    /* every handle is being closed; the loop ends */
};

struct worker {
	uv_thread_t thread;
	uv_loop_t loop;
	uv_async_t ordered;
	uv_timer_t patience; /* of a drain */
	uv_mutex_t hearing;  /* guards `deaf` and thereby `ordered`: an order may come late */
	bool deaf;
	atomic_int order;
	atomic_uint asked, answered; /* for a sign that the loop turns */
	atomic_uint patience_ms;
	enum worker_state state;
	bool cancelled; /* calls that the drain did not wait for */
	bool pool_closed, started;
	const struct server_settings *settings;
	struct rpc rpc;
	struct pool *pool;
	struct turn turn;
	struct listener listeners[SERVER_ADDRESSES_MAX];
	size_t listener_count;
	void (*ended)(void *ctx); /* on the worker's thread, its last act */
	void *ctx;
	struct transport transport;
};

/* `sockets`: one descriptor per address, taken in any case. NULL with a message. */
MUST_CHECK
struct worker *worker_new(const struct server_settings *settings, const struct router *router,
                          const int *sockets, char message[SERVER_MESSAGE_SIZE]);

/* Starts its thread. */
MUST_CHECK
bool worker_run(struct worker *worker, void (*ended)(void *ctx), void *ctx);
void worker_order(struct worker *worker, enum worker_order order, uint32_t patience_ms);

/* Whether its loop has turned since this was asked last (true when it never was, or the worker has
 * ended); asks again if so. */
bool worker_turns(struct worker *worker);

/* Joins the thread, if it was started. */
void worker_free(struct worker *worker);
