#include "daemon/watchdog.h"
#include "daemon/notify.h"

/* A loop has three times to show that it turns before the service manager loses its patience. */
enum { LOOKS_A_PERIOD = 4 };

static void on_look(uv_timer_t *timer)
{
	struct watchdog *watchdog = timer->data;
	if (watchdog->turns(watchdog->ctx))
		notify("WATCHDOG=1");
}

void watchdog_open(struct watchdog *watchdog, uv_loop_t *loop, bool (*turns)(void *ctx), void *ctx)
{
	uint64_t every_ms = notify_watchdog_ms() / LOOKS_A_PERIOD;
	*watchdog = (struct watchdog){.watched = every_ms > 0, .turns = turns, .ctx = ctx};
	if (!watchdog->watched)
		return;
	uv_timer_init(loop, &watchdog->timer);
	watchdog->timer.data = watchdog;
	uv_timer_start(&watchdog->timer, on_look, every_ms, every_ms);
}

void watchdog_close(struct watchdog *watchdog)
{
	if (watchdog->watched)
		uv_close((uv_handle_t *)&watchdog->timer, NULL);
	watchdog->watched = false;
}
