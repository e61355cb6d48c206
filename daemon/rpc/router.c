/* An open-addressed hash table over the paths, at most half full. */
#include "daemon/rpc/service.h"
#include "proto/limits.h"

#include <stdio.h>
#include <stdlib.h>

struct router {
	struct service *services;
	struct route *routes;
	uint32_t *slots; /* index + 1 in routes; 0: empty */
	size_t service_count, route_count, slot_mask;
};

enum { MESSAGE_SIZE = 256 };

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/). Peers cannot add paths, so collisions
 * cannot be aimed at. */
static size_t hash(struct bytes path)
{
	uint64_t value = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < path.len; i++)
		value = (value ^ path.data[i]) * UINT64_C(0x100000001b3);
	return (size_t)(value ^ value >> 32);
}

/* The slot that holds `path`, or the empty one where it belongs. */
static uint32_t *slot_of(const struct router *router, struct bytes path)
{
	size_t at = hash(path) & router->slot_mask;
	for (;; at = (at + 1) & router->slot_mask) {
		uint32_t *slot = &router->slots[at];
		if (*slot == 0 || bytes_equal_string(path, router->routes[*slot - 1].method->path))
			return slot;
	}
}

static bool role_known(enum role role)
{
	switch (role) {
	case ROLE_NONE:
	case ROLE_VIEWER:
	case ROLE_MEMBER:
	case ROLE_ADMIN:
	case ROLE_OWNER:
	case ROLE_CALLER:
	case ROLE_SYSTEM:
		return true;
	}
	return false;
}

static bool refuse(char message[MESSAGE_SIZE], const char *path, const char *fault)
{
	snprintf(message, MESSAGE_SIZE, "%s: %s", path, fault);
	return false;
}

static bool path_sound(const struct service *service, const struct method *method)
{
	char expected[LIMIT_PATH + 1];
	int len = snprintf(expected, sizeof(expected), "/%s/%s", service->methods->name,
	                   method->name);
	return len > 0 && (size_t)len < sizeof(expected) && strcmp(expected, method->path) == 0;
}

static bool method_sound(const struct service *service, const struct method *method,
                         char message[MESSAGE_SIZE])
{
	if (!path_sound(service, method))
		return refuse(message, method->path, "a path is /SERVICE/METHOD");
	if (!role_known(method->role))
		return refuse(message, method->path, "the method declares no role");
	const char *recursive = descriptor_recursive(method->request);
	if (!recursive)
		return true;
	snprintf(message, MESSAGE_SIZE, "%s: the request type %s can contain itself", method->path,
	         recursive);
	return false;
}

static bool route_add(struct router *router, const struct service *service, size_t index,
                      char message[MESSAGE_SIZE])
{
	const struct method *method = &service->methods->methods[index];
	if (!method_sound(service, method, message))
		return false;
	uint32_t *slot = slot_of(router, bytes_of_string(method->path));
	if (*slot != 0)
		return refuse(message, method->path, "the path is there twice");
	router->routes[router->route_count] = (struct route){
		.service = service,
		.method = method,
		.run = service->run[index],
		.index = (uint32_t)router->route_count,
	};
	*slot = (uint32_t)++router->route_count;
	return true;
}

static bool routes_add(struct router *router, char message[MESSAGE_SIZE])
{
	for (size_t i = 0; i < router->service_count; i++) {
		const struct service *service = &router->services[i];
		for (size_t j = 0; j < service->methods->count; j++)
			if (!route_add(router, service, j, message))
				return false;
	}
	return true;
}

/* Room for all, before anything is added: routes point at services and stay where they are. */
static struct router *router_alloc(const struct service *services, size_t count)
{
	size_t methods = 0, slots = 8;
	for (size_t i = 0; i < count; i++)
		methods += services[i].methods->count;
	while (slots < 2 * methods)
		slots *= 2;
	struct router *router = calloc(1, sizeof(*router));
	if (!router)
		return NULL;
	router->services = calloc(count + 1, sizeof(*services));
	router->routes = calloc(methods + 1, sizeof(*router->routes));
	router->slots = calloc(slots, sizeof(*router->slots));
	router->slot_mask = slots - 1;
	if (router->services && router->routes && router->slots)
		return router;
	router_free(router);
	return NULL;
}

bool router_new(struct router **out, const struct service *services, size_t count,
                char message[256])
{
	struct router *router = router_alloc(services, count);
	if (!router)
		return refuse(message, "router", "no memory");
	router->service_count = count;
	for (size_t i = 0; i < count; i++)
		router->services[i] = services[i];
	if (!routes_add(router, message)) {
		router_free(router);
		return false;
	}
	*out = router;
	return true;
}

void router_free(struct router *router)
{
	if (!router)
		return;
	free(router->services);
	free(router->routes);
	free(router->slots);
	free(router);
}

const struct route *router_find(const struct router *router, struct bytes path)
{
	uint32_t slot = *slot_of(router, path);
	return slot > 0 ? &router->routes[slot - 1] : NULL;
}

const struct route *router_routes(const struct router *router, size_t *count)
{
	*count = router->route_count;
	return router->routes;
}

const struct service *router_services(const struct router *router, size_t *count)
{
	*count = router->service_count;
	return router->services;
}

enum status call_unimplemented(struct call *call)
{
	return call_fail(call, STATUS_UNIMPLEMENTED, "%s is not implemented", call->method->path);
}
