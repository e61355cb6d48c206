/* resolve - the addresses of a conninfo's host names, by uv_getaddrinfo: libpq itself would block
 * the loop.
 *
 * Owns: its request. Lifetime: resolve_start() .. done or resolve_abandon(); then it frees itself
 * when the resolver's thread is through, which keeps the loop alive until then.
 * Thread: its loop's. */
#pragma once
#include "db/conninfo.h"

#include <uv.h>

struct resolve;

/* Whether a name has to be looked up: not for unix sockets, addresses, or with hostaddr. */
bool resolve_needed(const struct conninfo *conninfo);

/* done(ctx, resolved, NULL): a copy of `conninfo` with each address of each host, the receiver's to
 * free (names without one are left out); or done(ctx, NULL, why) if none has an address. NULL: no
 * memory or no thread, done will not run. */
struct resolve *resolve_start(uv_loop_t *loop, const struct conninfo *conninfo,
                              void (*done)(void *ctx, struct conninfo *resolved, const char *why),
                              void (*gone)(void *ctx), void *ctx);

/* done will not run; gone(ctx) still does, at the very end. */
void resolve_abandon(struct resolve *resolve);
