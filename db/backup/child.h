/* child - a program that is fed, read and waited for. Private to backup/.
 *
 * Its standard error comes line by line, and the first line that tells of an error is kept. A
 * signal to us (interrupt.h), and our own death, end it. */
#pragma once
#include "proto/status.h"

#include <stddef.h>
#include <sys/types.h>

enum { CHILD_ERROR_SIZE = 1024, CHILD_BUFFER = 64 << 10 };

struct child_io {
	/* Standard input: up to `size` bytes; 0 ends it, -1 gives up. NULL: none. */
	ssize_t (*fill)(void *ctx, char *buffer, size_t size);
	/* Standard output; false gives up. NULL: nobody wants it. */
	bool (*take)(void *ctx, const char *data, size_t size);
	void (*line)(void *ctx, const char *line); /* of standard error; NULL: nobody wants it */
	void *ctx;
};

/* True: it ended with exit code 0 and nobody gave up. `error` says why not, unless `fill` or `take`
 * gave up: they know better. */
MUST_CHECK
bool child_run(const char *const argv[], char *const env[], const struct child_io *io,
               char error[CHILD_ERROR_SIZE]);
