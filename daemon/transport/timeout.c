#include "daemon/transport/timeout.h"

#include <assert.h>

static void on_timer(uv_timer_t *timer);

static void start(struct timeouts *timeouts, uint64_t due_ms)
{
	uint64_t now_ms = uv_now(timeouts->timer.loop);
	uv_timer_start(&timeouts->timer, on_timer, due_ms > now_ms ? due_ms - now_ms : 0, 0);
	timeouts->due_ms = due_ms;
}

static void list_init(struct timeout_list *list)
{
	list->head.next = list->head.prev = &list->head;
}

static bool list_empty(const struct timeout_list *list)
{
	return list->head.next == &list->head;
}

/* What expires may arm and clear any timeout, in this list too. */
static void expire(struct timeout_list *list, uint64_t now_ms)
{
	while (!list_empty(list) && list->head.next->until_ms <= now_ms) {
		struct timeout *first = list->head.next;
		timeout_clear(first);
		list->expired(first);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct timeouts *timeouts = timer->data;
	uint64_t now_ms = uv_now(timer->loop), next_ms = UINT64_MAX;
	timeouts->due_ms = 0;
	for (size_t i = 0; i < timeouts->count; i++)
		expire(&timeouts->lists[i], now_ms);
	for (size_t i = 0; i < timeouts->count; i++)
		if (!list_empty(&timeouts->lists[i]) &&
		    timeouts->lists[i].head.next->until_ms < next_ms)
			next_ms = timeouts->lists[i].head.next->until_ms;
	if (next_ms != UINT64_MAX)
		start(timeouts, next_ms);
}

void timeouts_init(struct timeouts *timeouts, uv_loop_t *loop, struct timeout_list *lists,
                   size_t count)
{
	*timeouts = (struct timeouts){.lists = lists, .count = count};
	for (size_t i = 0; i < count; i++)
		list_init(&lists[i]);
	uv_timer_init(loop, &timeouts->timer);
	timeouts->timer.data = timeouts;
}

void timeout_arm(struct timeouts *timeouts, struct timeout_list *list, struct timeout *timeout)
{
	timeout_clear(timeout);
	timeout->until_ms = uv_now(timeouts->timer.loop) + list->after_ms;
	timeout->prev = list->head.prev;
	timeout->next = &list->head;
	timeout->prev->next = timeout;
	list->head.prev = timeout;
	if (timeouts->due_ms == 0 || timeout->until_ms < timeouts->due_ms)
		start(timeouts, timeout->until_ms);
}

void timeout_clear(struct timeout *timeout)
{
	if (!timeout_armed(timeout))
		return;
	timeout->next->prev = timeout->prev;
	timeout->prev->next = timeout->next;
	timeout->next = timeout->prev = NULL;
}

void timeouts_close(struct timeouts *timeouts)
{
	for (size_t i = 0; i < timeouts->count; i++)
		assert(list_empty(&timeouts->lists[i]));
	uv_close((uv_handle_t *)&timeouts->timer, NULL);
}
