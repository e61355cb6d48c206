/* input - requests from the command line, a file or standard input.
 *
 * Owns: nothing; what is read is in the arena. Errors: said on standard error; EXIT_USAGE. */
#pragma once
#include "client/ctl/options.h"
#include "proto/method.h"

struct requests {
	ProtobufCMessage **list;
	size_t count;
};

/* `argument`: JSON, "-" for standard input, "@FILE", or NULL for {}. A method whose requests do not
 * stream takes exactly one JSON value, any other as many as there are, one after the other. */
int requests_read(const struct method *method, const char *argument, struct arena *arena,
                  struct requests *out);
