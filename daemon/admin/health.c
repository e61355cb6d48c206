#include "daemon/admin/health.h"

#include "grpc/health/v1/health.prism-server.h"
#include "proto/limits.h"

#include <assert.h>
#include <stdlib.h>

#define STATUS_OF(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

typedef Grpc__Health__V1__HealthCheckRequest Request;
typedef Grpc__Health__V1__HealthCheckResponse Response;
typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus Serving;

_Static_assert((int)HEALTH_SERVING == (int)STATUS_OF(SERVING) &&
                       (int)HEALTH_NOT_SERVING == (int)STATUS_OF(NOT_SERVING),
               "the states are the protocol's");

/* A call that waits for a change; on its fiber's stack. */
struct watcher {
	struct call *call;
	struct watcher *next, *previous;
};

struct part {
	const char *name; /* of the service; "" the server */
	enum health_state state;
};

struct health {
	struct watcher *watchers;
	uint32_t watching; /* calls, whether they wait for a change or for room to send */
	bool drained;
	size_t part_count;
	struct part parts[];
};

bool health_new(struct health **out, const struct router *router)
{
	size_t count;
	const struct service *services = router_services(router, &count);
	struct health *health = malloc(sizeof(*health) + (count + 1) * sizeof(struct part));
	if (!health)
		return false;
	*health = (struct health){.part_count = count + 1};
	health->parts[0] = (struct part){"", HEALTH_NOT_SERVING};
	for (size_t i = 0; i < count; i++)
		health->parts[i + 1] = (struct part){services[i].methods->name, HEALTH_NOT_SERVING};
	*out = health;
	return true;
}

void health_free(struct health *health)
{
	assert(!health || !health->watchers);
	free(health);
}

static void tell_watchers(struct health *health)
{
	for (struct watcher *watcher = health->watchers; watcher; watcher = watcher->next)
		call_wake(watcher->call);
}

void health_set(struct health *health, const char *service, enum health_state state)
{
	if (health->drained)
		return;
	for (size_t i = 0; i < health->part_count; i++)
		if (!service || strcmp(service, health->parts[i].name) == 0)
			health->parts[i].state = state;
	tell_watchers(health);
}

void health_drain(struct health *health)
{
	health_set(health, NULL, HEALTH_NOT_SERVING);
	health->drained = true;
	tell_watchers(health);
}

/* --- the service --------------------------------------------------------- */

static Serving serving(const struct health *health, const char *service)
{
	for (size_t i = 0; i < health->part_count; i++)
		if (strcmp(service, health->parts[i].name) == 0)
			return (Serving)health->parts[i].state;
	return STATUS_OF(SERVICE_UNKNOWN);
}

static enum status check(struct call *call, const Request *request, Response *response)
{
	response->status = serving(call->rpc->health, request->service);
	if (response->status == STATUS_OF(SERVICE_UNKNOWN))
		return call_fail(call, STATUS_NOT_FOUND, "no such service: %s", request->service);
	return STATUS_OK;
}

static SUSPENDS enum status wait_for_change(struct call *call)
{
	struct health *health = call->rpc->health;
	struct watcher watcher = {.call = call, .next = health->watchers};
	if (watcher.next)
		watcher.next->previous = &watcher;
	health->watchers = &watcher;
	enum status status = call_wait(call, "a change of health");
	if (watcher.next)
		watcher.next->previous = watcher.previous;
	if (watcher.previous)
		watcher.previous->next = watcher.next;
	else
		health->watchers = watcher.next;
	return status;
}

static SUSPENDS enum status follow(struct call *call, const Request *request)
{
	Response response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
	for (;;) {
		Serving now = serving(call->rpc->health, request->service);
		if (now != response.status) { /* at first it is UNKNOWN, which no part is */
			response.status = now;
			TRY(grpc_health_v1_health_watch_send(call, &response));
		} else if (call->rpc->health->drained) {
			return call_fail(call, STATUS_UNAVAILABLE, "the server is going away");
		} else {
			TRY(wait_for_change(call));
		}
	}
}

typedef Grpc__Health__V1__HealthListResponse ListResponse;
typedef Grpc__Health__V1__HealthListResponse__StatusesEntry Entry;

static enum status list(struct call *call, const Grpc__Health__V1__HealthListRequest *request,
                        ListResponse *response)
{
	(void)request;
	const struct health *health = call->rpc->health;
	Entry **entries = arena_alloc(&call->arena, health->part_count * sizeof(*entries));
	if (!entries)
		return call_no_memory(call);
	for (size_t i = 0; i < health->part_count; i++) {
		Response *state = arena_alloc(&call->arena, sizeof(*state));
		entries[i] = arena_alloc(&call->arena, sizeof(*entries[i]));
		if (!state || !entries[i])
			return call_no_memory(call);
		grpc__health__v1__health_check_response__init(state);
		*entries[i] = (Entry)GRPC__HEALTH__V1__HEALTH_LIST_RESPONSE__STATUSES_ENTRY__INIT;
		state->status = (Serving)health->parts[i].state;
		entries[i]->key = (char *)health->parts[i].name;
		entries[i]->value = state;
	}
	response->n_statuses = health->part_count;
	response->statuses = entries;
	return STATUS_OK;
}

/* Anybody may watch, for ever, and each one has a fiber. */
static SUSPENDS enum status watch(struct call *call, const Request *request)
{
	if (call->rpc->health->watching >= LIMIT_HEALTH_WATCHERS)
		return call_fail(call, STATUS_RESOURCE_EXHAUSTED,
		                 "%d calls watch this server's health, more may not; use Check",
		                 LIMIT_HEALTH_WATCHERS);
	call->rpc->health->watching++;
	enum status status = follow(call, request);
	call->rpc->health->watching--;
	return status;
}

struct service health_service(void)
{
	static const struct grpc_health_v1_health_handlers handlers = {check, watch, list};
	return grpc_health_v1_health(&handlers);
}
