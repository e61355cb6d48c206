/* known - the services that a command may name: those that prismctl was built with; with --grpc,
 * others too, which the server tells.
 *
 * Owns: what the server told. Lifetime: known_open() .. known_close(), also when it failed.
 * Errors: said on standard error; the exit code is returned. */
#pragma once
#include "client/ctl/catalog.h"
#include "client/ctl/options.h"
#include "proto/arena.h"

struct known {
	struct catalog catalog;
	struct arena arena;
};

/* For a command that names `name` (catalog.h); NULL: all that the server has. The server is asked
 * only for what prismctl was not built with. */
int known_open(struct known *known, const struct options *options, const char *name);
void known_close(struct known *known);
