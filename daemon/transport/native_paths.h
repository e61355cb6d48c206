/* native_paths - the method paths that a connection has given numbers to: the route is found once
 * per number, not once per call.
 *
 * Numbers are given in order, 1, 2, 3, ..., so that the table is as small as it is full. Owns: its
 * table. Lifetime: the session's; zeroed: empty. */
#pragma once
#include "daemon/rpc/service.h"

struct native_paths {
	const struct route **routes; /* of numbers 1 .. count; NULL: no such method */
	uint32_t count, capacity;
};

/* Gives `route` the next number, count + 1. False: no memory. */
MUST_CHECK
bool native_paths_define(struct native_paths *paths, const struct route *route);
void native_paths_deinit(struct native_paths *paths);
