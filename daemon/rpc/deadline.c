#include "daemon/rpc/deadline.h"

#include <assert.h>
#include <stdlib.h>

enum { HEAP_FIRST = 64 };

bool deadline_reserve(struct rpc *rpc)
{
	if (rpc->live < rpc->heap_capacity)
		return true;
	size_t capacity = rpc->heap_capacity ? rpc->heap_capacity * 2 : HEAP_FIRST;
	struct due *heap = reallocarray(rpc->heap, capacity, sizeof(*heap));
	if (!heap)
		return false;
	rpc->heap = heap;
	rpc->heap_capacity = capacity;
	return true;
}

static void put(struct rpc *rpc, size_t index, struct due due)
{
	rpc->heap[index] = due;
	due.call->heap_index = index;
}

/* Finds the place of `due`, beginning at `index`, whose old entry is gone. */
static void sift_up(struct rpc *rpc, size_t index, struct due due)
{
	while (index > 0) {
		size_t parent = (index - 1) / 2;
		if (rpc->heap[parent].at_ns <= due.at_ns)
			break;
		put(rpc, index, rpc->heap[parent]);
		index = parent;
	}
	put(rpc, index, due);
}

static void sift_down(struct rpc *rpc, size_t index, struct due due)
{
	for (;;) {
		size_t child = 2 * index + 1;
		if (child >= rpc->heap_len)
			break;
		if (child + 1 < rpc->heap_len &&
		    rpc->heap[child + 1].at_ns < rpc->heap[child].at_ns)
			child++;
		if (due.at_ns <= rpc->heap[child].at_ns)
			break;
		put(rpc, index, rpc->heap[child]);
		index = child;
	}
	put(rpc, index, due);
}

static void place(struct rpc *rpc, size_t index, struct due due)
{
	if (index > 0 && due.at_ns < rpc->heap[(index - 1) / 2].at_ns)
		sift_up(rpc, index, due);
	else
		sift_down(rpc, index, due);
}

void deadline_set(struct call *call, uint64_t at_ns)
{
	struct rpc *rpc = call->rpc;
	if (call->heap_index == SIZE_MAX) {
		assert(rpc->heap_len < rpc->heap_capacity);
		call->heap_index = rpc->heap_len++;
	}
	place(rpc, call->heap_index, (struct due){at_ns, call});
}

void deadline_forget(struct call *call)
{
	struct rpc *rpc = call->rpc;
	size_t hole = call->heap_index;
	if (hole == SIZE_MAX)
		return;
	call->heap_index = SIZE_MAX;
	struct due last = rpc->heap[--rpc->heap_len];
	if (hole < rpc->heap_len)
		place(rpc, hole, last);
}

struct call *deadline_take(struct rpc *rpc, uint64_t now_ns)
{
	if (rpc->heap_len == 0 || rpc->heap[0].at_ns > now_ns)
		return NULL;
	struct call *call = rpc->heap[0].call;
	deadline_forget(call);
	return call;
}

static void fired(uv_timer_t *timer)
{
	struct rpc *rpc = timer->data;
	rpc->timer_ns = 0;
}

bool deadline_timer_init(struct rpc *rpc)
{
	rpc->timer_ns = UINT64_MAX;
	rpc->timer.data = rpc;
	return uv_timer_init(rpc->loop, &rpc->timer) == 0;
}

void deadline_timer_arm(struct rpc *rpc)
{
	uint64_t at_ns = rpc->heap_len > 0 ? rpc->heap[0].at_ns : UINT64_MAX;
	if (rpc->trim_ns < at_ns)
		at_ns = rpc->trim_ns;
	if (deadline_timer_fired(rpc))
		rpc->timer_ns = UINT64_MAX;
	if (at_ns >= rpc->timer_ns) /* it fires earlier, and is armed again then */
		return;
	uint64_t now_ns = rpc_now(rpc);
	uint64_t left_ns = at_ns > now_ns ? at_ns - now_ns : 0;
	uv_timer_start(&rpc->timer, fired, (left_ns + 999999) / 1000000, 0);
	rpc->timer_ns = at_ns;
}
