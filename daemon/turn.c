#include "daemon/turn.h"
#include "db/pool.h"

/* While it is active the loop does not wait for events. */
static void on_idle(uv_idle_t *idle)
{
	(void)idle;
}

void turn_end(struct turn *turn)
{
	rpc_run(turn->rpc);
	if (turn->pool)
		pool_flush(turn->pool);
	if (transport_flush(turn->transport))
		uv_idle_start(&turn->more, on_idle);
	else
		uv_idle_stop(&turn->more);
	turn->ended(turn->ctx);
}

static void on_prepare(uv_prepare_t *prepare)
{
	turn_end(prepare->data);
}

static void on_check(uv_check_t *check)
{
	turn_end(check->data);
}

void turn_init(struct turn *turn, uv_loop_t *loop)
{
	uv_prepare_init(loop, &turn->prepare);
	uv_check_init(loop, &turn->check);
	uv_idle_init(loop, &turn->more);
	turn->prepare.data = turn->check.data = turn;
	uv_prepare_start(&turn->prepare, on_prepare);
	uv_check_start(&turn->check, on_check);
}

void turn_close(struct turn *turn)
{
	uv_close((uv_handle_t *)&turn->prepare, NULL);
	uv_close((uv_handle_t *)&turn->check, NULL);
	uv_close((uv_handle_t *)&turn->more, NULL);
}
