/* turn - read everything, run everything, write everything: what happens at the end of each pass of
 * a worker's loop.
 *
 * libuv's order is timers, prepare, poll, check, closing: the prepare handle ends the turn for what
 * timers (and close callbacks) made, the check handle for what the sockets brought. What became
 * ready while we wrote waits for the next turn, which begins at once: the sockets are looked at in
 * between, so that a stream that is read as fast as it is written does not keep the loop to itself.
 * Owns: its handles. Lifetime: turn_init() .. turn_close(). Thread: its worker's. */
#pragma once
#include "daemon/transport/transport.h"

struct turn {
	uv_prepare_t prepare;
	uv_check_t check;
	uv_idle_t more; /* active while calls are ready */
	struct rpc *rpc;
	struct pool *pool; /* NULL: no database */
	struct transport *transport;
	void (*ended)(void *ctx); /* after each turn */
	void *ctx;
};

/* The members from `rpc` on are set. */
void turn_init(struct turn *turn, uv_loop_t *loop);

/* Runs what is ready, sends what that asked PostgreSQL, writes what there is to tell clients. Cheap
 * when there is nothing. */
void turn_end(struct turn *turn);

/* The loop must run once more. */
void turn_close(struct turn *turn);
