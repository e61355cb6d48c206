/* control - the process's control connection: pg_cancel_backend() for every worker, at a bounded
 * rate.
 *
 * A cancel is best effort: it may come too late, and then strike what runs on that backend next.
 * The pool fences a connection until the statement in question has answered, and sends again what a
 * stray cancel hit.
 *
 * Owns: its connection. Lifetime: control_open() .. control_close(done); nobody cancels after
 * control_close() was called. Thread: its own loop's (the main thread); control_cancel() is safe
 * from any thread. */
#pragma once
#include "db/pool.h"

MUST_CHECK
enum status control_open(struct control **control, uv_loop_t *loop, const char *conninfo);

/* Asks the server to cancel what backend `pid` runs. False: over the rate, or not connected. */
MUST_CHECK
bool control_cancel(struct control *control, int backend_pid);

void control_close(struct control *control, void (*done)(void *ctx), void *ctx);
