#include "daemon/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static const int numbers[SIGNAL_COUNT] = {SIGTERM, SIGINT, SIGHUP};

static volatile sig_atomic_t early;

/* Programs that are started meanwhile have the default again, as exec() gives it to them. */
static void on_early(int number)
{
	if (early)
		_exit(128 + number);
	early = 1;
}

void signals_early(void)
{
	signal(SIGPIPE,
	       SIG_IGN); /* a log that nobody reads is no reason to leave PostgreSQL behind */
	signal(SIGTERM, on_early);
	signal(SIGINT, on_early);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct signals *signals = handle->data;
	const struct signal_actions *actions = &signals->actions;
	if (number == SIGHUP) {
		if (actions->reload)
			actions->reload(actions->ctx);
		return;
	}
	bool again = signals->stopping;
	signals->stopping = true;
	actions->stop(actions->ctx, again);
}

void signals_open(struct signals *signals, uv_loop_t *loop, const struct signal_actions *actions)
{
	*signals = (struct signals){.actions = *actions};
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		uv_signal_init(loop, &signals->handles[i]);
		signals->handles[i].data = signals;
		uv_signal_start(&signals->handles[i], on_signal, numbers[i]);
	}
	if (early)
		raise(SIGTERM);
}

/* The process is ending: one more signal must not make it look as if it had been killed. */
void signals_close(struct signals *signals)
{
	sigset_t ours;
	sigemptyset(&ours);
	for (int i = 0; i < SIGNAL_COUNT; i++)
		sigaddset(&ours, numbers[i]);
	pthread_sigmask(SIG_BLOCK, &ours, NULL);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		uv_close((uv_handle_t *)&signals->handles[i], NULL);
		signal(numbers[i], SIG_IGN);
	}
}
