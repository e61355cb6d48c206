/* turn - work that gathers while callbacks run and is done once before the loop waits again: calls
 * that end, and one write per connection.
 *
 * Owns: three libuv handles. Lifetime: turn_start() .. the callback of turn_stop().
 * Thread: the loop's. */
#pragma once
#include <stdbool.h>
#include <uv.h>

struct turn {
	uv_prepare_t prepare; /* does what was marked before polling */
	uv_check_t check;     /* ... and by the callbacks of polling */
	uv_idle_t idle;       /* while work is marked, polling does not wait */
	void (*run)(void *ctx);
	void (*closed)(void *ctx);
	void *ctx;
	int open_handles;
	bool marked;
};

void turn_start(struct turn *turn, uv_loop_t *loop, void (*run)(void *ctx), void *ctx);

/* run(ctx) is to be called at the end of this turn. */
void turn_mark(struct turn *turn);

/* Whether this turn alone keeps the loop running. */
void turn_hold(struct turn *turn, bool hold);

/* closed(ctx) once the handles are. */
void turn_stop(struct turn *turn, void (*closed)(void *ctx));
