/* service - typed handlers behind method tables, and the router that finds them by path.
 *
 * protoc-gen-prism-c generates, per service, a `struct NAME_handlers` of typed functions and a
 * function that makes a `struct service` of it; an unset handler answers UNIMPLEMENTED. Lifetime:
 * services and routers are made at start and never change; safe to read from every thread. */
#pragma once
#include "daemon/rpc/call.h"

/* The generated step from untyped to typed. `request` is NULL for client and bidirectional
 * streaming, `response` for server and bidirectional streaming. */
typedef enum status method_run(struct call *call, const void *handlers,
                               const ProtobufCMessage *request, ProtobufCMessage *response);

struct service {
	const struct service_methods *methods;
	method_run *const *run; /* one per method, in the table's order */
	const void *handlers;
};

struct route {
	const struct service *service;
	const struct method *method;
	method_run *run;
	uint32_t index; /* dense over the router: per-method counters */
};

struct router;

/* Fails (false, with a message) on a method without a role, a recursive request type, or a path
 * twice. Copies the services. */
MUST_CHECK
bool router_new(struct router **out, const struct service *services, size_t count,
                char message[256]);
void router_free(struct router *router);
const struct route *router_find(const struct router *router, struct bytes path);
const struct route *router_routes(const struct router *router, size_t *count);
const struct service *router_services(const struct router *router, size_t *count);

MUST_CHECK
enum status call_unimplemented(struct call *call);
