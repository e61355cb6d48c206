/* signals - what the operator asks of a running daemon: SIGTERM and SIGINT stop, a second one at
 * once; SIGHUP reloads. SIGPIPE is ignored: a peer that is gone is told by write().
 *
 * Lifetime: signals_early() .. signals_open() .. signals_close(), the loop must run once more.
 * Thread: the main one's.
 */
#pragma once
#include <stdbool.h>
#include <uv.h>

struct signal_actions {
	void (*stop)(void *ctx, bool again); /* `again`: not for the first time */
	void (*reload)(void *ctx);           /* NULL: SIGHUP is taken and nothing happens */
	void *ctx;
};

enum { SIGNAL_COUNT = 3 };

struct signals {
	uv_signal_t handles[SIGNAL_COUNT];
	struct signal_actions actions;
	bool stopping;
};

/* From here on SIGTERM and SIGINT wait for signals_open(), a second one ends the process, and
 * SIGPIPE is ignored. */
void signals_early(void);

void signals_open(struct signals *signals, uv_loop_t *loop, const struct signal_actions *actions);

/* They are ignored from here on: the process is ending. */
void signals_close(struct signals *signals);
