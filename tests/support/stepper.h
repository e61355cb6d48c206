/* stepper - a program that is stopped just before its Nth system call of a kind, by the kernel's
 * word: no timing, no tracing.
 *
 * A seccomp filter asks us about those system calls; its children's are let through. Errors: a
 * failed step fails the cmocka test that asked for it. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

enum stepper_calls {
	STEPPER_NAMES, /* of files: made, renamed, removed */
	STEPPER_SENDS, /* to a socket: each of a program's statements is one */
};

struct stepper {
	const char *const *argv;
	const char *log; /* gets its output */
	enum stepper_calls calls;
	/* What to do then; it goes on afterwards. NULL: SIGKILL. */
	void (*then)(void *ctx, pid_t pid);
	void *ctx;
};

/* Runs it. True: it was stopped before call number `step`, from 0; false: it made fewer. *code is
 * its exit code, or 128 + signal. */
bool stepper_run(const struct stepper *stepper, unsigned step, int *code);
