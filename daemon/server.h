/* server - the workers of a process, and the addresses that they listen at.
 *
 * Knows nothing of configuration files, keys or services: those come in as settings, so that the
 * test server is the same server with other services.
 * Owns: its workers and sockets, and a handle on the main loop. Lifetime: server_start() ..
 * server_drain() .. settings.stopped() .. server_free(). Thread: the main thread's.
 * Errors: a message for the operator. */
#pragma once
#include "daemon/rpc/rpc.h"
#include "daemon/transport/listen_address.h"
#include "daemon/transport/transport.h"
#include "db/pool.h"

struct server;

enum { SERVER_ADDRESSES_MAX = 16, SERVER_WORKERS_MAX = 256, SERVER_MESSAGE_SIZE = 512 };

/* What the services of a worker need besides rpc and pool. */
struct server_parts {
	/* On the main thread before the worker runs; `rpc` is complete. False with a message. */
	bool (*open)(struct rpc *rpc, void *ctx, char message[SERVER_MESSAGE_SIZE]);
	/* On the worker's thread, when its last call has ended and its pool is closed. Also after a
	 * failed open(). */
	void (*close)(struct rpc *rpc, void *ctx);
	/* On the worker's thread: its pool got its first usable connection, or lost its last. NULL:
	 * nobody cares. */
	void (*database)(struct rpc *rpc, void *ctx, bool available);
	/* On the worker's thread: a drain begins, and nothing was closed yet. NULL: nobody cares.
	 */
	void (*drain)(struct rpc *rpc, void *ctx);
	void *ctx;
};

struct server_settings {
	const struct address *addresses;
	size_t address_count;
	const int *sockets; /* that listen already, taken in any case: listened at too */
	size_t socket_count;
	struct listen_options listen;        /* dual_stack follows from the addresses */
	uint32_t workers;                    /* 0: as many as there are CPUs */
	struct transport_settings transport; /* rpc, note and ctx are the worker's */
	const struct service *services;
	size_t service_count;
	const struct interceptor *const *interceptors; /* NULL-terminated; NULL: none */
	const struct pool_settings *pool;              /* of each worker; NULL: no database */
	struct server_parts parts;                     /* open NULL: nothing */
	/* The last worker has ended. On the main loop. */
	void (*stopped)(void *ctx);
	void *ctx;
};

/* Binds, makes the workers, starts their threads: *out serves when this returns. */
MUST_CHECK
bool server_start(struct server **out, uv_loop_t *main_loop, const struct server_settings *settings,
                  char message[SERVER_MESSAGE_SIZE]);

/* The addresses with their actual ports. */
const struct address *server_address(const struct server *server, size_t index);
size_t server_address_count(const struct server *server);
uint32_t server_workers(const struct server *server);

/* Whether every worker's loop has turned since this was asked last; asks those that have again. */
bool server_turns(struct server *server);

/* No new connections; every call that has begun may end within patience_ms, then it is cancelled.
 */
void server_drain(struct server *server, uint32_t patience_ms);

/* Cancels every call and closes every connection now. */
void server_abort(struct server *server);

/* After stopped(). Asserts that no call, fiber or connection is left. The main loop must run once
 * more. */
void server_free(struct server *server);

/* How many workers a setting of 0 means. */
uint32_t server_default_workers(void);
