/* health - grpc.health.v1.Health: whether the server, and each of its services, serves
 * (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
 *
 * One per worker, found at rpc->health; who knows better tells it with health_set(): the pool's
 * state, a drain. Everything begins as not serving.
 * Owns: the states. Lifetime: health_new() .. health_free(), after the last call; `router`
 * outlives it. Thread: its worker's. Errors: Check answers NOT_FOUND for a service that the router
 * does not have; Watch answers SERVICE_UNKNOWN and goes on. */
#pragma once
#include "daemon/rpc/rpc.h"

/* The protocol's numbers. */
enum health_state {
	HEALTH_SERVING = 1,
	HEALTH_NOT_SERVING = 2,
};

struct health;

/* False: no memory. */
MUST_CHECK
bool health_new(struct health **out, const struct router *router);

/* `service` by its full name, "" for the server as a whole, NULL for both and every service. A name
 * that is not known, or a drained health: nothing changes. Whoever watches is told at the end of
 * the turn. */
void health_set(struct health *health, const char *service, enum health_state state);

/* Nothing serves any more, for ever: who watches is told so, and then that the server is going away
 * (UNAVAILABLE), so that a watch does not hold up the drain. */
void health_drain(struct health *health);

/* Asserts that nobody watches. */
void health_free(struct health *health);

/* The handlers, for a router; they use call->rpc->health. */
struct service health_service(void);
