/* watchdog - says to the service manager, as often as it wants to hear it, that every loop turns;
 * it ends a process that falls silent (man 5 systemd.service, WatchdogSec=). A database that is
 * gone is no reason for silence.
 *
 * Owns: a timer on the main loop, if the service manager listens. Lifetime: watchdog_open() ..
 * watchdog_close(), the loop must run once more. Thread: the main one's. Errors: none. */
#pragma once
#include <stdbool.h>
#include <uv.h>

struct watchdog {
	uv_timer_t timer;
	bool watched;
	bool (*turns)(void *ctx);
	void *ctx;
};

/* `turns`: whether every loop has turned since it was asked last. */
void watchdog_open(struct watchdog *watchdog, uv_loop_t *loop, bool (*turns)(void *ctx), void *ctx);
void watchdog_close(struct watchdog *watchdog);
