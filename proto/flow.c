#include "proto/flow.h"

#include <assert.h>

bool flow_grant(struct flow *flow, uint32_t increment)
{
	if (flow->send > INT32_MAX - (int64_t)increment)
		return false;
	flow->send += increment;
	return true;
}

bool flow_receive(struct flow *flow, size_t len)
{
	if (len > flow->window - flow->received)
		return false;
	flow->received += (uint32_t)len;
	return true;
}

uint32_t flow_take(struct flow *flow, size_t len)
{
	assert(len <= flow->received - flow->taken);
	flow->taken += (uint32_t)len;
	if (flow->taken < flow->window - flow->window / 2)
		return 0;
	uint32_t increment = flow->taken;
	flow->received -= increment;
	flow->taken = 0;
	return increment;
}
