/* The timer is armed for the earliest deadline that was ever added and not yet looked at: calls
 * that end in time, nearly all, never touch it. */
#include "client/deadlines.h"

#include <assert.h>
#include <stdlib.h>

enum { NS_PER_MS = 1000000 };

static void deadlines_put(struct deadlines *deadlines, size_t place, struct deadline *deadline)
{
	deadlines->heap[place] = deadline;
	deadline->place = place;
}

static void sift_up(struct deadlines *deadlines, size_t place, struct deadline *deadline)
{
	for (; place > 1 && deadlines->heap[place / 2]->at_ns > deadline->at_ns; place /= 2)
		deadlines_put(deadlines, place, deadlines->heap[place / 2]);
	deadlines_put(deadlines, place, deadline);
}

static void sift_down(struct deadlines *deadlines, size_t place, struct deadline *deadline)
{
	for (size_t child; (child = place * 2) <= deadlines->count; place = child) {
		if (child < deadlines->count &&
		    deadlines->heap[child + 1]->at_ns < deadlines->heap[child]->at_ns)
			child++;
		if (deadlines->heap[child]->at_ns >= deadline->at_ns)
			break;
		deadlines_put(deadlines, place, deadlines->heap[child]);
	}
	deadlines_put(deadlines, place, deadline);
}

static bool heap_grow(struct deadlines *deadlines)
{
	size_t capacity = deadlines->capacity ? deadlines->capacity * 2 : 64;
	struct deadline **heap = realloc(deadlines->heap, capacity * sizeof *heap);
	if (!heap)
		return false;
	deadlines->heap = heap;
	deadlines->capacity = capacity;
	return true;
}

static void on_timer(uv_timer_t *timer);

static void timer_arm(struct deadlines *deadlines)
{
	if (deadlines->count == 0 || deadlines->heap[1]->at_ns >= deadlines->armed_ns)
		return;
	uv_loop_t *loop = deadlines->timer.loop;
	uint64_t now = uv_hrtime(), at_ns = deadlines->heap[1]->at_ns;
	uint64_t wait_ms = at_ns > now ? (at_ns - now + NS_PER_MS - 1) / NS_PER_MS : 0;
	uv_update_time(loop);
	uv_timer_start(&deadlines->timer, on_timer, wait_ms, 0);
	deadlines->armed_ns = at_ns;
}

static void on_timer(uv_timer_t *timer)
{
	struct deadlines *deadlines = timer->data;
	deadlines->armed_ns = UINT64_MAX;
	uint64_t now = uv_hrtime();
	while (deadlines->count > 0 && deadlines->heap[1]->at_ns <= now) {
		struct deadline *first = deadlines->heap[1];
		deadlines_remove(deadlines, first);
		deadlines->expired(deadlines->ctx, first);
	}
	timer_arm(deadlines);
}

void deadlines_start(struct deadlines *deadlines, uv_loop_t *loop,
                     void (*expired)(void *ctx, struct deadline *deadline), void *ctx)
{
	*deadlines = (struct deadlines){.armed_ns = UINT64_MAX, .expired = expired, .ctx = ctx};
	uv_timer_init(loop, &deadlines->timer);
	uv_unref((uv_handle_t *)&deadlines->timer);
	deadlines->timer.data = deadlines;
}

bool deadlines_add(struct deadlines *deadlines, struct deadline *deadline, uint64_t at_ns)
{
	assert(deadline->place == 0);
	if (deadlines->count + 1 >= deadlines->capacity && !heap_grow(deadlines))
		return false;
	deadline->at_ns = at_ns;
	sift_up(deadlines, ++deadlines->count, deadline);
	timer_arm(deadlines);
	return true;
}

void deadlines_remove(struct deadlines *deadlines, struct deadline *deadline)
{
	size_t place = deadline->place;
	if (place == 0)
		return;
	deadline->place = 0;
	struct deadline *last = deadlines->heap[deadlines->count--];
	if (last == deadline)
		return;
	if (place > 1 && deadlines->heap[place / 2]->at_ns > last->at_ns)
		sift_up(deadlines, place, last);
	else
		sift_down(deadlines, place, last);
}

static void on_closed(uv_handle_t *handle)
{
	struct deadlines *deadlines = handle->data;
	free(deadlines->heap);
	deadlines->heap = NULL;
	deadlines->closed(deadlines->ctx);
}

void deadlines_close(struct deadlines *deadlines, void (*closed)(void *ctx))
{
	assert(deadlines->count == 0);
	deadlines->closed = closed;
	uv_close((uv_handle_t *)&deadlines->timer, on_closed);
}
