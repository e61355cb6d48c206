/* boot - what has to be there before prismd serves, in this order: state directory, keyring,
 * database, control connection, workers; and the way back.
 *
 * Owns: all of it. Lifetime: boot_up() .. boot_stop() .. settings.down(), when everything has
 * ended. Thread: the main thread's. Errors: a message for the operator and an exit code. */
#pragma once
#include "daemon/config.h"
#include "daemon/server.h"

#include <uv.h>

struct boot;

enum { BOOT_MESSAGE_SIZE = 2048 };

enum boot_exit {
	BOOT_OK = 0,
	BOOT_FAILED = 1,
	BOOT_CONFIG = 78, /* EX_CONFIG: it would be the same after a restart */
};

struct boot_settings {
	const struct config *config;
	uv_loop_t *loop;
	/* Everything has ended; the loop has nothing to do any more. */
	void (*down)(void *ctx, enum boot_exit code);
	void *ctx;
};

/* BOOT_OK: it serves. Otherwise everything was undone; the loop must run once more. */
MUST_CHECK
enum boot_exit boot_up(struct boot **out, const struct boot_settings *settings,
                       char message[BOOT_MESSAGE_SIZE]);

const struct server *boot_server(const struct boot *boot);

/* Drains, or with `at_once` cancels; down() follows. May be called again. */
void boot_stop(struct boot *boot, bool at_once);

/* Whether every worker's loop has turned since this was asked last. */
bool boot_turns(struct boot *boot);

/* After down(). */
void boot_free(struct boot *boot);
