#include "client/turn.h"

static void turn_run(struct turn *turn)
{
	if (!turn->marked)
		return;
	turn->marked = false;
	uv_idle_stop(&turn->idle);
	turn->run(turn->ctx);
}

static void on_prepare(uv_prepare_t *handle)
{
	turn_run(handle->data);
}

static void on_check(uv_check_t *handle)
{
	turn_run(handle->data);
}

/* Marked by another's prepare callback: the idle handle has kept polling from waiting, and the
 * check that follows does the work. */
static void on_idle(uv_idle_t *handle)
{
	(void)handle;
}

void turn_start(struct turn *turn, uv_loop_t *loop, void (*run)(void *ctx), void *ctx)
{
	*turn = (struct turn){.run = run, .ctx = ctx, .open_handles = 3};
	uv_prepare_init(loop, &turn->prepare);
	uv_check_init(loop, &turn->check);
	uv_idle_init(loop, &turn->idle);
	turn->prepare.data = turn->check.data = turn->idle.data = turn;
	uv_prepare_start(&turn->prepare, on_prepare);
	uv_check_start(&turn->check, on_check);
	uv_unref((uv_handle_t *)&turn->prepare);
	uv_unref((uv_handle_t *)&turn->check);
	uv_unref((uv_handle_t *)&turn->idle);
}

void turn_mark(struct turn *turn)
{
	if (turn->marked)
		return;
	turn->marked = true;
	uv_idle_start(&turn->idle, on_idle);
}

void turn_hold(struct turn *turn, bool hold)
{
	if (hold)
		uv_ref((uv_handle_t *)&turn->prepare);
	else
		uv_unref((uv_handle_t *)&turn->prepare);
}

static void on_closed(uv_handle_t *handle)
{
	struct turn *turn = handle->data;
	if (--turn->open_handles == 0)
		turn->closed(turn->ctx);
}

void turn_stop(struct turn *turn, void (*closed)(void *ctx))
{
	turn->closed = closed;
	uv_close((uv_handle_t *)&turn->prepare, on_closed);
	uv_close((uv_handle_t *)&turn->check, on_closed);
	uv_close((uv_handle_t *)&turn->idle, on_closed);
}
