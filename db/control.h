/* control - the process's control connection: pg_cancel_backend for every worker, at a bounded
 * rate.
 *
 * Thread: its own loop's (the main thread); control_cancel() is safe from any thread. */
#pragma once
#include "db/pool.h"

MUST_CHECK
enum status control_open(struct control **control, uv_loop_t *loop, const char *conninfo);

/* Asks the server to cancel what backend `pid` runs; done(ctx, sent) runs on `loop`'s... see pool:
 * the pool fences the connection until the answer to its head query, whatever it is, has arrived.
 * False: over the rate, or no connection. */
bool control_cancel(struct control *control, int backend_pid);

void control_close(struct control *control, void (*done)(void *ctx), void *ctx);
