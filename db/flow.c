#include "db/flow.h"

#include <stdlib.h>

bool flows_init(struct flows *flows, uint32_t count)
{
	*flows = (struct flows){calloc(count, sizeof(struct flow)), count};
	return flows->at != NULL;
}

void flows_deinit(struct flows *flows)
{
	free(flows->at);
	*flows = (struct flows){0};
}

static struct flow *find(const struct flows *flows, uint64_t affinity)
{
	for (uint32_t i = 0; i < flows->count; i++)
		if (flows->at[i].affinity == affinity)
			return &flows->at[i];
	return NULL;
}

struct flow *flow_find(const struct flows *flows, uint64_t affinity)
{
	return affinity ? find(flows, affinity) : NULL;
}

void flow_begin(struct flows *flows, const struct db_request *request)
{
	if (!request->affinity)
		return;
	struct flow *vacant = find(flows, request->affinity) ? NULL : find(flows, 0);
	if (vacant)
		*vacant = (struct flow){.affinity = request->affinity, .owner = request};
}

static bool was_sent(const struct db_request *request)
{
	return request->alone || request->attempts > 0;
}

void flow_follow(struct flow *flow, struct db_request *request)
{
	struct db_request *next = was_sent(request) ? flow->followers.first : NULL;
	while (next && was_sent(next))
		next = next->next;
	queue_insert(&flow->followers, request, next);
}

struct db_request *flow_next(struct flows *flows, uint64_t affinity, const struct db_request *owner)
{
	struct flow *flow = flow_find(flows, affinity);
	if (!flow || flow->owner != owner)
		return NULL;
	struct db_request *next = queue_pop(&flow->followers);
	flow->owner = next;
	if (!next)
		flow->affinity = 0;
	return next;
}
