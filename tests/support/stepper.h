/* stepper - a program that is killed just before its Nth change of the names in the file system
 * (making, renaming, removing), by the kernel's word: no timing, no tracing.
 *
 * A seccomp filter asks us about those system calls; its children's are let through. Errors: a
 * failed step fails the cmocka test that asked for it. */
#pragma once
#include <stdbool.h>

/* Runs argv[0] with its output into the file `log`. True: it was killed before call number `step`,
 * from 0; false: it ended before, with *code. */
bool stepper_kill_at(const char *const argv[], const char *log, unsigned step, int *code);
