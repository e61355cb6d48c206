/* process - what another process has used so far, from /proc.
 *
 * Units: microseconds of CPU (user and system, all threads; the kernel counts in ticks of 10 ms),
 * KiB of memory. Errors: false when there is no such process. */
#pragma once
#include "proto/status.h"

#include <sys/types.h>

MUST_CHECK
bool process_cpu_us(pid_t pid, uint64_t *out);

/* The process, its children, and those of its children that have ended: PostgreSQL by its
 * postmaster. */
MUST_CHECK
bool process_family_cpu_us(pid_t parent, uint64_t *out);

/* Resident memory that no file backs: heap, stacks, buffers. */
MUST_CHECK
bool process_anonymous_kib(pid_t pid, uint64_t *out);

/* What a measured time used: of a server, of a PostgreSQL, and of this process itself. */
struct usage {
	pid_t server, postmaster; /* 0: not asked for */
	uint64_t server_us, postgres_us, own_us;
};

/* To be called at the beginning and at the end of the measured time. A process that is gone counts
 * as not asked for. */
void usage_take(struct usage *usage);
